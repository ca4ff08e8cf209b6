package console

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible makes the characters of log text visible that would hide, reorder or
// imitate text: control and format characters (bidirectional marks, zero
// widths, tags), odd spaces, bytes that are no UTF-8. They stand as ⟨U+202E⟩ or
// ⟨0xFF⟩; a line feed and a tab as ⏎ and ⇥.
func Visible(s string) string {
	if !strings.ContainsFunc(s, hidden) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, "⟨0x%02X⟩", s[i])
		case r == '\n':
			b.WriteString("⏎")
		case r == '\t':
			b.WriteString("⇥")
		case hidden(r):
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// hidden says that a character does not simply show itself. The ideographic
// space is ordinary Japanese.
func hidden(r rune) bool {
	return r != '\u3000' && !unicode.IsPrint(r)
}

// Shorten cuts text to n characters, with a mark.
func Shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	count := 0
	for i := range s {
		if count == n {
			return s[:i] + "…"
		}
		count++
	}
	return s
}
