package waf

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
)

// fixedPlaces knows 198.51.100.0/24.
type fixedPlaces struct{}

func (fixedPlaces) Country(a netip.Addr) (string, string) {
	if netip.MustParsePrefix("198.51.100.0/24").Contains(a) {
		return "JP", "13"
	}
	return "", ""
}

func (fixedPlaces) ASN(a netip.Addr) int64 {
	if netip.MustParsePrefix("198.51.100.0/24").Contains(a) {
		return 64500
	}
	return 0
}

func ipSet(name, version, addresses string) string {
	return `{"IPSet":{"Name":"` + name + `","ARN":"` + arnPrefix + `ipset/` + name + `/1","IPAddressVersion":"` + version + `","Addresses":[` + addresses + `]}}`
}

func inSet(name, forwarded string) string {
	return `{"IPSetReferenceStatement":{"ARN":"` + arnPrefix + `ipset/` + name + `/1"` + forwarded + `}}`
}

func testImmunity(t *testing.T) {
	at := request().Time
	for _, c := range []struct {
		acl, rule          string
		captcha, challenge int64 // seconds ago
		action             string
		want               yagura.Action
	}{
		{"", "", 299, 0, "Captcha", yagura.Allow},
		{"", "", 300, 0, "Captcha", yagura.Captcha},
		{`,"CaptchaConfig":{"ImmunityTimeProperty":{"ImmunityTime":600}}`, "", 500, 0, "Captcha", yagura.Allow},
		{`,"CaptchaConfig":{"ImmunityTimeProperty":{"ImmunityTime":600}}`, `"CaptchaConfig":{"ImmunityTimeProperty":{"ImmunityTime":60}}`, 100, 0, "Captcha", yagura.Captcha},
		{"", "", 10, 400, "Challenge", yagura.Challenge}, // The two times are apart.
		{"", "", 400, 10, "Challenge", yagura.Allow},
	} {
		var more []string
		if c.rule != "" {
			more = append(more, c.rule)
		}
		text := "[" + webACL(`"Rules":[`+rule1("c", 1, c.action, path("/"), more...)+`]`+c.acl) + "]"
		a := compiled(t, text, Options{Tokens: func(*yagura.Request) Token {
			return Token{Domain: "shop.example", Captcha: at - c.captcha*1e6, Challenge: at - c.challenge*1e6}
		}})
		wantAction(t, a, c.want)
	}
}

func testTokenDomain(t *testing.T) {
	for _, c := range []struct {
		domains, token string
		want           yagura.Action
	}{
		{"", "shop.example", yagura.Allow},
		{"", "other.example", yagura.Captcha},
		{`,"TokenDomains":["example"]`, "shop.example", yagura.Allow},
		{`,"TokenDomains":["a.example","b.example"]`, "shop.example", yagura.Captcha},
	} {
		a := compiled(t, "["+webACL(`"Rules":[`+rule1("c", 1, "Captcha", path("/"))+`]`+c.domains)+"]", Options{Tokens: func(r *yagura.Request) Token {
			return Token{Domain: c.token, Captcha: r.Time}
		}})
		if v := wantAction(t, a, c.want); c.want == yagura.Captcha && v.Token != "TOKEN_DOMAIN_MISMATCH" {
			t.Error(v.Token)
		}
	}
}

func testOverrides(t *testing.T) {
	g := group1("g", []string{
		rule1("one", 1, "Block", path("/"), `"RuleLabels":[{"Name":"one"}]`),
		rule1("two", 2, "Block", path("/"), `"RuleLabels":[{"Name":"two"}]`),
	})
	a := compiled(t, doc([]string{rule1("ref", 1, "override Count", refer("g"))}, g))
	v := wantAction(t, a, yagura.Allow)
	want := []string{"awswaf:111122223333:rulegroup:g:one"}
	if diff := cmp.Diff(want, v.Labels); diff != "" {
		t.Errorf("the group stops at its first terminating rule: %s", diff)
	}
	if len(v.Hits) != 2 || v.Hits[0].Action != yagura.Block || v.Hits[1].Rule != "ref" || v.Hits[1].Action != yagura.Count {
		t.Errorf("%+v", v.Hits)
	}
	over := `"RuleActionOverrides":[{"Name":"one","ActionToUse":{"Count":{}}},{"Name":"two","ActionToUse":{"Count":{}}}]`
	a = compiled(t, doc([]string{rule1("ref", 1, "override None", refer("g", over))}, g))
	v = wantAction(t, a, yagura.Allow)
	if diff := cmp.Diff(append(want, "awswaf:111122223333:rulegroup:g:two"), v.Labels); diff != "" {
		t.Errorf("later rules run: %s", diff)
	}
	if v.Hits[0].Overridden != yagura.Block || v.Hits[0].Action != yagura.Count {
		t.Errorf("%+v", v.Hits)
	}
}

