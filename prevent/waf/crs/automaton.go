package crs

import "slices"

// automaton finds all literals in a text in one pass (Aho and Corasick, 1975). Letters
// of ASCII are read in lower case.
type automaton struct {
	class  [256]uint8 // of a byte; 0: in no literal
	width  int        // number of classes
	next   []int32    // by state and class; negative: the state ^x has literals
	ends   [][]int32  // literals that end in a state, by the state's number among those
	endsOf []int32
}

// newAutomaton builds the automaton of literals, which are in lower case.
func newAutomaton(literals []string) *automaton {
	a := &automaton{width: 1}
	for _, s := range literals {
		for i := range len(s) {
			if a.class[s[i]] == 0 {
				a.class[s[i]] = uint8(a.width)
				a.width++
			}
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		a.class[c] = a.class[c|0x20]
	}
	states := 1
	a.next = make([]int32, a.width)
	own := [][]int32{nil}
	for id, s := range literals {
		at := int32(0)
		for i := range len(s) {
			slot := int(at)*a.width + int(a.class[s[i]])
			if a.next[slot] == 0 {
				a.next[slot] = int32(states)
				states++
				a.next = append(a.next, make([]int32, a.width)...)
				own = append(own, nil)
			}
			at = a.next[slot]
		}
		own[at] = append(own[at], int32(id))
	}
	a.next = slices.Clone(a.next) // It has grown by doubling.
	a.complete(own)
	return a
}

// complete fills in where a state goes when its own letters do not fit: where the
// longest proper suffix that is a state goes. A state has its suffix's literals too.
func (a *automaton) complete(own [][]int32) {
	states := len(own)
	fail := make([]int32, states)
	queue := make([]int32, 0, states)
	for c := range a.width {
		if s := a.next[c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		f := fail[s]
		if len(own[f]) > 0 {
			own[s] = append(own[s][:len(own[s]):len(own[s])], own[f]...)
		}
		for c := range a.width {
			slot := int(s)*a.width + c
			if child := a.next[slot]; child != 0 {
				fail[child] = a.next[int(f)*a.width+c]
				queue = append(queue, child)
			} else {
				a.next[slot] = a.next[int(f)*a.width+c]
			}
		}
	}
	a.endsOf = make([]int32, states)
	for s, list := range own {
		if len(list) > 0 {
			a.endsOf[s] = int32(len(a.ends))
			a.ends = append(a.ends, list)
		}
	}
	for i, s := range a.next {
		if len(own[s]) > 0 {
			a.next[i] = ^s
		}
	}
}
