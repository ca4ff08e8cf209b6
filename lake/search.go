package lake

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/lake/internal/catalog"
	"github.com/yagura-sec/yagura/lake/internal/table"
	"github.com/yagura-sec/yagura/lake/internal/words"
	"github.com/yagura-sec/yagura/ocsf"
)

// serial numbers the questions of this process, to name their matchers.
var serial atomic.Int64

// question is a filter compiled against the files of one moment.
type question struct {
	lake     *Lake
	set      ask.Set
	matchers []ask.Matcher
	files    map[string][]ask.File // by source
	exact    bool                  // of every file the exact rows are known
}

// question compiles a filter. The question must be closed.
func (l *Lake) question(ctx context.Context, f ask.Filter) (*question, error) {
	q := &question{lake: l}
	ok, err := l.ready(ctx)
	if err != nil || !ok {
		return q, err
	}
	files, err := l.cat.Files(ctx, "")
	if err != nil {
		return nil, err
	}
	return l.questionOn(f, files)
}

// questionOn compiles a filter against the given files.
func (l *Lake) questionOn(f ask.Filter, files []catalog.File) (*question, error) {
	in, _, err := l.prepare(f, files)
	if err != nil {
		return nil, err
	}
	return l.compile(f, in)
}

// prepare gives the files that can matter, by source, and the number of rows
// in them to look at.
func (l *Lake) prepare(f ask.Filter, files []catalog.File) (in map[string][]ask.File, rows int64, err error) {
	in = map[string][]ask.File{}
	for _, s := range l.cfg.Schemas {
		if len(f.Sources) > 0 && !slices.Contains(f.Sources, s.Source) {
			continue
		}
		list, n, err := l.candidates(s, f, files)
		if err != nil {
			return nil, 0, err
		}
		in[s.Source] = list
		rows += n
	}
	return in, rows, nil
}

// compile makes the question about prepared files.
func (l *Lake) compile(f ask.Filter, files map[string][]ask.File) (*question, error) {
	q := &question{lake: l, files: map[string][]ask.File{}, exact: true}
	prefix := fmt.Sprintf("q%d.", serial.Add(1))
	for _, s := range l.cfg.Schemas {
		in, err := l.resolve(s, f, files[s.Source])
		if err != nil {
			return nil, err
		}
		if len(in) == 0 {
			continue
		}
		q.files[s.Source] = in
		q.exact = q.exact && !slices.ContainsFunc(in, func(f ask.File) bool { return !f.Exact })
		ms, err := q.set.Add(s, in, f, prefix)
		if err != nil {
			return nil, err
		}
		q.matchers = append(q.matchers, ms...)
	}
	for _, m := range q.matchers {
		l.db.Match(m.Name, m.Match)
	}
	return q, nil
}

func (q *question) close() {
	for _, m := range q.matchers {
		q.lake.db.Unmatch(m.Name)
	}
}

// candidates gives the files of a source that can hold matching rows, by time
// and by the words in their sidecars, and the number of rows to look at.
func (l *Lake) candidates(s *ocsf.Schema, f ask.Filter, files []catalog.File) (out []ask.File, rows int64, err error) {
	pieces, some := ask.Pieces(s, f)
	if some && len(pieces) == 0 {
		return nil, 0, nil
	}
	var keys [][]uint64
	for _, alt := range pieces {
		var all []uint64
		for _, p := range alt {
			if p.Whole {
				all = append(all, words.Keys(p.Text)...)
			} else {
				all = append(all, words.InnerKeys(p.Text)...)
			}
		}
		if len(all) == 0 {
			some = false
		}
		keys = append(keys, all)
	}
	for _, c := range files {
		if c.Source != s.Source || !overlaps(c, f) {
			continue
		}
		file := ask.File{Path: l.path(c.Name)}
		if some && c.Words > 0 {
			blocks, err := words.Blocks(wordsPath(file.Path), keys)
			if err != nil {
				return nil, 0, fmt.Errorf("%w; run `yagura lake check --repair`", err)
			}
			if len(blocks) == 0 {
				continue
			}
			file.Ranges = ranges(blocks, c.Rows)
		}
		n := c.Rows
		if len(file.Ranges) > 0 {
			n = 0
			for _, g := range file.Ranges {
				n += g[1] - g[0]
			}
		}
		rows += n
		out = append(out, file)
	}
	return out, rows, nil
}

