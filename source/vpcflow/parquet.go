package vpcflow

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unsafe"

	"github.com/parquet-go/parquet-go"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/lines"
	"github.com/yagura-sec/yagura/ocsf"
)

const (
	batchRows  = 64
	arenaBytes = 64 << 10
)

// parquetDecoder reads a Parquet file. Its raw record is the line that a text
// flow log of the same fields would have.
type parquetDecoder struct {
	mapper
	format  *format
	groups  []parquet.RowGroup
	rows    parquet.Rows
	buf     []parquet.Row
	n, i    int // rows in buf, next row
	ended   error
	record  int64
	longest int
	arena   []byte
	ends    []int // where each column's text ends in the line
	words   []string
}

// openParquet reads the footer. The library reads untrusted lengths and may
// panic on a broken file: that becomes an error here and in Next.
func openParquet(in yagura.Input, b base) (_ yagura.Decoder, err error) {
	defer contain(&err)
	file, err := parquet.OpenFile(in.At, in.Size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("opening Parquet file: %w", err)
	}
	var names []string
	known := 0
	for _, path := range file.Schema().Columns() {
		if len(path) != 1 {
			return nil, fmt.Errorf("column %.80s of the Parquet file is nested: it is no flow log", strings.Join(path, "."))
		}
		name := strings.ReplaceAll(path[0], "_", "-")
		if byName[name] != nil {
			known++
		}
		names = append(names, name)
	}
	if known < min(3, len(names)) || known == 0 {
		return nil, fmt.Errorf("the Parquet file has %d columns, of which %d are flow log fields: it is no flow log", len(names), known)
	}
	f, err := newFormat(names)
	if err != nil {
		return nil, err
	}
	d := &parquetDecoder{
		mapper: mapper{base: b}, format: f, groups: file.RowGroups(), buf: make([]parquet.Row, batchRows),
		longest: in.MaxRecord, ends: make([]int, len(names)), words: make([]string, len(names)),
	}
	if d.longest <= 0 {
		d.longest = lines.DefaultMax
	}
	return d, nil
}

func contain(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the Parquet file is broken: %v", p)
	}
}

// Next fills ev with the next row; see [yagura.Decoder].
func (d *parquetDecoder) Next(ev *ocsf.Event) (err error) {
	if d.ended != nil {
		return d.ended
	}
	defer func() {
		contain(&err)
		var bad *yagura.RecordError
		if err != nil && !errors.As(err, &bad) {
			d.ended = err
		}
	}()
	row, err := d.row()
	if err != nil {
		return err
	}
	line, err := d.text(row)
	if err != nil {
		return d.bad(line, err)
	}
	ev.Reset()
	if err := d.fill(ev, d.format, d.words); err != nil {
		return d.bad(line, err)
	}
	ev.Raw = line
	ev.Rebuildable = ev.Rebuildable && ascii(line)
	ev.Provenance.Record = d.record
	d.record++
	return nil
}

func (d *parquetDecoder) bad(line string, err error) error {
	e := &yagura.RecordError{Record: d.record, Offset: -1, Reason: err.Error(), Raw: []byte(line[:min(len(line), maxKept)])}
	d.record++
	return e
}

// row gives the next row, or io.EOF.
func (d *parquetDecoder) row() (parquet.Row, error) {
	for d.i == d.n {
		if d.rows == nil {
			if len(d.groups) == 0 {
				return nil, io.EOF
			}
			d.rows, d.groups = d.groups[0].Rows(), d.groups[1:]
		}
		n, err := d.rows.ReadRows(d.buf)
		d.n, d.i = n, 0
		if err != nil && !errors.Is(err, io.EOF) {
			_ = d.rows.Close() // the read error says more
			return nil, fmt.Errorf("reading Parquet rows: %w", err)
		}
		if err != nil || n == 0 {
			if err := d.rows.Close(); err != nil {
				return nil, fmt.Errorf("closing Parquet row group: %w", err)
			}
			d.rows = nil
		}
	}
	d.i++
	return d.buf[d.i-1], nil
}

// text writes the row as a line and cuts it into words.
func (d *parquetDecoder) text(row parquet.Row) (string, error) {
	size := 0
	for _, v := range row {
		if size += 21; v.Kind() == parquet.ByteArray || v.Kind() == parquet.FixedLenByteArray {
			size += len(v.ByteArray())
		}
	}
	if size > d.longest+21*len(row) {
		return "", fmt.Errorf("row is longer than %d bytes", d.longest)
	}
	if size > cap(d.arena)-len(d.arena) {
		d.arena = make([]byte, 0, max(arenaBytes, size))
	}
	from := len(d.arena)
	clear(d.ends)
	column := 0
	for _, v := range row {
		if v.Column() != column || column == len(d.ends) {
			return "", fmt.Errorf("row has no single value for column %d", column)
		}
		if column > 0 {
			d.arena = append(d.arena, ' ')
		}
		d.arena = appendValue(d.arena, v)
		d.ends[column] = len(d.arena) - from
		column++
	}
	if column != len(d.ends) {
		return "", fmt.Errorf("row has %d values for %d columns", column, len(d.ends))
	}
	b := d.arena[from:]
	line := unsafe.String(unsafe.SliceData(b), len(b))
	at := 0
	for i, end := range d.ends {
		d.words[i] = line[at:end]
		at = end + 1
	}
	return line, nil
}

func appendValue(b []byte, v parquet.Value) []byte {
	if v.IsNull() {
		return append(b, '-')
	}
	switch v.Kind() {
	case parquet.Int32:
		return strconv.AppendInt(b, int64(v.Int32()), 10)
	case parquet.Int64:
		return strconv.AppendInt(b, v.Int64(), 10)
	case parquet.ByteArray, parquet.FixedLenByteArray:
		if text := v.ByteArray(); len(text) > 0 {
			return append(b, text...)
		}
		return append(b, '-')
	default:
		return append(b, v.String()...)
	}
}
