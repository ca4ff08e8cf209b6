package world_test

import (
	"testing"
	"time"

	"github.com/yagura-sec/yagura/gameday/world"
)

func TestSample(t *testing.T) {
	start := time.Now()
	s, err := world.Sample(t.Context(), world.Options{Out: t.TempDir() + "/w", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v", time.Since(start))
	for k, c := range s.Sources {
		t.Logf("%s %+v", k, c)
	}
}

func BenchmarkLoad(b *testing.B) {
	const events = 200_000
	for b.Loop() {
		s, err := world.Load(b.Context(), world.Options{Out: b.TempDir(), Seed: 7, Events: events})
		if err != nil {
			b.Fatal(err)
		}
		if got := s.Sources["cloudtrail"].Records; got != events {
			b.Fatalf("got %d events, want %d", got, events)
		}
		c := s.Sources["cloudtrail"]
		b.ReportMetric(float64(c.Raw)/float64(c.Records), "B/event")
		b.ReportMetric(float64(c.Raw)/float64(c.Bytes), "gzip")
		b.ReportMetric(float64(c.Records)/float64(c.Files), "events/file")
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
