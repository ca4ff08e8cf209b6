package novelty_test

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura/rule/novelty"
)

const (
	hour = int64(time.Hour / time.Microsecond)
	day  = 24 * hour
)

// start is a Monday.
var start = time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC).UnixMicro()

func newState(t testing.TB, limits novelty.Limits, specs ...novelty.Spec) *novelty.State {
	t.Helper()
	s, err := novelty.New(specs, limits)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFirstSeen(t *testing.T) {
	type step struct {
		day   int64
		combo string
		want  novelty.Outcome
	}
	tests := map[string][]step{
		"learning, then news":        {{0, "a", novelty.Learning}, {5, "b", novelty.Learning}, {14, "c", novelty.Unusual}, {15, "c", novelty.Usual}},
		"seen while learning":        {{0, "a", novelty.Learning}, {14, "a", novelty.Usual}},
		"forgotten after the window": {{0, "a", novelty.Learning}, {10, "b", novelty.Learning}, {25, "b", novelty.Unusual}},
		"just inside the window":     {{0, "a", novelty.Learning}, {14, "a", novelty.Usual}, {28, "a", novelty.Usual}},
		"a late event moves the first sighting back": {
			{20, "a", novelty.Learning}, {10, "b", novelty.Learning}, {5, "b", novelty.Usual}, {21, "b", novelty.Usual}, {22, "c", novelty.Unusual},
		},
		"a late event of a known combination is no news": {{0, "a", novelty.Learning}, {20, "x", novelty.Unusual}, {19, "x", novelty.Usual}},
		"the year 2099 teaches nothing":                  {{0, "a", novelty.Learning}, {26000, "b", novelty.Ignored}, {1, "b", novelty.Learning}, {15, "c", novelty.Unusual}},
		"1970 teaches nothing":                           {{0, "a", novelty.Learning}, {-20500, "a", novelty.Ignored}, {1, "b", novelty.Learning}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			s := newState(t, novelty.Limits{}, novelty.Spec{ID: "new", Type: "first_seen"})
			for i, st := range steps {
				if got := s.Observe(0, novelty.Observation{Time: start + st.day*day, Entity: "e", Value: st.combo}).Outcome; got != st.want {
					t.Errorf("step %d, day %d, %s: outcome %d, want %d", i, st.day, st.combo, got, st.want)
				}
			}
		})
	}
}

// In order of time, a combination is news exactly when a look at the whole
// history says so.
func TestFirstSeenAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := novelty.New([]novelty.Spec{{ID: "new", Type: "first_seen", Learn: time.Hour}}, novelty.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		first, last := map[int]int64{}, map[[2]int]int64{}
		now := start
		for range rapid.IntRange(1, 40).Draw(t, "n") {
			now += int64(rapid.IntRange(0, 40).Draw(t, "minutes")) * hour / 60
			e, c := rapid.IntRange(0, 2).Draw(t, "entity"), rapid.IntRange(0, 3).Draw(t, "combination")
			if _, known := first[e]; !known {
				first[e] = now
			}
			seen, known := last[[2]int{e, c}]
			want := novelty.Usual
			if !known || now-seen > hour {
				want = novelty.Unusual
				if now-first[e] < hour {
					want = novelty.Learning
				}
			}
			last[[2]int{e, c}] = now
			got := s.Observe(0, novelty.Observation{Time: now, Entity: strconv.Itoa(e), Value: strconv.Itoa(c)})
			if got.Outcome != want {
				t.Fatalf("entity %d combination %d at minute %d: outcome %d, want %d", e, c, (now-start)*60/hour, got.Outcome, want)
			}
		}
	})
}

// weeks plays an entity that works on weekdays at nine, with ten calls, for so
// many weeks.
func weeks(s *novelty.State, n int64) {
	for d := range n * 7 {
		if d%7 >= 5 {
			continue
		}
		for range 10 {
			s.Observe(0, novelty.Observation{Time: start + d*day + 9*hour, Entity: "e", Value: "v", Number: 1})
		}
	}
}

