package waf

import (
	"errors"
	"fmt"
	"regexp/syntax"
)

// look is one look-around.
type look struct {
	behind, negate bool
	text           string // translated pattern
	program        *lookProgram
	low, high      int // lengths that a look-behind tries
}

// lookProgram runs a pattern with look-around. It backtracks, but never visits
// the same instruction at the same place twice, and gives up after maxSteps: no
// pattern can take exponential time.
type lookProgram struct {
	prog  *syntax.Prog
	looks []*look
}

const maxSteps = 4 << 20

func newLookProgram(tree *syntax.Regexp, looks []*look) (*lookProgram, error) {
	for _, l := range looks {
		inner, err := syntax.Parse(l.text, syntax.Perl)
		if err != nil {
			return nil, fmt.Errorf("look-around: %w", err)
		}
		if l.behind {
			if l.low, l.high = width(inner); l.high > 255 {
				return nil, errors.New("a look-behind has no bounded length")
			}
		}
		prog, err := syntax.Compile(inner.Simplify())
		if err != nil {
			return nil, fmt.Errorf("look-around: %w", err)
		}
		l.program = &lookProgram{prog: prog, looks: looks}
	}
	prog, err := syntax.Compile(tree.Simplify())
	return &lookProgram{prog: prog, looks: looks}, err
}

// unbounded is longer than any look-behind may be.
const unbounded = 1 << 20

// width gives the shortest and longest match.
func width(re *syntax.Regexp) (low, high int) {
	switch re.Op {
	case syntax.OpLiteral:
		n := 0
		for _, r := range re.Rune {
			if r < firstLook {
				n++
			}
		}
		return n, n
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1, 1
	case syntax.OpCapture:
		return width(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			l, h := width(sub)
			low, high = low+l, min(high+h, unbounded)
		}
		return low, high
	case syntax.OpAlternate:
		low = unbounded
		for _, sub := range re.Sub {
			l, h := width(sub)
			low, high = min(low, l), max(high, h)
		}
		return low, high
	case syntax.OpStar, syntax.OpPlus:
		return 0, unbounded
	case syntax.OpQuest:
		_, h := width(re.Sub[0])
		return 0, h
	case syntax.OpRepeat:
		l, h := width(re.Sub[0])
		if re.Max < 0 {
			return l * re.Min, unbounded
		}
		return l * re.Min, min(h*re.Max, unbounded)
	default:
		return 0, 0
	}
}

// search looks for the pattern anywhere in a value.
func (p *lookProgram) search(value []byte) (found, ok bool) {
	s := &lookSearch{value: value, steps: maxSteps}
	visited := p.visited(value)
	for at := range len(value) + 1 {
		if s.run(p, at, -1, visited) {
			return true, true
		}
		if s.steps <= 0 {
			return false, false
		}
	}
	return false, true
}

func (p *lookProgram) visited(value []byte) []uint64 {
	return make([]uint64, (len(p.prog.Inst)*(len(value)+1)+63)/64)
}

type lookSearch struct {
	value []byte
	steps int
	depth int
	known map[*look][]int8 // answers by place: 1 holds, -1 does not
}

type lookState struct{ pc, at int }

// run tries the program from one place; end is where it must end, or -1.
func (s *lookSearch) run(p *lookProgram, at, end int, visited []uint64) bool {
	stack := []lookState{{p.prog.Start, at}}
	for len(stack) > 0 {
		if s.steps--; s.steps <= 0 {
			return false
		}
		state := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		bit := state.pc*(len(s.value)+1) + state.at
		if visited[bit/64]&(1<<(bit%64)) != 0 {
			continue
		}
		visited[bit/64] |= 1 << (bit % 64)
		in := &p.prog.Inst[state.pc]
		switch in.Op {
		case syntax.InstMatch:
			if end < 0 || state.at == end {
				return true
			}
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, lookState{int(in.Arg), state.at}, lookState{int(in.Out), state.at})
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, lookState{int(in.Out), state.at})
		case syntax.InstEmptyWidth:
			if s.stands(syntax.EmptyOp(in.Arg), state.at) {
				stack = append(stack, lookState{int(in.Out), state.at})
			}
		case syntax.InstFail:
		default:
			if len(in.Rune) == 1 && in.Rune[0] >= firstLook {
				if s.holds(p.looks[in.Rune[0]-firstLook], state.at) {
					stack = append(stack, lookState{int(in.Out), state.at})
				}
			} else if state.at < len(s.value) && in.MatchRune(rune(s.value[state.at])) {
				stack = append(stack, lookState{int(in.Out), state.at + 1})
			}
		}
	}
	return false
}

// holds answers a look-around at one place.
func (s *lookSearch) holds(l *look, at int) bool {
	if s.known == nil {
		s.known = map[*look][]int8{}
	}
	answers := s.known[l]
	if answers == nil {
		answers = make([]int8, len(s.value)+1)
		s.known[l] = answers
	}
	if answers[at] != 0 {
		return answers[at] > 0
	}
	found := false
	s.depth++
	if l.behind {
		for n := l.low; n <= min(l.high, at) && !found; n++ {
			found = s.attempt(l.program, at-n, at)
		}
	} else {
		found = s.attempt(l.program, at, -1)
	}
	s.depth--
	answers[at] = -1
	if found != l.negate {
		answers[at] = 1
	}
	return answers[at] > 0
}

func (s *lookSearch) attempt(p *lookProgram, at, end int) bool {
	visited := p.visited(s.value)
	s.steps -= len(visited) / 64 // Clearing costs time as well.
	return s.run(p, at, end, visited)
}

func (s *lookSearch) stands(op syntax.EmptyOp, at int) bool {
	before, after := rune(-1), rune(-1)
	if at > 0 {
		before = rune(s.value[at-1])
	}
	if at < len(s.value) {
		after = rune(s.value[at])
	}
	return op&^syntax.EmptyOpContext(before, after) == 0
}
