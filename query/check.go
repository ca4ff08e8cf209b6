package query

import (
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/query/match"
)

// maxNodes bounds the depth of an expression that did not come from Parse; each parenthesis of a query makes up to three levels.
const maxNodes = 4 * maxDepth

// Check resolves the names of an expression in a table and its values by the kinds of their fields, and returns a copy in which every
// Term has Target, Kind and Test. Relative times are taken from now; times without a zone are in the zone of now. The argument is not
// changed; checking a checked expression resolves it anew. An error is an *[Error] at the first term that is wrong.
func Check(e Expr, fields field.Table, now time.Time) (Expr, error) {
	c := &checker{fields: fields, now: now}
	checked, err := c.expr(e, 0)
	if err != nil {
		return nil, err
	}
	return checked, nil
}

type checker struct {
	fields field.Table
	now    time.Time
	terms  int
}

func (c *checker) expr(e Expr, depth int) (Expr, error) {
	if depth > maxNodes {
		return nil, newError("too-deep", "", 0, "")
	}
	switch e := e.(type) {
	case And:
		args, err := c.args(e.Args, depth)
		return And{Args: args}, err
	case Or:
		args, err := c.args(e.Args, depth)
		return Or{Args: args}, err
	case Not:
		arg, err := c.expr(e.Arg, depth+1)
		return Not{Arg: arg}, err
	case Term:
		if c.terms++; c.terms > maxTerms {
			return nil, newError("too-many", e.Query, e.At, "")
		}
		return c.term(e)
	}
	return nil, newError("term-expected", "", 0, "")
}

func (c *checker) args(args []Expr, depth int) ([]Expr, error) {
	var out []Expr
	for _, a := range args {
		checked, err := c.expr(a, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, checked)
	}
	return out, nil
}

func (c *checker) term(t Term) (Expr, error) {
	t.Target, t.Kind, t.Test = field.Target{}, field.String, nil
	if t.Field == "" {
		if t.Op != "" || t.Text == "" {
			return nil, failAt(t, false, "bad-term", "")
		}
		if name, _, wide := strings.Cut(t.Text, "："); wide && !strings.HasPrefix(t.Query[max(0, min(t.At, len(t.Query))):], `"`) {
			if f, ok := c.fields.Lookup(name); ok && f.Target.Leaf == "" {
				return nil, failAt(t, false, "wide-colon", name)
			}
		}
		t.Test = match.NewWords(t.Text)
		return t, nil
	}
	f, ok := c.fields.Lookup(t.Field)
	if !ok {
		err := failAt(t, false, "unknown-field", t.Field)
		err.Near = nearest(t.Field, c.fields.Names())
		return nil, err
	}
	t.Target, t.Kind = f.Target, f.Kind
	var err error
	if t.Test, err = c.test(t); err != nil {
		return nil, err
	}
	return t, nil
}

// test types the value of a term by the kind of its field.
func (c *checker) test(t Term) (match.Test, error) {
	b, ok := boundsOf(t)
	if t.Op == "" && t.Text == "*" || ok && b.low == nil && b.high == nil {
		return match.Any{}, nil
	}
	if ok && (b.low != nil && wild(*b.low) || b.high != nil && wild(*b.high)) {
		return nil, failAt(t, true, "wildcard-bound", "")
	}
	switch t.Kind {
	case field.Int:
		return testInt(t, b, ok)
	case field.Time:
		return c.testTime(t, b, ok)
	case field.Bool:
		return testBool(t)
	case field.IP:
		if test, err := testAddr(t, b, ok); test != nil || err != nil {
			return test, err
		}
	case field.String, field.List:
	}
	return testText(t, b, ok)
}

func testText(t Term, b bounds, ok bool) (match.Test, error) {
	switch {
	case ok && whole(b.low) && whole(b.high):
		return testInt(t, b, ok)
	case ok:
		s := match.Strings{LowOpen: b.lowOpen, HighOpen: b.highOpen}
		if b.low != nil {
			low := literal(*b.low)
			s.Low = &low
		}
		if b.high != nil {
			high := literal(*b.high)
			s.High = &high
		}
		return s, nil
	case t.Op == "/":
		re, err := match.NewRegexp(t.Text)
		if err != nil || t.Text == "" {
			fail := failAt(t, true, "regexp-bad", "")
			if err != nil {
				fail.detail = strings.TrimPrefix(err.Error(), "error parsing regexp: ")
			}
			return nil, fail
		}
		return re, nil
	case t.Op == "" || t.Op == "~":
		return match.NewText(t.Text, t.Op == "~"), nil
	}
	return nil, opKind(t)
}

