package rule_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/rule/novelty"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/rule/window"
	"github.com/yagura-sec/yagura/source/cloudtrail"
)

// base is the head of every document of these tests.
const base = "title: t\nstatus: stable\nlevel: medium\nlogsource: {product: aws, service: cloudtrail}\n"

func selection(name, eventName, rest string) string {
	return base + "name: " + name + "\ndetection: {selection: {eventName: " + eventName + "}, condition: selection}\n" + rest
}

func correlation(name, body string) string {
	return "title: t\nlevel: high\nname: " + name + "\ncorrelation:\n  " + strings.ReplaceAll(body, "\n", "\n  ") + "\n"
}

func testConfig() rule.Config {
	return rule.Config{
		Schemas: []*ocsf.Schema{cloudtrail.New().Schema()},
		Fields: map[string]func(*ocsf.Event) []string{
			"yagura.principal": func(ev *ocsf.Event) []string { return []string{ev.User.Name} },
			"yagura.panics":    func(*ocsf.Event) []string { panic("a derived field that is wrong") },
		},
	}
}

// compileDocs makes a set of documents, each a file r1.yml, r2.yml ….
func compileDocs(t testing.TB, docs ...string) *rule.Set {
	t.Helper()
	fsys := fstest.MapFS{}
	for i, d := range docs {
		fsys[fmt.Sprintf("r%d.yml", i+1)] = &fstest.MapFile{Data: []byte(d)}
	}
	list, problems := sigma.Read(fsys, ".")
	set, more := rule.Compile(list, testConfig())
	for _, p := range append(problems, more...) {
		if !p.Warning {
			t.Fatal(p)
		}
	}
	return set
}

func newEngine(t testing.TB, set *rule.Set, cfg rule.EngineConfig) *rule.Engine {
	t.Helper()
	e, problems := rule.NewEngine(set, cfg)
	for _, p := range problems {
		t.Fatal(p)
	}
	return e
}

var epoch = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

// userCall is an event of a user, so many seconds after the epoch.
func userCall(second int, user, name, address string) ocsf.Event {
	var ev ocsf.Event
	ev.Reset()
	ev.Time = epoch.Add(time.Duration(second) * time.Second).UnixMicro()
	ev.UID = fmt.Sprintf("%d-%s-%s-%s", second, user, name, address)
	ev.User.Name, ev.API.Operation, ev.Src.IP, ev.Status = user, name, address, ocsf.StatusSuccess
	return ev
}

// play gives events to an engine and tells the alerts: rule id, group, count,
// and what is special.
func play(e *rule.Engine, events ...ocsf.Event) (told []string) {
	report := func(a *rule.Alert) { told = append(told, tell(a)) }
	for i := range events {
		e.Process("cloudtrail", &events[i], report)
	}
	return told
}

func tell(a *rule.Alert) string {
	s := a.Rule.Doc.Name
	for _, g := range a.Group {
		s += " " + g.Value
	}
	s += fmt.Sprintf(" x%d", a.Count)
	if a.Again {
		s += " again"
	}
	if a.Suppressed != "" {
		s += " suppressed: " + a.Suppressed
	}
	if a.DryRun() {
		s += " dry-run"
	}
	return s
}

