// Package gateway is a reverse proxy with a web application firewall: HTTP/1.1,
// HTTP/2 and HTTP/3 in front, HTTP/1.1 or HTTP/2 behind, several sites by host.
//
// Connections are accepted, TLS ends, and package front reads what comes before
// net/http does: it refuses what two servers could read differently, and counts
// HTTP/2 abuse. Each request is then inspected by the site's guard (package
// prevent/waf/handler) and passed to a backend by net/http/httputil. Bodies
// stream; the guard keeps only as much of them as the gate wants to see.
//
// docs/ref/gateway.md lists every field of the configuration, every metric and
// the limits; docs/decisions/0010-gateway-front.md says why the front is as it is.
//
// # Reload
//
// The configuration, the web ACLs and the certificates are read again when they
// change. A request is served to its end by what it began with, and connections
// stay. When something does not compile, the old state stays and the metric
// yagura_gateway_reload_failed says so. Addresses need a restart.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/handler"
	"github.com/yagura-sec/yagura/prevent/waf/waflog"
	"github.com/yagura-sec/yagura/server/gateway/front"
)

// Deps are what the gateway needs from outside.
type Deps struct {
	// Compile makes the gate of a site. Tokens is nil without a key; old is the
	// site's gate before a reload, else nil. Files tells which were read, so that
	// they are watched. A gate with a method Name() string tells the web ACL's ARN
	// for the log.
	Compile func(w *WAF, tokens *handler.Tokens, old yagura.Gate) (g yagura.Gate, files []string, err error)
	Log     *slog.Logger // default: nowhere
	// Listening, if set, is called with the addresses, and Admin's, once they are
	// open.
	Listening func(addresses []string, admin string)
}

// Gateway is a running or coming gateway.
type Gateway struct {
	deps    Deps
	path    string
	state   atomic.Pointer[state]
	logs    atomic.Pointer[waflog.Log]
	metrics *metrics
	conns   *connections
	certs   []*certificates // by listener; nil for those without TLS
	tunnels tunnels
	drains  atomic.Bool
	tried   atomic.Int64 // when the files were last begun to be read, in ns
	reload  sync.Mutex
	pipes   transports
}

// state is what a configuration makes; a reload replaces it as a whole.
type state struct {
	config *Config
	sites  map[string]*site // by host, "*.name" or "*"
	first  *site
	files  []string
	stop   context.CancelFunc // of health checks
}

