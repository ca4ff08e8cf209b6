package transform

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"unicode"
)

// base64Decode decodes up to the first byte outside the alphabet; padding ends it too.
func base64Decode(dst, src []byte) ([]byte, bool) { return base64Loose(dst, src, false) }

// base64DecodeExt skips bytes outside the alphabet and reads base64url too.
func base64DecodeExt(dst, src []byte) ([]byte, bool) { return base64Loose(dst, src, true) }

// sextets gives the six bits of a byte of the base64 alphabet, 255 for another.
var sextets = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(alphabet) {
		t[alphabet[i]] = byte(i)
	}
	return t
}()

func base64Loose(dst, src []byte, ext bool) ([]byte, bool) {
	out := dst[:0]
	acc, n := 0, 0
	for _, c := range src {
		if c == '\r' || c == '\n' || ext && (unicode.IsSpace(rune(c)) || c == '.') {
			continue
		}
		if c == '=' || c == ' ' {
			break
		}
		if ext && c == '-' {
			c = '+'
		}
		if ext && c == '_' {
			c = '/'
		}
		six := sextets[c]
		if six == 255 {
			if ext {
				continue
			}
			break
		}
		acc = acc<<6 | int(six)
		if n++; n == 4 {
			out = append(out, byte(acc>>16), byte(acc>>8), byte(acc))
			acc, n = 0, 0
		}
	}
	switch n {
	case 2:
		out = append(out, byte(acc>>4))
	case 3:
		out = append(out, byte(acc>>10), byte(acc>>2))
	}
	return out, true
}

func base64Encode(dst, src []byte) ([]byte, bool) {
	return base64.StdEncoding.AppendEncode(dst[:0], src), true
}

// hexDecode decodes a value that is hexadecimal from end to end.
func hexDecode(dst, src []byte) ([]byte, bool) {
	for _, c := range src {
		if !isHex(c) {
			return src, false
		}
	}
	if len(src)%2 != 0 {
		return src, false
	}
	out := dst[:0]
	for i := 0; i < len(src); i += 2 {
		out = append(out, digits[src[i]]<<4|digits[src[i+1]])
	}
	return out, true
}

func hexEncode(dst, src []byte) ([]byte, bool) { return hex.AppendEncode(dst[:0], src), true }

// sqlHexDecode replaces every SQL literal 0x414243 by the text it writes.
func sqlHexDecode(dst, src []byte) ([]byte, bool) {
	if !bytes.Contains(src, []byte("0x")) && !bytes.Contains(src, []byte("0X")) {
		return src, false
	}
	out, changed := dst[:0], false
	for i := 0; i < len(src); {
		if src[i] != '0' || i+1 >= len(src) || src[i+1]|0x20 != 'x' {
			out = append(out, src[i])
			i++
			continue
		}
		end := i + 2
		for {
			c, ok := hexPair(src[end:])
			if !ok {
				break
			}
			out = append(out, c)
			end += 2
		}
		if end == i+2 { // no digits: the two bytes stay
			out = append(out, src[i], src[i+1])
		} else {
			changed = true
		}
		i = end
	}
	if !changed {
		return src, false
	}
	return out, true
}

// firstPercent gives the index of the first byte that URL decoding may change, or -1.
func firstPercent(p []byte) int {
	for i, c := range p {
		if c == '%' || c == '+' {
			return i
		}
	}
	return -1
}

func urlDecode(dst, src []byte) ([]byte, bool) {
	i := firstPercent(src)
	if i < 0 {
		return src, false
	}
	out := append(dst[:0], src[:i]...)
	for i < len(src) {
		c := src[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if b, ok := hexPair(src[i+1:]); ok {
				c = b
				i += 2
			}
		}
		out = append(out, c)
		i++
	}
	return out, true
}

// urlDecodeUni also decodes IIS's %uHHHH: the nearest ASCII character where there is
// one, else the low byte.
func urlDecodeUni(dst, src []byte) ([]byte, bool) {
	i := firstPercent(src)
	if i < 0 {
		return src, false
	}
	out, changed := append(dst[:0], src[:i]...), false
	for i < len(src) {
		c := src[i]
		switch {
		case c == '+':
			c, changed = ' ', true
		case c != '%':
		case i+1 < len(src) && src[i+1]|0x20 == 'u':
			high, okHigh := hexPair(src[min(i+2, len(src)):])
			low, okLow := hexPair(src[min(i+4, len(src)):])
			if !okHigh || !okLow {
				out = append(out, c, src[i+1])
				i += 2
				continue
			}
			out = append(out, bestFit(high, low))
			i += 6
			changed = true
			continue
		default:
			if b, ok := hexPair(src[i+1:]); ok {
				c, changed = b, true
				i += 2
			}
		}
		out = append(out, c)
		i++
	}
	if !changed {
		return src, false
	}
	return out, true
}

func urlEncode(dst, src []byte) ([]byte, bool) {
	const hexadecimal = "0123456789abcdef"
	out, changed := dst[:0], false
	for _, c := range src {
		switch {
		case c == ' ':
			out, changed = append(out, '+'), true
		case c == '*' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
			out = append(out, c)
		default:
			out, changed = append(out, '%', hexadecimal[c>>4], hexadecimal[c&15]), true
		}
	}
	if !changed {
		return src, false
	}
	return out, true
}
