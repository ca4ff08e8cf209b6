package field

import (
	"fmt"
	"slices"
	"strings"
)

// New makes a table of the given fields.
//
// A name resolves, in this order: as listed; in the underscore form of a listed dotted name; either of the two in another case, if only
// one listed name fits; as a path under one of the roots (JSON objects of the raw record, such as requestParameters), which need not be
// listed and is then a String; as the last segment of a listed path in the raw record, which is then a leaf. When open is true, any
// other name of one segment is a leaf too and any other dotted name a path, both of kind String; when it is false they are unknown.
//
// Fields of the same name (one attribute in several sources) are joined; it is an error if their kinds differ or a name is empty.
func New(fields []Field, roots []string, open bool) (Table, error) {
	t := &table{
		exact: make(map[string]Field, len(fields)), alias: map[string]string{}, folded: map[string][]string{},
		leaves: map[string]Kind{}, roots: slices.Clone(roots), open: open,
	}
	for _, f := range fields {
		if f.Name == "" {
			return nil, fmt.Errorf("field table: a field without a name (columns %q, path %q)", f.Target.Columns, f.Target.Path)
		}
		old, seen := t.exact[f.Name]
		if seen && old.Kind != f.Kind {
			return nil, fmt.Errorf("field table: %q is listed as %v and as %v: give one of them another name", f.Name, old.Kind, f.Kind)
		}
		if seen {
			f = join(old, f)
		}
		t.exact[f.Name] = f
	}
	for name, f := range t.exact {
		t.names = append(t.names, name)
		t.fold(name, name)
		if under := strings.ReplaceAll(name, ".", "_"); under != name {
			t.fold(under, name)
			if _, taken := t.exact[under]; !taken {
				t.alias[under] = name
			}
		}
		t.leaf(f)
	}
	slices.Sort(t.names)
	return t, nil
}

type table struct {
	exact  map[string]Field
	alias  map[string]string   // underscore form to listed name
	folded map[string][]string // lower-case form to the listed names it may mean
	leaves map[string]Kind     // last segments of raw paths
	names  []string
	roots  []string
	open   bool
}

func (t *table) Names() []string { return t.names }

func (t *table) Lookup(name string) (Field, bool) {
	if f, ok := t.exact[name]; ok {
		return f, true
	}
	if listed, ok := t.alias[name]; ok {
		return t.exact[listed], true
	}
	if fits := t.folded[strings.ToLower(name)]; len(fits) == 1 {
		return t.exact[fits[0]], true
	}
	head, _, dotted := strings.Cut(name, ".")
	if dotted && wellFormed(name) && (t.open || slices.Contains(t.roots, head)) {
		return Field{Name: name, Target: Target{Path: name}}, true
	}
	if dotted || name == "" {
		return Field{}, false
	}
	if kind, ok := t.leaves[name]; ok || t.open {
		return Field{Name: name, Kind: kind, Target: Target{Leaf: name}}, true
	}
	return Field{}, false
}

func (t *table) fold(form, name string) {
	low := strings.ToLower(form)
	if !slices.Contains(t.folded[low], name) {
		t.folded[low] = append(t.folded[low], name)
	}
}

// leaf notes the last segment of a raw path; a leaf that is a number here and a text there is compared as text.
func (t *table) leaf(f Field) {
	if f.Target.Path == "" {
		return
	}
	last := f.Target.Path[strings.LastIndexByte(f.Target.Path, '.')+1:]
	if kind, seen := t.leaves[last]; seen && kind != f.Kind {
		t.leaves[last] = String
		return
	}
	t.leaves[last] = f.Kind
}

func join(a, b Field) Field {
	for _, c := range b.Target.Columns {
		if !slices.Contains(a.Target.Columns, c) {
			a.Target.Columns = append(slices.Clip(a.Target.Columns), c)
		}
	}
	if len(a.Sources) == 0 || len(b.Sources) == 0 {
		a.Sources = nil
	} else {
		for _, s := range b.Sources {
			if !slices.Contains(a.Sources, s) {
				a.Sources = append(slices.Clip(a.Sources), s)
			}
		}
	}
	if a.Target.Path == "" {
		a.Target.Path = b.Target.Path
	}
	if a.Target.Leaf == "" {
		a.Target.Leaf = b.Target.Leaf
	}
	if a.Doc == "" {
		a.Doc = b.Doc
	}
	return a
}

// wellFormed refuses paths with an empty segment, which name nothing.
func wellFormed(path string) bool {
	return !strings.HasPrefix(path, ".") && !strings.HasSuffix(path, ".") && !strings.Contains(path, "..")
}
