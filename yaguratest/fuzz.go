package yaguratest

import (
	"errors"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
)

// FuzzSource feeds src hostile bytes, with the fixtures of dir as seeds and
// their keys and options in turn: it must not panic, must end, must keep its
// errors bounded, and must give no event over the record limit.
func FuzzSource(f *testing.F, src yagura.Source, dir string) {
	f.Helper()
	list := fixtures(f, dir)
	if len(list) == 0 {
		f.Fatalf("no fixtures in %s", dir)
	}
	// Long seeds make the fuzzer spend its time on shrinking them.
	const seed = 3 << 10
	for i, s := range list {
		f.Add(s.content[:min(len(s.content), seed)], uint8(i))
		f.Add(s.content[max(0, len(s.content)-seed):], uint8(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, which uint8) {
		with := *list[int(which)%len(list)]
		with.content, with.stored = b, b
		src.Match(with.key, with.head())
		src.Match("", with.head())
		in := with.input(nil)
		in.MaxRecord = 16 << 10
		got := Decode(src, in, with.limit())
		if errors.Is(got.End, errEndless) {
			t.Fatal(got.End)
		}
		for _, e := range got.Errors {
			checkError(t, e)
		}
		last := int64(-1)
		for i := range got.Events {
			ev := &got.Events[i]
			if n := len(ev.Raw); n > in.MaxRecord {
				t.Errorf("record %d of %d bytes passes a limit of %d", ev.Provenance.Record, n, in.MaxRecord)
			}
			if ev.Provenance.Record <= last {
				t.Errorf("record number %d after %d", ev.Provenance.Record, last)
			}
			last = ev.Provenance.Record
			if !strings.Contains(ev.Raw, ev.Request) || !strings.Contains(ev.Raw, ev.Response) {
				t.Errorf("record %d: request or response is not text of the raw record", last)
			}
		}
	})
}
