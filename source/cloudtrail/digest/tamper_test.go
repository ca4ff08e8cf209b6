package digest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A tampering changes a good copy; want maps keys to the verdict they must get.
type tampering struct {
	name    string
	options Options
	do      func(w *world, tree fstest.MapFS) (want map[string]string)
}

func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 0x10
	return b
}

func set(tree fstest.MapFS, p string, b []byte) { tree[p] = &fstest.MapFile{Data: b} }

func rename(tree fstest.MapFS, from, to string) {
	tree[to] = tree[from]
	delete(tree, from)
}

func edited(w *world, key string, edit func(d map[string]any)) []byte {
	d := w.content(key)
	edit(d)
	b, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return gz(b)
}

func withMeta(w *world, key, name, value string) []byte {
	m := map[string]string{}
	for k, v := range w.meta[key] {
		m[k] = v
	}
	m[name] = value
	if value == "" {
		delete(m, name)
	}
	return headJSON(m)
}

var logTamperings = []tampering{
	{name: "log rewritten", do: func(w *world, tree fstest.MapFS) map[string]string {
		set(tree, w.tokyoLogs[0][0], gz([]byte(`{"Records":[]}`)))
		return map[string]string{w.tokyoLogs[0][0]: "invalid hash_mismatch"}
	}},
	{name: "log deleted", do: func(w *world, tree fstest.MapFS) map[string]string {
		delete(tree, w.tokyoLogs[0][1])
		return map[string]string{w.tokyoLogs[0][1]: "invalid missing"}
	}},
	{name: "insight log deleted", do: func(w *world, tree fstest.MapFS) map[string]string {
		delete(tree, w.tokyoLogs[0][2])
		return map[string]string{w.tokyoLogs[0][2]: "invalid missing"}
	}},
	{name: "log cut short", do: func(w *world, tree fstest.MapFS) map[string]string {
		b := tree[w.tokyoLogs[0][0]].Data
		set(tree, w.tokyoLogs[0][0], b[:len(b)/2])
		return map[string]string{w.tokyoLogs[0][0]: "invalid bad_gzip"}
	}},
	{name: "log is empty", do: func(w *world, tree fstest.MapFS) map[string]string {
		set(tree, w.tokyoLogs[0][0], nil)
		return map[string]string{w.tokyoLogs[0][0]: "invalid bad_gzip"}
	}},
	{name: "log with a second gzip member", do: func(w *world, tree fstest.MapFS) map[string]string {
		set(tree, w.tokyoLogs[0][0], append(bytes.Clone(tree[w.tokyoLogs[0][0]].Data), gz([]byte("more"))...))
		return map[string]string{w.tokyoLogs[0][0]: "invalid hash_mismatch"}
	}},
	{name: "log renamed", do: func(w *world, tree fstest.MapFS) map[string]string {
		to := strings.Replace(w.tokyoLogs[1][0], ".json.gz", "x.json.gz", 1)
		rename(tree, w.tokyoLogs[1][0], to)
		return map[string]string{to: "invalid moved", w.tokyoLogs[1][0]: "invalid missing"}
	}},
	{name: "two logs swapped", do: func(w *world, tree fstest.MapFS) map[string]string {
		a, b := w.tokyoLogs[0][0], w.tokyoLogs[0][1]
		tree[a], tree[b] = tree[b], tree[a]
		return map[string]string{a: "invalid hash_mismatch", b: "invalid hash_mismatch"}
	}},
	{name: "log added in a covered hour", do: func(w *world, tree fstest.MapFS) map[string]string {
		k := w.trail("111122223333", "ap-northeast-1", "forged").logKey("CloudTrail", nine.Add(2*time.Hour+20*time.Minute))
		set(tree, k, gz([]byte(`{"Records":[]}`)))
		return map[string]string{k: "unknown unproved"}
	}},
	{name: "log added with a name that tells no time", do: func(w *world, tree fstest.MapFS) map[string]string {
		k := "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/evidence.json.gz"
		set(tree, k, gz([]byte(`{"Records":[]}`)))
		return map[string]string{k: "unknown unproved"}
	}},
	{name: "log too large", options: Options{MaxLogBytes: 20}, do: func(w *world, tree fstest.MapFS) map[string]string {
		want := map[string]string{}
		for k := range w.files {
			if strings.Contains(k, "/CloudTrail/") || strings.Contains(k, "/CloudTrail-Insight/") {
				want[k] = "unknown too_large"
			}
		}
		delete(want, w.backfilled) // 14 bytes.
		return want
	}},
	{name: "second file for one log key", do: func(w *world, tree fstest.MapFS) map[string]string {
		plain := strings.TrimSuffix(w.tokyoLogs[0][0], ".gz")
		set(tree, plain, []byte("{}"))
		return map[string]string{plain: "invalid hash_mismatch"}
	}},
}

