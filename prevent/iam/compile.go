package iam

import (
	"fmt"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/pattern"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// Policy is a policy compiled for many decisions. It does not change and may be
// shared between goroutines.
type Policy struct {
	name string
	kind policy.Kind
	doc  *policy.Document

	statements []statement
	// byService finds the statements that name actions of a service; general are
	// those that hold for any service: "*" and NotAction. Both are in order.
	byService map[string][]rule
	general   []rule

	public bool // as Amazon S3 means it, see public.go
}

// rule is a statement with its actions of one service.
type rule struct {
	statement *statement
	names     []pattern.Pattern // in lower case
	all       bool              // every action matches
}

// statement is one statement, compiled.
type statement struct {
	index        int
	deny         bool
	source       *policy.Statement
	hasPrincipal bool
	notPrincipal bool
	principals   []principal
	notActions   map[string]rule // by service; nil unless NotAction
	hasResource  bool
	notResource  bool
	resources    []pattern.ARN
	conditions   []condition
}

// Compile reads a policy and prepares it for deciding. The name is for
// explanations, such as a policy's name or ARN. The error is that of
// [policy.Parse], with the policy's name and the position of each fault.
func Compile(name string, kind policy.Kind, document []byte) (*Policy, error) {
	table, err := actions.Embedded()
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", name, err)
	}
	doc, err := policy.Parse(kind, document)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", name, err)
	}
	p := &Policy{name: name, kind: kind, doc: doc, byService: map[string][]rule{}}
	keys := keyTable{table: table, seen: map[string]cardinality{}}
	p.statements = make([]statement, len(doc.Statements))
	for i := range doc.Statements {
		p.statements[i] = compileStatement(i, &doc.Statements[i], doc.Variables(), keys)
		p.index(&p.statements[i])
	}
	p.public = kind == policy.Resource && isPublic(doc)
	return p, nil
}

// Name is the name given to Compile.
func (p *Policy) Name() string { return p.name }

// Document is the parsed policy, with positions.
func (p *Policy) Document() *policy.Document { return p.doc }

// keyTable remembers what the service data says of condition keys.
type keyTable struct {
	table *actions.Table
	seen  map[string]cardinality
}

func (k keyTable) cardinality(key string) cardinality {
	if known, ok := k.seen[key]; ok {
		return known
	}
	c := cardinalityUnknown
	if found, ok := k.table.Key(key); ok {
		c = single
		if found.Multi {
			c = multi
		}
	}
	k.seen[key] = c
	return c
}

func compileStatement(index int, source *policy.Statement, variables bool, keys keyTable) statement {
	s := statement{
		index: index, deny: source.Deny, source: source,
		hasPrincipal: source.HasPrincipal, notPrincipal: source.NotPrincipal,
		hasResource: source.HasResource, notResource: source.NotResource,
	}
	for i := range source.Principals {
		s.principals = append(s.principals, compilePrincipal(&source.Principals[i]))
	}
	syntax := pattern.Wildcards
	if variables {
		syntax |= pattern.Substitution
	}
	s.resources = make([]pattern.ARN, len(source.Resources))
	for i, r := range source.Resources {
		s.resources[i] = pattern.CompileResource(r.Value, syntax)
	}
	s.conditions = make([]condition, len(source.Conditions))
	for i := range source.Conditions {
		s.conditions[i] = compileCondition(&source.Conditions[i], variables, keys)
	}
	return s
}

// index files the statement under the services that it names. An action outside
// the grammar (no colon, a wildcard in the prefix) is filed nowhere: it matches
// nothing.
func (p *Policy) index(s *statement) {
	services := map[string]*rule{}
	var order []string
	everything := false
	for _, a := range s.source.Actions {
		name := strings.ToLower(a.Value)
		if name == "*" || name == "*:*" {
			everything = true
			continue
		}
		prefix, name, ok := strings.Cut(name, ":")
		if !ok || prefix == "" || strings.ContainsAny(prefix, "*?") {
			continue
		}
		r := services[prefix]
		if r == nil {
			r = &rule{statement: s}
			services[prefix] = r
			order = append(order, prefix)
		}
		compiled := pattern.Compile(name, pattern.Wildcards)
		r.all = r.all || compiled.All()
		r.names = append(r.names, compiled)
	}
	switch {
	case s.source.NotAction:
		if everything {
			return // Not everything is nothing.
		}
		s.notActions = map[string]rule{}
		for prefix, r := range services {
			s.notActions[prefix] = *r
		}
		p.general = append(p.general, rule{statement: s})
	case everything:
		p.general = append(p.general, rule{statement: s, all: true})
	default:
		slices.Sort(order)
		for _, prefix := range order {
			p.byService[prefix] = append(p.byService[prefix], *services[prefix])
		}
	}
}

// matchAction reports whether the rule's actions cover the request's.
func (r *rule) matchAction(e *evaluation) bool {
	if r.all {
		return true
	}
	if not := r.statement.notActions; not != nil {
		except, ok := not[e.service]
		return !ok || !except.matchName(e)
	}
	return r.matchName(e)
}

func (r *rule) matchName(e *evaluation) bool {
	if r.all {
		return true
	}
	for i := range r.names {
		if r.names[i].Match(e.action, nil) == yes {
			return true
		}
	}
	return false
}

// matchResource compares the statement's resources with the request's.
func (s *statement) matchResource(e *evaluation) truth {
	if !s.hasResource {
		return yes
	}
	answer := no
	for i := range s.resources {
		if answer = max(answer, e.matchARN(&s.resources[i])); answer == yes {
			break
		}
	}
	if s.notResource {
		// A variable without a value makes the statement match nothing at all.
		able := yes
		for i := range s.resources {
			able = min(able, s.resources[i].Resolvable(e))
		}
		return min(able, yes-answer)
	}
	return answer
}

func (e *evaluation) matchARN(a *pattern.ARN) truth {
	switch {
	case e.whole:
		return truthOf(a.All())
	case e.set != nil:
		return a.Relate(e.set, e)
	}
	return a.Match(&e.name, e)
}

// match answers whether the statement, whose action has matched already, applies.
func (s *statement) match(e *evaluation) truth {
	answer := s.matchResource(e)
	for i := range s.conditions {
		if answer == no {
			return no
		}
		answer = min(answer, s.conditions[i].eval(e))
	}
	return answer
}
