package iam

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/finding"
	"github.com/yagura-sec/yagura/prevent/iam/pattern"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// Public lists every way into a resource from outside its account: by anyone, by
// other accounts inside the organisation or outside, by identity providers, by
// services that act for whomever. Each has a witness that the engine allows.
func (o *Organisation) Public() ([]finding.External, error) {
	table, err := actions.Embedded()
	if err != nil {
		return nil, err
	}
	full, err := Compile("another account", policy.Identity, []byte(fullAccess))
	if err != nil {
		return nil, err
	}
	s := survey{org: o, full: full, table: table, out: []finding.External{}, formats: map[string]*pattern.ARN{}}
	for _, g := range o.guards() {
		if g.policy == nil {
			continue
		}
		for i := range g.policy.statements {
			if st := &g.policy.statements[i]; !st.deny && st.hasPrincipal {
				s.statement(g, st)
			}
		}
	}
	return s.out, nil
}

// The kinds of [finding.External].
const (
	outsidePublic            = "public"
	outsideCrossOrganisation = "cross-organisation"
	outsideCrossAccount      = "cross-account"
	outsideFederated         = "federated"
	outsideConfusedDeputy    = "confused-deputy"
)

// survey looks for ways in.
type survey struct {
	org     *Organisation
	full    *Policy
	table   *actions.Table
	formats map[string]*pattern.ARN
	out     []finding.External
}

// outsider is an outsider to try.
type outsider struct {
	kind, text string
	context    []access.Value
	known      []string
	trusted    bool // its own account's policies are taken for granted
	assumes    string
}

func (s *survey) statement(g *guarded, st *statement) {
	strangers := s.strangers(g, st)
	if len(strangers) == 0 {
		return
	}
	names := s.names(st)
	for _, who := range strangers {
		s.try(g, st, names, who)
	}
}

// names lists the known actions of a statement.
func (s *survey) names(st *statement) (names []string) {
	set := s.table.NewSet()
	for _, a := range st.source.Actions {
		if found, err := s.table.Expand(a.Value); err == nil {
			set.Add(found)
		}
	}
	for id := range actions.ID(s.table.Len()) {
		if set.Has(id) != st.source.NotAction {
			names = append(names, s.table.Name(id))
		}
	}
	return names
}

// try looks for an action, a resource and a context with which the outsider gets
// in, and then for the other actions that are open in the same way.
func (s *survey) try(g *guarded, st *statement, names []string, who outsider) {
	var found *finding.External
	var witness access.Request
	for _, name := range names {
		for _, resource := range s.places(g, st, name) {
			p, r := s.org.question(nil, who.text, name, resource)
			r.Context = append(r.Context, who.context...)
			r.Known = append(r.Known, who.known...)
			r.ResourceAccount = g.account
			if who.trusted {
				p.Identity = []*Policy{s.full}
			}
			if found != nil {
				again := witness
				again.Action, again.Resource = name, resource
				if p.Decide(&again) == access.Allowed {
					found.Actions = append(found.Actions, name)
					break
				}
				continue
			}
			// The statement under test must be one that allows.
			w, ok := findWitness(r, allowedBy(p), p)
			if !ok || !decides(p, &w, g.policy, st) {
				continue
			}
			witness = w
			found = &finding.External{
				Kind: who.kind, Resource: g.arn, Account: g.account, Principal: who.text, Actions: []string{name},
				Policy: g.policy.name, Statement: st.index, Sid: st.source.Sid.Value, Witness: shown(&w), Assumes: who.assumes,
			}
			break
		}
	}
	if found != nil {
		found.Actions = shorten(s.table, found.Actions)
		s.out = append(s.out, *found)
	}
}

// decides reports whether a statement of a policy is among those that allow.
func decides(p *Policies, r *access.Request, of *Policy, st *statement) bool {
	return slices.ContainsFunc(p.Explain(r).Matched, func(m access.Match) bool {
		return m.Effect == "Allow" && m.Kind == of.kind.String() && m.Policy == of.name && m.Statement == st.index
	})
}

// places are resources that the policy guards and the action can take.
func (s *survey) places(g *guarded, st *statement, action string) (out []string) {
	if id, ok := s.table.ID(action); ok && !s.table.TakesResource(id) {
		return nil // A resource's policy says nothing of what has no resource.
	}
	// A service asks the policies of its own resources; roles are asked by STS.
	service, _, _ := strings.Cut(strings.ToLower(action), ":")
	if owner := pattern.ParseName(g.arn).Segments[2]; service != owner && !(service == "sts" && owner == "iam") {
		return nil
	}
	offer := func(name string) {
		if name != g.arn && !strings.HasPrefix(name, g.arn+"/") && !strings.HasPrefix(name, g.arn+":") || slices.Contains(out, name) {
			return
		}
		if s.fits(action, name) {
			out = append(out, name)
		}
	}
	offer(g.arn)
	for i := range st.resources {
		offer(fill(st.source.Resources[i].Value, true))
	}
	offer(g.arn + "/" + spare)
	offer(g.arn + ":" + spare)
	return out
}

// fits reports whether an action can meet a resource at all.
func (s *survey) fits(action, name string) bool {
	var parsed pattern.Name
	for _, format := range formatsOf(action) {
		f := s.formats[format]
		if f == nil {
			f = compileFormat(format)
			s.formats[format] = f
		}
		if parsed.Text == "" {
			parsed = pattern.ParseName(name)
		}
		if f.Match(&parsed, everyValue{}) != no {
			return true
		}
	}
	return false
}

func compileFormat(format string) *pattern.ARN {
	f := pattern.CompileResource(format, pattern.Wildcards|pattern.Substitution)
	return &f
}

