package pattern

import "strings"

const (
	segments = 6
	service  = 2
)

// Name is a concrete ARN or another text, split once for many matches.
type Name struct {
	Text string
	// Segments are the six parts of an ARN: arn, partition, service, region,
	// account, resource. The last holds further colons. Empty if not IsARN.
	Segments [segments]string
	IsARN    bool
}

// ParseName splits a text. A text is an ARN if it starts with "arn:" and has six
// segments.
func ParseName(text string) Name {
	n := Name{Text: text}
	if !strings.HasPrefix(text, "arn:") {
		return n
	}
	rest := text
	for i := range segments - 1 {
		head, tail, ok := strings.Cut(rest, ":")
		if !ok {
			return Name{Text: text}
		}
		n.Segments[i], rest = head, tail
	}
	n.Segments[segments-1] = rest
	n.IsARN = true
	return n
}

// ARN is a compiled pattern of ARNs.
type ARN struct {
	parts     [segments]Pattern
	count     int  // segments in the text
	all       bool // the text is one star
	condition bool // compiled for a condition, not for a Resource
	variables bool
	never     bool
	work      int // spent in Relate on this ARN as the requested one
}

// CompileResource reads an entry of Resource or NotResource. A star covers
// everything. Else the entry is matched segment by segment: no wildcard crosses
// a colon, save in the last segment, which holds all that is left. The service
// segment takes no wildcard: an entry that has one matches nothing. Segments
// missing at the end count as stars: arn:aws:sqs is all of SQS.
func CompileResource(text string, syntax Syntax) ARN {
	a := split(Compile(text, syntax))
	a.never = !a.all && !a.isLiteral(0, "arn") || a.count > service && a.hasWildcard(service)
	for i := a.count; i < segments; i++ {
		a.parts[i].wildcard('*')
	}
	return a
}

// CompileCondition reads a value of ArnEquals or ArnLike. It is matched segment
// by segment as a Resource is, but any segment may hold wildcards, and all six
// must be there: a single star matches nothing.
func CompileCondition(text string, syntax Syntax) ARN {
	a := split(Compile(text, syntax))
	a.condition = true
	// A variable may bring a whole ARN with all its colons.
	a.all = false
	a.never = a.count < segments && !(a.count == 1 && a.variables)
	return a
}

// split cuts a pattern at the first five colons outside of variables.
func split(p Pattern) ARN {
	a := ARN{count: 1, all: p.All(), variables: p.variables}
	for _, t := range p.tokens {
		for t.kind == literal && a.count < segments {
			head, tail, ok := strings.Cut(t.text, ":")
			if !ok {
				break
			}
			if head != "" {
				a.add(token{text: head})
			}
			a.count++
			t.text = tail
		}
		if t.kind != literal || t.text != "" {
			a.add(t)
		}
	}
	return a
}

func (a *ARN) add(t token) {
	part := &a.parts[a.count-1]
	part.tokens = append(part.tokens, t)
	part.variables = part.variables || t.kind == variable
}

func (a *ARN) isLiteral(i int, text string) bool {
	tokens := a.parts[i].tokens
	return len(tokens) == 1 && tokens[0].kind == literal && tokens[0].text == text
}

func (a *ARN) hasWildcard(i int) bool {
	for _, t := range a.parts[i].tokens {
		if t.kind == star || t.kind == one {
			return true
		}
	}
	return false
}

// Valid reports whether the pattern looks like an ARN, even if it is too short to
// match one.
func (a *ARN) Valid() bool { return !a.never || a.count > 1 && a.isLiteral(0, "arn") }

// All reports whether the pattern covers every resource, "*" itself included.
func (a *ARN) All() bool {
	if a.all {
		return true
	}
	if a.never || a.condition {
		return false
	}
	for i := 1; i < segments; i++ {
		if !a.parts[i].All() {
			return false
		}
	}
	return true
}

// Keys calls yield with the context key of every variable.
func (a *ARN) Keys(yield func(key string)) {
	for i := range a.parts {
		a.parts[i].Keys(yield)
	}
}

// Resolvable is as for [Pattern.Resolvable].
func (a *ARN) Resolvable(v Variables) Truth {
	all := Yes
	if a.variables {
		for i := range a.parts {
			all = min(all, a.parts[i].Resolvable(v))
		}
	}
	return all
}

// Match matches a name. What is not an ARN is matched only by a star, and that
// only in a Resource.
func (a *ARN) Match(n *Name, v Variables) Truth {
	switch {
	case a.all:
		return Yes
	case a.never:
		return No
	case !n.IsARN:
		return truth(n.Text == "*" && a.All())
	case a.condition && a.count == 1:
		return a.matchWhole(n, v)
	}
	answer := Yes
	// The resource segment tells most: it is tried first.
	for i := segments - 1; i > 0; i-- {
		if answer = min(answer, a.parts[i].Match(n.Segments[i], v)); answer == No {
			return No
		}
	}
	if a.condition {
		answer = min(answer, a.parts[0].Match(n.Segments[0], v))
	}
	return answer
}

// matchWhole is for a condition value that is nothing but a variable, perhaps
// with text around it.
func (a *ARN) matchWhole(n *Name, v Variables) Truth { return a.parts[0].Match(n.Text, v) }