func testLabelContext(t *testing.T) {
	g := group1("g", []string{
		rule1("set", 1, "Count", path("/"), `"RuleLabels":[{"Name":"ns:x"}]`),
		rule1("same", 2, "Count", labelled("ns:x", "LABEL"), `"RuleLabels":[{"Name":"seen"}]`),
	})
	a := compiled(t, doc([]string{
		rule1("ref", 1, "override None", refer("g")),
		rule1("outside", 2, "Block", labelled("ns:x", "LABEL")),
		rule1("own", 3, "Count", path("/"), `"RuleLabels":[{"Name":"mine"}]`),
	}, g))
	v := wantAction(t, a, yagura.Allow)
	const prefix = "awswaf:111122223333:"
	if diff := cmp.Diff([]string{prefix + "rulegroup:g:ns:x", prefix + "rulegroup:g:seen", prefix + "webacl:shop:mine"}, v.Labels); diff != "" {
		t.Error(diff)
	}
	a = compiled(t, doc([]string{rule1("ref", 1, "override None", refer("g")), rule1("b", 2, "Block", labelled(prefix+"rulegroup:g:ns:x", "LABEL"))}, g))
	wantAction(t, a, yagura.Block)
	a = compiled(t, doc([]string{
		rule1("m", 1, "override Count", managed("AWSManagedRulesKnownBadInputsRuleSet")),
		rule1("b", 2, "Block", labelled("awswaf:managed:aws:known-bad-inputs:Propfind_Method", "LABEL")),
	}), Options{Live: true})
	wantAction(t, a, yagura.Block, "PROPFIND")
}

func testLabelScopes(t *testing.T) {
	const full = "awswaf:111122223333:webacl:shop:"
	for _, c := range []struct {
		key, scope string
		want       bool
	}{
		{"ns1:ns2:name", "LABEL", true},
		{"ns2:name", "LABEL", true},
		{"name", "LABEL", true},
		{"ame", "LABEL", false},
		{"ns1:ns2", "LABEL", false},
		{"NS1:ns2:name", "LABEL", false},
		{full + "ns1:ns2:name", "LABEL", true},
		{full + "ns2:name", "LABEL", false},
		{"ns1:", "NAMESPACE", true},
		{"ns1:ns2:", "NAMESPACE", true},
		{"ns2:", "NAMESPACE", true},
		{"s2:", "NAMESPACE", false},
		{"ns1:name:", "NAMESPACE", false},
		{"name:", "NAMESPACE", false},
		{full, "NAMESPACE", true},
		{full + "ns1:", "NAMESPACE", true},
		{full + "ns", "NAMESPACE", false},
		{"awswaf:", "NAMESPACE", true},
	} {
		a := compiled(t, doc([]string{
			rule1("c", 1, "Count", path("/"), `"RuleLabels":[{"Name":"ns1:ns2:name"}]`),
			rule1("b", 2, "Block", labelled(c.key, c.scope)),
		}))
		if got := a.Decide(request()).Action == yagura.Block; got != c.want {
			t.Errorf("%s %s: %v, want %v", c.scope, c.key, got, c.want)
		}
	}
}

func testForwardedAbsent(t *testing.T) {
	const fwd = `"ForwardedIPConfig":{"HeaderName":"X-Forwarded-For","FallbackBehavior":"MATCH"}`
	geo := `{"GeoMatchStatement":{"CountryCodes":["JP"],` + fwd + `}}`
	for _, s := range []string{geo, notOf(geo), notOf(notOf(geo)), allOf(path("/"), notOf(geo)), notOf(allOf(path("/"), geo))} {
		a := compiled(t, doc([]string{rule1("b", 1, "Block", s)}), Options{Places: fixedPlaces{}})
		wantAction(t, a, yagura.Allow)
	}
	a := compiled(t, doc([]string{rule1("b", 1, "Block", geo)}), Options{Places: fixedPlaces{}})
	wantAction(t, a, yagura.Block, "X-Forwarded-For: garbage")
	wantAction(t, a, yagura.Block, "X-Forwarded-For: 198.51.100.7")
	wantAction(t, a, yagura.Allow, "X-Forwarded-For: 203.0.113.7")
	not := compiled(t, doc([]string{rule1("b", 1, "Block", notOf(geo))}), Options{Places: fixedPlaces{}})
	wantAction(t, not, yagura.Block, "X-Forwarded-For: 203.0.113.7")
	wantAction(t, not, yagura.Allow, "X-Forwarded-For: garbage")
}

