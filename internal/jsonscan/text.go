package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// Eight copies of a byte, for looking at eight bytes at once.
const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	quotes = ones * '"'
	backs  = ones * '\\'
	spaces = ones * ' '
)

// stops marks with its lowest set bit the first of the eight bytes of x that is
// a quote, a backslash or a control character. Borrows can only set bits above a
// true one, so the lowest is exact.
func stops(x uint64) uint64 {
	q, e := x^quotes, x^backs
	return ((q-ones)&^q | (e-ones)&^e | (x-spaces)&^x) & highs
}

// special says what a string body needs before it can be used as it stands.
type special uint8

const (
	escaped special = 1 << iota
	wide            // bytes above ASCII, perhaps not UTF-8
)

// stringEnd returns the index of the quote that closes the string whose body
// begins at i, or -1 if the string is not valid JSON.
func stringEnd(b []byte, i int) (int, special) {
	var sp special
	for {
		for len(b)-i >= 8 {
			x := binary.LittleEndian.Uint64(b[i:])
			m := stops(x)
			if m != 0 {
				n := bits.TrailingZeros64(m)
				if x&highs&(1<<n-1) != 0 {
					sp |= wide
				}
				i += n >> 3
				break
			}
			if x&highs != 0 {
				sp |= wide
			}
			i += 8
		}
		if i >= len(b) {
			return -1, 0
		}
		switch c := b[i]; {
		case c == '"':
			return i, sp
		case c == '\\':
			sp |= escaped
			n := escape(b[i+1:])
			if n == 0 {
				return -1, 0
			}
			i += 1 + n
		case c < ' ':
			return -1, 0
		default: // only in the last seven bytes
			if c >= utf8.RuneSelf {
				sp |= wide
			}
			i++
		}
	}
}

// escape returns the length of the escape that follows a backslash, 0 if bad.
func escape(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1
	case 'u':
		if hex4(b[1:]) >= 0 {
			return 5
		}
	}
	return 0
}

// hex4 reads four hexadecimal digits, -1 if they are not there.
func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// text gives a valid string body as Go text, without copying if it can.
func text(body []byte, sp special) string {
	if sp == 0 || (sp == wide && utf8.Valid(body)) {
		return alias(body)
	}
	out := make([]byte, 0, len(body)+8)
	for i := 0; i < len(body); {
		c := body[i]
		switch {
		case c == '\\' && body[i+1] == 'u':
			r := hex4(body[i+2:])
			i += 6
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if i+1 < len(body) && body[i] == '\\' && body[i+1] == 'u' {
					low = hex4(body[i+2:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
		case c == '\\':
			out = append(out, unescape(body[i+1]))
			i += 2
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRune(body[i:])
			out = utf8.AppendRune(out, r)
			i += n
		}
	}
	return alias(out)
}

func unescape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
