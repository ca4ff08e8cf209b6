package iam

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/finding"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

func mustCompile(t testing.TB, name string, kind policy.Kind, document string) *Policy {
	t.Helper()
	p, err := Compile(name, kind, []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

const (
	readA    = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"}`
	readAB   = `{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::a/b/*"]}`
	readAny  = `{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}`
	readTok  = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*","Condition":{"StringEquals":{"aws:RequestedRegion":"ap-northeast-1"}}}`
	readJP   = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*","Condition":{"StringLike":{"aws:RequestedRegion":"ap-*"}}}`
	readNet8 = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`
	readNet9 = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/9"}}}`
	readOwn  = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::home/${aws:username}/*"}`
	denyB    = `{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::a/b/*"}`
	denyNone = `{"Effect":"Deny","NotAction":["s3:*"],"Resource":"*"}`
	all      = `{"Effect":"Allow","Action":"*","Resource":"*"}`

	denyUnsigned = `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Null":{"aws:PrincipalArn":"true"}}}`
	denyNobody   = `{"Effect":"Deny","Principal":"*","Action":"sqs:SendMessage","Resource":"*","Condition":{"Null":{"aws:PrincipalArn":"true"}}}`

	decrypt = `{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"}`
)

func TestDiff(t *testing.T) {
	forAccount := `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject","Resource":"*"}`
	forUser := `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/mika"},"Action":"s3:GetObject","Resource":"*"}`
	forAll := `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}`
	forOrg := `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}`
	for _, c := range []struct {
		name, before, after string
		kind                policy.Kind
		want                string
		action              string // of some witness
	}{
		{"same", document(readA), document(readA), policy.Identity, "no", ""},
		{"narrower resource", document(readA), document(readAB), policy.Identity, "no", ""},
		{"wider resource", document(readAB), document(readA), policy.Identity, "yes", "s3:GetObject"},
		{"wider action", document(readA), document(readAny), policy.Identity, "yes", "s3:GetObject"},
		{"deny gone", document(readA, denyB), document(readA), policy.Identity, "yes", "s3:GetObject"},
		{"deny added", document(readA), document(readA, denyB), policy.Identity, "no", ""},
		{"condition gone", document(readTok), document(readA), policy.Identity, "yes", "s3:GetObject"},
		{"condition wider", document(readTok), document(readJP), policy.Identity, "yes", "s3:GetObject"},
		{"condition narrower", document(readJP), document(readTok), policy.Identity, "no", ""},
		{"network narrower", document(readNet8), document(readNet9), policy.Identity, "no", ""},
		{"network wider", document(readNet9), document(readNet8), policy.Identity, "yes", "s3:GetObject"},
		{"variable same", document(readOwn), document(readOwn, readA), policy.Identity, "yes", "s3:GetObject"},
		{"variable less", document(readOwn, readA), document(readOwn), policy.Identity, "no", ""},
		{"all but", document(all), document(all, denyNone), policy.Identity, "no", ""},
		{"key needs its policy", document(readA), document(readA, decrypt), policy.Identity, "yes", "kms:Decrypt"},
		{"other partitions", document(readA), document(readA, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws-*:s3:::a/*"}`), policy.Identity, "yes", "s3:GetObject"},
		{"China", document(readA), document(readA, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws-cn:s3:::a/*"}`), policy.Identity, "yes", "s3:GetObject"},
		{"action nobody knows", document(readA), document(readA, `{"Effect":"Allow","Action":"newservice:Do*","Resource":"*"}`), policy.Identity, "yes", "newservice:Doexample"},
		{"boundary", document(readAB), document(readA), policy.Boundary, "yes", "s3:GetObject"},
		{"scp", document(all, denyB), document(all), policy.SCP, "yes", ""},
		{"rcp for the unsigned", document(denyUnsigned), document(denyNobody), policy.RCP, "yes", "s3:GetObject"},
		{"rcp narrower", document(denyNobody), document(denyNobody, denyUnsigned), policy.RCP, "no", ""},
		{"rcp of another service", document(denyUnsigned), document(denyUnsigned, denyNobody), policy.RCP, "no", ""},
		{"endpoint wider", document(forUser), document(forAll), policy.Endpoint, "yes", "s3:GetObject"},
		{"endpoint narrower", document(forAll), document(forUser), policy.Endpoint, "no", ""},
		{"session", document(readTok), document(readJP), policy.Session, "yes", "s3:GetObject"},
		{"scp narrower", document(all), document(all, denyB), policy.SCP, "no", ""},
		{"resource wider", document(forUser), document(forAccount), policy.Resource, "yes", "s3:GetObject"},
		{"resource for China", document(forUser), document(forUser, strings.ReplaceAll(forUser, "arn:aws:", "arn:aws-cn:")), policy.Resource, "yes", "s3:GetObject"},
		{"resource narrower", document(forAccount), document(forUser), policy.Resource, "no", ""},
		{"resource public", document(forOrg), document(forAll), policy.Resource, "yes", "s3:GetObject"},
		{"resource no longer public", document(forAll), document(forOrg), policy.Resource, "no", ""},
		{"organisation against account", document(forAccount), document(forOrg), policy.Resource, "yes", "s3:GetObject"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, after := []*Policy{mustCompile(t, "old", c.kind, c.before)}, []*Policy{mustCompile(t, "new", c.kind, c.after)}
			got, err := Diff(before, after)
			if err != nil {
				t.Fatal(err)
			}
			if got.Answer != c.want {
				t.Fatalf("answer %s, want %s; added %+v, open %q", got.Answer, c.want, got.Added, got.Open)
			}
			seen := c.action == ""
			for _, a := range got.Added {
				seen = seen || strings.Contains(strings.Join(a.Actions, " "), c.action)
				confirm(t, c.kind, before, after, asked(&a.Witness))
			}
			if !seen {
				t.Errorf("no witness for %s: %+v", c.action, got.Added)
			}
		})
	}
}

// asked turns a witness back into a request.
func asked(w *finding.Witness) *access.Request {
	r := &access.Request{
		Principal: w.Principal, Action: w.Action, Resource: w.Resource, ResourceAccount: w.ResourceAccount,
		Literal: w.LiteralResource, ManagementAccount: w.ManagementAccount,
	}
	for key, value := range w.Context {
		switch v := value.(type) {
		case string:
			r.Context = append(r.Context, access.Value{Key: key, Values: []string{v}})
		case []string:
			r.Context = append(r.Context, access.Value{Key: key, Values: v, Multi: true})
		}
	}
	return r
}

// confirm asks the engine about a witness.
func confirm(t interface{ Errorf(string, ...any) }, kind policy.Kind, before, after []*Policy, w *access.Request) {
	a, errA := setting(kind, after)
	b, errB := setting(kind, before)
	if errA != nil || errB != nil || a.Decide(w) != access.Allowed || b.Decide(w) == access.Allowed || len(w.Unknown) > 0 {
		t.Errorf("the engine does not confirm %+v: after %s, before %s", w, a.Decide(w), b.Decide(w))
	}
}

func TestDiffRefuses(t *testing.T) {
	identity, scp := mustCompile(t, "a", policy.Identity, document(all)), mustCompile(t, "b", policy.SCP, document(all))
	if _, err := Diff([]*Policy{identity}, []*Policy{scp}); err == nil {
		t.Error("an identity policy was compared with an SCP")
	}
	got, err := Diff(nil, []*Policy{identity})
	if err != nil || got.Answer != "yes" {
		t.Errorf("from nothing to everything: %v, %v", got.Answer, err)
	}
	if got, err = Diff([]*Policy{identity}, nil); err != nil || got.Answer != "no" {
		t.Errorf("from everything to nothing: %v, %v", got.Answer, err)
	}
}

// drawnDiffs bounds the comparisons of one run, as each asks about all of AWS.
const drawnDiffs = 30

// TestDiffOfResourcePolicies is TestDiffAgreesWithRequests for policies that name
// principals.
func TestDiffOfResourcePolicies(t *testing.T) {
	drawn := 0
	rapid.Check(t, func(t *rapid.T) {
		if drawn++; drawn > drawnDiffs {
			return
		}
		var sides [2]*Policy
		for i := range sides {
			text, err := json.Marshal(drawDocument(t, true))
			if err != nil {
				t.Fatal(err)
			}
			if sides[i], err = Compile(fmt.Sprint("side ", i), policy.Resource, text); err != nil {
				t.Skip(err)
			}
		}
		got, err := Diff(sides[:1], sides[1:])
		if err != nil {
			t.Fatal(err)
		}
		before, errBefore := setting(policy.Resource, sides[:1])
		after, errAfter := setting(policy.Resource, sides[1:])
		if errBefore != nil || errAfter != nil {
			t.Fatal(errBefore, errAfter)
		}
		for range 20 {
			r := access.Request{
				Principal: pick(t, "who", drawnPrincipals...), ResourceAccount: "999999999999", Literal: true,
				Action:   pick(t, "asked", "s3:GetObject", "s3:PutObject", "kms:Decrypt"),
				Resource: pick(t, "of", "arn:aws:s3:::a/x", "arn:aws:s3:::mika/x", "arn:aws:kms:us-east-1:111122223333:key/k"),
			}
			for _, key := range []string{"k:s", "k:n"} {
				if pick(t, "given", true, false) {
					r.Context = append(r.Context, access.Value{Key: key, Values: []string{pick(t, "value", drawnValues...)}})
				}
			}
			if after.Decide(&r) == access.Allowed && before.Decide(&r) != access.Allowed && got.Answer == "no" {
				t.Fatalf("answer no, but %+v is new", r)
			}
		}
	})
}

// TestDiffAgreesWithRequests draws two policies: where the answer is no, no drawn
// request may be allowed by the new policy alone.
func TestDiffAgreesWithRequests(t *testing.T) {
	drawn := 0
	rapid.Check(t, func(t *rapid.T) {
		if drawn++; drawn > drawnDiffs {
			return
		}
		var sides [2][]*Policy
		for i := range sides {
			text, err := json.Marshal(drawDocument(t, false))
			if err != nil {
				t.Fatal(err)
			}
			p, err := Compile(fmt.Sprint("side ", i), policy.Identity, text)
			if err != nil {
				t.Skip(err)
			}
			sides[i] = []*Policy{p}
		}
		got, err := Diff(sides[0], sides[1])
		if err != nil {
			t.Fatal(err)
		}
		for i := range got.Added {
			confirm(t, policy.Identity, sides[0], sides[1], asked(&got.Added[i].Witness))
		}
		before, errBefore := setting(policy.Identity, sides[0])
		after, errAfter := setting(policy.Identity, sides[1])
		if errBefore != nil || errAfter != nil {
			t.Fatal(errBefore, errAfter)
		}
		for range 20 {
			r := access.Request{
				Principal: "arn:aws:iam::" + nowhere + ":user/mika", ResourceAccount: nowhere, Literal: true,
				Action:   pick(t, "asked", "s3:GetObject", "s3:PutObject", "kms:Decrypt"),
				Resource: pick(t, "of", "arn:aws:s3:::a/x", "arn:aws:s3:::mika/x", "arn:aws:kms:us-east-1:111122223333:key/k", "arn:aws:s3:::*/x"),
			}
			for _, key := range drawnKeys {
				if pick(t, "given", true, false) {
					v := access.Value{Key: key, Values: []string{pick(t, "value", drawnValues...)}}
					v.Multi = key == "aws:TagKeys"
					r.Context = append(r.Context, v)
				}
			}
			if after.Decide(&r) == access.Allowed && before.Decide(&r) != access.Allowed && got.Answer == "no" {
				t.Fatalf("answer no, but %+v is new", r)
			}
		}
	})
}

// TestDiffManyPatterns takes one of 150 statements away.
func TestDiffManyPatterns(t *testing.T) {
	var full, less []string
	for i := range 150 {
		s := fmt.Sprintf(`{"Effect":"Allow","Action":["s3:Get*","sqs:*"],"Resource":["arn:aws:s3:::bucket-%d-*/data/*","arn:aws:sqs:*:*:q%d"]}`, i, i)
		full = append(full, s)
		if i != 70 {
			less = append(less, s)
		}
	}
	more, fewer := mustCompile(t, "full", policy.Identity, document(full...)), mustCompile(t, "less", policy.Identity, document(less...))
	got, err := Diff([]*Policy{fewer}, []*Policy{more})
	if err != nil || got.Answer != "yes" {
		t.Errorf("statement added: %s, %v, %q", got.Answer, err, got.Open)
	}
	if got, err = Diff([]*Policy{more}, []*Policy{fewer}); err != nil || got.Answer != "no" {
		t.Errorf("statement gone: %s, %v, %q", got.Answer, err, got.Open)
	}
}
