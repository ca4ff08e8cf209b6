package iam

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// world is a drawn question: documents as JSON values, and the request.
type world struct{ reference }

func pick[T any](t *rapid.T, label string, from ...T) T {
	return rapid.SampledFrom(from).Draw(t, label)
}

// some draws one to three of a list, as a string if it is one.
func some(t *rapid.T, label string, from ...string) any {
	n := pick(t, label+" count", 1, 1, 2, 3)
	out := make([]any, n)
	for i := range out {
		out[i] = pick(t, label, from...)
	}
	if n == 1 {
		return out[0]
	}
	return out
}

var (
	drawnActions   = []string{"*", "s3:*", "s3:Get*", "S3:getobject", "s3:Put?bject", "kms:*", "kms:Decrypt", "s3:G*t*t", "s3", "s*:GetObject", "s3:GetObject ", "*:*"}
	drawnResources = []string{
		"*", "arn:aws:s3:::a/*", "arn:aws:s3:::a/x", "arn:aws:s3:::${aws:username}/*", "arn:aws:s3:::${aws:PrincipalTag/t, 'a'}/x", "arn:aws:s3",
		"arn:*:s3:::?/*", "arn:aws:kms:*:111122223333:key/*", "arn:aws:kms:*:key/k", "arn:aws:s3:*", "arn:aws:*:::a/x", "a/x", "arn:aws:s3:::${*}/x",
	}
	drawnPrincipals = []string{
		"arn:aws:iam::111122223333:user/mika", "arn:aws:sts::111122223333:assumed-role/app/s", "arn:aws:iam::444455556666:user/far",
		"arn:aws:iam::111122223333:root", "anonymous", "s3.amazonaws.com",
	}
	drawnNamed = []string{
		"*", "111122223333", "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/mika", "arn:aws:iam::111122223333:role/app",
		"arn:aws:sts::111122223333:assumed-role/app/s", "444455556666", "arn:aws:iam::444455556666:user/far", "arn:aws:iam::111122223333:role/*", "AROAEXAMPLE",
	}
	drawnKeys   = []string{"k:s", "k:n", "aws:TagKeys", "aws:PrincipalTag/t", "aws:PrincipalArn", "aws:username"}
	drawnValues = []string{
		"a", "A", "b", "", "mika", "a*", "?", "1", "1.0", "10", "-2", "true", "False", "10.0.0.1", "10.0.0.0/8", "::1", "2026-01-01T00:00:00Z",
		"2026-01-01T09:00:00+09:00", "QQ==", "arn:aws:s3:::a/x", "arn:aws:s3:*:*:a*", "arn:*", "${aws:username}", "${k:s}", "${aws:TagKeys}", "${k:none, 'b'}", "${*}",
		"arn:aws:iam::111122223333:*",
	}
	drawnOperators = []string{
		"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike", "ArnLike", "ArnNotEquals",
		"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
		"DateEquals", "DateNotEquals", "DateLessThan", "DateGreaterThanEquals", "Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "Strange",
	}
)

func drawConditions(t *rapid.T) map[string]any {
	out := map[string]any{}
	for range pick(t, "conditions", 0, 0, 1, 1, 2) {
		operator := pick(t, "quantifier", "", "", "ForAllValues:", "ForAnyValue:")
		if pick(t, "null", false, false, false, true) {
			out[operator+"Null"] = map[string]any{pick(t, "key", drawnKeys...): pick(t, "bool", "true", "false")}
			continue
		}
		operator += pick(t, "operator", drawnOperators...) + pick(t, "suffix", "", "", "IfExists")
		out[operator] = map[string]any{pick(t, "key", drawnKeys...): some(t, "value", drawnValues...)}
	}
	return out
}

func drawDocument(t *rapid.T, principals bool) any {
	statements := []any{}
	for range pick(t, "statements", 1, 1, 2, 3) {
		s := map[string]any{
			"Effect": pick(t, "effect", "Allow", "Allow", "Allow", "Deny"),
			pick(t, "action element", "Action", "Action", "Action", "NotAction"):           some(t, "action", drawnActions...),
			pick(t, "resource element", "Resource", "Resource", "Resource", "NotResource"): some(t, "resource", drawnResources...),
		}
		if c := drawConditions(t); len(c) > 0 {
			s["Condition"] = c
		}
		if element := pick(t, "principal element", "Principal", "Principal", "Principal", "NotPrincipal", ""); principals && element != "" {
			s[element] = map[string]any{"AWS": some(t, "named", drawnNamed...)}
			if pick(t, "service", false, false, true) {
				s[element] = map[string]any{"Service": "s3.amazonaws.com"}
			}
		}
		statements = append(statements, s)
	}
	return map[string]any{"Version": pick(t, "version", "2012-10-17", "2012-10-17", "2008-10-17"), "Statement": statements}
}