var digestTamperings = []tampering{
	{name: "digest deleted", do: func(w *world, tree fstest.MapFS) map[string]string {
		delete(tree, w.tokyo[1])
		return map[string]string{
			w.tokyo[1]: "invalid missing", w.tokyoLogs[1][0]: "unknown unproved", w.tokyoLogs[1][1]: "unknown unproved",
		}
	}},
	{name: "first digest of two deleted", do: func(w *world, tree fstest.MapFS) map[string]string {
		delete(tree, w.virginia[0])
		want := map[string]string{w.virginia[0]: "invalid missing"}
		for k := range w.files {
			if strings.Contains(k, "/CloudTrail/us-east-1/") && strings.Contains(k, "T09") {
				want[k] = "unknown unproved"
			}
		}
		return want
	}},
	{name: "entry removed from a digest", do: func(w *world, tree fstest.MapFS) map[string]string {
		set(tree, w.tokyo[1], edited(w, w.tokyo[1], func(d map[string]any) { d["logFiles"] = d["logFiles"].([]any)[:1] }))
		return map[string]string{
			w.tokyo[1]: "invalid bad_signature", w.tokyoLogs[1][0]: "unknown digest_invalid", w.tokyoLogs[1][1]: "unknown unproved",
		}
	}},
	{name: "digest signed again by another hand and its metadata replaced", do: func(w *world, tree fstest.MapFS) map[string]string {
		d := w.content(w.tokyo[1])
		d["logFiles"] = []any{}
		w.seal(w.tokyo[1], d) // With the right key even: only the chain can tell.
		set(tree, w.tokyo[1], w.files[w.tokyo[1]])
		set(tree, w.tokyo[1]+".head.json", headJSON(w.meta[w.tokyo[1]]))
		return map[string]string{
			w.tokyo[1]: "invalid chain_hash", w.tokyoLogs[1][0]: "unknown unproved", w.tokyoLogs[1][1]: "unknown unproved",
		}
	}},
	{name: "last digest moved to another hour", do: func(w *world, tree fstest.MapFS) map[string]string {
		to := strings.Replace(w.tokyo[4], "T170131Z", "T180131Z", 1)
		rename(tree, w.tokyo[4], to)
		rename(tree, w.tokyo[4]+".head.json", to+".head.json")
		return map[string]string{to: "invalid moved", w.tokyoLogs[4][0]: "unknown digest_invalid", w.tokyoLogs[4][1]: "unknown digest_invalid"}
	}},
	{name: "digest is not gzip", do: func(w *world, tree fstest.MapFS) map[string]string {
		set(tree, w.tokyo[4], []byte("not gzip"))
		return map[string]string{w.tokyo[4]: "invalid bad_gzip", w.tokyoLogs[4][0]: "unknown unproved", w.tokyoLogs[4][1]: "unknown unproved"}
	}},
	{name: "digest is damaged gzip", do: func(w *world, tree fstest.MapFS) map[string]string {
		b := tree[w.tokyo[4]].Data
		set(tree, w.tokyo[4], flip(b, len(b)-6))
		return map[string]string{w.tokyo[4]: "invalid bad_gzip", w.tokyoLogs[4][0]: "unknown unproved", w.tokyoLogs[4][1]: "unknown unproved"}
	}},
	{name: "digest is a bomb", do: func(w *world, tree fstest.MapFS) map[string]string {
		set(tree, w.tokyo[4], gz(make([]byte, maxDigestBytes+1)))
		return map[string]string{w.tokyo[4]: "unknown too_large", w.tokyoLogs[4][0]: "unknown unproved", w.tokyoLogs[4][1]: "unknown unproved"}
	}},
	{name: "digest is not a digest", do: func(w *world, tree fstest.MapFS) map[string]string {
		set(tree, w.second[1], gz([]byte(`{"Records":[]}`)))
		return map[string]string{w.second[1]: "invalid bad_json", logOf(w, "second", "T10"): "unknown unproved"}
	}},
	{name: "two different files for one digest", do: func(w *world, tree fstest.MapFS) map[string]string {
		plain := strings.TrimSuffix(w.second[0], ".gz")
		set(tree, plain, []byte(`{}`))
		return map[string]string{plain: "invalid bad_json"}
	}},
	{name: "digest passed over", do: func(w *world, tree fstest.MapFS) map[string]string {
		d := w.content(w.tokyo[4])
		d["previousDigestS3Object"] = w.tokyo[2]
		d["previousDigestHashValue"] = sha256Hex(gunzip(w.files[w.tokyo[2]]))
		d["previousDigestSignature"] = w.meta[w.tokyo[2]]["signature"]
		w.seal(w.tokyo[4], d)
		set(tree, w.tokyo[4], w.files[w.tokyo[4]])
		set(tree, w.tokyo[4]+".head.json", headJSON(w.meta[w.tokyo[4]]))
		return map[string]string{w.tokyo[3]: "invalid unlinked", w.tokyoLogs[3][0]: "unknown digest_invalid"}
	}},
	{name: "digest of another bucket", options: Options{Bucket: "other"}, do: func(w *world, tree fstest.MapFS) map[string]string {
		want := map[string]string{}
		for k := range w.files {
			want[k] = "unknown digest_invalid"
		}
		for k := range w.meta {
			want[k] = "invalid moved"
		}
		return want
	}},
	{name: "backfill digest changed", do: func(w *world, tree fstest.MapFS) map[string]string {
		set(tree, w.backfill, edited(w, w.backfill, func(d map[string]any) { d["logFiles"] = nil }))
		return map[string]string{w.backfill: "invalid bad_signature", w.backfilled: "unknown unproved"}
	}},
	{name: "digests disagree", do: func(w *world, tree fstest.MapFS) map[string]string {
		d := w.content(w.backfill)
		d["logFiles"] = append(d["logFiles"].([]any), logEntry(w.name, w.tokyoLogs[0][0], strings.Repeat("0", 64), nine))
		w.seal(w.backfill, d)
		set(tree, w.backfill, w.files[w.backfill])
		set(tree, w.backfill+".head.json", headJSON(w.meta[w.backfill]))
		return map[string]string{w.tokyoLogs[0][0]: "invalid conflict"}
	}},
	{name: "unknown hash algorithm", do: func(w *world, tree fstest.MapFS) map[string]string {
		d := w.content(w.tokyo[4])
		d["logFiles"].([]any)[0].(map[string]any)["hashAlgorithm"] = "SHA-1"
		w.seal(w.tokyo[4], d)
		set(tree, w.tokyo[4], w.files[w.tokyo[4]])
		set(tree, w.tokyo[4]+".head.json", headJSON(w.meta[w.tokyo[4]]))
		return map[string]string{w.tokyoLogs[4][0]: "unknown wrong_algorithm"}
	}},
}

