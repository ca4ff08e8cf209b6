package rule

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// Matcher matches events, one at a time, on one goroutine.
type Matcher struct {
	set    *Set
	states map[string]*state
	known  map[[2]string]field
	*state // of the source at hand
}

// state is the scratch space of one source.
type state struct {
	source string
	prog   *program
	slots  []slot
	memo   []uint64 // by predicate: event<<1 | result
	open   []bool   // by slot, during read
	tried  []uint64 // by rule: event for which a gate has tried it
	now    uint64   // number of the event at hand
	looked uint64   // event for which escaped stands
	// escaped says that the record holds a backslash.
	escaped bool
	ev      *ocsf.Event
	group   *group // whose paths are read when one is needed
	room    []byte // texts made for the event at hand
	scan    jsonscan.Scanner
	// By index and by gate: what is known of values met before.
	written []map[string]*bucket
	quiet   []silence
	yield   func(*Hit)
	hit     Hit
}

// Matcher gives a new matcher over the set.
func (s *Set) Matcher() *Matcher {
	m := &Matcher{set: s, states: map[string]*state{}, known: map[[2]string]field{}}
	for name, p := range s.programs {
		st := &state{
			source: name, prog: p, slots: make([]slot, len(p.fields)), memo: make([]uint64, len(p.predicates)),
			open: make([]bool, len(p.fields)), tried: make([]uint64, len(p.rules)),
		}
		for range p.indexes {
			st.written = append(st.written, map[string]*bucket{})
		}
		st.quiet = make([]silence, len(p.gates))
		m.states[name] = st
	}
	return m
}

// maxRoom bounds what is kept from event to event.
const maxRoom = 1 << 20

// begin makes an event the one at hand; false when no rule reads its source.
func (m *Matcher) begin(source string, ev *ocsf.Event) bool {
	if m.state == nil || m.source != source {
		st := m.states[source]
		if st == nil {
			return false
		}
		m.state = st
	}
	m.now++
	m.ev = ev
	if cap(m.room) > maxRoom {
		m.room = nil
	}
	m.room = m.room[:0]
	return true
}

// Match calls yield with every rule that matches the event, also those that a
// filter excludes ([Hit].Suppressed). The order is the same for equal events. A
// hit and its facts are valid until yield returns. Filters' expiry is judged by
// the event's time.
func (m *Matcher) Match(source string, ev *ocsf.Event, yield func(*Hit)) {
	if !m.begin(source, ev) {
		return
	}
	m.yield = yield
	for i, ix := range m.prog.indexes {
		s := m.values(ix.slot)
		if len(s.vals) == 0 {
			continue
		}
		if b := m.bucket(i, ix, s); b != nil {
			m.tryAll(&b.list, b.group)
		}
	}
	for i, g := range m.prog.gates {
		if s := m.values(g.slot); len(s.vals) > 0 && !m.quiet[i].holds(s.vals[0]) {
			m.enter(i, g, s)
		}
	}
	m.tryAll(&m.prog.list, m.prog.rest)
	m.yield, m.ev = nil, nil
}

// bucket finds the rules of a value. Values as written are remembered, so that
// few need be folded.
func (m *Matcher) bucket(i int, ix *index, s *slot) *bucket {
	v := s.vals[0]
	b, ok := m.written[i][v]
	if !ok {
		b = ix.buckets[m.lower(s)[0]]
		if len(m.written[i]) < maxWritten && len(v) <= maxRemembered {
			m.written[i][strings.Clone(v)] = b
		}
	}
	return b
}

// enter tries the rules of which a piece stands in the value.
func (m *Matcher) enter(i int, g *gate, s *slot) {
	v := s.vals[0]
	seen, silent := m.pass(g, v)
	if seen >= utf8.RuneSelf { // the lower case of other letters may be ASCII
		_, silent = m.pass(g, m.lower(s)[0])
	}
	if silent {
		m.quiet[i].keep(v)
	}
}

// pass runs the search over a text; it gives all of its bytes, or-ed, and
// whether no piece was found.
func (m *Matcher) pass(g *gate, text string) (seen byte, silent bool) {
	p, at := g.search, 0
	silent = true
	for i := range len(text) {
		seen |= text[i]
		at = int(p.next[at*p.classes+int(p.class[text[i]])])
		for _, id := range p.found[at] {
			silent = false
			for _, r := range g.rules[id] {
				if m.tried[r.number] != m.now {
					m.tried[r.number] = m.now
					m.try(r, r.group)
				}
			}
		}
	}
	return seen, silent
}

