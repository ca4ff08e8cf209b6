package rule

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/rule/sigma"
)

// predicate is a test of one field, shared by all rules of the source that put
// the same one.
type predicate struct {
	slot   int
	op     string // equals, exists, lt, lte, gt, gte
	part   string
	all    bool
	not    bool
	cased  bool
	wants  bool // of exists
	limits []float64
	groups [][]test            // of equals
	set    map[string]struct{} // instead of groups: many literals, of which one is enough
	cost   int
	item   *sigma.Item
}

// manyLiterals is the number of literals from which on a map is asked.
const manyLiterals = 8

// newPredicate compiles what an item asks. Slots of fields that values refer to
// are given by slot.
func newPredicate(id int, f *field, item *sigma.Item, m sigma.Match, slot func(name string) int) *predicate {
	p := &predicate{slot: id, op: m.Op, part: m.Part, all: m.All, not: m.Not, cased: m.Cased, cost: f.cost(), item: item}
	literals := m.Op == "equals" && m.Part == "" && !m.All
	count := 0
	for _, g := range m.Groups {
		var tests []test
		for _, v := range g {
			if m.Op == "exists" {
				p.wants = v.Text == "true"
				continue
			}
			if m.Op != "equals" || m.Part != "" {
				p.limits = append(p.limits, v.Number)
				continue
			}
			if v.Kind == "field" {
				tests = append(tests, test{kind: refer, slot: slot(v.Text), affix: m.Affix, text: v.Text})
				continue
			}
			t := newTest(v, m.Cased)
			literals = literals && t.kind == equal && !t.dash && t.text != ""
			p.cost = max(p.cost, f.cost()+int(t.kind))
			tests = append(tests, t)
			count++
		}
		p.groups = append(p.groups, tests)
	}
	if literals && count > manyLiterals {
		p.set = make(map[string]struct{}, count)
		for _, g := range p.groups {
			for _, t := range g {
				p.set[t.text] = struct{}{}
			}
		}
	}
	if m.Op == "equals" && m.Part == "" && !m.All && len(p.groups) > 1 {
		p.groups = [][]test{slices.Concat(p.groups...)}
	}
	return p
}

// key tells predicates apart.
func (p *predicate) key(m sigma.Match) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s %s %t %t %t %s", p.slot, m.Op, m.Part, m.All, m.Not, m.Cased, m.Affix)
	for _, g := range m.Groups {
		b.WriteString("\x00[")
		for _, v := range g {
			fmt.Fprintf(&b, "\x00%s %t %q", v.Kind, v.Dash, v.Text)
		}
	}
	return b.String()
}

// needsExact says whether the result depends on absent or empty values.
func needsExact(m sigma.Match) bool {
	if m.Op == "exists" {
		return true
	}
	for _, g := range m.Groups {
		for _, v := range g {
			switch v.Kind {
			case "null", "field":
				return true
			case "text":
				if strings.Trim(v.Text, "*") == "" {
					return true
				}
			case "re":
				if regexp.MustCompile(v.Text).MatchString("") { // Resolve has compiled it
					return true
				}
			}
		}
	}
	return false
}

// holds evaluates a predicate on the event at hand, once.
func (m *Matcher) holds(id int) bool {
	memo := &m.memo[id]
	if *memo>>1 == m.now {
		return *memo&1 == 1
	}
	p := m.prog.predicates[id]
	result := m.ask(p) != p.not
	*memo = m.now << 1
	if result {
		*memo |= 1
	}
	return result
}

func (m *Matcher) ask(p *predicate) bool {
	s := m.values(p.slot)
	switch {
	case p.op == "some":
		return len(s.vals) > 0
	case p.op == "exists":
		return s.present == p.wants
	case p.op != "equals" || p.part != "":
		return p.compares(s)
	case p.all:
		for _, tests := range p.groups {
			if m.anyOf(p, tests, s) < -1 {
				return false
			}
		}
		return true
	}
	return m.anyOf(p, p.groups[0], s) >= -1
}

func (p *predicate) compares(s *slot) bool {
	return slices.ContainsFunc(s.vals, func(v string) bool { return p.limit(v) })
}

// limit compares one value with the limits.
func (p *predicate) limit(v string) bool {
	n, ok := numberOf(v)
	if p.part != "" {
		n, ok = part(p.part, v)
	}
	if !ok {
		return false
	}
	return slices.ContainsFunc(p.limits, func(l float64) bool {
		switch p.op {
		case "lt":
			return n < l
		case "lte":
			return n <= l
		case "gt":
			return n > l
		case "gte":
			return n >= l
		}
		return n == l
	})
}

// anyOf gives the number of the value that passes one of the tests: -1 when it
// is the absence of a value that passes, -2 when nothing does.
func (m *Matcher) anyOf(p *predicate, tests []test, s *slot) int {
	vals := s.vals
	if !p.cased {
		vals = m.lower(s)
	}
	if p.set != nil {
		for i, v := range vals {
			if _, ok := p.set[v]; ok {
				return i
			}
		}
		return -2
	}
	for i := range tests {
		t := &tests[i]
		switch {
		case t.kind == refer:
			if at := m.refers(p, t, vals); at >= 0 {
				return at
			}
			continue
		case len(s.vals) == 0:
			if t.kind == null || m.prog.fields[p.slot].blind() && t.kind == equal && t.text == "" {
				return -1
			}
			continue
		}
		for j, v := range vals {
			if t.holds(v, s.vals[j]) {
				return j
			}
		}
	}
	return -2
}

// blind says that the field cannot tell an empty text from an absent one.
func (f *field) blind() bool { return len(f.columns) > 0 && !f.exact }

// refers compares with the values of another field.
func (m *Matcher) refers(p *predicate, t *test, vals []string) int {
	o := m.values(t.slot)
	others := o.vals
	if !p.cased {
		others = m.lower(o)
	}
	for i, v := range vals {
		for _, w := range others {
			switch {
			case t.affix == "" && v == w,
				t.affix == "prefix" && strings.HasPrefix(v, w),
				t.affix == "suffix" && strings.HasSuffix(v, w),
				t.affix == "contains" && strings.Contains(v, w):
				return i
			}
		}
	}
	return -2
}
