package window_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura/rule/window"
)

const second = 1_000_000

func spec(typ string, rules int, span time.Duration, conditions ...window.Condition) window.Spec {
	return window.Spec{ID: "c", Type: typ, Rules: rules, Span: span, Conditions: conditions}
}

func newState(t testing.TB, limits window.Limits, specs ...window.Spec) *window.State {
	t.Helper()
	s, err := window.New(specs, limits)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// at is a hit t seconds after the epoch.
func at(t int64, rule int) window.Hit {
	return window.Hit{Time: t * second, Rule: rule, ID: uint64(t)*64 + uint64(rule)}
}

func valued(t int64, value string) window.Hit {
	h := at(t, 0)
	h.Value = value
	h.Number, _ = strconv.ParseFloat(value, 64)
	h.ID = uint64(t)*1000 + uint64(len(value))
	return h
}

func TestCases(t *testing.T) {
	gte := func(v float64) window.Condition { return window.Condition{Op: "gte", Value: v} }
	lte := func(v float64) window.Condition { return window.Condition{Op: "lte", Value: v} }
	eq := func(v float64) window.Condition { return window.Condition{Op: "eq", Value: v} }
	p95 := spec("value_percentile", 1, 10*time.Second, gte(90))
	p95.Percentile = 95
	tests := map[string]struct {
		spec window.Spec
		hits []window.Hit
		want []string // start+count of every report, seconds
	}{
		"exactly one timespan apart":     {spec("event_count", 1, 10*time.Second, gte(2)), []window.Hit{at(0, 0), at(10, 0)}, []string{"new 0 +2=2"}},
		"one second too far":             {spec("event_count", 1, 10*time.Second, gte(2)), []window.Hit{at(0, 0), at(11, 0)}, nil},
		"further hits raise":             {spec("event_count", 1, 10*time.Second, gte(2)), []window.Hit{at(0, 0), at(5, 0), at(14, 0)}, []string{"new 0 +2=2", "raise 0 +1=3"}},
		"slid past":                      {spec("event_count", 1, 10*time.Second, gte(2)), []window.Hit{at(0, 0), at(5, 0), at(30, 0), at(31, 0)}, []string{"new 0 +2=2", "new 30 +2=2"}},
		"a late hit completes":           {spec("event_count", 1, 10*time.Second, gte(3)), []window.Hit{at(0, 0), at(10, 0), at(5, 0)}, []string{"new 0 +3=3"}},
		"the same event once":            {spec("event_count", 1, 10*time.Second, gte(2)), []window.Hit{at(0, 0), at(0, 0)}, nil},
		"gt":                             {spec("event_count", 1, 10*time.Second, window.Condition{Op: "gt", Value: 2}), []window.Hit{at(0, 0), at(1, 0), at(2, 0)}, []string{"new 0 +3=3"}},
		"temporal in any order":          {spec("temporal", 3, 10*time.Second), []window.Hit{at(0, 2), at(1, 0), at(2, 1)}, []string{"new 0 +3=3"}},
		"temporal of two of three":       {spec("temporal", 3, 10*time.Second, gte(2)), []window.Hit{at(0, 2), at(1, 2), at(2, 1)}, []string{"new 0 +3=3"}},
		"ordered":                        {spec("temporal_ordered", 2, 10*time.Second), []window.Hit{at(0, 0), at(10, 1)}, []string{"new 0 +2=2"}},
		"out of order":                   {spec("temporal_ordered", 2, 10*time.Second), []window.Hit{at(0, 1), at(5, 0)}, nil},
		"ordered, first step late":       {spec("temporal_ordered", 2, 10*time.Second), []window.Hit{at(10, 1), at(0, 0)}, []string{"new 0 +2=2"}},
		"one event is not two steps":     {spec("temporal_ordered", 2, 10*time.Second), []window.Hit{{Time: 5, ID: 1}, {Time: 5, ID: 1, Rule: 1}}, nil},
		"one time is in order":           {spec("temporal_ordered", 2, 10*time.Second), []window.Hit{{Time: 5, ID: 1, Rule: 1}, {Time: 5, ID: 2}}, []string{"new 0 +2=2"}},
		"values, each once":              {spec("value_count", 1, 10*time.Second, gte(2)), []window.Hit{valued(0, "a"), valued(1, "a"), valued(2, "b")}, []string{"new 0 +3=3"}},
		"sum":                            {spec("value_sum", 1, 10*time.Second, gte(10)), []window.Hit{valued(0, "4"), valued(1, "5"), valued(2, "1")}, []string{"new 0 +3=3"}},
		"average at the end":             {spec("value_avg", 1, 10*time.Second, gte(10)), []window.Hit{valued(0, "15"), valued(1, "5")}, []string{"new 0 +2=2"}},
		"average undone by a later hit":  {spec("value_avg", 1, 10*time.Second, gte(10)), []window.Hit{valued(0, "15"), valued(1, "2")}, nil},
		"percentile":                     {p95, []window.Hit{valued(0, "10"), valued(1, "95")}, []string{"new 0 +2=2"}},
		"rarity":                         {spec("value_percentile", 1, 10*time.Second, lte(25)), []window.Hit{valued(0, "a"), valued(1, "a"), valued(2, "a"), valued(3, "b")}, []string{"new 3 +1=1"}},
		"a range is not the tail":        {spec("event_count", 1, 10*time.Second, gte(2), lte(3)), []window.Hit{at(0, 0), at(1, 0), at(2, 0), at(3, 0)}, nil},
		"a range":                        {spec("event_count", 1, 10*time.Second, gte(2), lte(3)), []window.Hit{at(0, 0), at(1, 0), at(2, 0)}, []string{"new 0 +3=3"}},
		"a range across what were edges": {spec("event_count", 1, 10*time.Second, eq(2)), []window.Hit{at(9, 0), at(11, 0)}, []string{"new 9 +2=2"}},
		"fewer than":                     {spec("event_count", 1, 10*time.Second, window.Condition{Op: "lt", Value: 2}), []window.Hit{at(0, 0), at(20, 0), at(21, 0)}, []string{"new 0 +1=1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newState(t, window.Limits{}, test.spec)
			var got []string
			report := func(f *window.Firing) {
				verb := "raise"
				if f.New {
					verb = "new"
				}
				got = append(got, fmt.Sprintf("%s %d +%d=%d", verb, f.Start/second, len(f.Hits), f.Count))
			}
			for _, h := range test.hits {
				s.Add(0, "g", h, report)
			}
			s.Advance(math.MaxInt64/2, report)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("reports (-want +got):\n%s", diff)
			}
		})
	}
}

