package iam

import (
	"maps"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/access"
)

// diagram is a reduced ordered binary decision diagram (Bryant 1986) over atoms:
// "the key is absent", "the key's value matches this". It tells whether a tree is
// true whatever the atoms are, which three-valued logic cannot.
type diagram struct {
	tree  *tree
	nodes []node
	index map[node]int
	memo  map[[3]int]int
	full  bool // over budget: no answer can be trusted

	atoms map[string]int // number of each atom by name
	keys  map[string]*keyAtoms
}

// node branches on an atom. 0 and 1 are false and true.
type node struct{ atom, low, high int }

const (
	falseNode = 0
	trueNode  = 1
	maxNodes  = 100000
	endAtom   = 1 << 30
)

// keyAtoms are the atoms about one unknown key.
type keyAtoms struct {
	absent   int // atom, or -1 if the key is known to be present
	ordinary map[int]*valueAtom
	some     []int // "some value does": false if the key is absent
}

// valueAtom is "the key's one value matches the operand".
type valueAtom struct {
	operator operator
	operand  *operand
}

func newDiagram(t *tree) *diagram {
	b := &diagram{
		tree: t, nodes: []node{{endAtom, 0, 0}, {endAtom, 1, 1}},
		index: map[node]int{}, memo: map[[3]int]int{},
		atoms: map[string]int{}, keys: map[string]*keyAtoms{},
	}
	// Atoms of one key are numbered together, which keeps diagrams small.
	leaves := slices.SortedFunc(maps.Keys(t.leaves), func(x, y *access.Expr) int {
		if c := strings.Compare(strings.ToLower(x.Key), strings.ToLower(y.Key)); c != 0 {
			return c
		}
		return strings.Compare(x.String(), y.String())
	})
	for _, leaf := range leaves {
		b.build(leaf)
	}
	return b
}

func (b *diagram) node(n node) int {
	if n.low == n.high {
		return n.low
	}
	if at, ok := b.index[n]; ok {
		return at
	}
	if len(b.nodes) >= maxNodes {
		b.full = true
		return falseNode
	}
	b.nodes = append(b.nodes, n)
	b.index[n] = len(b.nodes) - 1
	return len(b.nodes) - 1
}

// choose is if f then g else h.
func (b *diagram) choose(f, g, h int) int {
	switch {
	case f == trueNode:
		return g
	case f == falseNode:
		return h
	case g == h:
		return g
	case g == trueNode && h == falseNode:
		return f
	case b.full:
		return falseNode
	}
	key := [3]int{f, g, h}
	if r, ok := b.memo[key]; ok {
		return r
	}
	atom := min(b.nodes[f].atom, b.nodes[g].atom, b.nodes[h].atom)
	side := func(n int, high bool) int {
		switch {
		case b.nodes[n].atom != atom:
			return n
		case high:
			return b.nodes[n].high
		}
		return b.nodes[n].low
	}
	low := b.choose(side(f, false), side(g, false), side(h, false))
	high := b.choose(side(f, true), side(g, true), side(h, true))
	r := b.node(node{atom, low, high})
	b.memo[key] = r
	return r
}

func (b *diagram) and(f, g int) int { return b.choose(f, g, falseNode) }
func (b *diagram) or(f, g int) int  { return b.choose(f, trueNode, g) }
func (b *diagram) not(f int) int    { return b.choose(f, falseNode, trueNode) }

// atom numbers an atom by its name.
func (b *diagram) atom(name string) int {
	n, ok := b.atoms[name]
	if !ok {
		n = len(b.atoms)
		b.atoms[name] = n
	}
	return n
}

func (b *diagram) literal(atom int) int { return b.node(node{atom, falseNode, trueNode}) }

// build turns a tree into a diagram.
func (b *diagram) build(x *access.Expr) int {
	switch {
	case x == nil:
		return falseNode
	case x.Not != nil:
		return b.not(b.build(x.Not))
	case x.Operator != "" || x.Resource != "":
		if c := b.tree.leaves[x]; c != nil {
			return b.condition(c)
		}
		return b.literal(b.atom(x.String()))
	case x.Or != nil:
		r := falseNode
		for _, item := range x.Or {
			r = b.or(r, b.build(item))
		}
		return r
	}
	r := trueNode
	for _, item := range x.And {
		r = b.and(r, b.build(item))
	}
	return r
}

