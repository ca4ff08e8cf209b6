package sigma

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/yagura-sec/yagura"
)

func parse(t *testing.T, text string) []*Document {
	t.Helper()
	docs, problems := Parse("f.yml", "f", []byte(text))
	for _, p := range problems {
		t.Error(p)
	}
	return docs
}

func TestOwnRule(t *testing.T) {
	docs, problems := Read(os.DirFS("../../rules/threat"), ".")
	for _, p := range problems {
		t.Error(p)
	}
	for _, d := range docs {
		if d.ID != "cloudtrail/trail-stopped" {
			continue
		}
		if d.Source() != "cloudtrail" || !d.Own || d.Level != yagura.High || d.Title.JA == "" || d.FalsePositives[0].JA == "" || d.Window != 24*time.Hour {
			t.Errorf("read as %+v", d)
		}
		if diff := cmp.Diff([]string{"T1562.008"}, d.Techniques()); diff != "" {
			t.Error(diff)
		}
		if len(d.Tests) != 2 || d.Tests[0].Want != -1 || d.Tests[1].Want != 0 {
			t.Fatalf("tests are %+v", d.Tests)
		}
		records, err := d.Tests[1].Records()
		if err != nil || len(records) != 1 || !strings.Contains(records[0], `"eventName":"StartLogging"`) {
			t.Errorf("the changed record is %s, %v", records, err)
		}
		return
	}
	t.Error("cloudtrail/trail-stopped was not read")
}

const kinds = `
title: Base
name: base
logsource: {product: aws, service: cloudtrail}
detection: {sel: {eventName: GetObject}, condition: sel}
---
title: Many
correlation:
  type: value_count
  rules: [base]
  group-by: [userIdentity.arn]
  timespan: 90m
  condition: {field: requestParameters.key, gt: 10, lte: 20}
  aliases: {who: {base: userIdentity.arn}}
  generate: true
level: high
---
title: Two in a row
correlation: {type: temporal_ordered, rules: [base, "f#2"], group-by: [a], timespan: 1d}
---
title: Quiet
filter: {rules: [base], selection: {userAgent|startswith: ci/}, condition: selection}
yagura: {owner: sre, reason: the build, expires: 2026-12-01}
---
title: New one
logsource: {product: aws, service: cloudtrail}
detection: {sel: {eventName: GetObject}, condition: sel}
first_seen: {of: [yagura.country], learn: 30d}
---
title: Much
logsource: {product: aws, service: vpcflow}
detection: {sel: {action: ACCEPT}, condition: sel}
baseline: {of: sum bytes, by: [srcaddr], every: 10m, season: none, min: 1000}
---
title: Scan
detector: {use: flow/portscan, parameters: {ports: 20}}
`

