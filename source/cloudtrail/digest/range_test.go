package digest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func reasons(r *Report) map[string]int {
	got := map[string]int{}
	for _, o := range r.Objects {
		got[o.Kind+" "+o.Status+" "+o.Reason]++
	}
	return got
}

func TestTimeRange(t *testing.T) {
	w := newWorld("", "")
	at := func(h int, m time.Duration) time.Time { return nine.Add(time.Duration(h)*time.Hour + m*time.Minute) }
	for _, c := range []struct {
		name     string
		from, to time.Time
		damage   []string // deleted, outside the range
		want     map[string]int
		notices  map[string]int
	}{
		{
			name: "second hour", from: at(1, 1), to: at(1, 59), damage: []string{w.tokyo[0], w.tokyoLogs[0][0], w.tokyo[4]},
			want: map[string]int{"digest valid ": 3, "log valid ": 5}, notices: map[string]int{"before_range": 3},
		},
		{
			name: "before everything", from: at(-9, 0), to: at(-8, 0), want: map[string]int{}, notices: map[string]int{"no_digests": 1},
		},
		{
			name: "open end", from: at(6, 0), want: map[string]int{"digest valid ": 2, "log valid ": 3}, notices: map[string]int{"start": 1},
		},
		{
			name: "beyond the end", from: at(6, -30), to: at(10, 0), want: map[string]int{"digest valid ": 2, "log valid ": 3},
			notices: map[string]int{"ends_early": 1, "starts_late": 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := w.sidecars()
			for _, p := range c.damage {
				delete(tree, p)
			}
			r := check(t, tree, Options{From: c.from, To: c.to})
			if diff := cmp.Diff(c.want, reasons(r)); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			for code, n := range c.notices {
				if got := r.noticed(code); got != n {
					t.Errorf("%d notices %s, want %d: %+v", got, code, n, r.Notices)
				}
			}
			if r.Failed() != (len(c.want) == 0) {
				t.Errorf("Failed() = %v", r.Failed())
			}
		})
	}
	if _, err := Check(t.Context(), w.sidecars(), Options{From: nine, To: nine.Add(-time.Hour)}); err == nil {
		t.Error("range backwards passed")
	}
}

func TestMissingInsideRange(t *testing.T) {
	w := newWorld("", "")
	tree := w.sidecars()
	delete(tree, w.tokyo[1])
	r := check(t, tree, Options{From: nine.Add(90 * time.Minute), To: nine.Add(3 * time.Hour)})
	if o := r.find(t, w.tokyo[1]); o.Reason != "missing" || !r.Failed() {
		t.Errorf("%+v", o)
	}
}

func TestOutsideCoverage(t *testing.T) {
	w := newWorld("", "")
	tree := w.sidecars()
	x := w.trail("111122223333", "ap-northeast-1", "x")
	far, inGap, last := x.logKey("CloudTrail", nine.Add(50*time.Hour)), x.logKey("CloudTrail", nine.Add(4*time.Hour)), x.logKey("CloudTrail", nine.Add(7*time.Hour+55*time.Minute))
	region := w.trail("111122223333", "eu-west-1", "x").logKey("CloudTrail", nine.Add(10*time.Minute))
	for _, k := range []string{far, inGap, last, region} {
		set(tree, k, gz([]byte(`{"Records":[]}`)))
	}
	r := check(t, tree, Options{})
	for k, reason := range map[string]string{far: "not_covered", inGap: "not_covered", region: "not_covered", last: "coverage_edge"} {
		if o := r.find(t, k); o.Status != unknown || o.Reason != reason {
			t.Errorf("%s: %+v, want %s", k, o.Result, reason)
		}
	}
	if r.Failed() || r.Totals.LogsNotCovered != 4 || r.noticed("not_covered") != 2 {
		t.Errorf("failed %v, totals %+v, notices %+v", r.Failed(), r.Totals, r.Notices)
	}
	if r := check(t, tree, Options{Strict: true}); !r.Failed() {
		t.Error("strict report passed")
	}
}

