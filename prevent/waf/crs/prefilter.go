package crs

import (
	"slices"
	"strings"
)

// prefilter says which rules a text cannot match. It is built once for all rules; a
// filter is the number of a rule of a phase, or of a link of a chain.
type prefilter struct {
	words   int // of a set of filters
	base    [phaseRequestBody]int
	dead    [phaseRequestBody]bitset // rules above the level that is expected
	always  [phaseRequestBody]bitset // rules that must be evaluated, by number in the phase
	sources [phaseRequestBody][]source

	literals *automaton
	groups   [][]int32  // by literal
	fires    [][]int32  // filters by group
	needs    [][]clause // by filter; without one anything may match
	loose    []int32    // filters without a literal that starts them
	all      bitset     // every filter
	plain    bitset     // of loose ones, those that a text of plain bytes can pass
	chains   *chains
}

// source is what rules of a phase read: a collection, one member of it, or a value.
type source struct {
	v      variable
	key    string // of the one member; empty: all
	rules  bitset // that read it, as filters
	chains []streamed
	wakes  byteset // a text without one of these goes through all chains unchanged
	always bool    // no text does
}

// streamed are the rules that read a source through the same transformations.
type streamed struct {
	chain int
	rules bitset
}

// plainBytes make up most values: words, numbers and names.
var plainBytes = setOf("_-. ", "a-z", "A-Z", "0-9")

// readable are the variables whose value does not change while a phase runs.
func readable(v variable) bool {
	if holds[v].lists != nil {
		return v != varMatchedVars && v != varMatchedVarsNames
	}
	switch v {
	case varURI, varURIRaw, varFilename, varBasename, varLine, varMethod, varProtocol, varQueryString, varBody:
		return true
	}
	return false
}

func newPrefilter(e *Engine) *prefilter {
	p := &prefilter{chains: newChains()}
	n := 0
	for phase := range e.phases {
		p.base[phase] = n
		n += (len(e.phases[phase]) + 63) &^ 63
	}
	heads := n
	for _, list := range e.phases {
		for _, r := range list {
			for link := r.next; link != nil; link = link.next {
				n++
			}
		}
	}
	p.words = (n + 63) / 64
	p.needs = make([][]clause, n)
	p.all = newBitset(n)
	next := heads
	for phase, list := range e.phases {
		p.always[phase] = newBitset(len(list))
		p.dead[phase] = e.beyond(list)
		for i, r := range list {
			if p.dead[phase].has(i) {
				p.unfiltered(r)
				continue
			}
			p.add(r, p.base[phase]+i)
			for link := r.next; link != nil; link = link.next {
				p.add(link, next)
				next++
			}
			if r.filter < 0 || !p.feed(phase, r) {
				p.always[phase].add(i)
			}
		}
	}
	p.index()
	return p
}

// add gives a rule its filter, when there is something to filter by.
func (p *prefilter) add(r *rule, filter int) {
	r.filter = -1
	r.node = p.chains.of(r.chain)
	r.stages = []int{r.node}
	for i := range r.chain {
		if r.multi {
			r.stages = append(r.stages, p.chains.of(r.chain[:i]))
		}
	}
	if r.op == nil {
		return
	}
	n, ok := needOf(r)
	if !ok {
		return
	}
	r.filter = filter
	if n != nil {
		p.needs[filter] = n.clauses()
	}
	p.all.add(filter)
}