func testFirstAddress(t *testing.T) {
	fwd := func(position string) string {
		return `,"IPSetForwardedIPConfig":{"HeaderName":"X-Forwarded-For","FallbackBehavior":"NO_MATCH","Position":"` + position + `"}`
	}
	set := ipSet("s", "IPV4", `"198.51.100.0/24"`)
	first, last := "X-Forwarded-For: 198.51.100.7, 203.0.113.1", "X-Forwarded-For: 203.0.113.1, 198.51.100.7"
	for position, want := range map[string][2]bool{"FIRST": {true, false}, "LAST": {false, true}, "ANY": {true, true}} {
		a := compiled(t, doc([]string{rule1("b", 1, "Block", inSet("s", fwd(position)))}, set))
		for i, header := range []string{first, last} {
			if got := a.Decide(request(header)).Action == yagura.Block; got != want[i] {
				t.Errorf("%s %s: %v", position, header, got)
			}
		}
	}
	a := compiled(t, doc([]string{rule1("b", 1, "Block", inSet("s", fwd("ANY")))}, set))
	wantAction(t, a, yagura.Block, "X-Forwarded-For: "+strings.Repeat("203.0.113.1, ", 9)+"198.51.100.7")
	wantAction(t, a, yagura.Allow, "X-Forwarded-For: "+strings.Repeat("203.0.113.1, ", 10)+"198.51.100.7")
	geo := `{"GeoMatchStatement":{"CountryCodes":["JP"],"ForwardedIPConfig":{"HeaderName":"X-Forwarded-For","FallbackBehavior":"NO_MATCH"}}}`
	a = compiled(t, doc([]string{rule1("b", 1, "Block", geo)}), Options{Places: fixedPlaces{}})
	wantAction(t, a, yagura.Block, first)
	wantAction(t, a, yagura.Allow, last)
}

func testBodyLimits(t *testing.T) {
	text := doc([]string{rule1("b", 1, "Block", bytesIn(body, "CONTAINS", "evil"))})
	for _, c := range []struct {
		resource, more string
		limit          int
	}{
		{"ALB", "", 8192}, {"APPSYNC", "", 8192}, {"CLOUDFRONT", "", 16384}, {"API_GATEWAY", "", 16384}, {"COGNITO_USER_POOL", "", 16384},
		{"APP_RUNNER_SERVICE", "", 16384}, {"VERIFIED_ACCESS_INSTANCE", "", 16384},
		{"CLOUDFRONT", `,"AssociationConfig":{"RequestBody":{"CLOUDFRONT":{"DefaultSizeInspectionLimit":"KB_64"}}}`, 65536},
		{"ALB", `,"AssociationConfig":{"RequestBody":{"CLOUDFRONT":{"DefaultSizeInspectionLimit":"KB_64"}}}`, 8192},
	} {
		a := compiled(t, strings.Replace(text, `"LockToken"`, `"LockToken"`, 1), Options{Resource: c.resource})
		if c.more != "" {
			a = compiled(t, strings.Replace(text, `"DefaultAction":{"Allow":{}}`, `"DefaultAction":{"Allow":{}}`+c.more, 1), Options{Resource: c.resource})
		}
		if a.BodyLimit() != c.limit {
			t.Errorf("%s: %d, want %d", c.resource, a.BodyLimit(), c.limit)
		}
		wantAction(t, a, yagura.Block, "body="+strings.Repeat("x", c.limit-4)+"evil")
		wantAction(t, a, yagura.Allow, "body="+strings.Repeat("x", c.limit-3)+"evil")
	}
}

