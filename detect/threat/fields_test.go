package threat

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source/cloudtrail"
)

const (
	alice = `{"type":"IAMUser","principalId":"AIDAALICE","arn":"arn:aws:iam::111122223333:user/alice","accountId":"111122223333","accessKeyId":"AKIAALICE","userName":"alice"}`
	role  = `{"type":"AssumedRole","principalId":"AROAROLE:job","arn":"arn:aws:sts::111122223333:assumed-role/app/job","accountId":"111122223333","accessKeyId":"ASIAROLE1","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAROLE","arn":"arn:aws:iam::111122223333:role/path/app","accountId":"111122223333","userName":"app"},"attributes":{"mfaAuthenticated":"false"}}}`
)

// record writes a native record; extra members come last and win.
func record(who, service, operation, request string, extra ...string) string {
	if request == "" {
		request = "null"
	}
	r := fmt.Sprintf(`{"eventVersion":"1.08","userIdentity":%s,"eventTime":"2026-05-04T10:00:00Z","eventSource":"%s.amazonaws.com","eventName":"%s","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2.15.0 Python/3.11 Linux/6.1","requestParameters":%s,"responseElements":null,"eventID":"e-1","readOnly":false,"eventType":"AwsApiCall","recipientAccountId":"111122223333"`, who, service, operation, request)
	for _, e := range extra {
		r += "," + e
	}
	return r + "}"
}

// decode reads native records.
func decode(t testing.TB, records ...string) []ocsf.Event {
	t.Helper()
	d, err := cloudtrail.New().Open(yagura.Input{Body: strings.NewReader(strings.Join(records, "\n"))})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]ocsf.Event, len(records))
	for i := range out {
		if err := d.Next(&out[i]); err != nil {
			t.Fatalf("record %d: %v\n%s", i, err, records[i])
		}
	}
	return out
}

func doc(body string) string {
	return `{"Version":"2012-10-17","Statement":` + body + `}`
}

func quoted(doc string) string { return fmt.Sprintf("%q", doc) }

// bucket is the request of PutBucketPolicy, whose policy is an object.
func bucket(body string) string {
	return `{"bucketName":"b","bucketPolicy":` + doc(body) + `}`
}

