// Package pattern matches the strings of policies: wildcards, policy variables
// and ARNs.
//
// A [Pattern] is a text with the wildcards * (any run of characters) and ?
// (one character) and with variables such as ${aws:username} or
// ${aws:PrincipalTag/team, 'none'}. What a variable stands for is always taken
// literally, wildcards in it too; ${*}, ${?} and ${$} are the characters
// themselves
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
//
// An [ARN] is matched segment by segment, see its Match. Matching goes back only
// to the last star, so a*a*a*…b costs at most the product of both lengths.
package pattern

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Truth is the answer of a match: a variable whose value is not known can leave
// it open.
type Truth uint8

// The truth values. Their order is used: No < Open < Yes.
const (
	No Truth = iota
	Open
	Yes
)

// Variables gives the values of policy variables.
type Variables interface {
	// Variable returns the value of a context key. Absent means that the request
	// does not carry it, so that a default stands in; otherwise No means that it
	// cannot be put into a text (several values) and Open that it is not known.
	Variable(key string) (value string, absent bool, known Truth)
}

type tokenKind uint8

const (
	literal tokenKind = iota
	star
	one
	variable
)

type token struct {
	kind     tokenKind
	text     string // literal text or key
	fallback string // of a variable
	has      bool   // the variable has a fallback
}

// Pattern is a compiled text. The zero value matches the empty string.
type Pattern struct {
	tokens    []token
	variables bool // some token is a variable
}

// Syntax says which characters of a text are special.
type Syntax uint8

// The bits of Syntax.
const (
	Wildcards Syntax = 1 << iota
	Substitution
)

// Compile reads a text.
func Compile(text string, syntax Syntax) Pattern {
	var p Pattern
	start := 0
	flush := func(end int) {
		if end > start {
			p.tokens = append(p.tokens, token{text: text[start:end]})
		}
	}
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case (c == '*' || c == '?') && syntax&Wildcards != 0:
			flush(i)
			p.wildcard(c)
			i++
			start = i
		case c == '$' && syntax&Substitution != 0 && strings.HasPrefix(text[i:], "${"):
			t, size := readVariable(text[i:])
			if size == 0 {
				i += 2
				continue
			}
			flush(i)
			p.tokens = append(p.tokens, t)
			p.variables = p.variables || t.kind == variable
			i += size
			start = i
		default:
			i++
		}
	}
	flush(len(text))
	return p
}

// wildcard appends * or ?. Runs of stars are one.
func (p *Pattern) wildcard(c byte) {
	kind := one
	if c == '*' {
		kind = star
		if n := len(p.tokens); n > 0 && p.tokens[n-1].kind == star {
			return
		}
	}
	p.tokens = append(p.tokens, token{kind: kind})
}

// readVariable reads ${…} at the start of text; size 0 means that it is not
// closed and so is text.
func readVariable(text string) (t token, size int) {
	end := strings.IndexByte(text, '}')
	if end < 0 {
		return t, 0
	}
	name := text[2:end]
	if name == "*" || name == "?" || name == "$" {
		return token{text: name}, end + 1
	}
	// A default may hold a brace: it ends at its quote.
	if key, rest, ok := strings.Cut(text[2:], ","); ok && len(key) < end-2 {
		if quoted := strings.TrimLeft(rest, " "); strings.HasPrefix(quoted, "'") {
			value, tail, closed := strings.Cut(quoted[1:], "'")
			tail = strings.TrimLeft(tail, " ")
			if closed && strings.HasPrefix(tail, "}") {
				return token{kind: variable, text: strings.TrimSpace(key), fallback: value, has: true}, len(text) - len(tail) + 1
			}
		}
	}
	return token{kind: variable, text: strings.TrimSpace(name)}, end + 1
}

// All reports whether the pattern matches every string: it is one star.
func (p *Pattern) All() bool { return len(p.tokens) == 1 && p.tokens[0].kind == star }

// Keys calls yield with the context key of every variable.
func (p *Pattern) Keys(yield func(key string)) {
	for _, t := range p.tokens {
		if t.kind == variable {
			yield(t.text)
		}
	}
}

// HasDefaults reports whether every variable brings a default.
func (p *Pattern) HasDefaults() bool {
	for _, t := range p.tokens {
		if t.kind == variable && !t.has {
			return false
		}
	}
	return true
}

