// Package iam decides whether AWS would allow a request, offline and exactly,
// and says why. The core is pure: policies and a request go in, a decision comes
// out; there is no clock, no network and no account.
//
//	identity, err := iam.Compile("ReadLogs", policy.Identity, document)
//	policies := &iam.Policies{Identity: []*iam.Policy{identity}}
//	switch policies.Decide(&access.Request{
//		Principal: "arn:aws:iam::111122223333:user/mika",
//		Action:    "s3:GetObject",
//		Resource:  "arn:aws:s3:::logs/2026/11/23.gz",
//	}) {
//	case access.Allowed: …
//	}
//
// [Policies.Decide] allocates nothing. [Policies.Explain] gives the same decision
// with the statements, conditions and missing keys behind it. [DecideLines] does
// both for JSON Lines.
//
// The logic is that of the IAM User Guide
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html);
// docs/iam.md draws the order and names the limits.
package iam

import (
	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// Policies is everything that bears on a request. What is nil is absent, which
// is not the same as empty where the field says so. It must not change while
// decisions run; then it may be shared between goroutines.
type Policies struct {
	// Identity are the policies of the user and its groups, or of the role.
	Identity []*Policy
	// Boundaries are the caller's permission boundary; empty means none.
	Boundaries []*Policy
	// Session are the policies passed with the session, taken together; empty
	// means none.
	Session []*Policy
	// Resource is the policy of the resource: bucket policy, trust policy, key
	// policy and so on.
	Resource *Policy
	// SCPs are the service control policies of the caller's account, one Level
	// for the root, each OU and the account. nil means not in an organisation; a
	// level without policies allows nothing.
	SCPs []Level
	// RCPs are the resource control policies of the resource's account.
	// RCPFullAWSAccess need not be listed.
	RCPs []Level
	// Endpoint is the policy of the VPC endpoint that the request goes through;
	// empty means none, or the default that allows everything.
	Endpoint []*Policy
	// BlockPublicAccess is RestrictPublicBuckets of Amazon S3, of the bucket or
	// its account.
	BlockPublicAccess bool
	// Grants are the grants of the KMS key.
	Grants []access.Grant
}

// Level is one level of the organisation with the policies attached to it.
type Level struct {
	Name     string // as "Root", "OU Prod", "account 111122223333"
	Policies []*Policy
}

// Decide answers a request. It allocates nothing and never fails: a request that
// cannot be read is Unknown, as is one whose answer depends on unknown keys.
// [Policies.Explain] says why.
func (p *Policies) Decide(r *access.Request) access.Decision {
	e := evaluations.Get().(*evaluation)
	defer e.end()
	if e.begin(p, r) != "" {
		return access.Unknown
	}
	if d := e.decide(); d != access.Unknown {
		return d
	}
	d, _ := e.decideOpen()
	return d
}

// end gives the evaluation back, without what it points to.
func (e *evaluation) end() {
	clear(e.entries)
	clear(e.unknown)
	clear(e.knownKeys)
	clear(e.present)
	e.request, e.policies, e.set = nil, nil, nil
	e.caller = caller{}
	evaluations.Put(e)
}

// decide combines what the policies say.
func (e *evaluation) decide() access.Decision {
	t := e.collect()
	denied := anyOf(truthLogic{}, t.deny[:])
	allowed := combine(truthLogic{}, e, &t)
	if e.publicBlocked() {
		denied, allowed = max(denied, allowed), no
	}
	switch {
	case e.alwaysAllowed():
		return access.Allowed
	case denied == yes:
		return access.ExplicitlyDenied
	case allowed == no && !e.publicBlocked(), allowed == no && denied == no:
		return access.ImplicitlyDenied
	case allowed == open || denied == open:
		return access.Unknown
	}
	return access.Allowed
}

// terms are what the kinds of policy say, as truths or as trees over what is not
// known.
type terms[T any] struct {
	deny     [policy.Endpoint + 1]T // by kind
	identity T
	boundary T
	session  T
	resource [grants]T // by how closely the caller is named
	grant    [grants]T // KMS grants, likewise
	scp      T         // every level allows
	endpoint T
}

// collect asks every policy that binds the request.
func (e *evaluation) collect() (t terms[truth]) {
	p := e.policies
	if e.identityCounts() {
		t.identity, t.deny[policy.Identity] = e.ask(p.Identity)
		t.boundary, t.deny[policy.Boundary] = e.ask(p.Boundaries)
		t.session, t.deny[policy.Session] = e.ask(p.Session)
	}
	if p.Resource != nil {
		t.resource, t.deny[policy.Resource] = e.askNamed(p.Resource)
	}
	for i := range p.Grants {
		named, answer := e.askGrant(&p.Grants[i])
		t.grant[named] = max(t.grant[named], answer)
	}
	t.scp = yes
	if e.scpsBind() {
		for i := range p.SCPs {
			allow, deny := e.ask(p.SCPs[i].Policies)
			t.scp = min(t.scp, allow)
			t.deny[policy.SCP] = max(t.deny[policy.SCP], deny)
		}
	}
	if e.rcpsBind() {
		for i := range p.RCPs {
			for _, rcp := range p.RCPs[i].Policies {
				_, deny := e.askNamed(rcp)
				t.deny[policy.RCP] = max(t.deny[policy.RCP], deny)
			}
		}
	}
	for _, endpoint := range p.Endpoint {
		allow, deny := e.askNamed(endpoint)
		for _, a := range allow {
			t.endpoint = max(t.endpoint, a)
		}
		t.deny[policy.Endpoint] = max(t.deny[policy.Endpoint], deny)
	}
	return t
}

// ask asks policies that name no principal. A deny that is certain ends it.
func (e *evaluation) ask(policies []*Policy) (allow, deny truth) {
	for _, p := range policies {
		a, d := e.askRules(p.general)
		allow, deny = max(allow, a), max(deny, d)
		if rules := p.byService[e.service]; rules != nil {
			a, d = e.askRules(rules)
			allow, deny = max(allow, a), max(deny, d)
		}
		if deny == yes {
			break
		}
	}
	return allow, deny
}

func (e *evaluation) askRules(rules []rule) (allow, deny truth) {
	for i := range rules {
		r := &rules[i]
		s := r.statement
		if s.deny && deny == yes || !s.deny && allow == yes || !r.matchAction(e) {
			continue
		}
		if answer := s.match(e); s.deny {
			deny = max(deny, answer)
		} else {
			allow = max(allow, answer)
		}
	}
	return allow, deny
}

// askNamed asks a policy that names principals.
func (e *evaluation) askNamed(p *Policy) (allow [grants]truth, deny truth) {
	for _, rules := range [2][]rule{p.general, p.byService[e.service]} {
		for i := range rules {
			r := &rules[i]
			if !r.matchAction(e) {
				continue
			}
			named := r.statement.matchPrincipal(e)
			if named == notNamed {
				continue
			}
			if answer := r.statement.match(e); r.statement.deny {
				deny = max(deny, answer)
			} else {
				allow[named] = max(allow[named], answer)
			}
		}
	}
	return allow, deny
}
