package crs

import (
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/yagura-sec/yagura"
)

// member is an element of a collection.
type member struct {
	key   string // as sent
	lower string
	value string
	// Numbers of value and key among the texts of the request, plus one; zero: not yet.
	valueText, keyText int32
}

// The collections that hold members.
const (
	listGet = iota
	listPost
	listHeaders
	listCookies
	listFiles
	listFilesNames
	listFilesSizes
	listParts
	listPartFilename
	listPartName
	listXML
	listMatched
	listCount
)

// held says which lists a variable shows, and whether it shows their keys.
type held struct {
	lists []int
	names bool
}

var holds = [varCount]held{
	varArgs:                 {[]int{listGet, listPost}, false},
	varArgsNames:            {[]int{listGet, listPost}, true},
	varArgsGet:              {[]int{listGet}, false},
	varArgsGetNames:         {[]int{listGet}, true},
	varArgsPost:             {[]int{listPost}, false},
	varArgsPostNames:        {[]int{listPost}, true},
	varHeaders:              {[]int{listHeaders}, false},
	varHeadersNames:         {[]int{listHeaders}, true},
	varCookies:              {[]int{listCookies}, false},
	varCookiesNames:         {[]int{listCookies}, true},
	varFiles:                {[]int{listFiles}, false},
	varFilesNames:           {[]int{listFilesNames}, false},
	varFilesSizes:           {[]int{listFilesSizes}, false},
	varMultipartPartHeaders: {[]int{listParts}, false},
	varMultipartFilename:    {[]int{listPartFilename}, false},
	varMultipartName:        {[]int{listPartName}, false},
	varXML:                  {[]int{listXML}, false},
	varMatchedVars:          {[]int{listMatched}, false},
	varMatchedVarsNames:     {[]int{listMatched}, true},
}

// slot is a variable of TX whose name a rule spells out.
type slot struct {
	value string
	set   bool
}

// transaction is the evaluation of one request. It is used again for another; what
// leaves it is copied.
type transaction struct {
	e       *Engine
	request *yagura.Request
	body    string
	cut     bool // the body is longer than what is looked at

	singles [varCount]string
	lists   [listCount][]member
	slots   []slot
	extra   map[string]string // TX by names that rules build

	phase      int
	capture    bool
	current    *rule
	skipTo     string // marker to skip to
	skip       int
	removed    [][2]int
	opened     bool       // the level was raised, or a check of it removed
	open       bool       // and the rules above must be added
	takes      []*control // that take targets from rules
	allow      string
	typed      bool // a Content-Type was seen
	engineOff  bool
	detectOnly bool
	bodyOff    bool
	forceBody  bool
	bodyLimit  int
	severity   int

	items   []item
	found   []Target // matches of the rule at hand
	message string
	data    string
	plain   bool // no shortcuts

	result  *Result
	out     strings.Builder // text of the result
	targets []Target        // of the result
	arena   []byte
	fast    fastState
}

// item is one value that a rule looks at.
type item struct {
	v          variable
	key, value string
	m          *member // of a collection that does not change, else nil
	names      bool
	count      bool
}

const arenaChunk = 16 << 10

// alloc gives an empty buffer of capacity n that lives as long as the evaluation.
func (t *transaction) alloc(n int) []byte {
	if cap(t.arena)-len(t.arena) < n {
		t.arena = make([]byte, 0, max(arenaChunk, n, 2*cap(t.arena)))
	}
	start := len(t.arena)
	t.arena = t.arena[: start+n : cap(t.arena)]
	return t.arena[start : start : start+n]
}

// view gives the bytes as text without a copy: nothing writes to them any more.
func view(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }

// lower gives s in lower case.
func (t *transaction) lower(s string) string {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			return strings.ToLower(s)
		case c >= 'A' && c <= 'Z':
			return t.lowerASCII(s)
		}
	}
	return s
}

func (t *transaction) lowerASCII(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return strings.ToLower(s)
		}
	}
	out := t.alloc(len(s))
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		out = append(out, c)
	}
	return view(out)
}

func (t *transaction) add(list int, key, value string) {
	t.lists[list] = append(t.lists[list], member{key: key, lower: t.lower(key), value: value})
}

func (t *transaction) setCapture(i int, value string) {
	t.slots[i] = slot{value, true} // the first names of TX are the numbers
}

