package yagura

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// jsonTable is a compiled list of names. It is safe for concurrent use.
type jsonTable struct {
	root  *jsonNode
	rules []jsonRule
}

type jsonNode struct {
	children map[string]*jsonNode // by lower-case key
	rules    []int                // of values that stand here
	hook     JSONHook
}

type jsonRule struct {
	name string
	cols []*ocsf.Column
}

// compile makes the table. A name with an unknown column is a mistake in it.
func compile(names []ocsf.Native, hooks map[string]JSONHook) (*jsonTable, error) {
	t := &jsonTable{root: &jsonNode{}}
	for _, n := range names {
		if len(n.Columns) == 0 {
			continue
		}
		r := jsonRule{name: n.Name}
		for _, c := range n.Columns {
			col := ocsf.Lookup(c)
			if col == nil {
				return nil, fmt.Errorf("name %s: there is no column %s", n.Name, c)
			}
			r.cols = append(r.cols, col)
		}
		at := t.root.grow(n.Name)
		at.rules = append(at.rules, len(t.rules))
		t.rules = append(t.rules, r)
	}
	for path, h := range hooks {
		t.root.grow(path).hook = h
	}
	return t, nil
}

func (n *jsonNode) grow(path string) *jsonNode {
	for key := range strings.SplitSeq(path, ".") {
		key = strings.ToLower(key)
		if n.children == nil {
			n.children = map[string]*jsonNode{}
		}
		if n.children[key] == nil {
			n.children[key] = &jsonNode{}
		}
		n = n.children[key]
	}
	return n
}

// filler fills events one after the other. It is not safe for concurrent use.
type filler struct {
	s     jsonscan.Scanner
	ev    *ocsf.Event
	table *jsonTable
	found []string // first value of each rule, as text
}

func (t *jsonTable) filler() *filler { return &filler{table: t, found: make([]string, len(t.rules))} }

// fill reads the record, one JSON object, into ev. Strings in ev alias the
// record. The error says what is wrong with the record: that it is not an
// object, or that its time cannot be read.
func (w *filler) fill(ev *ocsf.Event, record []byte) error {
	w.ev = ev
	clear(w.found)
	w.s.Reset(record)
	if w.s.Kind() != '{' {
		if err := w.s.End(); err != nil {
			return err
		}
		return fmt.Errorf("not a JSON object but %s", kindName(record))
	}
	w.object(w.table.root)
	if err := w.s.End(); err != nil {
		return err
	}
	for i, r := range w.table.rules {
		if w.found[i] == "" {
			continue
		}
		if err := r.set(ev, w.found[i]); err != nil {
			return err
		}
	}
	return nil
}

func kindName(record []byte) string {
	trimmed := strings.TrimSpace(string(record[:min(len(record), 64)]))
	switch {
	case trimmed == "":
		return "nothing"
	case trimmed[0] == '[':
		return "an array"
	case trimmed[0] == '"':
		return "a string"
	case trimmed == "null":
		return "null"
	}
	return "a bare value"
}

func (w *filler) object(n *jsonNode) {
	if !w.s.Object() {
		return
	}
	var buf [64]byte
	for w.s.Next() {
		if next := n.children[string(lowerKey(buf[:0], w.s.Key()))]; next != nil {
			w.value(next)
		}
	}
}

func lowerKey(to []byte, key string) []byte {
	for i := range len(key) {
		c := key[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		to = append(to, c)
	}
	return to
}

func (w *filler) value(n *jsonNode) {
	if n.hook != nil {
		n.hook(w.ev, &w.s)
		return
	}
	switch w.s.Kind() {
	case '{':
		w.object(n)
	case '[':
		if w.s.Array() {
			for w.s.Next() {
				w.value(n)
			}
		}
	default:
		if len(n.rules) == 0 {
			return
		}
		if v := JSONText(&w.s); v != "" {
			w.take(n, v)
		}
	}
}

func (w *filler) take(n *jsonNode, v string) {
	for _, i := range n.rules {
		if c := w.table.rules[i].cols[0]; c.List != nil {
			addOnce(c.List(w.ev), v)
		} else if w.found[i] == "" {
			w.found[i] = v
		}
	}
}

// set puts v into the rule's column unless an earlier rule filled it.
func (r jsonRule) set(ev *ocsf.Event, v string) error {
	c := r.cols[0]
	switch {
	case c.Kind == ocsf.IP:
		a, err := netip.ParseAddr(v)
		switch {
		case err == nil:
			keep(c.Str(ev), a.String())
		case len(r.cols) > 1:
			keep(r.cols[1].Str(ev), v)
		}
	case c.Str != nil:
		keep(c.Str(ev), v)
	case c.Kind == ocsf.Time:
		return r.setTime(ev, v)
	case c.Num != nil:
		if n, ok := wholeNumber(v); ok && isBlank(*c.Num(ev)) {
			*c.Num(ev) = n
		}
	case c.Tri != nil:
		if b, err := strconv.ParseBool(v); err == nil && *c.Tri(ev) == ocsf.Unknown {
			*c.Tri(ev) = ocsf.TriOf(b)
		}
	}
	return nil
}

func (r jsonRule) setTime(ev *ocsf.Event, v string) error {
	p := r.cols[0].Num(ev)
	if !isBlank(*p) {
		return nil
	}
	us, ok := anyTime(v)
	switch {
	case ok:
		*p = us
	case r.cols[0].Name == "time":
		return fmt.Errorf("%s is not a time: %.60q", r.name, v)
	}
	return nil
}

func keep(p *string, v string) {
	if *p == "" {
		*p = v
	}
}

// isBlank numbers are those that Event.Reset leaves: 0 for the time, else Null.
func isBlank(n int64) bool { return n == 0 || n == ocsf.Null }

// addOnce puts v into the list unless it is there.
func addOnce(list *[]string, v string) {
	if !slices.Contains(*list, v) {
		*list = append(*list, v)
	}
}