func TestKinds(t *testing.T) {
	docs := parse(t, kinds)
	var got []string
	for _, d := range docs {
		got = append(got, d.ID+" "+d.Kind)
	}
	want := []string{"f rule", "f#2 correlation", "f#3 correlation", "f#4 filter", "f#5 first_seen", "f#6 baseline", "f#7 detector"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	c := *docs[1].Correlation
	c.Place = Place{}
	wantC := Correlation{
		Type: "value_count", Rules: []string{"base"}, GroupBy: []string{"userIdentity.arn"}, Timespan: 90 * time.Minute,
		Aliases: map[string]map[string]string{"who": {"base": "userIdentity.arn"}}, Generate: true,
		Bounds: map[string]float64{"gt": 10, "lte": 20}, Fields: []string{"requestParameters.key"},
	}
	if diff := cmp.Diff(wantC, c, cmpopts.IgnoreUnexported(Correlation{})); diff != "" {
		t.Error(diff)
	}
	if docs[2].Correlation.Bounds["gte"] != 2 {
		t.Error("a temporal correlation without a condition needs all of its rules")
	}
	if f := docs[3].Filter; f.Owner != "sre" || f.Expires.Day() != 1 || docs[3].Detection == nil {
		t.Errorf("the filter is %+v", f)
	}
	if b := docs[5].Baseline; b.Op != "sum" || b.Field != "bytes" || b.Deviations != 6 || b.Every != 10*time.Minute {
		t.Errorf("the baseline is %+v", b)
	}
	if docs[6].Use != "flow/portscan" || docs[6].Parameters["ports"] != 20 {
		t.Errorf("the detector is %+v", docs[6])
	}
}

func TestTemporalCondition(t *testing.T) {
	for condition, want := range map[string]float64{
		"a AND b and c": 3, "a or b OR c": 1, "{gte: 2}": 2,
		"a and b": 0, "a and b or c": 0, "not a and b and c": 0, "a b c": 0, "a and a and b": 0, "a and b and c and": 0,
	} {
		docs, _ := Parse("f", "f", []byte("title: T\ncorrelation: {type: temporal, rules: [a, b, c], timespan: 5m, condition: "+condition+"}"))
		if len(docs) == 0 && want != 0 || len(docs) == 1 && docs[0].Correlation.Bounds["gte"] != want {
			t.Errorf("%s: %d documents", condition, len(docs))
		}
	}
}

func TestProblems(t *testing.T) {
	rule := func(detection string) string {
		return "title: T\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n" + detection
	}
	for _, c := range []struct{ name, text, where, say string }{
		{"syntax", "title: [", "f.yml:2", "not valid YAML"},
		{"no title", "detection: {s: {a: b}, condition: s}", "f.yml:1:1", "no title"},
		{"no kind", "title: T", "f.yml:1:1", "none of detection"},
		{"duplicate", "title: T\ntitle: U", "f.yml:2:1", "stands twice"},
		{"two kinds", "title: T\ncorrelation: {}\nfilter: {}", "f.yml:1:1", "separate them"},
		{"global", "title: T\naction: global\ndetection: {s: {a: b}, condition: s}", "f.yml:2:1", "retired"},
		{"modifier", rule("  s: {a|containz: b}\n  condition: s"), "f.yml:4:7", "no modifier"},
		{"no search", rule("  s: {a: b}\n  condition: t"), "f.yml:5:14", `there is no search "t"`},
		{"count", rule("  s: {a: b}\n  condition: s | count() > 5"), "f.yml:5:14", "correlation document"},
		{"empty", rule("  s: {a: b}\n  condition: s and"), "f.yml:5:14", "ends where"},
		{"bracket", rule("  s: {a: b}\n  condition: (s"), "f.yml:5:14", "bracket is missing"},
		{"two of", rule("  s: {a: b}\n  condition: 2 of s*"), "f.yml:5:14", "only \"1 of\""},
		{"of nothing", rule("  s: {a: b}\n  condition: 1 of t*"), "f.yml:5:14", "no search has a name"},
		{"lookahead", rule("  s: {a|re: '(?=b)'}\n  condition: s"), "", ""}, // said by Resolve
		{"null", rule("  s: {a|contains: null}\n  condition: s"), "f.yml:4:19", "null has no text"},
		{"number", rule("  s: {a|gt: b}\n  condition: s"), "f.yml:4:13", "wants a number"},
		{"exists", rule("  s: {a|exists: 1}\n  condition: s"), "f.yml:4:17", "true or false"},
		{"deep value", rule("  s: {a: {b: c}}\n  condition: s"), "f.yml:4:7", "a value is"},
		{"unknown key", rule("  s: {a: b}\n  condition: s") + "\nyagura: {subjekt: x}", "f.yml:6:10", `no key "subjekt"`},
		{"level", rule("  s: {a: b}\n  condition: s") + "\nlevel: severe", "f.yml:6:8", "is not a level"},
		{"filter", "title: F\nfilter: {selection: {a: b}, condition: selection}", "f.yml:2:9", "names no rules"},
		{"span", "title: C\ncorrelation: {type: event_count, rules: [a], timespan: 5x, condition: {gte: 1}}", "f.yml:2:56", "time span"},
		{"test", rule("  s: {a: b}\n  condition: s") + "\nyagura: {tests: [{name: n, match: true, event: '{'}]}", "f.yml:6:48", "not valid JSON"},
	} {
		docs, problems := Parse("f.yml", "f", []byte(c.text))
		if c.say == "" {
			continue
		}
		found := false
		for _, p := range problems {
			found = found || strings.Contains(p.Text, c.say) && p.Place.String() == c.where && !p.Warning
		}
		if !found || len(docs) > 0 {
			t.Errorf("%s: want %q at %s, got %v (%d documents)", c.name, c.say, c.where, problems, len(docs))
		}
	}
}

func TestBounds(t *testing.T) {
	bomb := "title: T\nx: &a [x, x, x, x, x, x, x, x, x, x]\ny: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n" +
		"z: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nw: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n" +
		"v: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\nu: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n" +
		"s: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]\nr: &h [*g, *g, *g, *g, *g, *g, *g, *g, *g, *g]\nq: &i [*h, *h, *h, *h, *h, *h, *h, *h, *h, *h]\n" +
		"p: &j [*i, *i, *i, *i, *i, *i, *i, *i, *i, *i]\ntags: [*j, *e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n"
	for name, text := range map[string]string{
		"bomb":  bomb,
		"large": strings.Repeat("#", maxFile+1),
		"deep":  "title: T\nx: " + strings.Repeat("[", 500) + strings.Repeat("]", 500),
		"wide":  "title: T\ntags: [" + strings.Repeat("a,", maxValues) + "]",
	} {
		if docs, problems := Parse("f.yml", "f", []byte(text)); len(docs) > 0 || len(problems) == 0 {
			t.Errorf("%s: %d documents, %v", name, len(docs), problems)
		}
	}
	large := fstest.MapFS{"a/b.yml": {Data: []byte(strings.Repeat("#", maxFile+1))}, "a/c.yml": {Data: []byte(strings.Split(kinds, "---")[0])}}
	docs, problems := Read(large, "a")
	if len(docs) != 1 || docs[0].ID != "c" || len(problems) != 1 || problems[0].File != "a/b.yml" {
		t.Errorf("read %v, %v", docs, problems)
	}
}

func TestTestRecords(t *testing.T) {
	docs := parse(t, `
title: T
logsource: {product: aws, service: cloudtrail}
detection: {s: {a: b}, condition: s}
yagura:
  tests:
    - name: first
      match: true
      event: '{"eventTime":"2026-01-01T00:00:00Z","a":{"b":"<x>"},"list":[{"k":1},{"k":2}],"id":123456789012345678}'
    - name: changed
      match: 2
      change: {a.b: y, list.k: 3, new.deep: true, id: null}
    - name: often
      match: false
      repeat: {times: 3, every: 10s, at: 1h}
    - name: several
      match: true
      every: 5m
      events:
        - {change: {a: one}}
        - '{"eventTime":"2026-01-01T00:00:00Z","a":"two"}'
        - {at: 1d, change: {a: three}}
    - name: lines
      match: true
      header: h
      lines: [one two, three four]
`)
	want := [][]string{
		{`{"eventTime":"2026-01-01T00:00:00Z","a":{"b":"<x>"},"list":[{"k":1},{"k":2}],"id":123456789012345678}`},
		{`{"a":{"b":"y"},"eventTime":"2026-01-01T00:00:00Z","list":[{"k":3},{"k":3}],"new":{"deep":true}}`},
		{"01:00:00Z", "01:00:10Z", "01:00:20Z"},
		{`"a":"one"`, `2026-01-01T00:05:00Z`, `2026-01-02T00:00:00Z`},
		{"one two", "three four"},
	}
	for i, test := range docs[0].Tests {
		got, err := test.Records()
		if err != nil || len(got) != len(want[i]) {
			t.Errorf("%s: %q, %v", test.Name, got, err)
			continue
		}
		for j := range got {
			if !strings.Contains(got[j], want[i][j]) {
				t.Errorf("%s: record %d is %s, want %s", test.Name, j, got[j], want[i][j])
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(kinds))
	f.Add([]byte("title: T\ndetection:\n  s: ['*a', {b|re|i: c}]\n  condition: [1 of them, not (s or all of s*)]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, _ := Parse("f.yml", "f", data)
		for _, d := range docs {
			if d.Detection == nil {
				continue
			}
			var walk func(n *Node, depth int)
			walk = func(n *Node, depth int) {
				if depth > 4*maxDepth {
					t.Fatal("too deep")
				}
				if n.Item != nil {
					_, _ = n.Item.Resolve(map[string][]string{"x": {"y", "z*"}})
				}
				for _, k := range n.Kids {
					walk(k, depth+1)
				}
			}
			walk(d.Detection.Condition, 0)
			for i := range d.Tests {
				if d.Tests[i].Want > 100 {
					continue
				}
				_, _ = d.Tests[i].Records()
			}
		}
	})
}

// A record that is repeated may number itself, and never has an id twice.
func TestRepeatedRecordsAreNumbered(t *testing.T) {
	docs, problems := Parse("x.yml", "x", []byte(`title: t
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: A}, condition: s}
yagura:
  tests:
    - name: json
      match: true
      repeat: {times: 2, every: 10s, event: '{"eventID":"e","eventTime":"2026-01-01T00:00:00Z","n":"k-{n*2+5}"}'}
    - name: lines
      match: true
      lines: [{line: "a {n+100} {n*60+1000} {n}", times: 3}, plain]
`))
	if len(docs) != 1 {
		t.Fatal(problems)
	}
	var got []string
	for i := range docs[0].Tests {
		records, err := docs[0].Tests[i].Records()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, records...)
	}
	want := []string{
		`{"eventID":"e","eventTime":"2026-01-01T00:00:00Z","n":"k-5"}`,
		`{"eventID":"e-1","eventTime":"2026-01-01T00:00:10Z","n":"k-7"}`,
		"a 100 1000 0", "a 101 1060 1", "a 102 1120 2", "plain",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
