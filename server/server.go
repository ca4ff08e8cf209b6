// Package server is the HTTP API under /api/v1 and the console, on localhost.
//
// The API is described by the OpenAPI 3.1 document at /api/v1/openapi.json, and
// a test holds the two together. The console (server/console holds its pages)
// asks through the same functions. Every view is a URL: what is asked stands in
// its parameters, and nothing is kept in sessions.
//
// # What it refuses
//
// It listens on loopback addresses only, and answers only requests whose Host is
// a loopback name: a foreign page that rebinds its DNS name gets nothing
// (https://owasp.org/www-community/attacks/DNS_Rebinding). Other sites may link to
// a page, but may neither call the API nor write nor run SQL (Sec-Fetch-Site and
// Origin, https://www.w3.org/TR/fetch-metadata/). There is no login yet, so
// whoever may run programs on the machine may read the lake.
//
// Log text is hostile: pages are html/template under a content security policy
// without exceptions, scripts build no HTML, control and bidirectional
// characters are shown as escapes, and CSV cells cannot begin a formula.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/server/console"
	"github.com/yagura-sec/yagura/store"
)

// Config says what the server serves.
type Config struct {
	Lake    *lake.Lake     // required
	Store   *store.Store   // required
	Schemas []*ocsf.Schema // of the lake's sources; required
	// Documents are the rules in force. A finding whose rule is not among them is
	// told without its rule's advice.
	Documents []*sigma.Document

	Language string           // of people who state none: en (default) or ja
	Zone     *time.Location   // shown until the browser tells its own; default time.Local
	Now      func() time.Time // clock of relative times; default time.Now
	Log      *slog.Logger     // default: nowhere
	// Listening, if set, is called once with the console's URL.
	Listening func(url string)

	// Questions is how many requests may read the lake at once; default 4.
	Questions int
	// SQLTime bounds one SQL query; default 30 s. SQLRows bounds its result;
	// default 10,000.
	SQLTime time.Duration
	SQLRows int
}

// Validate says what is missing or out of range.
func (c *Config) Validate() error {
	switch {
	case c.Lake == nil || c.Store == nil || len(c.Schemas) == 0:
		return errors.New("server: a lake, a store and schemas are needed")
	case c.Language != "" && !console.Speaks(c.Language):
		return fmt.Errorf("server: the language %q is not spoken; it is en or ja", c.Language)
	case c.Questions < 0 || c.SQLTime < 0 || c.SQLRows < 0:
		return errors.New("server: a limit is negative")
	}
	return nil
}

// desk answers requests.
type desk struct {
	Config
	fields    field.Table // names that the schemas know
	schemas   map[string]*ocsf.Schema
	rules     map[string]*sigma.Document // by id, name and Sigma's id
	questions chan struct{}              // one token for each request that reads the lake
}

// New gives the handler of the API and the console.
func New(cfg Config) (http.Handler, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	d := &desk{Config: cfg, schemas: map[string]*ocsf.Schema{}, rules: rulesOf(cfg.Documents)}
	if d.Language == "" {
		d.Language = "en"
	}
	if d.Zone == nil {
		d.Zone = time.Local
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Questions == 0 {
		d.Questions = 4
	}
	if d.SQLTime == 0 {
		d.SQLTime = 30 * time.Second
	}
	if d.SQLRows == 0 {
		d.SQLRows = 10_000
	}
	d.questions = make(chan struct{}, d.Questions)
	for _, s := range cfg.Schemas {
		d.schemas[s.Source] = s
	}
	var err error
	if d.fields, err = lake.Fields(cfg.Schemas, nil); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	mux := http.NewServeMux()
	for _, r := range d.routes() {
		mux.Handle(r.method+" "+r.path, d.serve(r))
	}
	mux.Handle("GET /static/", http.StripPrefix("/static/", console.Static()))
	mux.HandleFunc("/", d.nothing)
	return guard(mux), nil
}

// ErrNotLocal says that an address to listen on is not a loopback address.
var ErrNotLocal = errors.New("not a loopback address; use 127.0.0.1:PORT, [::1]:PORT or localhost:PORT")

// Serve listens on addr (host:port; port 0 takes a free one) and serves until
// the context ends; running requests then have five seconds.
func Serve(ctx context.Context, cfg Config, addr string) error {
	handler, err := New(cfg)
	if err != nil {
		return err
	}
	l, err := listen(ctx, addr)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    128 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	if cfg.Log != nil {
		srv.ErrorLog = slog.NewLogLogger(cfg.Log.Handler(), slog.LevelWarn)
	}
	if cfg.Listening != nil {
		cfg.Listening("http://" + l.Addr().String() + "/")
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("server: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		_ = srv.Close() // The grace is over; nobody is left to be told.
	}
	return nil
}

// listen opens the address if it is a loopback one. A name must be localhost,
// whatever it resolves to elsewhere.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", addr, err)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("listen on %q: %w", addr, ErrNotLocal)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w; is another `yagura serve` running?", addr, err)
	}
	return l, nil
}
