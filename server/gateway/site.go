package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/handler"
	"github.com/yagura-sec/yagura/prevent/waf/waflog"
	"github.com/yagura-sec/yagura/server/gateway/front"
)

// site is a Site at work.
type site struct {
	*Site
	guard   *handler.Guard
	handler http.Handler // guard and proxy
	pool    *pool
	config  *Config
	trusted []netip.Prefix
}

func lower(host string) string { return strings.ToLower(host) }

// find gives the site of a Host: by name, by the longest "*.name", or "*".
func (s *state) find(host string) *site {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(lower(host), ".")
	if one := s.sites[host]; one != nil {
		return one
	}
	for rest := host; ; {
		_, after, ok := strings.Cut(rest, ".")
		if !ok {
			return s.sites["*"]
		}
		if one := s.sites["*."+after]; one != nil {
			return one
		}
		rest = after
	}
}

// buildSite makes a site. Its backends keep what old knows of them.
func (g *Gateway) buildSite(
	one *Site, cfg *Config, gate yagura.Gate, tokens *handler.Tokens, trusted []netip.Prefix, old *state,
) (*site, error) {
	s := &site{Site: one, config: cfg, trusted: trusted}
	s.pool = &pool{site: one.name(), least: one.Balance == "least-connections", health: one.Health, gateway: g}
	for _, b := range one.Backends {
		u, err := url.Parse(b.URL)
		if err != nil {
			return nil, err
		}
		key := pipeKey{h2c: u.Scheme == "h2c", ca: b.CA, connect: one.Connect, response: one.Response}
		if key.h2c {
			u.Scheme = "http"
		}
		m := old.member(one.name(), u, key)
		if m == nil {
			pipe, err := g.pipes.get(key)
			if err != nil {
				return nil, err
			}
			m = &member{url: u, key: key, pipe: pipe}
		}
		s.pool.members = append(s.pool.members, m)
	}
	source := waflog.Source{ID: one.name()}
	if known, ok := gate.(interface{ Name() string }); ok {
		source.WebACL = known.Name()
	}
	var err error
	s.guard, err = handler.New(handler.Config{
		Gate: gate, Mode: handler.Mode(one.Mode), FailOpen: one.OnError == "open", Trusted: trusted, Tokens: tokens,
		Concurrent: cfg.Limits.Inspections, Wait: cfg.Limits.InspectionWait, HeadersOnly: one.GRPCBody == "none", Secret: cfg.RulesToken,
		BodyError: bodyError, Prepare: prepare, Observe: func(x *handler.Exchange) { g.observe(one, source, x) },
	})
	if err != nil {
		return nil, err
	}
	s.handler = s.guard.Handler(&httputil.ReverseProxy{
		Rewrite: s.rewrite, Transport: s.pool, BufferPool: buffers{}, ErrorHandler: g.failed,
		ErrorLog: slog.NewLogLogger(g.deps.Log.Handler(), slog.LevelWarn),
	})
	return s, nil
}

// member finds a backend in an old state.
func (s *state) member(name string, u *url.URL, key pipeKey) *member {
	if s == nil {
		return nil
	}
	for _, one := range s.sites {
		if one.name() != name {
			continue
		}
		for _, m := range one.pool.members {
			if *m.url == *u && m.key == key {
				return m
			}
		}
	}
	return nil
}

// gate finds the gate of a site in an old state.
func (s *state) gate(name string) yagura.Gate {
	if s == nil {
		return nil
	}
	for _, one := range s.sites {
		if one.name() == name {
			return one.guard.Gate
		}
	}
	return nil
}

// rewrite makes the request that a backend gets. The proxy has removed hop-by-hop
// headers and what the client said of X-Forwarded.
func (s *site) rewrite(p *httputil.ProxyRequest) {
	p.Out.URL.Scheme, p.Out.URL.Host = "http", "backend" // The pool chooses.
	p.Out.URL.RawQuery = p.In.URL.RawQuery               // As sent, not as Go would write it.
	if want := p.In.RequestURI; strings.HasPrefix(want, "/") && !strings.HasPrefix(want, "//") && p.Out.URL.RequestURI() != want {
		path, _, _ := strings.Cut(want, "?")
		p.Out.URL.Opaque = path
	}
	if s.HostHeader == "client" {
		p.Out.Host = p.In.Host
	} else {
		p.Out.Host = ""
	}
	p.Out.Header.Del("Expect") // The guard has asked the client to go on.
	if peer, err := netip.ParseAddrPort(p.In.RemoteAddr); err == nil &&
		slices.ContainsFunc(s.trusted, func(n netip.Prefix) bool { return n.Contains(peer.Addr().Unmap()) }) {
		p.Out.Header["X-Forwarded-For"] = p.In.Header["X-Forwarded-For"]
		defer func() {
			for _, name := range []string{"X-Forwarded-Proto", "X-Forwarded-Host"} {
				if v := p.In.Header[name]; len(v) == 1 {
					p.Out.Header[name] = v
				}
			}
		}()
	}
	p.SetXForwarded()
}

// bodyError says how a body that cannot be read is refused.
func bodyError(err error) (status int, reason string) {
	var tooLong *http.MaxBytesError
	var fault *front.Fault
	switch {
	case errors.As(err, &tooLong):
		return http.StatusRequestEntityTooLarge, "body-too-large"
	case errors.As(err, &fault):
		return fault.Status, fault.Reason
	case errors.Is(err, errSlowBody):
		return http.StatusRequestTimeout, "slow-body"
	}
	return http.StatusBadRequest, "body-incomplete"
}

// failed answers when no backend did.
func (g *Gateway) failed(w http.ResponseWriter, r *http.Request, err error) {
	// The end of a body ends the context too, and that error may come first.
	if v, ok := r.Context().Value(visitKey{}).(*visit); ok && v.bodyFailure() != nil {
		err = v.bodyFailure()
	}
	status, reason := bodyError(err)
	switch {
	case reason != "body-incomplete":
	case r.Context().Err() != nil, errors.Is(err, context.Canceled):
		reason = "client-gone"
	case isTimeout(err):
		status, reason = http.StatusGatewayTimeout, "backend-timeout"
	case errors.Is(err, errNoBackend):
		status, reason = http.StatusBadGateway, "no-backend"
	default:
		status, reason = http.StatusBadGateway, "backend"
	}
	g.metrics.failed(reason)
	if status >= http.StatusInternalServerError {
		g.deps.Log.Warn("a backend failed", "host", r.Host, "reason", reason, "error", err)
	} else {
		w.Header().Set("Connection", "close")
	}
	plain(w, status)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// plain answers with a status and its name.
func plain(w http.ResponseWriter, status int) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(status), status)
}

// buffers are what bodies are copied with.
type buffers struct{}

var pooled = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// Get gives a buffer.
func (buffers) Get() []byte { return pooled.Get().(*[32 << 10]byte)[:] } //nolint:errcheck,forcetypeassert // The pool holds nothing else.

// Put takes it back.
func (buffers) Put(b []byte) {
	if len(b) == 32<<10 {
		pooled.Put((*[32 << 10]byte)(b))
	}
}
