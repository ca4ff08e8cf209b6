package ask

import (
	"fmt"
	"strings"

	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query/field"
)

// Keys finds rows in order: (source, path, row number, time in µs, object_id,
// record_no). After, if not nil, leaves out the rows up to and including that
// key. The statement is empty when there is nothing to read.
func (rs Set) Keys(oldest bool, after *Key, limit int) string {
	u := rs.union(func(r *relation) string {
		return quote(r.Schema.Source) + " AS source, filename, file_row_number, " + micros("time") + " AS at_us, object_id, record_no"
	})
	if u == "" {
		return ""
	}
	dir, cmp := "DESC", "<"
	if oldest {
		dir, cmp = "ASC", ">"
	}
	s := "SELECT source, filename, file_row_number, at_us, object_id, record_no FROM (\n" + u + ")"
	if after != nil {
		s += fmt.Sprintf("\nWHERE at_us %s %d OR (at_us = %d AND (object_id, record_no) > (%d, %d))", cmp, after.Time, after.Time, after.Object, after.Record)
	}
	return s + fmt.Sprintf("\nORDER BY at_us %s, object_id, record_no LIMIT %d", dir, limit)
}

// rowColumns gives the schema's columns in the order of Schema.Names as plain
// values: times in µs, lists as JSON; raw_data only if asked.
func rowColumns(schema *ocsf.Schema, raw bool) []string {
	r := &relation{Schema: schema, has: map[string]bool{}}
	for _, n := range schema.Names() {
		r.has[n] = true
	}
	var out []string
	for _, n := range schema.Names() {
		switch c := ocsf.Lookup(n); {
		case n == "raw_data" && !raw:
			out = append(out, "CAST(NULL AS VARCHAR)")
		case c.Kind == ocsf.Time:
			out = append(out, micros(n))
		case c.Kind == ocsf.Texts:
			out = append(out, "CAST(to_json("+r.Column(n)+") AS VARCHAR)")
		default:
			out = append(out, r.Column(n))
		}
	}
	return out
}

// All reads whole rows of every source in order of time, one statement a
// source, with the columns in the order of Schema.Names, times in µs, lists as JSON.
func (rs Set) All(raw bool) map[string]string {
	out := map[string]string{}
	for _, r := range rs {
		cols := "file_row_number, time AS key_time, " + strings.Join(named(r.Schema, raw), ", ")
		all := r.selects(cols)
		if len(all) > 0 {
			out[r.Schema.Source] = "SELECT * EXCLUDE (key_time) FROM (\n" + strings.Join(all, "\nUNION ALL ") + ")\nORDER BY key_time, object_id, record_no"
		}
	}
	return out
}

// named gives rowColumns under their names.
func named(schema *ocsf.Schema, raw bool) []string {
	cols := rowColumns(schema, raw)
	for i, n := range schema.Names() {
		cols[i] += " AS " + n
	}
	return cols
}

// Count counts the rows.
func (rs Set) Count() string {
	u := rs.union(func(*relation) string { return "count(*) AS n" })
	if u == "" {
		return ""
	}
	return "SELECT CAST(coalesce(sum(n), 0) AS BIGINT) FROM (\n" + u + ")"
}

// Histogram counts rows by bucket of the given width in µs and by source:
// (bucket start in µs, source, rows).
func (rs Set) Histogram(width int64) string {
	u := rs.union(func(r *relation) string {
		return quote(r.Schema.Source) + " AS source, " + bucketOf("time", fmt.Sprint(width)) + " AS bucket"
	})
	if u == "" {
		return ""
	}
	return "SELECT bucket, source, count(*) FROM (\n" + u + ") GROUP BY bucket, source ORDER BY bucket, source"
}

// Bounds gives the first and last time of the rows in µs.
func (rs Set) Bounds() string {
	u := rs.union(func(*relation) string { return micros("min(time)") + " AS lo, " + micros("max(time)") + " AS hi" })
	if u == "" {
		return ""
	}
	return "SELECT min(lo), max(hi) FROM (\n" + u + ")"
}

// Facets counts the values of several fields in one pass: (field number,
// value, rows), the top values of each field, most frequent first; the value
// NULL stands for rows without one.
func (rs Set) Facets(fields []field.Field, top int) string {
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fmt.Sprintf("f%d", i)
	}
	u := rs.union(func(r *relation) string {
		cols := make([]string, len(fields))
		for i, f := range fields {
			cols[i] = r.Value(f.Target) + " AS " + names[i]
		}
		return strings.Join(cols, ", ")
	})
	if u == "" || len(fields) == 0 {
		return ""
	}
	sets := make([]string, len(names))
	number := "CASE"
	value := "CASE"
	for i, n := range names {
		sets[i] = "(" + n + ")"
		number += fmt.Sprintf(" WHEN grouping(%s) = 0 THEN %d", n, i)
		value += fmt.Sprintf(" WHEN grouping(%s) = 0 THEN %s", n, n)
	}
	return "SELECT f, v, n FROM (SELECT f, v, n, row_number() OVER (PARTITION BY f ORDER BY v IS NULL, n DESC, v) AS place FROM (" +
		"SELECT " + number + " END AS f, " + value + " END AS v, count(*) AS n FROM (\n" + u +
		")\nGROUP BY GROUPING SETS (" + strings.Join(sets, ", ") + "))) WHERE place <= " + fmt.Sprint(top) + " OR v IS NULL ORDER BY f, place"
}

// Statistics describes one field: (rows, rows with a value, distinct values,
// smallest, largest value as text).
func (rs Set) Statistics(f field.Field) string {
	u := rs.union(func(r *relation) string { return r.Value(f.Target) + " AS v" })
	if u == "" {
		return ""
	}
	v := "v"
	if f.Kind == field.Int {
		v = "TRY_CAST(v AS BIGINT)"
	}
	return "SELECT count(*), count(v), count(DISTINCT v), CAST(min(" + v + ") AS VARCHAR), CAST(max(" + v + ") AS VARCHAR) FROM (\n" + u + ")"
}

// Coverage counts rows by file, source, account, region and hour: (path, source,
// account, region, hour start in µs, rows, rows that say that data were
// skipped).
func (rs Set) Coverage() string {
	u := rs.union(func(r *relation) string {
		skipped := "0"
		if r.has["traffic_sampling"] {
			skipped = "CASE WHEN traffic_sampling = 'SKIPDATA' THEN 1 ELSE 0 END"
		}
		return "filename, " + quote(r.Schema.Source) + " AS source, account, region, " + bucketOf("time", "3600000000") + " AS hour, " + skipped + " AS skipped"
	})
	if u == "" {
		return ""
	}
	return "SELECT filename, source, coalesce(account, ''), coalesce(region, ''), hour, count(*), CAST(sum(skipped) AS BIGINT) FROM (\n" + u + ") GROUP BY ALL"
}
