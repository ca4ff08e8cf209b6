package iam

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/finding"
	"github.com/yagura-sec/yagura/prevent/iam/pattern"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// Bounds of one comparison. Over maxQuestions the answer is unknown, over
// maxAdded the list of additions ends.
const (
	maxQuestions = 200_000
	maxAdded     = 200
	maxOpen      = 20
)

// Diff says whether the new policies allow anything that the old did not. All
// must be of one kind; those of one side count together, SCPs as one level. A
// side without policies allows nothing; without RCPs or endpoint policies it
// allows everything, as AWS has it.
//
// Requests are split into finitely many kinds: by which statements match the
// action, by which patterns match the resource, by whom the policies name. For
// each the two decisions are compared as Boolean functions of the context. What
// that proves equal or narrower is "no"; a witness that the engine confirms is
// "yes"; the rest is "unknown".
func Diff(before, after []*Policy) (finding.Difference, error) {
	all := slices.Concat(before, after)
	if len(all) == 0 {
		return finding.Difference{Answer: "no", Added: []finding.Added{}, Open: []string{}}, nil
	}
	kind := all[0].kind
	for _, p := range all {
		if p.kind != kind {
			return finding.Difference{}, fmt.Errorf("policy %s is a %s policy, %s a %s policy: compare policies of one kind", p.name, p.kind, all[0].name, kind)
		}
	}
	if kind == policy.Resource && (len(before) > 1 || len(after) > 1) {
		return finding.Difference{}, errors.New("a resource has one policy: compare one with one")
	}
	d := differ{kind: kind, all: all, out: finding.Difference{Added: []finding.Added{}, Open: []string{}}, groups: map[string]int{}, samples: map[string]sampled{}}
	var err error
	if d.before, err = setting(kind, before); err == nil {
		d.after, err = setting(kind, after)
	}
	if err != nil {
		return finding.Difference{}, err
	}
	classes, err := classify(all)
	if err != nil {
		return finding.Difference{}, err
	}
	d.mixed = mixedVariables(all)
	for i := range classes {
		d.class(&classes[i])
	}
	for i := range d.out.Added {
		slices.Sort(d.out.Added[i].Actions)
	}
	switch {
	case len(d.out.Added) > 0:
		d.out.Answer = "yes"
	case len(d.out.Open) > 0:
		d.out.Answer = "unknown"
	default:
		d.out.Answer = "no"
	}
	return d.out, nil
}

// nowhere is an account that no policy means.
const nowhere = "000000000000"

