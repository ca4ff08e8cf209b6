// Package front stands between a connection and net/http. It reads HTTP/1
// requests with a parser of its own, so that a request that net/http would
// refuse unseen can be inspected and logged, and HTTP/2 frames as far as abuse
// shows in them.
//
// A well-formed request goes to net/http byte by byte as it came. In place of a
// malformed one net/http gets a request that says nothing, and the handler finds
// the real one with Conn.Next; after it the connection ends. What is malformed
// is stricter than net/http: whatever two servers may read differently
// (https://www.rfc-editor.org/rfc/rfc9112#section-11.2) is refused. A request
// that net/http refuses although the front took it is refused by net/http.
//
// HTTP/2 arrives in clear: TLS ends before. Its frames pass unchanged, counted.
package front

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Config is how connections are read. Zero fields have the defaults.
type Config struct {
	Limits Limits
	Frames Frames
	// HeadTime is how long a head may take from its first byte on; default 10 s.
	HeadTime time.Duration
	// WriteTime is how long a write may make no headway; default 60 s.
	WriteTime time.Duration
	// Clear allows HTTP/2 without TLS.
	Clear bool
	// Abuse, if set, is told why a connection was cut.
	Abuse func(reason string)
}

// stage says what the next bytes from the client are.
type stage uint8

const (
	sniffing  stage = iota
	atHead          // a head, or its rest
	inBody          // a body of known length
	inChunks        // a chunked body
	upgrading       // unknown until the application has agreed to another protocol
	tunnel          // another protocol
	http2           // HTTP/2
	ended           // nothing that counts
)

// synthetic is what net/http gets in place of a malformed request.
const synthetic = "GET / HTTP/1.1\r\nHost: malformed.invalid\r\nConnection: close\r\n\r\n"

// early bounds what a client may send before an upgrade is agreed to, and what
// is kept of a malformed request's body.
const early = 64 << 10

// Conn is a connection that net/http may serve.
type Conn struct {
	net.Conn
	cfg     Config
	in, out *watch // HTTP/2 frames

	// Only Read uses these; net/http never reads twice at once.
	buf     []byte // read and not yet delivered
	scanned int    // bytes of buf in which no head ends
	ready   int    // bytes of buf that may be delivered
	left    int64  // bytes of the body to come
	chunks  chunks
	fake    string // bytes to deliver in place of buf
	err     error  // what Read gives from now on

	mu           sync.Mutex
	stage        stage
	heads        []*Head
	outer, inner time.Time // deadlines for reading: net/http's and the head's
	bad          bool      // ends with a refusal
	body         *Fault    // of a chunked body
}

// New wraps a connection. Protocol is what TLS has agreed on: "h2", "http/1.1",
// or empty without TLS.
func New(c net.Conn, protocol string, cfg Config) *Conn {
	cfg.Limits, cfg.Frames = cfg.Limits.orDefault(), cfg.Frames.orDefault()
	if cfg.HeadTime == 0 {
		cfg.HeadTime = 10 * time.Second
	}
	if cfg.WriteTime == 0 {
		cfg.WriteTime = time.Minute
	}
	f := &Conn{Conn: c, cfg: cfg, stage: atHead, inner: time.Now().Add(cfg.HeadTime)}
	switch {
	case protocol == "h2":
		f.toHTTP2()
	case protocol == "" && cfg.Clear:
		f.stage = sniffing
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.arm() // A connection that is already closed says so when it is read.
	return f
}

type contextKey struct{}

// WithConn is for http.Server.ConnContext: it keeps the connection, if it is a
// front's, for FromContext.
func WithConn(ctx context.Context, c net.Conn) context.Context {
	if f, ok := c.(*Conn); ok {
		return context.WithValue(ctx, contextKey{}, f)
	}
	return ctx
}

// FromContext gives the connection of a request, nil when it has none.
func FromContext(ctx context.Context) *Conn {
	c, _ := ctx.Value(contextKey{}).(*Conn)
	return c
}

// Next gives the head of the request that net/http has begun to serve. It must be
// called once for every HTTP/1 request, at its begin.
func (c *Conn) Next() *Head {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.heads) == 0 {
		return nil
	}
	h := c.heads[0]
	c.heads = c.heads[1:]
	return h
}

// BodyFault gives what was wrong with the framing of a body.
func (c *Conn) BodyFault() *Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.body
}

// Tunnel says that the connection was hijacked and speaks another protocol.
func (c *Conn) Tunnel() { c.leave(upgrading, tunnel) }

// Resume says that a request which asked for an upgrade has been answered
// without one.
func (c *Conn) Resume() { c.leave(upgrading, atHead) }

func (c *Conn) leave(from, to stage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stage == from {
		c.stage = to
	}
}

func (c *Conn) at() stage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stage
}

func (c *Conn) enter(s stage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stage = s
}

func (c *Conn) toHTTP2() {
	c.in, c.out = newWatch(c.cfg.Frames, false), newWatch(c.cfg.Frames, true)
	c.stage, c.inner = http2, time.Time{}
}

