package yaguratest

import (
	"reflect"
	"slices"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

// checkSchema sees that the schema is whole and names only what exists.
func checkSchema(t testing.TB, src yagura.Source) {
	t.Helper()
	s := src.Schema()
	if s.Source == "" || s.Title == "" || s.Version < 1 {
		t.Errorf("schema lacks its source, title or version: %q %q %d", s.Source, s.Title, s.Version)
	}
	again := src.Schema()
	if again != s && !reflect.DeepEqual(withoutFunc(again), withoutFunc(s)) {
		t.Error("the schema is not constant")
	}
	names := s.Names()
	seen := map[string]bool{}
	for _, n := range s.Columns {
		c := ocsf.Lookup(n)
		if c == nil || c.Name != n {
			t.Errorf("column %s does not exist", n)
		}
		if seen[n] {
			t.Errorf("column %s stands twice", n)
		}
		seen[n] = true
	}
	for what, list := range map[string][]string{"Identity": s.Identity, "Order": s.Order, "Blooms": s.Blooms} {
		for _, n := range list {
			if !slices.Contains(names, n) {
				t.Errorf("%s names %s, which is not a column of the source", what, n)
			}
		}
	}
	clear(seen)
	for _, n := range s.Native {
		if n.Name == "" || seen[n.Name] {
			t.Errorf("native name %q is empty or stands twice", n.Name)
		}
		seen[n.Name] = true
		if (len(n.Columns) == 0) == (n.Path == "") {
			t.Errorf("native name %s needs either columns or a path", n.Name)
		}
		for _, c := range n.Columns {
			if !slices.Contains(names, c) {
				t.Errorf("native name %s leads to %s, which is not a column of the source", n.Name, c)
			}
		}
	}
}

func withoutFunc(s *ocsf.Schema) ocsf.Schema {
	c := *s
	c.Rebuild = nil
	return c
}
