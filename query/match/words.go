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
		_, to := p.find(text, fold)
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

func contains(text, lit string) bool {
	if lit == "" {
		return true
	}
	other := lit[0]
	if token.Letter(other) && other >= 'a' && other <= 'z' {
		other -= 'a' - 'A'
	}
	head, tail := token.Letter(lit[0]), token.Letter(lit[len(lit)-1])
	for i := 0; i+len(lit) <= len(text); i++ {
		if c := text[i]; c != lit[0] && c != other {
			continue
		}
		end := i + len(lit)
		if fold(text[i:end], lit) && !(head && i > 0 && token.Letter(text[i-1])) && !(tail && end < len(text) && token.Letter(text[end])) {
			return true
		}
	}
	return false
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
