package rule_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/source"
)

// TestHostile gives the engine records that somebody made to break it. The time
// limit of the test binary is the bound: nothing here may be more than linear.
func TestHostile(t *testing.T) {
	set, _ := compile(t, twinConfig,
		document("{s: {userAgent|re: '(a+)+$'}, condition: s}"),
		document("{s: {userAgent: '*a*a*a*a*a*a*b'}, condition: s}"),
		document("{s: {userAgent|contains: pacu}, condition: s}"),
		document("{s: ['a?a?a?b'], condition: s}"),
		document("{s: {requestParameters.a.b: x, errorCode: null}, condition: s}"),
		document("{s: {eventTime|hour: 3}, condition: s}"),
		document("{s: {requestParameters.list|contains: x, requestParameters.list.k|all: [y, z]}, condition: not s}"))
	long := strings.Repeat("a", 10<<20)
	deep := strings.Repeat(`{"a":`, 400) + "1" + strings.Repeat("}", 400)
	many := "[" + strings.TrimSuffix(strings.Repeat(`{"k":"y"},`, 50_000), ",") + "]"
	for name, record := range map[string]string{
		"long":    fmt.Sprintf(`{"eventName":"x","eventTime":"2026-01-01T00:00:00Z","userAgent":"%s"}`, long),
		"long up": fmt.Sprintf(`{"eventName":"x","eventTime":"2026-01-01T00:00:00Z","userAgent":"%sÄ"}`, strings.ToUpper(long)),
		"deep":    fmt.Sprintf(`{"eventName":"x","eventTime":"2026-01-01T00:00:00Z","requestParameters":%s}`, deep),
		"many":    fmt.Sprintf(`{"eventName":"x","eventTime":"2026-01-01T00:00:00Z","requestParameters":{"list":%s}}`, many),
		"bytes":   "{\"eventName\":\"x\",\"eventTime\":\"2026-01-01T00:00:00Z\",\"userAgent\":\"\xff\xfe\xc0 pacu\",\"requestParameters\":{\"\\ud800\":\"\\udfff\"}}",
	} {
		ev := decode(t, record)[0]
		m := set.Matcher()
		for range 2 {
			m.Match("cloudtrail", &ev, func(h *rule.Hit) {
				for _, f := range h.Facts() {
					if len(f.Value) > 256 {
						t.Errorf("%s: a fact of %d bytes", name, len(f.Value))
					}
				}
			})
		}
	}
	// What is not JSON at all, and nothing at all.
	for _, ev := range []ocsf.Event{{}, {Raw: "{"}, {Raw: `{"eventTime":[[[`}, {Raw: "null", Request: "["}} {
		set.Matcher().Match("cloudtrail", &ev, func(h *rule.Hit) { h.Facts() })
	}
}

// TestTextSource matches a flow log, whose fields are columns or, where there is
// none, members of the unmapped object.
func TestTextSource(t *testing.T) {
	ev := ocsf.Event{}
	ev.Reset()
	ev.Time, ev.Src.IP, ev.Dst.Port, ev.Traffic.Bytes = 1_780_000_000_000_000, "203.0.113.9", 3389, 0
	ev.Dst.Name, ev.Unmapped, ev.Raw = "service", `{"az-id":"use1-az1","encryption-status":""}`, "2 203.0.113.9 - 3389"
	for item, want := range map[string]bool{
		`dstport: 3389`:                true,
		`dstport: [22, 3389]`:          true,
		`dst_endpoint.port|gte: 3000`:  true,
		`bytes: 0`:                     true,
		`packets: null`:                true,
		`packets|exists: false`:        true,
		`srcaddr|cidr: 203.0.113.0/24`: true,
		`srcaddr: 203.0.113.*`:         true,
		`dstaddr: service`:             true,
		`dstaddr: '*'`:                 true,
		`start: 1780000000`:            true,
		`start|year: 2026`:             true,
		`time|startswith: 2026-05-28T`: true,
		`action: ''`:                   true, // a text log cannot tell empty from absent
		`az-id: USE1-*`:                true,
		`az_id: USE1-*`:                true,
		`encryption-status: ''`:        true,
		`encryption-status: null`:      false,
		`dstport: 22`:                  false,
	} {
		cfg := rule.Config{Schemas: source.Schemas()}
		text := strings.Replace(document("{s: {"+quoteKey(item)+"}, condition: s}"), "cloudtrail", "vpcflow", 1)
		set, problems := compile(t, cfg, text)
		if len(problems) > 0 {
			t.Errorf("%s: %v", item, problems)
		}
		hits := 0
		set.Matcher().Match("vpcflow", &ev, func(*rule.Hit) { hits++ })
		if (hits == 1) != want {
			t.Errorf("%s: %d hits", item, hits)
		}
	}
}

func TestLookup(t *testing.T) {
	set, problems := compile(t, twinConfig, "name: n\nid: 0e95725d-7320-415d-80f7-004da920fc11\n"+document("{s: {eventName: x}, condition: s}"), "name: n\n"+document("{s: {eventName: x}, condition: s}"))
	if len(problems) != 1 || problems[0].Code != "duplicate-id" || !problems[0].Warning {
		t.Errorf("problems %v", problems)
	}
	var got []string
	for _, ref := range []string{"r0", "n", "0e95725d-7320-415d-80f7-004da920fc11", "r1"} {
		got = append(got, set.Lookup(ref).Doc.ID)
	}
	if diff := cmp.Diff([]string{"r0", "r0", "r0", "r1"}, got); diff != "" || set.Lookup("x") != nil {
		t.Error(diff)
	}
}
