package digest

import (
	"context"
	"io/fs"
	"slices"
	"strings"
)

// A Proof is what the digests say about one log file, before its bytes are looked at. Status valid means that a valid digest, whose
// key is Digest, signs for SHA256; it becomes a verdict on the file by [Proof.Judge].
type Proof struct {
	Result
	Digest string `json:"digest,omitempty"`
	SHA256 string `json:"sha256,omitempty"` // of the uncompressed bytes, lower-case hex
}

// Judge gives the verdict on a log file from the SHA-256 (hex) of its uncompressed bytes.
func (p Proof) Judge(sum string) Result {
	switch {
	case p.SHA256 == "" || p.Reason == "conflict" || p.Reason == "digest_invalid" || p.Reason == "wrong_algorithm":
		return p.Result
	case !sameHex(p.SHA256, sum):
		return result(invalid, "hash_mismatch", "its uncompressed bytes have SHA-256 %s; digest %s states %s", quote(sum), quote(p.Digest), quote(p.SHA256))
	}
	return p.Result
}

// Proofs judges the digests of a copy and tells for every log file, in the copy or only named, what they say about it. Keys of the map
// are as Object.Key. Log files are not read: one that a digest names and the copy lacks is in the map like the others. The report holds
// the digests, chains and notices only.
func Proofs(ctx context.Context, tree fs.FS, o Options) (map[string]Proof, *Report, error) {
	s, err := prepare(ctx, tree, o)
	if err != nil {
		return nil, nil, err
	}
	s.report.sort()
	return s.proofs, s.report, nil
}

// entry is one mention of a log file in a digest.
type entry struct {
	n *node
	l *LogFile
}

// mentions collects what the digests name, by place in the copy; false in named means only outside the time range.
func mentions(byKey map[string]*node, o Options) (named map[string][]entry, outside map[string]bool) {
	named, outside = map[string][]entry{}, map[string]bool{}
	for _, n := range byKey {
		if n.d == nil {
			continue
		}
		for i := range n.d.LogFiles {
			f := &n.d.LogFiles[i]
			key := locate(n.root, n.d.Object, f.Object)
			if key == "" {
				key = f.Object
			}
			if !o.wantsLog(f) {
				outside[key] = true
				continue
			}
			named[key] = append(named[key], entry{n, f})
		}
	}
	return named, outside
}

// prove weighs the mentions of one log file: the best digest counts, and valid digests must agree.
func prove(key string, all []entry) (Proof, []Notice) {
	rank := map[string]int{valid: 0, unknown: 1, invalid: 2}
	slices.SortFunc(all, func(a, b entry) int {
		if d := rank[a.n.res.Status] - rank[b.n.res.Status]; d != 0 {
			return d
		}
		if d := strings.Compare(a.n.key, b.n.key); d != 0 {
			return d
		}
		return strings.Compare(a.l.SHA256, b.l.SHA256)
	})
	best := all[0]
	p := Proof{Result: Result{Status: valid}, Digest: best.n.key, SHA256: best.l.SHA256}
	var notices []Notice
	for _, e := range all[1:] {
		if e.n.res.Status != best.n.res.Status {
			break
		}
		if !strings.EqualFold(e.l.SHA256, best.l.SHA256) {
			p.Result = result(invalid, "conflict", "digests %s and %s state different hashes for it", quote(best.n.key), quote(e.n.key))
			return p, nil
		}
		notices = append(notices, Notice{Code: "duplicate_entry", Key: key, Detail: "named more than once, by " + quote(best.n.key) + " and " + quote(e.n.key)})
	}
	switch {
	case best.n.res.Status == invalid:
		p.Result = result(unknown, "digest_invalid", "only an invalid digest names it: %s (%s)", quote(best.n.key), best.n.res.Reason)
	case best.l.Algorithm != hashAlgorithm:
		p.Result = result(unknown, "wrong_algorithm", "digest %s uses hash algorithm %s for it, want %s", quote(best.n.key), quote(best.l.Algorithm), hashAlgorithm)
	case best.n.res.Status == unknown:
		p.Result = result(unknown, "digest_unknown", "digest %s, which names it, is not proved: %s", quote(best.n.key), best.n.res.Detail)
	}
	return p, notices
}
