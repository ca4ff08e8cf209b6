package rule

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/yagura-sec/yagura/ocsf"
)

// slot is the place of a field's values while one event is matched.
type slot struct {
	now     uint64 // event for which the values stand
	lowered uint64 // event for which low stands
	present bool   // the path stands in the record, be it null
	vals    []string
	low     []string // vals in lower case
}

// branch is a node of a tree of paths.
type branch struct {
	key   string
	kids  []*branch
	slots []int // that end here
}

// group is the paths that are read from the record in one pass.
type group struct {
	root  branch
	slots []int
	parts map[string]bool // the first keys of the paths
	only  string          // the first key, if there is but one
}

func (g *group) add(path string, slot int) {
	if slices.Contains(g.slots, slot) {
		return
	}
	g.slots = append(g.slots, slot)
	first, _, _ := strings.Cut(path, ".")
	if g.parts == nil {
		g.parts = map[string]bool{}
	}
	g.parts[first] = true
	g.only = ""
	if len(g.parts) == 1 {
		g.only = first
	}
	at := &g.root
	for _, key := range strings.Split(path, ".") {
		next := at.kid(key)
		if next == nil {
			next = &branch{key: key}
			at.kids = append(at.kids, next)
		}
		at = next
	}
	at.slots = append(at.slots, slot)
}

func (b *branch) kid(key string) *branch {
	for _, k := range b.kids {
		if k.key == key {
			return k
		}
	}
	return nil
}

// values gives the values of a field for the event at hand.
func (m *Matcher) values(id int) *slot {
	s := &m.slots[id]
	if s.now != m.now {
		m.fill(id, s)
	}
	return s
}

func (m *Matcher) fill(id int, s *slot) {
	f := &m.prog.fields[id]
	s.now, s.present = m.now, false
	switch {
	case f.derived != nil:
		s.vals = f.derived(m.ev)
		s.present = len(s.vals) > 0
		return
	case f.whole:
		s.vals = append(s.vals[:0], record(m.prog.schema, m.ev))
		if m.prog.schema.Raw == ocsf.RawJSON && strings.IndexByte(s.vals[0], '\\') >= 0 {
			s.vals = append(s.vals, unescape(s.vals[0])) // as the fields have it
		}
		s.present = true
		return
	case len(f.columns) == 1 && f.columns[0].Str != nil: // nearly all
		s.vals = s.vals[:0]
		if v := *f.columns[0].Str(m.ev); v != "" {
			s.vals = append(s.vals, v)
		}
	default:
		s.vals = f.columnValues(m.ev, s.vals[:0], &m.room)
	}
	if s.present = len(s.vals) > 0; s.present || f.path == "" || (len(f.columns) > 0 && !f.exact) {
		return
	}
	b, text := m.part(m.group)
	if m.lacks(f, b, text) {
		return
	}
	s.now-- // not yet: the group's pass fills it
	m.read(m.group, b, text)
	s.now = m.now
}

// lacks says that a path cannot stand in a text because its last key does not,
// which is cheaper to see than to walk. Escapes could hide a key.
func (m *Matcher) lacks(f *field, b *branch, text string) bool {
	if f.path == b.key || strings.Contains(text, f.last) {
		return false
	}
	if b.key != "" {
		return strings.IndexByte(text, '\\') < 0
	}
	if m.looked != m.now {
		m.looked, m.escaped = m.now, strings.IndexByte(text, '\\') >= 0
	}
	return !m.escaped
}

// read walks the record once for all paths of a group that are still open.
func (m *Matcher) read(g *group, b *branch, text string) {
	for _, id := range g.slots {
		s, f := &m.slots[id], &m.prog.fields[id]
		m.open[id] = s.now != m.now
		if m.open[id] {
			s.vals, s.present = s.vals[:0], false
			if len(f.columns) > 0 {
				s.vals = f.columnValues(m.ev, s.vals, &m.room)
				s.present = len(s.vals) > 0
				m.open[id] = !s.present
			}
		}
		s.now = m.now
	}
	m.scan.ResetText(text)
	m.walk(b)
}

// part gives the part of the record in which all paths of a group lie, if the
// event has it apart: it need not be looked for in the whole.
func (m *Matcher) part(g *group) (*branch, string) {
	switch {
	case g.only == "requestParameters" && m.ev.Request != "":
		return g.root.kid(g.only), m.ev.Request
	case g.only == "responseElements" && m.ev.Response != "":
		return g.root.kid(g.only), m.ev.Response
	}
	return &g.root, document(m.prog.schema, m.ev)
}