func testOversize(t *testing.T) {
	big := "body=" + strings.Repeat("x", 9000)
	blocks(t, bytesIn(`{"Body":{}}`, "STARTS_WITH", "xx"), true, big) // CONTINUE when not said.
	blocks(t, bytesIn(`{"Body":{"OversizeHandling":"MATCH"}}`, "STARTS_WITH", "no"), true, big)
	blocks(t, bytesIn(`{"Body":{"OversizeHandling":"NO_MATCH"}}`, "STARTS_WITH", "xx"), false, big)
	headers := func(oversize string) string {
		return bytesIn(`{"Headers":{"MatchPattern":{"All":{}},"MatchScope":"VALUE","OversizeHandling":"`+oversize+`"}}`, "EXACTLY", "last")
	}
	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprintf("x-%d: v", i))
	}
	many = append(many, "x-last: last")
	blocks(t, headers("CONTINUE"), false, many...)
	blocks(t, headers("MATCH"), true, many...)
	blocks(t, headers("NO_MATCH"), false, many...)
	blocks(t, headers("CONTINUE"), true, many[1:]...)
	blocks(t, headers("MATCH"), false, many[:200]...)
	blocks(t, headers("MATCH"), true, "x-long: "+strings.Repeat("y", 8190))
	cookies := `{"Cookies":{"MatchPattern":{"All":{}},"MatchScope":"VALUE","OversizeHandling":"MATCH"}}`
	blocks(t, bytesIn(cookies, "EXACTLY", "no"), true, "Cookie: a="+strings.Repeat("y", 8192))
	blocks(t, bytesIn(cookies, "EXACTLY", "no"), true, "Cookie: "+strings.Repeat("a=1;", 201))
	blocks(t, bytesIn(cookies, "EXACTLY", "no"), false, "Cookie: "+strings.Repeat("a=1;", 200))
	if _, err := (&acl.Reader{}).Parse("a.json", []byte(doc([]string{rule1("r", 1, "Block", bytesIn(`{"Headers":{"MatchPattern":{"All":{}},"MatchScope":"ALL"}}`, "EXACTLY", "x"))}))); err == nil {
		t.Error("OversizeHandling is mandatory for Headers")
	}
	a := compiled(t, doc([]string{rule1("r", 1, "Block", bytesIn(body, "STARTS_WITH", "no"))}))
	if v := a.Decide(request(big)); len(v.Oversize) != 1 || v.Oversize[0] != "REQUEST_BODY" || v.Inspected != 8192 {
		t.Errorf("%q %d", v.Oversize, v.Inspected)
	}
}

