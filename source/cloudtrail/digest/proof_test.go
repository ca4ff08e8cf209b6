package digest

import (
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

// openedFS remembers what was opened.
type openedFS struct {
	fstest.MapFS
	mu     sync.Mutex
	opened []string
}

func (o *openedFS) Open(name string) (fs.File, error) {
	o.mu.Lock()
	o.opened = append(o.opened, name)
	o.mu.Unlock()
	return o.MapFS.Open(name)
}

func TestProofs(t *testing.T) {
	w := newWorld("", "")
	tree := w.sidecars()
	forged := w.trail("111122223333", "us-east-1", "x").logKey("CloudTrail", nine.Add(20*time.Minute))
	set(tree, forged, gz([]byte("{}")))
	unread := &openedFS{MapFS: tree}
	proofs, r, err := Proofs(t.Context(), unread, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range unread.opened {
		if strings.Contains(p, "/CloudTrail/") || strings.Contains(p, "/CloudTrail-Insight/") {
			t.Errorf("read the log file %s", p)
		}
	}
	if r.Totals.Digests != 10 || r.Totals.Logs != 0 || len(proofs) != 16 {
		t.Errorf("totals %+v, %d proofs", r.Totals, len(proofs))
	}
	log := w.tokyoLogs[0][2]
	p := proofs[log]
	if p.Status != valid || p.Digest != w.tokyo[0] {
		t.Errorf("%+v", p)
	}
	if v := p.Judge(strings.ToUpper(sha256Hex(gunzip(w.files[log])))); v.Status != valid {
		t.Errorf("true bytes: %+v", v)
	}
	for _, sum := range []string{"", "00", sha256Hex(nil)} {
		if v := p.Judge(sum); v.Status != invalid || v.Reason != "hash_mismatch" {
			t.Errorf("sum %q: %+v", sum, v)
		}
	}
	if v := proofs[forged].Judge(sha256Hex([]byte("{}"))); v.Status != unknown || v.Reason != "unproved" {
		t.Errorf("forged: %+v", v)
	}
}

func TestProofsWithoutKeys(t *testing.T) {
	w := newWorld("", "")
	proofs, _, err := Proofs(t.Context(), w.lines(), Options{Keys: &Keys{}})
	if err != nil {
		t.Fatal(err)
	}
	log := w.tokyoLogs[0][0]
	if v := proofs[log].Judge(sha256Hex(gunzip(w.files[log]))); v.Status != unknown || !strings.Contains(v.Detail, "no public key with fingerprint") {
		t.Errorf("right bytes, no key: %+v", v)
	}
	if v := proofs[log].Judge(sha256Hex(nil)); v.Status != invalid {
		t.Errorf("wrong bytes, no key: %+v", v)
	}
	if v := (Proof{}).Judge("00"); v.Status == valid {
		t.Errorf("no proof: %+v", v)
	}
}

func TestCheckAgreesWithProofs(t *testing.T) {
	for _, list := range [][]tampering{logTamperings, digestTamperings, metadataTamperings} {
		for _, c := range list {
			w := newWorld("", "")
			tree := w.sidecars()
			c.do(w, tree)
			proofs, _, err := Proofs(t.Context(), tree, c.options)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range check(t, tree, c.options).Objects {
				if o.Kind != kindLog || o.SHA256 == "" {
					continue
				}
				got := proofs[o.Key].Judge(o.SHA256)
				if got.Status != o.Status && o.Reason != "moved" && o.Reason != "bad_gzip" {
					t.Errorf("%s: %s: Check says %+v, Proofs %+v", c.name, o.Key, o.Result, got)
				}
			}
		}
	}
}