func TestEngineKinds(t *testing.T) {
	failed, success := selection("failed", "Fail", ""), selection("success", "Login", "")
	many := correlation("many", "type: event_count\nrules: [failed]\ngroup-by: [yagura.principal]\ntimespan: 10m\ncondition: {gte: 3}")
	fails := []ocsf.Event{userCall(0, "a", "Fail", "10.0.0.1"), userCall(1, "a", "Fail", "10.0.0.2"), userCall(2, "b", "Fail", "10.0.0.3"), userCall(3, "a", "Fail", "10.0.0.4"), userCall(4, "a", "Fail", "10.0.0.4")}
	tests := map[string]struct {
		docs   []string
		events []ocsf.Event
		want   []string
	}{
		"a count, its base rule silent": {[]string{failed, many}, fails, []string{"many a x3", "many a x4 again"}},
		"generate":                      {[]string{failed, strings.Replace(many, "timespan", "generate: true\n  timespan", 1)}, fails[:2], []string{"failed x1", "failed x1"}},
		"generate, beside the section":  {[]string{failed, many + "generate: true\n"}, fails[:2], []string{"failed x1", "failed x1"}},
		"distinct values":               {[]string{failed, correlation("spread", "type: value_count\nrules: failed\ngroup-by: [yagura.principal]\ntimespan: 1h\ncondition: {gte: 3, field: sourceIPAddress}")}, fails, []string{"spread a x3", "spread a x4 again"}},
		"a chain": {
			[]string{failed, success, many, correlation("breach", "type: temporal_ordered\nrules: [many, success]\ngroup-by: [yagura.principal]\ntimespan: 10m")},
			append(slices.Clone(fails), userCall(9, "b", "Login", ""), userCall(10, "a", "Login", "")), []string{"breach a x3"},
		},
		"an alias": {
			[]string{failed, success, correlation("same", "type: temporal\nrules: [failed, success]\naliases: {who: {failed: yagura.principal, success: sourceIPAddress}}\ngroup-by: [who]\ntimespan: 10m")},
			[]ocsf.Event{userCall(0, "10.9.9.9", "Fail", "10.0.0.1"), userCall(1, "x", "Login", "10.9.9.9"), userCall(2, "y", "Login", "10.0.0.1")}, []string{"same 10.9.9.9 x2"},
		},
		"a late event completes": {[]string{failed, many}, []ocsf.Event{userCall(0, "a", "Fail", "1"), userCall(5000, "b", "Fail", "1"), userCall(500, "a", "Fail", "1"), userCall(250, "a", "Fail", "1")}, []string{"many a x3"}},
		"the same event twice":   {[]string{failed, many}, []ocsf.Event{fails[0], fails[0], fails[0], fails[0]}, nil},
		"few, when the window closes": {
			[]string{failed, correlation("few", "type: event_count\nrules: [failed]\ngroup-by: [yagura.principal]\ntimespan: 1m\ncondition: {lt: 2}")},
			append(slices.Clone(fails), userCall(3600, "c", "Other", "")), []string{"few b x1"},
		},
		"first seen": {
			[]string{base + "name: fresh\ndetection: {selection: {eventName: Login}, condition: selection}\nfirst_seen: {of: [sourceIPAddress], by: [yagura.principal], learn: 1h}\n"},
			[]ocsf.Event{userCall(0, "a", "Login", "1"), userCall(10, "a", "Login", "2"), userCall(3600, "a", "Login", "2"), userCall(3601, "a", "Login", "3"), userCall(3602, "b", "Login", "3")}, []string{"fresh a x1"},
		},
		"first seen, of somebody known from other calls": {
			[]string{base + "name: fresh\ndetection: {selection: {eventName: Login}, condition: selection}\nfirst_seen: {of: [sourceIPAddress], by: [yagura.principal], learn: 1h}\n"},
			[]ocsf.Event{userCall(0, "a", "List", "1"), userCall(3600, "a", "Login", "1"), userCall(3601, "b", "Login", "1")}, []string{"fresh a x1"},
		},
		"a baseline": {
			[]string{base + "name: much\ndetection: {selection: {eventName: Login}, condition: selection}\nbaseline: {of: distinct sourceIPAddress, by: [yagura.principal], every: 1m, season: none, min: 5, learn: 10m}\n"},
			busy(), []string{"much a x1", "much a x1 again"},
		},
		"filters end": {
			[]string{failed, many, "title: f\nlogsource: {product: aws, service: cloudtrail}\nfilter: {rules: [many], selection: {yagura.principal: a}, condition: selection}\nyagura: {owner: o, reason: known, expires: 2026-05-05}\n"},
			append(slices.Clone(fails), userCall(90000, "a", "Fail", ""), userCall(90001, "a", "Fail", ""), userCall(90002, "a", "Fail", "")),
			[]string{"many a x3 suppressed: filter r3: known (o), until 2026-05-05", "many a x4 again suppressed: filter r3: known (o), until 2026-05-05", "many a x3"},
		},
		"a dry run": {[]string{selection("quiet", "Login", "yagura: {dry_run: true}\n")}, []ocsf.Event{userCall(0, "a", "Login", "")}, []string{"quiet x1 dry-run"}},
		"outcome":   {[]string{selection("only", "Login", "yagura: {outcome: success}\n")}, []ocsf.Event{failure(userCall(0, "a", "Login", "")), userCall(1, "a", "Login", "")}, []string{"only x1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, compileDocs(t, test.docs...), rule.EngineConfig{})
			if diff := cmp.Diff(test.want, play(e, test.events...)); diff != "" {
				t.Errorf("alerts (-want +got):\n%s", diff)
			}
		})
	}
}

