package iam

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/finding"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// administrator is the goal of every path: who can rewrite the policies of any
// user, role and customer managed policy of its account.
const administrator = "administrator"

const adminPolicy = "arn:aws:iam::aws:policy/AdministratorAccess"

// Bounds of the answer.
const (
	maxUndecided  = 50
	maxBreaks     = 10
	breaksToTry   = 20
	maxCandidates = 24
)

// Escalate finds how users and roles become administrators: by rewriting their
// own policies, by taking over another principal, by handing a role to a service.
// Policies, groups, boundaries, SCPs and conditions all count, as every
// permission is asked of the engine.
func (o *Organisation) Escalate() (finding.Escalation, error) {
	full, err := Compile("everything", policy.Identity, []byte(fullAccess))
	if err != nil {
		return finding.Escalation{}, err
	}
	g := &escalation{org: o, full: full, cache: map[string]*permission{}, admins: map[*holder]bool{}, trusts: map[string]*permission{}}
	g.people = o.principals()
	out := finding.Escalation{Admins: []string{}, Undecided: []string{}}
	for _, h := range g.people {
		if g.isAdmin(h, h.identity) {
			g.admins[h] = true
			out.Admins = append(out.Admins, h.arn)
		}
	}
	for _, h := range g.people {
		if !g.admins[h] {
			g.moves(h)
		}
	}
	next := g.shortest(nil)
	for _, h := range g.people {
		if next[h] != nil {
			out.Paths = append(out.Paths, g.path(h, next))
		}
	}
	slices.SortStableFunc(out.Paths, func(a, b finding.Path) int { return cmp.Compare(len(a.Steps), len(b.Steps)) })
	if out.Paths == nil {
		out.Paths = []finding.Path{}
	}
	out.Breaks = g.breaks(next)
	out.Undecided = append(out.Undecided, g.undecided...)
	return out, nil
}

// escalation is the graph while it is made.
type escalation struct {
	org       *Organisation
	full      *Policy
	people    []*holder
	admins    map[*holder]bool
	cache     map[string]*permission
	trusts    map[string]*permission // by role and service
	edges     []*edge
	undecided []string
}

// edge is one move. A nil target is administrator.
type edge struct {
	from, to *holder
	method   string
	needs    []*permission
	assumes  string
}

// permission is one thing that a principal can do.
type permission struct {
	granted  bool
	policies *Policies
	request  *access.Request // with unknown keys
	witness  access.Request
	by       []access.Match
}

// can asks whether the principal may call an action on a resource, or on some
// resource of a pattern. Context holds keys that are known.
func (g *escalation) can(h *holder, identity []*Policy, name, resource string, context ...access.Value) *permission {
	key := h.arn + "\x00" + name + "\x00" + resource
	for _, v := range context {
		key += "\x00" + v.Key + "=" + strings.Join(v.Values, ",")
	}
	if len(identity) == 1 && identity[0] == g.full {
		key += "\x00full"
	}
	if old := g.cache[key]; old != nil {
		return old
	}
	found := &permission{}
	for _, candidate := range g.candidates(h, identity, name, resource) {
		p, r := g.org.question(h, h.arn, name, candidate)
		p.Identity = identity
		r.Context = append(r.Context, context...)
		r.Literal = true
		if g.decide(found, p, r) {
			break
		}
	}
	g.cache[key] = found
	return found
}

// decide looks for a witness and keeps it.
func (g *escalation) decide(found *permission, p *Policies, r *access.Request) bool {
	w, ok := findWitness(r, allowedBy(p), p)
	if !ok {
		if d := p.Decide(r); d == access.Unknown && len(g.undecided) < maxUndecided {
			g.undecided = append(g.undecided, fmt.Sprintf("%s: %s on %s: neither proven nor found", r.Principal, r.Action, r.Resource))
		}
		return false
	}
	found.granted, found.policies, found.request, found.witness = true, p, r, w
	for _, m := range p.Explain(&w).Matched {
		if m.Effect == "Allow" && m.Kind != policy.SCP.String() && m.Kind != policy.Boundary.String() {
			found.by = append(found.by, m)
		}
	}
	return true
}

// candidates are resources of a pattern worth asking for: an ordinary one, and
// those that the principal's policies name.
func (g *escalation) candidates(h *holder, identity []*Policy, name, resource string) []string {
	if !strings.ContainsAny(resource, "*") || resource == "*" {
		return []string{resource}
	}
	concrete := func(pattern string) string {
		parts := strings.SplitN(pattern, ":", 6)
		if len(parts) == 6 {
			for i, value := range map[int]string{1: partitionOf(h.arn), 3: "us-east-1", 4: h.account} {
				if strings.ContainsAny(parts[i], "*?") {
					parts[i] = value
				}
			}
			pattern = strings.Join(parts, ":")
		}
		return fill(pattern, true)
	}
	out := []string{concrete(resource)}
	e := new(evaluation)
	if e.readAction(name) != "" {
		return out
	}
	wanted := compileName(resource)
	for _, p := range identity {
		for _, rules := range [2][]rule{p.general, p.byService[e.service]} {
			for i := range rules {
				s := rules[i].statement
				if s.deny || !rules[i].matchAction(e) || len(out) >= maxCandidates {
					continue
				}
				for _, text := range s.source.Resources {
					one := concrete(g.org.spell(h, text.Value))
					if matchName(wanted, one) && !slices.Contains(out, one) {
						out = append(out, one)
					}
				}
			}
		}
	}
	return out
}