func TestBaseline(t *testing.T) {
	tests := map[string]struct {
		spec  novelty.Spec
		hour  int64 // in week 5 or, young, week 1
		calls int
		young bool
		want  novelty.Outcome
	}{
		"a usual hour":             {novelty.Spec{Type: "count", Season: "hour_of_week"}, 9, 10, false, novelty.Usual},
		"ten times as much":        {novelty.Spec{Type: "count", Season: "hour_of_week"}, 9, 100, false, novelty.Unusual},
		"at night":                 {novelty.Spec{Type: "count", Season: "hour_of_week"}, 3, 10, false, novelty.Unusual},
		"at night, but too little": {novelty.Spec{Type: "count", Season: "hour_of_week", Min: 20}, 3, 10, false, novelty.Usual},
		"at night, without season": {novelty.Spec{Type: "count"}, 3, 10, false, novelty.Usual},
		"too much without season":  {novelty.Spec{Type: "count"}, 3, 100, false, novelty.Unusual},
		"too young":                {novelty.Spec{Type: "count", Season: "hour_of_week"}, 9, 100, true, novelty.Learning},
		"sum":                      {novelty.Spec{Type: "sum"}, 9, 100, false, novelty.Unusual},
		"one value is one value":   {novelty.Spec{Type: "distinct"}, 9, 100, false, novelty.Usual},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.spec.ID = name
			s := newState(t, novelty.Limits{}, test.spec)
			at := start + 4*7*day + test.hour*hour
			if test.young {
				at = start + 7*day + test.hour*hour
				weeks(s, 1)
			} else {
				weeks(s, 4)
			}
			var worst novelty.Verdict
			for range test.calls {
				v := s.Observe(0, novelty.Observation{Time: at, Entity: "e", Value: "v", Number: 1})
				if v.Outcome == novelty.Unusual && worst.Outcome == novelty.Unusual && !v.Again {
					t.Error("the same period was new twice")
				}
				worst = v
			}
			if worst.Outcome != test.want {
				t.Errorf("outcome %d (%+v), want %d", worst.Outcome, worst, test.want)
			}
		})
	}
}

func TestDistinctAndRare(t *testing.T) {
	s := newState(t, novelty.Limits{}, novelty.Spec{ID: "d", Type: "distinct"}, novelty.Spec{ID: "r", Type: "rare"})
	for h := range int64(20 * 24) {
		for i := range 10 {
			o := novelty.Observation{Time: start + h*hour, Entity: "e", Value: strconv.Itoa(i % 2)}
			s.Observe(0, o)
			s.Observe(1, o)
		}
	}
	var v novelty.Verdict
	for i := range 30 {
		v = s.Observe(0, novelty.Observation{Time: start + 21*day, Entity: "e", Value: "new" + strconv.Itoa(i)})
	}
	if v.Outcome != novelty.Unusual || v.Value != 30 || v.Median != 2 {
		t.Errorf("30 values instead of 2: %+v", v)
	}
	r := novelty.Observation{Time: start + 21*day, Entity: "e", Value: "never"}
	if v := s.Observe(1, r); v.Outcome != novelty.Unusual || v.Again || v.Value != 0 {
		t.Errorf("a value never seen: %+v", v)
	}
	if v := s.Observe(1, r); v.Outcome != novelty.Unusual || !v.Again {
		t.Errorf("the same again: %+v", v)
	}
	r.Value = "1"
	if v := s.Observe(1, r); v.Outcome != novelty.Usual {
		t.Errorf("half of all events: %+v", v)
	}
}

