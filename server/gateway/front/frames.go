package front

import (
	"encoding/binary"
	"errors"
	"time"
)

// preface opens an HTTP/2 connection.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Frame types (https://www.rfc-editor.org/rfc/rfc9113#section-6).
const (
	frameData         = 0x0
	framePriority     = 0x2
	frameReset        = 0x3
	frameSettings     = 0x4
	framePing         = 0x6
	frameContinuation = 0x9
)

// The reasons why an HTTP/2 connection is cut.
var (
	errPreface      = errors.New("http2-bad-preface")
	errResets       = errors.New("http2-resets")
	errContinuation = errors.New("http2-continuation")
	errControl      = errors.New("http2-control-frames")
)

// Frames bounds what one HTTP/2 connection may send. Zero fields have the
// defaults.
type Frames struct {
	// Resets is how many streams a client may reset, or make the server reset, at
	// once; as many more are allowed over a minute. Default 200
	// (CVE-2023-44487, CVE-2025-8671).
	Resets int
	// Continuations is how many CONTINUATION frames a header may have; default 16
	// (CVE-2024-24549 and others).
	Continuations int
	// Control is how many SETTINGS, PING, PRIORITY and empty DATA frames a client
	// may send at once; as many more are allowed over a minute. Default 1,000.
	Control int
}

func (f Frames) orDefault() Frames {
	if f.Resets == 0 {
		f.Resets = 200
	}
	if f.Continuations == 0 {
		f.Continuations = 16
	}
	if f.Control == 0 {
		f.Control = 1000
	}
	return f
}

// watch follows the frames of one direction of an HTTP/2 connection.
type watch struct {
	limits        Frames
	server        bool // the frames are the server's
	resets        bucket
	control       bucket
	now           func() time.Time
	opened        int    // bytes of the preface seen
	head          []byte // of the frame, so far; a reset's with its code
	skip          int    // bytes of the payload to come
	continuations int
}

func newWatch(limits Frames, server bool) *watch {
	limits = limits.orDefault()
	w := &watch{limits: limits, server: server, now: time.Now, head: make([]byte, 0, 13)}
	w.resets = bucket{size: float64(limits.Resets), left: float64(limits.Resets)}
	w.control = bucket{size: float64(limits.Control), left: float64(limits.Control)}
	if server {
		w.opened = len(preface)
	}
	return w
}

// see looks at bytes as they pass.
func (w *watch) see(b []byte) error {
	for len(b) > 0 {
		switch {
		case w.opened < len(preface):
			n := min(len(preface)-w.opened, len(b))
			if string(b[:n]) != preface[w.opened:w.opened+n] {
				return errPreface
			}
			w.opened += n
			b = b[n:]
		case w.skip > 0:
			n := min(w.skip, len(b))
			w.skip -= n
			b = b[n:]
		default:
			want := 9
			if len(w.head) >= 9 {
				want = 13
			}
			n := min(want-len(w.head), len(b))
			w.head = append(w.head, b[:n]...)
			b = b[n:]
			if len(w.head) < want {
				return nil
			}
			if err := w.frame(); err != nil {
				return err
			}
		}
	}
	return nil
}

// frame works on a frame whose head is complete.
func (w *watch) frame() error {
	size := int(w.head[0])<<16 | int(w.head[1])<<8 | int(w.head[2])
	kind := w.head[3]
	if kind == frameReset && size == 4 && len(w.head) == 9 {
		return nil // Its code comes next.
	}
	code := uint32(0)
	w.skip = size
	if len(w.head) == 13 {
		code = binary.BigEndian.Uint32(w.head[9:])
		w.skip = 0
	}
	w.head = w.head[:0]
	if kind != frameContinuation {
		w.continuations = 0
	}
	switch {
	case w.server:
		// The server ends streams itself with NO_ERROR (0), REFUSED_STREAM (7) and
		// CANCEL (8); other codes answer what the client did wrong.
		if kind == frameReset && code != 0 && code != 7 && code != 8 && !w.resets.take(w.now()) {
			return errResets
		}
	case kind == frameReset && !w.resets.take(w.now()):
		return errResets
	case kind == frameContinuation:
		if w.continuations++; w.continuations > w.limits.Continuations {
			return errContinuation
		}
	case kind == framePriority, kind == frameSettings, kind == framePing, kind == frameData && size == 0:
		if !w.control.take(w.now()) {
			return errControl
		}
	}
	return nil
}

// bucket is a budget that refills over a minute.
type bucket struct {
	size, left float64
	last       time.Time
}

func (b *bucket) take(now time.Time) bool {
	if !b.last.IsZero() {
		b.left = min(b.size, b.left+b.size*now.Sub(b.last).Minutes())
	}
	b.last = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
