package waf

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
)

// Finding is one thing to look at in a web ACL.
type Finding struct {
	Code    string `json:"code"`
	Level   string `json:"level"` // error (AWS refuses it), warning or note
	Message string `json:"message"`
	File    string `json:"file"`
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1, in characters
	Path    string `json:"path"`
	ACL     string `json:"acl"`
	Rule    string `json:"rule,omitempty"` // as group rule/rule in the group
}

// AWS WAF's limits.
const (
	baseWCU      = 1500 // in the base price
	maxWCU       = 5000
	maxRegex     = 512
	maxPatterns  = 10
	minRateLimit = 10
)

// Lint judges every web ACL of a bundle: what can never match, what an earlier
// rule hides, what disarms a rule, what AWS would refuse. Codes are stable.
func Lint(b *acl.Bundle, o Options) []Finding {
	l := &linter{bundle: b, options: o}
	for _, a := range b.ACLs {
		l.webACL(a)
	}
	slices.SortStableFunc(l.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return l.findings
}

type linter struct {
	bundle   *acl.Bundle
	options  Options
	acl      *acl.WebACL
	rule     string
	findings []Finding

	made    []madeLabel
	anyMade []string // prefixes of which any label may be made
	limit   int      // of the body
	// oversized are kinds of fields for which some rule handles oversize.
	oversized map[string]bool
	order     int
}

// madeLabel is a label that a rule adds, and when.
type madeLabel struct {
	text  string
	order int
}

func (l *linter) add(at acl.Pos, level, code, format string, args ...any) {
	if len(l.findings) < 2000 {
		l.findings = append(l.findings, Finding{
			Code: code, Level: level, Message: fmt.Sprintf(format, args...),
			File: at.File, Line: at.Line, Column: at.Column, Path: at.Path, ACL: l.acl.Name, Rule: l.rule,
		})
	}
}

func (l *linter) webACL(a *acl.WebACL) {
	l.acl, l.rule, l.made, l.anyMade, l.order = a, "", nil, nil, 0
	l.oversized = map[string]bool{}
	probe := &ACL{options: l.options, source: a}
	if err := probe.setLimit(); err == nil {
		l.limit = probe.bodyLimit
	}
	all := inOrder(a)
	for _, r := range all {
		l.survey(r, a.Namespace)
	}
	l.order = 0
	for i, r := range all {
		l.rule = r.Name
		l.one(r, a.Namespace)
		l.shadowed(all[:i], r)
		l.order++
	}
	l.rule = ""
	if l.bundle.HasLogging && !a.Logged {
		l.add(a.Pos, "warning", "NO_LOGGING", "no logging configuration names this web ACL: nobody sees what it does")
	}
	units, exact := capacity(a)
	switch {
	case units > maxWCU:
		l.add(a.Pos, "error", "WCU_EXCEEDED", "about %d WCU; AWS takes at most %d", units, maxWCU)
	case units > baseWCU:
		l.add(a.Pos, "note", "WCU_ABOVE_BASE", "about %d WCU: above %d AWS asks a higher price", units, baseWCU)
	case units*10 > baseWCU*9:
		l.add(a.Pos, "note", "WCU_NEAR_LIMIT", "about %d of the %d WCU in the base price", units, baseWCU)
	}
	if exact && a.Capacity > 0 && a.Capacity != units {
		l.add(a.Pos, "note", "WCU_DIFFERS", "the export says %d WCU, the documented costs add up to %d", a.Capacity, units)
	}
}

// inOrder gives all rules of a web ACL as they are evaluated.
func inOrder(a *acl.WebACL) (all []*acl.Rule) {
	for _, part := range [][]*acl.Rule{a.Pre, a.Rules, a.Post} {
		all = append(all, sortedRules(part)...)
	}
	return all
}

func sortedRules(rules []*acl.Rule) []*acl.Rule {
	return slices.SortedStableFunc(slices.Values(rules), func(a, b *acl.Rule) int { return cmp.Compare(a.Priority, b.Priority) })
}

// survey collects the labels that rules make and the oversize handling that is there.
func (l *linter) survey(r *acl.Rule, namespace string) {
	for _, label := range r.Labels {
		l.made = append(l.made, madeLabel{namespace + label, l.order})
	}
	walk(r.Statement, func(s *acl.Statement) {
		if f := s.Field; f != nil && (f.Oversize == "MATCH" || s.Kind == "SizeConstraint") {
			l.oversized[plainKind(f.Kind)] = true
		}
		if s.Kind == "GeoMatch" {
			l.anyMade = append(l.anyMade, "awswaf:clientip:geo:", "awswaf:forwardedip:geo:")
		}
	})
	s := r.Statement
	switch {
	case s.Kind == "RuleGroupReference" && s.Group != nil:
		for _, inner := range sortedRules(s.Group.Rules) {
			l.survey(inner, s.Group.Namespace)
		}
		return
	case s.Kind == "ManagedRuleGroup":
		g := slotGroupNamed(s.Name)
		if g == nil || s.Vendor != "AWS" {
			l.anyMade = append(l.anyMade, "awswaf:managed:")
			break
		}
		if g.tokens {
			l.anyMade = append(l.anyMade, "awswaf:managed:token:", "awswaf:managed:captcha:", g.prefix)
		}
		for i := range g.rules {
			l.made = append(l.made, madeLabel{g.prefix + g.rules[i].label, l.order})
			if g.rules[i].name == "SizeRestrictions_BODY" {
				l.oversized["Body"] = true
			}
		}
	}
	l.order++
}

func plainKind(kind string) string { return strings.TrimPrefix(kind, "Json") }

// walk visits a statement and those in it.
func walk(s *acl.Statement, visit func(*acl.Statement)) {
	visit(s)
	for _, p := range s.Parts {
		walk(p, visit)
	}
}

func (l *linter) one(r *acl.Rule, namespace string) {
	if r.Override == "Count" {
		l.add(r.Pos, "warning", "COUNT_DISARMS", "OverrideAction Count: the group only counts, and stops at its first rule that would act")
	}
	walk(r.Statement, func(s *acl.Statement) { l.statement(r, s, namespace) })
	if s := r.Statement; s.Kind == "RuleGroupReference" && s.Group != nil {
		outer := l.rule
		inner := sortedRules(s.Group.Rules)
		for i, rule := range inner {
			l.rule = outer + "/" + rule.Name
			l.one(rule, s.Group.Namespace)
			l.shadowed(inner[:i], rule)
		}
		l.rule = outer
	}
}

func (l *linter) statement(r *acl.Rule, s *acl.Statement, namespace string) {
	switch s.Kind {
	case "ByteMatch":
		l.search(s)
	case "RegexMatch":
		l.regex(s.Pos, s.Regex)
	case "RegexPatternSetReference":
		if s.Regexes != nil {
			if n := len(s.Regexes.Patterns); n == 0 || n > maxPatterns {
				l.add(s.Regexes.Pos, "error", "REGEX_SET_SIZE", "%d patterns; AWS takes 1 to %d", n, maxPatterns)
			}
			for i, p := range s.Regexes.Patterns {
				l.regex(s.Regexes.Places[i], p)
			}
		}
	case "IPSetReference":
		if s.IPs != nil && len(s.IPs.Prefixes) == 0 {
			l.add(s.Pos, "warning", "EMPTY_IP_SET", "the IP set %s is empty: this never matches", s.IPs.Name)
		}
	case "RateBased":
		if s.Limit < minRateLimit {
			l.add(s.Pos, "error", "RATE_LIMIT_TOO_LOW", "limit %d; AWS takes at least %d", s.Limit, minRateLimit)
		}
	case "LabelMatch":
		l.label(s, namespace)
	case "ManagedRuleGroup":
		l.managed(s)
	case "SizeConstraint":
		never := s.Compare == "GT" && s.Size >= int64(l.limit) || s.Compare == "GE" && s.Size > int64(l.limit)
		if s.Field.Kind == "Body" && never && s.Field.Oversize != "MATCH" {
			l.add(s.Pos, "warning", "SIZE_NEVER", "only %d bytes of a body are inspected, so it is never longer; set OversizeHandling to MATCH", l.limit)
		}
		return
	}
	if f := s.Field; f != nil && r.Action != nil && r.Action.Kind == yagura.Block && (f.Oversize == "CONTINUE" || f.Oversize == "") {
		switch kind := plainKind(f.Kind); kind {
		case "Body", "Headers", "Cookies":
			if !l.oversized[kind] {
				l.add(f.Pos, "warning", "OVERSIZE_UNINSPECTED", "what lies beyond the limit of the %s is not inspected and no rule handles it; an attack can hide there", strings.ToLower(kind))
			}
		}
	}
}

// search finds texts that can't be in the value they are looked for in.
func (l *linter) search(s *acl.Statement) {
	last := ""
	for _, t := range s.Transforms {
		if t != "NONE" {
			last = t
		}
	}
	switch {
	case slices.Contains(s.Transforms, "LOWERCASE") && last == "LOWERCASE" && !bytes.Equal(bytes.ToLower(s.Search), s.Search),
		last == "UPPERCASE" && !bytes.Equal(bytes.ToUpper(s.Search), s.Search):
		l.add(s.Pos, "warning", "NEVER_MATCHES", "%q never stands in a value after %s", s.Search, last)
	case s.Field.Kind == "UriPath" && last == "" && (s.Position == "STARTS_WITH" || s.Position == "EXACTLY") && len(s.Search) > 0 && s.Search[0] != '/' && string(s.Search) != "*":
		l.add(s.Pos, "warning", "NEVER_MATCHES", "a URI path begins with /, not with %q", s.Search)
	case s.Field.Kind == "UriPath" && last == "" && bytes.IndexByte(s.Search, '?') >= 0:
		l.add(s.Pos, "warning", "NEVER_MATCHES", "a URI path ends before its ?; look in the query string for what follows")
	case s.Field.Kind == "QueryString" && s.Position == "STARTS_WITH" && len(s.Search) > 0 && s.Search[0] == '?':
		l.add(s.Pos, "warning", "NEVER_MATCHES", "the query string begins after the ?")
	}
}

func (l *linter) regex(at acl.Pos, source string) {
	if len(source) > maxRegex {
		l.add(at, "error", "REGEX_TOO_LONG", "%d bytes; AWS takes at most %d", len(source), maxRegex)
	}
	_, err := newPattern(source)
	var no *refused
	switch {
	case errors.As(err, &no):
		l.add(at, "error", "REGEX_REFUSED", "%v", err)
	case err != nil:
		l.add(at, "warning", "REGEX_NOT_RUN", "this engine cannot run it: %v", err)
	}
}

func (l *linter) label(s *acl.Statement, namespace string) {
	m := newLabelMatch(namespace, s.Key, s.Scope)
	for _, prefix := range l.anyMade {
		if strings.HasPrefix(m.key, prefix) || m.namespace && strings.HasPrefix(prefix, m.key) {
			return
		}
	}
	later := false
	for _, made := range l.made {
		if m.takes(made.text) {
			if made.order <= l.order {
				return
			}
			later = true
		}
	}
	if later {
		l.add(s.Pos, "warning", "LABEL_TOO_LATE", "only later rules add a label that %q matches", s.Key)
		return
	}
	l.add(s.Pos, "warning", "LABEL_NEVER_MADE", "no rule adds a label that %q matches", s.Key)
}

func (l *linter) managed(s *acl.Statement) {
	g := slotGroupNamed(s.Name)
	if g == nil || s.Vendor != "AWS" {
		l.add(s.Pos, "note", "NOT_SERVED", "nothing serves the managed rule group %s/%s here", s.Vendor, s.Name)
		return
	}
	for _, o := range s.Overrides {
		if !slices.ContainsFunc(g.rules, func(r slotRule) bool { return r.name == o.Rule }) {
			l.add(o.Pos, "warning", "UNKNOWN_OVERRIDE", "%s has no rule %q that is known here; AWS ignores an unknown name, and names are case-sensitive", s.Name, o.Rule)
		}
	}
	for i := range g.rules {
		if g.rules[i].served() == "not served" && (!strings.HasPrefix(g.rules[i].name, "TGT_") || targeted(s)) {
			l.add(s.Pos, "note", "NOT_SERVED", "nothing serves the rule %s of %s here", g.rules[i].name, g.name)
		}
	}
}

// shadowed finds an earlier rule that ends every request that this one matches.
func (l *linter) shadowed(earlier []*acl.Rule, r *acl.Rule) {
	if r.Statement.Kind == "RateBased" {
		return
	}
	for _, e := range earlier {
		if e.Action == nil || e.Statement.Kind == "RateBased" || e.Action.Kind != yagura.Allow && e.Action.Kind != yagura.Block {
			continue
		}
		if implies(r.Statement, e.Statement) || everything(e.Statement) {
			l.add(r.Pos, "warning", "SHADOWED", "never decides: every request that it matches is ended before by %q (%s)", e.Name, e.Action.Kind)
			return
		}
	}
}

// everything says that a statement surely matches every request.
func everything(s *acl.Statement) bool {
	switch s.Kind {
	case "ByteMatch":
		return s.Field.Kind == "UriPath" && s.Position == "STARTS_WITH" && string(s.Search) == "/" && slices.Equal(s.Transforms, []string{"NONE"})
	case "SizeConstraint":
		always := s.Field.Kind == "UriPath" || s.Field.Kind == "QueryString" || s.Field.Kind == "Method"
		return always && s.Compare == "GE" && s.Size == 0
	case "Or":
		return slices.ContainsFunc(s.Parts, everything)
	}
	return false
}

// implies says that whatever matches a surely matches b.
func implies(a, b *acl.Statement) bool {
	switch {
	case b.Kind == "Or" && slices.ContainsFunc(b.Parts, func(p *acl.Statement) bool { return implies(a, p) }):
		return true
	case a.Kind == "Or":
		return len(a.Parts) > 0 && !slices.ContainsFunc(a.Parts, func(p *acl.Statement) bool { return !implies(p, b) })
	case a.Kind == "And" && slices.ContainsFunc(a.Parts, func(p *acl.Statement) bool { return implies(p, b) }):
		return true
	case b.Kind == "And":
		return !slices.ContainsFunc(b.Parts, func(p *acl.Statement) bool { return !implies(a, p) })
	case a.Kind != b.Kind || a.Kind == "ManagedRuleGroup" || a.Kind == "RuleGroupReference":
		return false
	case a.Kind == "IPSetReference" && a.Forwarded == nil && b.Forwarded == nil && a.IPs != nil && b.IPs != nil:
		set := newAddressSet(b.IPs.Prefixes)
		return !slices.ContainsFunc(a.IPs.Prefixes, func(p netip.Prefix) bool { return !set.covers(p) })
	case a.Kind == "GeoMatch" && a.Forwarded == nil && b.Forwarded == nil:
		return !slices.ContainsFunc(a.Countries, func(c string) bool { return !slices.Contains(b.Countries, c) })
	case a.Kind == "ByteMatch":
		x, y := *a, *b
		x.Search, y.Search, x.Position, y.Position = nil, nil, "", ""
		if fingerprint(&x) != fingerprint(&y) {
			return false
		}
		return impliedPosition(a, b)
	}
	return fingerprint(a) == fingerprint(b)
}

func impliedPosition(a, b *acl.Statement) bool {
	switch b.Position {
	case "CONTAINS":
		return bytes.Contains(a.Search, b.Search)
	case "STARTS_WITH":
		return (a.Position == "STARTS_WITH" || a.Position == "EXACTLY") && bytes.HasPrefix(a.Search, b.Search)
	case "ENDS_WITH":
		return (a.Position == "ENDS_WITH" || a.Position == "EXACTLY") && bytes.HasSuffix(a.Search, b.Search)
	}
	return a.Position == b.Position && bytes.Equal(a.Search, b.Search)
}