// walk reads the waiting value for a branch.
func (m *Matcher) walk(b *branch) {
	s := &m.scan
	for _, id := range b.slots {
		m.slots[id].present = m.slots[id].present || m.open[id]
	}
	if s.Array() {
		for s.Next() {
			m.walk(b)
		}
		return
	}
	if len(b.slots) > 0 {
		at := *s
		m.leaf(b)
		if len(b.kids) == 0 || at.Kind() != '{' {
			return
		}
		*s = at
	}
	if !s.Object() {
		s.Skip()
		return
	}
	for s.Next() {
		key := s.Key()
		if k := b.kid(key); k != nil {
			m.walk(k)
		} else if strings.IndexByte(key, '.') >= 0 {
			m.dotted(b, key)
		}
	}
}

// dotted follows a key that holds dots itself.
func (m *Matcher) dotted(b *branch, key string) {
	for b != nil && key != "" {
		var head string
		head, key, _ = strings.Cut(key, ".")
		b = b.kid(head)
	}
	if b != nil {
		m.walk(b)
	}
}

// leaf gives the waiting value to the branch's slots.
func (m *Matcher) leaf(b *branch) {
	var v string
	s := &m.scan
	kind := s.Kind()
	switch kind {
	case 'n', 0:
		s.Skip()
		return
	case '"':
		var ok bool
		if v, ok = s.Str(); !ok {
			return
		}
	default:
		if v = s.Raw(); s.Err() != nil {
			return
		}
	}
	plain := ""
	if kind == '{' && strings.IndexByte(v, '\\') >= 0 {
		plain = unescape(v)
	}
	for _, id := range b.slots {
		if t := &m.slots[id]; m.open[id] && len(t.vals) < maxValues {
			if t.vals = append(t.vals, v); plain != "" {
				t.vals = append(t.vals, plain)
			}
		}
	}
}

// unescape undoes the escapes of JSON in a text, one level of them: rules look
// for "Effect":"Allow" in requests that hold a policy as text.
func unescape(v string) string {
	b := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] != '\\' || i+1 == len(v) {
			b = append(b, v[i])
			continue
		}
		i++
		switch c := v[i]; c {
		case 'b', 'f', 'n', 'r', 't':
			b = append(b, map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}[c])
		case 'u':
			n, err := strconv.ParseUint(v[i+1:min(i+5, len(v))], 16, 32)
			if err != nil || i+4 >= len(v) {
				b = append(b, `\u`...)
				continue
			}
			b = utf8.AppendRune(b, rune(n)) // half of a pair becomes U+FFFD
			i += 4
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// lower gives a slot's values in lower case.
func (m *Matcher) lower(s *slot) []string {
	if s.lowered != m.now {
		s.lowered = m.now
		s.low = s.low[:0]
		for _, v := range s.vals {
			s.low = append(s.low, lower(v, &m.room))
		}
	}
	return s.low
}

// lower gives a text in the lower case of each of its characters; room is for
// the result.
func lower(v string, room *[]byte) string {
	for i := range len(v) {
		c := v[i]
		if c >= utf8.RuneSelf {
			return strings.ToLower(v)
		}
		if c >= 'A' && c <= 'Z' {
			return lowerFrom(v, i, room)
		}
	}
	return v
}

func lowerFrom(v string, i int, room *[]byte) string {
	from := len(*room)
	*room = append(*room, v...)
	b := (*room)[from:]
	for ; i < len(b); i++ {
		c := b[i]
		if c >= utf8.RuneSelf {
			*room = (*room)[:from]
			return strings.ToLower(v)
		}
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return alias(b)
}

func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Values gives the values of a field of an event: what rules on the field see.
// A name that the source does not have is a path in its record; it may have no
// values. They stay valid.
func (m *Matcher) Values(source, name string, ev *ocsf.Event) []string {
	p := m.set.programs[source]
	if p == nil {
		return nil
	}
	key := [2]string{source, name}
	f, ok := m.known[key]
	if !ok {
		f, _ = m.set.fields.lookup(source, name, false)
		if len(m.known) < 10_000 {
			m.known[key] = f
		}
	}
	return f.values(p.schema, ev)
}
