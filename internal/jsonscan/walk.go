package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// maxName bounds the name of a record array.
const maxName = 256

// walk finds the end of one value. It checks only what tells that the end would
// be wrong: brackets that do not pair, a control character in a string, a
// string or container that stands where none can.
type walk struct {
	names    []string
	depth    int
	inString bool
	isTop    bool   // a top-level object: its members may hold the record array
	str      int    // where the current string begins
	name     string // the array's name, if the last key was one
	reason   string
	kinds    stack
}

type verdict uint8

const (
	wantMore verdict = iota
	closed
	foundArray
	broken
)

func (w *walk) begin(isTop bool) {
	w.depth, w.inString, w.name, w.isTop = 0, false, "", isTop && len(w.names) > 0
}

// reopen goes on inside a top-level object.
func (w *walk) reopen() {
	w.begin(true)
	w.depth = 1
	w.kinds.set(1, true)
}

// mark says which bytes outside strings matter.
var mark = [256]bool{'"': true, '{': true, '}': true, '[': true, ']': true}

// run walks b from i on. low is where the value begins: nothing before it is
// looked at; strict says that bytes back to low are all there.
func (w *walk) run(b []byte, i, low int, strict bool) (int, verdict) {
	for {
		if w.inString {
			var v verdict
			if i, v = w.string(b, i); v != closed {
				return i, v
			}
			w.inString = false
			if w.depth == 0 {
				return i, closed
			}
			if w.isTop && w.depth == 1 {
				w.noteName(b, i)
			}
		}
		for i < len(b) && !mark[b[i]] {
			i++
		}
		if i >= len(b) {
			return i, wantMore
		}
		c := b[i]
		if c == '"' {
			if strict && i > low && b[i-1] != ':' && b[i-1] != ',' && !w.mayBegin(b[low:i], c) {
				return w.fail(i, misplaced)
			}
			i++
			w.inString, w.str = true, i
			continue
		}
		if c == '}' || c == ']' {
			if w.kinds.object(w.depth) != (c == '}') {
				return w.fail(i, "brackets do not pair")
			}
			i++
			if w.depth--; w.depth == 0 {
				return i, closed
			}
			continue
		}
		if strict && i > low && !w.mayBegin(b[low:i], c) {
			return w.fail(i, misplaced)
		}
		if c == '[' && w.isTop && w.depth == 1 && w.name != "" {
			return i + 1, foundArray
		}
		if w.depth >= MaxDepth {
			return w.fail(i, "nested too deeply")
		}
		i++
		w.name = ""
		w.depth++
		w.kinds.set(w.depth, c == '{')
	}
}

const misplaced = "a value stands where none can begin"

func (w *walk) fail(i int, reason string) (int, verdict) {
	w.reason = reason
	return i, broken
}

// string finds the end of the current string.
func (w *walk) string(b []byte, i int) (int, verdict) {
	for {
		if len(b)-i >= 8 {
			m := stops(binary.LittleEndian.Uint64(b[i:]))
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		}
		if i >= len(b) {
			return i, wantMore
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, closed
		case c == '\\':
			if i+1 >= len(b) {
				return i, wantMore
			}
			if b[i+1] < ' ' {
				return w.fail(i, "control character in a string")
			}
			i += 2
		case c < ' ':
			return w.fail(i, "control character in a string")
		default:
			i++
		}
	}
}

// noteName sees whether the string that ends before i names a record array.
func (w *walk) noteName(b []byte, i int) {
	w.name = ""
	if w.str < 0 || i-w.str > maxName {
		return
	}
	for _, n := range w.names {
		if string(b[w.str:i-1]) == n {
			w.name = n
		}
	}
}

// mayBegin says whether a string or container c may follow before.
func (w *walk) mayBegin(before []byte, c byte) bool {
	j := len(before) - 1
	for j > 0 && before[j] <= ' ' {
		j--
	}
	switch before[j] {
	case ':':
		return true
	case ',':
		return c == '"' || !w.kinds.object(w.depth)
	case '{':
		return c == '"'
	case '[':
		return true
	case ']':
		return j == 0 // behind a record array
	}
	return false
}
