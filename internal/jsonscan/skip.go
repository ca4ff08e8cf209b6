package jsonscan

// Skip reads the value at hand and checks it.
func (s *Scanner) Skip() {
	if s.err != nil || s.state != atValue {
		return
	}
	b, i, base := s.data, s.pos, s.depth
	for {
		i = s.scalarOrOpen(b, i)
		if i < 0 {
			return
		}
		// Behind a value, or just inside a container.
		for s.state == atAfter {
			if s.depth == base {
				s.pos = i
				return
			}
			if i < len(b) && b[i] <= ' ' {
				i = space(b, i)
			}
			if i >= len(b) {
				s.fail(i, "unexpected end")
				return
			}
			object := s.kinds.object(s.depth)
			switch c := b[i]; {
			case c == ',':
				i = space(b, i+1)
				s.state = atValue
				if object {
					if i = s.skipKey(b, i); i < 0 {
						return
					}
				}
			case c == '}' && object, c == ']' && !object:
				i++
				s.depth--
			default:
				s.fail(i, "expected a comma or the end of the container")
				return
			}
		}
	}
}

// scalarOrOpen reads a scalar, an empty container, or the opening of a container
// up to its first value. It returns the index behind, -1 after an error, and
// sets the state.
func (s *Scanner) scalarOrOpen(b []byte, i int) int {
	if i >= len(b) {
		s.fail(i, "unexpected end")
		return -1
	}
	var end int
	switch c := b[i]; c {
	case '"':
		if end, _ = stringEnd(b, i+1); end >= 0 {
			end++ // the quote itself
		}
	case '{', '[':
		if s.depth >= MaxDepth {
			s.tooDeep(i)
			return -1
		}
		s.depth++
		s.kinds.set(s.depth, c == '{')
		i = space(b, i+1)
		if i < len(b) && b[i] == c+2 { // '}' is '{'+2, ']' is '['+2
			s.depth--
			s.state = atAfter
			return i + 1
		}
		s.state = atValue
		if c == '{' {
			return s.skipKey(b, i)
		}
		return i
	case 't':
		end = literal(b, i, "true")
	case 'f':
		end = literal(b, i, "false")
	case 'n':
		end = literal(b, i, "null")
	default:
		end = numberEnd(b, i)
	}
	if end < 0 {
		s.fail(i, "bad value")
		return -1
	}
	s.state = atAfter
	return end
}

func (s *Scanner) skipKey(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		s.fail(i, "expected a key")
		return -1
	}
	end, _ := stringEnd(b, i+1)
	if end < 0 {
		s.fail(i, "bad string")
		return -1
	}
	i = end + 1
	if i < len(b) && b[i] <= ' ' {
		i = space(b, i)
	}
	if i >= len(b) || b[i] != ':' {
		s.fail(i, "expected a colon")
		return -1
	}
	i++
	if i < len(b) && b[i] <= ' ' {
		i = space(b, i)
	}
	return i
}

func literal(b []byte, i int, word string) int {
	if len(b)-i >= len(word) && string(b[i:i+len(word)]) == word {
		return i + len(word)
	}
	return -1
}

// space returns the index of the first byte from i on that is not JSON space.
func space(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// numberEnd returns the index behind the number at i, or -1.
func numberEnd(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i >= len(b):
		return -1
	case b[i] == '0':
		i++
	case b[i] >= '1' && b[i] <= '9':
		i = digits(b, i)
	default:
		return -1
	}
	if i < len(b) && b[i] == '.' {
		j := digits(b, i+1)
		if j == i+1 {
			return -1
		}
		i = j
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		j := digits(b, i)
		if j == i {
			return -1
		}
		i = j
	}
	return i
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}
