package iam

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/finding"
	"github.com/yagura-sec/yagura/prevent/iam/pattern"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// elsewhere is said where another account's own policies are taken for granted.
const elsewhere = "the principal's own account, which the inventory does not hold, lets it"

// WhoCan lists every principal that may call an action on a resource: users and
// roles of the inventory, and whoever the resource's policy lets in from
// elsewhere. The action may be a pattern such as s3:Get*, the resource a pattern
// of ARNs. The error says what is wrong with the question.
func (o *Organisation) WhoCan(action, resource string) ([]finding.Access, error) {
	names, err := expandAction(action)
	if err != nil {
		return nil, err
	}
	if err := checkResource(names[0], resource); err != nil {
		return nil, err
	}
	g := accessGroups{index: map[string]int{}}
	for _, target := range o.targets(resource) {
		callers, err := o.callers(target)
		if err != nil {
			return nil, err
		}
		for _, c := range callers {
			for _, name := range names {
				p, r := o.question(c.holder, c.text, name, target)
				if c.everything != nil {
					p.Identity = []*Policy{c.everything}
				}
				g.add(p, r, []string{name}, c.assumes)
			}
		}
	}
	return g.finish()
}

// expandAction lists the actions that a pattern stands for.
func expandAction(action string) ([]string, error) {
	if !strings.ContainsAny(action, "*?") {
		return []string{action}, nil
	}
	table, err := actions.Embedded()
	if err != nil {
		return nil, err
	}
	set, err := table.Expand(action)
	if err != nil {
		return nil, fmt.Errorf("action %q: %w", bounded(action), err)
	}
	var names []string
	for id := range set.All() {
		names = append(names, table.Name(id))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("action %q: no known action matches", bounded(action))
	}
	return names, nil
}

// checkResource lets the engine read the question.
func checkResource(action, resource string) error {
	_, problem := (&Policies{}).explain(&access.Request{Principal: "anonymous", Action: action, Resource: resource})
	if problem != "" {
		return fmt.Errorf("%s on %s: %s", bounded(action), bounded(resource), problem)
	}
	return nil
}

// targets splits a resource so that one resource policy at most guards each part:
// the resources with policies that a pattern covers, and the pattern for the rest.
func (o *Organisation) targets(resource string) []string {
	out := []string{resource}
	if !strings.ContainsAny(resource, "*?") || o.guard(resource) != nil {
		return out
	}
	requested := pattern.CompileResource(resource, pattern.Wildcards)
	for _, g := range o.guards() {
		for _, name := range []string{g.arn, g.arn + "/*"} {
			one := pattern.CompileResource(name, pattern.Wildcards)
			if requested.Relate(&one, everyValue{}) != no {
				out = append(out, name)
			}
		}
	}
	return out
}

// asker is somebody who may call.
type asker struct {
	text       string
	holder     *holder // nil for one who is not in the inventory
	everything *Policy // identity policy taken for granted, or nil
	assumes    string
}

// callers lists the inventory's principals and those that a resource's policy
// names besides.
func (o *Organisation) callers(resource string) ([]asker, error) {
	full, err := Compile("another account", policy.Identity, []byte(fullAccess))
	if err != nil {
		return nil, err
	}
	var out []asker
	roots := map[string]bool{}
	for _, h := range o.principals() {
		out = append(out, asker{text: h.arn, holder: h})
		roots["arn:"+partitionOf(h.arn)+":iam::"+h.account+":root"] = true
	}
	for _, root := range slices.Sorted(keysOf(roots)) {
		out = append(out, asker{text: root})
	}
	g := o.guard(resource)
	if g == nil || g.policy == nil {
		return out, nil
	}
	seen := map[string]bool{}
	add := func(text string) {
		if seen[text] || o.holders[text] != nil || roots[text] {
			return
		}
		seen[text] = true
		a := asker{text: text}
		switch {
		case o.sessionOf(text) != nil:
			a.holder = o.sessionOf(text)
		case accountOf(text) != "" && !strings.Contains(text, "-provider/"):
			a.everything, a.assumes = full, elsewhere
		}
		out = append(out, a)
	}
	for i := range g.policy.statements {
		s := &g.policy.statements[i]
		if s.deny {
			continue
		}
		if s.notPrincipal {
			add("anonymous")
		}
		for j := range s.principals {
			if text := s.principals[j].caller(partitionOf(g.arn)); text != "" && !s.notPrincipal {
				add(text)
			}
		}
	}
	return out, nil
}