// Events with times that cannot be right, first or in between, neither close
// windows for ever nor keep what follows from counting.
func TestEngineClockJumps(t *testing.T) {
	docs := []string{
		selection("failed", "Fail", ""),
		correlation("few", "type: event_count\nrules: [failed]\ngroup-by: [yagura.principal]\ntimespan: 1m\ncondition: {lt: 3}"),
		selection("again", "Retry", ""),
		correlation("many", "type: event_count\nrules: [again]\ngroup-by: [yagura.principal]\ntimespan: 1m\ncondition: {gte: 3}"),
	}
	year := func(ev ocsf.Event, y int) ocsf.Event {
		ev.Time = time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
		return ev
	}
	for name, test := range map[string]struct{ at, n, year int }{
		"2099 first": {0, 1, 2099}, "1970 first": {0, 1, 1970}, "0001 first": {0, 1, 1}, "2099 in between": {20, 1, 2099}, "1970 in between": {20, 1, 1970},
		"many of 2099 in between": {20, 12, 2099}, "many of 2099 first": {0, 12, 2099}, "many of 1970 in between": {20, 12, 1970},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, compileDocs(t, docs...), rule.EngineConfig{})
			var events []ocsf.Event
			for i := range 200 {
				if i == test.at {
					for k := range test.n {
						events = append(events, year(userCall(k, "x", "Other", "1"), test.year))
					}
				}
				events = append(events, userCall(60*i, "x", "Other", "1"))
			}
			events = append(events, userCall(11_950, "late", "Fail", "1"), userCall(11_951, "late", "Retry", "1"), userCall(11_952, "late", "Retry", "1"), userCall(11_953, "late", "Retry", "1"))
			for i := range 60 {
				events = append(events, userCall(12_000+60*i, "x", "Other", "1"))
			}
			if diff := cmp.Diff([]string{"many late x3", "few late x1"}, play(e, events...)); diff != "" {
				t.Errorf("alerts (-want +got):\n%s\n%+v", diff, e.Stats().Windows)
			}
		})
	}
}

func failure(ev ocsf.Event) ocsf.Event {
	ev.Status = ocsf.StatusFailure
	return ev
}

// busy is a user with one address a minute who then has nine in one.
func busy() (events []ocsf.Event) {
	for m := range 20 {
		events = append(events, userCall(m*60, "a", "Login", "10.0.0.1"))
	}
	for i := range 9 {
		events = append(events, userCall(1200+i, "a", "Login", fmt.Sprintf("10.0.1.%d", i)))
	}
	return events
}

