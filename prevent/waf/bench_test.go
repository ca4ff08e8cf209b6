package waf

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
)

// twentyRules is a web ACL such as teams write by hand.
func twentyRules() string {
	var rules []string
	add := func(action, statement string) {
		rules = append(rules, rule1(fmt.Sprint("r", len(rules)), len(rules), action, statement))
	}
	add("Allow", inSet("office", ""))
	add("Block", `{"GeoMatchStatement":{"CountryCodes":["KP","IR"]}}`)
	add("Block", regex(uriPath, `(?i)\.(?:bak|old|sql|env)$`))
	add("Block", regex(`{"SingleHeader":{"Name":"user-agent"}}`, `(?i)sqlmap|nikto|nmap|masscan`))
	add("Block", size(`{"QueryString":{}}`, "GT", 4096))
	add("Block", `{"SqliMatchStatement":{`+on(`{"AllQueryArguments":{}}`, "URL_DECODE")+`}}`)
	add("Block", `{"XssMatchStatement":{`+on(`{"AllQueryArguments":{}}`, "URL_DECODE")+`}}`)
	add("Block", `{"RateBasedStatement":{"Limit":2000000,"AggregateKeyType":"IP"}}`)
	add("Count", allOf(path("/api/"), notOf(bytesIn(`{"SingleHeader":{"Name":"authorization"}}`, "STARTS_WITH", "Bearer "))))
	add("Block", allOf(path("/admin"), notOf(inSet("office", ""))))
	add("Block", bytesIn(`{"Cookies":{"MatchPattern":{"All":{}},"MatchScope":"ALL","OversizeHandling":"MATCH"}}`, "CONTAINS", "<script", "LOWERCASE"))
	add("Block", bytesIn(`{"Headers":{"MatchPattern":{"All":{}},"MatchScope":"VALUE","OversizeHandling":"CONTINUE"}}`, "CONTAINS", "${jndi:", "LOWERCASE"))
	for i := range 8 {
		add("Block", anyStatement(bytesIn(uriPath, "CONTAINS", fmt.Sprint("/wp-", i), "LOWERCASE"), bytesIn(`{"QueryString":{}}`, "CONTAINS", fmt.Sprint("cmd=", i), "URL_DECODE")))
	}
	return doc(rules, ipSet("office", "IPV4", `"203.0.113.0/24","198.51.100.7/32"`))
}

func browserGet() *yagura.Request {
	r := request("/shop/items?category=books&page=2&sort=price&q=blue%20shoes", "Host: shop.example",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
		"Accept: text/html,application/xhtml+xml", "Accept-Language: ja,en;q=0.8", "Accept-Encoding: gzip, br",
		"Cookie: sid=4f9a8c7d6e5b4a39; theme=dark; cart=3", "Referer: https://shop.example/", "Connection: keep-alive")
	r.Country = "JP"
	return r
}

func BenchmarkTwentyRules(b *testing.B) {
	a := compiled(b, twentyRules())
	r := browserGet()
	b.ReportAllocs()
	for b.Loop() {
		r.Time += 1000
		if v := a.Decide(r); v.Action != yagura.Allow {
			b.Fatal(v)
		}
	}
}

func BenchmarkIPSet10000(b *testing.B) {
	var all []string
	for i := range 10_000 {
		all = append(all, fmt.Sprintf("%q", netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(11 + i%100), byte(i >> 4), byte(i), 0}), 24)))
	}
	fwd := `,"IPSetForwardedIPConfig":{"HeaderName":"X-Forwarded-For","FallbackBehavior":"NO_MATCH","Position":"FIRST"}`
	a := compiled(b, doc([]string{rule1("b", 1, "Block", inSet("s", fwd))}, ipSet("s", "IPV4", strings.Join(all, ","))))
	r := request("X-Forwarded-For: 192.0.2.77, 10.0.0.1")
	b.ReportAllocs()
	for b.Loop() {
		if v := a.Decide(r); v.Action != yagura.Allow {
			b.Fatal(v)
		}
	}
}

func BenchmarkRegexSet10(b *testing.B) {
	patterns := []string{
		`(?i)union.{1,40}select`, `(?i)/\.git(?:/|$)`, `(?i)/etc/(?:passwd|shadow)`, `^/(?:admin|manager)(?:/|$)`, `(?i)<script[^>]*>`,
		`\.\./\.\./`, `(?i)\$\{jndi:`, `(?i)eval\s*\(`, `/wp-(?:admin|login)`, `(?i)\bor\b\s+\d+=\d+`,
	}
	var all []string
	for _, p := range patterns {
		all = append(all, fmt.Sprintf(`{"RegexString":%q}`, p))
	}
	set := `{"RegexPatternSet":{"Name":"s","ARN":"` + arnPrefix + `regexpatternset/s/1","RegularExpressionList":[` + strings.Join(all, ",") + `]}}`
	for _, field := range []string{uriPath, `{"QueryString":{}}`} {
		b.Run(field[2:5], func(b *testing.B) {
			s := `{"RegexPatternSetReferenceStatement":{"ARN":"` + arnPrefix + `regexpatternset/s/1",` + on(field, "URL_DECODE") + `}}`
			a := compiled(b, doc([]string{rule1("b", 1, "Block", s)}, set))
			r := browserGet()
			b.ReportAllocs()
			for b.Loop() {
				if v := a.Decide(r); v.Action != yagura.Allow {
					b.Fatal(v)
				}
			}
		})
	}
}