// reset clears what the last request left, and keeps the memory.
func (t *transaction) reset() {
	for i := range t.lists {
		clear(t.lists[i])
		t.lists[i] = t.lists[i][:0]
	}
	t.singles = [varCount]string{}
	copy(t.slots, t.e.initial)
	clear(t.extra)
	t.phase, t.skipTo, t.skip, t.removed, t.allow, t.bodyLimit = 0, "", 0, nil, "", 0
	t.takes, t.open, t.opened = t.takes[:0], false, false
	t.capture, t.engineOff, t.detectOnly, t.bodyOff, t.forceBody, t.cut, t.typed = false, false, false, false, false, false, false
	t.severity = 255
	clear(t.items)
	clear(t.found)
	t.items, t.found = t.items[:0], t.found[:0]
	t.result, t.request, t.body, t.message, t.data, t.current = nil, nil, "", "", "", nil
	t.out.Reset()
	t.targets = nil
	t.arena = t.arena[:0]
	t.fast.reset()
}

// single gives the value of a variable that is no collection.
func (t *transaction) single(v variable) string {
	return t.singles[v]
}

// first gives the first value under a key, as macros want it.
func (t *transaction) first(v variable, key string) (string, bool) {
	if v == varTX {
		return t.getTX(key)
	}
	h := &holds[v]
	for _, list := range h.lists {
		for i := range t.lists[list] {
			if m := &t.lists[list][i]; m.lower == key {
				if h.names {
					return m.key, true
				}
				return m.value, true
			}
		}
	}
	return "", false
}

func (t *transaction) getTX(name string) (string, bool) {
	if n, ok := t.e.slots[name]; ok {
		return t.slots[n].value, t.slots[n].set
	}
	value, ok := t.extra[name]
	return value, ok
}

// maxTX bounds the variables that rules name after what is in the request.
const maxTX = 10000

func (t *transaction) setTX(name string, n int, value string) {
	if n < 0 {
		if i, ok := t.e.slots[name]; ok {
			n = i
		}
	}
	if n >= 0 {
		t.slots[n] = slot{value, true}
		if n == t.e.level && integer(value) > t.e.expected {
			t.open = true
		}
		return
	}
	if t.extra == nil {
		t.extra = map[string]string{}
	}
	if len(t.extra) < maxTX {
		t.extra[name] = value
	}
}

func (t *transaction) removeTX(name string, n int) {
	if n >= 0 {
		t.slots[n] = slot{}
		return
	}
	if i, ok := t.e.slots[name]; ok {
		t.slots[i] = slot{}
	}
	delete(t.extra, name)
}

// gather lists the values that a target shows, exceptions aside.
func (t *transaction) gather(tg *target, more []*control, out []item) []item {
	start := len(out)
	switch h := &holds[tg.v]; {
	case tg.v == varTX:
		out = t.gatherTX(tg, out)
	case tg.v == varRule:
		out = append(out, item{v: tg.v, key: tg.key, value: t.ruleField(tg.key, "")})
	case h.lists == nil:
		out = append(out, item{v: tg.v, value: t.single(tg.v)})
	default:
		for _, list := range h.lists {
			for i := range t.lists[list] {
				m := &t.lists[list][i]
				if tg.rx != nil && !tg.rx.MatchString(m.lower) || tg.rx == nil && tg.key != "" && tg.key != m.lower {
					continue
				}
				it := item{v: tg.v, key: m.key, value: m.value, m: m, names: h.names}
				if h.names {
					it.value = m.key
				}
				if list == listMatched {
					it.m = nil
				}
				out = append(out, it)
			}
		}
	}
	if len(tg.except) > 0 || len(more) > 0 {
		kept := out[:start]
		for _, it := range out[start:] {
			if !t.isExcepted(tg, more, &it) {
				kept = append(kept, it)
			}
		}
		out = kept
	}
	if tg.count {
		n := len(out) - start
		out = append(out[:start], item{v: tg.v, key: tg.key, value: t.itoa(n), count: true})
	}
	return out
}

func (t *transaction) isExcepted(tg *target, more []*control, it *item) bool {
	name := t.lower(it.key)
	if it.m != nil {
		name = it.m.lower
	}
	if excepted(tg.except, name) {
		return true
	}
	for i := range more {
		if more[i].v == tg.v && more[i].except.takes(name) {
			return true
		}
	}
	return false
}

func (t *transaction) gatherTX(tg *target, out []item) []item {
	if tg.rx == nil && tg.key != "" {
		if value, ok := t.getTX(tg.key); ok {
			out = append(out, item{v: varTX, key: tg.key, value: value})
		}
		return out
	}
	for n := range t.slots {
		if name := t.e.names[n]; t.slots[n].set && (tg.rx == nil || tg.rx.MatchString(name)) {
			out = append(out, item{v: varTX, key: name, value: t.slots[n].value})
		}
	}
	for name, value := range t.extra {
		if tg.rx == nil || tg.rx.MatchString(name) {
			out = append(out, item{v: varTX, key: name, value: value})
		}
	}
	return out
}
