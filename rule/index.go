package rule

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// index finds rules by the literal that one field must have.
type index struct {
	slot    int
	buckets map[string]*bucket
}

// bucket is the rules of one literal and the paths they read.
type bucket struct {
	rules []*Rule
	list  list // the rules, arranged
	group *group
}

// gate finds rules by pieces of text one of which must stand in a field.
type gate struct {
	slot   int
	search *pieces
	rules  [][]*Rule // by piece
}

// shortest is the length from which on a piece of text is worth a gate.
const shortest = 3

// buildIndex puts every rule where the fewest events meet it.
func (p *program) buildIndex() {
	weight := map[int]int{} // distinct literals that rules ask of a slot
	seen := map[string]bool{}
	options := make([]map[int][]string, len(p.rules))
	for i, r := range p.rules {
		options[i] = p.literals(r.root)
		for slot, list := range options[i] {
			for _, l := range list {
				if key := string(rune(slot)) + "\x00" + l; !seen[key] {
					seen[key] = true
					weight[slot]++
				}
			}
		}
	}
	indexes, gates := map[int]*index{}, map[int]map[string][]*Rule{}
	p.rest = &group{}
	for i, r := range p.rules {
		if slot, ok := heaviest(options[i], weight); ok {
			ix := indexes[slot]
			if ix == nil {
				ix = &index{slot: slot, buckets: map[string]*bucket{}}
				indexes[slot] = ix
			}
			ix.add(r, options[i][slot], p)
			continue
		}
		if slot, list := p.bestPieces(r.root); slot >= 0 {
			if gates[slot] == nil {
				gates[slot] = map[string][]*Rule{}
			}
			for _, piece := range list {
				gates[slot][piece] = append(gates[slot][piece], r)
			}
			continue
		}
		p.always = append(p.always, r)
		p.rest.join(r.group, p)
	}
	for _, slot := range slices.Sorted(maps.Keys(indexes)) {
		for _, b := range indexes[slot].buckets {
			b.list, b.rules = p.arrange(b.rules, slot), nil
		}
		p.indexes = append(p.indexes, indexes[slot])
	}
	p.list = p.arrange(p.always, -1)
	for _, slot := range slices.Sorted(maps.Keys(gates)) {
		p.gates = append(p.gates, newGate(slot, gates[slot]))
	}
}

// heaviest gives the slot whose literals tell most.
func heaviest(options map[int][]string, weight map[int]int) (int, bool) {
	best, ok := 0, false
	for _, slot := range slices.Sorted(maps.Keys(options)) {
		if !ok || weight[slot] > weight[best] {
			best, ok = slot, true
		}
	}
	return best, ok
}

func (ix *index) add(r *Rule, literals []string, p *program) {
	for _, l := range literals {
		b := ix.buckets[l]
		if b == nil {
			b = &bucket{group: &group{}}
			ix.buckets[l] = b
		}
		b.rules = append(b.rules, r)
		b.group.join(r.group, p)
	}
}

// join adds another group's paths.
func (g *group) join(other *group, p *program) {
	for _, id := range other.slots {
		g.add(p.fields[id].path, id)
	}
}

// literals gives, by slot, lists of lower-case values of which the field must
// have one if the logic is to hold. Only fields that are one text in a column
// count.
func (p *program) literals(n *node) map[int][]string {
	return p.required(n, func(pr *predicate) []string {
		if pr.op != "equals" || pr.part != "" || pr.not || pr.all && len(pr.groups) > 1 {
			return nil
		}
		var list []string
		for _, t := range pr.groups[0] {
			if t.kind != equal || t.dash || t.text == "" {
				return nil
			}
			list = append(list, strings.ToLower(t.text))
		}
		return list
	}, func(a, b []string) bool { return len(a) < len(b) })
}

// pieces gives, by slot, lower-case pieces of which one must stand in the field.
func (p *program) pieces(n *node) map[int][]string {
	return p.required(n, func(pr *predicate) []string {
		if pr.op != "equals" || pr.part != "" || pr.not || len(pr.groups) == 0 {
			return nil
		}
		var list []string
		for _, t := range pr.groups[0] { // of all groups one is enough to be necessary
			if t.kind > contains && t.kind != glob || t.dash || len(t.text) < shortest || !ascii(t.text) {
				return nil
			}
			list = append(list, strings.ToLower(t.text))
		}
		return list
	}, func(a, b []string) bool { return shortestOf(a) > shortestOf(b) })
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func shortestOf(list []string) int {
	return len(slices.MinFunc(list, func(a, b string) int { return cmp.Compare(len(a), len(b)) }))
}

func (p *program) bestPieces(n *node) (int, []string) {
	best, list := -1, []string(nil)
	options := p.pieces(n)
	for _, slot := range slices.Sorted(maps.Keys(options)) {
		if best < 0 || shortestOf(options[slot]) > shortestOf(list) {
			best, list = slot, options[slot]
		}
	}
	return best, list
}

// required walks the logic: of an "and" any kid's list is necessary, the better
// one is kept; of an "or" the lists of all kids together; of a "not" nothing.
func (p *program) required(n *node, of func(*predicate) []string, better func(a, b []string) bool) map[int][]string {
	switch n.op {
	case '=':
		pr := p.predicates[n.pred]
		if !p.fields[pr.slot].telling() {
			return nil
		}
		if list := union(of(pr), nil); len(list) > 0 {
			return map[int][]string{pr.slot: list}
		}
		return nil
	case '&':
		out := map[int][]string{}
		for _, k := range n.kids {
			for slot, list := range p.required(k, of, better) {
				if old, ok := out[slot]; !ok || better(list, old) {
					out[slot] = list
				}
			}
		}
		return out
	case '|':
		var out map[int][]string
		for i, k := range n.kids {
			kid := p.required(k, of, better)
			if i == 0 {
				out = maps.Clone(kid)
				continue
			}
			for slot := range out {
				if list, ok := kid[slot]; ok {
					out[slot] = union(out[slot], list)
				} else {
					delete(out, slot)
				}
			}
		}
		return out
	}
	return nil
}

func union(a, b []string) []string {
	list := slices.Concat(a, b)
	slices.Sort(list)
	return slices.Compact(list)
}

func newGate(slot int, rules map[string][]*Rule) *gate {
	g := &gate{slot: slot}
	texts := slices.Sorted(maps.Keys(rules))
	for _, t := range texts {
		g.rules = append(g.rules, rules[t])
	}
	g.search = newPieces(texts)
	return g
}
