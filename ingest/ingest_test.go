package ingest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ingest"
	"github.com/yagura-sec/yagura/internal/unpack"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source"
)

func fixed(s string) func() time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return func() time.Time { return t }
}

// Ingesting again changes nothing, and the workers do not matter.
func TestSameTreeSameLake(t *testing.T) {
	root := t.TempDir()
	tree(t, root)
	var want []string
	for _, workers := range []int{1, 2, 3, 8} {
		dir := t.TempDir()
		l := openLake(t, dir, fixed("2026-11-01T00:00:00Z"))
		s := take(t, l, ingest.Config{Roots: []string{root}, Workers: workers})
		got := state(t, dir)
		if want == nil {
			want = got
			totals := s.Totals()
			if totals.Rows == 0 || totals.Duplicates == 0 || s.Copies != 1 || len(s.Unclaimed) != 1 || len(s.Damaged) < 2 {
				t.Fatalf("the tree does not test what it should: %+v", s)
			}
		} else if d := different(want, got); d != "" {
			t.Fatalf("%d workers: %s", workers, d)
		}
		again := take(t, l, ingest.Config{Roots: []string{root}, Workers: workers})
		if d := different(want, state(t, dir)); d != "" {
			t.Fatalf("a second run: %s", d)
		}
		if again.Totals().Objects != 0 || again.Files != 0 || len(again.Unclaimed) != 1 {
			t.Errorf("a second run took %+v", again)
		}
		sound(t, l)
	}
}

// A log under another name is counted once, whatever the source and whoever
// decodes it at the same time.
func TestRenamedCopies(t *testing.T) {
	for _, workers := range []int{1, 2, 4} {
		rounds := 6
		if raceEnabled {
			rounds = 1
		}
		for round := range rounds {
			root := t.TempDir()
			for i := range 6 { // each fills a batch of its own
				put(t, root, flowKey(i), pad(zip(flows(0, 300))))
				put(t, root, trailKey(1, 1, i), pad(zip(trail(1, 2, 3, 4, 5))))
			}
			l := openLake(t, t.TempDir(), nil)
			s := take(t, l, ingest.Config{Roots: []string{root}, Workers: workers})
			if n := count(t, l, "vpcflow"); n != 300 {
				t.Errorf("%d workers, round %d: %d flow records, want 300", workers, round, n)
			}
			if n := count(t, l, "cloudtrail"); n != 5 {
				t.Errorf("%d workers, round %d: %d events, want 5", workers, round, n)
			}
			if s.Copies != 10 {
				t.Errorf("%d copies, want 10", s.Copies)
			}
			sound(t, l)
		}
	}
}

// pad makes a gzip file large without changing its content: empty members.
func pad(b []byte) []byte {
	empty := zip(nil)
	return append(bytes.Clone(b), bytes.Repeat(empty, (1<<20)/len(empty))...)
}

// A log so large that its batch is written in parts is counted once too.
func TestLargeCopies(t *testing.T) {
	root := t.TempDir()
	content := zip(flowsEvery(1, 0, 260_000))
	put(t, root, flowKey(0), content)
	put(t, root, flowKey(1), content)
	dir := t.TempDir()
	l := openLake(t, dir, nil)
	take(t, l, ingest.Config{Roots: []string{root}})
	if n := count(t, l); n != 260_000 {
		t.Errorf("%d records, want 260000", n)
	}
	sound(t, l)
}

func TestOverlappingTrails(t *testing.T) {
	var want []string
	for _, workers := range []int{1, 2, 5} {
		root := t.TempDir()
		for i := range 12 {
			put(t, root, trailKey(1, 1+i%3, i), pad(zip(trail(i, i+1, i+2, i+3))))
		}
		dir := t.TempDir()
		l := openLake(t, dir, fixed("2026-11-01T00:00:00Z"))
		s := take(t, l, ingest.Config{Roots: []string{root}, Workers: workers})
		if n := count(t, l); n != 15 || s.Totals().Duplicates != 12*4-15 {
			t.Errorf("%d workers: %d events and %d duplicates, want 15 and %d", workers, n, s.Totals().Duplicates, 12*4-15)
		}
		if want == nil {
			want = state(t, dir)
		} else if d := different(want, state(t, dir)); d != "" {
			t.Errorf("%d workers: %s", workers, d)
		}
		// An object that comes later has nothing new either, after compaction and in another run.
		take(t, l, ingest.Config{Roots: []string{root}, Compact: true})
		put(t, root, trailKey(9, 9, 0), zip(trail(3, 4, 99)))
		if s := take(t, l, ingest.Config{Roots: []string{root}}); s.Totals().Rows != 1 || s.Totals().Duplicates != 2 {
			t.Errorf("a late object brought %+v", s.Totals())
		}
		sound(t, l)
	}
}

