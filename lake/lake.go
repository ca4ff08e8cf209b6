// Package lake keeps the evidence: events of every source, once, as Parquet
// files that any engine can read, with a transactional catalogue beside them.
//
// Layout below the directory:
//
//	catalog.db                                   objects, files, quarantine (SQLite, WAL)
//	SOURCE/day=YYYY-MM-DD/fresh/HASH.parquet      one per batch of source objects
//	SOURCE/day=YYYY-MM-DD/compacted/HASH.parquet  sorted, with HASH.words beside it
//	tmp/                                         files being written
//
// Readers list files from the catalogue, never from the directory, so a file
// counts from the moment its batch is committed and not before. Files are never
// changed. One process writes at a time ([Lake.Write]); any number read.
package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/yagura-sec/yagura/lake/internal/catalog"
	"github.com/yagura-sec/yagura/lake/internal/duck"
	"github.com/yagura-sec/yagura/ocsf"
)

// Config says where the lake is and what may live in it.
type Config struct {
	Dir     string         // the lake's own directory
	Schemas []*ocsf.Schema // of all sources
	Threads int            // for queries and compaction; default: the number of processors
	Memory  int64          // bytes a query may take; default 512 MiB
	// Patience is how long Write waits for another writer to finish; default:
	// not at all.
	Patience time.Duration
	// Now is the clock for retirement and retention; default time.Now.
	Now func() time.Time
}

// Lake is an open lake.
type Lake struct {
	cfg     Config
	schemas map[string]*ocsf.Schema
	cat     *catalog.Catalog
	db      *duck.DB

	emptyMu sync.Mutex
	empty   bool // there is no catalogue yet

	readers readers
	hours   hours

	viewsMu sync.Mutex
	viewsAt *int64 // generation of the catalogue that the SQL views show
}

// ErrBusy says that another process is writing to the lake.
var ErrBusy = errors.New("another process is writing to this lake")

// Open opens the lake for reading. A directory without a lake is an empty one.
func Open(ctx context.Context, cfg Config) (*Lake, error) {
	if cfg.Threads <= 0 {
		cfg.Threads = runtime.GOMAXPROCS(0)
	}
	if cfg.Memory <= 0 {
		cfg.Memory = 512 << 20
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, err
	}
	cfg.Dir = dir
	l := &Lake{cfg: cfg, schemas: map[string]*ocsf.Schema{}}
	for _, s := range cfg.Schemas {
		l.schemas[s.Source] = s
	}
	if err := l.openCatalog(ctx); err != nil {
		return nil, err
	}
	l.db, err = duck.Open(duck.Config{Dir: dir, Threads: cfg.Threads, Memory: cfg.Memory})
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("lake %s: %w", dir, err)
	}
	return l, nil
}

func (l *Lake) openCatalog(ctx context.Context) error {
	path := filepath.Join(l.cfg.Dir, "catalog.db")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		l.empty = true
		return nil
	}
	cat, err := catalog.Open(ctx, path, true)
	if errors.Is(err, catalog.ErrNone) { // its making was interrupted, or goes on
		l.empty = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("lake %s: %w", l.cfg.Dir, err)
	}
	l.cat, l.empty = cat, false
	return nil
}

// Close releases the lake.
func (l *Lake) Close() error {
	l.readers.close()
	var errs []error
	if l.db != nil {
		errs = append(errs, l.db.Close())
	}
	if l.cat != nil {
		errs = append(errs, l.cat.Close())
	}
	return errors.Join(errs...)
}

// ready opens the catalogue when another process has made it meanwhile; false
// means that the lake is empty.
func (l *Lake) ready(ctx context.Context) (bool, error) {
	l.emptyMu.Lock()
	defer l.emptyMu.Unlock()
	if l.empty {
		if err := l.openCatalog(ctx); err != nil {
			return false, err
		}
	}
	return !l.empty, nil
}