var metadataTamperings = []tampering{
	{name: "no metadata", do: func(w *world, tree fstest.MapFS) map[string]string {
		delete(tree, w.second[1]+".head.json")
		return map[string]string{w.second[1]: "unknown missing_metadata", logOf(w, "second", "T10"): "unknown digest_unknown"}
	}},
	{name: "no signature", do: func(w *world, tree fstest.MapFS) map[string]string {
		set(tree, w.second[1]+".head.json", withMeta(w, w.second[1], "signature", ""))
		return map[string]string{w.second[1]: "unknown missing_metadata", logOf(w, "second", "T10"): "unknown digest_unknown"}
	}},
	{name: "metadata is not JSON", do: func(w *world, tree fstest.MapFS) map[string]string {
		set(tree, w.second[1]+".head.json", []byte("{"))
		return map[string]string{w.second[1]: "unknown bad_metadata", logOf(w, "second", "T10"): "unknown digest_unknown"}
	}},
	{name: "signature of another digest", do: func(w *world, tree fstest.MapFS) map[string]string {
		tree[w.second[1]+".head.json"] = tree[w.second[0]+".head.json"]
		return map[string]string{w.second[1]: "invalid bad_signature", logOf(w, "second", "T10"): "unknown digest_invalid"}
	}},
	{name: "backfill digest without its time", do: func(w *world, tree fstest.MapFS) map[string]string {
		set(tree, w.backfill+".head.json", withMeta(w, w.backfill, "backfill-generation-timestamp", ""))
		return map[string]string{w.backfill: "unknown missing_metadata", w.backfilled: "unknown digest_unknown"}
	}},
	{name: "signature is not hex", do: func(w *world, tree fstest.MapFS) map[string]string {
		set(tree, w.second[1]+".head.json", withMeta(w, w.second[1], "signature", "zz"))
		return map[string]string{w.second[1]: "invalid bad_signature", logOf(w, "second", "T10"): "unknown digest_invalid"}
	}},
	{name: "wrong algorithm in metadata", do: func(w *world, tree fstest.MapFS) map[string]string {
		set(tree, w.second[1]+".head.json", withMeta(w, w.second[1], "signature-algorithm", "SHA1withRSA"))
		return map[string]string{w.second[1]: "invalid wrong_algorithm", logOf(w, "second", "T10"): "unknown digest_invalid"}
	}},
	{name: "two sets of metadata", do: func(w *world, tree fstest.MapFS) map[string]string {
		line, _ := json.Marshal(map[string]any{"key": w.second[1], "metadata": map[string]string{"signature": "00", "signature-algorithm": "SHA256withRSA"}})
		set(tree, "metadata.jsonl", line)
		return map[string]string{w.second[1]: "invalid conflict", logOf(w, "second", "T10"): "unknown digest_invalid"}
	}},
	{name: "successor states another signature", do: func(w *world, tree fstest.MapFS) map[string]string {
		d := w.content(w.second[1])
		d["previousDigestSignature"] = "00ff"
		w.seal(w.second[1], d)
		set(tree, w.second[1], w.files[w.second[1]])
		set(tree, w.second[1]+".head.json", headJSON(w.meta[w.second[1]]))
		return map[string]string{w.second[0]: "invalid chain_signature", logOf(w, "second", "T09"): "unknown digest_invalid"}
	}},
	{name: "no public key", do: func(w *world, tree fstest.MapFS) map[string]string {
		delete(tree, "public-keys.json")
		want := map[string]string{}
		for k := range w.files {
			want[k] = "unknown digest_unknown"
		}
		for k := range w.meta {
			want[k] = "unknown unknown_key"
		}
		return want
	}},
	{name: "another public key under the fingerprint", do: func(w *world, tree fstest.MapFS) map[string]string {
		set(tree, "public-keys.json", otherKeys())
		want := map[string]string{}
		for k := range w.files {
			want[k] = "unknown digest_invalid"
		}
		for k := range w.meta {
			want[k] = "invalid bad_signature"
		}
		return want
	}},
}

