package table

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"

	"github.com/yagura-sec/yagura/ocsf"
)

// Reader reads a file that [Create] made, of this or an older schema version:
// columns that the file lacks are absent.
type Reader struct {
	f     *os.File
	pq    *parquet.File
	index map[string]int
}

// Open opens a file.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	pq, err := parquet.OpenFile(f, st.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: not a readable Parquet file: %w", path, err)
	}
	r := &Reader{f: f, pq: pq, index: map[string]int{}}
	for _, p := range pq.Schema().Columns() {
		leaf, _ := pq.Schema().Lookup(p...)
		r.index[p[0]] = leaf.ColumnIndex
	}
	return r, nil
}

// Rows counts the rows of the file.
func (r *Reader) Rows() int64 { return r.pq.NumRows() }

// Close releases the file.
func (r *Reader) Close() error { return r.f.Close() }

// AppendTo appends all rows to b, whose schema is the file's.
func (r *Reader) AppendTo(b *Builder) error {
	for _, rg := range r.pq.RowGroups() {
		for i := range b.cols {
			if err := r.appendColumn(rg, &b.cols[i], b); err != nil {
				return fmt.Errorf("%s: column %s: %w", r.f.Name(), b.cols[i].meta.Name, err)
			}
		}
		b.rows += int(rg.NumRows())
	}
	return nil
}

func (r *Reader) appendColumn(rg parquet.RowGroup, c *column, b *Builder) error {
	before := len(c.text)
	defer func() { b.bytes += len(c.text) - before }()
	rows := int(rg.NumRows())
	at, ok := r.index[c.meta.Name]
	if !ok {
		c.absent(rows)
		return nil
	}
	chunks := rg.ColumnChunks()
	if c.meta.Kind == ocsf.Texts {
		return appendLists(chunks[at], c)
	}
	if err := each(chunks[at], c.adder()); err != nil || c.meta.Kind != ocsf.ID {
		return err
	}
	b.bytes += 17 * rows
	return each(chunks[r.index[c.meta.Name+textSuffix]], c.addText)
}

// absent appends n rows without a value.
func (c *column) absent(n int) {
	for range n {
		switch c.meta.Kind {
		case ocsf.Int, ocsf.Time:
			c.nums = append(c.nums, ocsf.Null)
		case ocsf.Bool:
			c.tris = append(c.tris, byte(ocsf.Unknown))
		case ocsf.Texts:
			c.ends = append(c.ends, uint32(len(c.list)))
		case ocsf.ID:
			var zero [16]byte
			c.uuid, c.is = append(c.uuid, zero[:]...), append(c.is, 0)
			c.ends = append(c.ends, uint32(len(c.text)))
		default:
			c.ends = append(c.ends, uint32(len(c.text)))
		}
	}
}

func appendLists(chunk parquet.ColumnChunk, c *column) error {
	open := false
	err := each(chunk, func(v parquet.Value) {
		if v.RepetitionLevel() == 0 {
			if open {
				c.ends = append(c.ends, uint32(len(c.list)))
			}
			open = true
		}
		if !v.IsNull() {
			c.text = append(c.text, v.ByteArray()...)
			c.list = append(c.list, uint32(len(c.text)))
		}
	})
	if open {
		c.ends = append(c.ends, uint32(len(c.list)))
	}
	return err
}

// each calls f with every value of a column chunk. The value is valid only
// during the call.
func each(chunk parquet.ColumnChunk, f func(parquet.Value)) error {
	pages := chunk.Pages()
	defer pages.Close()
	buf := make([]parquet.Value, 512)
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		values := page.Values()
		for {
			n, err := values.ReadValues(buf)
			for _, v := range buf[:n] {
				f(v)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				parquet.Release(page)
				return err
			}
		}
		parquet.Release(page)
	}
}
