package acl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"unicode/utf8"
)

const (
	maxDepth = 100
	maxNodes = 2 << 20
	maxFile  = 32 << 20
)

type kind uint8

const (
	null kind = iota
	object
	list
	text
	number
	boolean
)

var kindNames = [...]string{"null", "an object", "a list", "a string", "a number", "a boolean"}

// node is one value of JSON or YAML with its place. Objects keep their keys in
// step with items.
type node struct {
	kind      kind
	text      string // of strings, numbers and booleans
	line, col int
	keys      []string
	items     []*node
	tag       string // YAML's local tag, as !Ref
}

// get gives a member, or nil.
func (n *node) get(key string) *node {
	if n == nil || n.kind != object {
		return nil
	}
	for i, k := range n.keys {
		if k == key {
			return n.items[i]
		}
	}
	return nil
}

// syntaxError is a complaint about the text itself.
type syntaxError struct {
	line, col int
	message   string
}

func (e *syntaxError) Error() string { return e.message }

// jsonTree reads JSON with the standard library and adds places.
type jsonTree struct {
	dec   *json.Decoder
	src   []byte
	lines []int
	nodes int
}

func parseJSON(src []byte) (*node, error) {
	t := &jsonTree{dec: json.NewDecoder(bytes.NewReader(src)), src: src, lines: []int{0}}
	t.dec.UseNumber()
	for i, c := range src {
		if c == '\n' {
			t.lines = append(t.lines, i+1)
		}
	}
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && size == 1 {
			return nil, t.errorAt(i, "invalid UTF-8")
		}
		i += size
	}
	root, err := t.value(0)
	if err != nil {
		return nil, err
	}
	end := t.start()
	if _, err := t.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, t.errorAt(end, "unexpected text after the end of the document")
	}
	return root, nil
}

func (t *jsonTree) place(offset int) (line, col int) {
	line = sort.SearchInts(t.lines, offset+1)
	return line, utf8.RuneCount(t.src[t.lines[line-1]:offset]) + 1
}

func (t *jsonTree) errorAt(offset int, message string) error {
	line, col := t.place(min(offset, len(t.src)))
	return &syntaxError{line, col, message}
}

// start is where the next token begins.
func (t *jsonTree) start() int {
	at := int(t.dec.InputOffset())
	for at < len(t.src) && bytes.IndexByte([]byte(" \t\r\n,:"), t.src[at]) >= 0 {
		at++
	}
	return at
}

func (t *jsonTree) token() (json.Token, int, error) {
	at := t.start()
	tok, err := t.dec.Token()
	if err == nil {
		return tok, at, nil
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, at, t.errorAt(max(at, int(syntax.Offset)-1), syntax.Error())
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, at, t.errorAt(len(t.src), "the document ends too early")
	}
	return nil, at, t.errorAt(at, err.Error())
}

func (t *jsonTree) value(depth int) (*node, error) {
	tok, at, err := t.token()
	if err != nil {
		return nil, err
	}
	if t.nodes++; t.nodes > maxNodes {
		return nil, t.errorAt(at, fmt.Sprintf("more than %d values", maxNodes))
	}
	if depth > maxDepth {
		return nil, t.errorAt(at, fmt.Sprintf("nested deeper than %d levels", maxDepth))
	}
	n := &node{}
	n.line, n.col = t.place(at)
	switch v := tok.(type) {
	case json.Delim:
		n.kind = list
		if v == '{' {
			n.kind = object
		}
		return n, t.container(n, depth)
	case string:
		n.kind, n.text = text, v
	case json.Number:
		n.kind, n.text = number, v.String()
	case bool:
		n.kind, n.text = boolean, strconv.FormatBool(v)
	}
	return n, nil
}

func (t *jsonTree) container(n *node, depth int) error {
	seen := map[string]bool{}
	for t.dec.More() {
		if n.kind == object {
			key, at, err := t.token()
			if err != nil {
				return err
			}
			name, _ := key.(string)
			if seen[name] {
				return t.errorAt(at, fmt.Sprintf("key %q stands twice", name))
			}
			seen[name] = true
			n.keys = append(n.keys, name)
		}
		item, err := t.value(depth + 1)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	_, _, err := t.token()
	return err
}
