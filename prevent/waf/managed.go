package waf

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
	"github.com/yagura-sec/yagura/prevent/waf/crs"
)

// Slot is one rule of a managed rule group of AWS, and what stands in for it. It
// is compatible in name, label and action, never equal in content.
type Slot struct {
	Group  string        `json:"group"`
	Rule   string        `json:"rule"`
	Label  string        `json:"label"`
	Action yagura.Action `json:"-"`
	// Does is AWS's action: BLOCK, COUNT, CAPTCHA, CHALLENGE.
	Does string `json:"action"`
	// Served says by what: "native", "libinjection", "CRS 941xxx", "operator's
	// list", or "not served".
	Served string `json:"served"`
}

// Slots lists every rule of AWS's managed groups that is known here.
func Slots() (slots []Slot) {
	for _, g := range slotGroups {
		for _, r := range g.rules {
			action := cmp.Or(r.action, yagura.Block)
			slots = append(slots, Slot{Group: g.name, Rule: r.name, Label: g.prefix + r.label, Action: action, Does: action.String(), Served: r.served()})
		}
	}
	return slots
}

// slotGroup is a managed rule group of AWS.
type slotGroup struct {
	name   string
	prefix string // of its labels
	wcu    int64
	tokens bool // manages tokens and adds their labels
	rules  []slotRule
}

type slotRule struct {
	name, label string
	action      yagura.Action // 0: Block
	native      func() *acl.Statement
	what        string   // of native, for people; empty: "native"
	crs         [][2]int // ids, from and to
	field       string   // where the signatures must be found
	list        bool     // an operator's list of the rule's name
}

func (r *slotRule) served() string {
	var by []string
	if r.native != nil {
		by = append(by, cmp.Or(r.what, "native"))
	}
	for _, ids := range r.crs {
		text := fmt.Sprintf("CRS %dxxx", ids[0]/1000)
		if ids[1]-ids[0] < 998 {
			text = fmt.Sprintf("CRS %d-%d", ids[0], ids[1])
		}
		by = append(by, text)
	}
	if r.list {
		by = append(by, "operator's list")
	}
	if len(by) == 0 {
		return "not served"
	}
	return strings.Join(by, " + ")
}

func slotGroupNamed(name string) *slotGroup {
	for i := range slotGroups {
		if slotGroups[i].name == name {
			return &slotGroups[i]
		}
	}
	return nil
}

// managedGroup compiles a managed rule group for one use of it.
func (c *compiler) managedGroup(s *acl.Rule) *group {
	st := s.Statement
	g := &group{name: st.Vendor + "#" + st.Name}
	if len(st.Parts) > 0 {
		g.scope = c.statement(st.Parts[0])
		g.geo, c.geo = c.geo, nil
	}
	known := slotGroupNamed(st.Name)
	if st.Vendor != "AWS" || known == nil {
		c.acl.warnings = append(c.acl.warnings, "managed rule group "+st.Vendor+"/"+st.Name+" is not served")
		answer := unknown
		if c.acl.options.Live {
			answer = no
		}
		g.rules = []*rule{{
			name: "*", kind: "REGULAR", effect: effect{kind: yagura.Block},
			statement: notServed{constant{answer, "is in a managed rule group that is not served"}, "awswaf:managed:" + strings.ToLower(st.Vendor) + ":"},
		}}
		return g
	}
	g.tokens = known.tokens
	overrides := overridesOf(st)
	for i := range known.rules {
		name := known.rules[i].name
		if strings.HasPrefix(name, "TGT_") && !targeted(st) || strings.HasPrefix(name, "TGT_ML_") && !learns(st) {
			continue
		}
		g.rules = append(g.rules, c.slot(known, &known.rules[i], overrides))
	}
	return g
}

// targeted says whether Bot Control runs its targeted rules too.
func targeted(s *acl.Statement) bool {
	for _, value := range s.Configs {
		if strings.Contains(value, "TARGETED") {
			return true
		}
	}
	return false
}

// learns says whether Bot Control runs its rules of machine learning, as it does
// unless told otherwise.
func learns(s *acl.Statement) bool {
	for path, value := range s.Configs {
		if (strings.HasSuffix(path, "EnableMachineLearning") || strings.HasSuffix(path, "enable_machine_learning")) && value == "false" {
			return false
		}
	}
	return true
}

// slot compiles one rule of a managed group.
func (c *compiler) slot(g *slotGroup, s *slotRule, overrides map[string]acl.Override) *rule {
	r := &rule{
		name: s.name, kind: "REGULAR", labels: []string{g.prefix + s.label},
		effect: effect{kind: cmp.Or(s.action, yagura.Block)}, captcha: c.context.captcha * 1e6, challenge: c.context.challenge * 1e6,
	}
	var parts or
	if s.native != nil {
		parts = append(parts, c.statement(s.native()))
	}
	if len(s.crs) > 0 && c.acl.hasSignatures() {
		c.acl.usesCRS = true
		parts = append(parts, &onSignature{ids: s.crs, field: s.field})
	}
	if list := c.acl.lists[s.name]; s.list && list != nil {
		parts = append(parts, &onAddress{set: list})
	}
	missing := s.native == nil && len(s.crs) == 0 && !s.list || s.list && c.acl.lists[s.name] == nil || len(s.crs) > 0 && !c.acl.hasSignatures()
	if missing {
		c.acl.warnings = append(c.acl.warnings, "managed rule "+g.name+"/"+s.name+" is not served"+s.partly())
		if !c.acl.options.Live {
			parts = append(parts, constant{unknown, "is not served here" + s.partly()})
		}
	}
	r.statement = parts
	c.override(r, overrides)
	return r
}

