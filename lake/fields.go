package lake

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query/field"
)

// Fields gives the table of names that a search over the schemas may use: OCSF
// paths, the sources' native names, and the last parts of native names. The
// function exists says whether records hold a JSON key that no schema lists;
// nil means that none does.
func Fields(schemas []*ocsf.Schema, exists func(key string) bool) (field.Table, error) {
	c := collector{byName: map[string]*field.Field{}}
	for _, s := range schemas {
		c.schema(s)
	}
	fields := make([]field.Field, 0, len(c.order))
	for _, n := range c.order {
		fields = append(fields, *c.byName[n])
	}
	t, err := field.New(fields, c.roots, false)
	if err != nil || exists == nil {
		return t, err
	}
	return &openTable{Table: t, exists: exists}, nil
}

type collector struct {
	byName map[string]*field.Field
	order  []string
	roots  []string
}

func (c *collector) schema(s *ocsf.Schema) {
	for _, n := range s.Names() {
		col := ocsf.Lookup(n)
		c.add(s, field.Field{Name: col.Path, Kind: kindOf(col), Doc: col.Doc, Target: field.Target{Columns: []string{n}}})
	}
	for _, n := range s.Native {
		f := field.Field{Name: n.Name, Target: field.Target{Columns: n.Columns, Path: n.Path}}
		if len(n.Columns) > 0 {
			f.Kind, f.Doc = kindOf(ocsf.Lookup(n.Columns[0])), ocsf.Lookup(n.Columns[0]).Doc
		}
		c.add(s, f)
		head, _, nested := strings.Cut(n.Name, ".")
		if s.Raw == ocsf.RawJSON && !slices.Contains(c.roots, head) {
			c.roots = append(c.roots, head)
		}
		if leaf := n.Name[strings.LastIndexByte(n.Name, '.')+1:]; nested && s.Raw == ocsf.RawJSON {
			c.add(s, field.Field{Name: leaf, Doc: "anywhere in the record", Target: field.Target{Leaf: leaf}})
		}
	}
}

// add joins fields of one name. Where sources disagree about the kind, the
// values are compared as text.
func (c *collector) add(s *ocsf.Schema, f field.Field) {
	f.Sources = []string{s.Source}
	old, ok := c.byName[f.Name]
	if !ok {
		c.byName[f.Name] = &f
		c.order = append(c.order, f.Name)
		return
	}
	if old.Kind != f.Kind {
		old.Kind = field.String
	}
	for _, n := range f.Target.Columns {
		if !slices.Contains(old.Target.Columns, n) {
			old.Target.Columns = append(slices.Clone(old.Target.Columns), n)
		}
	}
	if old.Target.Path == "" {
		old.Target.Path = f.Target.Path
	}
	if old.Target.Leaf == "" {
		old.Target.Leaf = f.Target.Leaf
	}
	if !slices.Contains(old.Sources, s.Source) {
		old.Sources = append(old.Sources, s.Source)
	}
}

func kindOf(c *ocsf.Column) field.Kind {
	switch c.Kind {
	case ocsf.Int:
		return field.Int
	case ocsf.Time:
		return field.Time
	case ocsf.IP:
		return field.IP
	case ocsf.Bool:
		return field.Bool
	case ocsf.Texts:
		return field.List
	}
	return field.String
}

// openTable also knows keys that stand in records.
type openTable struct {
	field.Table
	exists func(key string) bool
}

// Lookup resolves a name; one that only stands in records is a leaf or a path.
func (t *openTable) Lookup(name string) (field.Field, bool) {
	if f, ok := t.Table.Lookup(name); ok || name == "" {
		return f, ok
	}
	for part := range strings.SplitSeq(name, ".") {
		if part == "" || !t.exists(part) {
			return field.Field{}, false
		}
	}
	f := field.Field{Name: name, Target: field.Target{Leaf: name}}
	if strings.Contains(name, ".") {
		f.Target = field.Target{Path: name}
	}
	return f, true
}
