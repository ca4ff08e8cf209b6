package crs

import (
	"fmt"
	"strings"
)

// macro is text with %{VARIABLE.key} in it.
type macro struct {
	text  string
	parts []macroPart
}

// macroPart is plain text, or a variable whose value stands there. A variable without
// a value stands for its own text.
type macroPart struct {
	text string
	v    variable
	key  string
	slot int // of TX, when key is set
}

func (c *compiler) macro(text string) (*macro, error) {
	m := &macro{text: text}
	for rest := text; rest != ""; {
		start := strings.Index(rest, "%{")
		if start < 0 {
			m.parts = append(m.parts, macroPart{text: rest})
			break
		}
		if start > 0 {
			m.parts = append(m.parts, macroPart{text: rest[:start]})
		}
		end := strings.IndexByte(rest[start:], '}')
		if end < 0 {
			return nil, fmt.Errorf("macro in %q does not end", text)
		}
		inner := rest[start+2 : start+end]
		name, key, _ := strings.Cut(inner, ".")
		v, err := parseVariable(name)
		if err != nil {
			return nil, fmt.Errorf("macro %%{%s}: %w", inner, err)
		}
		part := macroPart{text: inner, v: v, key: strings.ToLower(key), slot: -1}
		if v == varTX {
			part.slot = c.slot(part.key)
		}
		m.parts = append(m.parts, part)
		rest = rest[start+end+1:]
	}
	return m, nil
}

// constant says that the macro is always the same text.
func (m *macro) constant() bool {
	for i := range m.parts {
		if m.parts[i].v != varNone {
			return false
		}
	}
	return true
}

func (m *macro) expand(t *transaction) string {
	switch len(m.parts) {
	case 0:
		return ""
	case 1:
		return t.expandPart(&m.parts[0])
	}
	if len(m.parts) == 2 && m.parts[0].text == "+" && m.parts[0].v == varNone {
		// The increment of a score: no need to build the text of a small number.
		if value := t.expandPart(&m.parts[1]); len(value) == 1 && value[0] >= '0' && value[0] <= '9' {
			return increments[value[0]-'0']
		}
	}
	need := 0
	for i := range m.parts {
		need += len(t.expandPart(&m.parts[i]))
	}
	out := t.alloc(need)
	for i := range m.parts {
		out = append(out, t.expandPart(&m.parts[i])...)
	}
	return view(out)
}

var increments = [10]string{"+0", "+1", "+2", "+3", "+4", "+5", "+6", "+7", "+8", "+9"}

func (t *transaction) expandPart(p *macroPart) string {
	switch {
	case p.v == varNone:
		return p.text
	case p.slot >= 0:
		if s := &t.slots[p.slot]; s.set {
			return s.value
		}
		return p.text
	case p.v == varRule:
		return t.ruleField(p.key, p.text)
	case !p.v.keyed():
		return t.single(p.v)
	}
	if value, ok := t.first(p.v, p.key); ok {
		return value
	}
	return p.text
}
