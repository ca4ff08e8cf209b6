package sigma

import (
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v4"
)

const (
	maxTokens  = 2000
	maxNesting = 64
)

// condition reads an expression over search identifiers. Binding, from the
// weakest: or, and, not, "x of", brackets.
func (r *reader) condition(d *Detection, n *yaml.Node, text string) *Node {
	p := &conditionParser{d: d, at: r.place(n), tokens: conditionTokens(text)}
	if len(p.tokens) > maxTokens {
		r.fail(n, "too-large", "a condition has at most %d words", maxTokens)
		return nil
	}
	node := p.or()
	if p.bad == "" && p.pos < len(p.tokens) {
		p.stray()
	}
	if p.bad != "" {
		r.fail(n, "condition", "condition %s: %s", quote(text), p.bad)
		return nil
	}
	return node
}

// conditionTokens splits at blanks and sets brackets and bars apart.
func conditionTokens(text string) []string {
	return strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ", "|", " | ").Replace(text))
}

type conditionParser struct {
	d      *Detection
	at     Place
	tokens []string
	pos    int
	depth  int
	bad    string
}

func (p *conditionParser) fail(format string, args ...any) *Node {
	if p.bad == "" {
		p.bad = fmt.Sprintf(format, args...)
	}
	return nil
}

func (p *conditionParser) stray() {
	switch t := p.tokens[p.pos]; strings.ToLower(t) {
	case "|", "near":
		p.fail("aggregations and near are retired forms of Sigma: write a correlation document")
	case ")":
		p.fail("a closing bracket without an opening one")
	default:
		p.fail("expected \"and\" or \"or\" before %s", quote(t))
	}
}

// word takes the next token if it is the word.
func (p *conditionParser) word(w string) bool {
	if p.bad == "" && p.pos < len(p.tokens) && strings.EqualFold(p.tokens[p.pos], w) {
		p.pos++
		return true
	}
	return false
}

func (p *conditionParser) or() *Node  { return p.chain("or", p.and) }
func (p *conditionParser) and() *Node { return p.chain("and", p.not) }

func (p *conditionParser) chain(op string, next func() *Node) *Node {
	node := &Node{Place: p.at, Op: op, Kids: []*Node{next()}}
	for p.word(op) {
		node.Kids = append(node.Kids, next())
	}
	if len(node.Kids) == 1 {
		return node.Kids[0]
	}
	return node
}

func (p *conditionParser) not() *Node {
	if p.depth++; p.depth > maxNesting {
		return p.fail("nested deeper than %d levels", maxNesting)
	}
	defer func() { p.depth-- }()
	if p.word("not") {
		return &Node{Place: p.at, Op: "not", Kids: []*Node{p.not()}}
	}
	if p.word("(") {
		node := p.or()
		if !p.word(")") {
			return p.fail("a closing bracket is missing")
		}
		return node
	}
	return p.operand()
}

func (p *conditionParser) operand() *Node {
	if p.bad != "" {
		return nil
	}
	if p.pos >= len(p.tokens) {
		return p.fail("it ends where the name of a search is due")
	}
	t := p.tokens[p.pos]
	if p.pos+1 < len(p.tokens) && strings.EqualFold(p.tokens[p.pos+1], "of") {
		return p.quantity(strings.ToLower(t))
	}
	switch strings.ToLower(t) {
	case "and", "or", "not", ")", "|":
		return p.fail("the name of a search is due before %s", quote(t))
	}
	p.pos++
	search, ok := p.d.Searches[t]
	if !ok {
		return p.fail("there is no search %s; there is %s", quote(t), strings.Join(p.d.Names, ", "))
	}
	return &Node{Place: p.at, Op: "ref", Name: t, Kids: []*Node{search}}
}

// quantity reads "1 of them", "all of selection*".
func (p *conditionParser) quantity(count string) *Node {
	op := ""
	switch count {
	case "1", "any":
		op = "or"
	case "all":
		op = "and"
	default:
		return p.fail("%s of: only \"1 of\" and \"all of\" exist", quote(count))
	}
	p.pos += 2
	if p.pos >= len(p.tokens) {
		return p.fail("\"of\" needs them or a pattern such as selection*")
	}
	pattern := p.tokens[p.pos]
	p.pos++
	node := &Node{Place: p.at, Op: op}
	for _, name := range p.d.Names {
		if p.matches(pattern, name) {
			node.Kids = append(node.Kids, &Node{Place: p.at, Op: "ref", Name: name, Kids: []*Node{p.d.Searches[name]}})
		}
	}
	if len(node.Kids) == 0 {
		return p.fail("no search has a name like %s; there is %s", quote(pattern), strings.Join(p.d.Names, ", "))
	}
	return node
}

// matches says whether a pattern names a search. Names that begin with "_" are
// not among "them".
func (p *conditionParser) matches(pattern, name string) bool {
	if strings.EqualFold(pattern, "them") {
		return !strings.HasPrefix(name, "_")
	}
	// Only * is special: the rest is quoted, and names hold no slash after this.
	clean := strings.NewReplacer(`\`, `\\`, "?", `\?`, "[", `\[`, "/", "\x00").Replace(pattern)
	ok, err := path.Match(clean, strings.ReplaceAll(name, "/", "\x00"))
	return err == nil && ok
}
