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
