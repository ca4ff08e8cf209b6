package match

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura/internal/token"
)

// slow is a pattern as a regular expression, the plain definition of what it matches.
func slow(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '*':
			b.WriteString(`(?s:.*)`)
		case c == '?':
			b.WriteString(`(?s:.)`)
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

var (
	patterns = rapid.StringOfN(rapid.SampledFrom([]rune(`aab*?B-東`)), 0, 8, -1)
	values   = rapid.StringOfN(rapid.SampledFrom([]rune("aabB-東\n")), 0, 14, -1)
)

func TestTextAgainstRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern, value := patterns.Draw(t, "pattern"), values.Draw(t, "value")
		want := regexp.MustCompile("^(?:" + slow(pattern) + ")$").MatchString(value)
		if got := NewText(pattern, false).Match(value); got != want {
			t.Fatalf("%q matches %q: %v, want %v", pattern, value, got, want)
		}
		want = regexp.MustCompile("(?i)^(?:" + slow(pattern) + ")$").MatchString(value)
		if got := NewText(pattern, true).Match(value); got != want {
			t.Fatalf("%q folded matches %q: %v, want %v", pattern, value, got, want)
		}
	})
}

func TestWordsAgainstRegexp(t *testing.T) {
	const letter = `[0-9A-Za-z_\x{80}-\x{10FFFF}]`
	rapid.Check(t, func(t *rapid.T) {
		pattern := patterns.Filter(func(s string) bool { return s != "" }).Draw(t, "pattern")
		value := values.Draw(t, "value")
		expr := slow(pattern)
		plain := !strings.ContainsAny(pattern, "*?")
		if plain && token.Letter(pattern[0]) {
			expr = "(?:^|[^" + letter[1:] + ")" + expr
		}
		if plain && token.Letter(pattern[len(pattern)-1]) {
			expr += "(?:$|[^" + letter[1:] + ")"
		}
		want := regexp.MustCompile("(?i)" + expr).MatchString(value)
		w := NewWords(pattern)
		if got := w.Match(value); got != want {
			t.Fatalf("%q is in %q: %v, want %v", pattern, value, got, want)
		}
		if !want {
			return
		}
		var have []string
		token.Tokens([]byte(value), func(tok []byte) bool { have = append(have, string(tok)); return true })
		for _, tok := range w.Tokens() {
			if !slices.Contains(have, tok) {
				t.Fatalf("%q is in %q, but its token %q is not: a bloom filter would lose the record", pattern, value, tok)
			}
		}
	})
}

func TestWordsTokens(t *testing.T) {
	for pattern, want := range map[string][]string{
		"198.51.100.7":    {"198", "51", "100", "7"},
		"GetObject":       {"getobject"},
		"Get*":            nil,
		"*/etc/passwd*":   {"etc"},
		`a\*b`:            {"a", "b"},
		"/x/y?z/w/":       {"x", "w"},
		"- -":             nil,
		`"eventName":"*"`: {"eventname"},
	} {
		if got := NewWords(pattern).Tokens(); !slices.Equal(got, want) {
			t.Errorf("tokens of %q are %q, want %q", pattern, got, want)
		}
	}
}

func TestTextForms(t *testing.T) {
	for _, c := range []struct {
		pattern, like, prefix, literal string
		plain                          bool
	}{
		{`Get*`, `Get%`, `Get`, ``, false},
		{`a?b*c`, `a_b%c`, `a`, ``, false},
		{`100%_\*`, `100\%\_*`, `100%_*`, `100%_*`, true},
		{`a\\b`, `a\\b`, `a\b`, `a\b`, true},
		{``, ``, ``, ``, true},
		{`*`, `%`, ``, ``, false},
	} {
		text := NewText(c.pattern, false)
		literal, plain := text.Literal()
		if text.Like() != c.like || text.Prefix() != c.prefix || literal != c.literal || plain != c.plain {
			t.Errorf("%q: like %q, prefix %q, literal %q %v; want %+v", c.pattern, text.Like(), text.Prefix(), literal, plain, c)
		}
	}
}

func TestTyped(t *testing.T) {
	for _, c := range []struct {
		test  Test
		value string
	}{{Ints{1, 5}, "x"}, {Ints{1, 5}, "1.5"}, {Ints{1, 5}, ""}, {Times{}, "2026"}, {Addrs{}, "AWS Internal"}, {Flag(true), "TRUE"}, {Regexp{}, "a"}} {
		if c.test.Match(c.value) {
			t.Errorf("%#v passes %q", c.test, c.value)
		}
	}
}
