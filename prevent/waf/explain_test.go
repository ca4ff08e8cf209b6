package waf

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/corazawaf/libinjection-go"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura"
)

func TestExplain(t *testing.T) {
	g := group1("g", []string{
		rule1("inner", 1, "Count", bytesIn(`{"SingleQueryArgument":{"Name":"q"}}`, "CONTAINS", "evil word", "URL_DECODE"), `"RuleLabels":[{"Name":"bad"}]`),
		rule1("rest", 2, "Block", path("/never")),
	})
	a := compiled(t, doc([]string{
		rule1("ref", 1, "override None", refer("g")),
		rule1("no", 2, "Block", path("/no")),
		rule1("label", 3, "Block", labelled("awswaf:111122223333:rulegroup:g:bad", "LABEL")),
		rule1("after", 4, "Block", path("/")),
	}, g))
	x := a.Explain(request("/?q=an%20evil%20word"))
	want := []Step{
		{Rule: "ref", Kind: "GROUP", Priority: 1, Outcome: "entered", Steps: []Step{
			{
				Rule: "inner", Group: arnPrefix + "rulegroup/g/1", Kind: "REGULAR", Priority: 1, Outcome: "match", Action: "COUNT", Field: "query argument q",
				Value: "an evil word", Transforms: []string{"URL_DECODE"}, Labels: []string{"awswaf:111122223333:rulegroup:g:bad"},
			},
			{Rule: "rest", Group: arnPrefix + "rulegroup/g/1", Kind: "REGULAR", Priority: 2, Outcome: "no match", Action: "BLOCK"},
		}},
		{Rule: "no", Kind: "REGULAR", Priority: 2, Outcome: "no match", Action: "BLOCK"},
		{Rule: "label", Kind: "REGULAR", Priority: 3, Outcome: "match", Action: "BLOCK", Ends: "yes"},
		{Rule: "after", Kind: "REGULAR", Priority: 4, Outcome: "not reached", Action: "BLOCK"},
	}
	if diff := cmp.Diff(want, x.Steps); diff != "" {
		t.Error(diff)
	}
	if x.Decides != "label" || x.Action != "BLOCK" || x.Sentence("en") != "BLOCK by rule label." || !strings.Contains(x.Sentence("ja"), "label") {
		t.Errorf("%s %s %s", x.Decides, x.Action, x.Sentence("en"))
	}
	if _, err := json.Marshal(x); err != nil {
		t.Error(err)
	}
	r := request("/no")
	r.URI, r.Missing = "", yagura.PartURI
	x = a.Explain(r)
	if x.Action != "UNDECIDED" || x.Decides != "" || !strings.Contains(x.Sentence("en"), "needs the URI path") {
		t.Errorf("%s %s", x.Action, x.Sentence("en"))
	}
	blocks := compiled(t, doc([]string{rule1("b", 1, "Block", path("/x"))})).Explain(request("/x<y>"))
	if got := blocks.Sentence("en"); got != `BLOCK by rule b: the URI path is "/x<y>".` {
		t.Error(got)
	}
	deny := compiled(t, doc([]string{rule1("ref", 1, "override None", refer("h"))}, group1("h", []string{rule1("deny", 1, "Block", path("/"))}))).Explain(request())
	if deny.Decides != "ref/deny" {
		t.Error(deny.Decides)
	}
}

// TestLiveWithoutPlaces must neither block all the world nor count as a match.
func TestLiveWithoutPlaces(t *testing.T) {
	geo := `{"GeoMatchStatement":{"CountryCodes":["JP"]}}`
	for _, s := range []string{geo, notOf(geo), `{"AsnMatchStatement":{"AsnList":[64500]}}`, notOf(`{"AsnMatchStatement":{"AsnList":[64500]}}`)} {
		a := compiled(t, doc([]string{rule1("b", 1, "Block", s)}), Options{Live: true})
		wantAction(t, a, yagura.Allow)
		if len(a.Warnings()) != 1 {
			t.Errorf("%q", a.Warnings())
		}
		if v := compiled(t, doc([]string{rule1("b", 1, "Block", s)})).Decide(request()); v.Action != yagura.Undecided {
			t.Error(v.Action)
		}
	}
	if _, err := OpenPlaces("/nowhere.mmdb", ""); err == nil {
		t.Error("a file that is not there is opened")
	}
}

// TestAddressSet compares the set with a walk over its prefixes.
func TestAddressSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address := func(name string) netip.Addr {
			if rapid.Bool().Draw(t, name+" is 6") {
				b := [16]byte{0x20, 1}
				for _, i := range []int{2, 7, 8, 15} {
					b[i] = byte(rapid.IntRange(0, 3).Draw(t, name))
				}
				return netip.AddrFrom16(b)
			}
			return netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(0, 3).Draw(t, name)), 0, byte(rapid.IntRange(0, 255).Draw(t, name))})
		}
		var prefixes []netip.Prefix
		for range rapid.IntRange(0, 12).Draw(t, "prefixes") {
			a := address("prefix")
			prefixes = append(prefixes, netip.PrefixFrom(a, rapid.IntRange(1, a.BitLen()).Draw(t, "bits")).Masked())
		}
		set := newAddressSet(prefixes)
		for range 8 {
			a, want := address("address"), false
			for _, p := range prefixes {
				want = want || p.Contains(a)
			}
			if got := set.contains(a); got != want {
				t.Fatalf("%s in %v: %v", a, prefixes, got)
			}
		}
		for _, p := range prefixes {
			if !set.covers(p) {
				t.Fatalf("%v does not cover %s", prefixes, p)
			}
		}
	})
}

// FuzzPattern compiles and runs patterns.
func FuzzPattern(f *testing.F) {
	for _, seed := range []string{`(?<=a|bc)d`, `^(?!/x).*$`, `[\d-a]`, `\Qa\E+`, `(?i:a(?=B))`, `a{2,3}+`, `[[:alpha:]-z]`, `\x{41}\cA\07`} {
		f.Add(seed, "xabcd\xff")
	}
	f.Fuzz(func(t *testing.T, pattern, value string) {
		if len(pattern) > 200 || len(value) > 200 {
			return
		}
		p, err := newPattern(pattern)
		if err != nil {
			return
		}
		got, _ := p.match(wide(nil, []byte(value)), []byte(value))
		need := p.need
		p.need, p.whole = nil, false
		if want, ok := p.match(wide(nil, []byte(value)), []byte(value)); got != want && ok {
			t.Fatalf("%q on %q: %v with the literals %v, %v without", pattern, value, got, need, want)
		}
	})
}

// FuzzMarkup compares the gate before libinjection with libinjection alone.
func FuzzMarkup(f *testing.F) {
	for _, seed := range []string{"onload x", "\" onclick ", "javascript:alert(1)", "' style ' href", "`x`", "--!>", "<a", "x=y", "\x00\" onerror\x00", "/onload/>", "%>", "?>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := isXSS([]byte(s)), libinjection.IsXSS(s); got != want {
			t.Fatalf("%q: %v, libinjection says %v", s, got, want)
		}
	})
}
