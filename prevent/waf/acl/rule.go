package acl

import (
	"strings"

	"github.com/yagura-sec/yagura"
)

func (r *record) rules(names ...string) (rules []*Rule) {
	names2 := map[string]bool{}
	for _, c := range r.records(names...) {
		rule := c.rule()
		if names2[rule.Name] {
			c.fail(c.n, c.path, "two rules are named %q", cut(rule.Name))
		}
		names2[rule.Name] = true
		rules = append(rules, rule)
	}
	return rules
}

func (r *record) rule() *Rule {
	rule := &Rule{Pos: r.here()}
	rule.Name = r.must("Name")
	rule.Priority = r.number("Priority", 0, 0, 1<<31-1)
	if c := r.child("Statement", "FirewallManagerStatement"); c != nil {
		rule.Statement = c.statement(0)
	} else {
		r.fail(r.n, r.path, "%s is missing", r.spelt("Statement"))
		rule.Statement = &Statement{Pos: r.here(), Kind: "Or"}
	}
	group := rule.Statement.Kind == "ManagedRuleGroup" || rule.Statement.Kind == "RuleGroupReference"
	action, override := r.child("Action"), r.child("OverrideAction")
	switch {
	case action != nil && override != nil:
		r.fail(r.n, r.path, "both %s and %s; a rule has one", r.spelt("Action"), r.spelt("OverrideAction"))
	case group && override == nil:
		r.fail(r.n, r.path, "a reference to a rule group needs %s", r.spelt("OverrideAction"))
	case !group && action == nil:
		r.fail(r.n, r.path, "the rule has no %s", r.spelt("Action"))
	}
	if action != nil {
		a := action.action()
		rule.Action = &a
	}
	if override != nil {
		rule.Override = override.override()
	}
	for _, label := range r.records("RuleLabels") {
		rule.Labels = append(rule.Labels, label.must("Name"))
		label.done()
	}
	rule.Captcha, rule.Challenge = r.immunity("CaptchaConfig"), r.immunity("ChallengeConfig")
	r.skip("VisibilityConfig")
	r.done()
	return rule
}

func (r *record) override() (kind string) {
	for _, k := range []string{"None", "Count"} {
		if c := r.child(k); c != nil {
			c.skip("CustomRequestHandling") // Takes no part: the group's own actions insert headers.
			c.done()
			kind = k
		}
	}
	if kind == "" {
		r.fail(r.n, r.path, "want None or Count")
	}
	r.done()
	return kind
}

// immunity gives the seconds of a CaptchaConfig or ChallengeConfig, 0 when absent.
func (r *record) immunity(name string) int64 {
	c := r.child(name)
	if c == nil {
		return 0
	}
	defer c.done()
	p := c.child("ImmunityTimeProperty")
	if p == nil {
		return 0
	}
	defer p.done()
	return p.number("ImmunityTime", 0, 60, 259200)
}

var actionKinds = []struct {
	name string
	kind yagura.Action
}{
	{"Allow", yagura.Allow},
	{"Block", yagura.Block},
	{"Count", yagura.Count},
	{"Captcha", yagura.Captcha},
	{"Challenge", yagura.Challenge},
}

func (r *record) action() (a Action) {
	a.Pos = r.here()
	for _, k := range actionKinds {
		c := r.child(k.name)
		if c == nil {
			continue
		}
		if a.Kind != yagura.Undecided {
			r.fail(r.n, r.path, "more than one action")
		}
		a.Kind = k.kind
		if h := c.child("CustomRequestHandling"); h != nil {
			a.Insert = h.headers("InsertHeaders")
			h.done()
		}
		if k.kind == yagura.Block {
			if h := c.child("CustomResponse"); h != nil {
				h.response(&a)
			}
		}
		c.done()
	}
	if a.Kind == yagura.Undecided {
		r.fail(r.n, r.path, "want one of Allow, Block, Count, Captcha, Challenge")
	}
	r.done()
	return a
}

func (r *record) response(a *Action) {
	a.Status = int(r.number("ResponseCode", 403, 200, 599))
	a.BodyKey = r.str("CustomResponseBodyKey")
	a.Headers = r.headers("ResponseHeaders")
	for _, h := range a.Headers {
		if strings.EqualFold(h.Name, "content-type") {
			r.fail(r.n, r.path, "content-type cannot be set in a custom response; the body says its type")
		}
	}
	r.done()
}

func (r *record) headers(name string) (headers []yagura.Header) {
	for _, c := range r.records(name) {
		h := yagura.Header{Name: c.must("Name"), Value: c.str("Value")}
		if strings.ContainsAny(h.Name, "\r\n: ") || strings.ContainsAny(h.Value, "\r\n") {
			c.fail(c.n, c.path, "this is no header: %q", cut(h.Name))
		}
		c.done()
		headers = append(headers, h)
	}
	return headers
}

// overrides reads both forms. The newer wins where both name a rule.
func (r *record) overrides() (all []Override) {
	for _, c := range r.records("RuleActionOverrides") {
		o := Override{Pos: c.here(), Rule: c.must("Name"), Action: c.need("ActionToUse").action()}
		c.done()
		all = append(all, o)
	}
	for _, c := range r.records("ExcludedRules") {
		o := Override{Pos: c.here(), Rule: c.must("Name"), Excluded: true}
		o.Action.Kind = yagura.Count
		c.done()
		all = append(all, o)
	}
	return all
}