// condition writes a condition as absence of its key and matches of its values,
// so that conditions that are each other's opposite are seen to be.
func (b *diagram) condition(c *condition) int {
	entry, presence := b.tree.e.lookup(c.hash, c.key)
	name := strings.ToLower(c.key)
	k := b.keys[name]
	if k == nil {
		k = &keyAtoms{absent: -1, ordinary: map[int]*valueAtom{}}
		if presence == perhaps {
			k.absent = b.atom("absent " + name)
		}
		b.keys[name] = k
	}
	missing := falseNode
	if k.absent >= 0 {
		missing = b.literal(k.absent)
	}
	isAbsent := func(answer int) int {
		return b.choose(missing, b.constant(c.whenAbsent() == yes), answer)
	}
	switch {
	case c.compare == isNull:
		return b.choose(missing, b.constant(c.evalNull(absent) == yes), b.constant(c.evalNull(someValue) == yes))
	case c.quantifier == plain && c.isMulti(entry):
		return isAbsent(falseNode)
	case c.quantifier == plain && c.isOrdinary():
		return isAbsent(b.values(name, k, c))
	case c.quantifier == plain:
		return isAbsent(b.literal(b.atom("opaque " + c.signature(c.negated) + " " + name)))
	}
	// "All values do" is "not some value does not". Where every value can be
	// compared, what does not match is what the opposite operator matches.
	atomName := "some " + c.signature(c.negated) + " " + name
	switch {
	case c.quantifier == forAll && c.isTotal():
		atomName = "some " + c.signature(!c.negated) + " " + name
	case c.quantifier == forAll:
		atomName = "fails " + atomName
	}
	atom := b.atom(atomName)
	if !slices.Contains(k.some, atom) {
		k.some = append(k.some, atom)
	}
	answer := b.literal(atom)
	if c.quantifier == forAll {
		answer = b.not(answer)
	}
	return isAbsent(answer)
}

func (b *diagram) constant(v bool) int {
	if v {
		return trueNode
	}
	return falseNode
}

// isOrdinary reports whether every value can be compared on its own: none holds a
// variable.
func (c *condition) isOrdinary() bool {
	for i := range c.operands {
		if !c.operands[i].fixed {
			return false
		}
	}
	return true
}

// signature names what a condition compares, without key and quantifier.
func (c *condition) signature(negated bool) string {
	var s strings.Builder
	s.WriteByte('0' + byte(c.compare))
	for _, h := range c.holds {
		s.WriteByte(map[bool]byte{true: '1', false: '0'}[h])
	}
	if negated {
		s.WriteByte('!')
	}
	raw := make([]string, len(c.operands))
	for i := range c.operands {
		raw[i] = c.operands[i].raw
	}
	slices.Sort(raw)
	for _, r := range slices.Compact(raw) {
		s.WriteString("\x00" + r)
	}
	return s.String()
}

// values is "the key's value matches one of the operands", or the opposite.
func (b *diagram) values(name string, k *keyAtoms, c *condition) int {
	some := falseNode
	for i := range c.operands {
		one := condition{operator: c.operator, operands: c.operands[i : i+1]}
		atom := b.atom("value " + one.signature(false) + " " + name)
		k.ordinary[atom] = &valueAtom{c.operator, &c.operands[i]}
		some = b.or(some, b.literal(atom))
	}
	if c.isTotal() {
		if c.negated {
			return b.not(some)
		}
		return some
	}
	for i := range c.operands {
		if c.negated && !c.operands[i].valid {
			return falseNode
		}
	}
	readable := b.literal(b.atom("readable " + string('0'+rune(c.compare)) + " " + name))
	if c.negated {
		some = b.not(some)
	}
	return b.and(some, readable)
}

// isTotal reports whether any two values can be compared: texts can, but not
// every text is a number or an ARN.
func (c *condition) isTotal() bool {
	switch c.compare {
	case equal, equalFold, like:
		return c.isOrdinary()
	case boolEqual, binaryEqual:
		return !c.negated && c.isOrdinary()
	default:
		return false
	}
}
