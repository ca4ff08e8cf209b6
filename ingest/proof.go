package ingest

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/source/cloudtrail/digest"
)

// Digests judges CloudTrail log files by the digests that lie beside them.
type Digests struct {
	trees []digestTree
}

type digestTree struct {
	root   string
	proofs map[string]digest.Proof
}

// ReadDigests looks for digests below the roots. Keys are the documents of
// `aws cloudtrail list-public-keys`; without any, public-keys.json of a root is
// used.
func ReadDigests(ctx context.Context, roots []string, keys *digest.Keys) (*Digests, error) {
	d := &Digests{}
	for _, root := range roots {
		abs, err := filepath.Abs(root)
		if err != nil {
			return nil, err
		}
		if has, err := hasDigests(ctx, abs); err != nil || !has {
			if err != nil {
				return nil, err
			}
			continue
		}
		proofs, _, err := digest.Proofs(ctx, os.DirFS(abs), digest.Options{Keys: keys})
		if err != nil {
			return nil, fmt.Errorf("digests below %s: %w", root, err)
		}
		d.trees = append(d.trees, digestTree{abs, proofs})
	}
	return d, nil
}

// hasDigests looks for a CloudTrail-Digest folder.
func hasDigests(ctx context.Context, root string) (found bool, err error) {
	if st, err := os.Stat(root); err != nil || !st.IsDir() {
		return false, err
	}
	err = filepath.WalkDir(root, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && e.Name() == "CloudTrail-Digest" {
			found = true
			return fs.SkipAll
		}
		return ctx.Err()
	})
	return found, err
}

// Prove gives the verdict on a CloudTrail log file. Without digests below its
// root it is unknown.
func (d *Digests) Prove(path, sum string) lake.Proof {
	name := filepath.ToSlash(path)
	if !strings.Contains(name, "/CloudTrail/") && !strings.Contains(name, "/CloudTrail-Insight/") {
		return lake.Proof{}
	}
	for _, t := range d.trees {
		rel, err := filepath.Rel(t.root, path)
		if err != nil || strings.HasPrefix(rel, "..") {
			continue
		}
		key := filepath.ToSlash(rel)
		if !strings.HasSuffix(key, ".gz") {
			key += ".gz"
		}
		p, ok := t.proofs[key]
		if !ok {
			break
		}
		r := p.Judge(sum)
		out := lake.Proof{Status: string(r.Status), Reason: r.Detail, By: p.Digest}
		switch out.Status {
		case "valid":
			out.Status, out.Reason = "proved", ""
		case "invalid":
			out.Status = "failed"
		}
		return out
	}
	return lake.Proof{Status: "unknown", Reason: "no digest beside it names this file"}
}

// Evidence says that the file is a digest, its metadata, or a list of keys.
func (d *Digests) Evidence(path string) bool {
	name := filepath.ToSlash(path)
	base := filepath.Base(path)
	return strings.Contains(name, "/CloudTrail-Digest/") || strings.HasSuffix(base, ".head.json") ||
		base == "public-keys.json" || base == "metadata.jsonl"
}
