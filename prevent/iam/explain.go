package iam

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// maxListed bounds each list of statements in a verdict.
const maxListed = 100

// Explain answers a request as [Policies.Decide] does and says why.
func (p *Policies) Explain(r *access.Request) access.Verdict {
	v, problem := p.explain(r)
	if problem != "" {
		return access.Verdict{
			Sentence: "Unknown: " + problem + ".", SentenceJA: "不明: リクエストを読み取れません (" + problem + ")。",
			BlockedBy: []string{}, Matched: []access.Match{}, MissingKeys: []string{},
		}
	}
	return v
}

// explain also tells what is wrong with the request, or "".
func (p *Policies) explain(r *access.Request) (v access.Verdict, problem string) {
	e := evaluations.Get().(*evaluation)
	defer e.end()
	if problem := e.begin(p, r); problem != "" {
		return v, problem
	}
	x := explainer{e: e, missing: map[string]string{}}
	x.verdict.Decision = e.decide()
	if x.verdict.Decision == access.Unknown {
		x.verdict.Decision, x.verdict.Residual = e.decideOpen()
	}
	x.terms = e.collect()
	x.survey()
	x.block()
	x.finish()
	return x.verdict, ""
}

// explainer gathers the reasons of one decision. It works apart from the
// decision, which it may not change.
type explainer struct {
	e       *evaluation
	verdict access.Verdict
	terms   terms[truth]
	missing map[string]string // lower case to as written
	silent  []string          // levels of SCPs without an Allow
}

// survey goes through every policy and lists the statements that apply and those
// that nearly do.
func (x *explainer) survey() {
	e, p := x.e, x.e.policies
	own := e.identityCounts()
	x.ask(p.Identity, "", own)
	x.ask(p.Boundaries, "", own)
	x.ask(p.Session, "", own)
	if p.Resource != nil {
		x.ask([]*Policy{p.Resource}, "", true)
	}
	for _, level := range p.RCPs {
		x.ask(level.Policies, level.Name, e.rcpsBind())
	}
	for _, level := range p.SCPs {
		if x.ask(level.Policies, level.Name, e.scpsBind()); len(level.Policies) == 0 {
			x.outcome(policy.SCP.String(), level.Name, no, no, e.scpsBind())
		}
	}
	x.ask(p.Endpoint, "", true)
	for i := range p.Grants {
		g := &p.Grants[i]
		if named, answer := e.askGrant(g); answer == yes && named != notNamed {
			x.verdict.Matched = append(x.verdict.Matched, access.Match{
				Kind: "grant", Policy: g.Name, Statement: i, Effect: "Allow",
				Deciding: x.verdict.Decision == access.Allowed,
			})
		}
	}
}

// ask goes through policies of one kind and level.
func (x *explainer) ask(policies []*Policy, level string, binds bool) {
	if len(policies) == 0 {
		return
	}
	kind := policies[0].kind
	allow, deny := no, no
	for _, p := range policies {
		if !binds {
			break
		}
		rules := append(slices.Clone(p.general), p.byService[x.e.service]...)
		slices.SortStableFunc(rules, func(a, b rule) int { return a.statement.index - b.statement.index })
		for i := range rules {
			s := rules[i].statement
			if !rules[i].matchAction(x.e) || kind.HasPrincipal() && s.matchPrincipal(x.e) == notNamed {
				continue
			}
			if answer := x.statement(p, level, s); s.deny {
				deny = max(deny, answer)
			} else {
				allow = max(allow, answer)
			}
		}
	}
	x.outcome(kind.String(), level, allow, deny, binds)
}

func (x *explainer) outcome(kind, level string, allow, deny truth, binds bool) {
	answer := "silent"
	switch {
	case !binds:
		answer = "exempt"
	case deny == yes:
		answer = "denied"
	case deny == open || allow == open:
		answer = "open"
	case allow == yes:
		answer = "allowed"
	case kind == policy.SCP.String():
		x.silent = append(x.silent, level)
	}
	x.verdict.Kinds = append(x.verdict.Kinds, access.Outcome{Kind: kind, Level: level, Answer: answer})
}

// statement explains one statement whose action and principal match.
func (x *explainer) statement(p *Policy, level string, s *statement) truth {
	resource := s.matchResource(x.e)
	if resource != yes {
		x.missingVariables(s)
	}
	if resource == no {
		return no
	}
	answer := resource
	m := access.Match{
		Kind: p.kind.String(), Policy: p.name, Level: level, Statement: s.index, Sid: s.source.Sid.Value, Effect: "Allow",
	}
	if s.deny {
		m.Effect = "Deny"
	}
	for i := range s.conditions {
		c := &s.conditions[i]
		outcome := c.eval(x.e)
		answer = min(answer, outcome)
		m.Checks = append(m.Checks, x.check(c, outcome))
	}
	list := &x.verdict.Near
	if answer == yes {
		m.Deciding = s.deny && x.verdict.Decision == access.ExplicitlyDenied || !s.deny && x.verdict.Decision == access.Allowed
		list = &x.verdict.Matched
	}
	if len(*list) < maxListed || m.Deciding && s.deny {
		*list = append(*list, m)
	}
	return answer
}

