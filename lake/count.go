package lake

import (
	"context"
	"database/sql"
	"time"

	"github.com/yagura-sec/yagura/lake/plan"
	"github.com/yagura-sec/yagura/query/field"
)

// Bucket is a bar of a histogram.
type Bucket struct {
	Start  time.Time
	Counts map[string]int64 // by source
}

// Histogram counts events over time in at most about n bars of a round width.
// Bars without events are left out.
func (l *Lake) Histogram(ctx context.Context, f plan.Filter, n int) (width time.Duration, bars []Bucket, err error) {
	q, err := l.ask(ctx, f)
	if err != nil {
		return 0, nil, err
	}
	defer q.close()
	if f.From.IsZero() || f.To.IsZero() {
		var lo, hi sql.NullInt64
		if err := q.each(ctx, plan.Bounds(q.relations), func(r *sql.Rows) error { return r.Scan(&lo, &hi) }); err != nil {
			return 0, nil, err
		}
		if !lo.Valid {
			return 0, nil, nil
		}
		if f.From.IsZero() {
			f.From = time.UnixMicro(lo.Int64)
		}
		if f.To.IsZero() {
			f.To = time.UnixMicro(hi.Int64 + 1)
		}
	}
	width = barWidth(f.To.Sub(f.From), n)
	err = q.each(ctx, plan.Histogram(q.relations, width.Microseconds()), func(r *sql.Rows) error {
		var at, count int64
		var source string
		if err := r.Scan(&at, &source, &count); err != nil {
			return err
		}
		start := time.UnixMicro(at).UTC()
		if len(bars) == 0 || !bars[len(bars)-1].Start.Equal(start) {
			bars = append(bars, Bucket{Start: start, Counts: map[string]int64{}})
		}
		bars[len(bars)-1].Counts[source] += count
		return nil
	})
	return width, bars, err
}

var widths = []time.Duration{
	time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 7 * 24 * time.Hour, 28 * 24 * time.Hour,
}

// barWidth gives the smallest round width with which at most n bars fill the span.
func barWidth(span time.Duration, n int) time.Duration {
	for _, w := range widths {
		if span <= w*time.Duration(n) {
			return w
		}
	}
	last := widths[len(widths)-1]
	return last * (1 + span/(last*time.Duration(n)))
}

// Value is a value of a field with the number of events that have it.
type Value struct {
	Value string
	None  bool // stands for the events without a value
	Count int64
}

// Facets counts the most frequent values of the fields, in one pass; the
// number of events without a value comes last when there are any.
func (l *Lake) Facets(ctx context.Context, f plan.Filter, fields []field.Field, top int) ([][]Value, error) {
	q, err := l.ask(ctx, f)
	if err != nil {
		return nil, err
	}
	defer q.close()
	out := make([][]Value, len(fields))
	err = q.each(ctx, plan.Facets(q.relations, fields, top), func(r *sql.Rows) error {
		var i int
		var v sql.NullString
		var n int64
		if err := r.Scan(&i, &v, &n); err != nil {
			return err
		}
		out[i] = append(out[i], Value{Value: v.String, None: !v.Valid, Count: n})
		return nil
	})
	return out, err
}

// Statistics describes the values of one field.
type Statistics struct {
	Events, Present, Distinct int64
	Min, Max                  string
}

// Statistics describes a field over the events that pass the filter.
func (l *Lake) Statistics(ctx context.Context, f plan.Filter, fld field.Field) (s Statistics, err error) {
	q, err := l.ask(ctx, f)
	if err != nil {
		return s, err
	}
	defer q.close()
	err = q.each(ctx, plan.Statistics(q.relations, fld), func(r *sql.Rows) error {
		var lo, hi sql.NullString
		err := r.Scan(&s.Events, &s.Present, &s.Distinct, &lo, &hi)
		s.Min, s.Max = lo.String, hi.String
		return err
	})
	return s, err
}

// Cell is one hour of one source in one account and region.
type Cell struct {
	Source, Account, Region string
	Hour                    time.Time
	Events                  int64
	Skipped                 int64 // records that say that data were skipped
}

// Coverage counts events by source, account, region and hour, in this order.
// Hours without events are left out.
func (l *Lake) Coverage(ctx context.Context, f plan.Filter) ([]Cell, error) {
	q, err := l.ask(ctx, f)
	if err != nil {
		return nil, err
	}
	defer q.close()
	var out []Cell
	err = q.each(ctx, plan.Coverage(q.relations), func(r *sql.Rows) error {
		var c Cell
		var at int64
		if err := r.Scan(&c.Source, &c.Account, &c.Region, &at, &c.Events, &c.Skipped); err != nil {
			return err
		}
		c.Hour = time.UnixMicro(at).UTC()
		out = append(out, c)
		return nil
	})
	return out, err
}
