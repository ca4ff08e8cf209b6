package novelty

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// A saved state is a magic text and blocks: length (4 bytes, little endian),
// CRC-32C of the content (4 bytes), content of at most blockSize bytes. A block
// of length 0 ends it. The content is a stream of varints, 8-byte floats and
// texts with their length before them.
const (
	magic     = "yagura novelty 1\n"
	blockSize = 64 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errDamaged = errors.New("saved novelty: damaged or cut off")

type encoder struct {
	w   io.Writer
	buf []byte
	err error
}

func newEncoder(w io.Writer) *encoder {
	e := &encoder{w: w}
	_, e.err = io.WriteString(w, magic)
	return e
}

func (e *encoder) flush() {
	for e.err == nil && len(e.buf) > 0 {
		n := min(len(e.buf), blockSize)
		e.block(e.buf[:n])
		e.buf = e.buf[n:]
	}
	e.buf = e.buf[:0]
}

func (e *encoder) block(b []byte) {
	var head [8]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(b)))
	binary.LittleEndian.PutUint32(head[4:], crc32.Checksum(b, castagnoli))
	if e.err == nil {
		_, e.err = e.w.Write(head[:])
	}
	if e.err == nil {
		_, e.err = e.w.Write(b)
	}
}

func (e *encoder) close() error {
	e.flush()
	e.block(nil)
	return e.err
}

func (e *encoder) uint(v uint64) {
	e.buf = binary.AppendUvarint(e.buf, v)
	if len(e.buf) >= blockSize {
		e.flush()
	}
}

func (e *encoder) int(v int64)     { e.uint(uint64(v<<1) ^ uint64(v>>63)) }
func (e *encoder) float(v float64) { e.uint(math.Float64bits(v)) }

func (e *encoder) text(s string) {
	e.uint(uint64(len(s)))
	e.buf = append(e.buf, s...)
}

type decoder struct {
	r   *bufio.Reader
	buf []byte
	err error
}

func newDecoder(r io.Reader) *decoder {
	d := &decoder{r: bufio.NewReader(r)}
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(d.r, head); err != nil {
		d.err = fmt.Errorf("%w: %w", errDamaged, err)
	} else if string(head) != magic {
		d.err = fmt.Errorf("saved novelty: %q is not %q: of another version, or not saved novelty", head, magic)
	}
	return d
}

// fill reads the next block; it says whether there was one.
func (d *decoder) fill() bool {
	var head [8]byte
	if d.err != nil {
		return false
	}
	if _, err := io.ReadFull(d.r, head[:]); err != nil {
		d.err = fmt.Errorf("%w: %w", errDamaged, err)
		return false
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n == 0 || n > blockSize {
		if n > blockSize || binary.LittleEndian.Uint32(head[4:]) != 0 {
			d.err = errDamaged
		}
		return false
	}
	at := len(d.buf)
	d.buf = append(d.buf, make([]byte, n)...)
	if _, err := io.ReadFull(d.r, d.buf[at:]); err != nil {
		d.err = fmt.Errorf("%w: %w", errDamaged, err)
	} else if crc32.Checksum(d.buf[at:], castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		d.err = errDamaged
	}
	return d.err == nil
}

// need makes n bytes available.
func (d *decoder) need(n int) bool {
	for len(d.buf) < n {
		if !d.fill() {
			d.fail()
			return false
		}
	}
	return d.err == nil
}

func (d *decoder) fail() {
	if d.err == nil {
		d.err = errDamaged
	}
}

// end demands that everything was read.
func (d *decoder) end() error {
	if d.err == nil && (len(d.buf) > 0 || d.fill()) {
		d.err = errDamaged
	}
	return d.err
}

func (d *decoder) uint() uint64 {
	for {
		v, n := binary.Uvarint(d.buf)
		switch {
		case d.err != nil:
			return 0
		case n > 0:
			d.buf = d.buf[n:]
			return v
		case n < 0 || !d.need(len(d.buf)+1):
			d.fail()
			return 0
		}
	}
}

func (d *decoder) int() int64 {
	v := d.uint()
	return int64(v>>1) ^ -int64(v&1)
}

func (d *decoder) float() float64 { return math.Float64frombits(d.uint()) }

// count reads a number of at most most.
func (d *decoder) count(most int) int {
	v := d.uint()
	if v > uint64(most) {
		d.fail()
		return 0
	}
	return int(v)
}

func (d *decoder) text(most int) string {
	n := d.count(most)
	if !d.need(n) {
		return ""
	}
	s := string(d.buf[:n])
	d.buf = d.buf[n:]
	return s
}
