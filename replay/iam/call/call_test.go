package call

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
)

func mapper(t testing.TB) *Mapper {
	t.Helper()
	table, err := actions.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(table)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func record(t testing.TB, service, name, params, more string) Record {
	t.Helper()
	r, err := Read(`{"eventID":"e","eventTime":"2026-10-01T10:00:00Z","eventSource":"` + service + `.amazonaws.com","eventName":"` + name +
		`","awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.9","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/mika","accountId":"111122223333"},` +
		`"recipientAccountId":"111122223333","requestParameters":` + params + more + `}`)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Operations, with the requests that IAM decides for them as AWS documents them.
func TestNeeds(t *testing.T) {
	m := mapper(t)
	for _, tc := range []struct {
		service, name, params, more string
		want                        string
	}{
		{"s3", "ListObjectsV2", `{"bucketName":"logs","prefix":"a/"}`, "", "s3:ListBucket arn:aws:s3:::logs"},
		{"s3", "HeadObject", `{"bucketName":"logs","key":"a/b"}`, "", "s3:GetObject arn:aws:s3:::logs/a/b"},
		{"s3", "DeleteObjects", `{"bucketName":"logs"}`, "", "s3:DeleteObject arn:aws:s3:::logs/*"},
		{"s3", "CopyObject", `{"bucketName":"to","key":"k","x-amz-copy-source":"from/a%20b"}`, "", "s3:PutObject arn:aws:s3:::to/k, s3:GetObject arn:aws:s3:::from/a b"},
		{"s3", "ListBuckets", `null`, "", "s3:ListAllMyBuckets *"},
		{"iam", "GetRole", `{"roleName":"r"}`, "", "iam:GetRole arn:aws:iam::111122223333:role/r"},
		{"iam", "GetUser", `null`, "", "iam:GetUser arn:aws:iam::111122223333:user/mika"},
		{"iam", "AttachRolePolicy", `{"roleName":"r","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}`, "", "iam:AttachRolePolicy arn:aws:iam::111122223333:role/r"},
		{
			"lambda", "CreateFunction20150331", `{"functionName":"f","role":"arn:aws:iam::111122223333:role/exec"}`, "",
			"lambda:CreateFunction arn:aws:lambda:eu-west-1:111122223333:function:f, iam:PassRole arn:aws:iam::111122223333:role/exec (lambda.amazonaws.com)",
		},
		{"lambda", "GetFunction20150331v2", `{"functionName":"f"}`, "", "lambda:GetFunction arn:aws:lambda:eu-west-1:111122223333:function:f"},
		{"monitoring", "PutMetricAlarm", `{"alarmName":"a"}`, "", "cloudwatch:PutMetricAlarm arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a"},
		{
			"ec2", "TerminateInstances", `{"instancesSet":{"items":[{"instanceId":"i-1"},{"instanceId":"i-2"}]}}`, "",
			"ec2:TerminateInstances arn:aws:ec2:eu-west-1:111122223333:instance/i-1, ec2:TerminateInstances arn:aws:ec2:eu-west-1:111122223333:instance/i-2",
		},
		{"apigateway", "GetStages", `{"restApiId":"x"}`, "", "apigateway:GET arn:aws:apigateway:eu-west-1::/*"},
		{"ec2", "DescribeInstances", `{}`, "", "ec2:DescribeInstances *"},
		{"kms", "Decrypt", `{"keyId":"alias/x"}`, `,"resources":[{"accountId":"444455556666","type":"AWS::KMS::Key","ARN":"arn:aws:kms:eu-west-1:444455556666:key/k"}]`, "kms:Decrypt arn:aws:kms:eu-west-1:444455556666:key/k @444455556666"},
		{"kms", "Decrypt", `{"keyId":"alias/x"}`, "", "kms:Decrypt arn:aws:kms:eu-west-1:111122223333:key/*"},
		{"secretsmanager", "GetSecretValue", `{"secretId":"prod/db"}`, "", "secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-??????"},
		{"ssm", "GetParameter", `{"name":"/a/b"}`, "", "ssm:GetParameter arn:aws:ssm:eu-west-1:111122223333:parameter/a/b"},
		{"sts", "AssumeRole", `{"roleArn":"arn:aws:iam::444455556666:role/x","roleSessionName":"s"}`, "", "sts:AssumeRole arn:aws:iam::444455556666:role/x"},
		{"dynamodb", "GetItem", `{"tableName":"t"}`, "", "dynamodb:GetItem arn:aws:dynamodb:eu-west-1:111122223333:table/t"},
	} {
		r := record(t, tc.service, tc.name, tc.params, tc.more)
		c, why := m.Map(&r)
		if why != "" {
			t.Errorf("%s:%s: %s", tc.service, tc.name, why)
			continue
		}
		if diff := cmp.Diff(tc.want, needs(c.Needs)); diff != "" {
			t.Errorf("%s:%s (-want +got):\n%s", tc.service, tc.name, diff)
		}
	}
}

func needs(ns []Need) string {
	var out []string
	for _, n := range ns {
		s := n.Action + " " + n.Resource
		if n.ResourceAccount != "" {
			s += " @" + n.ResourceAccount
		}
		if n.Inferred {
			s += " (" + n.Service + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// Every action that the rules name is in the service data.
func TestRulesFitTheData(t *testing.T) {
	m := mapper(t)
	for op, names := range m.rules.op {
		if names[0] == "none" {
			continue
		}
		for _, n := range names {
			n, _, _ = strings.Cut(n, "<")
			if _, ok := m.table.ID(n); !ok {
				t.Errorf("%s: no action %s", op, n)
			}
		}
		if _, ok := m.table.ID(op); ok {
			t.Errorf("%s is an action already: the rule hides it", op)
		}
	}
	for from, to := range m.rules.alias {
		if _, ok := m.table.Service(to); !ok {
			t.Errorf("alias %s: no service %s", from, to)
		}
	}
}

func TestTruth(t *testing.T) {
	const user = "User: arn:aws:sts::111122223333:assumed-role/r/s is not authorized to perform: "
	for message, want := range map[string]Truth{
		user + "sts:AssumeRole on resource: arn:aws:iam::111122223333:role/x": {Action: "sts:AssumeRole", Resource: "arn:aws:iam::111122223333:role/x"},
		user + "ec2:RunInstances on resource: arn:aws:ec2:eu-west-1:111122223333:instance/* with an explicit deny in a service control policy": {
			Action: "ec2:RunInstances", Resource: "arn:aws:ec2:eu-west-1:111122223333:instance/*", Kind: "scp", Explicit: true,
		},
		user + "s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action":                                             {Action: "s3:ListAllMyBuckets", Kind: "identity"},
		user + `s3:GetObject on resource: "arn:aws:s3:::b/k" because no permissions boundary allows the s3:GetObject action`:                            {Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Kind: "boundary"},
		"You are not authorized to perform this operation. " + user + "ec2:StopInstances on resource: x with an explicit deny in a VPC endpoint policy": {Action: "ec2:StopInstances", Resource: "x", Kind: "endpoint", Explicit: true},
	} {
		r := Record{ErrorCode: "AccessDenied", Message: message}
		got, ok := r.Truth()
		want.Principal = "arn:aws:sts::111122223333:assumed-role/r/s"
		if !ok || got != want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", message, got, ok, want)
		}
	}
	for _, message := range []string{"", "Access Denied", "You are not authorized to perform this operation. Encoded authorization failure message: x", user, user + "nothing"} {
		r := Record{ErrorCode: "AccessDenied", Message: message}
		if got, ok := r.Truth(); ok {
			t.Errorf("%q gives %+v", message, got)
		}
	}
}

func TestWhyNot(t *testing.T) {
	m := mapper(t)
	for _, tc := range []struct{ service, name, more, want string }{
		{"signin", "ConsoleLogin", `,"eventType":"AwsConsoleSignIn"`, NotACall},
		{"kms", "RotateKey", `,"eventType":"AwsServiceEvent"`, NotACall},
		{"sts", "GetSessionToken", "", NoPermission},
		{"s3", "MakeCoffee", "", NoSuchAction},
		{"s3", "GetObject", `,"userIdentity":{"type":"AWSAccount","accountId":"444455556666","principalId":"AIDA"}`, NoPrincipal},
	} {
		r := record(t, tc.service, tc.name, "{}", tc.more)
		if _, why := m.Map(&r); why != tc.want {
			t.Errorf("%s:%s gives %q, want %q", tc.service, tc.name, why, tc.want)
		}
	}
}

// Hostile records neither panic nor give endless requests.
func FuzzMap(f *testing.F) {
	m := mapper(f)
	f.Add(`{"eventTime":"2026-10-01T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"CopyObject","requestParameters":{"x-amz-copy-source":"arn:"},"resources":[{"ARN":"arn:aws:s3:::"}],"userIdentity":{"arn":"arn:"}}`)
	f.Add(`{"eventTime":"2026-10-01T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"RunInstances20150331","requestParameters":{"a":{"b":["c",1,null]}},"userIdentity":{"arn":"arn:aws:iam::1:user/x"},"errorCode":"AccessDenied","errorMessage":"User: x is not authorized to perform: a:b on resource: "}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Read(text)
		if err != nil {
			return
		}
		c, why := m.Map(&r)
		if why == "" && (len(c.Needs) == 0 || len(c.Needs) > 1000) {
			t.Errorf("%d requests", len(c.Needs))
		}
		for _, n := range c.Needs {
			if n.Action == "" || n.Resource == "" {
				t.Errorf("an empty request: %+v", n)
			}
		}
	})
}
