package transform

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// cssDecode resolves CSS escapes: one to six hexadecimal digits and one space after
// them, a continued line, any other escaped character.
// https://www.w3.org/TR/css-syntax-3/#consume-escaped-code-point
func cssDecode(dst, src []byte) ([]byte, bool) {
	i := bytes.IndexByte(src, '\\')
	if i < 0 {
		return src, false
	}
	out := append(dst[:0], src[:i]...)
	for i < len(src) {
		c := src[i]
		i++
		if c != '\\' {
			out = append(out, c)
			continue
		}
		if i == len(src) { // an escaped end is nothing
			break
		}
		n, code := hexRun(src[i:], 6)
		switch {
		case n > 0:
			out = utf8.AppendRune(out, foldCSS(code))
			i += n
			if i < len(src) && isSpace(src[i]) {
				i++
			}
		case src[i] == '\n':
			i++
		default:
			out = append(out, src[i])
			i++
		}
	}
	return out, true
}

// foldCSS gives what a code point in an escape stands for.
func foldCSS(code rune) rune {
	switch {
	case code == 0:
		return utf8.RuneError
	case code >= 0xff01 && code <= 0xff5e: // full-width ASCII
		return code - 0xfee0
	}
	return code
}

// hexRun reads up to limit hexadecimal digits.
func hexRun(p []byte, limit int) (n int, value rune) {
	for n < limit && n < len(p) && isHex(p[n]) {
		value = value<<4 | rune(digits[p[n]])
		n++
	}
	return n, value
}

// jsDecode resolves JavaScript's escapes. Of a code point only the low byte stays;
// full-width ASCII becomes ASCII.
func jsDecode(dst, src []byte) ([]byte, bool) {
	i := bytes.IndexByte(src, '\\')
	if i < 0 {
		return src, false
	}
	out, changed := append(dst[:0], src[:i]...), false
	for i < len(src) {
		if src[i] != '\\' || i+1 == len(src) {
			out = append(out, src[i])
			i++
			continue
		}
		c, n := jsEscape(src[i+1:])
		out = append(out, c)
		i += 1 + n
		changed = true
	}
	if !changed {
		return src, false
	}
	return out, true
}

// jsEscape reads what follows a backslash: the byte it writes and its length.
func jsEscape(p []byte) (c byte, n int) {
	switch {
	case p[0] == 'u' && len(p) > 1 && p[1] == '{':
		if d, code := hexRun(p[2:], 6); d > 0 && 2+d < len(p) && p[2+d] == '}' {
			return foldJS(code), d + 3
		}
	case p[0] == 'u':
		if d, code := hexRun(p[1:], 4); d == 4 {
			return foldJS(code), 5
		}
	case p[0] == 'x':
		if b, ok := hexPair(p[1:]); ok {
			return b, 3
		}
	case isOctal(p[0]):
		value := int(p[0] - '0')
		for n = 1; n < 3 && n < len(p) && isOctal(p[n]) && value<<3 < 256; n++ {
			value = value<<3 | int(p[n]-'0')
		}
		return byte(value), n
	}
	if b, ok := controls[p[0]]; ok {
		return b, 1
	}
	return p[0], 1
}

func foldJS(code rune) byte {
	if code >= 0xff01 && code <= 0xff5e {
		return byte(code) + 0x20
	}
	return byte(code)
}

// controls are C's escapes of control characters.
var controls = map[byte]byte{'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// escapeSeqDecode resolves the escapes of ANSI C.
func escapeSeqDecode(dst, src []byte) ([]byte, bool) {
	i := bytes.IndexByte(src, '\\')
	if i < 0 {
		return src, false
	}
	out, changed := append(dst[:0], src[:i]...), false
	for i < len(src) {
		if src[i] != '\\' || i+1 == len(src) {
			out = append(out, src[i])
			i++
			continue
		}
		changed = true
		c := src[i+1]
		if b, ok := controls[c]; ok {
			out = append(out, b)
			i += 2
			continue
		}
		if b, ok := hexPair(src[i+2:]); ok && c|0x20 == 'x' {
			out = append(out, b)
			i += 4
			continue
		}
		if isOctal(c) {
			n, value := 1, 0
			for n < 4 && i+n < len(src) && isOctal(src[i+n]) {
				value = value<<3 | int(src[i+n]-'0')
				n++
			}
			out = append(out, byte(value))
			i += n
			continue
		}
		out = append(out, c)
		i += 2
	}
	if !changed {
		return src, false
	}
	return out, true
}

func htmlEntityDecode(dst, src []byte) ([]byte, bool) {
	if bytes.IndexByte(src, '&') < 0 {
		return src, false
	}
	out := append(dst[:0], html.UnescapeString(string(src))...)
	return out, len(out) != len(src)
}
