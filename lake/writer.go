package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/yagura-sec/yagura/lake/internal/catalog"
	"github.com/yagura-sec/yagura/lake/internal/table"
)

// grace is how long a file that compaction replaced stays on disk for readers
// that listed it before.
const grace = 15 * time.Minute

// Writer is the right to change the lake. One process holds it at a time.
type Writer struct {
	lake *Lake
	cat  *catalog.Catalog
	lock *os.File
	ids  *identities

	mu       sync.Mutex
	last     *Batch // newest batch: the next one waits for it
	begun    int64
	spare    map[string][]*table.Builder // empty ones for reuse, by source
	spares   int
	failed   error             // a batch that failed after its identities were noted
	contents map[string]string // source and hash to the key of objects in batches that have not ended
}

// Write takes the right to change the lake; [ErrBusy] if another process has
// it. It makes the lake if there is none and removes what an earlier writer
// left unfinished.
func (l *Lake) Write(ctx context.Context) (*Writer, error) {
	w, err := l.take(ctx)
	if err != nil {
		return nil, l.full(err)
	}
	if err := w.clean(ctx); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// take is Write without the cleaning.
func (l *Lake) take(ctx context.Context) (*Writer, error) {
	if err := os.MkdirAll(filepath.Join(l.cfg.Dir, "tmp"), 0o750); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(l.cfg.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, err
	}
	if err := l.flock(ctx, lock); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%s: %w", l.cfg.Dir, err)
	}
	cat, err := catalog.Open(ctx, filepath.Join(l.cfg.Dir, "catalog.db"), false)
	if err != nil {
		lock.Close()
		return nil, err
	}
	w := &Writer{
		lake: l, cat: cat, lock: lock, ids: newIdentities(l, cat), contents: map[string]string{},
		spare: map[string][]*table.Builder{},
	}
	if _, err := l.ready(ctx); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// flock locks the file, waiting as long as the configuration allows.
func (l *Lake) flock(ctx context.Context, lock *os.File) error {
	deadline := time.Now().Add(l.cfg.Patience)
	for {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return fmt.Errorf("lock: %w", err)
		case !time.Now().Before(deadline):
			return ErrBusy
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Known calls f with the name, size and modification time (µs) of every object.
func (w *Writer) Known(ctx context.Context, f func(o Object)) error {
	return w.cat.Known(ctx, f)
}

// Same says whether the object of a name has the given content, and if so
// remembers its new size and time. Else whole says whether the content that the
// lake has is that of a whole object, and not one that ended early.
func (w *Writer) Same(ctx context.Context, bucket, key, sum string, size, modified int64) (same, whole bool, err error) {
	o, found, err := w.cat.ObjectByKey(ctx, bucket, key)
	if err != nil || !found {
		return false, false, err
	}
	whole = o.Status != catalog.StatusPartial && o.Status != catalog.StatusFailed
	if o.SHA256 != sum {
		return false, whole, nil
	}
	return true, whole, w.cat.Touch(ctx, o.ID, size, modified)
}

// Close gives the right back.
func (w *Writer) Close() error {
	return errors.Join(w.cat.Close(), w.lock.Close())
}

// clean removes files that are not part of the lake: unfinished ones, and
// those retired longer ago than readers may need them.
func (w *Writer) clean(ctx context.Context) error {
	tmp := filepath.Join(w.lake.cfg.Dir, "tmp")
	entries, err := os.ReadDir(tmp)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(tmp, e.Name())); err != nil {
			return err
		}
	}
	orphans, err := w.orphans(ctx)
	if err != nil {
		return err
	}
	if len(orphans) > 0 {
		// A damaged catalogue makes good files look like orphans: then they are
		// evidence, and `yagura lake check` says what is wrong.
		if ok, err := w.cat.Balanced(ctx); err != nil || !ok {
			return err
		}
	}
	for _, name := range orphans {
		if err := os.Remove(w.lake.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return w.dropRetired(ctx)
}

func (w *Writer) dropRetired(ctx context.Context) error {
	names, err := w.cat.Retired(ctx, w.lake.cfg.Now().Add(-grace).UnixMicro())
	if err != nil || len(names) == 0 {
		return err
	}
	for _, name := range names {
		for _, p := range []string{w.lake.path(name), wordsPath(w.lake.path(name))} {
			if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return w.cat.Dropped(ctx, names)
}

// orphans lists files below the lake that the catalogue does not know: a
// writer that died between renaming a file and committing it leaves them.
func (w *Writer) orphans(ctx context.Context) ([]string, error) {
	known := map[string]bool{}
	files, err := w.cat.Files(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		known[f.Name], known[wordsPath(f.Name)] = true, true
	}
	retired, err := w.cat.Retired(ctx, math.MaxInt64) // also of a clock that was ahead
	if err != nil {
		return nil, err
	}
	for _, name := range retired {
		known[name], known[wordsPath(name)] = true, true
	}
	var out []string
	err = filepath.WalkDir(w.lake.cfg.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(w.lake.cfg.Dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if (strings.HasSuffix(name, ".parquet") || strings.HasSuffix(name, ".words")) && !strings.HasPrefix(name, "tmp/") && !known[name] {
			out = append(out, name)
		}
		return nil
	})
	return out, err
}

// full says what to do when an error is that of a full disk.
func (l *Lake) full(err error) error {
	if err == nil || !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) && !strings.Contains(err.Error(), "disk is full") || errors.Is(err, errFull) {
		return err
	}
	return fmt.Errorf("%w: make room for %s and run the same command again; what was committed is kept: %w", errFull, l.cfg.Dir, err)
}

var errFull = errors.New("the disk is full")

func (l *Lake) path(name string) string { return filepath.Join(l.cfg.Dir, filepath.FromSlash(name)) }

func wordsPath(parquet string) string { return strings.TrimSuffix(parquet, ".parquet") + ".words" }

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// place moves a finished file to its name in the lake and makes the move
// durable.
func (l *Lake) place(tmp, name string) error {
	final := l.path(name)
	dir := filepath.Dir(final)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		for d := filepath.Dir(dir); len(d) >= len(l.cfg.Dir); d = filepath.Dir(d) {
			if err := syncDir(d); err != nil {
				return err
			}
		}
	}
	if err := os.Rename(tmp, final); err != nil {
		return err
	}
	return syncDir(dir)
}
