package main

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
	"github.com/yagura-sec/yagura/prevent/waf/coraza"
	"github.com/yagura-sec/yagura/prevent/waf/crs"
	"github.com/yagura-sec/yagura/prevent/waf/handler"
	"github.com/yagura-sec/yagura/server/gateway"
)

// crsGroup is the Core Rule Set's name among rule groups.
const crsGroup = "OWASP_CRS"

// inspect runs the Core Rule Set over a request.
type inspect struct {
	run   func(*yagura.Request) (*crs.Result, error)
	limit int
}

// gates compiles the gates of sites, and keeps the built-in rule set, which many
// sites may share.
type gates struct {
	mu   sync.Mutex
	crs  map[string]inspect // by settings
	warn func(string)
}

// compile makes the gate of a site: a web ACL, the Core Rule Set, or both.
func (c *gates) compile(w *gateway.WAF, tokens *handler.Tokens, old yagura.Gate) (yagura.Gate, []string, error) {
	g := &siteGate{}
	files := append([]string{}, w.ACL...)
	alone := len(w.ACL) == 0
	if g.blocks = alone; w.CRS.On != nil {
		g.blocks = *w.CRS.On
	}
	if alone && !g.blocks {
		return nil, nil, fmt.Errorf("waf: neither a web ACL nor the Core Rule Set is there to decide; set mode: off if that is meant")
	}
	var bundle *acl.Bundle
	if !alone {
		var err error
		if bundle, err = (&acl.Reader{}).Read(w.ACL...); err != nil {
			return nil, nil, err
		}
	}
	managed := bundle != nil && usesManaged(bundle, w.Name)
	if g.blocks || managed {
		var more []string
		var err error
		if g.crs, more, err = c.engine(w); err != nil {
			return nil, nil, fmt.Errorf("waf.crs: %w", err)
		}
		files = append(files, more...)
	}
	if alone {
		return g, files, nil
	}
	o := waf.Options{Name: w.Name, Resource: w.Resource, BodyLimit: w.BodyLimit, Live: true, Lists: map[string]io.Reader{}}
	if tokens != nil {
		o.Tokens = func(q *yagura.Request) waf.Token { return tokenOf(tokens.Check(q)) }
	}
	if managed {
		o.Signatures = g.signatures
	}
	if w.Geo.Country != "" || w.Geo.ASN != "" {
		places, err := waf.OpenPlaces(w.Geo.Country, w.Geo.ASN)
		if err != nil {
			return nil, nil, fmt.Errorf("waf.geo: %w", err)
		}
		o.Places = places
		files = append(files, filled(w.Geo.Country, w.Geo.ASN)...)
	}
	for rule, name := range w.Lists {
		f, err := os.Open(name)
		if err != nil {
			return nil, nil, fmt.Errorf("waf.lists: %w", err)
		}
		defer func() { _ = f.Close() }() // It was only read.
		o.Lists[rule] = f
		files = append(files, name)
	}
	var err error
	if g.acl, err = waf.Compile(bundle, o); err != nil {
		return nil, nil, err
	}
	if a, err := bundle.ACL(w.Name); err == nil {
		g.name = cmp.Or(a.ARN, a.Name)
	}
	if before, ok := old.(*siteGate); ok && before.acl != nil {
		g.acl.Adopt(before.acl)
	}
	for _, text := range g.acl.Warnings() {
		c.warn(text)
	}
	return g, files, nil
}

func filled(names ...string) (out []string) {
	for _, n := range names {
		if n != "" {
			out = append(out, n)
		}
	}
	return out
}

// usesManaged says whether a web ACL refers to groups that the rule set may serve.
func usesManaged(b *acl.Bundle, name string) bool {
	a, err := b.ACL(name)
	if err != nil {
		return false // The compiler says so.
	}
	return slices.ContainsFunc(slices.Concat(a.Pre, a.Rules, a.Post), func(r *acl.Rule) bool {
		return r.Statement != nil && r.Statement.Kind == "ManagedRuleGroup"
	})
}

