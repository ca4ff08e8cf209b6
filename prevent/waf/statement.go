package waf

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/corazawaf/libinjection-go"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
)

// statement is one compiled statement.
type statement interface {
	ask(e *evaluation) truth
}

type (
	and []statement
	or  []statement
	not struct{ of statement }
)

func (all and) ask(e *evaluation) truth {
	answer := yes
	for _, s := range all {
		if answer = conjunction[answer][s.ask(e)]; answer == no {
			break
		}
	}
	return answer
}

func (all or) ask(e *evaluation) truth {
	answer := no
	for _, s := range all {
		if answer = disjunction[answer][s.ask(e)]; answer == yes {
			break
		}
	}
	return answer
}

func (n not) ask(e *evaluation) truth {
	before := e.hit
	answer := negation[n.of.ask(e)]
	e.hit = before // What matched inside is not why the rule matches.
	return answer
}

// constant is a statement whose answer does not depend on the request.
type constant struct {
	answer truth
	reason string
}

func (c constant) ask(e *evaluation) truth {
	if c.answer == unknown {
		e.because(c.reason)
	}
	return c.answer
}

// test looks at one value of a field.
type test interface {
	matches(e *evaluation, data []byte) truth
}

// onField asks a test about every value of a field.
type onField struct {
	stream    int
	test      test
	condition string
	size      *sizeTest // test, when it is one on a field that is not transformed
}

func (f *onField) ask(e *evaluation) truth {
	v := e.stream(f.stream)
	c := e.acl.streams[f.stream].component
	if e.raw[c].large {
		e.oversize(c)
	}
	if v.fixed != 0 {
		if v.fixed == yes {
			e.matched(hit{found: true, component: c, condition: f.condition})
		}
		return v.fixed
	}
	answer := no
	for i := range v.list {
		t := f.test.matches(e, v.list[i].data)
		if t == yes && v.part && !e.holdsBeyond(f) {
			t = unknown
		}
		switch t {
		case yes:
			e.matched(hit{found: true, component: c, value: v.list[i], condition: f.condition})
			return yes
		default:
			answer |= t &^ no
		}
	}
	if v.open != "" {
		if f.size != nil {
			if size, ok := e.sizeOf(c); ok {
				return truthOf(f.size.holds(size))
			}
		}
		e.because("needs " + v.open)
		return unknown
	}
	if answer != no {
		return unknown
	}
	return no
}

// holdsBeyond says whether a match in the beginning of a value stands whatever
// its rest is. Attacks that a live request shows are not let off for it.
func (e *evaluation) holdsBeyond(f *onField) bool {
	for _, name := range e.acl.streams[f.stream].names {
		if !bytewise[name] {
			return e.acl.options.Live && f.detects()
		}
	}
	switch t := f.test.(type) {
	case *byteTest:
		return t.position == "CONTAINS" || t.position == "STARTS_WITH"
	case *sizeTest:
		return t.compare == "GT" || t.compare == "GE"
	case regexTest:
		return !slices.ContainsFunc(t, func(p *pattern) bool { return !p.steady })
	}
	return e.acl.options.Live && f.detects()
}

func (f *onField) detects() bool { return f.condition == "SQL_INJECTION" || f.condition == "XSS" }

// bytewise are the transformations that turn the beginning of a value into the
// beginning of the result.
var bytewise = map[string]bool{
	"LOWERCASE": true, "UPPERCASE": true, "REMOVE_NULLS": true, "REPLACE_NULLS": true, "REMOVE_WHITESPACE": true, "TRIM_LEFT": true,
}

type byteTest struct {
	search   []byte
	position string
}

func (t *byteTest) matches(_ *evaluation, data []byte) truth {
	switch t.position {
	case "EXACTLY":
		return truthOf(bytes.Equal(data, t.search))
	case "STARTS_WITH":
		return truthOf(bytes.HasPrefix(data, t.search))
	case "ENDS_WITH":
		return truthOf(bytes.HasSuffix(data, t.search))
	case "CONTAINS":
		return truthOf(bytes.Contains(data, t.search))
	}
	return truthOf(containsWord(data, t.search))
}

