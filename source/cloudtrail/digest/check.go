package digest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
)

// Options of [Check] and [Proofs]. The zero value judges everything with the keys found in the copy.
type Options struct {
	Keys   *Keys     // default: public-keys.json at the root of the copy
	Bucket string    // the bucket the copy is of; empty accepts any
	From   time.Time // judge events from here; zero: from the beginning
	To     time.Time // judge events up to here; zero: to the end. Digests up to an hour later are read
	// Strict makes log files outside what digests cover a failure, as when someone removed all digests of a region.
	Strict bool
	// Workers is how many files are read at the same time; default 2.
	Workers int
	// MaxLogBytes is the limit of one decompressed log file; default 1 GiB. Larger ones are unknown.
	MaxLogBytes int64
}

func (o Options) workers() int {
	if o.Workers <= 0 {
		return 2
	}
	return o.Workers
}

func (o Options) maxLogBytes() int64 {
	if o.MaxLogBytes <= 0 {
		return 1 << 30
	}
	return o.MaxLogBytes
}

// wantsDigest selects by the end of a digest's hour. One hour more: events of the range's end are delivered later.
func (o Options) wantsDigest(end time.Time) bool {
	return end.IsZero() || within(end, o.From, o.To, time.Hour)
}

// wantsLog selects by the event times that a digest states for a log file.
func (o Options) wantsLog(f *LogFile) bool {
	return (f.Newest.IsZero() || o.From.IsZero() || !f.Newest.Before(o.From)) && (f.Oldest.IsZero() || o.To.IsZero() || !f.Oldest.After(o.To))
}

func within(t, from, to time.Time, slack time.Duration) bool {
	return (from.IsZero() || !t.Before(from)) && (to.IsZero() || !t.After(to.Add(slack)))
}

// Check judges every digest and every log file of a copy of a bucket. tree is the copy: AWSLogs/ may stand at its root or below any
// folders. Metadata of a digest stands beside it as NAME.head.json (output of aws s3api head-object) or in a metadata.jsonl of
// {"key", "metadata"} lines. Verdicts are in the report; an error means that the copy or its keys could not be read at all, or that
// ctx ended.
func Check(ctx context.Context, tree fs.FS, o Options) (*Report, error) {
	s, err := prepare(ctx, tree, o)
	if err != nil {
		return nil, err
	}
	if err := s.logs(ctx); err != nil {
		return nil, err
	}
	s.report.sort()
	return s.report, nil
}

// A session is one run over one copy.
type session struct {
	options Options
	inv     *inventory
	onDisk  []place // log files to judge
	proofs  map[string]Proof
	report  *Report
}

// prepare does all but reading log files.
func prepare(ctx context.Context, tree fs.FS, o Options) (*session, error) {
	if !o.From.IsZero() && !o.To.IsZero() && o.To.Before(o.From) {
		return nil, fmt.Errorf("time range ends at %s before it starts at %s", stamp(o.To), stamp(o.From))
	}
	inv, err := scan(ctx, tree)
	if err != nil {
		return nil, err
	}
	s := &session{inv: inv, report: &Report{Strict: o.Strict, Chains: []Chain{}, Objects: []Object{}, Notices: append([]Notice{}, inv.notices...)}}
	if o.Keys == nil && inv.hasKeys {
		if o.Keys, err = inv.keys(); err != nil {
			return nil, err
		}
		s.notice(Notice{
			Code: "keys_from_copy", Key: keysFile,
			Detail: "the public keys came with the copy: who could change the copy could change them; fetch them from AWS to be sure",
		})
	}
	s.options = o
	nodes, outside, err := load(ctx, inv, o)
	if err != nil {
		return nil, err
	}
	s.report.Totals.OutOfRange, s.report.Totals.OtherFiles = outside, inv.others
	byKey, notices := single(nodes)
	s.notice(notices...)
	l := follow(byKey, o)
	s.notice(l.notices...)
	s.report.Chains = append(s.report.Chains, l.chains...)
	s.digests(nodes, l)
	s.prove(byKey, l)
	return s, nil
}

func (s *session) notice(n ...Notice) { s.report.Notices = append(s.report.Notices, n...) }

