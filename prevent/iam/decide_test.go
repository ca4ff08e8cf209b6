package iam

import (
	"strings"
	"testing"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

const (
	mika    = "arn:aws:iam::111122223333:user/mika"
	bucket  = "arn:aws:s3:::logs"
	someLog = "arn:aws:s3:::logs/2026/23.gz"
)

func compile(t testing.TB, kind policy.Kind, document string) *Policy {
	t.Helper()
	if !strings.Contains(document, `"Version"`) {
		document = `{"Version":"2012-10-17","Statement":[` + document + `]}`
	}
	p, err := Compile("p-"+kind.String(), kind, []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDecideIdentity(t *testing.T) {
	p := &Policies{Identity: []*Policy{compile(t, policy.Identity, `
		{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::logs/*"},
		{"Effect":"Deny","Action":"s3:GetObject","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`)}}
	for _, test := range []struct {
		action, resource, secure string
		want                     access.Decision
	}{
		{"s3:GetObject", someLog, "true", access.Allowed},
		{"S3:getobject", someLog, "true", access.Allowed},
		{"s3:GetObject", someLog, "false", access.ExplicitlyDenied},
		{"s3:PutObject", someLog, "true", access.ImplicitlyDenied},
		{"s3:GetObject", "arn:aws:s3:::other/x", "true", access.ImplicitlyDenied},
		{"s3:", someLog, "true", access.Unknown},
	} {
		got := p.Decide(&access.Request{
			Principal: mika, Action: test.action, Resource: test.resource,
			Context: []access.Value{{Key: "aws:securetransport", Values: []string{test.secure}}},
		})
		if got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}
