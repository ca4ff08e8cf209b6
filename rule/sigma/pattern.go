package sigma

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
)

// pattern is a text with wildcards: literal pieces, with '*' or '?' between.
type pattern []piece

type piece struct {
	wild byte // '*', '?', or 0 for a literal
	lit  string
}

// parsePattern reads Sigma's escapes: a backslash escapes * ? and itself, any
// other stands for itself.
func parsePattern(text string) pattern {
	var p pattern
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			p = append(p, piece{lit: lit.String()})
			lit.Reset()
		}
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '*' || c == '?':
			flush()
			p = append(p, piece{wild: c})
			continue
		case c == '\\' && i+1 < len(text) && (text[i+1] == '*' || text[i+1] == '?' || text[i+1] == '\\'):
			i++
			c = text[i]
		}
		lit.WriteByte(c)
	}
	flush()
	return p
}

// plain is the text of a pattern without wildcards.
func (p pattern) plain() (string, bool) {
	var b strings.Builder
	for _, x := range p {
		if x.wild != 0 {
			return "", false
		}
		b.WriteString(x.lit)
	}
	return b.String(), true
}

// String writes the pattern with every literal * ? \ behind a backslash, and of
// several stars in a row one.
func (p pattern) String() string {
	var b strings.Builder
	for i, x := range p {
		switch {
		case x.wild == '*' && i > 0 && p[i-1].wild == '*':
		case x.wild != 0:
			b.WriteByte(x.wild)
		default:
			for j := range len(x.lit) {
				if c := x.lit[j]; c == '*' || c == '?' || c == '\\' {
					b.WriteByte('\\')
				}
				b.WriteByte(x.lit[j])
			}
		}
	}
	return b.String()
}

func (p pattern) before(x ...piece) pattern { return append(append(pattern{}, x...), p...) }
func (p pattern) after(x ...piece) pattern  { return append(append(pattern{}, p...), x...) }

// dashes are what windash takes for each other: the hyphen, the slash, the en
// and em dash, the horizontal bar.
var dashes = []string{"-", "/", "\u2013", "\u2014", "\u2015"}

// dashForms gives every text in which each dash is any of the five; nil when
// there are more than 625.
func dashForms(text string) []string {
	forms := []string{""}
	for _, c := range text {
		turn := []string{string(c)}
		for _, d := range dashes {
			if string(c) == d {
				turn = dashes
			}
		}
		if len(forms)*len(turn) > 625 {
			return nil
		}
		next := make([]string, 0, len(forms)*len(turn))
		for _, f := range forms {
			for _, t := range turn {
				next = append(next, f+t)
			}
		}
		forms = next
	}
	return forms
}

// encode16 gives the text's UTF-16 bytes.
func encode16(text string, big, mark bool) string {
	units := utf16.Encode([]rune(text))
	if mark {
		units = append([]uint16{0xFEFF}, units...)
	}
	b := make([]byte, 0, 2*len(units))
	for _, u := range units {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

// shifts gives the three texts of which one stands in any Base64 text whose
// content holds the value: for each position within three bytes, the characters
// that depend on the value alone.
func shifts(text string) []string {
	var list []string
	for shift := range 3 {
		whole := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + text))
		from := (shift*8 + 5) / 6           // first character without a bit of what stands before
		to := ((shift + len(text)) * 8) / 6 // characters whose six bits are all known
		if from < to {
			list = append(list, whole[from:to])
		}
	}
	return list
}
