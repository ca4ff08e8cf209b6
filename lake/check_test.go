package lake_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/yagura-sec/yagura/lake"
)

// damaged is a way to harm a lake, and what a check must say of it.
var damages = []struct {
	name   string
	harm   func(t *testing.T, dir string)
	code   string
	mended bool // repair makes it whole
}{
	{"missing file", func(t *testing.T, dir string) { remove(t, one(t, dir, ".parquet")) }, "missing", false},
	{"flipped byte", func(t *testing.T, dir string) { flip(t, one(t, dir, ".parquet"), 100) }, "damaged", false},
	{"flipped last byte", func(t *testing.T, dir string) { flip(t, one(t, dir, ".parquet"), -1) }, "damaged", false},
	{"cut file", func(t *testing.T, dir string) { cut(t, one(t, dir, ".parquet")) }, "damaged", false},
	{"empty file", func(t *testing.T, dir string) { write(t, one(t, dir, ".parquet"), nil) }, "damaged", false},
	{"other file under its name", func(t *testing.T, dir string) { swap(t, dir) }, "damaged", false},
	{"directory under its name", func(t *testing.T, dir string) {
		p := one(t, dir, ".parquet")
		remove(t, p)
		if err := os.Mkdir(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}, "damaged", false},
	{"extra file", func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "cloudtrail", "day=2026-10-01", "fresh", "extra.parquet"), []byte("PAR1"))
	}, "orphan", true},
	{"extra sidecar", func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "cloudtrail", "day=2026-10-01", "compacted", "extra.words"), []byte("YGW1"))
	}, "orphan", true},
	{"missing sidecar", func(t *testing.T, dir string) { remove(t, one(t, dir, ".words")) }, "sidecar", true},
	{"flipped sidecar", func(t *testing.T, dir string) { flip(t, one(t, dir, ".words"), 60) }, "sidecar", true},
	{"cut sidecar", func(t *testing.T, dir string) { cut(t, one(t, dir, ".words")) }, "sidecar", true},
	{"file row lost", tamper(`DELETE FROM file WHERE id = (SELECT min(id) FROM file)`), "object", false},
	{"object row lost", tamper(`DELETE FROM object WHERE id = (SELECT min(object) FROM part)`), "object", false},
	{"part row lost", tamper(`DELETE FROM part WHERE (file, object) = (SELECT file, object FROM part LIMIT 1)`), "rows", false},
	{"parts swapped", tamper(`UPDATE part SET object = object + 1 WHERE (file, object) = (SELECT file, object FROM part LIMIT 1)`), "rows", false},
	{"row count changed", tamper(`UPDATE file SET rows = rows + 1 WHERE id = (SELECT min(id) FROM file)`), "rows", false},
	{"hash changed", tamper(`UPDATE file SET sha256 = '00' WHERE id = (SELECT min(id) FROM file)`), "damaged", false},
	{"object count changed", tamper(`UPDATE object SET rows = rows + 1, records = records + 1 WHERE id = (SELECT min(object) FROM part)`), "object", false},
	{"duplicates lost", tamper(`UPDATE object SET records = records + 1 WHERE id = (SELECT min(object) FROM part)`), "object", false},
	{"object row twice", tamper(`INSERT INTO object SELECT id + 1, bucket, key || 'x', size, modified, sha256, source, status, reason, records, rows, duplicates, quarantined, expired, first, last, proof, proof_reason, proof_by, batch, ingested_at FROM object WHERE id = (SELECT min(object) FROM part)`), "object", false},
	{"file row twice", tamper(`INSERT INTO file SELECT id + 1000, source, day, name || 'x', compacted, rows, bytes, words, memory, first, last, sha256, schema FROM file WHERE id = (SELECT min(id) FROM file)`), "missing", false},
	{"quarantine lost", tamper(`DELETE FROM quarantine`), "object", false},
}

