package iam

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// measured is one input of the benchmarks: policies as text and the requests that
// are asked of them in turn. Peers are given the same text (peer_test.go).
type measured struct {
	Name     string            `json:"name"`
	Identity []namedText       `json:"identity"`
	SCPs     []namedText       `json:"scps"` // one level, "Root"; nil: not in an organisation
	Requests []*access.Request `json:"requests"`
}

type namedText struct {
	Name string          `json:"name"`
	Text json.RawMessage `json:"text"`
}

func (m *measured) compile(b testing.TB) *Policies {
	b.Helper()
	all := func(kind policy.Kind, documents []namedText) []*Policy {
		var out []*Policy
		for _, d := range documents {
			compiled, err := Compile(d.Name, kind, d.Text)
			if err != nil {
				b.Fatal(err)
			}
			out = append(out, compiled)
		}
		return out
	}
	p := &Policies{Identity: all(policy.Identity, m.Identity)}
	if m.SCPs != nil {
		p.SCPs = []Level{{Name: "Root", Policies: all(policy.SCP, m.SCPs)}}
	}
	return p
}

// smallInput is one identity policy and one level of SCPs.
func smallInput() *measured {
	return &measured{
		Name: "small",
		Identity: []namedText{{"app", json.RawMessage(`{"Version":"2012-10-17","Statement":[
			{"Sid":"Read","Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/*"],
			 "Condition":{"Bool":{"aws:SecureTransport":"true"}}},
			{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}]}`)}},
		SCPs: []namedText{{"guardrails", json.RawMessage(`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"*","Resource":"*"},
			{"Sid":"Region","Effect":"Deny","NotAction":["iam:*","sts:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-west-1","eu-central-1"]}}}]}`)}},
		Requests: []*access.Request{benchRequest("s3:GetObject", "arn:aws:s3:::logs/2026/11/23.gz")},
	}
}

func benchRequest(action, resource string) *access.Request {
	return &access.Request{
		Principal: "arn:aws:sts::111122223333:assumed-role/app/i-1", Action: action, Resource: resource,
		ResourceAccount: "111122223333",
		Context: []access.Value{
			{Key: "aws:SecureTransport", Values: []string{"true"}},
			{Key: "aws:RequestedRegion", Values: []string{"eu-west-1"}},
			{Key: "aws:SourceIp", Values: []string{"203.0.113.7"}},
			{Key: "aws:UserAgent", Values: []string{"aws-sdk-go-v2/1.40"}},
		},
	}
}

func small(b testing.TB) (*Policies, *access.Request) {
	m := smallInput()
	return m.compile(b), m.Requests[0]
}

// managedInput are ten policies of the size and shape of AWS managed ones, about
// 90 kB of JSON: full access to some services, read access to all by long action
// lists, conditions on a few. They are made from the service data.
func managedInput(b testing.TB) *measured {
	table, err := actions.Embedded()
	if err != nil {
		b.Fatal(err)
	}
	m := &measured{Name: "managed"}
	add := func(name string, statements ...map[string]any) {
		text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
		if err != nil {
			b.Fatal(err)
		}
		m.Identity = append(m.Identity, namedText{name, text})
	}
	statement := func(actions any, condition map[string]any) map[string]any {
		s := map[string]any{"Effect": "Allow", "Action": actions, "Resource": "*"}
		if condition != nil {
			s["Condition"] = condition
		}
		return s
	}
	for _, service := range []string{"s3", "ec2", "lambda", "dynamodb", "cloudwatch", "sqs", "sns", "rds"} {
		add(service+"FullAccess", statement([]string{service + ":*", "kms:ListAliases", "iam:GetRole", "iam:ListRoles", "ec2:Describe*"}, nil),
			statement("iam:PassRole", map[string]any{"StringLike": map[string]any{"iam:PassedToService": service + ".amazonaws.com"}}))
	}
	var reads, some []string
	for id := range table.Len() {
		switch name := table.Name(actions.ID(id)); table.Level(actions.ID(id)) {
		case "Read", "List":
			if id%2 == 0 && len(reads) < 2400 {
				reads = append(reads, name)
			}
		case "Write":
			if id%50 == 0 {
				some = append(some, name)
			}
		}
	}
	add("ReadOnly", statement(reads, nil))
	add("Some", statement(some, map[string]any{"StringEquals": map[string]any{"aws:ResourceTag/team": "a"}}))
	for _, r := range [][2]string{
		{"s3:GetObject", "arn:aws:s3:::logs/2026/11/23.gz"},
		{"ec2:RunInstances", "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0"},
		{"iam:PassRole", "arn:aws:iam::111122223333:role/app"},
		{"sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:jobs"},
		{"glue:GetTable", "arn:aws:glue:eu-west-1:111122223333:table/sales/orders"},
		{"kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"},
		{"iam:CreateUser", "arn:aws:iam::111122223333:user/mika"},
	} {
		m.Requests = append(m.Requests, benchRequest(r[0], r[1]))
	}
	return m
}

