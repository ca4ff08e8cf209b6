package digest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const (
	sidecarEnding = ".head.json"
	metadataFile  = "metadata.jsonl"
	keysFile      = "public-keys.json"
)

// An inventory is what a walk over the copy found.
type inventory struct {
	tree     fs.FS
	digests  []place
	logs     []place
	sidecars map[string]bool
	metadata map[string][]metadataLine // by the key from AWSLogs/ on
	hasKeys  bool                      // public-keys.json stands at the root
	others   int
	unread   []Object
	notices  []Notice
}

type metadataLine struct {
	key  string
	seal sealed
}

// scan walks the tree. It opens only metadata.jsonl. Its memory grows with the number of files, not their sizes.
func scan(ctx context.Context, tree fs.FS) (*inventory, error) {
	inv := &inventory{tree: tree, sidecars: map[string]bool{}, metadata: map[string][]metadataLine{}}
	err := fs.WalkDir(tree, ".", func(p string, e fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if p == "." {
				return err
			}
			inv.unread = append(inv.unread, Object{Key: p, Path: p, Kind: "other", Result: unread(p, err, 0)})
			return nil
		}
		if e.IsDir() {
			return nil
		}
		if !e.Type().IsRegular() {
			inv.notices = append(inv.notices, Notice{Code: "not_regular", Key: p, Detail: quote(p) + " is not a regular file and was skipped"})
			return nil
		}
		return inv.file(p)
	})
	if err != nil {
		return nil, fmt.Errorf("walk the copy: %w", err)
	}
	byPath := func(a, b place) int { return strings.Compare(a.path, b.path) }
	slices.SortFunc(inv.digests, byPath)
	slices.SortFunc(inv.logs, byPath)
	return inv, nil
}

func (inv *inventory) file(p string) error {
	switch {
	case p == keysFile:
		inv.hasKeys = true
		return nil
	case path.Base(p) == metadataFile:
		return inv.readMetadata(p)
	case strings.HasSuffix(p, sidecarEnding):
		inv.sidecars[p] = true
		return nil
	}
	pl, ok := parsePlace(p)
	switch {
	case !ok:
		inv.others++
	case pl.kind == kindDigest:
		inv.digests = append(inv.digests, pl)
	default:
		inv.logs = append(inv.logs, pl)
	}
	return nil
}

// keys reads the keys that came with the copy; nil when there are none.
func (inv *inventory) keys() (*Keys, error) {
	if !inv.hasKeys {
		return nil, nil
	}
	b, err := readLimited(inv.tree, keysFile, maxKeyFileBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keysFile, err)
	}
	k, err := ParseKeys(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keysFile, err)
	}
	return k, nil
}

// readMetadata reads a metadata.jsonl. A line that cannot be used is a notice; the digest it was for then lacks its metadata.
func (inv *inventory) readMetadata(p string) error {
	f, err := inv.tree.Open(p)
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	defer f.Close()
	in := &io.LimitedReader{R: f, N: maxMetadataFile}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxMetadataBytes)
	number, bad := 0, 0
	for lines.Scan() {
		number++
		b := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\xef\xbb\xbf")))
		if len(b) == 0 {
			continue
		}
		key, seal, err := parseMetadataLine(b)
		_, tail, ok := cut(key)
		if err == nil && !ok {
			err = fmt.Errorf("key %s has no folder AWSLogs", quote(key))
		}
		if err != nil {
			if bad++; bad <= maxBadLines {
				inv.badMetadata(p, "%s line %d: %s", quote(p), number, quote(err.Error()))
			}
			continue
		}
		tail = strings.TrimSuffix(tail, ".gz")
		inv.metadata[tail] = append(inv.metadata[tail], metadataLine{key, seal})
	}
	if bad > maxBadLines {
		inv.badMetadata(p, "%s has %d more lines that cannot be used", quote(p), bad-maxBadLines)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		inv.badMetadata(p, "%s line %d is longer than %d bytes; it and what follows was not read", quote(p), number+1, maxMetadataBytes)
	case err != nil:
		return fmt.Errorf("%s line %d: %w", p, number+1, err)
	case in.N == 0:
		inv.badMetadata(p, "%s is not read beyond %d bytes", quote(p), maxMetadataFile)
	}
	return nil
}

func (inv *inventory) badMetadata(p, format string, args ...any) {
	inv.notices = append(inv.notices, Notice{Code: "bad_metadata", Key: p, Detail: fmt.Sprintf(format, args...)})
}

// seals returns the distinct metadata known for a digest file: of its sidecars, and of the lines whose key fits its place best.
func (inv *inventory) seals(pl place) ([]sealed, error) {
	var found []sealed
	add := func(s sealed) {
		if !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	for _, p := range slices.Compact([]string{pl.path + sidecarEnding, pl.key + sidecarEnding, strings.TrimSuffix(pl.key, ".gz") + sidecarEnding}) {
		if !inv.sidecars[p] {
			continue
		}
		b, err := readLimited(inv.tree, p, maxMetadataBytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		s, err := parseMetadata(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		add(s)
	}
	_, tail, _ := cut(pl.key)
	best := -1
	var fitting []sealed
	for _, line := range inv.metadata[strings.TrimSuffix(tail, ".gz")] {
		key := strings.TrimSuffix(line.key, ".gz") + ".gz"
		if !samePlace(pl.key, key) {
			continue
		}
		root, _, _ := cut(key)
		shared := min(len(root), len(pl.root))
		if shared > best {
			best, fitting = shared, nil
		}
		if shared == best {
			fitting = append(fitting, line.seal)
		}
	}
	for _, s := range fitting {
		add(s)
	}
	return found, nil
}

// orphans finds metadata whose digest is not in the copy. A sidecar was made beside its digest, so the digest was taken away: it is
// added to missing. A metadata.jsonl may be of more than the copy: its lines are notices.
func (s *session) orphans(missing map[string]Object) {
	keys, tails := map[string]bool{}, map[string]bool{}
	for _, pl := range s.inv.digests {
		_, tail, _ := cut(pl.key)
		keys[pl.key], tails[tail] = true, true
	}
	for p := range s.inv.sidecars {
		pl, ok := parsePlace(strings.TrimSuffix(p, sidecarEnding))
		if !ok || pl.kind != kindDigest || keys[pl.key] || !s.options.wantsDigest(pl.at) {
			continue
		}
		if _, known := missing[pl.key]; !known {
			missing[pl.key] = Object{Key: pl.key, Kind: kindDigest, Result: result(invalid, "missing", "its metadata %s is in the copy, the digest is not", quote(p))}
		}
	}
	for _, lines := range s.inv.metadata {
		for _, line := range lines {
			pl, ok := parsePlace(line.key)
			_, tail, _ := cut(pl.key)
			if ok && pl.kind == kindDigest && !tails[tail] && s.options.wantsDigest(pl.at) {
				s.notice(Notice{Code: "orphan_metadata", Key: line.key, Detail: "its metadata is in a " + metadataFile + ", the digest is not in the copy"})
			}
		}
	}
}

func readLimited(tree fs.FS, p string, limit int64) ([]byte, error) {
	f, err := tree.Open(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("larger than %d bytes", limit)
	}
	return b, err
}
