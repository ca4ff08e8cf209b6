package waf

import (
	"net/netip"
	"slices"
	"unsafe"

	"github.com/yagura-sec/yagura"
)

// evaluation is the work on one request. It is used again for the next.
type evaluation struct {
	acl     *ACL
	request *yagura.Request
	verdict *yagura.Verdict

	isSplit               bool
	path, query, fragment string

	raw       []values // by component
	done      []values // by stream
	arena     []byte   // of transformed values
	scratch   []byte
	lines     []value
	addresses []netip.Addr
	key       []byte

	labels  []string
	perhaps []possibleLabel
	anyOf   []string // prefixes of labels that the request may have
	// stoppedPerhaps says that the group being walked may have ended already while
	// the web ACL goes on: what its rules add is not certain.
	stoppedPerhaps bool

	hit     hit
	reasons []string // why the statement asked last is unknown
	endings []yagura.Ending
	why     []string // why the verdict is not certain

	wantsBody bool
	inspected int

	crs      signatures
	token    Token
	hasToken bool
	steps    *[]Step
}

// hit is what matched last.
type hit struct {
	found     bool
	component int
	value     value
	condition string
}

// Components that are no FieldToMatch.
const (
	clientAddress = -1 - iota
	clientCountry
	clientASN
	signatureField
)

// matched keeps the most telling hit of a rule: the first, but for what AWS's logs
// give details of.
func (e *evaluation) matched(h hit) {
	if !e.hit.found || e.hit.condition != "SQL_INJECTION" && e.hit.condition != "XSS" && (h.condition == "SQL_INJECTION" || h.condition == "XSS") {
		e.hit = h
	}
}

func newEvaluation(a *ACL) *evaluation {
	return &evaluation{acl: a, raw: make([]values, len(a.components)), done: make([]values, len(a.streams)), arena: make([]byte, 0, 2048)}
}

// maxKept bounds the buffers that are kept for the next request.
const maxKept = 64 << 10

// reset forgets the request.
func (e *evaluation) reset() {
	for _, all := range [][]values{e.raw, e.done} {
		for i := range all {
			v := &all[i]
			list := v.list[:cap(v.list)]
			clear(list)
			if cap(list) > 512 {
				list = nil
			}
			*v = values{list: list[:0]}
		}
	}
	if cap(e.arena) > maxKept {
		e.arena = make([]byte, 0, 2048)
	}
	clear(e.lines[:cap(e.lines)])
	lines, addresses, key, scratch := e.lines[:0], e.addresses[:0], e.key[:0], e.scratch[:0]
	if cap(lines) > 512 || cap(addresses) > 512 || cap(scratch) > maxKept {
		lines, addresses, scratch = nil, nil, nil
	}
	*e = evaluation{
		acl: e.acl, raw: e.raw, done: e.done, arena: e.arena[:0], lines: lines, addresses: addresses, key: key, scratch: scratch,
		perhaps: e.perhaps[:0], anyOf: e.anyOf[:0], reasons: e.reasons[:0],
	}
}

func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// stream gives a field's values after its transformations, made once.
func (e *evaluation) stream(i int) *values {
	s := &e.acl.streams[i]
	if len(s.chain) == 0 {
		return e.component(s.component)
	}
	v := &e.done[i]
	if v.ready {
		return v
	}
	raw := e.component(s.component)
	*v = values{ready: true, list: v.list[:0], open: raw.open, fixed: raw.fixed, part: raw.part}
	for _, one := range raw.list {
		for _, t := range s.chain {
			one.data = e.transform(t, one.data)
		}
		v.list = append(v.list, one)
	}
	return v
}

// transform applies one transformation in the arena's free part.
func (e *evaluation) transform(t func(dst, src []byte) ([]byte, bool), src []byte) []byte {
	from := len(e.arena)
	free := e.arena[from:from:cap(e.arena)]
	out, _ := t(free, src)
	if len(out) > 0 && cap(free) > 0 && &out[0] == &free[:1][0] {
		e.arena = e.arena[:from+len(out)]
		return slices.Clip(out)
	}
	return out
}

// because notes why a statement is unknown.
func (e *evaluation) because(reason string) {
	if len(e.reasons) < 8 && !slices.Contains(e.reasons, reason) {
		e.reasons = append(e.reasons, reason)
	}
}

// oversize notes a field that was longer than its limit.
func (e *evaluation) oversize(component int) {
	name := oversizeNames[e.acl.components[component].field.Kind]
	if !slices.Contains(e.verdict.Oversize, name) {
		e.verdict.Oversize = append(e.verdict.Oversize, name)
	}
}

// oversizeNames are those of AWS's logs.
var oversizeNames = map[string]string{
	"Body": "REQUEST_BODY", "JsonBody": "REQUEST_JSON_BODY", "Headers": "REQUEST_HEADERS",
	"Cookies": "REQUEST_COOKIES", "HeaderOrder": "HEADER_ORDER",
}
