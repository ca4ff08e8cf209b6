package iam

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	engine "github.com/yagura-sec/yagura/prevent/iam"
	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
	"github.com/yagura-sec/yagura/replay/iam/call"
)

const account = "111122223333"

// event writes a record of a session of role app, or of a user if who says so.
func event(id, service, name, params, more string) string {
	return fmt.Sprintf(`{"eventID":"%s","eventTime":"2026-10-01T10:00:00Z","eventSource":"%s.amazonaws.com","eventName":"%s","awsRegion":"us-east-1",`+
		`"sourceIPAddress":"203.0.113.9","userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/app/s-%[1]s","accountId":"111122223333",`+
		`"sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::111122223333:role/app"},"attributes":{"mfaAuthenticated":"false","creationDate":"2026-10-01T09:00:00Z"}}},`+
		`"recipientAccountId":"111122223333","requestParameters":%[4]s%[5]s}`, id, service, name, params, more)
}

func refusal(action, resource, reason string) string {
	return `,"errorCode":"AccessDenied","errorMessage":"User: arn:aws:sts::111122223333:assumed-role/app/s is not authorized to perform: ` + action + ` on resource: ` + resource + ` ` + reason + `"`
}

func compile(t testing.TB, kind policy.Kind, name, text string) *engine.Policy {
	t.Helper()
	p, err := engine.Compile(name, kind, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func replay(t testing.TB, p Proposal, events ...string) *Report {
	t.Helper()
	table, err := actions.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(table, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := r.AddText(e); err != nil {
			t.Fatal(err)
		}
	}
	return r.Report()
}

func lines(r *Report) (out []string) {
	for _, c := range r.Changes {
		line := fmt.Sprintf("%s: %s %s, %d by %s", c.Change, c.Principal, c.Action, c.Count, c.Statement)
		if c.Missing != nil {
			line += " for want of " + strings.Join(c.Missing, ", ")
		}
		out = append(out, line)
	}
	return out
}

const (
	bucket   = `{"bucketName":"logs"}`
	role     = "arn:aws:iam::111122223333:role/app"
	tokyo    = `{"Version":"2012-10-17","Statement":{"Sid":"Tokyo","Effect":"Deny","NotAction":["iam:*","sts:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"ap-northeast-1"}}}}`
	tagged   = `{"Version":"2012-10-17","Statement":{"Sid":"Tag","Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalTag/team":"red"}}}}`
	allowS3  = `{"Version":"2012-10-17","Statement":{"Sid":"S3","Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	allowAll = `{"Version":"2012-10-17","Statement":{"Sid":"All","Effect":"Allow","Action":"*","Resource":"*"}}`
	noS3     = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"NoS3","Effect":"Deny","Action":"s3:*","Resource":"*"}]}`
)

func TestChanges(t *testing.T) {
	list := event("1", "s3", "ListObjectsV2", bucket, "")
	user := event("2", "iam", "ListUsers", "null", "")
	refused := event("3", "s3", "ListObjectsV2", bucket, refusal("s3:ListBucket", "arn:aws:s3:::logs", "with an explicit deny in a service control policy"))
	byIdentity := event("4", "s3", "ListObjectsV2", bucket, refusal("s3:ListBucket", "arn:aws:s3:::logs", "because no identity-based policy allows the s3:ListBucket action"))
	silent := event("5", "s3", "ListObjectsV2", bucket, `,"errorCode":"AccessDenied","errorMessage":"Access Denied"`)
	create := event("6", "lambda", "CreateFunction20150331", `{"functionName":"f","role":"arn:aws:iam::111122223333:role/exec"}`, "")
	for _, tc := range []struct {
		name     string
		proposal Proposal
		current  string
		text     string
		events   []string
		want     []string
	}{
		{
			"an SCP denies", Proposal{Kind: policy.SCP}, "", tokyo, []string{list, list, user, refused},
			[]string{"newly denied: " + role + " s3:ListBucket, 2 by new, statement 0 (Tokyo)"},
		},
		{"in another account", Proposal{Kind: policy.SCP, Attach: []string{"444455556666"}}, "", tokyo, []string{list}, nil},
		{
			"an SCP hangs on what is not known", Proposal{Kind: policy.SCP}, "", tagged, []string{list},
			[]string{"unknown: " + role + " s3:ListBucket, 1 by new, statement 0 (Tag) for want of aws:PrincipalTag/team"},
		},
		{"an SCP that allows, beside FullAWSAccess", Proposal{Kind: policy.SCP}, "", allowS3, []string{list, user}, nil},
		{
			"an SCP that allows, alone", Proposal{Kind: policy.SCP, Replace: true}, "", allowS3, []string{list, user, refused, byIdentity, silent},
			[]string{
				"newly denied: " + role + " iam:ListUsers, 1 by no statement allows it",
				"newly allowed: " + role + " s3:ListBucket, 1 by the proposal allows it",
				"unknown: " + role + " s3:ListBucket, 1 by the proposal allows it for want of the policy that refused it",
			},
		},
		{
			"today's SCP is known", Proposal{Kind: policy.SCP}, noS3, allowAll, []string{user, refused, byIdentity, silent},
			[]string{"newly allowed: " + role + " s3:ListBucket, 2 by now, statement 1 (NoS3)"},
		},
		{
			"a narrower identity policy", Proposal{Kind: policy.Identity, Attach: []string{role}}, "", allowS3, []string{list, user, byIdentity, refused},
			[]string{
				"newly denied: " + role + " iam:ListUsers, 1 by no statement allows it",
				"newly allowed: " + role + " s3:ListBucket, 1 by the proposal allows it",
			},
		},
		{
			"a boundary without PassRole", Proposal{Kind: policy.Boundary}, "", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"lambda:*","Resource":"*"}}`, []string{create},
			[]string{"newly denied: " + role + " iam:PassRole, 1 by no statement allows it"},
		},
		{
			"a bucket policy that says nothing", Proposal{Kind: policy.Resource, Attach: []string{"arn:aws:s3:::logs"}}, "",
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/other"},"Action":"s3:*","Resource":"*"}}`, []string{list, user},
			[]string{"unknown: " + role + " s3:ListBucket, 1 by no statement allows it by itself for want of the caller's own policies"},
		},
		{
			"a bucket policy that denies", Proposal{Kind: policy.Resource}, "",
			`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::logs"}}`, []string{list},
			[]string{"newly denied: " + role + " s3:ListBucket, 1 by new, statement 0"},
		},
		{
			"an RCP", Proposal{Kind: policy.RCP}, "",
			`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}}`, []string{list, user},
			[]string{"newly denied: " + role + " s3:ListBucket, 1 by new, statement 0"},
		},
		{"an endpoint that nobody used", Proposal{Kind: policy.Endpoint}, "", allowS3, []string{list}, nil},
		{
			"an endpoint that lets nothing through", Proposal{Kind: policy.Endpoint, Attach: []string{"vpce-1"}}, "", `{"Version":"2012-10-17","Statement":[]}`,
			[]string{event("7", "s3", "ListObjectsV2", bucket, `,"vpcEndpointId":"vpce-1"`)},
			[]string{"newly denied: " + role + " s3:ListBucket, 1 by no statement allows it"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := tc.proposal
			p.Policy = compile(t, p.Kind, "new", tc.text)
			if tc.current != "" {
				p.Current = compile(t, p.Kind, "now", tc.current)
			}
			if diff := cmp.Diff(tc.want, lines(replay(t, p, tc.events...))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Calls with a token instead of credentials hang on the role's trust policy
// alone: an SCP does not bind them.
func TestFederation(t *testing.T) {
	saml := `{"eventID":"1","eventTime":"2026-10-01T10:00:00Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRoleWithSAML","awsRegion":"us-east-1","userIdentity":{"type":"SAMLUser","userName":"x","identityProvider":"y"},` +
		`"recipientAccountId":"111122223333","requestParameters":{"principalArn":"arn:aws:iam::111122223333:saml-provider/corp","roleArn":"arn:aws:iam::111122223333:role/app"}}`
	web := `{"eventID":"2","eventTime":"2026-10-01T10:00:00Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRoleWithWebIdentity","awsRegion":"us-east-1","userIdentity":{"type":"WebIdentityUser","identityProvider":"arn:aws:iam::111122223333:oidc-provider/token.example.com"},` +
		`"recipientAccountId":"111122223333","requestParameters":{"roleArn":"arn:aws:iam::111122223333:role/app"}}`
	denyAll := `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`
	r := replay(t, Proposal{Kind: policy.SCP, Policy: compile(t, policy.SCP, "new", denyAll)}, saml, web)
	if r.Decided != 2 || len(r.Changes) != 0 {
		t.Errorf("%d calls decided, changes %v", r.Decided, lines(r))
	}
	trust := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/corp"},"Action":"sts:AssumeRoleWithSAML"}}`
	r = replay(t, Proposal{Kind: policy.Resource, Policy: compile(t, policy.Resource, "new", trust)}, saml, web)
	want := []string{"newly denied: arn:aws:iam::111122223333:oidc-provider/token.example.com sts:AssumeRoleWithWebIdentity, 1 by no statement allows it"}
	if diff := cmp.Diff(want, lines(r)); diff != "" {
		t.Errorf("a trust policy (-want +got):\n%s", diff)
	}
}

// What is counted adds up, and identical requests are decided once.
func TestCounts(t *testing.T) {
	events := []string{
		event("1", "s3", "ListObjectsV2", bucket, `,"sharedEventID":"s"`),
		event("1", "s3", "ListObjectsV2", bucket, `,"sharedEventID":"s"`),
		event("1", "s3", "ListObjectsV2", bucket, ""),
		event("2", "signin", "ConsoleLogin", "null", `,"eventType":"AwsConsoleSignIn"`),
		event("3", "s3", "MakeCoffee", "null", ""),
		event("4", "s3", "ListObjectsV2", bucket, refusal("s3:ListBucket", "arn:aws:s3:::logs", "with an explicit deny in a service control policy")),
		event("5", "s3", "ListObjectsV2", "null", refusal("s3:ListBucket", "arn:aws:s3:::logs", "")),
	}
	r := replay(t, Proposal{Kind: policy.SCP, Policy: compile(t, policy.SCP, "new", noS3), Current: compile(t, policy.SCP, "now", noS3)}, events...)
	got := []int64{r.Events, r.Shared, r.NoCalls, r.NotMapped, r.Calls, r.Denied, r.Decided, r.Mapping.Same, r.Mapping.Covered, r.Decisions.Agree, r.Decisions.Differ}
	if diff := cmp.Diff([]int64{7, 1, 1, 1, 4, 2, 4, 1, 1, 1, 2}, got); diff != "" {
		t.Errorf("(-want +got):\n%s\n%+v", diff, r)
	}
	if r.Distinct != 3 { // three sessions
		t.Errorf("%d requests were decided, want 3", r.Distinct)
	}
	if len(r.Unmapped) != 1 || r.Unmapped[0].Operation != "s3.amazonaws.com:MakeCoffee" {
		t.Errorf("not mapped: %v", r.Unmapped)
	}
}

// A hostile record cannot put markup into the page.
func TestPageEscapes(t *testing.T) {
	r := replay(t, Proposal{Kind: policy.SCP, Policy: compile(t, policy.SCP, "<b>new", tokyo)},
		event("<script>alert(1)</script>", "s3", "ListObjectsV2", `{"bucketName":"<img src=x>"}`, ""),
		event("x", "s3", "<script>", "null", ""))
	var b bytes.Buffer
	if err := r.HTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, bad := range []string{"<script", "<img", "<b>new", "http://", "https://"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if !strings.Contains(page, "&lt;script&gt;alert(1)") {
		t.Error("the example is missing")
	}
}

// An SCP of 20 statements over calls of many sessions, once decoded.
func BenchmarkReplay(b *testing.B) {
	var s []string
	for i := range 20 {
		s = append(s, fmt.Sprintf(`{"Sid":"S%d","Effect":"Deny","Action":["ec2:Run*","s3:Delete*","kms:ScheduleKeyDeletion%d"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["ap-northeast-1","us-east-1"]},"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/admin%[1]d"}}}`, i, i))
	}
	scp := compile(b, policy.SCP, "guardrails", `{"Version":"2012-10-17","Statement":[`+strings.Join(s, ",")+`]}`)
	records := make([]call.Record, 0, 20_000)
	names := []string{"GetObject", "PutObject", "ListObjectsV2", "DeleteObject"}
	for i := range cap(records) {
		text := event(fmt.Sprint(i%500), "s3", names[i%4], fmt.Sprintf(`{"bucketName":"b%d","key":"k/%d"}`, i%50, i%5000), "")
		r, err := call.Read(text)
		if err != nil {
			b.Fatal(err)
		}
		records = append(records, r)
	}
	table, err := actions.Embedded()
	if err != nil {
		b.Fatal(err)
	}
	r, err := New(table, Proposal{Kind: policy.SCP, Policy: scp})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Add(&records[i%len(records)])
	}
}
