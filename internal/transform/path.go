package transform

import "bytes"

// normalizePath removes self references, repeated slashes and what .. takes back, as
// POSIX does; a final slash stays.
func normalizePath(dst, src []byte) ([]byte, bool) {
	if len(src) == 0 || isClean(src) {
		return src, false
	}
	out, rooted := dst[:0], src[0] == '/'
	if rooted {
		out = append(out, '/')
	}
	floor := len(out) // .. does not go below
	for rest := src; len(rest) > 0; {
		segment := rest
		if i := bytes.IndexByte(rest, '/'); i >= 0 {
			segment, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		switch {
		case len(segment) == 0 || string(segment) == ".":
		case string(segment) != "..":
			if len(out) > 0 && out[len(out)-1] != '/' {
				out = append(out, '/')
			}
			out = append(out, segment...)
		case len(out) > floor:
			out = out[:max(floor, bytes.LastIndexByte(out, '/'))]
		case !rooted:
			if len(out) > 0 {
				out = append(out, '/')
			}
			out = append(out, '.', '.')
			floor = len(out)
		}
	}
	if len(out) == 0 {
		return out, true // the current folder is nothing
	}
	if src[len(src)-1] == '/' {
		out = append(out, '/')
	}
	return out, !bytes.Equal(out, src)
}

// isClean says that normalizing would change nothing, when that is easy to see.
func isClean(p []byte) bool {
	if p[len(p)-1] == '/' && len(p) == 1 {
		return false // the root is written //
	}
	start := 0
	for i := 0; i <= len(p); i++ {
		if i < len(p) && p[i] != '/' {
			continue
		}
		if i == len(p) && start == i {
			return true // a final slash
		}
		if segment := p[start:i]; i > 0 && len(segment) <= 2 &&
			(len(segment) == 0 || segment[0] == '.' && segment[len(segment)-1] == '.') {
			return false
		}
		start = i + 1
	}
	return true
}

// normalizePathWin reads backslashes as slashes too, and removes what Windows ignores
// at the end: NTFS streams, dots and spaces.
func normalizePathWin(dst, src []byte) ([]byte, bool) {
	if len(src) == 0 {
		return src, false
	}
	slashed := src
	if bytes.IndexByte(src, '\\') >= 0 {
		slashed = bytes.ReplaceAll(src, []byte{'\\'}, []byte{'/'})
	}
	clean, _ := normalizePath(dst, slashed)
	out := stripDots(stripStream(clean))
	if bytes.Equal(out, src) {
		return src, false
	}
	return out, true
}

// stripStream removes ":stream" of the last segment, a drive letter aside.
func stripStream(p []byte) []byte {
	name := 0
	if len(p) >= 2 && p[1] == ':' && (p[0]|0x20 >= 'a' && p[0]|0x20 <= 'z') {
		name = 2
	}
	end := len(p)
	slash := end > name && p[end-1] == '/'
	if slash {
		end--
	}
	if i := bytes.LastIndexByte(p[name:end], '/'); i >= 0 {
		name += i + 1
	}
	colon := bytes.IndexByte(p[name:end], ':')
	if colon < 0 {
		return p
	}
	out := append([]byte(nil), p[:name+colon]...)
	if slash {
		out = append(out, '/')
	}
	return out
}

// stripDots removes dots and spaces at the end of every segment that is not all dots;
// a segment of which nothing stays goes with its slash.
func stripDots(p []byte) []byte {
	if !ignoredEnds(p) {
		return p
	}
	segments := bytes.Split(p, []byte{'/'})
	kept := segments[:0]
	for _, segment := range segments {
		if len(bytes.Trim(segment, ".")) == 0 {
			kept = append(kept, segment)
			continue
		}
		cut := bytes.TrimRight(segment, ". ")
		if len(cut) > 0 {
			kept = append(kept, cut)
		}
	}
	return bytes.Join(kept, []byte{'/'})
}

// ignoredEnds says that a segment ends in a dot or a space, without being all dots.
func ignoredEnds(p []byte) bool {
	onlyDots, last := true, byte(0)
	for _, c := range p {
		if c == '/' {
			if !onlyDots && (last == '.' || last == ' ') {
				return true
			}
			onlyDots, last = true, 0
			continue
		}
		onlyDots, last = onlyDots && c == '.', c
	}
	return !onlyDots && (last == '.' || last == ' ')
}
