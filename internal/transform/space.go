package transform

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

const spaces = " \t\n\r\f\v"

func trim(_, src []byte) ([]byte, bool) {
	out := bytes.Trim(src, spaces)
	return out, len(out) != len(src)
}

func trimLeft(_, src []byte) ([]byte, bool) {
	out := bytes.TrimLeft(src, spaces)
	return out, len(out) != len(src)
}

func trimRight(_, src []byte) ([]byte, bool) {
	out := bytes.TrimRight(src, spaces)
	return out, len(out) != len(src)
}

func removeNulls(dst, src []byte) ([]byte, bool) {
	i := bytes.IndexByte(src, 0)
	if i < 0 {
		return src, false
	}
	out := append(dst[:0], src[:i]...)
	for _, c := range src[i:] {
		if c != 0 {
			out = append(out, c)
		}
	}
	return out, true
}

func replaceNulls(dst, src []byte) ([]byte, bool) {
	i := bytes.IndexByte(src, 0)
	if i < 0 {
		return src, false
	}
	out := append(dst[:0], src...)
	for ; i < len(out); i++ {
		if out[i] == 0 {
			out[i] = ' '
		}
	}
	return out, true
}

// removeWhitespace removes all that Unicode calls space. Invalid UTF-8 becomes U+FFFD
// in a value with something to change, as in Coraza.
func removeWhitespace(dst, src []byte) ([]byte, bool) {
	plain := true
	for _, c := range src {
		if isSpace(c) || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		return src, false
	}
	out, changed := dst[:0], false
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		i += n
		if unicode.IsSpace(r) {
			changed = true
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	if bytes.Equal(out, src) {
		return src, changed
	}
	return out, changed
}

// latinSpace says whether a space starts p, and how long it is: ASCII's, U+0085,
// U+00A0 and a lone byte A0, which is a no-break space in Latin-1.
func latinSpace(p []byte) (n int, ok bool) {
	if p[0] < utf8.RuneSelf {
		return 1, isSpace(p[0])
	}
	r, n := utf8.DecodeRune(p)
	return n, r == 0x85 || r == 0xa0 || p[0] == 0xa0
}

func compressWhitespace(dst, src []byte) ([]byte, bool) {
	first := -1
	for i := 0; i < len(src); {
		n, ok := latinSpace(src[i:])
		if ok {
			first = i
			break
		}
		i += n
	}
	if first < 0 {
		return src, false
	}
	out, changed, inside := append(dst[:0], src[:first]...), false, false
	for i := first; i < len(src); {
		n, ok := latinSpace(src[i:])
		switch {
		case !ok:
			out = append(out, src[i:i+n]...)
		case inside:
			changed = true
		default:
			changed = changed || src[i] != ' '
			out = append(out, ' ')
		}
		inside = ok
		i += n
	}
	if !changed {
		return src, false
	}
	return out, true
}

// What command-line decoding removes and what it takes for a space.
const (
	cmdQuotes     = "\"'\\^"
	cmdQuotesUnix = "\"'\\"
	cmdQuotesWin  = "\"^"
	cmdSpaces     = " ,;\t\r\n"
)

// cmdLine undoes the noise that shells ignore: quotes and escapes, several spaces,
// spaces before / and (, capitals.
func cmdLine(dst, src []byte) ([]byte, bool) { return cmdLineOf(dst, src, &cmdAny) }

// cmdLineUnix leaves the caret of Windows' shell, cmdLineWin the backslash and the
// single quote of Unix'. AWS does not document the difference; this is our reading.
func cmdLineUnix(dst, src []byte) ([]byte, bool) { return cmdLineOf(dst, src, &cmdUnix) }
func cmdLineWin(dst, src []byte) ([]byte, bool)  { return cmdLineOf(dst, src, &cmdWin) }

// cmdClass says what command-line decoding does with a byte.
type cmdClass [256]byte

const (
	cmdKeep = iota
	cmdDrop
	cmdBlank
	cmdTight // no space before it
	cmdUpper
)

var cmdAny, cmdUnix, cmdWin = classes(cmdQuotes), classes(cmdQuotesUnix), classes(cmdQuotesWin)

func classes(drop string) (t cmdClass) {
	for c := byte('A'); c <= 'Z'; c++ {
		t[c] = cmdUpper
	}
	for i := range len(drop) {
		t[drop[i]] = cmdDrop
	}
	for i := range len(cmdSpaces) {
		t[cmdSpaces[i]] = cmdBlank
	}
	t['/'], t['('] = cmdTight, cmdTight
	return t
}

func cmdLineOf(dst, src []byte, class *cmdClass) ([]byte, bool) {
	i := 0
	for i < len(src) && class[src[i]] == cmdKeep {
		i++
	}
	if i == len(src) {
		return src, false
	}
	out, changed, blank := append(dst[:0], src[:i]...), false, false
	for _, c := range src[i:] {
		switch class[c] {
		case cmdDrop:
			changed = true
			continue
		case cmdBlank:
			changed = changed || blank || c != ' '
			if !blank {
				out = append(out, ' ')
			}
			blank = true
			continue
		case cmdTight:
			if blank {
				out = out[:len(out)-1]
				changed = true
			}
		case cmdUpper:
			c |= 0x20
			changed = true
		}
		blank = false
		out = append(out, c)
	}
	if !changed {
		return src, false
	}
	return out, true
}
