package waf

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func testRegexSubset(t *testing.T) {
	for _, c := range []struct {
		pattern, value string
		want           bool
	}{
		{`^/admin`, "/admin/x", true},
		{`(?i)SeLeCt`, "a select b", true},
		{`^(?!/static/).*\.php$`, "/x/a.php", true},
		{`^(?!/static/).*\.php$`, "/static/a.php", false},
		{`foo(?=bar)`, "foobar", true},
		{`foo(?=bar)`, "foobaz", false},
		{`(?<=id=)\d+`, "?id=12", true},
		{`(?<!x)y`, "xy", false},
		{`(?<!x)y`, "zy", true},
		{`(?i)a(?!BC)`, "abc", false},
		{`(?<=a|bc)d`, "bcd", true},
		{`^(?=.*\d)(?=.*[a-z]).{6,}$`, "abc123", true},
		{`^(?=.*\d)(?=.*[a-z]).{6,}$`, "abcdef", false},
		{`a$`, "a\n", true},
		{`a\z`, "a\n", false},
		{`^.{2}$`, "é", true}, // Two bytes.
		{`\xe9`, "\xe9", true},
		{`[\xe0-\xef]`, "\xe9", true},
		{`日本`, "x日本y", true},
		{`\s`, "\v", true},
		{`\h`, "\u00a0"[1:], true},
		{`[\w-]+@`, "a-b@", true},
		{`[]a]`, "]", true},
		{`[[:alpha:]]{3}`, "abc", true},
		{`\Qa.b\E`, "a.b", true},
		{`\Qa.b\E`, "axb", false},
		{`a{2}`, "aa", true},
		{`(?s)a.b`, "a\nb", true},
		{`a.b`, "a\nb", false},
		{`a(?#comment)b`, "ab", true},
		{`\/\-\_\@`, "/-_@", true},
	} {
		p, err := newPattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if found, ok := p.match(wide(nil, []byte(c.value)), []byte(c.value)); found != c.want || !ok {
			t.Errorf("%s on %q: %v", c.pattern, c.value, found)
		}
	}
	for _, bad := range []string{`(a)\1`, `(?<n>a)`, `(?P<n>a)`, `(?>a)`, `a++`, `a*+`, `a{2}+`, `(?R)`, `(?1)`, `(?(1)a)`, `(*FAIL)`, `\C`, `\R`, `a\K`, `\k<n>`, `(?C1)`} {
		if _, err := newPattern(bad); err == nil || !strings.Contains(err.Error(), "AWS WAF does not support") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, bad := range []string{`(`, `)`, `[a`, `a)`, `*`, `(?=`, `\`, `[\`, `(?<=a*)b`, `(?x)a`} {
		if _, err := newPattern(bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

// TestRegexExplodes runs patterns that take exponential time when backtracked
// without memory.
func TestRegexExplodes(t *testing.T) {
	value := []byte(strings.Repeat("a", 8192) + "!")
	for _, pattern := range []string{`^(a+)+$`, `(?=x?)^(a|aa)+$`, `(?=(a+)+b)a`, `(?<=a{1,200})b`} {
		p, err := newPattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if found, _ := p.match(value, value); found {
			t.Errorf("%s matches", pattern)
		}
	}
}

// TestRegexPrefilter compares with and without the required literals, and the
// machine for look-around with Go's on patterns that need none.
func TestRegexPrefilter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source := rapid.StringMatching(`(\(\?i\))?\^?([ab.]|a\+|b\*|\(a\|bb\)|\(\?:ab\)\{1,2\}|[ab]\?|\\d|\[^a\]){1,7}\$?`).Draw(t, "pattern")
		value := []byte(rapid.StringMatching(`[abAB1\n\xe9]{0,12}`).Draw(t, "value"))
		p, err := newPattern(source)
		if err != nil {
			t.Skip(err)
		}
		text, err := (&translation{src: source}).run()
		if err != nil {
			t.Skip(err)
		}
		want := regexp.MustCompile(text).Match(wide(nil, value))
		if got, _ := p.match(wide(nil, value), value); got != want {
			t.Fatalf("%q on %q: %v, want %v", source, value, got, want)
		}
		looking, err := newPattern(source + `(?!zz)`)
		if err != nil {
			t.Skip(err)
		}
		if strings.HasSuffix(source, "$") || !strings.Contains(source, "|") {
			if got, _ := looking.match(nil, value); got != want {
				t.Fatalf("%q with look-around on %q: %v, want %v", source, value, got, want)
			}
		}
	})
}