// digests puts the digests into the report.
func (s *session) digests(nodes []*node, l *links) {
	for _, o := range s.inv.unread {
		s.report.add(o)
	}
	for _, n := range nodes {
		s.report.add(Object{Key: n.key, Path: n.path, Kind: kindDigest, Result: n.res, SHA256: n.sum})
		if n.res.Reason == "key_validity" {
			s.notice(Notice{Code: "key_validity", Key: n.key, Detail: n.res.Detail})
		}
	}
	s.orphans(l.missing)
	for _, o := range l.missing {
		s.report.add(o)
	}
	if len(nodes) == 0 {
		s.notice(Notice{
			Code: "no_digests", From: s.options.From, To: s.options.To,
			Detail: "no digest file in the copy (and time range): nothing is proved; digests stand in AWSLogs/ACCOUNT/CloudTrail-Digest/",
		})
	}
}

// prove fills the proofs and the list of log files to judge.
func (s *session) prove(byKey map[string]*node, l *links) {
	named, outside := mentions(byKey, s.options)
	s.proofs = make(map[string]Proof, len(s.inv.logs))
	present := map[string]string{}
	uncovered := map[area]int{}
	for _, pl := range s.inv.logs {
		_, isNamed := named[pl.key]
		if !isNamed && (outside[pl.key] || (!pl.at.IsZero() && !within(pl.at, s.options.From, s.options.To, 0))) {
			s.report.Totals.OutOfRange++
			continue
		}
		if other, ok := present[pl.key]; ok {
			s.notice(Notice{Code: "duplicate_file", Key: pl.key, Detail: "two files for this key: " + quote(other) + " and " + quote(pl.path)})
		}
		present[pl.key] = pl.path
		s.onDisk = append(s.onDisk, pl)
		if isNamed {
			continue
		}
		p := Proof{Result: unnamed(l.coverage[pl.area], pl.at)}
		if p.Reason == "unproved" && strings.Contains(pl.key, "/CloudTrail-Insight/") {
			p.Result = result(unknown, "not_covered", "no digest names it; AWS does not document that digests name Insights files")
		}
		if p.Reason != "unproved" {
			uncovered[pl.area]++
		}
		s.proofs[pl.key] = p
	}
	for a, n := range uncovered {
		s.notice(Notice{
			Code: "not_covered", Key: join(a.root, "AWSLogs/"+join(a.organization, a.account)),
			Detail: fmt.Sprintf("%d log files of region %s are outside what the digests cover: nothing proves them", n, quote(a.region)),
		})
	}
	for key, all := range named {
		p, notices := prove(key, all)
		s.notice(notices...)
		s.proofs[key] = p
	}
}

// logs hashes and judges the log files of the copy, and adds those missing.
func (s *session) logs(ctx context.Context) error {
	objects := make([]Object, len(s.onDisk))
	sizes := make([]int64, len(s.onDisk))
	each(s.options.workers(), len(s.onDisk), func(i int) {
		if ctx.Err() == nil {
			objects[i], sizes[i] = s.log(ctx, s.onDisk[i])
		}
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	present := make(map[string]bool, len(s.onDisk))
	for i, pl := range s.onDisk {
		present[pl.key] = true
		s.report.Totals.Bytes += sizes[i]
	}
	lost := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(s.proofs)) {
		p := s.proofs[key]
		if !present[key] {
			if p.Reason != "digest_invalid" { // An invalid digest proves no absence.
				p.Result = result(invalid, "missing", "digest %s names %s but it is not in the copy", quote(p.Digest), quote(key))
			}
			s.report.add(Object{Key: key, Kind: kindLog, Result: p.Result, ProvedBy: p.Digest})
			lost[p.SHA256] = key
		}
	}
	for _, o := range objects {
		if from, ok := lost[o.SHA256]; ok && o.ProvedBy == "" && o.SHA256 != "" {
			o.Result = result(invalid, "moved", "no digest names it, but it holds the bytes of the missing %s", quote(from))
		}
		s.report.add(o)
	}
	return nil
}

func (s *session) log(ctx context.Context, pl place) (Object, int64) {
	p := s.proofs[pl.key]
	o := Object{Key: pl.key, Path: pl.path, Kind: kindLog, ProvedBy: p.Digest}
	sum, n, zipped, err := hashPlain(ctx, s.inv.tree, pl.path, s.options.maxLogBytes())
	if err != nil {
		o.Result = unread(pl.path, err, s.options.maxLogBytes())
		if p.Digest == "" && !errors.Is(err, errGzip) {
			o.Result = p.Result // Not proved either way; why it is not counts more.
		}
		return o, n
	}
	o.SHA256, o.Result = sum, p.Judge(sum)
	if o.Reason == "hash_mismatch" && !zipped && strings.HasSuffix(pl.path, ".gz") {
		o.Result = result(invalid, "bad_gzip", "%s is not gzip, and as plain bytes it is not what digest %s states", quote(pl.path), quote(p.Digest))
	}
	return o, n
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
