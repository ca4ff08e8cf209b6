package iam

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// small is one identity policy and one level of SCPs.
func small(b testing.TB) (*Policies, *access.Request) {
	p := &Policies{
		Identity: []*Policy{compile(b, policy.Identity, `
			{"Sid":"Read","Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/*"],
			 "Condition":{"Bool":{"aws:SecureTransport":"true"}}},
			{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}`)},
		SCPs: []Level{{Name: "Root", Policies: []*Policy{compile(b, policy.SCP, `
			{"Effect":"Allow","Action":"*","Resource":"*"},
			{"Sid":"Region","Effect":"Deny","NotAction":["iam:*","sts:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-west-1","eu-central-1"]}}}`)}}},
	}
	return p, &access.Request{
		Principal: "arn:aws:sts::111122223333:assumed-role/app/i-1", Action: "s3:GetObject", Resource: "arn:aws:s3:::logs/2026/11/23.gz",
		ResourceAccount: "111122223333",
		Context: []access.Value{
			{Key: "aws:SecureTransport", Values: []string{"true"}},
			{Key: "aws:RequestedRegion", Values: []string{"eu-west-1"}},
			{Key: "aws:SourceIp", Values: []string{"203.0.113.7"}},
			{Key: "aws:UserAgent", Values: []string{"aws-sdk-go-v2/1.40"}},
		},
	}
}

// managed are ten policies of the size and shape of AWS managed ones, about 94 kB
// of JSON: full access to some services, read access to all by long action lists,
// conditions on a few. They are made from the service data.
func managed(b testing.TB) (*Policies, int) {
	table, err := actions.Embedded()
	if err != nil {
		b.Fatal(err)
	}
	p, size := &Policies{}, 0
	add := func(name string, statements ...map[string]any) {
		text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
		if err != nil {
			b.Fatal(err)
		}
		size += len(text)
		compiled, err := Compile(name, policy.Identity, text)
		if err != nil {
			b.Fatal(err)
		}
		p.Identity = append(p.Identity, compiled)
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
	return p, size
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
	p, size := managed(b)
	var requests []*access.Request
	for _, action := range []string{"s3:GetObject", "ec2:RunInstances", "iam:PassRole", "sqs:SendMessage", "glue:GetTable", "kms:Decrypt", "iam:CreateUser"} {
		_, r := small(b)
		r.Action, r.Resource = action, "arn:aws:"+action[:3]+":eu-west-1:111122223333:thing/x"
		requests = append(requests, r)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.Decide(requests[i%len(requests)])
	}
	b.ReportMetric(float64(size)/1000, "kB-policies")
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
