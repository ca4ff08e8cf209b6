package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/query/match"
)

// ErrNotFound says that the lake has no such event or object.
var ErrNotFound = errors.New("not found in the lake")

// Event gives the event of an id as [ask.Hit.ID] writes it, with its raw record.
// Several events may share a source's id: all are given.
func (l *Lake) Event(ctx context.Context, id string) ([]ask.Hit, error) {
	f := ask.Filter{Where: equal("metadata_uid", id)}
	if source, object, record, ok := splitID(id); ok && l.schemas[source] != nil {
		f = ask.Filter{Sources: []string{source}, Where: query.And{Args: []query.Expr{
			number("object_id", object), number("record_no", record),
		}}}
	}
	hits, err := l.Search(ctx, f, ask.Page{Limit: 100, Raw: true})
	if err == nil && len(hits) == 0 {
		err = fmt.Errorf("event %q: %w", id, ErrNotFound)
	}
	return hits, err
}

func splitID(id string) (source string, object, record int64, ok bool) {
	parts := strings.Split(id, ":")
	if len(parts) != 3 {
		return "", 0, 0, false
	}
	object, err1 := strconv.ParseInt(parts[1], 16, 64)
	record, err2 := strconv.ParseInt(parts[2], 10, 64)
	return parts[0], object, record, err1 == nil && err2 == nil
}

func equal(column, value string) query.Expr {
	return query.Term{Field: column, Text: value, Target: field.Target{Columns: []string{column}}, Test: match.NewText(escapePattern(value), false)}
}

func number(column string, n int64) query.Expr {
	return query.Term{Field: column, Target: field.Target{Columns: []string{column}}, Kind: field.Int, Test: match.Ints{Low: n, High: n}}
}

func escapePattern(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(s)
}

// Around gives the n events before and the n events after a hit among those
// that pass the filter, oldest first, the hit itself left out. Events of one
// instant stand in the order of their objects and records.
func (l *Lake) Around(ctx context.Context, f ask.Filter, h ask.Hit, n int) ([]ask.Hit, error) {
	key := h.Key()
	out, err := l.sameInstant(ctx, f, key, n)
	if err != nil {
		return nil, err
	}
	earlier := f
	if at := time.UnixMicro(key.Time); earlier.To.IsZero() || earlier.To.After(at) {
		earlier.To = at
	}
	before, err := l.Search(ctx, earlier, ask.Page{Limit: n - len(out)})
	if err != nil {
		return nil, err
	}
	after, err := l.Search(ctx, f, ask.Page{Limit: n, After: &key, Oldest: true})
	if err != nil {
		return nil, err
	}
	out = slices.Concat(before, out, after)
	slices.SortFunc(out, func(a, b ask.Hit) int {
		x, y := a.Key(), b.Key()
		return cmp.Or(cmp.Compare(x.Time, y.Time), cmp.Compare(x.Object, y.Object), cmp.Compare(x.Record, y.Record))
	})
	return out, nil
}

// sameInstant gives the last n events of the key's instant that come before it.
func (l *Lake) sameInstant(ctx context.Context, f ask.Filter, key ask.Key, n int) ([]ask.Hit, error) {
	from := time.UnixMicro(key.Time)
	to := from.Add(time.Microsecond)
	if f.From.After(from) || !f.To.IsZero() && f.To.Before(to) {
		return nil, nil // the filter leaves the instant out
	}
	f.From, f.To = from, to
	var out []ask.Hit
	for page := (ask.Page{Limit: 1000, Oldest: true}); ; {
		hits, err := l.Search(ctx, f, page)
		if err != nil {
			return nil, err
		}
		for _, h := range hits {
			k := h.Key()
			if k.Object > key.Object || k.Object == key.Object && k.Record >= key.Record {
				return out[max(0, len(out)-n):], nil
			}
			out = append(out, h)
		}
		if len(hits) < page.Limit {
			return out[max(0, len(out)-n):], nil
		}
		out = slices.Clone(out[max(0, len(out)-n):])
		last := hits[len(hits)-1].Key()
		page.After = &last
	}
}

// HasKey says whether any raw record may have the JSON key: false is certain.
func (l *Lake) HasKey(ctx context.Context, key string) (bool, error) {
	e := query.Term{Text: key, Test: match.NewWords(escapePattern(`"` + key + `"`))}
	for _, s := range l.cfg.Schemas {
		if s.Raw != ocsf.RawJSON {
			continue
		}
		hits, err := l.Search(ctx, ask.Filter{Sources: []string{s.Source}, Where: e}, ask.Page{Limit: 1})
		if err != nil || len(hits) > 0 {
			return len(hits) > 0, err
		}
	}
	return false, nil
}

// Span gives the first and last event time of the lake; zero when it is empty.
func (l *Lake) Span(ctx context.Context) (first, last time.Time, err error) {
	ok, err := l.ready(ctx)
	if err != nil || !ok {
		return first, last, err
	}
	files, err := l.cat.Files(ctx, "")
	for _, f := range files {
		if lo := time.UnixMicro(f.First).UTC(); first.IsZero() || lo.Before(first) {
			first = lo
		}
		if hi := time.UnixMicro(f.Last).UTC(); hi.After(last) {
			last = hi
		}
	}
	return first, last, err
}

// Object gives the object of an id, as it stands in an event's provenance.
func (l *Lake) Object(ctx context.Context, id int64) (Object, error) {
	ok, err := l.ready(ctx)
	if err != nil || !ok {
		return Object{}, errors.Join(err, ErrNotFound)
	}
	o, found, err := l.cat.ObjectByID(ctx, id)
	if err == nil && !found {
		err = fmt.Errorf("object %x: %w", id, ErrNotFound)
	}
	return o, err
}

// Objects calls f with every object, by bucket and key.
func (l *Lake) Objects(ctx context.Context, f func(Object) error) error {
	ok, err := l.ready(ctx)
	if err != nil || !ok {
		return err
	}
	return l.cat.Objects(ctx, f)
}

// Quarantine lists records that could not be read, the latest first.
func (l *Lake) Quarantine(ctx context.Context, limit int) ([]ask.Quarantined, error) {
	ok, err := l.ready(ctx)
	if err != nil || !ok {
		return nil, err
	}
	all, err := l.cat.Quarantine(ctx, limit)
	out := make([]ask.Quarantined, len(all))
	for i, q := range all {
		out[i] = ask.Quarantined(q)
	}
	return out, err
}