func (x *explainer) missingVariables(s *statement) {
	for i := range s.resources {
		s.resources[i].Keys(x.noteVariable)
	}
}

func (x *explainer) noteVariable(key string) {
	if _, presence := x.e.lookup(keyHash(key), key); presence != present {
		x.missing[strings.ToLower(key)] = key
	}
}

var outcomes = [...]string{no: "false", open: "unknown", yes: "true"}

func (x *explainer) check(c *condition, outcome truth) access.Check {
	entry, presence := x.e.lookup(c.hash, c.key)
	check := access.Check{
		Operator: c.source.Operator.Value, Key: c.key, Want: make([]string, len(c.operands)),
		Missing: presence != present, Outcome: outcomes[outcome],
	}
	if presence == present {
		for _, v := range entry.values {
			check.Got = append(check.Got, strings.Clone(v))
		}
	} else {
		x.missing[strings.ToLower(c.key)] = c.key
	}
	for i := range c.operands {
		o := &c.operands[i]
		check.Want[i] = o.raw
		if !o.fixed {
			o.text.Keys(x.noteVariable)
			if text, state := o.text.Text(x.e); state == yes {
				check.Want[i] = strings.Clone(text)
			}
		}
	}
	return check
}

// block names what denied, or what did not allow.
func (x *explainer) block() {
	v := &x.verdict
	v.BlockedBy = []string{}
	switch v.Decision {
	case access.ExplicitlyDenied:
		for _, kind := range denyOrder {
			if x.terms.deny[kind] == yes {
				v.BlockedBy = append(v.BlockedBy, kind.String())
			}
		}
		if x.e.publicBlocked() {
			v.BlockedBy = append(v.BlockedBy, "blockPublicAccess")
		}
	case access.ImplicitlyDenied:
		v.BlockedBy = append(v.BlockedBy, x.e.missingAllows(&x.terms)...)
	default:
	}
}

// denyOrder is the order in which AWS looks for an explicit Deny; it matters only
// for what is named first.
var denyOrder = []policy.Kind{
	policy.RCP, policy.SCP, policy.Endpoint, policy.Resource, policy.Identity, policy.Boundary, policy.Session,
}

// missingAllows names each kind of policy that should have allowed and did not.
func (e *evaluation) missingAllows(t *terms[truth]) (kinds []string) {
	add := func(missing bool, kind string) {
		if missing {
			kinds = append(kinds, kind)
		}
	}
	why := e.impossible()
	add(why != "", why)
	add(t.scp != yes, "scp")
	add(len(e.policies.Endpoint) > 0 && t.endpoint != yes, "endpoint")
	anyone := anyOf(truthLogic{}, t.resource[firstNamed:])
	if !e.identityCounts() {
		add(anyone != yes, "resource")
		return kinds
	}
	mustAllow := !e.sameSide || e.resourceMustAllow()
	add(mustAllow && anyone != yes, "resource")
	// A grant to the role needs no identity policy in the same account.
	if e.sameSide && t.resource[strongGrant] == yes {
		return kinds
	}
	needsIdentity := !e.sameSide || t.resource[byRole] != yes && t.resource[byUser] != yes
	sessionless := e.caller.kind == federatedUser && len(e.policies.Session) == 0
	add(needsIdentity && t.identity != yes && e.caller.kind != root && !sessionless, "identity")
	add(sessionless || len(e.policies.Session) > 0 && t.session != yes, "session")
	add(len(e.policies.Boundaries) > 0 && e.caller.kind != root && t.boundary != yes, "boundary")
	return kinds
}

// finish sorts the lists, bounds them and writes the sentences.
func (x *explainer) finish() {
	v := &x.verdict
	slices.SortStableFunc(v.Matched, func(a, b access.Match) int { return rank(&a) - rank(&b) })
	v.Matched = v.Matched[:min(len(v.Matched), maxListed):len(v.Matched)]
	if v.Matched == nil {
		v.Matched = []access.Match{}
	}
	v.MissingKeys = []string{}
	for _, key := range x.missing {
		v.MissingKeys = append(v.MissingKeys, key)
	}
	slices.Sort(v.MissingKeys)
	v.MissingKeys = v.MissingKeys[:min(len(v.MissingKeys), maxListed)]
	w := wording{e: x.e, v: v, silent: x.silent}
	v.Sentence, v.SentenceJA = w.english(), w.japanese()
}

// rank puts denies first, in the order of denyOrder.
func rank(m *access.Match) int {
	r := slices.IndexFunc(denyOrder, func(k policy.Kind) bool { return k.String() == m.Kind })
	if r < 0 {
		r = len(denyOrder)
	}
	if m.Effect != "Deny" {
		r += 100
	}
	return r
}