func overlaps(c catalog.File, f ask.Filter) bool {
	from, to := f.Bounds()
	return c.Last >= from && c.First < to
}

// ranges joins neighbouring blocks; none when most of the file is named.
func ranges(blocks []int, rows int64) [][2]int64 {
	if int64(len(blocks))*words.BlockRows*2 > rows && rows > 4*words.BlockRows || len(blocks) > 256 {
		return nil
	}
	var out [][2]int64
	for _, b := range blocks {
		from, to := int64(b)*words.BlockRows, min(int64(b+1)*words.BlockRows, rows)
		if n := len(out); n > 0 && out[n-1][1] == from {
			out[n-1][1] = to
			continue
		}
		out = append(out, [2]int64{from, to})
	}
	return out
}

// Count counts the events that pass the filter.
func (l *Lake) Count(ctx context.Context, f ask.Filter) (int64, error) {
	whole, cut, err := l.split(ctx, f)
	if err != nil {
		return 0, err
	}
	var n int64
	for _, c := range whole {
		n += c.Rows
	}
	q, err := l.questionOn(f, cut)
	if err != nil {
		return 0, err
	}
	defer q.close()
	if q.exact {
		for _, files := range q.files {
			for _, f := range files {
				n += int64(len(f.Rows))
			}
		}
		return n, nil
	}
	var some int64
	err = q.each(ctx, q.set.Count(), func(rows *sql.Rows) error { return rows.Scan(&some) })
	return n + some, err
}

