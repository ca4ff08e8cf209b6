package waf

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/yagura-sec/yagura"
)

func readers(name, text string) map[string]io.Reader {
	return map[string]io.Reader{name: strings.NewReader(text)}
}

// TestHostile sends what no honest client sends; everything must end soon.
func TestHostile(t *testing.T) {
	all := bytesIn(jsonField("ALL", `{"All":{}}`, ""), "CONTAINS", "evil", "URL_DECODE")
	a := compiled(t, doc([]string{
		rule1("json", 1, "Block", all),
		rule1("some", 2, "Block", bytesIn(jsonField("VALUE", `{"IncludedPaths":["/a/b","/0/0"]}`, ""), "EXACTLY", "evil")),
		rule1("headers", 3, "Block", bytesIn(`{"Headers":{"MatchPattern":{"All":{}},"MatchScope":"ALL","OversizeHandling":"CONTINUE"}}`, "EXACTLY", "evil", "HTML_ENTITY_DECODE")),
		rule1("cookies", 4, "Block", bytesIn(`{"Cookies":{"MatchPattern":{"All":{}},"MatchScope":"ALL","OversizeHandling":"CONTINUE"}}`, "EXACTLY", "evil")),
		rule1("args", 5, "Block", `{"SqliMatchStatement":{"SensitivityLevel":"HIGH",`+on(`{"AllQueryArguments":{}}`, "URL_DECODE_UNI")+`}}`),
		rule1("regex", 6, "Block", regex(body, `^(?=x?)(a|aa)+$`)),
		rule1("fwd", 7, "Block", inSet("s", `,"IPSetForwardedIPConfig":{"HeaderName":"X-F","FallbackBehavior":"NO_MATCH","Position":"ANY"}`)),
	}, ipSet("s", "IPV4", `"192.0.2.0/24"`)), Options{BodyLimit: 64 << 10})
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprintf("X-%d: %s", i, strings.Repeat("v", 20))
	}
	for name, words := range map[string][]string{
		"headers":   many,
		"deep json": {"body=" + strings.Repeat("[", 60_000)},
		"deep keys": {"body=" + strings.Repeat(`{"a":`, 12_000) + "1" + strings.Repeat("}", 10_000)},
		"utf-8":     {"body=\xff\xfe{\x00\"\xc3\x28\":\"\xed\xa0\x80\"}", "/\xff?\x80=\xfe", "Cookie: \xff=\xfe;;=;"},
		"regex":     {"body=" + strings.Repeat("a", 64<<10) + "!"},
		"arguments": {"/?" + strings.Repeat("a='&", 20_000)},
		"commas":    {"X-F: " + strings.Repeat(",", 50_000)},
		"escapes":   {`body={"a":"` + strings.Repeat(`\u0065`, 10_000) + `"}`},
	} {
		begin := time.Now()
		a.Decide(request(words...))
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
}

// FuzzDecide feeds targets, headers and bodies.
func FuzzDecide(f *testing.F) {
	a := compiled(f, twentyRules())
	j := compiled(f, doc([]string{rule1("j", 1, "Block", bytesIn(jsonField("ALL", `{"IncludedPaths":["/a","/b/0"]}`, `,"InvalidFallbackBehavior":"EVALUATE_AS_STRING"`), "CONTAINS", "x", "JS_DECODE"))}))
	f.Add("/a?b=c", "a=b; c", `{"a":[1,"x"]}`)
	f.Add("http://h/p#f", ";;=", `{"a":"\u00`)
	f.Fuzz(func(t *testing.T, uri, cookie, body string) {
		r := request("Cookie: "+cookie, "User-Agent: "+cookie, "body="+body)
		r.URI, r.Country = uri, "JP"
		for _, gate := range []*ACL{a, j} {
			if v := gate.Decide(r); v.Action == yagura.Undecided {
				t.Fatalf("a whole request is undecided: %q", v.Reasons)
			}
		}
	})
}