func testSearchString(t *testing.T) {
	plain := doc([]string{rule1("r", 1, "Block", path("/wp-admin"))})
	coded := doc([]string{rule1("r", 1, "Block", path("L3dwLWFkbWlu"))})
	for _, text := range []string{plain, coded} {
		b, err := (&acl.Reader{}).Parse("a.json", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		a, err := Compile(b, Options{})
		if err != nil {
			t.Fatal(err)
		}
		wantAction(t, a, yagura.Block, "/wp-admin/x")
	}
	for _, s := range []string{strings.Repeat("a-", 101), ""} {
		if _, err := (&acl.Reader{}).Parse("a.json", []byte(doc([]string{rule1("r", 1, "Block", path(s))}))); err == nil {
			t.Errorf("a search string of %d bytes is accepted", len(s))
		}
	}
}

func jsonField(scope, pattern, more string) string {
	return `{"JsonBody":{"MatchScope":"` + scope + `","MatchPattern":` + pattern + more + `}}`
}

func testJSONBody(t *testing.T) {
	const all = `{"All":{}}`
	for _, c := range []struct {
		scope, pattern, more, search, body string
		want                               bool
	}{
		{"ALL", all, "", "evil", `{"a":"evil"}`, true},
		{"ALL", all, "", "evil", `{"evil":1}`, true},
		{"VALUE", all, "", "evil", `{"evil":1}`, false},
		{"KEY", all, "", "evil", `{"a":"evil"}`, false},
		{"KEY", all, "", "evil", `{"a":[{"evil":null}]}`, true},
		{"VALUE", all, "", "12.5", `{"a":12.5}`, true},
		{"VALUE", all, "", "true", `[true]`, true},
		{"VALUE", all, "", "evil", `{"a":"\u0065vil"}`, true},
		{"VALUE", `{"IncludedPaths":["/a/0/b"]}`, "", "evil", `{"a":[{"b":"evil"}]}`, true},
		{"VALUE", `{"IncludedPaths":["/a/1/b"]}`, "", "evil", `{"a":[{"b":"evil"}]}`, false},
		{"VALUE", `{"IncludedPaths":["/a"]}`, "", "evil", `{"a":[{"b":"evil"}]}`, true},
		{"VALUE", `{"IncludedPaths":["/a~1b/~0"]}`, "", "evil", `{"a/b":{"~":"evil"}}`, true},
		{"VALUE", all, "", "evil", `{"a":"x""b":"evil"}`, true},
		{"VALUE", all, "", "evil", `{"a"::"x","b""evil"}`, true},
		{"VALUE", all, "", "evil", `{"a":"evil", oops`, true}, // Up to the first failure.
		{"VALUE", all, "", "evil", `{oops "a":"evil"}`, false},
		{"VALUE", all, `,"InvalidFallbackBehavior":"MATCH"`, "zzz", `{oops`, true},
		{"VALUE", all, `,"InvalidFallbackBehavior":"NO_MATCH"`, "evil", `{"a":"evil", oops`, false},
		{"KEY", all, `,"InvalidFallbackBehavior":"EVALUATE_AS_STRING"`, "not json", `not json`, true},
		{"VALUE", all, `,"InvalidFallbackBehavior":"MATCH"`, "zzz", ``, false},
	} {
		s := bytesIn(jsonField(c.scope, c.pattern, c.more), "EXACTLY", c.search)
		a := compiled(t, doc([]string{rule1("r", 1, "Block", s)}))
		if got := a.Decide(request("body="+c.body)).Action == yagura.Block; got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	// Transformations run after parsing: on each value.
	blocks(t, bytesIn(jsonField("VALUE", all, ""), "EXACTLY", "a b", "URL_DECODE"), true, `body={"x":"a%20b"}`)
	blocks(t, bytesIn(jsonField("VALUE", all, ""), "EXACTLY", "x", "URL_DECODE"), false, `body={"y":"%22x%22"}`)
}

func testFingerprints(t *testing.T) {
	s := bytesIn(`{"JA3Fingerprint":{"FallbackBehavior":"MATCH"}}`, "EXACTLY", "e7d705a3286e19ea42f587b344ee6865")
	a := compiled(t, doc([]string{rule1("r", 1, "Block", s)}))
	r := request()
	r.JA3 = "e7d705a3286e19ea42f587b344ee6865"
	if v := a.Decide(r); v.Action != yagura.Block {
		t.Error(v.Action)
	}
	r.JA3 = "other"
	if v := a.Decide(r); v.Action != yagura.Allow {
		t.Error(v.Action)
	}
	wantAction(t, a, yagura.Block) // Fallback.
	blocks(t, bytesIn(`{"JA4Fingerprint":{"FallbackBehavior":"NO_MATCH"}}`, "EXACTLY", "t13"), false)
	_, err := Compile(bundleOf(t, doc([]string{rule1("r", 1, "Block", strings.Replace(s, "EXACTLY", "CONTAINS", 1))})), Options{})
	if err == nil || !strings.Contains(err.Error(), "EXACTLY") {
		t.Error(err)
	}
}

func testCustomBodies(t *testing.T) {
	respond := `{"Block":{"CustomResponse":{"ResponseCode":418,"CustomResponseBodyKey":"k","ResponseHeaders":[{"Name":"x-why","Value":"tea"}]}}}`
	bodies := func(text string) string {
		return `"CustomResponseBodies":{"k":{"ContentType":"APPLICATION_JSON","Content":"` + text + `"}}`
	}
	g := group1("g", []string{rule1("b", 1, respond, path("/g"))}, bodies("group"))
	text := "[" + webACL(`"Rules":[`+rule1("ref", 1, "override None", refer("g"))+","+rule1("own", 2, respond, path("/a"))+`],`+bodies("acl")) + "," + g + "]"
	a := compiled(t, text)
	for target, want := range map[string]string{"/g": "group", "/a": "acl"} {
		v := wantAction(t, a, yagura.Block, target)
		if diff := cmp.Diff(&yagura.Response{Status: 418, ContentType: "application/json", Body: want, Headers: []yagura.Header{{Name: "x-why", Value: "tea"}}}, v.Response); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := Compile(bundleOf(t, doc([]string{rule1("own", 2, respond, path("/a"))})), Options{}); err == nil {
		t.Error("an unknown body key is accepted")
	}
}
