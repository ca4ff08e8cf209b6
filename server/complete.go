package server

import (
	"context"
	"time"

	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/query/field"
)

type suggestionBody struct {
	Text  string `json:"text"`  // to put in place of the bytes from..to
	Label string `json:"label"` // to show
	From  int    `json:"from"`  // byte offsets in UTF-8
	To    int    `json:"to"`
	Kind  string `json:"kind"` // field, value or operator
	Doc   string `json:"doc"`
}

// apiComplete suggests how to go on with a query. Values are those that the
// lake has in the asked time; when finding them takes too long there are none.
func (d *desk) apiComplete(c *call) error {
	text := c.params.Get("q")
	cursor, err := c.number("cursor", len(text), 0, 16<<10)
	if err != nil {
		return err
	}
	if cursor > len(text) {
		return bad("cursor", "it is behind the end of q", "give a byte offset in q")
	}
	found := query.Complete(text, cursor, d.fields, func(name, prefix string) []string { return d.values(c, name, prefix) })
	out := []suggestionBody{}
	for _, s := range found {
		out = append(out, suggestionBody{s.Text, s.Text, s.From, s.To, s.Kind, s.Doc})
	}
	return c.reply(map[string]any{"suggestions": out})
}

// values gives frequent values of a field that begin with a prefix.
func (d *desk) values(c *call, name, prefix string) []string {
	f, ok := d.fields.Lookup(name)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.ctx(), 1500*time.Millisecond)
	defer cancel()
	inner := *c
	inner.r = c.r.WithContext(ctx)
	q := &question{fields: d.fields}
	q.filter.Sources = known(c.params["source"], d.sourceNames())
	var err error
	if q.filter.From, q.filter.To, err = inner.span(c.params.Get("from"), c.params.Get("to")); err != nil {
		return nil
	}
	if prefix != "" {
		q.expr = query.Term{Field: name, Op: foldable(f), Text: literal.Replace(prefix) + "*"}
		if q.filter.Where, err = d.check(&inner, q); err != nil {
			return nil
		}
	}
	counted, err := d.Lake.Facets(ctx, q.filter, []field.Field{f}, 20)
	if err != nil || len(counted) == 0 {
		return nil
	}
	var out []string
	for _, v := range counted[0] {
		if !v.None && v.Value != "" {
			out = append(out, v.Value)
		}
	}
	return out
}

// foldable gives the operator that ignores case where the field's kind has it.
func foldable(f field.Field) string {
	if f.Kind == field.String || f.Kind == field.List {
		return "~"
	}
	return ""
}

func known(asked, all []string) []string {
	var out []string
	for _, a := range asked {
		for _, s := range all {
			if a == s {
				out = append(out, s)
			}
		}
	}
	return out
}

type fieldBody struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`
	Sources []string `json:"sources"`
	Doc     string   `json:"doc"`
}

// apiFields lists the names that a query may use.
func (d *desk) apiFields(c *call) error {
	out := []fieldBody{}
	for _, n := range d.fields.Names() {
		if f, ok := d.fields.Lookup(n); ok {
			out = append(out, fieldBody{f.Name, f.Kind.String(), f.Sources, f.Doc})
		}
	}
	return c.reply(map[string]any{"fields": out})
}
