// Package words is the sidecar of a compacted file: for every block of rows a
// bloom filter of the words in their raw records, so that a search for a word
// reads only blocks that may hold it.
//
// File: "YGW1", then little-endian uint32 rows per block, number of blocks, and
// for each block the end of its filter in 32-byte buckets; then the filters.
// A filter is a split block bloom filter as in the Parquet format
// (https://parquet.apache.org/docs/file-format/bloomfilter/) over 64-bit XXH3
// hashes of keys.
//
// Keys are the tokens of package token, but not those that stand in nearly
// every block or are of no use: shorter than three bytes, and those of four or
// eight or fewer hexadecimal digits, which are pieces of UUIDs. A dotted IPv4 address is one key of its own.
package words

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"os"

	"github.com/zeebo/xxh3"

	"github.com/yagura-sec/yagura/internal/token"
)

// BlockRows is the number of rows in a block.
const BlockRows = 1024

const (
	magic      = "YGW1"
	bucketSize = 32
	bitsPerKey = 14
)

// salts of the split block bloom filter, from the Parquet specification.
var salts = [8]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31}

// Writer collects the words of a file's rows.
type Writer struct {
	set  set
	rows int
	ends []uint32
	body []byte
}

// Add takes the raw record of the next row.
func (w *Writer) Add(raw []byte) {
	keys(raw, w.set.add)
	w.rows++
	if w.rows%BlockRows == 0 {
		w.close()
	}
}

func (w *Writer) close() {
	buckets := max(1, (w.set.n*bitsPerKey+bucketSize*8-1)/(bucketSize*8))
	from := len(w.body)
	w.body = append(w.body, make([]byte, buckets*bucketSize)...)
	filter := w.body[from:]
	w.set.each(func(h uint64) {
		b := filter[bucket(h, buckets)*bucketSize:][:bucketSize]
		for i, s := range salts {
			b[4*i+int(uint32(h)*s>>27>>3)] |= 1 << (uint32(h) * s >> 27 & 7)
		}
	})
	w.ends = append(w.ends, uint32(len(w.body)/bucketSize))
	w.set.reset()
}

func bucket(h uint64, buckets int) int {
	return int((h >> 32) * uint64(buckets) >> 32)
}

