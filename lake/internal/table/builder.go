// Package table keeps events of one source and day as columns: in memory in a
// [Builder], on disk as a Parquet file (https://parquet.apache.org/docs/file-format/)
// whose bytes depend only on the rows and the [Profile].
//
// Text columns are dictionary-encoded optional strings, absent when "". An id
// column is two: NAME holds UUIDs in 16 bytes, NAME_text every other form.
package table

import (
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/yagura-sec/yagura/ocsf"
)

// Builder is rows of one source in columnar form.
type Builder struct {
	schema *ocsf.Schema
	cols   []column
	rows   int
	bytes  int // of text held
}

// column holds one attribute; which fields are used depends on the kind.
type column struct {
	meta *ocsf.Column
	nums []int64  // Int, Time
	tris []byte   // Bool
	ends []uint32 // end of each text in text, or of each list in list
	text []byte
	list []uint32 // Texts: end of each element in text
	uuid []byte   // ID: 16 bytes a row, zero when the text form is used
	is   []byte   // ID: 1 when the UUID form is used
}

// NewBuilder gives an empty builder for the named columns of a source, or for
// all of them.
func NewBuilder(schema *ocsf.Schema, names ...string) *Builder {
	b := &Builder{schema: schema}
	if len(names) == 0 {
		names = schema.Names()
	}
	for _, name := range names {
		b.cols = append(b.cols, column{meta: ocsf.Lookup(name)})
	}
	return b
}

// Schema gives the schema of the rows.
func (b *Builder) Schema() *ocsf.Schema { return b.schema }

// Rows counts the rows.
func (b *Builder) Rows() int { return b.rows }

// Bytes estimates the memory that the rows take.
func (b *Builder) Bytes() int { return b.bytes + b.rows*len(b.cols)*6 }

// Reserve makes room for raw records of so many bytes together.
func (b *Builder) Reserve(bytes int) {
	if c := b.find(rawColumn); c != nil {
		c.text = slices.Grow(c.text, bytes)
	}
}

// Reset drops the rows and keeps the memory.
func (b *Builder) Reset() {
	for i := range b.cols {
		c := &b.cols[i]
		c.nums, c.tris, c.ends, c.text = c.nums[:0], c.tris[:0], c.ends[:0], c.text[:0]
		c.list, c.uuid, c.is = c.list[:0], c.uuid[:0], c.is[:0]
	}
	b.rows, b.bytes = 0, 0
}

// Append copies one event into the columns. Raw is left out when the schema
// can rebuild it. Bytes that are not UTF-8 become U+FFFD, in the event too.
func (b *Builder) Append(ev *ocsf.Event) {
	for i := range b.cols {
		c := &b.cols[i]
		switch c.meta.Kind {
		case ocsf.Int, ocsf.Time:
			c.nums = append(c.nums, *c.meta.Num(ev))
		case ocsf.Bool:
			c.tris = append(c.tris, byte(*c.meta.Tri(ev)))
		case ocsf.Texts:
			for _, s := range stored(c.meta, ev) {
				c.text = append(c.text, s...)
				c.list = append(c.list, uint32(len(c.text)))
				b.bytes += len(s) + 4
			}
			c.ends = append(c.ends, uint32(len(c.list)))
		case ocsf.ID:
			b.appendID(c, readableIn(c.meta.Str(ev)))
		default:
			s := readableIn(c.meta.Str(ev))
			if ev.Rebuildable && c.meta.Name == rawColumn {
				s = ""
			}
			c.text = append(c.text, s...)
			c.ends = append(c.ends, uint32(len(c.text)))
			b.bytes += len(s)
		}
	}
	b.rows++
}

const rawColumn = "raw_data"

// readableIn gives the text, and replaces it in the event when it is not UTF-8:
// readers of Parquet refuse the whole file for one text that is not.
func readableIn(s *string) string {
	if !utf8.ValidString(*s) {
		*s = readable(*s)
	}
	return *s
}

// readable puts U+FFFD in the place of bytes that are not UTF-8.
func readable(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// stored gives the elements of a list as they are kept: none when its single
// column says as much, one empty text when it is empty although that column is
// not.
func stored(c *ocsf.Column, ev *ocsf.Event) []string {
	list := *c.List(ev)
	if c.Single == "" {
		return list
	}
	switch single := *ocsf.Lookup(c.Single).Str(ev); {
	case single == "":
	case len(list) == 0:
		return []string{""}
	case len(list) == 1 && list[0] == single:
		return nil
	}
	return list
}

func (b *Builder) appendID(c *column, s string) {
	var id [16]byte
	if parseUUID(s, &id) {
		c.uuid = append(c.uuid, id[:]...)
		c.is = append(c.is, 1)
	} else {
		c.uuid = append(c.uuid, id[:]...)
		c.is = append(c.is, 0)
		c.text = append(c.text, s...)
		b.bytes += len(s)
	}
	c.ends = append(c.ends, uint32(len(c.text)))
	b.bytes += 17
}

// parseUUID reads the canonical lower-case form, the only one that
// [formatUUID] gives back.
func parseUUID(s string, id *[16]byte) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	n := 0
	for i := 0; i < 36; {
		if s[i] == '-' {
			i++
			continue
		}
		hi, lo := nibble[s[i]], nibble[s[i+1]]
		if hi > 15 || lo > 15 {
			*id = [16]byte{}
			return false
		}
		id[n] = hi<<4 | lo
		n++
		i += 2
	}
	return true
}

func formatUUID(id []byte) string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:36], id[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

var nibble = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range 10 {
		t['0'+i] = byte(i)
	}
	for i := range 6 {
		t['a'+i] = byte(10 + i)
	}
	return t
}()

// str gives the text of row i; it aliases the builder.
func (c *column) str(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = c.ends[i-1]
	}
	return c.text[start:c.ends[i]]
}

// elements gives the list of row i as indexes into list.
func (c *column) elements(i int) (from, to uint32) {
	if i > 0 {
		from = c.ends[i-1]
	}
	return from, c.ends[i]
}

func (c *column) element(k uint32) []byte {
	start := uint32(0)
	if k > 0 {
		start = c.list[k-1]
	}
	return c.text[start:c.list[k]]
}
