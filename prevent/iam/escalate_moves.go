package iam

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/pattern"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

func compileName(text string) *pattern.ARN {
	a := pattern.CompileResource(text, pattern.Wildcards)
	return &a
}

func matchName(a *pattern.ARN, text string) bool {
	name := pattern.ParseName(text)
	return a.Match(&name, everyValue{}) == yes
}

// without leaves one statement out of every policy of that name.
func (p *Policies) without(name string, statement int) *Policies {
	out := *p
	strip := func(one *Policy) *Policy {
		if one == nil || one.name != name {
			return one
		}
		less := *one
		drop := func(rules []rule) []rule {
			return slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return r.statement.index == statement })
		}
		less.general = drop(one.general)
		less.byService = map[string][]rule{}
		for service, rules := range one.byService {
			less.byService[service] = drop(rules)
		}
		return &less
	}
	out.Identity = slices.Clone(p.Identity)
	for i := range out.Identity {
		out.Identity[i] = strip(out.Identity[i])
	}
	out.Resource = strip(p.Resource)
	return &out
}

// moves finds what a principal can do to become another or more.
func (g *escalation) moves(h *holder) {
	for _, way := range g.strengthen(h, h) {
		g.add(h, nil, way)
	}
	g.joinGroup(h)
	for _, other := range g.people {
		if other == h {
			continue
		}
		var ways []way
		if other.isRole {
			ways = g.takeRole(h, other)
		} else if other.account == h.account {
			ways = g.takeUser(h, other)
		}
		g.reach(h, other, ways)
	}
	g.throughServices(h)
}

// way is a method with its permissions.
type way struct {
	method  string
	needs   []*permission
	assumes string
}

func (g *escalation) add(from, to *holder, w way) {
	g.edges = append(g.edges, &edge{from, to, w.method, w.needs, w.assumes})
}

// reach adds the moves to another principal and, if it is no administrator, what
// the attacker can make of it.
func (g *escalation) reach(h, other *holder, ways []way) {
	for _, w := range ways {
		g.add(h, other, w)
	}
	if len(ways) == 0 || g.admins[other] || other.account != h.account {
		return
	}
	for _, more := range g.strengthen(h, other) {
		w := ways[0]
		g.add(h, nil, way{more.method + " + " + w.method, append(slices.Clone(more.needs), w.needs...), strings.Trim(more.assumes+"; "+w.assumes, "; ")})
	}
}

// one is a way of a single permission, or none.
func one(ways []way, p *permission, method, assumes string) []way {
	if !p.granted {
		return ways
	}
	return append(ways, way{method, []*permission{p}, assumes})
}

// strengthen lists how h can give target every permission. It leads nowhere if
// boundary or SCPs keep the target from being an administrator even then.
func (g *escalation) strengthen(h, target *holder) (ways []way) {
	if !g.isAdmin(target, []*Policy{g.full}) {
		return nil
	}
	can := func(name, resource string, context ...access.Value) *permission {
		return g.can(h, h.identity, name, resource, context...)
	}
	limit := access.Value{Key: "iam:PermissionsBoundary"}
	if target.limit != "" {
		limit.Values = []string{target.limit}
	}
	admin := access.Value{Key: "iam:PolicyARN", Values: []string{adminPolicy}}
	kind := "User"
	if target.isRole {
		kind = "Role"
	}
	ways = one(ways, can("iam:Put"+kind+"Policy", target.arn, limit), "iam:Put"+kind+"Policy", "")
	ways = one(ways, can("iam:Attach"+kind+"Policy", target.arn, limit, admin), "iam:Attach"+kind+"Policy", "")
	for _, group := range target.groups {
		ways = one(ways, can("iam:PutGroupPolicy", group.arn), "iam:PutGroupPolicy", "")
		ways = one(ways, can("iam:AttachGroupPolicy", group.arn, admin), "iam:AttachGroupPolicy", "")
	}
	for _, arn := range target.managed {
		ways = one(ways, can("iam:CreatePolicyVersion", arn), "iam:CreatePolicyVersion", "")
		ways = one(ways, can("iam:SetDefaultPolicyVersion", arn), "iam:SetDefaultPolicyVersion", "an older version of the policy grants enough")
	}
	return ways
}