func TestPrefixes(t *testing.T) {
	w := newWorld("audit/trails", "o-abc123")
	cases := []struct {
		name, folder string
		from         string // what the copy left out
		moved        bool
	}{
		{"whole bucket", "", "", false},
		{"below a folder", "copy/bucket", "", false},
		{"from inside the first folder", "", "audit/", false},
		{"from inside the prefix", "", "audit/trails/", false},
		{"below another folder, without the prefix", "copy", "audit/trails/", true},
		{"under a prefix like it", "xaudit/trails", "audit/trails/", true},
	}
	for _, c := range cases {
		for _, lines := range []bool{false, true} {
			tree := w.sidecars()
			if lines {
				tree = w.lines()
			}
			for p := range clone(tree) {
				if !strings.Contains(p, "AWSLogs") {
					continue
				}
				to := strings.TrimPrefix(p, c.from)
				if c.folder != "" {
					to = c.folder + "/" + to
				}
				if to != p {
					rename(tree, p, to)
				}
			}
			r := check(t, tree, Options{})
			if r.Failed() != c.moved {
				t.Errorf("%s (lines %v): failed %v: %v", c.name, lines, r.Failed(), r.bad())
			}
			if c.moved && reasons(r)["digest invalid moved"] == 0 {
				t.Errorf("%s: %v", c.name, r.bad())
			}
		}
	}
}

func TestTwoCopiesInOneTree(t *testing.T) {
	a, b := newWorld("", ""), newWorld("", "")
	tree := below(a.sidecars(), "a")
	for p, f := range below(b.sidecars(), "b") {
		tree[p] = f
	}
	delete(tree, "a/"+a.tokyoLogs[0][0])
	r := check(t, tree, Options{})
	if diff := cmp.Diff([]string{"invalid missing a/" + a.tokyoLogs[0][0]}, r.bad()); diff != "" {
		t.Errorf("not valid (-want +got):\n%s", diff)
	}
}

func TestTrailThatChangedItsBucket(t *testing.T) {
	for _, change := range []func(d map[string]any){
		func(d map[string]any) { d["previousDigestS3Bucket"] = "the-old-bucket" },
		func(d map[string]any) { d["previousDigestS3Object"] = "old/" + d["previousDigestS3Object"].(string) },
	} {
		w := newWorld("", "")
		d := w.content(w.virginia[1])
		change(d)
		w.seal(w.virginia[1], d)
		tree := w.sidecars()
		delete(tree, w.virginia[0])
		delete(tree, w.virginia[0]+sidecarEnding)
		for p := range w.files {
			if strings.Contains(p, "/CloudTrail/us-east-1/") && strings.Contains(p, "T09") {
				delete(tree, p)
			}
		}
		r := check(t, tree, Options{})
		want := 1
		if strings.HasPrefix(d["previousDigestS3Object"].(string), "old/") {
			// The copy holds the bucket from its root, so a sibling prefix should be in it.
			if o := r.find(t, "old/"+w.virginia[0]); o.Reason != "missing" {
				t.Errorf("%+v", o)
			}
			want = 0
		}
		if r.noticed("previous_elsewhere") != want || r.Failed() != (want == 0) {
			t.Errorf("%v %+v", r.bad(), r.Notices)
		}
	}
}

func TestKeyValidity(t *testing.T) {
	w := newWorld("", "")
	tree := w.sidecars()
	// Epoch numbers; the window ends at 12:00 on the day of the copy, and two days later the backfill digest was made.
	set(tree, "public-keys.json", w.signer.keysJSON(1767225600.0, nine.Add(3*time.Hour).Unix()))
	r := check(t, tree, Options{})
	if r.Failed() || r.noticed("key_validity") != 3 {
		t.Errorf("failed %v, notices %+v", r.Failed(), r.Notices)
	}
	for _, k := range []string{w.tokyo[3], w.tokyo[4], w.backfill} {
		if o := r.find(t, k); o.Status != valid || o.Reason != "key_validity" {
			t.Errorf("%s: %+v", k, o.Result)
		}
	}
}

