package rule

import (
	"cmp"
	"maps"
	"slices"
)

// list is rules that are tried together. Rules that cannot hold without the same
// predicate stand behind it, so that it fails for all of them at once.
type list struct {
	rules  []*Rule
	guards []guard
}

type guard struct {
	predicate int
	list      list
}

// arrange makes a list. Predicates on the slot by which the rules were found say
// nothing more (-1 = they were not found by one), nor do those asked already.
func (p *program) arrange(rules []*Rule, found int, asked ...int) list {
	var out list
	left := slices.Clone(rules)
	for len(left) > 1 {
		count := map[int]int{}
		for _, r := range left {
			for id := range p.guardsOf(r, found) {
				count[id]++
			}
		}
		best := -1
		for _, id := range slices.Sorted(maps.Keys(count)) {
			if count[id] > 1 && !slices.Contains(asked, id) && (best < 0 || p.rather(id, best, count)) {
				best = id
			}
		}
		if best < 0 {
			break
		}
		var behind []*Rule
		left = slices.DeleteFunc(left, func(r *Rule) bool {
			if !p.guardsOf(r, found)[best] {
				return false
			}
			behind = append(behind, r)
			return true
		})
		out.guards = append(out.guards, guard{best, p.arrange(behind, found, append(slices.Clone(asked), best)...)})
	}
	out.rules = left
	return out
}

// rather says whether a is the better guard: of more rules, then one that tells
// more than presence, then the cheaper one.
func (p *program) rather(a, b int, count map[int]int) bool {
	presence := func(id int) int {
		if p.predicates[id].op == "some" {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(count[b], count[a]), cmp.Compare(presence(a), presence(b)), cmp.Compare(p.predicates[a].cost, p.predicates[b].cost),
	) < 0
}

// guardsOf gives the predicates without which a rule cannot hold: those that
// stand under its "and", and that their columns hold something at all.
func (p *program) guardsOf(r *Rule, found int) map[int]bool {
	out := map[int]bool{}
	var walk func(n *node)
	walk = func(n *node) {
		if n.op == '&' || n.op == '|' && len(n.kids) == 1 {
			for _, k := range n.kids {
				walk(k)
			}
		}
		if n.op != '=' {
			return
		}
		pr := p.predicates[n.pred]
		f := &p.fields[pr.slot]
		if pr.slot == found || f.cost() > 20 || f.derived == nil && f.path != "" && len(f.columns) == 0 {
			return
		}
		out[n.pred] = true
		if f.telling() && pr.needsValue() {
			out[p.presence(pr.slot)] = true
		}
	}
	walk(r.root)
	return out
}

// needsValue says that the predicate fails when the field has no value.
func (pr *predicate) needsValue() bool {
	if pr.not || pr.op == "exists" {
		return false
	}
	for _, g := range pr.groups {
		for _, t := range g {
			if t.kind == null || t.kind == refer || t.kind == equal && t.text == "" {
				return false
			}
		}
	}
	return true
}

// presence gives the predicate that a slot has a value.
func (p *program) presence(slot int) int {
	for id, pr := range p.predicates {
		if pr.op == "some" && pr.slot == slot {
			return id
		}
	}
	p.predicates = append(p.predicates, &predicate{slot: slot, op: "some"})
	return len(p.predicates) - 1
}

// tryAll tries a list's rules.
func (m *Matcher) tryAll(l *list, g *group) {
	for i := range l.guards {
		m.group = g
		if m.holds(l.guards[i].predicate) {
			m.tryAll(&l.guards[i].list, g)
		}
	}
	for _, r := range l.rules {
		m.try(r, g)
	}
}