// New reads the configuration and compiles its gates. Nothing is opened yet but
// the log.
func New(ctx context.Context, path string, deps Deps) (*Gateway, error) {
	if deps.Compile == nil {
		return nil, errors.New("gateway: no compiler of gates")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{deps: deps, path: path}
	g.metrics = newMetrics(g)
	g.pipes.byKey = map[pipeKey]*http.Transport{}
	g.tunnels.open = map[*tunnel]bool{}
	g.tried.Store(time.Now().UnixNano())
	cfg, err := Read(path)
	if err != nil {
		return nil, err
	}
	for _, l := range cfg.Listen {
		var certs *certificates
		if len(l.Certificates) > 0 {
			certs = &certificates{}
			if err := certs.load(l.Certificates); err != nil {
				return nil, err
			}
		}
		g.certs = append(g.certs, certs)
	}
	logs, err := cfg.openLog(deps.Log)
	if err != nil {
		return nil, err
	}
	g.logs.Store(logs)
	s, err := g.build(ctx, cfg, nil)
	if err != nil {
		return nil, err
	}
	g.state.Store(s)
	trusted, _ := cfg.trusted() // Read has checked it.
	g.conns = newConnections(&cfg.Limits, trusted, g.metrics)
	return g, nil
}

// Check reads a configuration, its certificates and gates as New does, and opens
// nothing.
func Check(ctx context.Context, path string, deps Deps) error {
	cfg, err := Read(path)
	if err != nil {
		return err
	}
	for _, l := range cfg.Listen {
		if err := new(certificates).load(l.Certificates); err != nil {
			return err
		}
	}
	for i := range cfg.Sites {
		cfg.Sites[i].Health.Path = "" // Backends are not asked.
	}
	deps.Log = slog.New(slog.DiscardHandler)
	g := &Gateway{deps: deps, path: path}
	g.pipes.byKey = map[pipeKey]*http.Transport{}
	s, err := g.build(ctx, cfg, nil)
	if err == nil {
		s.stop()
	}
	return err
}

// build makes the state of a configuration. Backends that are in old too keep
// their health.
func (g *Gateway) build(ctx context.Context, cfg *Config, old *state) (*state, error) {
	trusted, err := cfg.trusted()
	if err != nil {
		return nil, err
	}
	tokens, files, err := cfg.tokens()
	if err != nil {
		return nil, err
	}
	checks, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &state{config: cfg, sites: map[string]*site{}, files: append(files, cfg.path), stop: stop}
	for i := range cfg.Sites {
		one := &cfg.Sites[i]
		var gate yagura.Gate
		if one.Mode != "off" {
			var read []string
			gate, read, err = g.deps.Compile(&one.WAF, tokens, old.gate(one.name()))
			if err != nil {
				stop()
				return nil, fmt.Errorf("%s: site %s: %w", cfg.path, one.name(), err)
			}
			s.files = append(s.files, read...)
		}
		built, err := g.buildSite(one, cfg, gate, tokens, trusted, old)
		if err != nil {
			stop()
			return nil, fmt.Errorf("%s: site %s: %w", cfg.path, one.name(), err)
		}
		for _, h := range one.Hosts {
			s.sites[lower(h)] = built
		}
		if s.first == nil {
			s.first = built
		}
		built.pool.watch(checks)
	}
	return s, nil
}

// Reload reads the configuration again. On an error all stays as it was.
func (g *Gateway) Reload(ctx context.Context) error {
	g.reload.Lock()
	defer g.reload.Unlock()
	err := g.tryReload(ctx)
	g.metrics.reloaded(err)
	if err != nil {
		g.deps.Log.Error("the configuration was not reloaded; the old one stays", "error", err)
		return err
	}
	g.deps.Log.Info("configuration reloaded")
	return nil
}

func (g *Gateway) tryReload(ctx context.Context) error {
	g.tried.Store(time.Now().UnixNano())
	cfg, err := Read(g.path)
	if err != nil {
		return err
	}
	old := g.state.Load()
	if err := sameListeners(old.config, cfg); err != nil {
		return err
	}
	for i, l := range cfg.Listen {
		if g.certs[i] != nil {
			if err := g.certs[i].load(l.Certificates); err != nil {
				return err
			}
		}
	}
	s, err := g.build(ctx, cfg, old)
	if err != nil {
		return err
	}
	trusted, _ := cfg.trusted() // Read has checked it.
	if err := g.swapLog(old.config, cfg); err != nil {
		s.stop()
		return err
	}
	g.conns.configure(&cfg.Limits, trusted)
	g.state.Store(s)
	old.stop()
	g.pipes.keep(s)
	return nil
}

// sameListeners refuses what a reload cannot change.
func sameListeners(old, cfg *Config) error {
	if len(old.Listen) != len(cfg.Listen) || old.Admin != cfg.Admin || old.ExtAuthz != cfg.ExtAuthz {
		return errors.New("listen, admin or ext_authz has changed, which needs a restart")
	}
	for i, l := range cfg.Listen {
		o := old.Listen[i]
		if o.Address != l.Address || o.HTTP3 != l.HTTP3 || o.H2C != l.H2C || (len(o.Certificates) > 0) != (len(l.Certificates) > 0) {
			return fmt.Errorf("listen.%d has changed, which needs a restart", i)
		}
	}
	return nil
}

// Guard gives the guard of a host as the current configuration has it, nil when
// no site is there. For servers beside the gateway.
func (g *Gateway) Guard(host string) *handler.Guard {
	if one := g.state.Load().find(host); one != nil {
		return one.guard
	}
	return nil
}

// ExtAuthz is the address of Envoy's external authorization, empty for none.
func (g *Gateway) ExtAuthz() string { return g.state.Load().config.ExtAuthz }

// Run serves until the context ends, then lets requests end.
func (g *Gateway) Run(ctx context.Context) error {
	cfg := g.state.Load().config
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	srv := g.server(cfg)
	srv.BaseContext = func(net.Listener) context.Context { return serving }
	opened, err := g.listen(ctx, cfg, srv)
	if err != nil {
		return err
	}
	admin, err := g.serveAdmin(ctx, cfg.Admin)
	if err != nil {
		opened.close()
		return err
	}
	if g.deps.Listening != nil {
		g.deps.Listening(opened.addresses(), admin.address())
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(g.conns) }()
	watching, rest := context.WithCancel(ctx)
	defer rest()
	go g.watch(watching)
	select {
	case err = <-failed:
		err = fmt.Errorf("gateway: %w", err)
	case <-ctx.Done():
	}
	rest()
	g.drain(srv, opened, stop)
	admin.close()
	g.state.Load().stop()
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if l := g.logs.Load(); l != nil {
		err = errors.Join(err, l.Close(flush))
	}
	return err
}

// drain ends: nothing new is accepted, what runs may end, and what has not ended
// then is cut.
func (g *Gateway) drain(srv *http.Server, opened *listeners, stop func()) {
	g.drains.Store(true)
	grace, cancel := context.WithTimeout(context.Background(), g.state.Load().config.Drain)
	defer cancel()
	opened.close()
	var ended sync.WaitGroup
	ended.Go(func() {
		if srv.Shutdown(grace) != nil {
			_ = srv.Close() // The grace is over.
		}
	})
	ended.Go(func() { opened.drainQUIC(grace) })
	ended.Go(func() { g.tunnels.wait(grace) })
	ended.Wait()
	stop()
}

// server is net/http behind the front.
func (g *Gateway) server(cfg *Config) *http.Server {
	l := &cfg.Limits
	srv := &http.Server{
		Handler: http.HandlerFunc(g.serve),
		// The front has its own time for heads; it delivers them whole.
		ReadHeaderTimeout:            l.HeaderTime + 5*time.Second,
		IdleTimeout:                  l.IdleTime,
		MaxHeaderBytes:               l.HeaderBytes + 4096,
		DisableGeneralOptionsHandler: true,
		ConnContext:                  front.WithConn,
		ErrorLog:                     slog.NewLogLogger(g.deps.Log.Handler(), slog.LevelDebug),
		Protocols:                    new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: l.Streams,
			SendPingTimeout:      l.IdleTime,
			PingTimeout:          15 * time.Second,
			WriteByteTimeout:     l.WriteTime,
		},
	}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true) // TLS has ended before.
	return srv
}
