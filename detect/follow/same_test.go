package follow_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/gameday/world"
	"github.com/yagura-sec/yagura/ingest"
	"github.com/yagura-sec/yagura/inlet/file"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source"
)

// Detectors cannot tell whether an event comes from a file or from the lake: it
// is the same in every attribute.
func TestLakeGivesWhatDecodersGive(t *testing.T) {
	root := filepath.Join(t.TempDir(), "sample")
	if _, err := world.Sample(t.Context(), world.Options{Out: root, Seed: 1, Days: 1}); err != nil {
		t.Fatal(err)
	}
	decoded := map[string]ocsf.Event{}
	id := func(source string, ev *ocsf.Event) string {
		if ev.UID != "" {
			return source + " " + ev.UID + " " + ev.Account
		}
		return fmt.Sprint(source, ev.Time, ev.Src, ev.Dst, ev.Device, ev.Raw)
	}
	_, err := ingest.Read(t.Context(), ingest.Config{Roots: []string{root}, Sources: source.All()}, func(_ file.Entry, s *ocsf.Schema, batch []ocsf.Event) error {
		for _, ev := range batch {
			if _, twice := decoded[id(s.Source, &ev)]; !twice {
				decoded[id(s.Source, &ev)] = whole(&ev)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	l := openLake(t, t.TempDir())
	take(t, l, root)
	bad, seen := map[string]int{}, 0
	err = l.Scan(t.Context(), ask.Filter{}, func(h *ask.Hit) error {
		got := h.Event
		want, ok := decoded[id(h.Source, &got)]
		if !ok {
			t.Errorf("%s: an event that no file holds", h.Source)
		}
		seen++
		want.Provenance, got.Provenance = ocsf.Provenance{}, ocsf.Provenance{}
		if d := cmp.Diff(want, got); d != "" {
			if bad[h.Source]++; bad[h.Source] <= 2 {
				t.Errorf("%s (-file +lake): %s", h.Source, d)
			}
		}
		return nil
	})
	if err != nil || seen < 20_000 {
		t.Errorf("%d events: %v", seen, err)
	}
	t.Log(bad)
}

// whole copies an event that is about to be overwritten.
func whole(ev *ocsf.Event) ocsf.Event {
	out := *ev
	for _, name := range ocsf.Columns() {
		if name.List != nil {
			list := *name.List(ev)
			*name.List(&out) = append(list[:0:0], list...)
		}
	}
	return out
}
