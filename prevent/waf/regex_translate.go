package waf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// firstLook is the rune that stands for the first look-around in a translated
// pattern; no value contains it, for values have runes below 256.
const firstLook = 0xe000

// translation rewrites PCRE as Go's syntax over the first 256 runes.
type translation struct {
	src   string
	at    int
	out   strings.Builder
	looks []*look
	depth int
}

// flags are those in force.
type flags struct{ fold, lines, dots bool }

func (f flags) String() string {
	s := ""
	for _, one := range []struct {
		set  bool
		name string
	}{{f.fold, "i"}, {f.lines, "m"}, {f.dots, "s"}} {
		if one.set {
			s += one.name
		}
	}
	if s == "" {
		return ""
	}
	return "(?" + s + ")"
}

// refused is what AWS WAF documents as not supported; the others are limits of ours.
// https://docs.aws.amazon.com/waf/latest/developerguide/waf-regex-pattern-support.html
type refused struct{ what string }

func (e *refused) Error() string { return e.what + ", which AWS WAF does not support" }

func (t *translation) run() (string, error) {
	if err := t.group(flags{}); err != nil {
		return "", err
	}
	if t.at < len(t.src) {
		return "", fmt.Errorf("unmatched ) at %d", t.at)
	}
	return t.out.String(), nil
}

