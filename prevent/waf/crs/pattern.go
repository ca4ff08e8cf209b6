package crs

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"rsc.io/binaryregexp"
)

// library holds compiled patterns, which several engines share.
type library struct {
	mu              sync.Mutex
	budget          atomic.Int64 // bytes of states
	noSQL, noMarkup innocent
	regexps         map[string]*pattern
	lists           map[string]*phrases
}

func newLibrary() *library {
	return &library{regexps: map[string]*pattern{}, lists: map[string]*phrases{}}
}

// pattern is a regular expression, compiled when a value first comes to it: most
// never do, and compiling them all is most of the time of loading.
type pattern struct {
	source string
	opaque bool // it cannot be parsed, so it is never filtered
	parsed atomic.Pointer[syntax.Regexp]
	once   sync.Once
	text   *regexp.Regexp
	bytes  *binaryregexp.Regexp
	whole  bool // it matches every text from end to end

	library *library
	dfaOnce sync.Once
	dfa     *dfa

	needOnce sync.Once
	needed   *need
}

// rx prepares an expression as Coraza does: . matches newlines, ^ and $ match at
// lines. One that names bytes that are not UTF-8 is matched byte by byte.
func (l *library) rx(source string) (operator, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, ok := l.regexps[source]; ok {
		return p, nil
	}
	p := &pattern{source: "(?sm)" + source, library: l}
	if namesBytes(p.source) {
		p.source = source
		var err error
		if p.bytes, err = binaryregexp.Compile(source); err != nil {
			return nil, err
		}
		tree, err := syntax.Parse(source, syntax.Perl)
		p.opaque = err != nil
		p.parsed.Store(tree)
	} else {
		tree, err := syntax.Parse(p.source, syntax.Perl)
		if err != nil {
			return nil, fmt.Errorf("expression: %w", err)
		}
		p.parsed.Store(tree)
		p.whole = source == "^.*$"
	}
	l.regexps[source] = p
	return p, nil
}

// tree is the expression's, parsed anew after forget.
func (p *pattern) tree() *syntax.Regexp {
	if tree := p.parsed.Load(); tree != nil {
		return tree
	}
	tree, _ := syntax.Parse(p.source, syntax.Perl) // rx has parsed it.
	return tree
}

// forget drops the trees of expressions, which are needed while rules are compiled and
// take a third of the memory that compiled rules take.
func (l *library) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.regexps {
		p.parsed.Store(nil)
	}
}

// ready compiles the expression, which parsed before.
func (p *pattern) ready() *regexp.Regexp {
	p.once.Do(func() { p.text = regexp.MustCompile(p.source) })
	return p.text
}

// maxGroups is the number of captures that TX takes from an expression.
const maxGroups = 9

func (p *pattern) matches(t *transaction, value string) bool {
	if p.bytes != nil {
		return p.matchesBytes(t, value)
	}
	if p.whole && !t.plain {
		if t.capture {
			t.setCapture(0, value)
		}
		return true
	}
	p.dfaOnce.Do(func() { p.dfa = newDFA(p.tree(), &p.library.budget) })
	if p.dfa != nil && !t.plain {
		if any, ok := p.dfa.match(value); ok && (!any || !t.capture) {
			return any
		}
	}
	if !t.capture {
		return p.ready().MatchString(value)
	}
	found := p.ready().FindStringSubmatchIndex(value)
	if found == nil {
		return false
	}
	t.captures(found, value)
	return true
}

func (p *pattern) matchesBytes(t *transaction, value string) bool {
	if !t.capture {
		return p.bytes.MatchString(value)
	}
	found := p.bytes.FindStringSubmatchIndex(value)
	if found == nil {
		return false
	}
	t.captures(found, value)
	return true
}

func (t *transaction) captures(found []int, value string) {
	for i := 0; i < len(found)/2 && i < maxGroups; i++ {
		if found[2*i] < 0 {
			t.setCapture(i, "")
			continue
		}
		t.setCapture(i, value[found[2*i]:found[2*i+1]])
	}
}

// namesBytes says that the expression, with its \xHH read as bytes, is not UTF-8.
func namesBytes(source string) bool {
	decoded := make([]byte, 0, len(source))
	for i := 0; i < len(source); i++ {
		rest := source[i:]
		if len(rest) < 4 || rest[0] != '\\' || rest[1] != 'x' {
			decoded = append(decoded, source[i])
			continue
		}
		digits, length := rest[2:4], 4
		if end := strings.IndexByte(rest, '}'); len(rest) >= 6 && rest[2] == '{' && end > 0 {
			digits, length = rest[3:end], end+1
		}
		b, err := strconv.ParseUint(digits, 16, 8)
		if err != nil {
			decoded = append(decoded, source[i])
			continue
		}
		decoded = append(decoded, byte(b))
		i += length - 1
	}
	return !utf8.Valid(decoded)
}

// phrases finds words of a list, without regard to the case of ASCII letters.
type phrases struct {
	list []string // lower case
	once sync.Once
	root *letter
}

// letter is a node of the tree of phrases.
type letter struct {
	bytes []byte // sorted as they came
	next  []*letter
	ends  bool
}

func (l *library) phrases(list []string) *phrases {
	key := strings.Join(list, "\n")
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, ok := l.lists[key]; ok {
		return p
	}
	p := &phrases{list: list}
	l.lists[key] = p
	return p
}

func (p *phrases) build() {
	p.root = &letter{}
	for _, word := range p.list {
		at := p.root
		for i := range len(word) {
			next := at.child(word[i])
			if next == nil {
				next = &letter{}
				at.bytes, at.next = append(at.bytes, word[i]), append(at.next, next)
			}
			at = next
		}
		at.ends = true
	}
}

func (l *letter) child(c byte) *letter {
	for i, b := range l.bytes {
		if b == c {
			return l.next[i]
		}
	}
	return nil
}

// longest gives the length of the longest phrase at the start of value, or -1.
func (p *phrases) longest(value string) int {
	at, found := p.root, -1
	for i := 0; ; i++ {
		if at.ends {
			found = i
		}
		if i == len(value) {
			return found
		}
		c := value[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if at = at.child(c); at == nil {
			return found
		}
	}
}

// matches captures up to ten phrases, leftmost and longest first, when asked to.
func (p *phrases) matches(t *transaction, value string) bool {
	p.once.Do(p.build)
	count := 0
	for i := 0; i <= len(value); {
		n := p.longest(value[i:])
		if n < 0 {
			i++
			continue
		}
		if !t.capture {
			return true
		}
		t.setCapture(count, value[i:i+n])
		if count++; count == 10 {
			return true
		}
		i += max(n, 1)
	}
	return count > 0
}
