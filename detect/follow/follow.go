// Package follow runs detectors over the lake: each event of each source object
// once, in the order of time, however often the process is killed.
//
// A run is a pass over the objects that no pass has read yet. The pass's set of
// objects is written down before it begins, so that a pass that is continued
// reads the same events in the same order as one that was never disturbed. From
// time to time the detectors' state goes to a file of its own and, in one
// transaction, the file's name, the place of the last event it knows, and the
// findings so far to the store. After a crash the pass goes on from there, and
// reports what it reports again under the same ids.
//
// Events that arrive later than others of their time are read by a later pass.
// Detectors keep windows of event time open for them as far as their memory
// reaches.
package follow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/store"
)

// Config says what is followed.
type Config struct {
	Lake     *lake.Lake
	Store    *store.Store
	Detector yagura.Detector // new, without state
	Dir      string          // where the state's files are
	// Every is the number of events between two checkpoints; default 500,000.
	Every int
	// Progress may be nil; it is called now and then.
	Progress func(events int64)
	// Stale is told why a saved state could not be used: the detectors then begin
	// without a memory of what came before. May be nil.
	Stale func(error)
}

// Summary is what a run did.
type Summary struct {
	Objects int
	Events  int64
	Found   []*yagura.Finding // reported or raised in this run, by ID
}

// maxBatch bounds a batch given to the detectors, in events.
const maxBatch = 512

// run is one run.
type run struct {
	Config
	pass    store.Pass
	objects map[int64]bool
	summary Summary
	since   int // events since the last checkpoint
	found   map[string]*yagura.Finding
	all     map[string]*yagura.Finding
	source  string
	batch   []ocsf.Event
	last    ask.Key
}

// Run goes on with an open pass, if there is one, and then reads what is new.
func Run(ctx context.Context, cfg Config) (Summary, error) {
	if cfg.Every <= 0 {
		cfg.Every = 500_000
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return Summary{}, fmt.Errorf("detection: %w", err)
	}
	unlock, err := lock(cfg.Dir)
	if err != nil {
		return Summary{}, err
	}
	defer unlock()
	r := &run{Config: cfg, found: map[string]*yagura.Finding{}, all: map[string]*yagura.Finding{}}
	if r.pass, err = cfg.Store.Pass(ctx); err != nil {
		return r.summary, fmt.Errorf("detection: %w", err)
	}
	r.tidy()
	if err := r.load(); err != nil {
		return r.summary, err
	}
	if r.pass.Open {
		if err := r.read(ctx); err != nil {
			return r.summary, err
		}
	}
	more, err := r.begin(ctx)
	if err == nil && more {
		err = r.read(ctx)
	}
	for _, id := range slices.Sorted(maps.Keys(r.all)) {
		r.summary.Found = append(r.summary.Found, r.all[id])
	}
	return r.summary, err
}

// ErrBusy says that another process runs the detectors over this lake.
var ErrBusy = errors.New("another process is running the detectors; wait for it, or stop it")

// lock keeps other processes out.
func lock(dir string) (func(), error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("detection: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close() // The lock's error is the one to know.
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrBusy
		}
		return nil, fmt.Errorf("detection: %s: %w", f.Name(), err)
	}
	return func() { _ = f.Close() }, nil
}

// tidy clears away what killed processes left: states that were never finished,
// and those that are not the one in force.
func (r *run) tidy() {
	for _, pattern := range []string{"new-*", "state-*"} {
		left, _ := filepath.Glob(filepath.Join(r.Dir, pattern))
		for _, name := range left {
			if filepath.Base(name) != r.pass.State {
				_ = os.Remove(name) // Tried again next time.
			}
		}
	}
}

// load brings the detectors to the saved state.
func (r *run) load() error {
	if r.pass.State == "" {
		return nil
	}
	var blank bytes.Buffer // what a load that fails may have left is dropped
	if err := r.Detector.Save(&blank); err != nil {
		return fmt.Errorf("detection: %w", err)
	}
	f, err := os.Open(filepath.Join(r.Dir, filepath.Base(r.pass.State)))
	if err == nil {
		err = errors.Join(r.Detector.Load(f), f.Close())
	}
	switch {
	case err == nil:
		return nil
	case r.Stale == nil:
		return fmt.Errorf("detection: saved state: %w", err)
	}
	r.Stale(err)
	if err := r.Detector.Load(&blank); err != nil {
		return fmt.Errorf("detection: %w", err)
	}
	return nil
}

