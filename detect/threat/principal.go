package threat

import (
	"strings"

	"github.com/yagura-sec/yagura/ocsf"
)

// principal gives the stable name of the caller: the role's ARN for its
// sessions, the user's, the root's, a service's host name, an account's id.
// Session names and access keys come and go, so they are no part of it.
func principal(ev *ocsf.Event) string {
	u, s := &ev.User, &ev.Session
	switch u.Type {
	case "AssumedRole":
		if s.Issuer != "" {
			return s.Issuer
		}
		return roleOf(u.UID)
	case "FederatedUser":
		if s.Issuer != "" {
			return s.Issuer
		}
	case "Root":
		if u.UID == "" && u.Account != "" {
			return "arn:" + partition(ev.Region) + ":iam::" + u.Account + ":root"
		}
	case "IAMUser":
		if u.UID == "" && u.Account != "" && plainName(u.Name) {
			return "arn:" + partition(ev.Region) + ":iam::" + u.Account + ":user/" + u.Name
		}
	case "AWSService":
		return ev.InvokedBy
	case "AWSAccount":
		if strings.Contains(u.UIDAlt, "ANONYMOUS") || u.Account == "anonymous" || u.Account == "ANONYMOUS_PRINCIPAL" {
			return "anonymous"
		}
		if u.UID != "" {
			return u.UID
		}
		if u.Account != "" {
			return u.Account
		}
	}
	switch {
	case u.UID != "":
		return u.UID
	case u.UIDAlt != "":
		return u.UIDAlt
	case u.Name != "" && u.Type != "":
		return u.Type + "/" + u.Name
	case ev.InvokedBy != "":
		return ev.InvokedBy
	}
	return u.Account
}

// plainName refuses what AWS writes when it hides a name.
func plainName(n string) bool {
	return n != "" && n != "HIDDEN_DUE_TO_SECURITY_REASONS"
}

// roleOf makes the role's ARN, without the path that it does not know, of a
// session's: arn:aws:sts::111122223333:assumed-role/NAME/SESSION.
func roleOf(arn string) string {
	head, rest, ok := strings.Cut(arn, ":assumed-role/")
	if !ok {
		return arn
	}
	name, _, _ := strings.Cut(rest, "/")
	return strings.Replace(head, ":sts:", ":iam:", 1) + ":role/" + name
}

func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// principalType folds userIdentity.type to kinds that rules care for.
func principalType(ev *ocsf.Event) string {
	switch ev.User.Type {
	case "Root":
		return "Root"
	case "IAMUser":
		return "IAMUser"
	case "AssumedRole", "Role":
		if isSSO(ev) {
			return "SSO"
		}
		return "Role"
	case "IdentityCenterUser", "Directory":
		return "SSO"
	case "AWSService":
		return "Service"
	case "AWSAccount":
		if principal(ev) == "anonymous" {
			return "Anonymous"
		}
		return "Account"
	case "FederatedUser", "SAMLUser", "WebIdentityUser":
		return "Federated"
	case "Unknown", "":
		if isService(ev.InvokedBy) {
			return "Service"
		}
	}
	return ""
}

func isSSO(ev *ocsf.Event) bool {
	return strings.Contains(ev.Session.Issuer, "/AWSReservedSSO_") || strings.Contains(ev.User.UID, ":assumed-role/AWSReservedSSO_")
}

func isService(name string) bool {
	return strings.HasSuffix(name, ".amazonaws.com") || strings.HasSuffix(name, ".amazonaws.com.cn")
}

// automation says which known automation makes the call: an AWS service, by
// itself or with somebody's rights, a service-linked role, or an entry of the
// operator's list; "" for none.
func (f *Fields) automation(ev *ocsf.Event) string {
	switch {
	case ev.User.Type == "AWSService":
		return "AWS service " + ev.InvokedBy
	case ev.InvokedBy == "signin.amazonaws.com": // older records of what a person does in the console
	case isService(ev.InvokedBy) || ev.InvokedBy == "AWS Internal":
		return "invoked by " + ev.InvokedBy
	case strings.Contains(ev.Session.Issuer, ":role/aws-service-role/"): // a path that only AWS can use
		return "service-linked role " + ev.Session.IssuerName
	case ev.User.Type == "" && isService(ev.Src.Name):
		return "AWS service " + ev.Src.Name
	}
	if len(f.cfg.Automation) == 0 {
		return ""
	}
	p := principal(ev)
	for _, pattern := range f.cfg.Automation {
		if glob(pattern, p) || (ev.User.UID != p && glob(pattern, ev.User.UID)) {
			return "automation list: " + pattern
		}
	}
	return ""
}

// glob matches * and ? as IAM does.
func glob(pattern, s string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == s[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == '*' {
		i++
	}
	return i == len(pattern)
}

// targetUser names the user that an identity call acts on; the caller itself
// where such a call leaves the name out.
func targetUser(ev *ocsf.Event) string {
	if ev.API.Service != "iam.amazonaws.com" || !strings.Contains(ev.Raw, "serName") {
		return ""
	}
	if name := member(ev.Request, "userName"); name != "" {
		return name
	}
	if ownKeyCalls[ev.API.Operation] && ev.User.Type == "IAMUser" {
		return ev.User.Name
	}
	return ""
}

// ownKeyCalls act on the caller when they name no user.
var ownKeyCalls = map[string]bool{
	"CreateAccessKey": true, "DeleteAccessKey": true, "UpdateAccessKey": true, "ListAccessKeys": true, "ChangePassword": true,
	"GetUser": true, "UploadSigningCertificate": true, "CreateLoginProfile": true, "UpdateLoginProfile": true, "DeleteLoginProfile": true,
	"CreateServiceSpecificCredential": true, "EnableMFADevice": true,
}

// self says whether the user or role that is acted on is the caller.
func self(ev *ocsf.Event) []string {
	if ev.API.Service != "iam.amazonaws.com" {
		return nil
	}
	if user := targetUser(ev); user != "" {
		if ev.User.Type == "IAMUser" && user == ev.User.Name {
			return yes
		}
		return []string{"false"}
	}
	if role := member(ev.Request, "roleName"); role != "" {
		if role == ev.Session.IssuerName && ev.Session.IssuerName != "" {
			return yes
		}
		return []string{"false"}
	}
	return nil
}