func TestGivenKeysCount(t *testing.T) {
	w := newWorld("", "")
	tree := w.sidecars()
	set(tree, "public-keys.json", []byte("rubbish"))
	if _, err := Check(t.Context(), tree, Options{}); err == nil || !strings.Contains(err.Error(), "public-keys.json") {
		t.Errorf("rubbish keys: %v", err)
	}
	keys, err := ParseKeys(otherKeys(), w.signer.keysJSON(nil, nil)) // Same fingerprint, and nothing says which: any may fit.
	if err != nil {
		t.Fatal(err)
	}
	if r := check(t, tree, Options{Keys: keys}); r.Failed() || r.noticed("keys_from_copy") != 0 {
		t.Errorf("%v", r.bad())
	}
	if r := check(t, tree, Options{Keys: &Keys{}}); r.Totals.DigestsUnknown != 10 || !r.Failed() {
		t.Errorf("%+v", r.Totals)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Check(ctx, newWorld("", "").sidecars(), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// Backfill digests come in the order they were generated, whatever hours they are for.
func TestBackfillOutOfOrder(t *testing.T) {
	w := newWorld("", "")
	f := w.trail("111122223333", "us-east-1", "main_trail.1")
	f.backfill = true
	var keys []string
	for i, h := range []int{5, 2, 3, 6, 1} {
		start := nine.Add(time.Duration(h) * time.Hour)
		k := f.digest(start, start.Add(time.Hour), []any{})
		w.meta[k]["backfill-generation-timestamp"] = nine.Add(time.Duration(50+i) * time.Hour).Format(time.RFC3339)
		keys = append(keys, k)
	}
	if r := check(t, w.sidecars(), Options{}); r.Failed() || r.noticed("gap") != 1 {
		t.Errorf("%v %+v", r.bad(), r.Notices)
	}
	tree := w.sidecars()
	delete(tree, keys[2])
	delete(tree, keys[2]+sidecarEnding)
	if diff := cmp.Diff([]string{"invalid missing " + keys[2]}, check(t, tree, Options{}).bad()); diff != "" {
		t.Errorf("one removed (-want +got):\n%s", diff)
	}
}

func TestLinkedDigestsWithTimeBetween(t *testing.T) {
	w := newWorld("", "")
	a := w.trail("111122223333", "sa-east-1", "t")
	a.hour(nine, 1)
	a.hour(nine.Add(3*time.Hour), 1)
	r := check(t, w.sidecars(), Options{})
	if r.Failed() || r.noticed("gap") != 2 {
		t.Errorf("%v %+v", r.bad(), r.Notices)
	}
}

// Only the later of two removed digests is named by one that is left; the hole between says that there were more.
func TestTwoDigestsInARowRemoved(t *testing.T) {
	w := newWorld("", "")
	a := w.trail("111122223333", "sa-east-1", "t")
	var keys []string
	for i := range 4 {
		k, _ := a.hour(nine.Add(time.Duration(i)*time.Hour), 1)
		keys = append(keys, k)
	}
	tree := w.sidecars()
	for _, k := range keys[1:3] {
		delete(tree, k)
		delete(tree, k+sidecarEnding)
	}
	r := check(t, tree, Options{})
	for _, c := range r.Chains {
		if c.Region != "sa-east-1" {
			continue
		}
		if len(c.Gaps) != 1 || !c.Gaps[0].From.Equal(nine.Add(time.Hour)) || !c.Gaps[0].To.Equal(nine.Add(3*time.Hour)) || c.Missing != 1 {
			t.Errorf("%+v", c)
		}
	}
	if got := reasons(r); got["digest invalid missing"] != 1 || got["log unknown unproved"] != 2 {
		t.Errorf("%v", got)
	}
}
