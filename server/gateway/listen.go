package gateway

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/yagura-sec/yagura/server/gateway/front"
)

// accepted is a connection that counts. What TLS told is known to its requests.
type accepted struct {
	net.Conn
	tls      *tls.ConnectionState // nil without TLS
	ja3, ja4 string
	forget   func()
	once     sync.Once
}

// Close closes and stops counting.
func (a *accepted) Close() error {
	a.once.Do(a.forget)
	return a.Conn.Close()
}

// CloseWrite ends the sending direction.
func (a *accepted) CloseWrite() error {
	if half, ok := a.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}

// connections accepts on all addresses, within limits, and hands connections to
// net/http, for which it is the one listener.
type connections struct {
	metrics *metrics
	ready   chan net.Conn
	ended   chan struct{}
	once    sync.Once
	shakes  atomic.Int64

	mu      sync.Mutex
	limits  *limits
	trusted []netip.Prefix
	all     int
	byPeer  map[netip.Addr]int
}

func newConnections(l *limits, trusted []netip.Prefix, m *metrics) *connections {
	return &connections{
		metrics: m, ready: make(chan net.Conn), ended: make(chan struct{}), limits: l, trusted: trusted, byPeer: map[netip.Addr]int{},
	}
}

func (c *connections) configure(l *limits, trusted []netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limits, c.trusted = l, trusted
}

// Accept gives net/http the next connection.
func (c *connections) Accept() (net.Conn, error) {
	select {
	case conn := <-c.ready:
		return conn, nil
	case <-c.ended:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (c *connections) Close() error {
	c.once.Do(func() { close(c.ended) })
	return nil
}

// Addr is that of no listener in particular.
func (c *connections) Addr() net.Addr { return &net.TCPAddr{} }

// count lets a connection in or says why not.
func (c *connections) count(remote net.Addr) (forget func(), refused string) {
	peer := netip.Addr{}
	if tcp, ok := remote.(*net.TCPAddr); ok {
		peer = tcp.AddrPort().Addr().Unmap()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	perIP := c.limits.PerIP
	switch {
	case perIP < 0, slices.ContainsFunc(c.trusted, func(p netip.Prefix) bool { return p.Contains(peer) }), perIP == 0 && peer.IsLoopback():
		perIP = c.limits.Connections
	case perIP == 0:
		perIP = 1000
	}
	if peer.Is6() {
		if p, err := peer.Prefix(64); err == nil {
			peer = p.Addr()
		}
	}
	switch {
	case c.all >= c.limits.Connections:
		return nil, "connections"
	case c.byPeer[peer] >= perIP:
		return nil, "per-ip"
	}
	c.all++
	c.byPeer[peer]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all--
		if c.byPeer[peer]--; c.byPeer[peer] == 0 {
			delete(c.byPeer, peer)
		}
	}, ""
}

// open tells how many connections there are.
func (c *connections) open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

// serve accepts on one listener until it is closed.
func (c *connections) serve(l net.Listener, conf *tls.Config, clear bool) {
	for {
		raw, err := l.Accept()
		if err != nil {
			select {
			case <-c.ended:
				return
			default:
			}
			if isClosed(err) {
				return
			}
			time.Sleep(10 * time.Millisecond) // Out of file descriptors, most often.
			c.metrics.refused("accept-error")
			continue
		}
		forget, refused := c.count(raw.RemoteAddr())
		if refused != "" {
			c.metrics.refused(refused)
			_ = raw.Close()
			continue
		}
		go c.begin(&accepted{Conn: raw, forget: forget}, conf, clear)
	}
}

// begin does the TLS handshake, if any, and passes the connection on.
func (c *connections) begin(a *accepted, conf *tls.Config, clear bool) {
	c.mu.Lock()
	l := c.limits
	c.mu.Unlock()
	protocol := ""
	if conf != nil {
		ok := c.shakes.Add(1) <= int64(l.Handshakes) && c.handshake(a, conf, l.Handshake)
		c.shakes.Add(-1)
		if !ok {
			c.metrics.refused("tls")
			_ = a.Close()
			return
		}
		if protocol = a.tls.NegotiatedProtocol; protocol == "" {
			protocol = "http/1.1"
		}
	}
	conn := front.New(a, protocol, front.Config{
		Limits:   front.Limits{Target: l.TargetBytes, Head: l.HeaderBytes, Fields: l.HeaderFields},
		Frames:   front.Frames{Resets: l.Resets, Continuations: l.Continuations, Control: l.Control},
		HeadTime: l.HeaderTime, WriteTime: l.WriteTime, Clear: clear, Abuse: c.metrics.abused,
	})
	select {
	case c.ready <- conn:
	case <-c.ended:
		_ = conn.Close()
	}
}

func (c *connections) handshake(a *accepted, conf *tls.Config, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	conf = conf.Clone()
	choose := conf.GetCertificate
	conf.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		a.ja3, a.ja4 = fingerprints(hello, 't')
		return choose(hello)
	}
	s := tls.Server(a.Conn, conf)
	if s.HandshakeContext(ctx) != nil {
		return false
	}
	state := s.ConnectionState()
	a.Conn, a.tls = s, &state
	return true
}

// listeners are the open sockets.
type listeners struct {
	tcp  []net.Listener
	quic []*quicServer
}

func (l *listeners) addresses() (out []string) {
	for _, t := range l.tcp {
		out = append(out, t.Addr().String())
	}
	return out
}

func (l *listeners) close() {
	for _, t := range l.tcp {
		_ = t.Close() // Nothing is lost: what was accepted lives on.
	}
}

// listen opens all addresses and accepts on them.
func (g *Gateway) listen(ctx context.Context, cfg *Config, srv *http.Server) (*listeners, error) {
	out := &listeners{}
	for i, l := range cfg.Listen {
		var lc net.ListenConfig
		t, err := lc.Listen(ctx, "tcp", l.Address)
		if err != nil {
			out.close()
			return nil, fmt.Errorf("gateway: listen.%d: %w", i, err)
		}
		out.tcp = append(out.tcp, t)
		var conf *tls.Config
		if g.certs[i] != nil {
			conf = g.certs[i].config()
		}
		if l.HTTP3 {
			q, err := g.serveQUIC(ctx, t.Addr(), g.certs[i], &cfg.Limits, srv)
			if err != nil {
				out.close()
				return nil, fmt.Errorf("gateway: listen.%d: HTTP/3: %w", i, err)
			}
			out.quic = append(out.quic, q)
		}
		go g.conns.serve(t, conf, l.H2C)
	}
	return out, nil
}