// begin opens a pass over the objects that are not done. It reports false when
// there are none.
func (r *run) begin(ctx context.Context) (bool, error) {
	done, err := r.Store.Detected(ctx, false)
	if err != nil {
		return false, fmt.Errorf("detection: %w", err)
	}
	next := store.Pass{State: r.pass.State}
	var ids []int64
	err = r.Lake.Objects(ctx, func(o lake.Object) error {
		if o.Rows == 0 || done[o.ID] {
			return nil
		}
		if len(ids) == 0 || o.First < next.From {
			next.From = o.First
		}
		next.To = max(next.To, o.Last+1)
		ids = append(ids, o.ID)
		return nil
	})
	if err != nil || len(ids) == 0 {
		return false, err
	}
	next.Time = next.From - 1
	if err := r.Store.BeginPass(ctx, next, ids); err != nil {
		return false, fmt.Errorf("detection: %w", err)
	}
	next.Open = true
	r.pass = next
	return true, nil
}

// read reads the open pass to its end.
func (r *run) read(ctx context.Context) error {
	var err error
	if r.objects, err = r.Store.Detected(ctx, true); err != nil {
		return fmt.Errorf("detection: %w", err)
	}
	r.summary.Objects += len(r.objects)
	r.last = ask.Key{Time: r.pass.Time, Object: r.pass.Object, Record: r.pass.Record}
	from := max(r.pass.From, r.pass.Time)
	filter := ask.Filter{From: time.UnixMicro(from), To: time.UnixMicro(r.pass.To)}
	if err := r.Lake.Scan(ctx, filter, func(h *ask.Hit) error { return r.take(ctx, h) }); err != nil {
		return fmt.Errorf("detection: %w", err)
	}
	r.flush()
	r.pass.Open = false
	return r.checkpoint(ctx)
}

// take takes the next event of the lake.
func (r *run) take(ctx context.Context, h *ask.Hit) error {
	key := h.Key()
	if !r.objects[key.Object] || !after(key, r.last) {
		return nil
	}
	if h.Source != r.source || len(r.batch) >= maxBatch {
		r.flush()
		r.source = h.Source
		if r.since >= r.Every {
			if err := r.checkpoint(ctx); err != nil {
				return err
			}
		}
	}
	r.batch = append(r.batch, h.Event)
	r.last = key
	r.since++
	r.summary.Events++
	if r.Progress != nil && r.summary.Events%10_000 == 0 {
		r.Progress(r.summary.Events)
	}
	return nil
}

func after(a, b ask.Key) bool {
	switch {
	case a.Time != b.Time:
		return a.Time > b.Time
	case a.Object != b.Object:
		return a.Object > b.Object
	}
	return a.Record > b.Record
}

func (r *run) flush() {
	if len(r.batch) > 0 {
		r.Detector.Detect(r.source, r.batch, func(f *yagura.Finding) {
			kept := *f
			kept.Events = slices.Clone(f.Events)
			r.found[f.ID] = &kept
			r.all[f.ID] = &kept
		})
	}
	r.batch = r.batch[:0]
}

// checkpoint writes state, place and findings.
func (r *run) checkpoint(ctx context.Context) error {
	before := r.pass.State
	r.pass.Time, r.pass.Object, r.pass.Record = r.last.Time, r.last.Object, r.last.Record
	r.pass.State = fmt.Sprintf("state-%d-%x-%x", r.last.Time, uint64(r.last.Object), r.last.Record)
	if !r.pass.Open {
		r.pass.State += "-end"
	}
	if err := r.save(); err != nil {
		return fmt.Errorf("detection: state: %w", err)
	}
	findings := make([]*yagura.Finding, 0, len(r.found))
	for _, f := range r.found {
		findings = append(findings, f)
	}
	slices.SortFunc(findings, func(a, b *yagura.Finding) int { return strings.Compare(a.ID, b.ID) })
	if err := r.Store.AdvancePass(ctx, r.pass, findings); err != nil {
		return fmt.Errorf("detection: %w", err)
	}
	if before != "" && before != r.pass.State {
		_ = os.Remove(filepath.Join(r.Dir, filepath.Base(before))) // Left over, it does no harm.
	}
	clear(r.found)
	r.since = 0
	return nil
}

// save writes the state so that it is there in whole or not at all.
func (r *run) save() (err error) {
	f, err := os.CreateTemp(r.Dir, "new-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := errors.Join(r.Detector.Save(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(r.Dir, r.pass.State)); err != nil {
		return err
	}
	dir, err := os.Open(r.Dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
