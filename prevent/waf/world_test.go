package waf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura"
)

// drawStatement draws a statement of those that depend on parts of a request.
func drawStatement(t *rapid.T, depth int) string {
	kinds := 10
	if depth > 2 {
		kinds = 7
	}
	word := rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(t, "word")
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return bytesIn(uriPath, "CONTAINS", word)
	case 1:
		return bytesIn(`{"Body":{"OversizeHandling":"`+rapid.SampledFrom([]string{"CONTINUE", "MATCH", "NO_MATCH"}).Draw(t, "oversize")+`"}}`, "CONTAINS", word)
	case 2:
		return bytesIn(`{"SingleHeader":{"Name":"x-a"}}`, "EXACTLY", word)
	case 3:
		return size(body, rapid.SampledFrom([]string{"GT", "LE", "EQ"}).Draw(t, "compare"), rapid.IntRange(0, 3).Draw(t, "size"))
	case 4:
		return labelled(word, "LABEL")
	case 5:
		return `{"GeoMatchStatement":{"CountryCodes":["JP"]}}`
	case 6:
		return `{"GeoMatchStatement":{"CountryCodes":["JP"],"ForwardedIPConfig":{"HeaderName":"X-F","FallbackBehavior":"MATCH"}}}`
	case 7:
		return notOf(drawStatement(t, depth+1))
	case 8:
		return allOf(drawStatement(t, depth+1), drawStatement(t, depth+1))
	default:
		return anyStatement(drawStatement(t, depth+1), drawStatement(t, depth+1))
	}
}

func drawRules(t *rapid.T, n int) (rules []string) {
	for i := range n {
		action := rapid.SampledFrom([]string{"Allow", "Block", "Count", "Captcha"}).Draw(t, "action")
		var more []string
		if rapid.Bool().Draw(t, "labelled") {
			more = append(more, `"RuleLabels":[{"Name":"`+rapid.SampledFrom([]string{"a", "b"}).Draw(t, "label")+`"}]`)
		}
		rules = append(rules, rule1(fmt.Sprint("r", i), i, action, drawStatement(t, 0), more...))
	}
	return rules
}

func drawRequest(t *rapid.T) *yagura.Request {
	words := []string{"/" + rapid.SampledFrom([]string{"", "a", "b", "ab"}).Draw(t, "path")}
	if rapid.Bool().Draw(t, "header") {
		words = append(words, "X-A: "+rapid.SampledFrom([]string{"a", "c"}).Draw(t, "value"))
	}
	if rapid.Bool().Draw(t, "forwarded") {
		words = append(words, "X-F: "+rapid.SampledFrom([]string{"198.51.100.7", "203.0.113.1", "x"}).Draw(t, "forwarded"))
	}
	r := request(words...)
	r.Country = rapid.SampledFrom([]string{"JP", "DE"}).Draw(t, "country")
	r.Body = []byte(rapid.SampledFrom([]string{"", "a", "xb", "aaaaaaaaaa"}).Draw(t, "body"))
	r.BodySize = int64(len(r.Body))
	return r
}

// TestPropertyUnknown hides parts of a request: what the whole request gets must
// be among the endings that the partial one admits.
func TestPropertyUnknown(t *testing.T) {
	undecided, decided := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t, rapid.IntRange(1, 5).Draw(t, "rules"))
		if rapid.Bool().Draw(t, "grouped") && len(rules) > 1 {
			override := rapid.SampledFrom([]string{"override None", "override Count"}).Draw(t, "override")
			g := group1("g", rules[1:])
			rules = []string{rules[0], rule1("ref", 50, override, refer("g")), rule1("last", 60, "Block", drawStatement(t, 0)), "" + rule1("again", 70, "Block", labelled("awswaf:111122223333:rulegroup:g:a", "LABEL"))}
			rules = append(rules, "\x00"+g)
		}
		var more []string
		if last := rules[len(rules)-1]; strings.HasPrefix(last, "\x00") {
			rules, more = rules[:len(rules)-1], []string{last[1:]}
		}
		a := compiled(t, doc(rules, more...), Options{Places: fixedPlaces{}, BodyLimit: 6})
		whole := drawRequest(t)
		want := a.Decide(whole)
		part := *whole
		missing := rapid.Uint16Range(0, 1<<9-1).Draw(t, "missing")
		part.Missing = yagura.Part(missing)
		if part.Missing&yagura.PartURI != 0 {
			part.URI = ""
		}
		if part.Missing&yagura.PartHeaders != 0 {
			part.Headers = nil
		}
		if part.Missing&yagura.PartBody != 0 {
			part.Body = nil
			if rapid.Bool().Draw(t, "size unknown") {
				part.BodySize = -1
			}
		}
		if part.Missing&yagura.PartClient != 0 {
			part.Client = netip.Addr{}
		}
		if part.Missing&yagura.PartCountry != 0 && part.Missing&yagura.PartClient != 0 {
			part.Country = ""
		}
		got := a.Decide(&part)
		switch {
		case got.Action == yagura.Undecided:
			undecided++
			if !slices.ContainsFunc(got.Possible, func(p yagura.Ending) bool { return p.Action == want.Action && p.Rule == want.Rule }) {
				t.Fatalf("%s by %s is not among %v\nrules %s\nmissing %b", want.Action, want.Rule, got.Possible, strings.Join(rules, "\n"), missing)
			}
			if len(got.Reasons) == 0 {
				t.Fatal("undecided without a reason")
			}
		default:
			decided++
			if got.Action != want.Action {
				t.Fatalf("%s, but the whole request gets %s by %s\nrules %s\nmissing %b", got.Action, want.Action, want.Rule, strings.Join(rules, "\n"), missing)
			}
		}
	})
	if undecided == 0 || decided == 0 {
		t.Errorf("%d undecided, %d decided: the property says nothing", undecided, decided)
	}
}

// TestPropertyBlockAtEnd adds a Block rule behind the others: nothing that was
// blocked passes then.
func TestPropertyBlockAtEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t, rapid.IntRange(0, 5).Draw(t, "rules"))
		r := drawRequest(t)
		o := Options{Places: fixedPlaces{}}
		before := compiled(t, doc(rules), o).Decide(r)
		after := compiled(t, doc(append(rules, rule1("last", 99, "Block", drawStatement(t, 0)))), o).Decide(r)
		if before.Action != yagura.Allow && after.Action != before.Action || before.Rule != "Default_Action" && after.Rule != before.Rule {
			t.Fatalf("%s by %s becomes %s by %s", before.Action, before.Rule, after.Action, after.Rule)
		}
	})
}

// TestExplainAgrees compares the explanation's verdict with the decision.
func TestExplainAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t, rapid.IntRange(1, 6).Draw(t, "rules"))
		a := compiled(t, doc(rules), Options{Places: fixedPlaces{}})
		r := drawRequest(t)
		v, x := a.Decide(r), a.Explain(r)
		if v.Action != x.Verdict.Action || v.Rule != x.Verdict.Rule || len(x.Steps) != len(rules) {
			t.Fatalf("%v %v", v, x)
		}
		if x.Sentence("en") == "" || x.Sentence("ja") == "" || strings.Contains(x.Sentence("ja"), "%!") {
			t.Fatal(x.Sentence("ja"))
		}
	})
}
