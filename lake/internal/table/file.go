package table

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	pzstd "github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/yagura-sec/yagura/ocsf"
)

// Profile says how a file is laid out.
type Profile struct {
	Compacted bool // long-lived: better compression, large pages, bloom filters
}

// pageBytes is the size of a page before compression: small enough that one
// record is fetched quickly, large enough to compress well.
const pageBytes = 2 << 20

// GroupRows is the number of rows in a row group of a compacted file.
const GroupRows = 50_000

// File is a Parquet file being written.
type File struct {
	f      *os.File
	sum    hash.Hash
	size   *counter
	w      *parquet.Writer
	index  map[string]int // parquet column by name
	values []parquet.Value
}

// Create begins a file at path, which must not exist.
func Create(path string, schema *ocsf.Schema, p Profile) (*File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	size := &counter{}
	ps := parquetSchema(schema, p)
	opts := []parquet.WriterOption{
		ps,
		parquet.CreatedBy("yagura", fmt.Sprint(schema.Version), ""),
		parquet.KeyValueMetadata("yagura.source", schema.Source),
		parquet.KeyValueMetadata("yagura.schema", fmt.Sprint(schema.Version)),
		parquet.PageBufferSize(pageBytes),
		parquet.WriteBufferSize(1 << 20),
		parquet.ColumnIndexSizeLimit(func([]string) int { return 64 }),
		parquet.MaxRowsPerRowGroup(1 << 40),
	}
	if p.Compacted {
		opts = append(opts, parquet.BloomFilters(blooms(schema)...))
	}
	w := parquet.NewWriter(io.MultiWriter(f, sum, size), opts...)
	index := map[string]int{}
	for _, path := range ps.Columns() {
		leaf, _ := ps.Lookup(path...)
		index[path[0]] = leaf.ColumnIndex
	}
	return &File{f: f, sum: sum, size: size, w: w, index: index}, nil
}

// The codecs are shared because they keep their encoders.
var (
	freshCodec     = &pzstd.Codec{Level: zstd.SpeedFastest, Concurrency: 1}
	compactedCodec = &pzstd.Codec{Level: zstd.SpeedBetterCompression, Concurrency: 1}
)

func parquetSchema(schema *ocsf.Schema, p Profile) *parquet.Schema {
	codec := freshCodec
	if p.Compacted {
		codec = compactedCodec
	}
	g := parquet.Group{}
	for _, name := range schema.Names() {
		c := ocsf.Lookup(name)
		switch c.Kind {
		case ocsf.Time:
			n := parquet.Node(parquet.TimestampAdjusted(parquet.Microsecond, false))
			if name != "time" {
				n = parquet.Optional(n)
			}
			g[name] = parquet.Compressed(parquet.Encoded(n, &parquet.DeltaBinaryPacked), codec)
		case ocsf.Int:
			n := parquet.Node(parquet.Int(64))
			enc := parquet.Encoded(n, &parquet.RLEDictionary)
			if name == "record_no" {
				enc = parquet.Encoded(n, &parquet.DeltaBinaryPacked)
			}
			if !slices.Contains(ocsf.CommonColumns, name) {
				enc = parquet.Optional(enc)
			}
			g[name] = parquet.Compressed(enc, codec)
		case ocsf.Bool:
			g[name] = parquet.Compressed(parquet.Optional(parquet.Leaf(parquet.BooleanType)), codec)
		case ocsf.Texts:
			g[name] = parquet.Compressed(parquet.Repeated(parquet.Encoded(parquet.String(), &parquet.RLEDictionary)), codec)
		case ocsf.ID:
			g[name] = parquet.Optional(parquet.UUID())
			g[name+textSuffix] = parquet.Compressed(parquet.Optional(parquet.Encoded(parquet.String(), &parquet.RLEDictionary)), codec)
		default:
			enc := parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
			if plain(name) {
				enc = parquet.Encoded(parquet.String(), &parquet.DeltaLengthByteArray)
			}
			g[name] = parquet.Compressed(parquet.Optional(enc), codec)
		}
	}
	return parquet.NewSchema("yagura", g)
}

const textSuffix = "_text"

// plain columns have hardly two equal values.
func plain(name string) bool {
	return name == rawColumn || name == "unmapped" || name == "finding_info_desc"
}

func blooms(schema *ocsf.Schema) []parquet.BloomFilterColumn {
	var out []parquet.BloomFilterColumn
	for _, name := range schema.Blooms {
		if ocsf.Lookup(name).Kind == ocsf.ID { // readers do not probe filters of 16-byte values
			name += textSuffix
		}
		out = append(out, parquet.SplitBlockFilter(10, name))
	}
	return out
}

