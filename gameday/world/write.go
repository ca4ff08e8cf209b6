package world

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

// marker names the folder as an output of this package; its dot keeps it out of log inlets.
const marker = ".yagura-world.json"

// ours are the entries of an output folder; only these are removed before it is written again.
var ours = []string{"AWSLogs", "s3-access-logs", "public-keys.json", marker}

// writer stores objects as files and counts them.
type writer struct {
	root   string
	level  int
	mu     sync.Mutex
	counts map[string]Count
	dirs   map[string]bool
	pool   sync.Pool
}

func newWriter(opt Options) (*writer, error) {
	w := &writer{root: opt.Out, level: gzip.DefaultCompression, counts: map[string]Count{}, dirs: map[string]bool{}}
	entries, err := os.ReadDir(opt.Out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("world: read output folder: %w", err)
	}
	known := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == marker })
	for _, e := range entries {
		if !known || !slices.Contains(ours, e.Name()) {
			return nil, fmt.Errorf("world: output folder %s holds %s, which is not an earlier output: choose an empty folder", opt.Out, e.Name())
		}
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(opt.Out, e.Name())); err != nil {
			return nil, fmt.Errorf("world: remove earlier output: %w", err)
		}
	}
	if err := os.MkdirAll(opt.Out, 0o755); err != nil {
		return nil, fmt.Errorf("world: %w", err)
	}
	note, err := json.Marshal(map[string]any{"made_by": "yagura gameday/world", "seed": opt.Seed, "days": opt.Days, "accounts": opt.Accounts})
	if err != nil {
		return nil, fmt.Errorf("world: %w", err)
	}
	if err := os.WriteFile(filepath.Join(opt.Out, marker), append(note, '\n'), 0o644); err != nil {
		return nil, fmt.Errorf("world: %w", err)
	}
	return w, nil
}

type packer struct {
	buf bytes.Buffer
	zip *gzip.Writer
}

// put stores one object. Compressed objects have a fixed gzip header, so equal bodies give equal files.
func (w *writer) put(source, key string, body []byte, records int, plain bool) error {
	stored := body
	if !plain {
		p, _ := w.pool.Get().(*packer)
		if p == nil {
			p = &packer{}
			z, err := gzip.NewWriterLevel(&p.buf, w.level)
			if err != nil {
				return fmt.Errorf("world: %w", err)
			}
			p.zip = z
		}
		defer w.pool.Put(p)
		p.buf.Reset()
		p.zip.Reset(&p.buf)
		if _, err := p.zip.Write(body); err != nil {
			return fmt.Errorf("world: compress %s: %w", key, err)
		}
		if err := p.zip.Close(); err != nil {
			return fmt.Errorf("world: compress %s: %w", key, err)
		}
		stored = p.buf.Bytes()
	}
	path := filepath.Join(w.root, filepath.FromSlash(key))
	if err := w.ensure(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.WriteFile(path, stored, 0o644); err != nil {
		return fmt.Errorf("world: write object: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.counts[source]
	c.Records += records
	c.Files++
	c.Bytes += int64(len(stored))
	c.Raw += int64(len(body))
	w.counts[source] = c
	return nil
}

func (w *writer) ensure(dir string) error {
	w.mu.Lock()
	known := w.dirs[dir]
	w.mu.Unlock()
	if known {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("world: %w", err)
	}
	w.mu.Lock()
	w.dirs[dir] = true
	w.mu.Unlock()
	return nil
}

func (w *writer) summary(from, to int64) Summary {
	s := Summary{Sources: map[string]Count{}, From: time.Unix(from, 0).UTC(), To: time.Unix(to, 0).UTC()}
	for name, c := range w.counts {
		s.Sources[name] = c
		s.Files += c.Files
		s.Bytes += c.Bytes
	}
	return s
}

// parallel runs n tasks on the given number of workers and returns the first error by task order.
func parallel(ctx context.Context, workers, n int, task func(i int) error) error {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		next int
		errs = make([]error, n)
	)
	for range min(workers, n) {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= n || ctx.Err() != nil {
					return
				}
				if errs[i] = task(i); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("world: stopped: %w", err)
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