// naive recomputes every window of every hit that was ever given.
type naive struct {
	spec window.Spec
	hits []window.Hit
}

func (n *naive) add(h window.Hit) {
	for _, o := range n.hits {
		if o.Time == h.Time && o.Rule == h.Rule && o.ID == h.ID {
			return
		}
	}
	n.hits = append(n.hits, h)
	slices.SortFunc(n.hits, func(a, b window.Hit) int {
		switch {
		case a.Time != b.Time:
			return int(a.Time - b.Time)
		case a.Rule != b.Rule:
			return a.Rule - b.Rule
		}
		return int(a.ID) - int(b.ID)
	})
}

func (n *naive) measure(w []window.Hit) float64 {
	switch n.spec.Type {
	case "event_count":
		return float64(len(w))
	case "value_count":
		m := map[string]bool{}
		for _, h := range w {
			m[h.Value] = true
		}
		return float64(len(m))
	case "temporal":
		m := map[int]bool{}
		for _, h := range w {
			m[h.Rule] = true
		}
		return float64(len(m))
	case "temporal_ordered":
		return float64(longest(w, -1, 0, 0))
	case "value_percentile":
		var v []float64
		for _, h := range w {
			v = append(v, h.Number)
		}
		slices.Sort(v)
		return v[int(math.Ceil(n.spec.Percentile/100*float64(len(v))))-1]
	}
	sum := 0.0
	for _, h := range w {
		sum += h.Number
	}
	if n.spec.Type == "value_avg" {
		return sum / float64(len(w))
	}
	return sum
}

// longest tries every chain of rising rules, neighbours being different events.
func longest(w []window.Hit, rule int, id uint64, from int) int {
	best := 0
	for i := from; i < len(w); i++ {
		if w[i].Rule > rule && (rule < 0 || w[i].ID != id) {
			best = max(best, 1+longest(w, w[i].Rule, w[i].ID, i+1))
		}
	}
	return best
}