func TestEngineEvidence(t *testing.T) {
	e := newEngine(t, compileDocs(t, selection("failed", "Fail", ""), correlation("many", "type: value_count\nrules: [failed]\ngroup-by: [yagura.principal]\ntimespan: 10m\ncondition: {gte: 2, field: sourceIPAddress}")), rule.EngineConfig{})
	var got []rule.Alert
	for i, ev := range []ocsf.Event{userCall(7, "a", "Fail", "10.0.0.1"), userCall(3, "a", "Fail", "10.0.0.2")} {
		ev.Provenance = ocsf.Provenance{Object: 5, Record: int64(i)}
		e.Process("cloudtrail", &ev, func(a *rule.Alert) { got = append(got, *a) })
	}
	if len(got) != 1 {
		t.Fatalf("%d alerts, want 1", len(got))
	}
	at := func(s int) int64 { return epoch.Add(time.Duration(s) * time.Second).UnixMicro() }
	wantRefs := []yagura.EventRef{
		{Source: "cloudtrail", UID: "3-a-Fail-10.0.0.2", Time: at(3), Object: 5, Record: 1},
		{Source: "cloudtrail", UID: "7-a-Fail-10.0.0.1", Time: at(7), Object: 5, Record: 0},
	}
	if diff := cmp.Diff(wantRefs, got[0].Refs); diff != "" {
		t.Errorf("refs (-want +got):\n%s", diff)
	}
	wantFacts := []yagura.Fact{{Name: "yagura.value_count", Value: "2"}, {Name: "yagura.timespan", Value: "10m0s"}, {Name: "sourceIPAddress", Value: "10.0.0.2"}, {Name: "sourceIPAddress", Value: "10.0.0.1"}}
	if diff := cmp.Diff(wantFacts, got[0].Facts); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if got[0].First != at(3) || got[0].Last != at(7) || got[0].Source != "cloudtrail" {
		t.Errorf("first %d, last %d, source %q", got[0].First, got[0].Last, got[0].Source)
	}
}

func TestEngineExclude(t *testing.T) {
	set := compileDocs(t, selection("failed", "Fail", ""), selection("login", "Login", ""),
		correlation("many", "type: event_count\nrules: [failed]\ngroup-by: [yagura.principal]\ntimespan: 10m\ncondition: {gte: 2}"))
	e := newEngine(t, set, rule.EngineConfig{Exclude: func(_ *rule.Rule, _ string, ev *ocsf.Event) string {
		if ev.User.Name == "robot" {
			return "known automation"
		}
		return ""
	}})
	got := play(e, userCall(0, "robot", "Fail", ""), userCall(1, "robot", "Fail", ""), userCall(2, "robot", "Login", ""))
	if diff := cmp.Diff([]string{"login x1 suppressed: known automation"}, got); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
	if st := e.Stats(); st.Excluded != 2 || st.Suppressed != 1 {
		t.Errorf("stats %+v: want 2 excluded, 1 suppressed", st)
	}
	if diff := cmp.Diff(map[string][]string{"r1": {"r3"}}, e.Silent()); diff != "" {
		t.Errorf("silent rules (-want +got):\n%s", diff)
	}
}

func TestEngineContainsPanics(t *testing.T) {
	set := compileDocs(t, base+"name: wrong\ndetection: {selection: {eventName: Fail, yagura.panics: x}, condition: selection}\n", selection("login", "Login", ""))
	e := newEngine(t, set, rule.EngineConfig{})
	got := play(e, userCall(0, "a", "Fail", ""), userCall(1, "a", "Login", ""))
	if diff := cmp.Diff([]string{"login x1"}, got); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
	if st := e.Stats(); st.Panics != 1 || !strings.Contains(st.LastPanic, "derived field") {
		t.Errorf("stats %+v: want one panic, told", st)
	}
}

func TestEngineRefusesWrongReferences(t *testing.T) {
	body := func(ref string) string {
		return "type: event_count\nrules: [" + ref + "]\ngroup-by: [yagura.principal]\ntimespan: 1m\ncondition: {gte: 2}"
	}
	set := compileDocs(t, selection("ok", "Fail", ""), correlation("one", body("two")), correlation("two", body("one")), correlation("lost", body("nowhere")), correlation("fine", body("ok")),
		correlation("alias", "type: temporal\nrules: [ok]\naliases: {who: {other: x}}\ngroup-by: [who]\ntimespan: 1m"))
	_, problems := rule.NewEngine(set, rule.EngineConfig{})
	var ids []string
	for _, p := range problems {
		ids = append(ids, p.ID)
	}
	if diff := cmp.Diff([]string{"r2", "r3", "r4", "r6"}, ids); diff != "" {
		t.Errorf("documents left out (-want +got):\n%s\n%v", diff, problems)
	}
}