// group translates up to the closing parenthesis or the end.
func (t *translation) group(f flags) error {
	if t.depth++; t.depth > 200 {
		return errors.New("nested too deep")
	}
	defer func() { t.depth-- }()
	atom := t.out.Len()
	for t.at < len(t.src) {
		var err error
		c := t.src[t.at]
		if c == '{' && t.repeat(atom) {
			continue
		}
		if strings.IndexByte("*+?{}", c) < 0 {
			atom = t.out.Len() // Where what a quantifier repeats begins.
		}
		switch c {
		case ')':
			return nil
		case '(':
			err = t.open(&f)
		case '[':
			err = t.class()
		case '\\':
			err = t.escape()
		case '*', '+', '?', '}':
			t.out.WriteByte(c)
			t.at++
			if t.at < len(t.src) && t.src[t.at] == '+' && (c != '}' || t.endsQuantifier()) {
				return &refused{"a possessive quantifier"}
			}
		case '$':
			t.at++
			if f.lines {
				t.out.WriteByte('$')
			} else {
				t.out.WriteString(`(?:\n?\z)`) // PCRE's $ also stands before a final newline.
			}
		default:
			t.at++
			t.char(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxRepeat is how often Go repeats; AWS WAF allows more.
const maxRepeat = 1000

// repeat writes {n}, {n,} or {n,m} over maxRepeat as several; atom is where what it
// repeats begins.
func (t *translation) repeat(atom int) bool {
	end := strings.IndexByte(t.rest(), '}')
	if end < 0 {
		return false
	}
	first, last, ranged := strings.Cut(t.rest()[1:end], ",")
	low, err := strconv.Atoi(first)
	high := low
	if ranged && last != "" && err == nil {
		high, err = strconv.Atoi(last)
	}
	if err != nil || low < 0 || high < low || high <= maxRepeat || high > 1<<16 || strings.HasPrefix(t.src[t.at+end+1:], "+") {
		return false
	}
	text := t.out.String()
	if atom == len(text) {
		return false
	}
	repeated := text[atom:]
	t.out.Reset()
	t.out.WriteString(text[:atom] + "(?:")
	for n := low; n > 0; n -= maxRepeat {
		fmt.Fprintf(&t.out, "%s{%d}", repeated, min(n, maxRepeat))
	}
	for n := high - low; n > 0; n -= maxRepeat {
		fmt.Fprintf(&t.out, "%s{0,%d}", repeated, min(n, maxRepeat))
	}
	if ranged && last == "" {
		t.out.WriteString(repeated + "*")
	}
	t.out.WriteByte(')')
	t.at += end + 1
	return true
}

// endsQuantifier says whether the brace just read closed {n}, {n,} or {n,m}.
func (t *translation) endsQuantifier() bool {
	open := strings.LastIndexByte(t.src[:t.at-1], '{')
	if open < 0 || open+1 >= t.at-1 {
		return false
	}
	return strings.Trim(t.src[open+1:t.at-1], "0123456789,") == ""
}

// char writes a byte that is not ASCII as its rune.
func (t *translation) char(c byte) {
	if c < 0x80 {
		t.out.WriteByte(c)
		return
	}
	fmt.Fprintf(&t.out, `\x{%02x}`, c)
}

func (t *translation) rest() string { return t.src[t.at:] }

// open translates what begins with an opening parenthesis.
func (t *translation) open(f *flags) error {
	rest := t.rest()
	for _, one := range []struct {
		begins         string
		behind, negate bool
	}{{"(?=", false, false}, {"(?!", false, true}, {"(?<=", true, false}, {"(?<!", true, true}} {
		if strings.HasPrefix(rest, one.begins) {
			t.at += len(one.begins)
			return t.lookaround(*f, one.behind, one.negate)
		}
	}
	switch {
	case strings.HasPrefix(rest, "(*"):
		return &refused{"a backtracking verb"}
	case strings.HasPrefix(rest, "(?#"):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return errors.New("a comment does not end")
		}
		t.at += end + 1
		return nil
	case strings.HasPrefix(rest, "(?>"):
		return &refused{"an atomic group"}
	case strings.HasPrefix(rest, "(?("):
		return &refused{"a conditional group"}
	case strings.HasPrefix(rest, "(?<"), strings.HasPrefix(rest, "(?P<"), strings.HasPrefix(rest, "(?'"):
		return &refused{"a named group"}
	case strings.HasPrefix(rest, "(?P"), strings.HasPrefix(rest, "(?R"), strings.HasPrefix(rest, "(?&"),
		len(rest) > 2 && rest[1] == '?' && rest[2] >= '0' && rest[2] <= '9':
		return &refused{"recursion or a reference to a group"}
	case strings.HasPrefix(rest, "(?C"):
		return &refused{"a callout"}
	case strings.HasPrefix(rest, "(?"):
		return t.flagged(f)
	}
	t.at++
	return t.inside("(?:", *f)
}

func (t *translation) inside(begin string, f flags) error {
	t.out.WriteString(begin)
	if err := t.group(f); err != nil {
		return err
	}
	if t.at >= len(t.src) {
		return errors.New("a group does not end")
	}
	t.at++
	t.out.WriteByte(')')
	return nil
}

// flagged translates (?i), (?i:…) and (?:…).
func (t *translation) flagged(f *flags) error {
	start := t.at
	inner, set := *f, true
	for t.at += 2; t.at < len(t.src); t.at++ {
		switch c := t.src[t.at]; c {
		case '-':
			set = false
		case 'i':
			inner.fold = set
		case 'm':
			inner.lines = set
		case 's':
			inner.dots = set
		case 'U':
		case ':':
			t.at++
			return t.inside(t.src[start:t.at], inner)
		case ')':
			t.at++
			t.out.WriteString(t.src[start:t.at])
			*f = inner
			return nil
		default:
			return fmt.Errorf("(?%c is not supported here", c)
		}
	}
	return errors.New("a group does not end")
}

func (t *translation) lookaround(f flags, behind, negate bool) error {
	if len(t.looks) >= 64 {
		return errors.New("more than 64 look-arounds")
	}
	l := &look{behind: behind, negate: negate}
	mark := rune(firstLook + len(t.looks))
	t.looks = append(t.looks, l)
	outer := t.out
	t.out = strings.Builder{}
	t.out.WriteString(f.String())
	err := t.group(f)
	l.text = t.out.String()
	t.out = strings.Builder{}
	t.out.WriteString(outer.String())
	if err != nil {
		return err
	}
	if t.at >= len(t.src) {
		return errors.New("a look-around does not end")
	}
	t.at++
	t.out.WriteRune(mark)
	return nil
}

// outside and inClass are escapes that differ between PCRE and Go.
var (
	outside = map[byte]string{
		's': `[\t\n\v\f\r ]`, 'S': `[^\t\n\v\f\r ]`, 'h': `[ \t\x{a0}]`, 'H': `[^ \t\x{a0}]`, 'v': `[\n\v\f\r\x{85}]`,
		'V': `[^\n\v\f\r\x{85}]`, 'N': `[^\n]`, 'Z': `(?:\n?\z)`, 'e': `\x1b`,
	}
	inClass = map[byte]string{'s': `\t\n\v\f\r `, 'h': ` \t\x{a0}`, 'v': `\n\v\f\r\x{85}`, 'e': `\x1b`, 'b': `\x08`}
)

func (t *translation) escape() error {
	if t.at+1 >= len(t.src) {
		return errors.New(`the pattern ends with \`)
	}
	switch c := t.src[t.at+1]; {
	case outside[c] != "":
		t.out.WriteString(outside[c])
		t.at += 2
	case c == 'Q':
		literal, _, found := strings.Cut(t.src[t.at+2:], `\E`)
		for _, c := range []byte(literal) {
			t.quote(c)
		}
		t.at += 2 + len(literal)
		if found {
			t.at += 2
		}
	case c >= '1' && c <= '9', c == 'g', c == 'k':
		return &refused{"a back-reference"}
	case c == 'C', c == 'R', c == 'K':
		return &refused{`\` + string(c)}
	case strings.IndexByte("dDwWbBAzafnrt", c) >= 0:
		t.out.WriteString(t.src[t.at : t.at+2])
		t.at += 2
	default:
		return t.common()
	}
	return nil
}

func (t *translation) quote(c byte) { fmt.Fprintf(&t.out, `\x{%02x}`, c) }

// common translates escapes that mean the same in and out of classes.
func (t *translation) common() error {
	c := t.src[t.at+1]
	t.at += 2
	switch {
	case c == 'x':
		digits, length := t.src[t.at:min(len(t.src), t.at+2)], 2
		if strings.HasPrefix(t.rest(), "{") {
			end := strings.IndexByte(t.rest(), '}')
			if end < 0 {
				return errors.New(`\x{ does not end`)
			}
			digits, length = t.rest()[1:end], end+1
		}
		n, err := strconv.ParseUint(digits, 16, 32)
		if err != nil || n > 0xff {
			return fmt.Errorf(`\x%s is not a byte`, digits)
		}
		t.at = min(len(t.src), t.at+length)
		t.quote(byte(n))
	case c == '0':
		end := t.at
		for end < len(t.src) && end < t.at+2 && t.src[end] >= '0' && t.src[end] <= '7' {
			end++
		}
		n, _ := strconv.ParseUint("0"+t.src[t.at:end], 8, 8)
		t.at = end
		t.quote(byte(n))
	case c == 'c' && t.at < len(t.src):
		t.quote(t.src[t.at] & 0x1f)
		t.at++
	case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		return fmt.Errorf(`the escape \%c is not supported`, c)
	default:
		t.quote(c)
	}
	return nil
}

// class translates a character class.
func (t *translation) class() error {
	t.at++
	t.out.WriteByte('[')
	if strings.HasPrefix(t.rest(), "^") {
		t.at++
		t.out.WriteByte('^')
	}
	for first := true; t.at < len(t.src); first = false {
		c := t.src[t.at]
		switch {
		case c == ']' && !first:
			t.at++
			t.out.WriteByte(']')
			return nil
		case c == '[' && strings.HasPrefix(t.rest(), "[:") && strings.Contains(t.rest(), ":]"):
			end := strings.Index(t.rest(), ":]") + 2
			t.out.WriteString(t.src[t.at : t.at+end])
			t.at += end
		case c == '\\':
			if t.at+1 >= len(t.src) {
				return errors.New("a character class does not end")
			}
			next := t.src[t.at+1]
			if s := inClass[next]; s != "" || strings.IndexByte("dDwWSafnrt", next) >= 0 {
				if s == "" {
					s = t.src[t.at : t.at+2]
				}
				t.out.WriteString(s)
				t.at += 2
				if len(s) != 2 || strings.IndexByte("dDwWS", next) >= 0 {
					t.hyphen()
				}
				continue
			}
			if err := t.common(); err != nil {
				return err
			}
		case c == '-':
			t.at++
			if first || strings.HasPrefix(t.rest(), "]") {
				t.quote(c)
			} else {
				t.out.WriteByte(c)
			}
		case c == '[' || c == ']' || c == '^' || c >= 0x80:
			t.at++
			t.quote(c)
		default:
			t.at++
			t.out.WriteByte(c)
		}
	}
	return errors.New("a character class does not end")
}

// hyphen quotes a hyphen after a class such as \d, which cannot begin a range.
func (t *translation) hyphen() {
	if strings.HasPrefix(t.rest(), "-") {
		t.at++
		t.quote('-')
	}
}