func (n *naive) holds(v float64) bool {
	ok := true
	for _, c := range n.spec.Conditions {
		switch c.Op {
		case "gt":
			ok = ok && v > c.Value
		case "gte":
			ok = ok && v >= c.Value
		case "lt":
			ok = ok && v < c.Value
		case "lte":
			ok = ok && v <= c.Value
		case "eq":
			ok = ok && v == c.Value
		case "neq":
			ok = ok && v != c.Value
		}
	}
	return ok
}

// firing gives the hits of all windows that meet the condition, and how many
// runs of windows that share hits they make. Of maximal windows only, on demand.
func (n *naive) firing(maximal bool) (hits []window.Hit, runs int) {
	in := make([]bool, len(n.hits))
	lastEnd, reach := -1, -1
	for i, h := range n.hits {
		if i > 0 && n.hits[i-1].Time == h.Time {
			continue
		}
		end := i
		for end < len(n.hits) && n.hits[end].Time <= h.Time+n.spec.Span.Microseconds() {
			end++
		}
		if maximal && end == lastEnd {
			continue
		}
		lastEnd = end
		if n.holds(n.measure(n.hits[i:end])) {
			if i >= reach {
				runs++
			}
			reach = end
			for k := i; k < end; k++ {
				in[k] = true
			}
		}
	}
	for i, ok := range in {
		if ok {
			hits = append(hits, n.hits[i])
		}
	}
	return hits, runs
}

func drawSpec(t *rapid.T, ops []string, types ...string) window.Spec {
	s := window.Spec{ID: "c", Type: rapid.SampledFrom(types).Draw(t, "type"), Rules: rapid.IntRange(1, 4).Draw(t, "rules"), Span: 10 * time.Microsecond}
	s.Percentile = rapid.SampledFrom([]float64{50, 90, 100}).Draw(t, "percentile")
	high := 6
	if s.Type == "temporal" || s.Type == "temporal_ordered" {
		high = s.Rules
	}
	if s.Type == "value_sum" {
		high = 20
	}
	for range rapid.IntRange(1, 2).Draw(t, "conditions") {
		s.Conditions = append(s.Conditions, window.Condition{
			Op: rapid.SampledFrom(ops).Draw(t, "op"), Value: float64(rapid.IntRange(1, high).Draw(t, "value")),
		})
	}
	return s
}

func drawHit(t *rapid.T, rules int, from, to int) window.Hit {
	v := rapid.IntRange(0, 5).Draw(t, "v")
	return window.Hit{
		Time: int64(rapid.IntRange(from, to).Draw(t, "t")), Rule: rapid.IntRange(0, rules-1).Draw(t, "r"),
		ID: uint64(rapid.IntRange(0, 3).Draw(t, "id")), Value: strconv.Itoa(v), Number: float64(v),
	}
}

func byTime(a, b window.Hit) int {
	if a.Time != b.Time {
		return int(a.Time - b.Time)
	}
	if a.Rule != b.Rule {
		return a.Rule - b.Rule
	}
	return int(a.ID) - int(b.ID)
}

// After every hit, in any order, exactly the hits of all matching windows have
// been reported, each once.
func TestOpenAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sp := drawSpec(t, []string{"gt", "gte"}, "event_count", "value_count", "temporal", "temporal_ordered", "value_sum")
		s, err := window.New([]window.Spec{sp}, window.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		n := &naive{spec: sp}
		var got []window.Hit
		firings := map[int64]int64{}
		inOrder := rapid.Bool().Draw(t, "in order")
		var hits []window.Hit
		for range rapid.IntRange(1, 25).Draw(t, "n") {
			hits = append(hits, drawHit(t, sp.Rules, 0, 60))
		}
		if inOrder {
			slices.SortStableFunc(hits, byTime)
		}
		for _, h := range hits {
			s.Add(0, "g", h, func(f *window.Firing) {
				got = append(got, f.Hits...)
				if _, old := firings[f.Start]; old == f.New {
					t.Fatalf("firing %d: New is %v", f.Start, f.New)
				}
				firings[f.Start] += int64(len(f.Hits))
				if firings[f.Start] != f.Count {
					t.Fatalf("firing %d: count %d, reported %d hits", f.Start, f.Count, firings[f.Start])
				}
			})
			n.add(h)
			want, runs := n.firing(false)
			sorted := slices.Clone(got)
			slices.SortFunc(sorted, byTime)
			if diff := cmp.Diff(want, sorted); diff != "" {
				t.Fatalf("hits in firings after %v (-naive +got):\n%s", h, diff)
			}
			if len(firings) < runs || inOrder && len(firings) != runs {
				t.Fatalf("%d firings, the windows make %d runs", len(firings), runs)
			}
		}
	})
}

