package server

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/query"
)

func hour(n int) time.Time { return began.Add(time.Duration(n) * time.Hour) }

// TestNewest holds that the counted part is the newest whole bars within the
// limit, and never nothing.
func TestNewest(t *testing.T) {
	bars := []ask.Bucket{
		{Start: hour(0), Counts: map[string]int64{"a": 5}},
		{Start: hour(2), Counts: map[string]int64{"a": 2, "b": 3}},
		{Start: hour(3), Counts: map[string]int64{"b": 4}},
	}
	for _, test := range []struct {
		n    int64
		want time.Time
	}{{14, time.Time{}}, {13, hour(2)}, {9, hour(2)}, {8, hour(3)}, {4, hour(3)}, {1, hour(3)}} {
		if got := newest(bars, test.n); !got.Equal(test.want) {
			t.Errorf("newest %d events begin at %v, want %v", test.n, got, test.want)
		}
	}
	if got := newest(nil, 1); !got.IsZero() {
		t.Errorf("no bars: %v", got)
	}
}

// TestWithin holds that narrowing loses no event of the bars.
func TestWithin(t *testing.T) {
	bars := []ask.Bucket{{Start: hour(2), Counts: map[string]int64{"a": 1}}, {Start: hour(4), Counts: map[string]int64{"b": 1}}}
	for _, test := range []struct {
		name     string
		from, to time.Time
		since    time.Time
		want     [2]time.Time
	}{
		{"open", time.Time{}, time.Time{}, time.Time{}, [2]time.Time{hour(2), hour(5)}},
		{"closer than the bars", hour(2).Add(time.Minute), hour(4).Add(time.Minute), time.Time{}, [2]time.Time{hour(2).Add(time.Minute), hour(4).Add(time.Minute)}},
		{"wider", hour(0), hour(9), time.Time{}, [2]time.Time{hour(2), hour(5)}},
		{"since", hour(0), hour(9), hour(4), [2]time.Time{hour(4), hour(5)}},
	} {
		got := within(ask.Filter{From: test.from, To: test.to}, bars, time.Hour, test.since)
		if diff := cmp.Diff(test.want, [2]time.Time{got.From, got.To}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if len(got.Sources) != 2 {
			t.Errorf("%s: sources %v", test.name, got.Sources)
		}
	}
}

// TestNarrowed holds that a click adds a condition, a second one takes it away,
// and its opposite replaces it.
func TestNarrowed(t *testing.T) {
	value := `a*b "c"\d?`
	with := is("userAgent", value)
	q := narrowed(nil, with)
	e := parsed(t, q)
	if !holds(e, with) {
		t.Errorf("%q does not hold what was added", q)
	}
	if again := narrowed(e, with); again != "" {
		t.Errorf("the second click leaves %q", again)
	}
	if other := parsed(t, narrowed(e, negated(with))); holds(other, with) || !holds(other, negated(with)) {
		t.Errorf("the opposite did not replace it")
	}
	if more := narrowed(parsed(t, "a OR b"), with); !holds(parsed(t, more), with) || more == q {
		t.Errorf("added to an alternative: %q", more)
	}
}

func parsed(t *testing.T, text string) query.Expr {
	t.Helper()
	e, err := query.Parse(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return e
}
