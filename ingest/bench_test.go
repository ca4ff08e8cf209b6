package ingest_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ingest"
	"github.com/yagura-sec/yagura/inlet/file"
	"github.com/yagura-sec/yagura/internal/unpack"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/ocsf"
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
		s, err := ingest.Run(b.Context(), l, ingest.Config{Roots: filepath.SplitList(logs), Sources: source.All(), Compact: true})
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

// BenchmarkNative appends the same rows to a native DuckDB file with its
// Appender and a durable commit per object: the simplest way to have the
// events queryable, and the peer of BenchmarkIngest.
func BenchmarkNative(b *testing.B) {
	logs := os.Getenv("YAGURA_BENCH_LOGS")
	if logs == "" {
		b.Skip("YAGURA_BENCH_LOGS names no logs; run `make bench`")
	}
	schema := source.Named("cloudtrail").Schema()
	var defs []string
	for _, n := range schema.Names() {
		defs = append(defs, n+" "+nativeType(ocsf.Lookup(n).Kind))
	}
	for b.Loop() {
		connector, err := duckdb.NewConnector(filepath.Join(b.TempDir(), "native.duckdb"), nil)
		if err != nil {
			b.Fatal(err)
		}
		conn, err := connector.Connect(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		db := sql.OpenDB(connector)
		if _, err := db.ExecContext(b.Context(), "CREATE TABLE event ("+strings.Join(defs, ", ")+")"); err != nil {
			b.Fatal(err)
		}
		start, n := time.Now(), int64(0)
		err = file.Walk(b.Context(), []string{logs}, func(e file.Entry) error {
			rows, err := appendNative(conn, schema, e)
			n += rows
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(n)/time.Since(start).Seconds(), "records/s")
		db.Close()
		connector.Close()
	}
}

func nativeType(k ocsf.Kind) string {
	switch k {
	case ocsf.Int, ocsf.Time:
		return "BIGINT"
	case ocsf.Bool:
		return "BOOLEAN"
	}
	return "VARCHAR"
}

// appendNative appends the records of one object and commits them.
func appendNative(conn driver.Conn, schema *ocsf.Schema, e file.Entry) (int64, error) {
	f, err := os.Open(e.Path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	z, err := unpack.NewReader(f, unpack.Limits{})
	if err != nil {
		return 0, err
	}
	defer z.Close()
	dec, err := source.Named("cloudtrail").Open(yagura.Input{Object: e.Object, Body: z, MaxRecord: 16 << 20})
	if err != nil {
		return 0, err
	}
	app, err := duckdb.NewAppenderFromConn(conn, "", "event")
	if err != nil {
		return 0, err
	}
	names := schema.Names()
	row := make([]driver.Value, len(names))
	var ev ocsf.Event
	n := int64(0)
	for {
		if err := dec.Next(&ev); errors.Is(err, io.EOF) {
			return n, app.Close()
		} else if err != nil {
			return n, err
		}
		for i, name := range names {
			row[i] = nil
			switch c := ocsf.Lookup(name); {
			case c.Num != nil && *c.Num(&ev) != ocsf.Null:
				row[i] = *c.Num(&ev)
			case c.Tri != nil && *c.Tri(&ev) != ocsf.Unknown:
				row[i] = *c.Tri(&ev) == ocsf.True
			case c.Str != nil && *c.Str(&ev) != "":
				row[i] = *c.Str(&ev)
			case c.List != nil && len(*c.List(&ev)) > 0:
				row[i] = strings.Join(*c.List(&ev), " ")
			}
		}
		if err := app.AppendRow(row...); err != nil {
			return n, err
		}
		n++
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
