package gateway

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// errSlowBody says that a body came too slowly.
var errSlowBody = errors.New("the body comes too slowly")

// pacedBody is a body that must come at a rate. Only the time spent waiting for
// the client counts, not that in which nobody reads.
type pacedBody struct {
	io.ReadCloser
	timer  *time.Timer
	grace  time.Duration
	rate   int64
	got    int64
	waited time.Duration
	exempt bool
	slow   atomic.Bool // it was cut
}

// newPacedBody paces a body. gRPC streams may rest as long as they like.
func newPacedBody(w http.ResponseWriter, r *http.Request, l *limits) *pacedBody {
	rc := http.NewResponseController(w)
	b := &pacedBody{ReadCloser: r.Body, grace: l.BodyTime, rate: l.BodyRate}
	b.timer = time.AfterFunc(l.BodyTime, func() {
		b.slow.Store(true)
		_ = rc.SetReadDeadline(time.Now()) // What cannot be cut has ended.
	})
	b.timer.Stop()
	b.exempt = strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
	return b
}

// Read reads as long as the client may let wait.
func (b *pacedBody) Read(p []byte) (int, error) {
	if b.exempt {
		return b.ReadCloser.Read(p)
	}
	left := b.grace + time.Duration(b.got)*time.Second/time.Duration(b.rate) - b.waited
	if left <= 0 {
		b.slow.Store(true)
		return 0, errSlowBody
	}
	begin := time.Now()
	b.timer.Reset(left)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	b.waited += time.Since(begin)
	b.got = min(b.got+int64(n), 1<<32)                // Enough for months; the product stays in range.
	if err != nil && err != io.EOF && b.slow.Load() { //nolint:errorlint // As io.Reader has it.
		err = errSlowBody
	}
	return n, err
}
