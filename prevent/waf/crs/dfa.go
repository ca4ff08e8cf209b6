package crs

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// dfa decides whether an expression matches anywhere in a text, by states that are made
// when a text first needs them (Thompson 1968; Cox, https://swtch.com/~rsc/regexp/).
// A state is the set of places of regexp/syntax's program that the text may be at. Its
// answer is that of regexp.MatchString, since the same program decides each step; when
// a text would need too many new states, it gives none and the caller asks regexp.
//
// Safe for concurrent use: states are made under a lock and read without it.
type dfa struct {
	prog   *syntax.Prog
	ascii  [utf8.RuneSelf]uint8
	bounds []rune // where the classes of runes begin
	sample []rune // one rune of each class
	looks  bool   // the program has assertions, so the rune before matters
	budget *atomic.Int64

	mu     sync.Mutex
	states map[string]*state
	spent  int64
	full   bool // there is no room for another state
	start  atomic.Pointer[state]
	misses atomic.Int64
	seen   []uint32 // scratch of closure, by place
	round  uint32
}

// state is a set of places before a rune.
type state struct {
	places []uint32
	before uint8                   // what stands before: start, newline, word, other
	next   []atomic.Pointer[state] // by class of rune; the last one is the end of the text
}

// matched is the state of a text that matches.
var matched = &state{}

// Bounds of the states: bytes of all expressions together and of one, new states of one
// call, and calls without an answer after which an expression starts anew.
const (
	dfaBudget   = 12 << 20
	dfaSpend    = 768 << 10
	dfaPerCall  = 48
	dfaMisses   = 4096
	dfaProgram  = 40000 // places of a program
	dfaClasses  = 250
	stateHeader = 160
)

// newDFA prepares the automaton; nil when the expression is too large for one.
func newDFA(tree *syntax.Regexp, budget *atomic.Int64) *dfa {
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil || len(prog.Inst) > dfaProgram {
		return nil
	}
	d := &dfa{prog: prog, budget: budget, seen: make([]uint32, len(prog.Inst))}
	d.classes()
	if len(d.sample) > dfaClasses {
		return nil
	}
	d.clear()
	return d
}

// classes sorts the runes into classes that no instruction tells apart.
func (d *dfa) classes() {
	bounds := []rune{0, '\n', '\n' + 1}
	cut := func(low, high rune) { bounds = append(bounds, low, high+1) }
	for i := range d.prog.Inst {
		switch in := &d.prog.Inst[i]; in.Op {
		case syntax.InstEmptyWidth:
			d.looks = true
		case syntax.InstRune, syntax.InstRune1:
			if len(in.Rune) == 1 {
				r := in.Rune[0]
				cut(r, r)
				for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
					cut(f, f)
				}
				continue
			}
			for k := 0; k+1 < len(in.Rune); k += 2 {
				cut(in.Rune[k], in.Rune[k+1])
			}
		}
	}
	if d.looks {
		cut('0', '9')
		cut('A', 'Z')
		cut('_', '_')
		cut('a', 'z')
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	if n := len(bounds); bounds[n-1] > unicode.MaxRune {
		bounds = bounds[:n-1]
	}
	d.bounds, d.sample = bounds, bounds
	if len(bounds) <= dfaClasses {
		for r := range d.ascii {
			d.ascii[r] = uint8(d.class(rune(r)))
		}
	}
}

// class gives the class of a rune: that of the last bound that is not above it.
func (d *dfa) class(r rune) int {
	i, found := slices.BinarySearch(d.bounds, r)
	if found {
		return i
	}
	return i - 1
}

// clear forgets all states.
func (d *dfa) clear() {
	d.budget.Add(-d.spent)
	d.states, d.spent, d.full = map[string]*state{}, 0, false
	d.misses.Store(0)
	d.start.Store(d.intern([]uint32{uint32(d.prog.Start)}, 0))
}

// What stands before a place, as assertions see it.
const (
	beforeStart = iota
	beforeNewline
	beforeWord
	beforeOther
)

var beforeSample = [...]rune{-1, '\n', 'a', ' '}

func (d *dfa) after(r rune) uint8 {
	switch {
	case !d.looks:
		return beforeStart
	case r == '\n':
		return beforeNewline
	case syntax.IsWordChar(r):
		return beforeWord
	}
	return beforeOther
}

// intern gives the state of these places; there is room for it, or nil.
func (d *dfa) intern(places []uint32, before uint8) *state {
	slices.Sort(places)
	key := make([]byte, 0, 4*len(places)+1)
	for _, p := range places {
		key = binary.LittleEndian.AppendUint32(key, p)
	}
	key = append(key, before)
	if s := d.states[string(key)]; s != nil {
		return s
	}
	cost := int64(stateHeader + 8*len(places) + 8*len(d.sample))
	if d.spent+cost > dfaSpend || d.budget.Load()+cost > dfaBudget && len(d.states) > 0 {
		d.full = true
		return nil
	}
	d.spent += cost
	d.budget.Add(cost)
	s := &state{places: slices.Clone(places), before: before, next: make([]atomic.Pointer[state], len(d.sample)+1)}
	d.states[string(key)] = s
	return s
}

// match says whether the expression matches; ok is false when it does not know.
func (d *dfa) match(text string) (found, ok bool) {
	s, made := d.start.Load(), 0
	for i := 0; i <= len(text); {
		class, n := len(d.sample), 1
		if i < len(text) {
			if c := text[i]; c < utf8.RuneSelf {
				class = int(d.ascii[c])
			} else {
				var r rune
				r, n = utf8.DecodeRuneInString(text[i:])
				class = d.class(r)
			}
		}
		next := s.next[class].Load()
		if next == nil {
			if made++; made > dfaPerCall {
				return false, d.miss()
			}
			if next = d.make(s, class); next == nil {
				return false, d.miss()
			}
		}
		if next == matched {
			return true, true
		}
		s = next
		i += n
	}
	return false, true
}

// miss counts a call without an answer. After many the states are made anew, since
// they may be those of texts that come no more.
func (d *dfa) miss() bool {
	if d.misses.Add(1) > dfaMisses {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.clear()
	}
	return false
}

// make gives the state after a rune of a class, or after the end; nil when there is no
// room for it.
func (d *dfa) make(s *state, class int) *state {
	d.mu.Lock()
	defer d.mu.Unlock()
	if next := s.next[class].Load(); next != nil || d.full {
		return next
	}
	r := rune(-1)
	if class < len(d.sample) {
		r = d.sample[class]
	}
	flags := syntax.EmptyOpContext(beforeSample[s.before], r)
	if d.round++; d.round == 0 {
		clear(d.seen)
		d.round = 1
	}
	var places []uint32
	stack := append(make([]uint32, 0, 64), s.places...)
	var next *state
	for len(stack) > 0 && next == nil {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if d.seen[pc] == d.round {
			continue
		}
		d.seen[pc] = d.round
		switch in := &d.prog.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^flags == 0 {
				stack = append(stack, in.Out)
			}
		case syntax.InstMatch:
			next = matched
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if class < len(d.sample) && takes(in, r) {
				places = append(places, in.Out)
			}
		}
	}
	if next == nil {
		// A match may start at any rune.
		places = append(places, uint32(d.prog.Start))
		slices.Sort(places)
		next = d.intern(slices.Compact(places), d.after(r))
	}
	if next != nil {
		s.next[class].Store(next)
	}
	return next
}

func takes(in *syntax.Inst, r rune) bool {
	switch in.Op {
	case syntax.InstRuneAny:
		return true
	case syntax.InstRuneAnyNotNL:
		return r != '\n'
	}
	return in.MatchRune(r)
}