func TestChangedObject(t *testing.T) {
	root := t.TempDir()
	path := put(t, root, trailKey(1, 1, 0), zip(trail(1, 2, 3)))
	put(t, root, trailKey(1, 1, 1), zip(trail(7)))
	l := openLake(t, t.TempDir(), nil)
	take(t, l, ingest.Config{Roots: []string{root}})

	put(t, root, trailKey(1, 1, 0), zip(trail(1, 2, 3, 4, 5)))
	if s := take(t, l, ingest.Config{Roots: []string{root}}); len(s.Changed) != 1 || count(t, l) != 4 {
		t.Errorf("a changed object: %+v and %d events, want the first content kept", s.Changed, count(t, l))
	}
	if s := take(t, l, ingest.Config{Roots: []string{root}, Replace: true}); len(s.Changed) != 0 || count(t, l) != 6 {
		t.Errorf("--replace: %+v and %d events, want 6", s.Changed, count(t, l))
	}
	if s := take(t, l, ingest.Config{Roots: []string{root}, Replace: true, Compact: true}); s.Known != 2 || count(t, l) != 6 {
		t.Errorf("once more: %d known and %d events", s.Known, count(t, l))
	}
	put(t, root, trailKey(1, 1, 0), zip(trail(2)))
	if take(t, l, ingest.Config{Roots: []string{root}, Replace: true}); count(t, l) != 2 {
		t.Errorf("--replace after compaction: %d events, want 2", count(t, l))
	}
	if err := os.Chtimes(path, time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if s := take(t, l, ingest.Config{Roots: []string{root}}); s.Known != 2 || len(s.Changed) != 0 {
		t.Errorf("only the time changed: %+v", s)
	}
	sound(t, l)
}

// What ended early or could not be read is taken when it is whole, unasked.
func TestIncompleteThenWhole(t *testing.T) {
	events := make([]int, 3000)
	for i := range events {
		events[i] = i
	}
	whole := zip(trail(events...))
	cutJSON := trail(events...)[:50_000]
	for name, first := range map[string][]byte{
		"cut gzip":           whole[:len(whole)/2],
		"checksum":           append(bytes.Clone(whole[:len(whole)-8]), 1, 2, 3, 4, 5, 6, 7, 8),
		"cut JSON":           zip(cutJSON),
		"garbage":            []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff, 0xff},
		"broken gzip header": {0x1f, 0x8b, 0xff},
		"unknown":            []byte("a log of the future\n"),
		"flipped":            flip(whole, len(whole)*2/3),
	} {
		root := t.TempDir()
		put(t, root, trailKey(1, 1, 0), first)
		put(t, root, trailKey(1, 1, 1), zip(trail(5000)))
		l := openLake(t, t.TempDir(), nil)
		s := take(t, l, ingest.Config{Roots: []string{root}})
		before := count(t, l)
		if len(s.Damaged)+len(s.Unclaimed) != 1 || before < 1 || before > 3001 {
			t.Errorf("%s: %d events, reported: %v %v", name, before, s.Damaged, s.Unclaimed)
		}
		sound(t, l)
		if take(t, l, ingest.Config{Roots: []string{root}}); count(t, l) != before {
			t.Errorf("%s: a second run made %d of %d events", name, count(t, l), before)
		}
		put(t, root, trailKey(1, 1, 0), whole)
		if s := take(t, l, ingest.Config{Roots: []string{root}}); count(t, l) != 3001 || len(s.Changed)+len(s.Damaged) != 0 {
			t.Errorf("%s, then whole: %d events, want 3001; %+v", name, count(t, l), s)
		}
		sound(t, l)
	}
}

func flip(b []byte, at int) []byte {
	out := bytes.Clone(b)
	out[at] ^= 0x55
	return out
}

func TestPacking(t *testing.T) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	half := trail(1, 2, 3, 4)
	root := t.TempDir()
	put(t, root, trailKey(1, 1, 0), append(zip(half[:200]), zip(half[200:])...))
	put(t, root, trailKey(1, 1, 1), z.EncodeAll(trail(5, 6), nil))
	put(t, root, trailKey(1, 1, 2), trail(7, 8))
	put(t, root, trailKey(1, 1, 3), append(zip(trail(9)), zip(trail(10))...)) // two documents in a row
	put(t, root, trailKey(1, 1, 4), nil)
	put(t, root, trailKey(1, 1, 5), zip(nil))
	put(t, root, "x/.hidden", trail(11))
	l := openLake(t, t.TempDir(), nil)
	take(t, l, ingest.Config{Roots: []string{root}})
	if n := count(t, l); n != 10 {
		t.Errorf("%d events, want 10", n)
	}
	sound(t, l)
}

