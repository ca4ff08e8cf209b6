// Package lines is what sources of text lines share: a line reader that copies
// nothing and is bounded, readers for the numbers, addresses and times that AWS
// writes, the owner named by an object's key, and the JSON object of fields
// that have no column.
package lines

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unsafe"
)

const (
	firstChunk = 16 << 10
	fullChunk  = 256 << 10
	keepLong   = 64 << 10 // what is kept of a line that is too long

	// DefaultMax bounds a line when the caller names no bound.
	DefaultMax = 1 << 20
)

// ErrTooLong is a line longer than the reader's bound. The line that Next gives
// with it is its beginning, at most 64 KiB; the rest has been skipped.
var ErrTooLong = errors.New("line is longer than the bound")

// Reader cuts a stream into lines. The lines alias the reader's chunks, which
// are never written twice: a line stays valid as long as it is referenced, and
// holds its chunk (up to 256 KiB, more for a longer line) in memory.
type Reader struct {
	src  io.Reader
	max  int
	size int    // of the next chunk
	buf  []byte // chunk
	r, w int    // unread bytes are buf[r:w]
	seen int    // bytes of buf[r:w] known to hold no line end
	off  int64  // offset of buf[r] in the stream
	err  error  // what ended the stream
}

// NewReader reads lines of at most longest bytes, line end not counted;
// longest <= 0 means DefaultMax.
func NewReader(src io.Reader, longest int) *Reader {
	if longest <= 0 {
		longest = DefaultMax
	}
	return &Reader{src: src, max: longest, size: firstChunk}
}

// Next gives the next line that is not blank, without its end (LF or CRLF), and
// its byte offset in the stream. A UTF-8 byte order mark before the first line
// is dropped. The last line needs no end, but when the stream fails, what
// follows the last line end is not a line. Errors are io.EOF, ErrTooLong, after
// which Next goes on with the following line, and the stream's own.
func (r *Reader) Next() (line string, offset int64, err error) {
	for {
		line, offset, err = r.line()
		if err != nil {
			return line, offset, err
		}
		if offset == 0 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if !blank(line) {
			return line, offset, nil
		}
	}
}

func blank(s string) bool {
	for i := range len(s) {
		if s[i] != ' ' && s[i] != '\t' {
			return false
		}
	}
	return true
}

func (r *Reader) line() (string, int64, error) {
	for {
		if i := bytes.IndexByte(r.buf[r.r+r.seen:r.w], '\n'); i >= 0 {
			return r.take(r.seen+i, 1)
		}
		r.seen = r.w - r.r
		if r.seen > r.max+1 { // one more for the CR of a CRLF
			return r.skip()
		}
		if r.err != nil {
			return r.rest()
		}
		r.fill()
	}
}

// rest gives what the stream's end left over.
func (r *Reader) rest() (string, int64, error) {
	if errors.Is(r.err, io.EOF) && r.w > r.r {
		return r.take(r.w-r.r, 0)
	}
	return "", r.off, r.err
}

// take cuts n bytes and an end of the given width.
func (r *Reader) take(n, end int) (string, int64, error) {
	raw, off := r.buf[r.r:r.r+n], r.off
	r.r += n + end
	r.off += int64(n + end)
	r.seen = 0
	if n > 0 && raw[n-1] == '\r' {
		raw = raw[:n-1]
	}
	if len(raw) > r.max {
		return string(raw[:min(len(raw), keepLong)]), off, ErrTooLong
	}
	return alias(raw), off, nil
}

// fill reads once into the free part of the chunk, or into a new chunk.
func (r *Reader) fill() {
	if r.w == len(r.buf) {
		pending := r.buf[r.r:r.w]
		for r.size < 2*len(pending) {
			r.size *= 2
		}
		r.buf = make([]byte, r.size)
		r.w = copy(r.buf, pending)
		r.r = 0
		if r.size < fullChunk {
			r.size *= 2
		} else {
			r.size = fullChunk
		}
	}
	r.w += r.read(r.buf[r.w:])
}

// read reads at least one byte or sets err.
func (r *Reader) read(p []byte) int {
	for range 100 {
		n, err := r.src.Read(p)
		if err != nil {
			r.err = err
		}
		if n > 0 || err != nil {
			return n
		}
	}
	r.err = io.ErrNoProgress
	return 0
}

// skip drops a line whose end is not in sight, in constant memory.
func (r *Reader) skip() (string, int64, error) {
	off := r.off
	kept := make([]byte, 0, keepLong)
	total := 0
	drop := func(p []byte) {
		kept = append(kept, p[:min(len(p), keepLong-len(kept))]...)
		total += len(p)
	}
	drop(r.buf[r.r:r.w])
	scratch := make([]byte, firstChunk) // earlier lines alias the chunk: it cannot be written again
	r.buf, r.r, r.w, r.seen = scratch, 0, 0, 0
	end := 0
	for end == 0 && r.err == nil {
		n := r.read(scratch)
		if i := bytes.IndexByte(scratch[:n], '\n'); i >= 0 {
			r.r, r.w, end = i+1, n, 1
			n = i
		}
		drop(scratch[:n])
	}
	r.off += int64(total + end)
	if n := len(kept); n == total && kept[n-1] == '\r' {
		kept = kept[:n-1]
	}
	return alias(kept), off, ErrTooLong
}

func alias(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}
