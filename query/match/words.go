package match

import (
	"strings"

	"github.com/yagura-sec/yagura/internal/token"
)

// Words looks for words in the text of a record; ASCII letters match in either case, everything else exactly.
//
// Without wildcards the text must stand in the record with the same separators and must not cut a token (see internal/token) at its
// ends: 198.51.100.7 is not found in 198.51.100.77, and Role not in AssumeRole. With wildcards it may stand anywhere, inside a word too.
type Words struct {
	Pattern string // with \ before literal * ? \
	parts   []run
}

// NewWords makes the test of a bare term.
func NewWords(pattern string) *Words {
	return &Words{Pattern: pattern, parts: split(lower(pattern))}
}

// Match searches the text.
func (w *Words) Match(text string) bool {
	if lit, ok := whole(w.parts); ok {
		return contains(text, lit)
	}
	for _, p := range w.parts {
		_, to := p.find(text, true)
		if to < 0 {
			return false
		}
		text = text[to:]
	}
	return true
}

// Tokens returns the lower-case tokens that every matching text holds whole: what to ask a bloom filter for. With wildcards these are
// only the ones that stand between separators of the pattern; there may be none.
func (w *Words) Tokens() []string {
	_, plain := whole(w.parts)
	var list []string
	for _, part := range w.parts {
		for _, lit := range part {
			if !plain {
				lit = inner(lit)
			}
			token.Tokens([]byte(lit), func(tok []byte) bool {
				list = append(list, string(tok))
				return true
			})
		}
	}
	return list
}

// inner cuts the tokens at both ends off, which a wildcard may continue.
func inner(lit string) string {
	from, to := 0, len(lit)
	for from < to && token.Letter(lit[from]) {
		from++
	}
	for to > from && token.Letter(lit[to-1]) {
		to--
	}
	return lit[from:to]
}

// contains reports whether a lower-case text stands in another without cutting a token at its ends.
func contains(text, lit string) bool {
	if lit == "" {
		return true
	}
	head, tail := token.Letter(lit[0]), token.Letter(lit[len(lit)-1])
	for from := 0; ; from++ {
		next := index(text[from:], lit, true)
		if next < 0 {
			return false
		}
		from += next
		end := from + len(lit)
		cut := head && from > 0 && token.Letter(text[from-1]) || tail && end < len(text) && token.Letter(text[end])
		if !cut {
			return true
		}
	}
}

// index is strings.Index, with anyCase for a lower-case text that ASCII capitals pass.
func index(text, lit string, anyCase bool) int {
	if !anyCase || lit == "" {
		return strings.Index(text, lit)
	}
	first, other := lit[0], lit[0]
	if first >= 'a' && first <= 'z' {
		other -= 'a' - 'A'
	}
	for i := 0; i+len(lit) <= len(text); i++ {
		if c := text[i]; (c == first || c == other) && fold(text[i:i+len(lit)], lit) {
			return i
		}
	}
	return -1
}

// fold compares a text with a lower-case one of the same length, ASCII letters in either case.
func fold(text, low string) bool {
	for i := range len(low) {
		if token.Lower(text[i]) != low[i] {
			return false
		}
	}
	return true
}

func lower(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(token.Lower(s[i]))
	}
	return b.String()
}
