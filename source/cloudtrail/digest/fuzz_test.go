package digest

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// A change of any byte must be reported, unless it changes nothing that is proved: the content of a file stays the same to the byte (a
// time in a gzip header, padding bits), or a metadata file still says the same.
func TestAnyByteChanged(t *testing.T) {
	w := newWorld("", "")
	for name, tree := range map[string]fstest.MapFS{"sidecars": w.sidecars(), "lines": w.lines()} {
		var paths []string
		for p := range tree {
			if p != keysFile {
				paths = append(paths, p)
			}
		}
		rapid.Check(t, func(t *rapid.T) {
			p := rapid.SampledFrom(sorted(paths)).Draw(t, "path")
			b := bytes.Clone(tree[p].Data)
			i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
			b[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "mask"))
			changed := clone(tree)
			set(changed, p, b)
			r, err := Check(t.Context(), changed, Options{})
			if err != nil || r.Failed() {
				return
			}
			if !sameMeaning(p, tree[p].Data, b) {
				t.Fatalf("%s: byte %d of %s changed and nothing was reported", name, i, p)
			}
		})
	}
}

func TestAnyFileRemoved(t *testing.T) {
	w := newWorld("", "")
	for p := range w.sidecars() {
		tree := w.sidecars()
		delete(tree, p)
		if r := check(t, tree, Options{Strict: true}); !r.Failed() {
			t.Errorf("%s removed, nothing reported", p)
		}
	}
}

func sameMeaning(p string, was, is []byte) bool {
	switch {
	case p == metadataFile:
		a, b := bytes.Split(was, []byte("\n")), bytes.Split(is, []byte("\n"))
		for i := range a {
			ka, sa, _ := parseMetadataLine(a[i])
			if len(a) != len(b) {
				return false
			}
			kb, sb, _ := parseMetadataLine(b[i])
			if ka != kb || sa.signature != sb.signature || sa.algorithm != sb.algorithm {
				return false
			}
		}
		return true
	case len(p) > len(sidecarEnding) && p[len(p)-len(sidecarEnding):] == sidecarEnding:
		a, _ := parseMetadata(was)
		b, _ := parseMetadata(is)
		return a.signature == b.signature && a.algorithm == b.algorithm
	}
	return bytes.Equal(gunzip(was), gunzip(is))
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

func validPath(p string) bool {
	return fs.ValidPath(p) && !strings.ContainsFunc(p, func(r rune) bool { return r < ' ' })
}

// fuzzWorld is made once: signing is what takes time.
var fuzzWorld = sync.OnceValue(func() *world { return newWorld("", "") })

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	w := newWorld("", "")
	f.Add(gunzip(w.files[w.tokyo[1]]))
	f.Add(gunzip(w.files[w.backfill]))
	keys, err := ParseKeys(w.signer.keysJSON(nil, nil))
	if err != nil {
		f.Fatal(err)
	}
	good := map[string]bool{}
	for _, k := range []string{w.tokyo[1], w.backfill} {
		good[sha256Hex(gunzip(w.files[k]))] = true
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Parse(b)
		if err != nil {
			if d != nil {
				t.Error("both a digest and an error")
			}
			return
		}
		if r := d.Verify(keys, w.meta[w.tokyo[1]], d.Object); r.Status == valid && !good[d.SHA256] {
			t.Errorf("valid: %q", b)
		}
		for _, l := range d.LogFiles {
			locate("a/b", d.Object, l.Object)
		}
		parsePlace(d.Object)
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"Metadata":{"signature":"ab","signature-algorithm":"SHA256withRSA","backfill-generation-timestamp":"1e9"}}`))
	f.Add([]byte(`{"key":"AWSLogs/1/x","metadata":{"x-amz-meta-signature":"ab"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseMetadata(b)
		if err == nil && len(s.signature) > maxMetadataBytes {
			t.Error("signature without bound")
		}
		_, _, _ = parseMetadataLine(b)
		// As files of a copy: no panic, and nothing gets proved by it.
		w := fuzzWorld()
		tree := w.sidecars()
		set(tree, w.tokyo[0]+sidecarEnding, b)
		set(tree, metadataFile, b)
		r, err := Check(t.Context(), tree, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if o := r.find(t, w.tokyo[0]); o.Status == valid && !bytes.Contains(bytes.ToLower(b), []byte(w.meta[w.tokyo[0]]["signature"][:32])) {
			t.Errorf("proved by %q", b)
		}
		if out, err := json.Marshal(r); err != nil || !utf8.Valid(out) {
			t.Errorf("report: %v", err)
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add(newSigner().keysJSON("2026-01-01T00:00:00Z", 1.5e9))
	f.Add([]byte(`[{"Fingerprint":"a"}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ParseKeys(b)
		if (k == nil) != (err != nil) {
			t.Errorf("%v, %v", k, err)
		}
	})
}

func FuzzDigestFile(f *testing.F) {
	w := fuzzWorld()
	f.Add(w.files[w.tokyo[0]], w.tokyo[0])
	f.Add([]byte{0x1f, 0x8b}, "a/AWSLogs/o-1/1/CloudTrail-Digest/r/1_CloudTrail-Digest_r_t_r_20260302T100131Z.json")
	f.Fuzz(func(t *testing.T, b []byte, p string) {
		w := fuzzWorld()
		tree := w.sidecars()
		if pl, ok := parsePlace(p); ok && pl.kind == kindDigest {
			if len(p) < 200 && validPath(p) {
				set(tree, p, b)
			}
		}
		set(tree, w.tokyo[1], b)
		r, err := Check(t.Context(), tree, Options{})
		if err == nil && !r.Failed() && !bytes.Equal(b, w.files[w.tokyo[1]]) && !sameMeaning(w.tokyo[1], w.files[w.tokyo[1]], b) {
			t.Error("another digest passed")
		}
	})
}
