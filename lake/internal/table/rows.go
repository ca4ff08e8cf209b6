package table

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/yagura-sec/yagura/ocsf"
)

// RowsAt gives the rows of the given numbers, which must be ascending, with the
// named columns or all. Only the pages that hold them are read.
func (r *Reader) RowsAt(schema *ocsf.Schema, rows []int64, names ...string) (*Builder, error) {
	b := NewBuilder(schema, names...)
	for rest := rows; len(rest) > 0; {
		rg, from, err := r.groupOf(rest[0])
		if err != nil {
			return nil, err
		}
		n := 0
		for n < len(rest) && rest[n] < from+rg.NumRows() {
			n++
		}
		local := make([]int64, n)
		for i := range local {
			local[i] = rest[i] - from
		}
		for i := range b.cols {
			if err := r.appendRows(rg, &b.cols[i], b, local); err != nil {
				return nil, fmt.Errorf("%s: column %s: %w", r.f.Name(), b.cols[i].meta.Name, err)
			}
		}
		b.rows += n
		rest = rest[n:]
	}
	return b, nil
}

// groupOf gives the row group that holds a row and the number of its first row.
func (r *Reader) groupOf(row int64) (parquet.RowGroup, int64, error) {
	from := int64(0)
	for _, rg := range r.pq.RowGroups() {
		if row < from+rg.NumRows() {
			return rg, from, nil
		}
		from += rg.NumRows()
	}
	return nil, 0, fmt.Errorf("%s: row %d of %d", r.f.Name(), row, from)
}

// appendRows appends the given rows of a row group's column.
func (r *Reader) appendRows(rg parquet.RowGroup, c *column, b *Builder, rows []int64) error {
	before := len(c.text)
	defer func() { b.bytes += len(c.text) - before }()
	at, ok := r.index[c.meta.Name]
	if !ok {
		c.absent(len(rows))
		return nil
	}
	chunks := rg.ColumnChunks()
	if c.meta.Kind == ocsf.Texts {
		return pick(chunks[at], rows, c.addList)
	}
	add := c.adder()
	if err := pick(chunks[at], rows, func(v []parquet.Value) { add(v[0]) }); err != nil || c.meta.Kind != ocsf.ID {
		return err
	}
	b.bytes += 17 * len(rows)
	return pick(chunks[r.index[c.meta.Name+textSuffix]], rows, func(v []parquet.Value) { c.addText(v[0]) })
}

// adder gives what appends a value of the main Parquet column.
func (c *column) adder() func(parquet.Value) {
	switch c.meta.Kind {
	case ocsf.Int, ocsf.Time:
		return c.addNumber
	case ocsf.Bool:
		return c.addFlag
	case ocsf.ID:
		return c.addUUID
	}
	return c.addText
}

func (c *column) addNumber(v parquet.Value) {
	if v.IsNull() {
		c.nums = append(c.nums, ocsf.Null)
		return
	}
	c.nums = append(c.nums, v.Int64())
}

func (c *column) addFlag(v parquet.Value) {
	t := ocsf.Unknown
	if !v.IsNull() {
		t = ocsf.TriOf(v.Boolean())
	}
	c.tris = append(c.tris, byte(t))
}

func (c *column) addUUID(v parquet.Value) {
	var zero [16]byte
	if v.IsNull() {
		c.uuid, c.is = append(c.uuid, zero[:]...), append(c.is, 0)
		return
	}
	c.uuid, c.is = append(c.uuid, v.ByteArray()...), append(c.is, 1)
}

func (c *column) addText(v parquet.Value) {
	if !v.IsNull() {
		c.text = append(c.text, v.ByteArray()...)
	}
	c.ends = append(c.ends, uint32(len(c.text)))
}

func (c *column) addList(values []parquet.Value) {
	for _, v := range values {
		if !v.IsNull() {
			c.text = append(c.text, v.ByteArray()...)
			c.list = append(c.list, uint32(len(c.text)))
		}
	}
	c.ends = append(c.ends, uint32(len(c.list)))
}

// Raw calls f with the raw record of every row from a number to another
// (exclusive). The text is valid only during the call.
func (r *Reader) Raw(from, to int64, f func(row int64, raw []byte)) error {
	for from < to {
		rg, first, err := r.groupOf(from)
		if err != nil {
			return err
		}
		end := min(to, first+rg.NumRows())
		rows := make([]int64, 0, end-from)
		for i := from; i < end; i++ {
			rows = append(rows, i-first)
		}
		row := from
		if err := pick(rg.ColumnChunks()[r.index[rawColumn]], rows, func(v []parquet.Value) {
			var raw []byte
			if !v[0].IsNull() {
				raw = v[0].ByteArray()
			}
			f(row, raw)
			row++
		}); err != nil {
			return fmt.Errorf("%s: %w", r.f.Name(), err)
		}
		from = end
	}
	return nil
}

// pick calls f with the values of each of the given rows of a column chunk.
func pick(chunk parquet.ColumnChunk, rows []int64, f func([]parquet.Value)) error {
	if _, err := chunk.OffsetIndex(); err != nil { // lets SeekToRow jump
		return err
	}
	pages := chunk.Pages()
	defer pages.Close()
	for len(rows) > 0 {
		base := rows[0]
		if err := pages.SeekToRow(base); err != nil {
			return err
		}
		page, err := pages.ReadPage()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		n := 0
		for n < len(rows) && rows[n] < base+page.NumRows() {
			n++
		}
		err = pickFrom(page, base, rows[:n], f)
		parquet.Release(page)
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		rows = rows[n:]
	}
	return nil
}

func pickFrom(page parquet.Page, base int64, rows []int64, f func([]parquet.Value)) error {
	var buf []parquet.Value
	for len(rows) > 0 {
		run := 1 // neighbouring rows are read together
		for run < len(rows) && rows[run] == rows[0]+int64(run) {
			run++
		}
		part := page.Slice(rows[0]-base, rows[0]-base+int64(run))
		if need := int(part.NumValues()); cap(buf) < need {
			buf = make([]parquet.Value, need)
		}
		buf = buf[:part.NumValues()]
		if n, err := part.Values().ReadValues(buf); n < len(buf) {
			return fmt.Errorf("%d of %d values: %w", n, len(buf), errors.Join(err, io.ErrUnexpectedEOF))
		}
		for i := 0; i < len(buf); {
			k := i + 1
			for k < len(buf) && buf[k].RepetitionLevel() > 0 {
				k++
			}
			f(buf[i:k])
			i = k
		}
		rows = rows[run:]
	}
	return nil
}
