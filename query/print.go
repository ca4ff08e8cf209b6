package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Print writes an expression in canonical form: explicit AND and OR, parentheses only where needed, quotes only where needed. It uses
// what was written, not what was checked, so relative times stay relative. Parse(Print(x)) equals x, positions aside, for every x that
// Parse returns.
func Print(e Expr) string {
	var b strings.Builder
	write(&b, e, 0)
	return b.String()
}

// How tightly an operator binds.
const (
	bindOr = iota + 1
	bindAnd
	bindNot
)

func write(b *strings.Builder, e Expr, outer int) {
	switch e := e.(type) {
	case And:
		if len(e.Args) == 0 {
			b.WriteByte('*')
			return
		}
		join(b, e.Args, " AND ", bindAnd, outer)
	case Or:
		if len(e.Args) == 0 {
			b.WriteString("NOT *")
			return
		}
		join(b, e.Args, " OR ", bindOr, outer)
	case Not:
		b.WriteString("NOT ")
		write(b, e.Arg, bindNot)
	case Term:
		writeTerm(b, e)
	}
}

func join(b *strings.Builder, args []Expr, operator string, own, outer int) {
	if len(args) == 1 {
		write(b, args[0], outer)
		return
	}
	if own < outer {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	for i, a := range args {
		if i > 0 {
			b.WriteString(operator)
		}
		write(b, a, own)
	}
}

func writeTerm(b *strings.Builder, t Term) {
	if t.Field == "" {
		b.WriteString(spell(t.Text, true))
		return
	}
	name, value := spellName(t.Field), spellValue(t)
	if _, size := fieldName(name + ":" + value); size == 0 {
		name += ": " // the space keeps a field called fe80 or arn from reading as an address or an ARN
	} else {
		name += ":"
	}
	b.WriteString(name + value)
}

func spellValue(t Term) string {
	switch t.Op {
	case "[]", "[}", "{]", "{}":
		return t.Op[:1] + spellBound(t.Text) + " TO " + spellBound(t.High) + t.Op[1:]
	case "/":
		var b strings.Builder
		b.WriteByte('/')
		for i := 0; i < len(t.Text); i++ {
			switch c := t.Text[i]; {
			case c == '\\' && i+1 < len(t.Text):
				i++
				b.WriteString(t.Text[i-1 : i+1])
			case c == '/':
				b.WriteString(`\/`)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('/')
		return b.String()
	}
	return t.Op + spell(t.Text, false)
}

func spellName(name string) string {
	var b strings.Builder
	for i, r := range name {
		if !inName(r, i) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// spell writes a pattern so that it reads back as the same pattern: as it is, in quotes if that is enough, with backslashes otherwise.
func spell(pattern string, bare bool) string {
	if safe(pattern, bare) {
		return pattern
	}
	if !wild(pattern) {
		return quote(pattern)
	}
	var b strings.Builder
	for i := 0; i < len(pattern); {
		r, n := utf8.DecodeRuneInString(pattern[i:])
		if r == '\\' && i+1 < len(pattern) {
			b.WriteByte('\\')
			i++
			r, n = utf8.DecodeRuneInString(pattern[i:])
		} else if breaks(r) || bare && r == ':' || i == 0 && special(r, bare) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		i += n
	}
	return b.String()
}

func spellBound(bound string) string {
	if bound == "*" || safe(bound, false) && !strings.ContainsAny(bound, "]}") {
		return bound
	}
	return quote(bound)
}

func quote(pattern string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		if c == '\\' && i+1 < len(pattern) {
			i++
			c = pattern[i]
		}
		if c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String()
}

// safe reports whether a pattern reads back as itself without quotes.
func safe(pattern string, bare bool) bool {
	switch pattern {
	case "", "AND", "OR", "NOT", "&&", "||":
		return false
	}
	if special(rune(pattern[0]), bare) || bare && strings.Contains(pattern, ":") {
		return false
	}
	return strings.IndexFunc(pattern, breaks) < 0
}

// special reports whether a word cannot begin with a character: signs before a word, other kinds of values after a colon.
func special(r rune, bare bool) bool {
	if bare {
		return strings.ContainsRune("!+-", r)
	}
	return strings.ContainsRune("[{/><~=", r)
}

// breaks reports whether a character ends a word.
func breaks(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`()"`, r) }
