package lake

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"sync"
	"time"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/lake/internal/catalog"
	"github.com/yagura-sec/yagura/query"
)

// hours remembers how many events of each account and region a file has in
// each hour: files never change, and overviews of everything ask for it again
// and again.
type hours struct {
	mu     sync.Mutex
	byPath map[string][]ask.Cell
	held   int
}

// maxCells bounds the memory of hours to about 100 MB.
const maxCells = 1 << 20

// everything says that an expression passes every event.
func everything(e query.Expr) bool {
	and, ok := e.(query.And)
	return e == nil || ok && len(and.Args) == 0
}

// Coverage counts events by source, account, region and hour, in this order.
// Hours without events are left out.
func (l *Lake) Coverage(ctx context.Context, f ask.Filter) ([]ask.Cell, error) {
	whole, cut, err := l.split(ctx, f)
	if err != nil {
		return nil, err
	}
	cells, err := l.cells(ctx, whole)
	if err != nil {
		return nil, err
	}
	q, err := l.questionOn(f, cut)
	if err != nil {
		return nil, err
	}
	defer q.close()
	if err := q.coverage(ctx, func(_ string, c ask.Cell) { cells = append(cells, c) }); err != nil {
		return nil, err
	}
	return merge(cells), nil
}

// split parts the files that can matter: those of which every event passes,
// and the others.
func (l *Lake) split(ctx context.Context, f ask.Filter) (whole, cut []catalog.File, err error) {
	ok, err := l.ready(ctx)
	if err != nil || !ok {
		return nil, nil, err
	}
	files, err := l.cat.Files(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	from, to := f.Bounds()
	for _, c := range files {
		if !overlaps(c, f) || len(f.Sources) > 0 && !slices.Contains(f.Sources, c.Source) || l.schemas[c.Source] == nil {
			continue
		}
		if everything(f.Where) && c.First >= from && c.Last < to {
			whole = append(whole, c)
		} else {
			cut = append(cut, c)
		}
	}
	return whole, cut, nil
}

// cells gives the cells of whole files, from memory where they are known.
func (l *Lake) cells(ctx context.Context, files []catalog.File) ([]ask.Cell, error) {
	var out []ask.Cell
	var unknown []catalog.File
	l.hours.mu.Lock()
	for _, c := range files {
		if cells, ok := l.hours.byPath[l.path(c.Name)]; ok {
			out = append(out, cells...)
		} else {
			unknown = append(unknown, c)
		}
	}
	l.hours.mu.Unlock()
	if len(unknown) == 0 {
		return out, nil
	}
	q, err := l.questionOn(ask.Filter{}, unknown)
	if err != nil {
		return nil, err
	}
	defer q.close()
	found := map[string][]ask.Cell{}
	if err := q.coverage(ctx, func(path string, c ask.Cell) {
		found[path] = append(found[path], c)
		out = append(out, c)
	}); err != nil {
		return nil, err
	}
	l.hours.keep(found)
	return out, nil
}

func (h *hours) keep(found map[string][]ask.Cell) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held > maxCells || h.byPath == nil {
		h.byPath, h.held = map[string][]ask.Cell{}, 0
	}
	for path, cells := range found {
		h.byPath[path] = cells
		h.held += len(cells)
	}
}

// coverage calls f with every cell and its file.
func (q *question) coverage(ctx context.Context, f func(path string, c ask.Cell)) error {
	return q.each(ctx, q.set.Coverage(), func(r *sql.Rows) error {
		var c ask.Cell
		var path string
		var at int64
		if err := r.Scan(&path, &c.Source, &c.Account, &c.Region, &at, &c.Events, &c.Skipped); err != nil {
			return err
		}
		c.Hour = time.UnixMicro(at).UTC()
		f(path, c)
		return nil
	})
}

// merge adds up cells of one place and hour and sorts them.
func merge(cells []ask.Cell) []ask.Cell {
	slices.SortFunc(cells, func(a, b ask.Cell) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), a.Hour.Compare(b.Hour))
	})
	out := cells[:0]
	for _, c := range cells {
		if n := len(out); n > 0 && out[n-1].Source == c.Source && out[n-1].Account == c.Account && out[n-1].Region == c.Region && out[n-1].Hour.Equal(c.Hour) {
			out[n-1].Events += c.Events
			out[n-1].Skipped += c.Skipped
			continue
		}
		out = append(out, c)
	}
	return out
}

// hourly is the histogram of everything, from hours; no bars when it has none
// to give or bars of less than an hour are due.
func (l *Lake) hourly(ctx context.Context, f ask.Filter, n int) (width time.Duration, bars []ask.Bucket, err error) {
	whole, cut, err := l.split(ctx, f)
	if err != nil || len(whole)+len(cut) == 0 {
		return 0, nil, err
	}
	if len(cut) == 0 { // the range may be open: the files know its ends
		first, last := whole[0].First, whole[0].Last
		for _, c := range whole {
			first, last = min(first, c.First), max(last, c.Last)
		}
		if f.From.IsZero() {
			f.From = time.UnixMicro(first)
		}
		if f.To.IsZero() {
			f.To = time.UnixMicro(last + 1)
		}
	}
	if f.From.IsZero() || f.To.IsZero() {
		return 0, nil, nil
	}
	if width = barWidth(f.To.Sub(f.From), n); width < time.Hour {
		return 0, nil, nil
	}
	cells, err := l.Coverage(ctx, f)
	if err != nil {
		return 0, nil, err
	}
	return width, barsOf(cells, width), nil
}

func barsOf(cells []ask.Cell, width time.Duration) []ask.Bucket {
	byStart := map[int64]map[string]int64{}
	for _, c := range cells {
		at := c.Hour.UnixMicro()
		start := at - at%width.Microseconds()
		if byStart[start] == nil {
			byStart[start] = map[string]int64{}
		}
		byStart[start][c.Source] += c.Events
	}
	var out []ask.Bucket
	for start, counts := range byStart {
		out = append(out, ask.Bucket{Start: time.UnixMicro(start).UTC(), Counts: counts})
	}
	slices.SortFunc(out, func(a, b ask.Bucket) int { return a.Start.Compare(b.Start) })
	return out
}
