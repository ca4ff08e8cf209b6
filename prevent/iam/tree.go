package iam

import (
	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// tree builds what a decision hangs on as a Boolean tree over the conditions
// that stay open. nil is false, as the zero truth is no.
type tree struct {
	e *evaluation
	// leaves remembers the condition behind a leaf; a leaf without one is about
	// the resource or a grant.
	leaves map[*access.Expr]*condition
	seen   map[string]*access.Expr // leaves by text, so that equal ones are one
	// resourceKeys are the unknown keys whose variables stand in open resources.
	resourceKeys []string
}

func newTree(e *evaluation) *tree {
	return &tree{e: e, leaves: map[*access.Expr]*condition{}, seen: map[string]*access.Expr{}}
}

// always is the tree that is true.
var always = &access.Expr{And: []*access.Expr{}}

func (*tree) constant(b bool) *access.Expr {
	if b {
		return always
	}
	return nil
}

func isAlways(x *access.Expr) bool { return x == always }

func (t *tree) not(x *access.Expr) *access.Expr {
	switch {
	case x == nil:
		return always
	case isAlways(x):
		return nil
	case x.Not != nil:
		return x.Not
	}
	return &access.Expr{Not: x}
}

func (t *tree) and(a, b *access.Expr) *access.Expr { return t.all(a, b) }

func (t *tree) or(a, b *access.Expr) *access.Expr { return t.any(a, b) }

func (t *tree) all(list ...*access.Expr) *access.Expr {
	var items []*access.Expr
	for _, x := range list {
		switch {
		case x == nil:
			return nil
		case isAlways(x):
		case x.And != nil:
			items = appendNew(items, x.And...)
		default:
			items = appendNew(items, x)
		}
	}
	switch len(items) {
	case 0:
		return always
	case 1:
		return items[0]
	}
	return &access.Expr{And: items}
}

func (t *tree) any(list ...*access.Expr) *access.Expr {
	var items []*access.Expr
	for _, x := range list {
		switch {
		case x == nil:
		case isAlways(x):
			return always
		case x.Or != nil:
			items = appendNew(items, x.Or...)
		default:
			items = appendNew(items, x)
		}
	}
	switch len(items) {
	case 0:
		return nil
	case 1:
		return items[0]
	}
	return &access.Expr{Or: items}
}

// appendNew leaves out what is there already: the same leaf, by pointer.
func appendNew(list []*access.Expr, items ...*access.Expr) []*access.Expr {
	for _, x := range items {
		there := false
		for _, y := range list[:min(len(list), 64)] {
			there = there || x == y
		}
		if !there {
			list = append(list, x)
		}
	}
	return list
}

// leaf gives the one leaf for a question.
func (t *tree) leaf(x *access.Expr, c *condition) *access.Expr {
	text := x.String()
	if old := t.seen[text]; old != nil {
		return old
	}
	t.seen[text], t.leaves[x] = x, c
	return x
}

func (t *tree) condition(c *condition) *access.Expr {
	switch c.eval(t.e) {
	case yes:
		return always
	case no:
		return nil
	case open:
	}
	x := &access.Expr{Operator: c.source.Operator.Value, Key: c.key}
	for _, v := range c.source.Values {
		x.Values = append(x.Values, v.Value)
	}
	return t.leaf(x, c)
}

func (t *tree) resource(s *statement) *access.Expr {
	switch s.matchResource(t.e) {
	case yes:
		return always
	case no:
		return nil
	case open:
	}
	var some []*access.Expr
	for i := range s.resources {
		if t.e.matchARN(&s.resources[i]) == open {
			some = append(some, t.leaf(&access.Expr{Resource: s.source.Resources[i].Value}, nil))
			s.resources[i].Keys(func(key string) {
				if _, presence := t.e.lookup(keyHash(key), key); presence != present {
					t.resourceKeys = append(t.resourceKeys, key)
				}
			})
		}
	}
	if s.notResource {
		return t.and(t.not(t.any(some...)), t.filled(s))
	}
	return t.any(some...)
}

// filled says that the variables of NotResource have values, without which the
// statement matches nothing.
func (t *tree) filled(s *statement) *access.Expr {
	x := always
	for i := range s.resources {
		if s.resources[i].Resolvable(t.e) != open {
			continue
		}
		s.resources[i].Keys(func(key string) {
			if _, presence := t.e.lookup(keyHash(key), key); presence == perhaps {
				x = t.and(x, t.leaf(&access.Expr{Operator: "Null", Key: key, Values: []string{"false"}}, nil))
			}
		})
	}
	return x
}

func (t *tree) statement(s *statement) *access.Expr {
	x := t.resource(s)
	for i := range s.conditions {
		if x == nil {
			return nil
		}
		x = t.and(x, t.condition(&s.conditions[i]))
	}
	return x
}

// ask is [evaluation.ask] for trees; with principals it is askNamed.
func (t *tree) ask(policies []*Policy) (allow [grants]*access.Expr, deny *access.Expr) {
	e := t.e
	var allows [grants][]*access.Expr
	var denies []*access.Expr
	for _, p := range policies {
		for _, rules := range [2][]rule{p.general, p.byService[e.service]} {
			for i := range rules {
				s := rules[i].statement
				if !rules[i].matchAction(e) {
					continue
				}
				named := direct
				if p.kind.HasPrincipal() {
					named = s.matchPrincipal(e)
				}
				switch {
				case named == notNamed:
				case s.deny:
					denies = append(denies, t.statement(s))
				default:
					allows[named] = append(allows[named], t.statement(s))
				}
			}
		}
	}
	for i, list := range allows {
		allow[i] = t.any(list...)
	}
	return allow, t.any(denies...)
}

// collect is [evaluation.collect] for trees.
func (t *tree) collect() (out terms[*access.Expr]) {
	e, p := t.e, t.e.policies
	one := func(policies []*Policy, kind policy.Kind) *access.Expr {
		allow, deny := t.ask(policies)
		out.deny[kind] = t.or(out.deny[kind], deny)
		return t.any(allow[:]...)
	}
	if e.identityCounts() {
		out.identity = one(p.Identity, policy.Identity)
		out.boundary = one(p.Boundaries, policy.Boundary)
		out.session = one(p.Session, policy.Session)
	}
	if p.Resource != nil {
		out.resource, out.deny[policy.Resource] = t.ask([]*Policy{p.Resource})
	}
	for i := range p.Grants {
		g := &p.Grants[i]
		switch named, answer := e.askGrant(g); answer {
		case no:
		case yes:
			out.grant[named] = always
		case open:
			out.grant[named] = t.or(out.grant[named], t.leaf(grantLeaf(g), nil))
		}
	}
	out.scp = always
	if e.scpsBind() {
		for i := range p.SCPs {
			out.scp = t.and(out.scp, one(p.SCPs[i].Policies, policy.SCP))
		}
	}
	if e.rcpsBind() {
		for i := range p.RCPs {
			one(p.RCPs[i].Policies, policy.RCP)
		}
	}
	out.endpoint = one(p.Endpoint, policy.Endpoint)
	return out
}

func grantLeaf(g *access.Grant) *access.Expr {
	return &access.Expr{Operator: "KMSGrantConstraints", Key: "kms:EncryptionContext", Values: []string{g.Name}}
}

// decideOpen answers a request that three-valued logic leaves open. The answer
// is still Allowed or denied if that holds whatever the unknown values are; else
// it is Unknown, with what must hold for the request to be allowed.
func (e *evaluation) decideOpen() (access.Decision, *access.Expr) {
	t := newTree(e)
	terms := t.collect()
	denied := t.any(terms.deny[:]...)
	allowed := combine(t, e, &terms)
	b := newDiagram(t)
	possible := b.constraints()
	if e.publicBlocked() {
		denied, allowed = t.or(denied, allowed), nil
	}
	a, d := b.build(allowed), b.build(denied)
	switch {
	case b.full:
		return access.Unknown, allowed
	case b.and(possible, b.not(a)) == falseNode && !b.full:
		return access.Allowed, nil
	case b.and(possible, b.not(d)) == falseNode && !b.full:
		return access.ExplicitlyDenied, nil
	case b.and(possible, a) == falseNode && !b.full:
		return access.ImplicitlyDenied, nil
	}
	return access.Unknown, allowed
}