func TestCheckFindsDamage(t *testing.T) {
	master := t.TempDir()
	l := open(t, master)
	objects := append(fixtures(t), generated(60)...)
	fill(t, l, objects, 10)
	compact(t, l)
	late := generated(80)[0]
	late.key = "generated/late.json"
	fill(t, l, []delivered{late}, 1) // fresh files beside compacted ones
	l.Close()
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "lake")
			if err := os.CopyFS(dir, os.DirFS(master)); err != nil {
				t.Fatal(err)
			}
			l := open(t, dir)
			if r := check(t, l, false); len(r.Problems) > 0 || !r.Sound() {
				t.Fatalf("before: %+v", r.Problems)
			}
			d.harm(t, dir)
			r := check(t, l, false)
			if r.Sound() || !slices.ContainsFunc(r.Problems, func(p lake.Problem) bool { return p.Code == d.code }) {
				t.Errorf("found %+v, want %s", r.Problems, d.code)
			}
			for _, p := range r.Problems {
				if p.Subject == "" || p.Detail == "" || p.Fix == "" || p.Repaired {
					t.Errorf("incomplete: %+v", p)
				}
			}
			before := parquets(t, dir)
			if r := check(t, l, true); r.Sound() != d.mended {
				t.Errorf("repair: sound %v, %+v", r.Sound(), r.Problems)
			}
			if after := parquets(t, dir); !d.mended && cmpSnapshots(before, after) != "" {
				t.Errorf("repair changed %s", cmpSnapshots(before, after))
			}
			if r := check(t, l, false); r.Sound() != d.mended {
				t.Errorf("after the repair: %+v", r.Problems)
			}
		})
	}
}

// A search never takes a damaged file for an empty one.
func TestSearchNamesDamagedFile(t *testing.T) {
	for _, suffix := range []string{".parquet", ".words"} {
		dir := t.TempDir()
		l := open(t, dir)
		fill(t, l, generated(60)[:1], 1)
		compact(t, l)
		remove(t, one(t, dir, suffix))
		o := &oracle{fields: table(t)}
		_, err := l.Search(t.Context(), filterOf(o.parse(t, map[string]string{".parquet": "eventName:*", ".words": "bytes AND plain"}[suffix])), pageOf(10))
		if err == nil || !strings.Contains(err.Error(), "day=") {
			t.Errorf("without a %s: %v", suffix, err)
		}
	}
}

func check(t *testing.T, l *lake.Lake, repair bool) *lake.Report {
	t.Helper()
	r, err := l.Check(t.Context(), repair, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func parquets(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := snapshot(t, dir)
	for k := range out {
		if !strings.HasSuffix(k, ".parquet") {
			delete(out, k)
		}
	}
	return out
}

// one gives the first file of a kind.
func one(t testing.TB, dir, suffix string) string {
	t.Helper()
	var found string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && found == "" && strings.HasSuffix(path, suffix) && !d.IsDir() {
			found = path
		}
		return err
	})
	if err != nil || found == "" {
		t.Fatalf("no %s file: %v", suffix, err)
	}
	return found
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func flip(t testing.TB, path string, at int) {
	t.Helper()
	b := read(t, path)
	b[(at+len(b))%len(b)] ^= 1
	write(t, path, b)
}

func cut(t testing.TB, path string) {
	t.Helper()
	b := read(t, path)
	write(t, path, b[:len(b)/2])
}

// swap gives one file the content of another.
func swap(t testing.TB, dir string) {
	t.Helper()
	first := one(t, filepath.Join(dir, "cloudtrail"), ".parquet")
	other := read(t, one(t, filepath.Join(dir, "vpcflow"), ".parquet"))
	if bytes.Equal(read(t, first), other) {
		t.Fatal("the same content")
	}
	write(t, first, other)
}

func tamper(statement string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		db, err := sql.Open("sqlite", filepath.Join(dir, "catalog.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		res, err := db.Exec(statement)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			t.Fatal(errors.Join(err, fmt.Errorf("%d rows", n)))
		}
	}
}
