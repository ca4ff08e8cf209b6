package yaguratest

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

// Source holds src to the contract on every fixture of dir. others are the
// sources that must not claim the fixtures as surely as src does.
func Source(t *testing.T, src yagura.Source, dir string, others ...yagura.Source) {
	t.Helper()
	t.Run("schema", func(t *testing.T) { checkSchema(t, src) })
	list := fixtures(t, dir)
	if len(list) == 0 {
		t.Fatalf("no fixtures in %s", dir)
	}
	for _, f := range list {
		t.Run(f.name, func(t *testing.T) {
			full := Decode(src, f.input(nil), f.limit())
			Golden(t, f.path+".golden", golden(&full))
			checkFixture(t, src, f, &full, others)
		})
	}
	refused, err := filepath.Glob(filepath.Join(dir, "refused", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range refused {
		if slices.Contains(besides, filepath.Ext(path)) {
			continue
		}
		t.Run("refused/"+filepath.Base(path), func(t *testing.T) {
			f := load(t, path)
			if m := src.Match(f.key, f.head()); m != yagura.NoMatch {
				t.Errorf("Match = %d, but the object is not of this source", m)
			}
		})
	}
}

func checkFixture(t testing.TB, src yagura.Source, f *fixture, full *Result, others []yagura.Source) {
	t.Helper()
	checkResult(t, src, f, full)
	checkMatch(t, src, f, others)
	checkSame(t, "a second reading", full, Decode(src, f.input(nil), f.limit()))
	if f.random() {
		return
	}
	checkArrivals(t, src, f, full)
	checkCuts(t, src, f, full)
	checkBound(t, src, f)
	checkRaw(t, src, f, full)
}

// checkResult looks at every event by itself.
func checkResult(t testing.TB, src yagura.Source, f *fixture, r *Result) {
	t.Helper()
	s := src.Schema()
	declared := s.Names()
	numbers := map[int64]bool{}
	for _, e := range r.Errors {
		checkError(t, e)
		if numbers[e.Record] {
			t.Errorf("two errors have record number %d", e.Record)
		}
		numbers[e.Record] = true
	}
	last := int64(-1)
	for i := range r.Events {
		ev := &r.Events[i]
		n := ev.Provenance.Record
		if n <= last || numbers[n] {
			t.Errorf("event %d has record number %d after %d", i, n, last)
		}
		last = n
		if at := ev.At(); at.Year() < 2006 || at.After(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("record %d has time %v", n, at)
		}
		if s.Raw == ocsf.RawJSON && ev.Raw != "" && !strings.HasPrefix(ev.Raw, "{") {
			t.Errorf("record %d: raw is not a JSON object: %.80q", n, ev.Raw)
		}
		for name, part := range map[string]string{"Request": ev.Request, "Response": ev.Response} {
			if !strings.Contains(ev.Raw, part) {
				t.Errorf("record %d: %s is not text of the raw record: %.80q", n, name, part)
			}
		}
		for _, c := range ocsf.Columns() {
			if v := value(c, ev); v != nil && v != int64(0) && !slices.Contains(declared, c.Name) {
				t.Errorf("record %d fills %s, which the schema does not declare", n, c.Name)
			}
		}
	}
	if len(r.Events)+len(r.Errors) == 0 && r.End == nil {
		t.Errorf("%s gives nothing at all", f.name)
	}
}

func checkError(t testing.TB, e *yagura.RecordError) {
	t.Helper()
	if e.Reason == "" {
		t.Errorf("error of record %d has no reason", e.Record)
	}
	if len(e.Raw) > 64<<10 {
		t.Errorf("error of record %d carries %d bytes", e.Record, len(e.Raw))
	}
}

// checkRaw proves that raw is the evidence: it can be rebuilt where the source
// says so, and a JSON record decodes alone to the same event.
func checkRaw(t testing.TB, src yagura.Source, f *fixture, r *Result) {
	t.Helper()
	s := src.Schema()
	for i := range r.Events {
		ev := &r.Events[i]
		n := ev.Provenance.Record
		switch {
		case ev.Rebuildable && s.Rebuild == nil:
			t.Errorf("record %d says it is rebuildable, the schema cannot rebuild", n)
		case ev.Rebuildable:
			bare := *ev
			bare.Raw = ""
			if raw := s.Rebuild(&bare); raw != ev.Raw && (ev.Raw != "" || raw == "") {
				t.Errorf("record %d is rebuilt as %q, raw is %q", n, raw, ev.Raw)
			}
		case ev.Raw == "":
			t.Errorf("record %d has no raw record", n)
		}
		if s.Raw != ocsf.RawJSON || ev.Raw == "" {
			continue
		}
		alone := fixture{name: f.name, content: []byte(ev.Raw), stored: []byte(ev.Raw), key: f.key, options: f.options}
		again := Decode(src, alone.input(nil), 10)
		want := *ev
		want.Provenance.Record = 0
		if again.End != nil || len(again.Errors) > 0 || len(again.Events) != 1 {
			t.Errorf("raw of record %d alone gives %d events, %v, %v", n, len(again.Events), again.Errors, again.End)
		} else if diff := cmp.Diff(want, again.Events[0]); diff != "" {
			t.Errorf("raw of record %d alone gives another event (-in the object +alone):\n%s", n, diff)
		}
	}
}

// checkMatch sees that the source recognises the fixture and that no other
// source does so as surely. Fixtures with options may need the operator to name
// the source.
func checkMatch(t testing.TB, src yagura.Source, f *fixture, others []yagura.Source) {
	t.Helper()
	best := src.Match(f.key, f.head())
	if f.options == nil {
		if m := src.Match("", f.head()); m != yagura.ByContent {
			t.Errorf("Match by content alone = %d, want ByContent", m)
		}
		if f.key != "" && best != yagura.ByBoth {
			t.Errorf("Match by key and content = %d, want ByBoth", best)
		}
	}
	if f.key != "" {
		if m := src.Match(f.key, nil); m != yagura.ByKey {
			t.Errorf("Match by key %s alone = %d, want ByKey", f.key, m)
		}
	}
	for _, o := range others {
		if o.Schema().Source == src.Schema().Source {
			continue
		}
		if m := o.Match(f.key, f.head()); m >= best && m > yagura.NoMatch {
			t.Errorf("source %s matches as surely: %d against %d", o.Schema().Source, m, best)
		}
	}
}

// checkArrivals feeds the same bytes in other portions.
func checkArrivals(t testing.TB, src yagura.Source, f *fixture, full *Result) {
	t.Helper()
	ways := map[string]func(io.Reader) io.Reader{
		"byte by byte":          iotest.OneByteReader,
		"halves":                iotest.HalfReader,
		"the end with the data": iotest.DataErrReader,
		"seven bytes at a time": func(r io.Reader) io.Reader { return &portions{r, 7} },
		"4093 bytes at a time":  func(r io.Reader) io.Reader { return &portions{r, 4093} },
	}
	for name, wrap := range ways {
		checkSame(t, name, full, Decode(src, f.input(wrap), f.limit()))
	}
	lost := errors.New("connection lost")
	got := Decode(src, f.input(func(r io.Reader) io.Reader { return io.MultiReader(r, iotest.ErrReader(lost)) }), f.limit())
	if !errors.Is(got.End, lost) {
		t.Errorf("a reader that fails ends the object with %v", got.End)
	}
}

type portions struct {
	r io.Reader
	n int
}

func (p *portions) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.n)]) }

func checkSame(t testing.TB, how string, want *Result, got Result) {
	t.Helper()
	if diff := cmp.Diff(want.Events, got.Events); diff != "" {
		t.Errorf("%s gives other events (-want +got):\n%s", how, diff)
	}
	if diff := cmp.Diff(want.Errors, got.Errors); diff != "" {
		t.Errorf("%s gives other errors (-want +got):\n%s", how, diff)
	}
	if fmt.Sprint(want.End) != fmt.Sprint(got.End) {
		t.Errorf("%s ends with %v, want %v", how, got.End, want.End)
	}
}
