package lake_test

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// Connections of the engine agree on UTC, whatever the zone of the machine.
func TestZone(t *testing.T) {
	t.Setenv("TZ", "Asia/Tokyo")
	local := time.Local
	t.Cleanup(func() { time.Local = local })
	time.Local = time.FixedZone("JST", 9*60*60)
	l := open(t, t.TempDir())
	fill(t, l, generated(20)[:1], 1)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			rows, err := run(t, l, `SELECT CAST(from_iso8601_timestamp('2026-10-01T00:00:00Z') AS VARCHAR), CAST(CAST('2026-10-01 00:00:00' AS TIMESTAMPTZ) AS VARCHAR), (SELECT count(*) FROM range(9000000))`)
			if err != nil || fmt.Sprint(rows[0][:2]) != "[2026-10-01 00:00:00+00 2026-10-01 00:00:00+00]" {
				t.Errorf("%v %v", rows, err)
			}
		})
	}
	wg.Wait()
}
