// Package jsonmap fills events from JSON records by a table: the same list of
// native names ([ocsf.Native]) that search resolves also tells a decoder which
// member of the record goes to which column, so the two cannot disagree.
//
// A name is a path of keys joined by dots. It passes through arrays without a
// mark: "Resources.Id" is the Id of every element. Keys match whatever their
// ASCII case, because AWS writes one record as accountId (S3, EventBridge) and
// AccountId (CLI), arn and ARN.
//
// Absent, null and empty values leave their column alone. Where several names
// fill one column, the first of the list that has a value wins; list columns
// take all of them, each value once. Values are read by the column's kind:
// numbers and times may be strings, a time may be ISO 8601 or a number of
// seconds, milliseconds, microseconds or nanoseconds (see [Time]). Text that is
// not an address goes to the name's second column if it has one.
package jsonmap

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// Hook reads the value that waits in s, or leaves it to be skipped.
type Hook func(ev *ocsf.Event, s *jsonscan.Scanner)

// Table is a compiled list of names. It is safe for concurrent use.
type Table struct {
	root  *node
	rules []rule
}

type node struct {
	children map[string]*node // by lower-case key
	rules    []int            // of values that stand here
	hook     Hook
}

type rule struct {
	name string
	cols []*ocsf.Column
}

// MustCompile makes a table of names and of hooks by path. A hook takes the
// whole value at its path. Tables are package variables: a name with an unknown
// column panics at the first test that is run.
func MustCompile(names []ocsf.Native, hooks map[string]Hook) *Table {
	t := &Table{root: &node{}}
	for _, n := range names {
		if len(n.Columns) == 0 {
			continue
		}
		r := rule{name: n.Name}
		for _, c := range n.Columns {
			col := ocsf.Lookup(c)
			if col == nil {
				panic("jsonmap: " + n.Name + ": no column " + c)
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
	return t
}

func (n *node) grow(path string) *node {
	for key := range strings.SplitSeq(path, ".") {
		key = strings.ToLower(key)
		if n.children == nil {
			n.children = map[string]*node{}
		}
		if n.children[key] == nil {
			n.children[key] = &node{}
		}
		n = n.children[key]
	}
	return n
}

// Filler fills events one after the other. It is not safe for concurrent use.
type Filler struct {
	s     jsonscan.Scanner
	ev    *ocsf.Event
	table *Table
	found []string // first value of each rule, as text
}

// Filler makes a filler of the table.
func (t *Table) Filler() *Filler { return &Filler{table: t, found: make([]string, len(t.rules))} }

// Fill reads the record, one JSON object, into ev. Strings in ev alias the
// record. The error says what is wrong with the record: that it is not an
// object, or that its time cannot be read.
func (w *Filler) Fill(ev *ocsf.Event, record []byte) error {
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

func (w *Filler) object(n *node) {
	if !w.s.Object() {
		return
	}
	var buf [64]byte
	for w.s.Next() {
		if next := n.children[string(lower(buf[:0], w.s.Key()))]; next != nil {
			w.value(next)
		}
	}
}

func lower(to []byte, key string) []byte {
	for i := range len(key) {
		c := key[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		to = append(to, c)
	}
	return to
}

func (w *Filler) value(n *node) {
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
		if v := Text(&w.s); v != "" {
			w.take(n, v)
		}
	}
}

func (w *Filler) take(n *node, v string) {
	for _, i := range n.rules {
		if c := w.table.rules[i].cols[0]; c.List != nil {
			Add(c.List(w.ev), v)
		} else if w.found[i] == "" {
			w.found[i] = v
		}
	}
}

// set puts v into the rule's column unless an earlier rule filled it.
func (r rule) set(ev *ocsf.Event, v string) error {
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
		if n, ok := Int(v); ok && blank(*c.Num(ev)) {
			*c.Num(ev) = n
		}
	case c.Tri != nil:
		if b, err := strconv.ParseBool(v); err == nil && *c.Tri(ev) == ocsf.Unknown {
			*c.Tri(ev) = ocsf.TriOf(b)
		}
	}
	return nil
}

func (r rule) setTime(ev *ocsf.Event, v string) error {
	p := r.cols[0].Num(ev)
	if !blank(*p) {
		return nil
	}
	us, ok := Time(v)
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

// blank numbers are those that Event.Reset leaves: 0 for the time, else Null.
func blank(n int64) bool { return n == 0 || n == ocsf.Null }

// Add puts v into the list unless it is empty or there.
func Add(list *[]string, v string) {
	if v != "" && !slices.Contains(*list, v) {
		*list = append(*list, v)
	}
}

// Columns names the columns that a list fills, and more, each once.
func Columns(names []ocsf.Native, more ...string) []string {
	var out []string
	for _, n := range names {
		for _, c := range n.Columns {
			Add(&out, c)
		}
	}
	for _, c := range more {
		Add(&out, c)
	}
	return out
}
