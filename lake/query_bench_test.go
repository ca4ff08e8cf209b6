package lake_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/source"
)

// bench is an open lake with what the benchmarks look for in it.
type bench struct {
	lake     *lake.Lake
	fields   field.Table
	newest   time.Time // midnight after the newest event
	event    string    // an event id in the middle
	key      string    // a rare access key
	user     string    // ARN of a busy principal
	word     string    // a word that stands in few records
	address  string    // an address that stands in few records
	piece    string    // part of a word that stands in few records
	pairsDay string
}

// openBench opens the lake that YAGURA_BENCH_LAKE names; `make bench` makes it.
func openBench(b *testing.B) *bench {
	b.Helper()
	dir := os.Getenv("YAGURA_BENCH_LAKE")
	if dir == "" {
		b.Skip("YAGURA_BENCH_LAKE names no lake; run `make bench`")
	}
	l, err := lake.Open(b.Context(), lake.Config{Dir: dir, Schemas: source.Schemas()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	x := &bench{lake: l}
	if x.fields, err = lake.Fields(source.Schemas(), nil); err != nil {
		b.Fatal(err)
	}
	one := func(text string) string {
		rows, err := l.SQL(b.Context(), text, time.Minute, 1)
		if err != nil {
			b.Fatal(err)
		}
		defer rows.Close()
		row, err := rows.Next()
		if err != nil || row == nil {
			b.Fatalf("%s: %v, %v", text, row, err)
		}
		s, _ := row[0].(string)
		return s
	}
	_, last, err := l.Span(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	x.newest = last.Truncate(24 * time.Hour).Add(24 * time.Hour)
	day := x.newest.Add(-15 * 24 * time.Hour).Format(time.DateOnly)
	x.pairsDay = x.newest.Add(-24 * time.Hour).Format(time.DateOnly)
	x.event = one("SELECT CAST(eventID AS VARCHAR) FROM cloudtrail WHERE eventTime > '" + day + "' ORDER BY eventTime LIMIT 1")
	x.key = one("SELECT actor_user_credential_uid FROM events WHERE source = 'cloudtrail' AND actor_user_credential_uid IS NOT NULL GROUP BY 1 HAVING count(*) BETWEEN 5 AND 200 ORDER BY 1 LIMIT 1")
	x.user = one("SELECT actor_user_uid FROM events WHERE source = 'cloudtrail' AND actor_user_uid IS NOT NULL GROUP BY 1 HAVING count(*) < 40000 ORDER BY count(*) DESC LIMIT 1")
	x.address = one("SELECT src_endpoint_ip FROM events WHERE source = 'cloudtrail' AND src_endpoint_ip IS NOT NULL GROUP BY 1 HAVING count(*) BETWEEN 5 AND 300 ORDER BY 1 LIMIT 1")
	x.word = x.key
	x.piece = x.event[9:30]
	return x
}

func (x *bench) filter(b *testing.B, text string, sources ...string) ask.Filter {
	b.Helper()
	e, err := query.Parse(text)
	if err == nil {
		e, err = query.Check(e, x.fields, x.newest)
	}
	if err != nil {
		b.Fatal(err)
	}
	return ask.Filter{Where: e, Sources: sources}
}

// BenchmarkQuery runs the questions of docs/ref/lake-performance.md.
func BenchmarkQuery(b *testing.B) {
	x := openBench(b)
	run := func(name string, f func(context.Context) (int, error)) {
		b.Run(name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				var err error
				if n, err = f(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n), "results")
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms")
		})
	}
	search := func(f ask.Filter, p ask.Page) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) {
			hits, err := x.lake.Search(ctx, f, p)
			return len(hits), err
		}
	}
	count := func(f ask.Filter) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) {
			n, err := x.lake.Count(ctx, f)
			return int(n), err
		}
	}
	facets := func(f ask.Filter, top int, names ...string) func(context.Context) (int, error) {
		var fs []field.Field
		for _, n := range names {
			fd, ok := x.fields.Lookup(n)
			if !ok {
				b.Fatalf("no field %s", n)
			}
			fs = append(fs, fd)
		}
		return func(ctx context.Context) (int, error) {
			v, err := x.lake.Facets(ctx, f, fs, top)
			if err != nil {
				return 0, err
			}
			return len(v[0]), nil
		}
	}
	sql := func(text string) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) {
			rows, err := x.lake.SQL(ctx, text, time.Minute, 0)
			if err != nil {
				return 0, err
			}
			defer rows.Close()
			for n := 0; ; n++ {
				if row, err := rows.Next(); err != nil || row == nil {
					return n, err
				}
			}
		}
	}
	day := x.filter(b, "*", "cloudtrail")
	day.From, day.To = x.newest.Add(-6*24*time.Hour), x.newest.Add(-5*24*time.Hour)
	newest := x.filter(b, "*"+x.piece+"*", "cloudtrail")
	newest.From = x.newest.Add(-24 * time.Hour)
	user := x.filter(b, `userIdentity.arn:"`+x.user+`"`, "cloudtrail")

	run("event-id", func(ctx context.Context) (int, error) {
		hits, err := x.lake.Event(ctx, x.event)
		return len(hits), err
	})
	run("access-key", search(x.filter(b, "accessKeyId:"+x.key), ask.Page{Limit: 100}))
	run("names-in-a-day", facets(day, 1000, "eventName"))
	run("principal-histogram", func(ctx context.Context) (int, error) {
		_, bars, err := x.lake.Histogram(ctx, user, 60)
		return len(bars), err
	})
	run("failed-addresses", facets(x.filter(b, "errorCode:*", "cloudtrail"), 20, "sourceIPAddress"))
	run("last-100-of-user", search(user, ask.Page{Limit: 100, Raw: true}))
	run("word", count(x.filter(b, x.word, "cloudtrail")))
	run("address", count(x.filter(b, x.address, "cloudtrail")))
	run("substring", count(x.filter(b, "*"+x.piece+"*", "cloudtrail")))
	run("substring-newest-day", search(newest, ask.Page{Limit: 20}))
	run("first-seen", sql(`SELECT DISTINCT actor_user_uid, api_operation FROM events WHERE source = 'cloudtrail' AND time >= '`+x.pairsDay+
		`' EXCEPT SELECT DISTINCT actor_user_uid, api_operation FROM events WHERE source = 'cloudtrail' AND time < '`+x.pairsDay+`'`))
	run("join", sql(`SELECT f.srcaddr, count(*), sum(f.bytes) FROM vpcflow f JOIN (SELECT DISTINCT src_endpoint_ip AS ip FROM events WHERE source = 'cloudtrail' AND status_id = 2) c ON f.srcaddr = c.ip GROUP BY 1 ORDER BY 2 DESC LIMIT 20`))
	run("page", func(ctx context.Context) (int, error) { return x.page(ctx) })
}

// page asks what one search page of the console asks.
func (x *bench) page(ctx context.Context) (int, error) {
	f := ask.Filter{From: x.newest.Add(-24 * time.Hour)}
	hits, err := x.lake.Search(ctx, f, ask.Page{Limit: 50})
	if err != nil {
		return 0, err
	}
	if _, _, err := x.lake.Histogram(ctx, f, 60); err != nil {
		return 0, err
	}
	var fs []field.Field
	for _, n := range []string{"eventName", "api.service.name", "actor.user.uid", "src_endpoint.ip", "account", "region", "errorCode", "disposition"} {
		fd, _ := x.fields.Lookup(n)
		fs = append(fs, fd)
	}
	_, err = x.lake.Facets(ctx, f, fs, 10)
	return len(hits), err
}
