package actions

import (
	"errors"
	"iter"
	"math/bits"
	"sort"
	"strings"
)

// Set is a set of actions of one Table: bit i%64 of word i/64 stands for ID i.
type Set []uint64

// Has reports whether the action is in the set.
func (s Set) Has(id ID) bool {
	return int(id>>6) < len(s) && s[id>>6]&(1<<(id&63)) != 0
}

// Len counts the actions in the set.
func (s Set) Len() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// All yields the actions in ascending order.
func (s Set) All() iter.Seq[ID] {
	return func(yield func(ID) bool) {
		for i, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(ID(i<<6 + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}

// Add puts all of another set of the same table into this one.
func (s Set) Add(other Set) {
	for i, word := range other {
		s[i] |= word
	}
}

func (s Set) put(from, to int) {
	for i := from; i < to; i++ {
		s[i>>6] |= 1 << (i & 63)
	}
}

// NewSet returns an empty set that has room for every action.
func (t *Table) NewSet() Set { return make(Set, (len(t.actions)+63)/64) }

// errPattern tells what IAM's grammar asks of an action.
var errPattern = errors.New(`an action is "*" or "service:Name"; the name may hold * and ?, the service prefix may not`)

// Expand returns the known actions that an action element of a policy stands
// for: "*", "*:*", "s3:GetObject", "s3:Get*", "ec2:*Tag?". Case does not
// matter. A pattern outside the grammar is an error and stands for nothing, as
// in IAM. A pattern that is in order but matches no known action gives an empty
// set; Check says why.
func (t *Table) Expand(pattern string) (Set, error) {
	set := t.NewSet()
	prefix, name, colon := strings.Cut(pattern, ":")
	if prefix != "" && strings.Trim(prefix, "*") == "" && strings.Trim(name, "*") == "" && colon == (name != "") {
		set.put(0, len(t.actions))
		return set, nil
	}
	if !colon || !inGrammar(prefix, false) || !inGrammar(name, true) {
		return set, errPattern
	}
	i, ok := t.findService(prefix)
	if !ok {
		return set, nil
	}
	if !strings.ContainsAny(name, "*?") {
		if id, ok := t.findAction(i, name); ok {
			set.put(int(id), int(id)+1)
		}
		return set, nil
	}
	s := &t.services[i]
	name = strings.ToLower(name)
	for id := s.action; id < s.action1; id++ {
		if matchFold(name, t.actions[id].name) {
			set.put(id, id+1)
		}
	}
	return set, nil
}

// inGrammar holds for the non-empty parts of an action: letters, digits and -_.
// and, in the name, wildcards.
func inGrammar(part string, wild bool) bool {
	for i := range len(part) {
		switch c := part[i]; {
		case 'a' <= lower(c) && lower(c) <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		case wild && (c == '*' || c == '?'):
		default:
			return false
		}
	}
	return part != ""
}

// matchFold matches a name against a pattern in lower case. It goes back only to
// the last star, so it takes at most len(pattern)*len(name) steps.
func matchFold(pattern, name string) bool {
	p, n, star, back := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, back = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == lower(name[n])):
			p++
			n++
		case star >= 0:
			back++
			p, n = star+1, back
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func (t *Table) findService(prefix string) (int, bool) {
	return sort.Find(len(t.services), func(i int) int { return compareFold(prefix, t.services[i].prefix) })
}

func (t *Table) findAction(service int, name string) (ID, bool) {
	s := &t.services[service]
	i, ok := sort.Find(s.action1-s.action, func(i int) int { return compareFold(name, t.actions[s.action+i].name) })
	return ID(s.action + i), ok
}

// compareFold orders by bytes, ASCII capitals as small letters.
func compareFold(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}
