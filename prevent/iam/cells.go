package iam

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// constraints says which combinations of atoms a request can have at all: an
// absent key matches nothing, one value is not two. What it leaves out makes the
// diagram allow for too much, so that an answer stays Unknown that could be
// told; it never makes an answer wrong.
func (b *diagram) constraints() int {
	possible := trueNode
	for _, name := range slices.Sorted(maps.Keys(b.keys)) {
		k := b.keys[name]
		if k.absent >= 0 {
			missing := b.literal(k.absent)
			for _, atom := range append(slices.Sorted(maps.Keys(k.ordinary)), k.some...) {
				possible = b.and(possible, b.not(b.and(missing, b.literal(atom))))
			}
		}
		possible = b.and(possible, b.oneValue(k))
	}
	return possible
}

// maxCells bounds the work for one key.
const maxCells = 256

// oneValue says which atoms can be true of one value together.
func (b *diagram) oneValue(k *keyAtoms) int {
	atoms := slices.Sorted(maps.Keys(k.ordinary))
	if len(atoms) == 0 || len(atoms) > maxCells {
		return trueNode
	}
	cells, ok := k.cells(atoms)
	if !ok {
		return b.pairs(k, atoms)
	}
	some := falseNode
	for _, cell := range cells {
		all := trueNode
		for i, atom := range slices.Backward(atoms) {
			x := b.literal(atom)
			if !cell[i] {
				x = b.not(x)
			}
			all = b.and(x, all)
		}
		some = b.or(some, all)
	}
	if k.absent >= 0 {
		// An absent key has no value at all.
		some = b.or(some, b.literal(k.absent))
	}
	return some
}

// pairs relates patterns two by two: one may hold the other or exclude it.
func (b *diagram) pairs(k *keyAtoms, atoms []int) int {
	possible := trueNode
	for _, x := range atoms[:min(len(atoms), 32)] {
		for _, y := range atoms[:min(len(atoms), 32)] {
			p, q := k.ordinary[x], k.ordinary[y]
			if x == y || !p.isText() || !q.isText() {
				continue
			}
			switch p.operand.text.Relate(&q.operand.text, b.tree.e) {
			case yes: // what q matches, p matches
				possible = b.and(possible, b.or(b.literal(x), b.not(b.literal(y))))
			case no:
				possible = b.and(possible, b.not(b.and(b.literal(x), b.literal(y))))
			case open:
			}
		}
	}
	return possible
}

func (v *valueAtom) isText() bool {
	return v.operator.compare == equal || v.operator.compare == like
}

// cells lists, for kinds of values where that can be done fully, the
// combinations of atoms that some value gives.
func (k *keyAtoms) cells(atoms []int) (cells [][]bool, ok bool) {
	first := k.ordinary[atoms[0]].operator.compare
	for _, a := range atoms {
		if k.ordinary[a].operator.compare != first {
			return nil, false
		}
	}
	seen := map[string]bool{}
	add := func(holds func(*valueAtom) bool) {
		cell := make([]bool, len(atoms))
		name := make([]byte, len(atoms))
		for i, a := range atoms {
			v := k.ordinary[a]
			cell[i] = v.operand.valid && holds(v)
			if cell[i] {
				name[i] = 1
			}
		}
		if !seen[string(name)] {
			seen[string(name)] = true
			cells = append(cells, cell)
		}
	}
	nothing := func(*valueAtom) bool { return false }
	switch first {
	case equal:
		add(nothing)
		for _, a := range atoms {
			add(func(v *valueAtom) bool {
				return v.operand.raw == k.ordinary[a].operand.raw || v.sameText(k.ordinary[a])
			})
		}
	case boolEqual:
		// A Boolean key is true or false, nothing else.
		for value := range 2 {
			add(func(v *valueAtom) bool { return v.operand.truth == value })
		}
	case numeric:
		add(nothing)
		k.around(atoms, func(o, pivot *operand) int { return pivot.number.compare(o.number) }, add)
	case date:
		add(nothing)
		k.around(atoms, func(o, pivot *operand) int { return compareTimes(pivot.time, o.time) }, add)
	case ipAddress:
		add(nothing)
		for _, address := range k.addresses(atoms) {
			add(func(v *valueAtom) bool { return v.operand.net.Contains(address) })
		}
	default:
		return nil, false
	}
	return cells, true
}

func compareTimes(a, b time.Time) int { return a.Compare(b) }

func (v *valueAtom) sameText(o *valueAtom) bool {
	x, _ := v.operand.text.Text(nil)
	y, _ := o.operand.text.Text(nil)
	return x == y
}

// around visits the values at each operand and just below and above it. compare
// tells where a pivot lies from an operand.
func (k *keyAtoms) around(atoms []int, compare func(o, pivot *operand) int, add func(func(*valueAtom) bool)) {
	for _, a := range atoms {
		pivot := k.ordinary[a].operand
		if !pivot.valid {
			continue
		}
		for nudge := -1; nudge <= 1; nudge++ {
			add(func(v *valueAtom) bool {
				c := sign(compare(v.operand, pivot))
				if c == 0 {
					c = nudge
				}
				return v.operator.holds[c+1]
			})
		}
	}
}

// addresses are the ends of every block and their neighbours.
func (k *keyAtoms) addresses(atoms []int) (out []netip.Addr) {
	for _, a := range atoms {
		o := k.ordinary[a].operand
		if !o.valid {
			continue
		}
		first := o.net.Addr()
		last := lastAddress(o.net)
		for _, address := range []netip.Addr{first, last, first.Prev(), last.Next()} {
			if address.IsValid() {
				out = append(out, address)
			}
		}
	}
	return out
}

func lastAddress(p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	for i := p.Bits(); i < len(bytes)*8; i++ {
		bytes[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}