func TestBomb(t *testing.T) {
	root := t.TempDir()
	// Real records first: they are kept.
	var bomb bytes.Buffer
	bomb.Write(trail(1, 2, 3)[:len(trail(1, 2, 3))-2])
	bomb.Write(bytes.Repeat([]byte(" "), 300<<20))
	put(t, root, trailKey(1, 1, 0), zip(bomb.Bytes()))
	bomb.Reset()
	runtime.GC()
	put(t, root, trailKey(1, 1, 1), zip(trail(4)))
	l := openLake(t, t.TempDir(), nil)
	s := take(t, l, ingest.Config{Roots: []string{root}, Limits: unpack.Limits{Ratio: 100, Free: 1 << 20}})
	if len(s.Damaged) != 1 || !strings.Contains(s.Damaged[0].Reason, unpack.ErrBomb.Error()) {
		t.Errorf("damaged: %+v", s.Damaged)
	}
	if n := count(t, l); n != 4 {
		t.Errorf("%d events, want 4", n)
	}
	sound(t, l)
}

// toy is a source whose decoder misbehaves.
type toy struct {
	panicAt int
	times   []int64
}

var toySchema = ocsf.Schema{Source: "toy", Version: 1, Columns: []string{"metadata_uid", "raw_data"}}

func (toy) Schema() *ocsf.Schema              { return &toySchema }
func (toy) Match(string, []byte) yagura.Match { return yagura.ByBoth }
func (s toy) Open(yagura.Input) (yagura.Decoder, error) {
	if s.panicAt < 0 {
		panic("open")
	}
	return &toyDecoder{toy: s}, nil
}

type toyDecoder struct {
	toy
	n int
}

func (d *toyDecoder) Next(ev *ocsf.Event) error {
	ev.Reset()
	if d.n == d.panicAt && d.times == nil {
		ev.UID = "half"
		var none []int
		_ = none[d.n]
	}
	if d.times != nil && d.n == len(d.times) {
		return io.EOF
	}
	if d.times != nil {
		ev.Time = d.times[d.n]
	}
	ev.UID, ev.Raw = fmt.Sprint("uid", d.n), fmt.Sprint("raw ", d.n)
	ev.Provenance.Record = int64(d.n)
	d.n++
	return nil
}