var statefulDocs = []string{
	selection("failed", "Fail", ""), selection("success", "Login", ""),
	correlation("many", "type: event_count\nrules: [failed]\ngroup-by: [yagura.principal]\ntimespan: 2m\ncondition: {gte: 3}"),
	correlation("breach", "type: temporal_ordered\nrules: [many, success]\ngroup-by: [yagura.principal]\ntimespan: 2m"),
	correlation("some", "type: event_count\nrules: [success]\ngroup-by: [yagura.principal]\ntimespan: 1m\ncondition: {gte: 2, lte: 3}"),
	base + "name: fresh\ndetection: {selection: {eventName: Login}, condition: selection}\nfirst_seen: {of: [sourceIPAddress], by: [yagura.principal], learn: 5m}\n",
	base + "name: much\ndetection: {selection: {eventName: '*'}, condition: selection}\nbaseline: {of: count, every: 1m, season: none, learn: 10m}\n",
}

// An engine that is saved and loaded at any point goes on as one that is not.
func TestEngineSaveLoad(t *testing.T) {
	set := compileDocs(t, statefulDocs...)
	cfg := rule.EngineConfig{Windows: window.Limits{MaxEntries: 200, MaxHits: 20, Grace: time.Second}, Novelty: novelty.Limits{MaxEntities: 5, MaxValues: 9}}
	rapid.Check(t, func(t *rapid.T) {
		fresh := func() *rule.Engine {
			e, problems := rule.NewEngine(set, cfg)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			return e
		}
		a, b := fresh(), fresh()
		n := rapid.IntRange(1, 80).Draw(t, "n")
		cut := rapid.IntRange(0, n).Draw(t, "cut")
		now := 0
		var gotA, gotB []string
		for i := range n {
			if i == cut {
				var buf bytes.Buffer
				if err := b.Save(&buf); err != nil {
					t.Fatal(err)
				}
				b = fresh()
				if dropped, err := b.Load(&buf); err != nil || len(dropped) > 0 {
					t.Fatal(dropped, err)
				}
			}
			now += rapid.IntRange(-5, 40).Draw(t, "step")
			ev := userCall(now, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "user"), rapid.SampledFrom([]string{"Fail", "Login"}).Draw(t, "name"), rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "address"))
			gotA, gotB = append(gotA, play(a, ev)...), append(gotB, play(b, ev)...)
		}
		for e, got := range map[*rule.Engine]*[]string{a: &gotA, b: &gotB} {
			e.Flush(math.MaxInt64/4, func(al *rule.Alert) { *got = append(*got, tell(al)) })
		}
		if diff := cmp.Diff(gotA, gotB); diff != "" {
			t.Fatalf("alerts (-undisturbed +reloaded):\n%s", diff)
		}
		if diff := cmp.Diff(a.Stats(), b.Stats()); diff != "" {
			t.Fatalf("stats (-undisturbed +reloaded):\n%s", diff)
		}
	})
}

func TestEngineLoadDropsOnlyWhatChanged(t *testing.T) {
	e := newEngine(t, compileDocs(t, statefulDocs...), rule.EngineConfig{})
	play(e, userCall(0, "a", "Login", "1"), userCall(1, "a", "Fail", "1"))
	var buf bytes.Buffer
	if err := e.Save(&buf); err != nil {
		t.Fatal(err)
	}
	changed := slices.Clone(statefulDocs)
	changed[0] = "# moved down a line\n" + changed[0]
	changed[1] = strings.Replace(changed[1], "eventName: Login", "eventName: [Login, SwitchRole]", 1)
	e = newEngine(t, compileDocs(t, changed...), rule.EngineConfig{})
	dropped, err := e.Load(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"r4", "r5"}, dropped); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	if got := play(e, userCall(2, "a", "Fail", "1"), userCall(3, "a", "Fail", "1"), userCall(4, "a", "Login", "1")); !slices.Contains(got, "breach a x2") {
		t.Errorf("alerts %q: the count of the unchanged rule is gone", got)
	}
}

func FuzzEngineLoad(f *testing.F) {
	set := compileDocs(f, statefulDocs...)
	e := newEngine(f, set, rule.EngineConfig{})
	play(e, busy()...)
	var buf bytes.Buffer
	if err := e.Save(&buf); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Fuzz(func(t *testing.T, saved []byte) {
		e := newEngine(t, set, rule.EngineConfig{})
		if _, err := e.Load(bytes.NewReader(saved)); err != nil {
			return
		}
		play(e, busy()[:3]...)
	})
}