func (m *Matcher) try(r *Rule, g *group) {
	m.group = g
	if !m.true(r.root) {
		return
	}
	m.hit = Hit{Rule: r, m: m}
	if len(r.filters) > 0 {
		m.hit.Suppressed = m.suppressed(r)
		m.group = g
	}
	m.yield(&m.hit)
}

// true evaluates the logic.
func (m *Matcher) true(n *node) bool {
	switch n.op {
	case '=':
		return m.holds(n.pred)
	case '&':
		for _, k := range n.kids {
			if !m.true(k) {
				return false
			}
		}
		return true
	case '|':
		for _, k := range n.kids {
			if m.true(k) {
				return true
			}
		}
		return false
	}
	return !m.true(n.kids[0])
}

// Suppressed gives the filter that excludes an event for a rule, as in
// [Hit].Suppressed. It is for rules that Match does not yield: correlations and
// detectors.
func (m *Matcher) Suppressed(r *Rule, source string, ev *ocsf.Event) string {
	if len(r.filters) == 0 || !m.begin(source, ev) {
		return ""
	}
	return m.suppressed(r)
}

func (m *Matcher) suppressed(r *Rule) string {
	for _, f := range r.filters {
		if f.prog != m.prog {
			continue
		}
		info := f.doc.Filter
		if !info.Expires.IsZero() && m.ev.Time >= info.Expires.UnixMicro() {
			continue
		}
		m.group = f.group
		if !m.true(f.root) {
			continue
		}
		reason := info.Reason
		if reason == "" {
			reason = f.doc.Title.EN
		}
		if info.Owner != "" {
			reason += " (" + info.Owner + ")"
		}
		if !info.Expires.IsZero() {
			reason += ", until " + info.Expires.Format(time.DateOnly)
		}
		return fmt.Sprintf("filter %s: %s", f.doc.ID, reason)
	}
	return ""
}

// Bounds of the facts of a hit.
const (
	maxFacts = 20
	maxFact  = 256 // bytes of a value
)

// Facts gives the fields that speak for the match with the values that passed,
// at most 20, each of at most 256 bytes and each once. Of what the rule denies
// there is nothing to show. Values are hostile text.
func (h *Hit) Facts() []yagura.Fact {
	var facts []yagura.Fact
	h.m.facts(h.Rule.root, &facts)
	return facts
}

func (m *Matcher) facts(n *node, facts *[]yagura.Fact) {
	switch {
	case len(*facts) >= maxFacts || n.op == '!' || !m.true(n):
		return
	case n.op == '=':
		m.fact(m.prog.predicates[n.pred], facts)
		return
	}
	for _, k := range n.kids {
		m.facts(k, facts)
	}
}

func (m *Matcher) fact(p *predicate, facts *[]yagura.Fact) {
	s := m.values(p.slot)
	add := func(i int) {
		value := ""
		if i >= 0 && i < len(s.vals) {
			value = strings.Clone(clip(s.vals[i]))
		}
		f := yagura.Fact{Name: m.prog.fields[p.slot].name, Value: value}
		for _, old := range *facts {
			if old == f {
				return
			}
		}
		if len(*facts) < maxFacts {
			*facts = append(*facts, f)
		}
	}
	switch {
	case p.not || p.op == "exists":
		add(0)
	case p.op != "equals" || p.part != "":
		for i, v := range s.vals {
			if p.limit(v) {
				add(i)
				return
			}
		}
	default:
		for _, tests := range p.groups {
			if m.prog.fields[p.slot].whole {
				m.word(p, tests, s, facts)
			} else if i := m.anyOf(p, tests, s); i > -2 {
				add(i)
			}
		}
	}
}

// word adds the keyword that stands in the record.
func (m *Matcher) word(p *predicate, tests []test, s *slot, facts *[]yagura.Fact) {
	for i := range tests {
		if m.anyOf(p, tests[i:i+1], s) >= 0 {
			*facts = append(*facts, yagura.Fact{Name: "record", Value: clip(tests[i].text)})
			return
		}
	}
}

// clip cuts a value between two characters.
func clip(v string) string {
	if len(v) <= maxFact {
		return v
	}
	v = v[:maxFact]
	for i := 0; i < utf8.UTFMax && len(v) > 0; i++ {
		if r, size := utf8.DecodeLastRuneInString(v); r != utf8.RuneError || size != 1 {
			break
		}
		v = v[:len(v)-1]
	}
	return v
}
