// Package ask says what is asked of the lake and what it answers, and turns
// questions into SQL: the only place where SQL is made. The SQL stays in the subset that DuckDB and
// ClickHouse share where it can; what differs stands in dialect.go.
//
// A [Filter] selects events by source, time and a checked query expression. A
// [Relation] is one source's files with the filter compiled for its columns;
// the functions of this package make statements over relations.
package ask

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query"
)

// Filter selects events.
type Filter struct {
	Sources []string   // none: all
	From    time.Time  // inclusive; zero: open
	To      time.Time  // exclusive; zero: open
	Where   query.Expr // checked; nil: everything
}

// Passes tests a hit of the schema's source, with its raw record, in memory:
// the same as the SQL does.
func (f *Filter) Passes(schema *ocsf.Schema, h *Hit) (bool, error) {
	if !f.From.IsZero() && h.Event.Time < f.From.UnixMicro() || !f.To.IsZero() && h.Event.Time >= f.To.UnixMicro() {
		return false, nil
	}
	if f.Where == nil {
		return true, nil
	}
	return query.Eval(f.Where, local{h, schema})
}

// Needs gives the columns that Passes looks at; none means all of them.
func (f *Filter) Needs(schema *ocsf.Schema) []string {
	need := map[string]bool{"time": true, "object_id": true, "record_no": true, "raw_data": true, "unmapped": true}
	if !needs(f.Where, need) {
		return nil
	}
	return slices.DeleteFunc(schema.Names(), func(n string) bool { return !need[n] })
}

// needs notes the columns of an expression; false when it looks at the whole
// record, whose observables come from any column.
func needs(e query.Expr, need map[string]bool) bool {
	var args []query.Expr
	switch e := e.(type) {
	case query.And:
		args = e.Args
	case query.Or:
		args = e.Args
	case query.Not:
		args = []query.Expr{e.Arg}
	case query.Term:
		for _, c := range e.Target.Columns {
			need[c] = true
			if col := ocsf.Lookup(c); col != nil && col.Single != "" {
				need[col.Single] = true
			}
		}
		return e.Field != ""
	}
	return !slices.ContainsFunc(args, func(a query.Expr) bool { return !needs(a, need) })
}

// local is a hit that knows which names are its source's own.
type local struct {
	*Hit
	schema *ocsf.Schema
}

// Values leaves out leaves that are a name of the source.
func (l local) Values(t target) []string {
	if t.Path == "" && t.Leaf != "" && lists(l.schema, t.Leaf) {
		t.Leaf = ""
	}
	if !inDocument(l.schema, t) {
		t.Path, t.Leaf = "", ""
	}
	return l.Hit.Values(t)
}

// Set is what the sources contribute to a statement.
type Set []*relation

// relation is one source's files and the condition on its rows.
type relation struct {
	Schema *ocsf.Schema
	Files  []File
	where  string
	has    map[string]bool
}

// File is a Parquet file, or the rows of it that can matter.
type File struct {
	Path   string
	Ranges [][2]int64 // row numbers from and to (exclusive); none: all rows
	// Exact says that exactly Rows pass the filter; Keys are theirs.
	Exact bool
	Rows  []int64
	Keys  []Key
}

// Matcher is a test of the raw record that SQL cannot express; the engine
// calls it by the name that stands in the statement.
type Matcher struct {
	Name  string
	Match func(raw string) bool
}

// Add compiles the filter for a source and adds its files. The matchers must be
// known to the engine while statements over the set run; their names begin
// with prefix.
func (rs *Set) Add(schema *ocsf.Schema, files []File, f Filter, prefix string) ([]Matcher, error) {
	r := &relation{Schema: schema, Files: files, has: map[string]bool{}}
	for _, n := range schema.Names() {
		r.has[n] = true
	}
	c := &compiler{r: r, prefix: prefix + schema.Source}
	var parts []string
	if !f.From.IsZero() {
		parts = append(parts, "time >= "+instant(f.From))
	}
	if !f.To.IsZero() {
		parts = append(parts, "time < "+instant(f.To))
	}
	if f.Where != nil {
		w, err := c.expr(f.Where)
		if err != nil {
			return nil, err
		}
		if w != "true" {
			parts = append(parts, w)
		}
	}
	r.where = strings.Join(parts, " AND ")
	*rs = append(*rs, r)
	return c.matchers, nil
}

// instant gives the first microsecond that is not before t: rows have whole
// ones, so that >= and < keep their meaning.
func instant(t time.Time) string { return timestamp(wholeMicros(t)) }

// Bounds gives the filter's time in µs since the epoch: from inclusive, to
// exclusive, the ends of the range where it is open.
func (f *Filter) Bounds() (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	if !f.From.IsZero() {
		from = wholeMicros(f.From)
	}
	if !f.To.IsZero() {
		to = wholeMicros(f.To)
	}
	return from, to
}

// wholeMicros rounds a time up to whole microseconds since the epoch.
func wholeMicros(t time.Time) int64 {
	us := t.UnixMicro()
	if time.UnixMicro(us).Before(t) {
		us++
	}
	return us
}

