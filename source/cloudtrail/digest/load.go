package digest

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"sync/atomic"
)

// A node is one digest file of the copy with its verdict.
type node struct {
	place
	d    *Digest // nil when it could not be parsed
	sum  string  // of its uncompressed bytes; empty when they could not be read
	seal sealed
	res  Result
}

// load reads and judges the digests within the time range, each by itself.
func load(ctx context.Context, inv *inventory, o Options) (nodes []*node, outside int, err error) {
	for _, pl := range inv.digests {
		if o.wantsDigest(pl.at) {
			nodes = append(nodes, &node{place: pl})
		} else {
			outside++
		}
	}
	each(o.workers(), len(nodes), func(i int) {
		if ctx.Err() == nil {
			nodes[i].load(ctx, inv, o)
		}
	})
	return nodes, outside, ctx.Err()
}

func (n *node) load(ctx context.Context, inv *inventory, o Options) {
	var b bytes.Buffer
	_, zipped, err := copyPlain(ctx, inv.tree, n.path, &b, maxDigestBytes)
	if err != nil {
		n.res = unread(n.path, err, maxDigestBytes)
		return
	}
	n.sum = sha256Hex(b.Bytes())
	d, err := Parse(b.Bytes())
	if err != nil {
		reason := "bad_json"
		if !zipped && strings.HasSuffix(n.path, ".gz") && !bytes.HasPrefix(b.Bytes(), []byte("{")) {
			reason = "bad_gzip"
		}
		n.res = result(invalid, reason, "%s: %s", quote(n.path), quote(err.Error()))
		return
	}
	n.d = d
	if o.Bucket != "" && d.Bucket != o.Bucket {
		n.res = result(invalid, "moved", "is signed for bucket %s, want %s", quote(d.Bucket), quote(o.Bucket))
		return
	}
	if !samePlace(n.key, d.Object) {
		n.res = result(invalid, "moved", "stands at %s but is signed for %s", quote(n.key), quote(d.Bucket+"/"+d.Object))
		return
	}
	seals, err := inv.seals(n.place)
	switch {
	case err != nil:
		n.res = result(unknown, "bad_metadata", "%s", quote(err.Error()))
		return
	case len(seals) > 1:
		n.res = result(invalid, "conflict", "the copy holds %d different sets of metadata for %s", len(seals), quote(n.key))
		return
	case len(seals) == 1:
		n.seal = seals[0]
	}
	n.res = d.verifySignature(o.Keys, n.seal)
}

// reject makes the node invalid unless it is already.
func (n *node) reject(reason, format string, args ...any) {
	if n.res.Status != invalid {
		n.res = result(invalid, reason, format, args...)
	}
}

// single keeps one node for each key, the first valid or else the first. Another file for the same key must hold the same bytes.
func single(nodes []*node) (map[string]*node, []Notice) {
	byKey := make(map[string]*node, len(nodes))
	for _, n := range nodes {
		if have := byKey[n.key]; have == nil || (have.res.Status != valid && n.res.Status == valid) {
			byKey[n.key] = n
		}
	}
	var notices []Notice
	for _, n := range nodes {
		chosen := byKey[n.key]
		if chosen == n {
			continue
		}
		notices = append(notices, Notice{Code: "duplicate_file", Key: n.key, Detail: "two files for this key: " + quote(chosen.path) + " and " + quote(n.path)})
		if n.sum != chosen.sum {
			n.reject("conflict", "%s holds other bytes than %s, which has the same key", quote(n.path), quote(chosen.path))
		}
	}
	return byKey, notices
}

// each calls f for 0 to count-1 from a few goroutines and returns when all calls are done.
func each(workers, count int, f func(i int)) {
	var next atomic.Int64
	var done sync.WaitGroup
	for range min(workers, count) {
		done.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	done.Wait()
}
