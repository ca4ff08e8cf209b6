// Package ingest brings source objects into the lake: it lists them, finds
// their source, decodes them and commits them in batches, each object once.
//
// Consecutive objects of the listing form a batch of about the size that makes
// a good file. Batches are formed from the listing and from what the lake
// already has, and are committed in their order; so a run that was killed is
// continued where its last batch ended, with the same batches and the same
// files as an undisturbed run.
//
// A record that cannot be read goes to quarantine; an object that ends early
// keeps the records before; nothing stops the run but the lake itself.
package ingest

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"sync"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/inlet/file"
	"github.com/yagura-sec/yagura/internal/unpack"
	"github.com/yagura-sec/yagura/lake"
)

// Config says what to ingest and how.
type Config struct {
	Roots     []string                     // directories and files
	Sources   []yagura.Source              // that may claim an object
	Force     yagura.Source                // takes every object, whatever it looks like; nil: detect
	Options   map[string]map[string]string // of the sources, by name
	Workers   int                          // default: the number of processors
	MaxRecord int                          // bytes; default 16 MiB
	Limits    unpack.Limits
	Replace   bool           // take the new content of objects that changed since they were ingested
	Compact   bool           // compact when everything is ingested
	Progress  func(Progress) // may be nil; called often
	// Proofs tells what digests say about the object of a path, before its
	// bytes are known; nil when there are no digests.
	Proofs Prover
}

// Prover judges objects by the hash of their decompressed content.
type Prover interface {
	// Prove gives the verdict on the file at path whose decompressed content
	// has the given SHA-256 (hex); an empty status when digests do not concern
	// the file.
	Prove(path, sum string) lake.Proof
	// Evidence says that the file is a digest or its metadata, which is no log.
	Evidence(path string) bool
}

// Progress is how far a run is.
type Progress struct {
	Phase              string // listing, ingesting, compacting
	Files, FilesTotal  int64
	Bytes, BytesTotal  int64 // as stored
	Records            int64
	Quarantined        int64
	Compacted, ToMerge int64 // rows
	Elapsed            time.Duration
}

// run is one run.
type run struct {
	cfg      Config
	lake     *lake.Lake
	writer   *lake.Writer
	started  time.Time
	mu       sync.Mutex
	progress Progress
	summary  Summary
	failed   []file.Entry // nothing could be read of them before
	changed  []file.Entry
}

// Run ingests. The summary is right even when an error ends the run early.
func Run(ctx context.Context, l *lake.Lake, cfg Config) (*Summary, error) {
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if cfg.MaxRecord <= 0 {
		cfg.MaxRecord = 16 << 20
	}
	w, err := l.Write(ctx)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	r := &run{cfg: cfg, lake: l, writer: w, started: time.Now(), summary: Summary{Sources: map[string]*SourceSummary{}}}
	err = r.ingest(ctx)
	r.summary.Elapsed = time.Since(r.started)
	if err == nil && cfg.Compact {
		err = w.Compact(ctx, true, func(done, total int64) {
			r.tell(func(p *Progress) { p.Phase, p.Compacted, p.ToMerge = "compacting", done, total })
		})
	}
	r.summary.Compaction = time.Since(r.started) - r.summary.Elapsed
	return &r.summary, err
}

// tell changes the progress and passes it on.
func (r *run) tell(change func(*Progress)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.progress)
	r.progress.Elapsed = time.Since(r.started)
	if r.cfg.Progress != nil {
		r.cfg.Progress(r.progress)
	}
}

func (r *run) ingest(ctx context.Context) error {
	known, err := r.known(ctx)
	if err != nil {
		return err
	}
	if err := r.measure(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	units := make(chan unit)
	errs := make(chan error, r.cfg.Workers+1)
	var wg sync.WaitGroup
	for range r.cfg.Workers {
		wg.Go(func() {
			for u := range units {
				if err := r.do(ctx, u); err != nil {
					errs <- err
					cancel()
				}
			}
		})
	}
	listing := r.list(ctx, known, units)
	close(units)
	wg.Wait()
	close(errs)
	first := listing
	for err := range errs {
		if first == nil || errors.Is(first, context.Canceled) {
			first = err
		}
	}
	if first != nil {
		return first
	}
	return r.revisit(ctx)
}

// fact is what the lake knows of an object. A negative size says that nothing
// could be read of it.
type fact struct{ size, modified int64 }

// known gives what the lake has, by object id.
func (r *run) known(ctx context.Context) (map[int64]fact, error) {
	out := map[int64]fact{}
	err := r.writer.Known(ctx, func(o lake.Object) {
		if o.Failed() {
			o.Size = -1
		}
		out[o.Identity()] = fact{o.Size, o.Modified}
	})
	return out, err
}

// measure counts what there is to do, for the progress alone.
func (r *run) measure(ctx context.Context) error {
	if r.cfg.Progress == nil {
		return nil
	}
	var files, bytes int64
	err := file.Walk(ctx, r.cfg.Roots, func(e file.Entry) error {
		files++
		bytes += e.Object.Size
		if files%10_000 == 0 {
			r.tell(func(p *Progress) { p.Phase, p.FilesTotal, p.BytesTotal = "listing", files, bytes })
		}
		return nil
	})
	r.tell(func(p *Progress) { p.Phase, p.FilesTotal, p.BytesTotal = "ingesting", files, bytes })
	return err
}

// unit is the objects of one batch.
type unit struct {
	batch   *lake.Batch
	entries []file.Entry
}

// A batch ends with the object that fills it.
const (
	unitBytes   = 1 << 20 // as stored
	unitObjects = 256
)

// list sends the objects that are new, in the order of the listing.
func (r *run) list(ctx context.Context, known map[int64]fact, units chan<- unit) error {
	var u unit
	var size int64
	seen := map[int64]bool{}
	send := func() error {
		if len(u.entries) == 0 {
			return nil
		}
		u.batch = r.writer.Begin()
		select {
		case units <- u:
		case <-ctx.Done():
			u.batch.Abort()
			return ctx.Err()
		}
		u, size = unit{}, 0
		return nil
	}
	err := file.Walk(ctx, r.cfg.Roots, func(e file.Entry) error {
		id := (&lake.Object{Bucket: e.Object.Bucket, Key: e.Object.Key}).Identity()
		if seen[id] { // named by two roots
			r.skip(e, "")
			return nil
		}
		seen[id] = true
		if f, ok := known[id]; ok {
			if f.size == e.Object.Size && f.modified == e.Modified {
				r.skip(e, "known")
				return nil
			}
			if f.size < 0 {
				r.failed = append(r.failed, e)
			} else {
				r.changed = append(r.changed, e)
			}
			return nil
		}
		if r.cfg.Proofs != nil && r.cfg.Proofs.Evidence(e.Path) || e.Object.Size == 0 {
			r.skip(e, "evidence")
			return nil
		}
		u.entries = append(u.entries, e)
		if size += e.Object.Size; size >= unitBytes || len(u.entries) >= unitObjects {
			return send()
		}
		return nil
	})
	if err == nil {
		err = send()
	}
	var gone *fs.PathError
	if errors.As(err, &gone) && errors.Is(err, fs.ErrNotExist) {
		return errors.Join(errors.New("the listing changed while it was read; run ingest again"), err)
	}
	return err
}

func (r *run) skip(e file.Entry, why string) {
	r.mu.Lock()
	switch why {
	case "known":
		r.summary.Known++
	case "evidence":
		r.summary.Evidence++
	}
	r.mu.Unlock()
	r.tell(func(p *Progress) { p.Files++; p.Bytes += e.Object.Size })
}
