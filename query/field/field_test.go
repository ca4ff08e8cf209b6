package field

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLookup(t *testing.T) {
	fields := []Field{
		{Name: "region", Sources: []string{"a"}, Target: Target{Columns: []string{"region"}}},
		{Name: "region", Sources: []string{"b"}, Target: Target{Columns: []string{"region", "cloud_region"}, Path: "reg"}, Doc: "where"},
		{Name: "api.operation", Target: Target{Columns: []string{"op"}}},
		{Name: "a.size", Kind: Int, Target: Target{Path: "a.size"}},
		{Name: "b.size", Kind: Int, Target: Target{Path: "b.size"}},
		{Name: "a.id", Kind: Int, Target: Target{Path: "a.id"}},
		{Name: "b.id", Target: Target{Path: "b.id"}},
		{Name: "Twin", Target: Target{Path: "Twin"}},
		{Name: "twiN", Target: Target{Path: "twiN"}},
	}
	strict, err := New(fields, []string{"requestParameters"}, false)
	if err != nil {
		t.Fatal(err)
	}
	open, err := New(fields, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	region := Field{Name: "region", Sources: []string{"a", "b"}, Target: Target{Columns: []string{"region", "cloud_region"}, Path: "reg"}, Doc: "where"}
	operation := fields[2]
	leaf := func(name string, k Kind) Field { return Field{Name: name, Kind: k, Target: Target{Leaf: name}} }
	path := func(name string) Field { return Field{Name: name, Target: Target{Path: name}} }
	for _, c := range []struct {
		table Table
		name  string
		want  Field // without a name: unknown
	}{
		{strict, "region", region},
		{strict, "REGION", region},
		{strict, "api.operation", operation},
		{strict, "api_operation", operation},
		{strict, "Api_Operation", operation},
		{strict, "size", leaf("size", Int)},
		{strict, "id", leaf("id", String)},
		{strict, "Size", Field{}},
		{strict, "operation", Field{}},
		{strict, "twin", Field{}},
		{strict, "Twin", fields[7]},
		{strict, "requestParameters.x.y", path("requestParameters.x.y")},
		{strict, "requestParameters.", Field{}},
		{strict, "requestParameters..x", Field{}},
		{strict, "other.x", Field{}},
		{strict, "x", Field{}},
		{strict, "", Field{}},
		{open, "other.x", path("other.x")},
		{open, "x", leaf("x", String)},
		{open, "size", leaf("size", Int)},
		{open, "", Field{}},
	} {
		got, ok := c.table.Lookup(c.name)
		if diff := cmp.Diff(c.want, got); diff != "" || ok != (c.want.Name != "") {
			t.Errorf("Lookup(%q): %v (-want +got):\n%s", c.name, ok, diff)
		}
	}
	if names := strict.Names(); len(names) != 8 || names[0] != "Twin" {
		t.Errorf("names are %q", names)
	}
	if fields[0].Sources[0] != "a" || len(fields[0].Sources) != 1 {
		t.Error("the caller's fields were changed")
	}
}

func TestNewRefuses(t *testing.T) {
	for want, fields := range map[string][]Field{
		"without a name":    {{Target: Target{Path: "x"}}},
		"string and as int": {{Name: "x"}, {Name: "x", Kind: Int}},
	} {
		if _, err := New(fields, nil, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want %q", err, want)
		}
	}
}