func quote(s string) string {
	q := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(q, "\x00") { // ends a statement's text
		return "(" + strings.ReplaceAll(q, "\x00", "' || chr(0) || '") + ")"
	}
	return q
}

// lists says whether the source has a top-level field of that name.
func lists(s *ocsf.Schema, name string) bool {
	return slices.ContainsFunc(s.Native, func(n ocsf.Native) bool { return n.Name == name && len(n.Columns) > 0 })
}

// Column gives the expression of a column in the relation, NULL of its type
// when the source does not have it.
func (r *relation) Column(name string) string {
	c := ocsf.Lookup(name)
	switch {
	case c == nil:
		return "CAST(NULL AS VARCHAR)"
	case !r.has[name]:
		return "CAST(NULL AS " + sqlType(c.Kind) + ")"
	case c.Kind == ocsf.ID:
		return "coalesce(CAST(" + name + " AS VARCHAR), " + name + "_text)"
	case c.Single != "" && r.has[c.Single]:
		return "CASE WHEN len(" + name + ") = 0 AND " + c.Single + " IS NOT NULL THEN [" + c.Single + "] WHEN " + name + " = [''] THEN [] ELSE " + name + " END"
	}
	return name
}

// Value gives a text expression for a field: the first of its columns that has
// a value, else what stands at its place in the raw record.
func (r *relation) Value(t target) string {
	var alts []string
	for _, n := range t.Columns {
		if !r.has[n] {
			continue
		}
		switch c := ocsf.Lookup(n); c.Kind {
		case ocsf.Text, ocsf.IP, ocsf.ID:
			alts = append(alts, r.Column(n))
		case ocsf.Texts:
			alts = append(alts, "("+r.Column(n)+")[1]")
		case ocsf.Time:
			alts = append(alts, "strftime("+n+", '%Y-%m-%dT%H:%M:%SZ')")
		default:
			alts = append(alts, "CAST("+n+" AS VARCHAR)")
		}
	}
	if doc := r.document(); doc != "" && len(alts) == 0 {
		switch {
		case t.Path != "":
			alts = append(alts, jsonAt("json_extract_string", doc, "$."+jsonPath(t.Path)))
		case t.Leaf != "":
			alts = append(alts, jsonAt("json_extract_string", doc, "$.."+jsonKey(t.Leaf))+"[1]")
		}
	}
	switch len(alts) {
	case 0:
		return "CAST(NULL AS VARCHAR)"
	case 1:
		return alts[0]
	}
	return "coalesce(" + strings.Join(alts, ", ") + ")"
}

// document names the column that holds JSON: the raw record, or the fields
// without a column.
func (r *relation) document() string {
	switch {
	case r.Schema.Raw == ocsf.RawJSON:
		return "raw_data"
	case r.has["unmapped"]:
		return "unmapped"
	}
	return ""
}

func jsonPath(path string) string {
	keys := strings.Split(path, ".")
	for i, k := range keys {
		keys[i] = jsonKey(k)
	}
	return strings.Join(keys, ".")
}

func jsonKey(k string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(k) + `"`
}

func sqlType(k ocsf.Kind) string {
	switch k {
	case ocsf.Int:
		return "BIGINT"
	case ocsf.Time:
		return "TIMESTAMP"
	case ocsf.Bool:
		return "BOOLEAN"
	case ocsf.Texts:
		return "VARCHAR[]"
	}
	return "VARCHAR"
}

// selects gives SELECT statements of the columns over the relation, one for
// files read whole and one for each range of rows; none without files.
func (r *relation) selects(columns string) []string {
	var out, whole []string
	for _, f := range r.Files {
		if f.Exact {
			out = append(out, "SELECT "+columns+" FROM "+scan(quote(f.Path))+" WHERE file_row_number IN ("+numbers(f.Rows)+")")
			continue
		}
		if len(f.Ranges) == 0 {
			whole = append(whole, quote(f.Path))
			continue
		}
		for _, g := range f.Ranges {
			where := fmt.Sprintf("file_row_number >= %d AND file_row_number < %d", g[0], g[1])
			if r.where != "" {
				where += " AND " + r.where
			}
			out = append(out, "SELECT "+columns+" FROM "+scan(quote(f.Path))+" WHERE "+where)
		}
	}
	if len(whole) > 0 {
		s := "SELECT " + columns + " FROM " + scan("["+strings.Join(whole, ", ")+"]")
		if r.where != "" {
			s += " WHERE " + r.where
		}
		out = append(out, s)
	}
	return out
}

func numbers(rows []int64) string {
	var b strings.Builder
	for i, n := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatInt(n, 10))
	}
	return b.String()
}

// union joins the selects of all relations; columns gives the select list for
// one relation. Without any file it gives an empty result of the right shape.
func (rs Set) union(columns func(r *relation) string) string {
	var all []string
	for _, r := range rs {
		all = append(all, r.selects(columns(r))...)
	}
	if len(all) == 0 {
		return ""
	}
	return strings.Join(all, "\nUNION ALL ")
}