// The state's verdict is that of a calculation over every event so far, also
// when events come late.
func TestBaselineAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sp := novelty.Spec{
			ID: "b", Type: rapid.SampledFrom([]string{"count", "sum", "distinct"}).Draw(t, "type"), Learn: 10 * time.Hour, MinSamples: 2, Deviations: 2,
			Season: rapid.SampledFrom([]string{"none", "hour_of_week"}).Draw(t, "season"),
		}
		every, late := hour, []int{0, 0, 0, 1, 3}
		if sp.Season == "hour_of_week" {
			sp.Every, sp.Learn = 84*time.Hour, 200*time.Hour
			every, late = 84*hour, []int{0, 0, 1}
		}
		s, err := novelty.New([]novelty.Spec{sp}, novelty.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var all []novelty.Observation
		now := start / every * every
		for range rapid.IntRange(1, 60).Draw(t, "n") {
			now += int64(rapid.IntRange(0, 1).Draw(t, "step")) * every
			o := novelty.Observation{Time: now - int64(rapid.SampledFrom(late).Draw(t, "late"))*every, Entity: "e", Value: strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "v"))}
			o.Number = float64(len(o.Value) + rapid.IntRange(0, 9).Draw(t, "number"))
			all = append(all, o)
			want := naive(sp, every, all)
			got := s.Observe(0, o)
			if got.Outcome != want.Outcome || got.Value != want.Value || math.Abs(got.Limit-want.Limit) > 1e-3 || got.Sample != want.Sample {
				t.Fatalf("period %d: got %+v, want %+v", (o.Time-start)/every, got, want)
			}
		}
	})
}

func naive(sp novelty.Spec, every int64, all []novelty.Observation) novelty.Verdict {
	o := all[len(all)-1]
	p := o.Time / every
	periods := map[int64]float64{}
	seen := map[string]bool{}
	first := p
	for _, x := range all {
		q := x.Time / every
		first = min(first, q)
		key := fmt.Sprint(q, x.Value)
		switch {
		case sp.Type == "count":
			periods[q]++
		case sp.Type == "sum":
			periods[q] += x.Number
		case !seen[key]:
			periods[q]++
		}
		seen[key] = true
	}
	horizon := sp.Learn.Microseconds() / every
	places := int64(1)
	if sp.Season == "hour_of_week" {
		horizon, places = 4*7*day/every, 7*day/every
	}
	var numbers []float64
	for q := max(first, p-horizon); q < p; q++ {
		v, active := periods[q]
		if (active || sp.Season == "hour_of_week") && (p-q)%places == 0 {
			numbers = append(numbers, v)
		}
	}
	out := novelty.Verdict{Value: periods[p]}
	for sp.Season == "none" && len(numbers) < sp.MinSamples && len(numbers) < int(p-max(first, p-horizon)) {
		numbers = append(numbers, 0)
	}
	out.Sample = len(numbers)
	if (p-first)*every < sp.Learn.Microseconds() || len(numbers) < sp.MinSamples {
		out.Outcome = novelty.Learning
		return out
	}
	out.Median = middle(numbers)
	var distances []float64
	for _, v := range numbers {
		distances = append(distances, math.Abs(v-out.Median))
	}
	out.Limit = out.Median + sp.Deviations*max(1.4826*middle(distances), out.Median/10, 1)
	if out.Value > out.Limit {
		out.Outcome = novelty.Unusual
	}
	return out
}

