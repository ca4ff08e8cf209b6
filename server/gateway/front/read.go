package front

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

// readHead reads a head and decides what net/http gets for it. The caller's
// buffer serves for the first read, so that an idle connection needs none.
func (c *Conn) readHead(p []byte) error {
	c.skipEmpty()
	if end := ends(c.buf, c.scanned); end >= 0 {
		return c.take(Parse(c.buf[:end], c.cfg.Limits), end)
	}
	if f := c.tooMuch(); f != nil {
		h := Parse(c.buf, c.cfg.Limits)
		h.Fault = f
		return c.take(h, len(c.buf))
	}
	c.scanned = len(c.buf)
	if len(c.buf) > 0 { // The head has begun and is not whole.
		if err := c.limit(c.begun()); err != nil {
			return err
		}
	}
	if err := c.begin(p); err != nil {
		if c.own(err) || errors.Is(err, io.EOF) {
			return c.stop(err)
		}
		return err // The deadline of net/http, which comes back; or the end.
	}
	return nil
}

// begin reads more of a head.
func (c *Conn) begin(p []byte) error {
	if len(c.buf) > 0 || len(p) < 512 {
		return c.fill()
	}
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.buf = bytes.Clone(p[:n])
		return nil
	}
	return err
}

// begun gives the deadline of the head.
func (c *Conn) begun() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner.IsZero() {
		return time.Now().Add(c.cfg.HeadTime)
	}
	return c.inner
}

// skipEmpty drops empty lines before a request, which old clients send behind a
// body (https://www.rfc-editor.org/rfc/rfc9112#section-2.2).
func (c *Conn) skipEmpty() {
	for range 2 {
		if c.scanned > 0 || !bytes.HasPrefix(c.buf, []byte("\r\n")) {
			return
		}
		c.drop(2)
	}
}

// tooMuch gives the fault of an unfinished head that is already too long.
func (c *Conn) tooMuch() *Fault {
	switch {
	case len(c.buf) > c.cfg.Limits.Target+128 && bytes.IndexByte(c.buf, '\n') < 0:
		return &Fault{http.StatusRequestURITooLong, "target-too-long"}
	case len(c.buf) > c.cfg.Limits.Head:
		return &Fault{http.StatusRequestHeaderFieldsTooLarge, "head-too-large"}
	}
	return nil
}

// stop ends a connection on which a head does not come to its end. What came of
// it is inspected.
func (c *Conn) stop(err error) error {
	if len(c.buf) == 0 {
		c.err = io.EOF
		return c.err
	}
	h := Parse(c.buf, c.cfg.Limits)
	if !errors.Is(err, io.EOF) {
		h.Fault = &Fault{http.StatusRequestTimeout, "slow-head"}
	}
	return c.take(h, len(c.buf))
}

// take passes a head on. Size is its length in the buffer.
func (c *Conn) take(h *Head, size int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scanned = 0
	c.heads = append(c.heads, h)
	if h.Fault != nil {
		h.Early = bytes.Clone(c.buf[size:min(len(c.buf), size+early)])
		c.buf, c.fake, c.err = nil, synthetic, io.EOF
		c.stage, c.bad = ended, true
		return nil
	}
	c.ready = size
	switch {
	case h.Length > 0:
		c.stage, c.left = inBody, h.Length
	case h.Length < 0:
		c.stage, c.chunks = inChunks, chunks{}
	case h.Upgrade:
		c.stage = upgrading
	}
	if c.inner.IsZero() {
		return nil
	}
	c.inner = time.Time{}
	return c.arm()
}
