package sheet

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Safe makes text safe for a terminal: everything that could move the cursor,
// reorder or hide text stands as an escape such as \n, \x1b or \u202e.
func Safe(s string) string {
	if !strings.ContainsFunc(s, dangerous) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			fmt.Fprintf(&b, `\x%02x`, s[i])
			continue
		}
		escape(&b, r)
	}
	return b.String()
}

func escape(b *strings.Builder, r rune) {
	switch {
	case !dangerous(r):
		b.WriteRune(r)
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\t':
		b.WriteString(`\t`)
	case r == '\r':
		b.WriteString(`\r`)
	case r < 0x100:
		fmt.Fprintf(b, `\x%02x`, r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// dangerous says that a character is not simply visible: control and format
// characters (bidirectional marks, zero widths, tags), line separators, and
// private or unassigned ones.
func dangerous(r rune) bool {
	if r < 0x7F {
		return r < 0x20
	}
	return r != '\u3000' && r != '\u00A0' && !unicode.IsPrint(r)
}

// Terminal is a writer that escapes what a terminal would obey, except line
// ends. It holds back the bytes of a character that has not come whole.
type Terminal struct {
	W    io.Writer
	rest []byte
}

// Write writes the escaped text.
func (t *Terminal) Write(p []byte) (int, error) {
	data := slices.Concat(t.rest, p)
	end := len(data)
	for back := 1; back <= min(3, len(data)); back++ {
		if c := data[len(data)-back]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(data[len(data)-back:]) {
				end = len(data) - back
			}
			break
		}
	}
	t.rest = append([]byte(nil), data[end:]...)
	lines := strings.Split(string(data[:end]), "\n")
	for i := range lines {
		lines[i] = Safe(lines[i])
	}
	_, err := io.WriteString(t.W, strings.Join(lines, "\n"))
	return len(p), err
}
