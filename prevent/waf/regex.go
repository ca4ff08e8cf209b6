package waf

import (
	"bytes"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
)

// pattern is one compiled regular expression of a web ACL. AWS WAF runs PCRE over
// bytes; Go runs over runes. So a pattern is rewritten into one over the first
// 256 runes, and a value with bytes from 0x80 up is spelt in them before it is
// matched. Look-around, which Go has not, is run by lookProgram.
type pattern struct {
	source string
	plain  *regexp.Regexp // nil when there is look-around
	look   *lookProgram
	// need are literals of which one must stand in a value that matches; nil: no
	// such literal is known.
	need []literal
	// whole says that need is not just needed but enough.
	whole bool
	// steady says that more text behind a match cannot undo it.
	steady bool
}

type literal struct {
	text []byte // in lower case if fold
	fold bool
}

// newPattern compiles a pattern. The error says what cannot be run; Refused
// tells whether AWS WAF refuses it too.
func newPattern(source string) (*pattern, error) {
	t := translation{src: source}
	text, err := t.run()
	if err != nil {
		return nil, err
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("%w", err)
	}
	p := &pattern{source: source, need: required(tree)}
	if len(t.looks) > 0 {
		p.look, err = newLookProgram(tree, t.looks)
		return p, err
	}
	p.whole = tree.Op == syntax.OpLiteral && len(p.need) == 1 && len(p.need[0].text) == len(tree.Rune)
	p.steady = steady(tree)
	p.plain, err = regexp.Compile(text)
	return p, err
}

// steady says whether nothing in a pattern looks at where the text ends.
func steady(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpEndText, syntax.OpEndLine, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return false
	default:
	}
	return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !steady(sub) })
}

// match looks for the pattern in a value that wide has prepared. With ok false
// the search was given up because it took too long.
func (p *pattern) match(value, raw []byte) (found, ok bool) {
	if p.need != nil {
		if !slices.ContainsFunc(p.need, func(l literal) bool { return l.in(raw) }) {
			return false, true
		}
		if p.whole {
			return true, true
		}
	}
	if p.look != nil {
		return p.look.search(raw)
	}
	return p.plain.Match(value), true
}

// wide spells bytes from 0x80 up as the runes of that number.
func wide(buffer, value []byte) []byte {
	ascii := true
	for _, c := range value {
		if c >= 0x80 {
			ascii = false
			break
		}
	}
	if ascii {
		return value
	}
	for _, c := range value {
		if c < 0x80 {
			buffer = append(buffer, c)
		} else {
			buffer = append(buffer, 0xc0|c>>6, 0x80|c&0x3f)
		}
	}
	return buffer
}

func (l literal) in(value []byte) bool {
	if !l.fold {
		return bytes.Contains(value, l.text)
	}
	return containsFold(value, l.text)
}

// containsFold looks for a text in lower case, without regard to ASCII case.
func containsFold(value, text []byte) bool {
	first, last := text[0], len(value)-len(text)
	for i := 0; i <= last; i++ {
		if lower(value[i]) != first {
			continue
		}
		j := 1
		for j < len(text) && lower(value[i+j]) == text[j] {
			j++
		}
		if j == len(text) {
			return true
		}
	}
	return false
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// maxNeed bounds the alternatives of which one is required.
const maxNeed = 12

// required finds literals of which one is in every match.
func required(re *syntax.Regexp) []literal {
	switch re.Op {
	case syntax.OpLiteral:
		return literalOf(re)
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []literal
		for _, sub := range re.Sub {
			if r := required(sub); weight(r) > weight(best) {
				best = r
			}
		}
		return best
	case syntax.OpAlternate:
		var all []literal
		for _, sub := range re.Sub {
			r := required(sub)
			if r == nil || len(all)+len(r) > maxNeed {
				return nil
			}
			all = append(all, r...)
		}
		return all
	default:
	}
	return nil
}

// literalOf gives a literal up to the first look-around in it.
func literalOf(re *syntax.Regexp) []literal {
	l := literal{fold: re.Flags&syntax.FoldCase != 0}
	for _, r := range re.Rune {
		if r > 0xff {
			break
		}
		c := byte(r)
		if l.fold {
			if c >= 0x80 {
				break // Folds in ways that lower does not know.
			}
			c = lower(c)
		}
		l.text = append(l.text, c)
	}
	if len(l.text) == 0 || re.Rune[0] > 0xff {
		return nil
	}
	return []literal{l}
}

// weight prefers long literals and few of them.
func weight(need []literal) int {
	if len(need) == 0 {
		return 0
	}
	shortest := 1 << 20
	for _, l := range need {
		shortest = min(shortest, len(l.text))
	}
	return shortest*16 - len(need)
}
