package iam

import (
	"fmt"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

func generate(t *testing.T, principal string, events ...string) (*Generated, error) {
	t.Helper()
	table, err := actions.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGenerator(table, principal)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := g.AddText(e); err != nil {
			t.Fatal(err)
		}
	}
	return g.Policy()
}

// The policy allows all that the history holds: replayed, it denies nothing.
func TestGeneratedPolicyIsEnough(t *testing.T) {
	var events []string
	for i := range 30 {
		events = append(events, event(fmt.Sprint(i), "s3", "GetObject", fmt.Sprintf(`{"bucketName":"logs","key":"2026/%d.gz"}`, i), ""))
	}
	events = append(events,
		event("a", "s3", "GetObject", `{"bucketName":"other","key":"one"}`, ""),
		event("b", "iam", "ListUsers", "null", ""),
		event("c", "s3", "GetObject", `{"bucketName":"logs","key":"${aws:username}"}`, ""),
		event("d", "lambda", "CreateFunction20150331", `{"functionName":"f","role":"arn:aws:iam::111122223333:role/exec"}`, ""),
		event("e", "kms", "Decrypt", `{"keyId":"alias/x"}`, ""),
		event("f", "sts", "GetCallerIdentity", "null", ""),
		event("g", "s3", "DeleteBucket", bucket, refusal("s3:DeleteBucket", "arn:aws:s3:::logs", "")),
		event("h", "s3", "MakeCoffee", "null", ""),
	)
	got, err := generate(t, "app", events...)
	if err != nil {
		t.Fatal(err)
	}
	r := replay(t, Proposal{Kind: policy.Identity, Policy: compile(t, policy.Identity, "generated", string(got.Policy))}, events...)
	if len(r.Changes) != 0 {
		t.Errorf("with the generated policy:\n%s\n%s", strings.Join(lines(r), "\n"), got.Policy)
	}
	text := string(got.Policy)
	for _, want := range []string{`"arn:aws:s3:::logs/*"`, `"arn:aws:s3:::other/one"`, `"iam:PassedToService": "lambda.amazonaws.com"`, `"arn:aws:iam::111122223333:role/exec"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the policy lacks %s:\n%s", want, text)
		}
	}
	for _, not := range []string{"DeleteBucket", "GetCallerIdentity", `"*:*"`} {
		if strings.Contains(text, not) {
			t.Errorf("the policy holds %s:\n%s", not, text)
		}
	}
	comments := strings.Join(got.Comments, "\n")
	for _, want := range []string{"rests on 36 calls", "logs/* stands for 31 resources", "no data events of dynamodb", "PassRole has no event", "s3.amazonaws.com:MakeCoffee, 1 calls", "not granted: s3:DeleteBucket", "key/* is wider"} {
		if !strings.Contains(comments, want) {
			t.Errorf("the comments lack %q:\n%s", want, comments)
		}
	}
}

func TestGenerateNeedsOnePrincipal(t *testing.T) {
	one := event("1", "iam", "ListUsers", "null", "")
	two := strings.ReplaceAll(one, "111122223333", "444455556666")
	if _, err := generate(t, "nobody", one); err == nil || !strings.Contains(err.Error(), "no call") {
		t.Errorf("nobody gives %v", err)
	}
	if _, err := generate(t, "app", one, two); err == nil || !strings.Contains(err.Error(), "several") {
		t.Errorf("two of one name give %v", err)
	}
	if _, err := generate(t, role, one, two); err != nil {
		t.Error(err)
	}
}