func drawWorld(t *rapid.T) *world {
	w := &world{}
	many := func(label string, principals bool, counts ...int) (out []any) {
		for range pick(t, label, counts...) {
			out = append(out, drawDocument(t, principals))
		}
		return out
	}
	w.identity = many("identity", false, 0, 1, 1, 2)
	w.boundary = many("boundary", false, 0, 0, 0, 1)
	w.session = many("session", false, 0, 0, 0, 1)
	w.endpoint = many("endpoint", true, 0, 0, 0, 1)
	if pick(t, "resource policy", true, false) {
		w.resource = drawDocument(t, true)
	}
	for range pick(t, "scp levels", 0, 0, 0, 1, 2) {
		w.scps = append(w.scps, append(many("scp", false, 0, 1), map[string]any{
			"Statement": []any{map[string]any{"Effect": "Allow", "Action": "*", "Resource": "*"}},
		}))
	}
	if pick(t, "rcp level", false, false, true) {
		w.rcps = [][]any{many("rcp", true, 1)}
		for _, d := range w.rcps[0] { // RCPs take no NotPrincipal
			for _, s := range d.(map[string]any)["Statement"].([]any) {
				delete(s.(map[string]any), "NotPrincipal")
			}
		}
	}
	w.hasRCP = true
	w.req = access.Request{
		Principal: pick(t, "caller", drawnPrincipals...), Action: pick(t, "asked", "s3:GetObject", "s3:PutObject", "kms:Decrypt"),
		Resource: pick(t, "target", "arn:aws:s3:::a/x", "arn:aws:s3:::mika/x", "arn:aws:s3:::b/y:z"), ResourceAccount: "111122223333",
	}
	if w.req.Action == "kms:Decrypt" {
		w.req.Resource = "arn:aws:kms:eu-west-1:111122223333:key/k"
	}
	w.req.Context = drawContext(t)
	return w
}

func drawContext(t *rapid.T) (out []access.Value) {
	for _, key := range []string{"k:s", "k:n", "aws:TagKeys", "aws:PrincipalTag/t"} {
		if pick(t, "has "+key, true, false) {
			v := access.Value{Key: pick(t, "spelling", key, strings.ToUpper(key)), Multi: key == "aws:TagKeys"}
			for range pick(t, "values of "+key, 1, 1, 2) {
				v.Values = append(v.Values, pick(t, key, drawnValues...))
			}
			if !v.Multi {
				v.Values = v.Values[:1]
			}
			out = append(out, v)
		}
	}
	return out
}

func (w *world) compile(t *rapid.T) *Policies {
	one := func(document any, kind policy.Kind) *Policy {
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile("p", kind, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return p
	}
	list := func(documents []any, kind policy.Kind) (out []*Policy) {
		for _, d := range documents {
			out = append(out, one(d, kind))
		}
		return out
	}
	p := &Policies{
		Identity: list(w.identity, policy.Identity), Boundaries: list(w.boundary, policy.Boundary),
		Session: list(w.session, policy.Session), Endpoint: list(w.endpoint, policy.Endpoint),
	}
	if w.resource != nil {
		p.Resource = one(w.resource, policy.Resource)
	}
	for _, level := range w.scps {
		p.SCPs = append(p.SCPs, Level{Name: "L", Policies: list(level, policy.SCP)})
	}
	for _, level := range w.rcps {
		p.RCPs = append(p.RCPs, Level{Name: "L", Policies: list(level, policy.RCP)})
	}
	return p
}

func show(w *world) string {
	text, _ := json.Marshal(map[string]any{
		"identity": w.identity, "boundary": w.boundary, "session": w.session, "endpoint": w.endpoint,
		"resource": w.resource, "scps": w.scps, "rcps": w.rcps, "request": w.req,
	})
	return string(text)
}

func agreesWithReference(t *rapid.T) {
	w := drawWorld(t)
	p := w.compile(t)
	got, want := p.Decide(&w.req), w.decide()
	if got != want {
		t.Fatalf("engine %v, reference %v\n%s", got, want, show(w))
	}
	v := p.Explain(&w.req)
	if v.Decision != got {
		t.Fatalf("Explain says %v, Decide %v", v.Decision, got)
	}
	if blocked := len(v.BlockedBy) > 0; blocked != (got != access.Allowed) {
		t.Fatalf("%v blocked by %q\n%s", got, v.BlockedBy, show(w))
	}
}

func TestAgreesWithReference(t *testing.T) { rapid.Check(t, agreesWithReference) }

func FuzzAgreesWithReference(f *testing.F) { f.Fuzz(rapid.MakeFuzz(agreesWithReference)) }

// TestDenyNeverWidens adds a Deny anywhere: what was not allowed stays so.
func TestDenyNeverWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := w.compile(t).Decide(&w.req)
		s := drawDocument(t, true).(map[string]any)["Statement"].([]any)[0].(map[string]any)
		s["Effect"] = "Deny"
		if w.resource != nil && pick(t, "where", true, false) {
			d := w.resource.(map[string]any)
			d["Statement"] = append(d["Statement"].([]any), s)
		} else {
			delete(s, "Principal")
			delete(s, "NotPrincipal")
			w.identity = append(w.identity, map[string]any{"Version": "2012-10-17", "Statement": s})
		}
		if after := w.compile(t).Decide(&w.req); after == access.Allowed && before != access.Allowed {
			t.Fatalf("%v became %v\n%s", before, after, show(w))
		}
	})
}

