package query

import (
	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/query/match"
)

// Expr is a node of a query: exactly [And], [Or], [Not] or [Term], as values. A switch over these four is complete.
type Expr interface {
	// Span returns the byte offsets of the node's text in the query; 0, 0 for a node that was not parsed.
	Span() (from, to int)
	expr()
}

// And holds if all of its arguments hold; without arguments it holds always: that is the query "*" and the empty query.
type And struct{ Args []Expr }

// Or holds if one of its arguments holds; without arguments it never does.
type Or struct{ Args []Expr }

// Not holds if its argument does not. There is no third value: a test on a field that a record lacks fails, and its negation holds.
type Not struct{ Arg Expr }

// Term is one test. Field, Op, Text and High are what was written; [Check] adds Target, Kind and Test. Whoever builds terms without
// [Parse] fills only these four and lets [Check] do the rest.
type Term struct {
	Query   string // the whole text it was parsed from, for messages; "" if it was not
	At, End int    // byte offsets in Query
	Field   string // name as written, without escapes; "" searches the words of the whole record

	// Op is one of
	//	""                        Text is a pattern: * any run of characters, ? one character, \ before * ? \ makes them literal;
	//	                          "*" alone asks whether the field exists
	//	"~"                       the same, upper and lower case alike; only with a field
	//	"/"                       Text is a regular expression in RE2 syntax that is looked for anywhere in the value; only with a field
	//	">" ">=" "<" "<="         Text is the bound; only with a field
	//	"[]" "[}" "{]" "{}"       Text and High are the bounds, "*" is no bound; [ ] include the bound, { } exclude it; only with a field
	// Bounds have the same escapes as patterns but no wildcards.
	Op   string
	Text string
	High string

	Target field.Target // where the values are
	Kind   field.Kind   // type of the values
	Test   match.Test   // what a value must pass, absolute and typed; nil until checked
}

func (And) expr()  {}
func (Or) expr()   {}
func (Not) expr()  {}
func (Term) expr() {}

// Span covers the arguments.
func (e And) Span() (from, to int) { return spanOf(e.Args) }

// Span covers the arguments.
func (e Or) Span() (from, to int) { return spanOf(e.Args) }

// Span covers the argument.
func (e Not) Span() (from, to int) { return spanOf([]Expr{e.Arg}) }

// Span covers the field and its value.
func (e Term) Span() (from, to int) { return e.At, e.End }

func spanOf(args []Expr) (from, to int) {
	for i, a := range args {
		if a == nil {
			continue
		}
		lo, hi := a.Span()
		if i == 0 || lo < from {
			from = lo
		}
		to = max(to, hi)
	}
	return from, to
}
