package waf

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
)

const arnPrefix = "arn:aws:wafv2:us-east-1:111122223333:regional/"

// doc is a web ACL and other resources as one JSON list.
func doc(rules []string, more ...string) string {
	all := append([]string{webACL(`"Rules":[` + strings.Join(rules, ",") + `]`)}, more...)
	return "[" + strings.Join(all, ",") + "]"
}

func webACL(members string) string {
	text := `{"WebACL":{"Name":"shop","ARN":"` + arnPrefix + `webacl/shop/1",` + members
	if !strings.Contains(members, `"DefaultAction"`) {
		text += `,"DefaultAction":{"Allow":{}}`
	}
	return text + `},"LockToken":"x"}`
}

func rule1(name string, priority int, action, statement string, more ...string) string {
	kind := `"Action":{"` + action + `":{}}`
	if strings.HasPrefix(action, "{") {
		kind = `"Action":` + action
	}
	if o, ok := strings.CutPrefix(action, "override "); ok {
		kind = `"OverrideAction":{"` + o + `":{}}`
	}
	return fmt.Sprintf(`{"Name":%q,"Priority":%d,%s,"Statement":%s%s}`, name, priority, kind, statement, strings.Join(append([]string{""}, more...), ","))
}

func group1(name string, rules []string, more ...string) string {
	return `{"RuleGroup":{"Name":"` + name + `","ARN":"` + arnPrefix + `rulegroup/` + name + `/1","Capacity":50,"Rules":[` +
		strings.Join(rules, ",") + `]` + strings.Join(append([]string{""}, more...), ",") + `}}`
}

func refer(name string, more ...string) string {
	return `{"RuleGroupReferenceStatement":{"ARN":"` + arnPrefix + `rulegroup/` + name + `/1"` + strings.Join(append([]string{""}, more...), ",") + `}}`
}

func on(field, transform string) string {
	return `"FieldToMatch":` + field + `,"TextTransformations":[{"Priority":0,"Type":"` + transform + `"}]`
}

func bytesIn(field, position, search string, transform ...string) string {
	return `{"ByteMatchStatement":{"PositionalConstraint":"` + position + `","SearchString":"` + search + `",` + on(field, append(transform, "NONE")[0]) + `}}`
}

const (
	uriPath = `{"UriPath":{}}`
	body    = `{"Body":{"OversizeHandling":"CONTINUE"}}`
)

func path(prefix string) string { return bytesIn(uriPath, "STARTS_WITH", prefix) }

func regex(field, pattern string) string {
	return fmt.Sprintf(`{"RegexMatchStatement":{"RegexString":%q,%s}}`, pattern, on(field, "NONE"))
}

func size(field, compare string, n int, transform ...string) string {
	return fmt.Sprintf(`{"SizeConstraintStatement":{"ComparisonOperator":%q,"Size":%d,%s}}`, compare, n, on(field, append(transform, "NONE")[0]))
}

func notOf(s string) string { return `{"NotStatement":{"Statement":` + s + `}}` }

func allOf(s ...string) string {
	return `{"AndStatement":{"Statements":[` + strings.Join(s, ",") + `]}}`
}

func anyStatement(s ...string) string {
	return `{"OrStatement":{"Statements":[` + strings.Join(s, ",") + `]}}`
}

func labelled(key, scope string) string {
	return `{"LabelMatchStatement":{"Key":"` + key + `","Scope":"` + scope + `"}}`
}

func managed(name string, more ...string) string {
	return `{"ManagedRuleGroupStatement":{"VendorName":"AWS","Name":"` + name + `"` + strings.Join(append([]string{""}, more...), ",") + `}}`
}

// tester is what the helpers need of testing.T and rapid.T.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func bundleOf(t tester, text string) *acl.Bundle {
	t.Helper()
	b, err := (&acl.Reader{SearchString: "plain"}).Parse("acl.json", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return b
}

func compiled(t tester, text string, o ...Options) *ACL {
	t.Helper()
	a, err := Compile(bundleOf(t, text), append(o, Options{})[0])
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// request builds a request from words: a method, a target, Name: value, client=,
// body=.
func request(words ...string) *yagura.Request {
	r := &yagura.Request{Method: "GET", URI: "/", Version: "HTTP/1.1", Host: "shop.example", Client: netip.MustParseAddr("192.0.2.1"), Time: 1_700_000_000_000_000}
	for _, w := range words {
		name, value, isHeader := strings.Cut(w, ": ")
		switch {
		case isHeader:
			r.Headers = append(r.Headers, yagura.Header{Name: name, Value: value})
		case strings.HasPrefix(w, "/"):
			r.URI = w
		case strings.HasPrefix(w, "client="):
			r.Client = netip.MustParseAddr(w[7:])
		case strings.HasPrefix(w, "country="):
			r.Country = w[8:]
		case strings.HasPrefix(w, "body="):
			r.Body, r.Method = []byte(w[5:]), "POST"
			r.BodySize = int64(len(r.Body))
		default:
			r.Method = w
		}
	}
	return r
}

func wantAction(t *testing.T, a *ACL, want yagura.Action, words ...string) *yagura.Verdict {
	t.Helper()
	v := a.Decide(request(words...))
	if v.Action != want {
		shown := strings.Join(words, " ")
		t.Errorf("%s: %s by %q, want %s (reasons %q)", shown[:min(len(shown), 200)], v.Action, v.Rule, want, v.Reasons)
	}
	return v
}

// blocks checks a statement in a single Block rule.
func blocks(t *testing.T, statement string, want bool, words ...string) {
	t.Helper()
	action := yagura.Allow
	if want {
		action = yagura.Block
	}
	wantAction(t, compiled(t, doc([]string{rule1("r", 1, "Block", statement)})), action, words...)
}
