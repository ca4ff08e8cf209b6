package waflog

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Sink takes lines, each with its line feed. A Log calls it from one goroutine.
type Sink interface {
	// Write takes a batch. An error is counted, with the lines, and reported.
	Write(ctx context.Context, lines []byte) error
	Close() error
}

// Config is how a log is written.
type Config struct {
	Source Source
	Sinks  []Sink // at least one; closed with the log
	// Redact names fields that are not logged: uri, query, method, cookie,
	// header:NAME. What matched in them is not logged either.
	Redact []string
	// Sample is the share, from 0 to 1, of the records that are kept, by action as
	// logged ("ALLOW", "BLOCK", "CAPTCHA", "CHALLENGE"). Missing actions are kept
	// whole. The request's id decides, so every instance decides alike.
	Sample map[string]float64
	// Queue is how many bytes may wait for the sinks; default 16 MiB.
	Queue int
	Log   *slog.Logger // of failing sinks; default nowhere
}

// Counts are what became of the entries, and of their lines.
type Counts struct {
	Written int64 // lines that every sink took
	Sampled int64 // entries left out by sampling
	Dropped int64 // lines for which the queue had no room
	Failed  int64 // lines that a sink did not take
	Queued  int64 // bytes that wait
}

// Log writes entries. Safe for concurrent use.
type Log struct {
	Config
	redact *Redaction
	counts struct{ written, sampled, dropped, failed atomic.Int64 }

	mu     sync.Mutex
	queue  []byte
	lines  int64
	closed bool
	wake   chan struct{}
	done   chan struct{}
}

// New makes a log.
func New(cfg Config) (*Log, error) {
	redact, err := newRedaction(cfg.Redact)
	if err != nil {
		return nil, err
	}
	if len(cfg.Sinks) == 0 || cfg.Queue < 0 {
		return nil, errors.New("waf log: no sink, or a negative queue")
	}
	for action, share := range cfg.Sample {
		if !(share >= 0 && share <= 1) {
			return nil, fmt.Errorf("waf log: the sample of %s is %v, not within 0 and 1", action, share)
		}
		switch action {
		case "ALLOW", "BLOCK", "CAPTCHA", "CHALLENGE":
		default:
			return nil, fmt.Errorf("waf log: cannot sample %q; actions are ALLOW, BLOCK, CAPTCHA, CHALLENGE", action)
		}
	}
	if cfg.Queue == 0 {
		cfg.Queue = 16 << 20
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	l := &Log{Config: cfg, redact: redact, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go l.run()
	return l, nil
}

// Write takes an entry. It never waits and keeps nothing of the entry.
func (l *Log) Write(e *Entry) {
	if !l.keeps(e) {
		l.counts.sampled.Add(1)
		return
	}
	line := lines.Get().(*[]byte) //nolint:errcheck,forcetypeassert // The pool holds nothing else.
	*line = append(Append((*line)[:0], e, l.Source, l.redact), '\n')
	l.mu.Lock()
	full := l.closed || len(l.queue)+len(*line) > l.Queue
	if !full {
		l.queue = append(l.queue, *line...)
		l.lines++
	}
	l.mu.Unlock()
	if cap(*line) < 64<<10 {
		lines.Put(line)
	}
	if full {
		l.counts.dropped.Add(1)
		return
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

var lines = sync.Pool{New: func() any { return new([]byte) }}

// keeps decides on a sample.
func (l *Log) keeps(e *Entry) bool {
	if len(l.Sample) == 0 {
		return true
	}
	action := "ALLOW"
	if e.Status > 0 {
		action = "BLOCK"
		if e.Verdict != nil && e.Reason == "" {
			action = e.Verdict.Action.String()
		}
	}
	share, ok := l.Sample[action]
	if !ok || share >= 1 {
		return true
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(e.Request.ID)) // It never fails.
	x := h.Sum64()
	x ^= x >> 33 // FNV's high bits are poor for short texts.
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x)/math.MaxUint64 < share
}

// pause lets lines gather, so that a sink is not called for each.
const pause = 20 * time.Millisecond

// run hands lines to the sinks until the log is closed and empty.
func (l *Log) run() {
	defer close(l.done)
	var batch []byte
	for range l.wake {
		for {
			l.mu.Lock()
			batch, l.queue = l.queue, batch[:0]
			n := l.lines
			l.lines = 0
			closed := l.closed
			l.mu.Unlock()
			if n > 0 {
				l.hand(batch, n)
			}
			if cap(batch) > 4<<20 {
				batch = nil
			}
			if n > 0 {
				continue
			}
			if closed {
				return
			}
			break
		}
		time.Sleep(pause)
	}
}

// hand gives a batch to each sink.
func (l *Log) hand(batch []byte, n int64) {
	failed := false
	for _, s := range l.Sinks {
		if err := s.Write(context.Background(), batch); err != nil {
			failed = true
			l.Log.Error("waf log lines not written", "lines", n, "error", err)
		}
	}
	if failed {
		l.counts.failed.Add(n)
		return
	}
	l.counts.written.Add(n)
}

// Counts tells what became of the entries.
func (l *Log) Counts() Counts {
	l.mu.Lock()
	queued := int64(len(l.queue))
	l.mu.Unlock()
	return Counts{
		Written: l.counts.written.Load(), Sampled: l.counts.sampled.Load(), Dropped: l.counts.dropped.Load(),
		Failed: l.counts.failed.Load(), Queued: queued,
	}
}

// Close writes what waits, until the context ends, and closes the sinks.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	again := l.closed
	l.closed = true
	l.mu.Unlock()
	if again {
		return nil
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	var errs []error
	select {
	case <-l.done:
	case <-ctx.Done():
		errs = append(errs, fmt.Errorf("waf log: %d bytes were not written in time", l.Counts().Queued))
	}
	for _, s := range l.Sinks {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
