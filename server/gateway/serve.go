package gateway

import (
	"bufio"
	"context"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/server/gateway/front"
)

// visit is what is known of a request besides the http.Request.
type visit struct {
	head     *front.Head // of HTTP/1
	conn     *accepted   // nil for HTTP/3
	front    *front.Conn // likewise
	body     *pacedBody  // nil without a body
	ja3, ja4 string      // of HTTP/3
}

type visitKey struct{}

// bodyFailure is what was wrong with the request's body, as far as it is the
// client's fault.
func (v *visit) bodyFailure() error {
	if v.body != nil && v.body.slow.Load() {
		return errSlowBody
	}
	if v.head != nil && v.front != nil {
		if f := v.front.BodyFault(); f != nil {
			return f
		}
	}
	return nil
}

// serve is the way of every request.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request) {
	s := g.state.Load()
	v := &visit{}
	conn := front.FromContext(r.Context())
	if v.front = conn; conn != nil {
		v.conn, _ = conn.Conn.(*accepted)
		if v.conn != nil {
			r.TLS = v.conn.tls
		}
	} else if q, ok := r.Context().Value(quicKey{}).(*quicHello); ok {
		v.ja3, v.ja4 = q.ja3, q.ja4
	}
	g.metrics.request(r.ProtoMajor)
	if r.ProtoMajor == 1 && conn != nil {
		if v.head = conn.Next(); !g.sound(w, r, s, v) {
			return
		}
		defer conn.Resume()
	} else if !g.soundStream(w, r, s, v) {
		return
	}
	one := s.find(r.Host)
	if one == nil {
		g.metrics.failed("unknown-host")
		plain(w, http.StatusMisdirectedRequest)
		return
	}
	l := &s.config.Limits
	if l.BodyBytes > 0 && r.ContentLength > l.BodyBytes {
		w.Header().Set("Connection", "close")
		plain(w, http.StatusRequestEntityTooLarge)
		return
	}
	onlyUpgrades(r, v.head, one.Upgrades)
	for _, port := range s.quicPorts(v.conn) {
		w.Header().Set("Alt-Svc", `h3=":`+port+`"; ma=86400`)
	}
	out := &answerWriter{ResponseWriter: w, gateway: g, conn: conn, idle: l.TunnelTime}
	if r.ProtoMajor > 1 {
		out.pace(l.WriteTime)
		defer out.timer.Stop()
	}
	r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
	if r.Body != nil && r.Body != http.NoBody {
		body := newPacedBody(w, r, l)
		v.body = body
		if l.BodyBytes > 0 {
			r.Body = http.MaxBytesReader(w, body, l.BodyBytes)
		} else {
			r.Body = body
		}
		defer body.timer.Stop()
	}
	one.handler.ServeHTTP(out, r)
}

// sound refuses malformed requests, after their inspection.
func (g *Gateway) sound(w http.ResponseWriter, r *http.Request, s *state, v *visit) bool {
	h := v.head
	if h != nil && h.Fault == nil && h.Method == r.Method && h.Target == r.RequestURI {
		return true
	}
	w.Header().Set("Connection", "close")
	if h == nil || h.Fault == nil { // The front and net/http differ: nothing more may come of it.
		g.metrics.malformed("out-of-step")
		plain(w, http.StatusBadRequest)
		return false
	}
	g.metrics.malformed(h.Fault.Reason)
	g.malformed(w, r, s, v)
	return false
}

// soundStream refuses requests of HTTP/2 and HTTP/3 that HTTP/1 could not have
// written: a space in the target would split a backend's request line, and what
// stands behind a number sign is a part of the query to some backends only.
func (g *Gateway) soundStream(w http.ResponseWriter, r *http.Request, s *state, v *visit) bool {
	f := front.Sound(r.Method, r.RequestURI, r.Host)
	if f == nil && (r.Header["Content_length"] != nil || r.Header["Transfer_encoding"] != nil) {
		f = &front.Fault{Status: http.StatusBadRequest, Reason: "framing-lookalike"}
	}
	if f == nil {
		return true
	}
	g.metrics.malformed(f.Reason)
	v.head = &front.Head{Method: r.Method, Target: r.RequestURI, Version: r.Proto, Host: r.Host, Fault: f}
	v.head.Headers = append(v.head.Headers, yagura.Header{Name: "host", Value: r.Host})
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			v.head.Headers = append(v.head.Headers, yagura.Header{Name: strings.ToLower(name), Value: value})
		}
	}
	g.malformed(w, r, s, v)
	return false
}

// malformed has a malformed request inspected and refused.
func (g *Gateway) malformed(w http.ResponseWriter, r *http.Request, s *state, v *visit) {
	h := v.head
	one := s.find(h.Host)
	if one == nil {
		one = s.first
	}
	// The target stays whole: rules look for the number sign in it.
	_, fragment, _ := strings.Cut(h.Target, "#")
	q := &yagura.Request{
		Method: h.Method, URI: h.Target, Fragment: fragment, Version: h.Version, Scheme: "http", Host: h.Host, Headers: h.Headers,
		Body: h.Early[:min(len(h.Early), max(0, one.bodyLimit()))], BodySize: -1, Client: client(r, h, one.trusted),
		JA3: v.ja3, JA4: v.ja4,
	}
	if q.Version == "" {
		q.Version = "HTTP/0.9" // That is what a request line without one means.
	}
	if r.ProtoMajor > 1 {
		q.Missing = yagura.PartOrder | yagura.PartBody
	}
	if v.conn != nil {
		q.JA3, q.JA4 = v.conn.ja3, v.conn.ja4
	}
	if r.TLS != nil {
		q.Scheme = "https"
	}
	one.guard.Refuse(w, q, h.Fault.Status, h.Fault.Reason)
}