// TestLint looks for each code once.
func TestLint(t *testing.T) {
	text := doc([]string{
		rule1("early", 1, "Block", path("/a")),
		rule1("hidden", 2, "Allow", path("/abc")),
		rule1("upper", 3, "Block", bytesIn(uriPath, "CONTAINS", "Admin", "LOWERCASE")),
		rule1("slash", 4, "Block", path("login")),
		rule1("size", 5, "Block", size(body, "GT", 8192)),
		rule1("regex", 6, "Block", regex(uriPath, `(a)\\1`)),
		rule1("label", 7, "Block", labelled("nobody", "LABEL")),
		rule1("late", 8, "Block", labelled("later", "LABEL")),
		rule1("makes", 9, "Count", path("/x"), `"RuleLabels":[{"Name":"later"}]`),
		rule1("group", 10, "override Count", managed("AWSManagedRulesCommonRuleSet", `"RuleActionOverrides":[{"Name":"Nope","ActionToUse":{"Count":{}}}]`)),
		rule1("more", 11, "override None", managed("AWSManagedRulesATPRuleSet")),
		rule1("sqli", 12, "override None", managed("AWSManagedRulesSQLiRuleSet")),
		rule1("bad", 13, "override None", managed("AWSManagedRulesKnownBadInputsRuleSet")),
		rule1("linux", 14, "override None", managed("AWSManagedRulesLinuxRuleSet")),
		rule1("headers", 15, "Block", bytesIn(`{"Headers":{"MatchPattern":{"All":{}},"MatchScope":"ALL","OversizeHandling":"CONTINUE"}}`, "CONTAINS", "x")),
		rule1("slow", 16, "Block", `{"RateBasedStatement":{"Limit":5,"AggregateKeyType":"IP"}}`),
		rule1("empty", 17, "Block", inSet("s", "")),
	}, ipSet("s", "IPV4", ""), `{"LoggingConfiguration":{"ResourceArn":"arn:other"}}`)
	text = strings.Replace(text, `(a)\\\\1`, `(a)\\1`, 1)
	found := map[string]string{}
	for _, f := range Lint(bundleOf(t, text), Options{}) {
		if f.Line < 1 || f.Column < 1 || f.Path == "" || f.Message == "" {
			t.Errorf("%+v", f)
		}
		found[f.Code+" "+f.Rule] = f.Message
	}
	for _, want := range []string{
		"SHADOWED hidden", "NEVER_MATCHES upper", "NEVER_MATCHES slash", "SIZE_NEVER size", "REGEX_REFUSED regex", "LABEL_NEVER_MADE label",
		"LABEL_TOO_LATE late", "COUNT_DISARMS group", "UNKNOWN_OVERRIDE group", "NOT_SERVED more", "OVERSIZE_UNINSPECTED headers",
		"RATE_LIMIT_TOO_LOW slow", "EMPTY_IP_SET empty", "NO_LOGGING ", "WCU_NEAR_LIMIT ",
	} {
		if found[want] == "" {
			t.Errorf("no finding %s; found %v", want, found)
		}
	}
	good := doc([]string{rule1("a", 1, "Block", path("/a")), rule1("b", 2, "Allow", path("/b")), rule1("c", 3, "Count", path("/"))})
	if f := Lint(bundleOf(t, good), Options{}); len(f) != 0 {
		t.Errorf("%+v", f)
	}
}

func TestDiff(t *testing.T) {
	set := func(addresses string) string { return ipSet("s", "IPV4", addresses) }
	before := bundleOf(t, doc([]string{rule1("a", 1, "Block", path("/a")), rule1("b", 2, "Count", inSet("s", "")), rule1("c", 3, "Count", path("/c"))}, set(`"192.0.2.0/24"`)))
	after := bundleOf(t, doc([]string{rule1("b", 1, "Block", inSet("s", "")), rule1("a", 2, "Block", path("/A")), rule1("d", 3, "Block", regex(uriPath, "x"))}, set(`"192.0.2.0/24","198.51.100.0/24"`)))
	var got []string
	for _, d := range Diff(before.ACLs[0], after.ACLs[0]) {
		got = append(got, d.Sentence("en"))
		if ja := d.Sentence("ja"); ja == "" || strings.Contains(ja, "%!") {
			t.Errorf("%+v: %s", d, ja)
		}
	}
	want := []string{
		"rule c is gone; it was: COUNT URI path STARTS_WITH \"/c\"",
		"rule b moves: it stood after a, now after -",
		"rule b: action COUNT becomes BLOCK",
		"rule b: its IP set loses - and gains 198.51.100.0/24",
		"rule a moves: it stood after -, now after b",
		"rule a matches something else: URI path STARTS_WITH \"/a\" becomes URI path STARTS_WITH \"/A\"",
		"rule d is new: BLOCK URI path matches \"x\"",
		"WCU: 5 becomes 6",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if d := Diff(before.ACLs[0], before.ACLs[0]); len(d) != 0 {
		t.Errorf("%+v", d)
	}
}

// TestWCU adds up documented costs.
func TestWCU(t *testing.T) {
	for _, c := range []struct {
		statement string
		want      int64
	}{
		{path("/"), 2},
		{bytesIn(uriPath, "CONTAINS", "x"), 10},
		{bytesIn(uriPath, "CONTAINS", "x", "LOWERCASE"), 20},
		{anyStatement(bytesIn(uriPath, "CONTAINS", "x", "LOWERCASE"), bytesIn(uriPath, "CONTAINS", "y", "LOWERCASE")), 30},
		{bytesIn(`{"AllQueryArguments":{}}`, "EXACTLY", "x"), 12},
		{bytesIn(jsonField("ALL", `{"All":{}}`, ""), "CONTAINS", "x"), 20},
		{regex(uriPath, "x"), 3},
		{`{"SqliMatchStatement":{` + on(uriPath, "NONE") + `}}`, 20},
		{`{"XssMatchStatement":{` + on(uriPath, "NONE") + `}}`, 40},
		{notOf(`{"GeoMatchStatement":{"CountryCodes":["JP"]}}`), 1},
		{`{"RateBasedStatement":{"Limit":100,"AggregateKeyType":"IP","ScopeDownStatement":` + path("/") + `}}`, 4},
	} {
		if got, _, exact := compiled(t, doc([]string{rule1("r", 1, "Block", c.statement)})).WCU(); got != c.want || !exact {
			t.Errorf("%s: %d, want %d", c.statement, got, c.want)
		}
	}
}