func middle(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func TestSaveLoad(t *testing.T) {
	specs := []novelty.Spec{
		{ID: "f", Type: "first_seen", Learn: 5 * time.Hour},
		{ID: "g", Type: "first_seen", Learn: 5 * time.Hour, Group: "all"},
		{ID: "c", Type: "count", Learn: 5 * time.Hour, MinSamples: 2},
		{ID: "d", Type: "distinct", Learn: 5 * time.Hour, MinSamples: 2},
		{ID: "r", Type: "rare", Learn: 5 * time.Hour, MinSamples: 2, Share: 0.3},
	}
	limits := novelty.Limits{MaxEntities: 7, MaxValues: 20, MaxSamples: 40, MaxPerEntity: 5}
	rapid.Check(t, func(t *rapid.T) {
		fresh := func() *novelty.State {
			s, err := novelty.New(specs, limits)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		a, b := fresh(), fresh()
		n := rapid.IntRange(1, 80).Draw(t, "n")
		cut := rapid.IntRange(0, n).Draw(t, "cut")
		now := start
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
			now += int64(rapid.IntRange(-1, 3).Draw(t, "step")) * hour / 2
			which := rapid.IntRange(0, 4).Draw(t, "spec")
			o := novelty.Observation{Time: now, Entity: strconv.Itoa(rapid.IntRange(0, 2).Draw(t, "e")), Value: strconv.Itoa(rapid.IntRange(0, 6).Draw(t, "v"))}
			if rapid.Bool().Draw(t, "see") {
				a.See("all", o.Entity, o.Time)
				b.See("all", o.Entity, o.Time)
			}
			va, vb := a.Observe(which, o), b.Observe(which, o)
			if diff := gocmp.Diff(va, vb); diff != "" {
				t.Fatalf("verdict %d (-undisturbed +reloaded):\n%s", i, diff)
			}
		}
		if diff := gocmp.Diff(a.Stats(), b.Stats()); diff != "" {
			t.Fatalf("stats (-undisturbed +reloaded):\n%s", diff)
		}
	})
}

func TestLoadDropsOnlyWhatChanged(t *testing.T) {
	a, b := novelty.Spec{ID: "a", Type: "first_seen"}, novelty.Spec{ID: "b", Type: "first_seen"}
	s := newState(t, novelty.Limits{}, a, b)
	for i := range 2 {
		s.Observe(i, novelty.Observation{Time: start, Entity: "e", Value: "v"})
	}
	var buf bytes.Buffer
	if err := s.Save(&buf); err != nil {
		t.Fatal(err)
	}
	a.Salt = "changed"
	s = newState(t, novelty.Limits{}, novelty.Spec{ID: "new", Type: "rare"}, b, a)
	dropped, err := s.Load(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]string{"a"}, dropped); diff != "" {
		t.Error(diff)
	}
	for i, want := range map[int]novelty.Outcome{1: novelty.Unusual, 2: novelty.Learning} {
		if got := s.Observe(i, novelty.Observation{Time: start + 15*day, Entity: "e", Value: "w"}).Outcome; got != want {
			t.Errorf("spec %d: outcome %d, want %d", i, got, want)
		}
	}
}

func TestLoadRefusesDamage(t *testing.T) {
	s := newState(t, novelty.Limits{}, novelty.Spec{ID: "a", Type: "count"})
	for i := range int64(30) {
		s.Observe(0, novelty.Observation{Time: start + i*hour, Entity: "e"})
	}
	var buf bytes.Buffer
	if err := s.Save(&buf); err != nil {
		t.Fatal(err)
	}
	whole := buf.Bytes()
	for i := range whole {
		bad := slices.Clone(whole)
		bad[i] ^= 1
		if _, err := s.Load(bytes.NewReader(bad)); err == nil {
			t.Fatalf("byte %d changed and nobody noticed", i)
		}
		if _, err := s.Load(bytes.NewReader(whole[:i])); err == nil {
			t.Fatalf("cut at %d and nobody noticed", i)
		}
	}
}

// Forgetting makes an entity learn again; it never makes news.
func TestForgettingIsNotNews(t *testing.T) {
	s := newState(t, novelty.Limits{MaxValues: 100, MaxEntities: 50, MaxPerEntity: 10}, novelty.Spec{ID: "f", Type: "first_seen"})
	for d := range int64(60) {
		for e := range 40 {
			for c := range 5 {
				v := s.Observe(0, novelty.Observation{Time: start + d*day + int64(e), Entity: strconv.Itoa(e), Value: strconv.Itoa(c)})
				if v.Outcome == novelty.Unusual {
					t.Fatalf("day %d: combination %d of entity %d is news, though seen daily", d, c, e)
				}
			}
		}
	}
	if st := s.Stats(); st.Restarted == 0 || st.Values > 100 {
		t.Errorf("stats %+v: want at most 100 values and restarts counted", st)
	}
}