// resolvable reports whether every variable has a value: No if one has none,
// Open if one is not known.
func (p *Pattern) resolvable(v Variables) Truth {
	all := Yes
	for i := range p.tokens {
		if t := &p.tokens[i]; t.kind == variable {
			_, state := t.resolve(v)
			all = min(all, state)
		}
	}
	return all
}

func (t *token) resolve(v Variables) (string, Truth) {
	value, absent, known := v.Variable(t.text)
	if absent {
		if t.has {
			return t.fallback, Yes
		}
		return "", No
	}
	return value, known
}

// Resolvable is Yes when each variable has a value, No when one can have none,
// Open when one is not known.
func (p *Pattern) Resolvable(v Variables) Truth {
	if !p.variables {
		return Yes
	}
	return p.resolvable(v)
}

// Match matches the whole of s. A variable without a value matches nothing.
func (p *Pattern) Match(s string, v Variables) Truth {
	return p.match(s, v, false)
}

// MatchFold is Match without regard to case.
func (p *Pattern) MatchFold(s string, v Variables) Truth {
	return p.match(s, v, true)
}

func (p *Pattern) match(s string, v Variables, fold bool) Truth {
	if !p.variables {
		switch {
		case fold:
		case len(p.tokens) == 1 && p.tokens[0].kind == literal:
			return truth(s == p.tokens[0].text)
		case p.All():
			return Yes
		}
		return truth(p.run(s, v, fold))
	}
	able := p.resolvable(v)
	if able == No {
		return No
	}
	// A variable that is not known counts as a star: if even that does not
	// match, no value will.
	return min(able, truth(p.run(s, v, fold)))
}

func truth(b bool) Truth {
	if b {
		return Yes
	}
	return No
}

func (p *Pattern) run(s string, v Variables, fold bool) bool {
	ti, si := 0, 0
	starTi, starSi := -1, 0
	for {
		matched := false
		switch {
		case ti == len(p.tokens):
			if si == len(s) {
				return true
			}
		default:
			t := &p.tokens[ti]
			text, kind := t.text, t.kind
			if kind == variable {
				value, known := t.resolve(v)
				text, kind = value, literal
				if known == Open {
					kind = star
				}
			}
			switch kind {
			case star:
				if ti == len(p.tokens)-1 {
					return true
				}
				starTi, starSi = ti, si
				matched = true
			case one:
				if si < len(s) {
					_, size := utf8.DecodeRuneInString(s[si:])
					si += size
					matched = true
				}
			default:
				if n, ok := prefix(s[si:], text, fold); ok {
					si += n
					matched = true
				} else if ti > 0 && starTi == ti-1 && !fold {
					// Right behind the star: jump to the next place where the text stands.
					skip := strings.Index(s[starSi:], text)
					if skip < 0 {
						return false
					}
					starSi += skip
					si = starSi + len(text)
					matched = true
				}
			}
		}
		if matched {
			ti++
			continue
		}
		if starTi < 0 || starSi >= len(s) {
			return false
		}
		_, size := utf8.DecodeRuneInString(s[starSi:])
		starSi += size
		ti, si = starTi+1, starSi
	}
}

// prefix reports whether s starts with text and how many bytes that takes.
func prefix(s, text string, fold bool) (int, bool) {
	if !fold {
		return len(text), strings.HasPrefix(s, text)
	}
	n := 0
	for _, want := range text {
		c, size := utf8.DecodeRuneInString(s[n:])
		if size == 0 || c != want && lower(c) != lower(want) {
			return 0, false
		}
		n += size
	}
	return n, true
}

// lower maps a rune to the smallest of those that are the same letter.
func lower(c rune) rune {
	if c < utf8.RuneSelf {
		if c >= 'A' && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}
	return unicode.ToLower(c)
}

// Text is the pattern's text with the variables filled in; wildcards stand for
// themselves.
func (p *Pattern) Text(v Variables) (string, Truth) {
	if len(p.tokens) == 1 && p.tokens[0].kind == literal {
		return p.tokens[0].text, Yes
	}
	var b strings.Builder
	all := Yes
	for i := range p.tokens {
		switch t := &p.tokens[i]; t.kind {
		case literal:
			b.WriteString(t.text)
		case star:
			b.WriteByte('*')
		case one:
			b.WriteByte('?')
		case variable:
			value, state := t.resolve(v)
			if len(p.tokens) == 1 {
				return value, state
			}
			b.WriteString(value)
			all = min(all, state)
		}
	}
	return b.String(), all
}
