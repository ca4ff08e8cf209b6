package iam

import (
	"fmt"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/finding"
	"github.com/yagura-sec/yagura/prevent/iam/pattern"
)

// ownPolicies is said where a resource's own policy would have to allow as well.
const ownPolicies = "the policy of the key or role, which the inventory does not hold, allows it"

// Can lists all that a user or role of the inventory may do: its ARN, or its name
// if only one has it. Resources are the patterns that its policies write, and the
// resources whose policies name it. Actions are those of the service data.
func (o *Organisation) Can(principal string) ([]finding.Access, error) {
	h, err := o.find(principal)
	if err != nil {
		return nil, err
	}
	naming := o.naming(h)
	all := slices.Clone(h.identity)
	for _, p := range [][]*Policy{h.boundary, naming.policies} {
		all = append(all, p...)
	}
	if m := o.inside(h.account); m != nil {
		for _, level := range m.scps {
			all = append(all, level.Policies...)
		}
	}
	all = unique(all)
	classes, err := classify(all)
	if err != nil {
		return nil, err
	}
	g := accessGroups{index: map[string]int{}}
	formats := map[string]*pattern.ARN{}
	for i := range classes {
		c := &classes[i]
		for _, name := range o.reach(h, c, naming) {
			names := fitting(c, name, formats)
			if len(names) == 0 {
				continue
			}
			p, r := o.question(h, h.arn, names[0], name)
			assumes := ""
			if p.Resource == nil && guardedAlways(c, name) {
				assumes = ownPolicies
			}
			g.add(p, r, names, assumes)
		}
	}
	return g.finish()
}

// find finds a principal by ARN or name.
func (o *Organisation) find(principal string) (*holder, error) {
	if h := o.holders[principal]; h != nil {
		return h, nil
	}
	var found []string
	for _, h := range o.principals() {
		if h.name == principal {
			found = append(found, h.arn)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("no user or role %q in the inventory", bounded(principal))
	case 1:
		return o.holders[found[0]], nil
	}
	return nil, fmt.Errorf("%q is ambiguous: %s", bounded(principal), strings.Join(found, ", "))
}

func unique(list []*Policy) (out []*Policy) {
	for _, p := range list {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// naming are the resources whose policies name a principal, for or against it.
type naming struct {
	guards   []*guarded
	policies []*Policy
	by       map[*statement]*guarded
}

func (o *Organisation) naming(h *holder) naming {
	out := naming{by: map[*statement]*guarded{}}
	e := new(evaluation)
	p, r := o.question(h, h.arn, "sts:AssumeRole", "arn:aws:iam::"+h.account+":role/"+spare)
	if e.begin(p, r) != "" {
		return out
	}
	for _, g := range o.guards() {
		if g.policy == nil {
			continue
		}
		named := false
		for i := range g.policy.statements {
			if s := &g.policy.statements[i]; s.matchPrincipal(e) != notNamed {
				named = true
				out.by[s] = g
			}
		}
		if named {
			out.guards, out.policies = append(out.guards, g), append(out.policies, g.policy)
		}
	}
	return out
}

// reach lists the resources to ask about for a class of actions: what the
// allowing statements name, and what the naming resource policies do.
func (o *Organisation) reach(h *holder, c *actionClass, n naming) (out []string) {
	add := func(name string) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	allows := false
	for _, s := range c.statements {
		g := n.by[s]
		switch {
		case g != nil:
			for i := range s.resources {
				add(o.spell(h, s.source.Resources[i].Value))
			}
			if s.notResource || !s.hasResource {
				add(g.arn)
			}
		case s.deny || !o.isOwn(h, s):
		default:
			allows = true
			if s.notResource || !s.hasResource {
				add("*")
				continue
			}
			for i := range s.resources {
				add(o.spell(h, s.source.Resources[i].Value))
			}
		}
	}
	if !c.takesResource {
		if allows {
			return []string{"*"}
		}
		return nil
	}
	// A pattern of the identity policies may cover resources with policies of
	// their own: these are asked about one by one.
	for _, name := range slices.Clone(out) {
		for _, g := range n.guards {
			requested := pattern.CompileResource(name, pattern.Wildcards)
			one := pattern.CompileResource(g.arn, pattern.Wildcards)
			if strings.ContainsAny(name, "*?") && touches(c, g, n) && requested.Relate(&one, everyValue{}) == yes {
				add(g.arn)
				if name != g.arn+"/*" && !strings.Contains(g.arn, ":role/") {
					add(g.arn + "/*")
				}
			}
		}
	}
	return out
}

// touches reports whether the resource's policy speaks of the class.
func touches(c *actionClass, g *guarded, n naming) bool {
	return slices.ContainsFunc(c.statements, func(s *statement) bool { return n.by[s] == g })
}

// isOwn reports whether a statement is of the principal's identity policies.
func (o *Organisation) isOwn(h *holder, s *statement) bool {
	return slices.ContainsFunc(h.identity, func(p *Policy) bool {
		return s.index < len(p.statements) && &p.statements[s.index] == s
	})
}

// spell fills the variables of a resource that the inventory knows; others are
// any text.
func (o *Organisation) spell(h *holder, text string) string {
	compiled := pattern.Compile(text, pattern.Wildcards|pattern.Substitution)
	hasKeys := false
	compiled.Keys(func(string) { hasKeys = true })
	if !hasKeys {
		return text
	}
	out := ""
	for {
		head, rest, ok := strings.Cut(text, "${")
		out += head
		name, tail, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			return out
		}
		text = tail
		value := "*"
		if strings.EqualFold(name, "aws:username") && !h.isRole {
			value = h.name
		}
		for _, t := range h.tags {
			if strings.EqualFold(name, t.Key) && !h.isRole {
				value = t.Values[0]
			}
		}
		if strings.EqualFold(name, "aws:PrincipalAccount") {
			value = h.account
		}
		out += value
	}
}

// guardedAlways reports whether AWS asks the resource's own policy in any case.
func guardedAlways(c *actionClass, name string) bool {
	n := pattern.ParseName(name)
	wide := !n.IsARN || strings.HasPrefix(n.Segments[5], "*")
	return c.service == "kms" && c.needsResource && (wide || strings.HasPrefix(n.Segments[5], "key/")) ||
		c.service == "sts" && strings.HasPrefix(strings.ToLower(c.names[0]), "sts:assumerole") && (wide || strings.HasPrefix(n.Segments[5], "role/"))
}

// fitting are the actions of the class that can meet such a resource at all.
func fitting(c *actionClass, resource string, formats map[string]*pattern.ARN) (names []string) {
	if resource == "*" || !c.takesResource {
		return c.names
	}
	requested := pattern.CompileResource(resource, pattern.Wildcards)
	for _, name := range c.names {
		for _, format := range formatsOf(name) {
			f := formats[format]
			if f == nil {
				compiled := pattern.CompileResource(format, pattern.Wildcards|pattern.Substitution)
				f = &compiled
				formats[format] = f
			}
			if f.Relate(&requested, everyValue{}) != no {
				names = append(names, name)
				break
			}
		}
	}
	return names
}
