package detect_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect"
	"github.com/yagura-sec/yagura/detect/threat"
	"github.com/yagura-sec/yagura/ingest"
	"github.com/yagura-sec/yagura/inlet/file"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/rules"
	"github.com/yagura-sec/yagura/source"
)

// BenchmarkFiles is `yagura detect PATH` without its output: every file below
// YAGURA_BENCH_LOGS (folders joined by colons) is read, unpacked, decoded, and
// given to all detectors. Run it with GOMAXPROCS=1 for the rate of one core.
func BenchmarkFiles(b *testing.B) {
	roots := os.Getenv("YAGURA_BENCH_LOGS")
	if roots == "" {
		b.Skip("YAGURA_BENCH_LOGS names no logs; tools/bench.sh makes some")
	}
	var events, found int64
	for b.Loop() {
		a := everything(b)
		cfg := ingest.Config{Roots: strings.Split(roots, ":"), Sources: source.All()}
		_, err := ingest.Read(context.Background(), cfg, func(_ file.Entry, s *ocsf.Schema, batch []ocsf.Event) error {
			events += int64(len(batch))
			a.Detect(s.Source, batch, func(*yagura.Finding) { found++ })
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(found)/float64(events), "reports/event")
}

// everything is the pipeline of `yagura detect`.
func everything(t testing.TB) *detect.Assembly {
	docs, problems := sigma.Read(rules.Threat, "threat")
	a, more, err := detect.Assemble(detect.Kit{Documents: docs, Schemas: source.Schemas(), Inventory: intel.NewInventory()})
	if err != nil || len(problems)+len(more) > 0 {
		t.Fatal(err, problems, more)
	}
	return a
}

// BenchmarkEntities measures what the detectors remember of a million
// principals with a key each that make a call and a failed one, from addresses
// of their own.
func BenchmarkEntities(b *testing.B) {
	const entities = 1_000_000
	kinds, _ := ordinary(b)
	for b.Loop() {
		a, _ := pipeline(b, threat.Config{})
		batch := make([]ocsf.Event, 0, 512)
		base := heap()
		for n := range entities {
			ev := kinds[n%len(kinds)]
			ev.Time = kinds[0].Time + int64(n)*1000
			who := fmt.Sprintf("role-%07d", n)
			ev.UID, ev.User.Name, ev.User.Credential = fmt.Sprintf("e-%d", n), who, fmt.Sprintf("AKIA%016d", n)
			ev.User.UID = "arn:aws:iam::111122223333:user/" + who
			ev.User.Type, ev.Session.Issuer = "IAMUser", ""
			ev.Src.IP = fmt.Sprintf("8.%d.%d.%d", n>>16&255, n>>8&255, n&255)
			if batch = append(batch, ev); len(batch) == cap(batch) {
				a.Detect("cloudtrail", batch, func(*yagura.Finding) {})
				batch = batch[:0]
			}
		}
		b.ReportMetric(float64(heap()-base)/(1<<20), "MiB")
		runtime.KeepAlive(a)
	}
}

// heap gives the bytes in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