// Read gives net/http what it may see.
func (c *Conn) Read(p []byte) (int, error) {
	for {
		switch {
		case len(p) == 0:
			return 0, nil
		case c.fake != "":
			n := copy(p, c.fake)
			c.fake = c.fake[n:]
			return n, nil
		case c.ready > 0:
			n := copy(p, c.buf[:c.ready])
			c.drop(n)
			c.ready -= n
			return n, nil
		case c.err != nil:
			return 0, c.err
		}
		var n int
		var err error
		switch c.at() {
		case sniffing:
			err = c.sniff()
		case atHead:
			err = c.readHead(p)
		case inBody:
			n, err = c.readBody(p)
		case inChunks:
			n, err = c.readChunks(p)
		case upgrading:
			err = c.wait()
		case tunnel:
			n, err = c.direct(p)
		case http2:
			if n, err = c.direct(p); n > 0 {
				if cut := c.in.see(p[:n]); cut != nil {
					return 0, c.cut(cut)
				}
			}
		case ended:
			return 0, io.EOF
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// drop forgets the first bytes of the buffer.
func (c *Conn) drop(n int) {
	c.buf = c.buf[n:]
	if len(c.buf) == 0 {
		c.buf = nil // An idle connection keeps no buffer.
	}
}

// direct reads what needs no look ahead.
func (c *Conn) direct(p []byte) (int, error) {
	if len(c.buf) > 0 {
		n := copy(p, c.buf)
		c.drop(n)
		return n, nil
	}
	return c.Conn.Read(p)
}

// fill reads more into the buffer.
func (c *Conn) fill() error {
	if cap(c.buf)-len(c.buf) < 512 {
		c.buf = append(make([]byte, 0, max(4096, 2*len(c.buf))), c.buf...)
	}
	n, err := c.Conn.Read(c.buf[len(c.buf):cap(c.buf)])
	c.buf = c.buf[:len(c.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

// cut ends a connection that is abused.
func (c *Conn) cut(why error) error {
	if c.cfg.Abuse != nil && c.err == nil {
		c.cfg.Abuse(why.Error())
	}
	c.err = why
	return why
}

// sniff finds out whether a connection without TLS speaks HTTP/2.
func (c *Conn) sniff() error {
	n := min(len(c.buf), len(preface))
	switch {
	case string(c.buf[:n]) != preface[:n]:
		c.enter(atHead)
		return nil
	case n == len(preface):
		c.mu.Lock()
		defer c.mu.Unlock()
		c.toHTTP2()
		return c.arm()
	}
	if err := c.fill(); err != nil {
		if c.own(err) || errors.Is(err, io.EOF) {
			c.enter(atHead)
			return c.stop(err)
		}
		return err
	}
	return nil
}

// readBody delivers a body of known length.
func (c *Conn) readBody(p []byte) (int, error) {
	n, err := c.direct(p[:min(int64(len(p)), c.left)])
	if c.left -= int64(n); c.left == 0 {
		c.behindMessage()
	}
	return n, err
}

// readChunks delivers a chunked body.
func (c *Conn) readChunks(p []byte) (int, error) {
	n, err := c.direct(p)
	took, fault := c.chunks.take(p[:n])
	switch {
	case fault != nil:
		c.mu.Lock()
		c.body, c.bad = fault, true
		c.mu.Unlock()
		c.err = fault
		return 0, fault
	case c.chunks.at == afterBody:
		if took < n { // The next request.
			c.buf = append(append(make([]byte, 0, 4096), p[took:n]...), c.buf...)
		}
		c.behindMessage()
	}
	return took, err
}

// behindMessage goes on behind a request.
func (c *Conn) behindMessage() {
	c.scanned = 0
	c.enter(atHead)
}

// wait reads ahead until it is known what the bytes are, so that the end of the
// connection is seen.
func (c *Conn) wait() error {
	if len(c.buf) >= early {
		return c.cut(errors.New("early-data"))
	}
	return c.fill()
}

// Write writes; a client that does not read is cut off.
func (c *Conn) Write(p []byte) (int, error) {
	if c.out != nil {
		if cut := c.out.see(p); cut != nil {
			if c.cfg.Abuse != nil {
				c.cfg.Abuse(cut.Error())
			}
			return 0, cut
		}
	}
	if err := c.SetWriteDeadline(time.Now().Add(c.cfg.WriteTime)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// SetReadDeadline sets net/http's deadline; the head's own stays.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outer = t
	return c.arm()
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// arm sets the earlier deadline. The lock is held.
func (c *Conn) arm() error {
	t := c.outer
	if t.IsZero() || !c.inner.IsZero() && c.inner.Before(t) {
		t = c.inner
	}
	return c.Conn.SetReadDeadline(t)
}

// limit sets or, with zero, clears the deadline of a head.
func (c *Conn) limit(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner.Equal(t) {
		return nil
	}
	c.inner = t
	return c.arm()
}

// own says that an error is the head's deadline, not one of net/http.
func (c *Conn) own(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	return !c.inner.IsZero() && !now.Before(c.inner) && (c.outer.IsZero() || now.Before(c.outer))
}

// Close closes. After a refusal the client may still be sending; if it were cut
// off at once, it might lose the answer.
func (c *Conn) Close() error {
	c.mu.Lock()
	bad := c.bad
	c.bad = false
	c.mu.Unlock()
	if half, ok := c.Conn.(interface{ CloseWrite() error }); bad && ok && half.CloseWrite() == nil {
		_ = c.Conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		_, _ = io.CopyN(io.Discard, c.Conn, 256<<10) // A courtesy; its failure changes nothing.
	}
	return c.Conn.Close()
}

// CloseWrite ends the sending direction.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}
