package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func put(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func walk(t *testing.T, roots ...string) []Entry {
	t.Helper()
	var out []Entry
	if err := Walk(t.Context(), roots, func(e Entry) error {
		out = append(out, e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWalk(t *testing.T) {
	root := t.TempDir()
	outside := put(t, filepath.Join(t.TempDir(), "outside"), "12345")
	b := put(t, filepath.Join(root, "b", "AWSLogs", "1", "x.gz"), "123")
	a := put(t, filepath.Join(root, "a.log"), "")
	put(t, filepath.Join(root, ".git", "config"), "x")
	put(t, filepath.Join(root, "b", ".DS_Store"), "x")
	odd := put(t, filepath.Join(root, "c", "名前 with\nline.log"), "1")
	for link, to := range map[string]string{"d": outside, "e": filepath.Join(root, "b"), "f": filepath.Join(root, "nowhere"), "loop": root} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2026, 10, 1, 2, 3, 4, 5000, time.UTC)
	if err := os.Chtimes(b, at, at); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range walk(t, root) {
		got = append(got, fmt.Sprintf("%s %s %d", e.Path, e.Object.Key, e.Object.Size))
		if e.Path == b && e.Modified != at.UnixMicro() {
			t.Errorf("time %d, want %d", e.Modified, at.UnixMicro())
		}
	}
	d := filepath.Join(root, "d")
	want := []string{a + " " + a + " 0", b + " AWSLogs/1/x.gz 3", odd + " " + odd + " 1", d + " " + d + " 5"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestRoots(t *testing.T) {
	root := t.TempDir()
	one, hidden := put(t, filepath.Join(root, "one"), "1"), put(t, filepath.Join(root, ".two"), "2")
	if got := walk(t, one, hidden, root); len(got) != 3 || got[0].Path != one || got[1].Path != hidden {
		t.Errorf("%+v", got)
	}
	t.Chdir(root)
	if got := walk(t, "one", "."); len(got) != 2 || got[0].Path != got[1].Path || !filepath.IsAbs(got[0].Path) {
		t.Errorf("relative roots: %+v", got)
	}
	link := filepath.Join(t.TempDir(), "logs")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	if got := walk(t, link); len(got) != 1 {
		t.Errorf("a root that is a link to a directory gives %d files, want 1", len(got))
	}
	if err := Walk(t.Context(), []string{filepath.Join(root, "none")}, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing root: %v", err)
	}
}

func TestWalkEnds(t *testing.T) {
	root := t.TempDir()
	for i := range 5 {
		put(t, filepath.Join(root, fmt.Sprint(i)), "x")
	}
	stop := errors.New("enough")
	n := 0
	if err := Walk(t.Context(), []string{root}, func(Entry) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("%v after %d", err, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n = 0
	if err := Walk(ctx, []string{root}, func(Entry) error { n++; cancel(); return nil }); !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("%v after %d", err, n)
	}
}

// A key is the same wherever the copy of the bucket lies.
func TestKey(t *testing.T) {
	for path, want := range map[string]string{
		"/data/bucket/AWSLogs/1/CloudTrail/x.json.gz": "AWSLogs/1/CloudTrail/x.json.gz",
		"/AWSLogs/AWSLogs/1":                          "AWSLogs/AWSLogs/1",
		"/data/xAWSLogs/1":                            "/data/xAWSLogs/1",
		"/data/x.log":                                 "/data/x.log",
	} {
		if got := Key(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
