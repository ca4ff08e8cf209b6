package crs

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// byteset is a set of bytes.
type byteset [4]uint64

func (b *byteset) add(c byte)      { b[c>>6] |= 1 << (c & 63) }
func (b *byteset) has(c byte) bool { return b[c>>6]&(1<<(c&63)) != 0 }

func (b *byteset) meets(o *byteset) bool {
	return b[0]&o[0]|b[1]&o[1]|b[2]&o[2]|b[3]&o[3] != 0
}

// within says that all of b is in o.
func (b *byteset) within(o *byteset) bool {
	return b[0]&^o[0]|b[1]&^o[1]|b[2]&^o[2]|b[3]&^o[3] == 0
}

func (b *byteset) union(o *byteset) {
	for i := range b {
		b[i] |= o[i]
	}
}

// setOf gives the set of the bytes of the texts, and of the ranges "a-z".
func setOf(chars string, ranges ...string) (b byteset) {
	for i := range len(chars) {
		b.add(chars[i])
	}
	for _, r := range ranges {
		for c := int(r[0]); c <= int(r[2]); c++ {
			b.add(byte(c))
		}
	}
	return b
}

// high are the bytes of UTF-8 outside of ASCII.
var high = byteset{2: ^uint64(0), 3: ^uint64(0)}

// commonness guesses how likely a byte is in an ordinary value.
func commonness(c byte) float64 {
	switch {
	case c == ' ' || strings.IndexByte("etaoinsr", c|0x20) >= 0:
		return 0.6
	case c|0x20 >= 'a' && c|0x20 <= 'z':
		return 0.3
	case c >= '0' && c <= '9', strings.IndexByte(`-._/"`, c) >= 0:
		return 0.25
	case c >= utf8.RuneSelf, strings.IndexByte(",:;=()+?&'!@", c) >= 0:
		return 0.08
	}
	return 0.02
}

func setOdds(b *byteset) float64 {
	miss := 1.0
	for c := range 256 {
		if b.has(byte(c)) {
			p := commonness(byte(c))
			if c >= utf8.RuneSelf {
				p /= 64
			}
			miss *= 1 - p
		}
	}
	return 1 - miss
}

func litOdds(s string) float64 {
	p := 2.0
	for i := range min(len(s), maxLit) {
		p *= commonness(s[i]) / 3
	}
	return min(p, 0.9)
}

// clause is a weaker, flat form of needs: a text has one of the literals, or a byte of
// the set.
type clause struct {
	lits  []string
	set   byteset
	group int32 // number of the literals, zero without any
	odds  float64
}

// clauses gives clauses that hold of every text that has what is needed, the least
// likely ones first. A need within an alternative is told by its best clause.
func (n *need) clauses() []clause {
	var out []clause
	switch n.kind {
	case needSet:
		return []clause{{set: n.set, odds: n.odds}}
	case needAnd:
		for _, k := range n.kids {
			out = append(out, k.clauses()...)
		}
	case needOr:
		c := clause{lits: n.lits}
		for _, k := range n.kids {
			best := k.clauses()[0]
			c.lits = append(c.lits[:len(c.lits):len(c.lits)], best.lits...)
			c.set.union(&best.set)
		}
		miss := 1 - setOdds(&c.set)
		for _, s := range c.lits {
			miss *= 1 - litOdds(s)
		}
		c.odds = 1 - miss
		return []clause{c}
	}
	slices.SortStableFunc(out, func(a, b clause) int { return cmp.Compare(a.odds, b.odds) })
	return out[:min(len(out), maxKids)]
}