// bodyLimit is how much of a body the gate wants to see.
func (s *site) bodyLimit() int {
	if s.guard.Gate == nil {
		return 0
	}
	return s.guard.Gate.BodyLimit()
}

// client finds the client of a malformed request.
func client(r *http.Request, h *front.Head, trusted []netip.Prefix) netip.Addr {
	like := &http.Request{RemoteAddr: r.RemoteAddr, Header: http.Header{}}
	for _, f := range h.Headers {
		if strings.EqualFold(f.Name, "X-Forwarded-For") {
			like.Header.Add("X-Forwarded-For", f.Value)
		}
	}
	return clientOf(like, trusted)
}

// prepare tells the guard what only the front knows.
func prepare(r *http.Request, q *yagura.Request) {
	v, ok := r.Context().Value(visitKey{}).(*visit)
	if !ok {
		return
	}
	if v.head != nil {
		q.Headers, q.URI, q.Version = v.head.Headers, v.head.Target, v.head.Version
	}
	q.JA3, q.JA4 = v.ja3, v.ja4
	if v.conn != nil {
		q.JA3, q.JA4 = v.conn.ja3, v.conn.ja4
	}
}

// onlyUpgrades removes wishes for a protocol that the site does not allow: HTTP/2
// in clear, above all, in which further requests would pass unseen.
func onlyUpgrades(r *http.Request, h *front.Head, allowed []string) {
	wish := r.Header.Get("Upgrade")
	if wish == "" {
		return
	}
	if h != nil && h.Upgrade && len(r.Header["Upgrade"]) == 1 {
		for _, a := range allowed {
			if strings.EqualFold(wish, a) {
				return
			}
		}
	}
	r.Header.Del("Upgrade")
	r.Header.Del("Http2-Settings")
	var rest []string
	for name := range strings.SplitSeq(strings.Join(r.Header["Connection"], ","), ",") {
		if name = strings.TrimSpace(name); name != "" && !strings.EqualFold(name, "upgrade") && !strings.EqualFold(name, "http2-settings") {
			rest = append(rest, name)
		}
	}
	r.Header.Del("Connection")
	if len(rest) > 0 {
		r.Header.Set("Connection", strings.Join(rest, ", "))
	}
}

// answerWriter is the way back: it knows tunnels, and cuts off HTTP/2 and HTTP/3
// clients that take nothing.
type answerWriter struct {
	http.ResponseWriter
	gateway *Gateway
	conn    *front.Conn
	idle    time.Duration
	timer   *time.Timer // nil for HTTP/1, where the front has the deadline
	stall   time.Duration
}

// Unwrap is for http.ResponseController.
func (a *answerWriter) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answerWriter) pace(stall time.Duration) {
	rc := http.NewResponseController(a.ResponseWriter)
	a.stall = stall
	a.timer = time.AfterFunc(stall, func() { _ = rc.SetWriteDeadline(time.Now()) }) // What cannot be cut has ended.
	a.timer.Stop()
}

// Write writes.
func (a *answerWriter) Write(p []byte) (int, error) {
	if a.timer != nil {
		a.timer.Reset(a.stall)
		defer a.timer.Stop()
	}
	return a.ResponseWriter.Write(p)
}

// FlushError flushes.
func (a *answerWriter) FlushError() error {
	if a.timer != nil {
		a.timer.Reset(a.stall)
		defer a.timer.Stop()
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Hijack makes the connection a tunnel, which a drain knows of.
func (a *answerWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if a.conn != nil {
		a.conn.Tunnel()
	}
	return a.gateway.tunnels.add(c, a.idle), rw, nil
}

// tunnels are the connections that speak another protocol.
type tunnels struct {
	mu   sync.Mutex
	open map[*tunnel]bool
}

// tunnel is one of them.
type tunnel struct {
	net.Conn
	of   *tunnels
	idle time.Duration
}

func (t *tunnels) add(c net.Conn, idle time.Duration) net.Conn {
	one := &tunnel{Conn: c, of: t, idle: idle}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open[one] = true
	return one
}

func (t *tunnels) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.open)
}

// wait waits until all tunnels are closed, and cuts those that are open when the
// context ends.
func (t *tunnels) wait(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for t.count() > 0 {
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		t.mu.Lock()
		all := make([]*tunnel, 0, len(t.open))
		for one := range t.open {
			all = append(all, one)
		}
		t.mu.Unlock()
		for _, one := range all {
			_ = one.Close() // It is cut; nobody is left to be told.
		}
		return
	}
}

// Read reads; a tunnel in which nothing comes for long is closed.
func (t *tunnel) Read(p []byte) (int, error) {
	if err := t.SetReadDeadline(time.Now().Add(t.idle)); err != nil {
		return 0, err
	}
	return t.Conn.Read(p)
}

// CloseWrite ends the sending direction.
func (t *tunnel) CloseWrite() error {
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}

// Close closes.
func (t *tunnel) Close() error {
	t.of.mu.Lock()
	delete(t.of.open, t)
	t.of.mu.Unlock()
	return t.Conn.Close()
}
