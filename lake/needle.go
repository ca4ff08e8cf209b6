package lake

import (
	"container/list"
	"errors"
	"slices"
	"sync"
	"unsafe"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/lake/internal/table"
	"github.com/yagura-sec/yagura/ocsf"
)

// needleRows bounds the rows that resolve looks at in all files, and
// needleHits those that may pass in one.
const (
	needleRows = 150_000
	needleHits = 4_000
)

// resolve finds the exact rows in files of which the sidecars leave only a few
// ranges: it reads just the pages that hold them, where the engine would read
// its way to them through the whole row group. Other files stay as they are.
func (l *Lake) resolve(s *ocsf.Schema, f ask.Filter, files []ask.File) ([]ask.File, error) {
	alts, some := ask.Pieces(s, f)
	if !some {
		return files, nil
	}
	var rows int64
	for _, file := range files {
		for _, g := range file.Ranges {
			rows += g[1] - g[0]
		}
	}
	if rows > needleRows {
		return files, nil
	}
	out := slices.Clone(files)
	var work []func() error
	for i := range out {
		if len(out[i].Ranges) > 0 {
			work = append(work, func() error { return l.resolveFile(s, f, alts, &out[i]) })
		}
	}
	if err := parallel(l.cfg.Threads, work); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(out, func(f ask.File) bool { return f.Exact && len(f.Rows) == 0 }), nil
}

func (l *Lake) resolveFile(s *ocsf.Schema, f ask.Filter, alts [][]ask.Piece, file *ask.File) error {
	return l.read(file.Path, func(r *table.Reader) error {
		var maybe []int64
		for _, g := range file.Ranges {
			if err := r.Raw(g[0], g[1], func(row int64, raw []byte) {
				if holds(alts, unsafe.String(unsafe.SliceData(raw), len(raw))) {
					maybe = append(maybe, row)
				}
			}); err != nil {
				return err
			}
		}
		if len(maybe) > needleHits {
			return nil // many hits: the engine is as good
		}
		b, err := r.RowsAt(s, maybe, f.Needs(s)...)
		if err != nil {
			return err
		}
		file.Exact = true
		for i, row := range maybe {
			h := ask.Hit{Source: s.Source}
			b.Event(i, &h.Event)
			ok, err := f.Passes(s, &h)
			if err != nil {
				return err
			}
			if ok {
				file.Rows, file.Keys = append(file.Rows, row), append(file.Keys, h.Key())
			}
		}
		return nil
	})
}

func holds(alts [][]ask.Piece, raw string) bool {
	return slices.ContainsFunc(alts, func(all []ask.Piece) bool {
		return !slices.ContainsFunc(all, func(p ask.Piece) bool { return !p.In(raw) })
	})
}

// parallel does all the work with n goroutines.
func parallel(n int, work []func() error) error {
	next := make(chan func() error)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for f := range next {
				if errs[i] == nil {
					errs[i] = f()
				}
			}
		})
	}
	for _, f := range work {
		next <- f
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}

// readers keeps files open that were read lately: their footers need not be
// parsed again. Files never change, so a kept one is never stale.
type readers struct {
	mu   sync.Mutex
	open map[string]*list.Element
	used list.List // of *openFile, most recently used first
}

type openFile struct {
	path   string
	reader *table.Reader
	users  int
	gone   bool // dropped from the list: close after the last use
}

const keptReaders = 128

// read calls f with an open reader of the file.
func (l *Lake) read(path string, f func(*table.Reader) error) error {
	o, err := l.readers.take(path)
	if err != nil {
		return err
	}
	defer l.readers.put(o)
	return f(o.reader)
}

func (rs *readers) take(path string) (*openFile, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if e, ok := rs.open[path]; ok {
		rs.used.MoveToFront(e)
		o := e.Value.(*openFile)
		o.users++
		return o, nil
	}
	r, err := table.Open(path)
	if err != nil {
		return nil, err
	}
	if rs.open == nil {
		rs.open = map[string]*list.Element{}
	}
	o := &openFile{path: path, reader: r, users: 1}
	rs.open[path] = rs.used.PushFront(o)
	for rs.used.Len() > keptReaders {
		rs.drop(rs.used.Back())
	}
	return o, nil
}

func (rs *readers) drop(e *list.Element) {
	o := rs.used.Remove(e).(*openFile)
	delete(rs.open, o.path)
	o.gone = true
	if o.users == 0 {
		o.reader.Close()
	}
}

func (rs *readers) put(o *openFile) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if o.users--; o.gone && o.users == 0 {
		o.reader.Close()
	}
}

// close closes all files that nobody uses.
func (rs *readers) close() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for rs.used.Len() > 0 {
		rs.drop(rs.used.Back())
	}
}
