package threat

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// grant says what the request of an operation can give away.
type grant uint8

const (
	resourcePolicy grant = 1 << iota // a policy document with principals
	identityPolicy                   // a policy document or an ARN of rights
	accessList                       // an S3 ACL
	sharing                          // lists of accounts
	permission                       // one statement, as Lambda's AddPermission
	functionURL
)

// grants lists the operations whose requests are read. Versions that Lambda
// writes behind a name are cut off by grantsByName.
var grants = map[string]grant{
	"PutBucketPolicy": resourcePolicy, "PutResourcePolicy": resourcePolicy, "SetRepositoryPolicy": resourcePolicy,
	"SetQueueAttributes": resourcePolicy, "CreateQueue": resourcePolicy, "SetTopicAttributes": resourcePolicy, "CreateTopic": resourcePolicy,
	"PutKeyPolicy": resourcePolicy, "CreateKey": resourcePolicy, "CreateRole": resourcePolicy, "UpdateAssumeRolePolicy": resourcePolicy,
	"PutRegistryPolicy": resourcePolicy, "PutRepositoryPermissionsPolicy": resourcePolicy, "PutFileSystemPolicy": resourcePolicy, "PutFileSystemPolicyV2": resourcePolicy,
	"PutBackupVaultAccessPolicy": resourcePolicy, "SetVaultAccessPolicy": resourcePolicy, "PutDestinationPolicy": resourcePolicy,
	"PutAccessPointPolicy": resourcePolicy, "PutMultiRegionAccessPointPolicy": resourcePolicy, "CreateDomain": resourcePolicy,
	"UpdateDomainConfig": resourcePolicy, "CreateElasticsearchDomain": resourcePolicy, "UpdateElasticsearchDomainConfig": resourcePolicy,
	"CreateRestApi": resourcePolicy, "UpdateRestApi": resourcePolicy, "PutRestApi": resourcePolicy, "PutPolicy": resourcePolicy, "CreatePolicy": identityPolicy | resourcePolicy,
	"CreateSecret": resourcePolicy, "PutContainerPolicy": resourcePolicy,
	"PutBucketAcl": accessList, "PutObjectAcl": accessList, "CreateBucket": accessList, "PutObject": accessList,
	"PutDomainPermissionsPolicy": resourcePolicy,

	"PutUserPolicy": identityPolicy, "PutRolePolicy": identityPolicy, "PutGroupPolicy": identityPolicy, "CreatePolicyVersion": identityPolicy,
	"AttachUserPolicy": identityPolicy, "AttachRolePolicy": identityPolicy, "AttachGroupPolicy": identityPolicy,
	"AttachManagedPolicyToPermissionSet": identityPolicy, "PutInlinePolicyToPermissionSet": identityPolicy,
	"AssociateAccessPolicy": identityPolicy,

	"ModifySnapshotAttribute": sharing, "ModifyImageAttribute": sharing, "ModifyDBSnapshotAttribute": sharing, "ModifyDBClusterSnapshotAttribute": sharing,
	"ModifyDocumentPermission": sharing, "ModifyFpgaImageAttribute": sharing, "CreateResourceShare": sharing, "AssociateResourceShare": sharing,
	"ModifyVpcEndpointServicePermissions": sharing, "AuthorizeSnapshotAccess": sharing, "AuthorizeEndpointAccess": sharing,
	"CreateGrant": sharing, "CreateSharedVpcConfiguration": sharing,

	"AddPermission": permission, "AddLayerVersionPermission": permission, "PutPermission": permission,
	"CreateFunctionUrlConfig": functionURL, "UpdateFunctionUrlConfig": functionURL,
}

// grantsByName knows operations with a version behind their name.
func grantsByName(ev *ocsf.Event) grant {
	op := ev.API.Operation
	if ev.API.Service != "lambda.amazonaws.com" || len(op) < 10 {
		return 0
	}
	if i := strings.IndexAny(op, "0123456789"); i > 0 {
		return grants[op[:i]]
	}
	return 0
}

// read reads what the request gives away.
func (f *Fields) read(ev *ocsf.Event, what grant) reading {
	r := reader{f: f, ev: ev}
	var s jsonscan.Scanner
	if len(ev.Request) > maxRequest {
		return reading{}
	}
	if what&(resourcePolicy|identityPolicy) != 0 {
		s.ResetText(ev.Request)
		r.documents(&s, "", 0)
	}
	out := reading{}
	inside := behindVPC(ev)
	for _, p := range r.policies {
		if what&resourcePolicy != 0 && !inside {
			r.principals(p)
		}
		if what&identityPolicy != 0 {
			out.admin = out.admin || admin(p)
			out.escalating = escalating(out.escalating, p)
		}
	}
	if what&identityPolicy != 0 && !out.admin {
		out.admin = adminARN(ev.Request)
	}
	if what&accessList != 0 {
		r.accessList()
	}
	if what&sharing != 0 {
		r.sharing()
	}
	if what&permission != 0 {
		r.permission()
	}
	if what&functionURL != 0 && strings.EqualFold(member(ev.Request, "authType"), "NONE") {
		r.public = true
	}
	if r.public {
		out.exposure = append(out.exposure, "public")
	}
	if r.foreign {
		out.exposure = append(out.exposure, "cross-account")
	}
	return out
}