func TestFields(t *testing.T) {
	const other = "999988887777"
	f := NewFields(Config{Accounts: []string{"444455556666"}}).Map()
	for _, c := range []struct {
		name, field, record string
		want                string
	}{
		{"a user", "principal", record(alice, "s3", "ListBuckets", ""), "arn:aws:iam::111122223333:user/alice"},
		{"a session is its role", "principal", record(role, "s3", "ListBuckets", ""), "arn:aws:iam::111122223333:role/path/app"},
		{"a session without its issuer", "principal", record(`{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/app/x"}`, "s3", "ListBuckets", ""), "arn:aws:iam::111122223333:role/app"},
		{"a service", "principal", record(`{"type":"AWSService","invokedBy":"config.amazonaws.com"}`, "s3", "ListBuckets", ""), "config.amazonaws.com"},
		{"a user without ARN", "principal", record(`{"type":"IAMUser","accountId":"111122223333","userName":"bob"}`, "signin", "CheckMfa", ""), "arn:aws:iam::111122223333:user/bob"},
		{"nobody", "principal_type", record(`{"type":"AWSAccount","principalId":"","accountId":"ANONYMOUS_PRINCIPAL"}`, "s3", "GetObject", ""), "Anonymous"},
		{"Identity Center", "principal_type", record(strings.ReplaceAll(role, "role/path/app", "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0"), "s3", "ListBuckets", ""), "SSO"},
		{"denied in EC2's way", "denied", record(alice, "ec2", "RunInstances", "{}", `"errorCode":"Client.UnauthorizedOperation"`), "true"},
		{"throttled is not denied", "denied", record(alice, "ec2", "RunInstances", "{}", `"errorCode":"ThrottlingException"`), ""},

		{"anybody", "public_policy", record(alice, "s3", "PutBucketPolicy", bucket(`[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}]`)), "public"},
		{"anybody as AWS", "public_policy", record(alice, "s3", "PutBucketPolicy", bucket(`{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":"s3:GetObject","Resource":"*"}`)), "public"},
		{"all but one", "public_policy", record(alice, "s3", "PutBucketPolicy", bucket(`{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"s3:GetObject","Resource":"*"}`)), "public"},
		{"denied to all", "public_policy", record(alice, "s3", "PutBucketPolicy", bucket(`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}`)), ""},
		{"the organisation", "public_policy", record(alice, "s3", "PutBucketPolicy", bucket(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}`)), ""},
		{"an endpoint", "public_policy", record(alice, "s3", "PutBucketPolicy", bucket(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":["vpce-1"]}}}`)), ""},
		{"not an endpoint", "public_policy", record(alice, "s3", "PutBucketPolicy", bucket(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":["vpce-1"]}}}`)), "public"},
		{"all addresses", "public_policy", record(alice, "s3", "PutBucketPolicy", bucket(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}}`)), "public"},
		{"another's account by condition", "public_policy", record(alice, "s3", "PutBucketPolicy", bucket(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalAccount":"`+other+`"}}}`)), "cross-account"},
		{"a stranger", "public_policy", record(alice, "s3", "PutBucketPolicy", bucket(`[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+other+`:root"},"Action":["s3:GetObject"],"Resource":"*"}]`)), "cross-account"},
		{"a sister account", "public_policy", record(alice, "s3", "PutBucketPolicy", bucket(`[{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":["s3:GetObject"],"Resource":"*"}]`)), ""},
		{"a service", "public_policy", record(alice, "s3", "PutBucketPolicy", bucket(`[{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:PutObject","Resource":"*"}]`)), ""},
		{"a load balancer's logs", "public_policy", record(alice, "s3", "PutBucketPolicy", bucket(`[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::582318560864:root"},"Action":"s3:PutObject","Resource":"*"}]`)), ""},
		{"an identity of CloudFront", "public_policy", record(alice, "s3", "PutBucketPolicy", bucket(`[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"},"Action":"s3:GetObject","Resource":"*"}]`)), ""},
		{"a search domain in a VPC", "public_policy", record(alice, "es", "CreateDomain", `{"domainName":"d","vPCOptions":{"subnetIds":["subnet-1"]},"accessPolicies":`+quoted(doc(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"es:*","Resource":"*"}`))+`}`), ""},
		{"a search domain for all", "public_policy", record(alice, "es", "CreateDomain", `{"domainName":"d","accessPolicies":`+quoted(doc(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"es:*","Resource":"*"}`))+`}`), "public"},
		{"an endpoint's own policy", "public_policy", record(alice, "ec2", "CreateVpcEndpoint", `{"CreateVpcEndpointRequest":{"PolicyDocument":`+quoted(doc(`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`))+`}}`), ""},
		{"a topic's default", "public_policy", record(alice, "sns", "CreateTopic", `{"name":"t","attributes":{"Policy":`+quoted(doc(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"SNS:Publish","Resource":"*","Condition":{"StringEquals":{"AWS:SourceOwner":"111122223333"}}}`))+`}}`), ""},
		{"CloudFront's logs", "public_policy", record(alice, "s3", "PutBucketAcl", `{"bucketName":"b","AccessControlPolicy":{"AccessControlList":{"Grant":[{"Grantee":{"ID":"me"}},{"Grantee":{"ID":"c4c1ede66af53448b93c283ce9448c4ba468c9432aa01d700d3878632f77d2d0"}}]},"Owner":{"ID":"me"}}}`), ""},
		{"trust as text", "public_policy", record(alice, "iam", "UpdateAssumeRolePolicy", `{"roleName":"r","policyDocument":`+quoted(doc(`[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+other+`:root"},"Action":"sts:AssumeRole"}]`))+`}`), "cross-account"},
		{"trust URL-encoded", "public_policy", record(alice, "iam", "UpdateAssumeRolePolicy", `{"roleName":"r","policyDocument":"%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%22%2A%22%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%7D"}`), "public"},
		{"GitHub for all", "public_policy", record(alice, "iam", "CreateRole", `{"roleName":"r","assumeRolePolicyDocument":`+quoted(doc(`[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}}]`))+`}`), "public"},
		{"GitHub for us", "public_policy", record(alice, "iam", "CreateRole", `{"roleName":"r","assumeRolePolicyDocument":`+quoted(doc(`[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:us/x:*"}}}]`))+`}`), ""},
		{"a queue", "public_policy", record(alice, "sqs", "SetQueueAttributes", `{"queueUrl":"q","attributes":{"Policy":`+quoted(doc(`[{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}]`))+`}}`), "public"},
		{"a canned ACL", "public_policy", record(alice, "s3", "PutBucketAcl", `{"bucketName":"b","x-amz-acl":["public-read"]}`), "public"},
		{"an ACL's group", "public_policy", record(alice, "s3", "PutBucketAcl", `{"bucketName":"b","AccessControlPolicy":{"AccessControlList":{"Grant":[{"Grantee":{"xsi:type":"Group","URI":"http://acs.amazonaws.com/groups/global/AllUsers"},"Permission":"READ"}]},"Owner":{"ID":"me"}}}`), "public"},
		{"an ACL for its owner", "public_policy", record(alice, "s3", "PutBucketAcl", `{"bucketName":"b","AccessControlPolicy":{"AccessControlList":{"Grant":{"Grantee":{"ID":"me"},"Permission":"FULL_CONTROL"}},"Owner":{"ID":"me"}}}`), ""},
		{"a snapshot for all", "public_policy", record(alice, "ec2", "ModifySnapshotAttribute", `{"snapshotId":"snap-1","createVolumePermission":{"add":{"items":[{"group":"all"}]}}}`), "public"},
		{"a snapshot for a stranger", "public_policy", record(alice, "ec2", "ModifySnapshotAttribute", `{"snapshotId":"snap-1","createVolumePermission":{"add":{"items":[{"userId":"`+other+`"}]}}}`), "cross-account"},
		{"a snapshot taken back", "public_policy", record(alice, "ec2", "ModifySnapshotAttribute", `{"snapshotId":"snap-1","createVolumePermission":{"remove":{"items":[{"group":"all"}]}}}`), ""},
		{"a database snapshot", "public_policy", record(alice, "rds", "ModifyDBSnapshotAttribute", `{"dBSnapshotIdentifier":"s","attributeName":"restore","valuesToAdd":["`+other+`","all"]}`), "public cross-account"},
		{"a function for all", "public_policy", record(alice, "lambda", "AddPermission20150331v2", `{"functionName":"f","statementId":"x","action":"lambda:InvokeFunction","principal":"*"}`), "public"},
		{"a function for a bucket", "public_policy", record(alice, "lambda", "AddPermission20150331v2", `{"functionName":"f","statementId":"x","action":"lambda:InvokeFunction","principal":"s3.amazonaws.com","sourceArn":"arn:aws:s3:::b"}`), ""},
		{"a URL without login", "public_policy", record(alice, "lambda", "CreateFunctionUrlConfig", `{"functionName":"f","authType":"NONE"}`), "public"},

		{"administrator by ARN", "admin_policy", record(alice, "iam", "AttachUserPolicy", `{"userName":"bob","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}`), "true"},
		{"read only by ARN", "admin_policy", record(alice, "iam", "AttachUserPolicy", `{"userName":"bob","policyArn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}`), ""},
		{"everything inline", "admin_policy", record(alice, "iam", "PutRolePolicy", `{"roleName":"r","policyName":"p","policyDocument":`+quoted(doc(`{"Effect":"Allow","Action":"*","Resource":"*"}`))+`}`), "true"},
		{"one service inline", "admin_policy", record(alice, "iam", "PutRolePolicy", `{"roleName":"r","policyName":"p","policyDocument":`+quoted(doc(`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`))+`}`), ""},
		{"all but one service", "admin_policy", record(alice, "iam", "CreatePolicy", `{"policyName":"p","policyDocument":`+quoted(doc(`{"Effect":"Allow","NotAction":"organizations:*","Resource":"*"}`))+`}`), "true"},
		{"all but IAM", "admin_policy", record(alice, "iam", "CreatePolicy", `{"policyName":"p","policyDocument":`+quoted(doc(`{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}`))+`}`), ""},
		{"escalating", "escalating_actions", record(alice, "iam", "CreatePolicyVersion", `{"policyArn":"p","policyDocument":`+quoted(doc(`{"Effect":"Allow","Action":["iam:CreatePolicyV*","s3:GetObject"],"Resource":"*"}`))+`}`), "iam:CreatePolicyVersion"},
		{"PassRole of one role", "escalating_actions", record(alice, "iam", "CreatePolicyVersion", `{"policyArn":"p","policyDocument":`+quoted(doc(`{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::111122223333:role/one"}`))+`}`), ""},

		{"a stranger in an ARN", "external_account", record(alice, "sts", "AssumeRole", `{"roleArn":"arn:aws:iam::`+other+`:role/x","roleSessionName":"y"}`), other},
		{"a sister in an ARN", "external_account", record(alice, "sts", "AssumeRole", `{"roleArn":"arn:aws:iam::444455556666:role/x"}`), ""},
		{"SSH for all", "open_port", record(alice, "ec2", "AuthorizeSecurityGroupIngress", `{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"groups":{},"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]},"ipv6Ranges":{"items":[{"cidrIpv6":"::/0"}]}},{"ipProtocol":"tcp","fromPort":443,"toPort":443,"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}}]}}`), "22"},
		{"both families", "open_cidr", record(alice, "ec2", "AuthorizeSecurityGroupIngress", `{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]},"ipv6Ranges":{"items":[{"cidrIpv6":"::/0"}]}}]}}`), "0.0.0.0/0 ::/0"},
		{"the old form", "open_port", record(alice, "ec2", "AuthorizeSecurityGroupIngress", `{"groupId":"sg-1","ipPermissions":{},"ipProtocol":"tcp","fromPort":3389,"toPort":3389,"cidrIp":"0.0.0.0/0"}`), "3389"},
		{"everything", "open_port", record(alice, "ec2", "AuthorizeSecurityGroupIngress", `{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"-1","ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}}`), "all"},
		{"half of the internet", "open_cidr", record(alice, "ec2", "AuthorizeSecurityGroupIngress", `{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"128.0.0.0/1"}]}}]}}`), "0.0.0.0/0"},
		{"an office", "open_cidr", record(alice, "ec2", "AuthorizeSecurityGroupIngress", `{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"203.0.113.0/24"}]}}]}}`), ""},
		{"an entry of a network ACL", "open_port", record(alice, "ec2", "CreateNetworkAclEntry", `{"networkAclId":"acl-1","ruleNumber":1,"egress":false,"ruleAction":"allow","icmpTypeCode":{},"portRange":{"from":22,"to":22},"aclProtocol":"6","cidrBlock":"0.0.0.0/0"}`), "22"},
		{"an entry that denies", "open_cidr", record(alice, "ec2", "CreateNetworkAclEntry", `{"networkAclId":"acl-1","egress":false,"ruleAction":"deny","portRange":{"from":22,"to":22},"aclProtocol":"6","cidrBlock":"0.0.0.0/0"}`), ""},

		{"a network", "network", record(alice, "s3", "ListBuckets", ""), "198.51.100.0/24"},
		{"a service's address", "address_kind", record(alice, "s3", "ListBuckets", "", `"sourceIPAddress":"cloudformation.amazonaws.com"`), "aws-service"},
		{"Kali", "tool", record(alice, "s3", "ListBuckets", "", `"userAgent":"Boto3/1.26 Python/3.11 Linux/6.1.0-kali5-amd64"`), "kali"},
		{"no Kali", "tool", record(alice, "s3", "ListBuckets", "", `"userAgent":"Kalinka/1.0 Pacula"`), ""},
		{"the CLI on a Mac", "agent", record(alice, "s3", "ListBuckets", "", `"userAgent":"aws-cli/2.15.0 md/x Python/3.11 Darwin/22"`), "aws-cli darwin"},
		{"a tool with an id", "agent", record(alice, "s3", "ListBuckets", "", `"userAgent":"stratus-red-team_39f95f43-cd2f-4beb"`), "stratus-red-team"},
		{"oneself", "self", record(alice, "iam", "CreateAccessKey", `{"userName":"alice"}`), "true"},
		{"oneself unnamed", "self", record(alice, "iam", "CreateAccessKey", ""), "true"},
		{"another", "target_user", record(alice, "iam", "CreateAccessKey", `{"userName":"bob"}`), "bob"},
		{"the console", "console", record(alice, "iam", "CreateUser", "{}", `"sessionCredentialFromConsole":"true"`), "true"},
		{"not the console", "console", record(alice, "iam", "CreateUser", "{}"), ""},
		{"user data", "user_data", record(alice, "ec2", "ModifyInstanceAttribute", `{"instanceId":"i-1","userData":{"value":"IyEvYmluL3No"}}`), "#!/bin/sh"},
	} {
		ev := decode(t, c.record)[0]
		if got := strings.Join(f["yagura."+c.field](&ev), " "); got != c.want {
			t.Errorf("%s: yagura.%s = %q, want %q", c.name, c.field, got, c.want)
		}
	}
}

// Every field that the contract of the rules names has a function.
func TestFieldNames(t *testing.T) {
	var got []string
	for name := range NewFields(Config{}).Map() {
		got = append(got, strings.TrimPrefix(name, "yagura."))
	}
	slices.Sort(got)
	want := strings.Fields("address_kind admin_policy agent asn console country denied escalating_actions external_account list mfa network open_cidr open_port " +
		"outcome principal principal_type public_policy resource revert self target_user tool user_data")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What a filter of a Describe call names is no resource.
func TestFiltersNameNoResource(t *testing.T) {
	for request, want := range map[string]string{
		`{"filterSet":{"items":[{"name":"resource-id","valueSet":{"items":[{"value":"i-1"}]}}]}}`: "",
		`{"vpcSet":{"items":[{"vpcId":"vpc-1"}]},"filterSet":{"items":[{"name":"state"}]}}`:       "vpc-1",
	} {
		ev := ocsf.Event{Request: request}
		if got := resource(&ev); got != want {
			t.Errorf("%s: %q, want %q", request, got, want)
		}
	}
}
