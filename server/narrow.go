package server

import (
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/query"
)

// literal escapes what has a meaning in the text of a term.
var literal = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)

// is is the term that asks for a value of a field; without a field, for the text
// anywhere in the record.
func is(field, value string) query.Expr {
	return query.Term{Field: field, Text: literal.Replace(value)}
}

// has is the term that asks whether a field has a value.
func has(field string) query.Expr { return query.Term{Field: field, Text: "*"} }

// narrowed adds a condition to a query; one that stands there already is taken
// away again, and its opposite gives way to it.
func narrowed(e query.Expr, condition query.Expr) string {
	opposite := negated(condition)
	terms := conjuncts(e)
	had := slices.ContainsFunc(terms, func(t query.Expr) bool { return same(t, condition) })
	terms = slices.DeleteFunc(terms, func(t query.Expr) bool { return same(t, condition) || same(t, opposite) })
	if !had {
		terms = append(terms, condition)
	}
	switch len(terms) {
	case 0:
		return ""
	case 1:
		return query.Print(terms[0])
	}
	return query.Print(query.And{Args: terms})
}

// holds says whether a query demands the condition.
func holds(e query.Expr, condition query.Expr) bool {
	return slices.ContainsFunc(conjuncts(e), func(t query.Expr) bool { return same(t, condition) })
}

func negated(e query.Expr) query.Expr {
	if n, ok := e.(query.Not); ok {
		return n.Arg
	}
	return query.Not{Arg: e}
}

func conjuncts(e query.Expr) []query.Expr {
	switch e := e.(type) {
	case nil:
		return nil
	case query.And:
		return slices.Clone(e.Args)
	}
	return []query.Expr{e}
}

// same compares what was written, positions aside.
func same(a, b query.Expr) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && query.Print(a) == query.Print(b)
}

// state is the part of the search page's URL that pivots keep.
type state struct{ params url.Values }

// state gives the search page's state without the place in the table.
func (c *call) state() state {
	v := url.Values{}
	for _, name := range []string{"q", "from", "to", "source", "fields", "facets", "sort", "tz", "lang"} {
		if all := c.params[name]; len(all) > 0 && all[0] != "" {
			v[name] = all
		}
	}
	return state{v}
}

// with gives the search URL with some parameters changed: name, value, name,
// value; an empty value takes the parameter away.
func (s state) with(pairs ...string) string { return link("/search", s.set(pairs...).params) }

func (s state) set(pairs ...string) state {
	v := url.Values{}
	maps.Copy(v, s.params)
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Del(pairs[i])
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return state{v}
}

// pivots are the ways to go on from a value.
type pivots struct {
	Include, Exclude, Only string // URLs
	Included, Excluded     bool
}

// pivots gives the ways to go on from a value of a field; without a field, from
// a text.
func (s state) pivots(e query.Expr, field, value string) *pivots {
	if value == "" || len(value) > 2048 {
		return nil
	}
	return s.pivotsOn(e, is(field, value))
}

func (s state) pivotsOn(e query.Expr, term query.Expr) *pivots {
	return &pivots{
		Include: s.with("q", narrowed(e, term)), Exclude: s.with("q", narrowed(e, negated(term))),
		Only:     s.with("q", query.Print(term), "from", "", "to", "", "source", ""),
		Included: holds(e, term), Excluded: holds(e, negated(term)),
	}
}

// added gives the search URL with a name more in a comma-separated list.
func (s state) added(param, name string) string {
	list := s.params.Get(param)
	if slices.Contains(strings.Split(list, ","), name) {
		return s.with()
	}
	return s.with(param, strings.TrimPrefix(list+","+name, ","))
}
