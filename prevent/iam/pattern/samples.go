package pattern

import (
	"encoding/binary"
	"slices"
	"unicode"
)

// More symbols: wildcards that stop at a colon, and letters whose case does not
// matter, which are kept below foldBase.
const (
	segmentRun symbol = -4
	segmentOne symbol = -5
	foldBase   symbol = -16
)

// maxStates bounds the walk of samples; maxSampleWork its steps.
const (
	maxStates     = 20_000
	maxSampleWork = 16 << 20
)

// Samples gives one text of this pattern for each combination in which others
// match texts of it: texts with case, folded without, and ARN patterns. complete
// says that no combination is left out. Variables stand for any run.
func (p *Pattern) Samples(texts, folded []*Pattern, arns []*ARN) (samples []string, complete bool) {
	var all [][]symbol
	for _, t := range texts {
		all = append(all, t.language(false))
	}
	for _, t := range folded {
		all = append(all, t.language(true))
	}
	for _, a := range arns {
		all = append(all, a.language())
	}
	return regions(p.language(false), all)
}

// Samples is [Pattern.Samples] for the names that an ARN pattern matches.
func (a *ARN) Samples(others []*ARN) (samples []string, complete bool) {
	var all [][]symbol
	for _, o := range others {
		if !o.never {
			all = append(all, o.language())
		}
	}
	return regions(a.language(), all)
}

func (p *Pattern) language(fold bool) (out []symbol) {
	for i := range p.tokens {
		switch t := &p.tokens[i]; t.kind {
		case star, variable:
			out = append(out, anyRun)
		case one:
			out = append(out, anyOne)
		case literal:
			for _, c := range t.text {
				if fold && unicode.IsLetter(c) {
					c = foldBase - lower(c)
				}
				out = append(out, c)
			}
		}
	}
	return out
}

func (a *ARN) language() (out []symbol) {
	if a.all || a.condition && a.count == 1 {
		return []symbol{anyRun}
	}
	for i := range a.parts {
		if i > 0 {
			out = append(out, ':')
		}
		part := a.parts[i].language(false)
		for _, s := range part {
			switch {
			case s == anyRun && i < segments-1:
				s = segmentRun
			case s == anyOne && i < segments-1:
				s = segmentOne
			}
			out = append(out, s)
		}
	}
	return out
}

// reads reports whether a symbol takes a character.
func reads(s, c symbol) bool {
	switch {
	case s == anyRun || s == anyOne:
		return true
	case s == segmentRun || s == segmentOne:
		return c != ':'
	case s <= foldBase:
		return lower(c) == foldBase-s
	}
	return s == c
}

func isRun(s symbol) bool { return s == anyRun || s == segmentRun }

// automaton is a deterministic automaton, made as it is walked: state 0 is dead.
type automaton struct {
	word   []symbol
	sets   []string
	index  map[string]int32
	moves  map[[2]int32]int32
	accept []bool
}

func newAutomaton(word []symbol) *automaton {
	a := &automaton{word: word, index: map[string]int32{}, moves: map[[2]int32]int32{}}
	a.state(make([]byte, len(word)/8+1))
	start := make([]byte, len(word)/8+1)
	start[0] = 1
	a.state(start)
	return a
}

// state numbers a set of positions, closed under skipping runs.
func (a *automaton) state(set []byte) int32 {
	for i, s := range a.word {
		if isRun(s) && set[i/8]&(1<<(i%8)) != 0 {
			set[(i+1)/8] |= 1 << ((i + 1) % 8)
		}
	}
	if n, ok := a.index[string(set)]; ok {
		return n
	}
	n := int32(len(a.sets))
	end := len(a.word)
	a.sets = append(a.sets, string(set))
	a.index[string(set)] = n
	a.accept = append(a.accept, set[end/8]&(1<<(end%8)) != 0)
	return n
}

func (a *automaton) move(from int32, c symbol) int32 {
	if from == 0 {
		return 0
	}
	key := [2]int32{from, c}
	if to, ok := a.moves[key]; ok {
		return to
	}
	next := make([]byte, len(a.word)/8+1)
	set := a.sets[from]
	for i, s := range a.word {
		if set[i/8]&(1<<(i%8)) == 0 || !reads(s, c) {
			continue
		}
		if !isRun(s) {
			i++
		}
		next[i/8] |= 1 << (i % 8)
	}
	to := a.state(next)
	a.moves[key] = to
	return to
}

// regions walks the product of all automata, shortest texts first, and keeps the
// first text of each combination of answers.
func regions(universe []symbol, others [][]symbol) (samples []string, complete bool) {
	machines := []*automaton{newAutomaton(universe)}
	for _, o := range others {
		machines = append(machines, newAutomaton(o))
	}
	alphabet := characters(append(others, universe))
	type place struct {
		states []int32
		from   int
		by     symbol
	}
	start := make([]int32, len(machines))
	for i := range start {
		start[i] = 1
	}
	queue := []place{{start, -1, 0}}
	seen := map[string]bool{pack(start): true}
	found := map[string]bool{}
	work := 0
	for at := 0; at < len(queue); at++ {
		p := queue[at]
		answer := make([]byte, len(machines))
		for i, m := range machines {
			if m.accept[p.states[i]] {
				answer[i] = 1
			}
		}
		if answer[0] == 1 && !found[string(answer)] {
			found[string(answer)] = true
			var text []rune
			for i := at; queue[i].from >= 0; i = queue[i].from {
				text = append(text, queue[i].by)
			}
			slices.Reverse(text)
			samples = append(samples, string(text))
		}
		for _, c := range alphabet {
			next := make([]int32, len(machines))
			for i, state := range p.states {
				if state != 0 {
					next[i] = machines[i].move(state, c)
					work++
				}
			}
			if next[0] == 0 {
				continue
			}
			if work++; work > maxSampleWork {
				return samples, false
			}
			if name := pack(next); !seen[name] {
				if len(queue) >= maxStates {
					return samples, false
				}
				seen[name] = true
				queue = append(queue, place{next, at, c})
			}
		}
	}
	return samples, true
}

func pack(states []int32) string {
	out := make([]byte, 0, 2*len(states))
	for _, s := range states {
		out = binary.AppendUvarint(out, uint64(s))
	}
	return string(out)
}

// characters are those that some pattern names, in both cases where case does not
// matter, and one that none does.
func characters(words [][]symbol) []symbol {
	named := map[symbol]bool{':': true}
	for _, w := range words {
		for _, s := range w {
			switch {
			case s <= foldBase:
				named[foldBase-s], named[unicode.ToUpper(foldBase-s)] = true, true
			case s >= 0:
				named[s] = true
			}
		}
	}
	spare := symbol('x')
	for _, c := range "xyzvwabcdefghijklmnopqrstu0123456789_-" {
		if !named[c] {
			spare = c
			break
		}
	}
	for named[spare] {
		spare++
	}
	out := []symbol{spare}
	for c := range named {
		out = append(out, c)
	}
	slices.Sort(out[1:])
	return out
}