// WriteGroup writes the rows of b in the order of perm as one row group.
func (f *File) WriteGroup(b *Builder, perm []int32) error {
	writers := f.w.ColumnWriters()
	for i := range b.cols {
		c := &b.cols[i]
		if err := f.writeColumn(writers, c, perm); err != nil {
			return fmt.Errorf("column %s: %w", c.meta.Name, err)
		}
	}
	return f.w.Flush()
}

const chunk = 1024

func (f *File) writeColumn(writers []*parquet.ColumnWriter, c *column, perm []int32) error {
	at := f.index[c.meta.Name]
	write := func(at int, value func(i int) parquet.Value) error {
		for len(perm) > 0 {
			n := min(chunk, len(perm))
			f.values = f.values[:0]
			for _, row := range perm[:n] {
				f.values = append(f.values, value(int(row)))
			}
			if _, err := writers[at].WriteRowValues(f.values); err != nil {
				return err
			}
			perm = perm[n:]
		}
		return nil
	}
	all := perm
	null := parquet.NullValue().Level(0, 0, at)
	if c.blank() && c.meta.Kind != ocsf.ID && c.meta.Kind != ocsf.Texts {
		return f.writeNulls(writers[at], null, len(perm))
	}
	required := slices.Contains(ocsf.CommonColumns, c.meta.Name)
	switch c.meta.Kind {
	case ocsf.Int, ocsf.Time:
		def := 1
		if required {
			def = 0
		}
		return write(at, func(i int) parquet.Value {
			if n := c.nums[i]; n != ocsf.Null {
				return parquet.Int64Value(n).Level(0, def, at)
			}
			return null
		})
	case ocsf.Bool:
		return write(at, func(i int) parquet.Value {
			if t := c.tris[i]; t != byte(ocsf.Unknown) {
				return parquet.BooleanValue(t == byte(ocsf.True)).Level(0, 1, at)
			}
			return null
		})
	case ocsf.Texts:
		return f.writeLists(writers[at], c, perm, at)
	case ocsf.ID:
		if err := write(at, func(i int) parquet.Value {
			if c.is[i] == 0 {
				return null
			}
			return parquet.FixedLenByteArrayValue(c.uuid[16*i:16*i+16]).Level(0, 1, at)
		}); err != nil {
			return err
		}
		perm, at = all, f.index[c.meta.Name+textSuffix]
		null = parquet.NullValue().Level(0, 0, at)
	}
	return write(at, func(i int) parquet.Value {
		if s := c.str(i); len(s) > 0 {
			return parquet.ByteArrayValue(s).Level(0, 1, at)
		}
		return null
	})
}

// blank says that no row has a value.
func (c *column) blank() bool {
	switch c.meta.Kind {
	case ocsf.Int, ocsf.Time:
		return !slices.ContainsFunc(c.nums, func(n int64) bool { return n != ocsf.Null })
	case ocsf.Bool:
		return !slices.ContainsFunc(c.tris, func(t byte) bool { return t != byte(ocsf.Unknown) })
	}
	return len(c.text) == 0
}

// writeNulls writes a column without values, as most of a format's newer
// fields are.
func (f *File) writeNulls(w *parquet.ColumnWriter, null parquet.Value, rows int) error {
	f.values = f.values[:0]
	for range min(chunk, rows) {
		f.values = append(f.values, null)
	}
	for rows > 0 {
		n := min(chunk, rows)
		if _, err := w.WriteRowValues(f.values[:n]); err != nil {
			return err
		}
		rows -= n
	}
	return nil
}

func (f *File) writeLists(w *parquet.ColumnWriter, c *column, perm []int32, at int) error {
	f.values = f.values[:0]
	for k, row := range perm {
		from, to := c.elements(int(row))
		if from == to {
			f.values = append(f.values, parquet.NullValue().Level(0, 0, at))
		}
		for e := from; e < to; e++ {
			rep := 1
			if e == from {
				rep = 0
			}
			f.values = append(f.values, parquet.ByteArrayValue(c.element(e)).Level(rep, 1, at))
		}
		if len(f.values) >= chunk || k == len(perm)-1 {
			if _, err := w.WriteRowValues(f.values); err != nil {
				return err
			}
			f.values = f.values[:0]
		}
	}
	return nil
}

// Close ends the file, makes it durable, and gives its size and SHA-256.
func (f *File) Close() (size int64, sum string, err error) {
	if err := f.w.Close(); err != nil {
		f.f.Close()
		return 0, "", err
	}
	if err := f.f.Sync(); err != nil {
		f.f.Close()
		return 0, "", err
	}
	if err := f.f.Close(); err != nil {
		return 0, "", err
	}
	return f.size.n, hex.EncodeToString(f.sum.Sum(nil)), nil
}

// Abort gives the file up and removes it.
func (f *File) Abort() {
	f.f.Close()
	_ = os.Remove(f.f.Name()) // else the next writer does
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
