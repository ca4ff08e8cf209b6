package waflog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// HTTPConfig is a collector that takes JSON Lines by POST.
type HTTPConfig struct {
	URL     string
	Header  map[string]string // Authorization and such
	Timeout time.Duration     // of one attempt; default 10 s
	// Attempts is how often a batch is sent before it counts as failed, with 0.2,
	// 0.4, 0.8 … seconds between; default 4.
	Attempts int
}

// HTTP is a Sink. A batch that was taken although the answer got lost is sent
// again: the collector may see lines twice, and knows them by requestId.
type HTTP struct {
	HTTPConfig
	client *http.Client
}

// batchSize bounds one POST; lines are not cut.
const batchSize = 1 << 20

// NewHTTP makes the sink.
func NewHTTP(cfg HTTPConfig) (*HTTP, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || cfg.Timeout < 0 || cfg.Attempts < 0 {
		return nil, fmt.Errorf("waf log: %q is not an http or https URL, or a limit is negative", cfg.URL)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Attempts == 0 {
		cfg.Attempts = 4
	}
	return &HTTP{HTTPConfig: cfg, client: &http.Client{Timeout: cfg.Timeout, Transport: http.DefaultTransport.(*http.Transport).Clone()}}, nil //nolint:errcheck,forcetypeassert // It is one.
}

// Write sends lines.
func (h *HTTP) Write(ctx context.Context, lines []byte) error {
	for len(lines) > 0 {
		part := lines
		if len(part) > batchSize {
			if end := bytes.LastIndexByte(part[:batchSize], '\n') + 1; end > 0 {
				part = part[:end]
			} else {
				part = part[:bytes.IndexByte(part, '\n')+1]
			}
		}
		if err := h.send(ctx, part); err != nil {
			return err
		}
		lines = lines[len(part):]
	}
	return nil
}

func (h *HTTP) send(ctx context.Context, part []byte) error {
	wait := 200 * time.Millisecond
	for n := 1; ; n++ {
		again, err := h.post(ctx, part)
		if err == nil || !again || n == h.Attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(wait):
		}
		wait *= 2
	}
}

// post sends once and says whether another attempt makes sense.
func (h *HTTP) post(ctx context.Context, part []byte) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(part))
	if err != nil {
		return false, fmt.Errorf("waf log: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	for name, value := range h.Header {
		r.Header.Set(name, value)
	}
	res, err := h.client.Do(r)
	if err != nil {
		return true, fmt.Errorf("waf log: %w", err)
	}
	_, err = io.CopyN(io.Discard, res.Body, 64<<10)
	_ = res.Body.Close() // Read as far as needed.
	if err != nil && !errors.Is(err, io.EOF) {
		return true, fmt.Errorf("waf log: answer of %s: %w", h.URL, err)
	}
	if res.StatusCode >= 300 {
		again = res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests
		return again, fmt.Errorf("waf log: %s answered %s", h.URL, res.Status)
	}
	return false, nil
}

// Close ends idle connections.
func (h *HTTP) Close() error {
	h.client.CloseIdleConnections()
	return nil
}
