package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds nesting. A valid policy needs six levels.
const maxDepth = 32

type nodeKind uint8

const (
	object nodeKind = iota
	array
	text
	number
	boolean
	null
)

var nodeNames = [...]string{"an object", "a list", "a string", "a number", "a boolean", "null"}

// node is one JSON value. Objects keep their keys in names, in step with items.
type node struct {
	kind   nodeKind
	offset int
	text   string // strings, numbers, booleans
	names  []Text
	items  []node
}

// reader is a strict JSON reader (RFC 8259) that knows where it stands; after an
// error pos is the place to show.
type reader struct {
	src   []byte
	pos   int
	depth int
}

func (r *reader) document() (node, error) {
	r.space()
	if r.pos == len(r.src) {
		return node{}, errors.New("the document is empty")
	}
	n, err := r.value()
	if err != nil {
		return n, err
	}
	if r.space(); r.pos < len(r.src) {
		return n, fmt.Errorf("unexpected %s after the end of the document", r.here())
	}
	return n, nil
}

func (r *reader) space() {
	for r.pos < len(r.src) {
		switch r.src[r.pos] {
		case ' ', '\t', '\r', '\n':
			r.pos++
		default:
			return
		}
	}
}

// here names the character at pos for an error.
func (r *reader) here() string {
	if r.pos >= len(r.src) {
		return "end of the document"
	}
	c, _ := utf8.DecodeRune(r.src[r.pos:])
	return strconv.QuoteRune(c)
}

func (r *reader) value() (node, error) {
	n := node{offset: r.pos}
	if r.pos >= len(r.src) {
		return n, errors.New("the document ends where a value should stand")
	}
	switch c := r.src[r.pos]; {
	case c == '{' || c == '[':
		if r.depth++; r.depth > maxDepth {
			return n, fmt.Errorf("nested deeper than %d levels", maxDepth)
		}
		defer func() { r.depth-- }()
		return r.container(n, c == '{')
	case c == '"':
		s, err := r.str()
		n.kind, n.text = text, s
		return n, err
	case c == '-' || c >= '0' && c <= '9':
		n.kind = number
		return n, r.number(&n)
	}
	for word, kind := range map[string]nodeKind{"true": boolean, "false": boolean, "null": null} {
		if strings.HasPrefix(string(r.src[r.pos:min(r.pos+len(word), len(r.src))]), word) {
			n.kind, n.text = kind, word
			r.pos += len(word)
			return n, nil
		}
	}
	return n, fmt.Errorf("unexpected %s, want a value", r.here())
}

func (r *reader) container(n node, isObject bool) (node, error) {
	n.kind = array
	closing := byte(']')
	if isObject {
		n.kind, closing = object, '}'
	}
	r.pos++
	for first := true; ; first = false {
		r.space()
		if r.pos < len(r.src) && r.src[r.pos] == closing && first {
			r.pos++
			return n, nil
		}
		if isObject {
			if err := r.name(&n); err != nil {
				return n, err
			}
		}
		item, err := r.value()
		if err != nil {
			return n, err
		}
		n.items = append(n.items, item)
		r.space()
		switch {
		case r.pos < len(r.src) && r.src[r.pos] == ',':
			r.pos++
		case r.pos < len(r.src) && r.src[r.pos] == closing:
			r.pos++
			return n, nil
		default:
			return n, fmt.Errorf("unexpected %s, want ',' or %q", r.here(), closing)
		}
	}
}

// name reads a member's name and the colon behind it.
func (r *reader) name(n *node) error {
	if r.pos >= len(r.src) || r.src[r.pos] != '"' {
		return fmt.Errorf("unexpected %s, want a member's name in quotes", r.here())
	}
	at := r.pos
	s, err := r.str()
	if err != nil {
		return err
	}
	n.names = append(n.names, Text{Value: s, Offset: at})
	if r.space(); r.pos >= len(r.src) || r.src[r.pos] != ':' {
		return fmt.Errorf("unexpected %s, want ':'", r.here())
	}
	r.pos++
	r.space()
	return nil
}

func (r *reader) number(n *node) error {
	digits := func() bool {
		start := r.pos
		for r.pos < len(r.src) && r.src[r.pos] >= '0' && r.src[r.pos] <= '9' {
			r.pos++
		}
		return r.pos > start
	}
	take := func(set string) bool {
		if r.pos < len(r.src) && strings.IndexByte(set, r.src[r.pos]) >= 0 {
			r.pos++
			return true
		}
		return false
	}
	take("-")
	if !take("0") && !digits() {
		return fmt.Errorf("unexpected %s, want a digit", r.here())
	}
	if take(".") && !digits() {
		return fmt.Errorf("unexpected %s, want a digit", r.here())
	}
	if take("eE") {
		take("+-")
		if !digits() {
			return fmt.Errorf("unexpected %s, want a digit", r.here())
		}
	}
	n.text = string(r.src[n.offset:r.pos])
	return nil
}

// str reads a string. Invalid UTF-8 and lone surrogates are errors: a policy that
// holds them cannot have come from AWS and must not match by accident.
func (r *reader) str() (string, error) {
	r.pos++
	start := r.pos
	var b []byte
	for r.pos < len(r.src) {
		switch c := r.src[r.pos]; {
		case c == '"':
			raw := r.src[start:r.pos]
			r.pos++
			if b != nil {
				return string(append(b, raw...)), nil
			}
			return string(raw), nil
		case c == '\\':
			b = append(b, r.src[start:r.pos]...)
			var err error
			if b, err = r.escape(b); err != nil {
				return "", err
			}
			if b == nil {
				b = []byte{}
			}
			start = r.pos
		case c < ' ':
			return "", fmt.Errorf("control character 0x%02x in a string; write it as an escape", c)
		case c < utf8.RuneSelf:
			r.pos++
		default:
			c, size := utf8.DecodeRune(r.src[r.pos:])
			if c == utf8.RuneError && size == 1 {
				return "", errors.New("invalid UTF-8")
			}
			r.pos += size
		}
	}
	return "", errors.New("the document ends inside a string")
}

const escapes = "\"\"\\\\//b\bf\fn\nr\rt\t"

func (r *reader) escape(b []byte) ([]byte, error) {
	if r.pos+1 >= len(r.src) {
		r.pos = len(r.src)
		return nil, errors.New("the document ends inside a string")
	}
	c := r.src[r.pos+1]
	for i := 0; i < len(escapes); i += 2 {
		if escapes[i] == c {
			r.pos += 2
			return append(b, escapes[i+1]), nil
		}
	}
	if c != 'u' {
		return nil, fmt.Errorf("unknown escape \\%c", c)
	}
	u, ok := r.hex(r.pos)
	if !ok {
		return nil, errors.New("\\u needs four hexadecimal digits")
	}
	size := 6
	if utf16.IsSurrogate(u) {
		low, _ := r.hex(r.pos + 6)
		if u = utf16.DecodeRune(u, low); u == utf8.RuneError {
			return nil, errors.New("lone surrogate in a string")
		}
		size = 12
	}
	r.pos += size
	return utf8.AppendRune(b, u), nil
}

// hex reads \uXXXX at i.
func (r *reader) hex(i int) (rune, bool) {
	if i+6 > len(r.src) || r.src[i] != '\\' || r.src[i+1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(r.src[i+2:i+6]), 16, 16)
	return rune(v), err == nil
}
