// Package unpack opens delivered log objects whatever their packing: gzip
// (several members in a row too), zstd, or plain, told by the first bytes and
// not by the name. What it gives is bounded against decompression bombs.
package unpack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Limits bound what one object may expand to.
type Limits struct {
	Ratio int64 // decompressed to stored bytes; default 250
	Free  int64 // decompressed bytes below which the ratio does not count; default 64 MiB
}

// ErrBomb says that an object expands beyond its limits.
var ErrBomb = errors.New("expands like a decompression bomb")

// Reader gives the decompressed bytes.
type Reader struct {
	io.Reader
	stored *counted
	limits Limits
	given  int64
	close  func()
}

// NewReader looks at the first bytes of r and decompresses it accordingly.
func NewReader(r io.Reader, limits Limits) (*Reader, error) {
	if limits.Ratio <= 0 {
		limits.Ratio = 250
	}
	if limits.Free <= 0 {
		limits.Free = 64 << 20
	}
	stored := &counted{r: r}
	in := buffers.Get().(*bufio.Reader)
	in.Reset(stored)
	free := func() {
		in.Reset(nil)
		buffers.Put(in)
	}
	out, err := open(in, free)
	if err != nil {
		free()
		return nil, err
	}
	out.stored, out.limits = stored, limits
	return out, nil
}

// buffers and gzips are used again: most objects are much smaller than they.
var (
	buffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 256<<10) }}
	gzips   = sync.Pool{New: func() any { return new(gzip.Reader) }}
)

// open gives the decompressor that the first bytes call for. Its close also
// frees the input.
func open(in *bufio.Reader, free func()) (*Reader, error) {
	head, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	out := &Reader{}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z := gzips.Get().(*gzip.Reader)
		if err := z.Reset(in); err != nil {
			gzips.Put(z)
			return nil, fmt.Errorf("gzip: %w", err)
		}
		out.Reader, out.close = z, func() {
			gzips.Put(z)
			free()
		}
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		out.Reader, out.close = z, func() {
			z.Close()
			free()
		}
	default:
		out.Reader, out.close = in, free
	}
	return out, nil
}

// Read gives decompressed bytes. Its errors say what is wrong with the object:
// truncated, damaged, or [ErrBomb].
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.given += int64(n)
	if r.given > r.limits.Free && r.given/r.limits.Ratio > r.stored.n {
		return n, fmt.Errorf("%d bytes became more than %d: %w", r.stored.n, r.given, ErrBomb)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("after %d bytes: %w", r.given, err)
	}
	return n, err
}

// Close releases the decompressor, not the source. Nothing can be read then.
func (r *Reader) Close() {
	if r.close != nil {
		r.close()
	}
	r.close, r.Reader = nil, closed{}
}

type closed struct{}

func (closed) Read([]byte) (int, error) { return 0, errors.New("the object is closed") }

type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
