package digest

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// errTooLarge is the answer to a file that decompresses to more than its limit.
var errTooLarge = errors.New("decompresses to more than the limit")

// source reads a file, remembers an error of the file itself (so that it is not taken for a fault in the gzip data), and stops with
// its context.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	if s.err = s.ctx.Err(); s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// copyPlain writes the uncompressed bytes of a file to w. Whether it is compressed is told by its first bytes, not by its name: tools
// keep the name and lose the compression.
func copyPlain(ctx context.Context, tree fs.FS, path string, w io.Writer, limit int64) (n int64, zipped bool, err error) {
	f, err := tree.Open(path)
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	src := &source{ctx: ctx, r: f}
	in := bufio.NewReaderSize(src, 64<<10)
	plain := io.Reader(in)
	if head, _ := in.Peek(2); len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return 0, true, src.fault(err)
		}
		defer z.Close()
		plain, zipped = z, true
	}
	n, err = io.Copy(w, io.LimitReader(plain, limit+1))
	switch {
	case err != nil:
		return n, zipped, src.fault(err)
	case src.err != nil:
		return n, zipped, src.err
	case n > limit:
		return n, zipped, errTooLarge
	}
	return n, zipped, nil
}

// errGzip marks data that cannot be decompressed.
var errGzip = errors.New("cannot be decompressed")

func (s *source) fault(err error) error {
	if s.err != nil {
		return s.err
	}
	return fmt.Errorf("%w: %w", errGzip, err)
}

// hashPlain returns the SHA-256 of a file's uncompressed bytes.
func hashPlain(ctx context.Context, tree fs.FS, path string, limit int64) (sum string, n int64, zipped bool, err error) {
	h := sha256.New()
	n, zipped, err = copyPlain(ctx, tree, path, h, limit)
	if err != nil {
		return "", n, zipped, err
	}
	return hex.EncodeToString(h.Sum(nil)), n, zipped, nil
}

// unread turns an error of copyPlain into a verdict.
func unread(path string, err error, limit int64) Result {
	switch {
	case errors.Is(err, errTooLarge):
		return result(unknown, "too_large", "%s decompresses to more than %d bytes", quote(path), limit)
	case errors.Is(err, errGzip):
		return result(invalid, "bad_gzip", "%s cannot be decompressed: %s", quote(path), quote(err.Error()))
	default:
		return result(unknown, "unreadable", "%s cannot be read: %s", quote(path), quote(err.Error()))
	}
}
