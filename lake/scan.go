package lake

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/lake/internal/catalog"
	"github.com/yagura-sec/yagura/ocsf"
)

// scanRows is about how many rows a scan holds at a time.
const scanRows = 50_000

// Scan calls visit with every event that passes the filter, oldest first, with
// its raw record: for export and for detectors that look back. The hit is valid
// only during the call.
func (l *Lake) Scan(ctx context.Context, f ask.Filter, visit func(*ask.Hit) error) error {
	ok, err := l.ready(ctx)
	if err != nil || !ok {
		return err
	}
	files, err := l.cat.Files(ctx, "")
	if err != nil {
		return err
	}
	for _, span := range spans(f, files) {
		if err := l.scanSpan(ctx, span, files, visit); err != nil {
			return err
		}
	}
	return nil
}

// spans cuts the filter's time so that each span has a bearable number of rows.
func spans(f ask.Filter, files []catalog.File) []ask.Filter {
	rows := map[int64]int64{} // by day
	for _, c := range files {
		if overlaps(c, f) && (len(f.Sources) == 0 || slices.Contains(f.Sources, c.Source)) {
			rows[floorDay(c.First)] += c.Rows
		}
	}
	days := make([]int64, 0, len(rows))
	for d := range rows {
		days = append(days, d)
	}
	slices.Sort(days)
	var out []ask.Filter
	for _, d := range days {
		step := usPerDay / (1 + rows[d]/scanRows)
		for from := d; from < d+usPerDay; from += step {
			s := f
			s.From, s.To = later(f.From, from), earlier(f.To, min(from+step, d+usPerDay))
			if s.From.Before(s.To) {
				out = append(out, s)
			}
		}
	}
	return out
}

func floorDay(t int64) int64 { return t - (t%usPerDay+usPerDay)%usPerDay }

func later(t time.Time, us int64) time.Time {
	if at := time.UnixMicro(us); t.IsZero() || at.After(t) {
		return at
	}
	return t
}

func earlier(t time.Time, us int64) time.Time {
	if at := time.UnixMicro(us); t.IsZero() || at.Before(t) {
		return at
	}
	return t
}

// stream is the ordered rows of one source.
type stream struct {
	schema *ocsf.Schema
	rows   *sql.Rows
	hit    ask.Hit
	live   bool
}

func (s *stream) next() error {
	if s.live = s.rows.Next(); !s.live {
		return s.rows.Err()
	}
	var row int64
	s.hit.Source = s.schema.Source
	return scanEvent(s.rows, s.schema, &row, &s.hit.Event, true)
}

// scanSpan merges the sources' rows of one span.
func (l *Lake) scanSpan(ctx context.Context, f ask.Filter, files []catalog.File, visit func(*ask.Hit) error) error {
	q, err := l.questionOn(f, files)
	if err != nil {
		return err
	}
	defer q.close()
	var streams []*stream
	for source, text := range q.set.All(true) {
		rows, err := l.db.Query(ctx, text)
		if err != nil {
			return err
		}
		defer rows.Close()
		s := &stream{schema: l.schemas[source], rows: rows}
		if err := s.next(); err != nil {
			return err
		}
		streams = append(streams, s)
	}
	for {
		var first *stream
		for _, s := range streams {
			if s.live && (first == nil || before(s.hit.Key(), first.hit.Key())) {
				first = s
			}
		}
		if first == nil {
			return nil
		}
		if err := visit(&first.hit); err != nil {
			return err
		}
		if err := first.next(); err != nil {
			return err
		}
	}
}

func before(a, b ask.Key) bool {
	switch {
	case a.Time != b.Time:
		return a.Time < b.Time
	case a.Object != b.Object:
		return a.Object < b.Object
	}
	return a.Record < b.Record
}