// engine makes or finds a compiled rule set.
func (c *gates) engine(w *gateway.WAF) (inspect, []string, error) {
	var files []string
	var before []crs.Source
	for _, name := range w.CRS.Exclusions {
		if !strings.ContainsAny(name, "./\\") {
			s, err := crs.Exclusion(name)
			if err != nil {
				return inspect{}, nil, err
			}
			before = append(before, s)
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return inspect{}, nil, err
		}
		before, files = append(before, crs.Source{Name: name, Text: string(text)}), append(files, name)
	}
	var from fs.FS
	if w.CRS.Dir != "" {
		from = os.DirFS(w.CRS.Dir)
		files = append(files, w.CRS.Dir)
	}
	key := ""
	if len(files) == 0 {
		key = fmt.Sprint(w.CRS.Paranoia, w.CRS.Detection, w.CRS.Sampling, w.CRS.Threshold, w.CRS.Engine, w.BodyLimit, w.CRS.Exclusions)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, ok := c.crs[key]; ok && key != "" {
		return i, files, nil
	}
	i, err := compileCRS(w, from, before)
	if err == nil && key != "" {
		c.crs[key] = i
	}
	return i, files, err
}

func compileCRS(w *gateway.WAF, from fs.FS, before []crs.Source) (inspect, error) {
	if w.CRS.Engine == "coraza" {
		// Coraza names the rule that denies only when it may have its way.
		o := coraza.Options{FS: from, Paranoia: w.CRS.Paranoia, Detection: w.CRS.Detection, Sampling: w.CRS.Sampling, Threshold: w.CRS.Threshold, BodyLimit: w.BodyLimit, Blocking: true}
		for _, s := range before {
			o.Before = append(o.Before, coraza.Source(s))
		}
		e, err := coraza.Compile(o)
		if err != nil {
			return inspect{}, err
		}
		return inspect{limit: e.BodyLimit(), run: func(q *yagura.Request) (*crs.Result, error) { return fromCoraza(e.Inspect(q)) }}, nil
	}
	e, err := crs.Compile(crs.Options{
		FS: from, Paranoia: w.CRS.Paranoia, Detection: w.CRS.Detection, Sampling: w.CRS.Sampling,
		Threshold: w.CRS.Threshold, BodyLimit: w.BodyLimit, Before: before,
	})
	if err != nil {
		return inspect{}, err
	}
	return inspect{limit: e.BodyLimit(), run: func(q *yagura.Request) (*crs.Result, error) {
		r := e.Inspect(q)
		return r, r.Err
	}}, nil
}

// fromCoraza gives Coraza's result the form of our engine's.
func fromCoraza(r *coraza.Result, err error) (*crs.Result, error) {
	if err != nil {
		return nil, err
	}
	out := &crs.Result{Rule: r.Rule, Status: r.Status, Blocked: r.Blocked, Scores: crs.Scores(r.Scores)}
	for _, m := range r.Matches {
		one := crs.Match{ID: m.ID, Message: m.Message, Data: m.Data, Severity: m.Severity, Tags: m.Tags, Paranoia: m.Paranoia}
		for _, t := range m.Targets {
			one.Targets = append(one.Targets, crs.Target(t))
		}
		out.Matches = append(out.Matches, one)
	}
	return out, nil
}

// tokenOf tells a web ACL what the handler knows of a token.
func tokenOf(k handler.Token) waf.Token {
	failures := map[string]string{
		"absent": "TOKEN_MISSING", "rejected:invalid": "TOKEN_INVALID", "rejected:expired": "TOKEN_EXPIRED",
		"rejected:domain_mismatch": "TOKEN_DOMAIN_MISMATCH",
	}
	return waf.Token{Failure: failures[k.State], Domain: k.Domain, Captcha: k.Captcha, Challenge: k.Challenge}
}

// siteGate is the gate of a site.
type siteGate struct {
	name   string   // of the web ACL: its ARN if it has one
	acl    *waf.ACL // nil without a web ACL
	crs    inspect
	blocks bool     // by the rule set itself
	once   sync.Map // results of requests that are being decided
}

// answered is the rule set's answer to one request, once it has been asked.
type answered struct {
	result *crs.Result
	err    error
	done   bool
}

// Name is that of the web ACL, for the log.
func (g *siteGate) Name() string { return cmp.Or(g.name, crsGroup) }

// BodyLimit is the greater one.
func (g *siteGate) BodyLimit() int {
	n := 0
	if g.blocks {
		n = g.crs.limit
	}
	if g.acl != nil {
		n = max(n, g.acl.BodyLimit())
	}
	return n
}

// Decide asks the web ACL, then the rule set.
func (g *siteGate) Decide(q *yagura.Request) *yagura.Verdict {
	g.once.Store(q, &answered{})
	defer g.once.Delete(q)
	v := &yagura.Verdict{Action: yagura.Allow, Rule: "Default_Action", RuleType: "REGULAR", Inspected: len(q.Body)}
	if g.acl != nil {
		v = g.acl.Decide(q)
	}
	if !g.blocks {
		return v
	}
	a := g.ask(q)
	if a.err != nil {
		v.Reasons = append(v.Reasons, "the Core Rule Set has failed: "+a.err.Error())
		if v.Action == yagura.Allow {
			v.Action = yagura.Undecided
		}
		return v
	}
	v.Score = a.result.Scores.Inbound
	v.Hits = append(v.Hits, hits(a.result)...)
	if a.result.Rule != 0 && (v.Action == yagura.Allow || v.Action == yagura.Undecided) {
		v.Action, v.Rule, v.Group, v.RuleType, v.Insert, v.Response = yagura.Block, strconv.Itoa(a.result.Rule), crsGroup, "GROUP", nil, nil
	}
	return v
}

// ask runs the rule set once for a request. Of a request that is a part of the
// one being decided, as the web ACL asks when it inspects less of a body, nothing
// is kept.
func (g *siteGate) ask(q *yagura.Request) *answered {
	a := &answered{}
	if kept, ok := g.once.Load(q); ok {
		a = kept.(*answered) //nolint:errcheck,forcetypeassert // The map holds nothing else.
	}
	if !a.done {
		a.result, a.err = g.crs.run(q)
		a.done = true
	}
	return a
}

// signatures serves the managed groups of a web ACL. A rule set that fails is a
// bug, and the guard deals with its panic as the site says.
func (g *siteGate) signatures(q *yagura.Request) (out []waf.Signature, score int) {
	a := g.ask(q)
	if a.err != nil {
		panic(a.err)
	}
	for _, m := range a.result.Matches {
		for i := range m.Targets { // Each may belong to a field of its own.
			out = append(out, waf.Signature{ID: m.ID, Variable: m.Targets[i].String(), Value: m.Targets[i].Value})
		}
	}
	return out, a.result.Scores.Inbound
}

// hits are the matches as rules of a group.
func hits(r *crs.Result) []yagura.RuleHit {
	out := make([]yagura.RuleHit, 0, len(r.Matches))
	for _, m := range r.Matches {
		h := yagura.RuleHit{Rule: strconv.Itoa(m.ID), Group: crsGroup, Action: yagura.Count}
		if m.ID == r.Rule {
			h.Action, h.Terminates = yagura.Block, true
		}
		if len(m.Targets) > 0 {
			h.Field, h.Value = fieldOf(&m.Targets[0]), m.Targets[0].Value
		}
		out = append(out, h)
	}
	return out
}

// fieldOf names a variable of the rule set as web ACLs name fields.
func fieldOf(t *crs.Target) string {
	switch t.Variable {
	case "ARGS_GET", "ARGS_GET_NAMES":
		return "query argument " + t.Key
	case "REQUEST_HEADERS", "REQUEST_HEADERS_NAMES":
		return "header " + t.Key
	case "REQUEST_COOKIES", "REQUEST_COOKIES_NAMES":
		return "cookie " + t.Key
	case "REQUEST_BODY", "XML", "ARGS_POST", "ARGS_POST_NAMES", "FILES", "FILES_NAMES":
		return "body " + t.Key
	case "REQUEST_URI", "REQUEST_URI_RAW", "REQUEST_FILENAME", "REQUEST_BASENAME", "REQUEST_LINE":
		return "uri path"
	case "QUERY_STRING":
		return "query string"
	case "REQUEST_METHOD":
		return "method"
	}
	return t.String()
}
