package waf

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
)

// TestSemantic holds one test for each numbered semantic of
// docs/ref/waf-semantics.md.
func TestSemantic(t *testing.T) {
	t.Run("01_order", func(t *testing.T) {
		a := compiled(t, doc([]string{rule1("late", 700, "Block", path("/")), rule1("early", 3, "Allow", path("/a"))}))
		wantAction(t, a, yagura.Allow, "/a")
		wantAction(t, a, yagura.Block, "/b")
	})
	t.Run("02_first_terminating", func(t *testing.T) {
		a := compiled(t, doc([]string{rule1("a", 1, "Allow", path("/x")), rule1("b", 2, "Block", path("/"))}))
		if v := wantAction(t, a, yagura.Allow, "/x"); v.Rule != "a" || len(v.Hits) != 1 {
			t.Errorf("%+v", v)
		}
		a = compiled(t, "["+webACL(`"DefaultAction":{"Block":{}},"Rules":[]`)+"]")
		if v := wantAction(t, a, yagura.Block, "/x"); v.Rule != "Default_Action" {
			t.Error(v.Rule)
		}
	})
	t.Run("03_count_goes_on", func(t *testing.T) {
		count := `{"Count":{"CustomRequestHandling":{"InsertHeaders":[{"Name":"seen","Value":"1"}]}}}`
		a := compiled(t, doc([]string{rule1("c", 1, count, path("/"), `"RuleLabels":[{"Name":"seen"}]`), rule1("b", 2, "Block", labelled("seen", "LABEL"))}))
		v := wantAction(t, a, yagura.Block, "/")
		if diff := cmp.Diff([]yagura.Header{{Name: "x-amzn-waf-seen", Value: "1"}}, v.Insert); diff != "" {
			t.Error(diff)
		}
		if len(v.Hits) != 2 || v.Hits[0].Terminates {
			t.Errorf("%+v", v.Hits)
		}
	})
	t.Run("04_captcha_with_token_counts", func(t *testing.T) {
		token := Token{Domain: "shop.example", Captcha: request().Time - 10e6, Challenge: request().Time - 10e6}
		text := doc([]string{rule1("c", 1, "Captcha", path("/"), `"RuleLabels":[{"Name":"human"}]`), rule1("b", 2, "Block", labelled("human", "LABEL"))})
		a := compiled(t, text, Options{Tokens: func(*yagura.Request) Token { return token }})
		wantAction(t, a, yagura.Block, "/")
		token = Token{Failure: "TOKEN_MISSING"}
		if v := wantAction(t, a, yagura.Captcha, "/"); v.Token != "TOKEN_MISSING" {
			t.Error(v.Token)
		}
	})
	t.Run("05_interstitial", func(t *testing.T) {
		for action, status := range map[string]int{"Captcha": 405, "Challenge": 202} {
			a := compiled(t, doc([]string{rule1("c", 1, action, path("/"))}))
			v := a.Decide(request("Accept: text/html,*/*"))
			want := &yagura.Response{Status: status, ContentType: "text/html", Headers: []yagura.Header{{Name: "x-amzn-waf-action", Value: strings.ToLower(action)}}}
			if diff := cmp.Diff(want, v.Response); diff != "" {
				t.Error(diff)
			}
			if v := a.Decide(request("Accept: application/json")); v.Response.ContentType != "" {
				t.Error("the page goes to a client that takes no page")
			}
		}
	})
	t.Run("06_immunity", testImmunity)
	t.Run("07_token_domain", testTokenDomain)
	t.Run("08_override_count_and_rule_overrides", testOverrides)
	t.Run("09_excluded_rules", func(t *testing.T) {
		g := group1("g", []string{rule1("one", 1, "Block", path("/"))})
		a := compiled(t, doc([]string{rule1("ref", 1, "override None", refer("g", `"ExcludedRules":[{"Name":"one"}]`))}, g))
		v := wantAction(t, a, yagura.Allow, "/")
		want := []yagura.RuleHit{{Rule: "one", Group: arnPrefix + "rulegroup/g/1", Action: yagura.Count, Overridden: yagura.Block, Excluded: true, Field: "URI path", Value: "/", Condition: "REGULAR"}}
		if diff := cmp.Diff(want, v.Hits); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("10_unknown_override", func(t *testing.T) {
		over := `"RuleActionOverrides":[{"Name":"propfind_method","ActionToUse":{"Count":{}}}]`
		a := compiled(t, doc([]string{rule1("m", 1, "override None", managed("AWSManagedRulesKnownBadInputsRuleSet", over))}), Options{Live: true})
		wantAction(t, a, yagura.Block, "PROPFIND") // The name is case-sensitive, so nothing is overridden.
		g := group1("g", []string{rule1("one", 1, "Block", path("/"))})
		_, err := Compile(bundleOf(t, doc([]string{rule1("ref", 1, "override None", refer("g", strings.Replace(over, "propfind_method", "One", 1)))}, g)), Options{})
		if err == nil || !strings.Contains(err.Error(), `no rule "One"`) {
			t.Errorf("own group: %v", err)
		}
	})
	t.Run("11_override_to_allow", func(t *testing.T) {
		over := `"RuleActionOverrides":[{"Name":"one","ActionToUse":{"Allow":{}}}]`
		g := group1("g", []string{rule1("one", 1, "Block", path("/"))})
		a := compiled(t, doc([]string{rule1("ref", 1, "override None", refer("g", over)), rule1("b", 2, "Block", path("/"))}, g))
		wantAction(t, a, yagura.Allow, "/")
	})
	t.Run("12_scope_down_gates_group", func(t *testing.T) {
		over := `"ScopeDownStatement":` + path("/api")
		a := compiled(t, doc([]string{rule1("m", 1, "override None", managed("AWSManagedRulesKnownBadInputsRuleSet", over))}), Options{Live: true})
		wantAction(t, a, yagura.Allow, "PROPFIND", "/x")
		wantAction(t, a, yagura.Block, "PROPFIND", "/api/x")
	})
	t.Run("13_label_context", testLabelContext)
	t.Run("14_label_scopes", testLabelScopes)
	t.Run("15_labels_later_only", func(t *testing.T) {
		a := compiled(t, doc([]string{
			rule1("self", 1, "Block", labelled("a", "LABEL"), `"RuleLabels":[{"Name":"a"}]`),
			rule1("nested", 2, "Count", allOf(path("/"), path("/no")), `"RuleLabels":[{"Name":"n"}]`),
			rule1("sees", 3, "Block", anyStatement(labelled("a", "LABEL"), labelled("n", "LABEL"))),
		}))
		if v := wantAction(t, a, yagura.Allow, "/"); len(v.Labels) != 0 {
			t.Error(v.Labels)
		}
	})
	t.Run("16_geo_labels", func(t *testing.T) {
		geo := `{"GeoMatchStatement":{"CountryCodes":["JP"]}}`
		a := compiled(t, doc([]string{rule1("g", 1, "Count", geo), rule1("b", 2, "Block", labelled("awswaf:clientip:geo:country:DE", "LABEL"))}))
		v := wantAction(t, a, yagura.Block, "country=DE")
		if len(v.Hits) != 1 || !slices.Contains(v.Labels, "awswaf:clientip:geo:country:DE") {
			t.Errorf("%+v", v)
		}
		geo = `{"GeoMatchStatement":{"CountryCodes":["JP"],"ForwardedIPConfig":{"HeaderName":"X-Forwarded-For","FallbackBehavior":"NO_MATCH"}}}`
		a = compiled(t, doc([]string{rule1("g", 1, "Count", geo)}), Options{Places: fixedPlaces{}})
		if v := a.Decide(request("X-Forwarded-For: 198.51.100.7")); !slices.Contains(v.Labels, "awswaf:forwardedip:geo:region:JP-13") {
			t.Error(v.Labels)
		}
	})
	t.Run("17_token_labels", func(t *testing.T) {
		a := compiled(t, doc([]string{rule1("m", 1, "override Count", managed("AWSManagedRulesATPRuleSet"))}), Options{Live: true})
		if v := a.Decide(request()); !slices.Contains(v.Labels, "awswaf:managed:token:absent") {
			t.Error(v.Labels)
		}
		a = compiled(t, doc([]string{rule1("m", 1, "override Count", managed("AWSManagedRulesATPRuleSet"))}), Options{Live: true, Tokens: func(r *yagura.Request) Token {
			return Token{Domain: "shop.example", Challenge: r.Time - 1e6, Captcha: r.Time - 1e9}
		}})
		want := []string{"awswaf:managed:token:accepted", "awswaf:managed:captcha:rejected", "awswaf:managed:captcha:rejected:expired"}
		if diff := cmp.Diff(want, a.Decide(request()).Labels); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("18_forwarded_header_absent", testForwardedAbsent)
	t.Run("19_first_address_only", testFirstAddress)
	t.Run("20_address_families", func(t *testing.T) {
		for addresses, version := range map[string]string{`"0.0.0.0/0"`: "IPV4", `"::/0"`: "IPV6", `"2001:db8::/32"`: "IPV4", `"192.0.2.1"`: "IPV4"} {
			if _, err := (&acl.Reader{}).Parse("set.json", []byte(ipSet("s", version, addresses))); err == nil {
				t.Errorf("%s in a set of %s is accepted", addresses, version)
			}
		}
		a := compiled(t, doc([]string{rule1("b", 1, "Block", inSet("s", ""))}, ipSet("s", "IPV6", `"2001:db8:1::/48"`)))
		wantAction(t, a, yagura.Block, "client=2001:db8:1::9")
		wantAction(t, a, yagura.Allow, "client=2001:db8:2::9")
		wantAction(t, a, yagura.Allow, "client=192.0.2.9")
	})
	t.Run("21_asn_zero", func(t *testing.T) {
		a := compiled(t, doc([]string{rule1("b", 1, "Block", `{"AsnMatchStatement":{"AsnList":[0]}}`)}), Options{Places: fixedPlaces{}})
		wantAction(t, a, yagura.Block, "client=203.0.113.1")
		wantAction(t, a, yagura.Allow, "client=198.51.100.7")
	})
	t.Run("22_body_limits", testBodyLimits)
	t.Run("23_oversize", testOversize)
	t.Run("24_size_sees_forwarded_bytes", func(t *testing.T) {
		over := "body=" + strings.Repeat("a", 9000)
		blocks(t, size(body, "GT", 8192), false, over)
		blocks(t, size(`{"Body":{"OversizeHandling":"MATCH"}}`, "GT", 8192), true, over)
		blocks(t, size(body, "GE", 8192), true, over)
	})
	t.Run("25_size_after_transformations", func(t *testing.T) {
		blocks(t, size(`{"QueryString":{}}`, "EQ", 3, "URL_DECODE"), true, "/?%41%42%43")
		blocks(t, size(`{"QueryString":{}}`, "EQ", 3), false, "/?%41%42%43")
	})
	t.Run("26_uri_path", func(t *testing.T) {
		blocks(t, bytesIn(uriPath, "EXACTLY", "/a%20b"), true, "/a%20b?q=1")
		blocks(t, bytesIn(uriPath, "EXACTLY", "/a b"), false, "/a%20b")
		blocks(t, size(uriPath, "EQ", 2), true, "/a?b=cdef")
	})
	t.Run("27_query_string", func(t *testing.T) {
		blocks(t, bytesIn(`{"QueryString":{}}`, "EXACTLY", "a=b?c"), true, "/?a=b?c")
	})
	t.Run("28_names_without_case", func(t *testing.T) {
		blocks(t, bytesIn(`{"SingleHeader":{"Name":"USER-agent"}}`, "CONTAINS", "Bad"), true, "user-AGENT: a Bad one")
		blocks(t, bytesIn(`{"SingleHeader":{"Name":"user-agent"}}`, "CONTAINS", "bad"), false, "User-Agent: a Bad one")
		blocks(t, bytesIn(`{"SingleHeader":{"Name":"user-agent"}}`, "CONTAINS", "bad", "LOWERCASE"), true, "User-Agent: a Bad one")
		blocks(t, bytesIn(`{"SingleQueryArgument":{"Name":"Q"}}`, "EXACTLY", "x"), true, "/?a=1&q=x")
	})
	t.Run("29_missing_component", func(t *testing.T) {
		s := bytesIn(`{"SingleHeader":{"Name":"x-key"}}`, "CONTAINS", "k")
		blocks(t, s, false)
		blocks(t, notOf(s), true)
	})
	t.Run("30_search_string", testSearchString)
	t.Run("31_contains_word", func(t *testing.T) {
		for path, want := range map[string]bool{"/admin": true, "/my-admin-x": true, "/admin_x": false, "/admin1": false, "/xadmin/admin": true} {
			blocks(t, bytesIn(uriPath, "CONTAINS_WORD", "admin"), want, path)
		}
	})
	t.Run("32_all_arguments_are_values", func(t *testing.T) {
		blocks(t, bytesIn(`{"AllQueryArguments":{}}`, "EXACTLY", "evil"), true, "/?a=1&b=evil")
		blocks(t, bytesIn(`{"AllQueryArguments":{}}`, "EXACTLY", "evil"), false, "/?evil=1")
	})
	t.Run("33_json_body", testJSONBody)
	t.Run("34_same_header_twice", func(t *testing.T) {
		s := bytesIn(`{"SingleHeader":{"Name":"x-a"}}`, "EXACTLY", "two")
		blocks(t, s, true, "X-A: one", "x-a: two")
		blocks(t, bytesIn(`{"SingleHeader":{"Name":"x-a"}}`, "EXACTLY", "one,two"), false, "X-A: one", "x-a: two")
	})
	t.Run("35_header_order", func(t *testing.T) {
		s := bytesIn(`{"HeaderOrder":{"OversizeHandling":"NO_MATCH"}}`, "EXACTLY", "host:user-agent:accept")
		blocks(t, s, true, "Host: a", "User-Agent: b", "Accept: c")
		blocks(t, s, false, "User-Agent: b", "Host: a", "Accept: c")
	})
	t.Run("36_fingerprints", testFingerprints)
	t.Run("37_regex_subset", testRegexSubset)
	t.Run("38_regex_set", func(t *testing.T) {
		set := `{"RegexPatternSet":{"Name":"s","ARN":"` + arnPrefix + `regexpatternset/s/1","RegularExpressionList":[{"RegexString":"^/a"},{"RegexString":"b$"}]}}`
		s := `{"RegexPatternSetReferenceStatement":{"ARN":"` + arnPrefix + `regexpatternset/s/1",` + on(uriPath, "NONE") + `}}`
		a := compiled(t, doc([]string{rule1("b", 1, "Block", s)}, set))
		wantAction(t, a, yagura.Block, "/a")
		wantAction(t, a, yagura.Block, "/xb")
		wantAction(t, a, yagura.Allow, "/c")
	})
	t.Run("39_rate", testRate)
	t.Run("40_rate_by_use_of_group", testRateByUse)
	t.Run("41_listed_addresses", testListed)
	t.Run("42_rate_action_in_scope", testRateScope)
	t.Run("43_nesting", func(t *testing.T) {
		rate := `{"RateBasedStatement":{"Limit":100,"AggregateKeyType":"IP"}}`
		for _, s := range []string{rate, managed("AWSManagedRulesCommonRuleSet"), refer("g")} {
			_, err := (&acl.Reader{}).Parse("a.json", []byte(doc([]string{rule1("n", 1, "Block", notOf(s))}, group1("g", nil))))
			if err == nil || !strings.Contains(err.Error(), "cannot stand inside") {
				t.Errorf("%s: %v", s, err)
			}
		}
		if _, err := (&acl.Reader{}).Parse("a.json", []byte(group1("g", []string{rule1("r", 1, "Block", rate)}))); err != nil {
			t.Errorf("a rate in a group: %v", err)
		}
		if _, err := (&acl.Reader{}).Parse("a.json", []byte(group1("g", []string{rule1("r", 1, "override None", refer("g"))}))); err == nil {
			t.Error("a group in a group is accepted")
		}
	})
	t.Run("44_firewall_manager", func(t *testing.T) {
		fms := func(name, group string) string {
			return `{"Name":"` + name + `","Priority":9,"FirewallManagerStatement":` + refer(group) + `,"OverrideAction":{"None":{}}}`
		}
		text := "[" + webACL(`"Rules":[`+rule1("own", 0, "Allow", path("/own"))+`],"PreProcessFirewallManagerRuleGroups":[`+fms("pre", "first")+
			`],"PostProcessFirewallManagerRuleGroups":[`+fms("post", "last")+`]`) + "," +
			group1("first", []string{rule1("b", 1, "Block", path("/own/never"))}) + "," + group1("last", []string{rule1("b", 1, "Block", path("/"))}) + "]"
		a := compiled(t, text)
		if v := wantAction(t, a, yagura.Block, "/own/never"); v.Rule != "pre" || v.RuleType != "GROUP" {
			t.Errorf("%+v", v)
		}
		wantAction(t, a, yagura.Allow, "/own")
		if v := wantAction(t, a, yagura.Block, "/other"); v.Rule != "post" {
			t.Error(v.Rule)
		}
	})
	t.Run("45_inserted_headers", func(t *testing.T) {
		bad := `{"Block":{"CustomResponse":{"ResponseCode":403,"ResponseHeaders":[{"Name":"Content-Type","Value":"x"}]}}}`
		if _, err := (&acl.Reader{}).Parse("a.json", []byte(doc([]string{rule1("r", 1, bad, path("/"))}))); err == nil || !strings.Contains(err.Error(), "content-type") {
			t.Error(err)
		}
		insert := `{"Allow":{"CustomRequestHandling":{"InsertHeaders":[{"Name":"seen","Value":"1"}]}}}`
		if v := compiled(t, doc([]string{rule1("r", 1, insert, path("/"))})).Decide(request()); len(v.Insert) != 1 || v.Insert[0].Name != "x-amzn-waf-seen" {
			t.Errorf("%+v", v.Insert)
		}
	})
	t.Run("46_custom_bodies", testCustomBodies)
	t.Run("47_redacted", func(t *testing.T) {
		s := bytesIn(`{"SingleHeader":{"Name":"authorization"}}`, "STARTS_WITH", "Basic")
		a := compiled(t, doc([]string{rule1("b", 1, "Block", s)}))
		r := request("Authorization: REDACTED")
		r.Redacted = []string{"header:authorization"}
		if v := a.Decide(r); v.Action != yagura.Undecided || !strings.Contains(fmt.Sprint(v.Reasons), "redacted header authorization") {
			t.Errorf("%s %q", v.Action, v.Reasons)
		}
	})
	t.Run("48_logged_country_wins", func(t *testing.T) {
		a := compiled(t, doc([]string{rule1("b", 1, "Block", `{"GeoMatchStatement":{"CountryCodes":["JP"]}}`)}), Options{Places: fixedPlaces{}})
		wantAction(t, a, yagura.Block, "client=198.51.100.7")
		wantAction(t, a, yagura.Allow, "client=198.51.100.7", "country=FR")
	})
}
