package jsonscan

import "strings"

// Path calls yield with every value that stands at a path of keys joined by
// dots, walking through arrays without an index; it stops when yield returns
// false. A string is given unescaped, a number or truth value as its text, an
// object or array as its JSON text; null is no value. Of equal keys in one
// object all are given. Broken JSON ends the walk.
func Path(doc []byte, path string, yield func(string) bool) {
	var s Scanner
	s.Reset(doc)
	s.path(path, yield)
}

// path looks for the rest of a path in the unread value; false stops.
func (s *Scanner) path(path string, yield func(string) bool) bool {
	if s.Array() {
		for s.Next() {
			if !s.path(path, yield) {
				return false
			}
		}
		return true
	}
	if path == "" {
		return s.leaf(yield)
	}
	if !s.Object() {
		s.Skip()
		return true
	}
	for s.Next() {
		rest, ok := strings.CutPrefix(path, s.Key())
		switch {
		case ok && rest == "":
			if !s.path("", yield) {
				return false
			}
		case ok && rest[0] == '.': // keys may hold dots themselves
			if !s.path(rest[1:], yield) {
				return false
			}
		default:
			s.Skip()
		}
	}
	return true
}

func (s *Scanner) leaf(yield func(string) bool) bool {
	switch s.Kind() {
	case 'n', 0:
		s.Skip()
		return true
	case '"':
		v, ok := s.Str()
		return !ok || yield(v)
	}
	v := s.Raw()
	return s.err != nil || yield(v)
}

// Leaf calls yield with every value of a key, at any depth; as [Path] does.
func Leaf(doc []byte, key string, yield func(string) bool) {
	var s Scanner
	s.Reset(doc)
	s.anywhere(key, false, yield)
}

// anywhere looks for the key in the unread value; hit says that the value is
// the key's own.
func (s *Scanner) anywhere(key string, hit bool, yield func(string) bool) bool {
	switch s.Kind() {
	case '[':
		s.Array()
		for s.Next() {
			if !s.anywhere(key, hit, yield) {
				return false
			}
		}
	case '{':
		if hit { // its text counts, and so do keys inside
			at := *s
			if v := s.Raw(); s.err == nil && !yield(v) {
				return false
			}
			*s = at
		}
		s.Object()
		for s.Next() {
			if !s.anywhere(key, s.Key() == key, yield) {
				return false
			}
		}
	default:
		if hit {
			return s.leaf(yield)
		}
		s.Skip()
	}
	return true
}
