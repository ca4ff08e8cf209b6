package crs

import (
	"hash/maphash"
	"strings"

	"github.com/yagura-sec/yagura/internal/transform"
)

// text is one distinct text of a request, with what is known of it.
type text struct {
	s       string
	set     byteset // its bytes
	hash    uint64
	scanned bool
}

// fastState is what a transaction keeps for the shortcuts. All texts, their sets of
// filters and the results of transformations lie in slabs.
type fastState struct {
	texts   []text
	cands   []uint64 // sets of filters that a text may match
	steps   []int32  // by text and transformation: the result plus one, or zero
	table   []int32  // of texts by hash: number plus one
	singles [varCount]int32
	hits    []uint32 // by group of literals: the scan that found one
	scan    uint32
	may     bitset
	phase   bitset
	path    []byte
}

var seed = maphash.MakeSeed()

const minTable = 256

func (f *fastState) reset() {
	clear(f.texts)
	f.texts, f.cands, f.steps = f.texts[:0], f.cands[:0], f.steps[:0]
	clear(f.table)
	f.singles = [varCount]int32{}
}

// text gives the number of a text; equal texts have the same.
func (t *transaction) text(s string) int32 {
	f := &t.fast
	if len(f.table) < 2*len(f.texts)+2 {
		t.rehash()
	}
	h := maphash.String(seed, s)
	mask := uint64(len(f.table) - 1)
	i := h & mask
	for ; f.table[i] != 0; i = (i + 1) & mask {
		if x := &f.texts[f.table[i]-1]; x.hash == h && x.s == s {
			return f.table[i] - 1
		}
	}
	n := int32(len(f.texts))
	f.table[i] = n + 1
	f.texts = append(f.texts, text{s: s, hash: h, set: bytesOf(s)})
	p := t.e.filter
	f.cands = extend(f.cands, p.words)
	f.steps = extend(f.steps, len(p.chains.steps))
	return n
}

// extend adds n zeros.
func extend[T int32 | uint64](list []T, n int) []T {
	start := len(list)
	if start+n > cap(list) {
		list = append(list, make([]T, n)...)
		return list
	}
	list = list[:start+n]
	clear(list[start:])
	return list
}

func bytesOf(s string) (b byteset) {
	for i := range len(s) {
		b.add(s[i])
	}
	return b
}

func (t *transaction) rehash() {
	f := &t.fast
	f.table = make([]int32, max(minTable, 2*len(f.table)))
	mask := uint64(len(f.table) - 1)
	for n := range f.texts {
		i := f.texts[n].hash & mask
		for f.table[i] != 0 {
			i = (i + 1) & mask
		}
		f.table[i] = int32(n) + 1
	}
}

// through gives the text that comes out of a chain of transformations.
func (t *transaction) through(n int32, chain int) int32 {
	c := t.e.filter.chains
	for _, id := range c.list[chain] {
		s := &c.steps[id]
		if !s.always && !t.fast.texts[n].set.meets(&s.wakes) {
			continue
		}
		slot := int(n)*len(c.steps) + id
		out := t.fast.steps[slot]
		if out == 0 {
			value, _ := t.step(s.f, t.fast.texts[n].s)
			out = t.text(value) + 1
			t.fast.steps[slot] = out
		}
		n = out - 1
	}
	return n
}

// cand gives the filters that a text may match.
func (t *transaction) cand(n int32) bitset {
	words := t.e.filter.words
	set := bitset(t.fast.cands[int(n)*words : (int(n)+1)*words])
	if x := &t.fast.texts[n]; !x.scanned {
		x.scanned = true
		t.search(x, set)
	}
	return set
}

// search finds what the text may match.
func (t *transaction) search(x *text, out bitset) {
	p, f := t.e.filter, &t.fast
	if x.set.meets(&high) && (strings.Contains(x.s, "\u017f") || strings.Contains(x.s, "\u212a")) {
		copy(out, p.all) // they fold to s and k
		return
	}
	if len(f.hits) < len(p.fires) {
		f.hits = make([]uint32, len(p.fires))
	}
	if f.scan++; f.scan == 0 {
		clear(f.hits)
		f.scan = 1
	}
	a, state := p.literals, int32(0)
	for i := range len(x.s) {
		if state = a.next[int(state)*a.width+int(a.class[x.s[i]])]; state >= 0 {
			continue
		}
		state = ^state
		for _, id := range a.ends[a.endsOf[state]] {
			for _, group := range p.groups[id] {
				if f.hits[group] == f.scan {
					continue
				}
				f.hits[group] = f.scan
				for _, filter := range p.fires[group] {
					out.add(int(filter))
				}
			}
		}
	}
	for i := out.next(0); i >= 0; i = out.next(i + 1) {
		if !f.hold(p.needs[i], &x.set) {
			out[i>>6] &^= 1 << (i & 63)
		}
	}
	plain := x.set.within(&plainBytes)
	for _, filter := range p.loose {
		if (!plain || p.plain.has(int(filter))) && f.hold(p.needs[filter], &x.set) {
			out.add(int(filter))
		}
	}
}

// hold says whether a text with these bytes fulfils all clauses.
func (f *fastState) hold(list []clause, set *byteset) bool {
	for i := range list {
		c := &list[i]
		if !c.set.meets(set) && (c.group == 0 || f.hits[c.group] != f.scan) {
			return false
		}
	}
	return true
}