// needOf gives what a text must have to match the rule; ok is false when that is not
// known, or depends on more than the text.
func needOf(r *rule) (n *need, ok bool) {
	if r.negated {
		return nil, false
	}
	switch op := r.op.(type) {
	case *pattern:
		return op.need(), true
	case *phrases:
		return oneOf(slices.Clone(op.list)), true
	case sqli:
		return sqliNeed, true
	case markup:
		return xssNeed, true
	case predicate:
		switch r.opName {
		case "validateurlencoding":
			return exactly(setOf("%")), true
		case "validateutf8encoding":
			return exactly(high), true
		case "validatebyterange":
			return outOfRange(op), true
		}
	case *compare:
		switch r.opName {
		case "contains", "strmatch", "beginswith", "endswith", "streq":
			if op.with.constant() {
				return oneOf([]string{strings.ToLower(op.with.text)}), isASCII(op.with.text)
			}
		}
	}
	return nil, false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// outOfRange gives the bytes that @validateByteRange matches.
func outOfRange(op predicate) *need {
	var set byteset
	for c := range 256 {
		if op(string([]byte{byte(c)})) {
			set.add(byte(c))
		}
	}
	return exactly(set)
}

// exactly is the need of a byte of a set, however likely.
func exactly(set byteset) *need { return &need{kind: needSet, set: set, odds: setOdds(&set)} }

// need is computed once for an expression.
func (p *pattern) need() *need {
	if p.opaque {
		return nil
	}
	p.needOnce.Do(func() { p.needed = settled(proof{p.bytes != nil}.requirement(p.tree())) })
	return p.needed
}

// feed connects a rule with what it reads; false when a target of it may change.
func (p *prefilter) feed(phase int, r *rule) bool {
	for i := range r.targets {
		if tg := &r.targets[i]; tg.count || !readable(tg.v) {
			return false
		}
	}
	for i := range r.targets {
		tg := &r.targets[i]
		s := p.source(phase, tg.v, tg.key)
		s.rules.add(r.filter)
		for _, chain := range r.stages {
			s.stream(r.filter, chain, p.words)
		}
		w := p.chains.wakes(r.node)
		s.wakes.union(&w)
		s.always = s.always || w == anyByte
	}
	return true
}

func (p *prefilter) source(phase int, v variable, key string) *source {
	for i := range p.sources[phase] {
		if s := &p.sources[phase][i]; s.v == v && s.key == key {
			return s
		}
	}
	p.sources[phase] = append(p.sources[phase], source{v: v, key: key, rules: make(bitset, p.words)})
	return &p.sources[phase][len(p.sources[phase])-1]
}

func (s *source) stream(filter, chain, words int) {
	for i := range s.chains {
		if s.chains[i].chain == chain {
			s.chains[i].rules.add(filter)
			return
		}
	}
	s.chains = append(s.chains, streamed{chain, make(bitset, words)})
	s.chains[len(s.chains)-1].rules.add(filter)
}

// unfiltered marks a rule, and its chain, as one that looks at every value.
func (p *prefilter) unfiltered(r *rule) {
	for link := r; link != nil; link = link.next {
		link.filter, link.stages = -1, nil
		link.node = p.chains.of(link.chain)
	}
}

// beyond gives the rules of a phase that a check of the paranoia level skips when the
// level is the expected one. Only the check can lead around them, so they are reached
// when the level is raised or the check removed: then the transaction looks at them all.
func (e *Engine) beyond(list []*rule) bitset {
	dead := newBitset(len(list))
	for i, r := range list {
		if !r.checksLevel() || r.jump < 0 || e.expected >= integer(r.opArg) {
			continue
		}
		entered := false
		for k := i + 1; k < r.jump; k++ {
			if list[k].marker == "" {
				continue
			}
			for n, other := range list {
				entered = entered || other.skipAfter == list[k].marker && (n < i || n > r.jump)
			}
		}
		for k := i + 1; k < r.jump && !entered; k++ {
			if list[k].marker == "" {
				dead.add(k)
			}
		}
	}
	return dead
}

// checksLevel says that the rule is CRS's check, TX:DETECTION_PARANOIA_LEVEL "@lt 2"
// with skipAfter.
func (r *rule) checksLevel() bool {
	return r.skipAfter != "" && r.opName == "lt" && !r.negated && r.next == nil && len(r.chain) == 0 && len(r.targets) == 1 &&
		r.targets[0].v == varTX && r.targets[0].key == levelName && len(r.targets[0].except) == 0 && !r.targets[0].count
}

const levelName = "detection_paranoia_level"

// index numbers the literals and their groups, and finds what starts each filter: the
// least likely clause that has literals only.
func (p *prefilter) index() {
	ids := map[string]int{}
	var literals []string
	p.fires = make([][]int32, 1) // the number zero is that of no group
	p.plain = make(bitset, p.words)
	for filter, list := range p.needs {
		if !p.all.has(filter) {
			continue
		}
		start := -1
		plain := true
		for i := range list {
			c := &list[i]
			if len(c.lits) == 0 {
				plain = plain && c.set.meets(&plainBytes)
				continue
			}
			if start < 0 && c.set == (byteset{}) {
				start = len(p.fires)
			}
			c.group = int32(len(p.fires))
			p.fires = append(p.fires, nil)
			for _, s := range c.lits {
				id, ok := ids[s]
				if !ok {
					id = len(literals)
					ids[s] = id
					literals = append(literals, s)
					p.groups = append(p.groups, nil)
				}
				p.groups[id] = append(p.groups[id], c.group)
			}
			c.lits = nil
		}
		if start >= 0 {
			p.fires[start] = append(p.fires[start], int32(filter))
			continue
		}
		p.loose = append(p.loose, int32(filter))
		if plain {
			p.plain.add(filter)
		}
	}
	p.literals = newAutomaton(literals)
}

// What libinjection needs to find something, read off its tables. Of its fingerprints,
// those that consist of numbers, words and one keyword at the end all end in a keyword
// of UNION's kind; a text of letters, digits and underscores has no others. Markup
// starts with < and an attribute has =. FuzzLibinjection checks both.
var (
	sqliNeed = &need{
		kind: needOr, lits: []string{"union", "uni_on", "except", "intersect"},
		kids: []*need{exactly(except(setOf("_", "a-z", "A-Z", "0-9")))},
	}
	xssNeed = exactly(setOf("<="))
)

// except gives all bytes but these.
func except(set byteset) byteset {
	for i := range set {
		set[i] = ^set[i]
	}
	return set
}
