package crs

import (
	"cmp"
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// need is what a text must have so that an expression can match it: a tree of and, or,
// literals and sets of which one byte must be there. Literals are in lower case, as
// texts are when they are searched. The nil need is true of every text.
//
// Soundness: for every text that the expression matches, the need holds. It is shown
// by cases in requirement, and checked by FuzzNeed. Texts with U+212A or U+017F, which
// fold to k and s, are outside of it: they are never filtered.
type need struct {
	kind needKind
	lits []string // of an or: one of them suffices
	set  byteset
	kids []*need
	odds float64 // that an ordinary text has it, a guess
}

type needKind uint8

const (
	needSet needKind = iota
	needAnd
	needOr
)

// Bounds of the sets of literals: of what an alternation may hold, and of what a
// concatenation may multiply out.
const (
	maxExact  = 5000
	maxCross  = 96
	maxLit    = 12 // bytes; the rest of a longer literal is not looked for
	maxKids   = 6  // of an and
	maxCopies = 4  // of a repetition
)

// proof is how an expression reads a text: in runes of UTF-8, or in bytes, where rune
// 0xHH is byte HH.
type proof struct{ bytes bool }

// requirement gives what a match of the tree must hold: the texts it matches when they
// are few (in lower case), else a need. Each case argues from those of its parts.
func (x proof) requirement(re *syntax.Regexp) (exact []string, n *need) {
	switch re.Op {
	case syntax.OpNoMatch:
		return []string{}, nil // no text at all: any statement about it holds
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []string{""}, nil // matches nothing but an empty text
	case syntax.OpLiteral:
		return x.literal(re)
	case syntax.OpCharClass:
		return x.class(re)
	case syntax.OpCapture:
		return x.requirement(re.Sub[0])
	case syntax.OpQuest:
		if exact, _ := x.requirement(re.Sub[0]); exact != nil && len(exact) < maxCross {
			return append([]string{""}, exact...), nil
		}
		return nil, nil
	case syntax.OpPlus: // one copy at least
		return nil, settled(x.requirement(re.Sub[0]))
	case syntax.OpRepeat:
		return x.repetition(re)
	case syntax.OpConcat:
		return x.concatenation(re.Sub, false)
	case syntax.OpAlternate:
		return x.alternation(re.Sub)
	}
	return nil, nil // . and x* say nothing
}

// settled turns exact texts into a need.
func settled(exact []string, n *need) *need {
	if exact != nil {
		return oneOf(exact)
	}
	return n
}

// literal: the text has its runes one after the other. A rune whose case folds outside
// of ASCII, or that an invalid byte may stand for, ends the part that is known.
func (x proof) literal(re *syntax.Regexp) (exact []string, n *need) {
	fold := re.Flags&syntax.FoldCase != 0
	var part []byte
	var kids []*need
	whole := true
	end := func() {
		if len(part) > 0 {
			kids = append(kids, oneOf([]string{string(part)}))
		}
		part = nil
	}
	for _, r := range re.Rune {
		switch {
		case r >= 'A' && r <= 'Z':
			part = append(part, byte(r)|0x20)
		case r < utf8.RuneSelf:
			part = append(part, byte(r))
		case fold || r == utf8.RuneError || x.bytes && r > 0xff:
			whole = false
			end()
		case x.bytes:
			part = append(part, byte(r))
		default:
			part = utf8.AppendRune(part, r)
		}
	}
	if whole {
		return []string{string(part)}, nil
	}
	end()
	return nil, allOf(kids)
}

// class: the text has one of its bytes; a rune outside of ASCII is told by any byte
// outside of ASCII, which stands for U+FFFD too.
func (x proof) class(re *syntax.Regexp) (exact []string, n *need) {
	var set byteset
	count, wide := 0, false
	for i := 0; i+1 < len(re.Rune); i += 2 {
		low, top := re.Rune[i], re.Rune[i+1]
		if x.bytes {
			for r := low; r <= min(top, 0xff); r++ {
				set.add(byte(r))
				wide = wide || r >= utf8.RuneSelf
			}
			continue
		}
		for r := low; r <= min(top, utf8.RuneSelf-1); r++ {
			set.add(byte(r))
		}
		// The two runes that fold to ASCII letters are not filtered at all.
		if top >= utf8.RuneSelf && (low != top || low != '\u017f' && low != '\u212a') {
			wide = true
		}
	}
	if wide && !x.bytes {
		set.union(&high)
	}
	var folded byteset
	for c := range 128 {
		if set.has(byte(c)) {
			low := lowerByte(byte(c))
			if !folded.has(low) {
				count++
			}
			folded.add(low)
		}
	}
	if !wide && count <= 12 {
		exact = []string{}
		for c := range 128 {
			if folded.has(byte(c)) {
				exact = append(exact, string(rune(c)))
			}
		}
		return exact, nil
	}
	return nil, someOf(set)
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// repetition: the copies that must be there, one after the other, then anything.
func (x proof) repetition(re *syntax.Regexp) (exact []string, n *need) {
	if re.Min == 0 {
		return nil, nil
	}
	copies := make([]*syntax.Regexp, min(re.Min, maxCopies))
	for i := range copies {
		copies[i] = re.Sub[0]
	}
	return x.concatenation(copies, re.Max != re.Min || re.Min > maxCopies)
}

// concatenation: all parts, and the texts of neighbours one after the other. open says
// that something unknown follows.
func (x proof) concatenation(subs []*syntax.Regexp, open bool) (exact []string, n *need) {
	run := []string{""}
	var kids []*need
	whole := !open
	for _, sub := range subs {
		texts, n := x.requirement(sub)
		if texts == nil {
			kids = append(kids, oneOf(run), n)
			run, whole = []string{""}, false
			continue
		}
		if len(run)*len(texts) > maxCross {
			kids = append(kids, oneOf(run))
			run, whole = texts, false
			continue
		}
		run = product(run, texts)
	}
	if whole {
		return run, nil
	}
	return nil, allOf(append(kids, oneOf(run)))
}

func product(a, b []string) []string {
	out := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			out = append(out, x+y)
		}
	}
	return out
}