// Who is known from elsewhere is no stranger; but what was forgotten is not taken
// for what never was.
func TestGroupKnowsEntities(t *testing.T) {
	s := newState(t, novelty.Limits{MaxEntities: 2}, novelty.Spec{ID: "f", Type: "first_seen", Group: "g"}, novelty.Spec{ID: "c", Type: "count", Group: "g"})
	see := func(d int64, e string) { s.See("g", e, start+d*day) }
	observe := func(d int64, e, v string) novelty.Outcome {
		return s.Observe(0, novelty.Observation{Time: start + d*day, Entity: e, Value: v}).Outcome
	}
	see(0, "role")
	see(14, "role")
	if got := observe(15, "role", "a"); got != novelty.Unusual {
		t.Errorf("first call of a role known for two weeks: outcome %d", got)
	}
	if got := observe(15, "stranger", "a"); got != novelty.Learning {
		t.Errorf("first call of a stranger: outcome %d", got)
	}
	var v novelty.Verdict
	for range 20 {
		v = s.Observe(1, novelty.Observation{Time: start + 16*day, Entity: "role"})
	}
	if v.Outcome != novelty.Unusual || v.Median != 0 {
		t.Errorf("twenty calls of a role that never made one: %+v", v)
	}
	// "role" of spec 0 is given up for others, then comes back.
	for d := range int64(3) {
		see(17+d, "role")
		observe(17+d, "x"+strconv.FormatInt(d, 10), "a")
	}
	if got := observe(20, "role", "b"); got != novelty.Learning {
		t.Errorf("a combination that may have been forgotten: outcome %d", got)
	}
}

func TestOneEntityCannotFillTheState(t *testing.T) {
	s := newState(t, novelty.Limits{MaxPerEntity: 10}, novelty.Spec{ID: "f", Type: "first_seen"})
	for i := range 1000 {
		s.Observe(0, novelty.Observation{Time: start, Entity: "noisy", Value: strconv.Itoa(i)})
	}
	if st := s.Stats(); st.Values != 10 || st.Overflowed != 990 {
		t.Errorf("stats %+v: want 10 values, 990 overflows", st)
	}
}

func TestClock(t *testing.T) {
	c := novelty.Clock{Step: 24 * time.Hour, Horizon: 400 * 24 * time.Hour}
	c.Admit(start)
	for range 7 {
		if c.Admit(start+1000*day) || c.Now() != start {
			t.Fatal("a few events moved the clock by years")
		}
		c.Admit(start)
	}
	for i := range int64(20) {
		c.Admit(start + 30*day + i)
	}
	if c.Now() != start+30*day+19 {
		t.Errorf("after a silence the clock stands at day %d", (c.Now()-start)/day)
	}
	wrong := novelty.Clock{Step: 24 * time.Hour, Horizon: 400 * 24 * time.Hour}
	wrong.Admit(start + 27000*day)
	for i := range int64(20) {
		wrong.Admit(start + i)
	}
	if wrong.Now() > start+20 {
		t.Error("a wrong first event is believed for ever")
	}
}

func TestWrongSpecs(t *testing.T) {
	for _, sp := range []novelty.Spec{
		{Type: "median"}, {Type: "count", Every: time.Second}, {Type: "count", Season: "moon"}, {Type: "first_seen", Learn: time.Second},
		{Type: "count", Season: "hour_of_week", Every: 5 * time.Hour}, {Type: "rare", Share: 2}, {Type: "count", Every: 90*time.Second + 1},
	} {
		if _, err := novelty.New([]novelty.Spec{sp}, novelty.Limits{}); err == nil {
			t.Errorf("%+v accepted", sp)
		}
	}
}

