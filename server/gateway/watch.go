package gateway

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/prevent/waf/handler"
	"github.com/yagura-sec/yagura/prevent/waf/waflog"
)

// clientOf is the client behind trusted proxies.
var clientOf = handler.Client

// tokens makes the maker of tokens, nil without a key.
func (c *Config) tokens() (*handler.Tokens, []string, error) {
	if c.Token.KeyFile == "" {
		return nil, nil, nil
	}
	key, err := os.ReadFile(c.Token.KeyFile)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: token.key_file: %w", c.path, err)
	}
	t, err := handler.NewTokens(handler.TokenConfig{
		Key: bytes.TrimSpace(key), Domains: c.Token.Domains, Lifetime: c.Token.Lifetime,
		ChallengeBits: c.Token.ChallengeBits, CaptchaBits: c.Token.CaptchaBits,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: token.key_file %s: %w", c.path, c.Token.KeyFile, err)
	}
	return t, []string{c.Token.KeyFile}, nil
}

// openLog opens the log of decisions, nil when none is configured.
func (c *Config) openLog(log *slog.Logger) (*waflog.Log, error) {
	var sinks []waflog.Sink
	if f := c.Log.File; f.Path != "" {
		s, err := waflog.NewFile(waflog.FileConfig{Path: f.Path, Size: f.SizeMB << 20, Keep: f.Keep, Gzip: f.Gzip})
		if err != nil {
			return nil, fmt.Errorf("%s: log.file: %w", c.path, err)
		}
		sinks = append(sinks, s)
	}
	if h := c.Log.HTTP; h.URL != "" {
		s, err := waflog.NewHTTP(waflog.HTTPConfig{URL: h.URL, Header: h.Header, Timeout: h.Timeout, Attempts: h.Attempts})
		if err != nil {
			return nil, fmt.Errorf("%s: log.http: %w", c.path, err)
		}
		sinks = append(sinks, s)
	}
	if len(sinks) == 0 {
		return nil, nil
	}
	l, err := waflog.New(waflog.Config{Sinks: sinks, Redact: c.Log.Redact, Sample: c.Log.Sample, Queue: c.Log.QueueMB << 20, Log: log})
	if err != nil {
		return nil, fmt.Errorf("%s: log: %w", c.path, err)
	}
	return l, nil
}

// swapLog replaces the log when its configuration has changed.
func (g *Gateway) swapLog(old, cfg *Config) error {
	if reflect.DeepEqual(old.Log, cfg.Log) {
		return nil
	}
	l, err := cfg.openLog(g.deps.Log)
	if err != nil {
		return err
	}
	if was := g.logs.Swap(l); was != nil {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := was.Close(ctx); err != nil {
				g.deps.Log.Error("the old log was not written to its end", "error", err)
			}
		}()
	}
	return nil
}

// watch reloads when a file has changed, until the context ends.
func (g *Gateway) watch(ctx context.Context) {
	every := g.state.Load().config.Watch
	if every < 0 {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	last, _ := g.stamp()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, newest := g.stamp()
		// What changed while the files were read shows in its time only.
		since := newest.Sub(time.Unix(0, g.tried.Load()))
		if now == last && (since < -clockStep || newest.After(time.Now())) {
			continue
		}
		_ = g.Reload(ctx) // It has been logged and counted; the next change tries again.
		last, _ = g.stamp()
	}
}

// clockStep is how coarse the times of files are.
const clockStep = 20 * time.Millisecond

// stamp is the state of all files that were read: names, sizes and times, and
// the newest of the times.
func (g *Gateway) stamp() (string, time.Time) {
	var b strings.Builder
	var newest time.Time
	note := func(name string) {
		if st, err := os.Stat(name); err == nil {
			fmt.Fprintln(&b, name, st.Size(), st.ModTime().UnixNano())
			if st.ModTime().After(newest) {
				newest = st.ModTime()
			}
		} else {
			fmt.Fprintln(&b, name, "missing")
		}
	}
	s := g.state.Load()
	for _, name := range s.files {
		st, err := os.Stat(name)
		if err != nil || !st.IsDir() {
			note(name)
			continue
		}
		_ = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				note(path)
			}
			return nil // What cannot be read is seen when it is compiled.
		})
	}
	for _, c := range g.certs {
		if c != nil {
			for _, name := range c.names() {
				note(name)
			}
		}
	}
	return b.String(), newest
}
