package yagura

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/internal/jsonscan"
)

// Bounds of a peek.
const (
	peekDepth   = 4
	peekMembers = 500
)

// Peek looks at the first record in the first bytes of an object, which may end
// anywhere. It gives the texts of its members by lower-case path ("service.count");
// of a container the text is "". Arrays and envelopes are looked through; a
// member of an envelope stays visible unless the record has one of the same name.
func (l *JSONLog) Peek(head []byte) map[string]string {
	if stamped(head) {
		head = head[stampLen:]
	}
	p := peeker{found: map[string]string{}, through: append([]string{
		subscription, filtered, "message", "Message", "detail",
	}, slices.Concat(l.Arrays, l.Inner)...)}
	p.s.Reset(head)
	p.value("", 0)
	return p.found
}

type peeker struct {
	s       jsonscan.Scanner
	found   map[string]string
	through []string
}

// value notes what waits. Of an array only the first element counts.
func (p *peeker) value(path string, depth int) {
	if p.s.Kind() == '[' {
		p.s.Array()
		for first := true; p.s.Next(); first = false {
			if first {
				p.value(path, depth)
			}
			if len(p.found) >= peekMembers {
				return
			}
		}
		return
	}
	if p.s.Kind() != '{' {
		if v := JSONText(&p.s); path != "" && p.s.Err() == nil {
			p.found[path] = v
		}
		return
	}
	if depth >= peekDepth || !p.s.Object() {
		return // Unread, it is skipped.
	}
	for p.s.Next() {
		if len(p.found) >= peekMembers {
			return
		}
		p.member(path, depth)
	}
}

func (p *peeker) member(path string, depth int) {
	key := p.s.Key()
	name := strings.ToLower(key)
	if path != "" {
		name = path + "." + name
	}
	if path == "" && slices.Contains(p.through, key) {
		if v, ok := p.s.Str(); ok {
			p.text(v)
			return
		}
		p.found[name] = ""
		p.value("", depth+1)
		return
	}
	p.found[name] = ""
	p.value(name, depth+1)
}

// text looks at a record that stands as text in a member.
func (p *peeker) text(v string) {
	if !strings.HasPrefix(v, "{") {
		return
	}
	inner := peeker{found: p.found, through: p.through}
	inner.s.Reset([]byte(v))
	inner.value("", 1)
}
