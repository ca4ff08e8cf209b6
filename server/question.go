package server

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/query/field"
)

// question is what a request asks, as written and as understood.
type question struct {
	Text     string // the query
	From, To string // as written
	Sources  []string
	expr     query.Expr // as parsed
	filter   ask.Filter
	fields   field.Table // with the keys that only records have, if the query needed them
}

// question reads the parameters that select events.
func (d *desk) question(c *call) (*question, error) {
	q := &question{Text: strings.TrimSpace(c.params.Get("q")), From: c.params.Get("from"), To: c.params.Get("to"), fields: d.fields}
	for _, list := range c.params["source"] {
		for name := range strings.SplitSeq(list, ",") {
			if name == "" || slices.Contains(q.Sources, name) {
				continue
			}
			if d.schemas[name] == nil {
				return q, bad("source", fmt.Sprintf("there is no source %q", name), "the sources are: "+strings.Join(d.sourceNames(), ", "))
			}
			q.Sources = append(q.Sources, name)
		}
	}
	q.filter.Sources = q.Sources
	var err error
	if q.filter.From, q.filter.To, err = c.span(q.From, q.To); err != nil {
		return q, err
	}
	if q.expr, err = query.Parse(q.Text); err != nil {
		return q, queryFailure("q", c.lang, err)
	}
	if q.Text == "" {
		return q, nil
	}
	if q.filter.Where, err = d.check(c, q); err != nil {
		return q, queryFailure("q", c.lang, err)
	}
	return q, nil
}

// check resolves the names of a query. Only a name that no schema lists costs a
// look at the keys that records have.
func (d *desk) check(c *call, q *question) (query.Expr, error) {
	now := c.now.In(c.zone)
	e, err := query.Check(q.expr, q.fields, now)
	if err == nil || !unknownField(err) {
		return e, err
	}
	if q.fields, err = d.openFields(c); err != nil {
		return nil, err
	}
	return query.Check(q.expr, q.fields, now)
}

// openFields gives the table that also knows keys which only stand in records.
func (d *desk) openFields(c *call) (field.Table, error) {
	return lake.Fields(d.Schemas, func(key string) bool {
		ok, err := d.Lake.HasKey(c.ctx(), key)
		return ok && err == nil
	})
}

// span reads from and to. A text that names a whole day or minute includes it;
// "*" and "" are open.
func (c *call) span(from, to string) (time.Time, time.Time, error) {
	var lo, hi time.Time
	var err error
	if from != "" && from != "*" {
		if lo, _, err = query.ParseTime(from, c.now, c.zone); err != nil {
			return lo, hi, queryFailure("from", c.lang, err)
		}
	}
	if to != "" && to != "*" {
		if _, hi, err = query.ParseTime(to, c.now, c.zone); err != nil {
			return lo, hi, queryFailure("to", c.lang, err)
		}
	}
	if !lo.IsZero() && !hi.IsZero() && !lo.Before(hi) {
		return lo, hi, bad("to", "the range ends before it begins", "make `to` later than `from`")
	}
	return lo, hi, nil
}

func (d *desk) sourceNames() []string {
	names := make([]string, len(d.Schemas))
	for i, s := range d.Schemas {
		names[i] = s.Source
	}
	return names
}

// named resolves the fields of a comma-separated list.
func (d *desk) named(c *call, param string) ([]field.Field, error) {
	var out []field.Field
	for name := range strings.SplitSeq(c.params.Get(param), ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		f, err := d.lookup(c, param, name)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	if len(out) > 50 {
		return nil, bad(param, fmt.Sprintf("%d fields are too many", len(out)), "name at most 50")
	}
	return out, nil
}

// lookup resolves one name. Its Name is the one that was written.
func (d *desk) lookup(c *call, param, name string) (field.Field, error) {
	f, ok := d.fields.Lookup(name)
	if !ok {
		open, err := d.openFields(c)
		if err != nil {
			return f, err
		}
		f, ok = open.Lookup(name)
	}
	if !ok {
		// The query's own check knows the nearest name.
		_, err := query.Check(query.Term{Query: name, End: len(name), Field: name, Text: "*"}, d.fields, c.now)
		if err == nil {
			err = bad(param, fmt.Sprintf("there is no field %q", name), "see /api/v1/fields")
		}
		return f, queryFailure(param, c.lang, err)
	}
	f.Name = name
	return f, nil
}

// number reads a whole number between low and high.
func (c *call) number(param string, preset, low, high int) (int, error) {
	text := c.params.Get(param)
	if text == "" {
		return preset, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, bad(param, fmt.Sprintf("%q is not a number from %d to %d", text, low, high), "leave it out for "+strconv.Itoa(preset))
	}
	return n, nil
}

// flag reads true or false.
func (c *call) flag(param string) (bool, error) {
	switch v := c.params.Get(param); v {
	case "", "false", "0":
		return false, nil
	case "true", "1":
		return true, nil
	default:
		return false, bad(param, fmt.Sprintf("%q is neither true nor false", v), "leave it out for false")
	}
}

// cursor writes a key for a URL.
func cursor(k ask.Key) string {
	return strconv.FormatInt(k.Time, 36) + "." + strconv.FormatInt(k.Object, 36) + "." + strconv.FormatInt(k.Record, 36)
}

// key reads what cursor wrote; nil if the parameter is absent.
func (c *call) key(param string) (*ask.Key, error) {
	text := c.params.Get(param)
	if text == "" {
		return nil, nil
	}
	var n [3]int64
	parts := strings.Split(text, ".")
	ok := len(parts) == len(n)
	for i := 0; ok && i < len(n); i++ {
		var err error
		n[i], err = strconv.ParseInt(parts[i], 36, 64)
		ok = err == nil
	}
	if !ok {
		return nil, bad(param, "this is not a cursor", "take it from the answer before")
	}
	return &ask.Key{Time: n[0], Object: n[1], Record: n[2]}, nil
}

func unknownField(err error) bool {
	var q *query.Error
	return errors.As(err, &q) && q.Code == "unknown-field"
}
