package waf

import (
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
)

// TestFoldedLiteral guards the shortcut for patterns that are one literal: a
// letter beyond ASCII ends what the shortcut knows.
func TestFoldedLiteral(t *testing.T) {
	blocks(t, regex(uriPath, "(?i)caf\u00e9x"), false, "/caf")
	blocks(t, regex(uriPath, "(?i)caf\u00e9x"), true, "/CAF\u00e9X")
	blocks(t, regex(uriPath, "caf\u00e9x"), false, "/caf")
}

// TestPartOfBody asks about a body of which a record holds only the beginning:
// what the rest could change is unknown.
func TestPartOfBody(t *testing.T) {
	for _, c := range []struct {
		name, statement string
		want            yagura.Action
	}{
		{"exactly", bytesIn(body, "EXACTLY", "abc"), yagura.Undecided},
		{"ends", bytesIn(body, "ENDS_WITH", "bc"), yagura.Undecided},
		{"starts", bytesIn(body, "STARTS_WITH", "ab"), yagura.Block},
		{"contains", bytesIn(body, "CONTAINS", "b"), yagura.Block},
		{"contains in lower case", bytesIn(body, "CONTAINS", "b", "LOWERCASE"), yagura.Block},
		{"word at the end", bytesIn(body, "CONTAINS_WORD", "abc"), yagura.Undecided},
		{"hash", bytesIn(body, "EXACTLY", "900150983cd24fb0d6963f7d28e17f72", "MD5"), yagura.Undecided},
		{"regex", regex(body, "^abc$"), yagura.Undecided},
		{"less", size(body, "LT", 5), yagura.Allow},
		{"equal", size(body, "EQ", 3), yagura.Allow},
		{"greater", size(body, "GT", 5), yagura.Block},
		{"not contains", notOf(bytesIn(body, "CONTAINS", "zzz")), yagura.Undecided},
		{"fallback", `{"ByteMatchStatement":{"PositionalConstraint":"EXACTLY","SearchString":"abc",` +
			on(`{"JsonBody":{"MatchPattern":{"All":{}},"MatchScope":"ALL","InvalidFallbackBehavior":"NO_MATCH"}}`, "NONE") + `}}`, yagura.Allow},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := compiled(t, doc([]string{rule1("r", 1, "Block", c.statement)}))
			r := request("POST", "body=abc")
			r.BodySize = 900
			if v := a.Decide(r); v.Action != c.want && c.name != "fallback" {
				t.Errorf("a part of known length: %s, want %s", v.Action, c.want)
			}
			r.Missing, r.BodySize = yagura.PartBody, -1
			want := c.want
			if want == yagura.Allow || c.name == "greater" {
				want = yagura.Undecided // The length is not known either.
			}
			if v := a.Decide(r); v.Action != want {
				t.Errorf("a part of unknown length: %s, want %s", v.Action, want)
			}
			if n := int64(len(r.Body)); c.want == yagura.Undecided {
				r.Missing, r.BodySize = 0, n
				if v := a.Decide(r); v.Action != yagura.Block {
					t.Errorf("the whole: %s, want BLOCK", v.Action)
				}
			}
		})
	}
	json := `{"ByteMatchStatement":{"PositionalConstraint":"EXACTLY","SearchString":"abc",` +
		on(`{"JsonBody":{"MatchPattern":{"All":{}},"MatchScope":"ALL","InvalidFallbackBehavior":"NO_MATCH"}}`, "NONE") + `}}`
	a := compiled(t, doc([]string{rule1("r", 1, "Block", json)}))
	r := request("POST", `body={"k":"abc",`)
	r.BodySize = 900
	if v := a.Decide(r); v.Action != yagura.Undecided {
		t.Errorf("JSON whose rest may be invalid: %s, want UNDECIDED", v.Action)
	}
}

// TestStrayBeforeFirst has many requests of unknown clients before the first one
// of a known client: they may all have been its own.
func TestStrayBeforeFirst(t *testing.T) {
	a := compiled(t, doc([]string{rule1("r", 1, "Block", `{"RateBasedStatement":{"Limit":10,"AggregateKeyType":"IP"}}`)}))
	for i := range 40 {
		r := request("/")
		r.Time += int64(i) * 1_000_000
		r.Client, r.Missing = r.Client.Next(), yagura.PartClient
		r.Client = r.Client.Prev()
		r.Client = (&yagura.Request{}).Client
		a.Decide(r)
	}
	r := request("/")
	r.Time += 60_000_000
	if v := a.Decide(r); v.Action != yagura.Undecided {
		t.Errorf("%s, want UNDECIDED", v.Action)
	}
}

// TestLongRepeats repeats more often than Go's expressions can.
func TestLongRepeats(t *testing.T) {
	long := func(n int) string { return "/" + strings.Repeat("a", n-1) }
	for _, c := range []struct {
		pattern string
		yes, no int
	}{
		{`^.{1,2048}$`, 2048, 2049},
		{`^.{1500}$`, 1500, 1499},
		{`^/a{1200,}$`, 4000, 1200},
		{`^(?:/|a){3,1001}?$`, 1001, 1002},
		{`^[/\x61]{0,1001}$`, 1001, 1002},
	} {
		blocks(t, regex(uriPath, c.pattern), true, long(c.yes))
		blocks(t, regex(uriPath, c.pattern), false, long(c.no))
	}
	for _, pattern := range []string{`a{1,99999999999}`, `(?:a{500}){1500}`, `a{70000}`, `a{1001}+`} {
		if _, err := newPattern(pattern); err == nil {
			t.Errorf("%s is taken", pattern)
		}
	}
}

// TestSingleJSONValue inspects JSON texts that are no object or array.
func TestSingleJSONValue(t *testing.T) {
	field := func(pattern, fallback string) string {
		return `{"JsonBody":{"MatchPattern":` + pattern + `,"MatchScope":"VALUE","InvalidFallbackBehavior":"` + fallback + `"}}`
	}
	all, below := `{"All":{}}`, `{"IncludedPaths":["/a"]}`
	blocks(t, bytesIn(field(all, "NO_MATCH"), "EXACTLY", "evil"), true, `body= "ev\u0069l" `)
	blocks(t, bytesIn(field(all, "NO_MATCH"), "EXACTLY", "12"), true, `body=12`)
	blocks(t, bytesIn(field(below, "MATCH"), "EXACTLY", "evil"), false, `body="evil"`)
	blocks(t, bytesIn(field(all, "MATCH"), "EXACTLY", "x"), true, `body="evil" and more`)
	blocks(t, bytesIn(field(all, "MATCH"), "EXACTLY", "x"), true, `body=a=b`)
}

// TestMachineLearningOff leaves out the rules that a web ACL has switched off:
// they cannot make a verdict unknown.
func TestMachineLearningOff(t *testing.T) {
	for setting, want := range map[string]bool{`,"EnableMachineLearning":false`: false, `,"EnableMachineLearning":true`: true, "": true} {
		a := compiled(t, doc([]string{rule1("bots", 1, "override None", managed("AWSManagedRulesBotControlRuleSet",
			`"ManagedRuleGroupConfigs":[{"AWSManagedRulesBotControlRuleSet":{"InspectionLevel":"TARGETED"`+setting+`}}]`))}))
		got := strings.Contains(strings.Join(a.Warnings(), " "), "TGT_ML_")
		if got != want || !strings.Contains(strings.Join(a.Warnings(), " "), "TGT_TokenAbsent") {
			t.Errorf("%s: rules of machine learning: %t, want %t", setting, got, want)
		}
	}
}
