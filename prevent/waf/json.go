package waf

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"github.com/yagura-sec/yagura/prevent/waf/acl"
)

// jsonWalk reads a JSON body as leniently as AWS WAF says it does: commas and
// colons may be missing or repeated; it stops at what makes no sense. It keeps
// its own stack, so depth costs memory in proportion to the body only.
// https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-fields-list.html
type jsonWalk struct {
	e     *evaluation
	out   *values
	src   []byte
	at    int
	keys  bool
	vals  bool
	paths [][]string // unescaped segments of the JSON pointers
	stack []level
}

// level is one open object or array.
type level struct {
	isArray bool
	taken   bool // everything below is inspected
	index   int  // of the array's next item
	// partial says that the path so far begins some pointer; depth of the match is
	// the height of the stack.
	partial []int // pointers that begin with the path so far
	key     []byte
	hasKey  bool
}

// walkJSON adds the keys and values that the field asks for, and says whether
// the whole text is JSON.
func (e *evaluation) walkJSON(f *acl.Field, data []byte, out *values) bool {
	w := &jsonWalk{e: e, out: out, src: data, keys: f.Scope != "VALUE", vals: f.Scope != "KEY"}
	if len(f.Paths) > 0 {
		w.paths = e.acl.pointers[f]
	}
	w.space()
	if w.at >= len(w.src) {
		return false
	}
	whole := w.paths == nil || slices.ContainsFunc(w.paths, func(p []string) bool { return len(p) == 0 })
	if w.src[w.at] != '{' && w.src[w.at] != '[' {
		// A text may be a single value (https://www.rfc-editor.org/rfc/rfc8259#section-2).
		if !w.value(w.src[w.at], nil, whole, nil) {
			return false
		}
		w.space()
		return w.at == len(w.src)
	}
	all := make([]int, len(w.paths))
	for i := range all {
		all[i] = i
	}
	w.open(whole, all)
	for len(w.stack) > 0 {
		if !w.step() {
			return false
		}
	}
	w.space()
	return w.at == len(w.src)
}

func (w *jsonWalk) space() {
	for w.at < len(w.src) && (w.src[w.at] == ' ' || w.src[w.at] == '\t' || w.src[w.at] == '\r' || w.src[w.at] == '\n') {
		w.at++
	}
}

// separators skips space, commas and colons.
func (w *jsonWalk) separators() {
	for w.at < len(w.src) && bytes.IndexByte([]byte(" \t\r\n,:"), w.src[w.at]) >= 0 {
		w.at++
	}
}

func (w *jsonWalk) open(taken bool, partial []int) {
	w.stack = append(w.stack, level{isArray: w.src[w.at] == '[', taken: taken, partial: partial})
	w.at++
}

// step reads one key or value, or closes a level.
func (w *jsonWalk) step() bool {
	w.separators()
	if w.at >= len(w.src) {
		return false
	}
	top := &w.stack[len(w.stack)-1]
	c := w.src[w.at]
	if c == ']' || c == '}' {
		if (c == ']') != top.isArray || top.hasKey {
			return false
		}
		w.at++
		w.stack = w.stack[:len(w.stack)-1]
		return true
	}
	if !top.isArray && !top.hasKey {
		if c != '"' {
			return false
		}
		key, ok := w.text()
		top.key, top.hasKey = key, ok
		return ok
	}
	taken, partial := w.choose(top)
	name := top.key
	if !top.isArray && taken && w.keys {
		w.out.list = append(w.out.list, value{data: top.key, name: shortText(top.key)})
	}
	top.hasKey, top.key = false, nil
	top.index++
	return w.value(c, name, taken, partial)
}

// choose says whether the value that follows is inspected, and which pointers
// may still lead below it.
func (w *jsonWalk) choose(top *level) (taken bool, partial []int) {
	if top.taken || len(top.partial) == 0 {
		return top.taken, nil
	}
	segment := string(top.key)
	if top.isArray {
		segment = strconv.Itoa(top.index)
	}
	depth := len(w.stack) - 1
	for _, i := range top.partial {
		p := w.paths[i]
		if depth >= len(p) || p[depth] != segment {
			continue
		}
		if len(p) == depth+1 {
			return true, nil
		}
		partial = append(partial, i)
	}
	return false, partial
}

func (w *jsonWalk) value(c byte, name []byte, taken bool, partial []int) bool {
	var data []byte
	switch {
	case c == '{' || c == '[':
		w.open(taken, partial)
		return true
	case c == '"':
		var ok bool
		if data, ok = w.text(); !ok {
			return false
		}
	default:
		start := w.at
		for w.at < len(w.src) && bytes.IndexByte([]byte(" \t\r\n,:]}[{\""), w.src[w.at]) < 0 {
			w.at++
		}
		data = w.src[start:w.at]
		if !scalar(data) || w.at == len(w.src) && (len(w.stack) > 0 || w.e.partOfBody()) {
			return false
		}
	}
	if taken && w.vals {
		w.out.list = append(w.out.list, value{data: data, name: shortText(name)})
	}
	return true
}

// shortText is the beginning of a key, which lives as long as the evaluation.
func shortText(b []byte) string {
	b = b[:min(len(b), 128)]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// scalar says whether a word is a number, true, false or null.
func scalar(word []byte) bool {
	switch string(word) {
	case "true", "false", "null":
		return true
	case "":
		return false
	}
	if word[0] != '-' && (word[0] < '0' || word[0] > '9') {
		return false
	}
	for _, c := range word {
		if (c < '0' || c > '9') && bytes.IndexByte([]byte("+-.eE"), c) < 0 {
			return false
		}
	}
	return true
}

// text reads a string and undoes its escapes.
func (w *jsonWalk) text() ([]byte, bool) {
	w.at++
	start := w.at
	end := start
	for end < len(w.src) && w.src[end] != '"' {
		if w.src[end] == '\\' {
			return w.escaped(start, end)
		}
		end++
	}
	if end == len(w.src) {
		return nil, false
	}
	w.at = end + 1
	return w.src[start:end], true
}

const jsonEscapes = "\"\"\\\\//b\bf\fn\nr\rt\t"

func (w *jsonWalk) escaped(start, end int) ([]byte, bool) {
	from := len(w.e.arena)
	w.e.arena = append(w.e.arena, w.src[start:end]...)
	for w.at = end; w.at < len(w.src); {
		c := w.src[w.at]
		switch {
		case c == '"':
			w.at++
			return slices.Clip(w.e.arena[from:]), true
		case c != '\\':
			w.e.arena = append(w.e.arena, c)
			w.at++
			continue
		}
		if w.at+1 >= len(w.src) {
			return nil, false
		}
		if i := bytes.IndexByte([]byte(jsonEscapes), w.src[w.at+1]); i >= 0 && i%2 == 0 {
			w.e.arena = append(w.e.arena, jsonEscapes[i+1])
			w.at += 2
			continue
		}
		r, ok := w.hex(w.at)
		if !ok {
			return nil, false
		}
		w.at += 6
		if utf16.IsSurrogate(r) {
			if low, ok := w.hex(w.at); ok {
				if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
					r, w.at = both, w.at+6
				}
			}
		}
		w.e.arena = utf8.AppendRune(w.e.arena, r)
	}
	return nil, false
}

// hex reads \uXXXX.
func (w *jsonWalk) hex(at int) (rune, bool) {
	if at+6 > len(w.src) || w.src[at] != '\\' || w.src[at+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(w.src[at+2:at+6]), 16, 32)
	return rune(n), err == nil
}