// setting puts policies of a kind where they alone decide.
func setting(kind policy.Kind, list []*Policy) (*Policies, error) {
	full, err := Compile("everything", policy.Identity, []byte(fullAccess))
	if err != nil {
		return nil, err
	}
	// KMS keys and roles want their own policy to name the account, too.
	delegate, err := Compile("delegation", policy.Resource, []byte(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+nowhere+`"},"Action":"*","Resource":"*"}]}`))
	if err != nil {
		return nil, err
	}
	p := &Policies{Identity: []*Policy{full}, Resource: delegate}
	if kind == policy.RCP || kind == policy.Endpoint {
		// These bind unsigned requests and services, too: let everybody in.
		if p.Resource, err = Compile("everybody", policy.Resource, []byte(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`)); err != nil {
			return nil, err
		}
	}
	if len(list) == 0 && kind != policy.Identity && kind != policy.SCP && kind != policy.RCP && kind != policy.Endpoint {
		nothing, err := Compile("nothing", kind, []byte(`{"Statement":[]}`))
		if err != nil {
			return nil, err
		}
		list = []*Policy{nothing}
	}
	switch kind {
	case policy.Identity:
		p.Identity = list
	case policy.Boundary:
		p.Boundaries = list
	case policy.Session:
		p.Session = list
	case policy.Resource:
		p.Resource = list[0]
	case policy.SCP:
		p.SCPs = []Level{{Name: "compared", Policies: list}}
	case policy.RCP:
		p.RCPs = []Level{{Name: "compared", Policies: list}}
	case policy.Endpoint:
		p.Endpoint = list
	}
	return p, nil
}

// mixedVariables reports whether ${…} is text in one policy and a variable in
// another: conditions that read alike are then not alike.
func mixedVariables(all []*Policy) bool {
	plain, meant := false, false
	for _, p := range all {
		for i := range p.doc.Statements {
			s := &p.doc.Statements[i]
			for _, c := range s.Conditions {
				if slices.ContainsFunc(c.Values, hasVariable) {
					plain, meant = plain || !p.doc.Variables(), meant || p.doc.Variables()
				}
			}
			if slices.ContainsFunc(s.Resources, hasVariable) {
				plain, meant = plain || !p.doc.Variables(), meant || p.doc.Variables()
			}
		}
	}
	return plain && meant
}

func hasVariable(t policy.Text) bool { return strings.Contains(t.Value, "${") }

// differ compares two settings.
type differ struct {
	kind          policy.Kind
	all           []*Policy
	before, after *Policies
	mixed         bool
	questions     int
	out           finding.Difference
	groups        map[string]int // additions by witness but its action
	samples       map[string]sampled
}

// sampled remembers the names that a list of patterns tells apart.
type sampled struct {
	names    []string
	complete bool
}

// class compares for one class of actions.
func (d *differ) class(c *actionClass) {
	names, whole := d.resources(c)
	if !whole {
		d.open(c, "its resources are told apart by too many wildcards")
	}
	for _, name := range names {
		for _, who := range d.principals(partitionOf(name)) {
			if d.questions++; d.questions > maxQuestions {
				if d.questions == maxQuestions+1 {
					d.open(c, "there are too many combinations of actions, resources and principals")
				}
				return
			}
			r := who.request()
			r.Action, r.Resource, r.ResourceAccount, r.Literal = c.names[0], name, nowhere, true
			if d.kind == policy.Resource {
				r.ResourceAccount = "999999999999" // so that only the policy counts
			}
			d.compare(c, r)
		}
	}
}

// compare asks both sides about one kind of request.
func (d *differ) compare(c *actionClass, r *access.Request) {
	if g := d.newly(r); g == no || !d.mixed && provenNo(d.before, d.after, r) {
		return
	}
	w, ok := findWitness(r, d.newly, d.after, d.before)
	if !ok {
		d.open(c, fmt.Sprintf("%s on %s by %s: neither proven nor found", r.Action, r.Resource, r.Principal))
		return
	}
	verdict := d.after.Explain(&w)
	var by []access.Match
	text := w.Principal + "\x00" + w.Resource
	for _, m := range verdict.Matched {
		if m.Deciding && slices.ContainsFunc(d.all, func(p *Policy) bool { return p.name == m.Policy }) {
			by = append(by, m)
			text += fmt.Sprintf("\x00%s %d", m.Policy, m.Statement)
		}
	}
	for _, v := range w.Context {
		text += "\x00" + v.Key + "=" + strings.Join(v.Values, "\x01")
	}
	group, known := d.groups[text]
	if !known {
		if len(d.out.Added) >= maxAdded {
			return
		}
		group = len(d.out.Added)
		d.groups[text] = group
		d.out.Added = append(d.out.Added, finding.Added{
			Witness: shown(&w), By: statements(by), Sentence: verdict.Sentence + " Before: " + d.before.Explain(&w).Sentence,
		})
	}
	added := &d.out.Added[group]
	if slices.Contains(added.Actions, c.names[0]) {
		return
	}
	for _, name := range c.names {
		same := w
		same.Action = name
		if d.newly(&same) == yes {
			added.Actions = append(added.Actions, name)
		}
	}
}

// newly is the goal: allowed by the new policies and not by the old.
func (d *differ) newly(r *access.Request) truth {
	return min(allowedBy(d.after)(r), yes-allowedBy(d.before)(r))
}

func (d *differ) open(c *actionClass, why string) {
	if len(d.out.Open) < maxOpen {
		d.out.Open = append(d.out.Open, fmt.Sprintf("%s (%d actions alike): %s", c.names[0], len(c.names), why))
	}
}

// provenNo reports whether it is proven that nothing of the request's kind is
// allowed after and not before.
func provenNo(before, after *Policies, r *access.Request) bool {
	a, b := new(evaluation), new(evaluation)
	if a.begin(after, r) != "" || b.begin(before, r) != "" {
		return false
	}
	t := newTree(a)
	terms := t.collect()
	allowed := combine(t, a, &terms)
	t.e = b
	terms = t.collect()
	was := combine(t, b, &terms)
	g := newDiagram(t)
	both := g.and(g.constraints(), g.and(g.build(allowed), g.not(g.build(was))))
	return both == falseNode && !g.full
}

// resources gives one name for each way in which the statements' patterns can
// match; complete is false if there were too many.
func (d *differ) resources(c *actionClass) (names []string, complete bool) {
	complete = true
	if !c.needsResource {
		names = append(names, "*")
	}
	if !c.takesResource {
		return names, true
	}
	var patterns []*pattern.ARN
	partitions := []string{"aws"}
	key := ""
	seen := map[string]bool{}
	add := func(a *pattern.ARN, text string) {
		if !seen[text] {
			seen[text] = true
			patterns = append(patterns, a)
			key += text + "\x00"
		}
	}
	for _, s := range c.statements {
		for i := range s.principals {
			if n := pattern.ParseName(s.principals[i].text); n.IsARN && !slices.Contains(partitions, n.Segments[1]) {
				partitions = append(partitions, n.Segments[1])
			}
		}
		for i := range s.resources {
			// The same text can hold variables in one policy and not in the other.
			add(&s.resources[i], fmt.Sprint(s.source.Resources[i].Value, s.variables()))
			parts := strings.SplitN(s.source.Resources[i].Value, ":", 3)
			for _, partition := range partitionsOf(parts) {
				if !slices.Contains(partitions, partition) {
					partitions = append(partitions, partition)
				}
			}
		}
	}
	for _, text := range reservedNames[c.service] {
		reserved := pattern.CompileResource(text, pattern.Wildcards)
		add(&reserved, text)
	}
	for _, partition := range partitions {
		at := key + partition
		found, known := d.samples[at]
		if !known {
			universe := pattern.CompileResource("arn:"+partition+":*:*:*:*", pattern.Wildcards)
			found.names, found.complete = universe.Samples(patterns)
			d.samples[at] = found
		}
		complete = complete && found.complete
		names = append(names, c.lifelike(found.names, patterns, partition)...)
	}
	return names, complete
}

// partitionsOf lists the partitions besides aws that a pattern may mean.
func partitionsOf(parts []string) []string {
	switch {
	case len(parts) < 2 || parts[0] != "arn" || parts[1] == "*":
		return nil // all are alike
	case strings.ContainsAny(parts[1], "*?$"):
		return []string{"aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-eusc"}
	}
	return []string{parts[1]}
}

// reservedNames are what AWS treats in its own way, see [evaluation.impossible].
var reservedNames = map[string][]string{
	"iam": {"arn:*:iam:*:*:role/aws-reserved/sso.amazonaws.com/*", "arn:*:iam:*:aws:policy/*"},
	"kms": {"arn:*:kms:*:*:alias/aws/*", "arn:*:kms:*:*:key/*"},
	"sts": {"arn:*:iam:*:*:role/*"},
}

func partitionOf(name string) string {
	if n := pattern.ParseName(name); n.IsARN {
		return n.Segments[1]
	}
	return "aws"
}
