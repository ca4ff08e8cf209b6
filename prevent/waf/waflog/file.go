package waflog

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// FileConfig is a file that rotates.
type FileConfig struct {
	// Path is the file that is written. If its name begins with aws-waf-logs-, the
	// waf source knows it by name.
	Path string
	Size int64 // bytes after which it rotates; default 128 MiB
	Keep int   // rotated files that are kept; default 8
	Gzip bool  // compress rotated files
}

// File is a Sink: PATH is written, and rotated to PATH-TIME.log or
// PATH-TIME.log.gz beside it, where PATH loses its .log.
type File struct {
	FileConfig
	f      *os.File
	size   int64
	rotate sync.WaitGroup // compression of rotated files
	mu     sync.Mutex     // keeps compression and removal apart
	err    error          // of the last compression
}

// NewFile opens the file and creates its folder.
func NewFile(cfg FileConfig) (*File, error) {
	if cfg.Path == "" || cfg.Size < 0 || cfg.Keep < 0 {
		return nil, errors.New("waf log file: no path, or a negative limit")
	}
	if cfg.Size == 0 {
		cfg.Size = 128 << 20
	}
	if cfg.Keep == 0 {
		cfg.Keep = 8
	}
	if err := os.MkdirAll(filepath.Dir(cfg.Path), 0o750); err != nil {
		return nil, fmt.Errorf("waf log file: %w", err)
	}
	f := &File{FileConfig: cfg}
	return f, f.open()
}

func (f *File) open() error {
	file, err := os.OpenFile(f.Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("waf log file: %w", err)
	}
	st, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.f, f.size = file, st.Size()
	return nil
}

// Write appends lines. A line is never cut by a rotation.
func (f *File) Write(_ context.Context, lines []byte) error {
	for len(lines) > 0 {
		if f.f == nil { // A rotation has failed.
			if err := f.open(); err != nil {
				return err
			}
		}
		part := lines
		if room := f.Size - f.size; int64(len(part)) > room {
			end := slices.Index(lines[max(0, min(room, int64(len(lines)))):], '\n') + 1
			part = lines[:min(len(lines), int(max(0, room))+end)]
		}
		n, err := f.f.Write(part)
		f.size += int64(n)
		if err != nil {
			return fmt.Errorf("waf log file: %w", err)
		}
		lines = lines[len(part):]
		if f.size >= f.Size {
			if err := f.turn(); err != nil {
				return err
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.err
	f.err = nil
	return err
}

// turn rotates.
func (f *File) turn() error {
	err := f.f.Close()
	f.f = nil
	if err != nil {
		return fmt.Errorf("waf log file: %w", err)
	}
	stem := strings.TrimSuffix(f.Path, ".log")
	old := stem + "-" + time.Now().UTC().Format("20060102T150405.000000000Z") + ".log"
	if err := os.Rename(f.Path, old); err != nil {
		return fmt.Errorf("waf log file: %w", err)
	}
	f.rotate.Go(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.Gzip {
			f.err = errors.Join(f.err, compress(old))
		}
		f.err = errors.Join(f.err, f.remove(stem))
	})
	return f.open()
}

// remove forgets the oldest rotated files.
func (f *File) remove(stem string) error {
	dir, base := filepath.Split(stem)
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("waf log file: %w", err)
	}
	var old []string
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), base+"-")
		rest = strings.TrimSuffix(strings.TrimSuffix(rest, ".gz"), ".log")
		if _, err := time.Parse("20060102T150405.000000000Z", rest); ok && err == nil {
			old = append(old, e.Name())
		}
	}
	slices.Sort(old)
	for _, name := range old[:max(0, len(old)-f.Keep)] {
		err = errors.Join(err, os.Remove(filepath.Join(dir, name)))
	}
	return err
}

// compress replaces a file by its gzip.
func compress(name string) (err error) {
	in, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("waf log file: %w", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(name+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("waf log file: %w", err)
	}
	z := gzip.NewWriter(out)
	_, err = io.Copy(z, in)
	if err = errors.Join(err, z.Close(), out.Close()); err != nil {
		return fmt.Errorf("waf log file %s: %w", name, err)
	}
	if err := os.Rename(name+".tmp", name+".gz"); err != nil {
		return fmt.Errorf("waf log file: %w", err)
	}
	return os.Remove(name)
}

// Close waits for compression and closes the file.
func (f *File) Close() error {
	f.rotate.Wait()
	if f.f == nil {
		return f.err
	}
	return errors.Join(f.err, f.f.Sync(), f.f.Close())
}