func toyLake(t *testing.T) *lake.Lake {
	t.Helper()
	l, err := lake.Open(t.Context(), lake.Config{Dir: t.TempDir(), Schemas: []*ocsf.Schema{&toySchema}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestDecoderPanics(t *testing.T) {
	for _, at := range []int{-1, 0, 1, 511, 512, 513, 2000} {
		root := t.TempDir()
		put(t, root, "a", []byte("x"))
		l := toyLake(t)
		s := take(t, l, ingest.Config{Roots: []string{root}, Sources: []yagura.Source{toy{panicAt: at}}})
		if n := count(t, l); n != int64(max(at, 0)) {
			t.Errorf("a panic at record %d: %d events", at, n)
		}
		if len(s.Damaged) != 1 || !strings.Contains(s.Damaged[0].Reason, "decoder failed") || at > 0 && !strings.Contains(s.Damaged[0].Reason, fmt.Sprintf("record %d:", at)) {
			t.Errorf("a panic at record %d: %+v", at, s.Damaged)
		}
		sound(t, l)
	}
}

// Times that no log should have stay findable and on their day.
func TestTimesAtTheEdges(t *testing.T) {
	day := int64(24 * time.Hour / time.Microsecond)
	times := []int64{
		0, -1, -day, -day - 1, 1, day - 1, day, // around the epoch
		time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC).UnixMicro(), time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(),
		time.Date(2106, 2, 7, 6, 28, 16, 0, time.UTC).UnixMicro(), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC).UnixMicro(),
		time.Date(33658, 9, 27, 1, 46, 39, 0, time.UTC).UnixMicro(),
		time.Date(2026, 10, 1, 23, 59, 59, 0, time.UTC).UnixMicro(), time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC).UnixMicro(), // one object spans midnight
	}
	root := t.TempDir()
	put(t, root, "a", []byte("x"))
	l := toyLake(t)
	take(t, l, ingest.Config{Roots: []string{root}, Sources: []yagura.Source{toy{times: times}}})
	for _, stage := range []string{"fresh", "compacted"} {
		hits, err := l.Search(t.Context(), ask.Filter{}, ask.Page{Limit: 100})
		if err != nil || len(hits) != len(times) {
			t.Fatalf("%s: %d hits %v, want %d", stage, len(hits), err, len(times))
		}
		for _, at := range times {
			n, err := l.Count(t.Context(), ask.Filter{From: time.UnixMicro(at), To: time.UnixMicro(at + 1)})
			if err != nil || n != 1 {
				t.Errorf("%s: %s found %d times %v", stage, time.UnixMicro(at).UTC(), n, err)
			}
		}
		if _, bars, err := l.Histogram(t.Context(), ask.Filter{To: time.UnixMicro(day)}, 10); err != nil || total(bars) != 8 {
			t.Errorf("%s: histogram %v %v", stage, bars, err)
		}
		cells, err := l.Coverage(t.Context(), ask.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cells {
			if c.Hour.Truncate(time.Hour) != c.Hour {
				t.Errorf("%s: hour %s", stage, c.Hour)
			}
		}
		sound(t, l)
		take(t, l, ingest.Config{Roots: []string{root}, Sources: []yagura.Source{toy{times: times}}, Compact: true})
	}
	// Retention takes whole days before the cutoff, of any year, and nothing else.
	w, err := l.Write(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, err := w.Retain(t.Context(), &toySchema, fixed("2026-10-02T13:00:00Z")())
	w.Close()
	if left := count(t, l); err != nil || n != 10 || left != 4 {
		t.Errorf("retention removed %d and left %d %v, want 10 and 4", n, left, err)
	}
	sound(t, l)
}

func total(bars []ask.Bucket) (n int64) {
	for _, b := range bars {
		for _, c := range b.Counts {
			n += c
		}
	}
	return n
}

// The clock of the machine changes nothing that is kept.
func TestClockJumps(t *testing.T) {
	root := t.TempDir()
	tree(t, root)
	var want []string
	for _, clock := range []func() time.Time{
		fixed("2026-11-01T00:00:00Z"), fixed("1970-01-01T00:00:00Z"), fixed("2106-02-08T00:00:00Z"), backwards("2026-11-01T00:00:00Z"), backwards("1970-01-01T00:00:01Z"),
	} {
		dir := t.TempDir()
		l := openLake(t, dir, clock)
		take(t, l, ingest.Config{Roots: []string{root}, Compact: true})
		if want == nil {
			want = state(t, dir)
		} else if d := different(want, state(t, dir)); d != "" {
			t.Errorf("clock %s: %s", clock(), d)
		}
		sound(t, l)
		// The next writer has another clock: nothing that readers need goes.
		other := openLake(t, dir, fixed("1999-12-31T23:59:59Z"))
		take(t, other, ingest.Config{Roots: []string{root}, Compact: true})
		sound(t, other)
	}
}

func backwards(from string) func() time.Time {
	var hours atomic.Int64
	return func() time.Time {
		return fixed(from)().Add(-time.Duration(hours.Add(1)) * time.Hour)
	}
}

func TestTwoWriters(t *testing.T) {
	dir := t.TempDir()
	l, other := openLake(t, dir, nil), openLake(t, dir, nil)
	w, err := l.Write(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []*lake.Lake{l, other} {
		if _, err := l.Write(t.Context()); !errors.Is(err, lake.ErrBusy) || !strings.Contains(err.Error(), dir) {
			t.Errorf("a second writer: %v", err)
		}
		if _, err := l.Check(t.Context(), true, nil); !errors.Is(err, lake.ErrBusy) {
			t.Errorf("a check beside a writer: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w, err = other.Write(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
}

// A file that goes away between listing and reading is reported.
func TestDanglingFiles(t *testing.T) {
	root := t.TempDir()
	put(t, root, trailKey(1, 1, 0), zip(trail(1)))
	if err := os.Symlink(filepath.Join(root, "nowhere"), filepath.Join(root, "link.json.gz")); err != nil {
		t.Fatal(err)
	}
	real := put(t, t.TempDir(), "real.json.gz", zip(trail(2)))
	if err := os.Symlink(real, filepath.Join(root, "other.json.gz")); err != nil {
		t.Fatal(err)
	}
	l := openLake(t, t.TempDir(), nil)
	take(t, l, ingest.Config{Roots: []string{root, filepath.Join(root, "AWSLogs")}, Sources: source.All()})
	if n := count(t, l); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	if _, err := ingest.Run(t.Context(), l, ingest.Config{Roots: []string{filepath.Join(root, "missing")}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing root: %v", err)
	}
}
