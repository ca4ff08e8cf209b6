// Package file is the inlet of a local directory, typically a copy of a bucket
// with AWSLogs/ in it.
package file

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura"
)

// Entry is a file that may be a log object.
type Entry struct {
	Path     string
	Object   yagura.Object
	Modified int64 // µs since the epoch
}

// Walk calls f with every regular file below the roots, which may be files
// themselves, in a fixed order: by root as given, then by path. Symbolic links
// to files are followed, to directories not, but for the roots. Files whose name begins with a
// dot are left out.
func Walk(ctx context.Context, roots []string, f func(Entry) error) error {
	for _, root := range roots {
		abs, err := filepath.Abs(root)
		if err != nil {
			return err
		}
		st, err := os.Stat(abs)
		if err != nil {
			return err
		}
		if st.IsDir() { // a link to a directory is followed when it is a root
			abs += string(filepath.Separator)
		}
		err = filepath.WalkDir(abs, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if hidden := strings.HasPrefix(d.Name(), ".") && path != abs; hidden || d.IsDir() {
				if hidden && d.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
			st, err := os.Stat(path)
			if err != nil || !st.Mode().IsRegular() {
				return nil //nolint:nilerr // a dangling link or a socket is no log
			}
			return f(Entry{
				Path:     path,
				Object:   yagura.Object{Key: Key(path), Size: st.Size()},
				Modified: st.ModTime().UnixMicro(),
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Key gives the S3 key that a local copy stands for: the path from AWSLogs/
// on, else the absolute path.
func Key(path string) string {
	parts := strings.Split(filepath.ToSlash(path), "/")
	if i := slices.Index(parts, "AWSLogs"); i >= 0 {
		return strings.Join(parts[i:], "/")
	}
	return filepath.ToSlash(path)
}
