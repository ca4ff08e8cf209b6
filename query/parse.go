package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of a query, of Parse and of Check.
const (
	maxBytes = 16 << 10
	maxDepth = 64
	maxTerms = 1024
)

// Parse reads a query. The result is canonical: no And directly in an And nor Or in an Or, none with one argument. An error is an
// *[Error]. The empty query and "*" are And without arguments.
func Parse(text string) (Expr, error) {
	if len(text) > maxBytes {
		return nil, newError("too-long", "", 0, "")
	}
	if at := invalid(text); at >= 0 {
		return nil, newError("not-utf8", text, at, "")
	}
	p := &parser{text: text}
	p.space()
	if p.end() {
		return And{}, nil
	}
	e, err := p.or(scope{})
	if err != nil {
		return nil, err
	}
	if !p.end() {
		return nil, p.fail("paren-close", p.pos, "")
	}
	return e, nil
}

type parser struct {
	text  string
	pos   int
	depth int
	terms int
}

// scope is what a clause stands in: the whole query, or the parentheses after "field:", where values stand alone and a space means OR.
type scope struct {
	field string
	group bool
}

// clause is an argument of a group; must is set for -x, +x and NOT x among plain values, which limit the others instead of joining them.
type clause struct {
	e    Expr
	must bool
}

func (p *parser) or(s scope) (Expr, error) {
	var list []clause
	for explicit := false; ; {
		p.space()
		c := clause{must: s.group && !explicit && p.signed()}
		var err error
		if c.e, err = p.and(s); err != nil {
			return nil, err
		}
		list = append(list, c)
		p.space()
		if explicit = p.take("OR") || p.take("||"); explicit {
			list[len(list)-1].must = false
			continue
		}
		if !s.group || p.end() || p.peek() == ')' {
			return combine(list), nil
		}
	}
}

func combine(list []clause) Expr {
	var should, must []Expr
	for _, c := range list {
		if c.must {
			must = append(must, c.e)
		} else {
			should = append(should, c.e)
		}
	}
	if len(should) > 0 {
		must = append([]Expr{or(should)}, must...)
	}
	return and(must)
}

// and and or build the canonical form.
func and(args []Expr) Expr {
	flat := make([]Expr, 0, len(args))
	for _, a := range args {
		if inner, ok := a.(And); ok {
			flat = append(flat, inner.Args...)
			continue
		}
		flat = append(flat, a)
	}
	switch len(flat) {
	case 0:
		return And{}
	case 1:
		return flat[0]
	}
	return And{Args: flat}
}

func or(args []Expr) Expr {
	var flat []Expr
	for _, a := range args {
		if inner, ok := a.(Or); ok {
			flat = append(flat, inner.Args...)
			continue
		}
		flat = append(flat, a)
	}
	if len(flat) == 1 {
		return flat[0]
	}
	return Or{Args: flat}
}

func (p *parser) and(s scope) (Expr, error) {
	var args []Expr
	for {
		e, err := p.unary(s)
		if err != nil {
			return nil, err
		}
		args = append(args, e)
		p.space()
		if p.take("AND") || p.take("&&") {
			continue
		}
		if s.group || p.end() || p.peek() == ')' || p.operator() == "OR" || p.operator() == "||" {
			return and(args), nil
		}
	}
}

func (p *parser) unary(s scope) (Expr, error) {
	p.space()
	at := p.pos
	switch {
	case p.end() || p.peek() == ')':
		return nil, p.fail("term-expected", p.pos, "")
	case p.take("NOT") || p.prefix('!') || p.prefix('-'):
		if err := p.down(at); err != nil {
			return nil, err
		}
		e, err := p.unary(s)
		p.depth--
		return Not{Arg: e}, err
	case p.prefix('+'):
		return p.unary(s)
	case p.operator() != "":
		return nil, p.fail("operator-misplaced", p.pos, p.operator())
	case p.peek() == '(':
		return p.parens(s)
	}
	return p.term(s)
}

func (p *parser) parens(s scope) (Expr, error) {
	open := p.pos
	if err := p.down(open); err != nil {
		return nil, err
	}
	p.pos++
	e, err := p.or(s)
	p.depth--
	if err != nil {
		return nil, err
	}
	if p.end() {
		return nil, p.fail("paren-open", open, "")
	}
	p.pos++ // or stops only at the end or at a closing parenthesis
	return e, nil
}

// down goes one level deeper, or refuses to.
func (p *parser) down(at int) error {
	if p.depth++; p.depth > maxDepth {
		return p.fail("too-deep", at, "")
	}
	return nil
}

// signed reports whether a clause begins with a sign that makes it a condition of its group.
func (p *parser) signed() bool {
	if p.end() {
		return false
	}
	c := p.peek()
	return p.operator() == "NOT" || (c == '!' || c == '-' || c == '+') && p.pos+1 < len(p.text) && !p.spaceAt(p.pos+1)
}

// operator returns the operator word that stands at the position, or "".
func (p *parser) operator() string {
	for _, op := range []string{"AND", "OR", "NOT", "&&", "||"} {
		after := p.pos + len(op)
		if strings.HasPrefix(p.text[p.pos:], op) && (after == len(p.text) || p.spaceAt(after) || p.text[after] == '(' || p.text[after] == ')') {
			return op
		}
	}
	return ""
}

func (p *parser) take(op string) bool {
	if p.end() || p.operator() != op {
		return false
	}
	p.pos += len(op)
	return true
}

// prefix takes a sign that is followed by what it applies to.
func (p *parser) prefix(sign byte) bool {
	if p.end() || p.peek() != sign || p.pos+1 == len(p.text) || sign != '!' && p.spaceAt(p.pos+1) {
		return false
	}
	p.pos++
	return true
}

func (p *parser) end() bool  { return p.pos >= len(p.text) }
func (p *parser) peek() byte { return p.text[p.pos] }

func (p *parser) space() {
	for !p.end() {
		r, size := utf8.DecodeRuneInString(p.text[p.pos:])
		if !unicode.IsSpace(r) {
			return
		}
		p.pos += size
	}
}

func (p *parser) spaceAt(at int) bool {
	r, _ := utf8.DecodeRuneInString(p.text[at:])
	return unicode.IsSpace(r)
}

func (p *parser) fail(code string, at int, arg string) *Error { return newError(code, p.text, at, arg) }

func invalid(text string) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}