// Whatever the order, closing decides the same windows as looking at them all at
// the end.
func TestClosingAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sp := drawSpec(t, []string{"gt", "gte", "lt", "lte", "eq", "neq"}, "event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "value_percentile")
		if !slices.ContainsFunc(sp.Conditions, func(c window.Condition) bool { return c.Op != "gt" && c.Op != "gte" }) && sp.Type != "value_avg" && sp.Type != "value_percentile" {
			sp.Conditions = append(sp.Conditions, window.Condition{Op: "lte", Value: 50})
		}
		const grace = 20
		s, err := window.New([]window.Spec{sp}, window.Limits{Grace: grace * time.Microsecond})
		if err != nil {
			t.Fatal(err)
		}
		n := &naive{spec: sp}
		var got []window.Hit
		report := func(f *window.Firing) { got = append(got, f.Hits...) }
		now := 0
		for range rapid.IntRange(1, 25).Draw(t, "n") {
			now += rapid.IntRange(0, 12).Draw(t, "step")
			h := drawHit(t, sp.Rules, now-grace, now)
			s.Add(0, "g", h, report)
			n.add(h)
			s.Advance(int64(now), report)
		}
		s.Advance(int64(now+1000), report)
		want, _ := n.firing(true)
		slices.SortFunc(got, byTime)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("hits in firings (-naive +got):\n%s", diff)
		}
		if st := s.Stats(); st.Hits != 0 || st.Groups != 0 {
			t.Fatalf("after everything closed: %+v", st)
		}
	})
}

// A state that was saved and loaded at any point goes on as the one that was
// not, also when memory is short.
func TestSaveLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		specs := []window.Spec{}
		for i, sp := range []window.Spec{
			drawSpec(t, []string{"gt", "gte"}, "event_count", "value_count", "temporal", "temporal_ordered", "value_sum"),
			drawSpec(t, []string{"lt", "lte", "eq", "neq"}, "event_count", "value_count", "value_avg", "value_percentile"),
		} {
			sp.ID = strconv.Itoa(i)
			specs = append(specs, sp)
		}
		limits := window.Limits{MaxEntries: 32, MaxHits: 4, Grace: 5 * time.Microsecond, Late: 10 * time.Microsecond}
		fresh := func() *window.State {
			s, err := window.New(specs, limits)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		a, b := fresh(), fresh()
		var gotA, gotB []window.Firing
		n := rapid.IntRange(1, 60).Draw(t, "n")
		cut := rapid.IntRange(0, n).Draw(t, "cut")
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
			which := rapid.IntRange(0, 1).Draw(t, "spec")
			key := strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "group"))
			h := drawHit(t, specs[which].Rules, i, i+10)
			for s, got := range map[*window.State]*[]window.Firing{a: &gotA, b: &gotB} {
				report := func(f *window.Firing) { *got = append(*got, *f) }
				s.Add(which, key, h, report)
				s.Advance(int64(i), report)
			}
		}
		if diff := cmp.Diff(gotA, gotB); diff != "" {
			t.Fatalf("reports (-undisturbed +reloaded):\n%s", diff)
		}
		if diff := cmp.Diff(a.Stats(), b.Stats()); diff != "" {
			t.Fatalf("stats (-undisturbed +reloaded):\n%s", diff)
		}
	})
}

func TestLoadDropsOnlyWhatChanged(t *testing.T) {
	one, two := spec("event_count", 1, time.Minute, window.Condition{Op: "gte", Value: 2}), spec("temporal", 2, time.Minute)
	two.ID = "two"
	s := newState(t, window.Limits{}, one, two)
	s.Add(0, "g", at(1, 0), nil)
	s.Add(1, "g", at(1, 0), nil)
	var buf bytes.Buffer
	if err := s.Save(&buf); err != nil {
		t.Fatal(err)
	}
	two.Salt = "the rules read differently now"
	changed := newState(t, window.Limits{}, two, one)
	dropped, err := changed.Load(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"two"}, dropped); diff != "" {
		t.Error(diff)
	}
	fired := 0
	changed.Add(1, "g", at(2, 0), func(*window.Firing) { fired++ })
	changed.Add(0, "g", at(2, 1), func(*window.Firing) { t.Error("the dropped correlation fired") })
	if fired != 1 {
		t.Errorf("the kept correlation fired %d times, want 1", fired)
	}
}