// candidates gives the rules of a phase that something in the request may match.
func (t *transaction) candidates(phase int) bitset {
	p, f := t.e.filter, &t.fast
	f.may = extend(f.may[:0], p.words)
	for i := range p.sources[phase-1] {
		s := &p.sources[phase-1][i]
		h := &holds[s.v]
		if h.lists == nil {
			t.flow(t.singleText(s.v), s, f.may)
			continue
		}
		for _, list := range h.lists {
			for k := range t.lists[list] {
				if m := &t.lists[list][k]; s.key == "" || s.key == m.lower {
					t.flow(t.memberText(m, h.names), s, f.may)
				}
			}
		}
	}
	always := p.always[phase-1]
	f.phase = append(f.phase[:0], always...)
	for i := range f.phase {
		f.phase[i] |= f.may[p.base[phase-1]>>6+i]
	}
	if t.opened = t.opened || t.open; t.opened {
		t.open = true // for this phase too
	}
	return f.phase
}

func (t *transaction) singleText(v variable) int32 {
	if t.fast.singles[v] == 0 || t.fast.texts[t.fast.singles[v]-1].s != t.singles[v] {
		t.fast.singles[v] = t.text(t.singles[v]) + 1
	}
	return t.fast.singles[v] - 1
}

func (t *transaction) memberText(m *member, name bool) int32 {
	at, s := &m.valueText, m.value
	if name {
		at, s = &m.keyText, m.key
	}
	if *at == 0 {
		*at = t.text(s) + 1
	}
	return *at - 1
}

// flow sends a text through the chains of a source and adds the rules that what comes
// out may match.
func (t *transaction) flow(n int32, s *source, may bitset) {
	if !s.always && !t.fast.texts[n].set.meets(&s.wakes) {
		for i, w := range t.cand(n) {
			may[i] |= w & s.rules[i]
		}
		return
	}
	for i := range s.chains {
		c := &s.chains[i]
		out := t.through(n, c.chain)
		for i, w := range t.cand(out) {
			may[i] |= w & c.rules[i]
		}
	}
}

// transformed gives the value of an item after the transformations of a rule; skip says
// that the rule cannot match it. number is that of the text, or -1.
func (t *transaction) transformed(r *rule, it *item) (value string, number int32, skip bool) {
	if t.plain || it.m == nil && (holds[it.v].lists != nil || !readable(it.v)) || it.count {
		value = it.value
		for _, s := range r.chain {
			value, _ = t.step(s.f, value)
		}
		return value, -1, false
	}
	if it.m != nil {
		number = t.memberText(it.m, it.names)
	} else {
		number = t.singleText(it.v)
	}
	number = t.through(number, r.node)
	if r.filter >= 0 && !t.cand(number).has(r.filter) {
		return "", number, true
	}
	return t.fast.texts[number].s, number, false
}

// canMatch says whether one of the stages of a value may match a rule.
func (t *transaction) canMatch(r *rule, it *item) bool {
	if t.plain || r.filter < 0 || it.m == nil {
		return true
	}
	n := t.memberText(it.m, it.names)
	for _, chain := range r.stages {
		if t.cand(t.through(n, chain)).has(r.filter) {
			return true
		}
	}
	return false
}

// refuse remembers that a rule does not match a text.
func (t *transaction) refuse(r *rule, number int32) {
	if number >= 0 && r.filter >= 0 {
		words := t.e.filter.words
		t.fast.cands[int(number)*words+r.filter>>6] &^= 1 << (r.filter & 63)
	}
}

// chains are the distinct chains of transformations.
type chains struct {
	steps []stepKind
	ids   map[string]int // of steps by name
	list  [][]int
	keys  map[string]int // of chains
}

// stepKind is a transformation; a text without a byte of wakes it leaves as it is.
type stepKind struct {
	f      transform.Func
	wakes  byteset
	always bool // it may change even an empty text
}

func newChains() *chains { return &chains{ids: map[string]int{}, keys: map[string]int{}} }

func (c *chains) of(chain []step) int {
	var key strings.Builder
	var list []int
	for _, s := range chain {
		_, _ = key.WriteString(s.name + " ")
		id, ok := c.ids[s.name]
		if !ok {
			id = len(c.steps)
			c.ids[s.name] = id
			c.steps = append(c.steps, stepKind{s.f, wakesOf(s.name), wakesOf(s.name) == anyByte})
		}
		list = append(list, id)
	}
	n, ok := c.keys[key.String()]
	if !ok {
		n = len(c.list)
		c.keys[key.String()] = n
		c.list = append(c.list, list)
	}
	return n
}

func (c *chains) wakes(chain int) (all byteset) {
	for _, id := range c.list[chain] {
		all.union(&c.steps[id].wakes)
	}
	return all
}

// anyByte is the set of all bytes.
var anyByte = byteset{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}

// wakesOf gives the bytes of which a transformation needs one to change a text; all,
// when it may change any. FuzzWakes holds it against the transformations.
func wakesOf(name string) byteset {
	spaces := " \t\n\v\f\r"
	var set byteset
	switch name {
	case "lowercase":
		set = setOf("", "A-Z")
	case "uppercase":
		set = setOf("", "a-z")
	case "urldecode", "urldecodeuni":
		return setOf("%+")
	case "htmlentitydecode":
		return setOf("&")
	case "jsdecode", "cssdecode", "escapeseqdecode":
		return setOf(`\`)
	case "removenulls", "replacenulls":
		return setOf("\x00")
	case "removecomments", "removecommentschar":
		return setOf("/*<-#")
	case "replacecomments":
		return setOf("/")
	case "cmdline":
		return setOf("\"'\\^ ,;\t\r\n/(", "A-Z")
	case "normalizepath", "normalisepath":
		return setOf("./")
	case "normalizepathwin", "normalisepathwin":
		return setOf(`./\: `)
	case "trim", "trimleft", "trimright":
		return setOf(spaces)
	case "utf8tounicode":
		return high
	case "removewhitespace", "compresswhitespace":
		set = setOf(spaces)
	default:
		return anyByte
	}
	set.union(&high)
	return set
}
