package match

import (
	"strings"
	"unicode/utf8"
)

// Text compares a whole value with a pattern, character by character; * stands for any run of characters, ? for one character (a Unicode
// code point; a byte that is not UTF-8 counts as one).
type Text struct {
	Pattern string // with \ before literal * ? \
	Fold    bool   // upper and lower case alike, each character by its Unicode lower case
	parts   []run
}

// NewText makes the test of a pattern.
func NewText(pattern string, fold bool) *Text {
	folded := pattern
	if fold {
		folded = strings.ToLower(pattern)
	}
	return &Text{Pattern: pattern, Fold: fold, parts: split(folded)}
}

// Match compares the whole value.
func (t *Text) Match(v string) bool {
	if t.Fold {
		v = strings.ToLower(v)
	}
	first, rest := t.parts[0], t.parts[1:]
	n := first.at(v, false)
	if n < 0 || len(rest) == 0 {
		return n == len(v)
	}
	v = v[n:]
	for _, p := range rest[:len(rest)-1] {
		_, end := p.find(v, false)
		if end < 0 {
			return false
		}
		v = v[end:]
	}
	return rest[len(rest)-1].ends(v)
}

// Literal returns the text of a pattern without wildcards; false if it has some.
func (t *Text) Literal() (string, bool) {
	if plain, ok := whole(split(t.Pattern)); ok {
		return plain, true
	}
	return "", false
}

// Prefix returns the text with which every matching value begins, for pruning; of little use with Fold.
func (t *Text) Prefix() string { return split(t.Pattern)[0][0] }

// Like returns the pattern for SQL LIKE with ESCAPE '\'.
func (t *Text) Like() string {
	var b strings.Builder
	for i, part := range split(t.Pattern) {
		if i > 0 {
			b.WriteByte('%')
		}
		for j, lit := range part {
			if j > 0 {
				b.WriteByte('_')
			}
			b.WriteString(likeEscape.Replace(lit))
		}
	}
	return b.String()
}

var likeEscape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// run is what stands between two stars: literal texts with one question mark between each two; it has at least one text.
type run []string

func split(pattern string) []run {
	parts := []run{{""}}
	var lit strings.Builder
	flush := func() {
		last := parts[len(parts)-1]
		last[len(last)-1] = lit.String()
		lit.Reset()
	}
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '*':
			flush()
			parts = append(parts, run{""})
		case c == '?':
			flush()
			parts[len(parts)-1] = append(parts[len(parts)-1], "")
		case c == '\\' && i+1 < len(pattern):
			i++
			lit.WriteByte(pattern[i])
		default:
			lit.WriteByte(c)
		}
	}
	flush()
	return parts
}

func whole(parts []run) (string, bool) { return parts[0][0], len(parts) == 1 && len(parts[0]) == 1 }

// at returns how many bytes the run takes at the start of a value, or -1; with anyCase the run is in lower case and ASCII capitals pass.
func (r run) at(v string, anyCase bool) int {
	n := 0
	for i, lit := range r {
		if i > 0 {
			_, size := utf8.DecodeRuneInString(v[n:])
			if size == 0 {
				return -1
			}
			n += size
		}
		end := n + len(lit)
		if end > len(v) || v[n:end] != lit && (!anyCase || !fold(v[n:end], lit)) {
			return -1
		}
		n = end
	}
	return n
}

// find returns where the run first stands in a value, or -1, -1.
func (r run) find(v string, anyCase bool) (from, to int) {
	for {
		next := index(v[from:], r[0], anyCase)
		if next < 0 {
			return -1, -1
		}
		from += next
		if n := r.at(v[from:], anyCase); n >= 0 {
			return from, from + n
		}
		_, size := utf8.DecodeRuneInString(v[from:])
		if size == 0 {
			return -1, -1
		}
		from += size
	}
}

// ends reports whether a value ends with the run.
func (r run) ends(v string) bool {
	for i := len(r) - 1; ; i-- {
		var ok bool
		if v, ok = strings.CutSuffix(v, r[i]); !ok {
			return false
		}
		if i == 0 {
			return true
		}
		_, size := utf8.DecodeLastRuneInString(v)
		if size == 0 {
			return false
		}
		v = v[:len(v)-size]
	}
}
