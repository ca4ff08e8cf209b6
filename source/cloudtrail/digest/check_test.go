package digest

import (
	"encoding/json"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var nine = time.Date(2026, 3, 2, 9, 1, 31, 0, time.UTC)

// world is a bucket with what happens in one: two regions, two trails in one of them, an empty hour, a restart after a gap, backfill.
type world struct {
	*bucket
	tokyo                []string // digest keys 09:01, 10:01, 11:01 (empty), gap, 15:01, 16:01
	tokyoLogs            [][]string
	second, virginia     []string
	backfill, backfilled string
}

func newWorld(prefix, org string) *world {
	w := &world{bucket: newBucket(prefix, org)}
	a := w.trail("111122223333", "ap-northeast-1", "main_trail.1")
	for i, n := range []int{3, 2, 0} {
		d, logs := a.hour(nine.Add(time.Duration(i)*time.Hour), n)
		w.tokyo, w.tokyoLogs = append(w.tokyo, d), append(w.tokyoLogs, logs)
	}
	a.previous = ""
	for i, n := range []int{1, 2} {
		d, logs := a.hour(nine.Add(time.Duration(6+i)*time.Hour), n)
		w.tokyo, w.tokyoLogs = append(w.tokyo, d), append(w.tokyoLogs, logs)
	}
	b := w.trail("111122223333", "ap-northeast-1", "second")
	c := w.trail("111122223333", "us-east-1", "main_trail.1")
	for i := range 2 {
		d, _ := b.hour(nine.Add(time.Duration(i)*time.Hour), 1)
		w.second = append(w.second, d)
		d, _ = c.hour(nine.Add(time.Duration(i)*time.Hour), 2)
		w.virginia = append(w.virginia, d)
	}
	f := w.trail("111122223333", "ap-northeast-1", "main_trail.1")
	f.backfill, f.logs = true, 900
	at := nine.Add(31 * time.Minute)
	w.backfilled = f.logKey("CloudTrail", at)
	body := []byte(`{"Records":[]}`)
	w.files[w.backfilled] = gz(body)
	w.backfill = f.digest(nine, nine.Add(time.Hour), []any{logEntry(w.name, w.backfilled, sha256Hex(body), at)})
	return w
}

func TestWholeCopyIsValid(t *testing.T) {
	for _, prefix := range []string{"", "audit/trails"} {
		for _, org := range []string{"", "o-abc123"} {
			w := newWorld(prefix, org)
			plain := fstest.MapFS{}
			for p, f := range w.lines() {
				if len(p) > 3 && p[len(p)-3:] == ".gz" {
					plain[p[:len(p)-3]] = &fstest.MapFile{Data: gunzip(f.Data)}
				} else {
					plain[p] = f
				}
			}
			for form, tree := range map[string]fstest.MapFS{
				"sidecars": w.sidecars(), "lines": w.lines(), "below": below(w.sidecars(), "copies/logs-of-acme"),
				"below with lines": below(w.lines(), "x"), "plain": plain,
			} {
				r := check(t, tree, Options{})
				if r.Failed() || len(r.bad()) > 0 {
					t.Errorf("prefix %q org %q %s: failed: %v", prefix, org, form, r.bad())
				}
				want := Totals{Digests: 10, DigestsValid: 10, Logs: 15, LogsValid: 15}
				r.Totals.Bytes = 0
				if diff := cmp.Diff(want, r.Totals); diff != "" {
					t.Errorf("%s: totals (-want +got):\n%s", form, diff)
				}
			}
		}
	}
}

func TestChainsAndNotices(t *testing.T) {
	w := newWorld("", "")
	r := check(t, w.sidecars(), Options{})
	type row struct {
		Region, Trail               string
		Backfill                    bool
		Digests, Valid, Empty, Gaps int
		First, Last                 time.Time
	}
	var got []row
	for _, c := range r.Chains {
		got = append(got, row{c.Region, c.Trail, c.Backfill, c.Digests, c.Valid, c.Empty, len(c.Gaps), c.First, c.Last})
	}
	h := func(n int) time.Time { return nine.Add(time.Duration(n) * time.Hour) }
	want := []row{
		{"ap-northeast-1", "main_trail.1", false, 5, 5, 1, 1, h(0), h(8)},
		{"ap-northeast-1", "main_trail.1", true, 1, 1, 0, 0, h(0), h(1)},
		{"ap-northeast-1", "second", false, 2, 2, 0, 0, h(0), h(2)},
		{"us-east-1", "main_trail.1", false, 2, 2, 0, 0, h(0), h(2)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("chains (-want +got):\n%s", diff)
	}
	for code, n := range map[string]int{"start": 4, "gap": 1, "keys_from_copy": 1, "key_validity": 0} {
		if got := r.noticed(code); got != n {
			t.Errorf("%d notices %s, want %d", got, code, n)
		}
	}
	gap := r.Chains[0].Gaps[0]
	if !gap.From.Equal(h(3)) || !gap.To.Equal(h(6)) {
		t.Errorf("gap is %s to %s", gap.From, gap.To)
	}
	one, _ := json.Marshal(r)
	for range 3 {
		again, _ := json.Marshal(check(t, w.sidecars(), Options{Workers: 4}))
		if diff := cmp.Diff(string(one), string(again)); diff != "" {
			t.Fatalf("report differs between runs:\n%s", diff)
		}
	}
}
