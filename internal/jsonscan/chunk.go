package jsonscan

import "io"

// chunks reads a stream into buffers that are filled once and never rewritten,
// so that records may alias them.
type chunks struct {
	src  io.Reader
	buf  []byte
	base int64 // offset of buf[0] in the stream
	err  error // why no more bytes come
	size int   // of the last buffer
}

// Buffers start small, because most log objects are small.
const (
	firstChunk = 32 << 10
	fullChunk  = 1 << 20
)

// more reads on. When the buffer is full, the bytes from keep on move to a
// fresh one; it returns by how much indexes into buf shrink.
func (c *chunks) more(keep int) int {
	shift := 0
	if len(c.buf) == cap(c.buf) {
		rest := c.buf[keep:]
		c.size = min(fullChunk, max(firstChunk, 4*c.size))
		next := make([]byte, len(rest), max(c.size, 2*len(rest)))
		copy(next, rest)
		c.buf, shift = next, keep
		c.base += int64(keep)
	}
	for range 100 {
		n, err := c.src.Read(c.buf[len(c.buf):cap(c.buf)])
		c.buf = c.buf[:len(c.buf)+n]
		if err != nil {
			c.err = err
		}
		if n > 0 || err != nil {
			return shift
		}
	}
	c.err = io.ErrNoProgress
	return shift
}

// ended says whether the stream came to its sound end.
func (c *chunks) ended() bool {
	return c.err == io.EOF //nolint:errorlint // A wrapped EOF is a failure of the reader.
}