func (m *measured) size() int {
	n := 0
	for _, d := range slices.Concat(m.Identity, m.SCPs) {
		n += len(d.Text)
	}
	return n
}

func BenchmarkDecideSmall(b *testing.B) {
	p, r := small(b)
	b.ReportAllocs()
	for b.Loop() {
		if p.Decide(r) != access.Allowed {
			b.Fatal("not allowed")
		}
	}
}

func BenchmarkDecideManaged(b *testing.B) {
	m := managedInput(b)
	p := m.compile(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.Decide(m.Requests[i%len(m.Requests)])
	}
	b.ReportMetric(float64(m.size())/1000, "kB-policies")
}

func BenchmarkExplain(b *testing.B) {
	p, r := small(b)
	b.ReportAllocs()
	for b.Loop() {
		p.Explain(r)
	}
}

func BenchmarkCompile(b *testing.B) {
	document := []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"arn:aws:s3:::logs/*"}]}`)
	b.SetBytes(int64(len(document)))
	for b.Loop() {
		if _, err := Compile("p", policy.Identity, document); err != nil {
			b.Fatal(err)
		}
	}
}

// TestDecideAllocatesNothing holds Decide to its word for every kind of policy.
func TestDecideAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool drop what it is given")
	}
	p, r := small(t)
	p.Resource = compile(t, policy.Resource, `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/app"},"Action":"s3:*","Resource":"*",
		"Condition":{"StringLike":{"aws:PrincipalArn":"*/app","aws:UserAgent":"aws-*"},"IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]},
		"DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"},"NumericLessThan":{"s3:max-keys":"100"},"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:${aws:PrincipalAccount}"}}}`)
	p.Boundaries = []*Policy{compile(t, policy.Boundary, `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::logs/${aws:PrincipalTag/year}/*"}`)}
	p.RCPs = []Level{{Policies: []*Policy{compile(t, policy.RCP, `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`)}}}
	for key, value := range map[string]string{
		"aws:CurrentTime": "2026-11-23T10:00:00Z", "s3:max-keys": "20", "aws:SourceArn": "arn:aws:sns:eu-west-1:1:111122223333", "aws:PrincipalTag/year": "2026",
	} {
		r.Context = append(r.Context, access.Value{Key: key, Values: []string{value}})
	}
	if got := p.Explain(r); got.Decision != access.Allowed {
		t.Fatalf("%+v", got)
	}
	if n := testing.AllocsPerRun(200, func() { p.Decide(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	for _, principal := range []string{"anonymous", "s3.amazonaws.com", mika, "arn:aws:iam::444455556666:root"} {
		r.Principal = principal
		if n := testing.AllocsPerRun(200, func() { p.Decide(r) }); n != 0 {
			t.Errorf("%s: %v allocations", principal, n)
		}
	}
}

func ExamplePolicies_Explain() {
	scp, err := Compile("p-guardrails", policy.SCP, []byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"*","Resource":"*"},
		{"Sid":"DenyOutsideTokyo","Effect":"Deny","NotAction":"iam:*","Resource":"*",
		 "Condition":{"StringNotEquals":{"aws:RequestedRegion":"ap-northeast-1"}}}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	policies := &Policies{SCPs: []Level{{Name: "OU Prod", Policies: []*Policy{scp}}}}
	verdict := policies.Explain(&access.Request{
		Principal: "arn:aws:iam::111122223333:user/mika",
		Action:    "ec2:StartInstances",
		Resource:  "arn:aws:ec2:us-east-1:111122223333:instance/i-1",
		Context:   []access.Value{{Key: "aws:RequestedRegion", Values: []string{"us-east-1"}}},
	})
	fmt.Println(verdict.Sentence)
	fmt.Println(verdict.SentenceJA)
	// Output:
	// Denied: SCP p-guardrails at OU Prod, statement DenyOutsideTokyo, because aws:RequestedRegion is us-east-1.
	// 拒否: SCP p-guardrails (OU Prod) のステートメント DenyOutsideTokyo (aws:RequestedRegion が us-east-1 のため)。
}
