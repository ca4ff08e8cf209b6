package ingest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura/ingest"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/source"
)

// BenchmarkIngest reads the logs that YAGURA_BENCH_LOGS names into a new lake,
// which it leaves at YAGURA_BENCH_LAKE if that is set. Rates are of the whole
// way: read, gunzip, decode, hash, dedupe, write, fsync, commit.
func BenchmarkIngest(b *testing.B) {
	logs := os.Getenv("YAGURA_BENCH_LOGS")
	if logs == "" {
		b.Skip("YAGURA_BENCH_LOGS names no logs; run `make bench`")
	}
	for b.Loop() {
		dir := os.Getenv("YAGURA_BENCH_LAKE")
		if dir == "" {
			dir = filepath.Join(b.TempDir(), "lake")
		}
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		l, err := lake.Open(b.Context(), lake.Config{Dir: dir, Schemas: source.Schemas()})
		if err != nil {
			b.Fatal(err)
		}
		s, err := ingest.Run(b.Context(), l, ingest.Config{Roots: []string{logs}, Sources: source.All(), Compact: true})
		if err != nil {
			b.Fatal(err)
		}
		t := s.Totals()
		b.ReportMetric(float64(t.Records)/s.Elapsed.Seconds(), "records/s")
		b.ReportMetric(float64(t.Rows)/s.Compaction.Seconds(), "compacted/s")
		b.ReportMetric(float64(peak()), "peak-MB")
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// peak gives the process's largest resident size in MB, 0 where unknown.
func peak() int {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		var kb int
		if n, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 && err == nil {
			return kb / 1024
		}
	}
	return 0
}
