package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	d, err := Parse(Resource, []byte(`{
  "Version": "2012-10-17", "Id": "x",
  "Statement": {"Sid": "One", "Effect": "Deny", "NotPrincipal": {"AWS": ["1", "2"], "Service": "ec2.amazonaws.com"},
    "NotAction": "s3:*", "NotResource": ["a", "b"],
    "Condition": {"Bool": {"aws:SecureTransport": false}, "NumericLessThan": {"s3:max-keys": [10, "20"]}}}
}`))
	if err != nil {
		t.Fatal(err)
	}
	s := d.Statements[0]
	var got []string
	for _, p := range s.Principals {
		got = append(got, p.Type+"="+p.ID.Value)
	}
	for _, c := range s.Conditions {
		for _, v := range c.Values {
			got = append(got, c.Operator.Value+" "+c.Key.Value+" "+v.Value)
		}
	}
	want := []string{
		"AWS=1", "AWS=2", "Service=ec2.amazonaws.com",
		"Bool aws:SecureTransport false", "NumericLessThan s3:max-keys 10", "NumericLessThan s3:max-keys 20",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !s.Deny || !s.NotPrincipal || !s.NotAction || !s.NotResource || !d.Variables() || d.ID.Value != "x" {
		t.Errorf("flags: %+v", s)
	}
	if line, column := d.Position(s.Sid.Offset); line != 3 || column != 24 {
		t.Errorf("Sid at %d:%d", line, column)
	}
}

// TestParseErrors gives each malformed document and where its error must point.
func TestParseErrors(t *testing.T) {
	statement := func(s string) string { return `{"Statement":[` + s + `]}` }
	for name, test := range map[string]struct {
		kind Kind
		src  string
		want string
	}{
		"empty":             {Identity, " ", "line 1, column 2: the document is empty"},
		"not JSON":          {Identity, "{\n  Version: 1}", "line 2, column 3: unexpected 'V', want a member's name in quotes"},
		"truncated":         {Identity, `{"Statement": [{"Effect"`, "line 1, column 25: unexpected end of the document, want ':'"},
		"trailing":          {Identity, `{} {}`, "line 1, column 4: unexpected '{' after the end of the document"},
		"trailing comma":    {Identity, `{"Statement":[],}`, "line 1, column 17: unexpected '}', want a member's name in quotes"},
		"list":              {Identity, `[]`, "line 1, column 1: a policy is an object, this is a list"},
		"invalid UTF-8":     {Identity, "{\"\xff\":1}", "line 1, column 3: invalid UTF-8"},
		"lone surrogate":    {Identity, `{"\ud800":1}`, "line 1, column 3: lone surrogate in a string"},
		"control character": {Identity, "{\"a\n\":1}", "line 1, column 4: control character 0x0a in a string; write it as an escape"},
		"version":           {Identity, `{"Version":"2012-10-18","Statement":[]}`, `line 1, column 12: Version: version "2012-10-18"; write 2012-10-17`},
		"no statement":      {Identity, `{}`, "line 1, column 1: the policy has no Statement"},
		"case of element":   {Identity, `{"statement":[]}`, `line 1, column 2: unknown element "statement"; write Statement`},
		"effect":            {Identity, statement(`{"Effect":"allow","Action":"*","Resource":"*"}`), `Statement[0].Effect: effect "allow"; write Allow or Deny`},
		"no effect":         {Identity, statement(`{"Action":"*","Resource":"*"}`), "no Effect"},
		"no action":         {Identity, statement(`{"Effect":"Allow","Resource":"*"}`), "neither Action nor NotAction"},
		"both actions":      {Identity, statement(`{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}`), "both Action and NotAction"},
		"no resource":       {Identity, statement(`{"Effect":"Allow","Action":"*"}`), "neither Resource nor NotResource"},
		"principal":         {SCP, statement(`{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}`), "a policy of kind scp may not name a Principal"},
		"bare principal":    {Resource, statement(`{"Effect":"Allow","Action":"*","Principal":"123456789012"}`), "a bare principal can only be"},
		"principal type":    {Resource, statement(`{"Effect":"Allow","Action":"*","Principal":{"Aws":"*"}}`), `unknown element "Aws"; write AWS`},
		"repeated key":      {Identity, statement(`{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}`), `"Effect" stands twice`},
		"condition null":    {Identity, statement(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"a":null}}}`), "want a string, this is null"},
		"number as action":  {Identity, statement(`{"Effect":"Allow","Action":1,"Resource":"*"}`), "want a string, this is a number"},
		"deep":              {Identity, strings.Repeat("[", 100000), "nested deeper than 32 levels"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(test.kind, []byte(test.src))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			var e *Error
			if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 {
				t.Errorf("no position in %v", err)
			}
		})
	}
}

func TestParseReportsEachError(t *testing.T) {
	_, err := Parse(Identity, []byte(`{"Statement":[{"Effect":"x"},
{"Effect":"Allow","Action":"*","Resource":"*","Foo":1}]}`))
	want := "line 1, column 15: Statement[0]: neither Action nor NotAction\n" +
		"line 1, column 15: Statement[0]: neither Resource nor NotResource, which only resource policies may leave out\n" +
		"line 1, column 25: Statement[0].Effect: effect \"x\"; write Allow or Deny\n" +
		"line 2, column 47: Statement[1]: unknown element \"Foo\"; known are " + statementElements
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Error(diff)
	}
}

func TestParseIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"Statement":[`)
	for i := 0; b.Len() < maxSize-200; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"Sid":"S%d","Effect":"Allow","Action":["s3:Get*","s3:Put*"],"Resource":"arn:aws:s3:::bucket-%d/*"}`, i, i)
	}
	b.WriteString(`]}`)
	start := time.Now()
	d, err := Parse(Identity, []byte(b.String()))
	if err != nil || len(d.Statements) < 15000 {
		t.Fatal(err)
	}
	t.Logf("%d MiB in %v", maxSize>>20, time.Since(start))
	b.WriteString(strings.Repeat(" ", 3<<20))
	if _, err := Parse(Identity, []byte(b.String())); err == nil || !strings.Contains(err.Error(), "at most 2097152 are read") {
		t.Errorf("5 MB: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"a":[true,"x",1.5e3]}}}]}`))
	f.Add([]byte("{\"\\ud83d\\ude00\":\"\\u0041\",\"Statement\":{\"Effect\":\"Deny\",\"NotAction\":[],\"Principal\":\"*\"}}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		for kind := Identity; kind <= Endpoint; kind++ {
			d, err := Parse(kind, src)
			if (d == nil) == (err == nil) {
				t.Fatalf("document %v with error %v", d, err)
			}
			if d == nil {
				continue
			}
			for _, s := range d.Statements {
				if line, column := d.Position(s.Offset); src[s.Offset] != '{' || line < 1 || column < 1 {
					t.Fatalf("statement at offset %d, %d:%d", s.Offset, line, column)
				}
			}
		}
	})
}
