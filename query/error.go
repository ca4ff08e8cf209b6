package query

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is what is wrong with a query, where, and what to write instead. It carries no text of its own: Text renders it in a language.
type Error struct {
	Code   string // stable key of the message, such as "unknown-field"
	Query  string // text of the query; "" if the expression was not parsed from text
	At     int    // byte offset of the place
	Column int    // the same place as a character count from 1
	Near   string // what the query should perhaps have said there; may be ""
	arg    string // the offending piece, bounded
	detail string // second argument of the message
}

// Error is one line in English: place, message, hint.
func (e *Error) Error() string {
	text := fmt.Sprintf("query: column %d: %s", e.Column, e.Message("en"))
	if hint := e.Hint("en"); hint != "" {
		text += ": " + hint
	}
	return text
}

// Message says what is wrong; lang is "ja" for Japanese, anything else is English.
func (e *Error) Message(lang string) string {
	return fill(pick(catalogue[e.Code].message, lang), e)
}

// Hint says what to write instead; it may be empty.
func (e *Error) Hint(lang string) string {
	if e.Near != "" {
		return fill(pick(phrase{"did you mean {near}?", "{near} ではありませんか？"}, lang), e)
	}
	return fill(pick(catalogue[e.Code].hint, lang), e)
}

// Text renders the error for a terminal with a fixed-width font: the line of the query, a caret under the place, message and hint.
func (e *Error) Text(lang string) string {
	var b strings.Builder
	if e.Query != "" {
		line, indent := excerpt(e.Query, e.At)
		b.WriteString(line + "\n" + strings.Repeat(" ", indent) + "^\n")
	}
	b.WriteString(e.Message(lang) + "\n")
	if hint := e.Hint(lang); hint != "" {
		b.WriteString(hint + "\n")
	}
	return b.String()
}

// maxArg bounds, in characters, the pieces of the query that messages repeat.
const maxArg = 60

func newError(code, text string, at int, arg string) *Error {
	at = min(at, len(text))
	return &Error{Code: code, Query: text, At: at, Column: utf8.RuneCountInString(text[:at]) + 1, arg: arg}
}

func pick(p phrase, lang string) string {
	if lang == "ja" {
		return p.ja
	}
	return p.en
}

func fill(text string, e *Error) string {
	return strings.NewReplacer("{arg}", plain(e.arg), "{detail}", plain(e.detail), "{near}", plain(e.Near)).Replace(text)
}

// plain makes hostile text safe to show: bounded, on one line, no control or bidirectional characters.
func plain(s string) string {
	var b strings.Builder
	count := 0
	for _, r := range s {
		if count++; count > maxArg {
			b.WriteString("…")
			break
		}
		b.WriteRune(shown(r))
	}
	return b.String()
}

func shown(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case r == '\u3000' || unicode.IsPrint(r):
		return r
	}
	return '\uFFFD'
}

// maxSide is how many columns of a long line stand before and after the caret.
const maxSide = 60

// excerpt returns the line of the text that holds offset at, shortened around it, and the width in columns of what stands before it.
func excerpt(text string, at int) (line string, indent int) {
	start := strings.LastIndexByte(text[:at], '\n') + 1
	end := len(text)
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		end = at + i
	}
	from, columns := at, 0
	for from > start && columns < maxSide {
		r, size := utf8.DecodeLastRuneInString(text[start:from])
		from -= size
		columns += width(shown(r))
	}
	var b strings.Builder
	if from > start {
		b.WriteString("…")
		columns++
	}
	after := 0
	for i, r := range text[from:end] {
		if from+i >= at {
			if after += width(shown(r)); after > maxSide {
				b.WriteString("…")
				break
			}
		}
		b.WriteRune(shown(r))
	}
	return b.String(), columns
}

// width is the number of columns a character takes on a terminal: two for the East Asian wide and full-width classes of UAX #11
// (https://www.unicode.org/reports/tr11/), none for marks that sit on the character before.
func width(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r < 0x1100:
		return 1
	case r <= 0x115F, r >= 0x2E80 && r <= 0x303E, r >= 0x3041 && r <= 0xA4CF, r >= 0xAC00 && r <= 0xD7A3, r >= 0xF900 && r <= 0xFAFF,
		r >= 0xFE30 && r <= 0xFE6F, r >= 0xFF00 && r <= 0xFF60, r >= 0xFFE0 && r <= 0xFFE6, r >= 0x1F300 && r <= 0x1F64F,
		r >= 0x1F900 && r <= 0x1F9FF, r >= 0x20000 && r <= 0x3FFFD:
		return 2
	}
	return 1
}
