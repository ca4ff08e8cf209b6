package world_test

import (
	"os"
	"testing"

	"github.com/yagura-sec/yagura/gameday/world"
)

// TestKeep writes a sample where a developer wants to look at it.
func TestKeep(t *testing.T) {
	dir := os.Getenv("YAGURA_KEEP_SAMPLE")
	if dir == "" {
		t.Skip("set YAGURA_KEEP_SAMPLE to a folder to keep a sample")
	}
	if _, err := world.Sample(t.Context(), world.Options{Out: dir + "/data", Truth: dir + "/truth.jsonl", Seed: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := world.Load(t.Context(), world.Options{Out: dir + "/load", Seed: 1, Events: 60000, Flows: 100000}); err != nil {
		t.Fatal(err)
	}
}
