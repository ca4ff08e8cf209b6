package pattern

import "math/bits"

// maxWork bounds the steps that all calls of [ARN.Relate] may spend on one
// requested pattern; behind it the answer is Open.
const maxWork = 1 << 20

// symbol is a character, or below zero a wildcard.
type symbol = rune

const (
	anyRun symbol = -1
	anyOne symbol = -2
	other  symbol = -3 // a character that neither side names
)

// Relate compares the set of names that the pattern matches with the set that a
// requested pattern stands for: Yes if it holds all of them, No if none, Open if
// some or if that could not be found out within bounds or for want of a
// variable. It counts its work in requested, which so serves one goroutine.
func (a *ARN) Relate(requested *ARN, v Variables) Truth {
	switch {
	case a.all || a.All():
		return Yes
	case a.never || requested.never:
		return No
	}
	able := a.Resolvable(v)
	if able == No {
		return No
	}
	answer := able
	for i := 1; i < segments; i++ {
		p, q := a.parts[i].symbols(v), requested.parts[i].symbols(v)
		if requested.all {
			q = []symbol{anyRun}
		}
		if answer = min(answer, relate(p, q, &requested.work)); answer == No {
			return No
		}
	}
	return answer
}

func (p *Pattern) symbols(v Variables) (out []symbol) {
	for i := range p.tokens {
		t := &p.tokens[i]
		text := t.text
		switch t.kind {
		case star:
			out = append(out, anyRun)
			continue
		case one:
			out = append(out, anyOne)
			continue
		case variable:
			value, state := t.resolve(v)
			if state == Open {
				out = append(out, anyRun)
				continue
			}
			text = value
		case literal:
		}
		for _, c := range text {
			out = append(out, c)
		}
	}
	return out
}

// relate compares the languages of two globs, p against q.
func relate(p, q []symbol, work *int) Truth {
	if len(p) == 1 && p[0] == anyRun {
		return Yes
	}
	covers, ok := contains(p, q, work)
	switch {
	case ok && covers:
		return Yes
	case !overlaps(p, q, work):
		return No
	}
	return Open
}

func takes(s, c symbol) bool { return s == anyRun || s == anyOne || s == c }

// overlaps reports whether some string matches both globs. It walks pairs of
// positions; when there are too many it says yes, which keeps the answer open.
func overlaps(p, q []symbol, work *int) bool {
	if *work += (len(p) + 1) * (len(q) + 1) / 8; *work > maxWork {
		return true
	}
	width := len(q) + 1
	seen := make([]bool, (len(p)+1)*width)
	stack := []int{0}
	push := func(i, j int) {
		if at := i*width + j; !seen[at] {
			seen[at] = true
			stack = append(stack, at)
		}
	}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		i, j := at/width, at%width
		if i == len(p) && j == len(q) {
			return true
		}
		pStar, qStar := i < len(p) && p[i] == anyRun, j < len(q) && q[j] == anyRun
		if pStar {
			push(i+1, j)
		}
		if qStar {
			push(i, j+1)
		}
		if i == len(p) || j == len(q) || p[i] >= 0 && !takes(q[j], p[i]) {
			continue
		}
		ni, nj := i+1, j+1
		if pStar {
			ni = i
		}
		if qStar {
			nj = j
		}
		push(ni, nj)
	}
	return false
}

// contains reports whether every string that matches q matches p: the positions
// in q one at a time, each with the set of positions that p can then be in. ok is
// false when there are too many.
func contains(p, q []symbol, work *int) (covers, ok bool) {
	alphabet := map[symbol]bool{other: true}
	for _, c := range append(append([]symbol{}, p...), q...) {
		if c >= 0 {
			alphabet[c] = true
		}
	}
	type state struct {
		at  int
		set string
	}
	n := newNFA(p)
	start := state{0, n.start()}
	seen := map[state]bool{start: true}
	queue := []state{start}
	push := func(s state) {
		if !seen[s] {
			seen[s] = true
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if s.at == len(q) {
			if !n.accepts(s.set) {
				return false, true
			}
			continue
		}
		run := q[s.at] == anyRun
		if run {
			push(state{s.at + 1, s.set})
		}
		next := s.at + 1
		if run {
			next = s.at
		}
		for c := range alphabet {
			if takes(q[s.at], c) {
				if *work += n.words; *work > maxWork {
					return false, false
				}
				push(state{next, n.step(s.set, c)})
			}
		}
	}
	return true, true
}

// nfa runs a glob on sets of positions, kept as strings of bits to be map keys.
type nfa struct {
	glob  []symbol
	words int
}

func newNFA(glob []symbol) *nfa { return &nfa{glob: glob, words: len(glob)/8 + 1} }

func (n *nfa) close(set []byte) string {
	for i, s := range n.glob {
		if s == anyRun && set[i/8]&(1<<(i%8)) != 0 {
			set[(i+1)/8] |= 1 << ((i + 1) % 8)
		}
	}
	return string(set)
}

func (n *nfa) start() string {
	set := make([]byte, n.words)
	set[0] = 1
	return n.close(set)
}

func (n *nfa) accepts(set string) bool {
	end := len(n.glob)
	return set[end/8]&(1<<(end%8)) != 0
}

func (n *nfa) step(set string, c symbol) string {
	next := make([]byte, n.words)
	for w := range set {
		for b := set[w]; b != 0; b &= b - 1 {
			i := w*8 + bits.TrailingZeros8(b)
			if i == len(n.glob) || !takes(n.glob[i], c) {
				continue
			}
			if n.glob[i] != anyRun {
				i++
			}
			next[i/8] |= 1 << (i % 8)
		}
	}
	return n.close(next)
}

// Relate compares the set of texts that the pattern matches with those that
// another matches: Yes if it holds all of them, No if none, Open else.
func (p *Pattern) Relate(o *Pattern, v Variables) Truth {
	able := min(p.Resolvable(v), o.Resolvable(v))
	if able == No {
		return No
	}
	work := 0
	return min(able, relate(p.symbols(v), o.symbols(v), &work))
}