func logOf(w *world, trail, hour string) string {
	for k := range w.files {
		if strings.Contains(k, "/CloudTrail/") && strings.Contains(k, hour) && strings.Contains(k, trail) {
			return k
		}
	}
	panic("no such log")
}

func TestTampering(t *testing.T) {
	for _, list := range [][]tampering{logTamperings, digestTamperings, metadataTamperings} {
		for _, c := range list {
			t.Run(c.name, func(t *testing.T) {
				w := newWorld("", "")
				tree := w.sidecars()
				want := c.do(w, tree)
				r := check(t, tree, c.options)
				got := map[string]string{}
				for _, o := range r.Objects {
					if o.Status == valid {
						continue
					}
					name := o.Key
					if o.Path != "" {
						name = o.Path
					}
					got[name] = o.Status + " " + o.Reason
					if o.Detail == "" {
						t.Errorf("%s has no sentence", o.Key)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("verdicts (-want +got):\n%s", diff)
				}
				if !r.Failed() {
					t.Error("report did not fail")
				}
			})
		}
	}
}

// brokenFS refuses to open one file.
type brokenFS struct {
	fstest.MapFS
	path string
}

func (b brokenFS) Open(name string) (fs.File, error) {
	if name == b.path {
		return nil, errors.New("disk on fire")
	}
	return b.MapFS.Open(name)
}

func (b brokenFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == b.path {
		return nil, errors.New("disk on fire")
	}
	return b.MapFS.ReadDir(name)
}

func TestUnreadableFilesAreUnknown(t *testing.T) {
	w := newWorld("", "")
	for _, p := range []string{w.tokyo[4], w.tokyoLogs[0][0], "AWSLogs/111122223333/CloudTrail/us-east-1"} {
		r, err := Check(t.Context(), brokenFS{w.sidecars(), p}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if o := r.find(t, p); o.Status != unknown || o.Reason != "unreadable" || !r.Failed() {
			t.Errorf("%s: %+v", p, o)
		}
	}
	if _, err := Check(t.Context(), brokenFS{w.sidecars(), "public-keys.json"}, Options{}); err == nil {
		t.Error("keys that cannot be read passed")
	}
}
