package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// TestBadInput gives lines that must end in an answer or a clear error, without
// the memory growing. How long each takes is shown with -v.
func TestBadInput(t *testing.T) {
	line := func(policies, resource string) string {
		return `{"id":1,"request":{"principal":"` + mika + `","action":"s3:GetObject","resource":"` + resource + `","context":{"k:k":"` +
			strings.Repeat("a", 5000) + `"}},"identityPolicies":[` + policies + `]}`
	}
	statement := `{"Effect":"Allow","Action":"s3:GetObject","Resource":"%s"}`
	many := func(n int, resource string) string {
		var b strings.Builder
		b.WriteString(`{"Version":"2012-10-17","Statement":[`)
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, statement, strings.ReplaceAll(resource, "#", strconv.Itoa(i)))
		}
		return b.String() + "]}"
	}
	stars := "arn:aws:s3:::" + strings.Repeat("a*", 2000) + "b"
	long := "arn:aws:s3:::" + strings.Repeat("a", 2000)
	for name, test := range map[string]struct{ line, want string }{
		"not JSON":              {`{"id":`, "not JSON"},
		"truncated policy":      {`{"id":1,"request":{},"identityPolicies":[{"Statement"`, "not JSON"},
		"invalid UTF-8":         {"{\"id\":\"\xff\"}", "not valid UTF-8"},
		"deep nesting":          {line(strings.Repeat("[", 20000)+strings.Repeat("]", 20000), "*"), "not JSON"},
		"nested policy":         {line(strings.Repeat("[", 2000)+strings.Repeat("]", 2000), "*"), "nested deeper than"},
		"10,000 statements":     {line(many(10000, "arn:aws:s3:::b-#/*"), "arn:aws:s3:::b-9999/x"), "Allowed"},
		"5 MB":                  {line(many(60000, "arn:aws:s3:::bucket-#/*"), long), "at most 2097152 are read"},
		"exponential wildcards": {line(many(50, stars), long), "ImplicitlyDenied"},
		"wildcards both sides":  {line(many(20, stars), "arn:aws:s3:::"+strings.Repeat("?*a", 300)), "Unknown"},
		"wildcard condition": {line(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"k:k":"`+
			strings.Repeat("*a", 3000)+`b"}}}}`, long), "ImplicitlyDenied"},
		"control characters": {line(`{"Version":"2012-10-17","Statement":{"Sid":"\u001b[31m\u202e","Effect":"Allow","Action":"*","Resource":"*"}}`, "*"), `\\u001b[31m\\u202e`},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			var out bytes.Buffer
			if _, err := (Lines{}).Decide(strings.NewReader(test.line+"\n"), &out); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			t.Logf("%d bytes in %v, %d MB allocated in all, %d MB heap", len(test.line), time.Since(start).Round(time.Millisecond),
				(after.TotalAlloc-before.TotalAlloc)>>20, after.HeapAlloc>>20)
			if !strings.Contains(out.String(), test.want) {
				t.Errorf("got %.300s, want %s", out.String(), test.want)
			}
		})
	}
}