// sourceKeys say for whom a service acts. Only a service's own calls carry them.
var sourceKeys = []string{"aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceOrgPaths"}

// strangers are the outsiders that a statement may let in.
func (s *survey) strangers(g *guarded, st *statement) (out []outsider) {
	partition := partitionOf(g.arn)
	if st.notPrincipal {
		return s.anyone(st, partition, g)
	}
	for i := range st.principals {
		p := &st.principals[i]
		switch p.kind {
		case everyone:
			out = append(out, s.anyone(st, partition, g)...)
		case anAccount:
			out = append(out, s.account(p.account, "arn:"+partition+":iam::"+p.account+":user/"+spare, g)...)
		case anARN:
			out = append(out, s.account(accountOf(p.text), p.text, g)...)
		case aService:
			out = append(out, s.service(p.text, st, g)...)
		case aProvider:
			out = append(out, outsider{kind: outsideFederated, text: p.text, known: sourceKeys})
		case aCanonicalUser:
			out = append(out, outsider{kind: outsideCrossAccount, text: p.text, assumes: "the canonical user id is of another account"})
		case nobody:
		}
	}
	return out
}

// notIn are the keys of somebody from an organisation that is not ours.
func notIn(organisation string) []access.Value {
	return []access.Value{
		{Key: "aws:PrincipalOrgID", Values: []string{organisation}},
		{Key: "aws:PrincipalOrgPaths", Values: []string{organisation + "/r-" + spare + "/"}, Multi: true},
	}
}

// anyone is for statements open to everyone: an unsigned request, a user of some
// account, and whoever the conditions speak of.
func (s *survey) anyone(st *statement, partition string, g *guarded) []outsider {
	user := func(account string) string { return "arn:" + partition + ":iam::" + account + ":user/" + spare }
	out := []outsider{
		{kind: outsidePublic, text: "anonymous", known: sourceKeys},
		{kind: outsidePublic, text: user(nowhere), context: notIn("o-" + nowhere), known: append(serviceKeys, sourceKeys...), trusted: true},
	}
	for i := range st.conditions {
		c := &st.conditions[i]
		if c.negated || c.compare == isNull {
			continue
		}
		for j := range c.operands {
			value := fill(c.operands[j].raw, c.compare == like || c.compare == arnLike)
			switch strings.ToLower(c.key) {
			case "aws:principalaccount", "aws:principalarn":
				account, text := value, user(value)
				if strings.HasPrefix(value, "arn:") {
					parts := strings.SplitN(value, ":", 6)
					if len(parts) == 6 && !isAccount(parts[4]) {
						parts[4] = nowhere
					}
					text = strings.Join(parts, ":")
					account = accountOf(text)
				}
				if isAccount(account) {
					out = append(out, s.account(account, text, g)...)
				}
			case "aws:principalorgid":
				if value != s.org.id || !s.org.known {
					out = append(out, outsider{kind: outsideCrossOrganisation, text: user(nowhere), context: notIn(value), known: sourceKeys, trusted: true, assumes: elsewhere})
				} else {
					out = append(out, s.colleague(g, user)...)
				}
			}
		}
	}
	return out
}

// colleague is some other account of the organisation.
func (s *survey) colleague(g *guarded, user func(string) string) []outsider {
	for _, account := range slices.Sorted(keysOf(s.org.accounts)) {
		if account != g.account && s.org.inside(account) != nil {
			return s.account(account, user(account), g)
		}
	}
	return nil
}

// account is a principal of another account.
func (s *survey) account(account, text string, g *guarded) []outsider {
	if account == g.account || account == "" {
		return nil
	}
	who := outsider{kind: outsideCrossAccount, text: text, known: append(slices.Clone(serviceKeys), sourceKeys...), trusted: true, assumes: "an identity policy in the principal's account lets it"}
	if s.org.known && s.org.inside(account) == nil {
		who.kind, who.context = outsideCrossOrganisation, notIn("o-"+nowhere)
	}
	return []outsider{who}
}

// onComputers are services that take a role only from its own account, where
// iam:PassRole guards it.
var onComputers = []string{"ec2.amazonaws.com", "lambda.amazonaws.com", "ecs-tasks.amazonaws.com", "pods.eks.amazonaws.com", "codebuild.amazonaws.com"}

// service is an AWS service that acts for somebody of another account.
func (s *survey) service(name string, st *statement, g *guarded) []outsider {
	if strings.Contains(g.arn, ":role/") && slices.Contains(onComputers, name) {
		return nil
	}
	acting := func(arn string) outsider {
		return outsider{kind: outsideConfusedDeputy, text: name, context: []access.Value{
			{Key: "aws:SourceArn", Values: []string{arn}},
			{Key: "aws:SourceAccount", Values: []string{nowhere}},
			{Key: "aws:SourceOrgID", Values: []string{"o-" + nowhere}},
			{Key: "aws:SourceOrgPaths", Values: []string{"o-" + nowhere + "/r-" + spare + "/"}, Multi: true},
		}}
	}
	prefix, _, _ := strings.Cut(name, ".")
	out := []outsider{acting("arn:" + partitionOf(g.arn) + ":" + prefix + ":us-east-1:" + nowhere + ":" + spare)}
	for i := range st.conditions {
		c := &st.conditions[i]
		if !strings.EqualFold(c.key, "aws:SourceArn") || c.negated || c.compare != like && c.compare != arnLike {
			continue
		}
		for j := range c.operands {
			parts := strings.SplitN(c.operands[j].raw, ":", 6)
			if len(parts) == 6 && strings.ContainsAny(parts[4], "*?") {
				parts[4] = nowhere
				out = append(out, acting(fill(strings.Join(parts, ":"), true)))
			}
		}
	}
	return out
}
