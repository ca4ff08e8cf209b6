package detect_test

import (
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect/threat"
	"github.com/yagura-sec/yagura/ocsf"
)

// BenchmarkThreat runs everything that comes with the program, from the test for
// duplicates to the sequences, over events in memory: the records of ordinary
// work, again and again under new ids and times.
func BenchmarkThreat(b *testing.B) {
	kinds, _ := ordinary(b)
	benchmark(b, kinds)
}

// BenchmarkReads does so with the reading calls only, which are nine of ten in
// most accounts.
func BenchmarkReads(b *testing.B) {
	var reads []ocsf.Event
	kinds, _ := ordinary(b)
	for i := range kinds {
		if kinds[i].API.ReadOnly == ocsf.True {
			reads = append(reads, kinds[i])
		}
	}
	benchmark(b, reads)
}

// BenchmarkGenuine does so with the public set of real records, of which a third
// are an attack.
func BenchmarkGenuine(b *testing.B) { benchmark(b, genuine(b)) }

func benchmark(b *testing.B, kinds []ocsf.Event) {
	p, _ := pipeline(b, threat.Config{})
	batch := make([]ocsf.Event, 0, 512)
	ids := make([]byte, 0, 36*512)
	n, found := int64(0), 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		batch, ids = batch[:0], make([]byte, 0, 36*512)
		for len(batch) < cap(batch) {
			ev := kinds[n%int64(len(kinds))]
			n++
			ev.Time += n / int64(len(kinds)) * 3600 * 1_000_000
			from := len(ids)
			ids = append(ids, "00000000-0000-4000-8000-000000000000"...)
			for i, v := len(ids)-1, n; v > 0; i, v = i-1, v/10 {
				ids[i] = byte('0' + v%10)
			}
			ev.UID = string(ids[from:])
			batch = append(batch, ev)
		}
		b.StartTimer()
		p.Detect("cloudtrail", batch, func(*yagura.Finding) { found++ })
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(found)/float64(n), "reports/event")
}