// TestLinesGoOn shows that a bad line costs only itself.
func TestLinesGoOn(t *testing.T) {
	in := strings.Join([]string{
		`{"id":"one","request":{"principal":"anonymous","action":"s3:GetObject","resource":"arn:aws:s3:::b/k"}}`,
		`{"id":"two","request":{"principal":5}}`,
		``,
		`{"id":"three"}`,
		`nonsense`,
		`{"id":"four","request":{"principal":"nobody at all:","action":"s3:GetObject","resource":"*"}}`,
		`{"id":"five","request":{"principal":"arn:aws:iam::1:usr/x","action":"s3:GetObject","resource":"*"}}`,
		`{"id":"six","request":{"principal":"anonymous","action":"s3:GetObject","resource":"arn:aws:s3:::b/k"},"scp":[]}`,
		`{"id":"seven","request":{"principal":"anonymous","action":"s3:GetObject","resource":"arn:aws:s3:::b/k"},"resourcePolicy":{"name":"b","policy":"{\"Statement\":\n[{}]}"}}`,
		`{"id":8,"request":{"principal":"anonymous","action":"s3:GetObject","resource":"arn:aws:s3:::b/k","context":{"a":{}}}}`,
		`{"id":9,"request":{"principal":"anonymous","action":"sts:GetCallerIdentity","resource":""}}`,
	}, "\n")
	var out bytes.Buffer
	bad, err := (Lines{}).Decide(strings.NewReader(in), &out)
	if err != nil || bad != 8 {
		t.Errorf("%d bad lines, %v", bad, err)
	}
	want := []string{
		`{"id":"one","decision":"ImplicitlyDenied","sentence":"Denied: no resource policy allows s3:GetObject on arn:aws:s3:::b/k.","blockedBy":["resource"],"matched":[],"missingKeys":[],"residual":null}`,
		`{"id":"two","line":2,"error":"request.principal must be a string"}`,
		`{"id":"three","line":4,"error":"the member request is missing"}`,
		`{"id":null,"line":5,"error":"not JSON: invalid character 'o' in literal null (expecting 'u')"}`,
		`{"id":"four","line":6,"error":"request: the principal is not an ARN`,
		`{"id":"five","line":7,"error":"request: the principal is not an ARN`,
		`{"id":"six","line":8,"error":"unknown member \"scp\"; write scps"}`,
		`{"id":"seven","line":9,"error":"resourcePolicy: policy b: line 2, column 2: Statement[0]: no Effect; write Allow or Deny\nline 2, column 2: Statement[0]: neither Action nor NotAction"}`,
		`{"id":8,"line":10,"error":"request.context \"a\": a value must be`,
		`{"id":9,"decision":"ImplicitlyDenied"`,
	}
	for i, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		if i >= len(want) || !strings.HasPrefix(line, want[i]) {
			t.Errorf("line %d: %s", i, line)
		}
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte(`{"id":1,"request":{"principal":"` + mika + `","action":"s3:GetObject","resource":"arn:aws:s3:::b/*","context":{"a":["b",1,true]}},"unknownKeys":["*"],"identityPolicies":[{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${a:b, 'x'}*","Condition":{"ForAnyValue:StringLikeIfExists":{"a":"${aws:username}*"}}}}],"scps":[{"level":"x","policies":[]}]}`))
	f.Add([]byte(`{"request":{"principal":"arn:aws:sts::1:assumed-role/a/b","action":"kms:Decrypt","resource":"*"},"kmsGrants":[{"granteePrincipal":":root","operations":["decrypt"]}]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, table := range []bool{false, true} {
			var out bytes.Buffer
			if _, err := (Lines{Table: table}).Decide(bytes.NewReader(line), &out); err != nil {
				t.Fatal(err)
			}
			for answer := range bytes.Lines(out.Bytes()) {
				if !table && !json.Valid(answer) {
					t.Fatalf("not JSON: %q", answer)
				}
			}
		}
	})
}

func FuzzConditionValues(f *testing.F) {
	f.Add("10.0.0.0/8", "10.0.0.1")
	f.Add("2026-01-01T00:00:00Z", "1767225600")
	f.Add("-1.50", "+1.5")
	f.Add("${a, 'b'}*", "arn:aws:s3:::x")
	f.Fuzz(func(t *testing.T, want, got string) {
		table := keyTable{seen: map[string]cardinality{"k": single}}
		e := &evaluation{request: &access.Request{}, entries: []entry{{keyHash("k"), "k", []string{got}, false}}}
		for name, op := range operators {
			values := []policy.Text{{Value: want}}
			key := policy.Text{Value: "k"}
			positive := compileCondition(&policy.Condition{Operator: policy.Text{Value: name}, Key: key, Values: values}, false, table)
			if op.negated || op.compare == isNull {
				continue
			}
			negated := positive
			negated.negated = true
			if a, b := positive.eval(e), negated.eval(e); a == yes && b == yes || a == open || b == open {
				t.Errorf("%s: %v, and %v when negated", name, a, b)
			}
		}
	})
}