func TestHostile(t *testing.T) {
	specs := []novelty.Spec{{ID: "f", Type: "first_seen"}, {ID: "s", Type: "sum", Season: "hour_of_week"}, {ID: "r", Type: "rare"}, {ID: "d", Type: "distinct"}}
	s := newState(t, novelty.Limits{}, specs...)
	long := string(make([]byte, 10<<20))
	for _, when := range []int64{start, math.MinInt64, math.MaxInt64, 0, -1, start} {
		for i := range specs {
			for _, n := range []float64{math.NaN(), math.Inf(1), -1, 1e300} {
				s.Observe(i, novelty.Observation{Time: when, Entity: long, Value: long, Number: n})
			}
		}
	}
	if st := s.Stats(); st.Ignored == 0 {
		t.Errorf("%+v: impossible times were not counted", st)
	}
}

// One million entities with four combinations and 24 periods each stay below
// half of the promised bound.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("fills several hundred MB")
	}
	const n = 1_000_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := newState(t, novelty.Limits{MaxEntities: n}, novelty.Spec{ID: "f", Type: "first_seen"}, novelty.Spec{ID: "c", Type: "count"})
	for i := range n / 2 {
		e := "arn:aws:iam::111122223333:role/" + strconv.Itoa(i)
		for c := range int64(8) {
			s.Observe(0, novelty.Observation{Time: start + c, Entity: e, Value: strconv.FormatInt(c, 10)})
		}
		for h := range int64(24) {
			s.Observe(1, novelty.Observation{Time: start + h*hour, Entity: e})
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	st := s.Stats()
	mb := float64(after.HeapAlloc-before.HeapAlloc) / 1e6
	t.Logf("%d entities, %d values, %d periods: %.0f MB, %.0f bytes an entity", st.Entities, st.Values, st.Samples, mb, mb*1e6/n)
	if st.Entities != n || st.Evicted != 0 || mb > 1000 {
		t.Errorf("%+v in %.0f MB: want %d entities in at most 1000 MB", st, mb, n)
	}
	runtime.KeepAlive(s)
}

func FuzzLoad(f *testing.F) {
	specs := []novelty.Spec{{ID: "f", Type: "first_seen"}, {ID: "c", Type: "count"}}
	s := newState(f, novelty.Limits{}, specs...)
	for i := range int64(40) {
		s.Observe(int(i%2), novelty.Observation{Time: start + i*hour, Entity: strconv.FormatInt(i%3, 10), Value: strconv.FormatInt(i%5, 10)})
	}
	var buf bytes.Buffer
	if err := s.Save(&buf); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Fuzz(func(t *testing.T, saved []byte) {
		s := newState(t, novelty.Limits{MaxEntities: 10, MaxValues: 10, MaxSamples: 100}, specs...)
		if _, err := s.Load(bytes.NewReader(saved)); err != nil {
			return
		}
		for i := range int64(20) {
			s.Observe(int(i%2), novelty.Observation{Time: start + i*day, Entity: "1", Value: strconv.FormatInt(i%5, 10)})
		}
	})
}

func benchmark(b *testing.B, sp novelty.Spec) {
	s := newState(b, novelty.Limits{}, sp)
	entities := make([]string, 10_000)
	for i := range entities {
		entities[i] = "arn:aws:iam::111122223333:role/" + strconv.Itoa(i)
	}
	values := []string{"ap-northeast-1", "us-east-1", "eu-west-1"}
	var i int64
	for b.Loop() {
		i++
		s.Observe(0, novelty.Observation{Time: start + i*100_000, Entity: entities[i*7919%10_000], Value: values[i%3], Number: 1})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkFirstSeen(b *testing.B) { benchmark(b, novelty.Spec{ID: "f", Type: "first_seen"}) }

func BenchmarkBaseline(b *testing.B) {
	for _, sp := range []novelty.Spec{{ID: "count", Type: "count", Season: "hour_of_week"}, {ID: "distinct", Type: "distinct"}, {ID: "rare", Type: "rare"}} {
		b.Run(sp.ID, func(b *testing.B) { benchmark(b, sp) })
	}
}
