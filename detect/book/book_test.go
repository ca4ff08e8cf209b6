package book

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura"
)

const (
	minute = 60_000_000
	hour   = 60 * minute
)

// hit is a hit of rule r on subject s at t.
func hit(r, s string, t int64) *yagura.Finding {
	return &yagura.Finding{
		Rule: r, Subject: yagura.Entity{Type: "principal", ID: s}, Severity: yagura.Medium, Count: 1, First: t, Last: t,
		Events: []yagura.EventRef{{Source: "cloudtrail", UID: fmt.Sprint(s, t), Time: t}},
	}
}

func attempt(r, s string, t int64) *yagura.Finding {
	h := hit(r, s, t)
	h.Attempt, h.Severity, h.Facts = true, yagura.Low, []yagura.Fact{{Name: Denied, Value: "true"}}
	return h
}

// enter gives the last report of each finding, in the order of the first.
func enter(b *Book, hits ...*yagura.Finding) []*yagura.Finding {
	var order []string
	last := map[string]*yagura.Finding{}
	for _, h := range hits {
		b.Add(h)
		b.Flush(func(f *yagura.Finding) {
			if last[f.ID] == nil {
				order = append(order, f.ID)
			}
			last[f.ID] = f
		})
	}
	var out []*yagura.Finding
	for _, id := range order {
		out = append(out, last[id])
	}
	return out
}

