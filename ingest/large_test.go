package ingest_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura/ingest"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/source"
)

var long = flag.Bool("long", false, "list a million keys instead of 20,000")

// largeResult is what the child that ingests something large reports.
type largeResult struct {
	Peak    int64 // bytes of memory, as the system saw it
	Heap    int64 // bytes in use when most were, less those before
	Summary *ingest.Summary
}

// ingestLarge is the child: it ingests and reports its memory.
func ingestLarge(dir string) error {
	ctx := context.Background()
	l, err := lake.Open(ctx, lake.Config{Dir: dir, Schemas: source.Schemas(), Threads: 2})
	if err != nil {
		return err
	}
	defer l.Close()
	var res largeResult
	inUse := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := inUse()
	n := 0
	res.Summary, err = ingest.Run(ctx, l, ingest.Config{Roots: []string{os.Getenv(childRoot)}, Sources: source.All(), Workers: 2, Progress: func(ingest.Progress) {
		if n++; n%1_490 == 0 {
			res.Heap = max(res.Heap, inUse()-before)
		}
	}})
	if err != nil {
		return err
	}
	res.Peak = peakMemory()
	b, err := json.Marshal(res)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "result"), b, 0o600)
}

// peakMemory reads VmHWM.
func peakMemory() int64 {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		var kb int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); err == nil {
			return kb << 10
		}
	}
	return 0
}

func large(t *testing.T, root, dir string) largeResult {
	t.Helper()
	if err := start(t, childDir+"="+dir, childRoot+"="+root, childJob+"=large").Wait(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "result"))
	if err != nil {
		t.Fatal(err)
	}
	var res largeResult
	if err := json.Unmarshal(b, &res); err != nil {
		t.Fatal(err)
	}
	return res
}

// A record of 100 MB goes to quarantine, in little memory, and the others stay.
func TestHugeRecord(t *testing.T) {
	root := t.TempDir()
	for name, parts := range map[string][3]string{
		trailKey(1, 1, 0): {string(trail(1, 2))[:len(trail(1, 2))-2] + `,{"eventID":"x","pad":"`, "A", `"},` + strings.TrimPrefix(string(trail(3)), `{"Records":[`)},
		flowKey(0):        {string(flows(0, 2)), "A", "\n" + strings.SplitAfterN(string(flows(2, 1)), "\n", 2)[1]},
	} {
		path := put(t, root, name, nil)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		z, _ := gzip.NewWriterLevel(f, gzip.BestSpeed)
		out := bufio.NewWriter(z)
		_, _ = out.WriteString(parts[0])
		r := rand.New(rand.NewPCG(1, 1)) // even text would look like a bomb
		piece := make([]byte, 1<<20)
		for i := range piece {
			piece[i] = parts[1][0] + byte(r.IntN(26))
		}
		for range 100 {
			_, _ = out.Write(piece)
		}
		_, _ = out.WriteString(parts[2])
		_ = out.Flush()
		_ = z.Close()
		_ = f.Close()
	}
	dir := t.TempDir()
	res := large(t, root, dir)
	totals := res.Summary.Totals()
	if totals.Rows != 6 || totals.Quarantined != 2 {
		t.Errorf("%d rows and %d in quarantine, want 6 and 2; damaged: %+v", totals.Rows, totals.Quarantined, res.Summary.Damaged)
	}
	limit := int64(300 << 20)
	if raceEnabled {
		limit *= 4
	}
	if res.Peak > limit {
		t.Errorf("%d MiB of memory for records that must not be held", res.Peak>>20)
	}
	t.Logf("peak %d MiB", res.Peak>>20)
	sound(t, openLake(t, dir, nil))
}

// A long listing takes little memory a key, the first time and when all is known.
func TestLongListing(t *testing.T) {
	few, many := 1_500, 6_000
	if *long {
		many = 1_000_000
	}
	var heaps [2][2]int64
	for i, n := range []int{few, many} {
		root, dir := t.TempDir(), t.TempDir()
		listing(t, root, n)
		first := large(t, root, dir)
		again := large(t, root, dir)
		if got := first.Summary.Totals().Objects; got != int64(n) || again.Summary.Known != int64(n) {
			t.Fatalf("%d objects, then %d known, want %d", got, again.Summary.Known, n)
		}
		heaps[i] = [2]int64{first.Heap, again.Heap}
	}
	for i, what := range []string{"the first time", "again"} {
		perKey := (heaps[1][i] - heaps[0][i]) / int64(many-few)
		t.Logf("%s: %d bytes a key", what, perKey)
		if perKey > 300 {
			t.Errorf("%s: %d bytes a key, want at most 300", what, perKey)
		}
	}
}

// listing makes n objects, which are names of few files.
func listing(t *testing.T, root string, n int) {
	t.Helper()
	content, first := zip(trail(1)), ""
	for i := range n {
		key := fmt.Sprintf("AWSLogs/%012d/CloudTrail/us-east-1/2026/10/%02d/%012d_CloudTrail_us-east-1_20261001T0000Z_%08d.json.gz", i%500, 1+i/500%28, i%500, i)
		path := filepath.Join(root, key)
		if first != "" && os.Link(first, path) == nil {
			continue
		}
		if first == "" || os.MkdirAll(filepath.Dir(path), 0o755) != nil || os.Link(first, path) != nil { // too many links
			first = put(t, root, key, content)
		}
	}
}