func testBool(t Term) (match.Test, error) {
	if t.Op != "" || wild(t.Text) {
		return nil, opKind(t)
	}
	switch strings.ToLower(literal(t.Text)) {
	case "true":
		return match.Flag(true), nil
	case "false":
		return match.Flag(false), nil
	}
	err := failAt(t, true, "not-bool", literal(t.Text))
	err.detail = t.Field
	return nil, err
}

func (c *checker) testTime(t Term, b bounds, ok bool) (match.Test, error) {
	var test match.Times
	if !ok {
		if t.Op != "" || wild(t.Text) {
			return nil, opKind(t)
		}
		from, to, err := c.instant(t, t.Text)
		if _, past := relative(literal(t.Text)); past && t.Text != "now" {
			to = time.Time{} // time:-24h is since then
		}
		return match.Times{From: from, To: to}, err
	}
	if b.low != nil {
		from, to, err := c.instant(t, *b.low)
		if err != nil {
			return nil, err
		}
		if test.From = from; b.lowOpen {
			test.From = to
		}
	}
	if b.high != nil {
		from, to, err := c.instant(t, *b.high)
		if err != nil {
			return nil, err
		}
		if test.To = to; b.highOpen {
			test.To = from
		}
	}
	return test, nil
}

func (c *checker) instant(t Term, text string) (from, to time.Time, err error) {
	from, to, err = ParseTime(literal(text), c.now, c.now.Location())
	if err != nil {
		return from, to, failAt(t, true, "not-time", literal(text))
	}
	return from, to, nil
}

// bounds are the ends of a comparison or a range; nil is no bound.
type bounds struct {
	low, high         *string
	lowOpen, highOpen bool
}

func boundsOf(t Term) (b bounds, ok bool) {
	switch t.Op {
	case ">", ">=":
		return bounds{low: &t.Text, lowOpen: t.Op == ">"}, true
	case "<", "<=":
		return bounds{high: &t.Text, highOpen: t.Op == "<"}, true
	case "[]", "[}", "{]", "{}":
		b.lowOpen, b.highOpen = t.Op[0] == '{', t.Op[1] == '}'
		if t.Text != "*" {
			b.low = &t.Text
		}
		if t.High != "*" {
			b.high = &t.High
		}
		return b, true
	}
	return b, false
}

// whole reports whether a bound is absent or a whole number. Between such bounds a text field is compared as a number too: fields of the raw
// record have no declared type, and nobody who writes >100 wants 99 to pass because of its first digit.
func whole(bound *string) bool {
	if bound == nil {
		return true
	}
	_, err := strconv.ParseInt(literal(*bound), 10, 64)
	return err == nil
}

// literal removes the escapes of a pattern without wildcards.
func literal(pattern string) string {
	if text, ok := match.NewText(pattern, false).Literal(); ok {
		return text
	}
	return pattern
}

func opKind(t Term) error {
	err := failAt(t, true, "op-kind", "")
	err.detail = t.Kind.String()
	return err
}

// failAt makes an error at a term, or at its value. A term that was not parsed is shown as it prints.
func failAt(t Term, value bool, code, arg string) *Error {
	text, at, end := t.Query, t.At, t.End
	if text == "" || at < 0 || end > len(text) || at > end {
		text = Print(t)
		at, end = 0, len(text)
	}
	if name, size := fieldName(text[at:end]); value && size > 0 && name == t.Field {
		at += size
		at += len(text[at:end]) - len(strings.TrimLeft(text[at:end], " \t\n　"))
	}
	if i := strings.Index(text[at:end], arg); value && i > 0 {
		at += i // the bound of a comparison or range
	}
	return newError(code, text, at, arg)
}
