// Package jsonscan reads JSON logs fast and strictly, without reflection.
//
// [Scanner] walks one value in one pass. It accepts exactly what
// encoding/json.Valid accepts (RFC 8259, https://www.rfc-editor.org/rfc/rfc8259),
// save that nesting is bounded by [MaxDepth]. Strings alias the input when they
// hold no escape, so the input must not change while they live. Strings with
// invalid UTF-8 or lone surrogates read as encoding/json reads them: U+FFFD.
//
//	var s jsonscan.Scanner
//	s.Reset(record)
//	s.Object()
//	for s.Next() {
//		switch s.Key() {
//		case "eventName":
//			name, _ = s.Str()
//		case "userIdentity":
//			if s.Object() {
//				for s.Next() { … } // runs to its end, never breaks out
//			}
//		}
//	}
//	err := s.End()
//
// A value that the caller does not read is checked and skipped. Members come in
// the order of the text, repeated keys too: assign and the last one wins.
//
// [Records] splits a stream into raw records: an object around an array, JSON
// lines, concatenated objects, a top-level array.
package jsonscan

import (
	"fmt"
	"strconv"
	"unsafe"
)

// MaxDepth bounds the nesting of arrays and objects in one value.
const MaxDepth = 512

// Scanner walks one JSON value. The zero value is ready for Reset.
type Scanner struct {
	data  []byte
	pos   int
	depth int
	state state
	key   string
	err   error
	kinds stack
}

type state uint8

const (
	atValue state = iota // a value stands at pos, unread
	atFirst              // just inside a container
	atAfter              // behind a value
)

// stack remembers for each open container whether it is an object.
type stack [MaxDepth/64 + 1]uint64

func (k *stack) set(depth int, object bool) {
	bit := uint64(1) << (depth & 63)
	if object {
		k[depth>>6] |= bit
	} else {
		k[depth>>6] &^= bit
	}
}

func (k *stack) object(depth int) bool { return k[depth>>6]>>(depth&63)&1 != 0 }

// Valid says whether b is one JSON value within MaxDepth.
func Valid(b []byte) bool {
	var s Scanner
	s.Reset(b)
	return s.End() == nil
}

// Reset begins a walk over b, which must stay unchanged while the strings read
// from it live.
func (s *Scanner) Reset(b []byte) {
	s.data, s.depth, s.state, s.key, s.err = b, 0, atValue, "", nil
	s.pos = space(b, 0)
}

// ResetText is Reset over text.
func (s *Scanner) ResetText(t string) { s.Reset(unsafe.Slice(unsafe.StringData(t), len(t))) }

// End reads the rest and returns the first error of the walk, nil if the text
// is exactly one valid value.
func (s *Scanner) End() error {
	for s.err == nil && s.depth > 0 {
		s.Next()
	}
	if s.err == nil && s.state == atValue {
		s.Skip()
	}
	if s.err != nil {
		return s.err
	}
	if i := space(s.data, s.pos); i < len(s.data) {
		s.fail(i, "text behind the value")
	}
	return s.err
}

// Err returns the first error so far.
func (s *Scanner) Err() error { return s.err }

// Next goes to the next member or element of the innermost open container. It
// is false at the container's end, which it leaves, and after an error.
func (s *Scanner) Next() bool {
	if s.err != nil || s.depth == 0 {
		return false
	}
	if s.state == atValue {
		if s.Skip(); s.err != nil {
			return false
		}
	}
	b, i := s.data, space(s.data, s.pos)
	if i >= len(b) {
		return s.fail(i, "unexpected end")
	}
	object := s.kinds.object(s.depth)
	if c := b[i]; (c == '}' && object) || (c == ']' && !object) {
		s.pos, s.state = i+1, atAfter
		s.depth--
		return false
	}
	if s.state == atAfter {
		if b[i] != ',' {
			return s.fail(i, "expected a comma or the end of the container")
		}
		i = space(b, i+1)
	}
	if object {
		if i >= len(b) || b[i] != '"' {
			return s.fail(i, "expected a key")
		}
		end, special := stringEnd(b, i+1)
		if end < 0 {
			return s.fail(i, "bad string")
		}
		s.key = text(b[i+1:end], special)
		i = space(b, end+1)
		if i >= len(b) || b[i] != ':' {
			return s.fail(i, "expected a colon")
		}
		i = space(b, i+1)
	}
	s.pos, s.state = i, atValue
	return true
}

// Key is the current member's key, unescaped.
func (s *Scanner) Key() string { return s.key }

// Kind is the first byte of the unread value: '{', '[', '"', 't', 'f', 'n' or
// '0' for a number; 0 when no value is waiting.
func (s *Scanner) Kind() byte {
	if s.err != nil || s.state != atValue || s.pos >= len(s.data) {
		return 0
	}
	c := s.data[s.pos]
	if c == '-' || (c >= '0' && c <= '9') {
		return '0'
	}
	return c
}

// Object enters the unread value if it is an object: Next then gives its
// members. If not, it returns false and the value stays unread.
func (s *Scanner) Object() bool { return s.enter('{') }

// Array enters the unread value if it is an array: Next then gives its
// elements. If not, it returns false and the value stays unread.
func (s *Scanner) Array() bool { return s.enter('[') }

func (s *Scanner) enter(open byte) bool {
	if s.Kind() != open {
		return false
	}
	if s.depth >= MaxDepth {
		return s.tooDeep(s.pos)
	}
	s.depth++
	s.kinds.set(s.depth, open == '{')
	s.pos++
	s.state = atFirst
	return true
}

// Str reads the value if it is a string. If not, it returns "" and false and
// the value stays unread.
func (s *Scanner) Str() (string, bool) {
	if s.Kind() != '"' {
		return "", false
	}
	end, special := stringEnd(s.data, s.pos+1)
	if end < 0 {
		return "", s.fail(s.pos, "bad string")
	}
	t := text(s.data[s.pos+1:end], special)
	s.pos, s.state = end+1, atAfter
	return t, true
}

// Int reads the value if it is a number without fraction or exponent that fits
// 64 bits. If not, it returns 0 and false and the value stays unread.
func (s *Scanner) Int() (int64, bool) {
	if s.Kind() != '0' {
		return 0, false
	}
	end := numberEnd(s.data, s.pos)
	if end < 0 {
		return 0, s.fail(s.pos, "bad number")
	}
	n, err := strconv.ParseInt(alias(s.data[s.pos:end]), 10, 64)
	if err != nil {
		return 0, false
	}
	s.pos, s.state = end, atAfter
	return n, true
}

// Bool reads the value if it is true or false. If not, it returns false, false
// and the value stays unread.
func (s *Scanner) Bool() (value, ok bool) {
	k := s.Kind()
	if k != 't' && k != 'f' {
		return false, false
	}
	if s.Skip(); s.err != nil {
		return false, false
	}
	return k == 't', true
}

// Null reads the value if it is null. If not, the value stays unread.
func (s *Scanner) Null() bool {
	if s.Kind() != 'n' {
		return false
	}
	s.Skip()
	return s.err == nil
}

// Raw reads the value and returns its text, which aliases the input.
func (s *Scanner) Raw() string {
	start := s.pos
	if s.Skip(); s.err != nil {
		return ""
	}
	return alias(s.data[start:s.pos])
}

func (s *Scanner) fail(i int, what string) bool {
	if s.err == nil {
		s.err = fmt.Errorf("invalid JSON at byte %d: %s", i, what)
	}
	return false
}

func (s *Scanner) tooDeep(i int) bool {
	return s.fail(i, fmt.Sprintf("nested deeper than %d", MaxDepth))
}

func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
