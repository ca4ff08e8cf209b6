package yaguratest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

// cuts is how many places a fixture is cut at.
const cuts = 150

// checkCuts reads the fixture cut at many places: what comes is a beginning of
// what the whole gives, and what is missing is said.
func checkCuts(t testing.TB, src yagura.Source, f *fixture, full *Result) {
	t.Helper()
	starts := positions(f, full)
	step := max(1, len(f.content)/cuts)
	for n := 0; n < len(f.content); n += step {
		cut := f.cut(n)
		got := Decode(src, cut.input(nil), f.limit())
		if len(got.Events) > len(full.Events) {
			t.Errorf("cut at %d: %d events, the whole has %d", n, len(got.Events), len(full.Events))
			continue
		}
		silent := got.End == nil && len(got.Errors) <= len(full.Errors)
		if silent && len(got.Events) < len(full.Events) && starts != nil && starts[len(got.Events)] < n && len(got.Errors) == 0 {
			t.Errorf("cut at %d: record %d begins at %d, is lost and nobody says so", n, len(got.Events), starts[len(got.Events)])
		}
		for i := range got.Events {
			want, ev := &full.Events[i], &got.Events[i]
			if cmp.Equal(want, ev) {
				continue
			}
			// A line of text may end anywhere and still be a line.
			if src.Schema().Raw == ocsf.RawText && i == len(got.Events)-1 && strings.HasPrefix(rawOf(src, want), rawOf(src, ev)) {
				continue
			}
			t.Errorf("cut at %d: event %d differs from the whole's (-whole +cut):\n%s", n, i, cmp.Diff(want, ev))
		}
	}
}

func rawOf(src yagura.Source, ev *ocsf.Event) string {
	if ev.Raw == "" && ev.Rebuildable && src.Schema().Rebuild != nil {
		return src.Schema().Rebuild(ev)
	}
	return ev.Raw
}

// positions gives where each event's raw record begins, nil if the raw records
// do not stand in the content as they are.
func positions(f *fixture, r *Result) []int {
	content, at := string(f.content), 0
	var list []int
	for i := range r.Events {
		raw := r.Events[i].Raw
		j := strings.Index(content[at:], raw)
		if raw == "" || j < 0 {
			return nil
		}
		list = append(list, at+j)
		at += j + len(raw)
	}
	return list
}

// checkBound gives the decoder a limit that no record keeps.
func checkBound(t testing.TB, src yagura.Source, f *fixture) {
	t.Helper()
	in := f.input(nil)
	in.MaxRecord = 48
	got := Decode(src, in, f.limit())
	for i := range got.Events {
		if n := len(got.Events[i].Raw); n > in.MaxRecord {
			t.Errorf("record %d of %d bytes passes a limit of %d", got.Events[i].Provenance.Record, n, in.MaxRecord)
		}
	}
	for _, e := range got.Errors {
		checkError(t, e)
	}
	if len(got.Events)+len(got.Errors) == 0 && got.End == nil {
		t.Error("records over the limit vanish")
	}
}