// WriteTo writes the sidecar.
func (w *Writer) WriteTo(out io.Writer) (int64, error) {
	if w.rows%BlockRows != 0 {
		w.close()
	}
	head := append([]byte(magic), 0, 0, 0, 0, 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(head[4:], BlockRows)
	binary.LittleEndian.PutUint32(head[8:], uint32(len(w.ends)))
	for _, e := range w.ends {
		head = binary.LittleEndian.AppendUint32(head, e)
	}
	n, err := out.Write(head)
	if err != nil {
		return int64(n), err
	}
	m, err := out.Write(w.body)
	return int64(n + m), err
}

// keys yields the hash of every key of a text.
func keys(text []byte, yield func(uint64)) {
	token.Tokens(text, func(tok []byte) bool {
		if indexed(tok) {
			yield(xxh3.Hash(tok))
		}
		return true
	})
	for i := 0; i < len(text); {
		switch {
		case digit(text[i]):
			i = dotted(text, i, yield)
		case token.Letter(text[i]):
			i = skipWord(text, i)
		default:
			i++
		}
	}
}

// dotted reads a run of numbers joined by dots that begins at i and yields
// every four in a row. It gives the place after the run.
func dotted(text []byte, i int, yield func(uint64)) int {
	var starts [4]int // of the last four numbers
	for n := 0; ; n++ {
		copy(starts[:], starts[1:])
		starts[3] = i
		for i < len(text) && digit(text[i]) {
			i++
		}
		if i < len(text) && token.Letter(text[i]) { // 12ab is a word
			return skipWord(text, i)
		}
		if n >= 3 {
			yield(xxh3.Hash(text[starts[0]:i]))
		}
		if i+1 >= len(text) || text[i] != '.' || !digit(text[i+1]) {
			return i
		}
		i++
	}
}

func digit(b byte) bool { return b-'0' < 10 }

func skipWord(text []byte, i int) int {
	for i < len(text) && token.Letter(text[i]) {
		i++
	}
	return i
}

func indexed(tok []byte) bool {
	switch n := len(tok); {
	case n < 3:
		return false
	case n > 4 && n != 8:
		return true
	}
	for _, b := range tok {
		if !digit(b) && (b < 'a' || b > 'f') {
			return true
		}
	}
	return false
}

// Keys gives the keys that a record must have to contain the text between
// word boundaries. None means that the sidecar cannot help.
func Keys(text string) []uint64 {
	var out []uint64
	keys([]byte(text), func(h uint64) { out = append(out, h) })
	return out
}

// InnerKeys gives the keys that a record must have to contain the text
// anywhere: words at its ends may be parts of longer words and do not count.
func InnerKeys(text string) []uint64 {
	from, to := 0, len(text)
	for from < to && (token.Letter(text[from]) || text[from] == '.') {
		from++
	}
	for to > from && (token.Letter(text[to-1]) || text[to-1] == '.') {
		to--
	}
	return Keys(text[from:to])
}

// Blocks gives the numbers of the blocks of the sidecar at path that may hold
// all keys of at least one alternative.
func Blocks(path string, any [][]uint64) ([]int, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var head [12]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return nil, fmt.Errorf("%s: sidecar too short: %w", path, err)
	}
	blocks := int64(binary.LittleEndian.Uint32(head[8:]))
	if string(head[:4]) != magic || binary.LittleEndian.Uint32(head[4:]) != BlockRows || blocks > 1<<20 {
		return nil, fmt.Errorf("%s: not a word sidecar", path)
	}
	ends := make([]byte, 4*blocks)
	if _, err := f.ReadAt(ends, 12); err != nil {
		return nil, fmt.Errorf("%s: sidecar too short: %w", path, err)
	}
	base := 12 + 4*blocks
	var out []int
	from := uint32(0)
	for b := range int(blocks) {
		to := binary.LittleEndian.Uint32(ends[4*b:])
		if to <= from {
			return nil, fmt.Errorf("%s: sidecar is damaged at block %d", path, b)
		}
		ok, err := mayHold(f, base+int64(from)*bucketSize, int(to-from), any)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if ok {
			out = append(out, b)
		}
		from = to
	}
	return out, nil
}

func mayHold(f io.ReaderAt, at int64, buckets int, any [][]uint64) (bool, error) {
	for _, all := range any {
		hit := true
		for _, h := range all {
			var b [bucketSize]byte
			if _, err := f.ReadAt(b[:], at+int64(bucket(h, buckets))*bucketSize); err != nil {
				return false, err
			}
			for i, s := range salts {
				k := uint32(h) * s >> 27
				if b[4*i+int(k>>3)]&(1<<(k&7)) == 0 {
					hit = false
					break
				}
			}
			if !hit {
				break
			}
		}
		if hit {
			return true, nil
		}
	}
	return false, nil
}

// set is an open-addressing set of hashes.
type set struct {
	slots []uint64
	n     int
	zero  bool
}

func (s *set) add(h uint64) {
	if h == 0 {
		if !s.zero {
			s.zero = true
			s.n++
		}
		return
	}
	if s.n*2 >= len(s.slots) {
		s.grow()
	}
	mask := uint64(len(s.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch s.slots[i] {
		case h:
			return
		case 0:
			s.slots[i] = h
			s.n++
			return
		}
	}
}

func (s *set) grow() {
	old := s.slots
	s.slots = make([]uint64, max(1<<12, 1<<bits.Len(uint(len(old)))))
	mask := uint64(len(s.slots) - 1)
	for _, h := range old {
		if h == 0 {
			continue
		}
		i := h & mask
		for s.slots[i] != 0 {
			i = (i + 1) & mask
		}
		s.slots[i] = h
	}
}

func (s *set) each(f func(uint64)) {
	if s.zero {
		f(0)
	}
	for _, h := range s.slots {
		if h != 0 {
			f(h)
		}
	}
}

func (s *set) reset() {
	clear(s.slots)
	s.n, s.zero = 0, false
}