// isAdmin asks the engine for what makes an administrator, with other identity
// policies in place of the principal's own if need be.
func (g *escalation) isAdmin(h *holder, identity []*Policy) bool {
	head := "arn:" + partitionOf(h.arn) + ":iam::" + h.account + ":"
	free := access.Value{Key: "iam:PermissionsBoundary"}
	for _, probe := range []struct {
		action, resource string
		policy           bool
	}{
		{"iam:PutRolePolicy", "role/" + spare, false},
		{"iam:AttachRolePolicy", "role/" + spare, true},
		{"iam:PutUserPolicy", "user/" + spare, false},
		{"iam:CreatePolicyVersion", "policy/" + spare, false},
	} {
		context := []access.Value{free}
		if probe.policy {
			context = append(context, access.Value{Key: "iam:PolicyARN", Values: []string{adminPolicy}})
		}
		if !g.can(h, identity, probe.action, head+probe.resource, context...).granted {
			return false
		}
	}
	return true
}

// shortest walks back from administrator and gives each principal's first move.
// broken, if given, tells which permissions no longer hold.
func (g *escalation) shortest(broken func(*permission) bool) map[*holder]*edge {
	into := map[*holder][]*edge{}
	for _, e := range g.edges {
		if broken == nil || !slices.ContainsFunc(e.needs, broken) {
			into[e.to] = append(into[e.to], e)
		}
	}
	next := map[*holder]*edge{}
	queue := []*holder{nil}
	for _, h := range g.people {
		if g.admins[h] {
			queue = append(queue, h)
		}
	}
	// A move to an administrator and one to administrator itself count alike.
	for at := 0; at < len(queue); at++ {
		for _, e := range into[queue[at]] {
			if next[e.from] == nil && !g.admins[e.from] {
				next[e.from] = e
				queue = append(queue, e.from)
			}
		}
	}
	return next
}

func (g *escalation) path(h *holder, next map[*holder]*edge) finding.Path {
	p := finding.Path{Principal: h.arn}
	for h != nil && next[h] != nil {
		e := next[h]
		step := finding.Step{From: h.arn, To: administrator, Method: e.method, Assumes: e.assumes}
		if e.to != nil {
			step.To = e.to.arn
		}
		for _, n := range e.needs {
			step.Needs = append(step.Needs, finding.Need{
				Witness: shown(&n.witness), By: statements(n.by), Conditional: len(n.witness.Context) > countGiven(n.request, &n.witness),
			})
		}
		p.Steps = append(p.Steps, step)
		h = e.to
	}
	return p
}

// countGiven counts the keys of the witness that the question had already.
func countGiven(r, w *access.Request) (n int) {
	for _, v := range w.Context {
		if slices.ContainsFunc(r.Context, func(given access.Value) bool { return strings.EqualFold(given.Key, v.Key) }) {
			n++
		}
	}
	return n
}

// breaks removes one statement at a time and counts who can no longer become
// administrator.
func (g *escalation) breaks(next map[*holder]*edge) []finding.Break {
	type place struct {
		kind, policy string
		statement    int
	}
	uses := map[place]int{}
	sids := map[place]string{}
	for _, h := range g.people {
		for e := next[h]; e != nil; e = next[e.to] {
			for _, n := range e.needs {
				for _, m := range n.by {
					at := place{m.Kind, m.Policy, m.Statement}
					uses[at]++
					sids[at] = m.Sid
				}
			}
			if e.to == nil {
				break
			}
		}
	}
	var places []place
	for at := range uses {
		places = append(places, at)
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(uses[b], uses[a]), cmp.Compare(a.policy, b.policy), cmp.Compare(a.statement, b.statement), cmp.Compare(a.kind, b.kind))
	})
	out := []finding.Break{}
	for _, at := range places[:min(len(places), breaksToTry)] {
		known := map[*permission]bool{}
		left := g.shortest(func(n *permission) bool {
			gone, seen := known[n]
			if !seen {
				rests := slices.ContainsFunc(n.by, func(m access.Match) bool { return place{m.Kind, m.Policy, m.Statement} == at })
				if rests {
					p := n.policies.without(at.policy, at.statement)
					_, still := findWitness(n.request, allowedBy(p), p)
					gone = !still
				}
				known[n] = gone
			}
			return gone
		})
		if stops := len(next) - len(left); stops > 0 {
			out = append(out, finding.Break{Statement: finding.Statement{Kind: at.kind, Policy: at.policy, Statement: at.statement, Sid: sids[at]}, Stops: stops})
		}
	}
	slices.SortStableFunc(out, func(a, b finding.Break) int { return cmp.Compare(b.Stops, a.Stops) })
	return out[:min(len(out), maxBreaks)]
}
