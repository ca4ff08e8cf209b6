package digest

import (
	"path"
	"strings"
	"time"
)

// The kinds of objects.
const (
	kindDigest = "digest"
	kindLog    = "log"
)

// A place is what a path in a copy tells by itself.
type place struct {
	path string // as the tree names it
	key  string // path with the .gz that a decompressed copy lost
	root string // what stands before AWSLogs/
	kind string
	area area
	// trail, home and backfill are of digests. at is the end of a digest's hour or the minute in a log file's name; zero when the name
	// tells none.
	trail, home string
	backfill    bool
	at          time.Time
}

// An area is what coverage is counted for. Log file names do not tell their trail.
type area struct {
	root, organization, account, region string
}

// parsePlace reads a path; false means that it is neither a digest nor a log file by its folder and ending.
func parsePlace(p string) (place, bool) {
	root, tail, ok := cut(p)
	if !ok {
		return place{}, false
	}
	key, isPlain := strings.TrimSuffix(p, ".gz"), !strings.HasSuffix(p, ".gz")
	if !strings.HasSuffix(key, ".json") || (isPlain && strings.HasSuffix(key, ".head.json")) {
		return place{}, false
	}
	pl := place{path: p, key: key + ".gz", root: root, area: area{root: root}}
	segments := strings.Split(tail, "/")[1:]
	if len(segments) > 1 && strings.HasPrefix(strings.ToLower(segments[0]), "o-") {
		pl.area.organization, segments = segments[0], segments[1:]
	}
	if len(segments) < 4 {
		return place{}, false
	}
	pl.area.account, pl.area.region = segments[0], segments[2]
	name := strings.TrimSuffix(path.Base(key), ".json")
	switch folder := segments[1]; {
	case folder == "CloudTrail-Digest":
		pl.kind = kindDigest
		pl.digestName(name)
	case folder == "CloudTrail" || strings.HasPrefix(folder, "CloudTrail-"):
		pl.kind = kindLog
		for part := range strings.SplitSeq(name, "_") {
			if t, err := time.Parse("20060102T1504Z", part); err == nil {
				pl.at = t
				break
			}
		}
	default:
		return place{}, false
	}
	return pl, true
}

// digestName reads ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOME_END[_backfill]. A trail's name may hold underscores; a region may not.
func (p *place) digestName(name string) {
	name, p.backfill = strings.CutSuffix(name, "_backfill")
	rest, ok := strings.CutPrefix(name, p.area.account+"_CloudTrail-Digest_"+p.area.region+"_")
	if !ok {
		return
	}
	i := strings.LastIndexByte(rest, '_')
	if i < 0 {
		return
	}
	j := strings.LastIndexByte(rest[:i], '_')
	if j < 0 {
		return
	}
	at, err := time.Parse("20060102T150405Z", rest[i+1:])
	if err != nil {
		return
	}
	p.trail, p.home, p.at = rest[:j], rest[j+1:i], at
}

// cut splits a key at its last folder AWSLogs: what is before it, without a slash at the end, and the rest from AWSLogs/ on.
func cut(key string) (root, tail string, ok bool) {
	if i := strings.LastIndex(key, "/AWSLogs/"); i >= 0 {
		return key[:i], key[i+1:], true
	}
	if strings.HasPrefix(key, "AWSLogs/") {
		return "", key, true
	}
	return "", "", false
}

// samePlace tells whether a file at local may be the object key. From AWSLogs/ on both must be equal. Before that a copy may have
// more folders (it was made below a folder) or fewer (it was made from inside the prefix), but none that contradict.
func samePlace(local, key string) bool {
	if local == key {
		return true
	}
	localRoot, localTail, ok := cut(local)
	keyRoot, keyTail, ok2 := cut(key)
	return ok && ok2 && localTail == keyTail && (endsWith(localRoot, keyRoot) || endsWith(keyRoot, localRoot))
}

// endsWith is HasSuffix for whole folders.
func endsWith(p, suffix string) bool {
	return suffix == "" || p == suffix || strings.HasSuffix(p, "/"+suffix)
}

// locate returns where in the copy the object key stands, seen from a digest whose object key is from and which stands below the
// folder root. Empty means that the copy cannot hold it.
func locate(root, from, key string) string {
	fromRoot, _, ok := cut(from)
	keyRoot, keyTail, ok2 := cut(key)
	if !ok || !ok2 {
		return ""
	}
	if keyRoot == fromRoot {
		return join(root, keyTail)
	}
	if endsWith(root, fromRoot) { // The copy has the whole prefix, so another prefix is a sibling.
		base := strings.TrimSuffix(strings.TrimSuffix(root, fromRoot), "/")
		return join(join(base, keyRoot), keyTail)
	}
	lead := strings.TrimSuffix(fromRoot, root) // The copy was made from inside the prefix.
	if below, ok := strings.CutPrefix(keyRoot+"/", lead+"/"); root == "" && ok {
		return join(strings.TrimSuffix(below, "/"), keyTail)
	}
	if below, ok := strings.CutPrefix(keyRoot, lead); root != "" && ok {
		return join(below, keyTail)
	}
	return ""
}

func join(folder, rest string) string {
	switch {
	case folder == "":
		return rest
	case rest == "":
		return folder
	}
	return folder + "/" + rest
}