// behindVPC says that the thing whose policy it is can only be reached from
// within a VPC: a search domain with subnets, a private API.
func behindVPC(ev *ocsf.Event) bool {
	switch ev.API.Service {
	case "es.amazonaws.com":
		return path1(ev.Request, "vPCOptions.subnetIds") != "" || path1(ev.Request, "vpcOptions.subnetIds") != ""
	case "apigateway.amazonaws.com":
		return strings.Contains(ev.Request, `"PRIVATE"`)
	}
	return false
}

// maxRequest bounds the requests that are read: CloudTrail cuts them at 100 KB.
const maxRequest = 4 << 20

// reader collects from one request.
type reader struct {
	f        *Fields
	ev       *ocsf.Event
	policies []policy
	public   bool
	foreign  bool
}

// documents finds policy documents: texts under keys that speak of a policy, and
// objects with statements.
func (r *reader) documents(s *jsonscan.Scanner, key string, depth int) {
	switch s.Kind() {
	case '"':
		v, _ := s.Str()
		if len(r.policies) < 20 && strings.Contains(v, "tatement") {
			if p, ok := readPolicy(v); ok {
				r.policies = append(r.policies, p)
			}
		}
	case '[':
		s.Array()
		for s.Next() {
			r.documents(s, key, depth+1)
		}
	case '{':
		if depth > 8 {
			s.Skip()
			return
		}
		if strings.Contains(strings.ToLower(key), "policy") {
			at := *s
			if p, ok := readStatements(s); ok {
				if len(r.policies) < 20 {
					r.policies = append(r.policies, p)
				}
				return
			}
			*s = at
		}
		s.Object()
		for s.Next() {
			r.documents(s, s.Key(), depth+1)
		}
	}
}

// principals sees whom a policy lets in.
func (r *reader) principals(p policy) {
	for i := range p {
		st := &p[i]
		if !st.allow || (len(st.principals) == 0 && !st.notPrincipal) {
			continue
		}
		confined, accounts := false, []string(nil)
		for c := range st.conditions {
			ok, names := st.conditions[c].confines()
			confined = confined || ok
			accounts = append(accounts, names...)
		}
		if st.notPrincipal {
			r.public = r.public || !confined
			continue
		}
		for _, who := range st.principals {
			r.letIn(st, who, confined, accounts)
		}
	}
}

func (r *reader) letIn(st *statement, who named, confined bool, accounts []string) {
	switch {
	case (who.kind == "*" || who.kind == "AWS") && who.id == "*":
		if !confined {
			r.public = true
		}
		for _, a := range accounts {
			r.account(a)
		}
	case who.kind == "Federated":
		if openFederation(st, who.id) {
			r.public = true
		}
	case who.kind == "CanonicalUser": // mostly an identity of CloudFront; nothing tells whose it is
	case who.kind == "AWS" || who.kind == "*":
		r.account(who.id)
	}
}

// account takes an account id or an ARN that is given access.
func (r *reader) account(id string) {
	if strings.HasPrefix(id, "arn:") {
		id = arnAccount(id)
	}
	if accountID(id) && r.f.stranger(r.ev, id) {
		r.foreign = true
	}
}

// stranger says whether an account is neither the event's own nor one of the
// organisation's.
func (f *Fields) stranger(ev *ocsf.Event, id string) bool {
	return id != ev.Account && id != ev.User.Account && !f.accounts[id] && !balancers[id]
}

// balancers are the accounts from which load balancers write their access logs
// in older regions; bucket policies name them
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html).
var balancers = map[string]bool{
	"127311923021": true, "033677994240": true, "027434742980": true, "797873946194": true, "098369216593": true, "754344448648": true,
	"589379963580": true, "718504428378": true, "383597477331": true, "600734575887": true, "114774131450": true, "783225319266": true,
	"582318560864": true, "985666609251": true, "054676820928": true, "156460612806": true, "652711504416": true, "635631232127": true,
	"009996457667": true, "897822967062": true, "076674570225": true, "507241528517": true, "048591011584": true, "190560391635": true,
	"638102146993": true, "037604701340": true,
}

// openFederation says whether anybody with an account at the identity provider
// gets in: GitHub's tokens without a bound subject, Cognito's guests.
func openFederation(st *statement, provider string) bool {
	host := provider
	if _, after, ok := strings.Cut(provider, ":oidc-provider/"); ok {
		host = after
	}
	switch {
	case strings.HasPrefix(host, "token.actions.githubusercontent.com"), strings.HasPrefix(host, "app.terraform.io"), strings.HasPrefix(host, "gitlab.com"):
		return !bound(st, ":sub")
	case host == "cognito-identity.amazonaws.com":
		return !bound(st, ":aud")
	}
	return false
}

// bound says whether a condition on a key with this end has a value that is not
// open at its owner's part.
func bound(st *statement, end string) bool {
	for _, c := range st.conditions {
		if !strings.HasSuffix(c.key, end) || strings.Contains(c.operator, "not") || strings.HasPrefix(c.operator, "null") {
			continue
		}
		if len(c.values) > 0 && !slices.ContainsFunc(c.values, func(v string) bool {
			return strings.Trim(v, "*?") == "" || strings.HasPrefix(v, "repo:*") || strings.HasPrefix(v, "organization:*") || strings.HasPrefix(v, "project_path:*")
		}) {
			return true
		}
	}
	return false
}