func testsConfig() *rule.Tests {
	return &rule.Tests{Config: testConfig(), Decode: func(_ string, record []byte) ([]ocsf.Event, error) {
		d, err := cloudtrail.New().Open(yagura.Input{Body: bytes.NewReader(record), MaxRecord: 1 << 20})
		if err != nil {
			return nil, err
		}
		var list []ocsf.Event
		for {
			var ev ocsf.Event
			if err := d.Next(&ev); err == io.EOF {
				return list, nil
			} else if err != nil {
				return nil, err
			}
			list = append(list, ev)
		}
	}}
}

const record = `{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"A","arn":"arn:aws:iam::111122223333:user/m","accountId":"111122223333","userName":"m"},"eventTime":"2026-05-04T10:00:00Z","eventSource":"iam.amazonaws.com","eventName":"CreateUser","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","userAgent":"x","requestParameters":{"userName":"n"},"responseElements":null,"requestID":"r","eventID":"e","eventType":"AwsApiCall","recipientAccountId":"111122223333"}`

func TestRunTests(t *testing.T) {
	events := "\n  tests:\n    - name: first\n      match: %s\n      event: |\n        " + record + "\n"
	set := compileDocs(t,
		selection("made", "CreateUser", "yagura:"+fmt.Sprintf(events, "true")+"    - {name: near, match: false, change: {eventName: ListUsers}}\n    - {name: wrong, match: true, change: {eventName: ListUsers}}\n"),
		correlation("many", "type: event_count\nrules: [made]\ngroup-by: [yagura.principal]\ntimespan: 1m\ncondition: {gte: 5}")+
			"yagura:"+fmt.Sprintf(events, "false")+"    - {name: five, match: true, repeat: {times: 5, every: 10s}}\n    - {name: too slow, match: false, repeat: {times: 20, every: 20s}}\n    - {name: wrong, match: 2, repeat: {times: 5, every: 10s}}\n",
		base+"name: fresh\ndetection: {selection: {eventName: CreateUser}, condition: selection}\nfirst_seen: {of: [sourceIPAddress], learn: 14d}\nyagura:"+fmt.Sprintf(events, "false")+
			"    - name: a new address after two weeks\n      match: 1\n      events:\n        - {times: 15, every: 1d}\n        - {at: 15d, change: {sourceIPAddress: 203.0.113.9}}\n",
	)
	got := map[string]bool{}
	diffs := map[string]string{}
	for _, r := range set.Rules() {
		for _, res := range testsConfig().Run(set, r) {
			got[r.Doc.Name+": "+res.Test.Name] = res.OK
			diffs[r.Doc.Name+": "+res.Test.Name] = res.Diff
		}
	}
	want := map[string]bool{
		"made: first": true, "made: near": true, "made: wrong": false,
		"many: first": true, "many: five": true, "many: too slow": true, "many: wrong": false,
		"fresh: first": true, "fresh: a new address after two weeks": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s%v", diff, diffs)
	}
	for _, line := range []string{"- findings: at least 1", "+ findings: 0", "selection: does not match", `- "CreateUser"`, `+ "ListUsers"`} {
		if !strings.Contains(diffs["made: wrong"], line) {
			t.Errorf("the diff lacks %q:\n%s", line, diffs["made: wrong"])
		}
	}
	if len(slices.Collect(maps.Keys(diffs))) != 9 {
		t.Errorf("%d results", len(diffs))
	}
}

func BenchmarkEngine(b *testing.B) {
	set := compileDocs(b, append(slices.Clone(statefulDocs), strings.ReplaceAll(statefulDocs[5], "Login", "GetObject"))...)
	e := newEngine(b, set, rule.EngineConfig{})
	events := benchEvents(b, 2000)
	i := 0
	for b.Loop() {
		ev := &events[i%len(events)]
		ev.Time += 1_000_000
		ev.UID, ev.Provenance.Record = "", int64(i)
		ev.User.Name = ev.Session.UID + ev.Src.IP
		e.Process("cloudtrail", ev, func(*rule.Alert) {})
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
