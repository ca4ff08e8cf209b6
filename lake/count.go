package lake

import (
	"context"
	"database/sql"
	"time"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/query/field"
)

// Histogram counts events over time in at most about n bars of a round width.
// Bars without events are left out.
func (l *Lake) Histogram(ctx context.Context, f ask.Filter, n int) (width time.Duration, bars []ask.Bucket, err error) {
	if everything(f.Where) {
		if width, bars, err = l.hourly(ctx, f, n); err != nil || bars != nil {
			return width, bars, err
		}
	}
	q, err := l.question(ctx, f)
	if err != nil {
		return 0, nil, err
	}
	defer q.close()
	if f.From.IsZero() || f.To.IsZero() {
		var lo, hi sql.NullInt64
		if err := q.each(ctx, q.set.Bounds(), func(r *sql.Rows) error { return r.Scan(&lo, &hi) }); err != nil {
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
	err = q.each(ctx, q.set.Histogram(width.Microseconds()), func(r *sql.Rows) error {
		var at, count int64
		var source string
		if err := r.Scan(&at, &source, &count); err != nil {
			return err
		}
		start := time.UnixMicro(at).UTC()
		if len(bars) == 0 || !bars[len(bars)-1].Start.Equal(start) {
			bars = append(bars, ask.Bucket{Start: start, Counts: map[string]int64{}})
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

// Facets counts the most frequent values of the fields, in one pass; the
// number of events without a value comes last when there are any.
func (l *Lake) Facets(ctx context.Context, f ask.Filter, fields []field.Field, top int) ([][]ask.Value, error) {
	q, err := l.question(ctx, f)
	if err != nil {
		return nil, err
	}
	defer q.close()
	out := make([][]ask.Value, len(fields))
	err = q.each(ctx, q.set.Facets(fields, top), func(r *sql.Rows) error {
		var i int
		var v sql.NullString
		var n int64
		if err := r.Scan(&i, &v, &n); err != nil {
			return err
		}
		out[i] = append(out[i], ask.Value{Value: v.String, None: !v.Valid, Count: n})
		return nil
	})
	return out, err
}

// Statistics describes a field over the events that pass the filter.
func (l *Lake) Statistics(ctx context.Context, f ask.Filter, fld field.Field) (s ask.Statistics, err error) {
	q, err := l.question(ctx, f)
	if err != nil {
		return s, err
	}
	defer q.close()
	err = q.each(ctx, q.set.Statistics(fld), func(r *sql.Rows) error {
		var lo, hi sql.NullString
		err := r.Scan(&s.Events, &s.Present, &s.Distinct, &lo, &hi)
		s.Min, s.Max = lo.String, hi.String
		return err
	})
	return s, err
}
