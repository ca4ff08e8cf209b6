package query

import (
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// term reads one test: a bare word or phrase, or field:value.
func (p *parser) term(s scope) (Expr, error) {
	t := Term{Query: p.text, At: p.pos, Field: s.field}
	if s.group {
		return p.value(t, s)
	}
	name, size := fieldName(p.text[p.pos:])
	if size == 0 {
		var err error
		if t.Text, err = p.pattern(t, ""); err != nil {
			return nil, err
		}
		if t.Text == "" {
			return nil, p.fail("term-expected", t.At, "")
		}
		e, err := p.done(t)
		if err == nil && (t.Text == "*" || p.text[t.At:p.pos] == "*:*") { // the second is how Lucene writes it
			return And{}, nil
		}
		return e, err
	}
	t.Field = name
	p.pos += size
	p.space()
	return p.value(t, scope{field: name})
}

// value reads what stands after the colon.
func (p *parser) value(t Term, s scope) (Expr, error) {
	if p.end() || p.peek() == ')' || p.operator() != "" {
		return nil, p.fail("value-expected", t.At, t.Field)
	}
	var err error
	switch rest := p.text[p.pos:]; {
	case rest[0] == '(':
		s.group = true
		return p.parens(s)
	case rest[0] == '[' || rest[0] == '{':
		err = p.span(&t)
	case rest[0] == '/':
		err = p.regexp(&t)
	case strings.HasPrefix(rest, ">="), strings.HasPrefix(rest, "<="):
		err = p.compare(&t, rest[:2])
	case rest[0] == '>' || rest[0] == '<':
		err = p.compare(&t, rest[:1])
	case rest[0] == '~':
		t.Op = "~"
		p.pos++
		t.Text, err = p.pattern(t, "")
	default:
		t.Text, err = p.pattern(t, "")
	}
	if err != nil {
		return nil, err
	}
	return p.done(t)
}

// done ends a term, which must not touch the next one: foo"bar" and [1 TO 2]x are slips, not two terms.
func (p *parser) done(t Term) (Expr, error) {
	t.End = p.pos
	if p.terms++; p.terms > maxTerms {
		return nil, p.fail("too-many", t.At, "")
	}
	if !p.end() && p.peek() != ')' && !p.spaceAt(p.pos) {
		if t.Op == "/" {
			return nil, p.fail("regexp-tail", p.pos, "")
		}
		_, size := utf8.DecodeRuneInString(p.text[p.pos:])
		return nil, p.fail("space-expected", p.pos, p.text[p.pos:p.pos+size])
	}
	return t, nil
}

// pattern reads a phrase, or a word that ends before a space, a parenthesis, a quotation mark or one of the stop characters.
func (p *parser) pattern(t Term, stop string) (string, error) {
	if !p.end() && p.peek() == '"' {
		return p.phrase()
	}
	text, size, ok := word(p.text[p.pos:], stop)
	if !ok {
		return "", p.fail("escape-open", len(p.text)-1, "")
	}
	if size == 0 && t.Field == "" {
		return "", p.fail("term-expected", p.pos, "")
	}
	if size == 0 {
		return "", p.fail("value-expected", t.At, t.Field)
	}
	p.pos += size
	return text, nil
}

func (p *parser) phrase() (string, error) {
	open := p.pos
	var b strings.Builder
	for p.pos++; !p.end(); p.pos++ {
		c := p.peek()
		if c == '"' {
			p.pos++
			return b.String(), nil
		}
		if c == '\\' {
			if p.pos++; p.end() {
				break
			}
			c = p.peek()
		}
		if c == '*' || c == '?' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return "", p.fail("quote-open", open, "")
}

// word returns the pattern at the start of a text and its length there; false if a backslash ends the text.
func word(text, stop string) (pattern string, size int, ok bool) {
	var b strings.Builder
	for size < len(text) {
		r, n := utf8.DecodeRuneInString(text[size:])
		if breaks(r) || strings.ContainsRune(stop, r) {
			break
		}
		if r == '\\' {
			size += n
			if size == len(text) {
				return "", 0, false
			}
			if r, n = utf8.DecodeRuneInString(text[size:]); r == '*' || r == '?' || r == '\\' {
				b.WriteByte('\\')
			}
			b.WriteString(text[size : size+n])
			size += n
			continue
		}
		size += n
		if r == '*' && strings.HasPrefix(text[size:], "*") {
			continue // two stars in a row say no more than one
		}
		b.WriteString(text[size-n : size])
	}
	return b.String(), size, true
}

func (p *parser) compare(t *Term, op string) error {
	t.Op = op
	p.pos += len(op)
	p.space()
	at := p.pos
	var err error
	if t.Text, err = p.pattern(*t, ""); err != nil {
		return err
	}
	if wild(t.Text) {
		return p.fail("wildcard-bound", at, "")
	}
	return nil
}

func (p *parser) span(t *Term) (err error) {
	open := p.pos
	p.pos++
	bound := func() string {
		p.space()
		at := p.pos
		text, e := p.pattern(*t, "]}")
		if e == nil && text != "*" && wild(text) {
			e = p.fail("wildcard-bound", at, "")
		}
		if err == nil {
			err = e
		}
		return text
	}
	t.Text = bound()
	p.space()
	if err == nil && !strings.HasPrefix(p.text[p.pos:], "TO") {
		return p.fail("range-bad", open, "")
	}
	if err != nil {
		return p.inRange(err, open)
	}
	if p.pos += 2; p.end() || !p.spaceAt(p.pos) {
		return p.fail("range-bad", open, "")
	}
	t.High = bound()
	p.space()
	if err != nil {
		return p.inRange(err, open)
	}
	if p.end() || p.peek() != ']' && p.peek() != '}' {
		return p.fail("range-bad", open, "")
	}
	t.Op = p.text[open:open+1] + p.text[p.pos:p.pos+1]
	p.pos++
	return nil
}

// inRange turns "no value" inside brackets into a word about ranges.
func (p *parser) inRange(err error, open int) error {
	if e := (*Error)(nil); errors.As(err, &e) && e.Code == "value-expected" {
		return p.fail("range-bad", open, "")
	}
	return err
}

func (p *parser) regexp(t *Term) error {
	open := p.pos
	t.Op = "/"
	var b strings.Builder
	for p.pos++; !p.end(); p.pos++ {
		c := p.peek()
		if c == '/' {
			p.pos++
			t.Text = b.String()
			_, err := regexp.Compile(t.Text)
			if t.Text == "" {
				err = errors.New("it is empty")
			}
			if err != nil {
				e := p.fail("regexp-bad", open, "")
				e.detail = strings.TrimPrefix(err.Error(), "error parsing regexp: ")
				return e
			}
			return nil
		}
		if c == '\\' && p.pos+1 < len(p.text) {
			if p.pos++; p.peek() != '/' {
				b.WriteByte('\\')
			}
			c = p.peek()
		}
		b.WriteByte(c)
	}
	return p.fail("regexp-open", open, "")
}

// fieldName returns the name at the start of a text and its length with the colon; 0 if what stands there is no field but an address, an
// ARN or a URL, which people paste as they are.
func fieldName(text string) (name string, size int) {
	var b strings.Builder
	for i, r := range text {
		switch {
		case i < size:
			continue
		case r == ':' && i > 0:
			if pasted(text, b.String(), text[i+1:]) {
				return "", 0
			}
			return b.String(), i + 1
		case r == '\\':
			next, n := utf8.DecodeRuneInString(text[i+1:])
			if n == 0 {
				return "", 0
			}
			b.WriteRune(next)
			size = i + 1 + n
		case inName(r, i):
			b.WriteRune(r)
		default:
			return "", 0
		}
	}
	return "", 0
}

// inName reports whether a character may stand at byte i of a field name without a backslash.
func inName(r rune, i int) bool {
	return unicode.IsLetter(r) || r == '_' || r == '@' || i > 0 && (r == '.' || r == '-' || unicode.IsDigit(r) || unicode.IsMark(r))
}

// pasted reports whether a text that begins like a field is an ARN, a URL, an address or a network.
func pasted(text, name, after string) bool {
	if name == "arn" && strings.HasPrefix(after, "aws") || strings.HasPrefix(after, "//") {
		return true
	}
	run := text
	if end := strings.IndexFunc(text, breaks); end >= 0 {
		run = text[:end]
	}
	if _, err := netip.ParseAddr(run); err == nil {
		return true
	}
	_, err := netip.ParsePrefix(run)
	return err == nil
}

// wild reports whether a pattern holds a wildcard.
func wild(pattern string) bool {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '*', '?':
			return true
		}
	}
	return false
}
