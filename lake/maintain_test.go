package lake_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source"
)

// put commits one event at a time into the lake.
func put(t *testing.T, l *lake.Lake, key string, at time.Time) {
	t.Helper()
	w, err := l.Write(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	b := w.Begin()
	b.Object(lake.Object{Key: key, Size: 1, Source: "cloudtrail"})
	var ev ocsf.Event
	ev.Reset()
	ev.Time, ev.Raw, ev.API.Operation = at.UnixMicro(), `{"eventName":"`+key+`"}`, key
	if err := b.Append(t.Context(), source.Named("cloudtrail").Schema(), []ocsf.Event{ev}); err != nil {
		t.Fatal(err)
	}
	b.End(key, "", lake.Proof{})
	if _, err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestMaintainCompactsClosedDaysAndDropsExpiredOnes(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	l, err := lake.Open(t.Context(), lake.Config{Dir: t.TempDir(), Schemas: source.Schemas(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	put(t, l, "expired", now.AddDate(0, 0, -40))
	put(t, l, "closed", now.AddDate(0, 0, -5))
	put(t, l, "closedtoo", now.AddDate(0, 0, -5))
	put(t, l, "open", now)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Maintain(ctx, time.Millisecond, map[string]int{"cloudtrail": 30}, func(err error) { t.Error(err) })
	}()
	var r *lake.Report
	for range 1000 {
		if r, err = l.Check(t.Context(), false, nil); err == nil && r.Files == 2 && r.Expired == 1 && r.Sound() {
			break
		}
		time.Sleep(5 * time.Millisecond) // the lake is busy, or maintenance has not come so far
	}
	cancel()
	<-done
	if r == nil || !r.Sound() || r.Files != 2 || r.Expired != 1 || r.Rows != 3 {
		t.Errorf("after maintenance want 2 files (the closed day compacted, the open day fresh), 3 rows, 1 expired; got %+v", r)
	}
}

func TestPatience(t *testing.T) {
	dir := t.TempDir()
	first, err := lake.Open(t.Context(), lake.Config{Dir: dir, Schemas: source.Schemas()})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	w, err := first.Write(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hasty, err := lake.Open(t.Context(), lake.Config{Dir: dir, Schemas: source.Schemas()})
	if err != nil {
		t.Fatal(err)
	}
	defer hasty.Close()
	if _, err := hasty.Write(t.Context()); !errors.Is(err, lake.ErrBusy) {
		t.Errorf("a second writer got %v, want ErrBusy", err)
	}
	patient, err := lake.Open(t.Context(), lake.Config{Dir: dir, Schemas: source.Schemas(), Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer patient.Close()
	go func() {
		time.Sleep(50 * time.Millisecond)
		w.Close()
	}()
	second, err := patient.Write(t.Context())
	if err != nil {
		t.Fatalf("a patient writer got %v", err)
	}
	second.Close()
}

// A catalogue that lost a file must not make the next writer delete it.
func TestFilesOfADamagedCatalogueAreKept(t *testing.T) {
	dir := t.TempDir()
	l, err := lake.Open(t.Context(), lake.Config{Dir: dir, Schemas: source.Schemas()})
	if err != nil {
		t.Fatal(err)
	}
	put(t, l, "one", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	put(t, l, "two", time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "DELETE FROM file WHERE day = '2026-11-01'"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	l, err = lake.Open(t.Context(), lake.Config{Dir: dir, Schemas: source.Schemas()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	put(t, l, "three", time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC))
	if files, err := filepath.Glob(filepath.Join(dir, "cloudtrail", "day=2026-11-01", "fresh", "*.parquet")); err != nil || len(files) != 1 {
		t.Errorf("the file that the catalogue lost: %v, %v", files, err)
	}
}
