package iam

import (
	"strings"
	"sync"
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

// TestDecideTogether shares policies between goroutines; the race detector
// watches.
func TestDecideTogether(t *testing.T) {
	p, r := small(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			mine := *r
			want := access.Allowed
			if i%2 == 1 {
				mine.Principal, mine.Action, want = mika, "s3:PutObject", access.ImplicitlyDenied
			}
			for range 200 {
				if got, v := p.Decide(&mine), p.Explain(&mine); got != want || v.Decision != want {
					t.Errorf("%v and %v, want %v", got, v.Decision, want)
				}
			}
		})
	}
	group.Wait()
}
