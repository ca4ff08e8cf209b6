// Package export writes found events to a Parquet file
// (https://parquet.apache.org/docs/file-format/) for other tools: one row an
// event, columns under the names of the lake's own files, zstd.
package export

import (
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query/field"
)

// groupRows bounds a row group, and with it the memory of a writer.
const groupRows = 50_000

// Parquet is a file being written.
type Parquet struct {
	w       *parquet.GenericWriter[any]
	columns []column
}

// Row is an event that was found: ask.Hit is one.
type Row interface {
	// ID names the event.
	ID() string
	// Attributes gives the source and the event.
	Attributes() (source string, ev *ocsf.Event)
	// Values gives the texts of a field.
	Values(t field.Target) []string
}

// column is one column of the file: its value from a hit, nil when absent.
type column struct {
	name  string
	kind  ocsf.Kind
	value func(Row) any // string, int64, bool or []string by kind
	index int
}

// NewParquet begins a file. Its columns are id, source, time and the
// fields; or, without fields, every column of the schemas and the raw record. A
// field's column is a list of texts, as one event may have several values.
func NewParquet(w io.Writer, schemas []*ocsf.Schema, fields []field.Field) (*Parquet, error) {
	p := &Parquet{columns: []column{
		{name: "id", kind: ocsf.Text, value: func(r Row) any { return r.ID() }},
		{name: "source", kind: ocsf.Text, value: func(r Row) any { source, _ := r.Attributes(); return source }},
	}}
	if len(fields) > 0 {
		p.add("time", ocsf.Lookup("time"))
	}
	for _, f := range fields {
		p.columns = append(p.columns, column{name: f.Name, kind: ocsf.Texts, value: func(r Row) any { return r.Values(f.Target) }})
	}
	if len(fields) == 0 {
		for _, s := range schemas {
			for _, n := range s.Names() {
				p.add(n, ocsf.Lookup(n))
			}
		}
	}
	group := parquet.Group{}
	for _, c := range p.columns {
		if _, twice := group[c.name]; twice {
			return nil, fmt.Errorf("parquet: the column %q stands twice", c.name)
		}
		group[c.name] = node(c.kind)
	}
	schema := parquet.NewSchema("events", group)
	for i, c := range p.columns {
		path := []string{c.name}
		if c.kind == ocsf.Texts {
			path = append(path, "list", "element")
		}
		leaf, ok := schema.Lookup(path...)
		if !ok {
			return nil, fmt.Errorf("parquet: column %q has no place", c.name)
		}
		p.columns[i].index = leaf.ColumnIndex
	}
	// Rows hold their values in the order of the file's columns.
	slices.SortFunc(p.columns, func(a, b column) int { return a.index - b.index })
	p.w = parquet.NewGenericWriter[any](w, schema, parquet.Compression(&zstd.Codec{}), parquet.MaxRowsPerRowGroup(groupRows), parquet.CreatedBy("yagura", "", ""))
	return p, nil
}

// add adds a column of the lake, once.
func (p *Parquet) add(name string, col *ocsf.Column) {
	if slices.ContainsFunc(p.columns, func(c column) bool { return c.name == name }) {
		return
	}
	p.columns = append(p.columns, column{name: name, kind: col.Kind, value: func(r Row) any { _, ev := r.Attributes(); return attribute(col, ev) }})
}

func attribute(col *ocsf.Column, ev *ocsf.Event) any {
	switch {
	case col.Str != nil && *col.Str(ev) != "":
		return *col.Str(ev)
	case col.Num != nil && *col.Num(ev) != ocsf.Null:
		return *col.Num(ev)
	case col.Tri != nil && *col.Tri(ev) != ocsf.Unknown:
		return *col.Tri(ev) == ocsf.True
	case col.List != nil:
		return *col.List(ev)
	}
	return nil
}

func node(k ocsf.Kind) parquet.Node {
	switch k {
	case ocsf.Int:
		return parquet.Optional(parquet.Int(64))
	case ocsf.Time:
		return parquet.Optional(parquet.Timestamp(parquet.Microsecond))
	case ocsf.Bool:
		return parquet.Optional(parquet.Leaf(parquet.BooleanType))
	case ocsf.Texts:
		return parquet.List(parquet.String())
	case ocsf.Text, ocsf.ID, ocsf.IP:
	}
	return parquet.Optional(parquet.String())
}

// Write adds a row.
func (p *Parquet) Write(r Row) error {
	row := make(parquet.Row, 0, len(p.columns))
	for _, c := range p.columns {
		v := c.value(r)
		if c.kind == ocsf.Texts {
			row = appendList(row, v, c.index)
			continue
		}
		if v == nil {
			row = append(row, parquet.NullValue().Level(0, 0, c.index))
			continue
		}
		row = append(row, parquet.ValueOf(v).Level(0, 1, c.index))
	}
	if _, err := p.w.WriteRows([]parquet.Row{row}); err != nil {
		return fmt.Errorf("parquet: %w", err)
	}
	return nil
}

func appendList(row parquet.Row, v any, index int) parquet.Row {
	texts, _ := v.([]string)
	if len(texts) == 0 {
		return append(row, parquet.NullValue().Level(0, 0, index))
	}
	for i, t := range texts {
		row = append(row, parquet.ValueOf(t).Level(min(i, 1), 1, index))
	}
	return row
}

// Close ends the file. Without it the file cannot be read.
func (p *Parquet) Close() error {
	if err := p.w.Close(); err != nil {
		return fmt.Errorf("parquet: %w", err)
	}
	return nil
}