// joinGroup finds groups whose policies make their members administrators.
func (g *escalation) joinGroup(h *holder) {
	if h.isRole {
		return
	}
	for _, group := range g.org.groups {
		if group.account != h.account {
			continue
		}
		p := g.can(h, h.identity, "iam:AddUserToGroup", group.arn)
		if !p.granted {
			continue
		}
		joined := *h
		joined.arn, joined.identity = h.arn, append(slices.Clone(h.identity), group.identity...)
		inside := &escalation{org: g.org, full: g.full, cache: map[string]*permission{}}
		if inside.isAdmin(&joined, joined.identity) {
			g.add(h, nil, way{"iam:AddUserToGroup", []*permission{p}, ""})
		}
	}
}

func (g *escalation) takeUser(h, user *holder) (ways []way) {
	for _, name := range []string{"iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"} {
		ways = one(ways, g.can(h, h.identity, name, user.arn), name, "")
	}
	return ways
}

func (g *escalation) takeRole(h, role *holder) (ways []way) {
	ways = one(ways, g.can(h, h.identity, "sts:AssumeRole", role.arn), "sts:AssumeRole", "")
	if role.account != h.account {
		return ways
	}
	change := g.can(h, h.identity, "iam:UpdateAssumeRolePolicy", role.arn)
	if !change.granted {
		return ways
	}
	trust, err := Compile("the attacker's trust policy", policy.Resource, []byte(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+h.arn+`"},"Action":"sts:AssumeRole"}]}`))
	if err != nil {
		return ways
	}
	assume := &permission{}
	p, r := g.org.question(h, h.arn, "sts:AssumeRole", role.arn)
	p.Resource = trust
	if g.decide(assume, p, r) {
		ways = append(ways, way{"iam:UpdateAssumeRolePolicy + sts:AssumeRole", []*permission{change, assume}, ""})
	}
	return ways
}

// throughServices finds roles that a service runs for the attacker.
func (g *escalation) throughServices(h *holder) {
	place := strings.NewReplacer("{account}", h.account, "{partition}", partitionOf(h.arn))
	ways := map[*holder][]way{}
	for i := range methods {
		m := &methods[i]
		var needs []*permission
		names := ""
		for _, a := range m.actions {
			resource := "*"
			if a.resource != "" {
				resource = place.Replace(a.resource)
			}
			p := g.can(h, h.identity, a.name, resource)
			if !p.granted {
				break
			}
			needs = append(needs, p)
			names += " + " + a.name
		}
		if len(needs) < len(m.actions) {
			continue
		}
		for _, role := range g.people {
			if !role.isRole || role.account != h.account || role == h {
				continue
			}
			trust := g.trust(role, m.service)
			if !trust.granted {
				continue
			}
			w := way{strings.TrimPrefix(names, " + "), append(slices.Clone(needs), trust), m.assumes}
			if m.pass {
				pass := g.can(h, h.identity, "iam:PassRole", role.arn, access.Value{Key: "iam:PassedToService", Values: []string{m.service}})
				if !pass.granted {
					continue
				}
				w.method, w.needs = "iam:PassRole"+names, append([]*permission{pass}, w.needs...)
			}
			ways[role] = append(ways[role], w)
		}
	}
	for _, role := range g.people {
		if len(ways[role]) > 0 {
			g.reach(h, role, ways[role])
		}
	}
}

// trust asks whether a role lets a service of its own account take it.
func (g *escalation) trust(role *holder, service string) *permission {
	key := role.arn + "\x00" + service
	if old := g.trusts[key]; old != nil {
		return old
	}
	found := &permission{}
	p, r := g.org.question(nil, service, "sts:AssumeRole", role.arn)
	r.Context = append(r.Context, access.Value{Key: "aws:SourceAccount", Values: []string{role.account}})
	g.decide(found, p, r)
	g.trusts[key] = found
	return found
}