// TestLimitsNeverAdd adds a boundary, an SCP level or a session policy.
func TestLimitsNeverAdd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := w.compile(t).Decide(&w.req)
		d := drawDocument(t, false)
		switch pick(t, "limit", "boundary", "scp", "session") {
		case "boundary":
			if len(w.boundary) > 0 {
				return // a second one is taken together with the first
			}
			w.boundary = []any{d}
		case "session":
			if len(w.session) > 0 {
				return
			}
			w.session = []any{d}
		default:
			w.scps = append(w.scps, []any{d})
		}
		if after := w.compile(t).Decide(&w.req); after == access.Allowed && before != access.Allowed {
			t.Fatalf("%v became %v\n%s", before, after, show(w))
		}
	})
}

// TestOrderAndSplitting turns statements round and splits them by action.
func TestOrderAndSplitting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := w.compile(t).Decide(&w.req)
		for _, d := range w.identity {
			doc := d.(map[string]any)
			var split []any
			for _, item := range doc["Statement"].([]any) {
				s := item.(map[string]any)
				if s["Action"] == nil {
					split = append(split, s)
					continue
				}
				for _, action := range refStrings(s["Action"]) {
					one := maps.Clone(s)
					one["Action"] = action
					split = append(split, one)
				}
			}
			slices.Reverse(split)
			doc["Statement"] = split
		}
		if after := w.compile(t).Decide(&w.req); after != before {
			t.Fatalf("%v became %v\n%s", before, after, show(w))
		}
	})
}

// TestPartialAgrees hides keys: whatever they turn out to be, a definite answer
// holds, and the residual says when the request is allowed.
func TestPartialAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		p := w.compile(t)
		hidden := w.req
		hidden.Context = nil
		var open []string
		for _, key := range []string{"k:s", "k:n", "aws:TagKeys", "aws:PrincipalTag/t"} {
			if pick(t, "hide "+key, true, false) {
				open = append(open, key)
			}
		}
		isOpen := func(key string) bool {
			return slices.ContainsFunc(open, func(o string) bool { return strings.EqualFold(o, key) })
		}
		for _, v := range w.req.Context {
			if !isOpen(v.Key) {
				hidden.Context = append(hidden.Context, v)
			}
		}
		hidden.Unknown = open
		partial := p.Decide(&hidden)
		if partial == access.Unknown {
			if v := p.Explain(&hidden); v.Residual == nil || len(v.MissingKeys) == 0 {
				t.Fatalf("Unknown without residual: %+v\n%s", v, show(w))
			}
		}
		for range 5 {
			full := w.req
			full.Context = slices.Clone(hidden.Context)
			for _, v := range drawContext(t) {
				if isOpen(v.Key) {
					full.Context = append(full.Context, v)
				}
			}
			got := p.Decide(&full)
			if partial != access.Unknown && (got == access.Allowed) != (partial == access.Allowed) {
				t.Fatalf("%v with %v unknown, but %v with %+v\n%s", partial, open, got, full.Context, show(w))
			}
			if partial == access.ExplicitlyDenied && got != partial {
				t.Fatalf("%v with %v unknown, but %v with %+v\n%s", partial, open, got, full.Context, show(w))
			}
		}
	})
}
