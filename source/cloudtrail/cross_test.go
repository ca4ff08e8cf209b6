package cloudtrail_test

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/source/cloudtrail"
)

// The fixtures of every other source are none of CloudTrail's business.
func TestOtherSourcesFixturesAreRefused(t *testing.T) {
	paths, err := filepath.Glob("../*/testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, p := range paths {
		ext := filepath.Ext(p)
		if strings.HasPrefix(p, "../cloudtrail/") || ext == ".golden" || ext == ".key" || ext == ".options" {
			continue
		}
		head := start(t, p)
		if head == nil {
			continue
		}
		seen++
		if m := cloudtrail.New().Match("", head); m != yagura.NoMatch {
			t.Errorf("%s: Match = %d", p, m)
		}
	}
	if seen < 10 {
		t.Errorf("only %d fixtures of other sources", seen)
	}
}

// start gives the first 64 KiB of a fixture, nil for a folder.
func start(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if s, err := f.Stat(); err != nil || s.IsDir() {
		return nil
	}
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	head, err := io.ReadAll(io.LimitReader(r, 64<<10))
	if err != nil {
		t.Fatal(err)
	}
	return head
}