// containsWord looks for a text with no word character on either side.
func containsWord(data, text []byte) bool {
	for from := 0; ; {
		at := bytes.Index(data[from:], text)
		if at < 0 || len(text) == 0 {
			return false
		}
		start, end := from+at, from+at+len(text)
		if (start == 0 || !isWord(data[start-1])) && (end == len(data) || !isWord(data[end])) {
			return true
		}
		from = start + 1
	}
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

type sizeTest struct {
	compare string
	size    int64
}

func (t *sizeTest) matches(_ *evaluation, data []byte) truth {
	return truthOf(t.holds(int64(len(data))))
}

func (t *sizeTest) holds(n int64) bool {
	switch t.compare {
	case "EQ":
		return n == t.size
	case "NE":
		return n != t.size
	case "LE":
		return n <= t.size
	case "LT":
		return n < t.size
	case "GE":
		return n >= t.size
	}
	return n > t.size
}

// regexTest holds if any of its patterns matches.
type regexTest []*pattern

func (t regexTest) matches(e *evaluation, data []byte) truth {
	answer := no
	e.scratch = e.scratch[:0]
	spelt := wide(e.scratch, data)
	if len(spelt) != len(data) {
		e.scratch = spelt
	}
	for _, p := range t {
		found, ok := p.match(spelt, data)
		if found {
			return yes
		}
		if !ok {
			e.because("a regular expression takes too long")
			answer = unknown
		}
	}
	return answer
}

// sqlTest is SqliMatch. Sensitivity LOW is libinjection on the value and on each
// of its parts if it looks like a query string; HIGH tries besides the value with
// a quote before it and one decoding more.
type sqlTest struct{ high bool }

func (t *sqlTest) matches(e *evaluation, data []byte) truth {
	if suspicious(data, isSQL) {
		return yes
	}
	if !t.high {
		return no
	}
	quoted := append(append(e.scratch[:0], '\''), data...)
	e.scratch = quoted
	if isSQL(quoted) {
		return yes
	}
	if decoded, changed := urlDecode(nil, data); changed && suspicious(decoded, isSQL) {
		return yes
	}
	return no
}

type xssTest struct{}

func (xssTest) matches(_ *evaluation, data []byte) truth { return truthOf(suspicious(data, isXSS)) }

func isSQL(data []byte) bool {
	found, _ := libinjection.IsSQLi(textOf(data))
	return found
}

// isXSS spares libinjection values that hold neither a tag nor an attribute with
// a value; nothing in them can be found; FuzzMarkup checks that.
func isXSS(data []byte) bool {
	return bytes.ContainsAny(data, "<=") && libinjection.IsXSS(textOf(data))
}

// maxParts bounds the parts of a form that are looked at one by one.
const maxParts = 512

// suspicious asks about a value and, if it reads as a form, about its parts.
func suspicious(data []byte, is func([]byte) bool) bool {
	if len(data) == 0 {
		return false
	}
	if is(data) {
		return true
	}
	if bytes.IndexByte(data, '=') < 0 {
		return false
	}
	for n := 0; len(data) > 0 && n < maxParts; n++ {
		part, rest, _ := bytes.Cut(data, []byte("&"))
		data = rest
		if _, content, ok := bytes.Cut(part, []byte("=")); ok && len(content) > 0 && is(content) {
			return true
		}
	}
	return false
}

// onAddress is IPSetReference.
type onAddress struct {
	set       *addressSet
	forwarded *acl.Forwarded
	position  string
}

func (s *onAddress) ask(e *evaluation) truth {
	if s.forwarded == nil {
		if !e.request.Client.IsValid() {
			if e.request.Missing&yagura.PartClient != 0 {
				e.because("needs the client's address")
				return unknown
			}
			return no
		}
		return s.found(e, s.set.contains(e.request.Client))
	}
	all, answer := e.forwarded(s.forwarded.Header)
	if answer != yes {
		return answer
	}
	switch s.position {
	case "FIRST":
		all = all[:1]
	case "LAST":
		all = all[len(all)-1:]
	default:
		all = all[:min(len(all), maxForwarded)]
	}
	valid := false
	for _, a := range all {
		if a.IsValid() {
			valid = true
			if s.set.contains(a) {
				return s.found(e, true)
			}
		}
	}
	return truthOf(!valid && s.forwarded.Fallback == "MATCH")
}

func (s *onAddress) found(e *evaluation, found bool) truth {
	if found {
		e.matched(hit{found: true, component: clientAddress, condition: "REGULAR"})
	}
	return truthOf(found)
}

// forwarded gives the addresses of a header. The answer is yes when there are
// any, off when there is no such header, unknown when that is not known.
func (e *evaluation) forwarded(header string) ([]netip.Addr, truth) {
	v := values{list: e.lines[:0]}
	e.header(header, &v)
	e.lines = v.list
	if v.open != "" {
		e.because("needs " + v.open)
		return nil, no | off | yes
	}
	if len(v.list) == 0 {
		return nil, off
	}
	e.addresses = e.addresses[:0]
	for _, line := range v.list {
		e.addresses = forwarded(textOf(line.data), e.addresses)
	}
	return e.addresses, yes
}