func keysOf[T any](m map[string]T) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// sessionOf finds the role of a session in the inventory.
func (o *Organisation) sessionOf(text string) *holder {
	n := pattern.ParseName(text)
	path, ok := strings.CutPrefix(n.Segments[5], "assumed-role/")
	if !ok {
		return nil
	}
	name, _, _ := strings.Cut(path, "/")
	for _, h := range o.holders {
		if h.isRole && h.name == name && h.account == n.Segments[4] {
			return h
		}
	}
	return nil
}

// caller is the request's principal that the entry names, or "".
func (p *principal) caller(partition string) string {
	switch p.kind {
	case everyone:
		return "anonymous"
	case anAccount:
		return "arn:" + partition + ":iam::" + p.account + ":root"
	case anARN, aService, aProvider, aCanonicalUser:
		return p.text
	case nobody:
	}
	return ""
}

// accessGroups gathers answers; those that differ by action only are one.
type accessGroups struct {
	list  []finding.Access
	index map[string]int
}

// maxBy bounds the statements listed with one access.
const maxBy = 20

// add decides for the first of actions that are alike.
func (g *accessGroups) add(p *Policies, r *access.Request, names []string, assumes string) {
	switch p.Decide(r) {
	case access.Allowed, access.Unknown:
	default:
		return
	}
	v := p.Explain(r)
	a := finding.Access{
		Principal: r.Principal, Actions: names, Resource: r.Resource, Decision: v.Decision.String(), Assumes: assumes, By: []finding.Statement{},
	}
	key := r.Principal + "\x00" + r.Resource + "\x00" + v.Decision.String() + "\x00" + assumes
	if v.Residual != nil {
		a.Condition = v.Residual.String()
		a.Residual, _ = json.Marshal(v.Residual) // a tree of texts
		key += a.Condition
	}
	for _, list := range [][]access.Match{v.Matched, v.Near} {
		for _, m := range list {
			if m.Effect == "Allow" && len(a.By) < maxBy {
				a.By = append(a.By, statements([]access.Match{m})...)
				key += fmt.Sprintf("\x00%s %s %d", m.Kind, m.Policy, m.Statement)
			}
		}
	}
	if at, ok := g.index[key]; ok {
		g.list[at].Actions = append(g.list[at].Actions[:len(g.list[at].Actions):len(g.list[at].Actions)], names...)
		return
	}
	g.index[key] = len(g.list)
	g.list = append(g.list, a)
}

func (g *accessGroups) finish() ([]finding.Access, error) {
	table, err := actions.Embedded()
	if err != nil {
		return nil, err
	}
	for i := range g.list {
		g.list[i].Actions = shorten(table, g.list[i].Actions)
	}
	slices.SortStableFunc(g.list, func(a, b finding.Access) int {
		if c := strings.Compare(a.Principal, b.Principal); c != 0 {
			return c
		}
		return strings.Compare(a.Resource, b.Resource)
	})
	if g.list == nil {
		g.list = []finding.Access{}
	}
	return g.list, nil
}

// shorten writes all actions of a service as service:*, and all as *.
func shorten(table *actions.Table, names []string) []string {
	byService := map[string][]string{}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, n := range names {
		service, _, _ := strings.Cut(n, ":")
		byService[service] = append(byService[service], n)
	}
	if len(names) >= table.Len() {
		return []string{"*"}
	}
	var out []string
	for _, service := range slices.Sorted(keysOf(byService)) {
		list := byService[service]
		if s, ok := table.Service(service); ok && len(list) > 1 && len(list) >= s.Actions {
			list = []string{s.Prefix + ":*"}
		}
		out = append(out, list...)
	}
	return out
}
