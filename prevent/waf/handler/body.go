package handler

import (
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/yagura-sec/yagura"
)

// inspect reads the part of the body that the gate wants to see, and makes the
// request's body give it once more.
func (g *Guard) inspect(q *yagura.Request, r *http.Request) *again {
	limit := g.Gate.BodyLimit()
	if q.Missing&yagura.PartBody != 0 {
		if limit > 0 && len(q.Body) >= limit { // What is missing is not looked at.
			q.Body, q.Missing = q.Body[:limit], q.Missing&^yagura.PartBody
		}
		return nil
	}
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		q.BodySize = 0
		return nil
	}
	if limit <= 0 {
		return nil
	}
	b := &again{rest: r.Body, guard: g}
	// gRPC needs HTTP/2. A form that calls itself gRPC would choose how little of it
	// is inspected.
	grpc := r.ProtoMajor >= 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
	if grpc && g.HeadersOnly {
		q.Missing |= yagura.PartBody
		return nil
	}
	if r.ContentLength > 0 {
		limit = int(min(int64(limit), r.ContentLength))
	}
	b.buffer = g.buffer(limit)
	if grpc {
		b.first, b.err = firstMessage(r.Body, *b.buffer, limit)
	} else {
		b.first, b.err = readUpTo(r.Body, *b.buffer, limit)
	}
	if b.err == io.EOF {
		q.BodySize = int64(len(b.first))
	}
	q.Body = b.first
	r.Body = b
	return b
}

// maxPooled is the capacity of the largest buffer that is kept.
const maxPooled = 128 << 10

// buffer gives an empty buffer that can grow to size.
func (g *Guard) buffer(size int) *[]byte {
	if p, ok := g.buffers.Get().(*[]byte); ok {
		*p = (*p)[:0]
		return p
	}
	b := make([]byte, 0, min(size, 4096))
	return &b
}

// readUpTo appends at most limit bytes of r to b. The error is that of the body,
// io.EOF at its end.
func readUpTo(r io.Reader, b []byte, limit int) ([]byte, error) {
	for len(b) < limit {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)] // Grows as append grows, so hostile lengths cost nothing.
		}
		n, err := r.Read(b[len(b):min(cap(b), limit)])
		b = b[:len(b)+n]
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

// firstMessage reads the first message of a gRPC stream
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): a flag and
// the length in four bytes before it. A client may wait for an answer to it.
func firstMessage(r io.Reader, b []byte, limit int) ([]byte, error) {
	b, err := readUpTo(r, b, min(5, limit))
	if err != nil || len(b) < 5 {
		return b, err
	}
	size := int64(binary.BigEndian.Uint32(b[1:5])) + 5
	return readUpTo(r, b, int(min(size, int64(limit))))
}

// bodyError is how a body is refused by default.
func bodyError(err error) (status int, reason string) {
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return http.StatusRequestEntityTooLarge, "body-too-large"
	}
	return http.StatusBadRequest, "body-incomplete"
}

// again is a body whose first bytes have been read.
type again struct {
	guard  *Guard
	rest   io.ReadCloser
	buffer *[]byte

	mu    sync.Mutex // The transport may read while the handler returns.
	first []byte
	at    int
	err   error // of the body behind the first bytes
	gone  bool
}

// Read gives the first bytes, then what comes.
func (b *again) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.gone {
		b.mu.Unlock()
		return 0, http.ErrBodyReadAfterClose
	}
	if b.at < len(b.first) {
		n := copy(p, b.first[b.at:])
		b.at += n
		b.mu.Unlock()
		return n, nil
	}
	err := b.err
	b.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return b.rest.Read(p)
}

// Close closes the body.
func (b *again) Close() error {
	b.mu.Lock()
	b.gone = true
	b.mu.Unlock()
	return b.rest.Close()
}

// release gives the buffer back; nothing may read the first bytes any more.
func (b *again) release() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = true
	if b.buffer == nil || cap(b.first) > maxPooled {
		return
	}
	*b.buffer = b.first[:0]
	b.guard.buffers.Put(b.buffer)
	b.buffer, b.first = nil, nil
}