// partly says what is missing for a rule that could be served.
func (s *slotRule) partly() string {
	switch {
	case len(s.crs) > 0 && s.native != nil:
		return " but in part (it needs the Core Rule Set)"
	case len(s.crs) > 0:
		return " (it needs the Core Rule Set)"
	case s.list:
		return " (it needs the operator's list " + s.name + ")"
	}
	return ""
}

// notServed is a whole group that nothing serves: in replay its labels are
// possible.
type notServed struct {
	constant
	prefix string
}

func (n notServed) ask(e *evaluation) truth {
	if n.answer == unknown {
		e.anyOf = append(e.anyOf, n.prefix)
	}
	return n.constant.ask(e)
}

// signatures are the Core Rule Set's hits on a request.
type signatures struct {
	ran   bool
	hits  []Signature
	score int
}

// signaturesOf takes what the slots need from CRS's result. Rules that only
// check the protocol or set scores matter to no slot.
func signaturesOf(result *crs.Result) (hits []Signature, score int) {
	for i := range result.Matches {
		m := &result.Matches[i]
		for j := range m.Targets {
			hits = append(hits, Signature{ID: m.ID, Variable: m.Targets[j].String(), Value: m.Targets[j].Value})
		}
	}
	return hits, result.Scores.Inbound
}

func (a *ACL) hasSignatures() bool { return a.options.Signatures != nil }

// inspect runs the Core Rule Set, once, over the part of the request that AWS
// would see.
func (e *evaluation) inspect() []Signature {
	if e.crs.ran {
		return e.crs.hits
	}
	e.crs.ran = true
	r := e.request
	if len(r.Body) > e.acl.bodyLimit {
		short := *r
		short.Body = short.Body[:e.acl.bodyLimit]
		r = &short
	}
	e.inspected = max(e.inspected, len(r.Body))
	e.crs.hits, e.crs.score = e.acl.options.Signatures(r)
	return e.crs.hits
}

// onSignature holds if one of the signatures was found in a kind of field.
type onSignature struct {
	ids   [][2]int
	field string // QUERYARGUMENTS, QUERYSTRING, BODY, COOKIE, URIPATH, HEADER
}

func (s *onSignature) ask(e *evaluation) truth {
	for _, h := range e.inspect() {
		if !slices.ContainsFunc(s.ids, func(ids [2]int) bool { return h.ID >= ids[0] && h.ID <= ids[1] }) {
			continue
		}
		if slices.Contains(e.kinds(h.Variable), s.field) {
			e.matched(hit{found: true, component: signatureField, value: value{bytesOf(h.Value), h.Variable}, condition: "REGULAR"})
			return yes
		}
	}
	if missing := e.lacks(s.field); missing != "" {
		e.because("needs " + missing)
		return unknown
	}
	return no
}

// lacks names what is missing of a kind of field.
func (e *evaluation) lacks(field string) string {
	r := e.request
	switch field {
	case "BODY":
		if e.partOfBody() {
			return "the body"
		}
	case "COOKIE":
		if r.Missing&yagura.PartHeaders != 0 || e.redactedHeader("cookie") {
			return "the cookies"
		}
	case "HEADER":
		if r.Missing&yagura.PartHeaders != 0 || slices.ContainsFunc(r.Redacted, func(s string) bool { return strings.HasPrefix(s, "header:") }) {
			return "the headers"
		}
	case "URIPATH":
		if r.Missing&yagura.PartURI != 0 || e.redacted("uri") {
			return "the URI path"
		}
	default:
		if r.Missing&yagura.PartURI != 0 || e.redacted("query") {
			return "the query string"
		}
	}
	return ""
}

var (
	inQuery = []string{"QUERYARGUMENTS", "QUERYSTRING"}
	inBody  = []string{"BODY"}
	inPath  = []string{"URIPATH"}
	inBoth  = []string{"QUERYARGUMENTS", "QUERYSTRING", "BODY"}
)

// kinds maps a variable of the Core Rule Set to AWS's kinds of fields. ARGS may
// be of the query string or the body: of the query if it has such an argument.
func (e *evaluation) kinds(variable string) []string {
	name, key, _ := strings.Cut(variable, ":")
	switch {
	case strings.HasPrefix(name, "ARGS_GET"), name == "QUERY_STRING":
		return inQuery
	case name == "ARGS_POST", name == "ARGS_POST_NAMES", name == "REQUEST_BODY", strings.HasPrefix(name, "FILES"),
		strings.HasPrefix(name, "MULTIPART"), name == "XML", name == "JSON":
		return inBody
	case strings.HasPrefix(name, "ARGS"):
		e.split()
		switch {
		case e.query == "":
			return inBody
		case len(e.request.Body) == 0:
			return inQuery
		case e.queryHas(key) && bytes.Contains(e.request.Body, bytesOf(key)):
			return inBoth // It may be either; who sends it twice gains nothing.
		case e.queryHas(key):
			return inQuery
		}
		return inBody
	case strings.HasPrefix(name, "REQUEST_COOKIES"):
		return []string{"COOKIE"}
	case strings.HasPrefix(name, "REQUEST_HEADERS"):
		return []string{"HEADER"}
	case name == "REQUEST_URI" || name == "REQUEST_URI_RAW" || name == "REQUEST_LINE":
		if e.split(); e.query != "" {
			return inQuery
		}
	}
	return inPath
}

// queryHas looks for an argument of the query string by its decoded name.
func (e *evaluation) queryHas(name string) bool {
	for rest := e.query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		raw, _, _ := strings.Cut(pair, "=")
		if decoded, _ := urlDecode(nil, bytesOf(raw)); strings.EqualFold(raw, name) || strings.EqualFold(string(decoded), name) {
			return true
		}
	}
	return false
}