// alternation: what one of the branches needs.
func (x proof) alternation(subs []*syntax.Regexp) (exact []string, n *need) {
	var needs []*need
	exact = []string{}
	known := true
	for _, sub := range subs {
		texts, n := x.requirement(sub)
		switch {
		case texts != nil && len(exact)+len(texts) <= maxExact:
			exact = append(exact, texts...)
		case texts != nil:
			known = false
			needs = append(needs, oneOf(texts))
		default:
			known = false
			needs = append(needs, n)
		}
	}
	if known {
		return exact, nil
	}
	if len(exact) > 0 {
		needs = append(needs, oneOf(exact))
	}
	return nil, anyOf(needs)
}

// oneOf is the need of one of the texts. A text of one byte becomes a member of a set;
// with an empty text among them nothing is needed.
func oneOf(texts []string) *need {
	n := &need{kind: needOr}
	var set byteset
	single := false
	miss := 1.0
	slices.Sort(texts)
	for i, s := range texts {
		switch {
		case s == "":
			return nil
		case i > 0 && s == texts[i-1]:
		case len(s) == 1:
			single = true
			set.add(s[0])
			if s[0] >= 'a' && s[0] <= 'z' {
				set.add(s[0] ^ 0x20)
			}
		default:
			n.lits = append(n.lits, s[:min(len(s), maxLit)])
			miss *= 1 - litOdds(s)
		}
	}
	n.odds = 1 - miss
	if !single {
		return n
	}
	some := someOf(set)
	if some == nil || len(n.lits) == 0 {
		return some
	}
	return anyOf([]*need{n, some})
}

func someOf(set byteset) *need {
	n := &need{kind: needSet, set: set, odds: setOdds(&set)}
	if n.odds > 0.97 {
		return nil // it says too little to be worth a look
	}
	return n
}

// anyOf is the need of one of the kids; a nil one makes it true.
func anyOf(kids []*need) *need {
	if len(kids) == 1 {
		return kids[0]
	}
	n := &need{kind: needOr}
	miss := 1.0
	var sets byteset
	hasSet := false
	for i := 0; i < len(kids); i++ {
		k := kids[i]
		switch {
		case k == nil:
			return nil
		case k.kind == needSet:
			hasSet = true
			sets.union(&k.set)
		case k.kind == needOr:
			n.lits = append(n.lits, k.lits...)
			kids = append(kids[:len(kids):len(kids)], k.kids...)
			for _, s := range k.lits {
				miss *= 1 - litOdds(s)
			}
		default:
			n.kids = append(n.kids, k)
			miss *= 1 - k.odds
		}
	}
	if hasSet {
		s := someOf(sets)
		if s == nil {
			return nil
		}
		if n.kids = append(n.kids, s); len(n.kids) == 1 && len(n.lits) == 0 {
			return s
		}
		miss *= 1 - s.odds
	}
	n.odds = 1 - miss
	return n
}

// allOf is the need of all kids; the least likely ones are kept.
func allOf(kids []*need) *need {
	var kept []*need
	for _, k := range kids {
		switch {
		case k == nil:
		case k.kind == needAnd:
			kept = append(kept, k.kids...)
		default:
			kept = append(kept, k)
		}
	}
	slices.SortStableFunc(kept, func(a, b *need) int { return cmp.Compare(a.odds, b.odds) })
	kept = kept[:min(len(kept), maxKids)]
	switch len(kept) {
	case 0:
		return nil
	case 1:
		return kept[0]
	}
	n := &need{kind: needAnd, kids: kept, odds: 1}
	for _, k := range kept {
		n.odds *= k.odds
	}
	return n
}
