package jsonscan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const found = `{"userName":"a","n":null,"req":{"bucket":"b","Tags":[{"k":"x","v":1},{"k":"y","v":[2,3]}],"o":{"userName":"c\u0041","deep":true}},"a.b":{"c":5},"list":[["p"],"q"]}`

func TestPath(t *testing.T) {
	for path, want := range map[string][]string{
		"userName":       {"a"},
		"n":              nil,
		"req.bucket":     {"b"},
		"req.Tags.k":     {"x", "y"},
		"req.Tags.v":     {"1", "2", "3"},
		"req.o":          {`{"userName":"c\u0041","deep":true}`},
		"req.o.userName": {"cA"},
		"req.o.deep":     {"true"},
		"a.b.c":          {"5"},
		"list":           {"p", "q"},
		"req.none":       nil,
		"userName.x":     nil,
	} {
		var got []string
		Path([]byte(found), path, func(v string) bool { got = append(got, v); return true })
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("Path(%q) (-want +got):\n%s", path, d)
		}
	}
}

func TestLeaf(t *testing.T) {
	for key, want := range map[string][]string{
		"userName": {"a", "cA"},
		"v":        {"1", "2", "3"},
		"o":        {`{"userName":"c\u0041","deep":true}`},
		"n":        nil,
		"c":        {"5"},
	} {
		var got []string
		Leaf([]byte(found), key, func(v string) bool { got = append(got, v); return true })
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("Leaf(%q) (-want +got):\n%s", key, d)
		}
	}
}

func TestFindStopsWhenAsked(t *testing.T) {
	n := 0
	Leaf([]byte(found), "userName", func(string) bool { n++; return false })
	Path([]byte(found), "req.Tags.k", func(string) bool { n++; return false })
	if n != 2 {
		t.Errorf("yield was called %d times, want once a walk", n)
	}
}

func FuzzFind(f *testing.F) {
	f.Add([]byte(found), "req.Tags.v")
	f.Add([]byte(`{"a":[{`), "a.b")
	f.Fuzz(func(t *testing.T, doc []byte, path string) {
		yield := func(string) bool { return true }
		Path(doc, path, yield)
		Leaf(doc, path, yield)
	})
}