// each runs a statement and calls f for every row; an empty statement has no rows.
func (q *question) each(ctx context.Context, text string, f func(*sql.Rows) error) error {
	if text == "" {
		return nil
	}
	rows, err := q.lake.db.Query(ctx, text)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Search gives events that pass the filter in order of time.
func (l *Lake) Search(ctx context.Context, f ask.Filter, p ask.Page) ([]ask.Hit, error) {
	ok, err := l.ready(ctx)
	if err != nil || !ok {
		return nil, err
	}
	files, err := l.cat.Files(ctx, "")
	if err != nil {
		return nil, err
	}
	if p.After != nil {
		at := time.UnixMicro(p.After.Time)
		if p.Oldest && (f.From.IsZero() || f.From.Before(at)) {
			f.From = at
		}
		if to := at.Add(time.Microsecond); !p.Oldest && (f.To.IsZero() || f.To.After(to)) {
			f.To = to
		}
	}
	// What the sidecars leave may be so little that cutting it into windows
	// would only cost time.
	in, rows, err := l.prepare(f, files)
	if err != nil {
		return nil, err
	}
	if rows <= fewRows {
		q, err := l.compile(f, in)
		if err != nil {
			return nil, err
		}
		return q.search(ctx, p, p.Limit)
	}
	var hits []ask.Hit
	for _, window := range l.windows(f, files, p.Oldest) {
		q, err := l.questionOn(window, files)
		if err != nil {
			return nil, err
		}
		more, err := q.search(ctx, p, p.Limit-len(hits))
		if err != nil {
			return nil, err
		}
		hits = append(hits, more...)
		if len(hits) >= p.Limit {
			break
		}
	}
	return hits, nil
}

// fewRows is a number of candidate rows that are as well searched at once.
const fewRows = 200_000

// windows cuts the filter's time into spans to be searched one after the
// other, so that the common case reads only the newest days. Each span is
// about twice as long as the one before.
func (l *Lake) windows(f ask.Filter, files []catalog.File, oldest bool) []ask.Filter {
	var lo, hi int64
	found := false
	for _, c := range files {
		if overlaps(c, f) && (len(f.Sources) == 0 || slices.Contains(f.Sources, c.Source)) {
			if !found || c.First < lo {
				lo = c.First
			}
			if !found || c.Last >= hi {
				hi = c.Last + 1
			}
			found = true
		}
	}
	if !found {
		return nil
	}
	from, to := f.Bounds()
	lo, hi = max(lo, from), min(hi, to)
	var out []ask.Filter
	add := func(from, to int64) {
		w := f
		w.From, w.To = time.UnixMicro(from), time.UnixMicro(to)
		out = append(out, w)
	}
	floor := floorDay
	for step := usPerDay; lo < hi; step *= 2 {
		if oldest {
			to := min(hi, floor(lo)+step)
			add(lo, to)
			lo = to
			continue
		}
		from := max(lo, floor(hi-1)+usPerDay-step)
		add(from, hi)
		hi = from
	}
	return out
}

type place struct {
	source, path string
	row          int64
}

// search gives at most limit events of the page.
func (q *question) search(ctx context.Context, p ask.Page, limit int) ([]ask.Hit, error) {
	defer q.close()
	if q.exact {
		return q.fetch(q.places(p, limit), p.Raw)
	}
	var places []place
	err := q.each(ctx, q.set.Keys(p.Oldest, p.After, limit), func(rows *sql.Rows) error {
		var at place
		var t, object, record int64
		if err := rows.Scan(&at.source, &at.path, &at.row, &t, &object, &record); err != nil {
			return err
		}
		places = append(places, at)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return q.fetch(places, p.Raw)
}

// places puts exact rows in order, as Set.Keys does.
func (q *question) places(p ask.Page, limit int) []place {
	type row struct {
		place
		key ask.Key
	}
	order := func(a, b ask.Key) int {
		byTime := cmp.Compare(b.Time, a.Time)
		if p.Oldest {
			byTime = -byTime
		}
		return cmp.Or(byTime, cmp.Compare(a.Object, b.Object), cmp.Compare(a.Record, b.Record))
	}
	var rows []row
	for source, files := range q.files {
		for _, f := range files {
			for i, k := range f.Keys {
				if p.After == nil || order(k, *p.After) > 0 {
					rows = append(rows, row{place{source, f.Path, f.Rows[i]}, k})
				}
			}
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return order(a.key, b.key) })
	out := make([]place, min(limit, len(rows)))
	for i := range out {
		out[i] = rows[i].place
	}
	return out
}

// fetch reads the events at the places, in their order.
func (q *question) fetch(places []place, raw bool) ([]ask.Hit, error) {
	type file struct{ source, path string }
	byFile := map[file][]int64{}
	order := map[place]int{}
	for i, p := range places {
		k := file{p.source, p.path}
		byFile[k] = append(byFile[k], p.row)
		order[p] = i
	}
	hits := make([]ask.Hit, len(places))
	var work []func() error
	for k, rows := range byFile {
		work = append(work, func() error {
			slices.Sort(rows)
			schema := q.lake.schemas[k.source]
			var names []string
			if !raw {
				names = slices.DeleteFunc(schema.Names(), func(n string) bool { return n == "raw_data" })
			}
			return q.lake.read(k.path, func(r *table.Reader) error {
				b, err := r.RowsAt(schema, rows, names...)
				if err != nil {
					return err
				}
				for i, row := range rows {
					h := &hits[order[place{k.source, k.path, row}]]
					h.Source = k.source
					b.Event(i, &h.Event)
				}
				return nil
			})
		})
	}
	return hits, parallel(q.lake.cfg.Threads, work)
}

// scanEvent reads what ask.Rows selects.
func scanEvent(rows *sql.Rows, schema *ocsf.Schema, row *int64, ev *ocsf.Event, raw bool) error {
	ev.Reset()
	names := schema.Names()
	dest := make([]any, 1, len(names)+1)
	dest[0] = row
	texts := make([]sql.NullString, len(names))
	nums := make([]sql.NullInt64, len(names))
	flags := make([]sql.NullBool, len(names))
	for i, n := range names {
		switch ocsf.Lookup(n).Kind {
		case ocsf.Int, ocsf.Time:
			dest = append(dest, &nums[i])
		case ocsf.Bool:
			dest = append(dest, &flags[i])
		default:
			dest = append(dest, &texts[i])
		}
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	for i, n := range names {
		switch c := ocsf.Lookup(n); {
		case c.Num != nil && nums[i].Valid:
			*c.Num(ev) = nums[i].Int64
		case c.Tri != nil && flags[i].Valid:
			*c.Tri(ev) = ocsf.TriOf(flags[i].Bool)
		case c.Str != nil && texts[i].Valid:
			*c.Str(ev) = texts[i].String
		case c.List != nil && texts[i].Valid && texts[i].String != "[]":
			if err := json.Unmarshal([]byte(texts[i].String), c.List(ev)); err != nil {
				return fmt.Errorf("column %s: %w", n, err)
			}
		}
	}
	if raw && ev.Raw == "" && schema.Rebuild != nil {
		ev.Rebuildable = true
		ev.Raw = schema.Rebuild(ev)
	}
	if raw && schema.Reread != nil {
		schema.Reread(ev)
	}
	return nil
}
