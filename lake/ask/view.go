package ask

import (
	"fmt"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/ocsf"
)

// Views gives the definitions of the tables that people query with SQL: one
// for each relation under the source's name with its native columns, as in
// AWS's own query examples, and events with the OCSF columns of all sources.
func Views(schemas []*ocsf.Schema, files map[string][]File) []string {
	var out, all []string
	for _, s := range schemas {
		r := &relation{Schema: s, Files: files[s.Source], has: map[string]bool{}}
		for _, n := range s.Names() {
			r.has[n] = true
		}
		out = append(out, fmt.Sprintf("CREATE OR REPLACE VIEW %s AS %s", s.Source, r.view(nativeColumns(r))))
		if len(r.Files) > 0 {
			all = append(all, r.view(eventColumns(r)))
		}
	}
	if len(all) == 0 {
		all = append(all, (&relation{Schema: schemas[0], has: map[string]bool{}}).view(eventColumns(&relation{Schema: schemas[0], has: map[string]bool{}})))
	}
	return append(out, "CREATE OR REPLACE VIEW events AS "+strings.Join(all, "\nUNION ALL "))
}

// view selects from the files, or nothing of the right shape.
func (r *relation) view(columns []string) string {
	list := strings.Join(columns, ", ")
	if len(r.Files) > 0 {
		return r.selects(list)[0]
	}
	// Without files every column is NULL of its type.
	empty := &relation{Schema: r.Schema, has: map[string]bool{}}
	var stubs []string
	for _, c := range ocsf.Columns() {
		stubs = append(stubs, empty.Column(c.Name)+" AS "+c.Name)
		if c.Kind == ocsf.ID {
			stubs = append(stubs, "CAST(NULL AS VARCHAR) AS "+c.Name+"_text")
		}
	}
	return "SELECT " + list + " FROM (SELECT " + strings.Join(stubs, ", ") + ") WHERE false"
}

func eventColumns(r *relation) []string {
	cols := []string{quote(r.Schema.Source) + " AS source"}
	for _, c := range ocsf.Columns() {
		cols = append(cols, r.Column(c.Name)+" AS "+c.Name)
	}
	return cols
}

// nativeColumns gives the source's own names. Nested names become structs.
func nativeColumns(r *relation) []string {
	root := &member{}
	for _, n := range r.Schema.Native {
		name := strings.ReplaceAll(n.Name, "-", "_")
		root.add(strings.Split(name, "."), r.native(n))
	}
	var cols []string
	have := map[string]bool{}
	for _, m := range root.members {
		cols = append(cols, m.sql()+" AS "+ident(m.name))
		have[strings.ToLower(m.name)] = true
	}
	for _, n := range append([]string{"time", "class_uid", "status_id", "account", "region", "object_id", "record_no", "raw_data"}, r.Schema.Columns...) {
		if !have[n] {
			have[n] = true
			cols = append(cols, r.Column(n)+" AS "+n)
		}
	}
	return cols
}

func (r *relation) native(n ocsf.Native) string {
	var alts []string
	mixed := slices.ContainsFunc(n.Columns, func(c string) bool {
		return sqlType(ocsf.Lookup(c).Kind) != sqlType(ocsf.Lookup(n.Columns[0]).Kind)
	})
	for _, c := range n.Columns {
		e := r.Column(c)
		if mixed {
			e = "CAST(" + e + " AS VARCHAR)"
		}
		if n.Seconds {
			e = "CAST(epoch_us(" + e + ") // 1000000 AS BIGINT)"
		}
		alts = append(alts, e)
	}
	if doc := r.document(); len(alts) == 0 && doc != "" {
		return jsonAt("json_extract_string", doc, "$."+jsonPath(n.Path))
	}
	switch len(alts) {
	case 0:
		return "CAST(NULL AS VARCHAR)"
	case 1:
		return alts[0]
	}
	return "coalesce(" + strings.Join(alts, ", ") + ")"
}

// member is a column or a field of a struct.
type member struct {
	name    string
	expr    string
	members []*member
}

func (m *member) add(path []string, expr string) {
	i := slices.IndexFunc(m.members, func(x *member) bool { return strings.EqualFold(x.name, path[0]) })
	if i < 0 {
		m.members = append(m.members, &member{name: path[0]})
		i = len(m.members) - 1
	}
	if len(path) == 1 {
		if m.members[i].expr == "" {
			m.members[i].expr = expr
		}
		return
	}
	m.members[i].add(path[1:], expr)
}

// sql prefers the fields to the whole, because people write userIdentity.arn.
func (m *member) sql() string {
	if len(m.members) == 0 {
		return m.expr
	}
	parts := make([]string, len(m.members))
	for i, x := range m.members {
		parts[i] = ident(x.name) + " := " + x.sql()
	}
	return "struct_pack(" + strings.Join(parts, ", ") + ")"
}

func ident(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
