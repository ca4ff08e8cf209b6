package transform

import "bytes"

// replaceComments replaces every C comment by a space; one that does not end too.
func replaceComments(dst, src []byte) ([]byte, bool) {
	i := bytes.Index(src, []byte("/*"))
	if i < 0 {
		return src, false
	}
	out := append(dst[:0], src[:i]...)
	for i < len(src) {
		if src[i] != '/' || i+1 == len(src) || src[i+1] != '*' {
			out = append(out, src[i])
			i++
			continue
		}
		out = append(out, ' ')
		end := bytes.Index(src[i+2:], []byte("*/"))
		if end < 0 {
			break
		}
		i += 2 + end + 2
	}
	return out, true
}

// removeComments removes C and HTML comments, and what follows -- or #. The byte after
// the end of a comment is kept whatever it is, a zero byte at the end of the value:
// ModSecurity does so, and rules are written for it.
func removeComments(dst, src []byte) ([]byte, bool) {
	out, changed, inside := dst[:0], false, false
	for i := 0; i < len(src); {
		rest := src[i:]
		skip := 0
		switch {
		case !inside && bytes.HasPrefix(rest, []byte("/*")):
			inside, changed, skip = true, true, 2
		case !inside && bytes.HasPrefix(rest, []byte("<!--")):
			inside, changed, skip = true, true, 4
		case !inside && (rest[0] == '#' || bytes.HasPrefix(rest, []byte("--"))):
			return out, true
		case !inside:
			out = append(out, rest[0])
			i++
			continue
		case bytes.HasPrefix(rest, []byte("*/")):
			inside, skip = false, 2
		case bytes.HasPrefix(rest, []byte("-->")):
			inside, skip = false, 3
		default:
			i++
			continue
		}
		i += skip
		if !inside {
			if i < len(src) {
				out = append(out, src[i])
			} else {
				out = append(out, 0)
			}
			i++
		}
	}
	if inside {
		out = append(out, ' ')
	}
	if !changed {
		return src, false
	}
	return out, true
}

// commentMarks are what removeCommentsChar removes; a longer one stands first.
var commentMarks = [...]string{"/*", "*/", "<!--", "-->", "--", "#"}

func removeCommentsChar(dst, src []byte) ([]byte, bool) {
	if !bytes.ContainsAny(src, "/*<-#") {
		return src, false
	}
	out := dst[:0]
outer:
	for i := 0; i < len(src); {
		switch src[i] {
		case '/', '*', '<', '-', '#':
			for _, mark := range commentMarks {
				if len(src)-i >= len(mark) && string(src[i:i+len(mark)]) == mark {
					i += len(mark)
					continue outer
				}
			}
		}
		out = append(out, src[i])
		i++
	}
	if len(out) == len(src) {
		return src, false
	}
	return out, true
}