func TestLoadRefusesDamage(t *testing.T) {
	s := newState(t, window.Limits{}, spec("event_count", 1, time.Minute, window.Condition{Op: "gte", Value: 2}))
	for i := range 50 {
		s.Add(0, strconv.Itoa(i), at(int64(i), 0), nil)
	}
	var buf bytes.Buffer
	if err := s.Save(&buf); err != nil {
		t.Fatal(err)
	}
	whole := buf.Bytes()
	for i := range whole {
		bad := slices.Clone(whole)
		bad[i] ^= 0x40
		if _, err := s.Load(bytes.NewReader(bad)); err == nil {
			t.Fatalf("byte %d changed and nobody noticed", i)
		}
		if _, err := s.Load(bytes.NewReader(whole[:i])); err == nil {
			t.Fatalf("cut at %d and nobody noticed", i)
		}
	}
	if got := s.Stats().Hits; got != 50 {
		t.Errorf("a refused load left %d hits of 50", got)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	s := newState(t, window.Limits{MaxEntries: 1000, MaxHits: 50},
		spec("event_count", 1, time.Hour, window.Condition{Op: "gte", Value: 100}))
	fired, count := 0, int64(0)
	for i := range 5000 {
		s.Add(0, "busy", at(int64(i), 0), func(f *window.Firing) {
			if f.New {
				fired++
			}
			count = f.Count
			if f.Partial {
				t.Fatalf("hit %d: a count below the bound is not exact", i)
			}
		})
	}
	if fired != 1 || count != 5000 {
		t.Errorf("busy group: %d firings, count %d; want 1 and 5000", fired, count)
	}
	for i := range 5000 {
		s.Add(0, strconv.Itoa(i), at(int64(i), 0), nil)
	}
	st := s.Stats()
	if st.Hits > 1000 || st.Evicted == 0 || st.Dropped == 0 {
		t.Errorf("stats %+v: want at most 1000 hits, evictions and drops counted", st)
	}
}

// A value_count keeps what it needs when one value fills the group.
func TestFloodDoesNotHideValues(t *testing.T) {
	s := newState(t, window.Limits{MaxHits: 64}, spec("value_count", 1, time.Hour, window.Condition{Op: "gte", Value: 10}))
	fired := false
	for v := range 10 {
		s.Add(0, "g", valued(int64(v), "value"+strconv.Itoa(v)), func(*window.Firing) { fired = true })
		for i := range 100 {
			h := valued(int64(v), "noise")
			h.ID = uint64(1_000_000 + 1000*v + i)
			h.Value = "value0"
			s.Add(0, "g", h, func(*window.Firing) { fired = true })
		}
	}
	if !fired {
		t.Error("ten values did not fire among a flood of one")
	}
}

func TestExpiredGroupsGoFirst(t *testing.T) {
	s := newState(t, window.Limits{MaxEntries: 10, MaxHits: 5, Late: time.Second}, spec("temporal", 2, time.Second))
	s.Add(0, "old", at(0, 0), nil)
	for i := range 9 {
		s.Add(0, "new"+strconv.Itoa(i), at(1000, 0), nil)
	}
	s.Advance(1000*second, nil)
	s.Add(0, "another", at(1000, 0), nil)
	if st := s.Stats(); st.Expired != 1 || st.Evicted != 0 {
		t.Errorf("stats %+v: want the expired group to go and no other", st)
	}
}

func TestHostileHits(t *testing.T) {
	s := newState(t, window.Limits{}, spec("value_count", 1, time.Hour, window.Condition{Op: "gte", Value: 2}),
		window.Spec{ID: "avg", Type: "value_avg", Rules: 1, Span: time.Hour, Conditions: []window.Condition{{Op: "gt", Value: 1}}})
	long := string(make([]byte, 10<<20))
	for i, when := range []int64{math.MinInt64, math.MaxInt64, 0, -1} {
		for c := range 2 {
			s.Add(c, long, window.Hit{Time: when, ID: uint64(i), Value: long + strconv.Itoa(i), Number: math.NaN(), Ref: long}, nil)
		}
	}
	s.Add(0, "g", window.Hit{Rule: 7}, nil)
	s.Add(9, "g", window.Hit{}, nil)
	s.Advance(math.MaxInt64, nil)
	if st := s.Stats(); st.NotFound != 2 {
		t.Errorf("stats %+v: want the two impossible hits counted", st)
	}
	var buf bytes.Buffer
	if err := s.Save(&buf); err != nil || buf.Len() > 64<<10 {
		t.Errorf("saved %d bytes, %v: long texts must not be kept whole", buf.Len(), err)
	}
}

func TestWrongSpecs(t *testing.T) {
	gte := window.Condition{Op: "gte", Value: 1}
	for name, sp := range map[string]window.Spec{
		"type":      spec("near", 1, time.Hour, gte),
		"rules":     spec("temporal", 0, time.Hour),
		"timespan":  spec("temporal", 1, 0),
		"condition": spec("event_count", 1, time.Hour),
		"operator":  spec("event_count", 1, time.Hour, window.Condition{Op: "like"}),
		"number":    spec("event_count", 1, time.Hour, window.Condition{Op: "gte", Value: math.NaN()}),
		"threshold": spec("event_count", 1, time.Hour, window.Condition{Op: "gte", Value: 1e6}),
	} {
		if _, err := window.New([]window.Spec{sp}, window.Limits{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzLoad(f *testing.F) {
	specs := []window.Spec{spec("temporal", 2, time.Minute), {ID: "avg", Type: "value_avg", Rules: 1, Span: time.Hour, Conditions: []window.Condition{{Op: "gt", Value: 1}}}}
	s := newState(f, window.Limits{}, specs...)
	for i := range 20 {
		s.Add(i%2, strconv.Itoa(i%3), at(int64(i), 0), nil)
	}
	var buf bytes.Buffer
	if err := s.Save(&buf); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Fuzz(func(t *testing.T, saved []byte) {
		s := newState(t, window.Limits{MaxEntries: 100, MaxHits: 10}, specs...)
		if _, err := s.Load(bytes.NewReader(saved)); err != nil {
			return
		}
		for i := range 5 {
			s.Add(i%2, strconv.Itoa(i%3), at(int64(i), 0), func(*window.Firing) {})
		}
		s.Advance(math.MaxInt64/2, func(*window.Firing) {})
	})
}

func BenchmarkWindow(b *testing.B) {
	for _, typ := range []string{"event_count", "value_count", "temporal", "temporal_ordered", "value_sum"} {
		b.Run(typ, func(b *testing.B) {
			rules := 3
			sp := spec(typ, rules, 10*time.Minute, window.Condition{Op: "gte", Value: 3})
			s := newState(b, window.Limits{}, sp)
			r := rand.New(rand.NewPCG(1, 2))
			keys := make([]string, 10_000)
			for i := range keys {
				keys[i] = "arn:aws:iam::111122223333:role/r" + strconv.Itoa(i)
			}
			values := []string{"a", "b", "c", "d"}
			var i int64
			for b.Loop() {
				i++
				s.Add(0, keys[r.IntN(len(keys))], window.Hit{
					Time: i*10_000 - int64(r.IntN(20))*second, Rule: int(i) % rules, ID: uint64(i), Value: values[i%4], Number: 1,
				}, func(*window.Firing) {})
				s.Advance(i*10_000, nil)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hits/s")
		})
	}
}

func TestMemoryPerHit(t *testing.T) {
	const n = 200_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := newState(t, window.Limits{}, spec("event_count", 1, time.Hour, window.Condition{Op: "gte", Value: 100}))
	for i := range n {
		s.Add(0, strconv.Itoa(i/4), at(int64(i), 0), nil)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	per := float64(after.HeapAlloc-before.HeapAlloc) / n
	t.Logf("%.0f bytes a hit with four hits a group", per)
	if per > 400 {
		t.Errorf("%.0f bytes a hit, at most 400", per)
	}
	runtime.KeepAlive(s)
}
