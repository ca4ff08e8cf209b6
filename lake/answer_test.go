package lake_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/source"
)

func filterOf(e query.Expr) ask.Filter { return ask.Filter{Where: e} }

func pageOf(n int) ask.Page { return ask.Page{Limit: n} }

func table(t testing.TB) field.Table {
	t.Helper()
	table, err := lake.Fields(source.Schemas(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// each runs a test on the fresh and the compacted lake.
func (o *oracle) each(t *testing.T, f func(t *testing.T, l *lake.Lake)) {
	t.Run("fresh", func(t *testing.T) { f(t, o.fresh) })
	t.Run("compacted", func(t *testing.T) { f(t, o.compacted) })
}

// passing gives the hits that pass.
func (o *oracle) passing(t testing.TB, f ask.Filter) []ask.Hit {
	want := o.expect(t, f)
	var out []ask.Hit
	for _, h := range o.hits {
		if want[place(&h)] {
			out = append(out, h)
		}
	}
	return out
}

func TestPagesVisitEveryEventOnceInOrder(t *testing.T) {
	o := newOracle(t)
	o.each(t, func(t *testing.T, l *lake.Lake) {
		for _, text := range []string{`*`, `eventName:GetObject`, `srcaddr:10.0.0.0/16`} {
			f := ask.Filter{Where: o.parse(t, text)}
			for _, oldest := range []bool{false, true} {
				want := keys(order(o.passing(t, f), oldest))
				for _, limit := range []int{7, 100, 1 << 20} {
					if limit == 7 && text == `*` {
						continue
					}
					var got []ask.Key
					page := ask.Page{Limit: limit, Oldest: oldest}
					for {
						hits, err := l.Search(t.Context(), f, page)
						if err != nil {
							t.Fatal(err)
						}
						if len(hits) > limit {
							t.Fatalf("a page of %d for %d", len(hits), limit)
						}
						if len(hits) == 0 {
							break
						}
						got = append(got, keys(hits)...)
						last := hits[len(hits)-1].Key()
						page.After = &last
					}
					if !slices.Equal(got, want) {
						t.Errorf("%s, oldest %v, %d a page: %d events, want %d, or another order", text, oldest, limit, len(got), len(want))
					}
				}
			}
			var scanned []ask.Key
			if err := l.Scan(t.Context(), f, func(h *ask.Hit) error {
				scanned = append(scanned, h.Key())
				if h.Event.Raw == "" {
					t.Errorf("%s: no raw record", h.ID())
				}
				return nil
			}); err != nil || !slices.Equal(scanned, keys(order(o.passing(t, f), true))) {
				t.Errorf("%s: scan gives %d events %v", text, len(scanned), err)
			}
		}
	})
}

func keys(hits []ask.Hit) []ask.Key {
	out := make([]ask.Key, len(hits))
	for i := range hits {
		out[i] = hits[i].Key()
	}
	return out
}

func TestAround(t *testing.T) {
	o := newOracle(t)
	f := ask.Filter{Where: o.parse(t, "awsRegion:us-east-1")}
	all := order(o.passing(t, f), true)
	o.each(t, func(t *testing.T, l *lake.Lake) {
		for i := 0; i < len(all); i += 17 {
			for _, n := range []int{1, 5, 40} {
				got, err := l.Around(t.Context(), f, all[i], n)
				if err != nil {
					t.Fatal(err)
				}
				before, after := all[max(0, i-n):i], all[i+1:min(len(all), i+1+n)]
				if len(got) != len(before)+len(after) {
					t.Fatalf("%d around %d: %d events, want %d", n, i, len(got), len(before)+len(after))
				}
				// Which events of the farthest instant come is left open; their times are not.
				for k, h := range got {
					want := slices.Concat(before, after)[k]
					if h.Event.Time != want.Event.Time || k > 0 && got[k-1].Key() == h.Key() {
						t.Errorf("%d around %d: at %d stands %s, want %s", n, i, k, h.Event.At(), want.Event.At())
					}
				}
				same := func(hits []ask.Hit) (out []ask.Key) {
					for _, h := range hits {
						if h.Event.Time == all[i].Event.Time {
							out = append(out, h.Key())
						}
					}
					return out
				}
				if !slices.Equal(same(got), same(slices.Concat(before, after))) {
					t.Errorf("%d around %d: other events of the same instant", n, i)
				}
			}
		}
	})
}

func TestEventByID(t *testing.T) {
	o := newOracle(t)
	o.each(t, func(t *testing.T, l *lake.Lake) {
		seen := map[string]int{}
		for i := range o.hits {
			h := &o.hits[i]
			if seen[h.Source]++; seen[h.Source] > 12 {
				continue
			}
			got, err := l.Event(t.Context(), h.ID())
			if err != nil {
				t.Errorf("%s: %v", h.ID(), err)
				continue
			}
			if i := slices.IndexFunc(got, func(g ask.Hit) bool { return place(&g) == place(h) }); i < 0 || got[i].Event.Raw != h.Event.Raw {
				t.Errorf("%s gives another event", h.ID())
			}
		}
		for _, id := range []string{"", "no such", "cloudtrail:zz:1", "vpcflow:1:1", "nosource:1:1", "a:b", "*", "?", `\`, "'"} {
			if hits, err := l.Event(t.Context(), id); !errors.Is(err, lake.ErrNotFound) {
				t.Errorf("event %q: %d hits, %v", id, len(hits), err)
			}
		}
	})
}

func TestSpan(t *testing.T) {
	o := newOracle(t)
	all := order(o.hits, true)
	o.each(t, func(t *testing.T, l *lake.Lake) {
		first, last, err := l.Span(t.Context())
		if err != nil || !first.Equal(all[0].Event.At()) || !last.Equal(all[len(all)-1].Event.At()) {
			t.Errorf("from %s to %s %v", first, last, err)
		}
	})
	if first, last, err := open(t, t.TempDir()).Span(t.Context()); err != nil || !first.IsZero() || !last.IsZero() {
		t.Errorf("an empty lake: %s %s %v", first, last, err)
	}
}

var groups = []string{`*`, `eventName:*`, `NOT eventName:*`, `sourceIPAddress:10.0.0.0/8`, `account:nobody`}

func TestHistogram(t *testing.T) {
	o := newOracle(t)
	o.each(t, func(t *testing.T, l *lake.Lake) {
		for _, text := range groups {
			f := ask.Filter{Where: o.parse(t, text), From: now.Add(-100 * time.Hour), To: now}
			for _, n := range []int{1, 10, 100} {
				width, bars, err := l.Histogram(t.Context(), f, n)
				if err != nil {
					t.Fatal(err)
				}
				want := map[string]int64{}
				for _, h := range o.passing(t, f) {
					start := h.Event.Time - h.Event.Time%width.Microseconds()
					want[fmt.Sprint(start, h.Source)]++
				}
				got := map[string]int64{}
				for i, b := range bars {
					if i > 0 && !b.Start.After(bars[i-1].Start) {
						t.Errorf("%s: bars out of order", text)
					}
					for s, c := range b.Counts {
						got[fmt.Sprint(b.Start.UnixMicro(), s)] += c
					}
				}
				if d := gocmp.Diff(want, got); d != "" || len(bars) > n+1 {
					t.Errorf("%s in %d bars of %s: %d bars\n%s", text, n, width, len(bars), d)
				}
			}
		}
	})
}

func TestFacets(t *testing.T) {
	o := newOracle(t)
	names := []string{"eventName", "account", "src_endpoint.ip", "http_response.code", "api.read_only", "actor.user.uid", "metadata.uid", "status_id", "requestParameters.bucketName"}
	var fields []field.Field
	for _, n := range names {
		f, ok := o.fields.Lookup(n)
		if !ok {
			t.Fatalf("no field %s", n)
		}
		f.Target.Leaf = ""
		fields = append(fields, f)
	}
	o.each(t, func(t *testing.T, l *lake.Lake) {
		for _, text := range groups {
			f := ask.Filter{Where: o.parse(t, text)}
			got, err := l.Facets(t.Context(), f, fields, 5)
			if err != nil {
				t.Fatal(err)
			}
			for i, fld := range fields {
				if d := gocmp.Diff(facet(o.passing(t, f), fld, 5), got[i]); d != "" {
					t.Errorf("%s by %s: %s", text, names[i], d)
				}
			}
		}
	})
}

// facet counts in memory.
func facet(hits []ask.Hit, f field.Field, top int) []ask.Value {
	counts := map[string]int64{}
	var none int64
	for i := range hits {
		// The engine takes a record with half a surrogate pair for no JSON.
		readable := f.Target.Path == "" || !strings.Contains(hits[i].Event.Raw, `\ud800`)
		if v := hits[i].Values(f.Target); len(v) > 0 && readable {
			counts[v[0]]++
		} else {
			none++
		}
	}
	var out []ask.Value
	for v, n := range counts {
		out = append(out, ask.Value{Value: v, Count: n})
	}
	slices.SortFunc(out, func(a, b ask.Value) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value)) })
	out = out[:min(top, len(out))]
	if none > 0 {
		out = append(out, ask.Value{None: true, Count: none})
	}
	return out
}

func TestStatistics(t *testing.T) {
	o := newOracle(t)
	o.each(t, func(t *testing.T, l *lake.Lake) {
		for _, name := range []string{"traffic.bytes", "api.operation", "dst_endpoint.port", "metadata.uid", "src_endpoint.ip"} {
			fld, _ := o.fields.Lookup(name)
			for _, text := range groups {
				f := ask.Filter{Where: o.parse(t, text)}
				got, err := l.Statistics(t.Context(), f, fld)
				if err != nil {
					t.Fatal(err)
				}
				hits := o.passing(t, f)
				want := ask.Statistics{Events: int64(len(hits))}
				values := map[string]bool{}
				less := func(a, b string) bool { return a < b }
				if fld.Kind == field.Int {
					less = func(a, b string) bool { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) < 0 }
				}
				for i := range hits {
					for _, v := range hits[i].Values(fld.Target) {
						if want.Present++; !values[v] {
							values[v] = true
							want.Distinct++
						}
						if want.Present == 1 || less(v, want.Min) {
							want.Min = v
						}
						if want.Present == 1 || less(want.Max, v) {
							want.Max = v
						}
					}
				}
				if d := gocmp.Diff(want, got); d != "" {
					t.Errorf("%s over %s: %s", name, text, d)
				}
			}
		}
	})
}

func TestCoverage(t *testing.T) {
	o := newOracle(t)
	o.each(t, func(t *testing.T, l *lake.Lake) {
		for _, text := range groups {
			f := ask.Filter{Where: o.parse(t, text)}
			got, err := l.Coverage(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			type key struct {
				source, account, region string
				hour                    time.Time
			}
			want := map[key]ask.Cell{}
			for _, h := range o.passing(t, f) {
				k := key{h.Source, h.Event.Account, h.Event.Region, h.Event.At().Truncate(time.Hour)}
				c := want[k]
				c.Source, c.Account, c.Region, c.Hour = k.source, k.account, k.region, k.hour
				c.Events++
				if h.Event.Traffic.Sampling == "SKIPDATA" {
					c.Skipped++
				}
				want[k] = c
			}
			have := map[key]ask.Cell{}
			for _, c := range got {
				have[key{c.Source, c.Account, c.Region, c.Hour}] = c
			}
			if d := gocmp.Diff(want, have, gocmp.AllowUnexported(key{})); d != "" || len(have) != len(got) {
				t.Errorf("%s: %.2000s", text, d)
			}
		}
	})
}

// HasKey is certain when it says no.
func TestHasKey(t *testing.T) {
	o := newOracle(t)
	o.each(t, func(t *testing.T, l *lake.Lake) {
		for key, want := range map[string]bool{"bucketName": true, "nested": true, "eventID": true, "noSuchKey": false, "bucket": false, "x*": false, `q"`: false, "": false} {
			if got, err := l.HasKey(t.Context(), key); err != nil || got != want && want {
				t.Errorf("key %q: %v %v", key, got, err)
			}
		}
	})
}