func TestOneFindingForAWindow(t *testing.T) {
	for _, c := range []struct {
		name  string
		times []int64 // hours
		want  string  // count@first-last of each finding
	}{
		{"one", []int64{100}, "1@100-100"},
		{"again within the window", []int64{100, 101, 123}, "3@100-123"},
		{"the window is over", []int64{100, 124}, "1@100-100 1@124-124"},
		{"late, before the opener", []int64{100, 90}, "2@90-100"},
		{"late, in between", []int64{100, 120, 110}, "3@100-120"},
		{"too late for it", []int64{100, 70}, "1@100-100 1@70-70"},
		{"late for the one before", []int64{100, 130, 101}, "2@100-101 1@130-130"},
	} {
		var hits []*yagura.Finding
		for _, h := range c.times {
			hits = append(hits, hit("r", "s", h*hour))
		}
		got := ""
		for _, f := range enter(New(Config{}), hits...) {
			got += fmt.Sprintf(" %d@%d-%d", f.Count, f.First/hour, f.Last/hour)
		}
		if got != " "+c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestThreshold(t *testing.T) {
	cfg := Config{Policy: func(string) Policy { return Policy{Window: time.Hour, Threshold: 3} }}
	for _, c := range []struct {
		name    string
		minutes []int64
		want    int64 // count of the only finding, 0 for none
	}{
		{"two are not enough", []int64{600, 610}, 0},
		{"three within the window", []int64{600, 610, 659}, 3},
		{"three, but not within one", []int64{600, 630, 661}, 0},
		{"the window slides over a boundary", []int64{600, 650, 655, 665}, 3},
		{"out of order", []int64{659, 600, 610}, 3},
		{"late fills the gap", []int64{600, 655, 620}, 3},
	} {
		var hits []*yagura.Finding
		for _, m := range c.minutes {
			hits = append(hits, hit("r", "s", m*minute))
		}
		var got int64
		for _, f := range enter(New(cfg), hits...) {
			got += f.Count
		}
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestAttempts(t *testing.T) {
	var hits []*yagura.Finding
	for i := range int64(12) {
		hits = append(hits, attempt("r", "s", 10*hour+i*minute))
	}
	f := enter(New(Config{}), hits...)[0]
	if !f.Attempt || f.Severity != yagura.Low || f.Count != 12 {
		t.Errorf("only failures: attempt=%v, %s, %d", f.Attempt, f.Severity, f.Count)
	}
	f = enter(New(Config{}), append(hits, hit("r", "s", 11*hour))...)[0]
	if f.Attempt || f.Severity != yagura.High {
		t.Errorf("many failures, then a success: attempt=%v, %s, want high", f.Attempt, f.Severity)
	}
	f = enter(New(Config{}), append([]*yagura.Finding{hit("r", "s", 9*hour)}, hits...)...)[0]
	if f.Attempt || f.Severity != yagura.Medium {
		t.Errorf("a success before the failures: attempt=%v, %s, want medium", f.Attempt, f.Severity)
	}
}

func TestWhatIsSuppressedStandsAlone(t *testing.T) {
	quiet := hit("r", "s", 11*hour)
	quiet.Status = "suppressed: trusted list office"
	back := hit("r", "s", 12*hour)
	back.Severity, back.Facts = yagura.Informational, []yagura.Fact{{Name: Revert, Value: "x"}}
	got := enter(New(Config{}), hit("r", "s", 10*hour), quiet, back)
	if len(got) != 3 {
		t.Fatalf("%d findings, want three", len(got))
	}
	if got[0].Count != 1 || got[1].Status != quiet.Status || got[2].Severity != yagura.Informational {
		t.Errorf("%+v", got)
	}
}

func TestCumulativeHits(t *testing.T) {
	var hits []*yagura.Finding
	for _, n := range []int64{5, 8, 8, 12} {
		h := hit("r", "s", 10*hour)
		h.ID, h.Count = "series", n
		hits = append(hits, h)
	}
	got := enter(New(Config{}), hits...)
	if len(got) != 1 || got[0].Count != 12 {
		t.Errorf("%d findings, first of %d", len(got), got[0].Count)
	}
}

// Of more series than are remembered nothing is counted twice.
func TestManySeries(t *testing.T) {
	var hits []*yagura.Finding
	for i := range int64(100) {
		for _, n := range []int64{5, 6, 7, 8} {
			h := hit("r", "s", 10*hour+i)
			h.ID, h.Count = fmt.Sprint("series ", i), n
			hits = append(hits, h)
		}
	}
	if got := enter(New(Config{}), hits...); len(got) != 1 || got[0].Count > 800 || got[0].Count < 8*maxParts {
		t.Errorf("%d findings, first of %d", len(got), got[0].Count)
	}
}

func TestReferencesAreBounded(t *testing.T) {
	b := New(Config{})
	var hits []*yagura.Finding
	for i := range int64(1000) {
		hits = append(hits, hit("r", "s", 10*hour+i))
	}
	f := enter(b, hits...)[0]
	if len(f.Events) != 21 || f.Events[0].Time != 10*hour || f.Events[20].Time != 10*hour+999 || f.Count != 1000 {
		t.Errorf("%d references, the last of %d; count %d", len(f.Events), f.Events[20].Time, f.Count)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	b := New(Config{MaxSubjects: 100})
	for i := range int64(1000) {
		b.Add(hit("r", fmt.Sprint(i), 10*hour+i))
	}
	if len(b.pages) > 100 || b.Stats().Evicted < 900 {
		t.Errorf("%d pages, %d evicted", len(b.pages), b.Stats().Evicted)
	}
}

// A book that is saved and loaded anywhere gives the same findings as one that
// is not.
func TestSaveAndLoadAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{MaxSubjects: 20, Policy: func(r string) Policy {
			return Policy{Window: time.Hour, Threshold: len(r)}
		}}
		draw := rapid.Custom(func(t *rapid.T) *yagura.Finding {
			at := rapid.Int64Range(0, 300).Draw(t, "minute") * minute
			r, s := rapid.SampledFrom([]string{"r", "rr", "rrr"}).Draw(t, "rule"), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "subject")
			if rapid.Bool().Draw(t, "failed") {
				return attempt(r, s, at)
			}
			return hit(r, s, at)
		})
		hits := rapid.SliceOfN(draw, 1, 60).Draw(t, "hits")
		cut := rapid.IntRange(0, len(hits)).Draw(t, "cut")
		want, got := map[string]*yagura.Finding{}, map[string]*yagura.Finding{}
		whole, first := New(cfg), New(cfg)
		for _, h := range hits {
			whole.Add(h)
		}
		whole.Flush(func(f *yagura.Finding) { want[f.ID] = f })
		for _, h := range hits[:cut] {
			first.Add(h)
		}
		first.Flush(func(f *yagura.Finding) { got[f.ID] = f })
		var state bytes.Buffer
		if err := first.Save(&state); err != nil {
			t.Fatal(err)
		}
		second := New(cfg)
		if err := second.Load(&state); err != nil {
			t.Fatal(err)
		}
		for _, h := range hits[cut:] {
			second.Add(h)
		}
		second.Flush(func(f *yagura.Finding) { got[f.ID] = f })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(whole.Stats(), second.Stats()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestSeen(t *testing.T) {
	s := NewSeen(4)
	for _, c := range []struct {
		digest uint64
		want   bool
	}{{1, false}, {1, true}, {2, false}, {3, false}, {2, true}, {4, false}, {5, false}, {6, false}, {1, false}} {
		if got := s.Before(c.digest); got != c.want {
			t.Errorf("Before(%d) = %v", c.digest, got)
		}
	}
	if s.Duplicates != 2 || s.Forgotten == 0 {
		t.Errorf("%d duplicates, %d forgotten", s.Duplicates, s.Forgotten)
	}
	var b bytes.Buffer
	if err := s.Save(&b); err != nil {
		t.Fatal(err)
	}
	l := NewSeen(4)
	if err := l.Load(&b); err != nil || !l.Before(6) || l.Before(7) {
		t.Errorf("after loading: %v", err)
	}
}
