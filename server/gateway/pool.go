package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// member is one backend of a site. It outlives a reload that keeps it.
type member struct {
	url     *url.URL
	pipe    *http.Transport
	key     pipeKey
	busy    atomic.Int64
	health  sync.Mutex
	fails   int // in a row
	passes  int // in a row
	down    bool
	restEnd time.Time // of a backend that is down without health checks
}

// up says whether the member may get requests.
func (m *member) up(now time.Time, checked bool) bool {
	m.health.Lock()
	defer m.health.Unlock()
	return !m.down || !checked && now.After(m.restEnd)
}

// tell counts a success or failure and says whether the state has changed.
func (m *member) tell(ok bool, h *health) (changed bool) {
	m.health.Lock()
	defer m.health.Unlock()
	if ok {
		m.passes, m.fails = m.passes+1, 0
		if m.down && (m.passes >= h.Passes || h.Path == "") {
			m.down = false
			return true
		}
		return false
	}
	m.fails, m.passes = m.fails+1, 0
	m.restEnd = time.Now().Add(h.Interval)
	if !m.down && m.fails >= h.Fails {
		m.down = true
		return true
	}
	return false
}

// pool is the backends of a site. It is a RoundTripper.
type pool struct {
	site    string
	members []*member
	least   bool
	health  health
	next    atomic.Uint64
	gateway *Gateway
}

var errNoBackend = errors.New("no backend could be reached")

// pick chooses among the members that are up and not in tried; when none is up,
// among all: asking a backend that seems dead is better than certainly failing.
func (p *pool) pick(tried []*member) *member {
	now := time.Now()
	if len(p.members) == 0 {
		return nil
	}
	start := int(p.next.Add(1) % uint64(len(p.members))) //nolint:gosec // Less than a length.
	var best *member
	for _, needUp := range []bool{true, false} {
		for i := range p.members {
			m := p.members[(start+i)%len(p.members)]
			if contains(tried, m) || needUp && !m.up(now, p.health.Path != "") {
				continue
			}
			if !p.least {
				return m
			}
			if best == nil || m.busy.Load() < best.busy.Load() {
				best = m
			}
		}
		if best != nil {
			return best
		}
	}
	return nil
}

func contains(list []*member, m *member) bool {
	for _, one := range list {
		if one == m {
			return true
		}
	}
	return false
}

// RoundTrip sends the request, which is the proxy's own copy. Only when no
// connection was made, so that nothing has been sent, another backend is tried.
func (p *pool) RoundTrip(r *http.Request) (*http.Response, error) {
	body := r.Body
	if body != nil && body != http.NoBody {
		r.Body = keepOpen{body}
	}
	var tried []*member
	err := errNoBackend
	for len(tried) < len(p.members) {
		m := p.pick(tried)
		if m == nil {
			break
		}
		r.URL.Scheme, r.URL.Host = m.url.Scheme, m.url.Host
		m.busy.Add(1)
		var res *http.Response
		res, err = m.pipe.RoundTrip(r) //nolint:bodyclose // The proxy closes it.
		if err == nil {
			p.note(m, true)
			res.Body = counted(res.Body, &m.busy)
			return res, nil
		}
		m.busy.Add(-1)
		if !unsent(err) || r.Context().Err() != nil {
			return nil, err
		}
		p.note(m, false)
		tried = append(tried, m)
	}
	return nil, fmt.Errorf("%w: %w", errNoBackend, err)
}

// note counts what a request told of a backend.
func (p *pool) note(m *member, ok bool) {
	if ok && p.health.Path != "" {
		return // Health checks alone bring a backend back.
	}
	if m.tell(ok, &p.health) {
		p.changed(m)
	}
}

func (p *pool) changed(m *member) {
	up := m.up(time.Now(), true)
	p.gateway.deps.Log.Warn("backend changed", "site", p.site, "backend", m.url.String(), "up", up)
}

// unsent says that no connection was made.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// keepOpen is a body that an attempt does not close, so that the next can send it.
type keepOpen struct{ io.Reader }

// Close does nothing; net/http's server closes the body.
func (keepOpen) Close() error { return nil }

// counted counts a response's end. A body that can be written is a tunnel, and
// stays one.
func counted(body io.ReadCloser, busy *atomic.Int64) io.ReadCloser {
	c := &countedBody{ReadCloser: body, busy: busy}
	if w, ok := body.(io.Writer); ok {
		return struct {
			*countedBody
			io.Writer
		}{c, w}
	}
	return c
}

type countedBody struct {
	io.ReadCloser
	busy *atomic.Int64
	once sync.Once
}

// Close closes the body.
func (c *countedBody) Close() error {
	c.once.Do(func() { c.busy.Add(-1) })
	return c.ReadCloser.Close()
}

// watch asks the backends whether they live, until the context ends.
func (p *pool) watch(ctx context.Context) {
	if p.health.Path == "" {
		return
	}
	for _, m := range p.members {
		go func() {
			tick := time.NewTicker(p.health.Interval)
			defer tick.Stop()
			for {
				if m.tell(p.ask(ctx, m), &p.health) {
					p.changed(m)
				}
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
			}
		}()
	}
}

// ask sends one health check; any status under 400 is well.
func (p *pool) ask(ctx context.Context, m *member) bool {
	within, cancel := context.WithTimeout(ctx, p.health.Timeout)
	defer cancel()
	u := *m.url
	u.Path = ""
	r, err := http.NewRequestWithContext(within, http.MethodGet, u.String()+p.health.Path, nil)
	if err != nil {
		return false
	}
	r.Header.Set("User-Agent", "yagura-health")
	res, err := m.pipe.RoundTrip(r)
	if err != nil {
		return ctx.Err() != nil // The end of the check says nothing of the backend.
	}
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // So that the connection is used again.
	_ = res.Body.Close()
	return res.StatusCode < http.StatusBadRequest
}

// pipeKey is what makes transports different.
type pipeKey struct {
	h2c               bool
	ca                string
	connect, response time.Duration
}

// transports are kept over reloads, with their connections.
type transports struct {
	mu    sync.Mutex
	byKey map[pipeKey]*http.Transport
}

// get makes or finds a transport.
func (t *transports) get(k pipeKey) (*http.Transport, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.byKey[k]; p != nil {
		return p, nil
	}
	p := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: k.connect, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: k.connect, ResponseHeaderTimeout: k.response,
		MaxIdleConnsPerHost: 512, IdleConnTimeout: 90 * time.Second, DisableCompression: true, MaxResponseHeaderBytes: 1 << 20,
		Protocols: new(http.Protocols),
	}
	if k.h2c {
		p.Protocols.SetUnencryptedHTTP2(true)
	} else {
		p.Protocols.SetHTTP1(true)
		p.Protocols.SetHTTP2(true)
	}
	if k.ca != "" {
		pem, err := os.ReadFile(k.ca)
		if err != nil {
			return nil, fmt.Errorf("backend authorities: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("backend authorities %s: no certificate is in it", k.ca)
		}
		p.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	t.byKey[k] = p
	return p, nil
}

// keep forgets the transports that a state does not use. Requests on them go on.
func (t *transports) keep(s *state) {
	used := map[pipeKey]bool{}
	for _, one := range s.sites {
		for _, m := range one.pool.members {
			used[m.key] = true
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, p := range t.byKey {
		if !used[k] {
			p.CloseIdleConnections()
			delete(t.byKey, k)
		}
	}
}
