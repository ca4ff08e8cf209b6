package iam

import (
	"fmt"
	"strings"

	engine "github.com/yagura-sec/yagura/prevent/iam"
	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/pattern"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
	"github.com/yagura-sec/yagura/replay/iam/call"
)

// sets makes the policies under which requests are decided: the one on trial,
// and others that let everything pass.
type sets struct {
	proposal Proposal
	everyone *engine.Policy // identity policy
	session  *engine.Policy
	byOwner  map[string]*pair
}

// pair is the policies of today, if known, and the proposed ones.
type pair struct{ before, after *trial }

// trial is a set of policies. For a resource policy, alone lacks the caller's own.
type trial struct {
	with  engine.Policies
	alone *engine.Policies
}

const everything = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

func newSets(p Proposal) (*sets, error) {
	s := &sets{proposal: p, byOwner: map[string]*pair{}}
	var err error
	if s.everyone, err = engine.Compile("all other policies", policy.Identity, []byte(everything)); err != nil {
		return nil, err
	}
	s.session, err = engine.Compile("all other policies", policy.Session, []byte(everything))
	return s, err
}

// maxOwners bounds the callers' accounts whose policies are kept.
const maxOwners = 10_000

// of gives the policies for a caller.
func (s *sets) of(c *call.Call) *pair {
	federated := strings.Contains(c.Principal, ":federated-user/")
	owner := c.Account
	if !strings.HasPrefix(c.Principal, "arn:") || strings.Contains(c.Principal, "-provider/") {
		owner = ""
	}
	key := owner
	if federated {
		key += " federated"
	}
	if p := s.byOwner[key]; p != nil {
		return p
	}
	if len(s.byOwner) >= maxOwners {
		clear(s.byOwner)
	}
	p := &pair{after: s.trial(s.proposal.Policy, owner, federated)}
	if s.proposal.Current != nil {
		p.before = s.trial(s.proposal.Current, owner, federated)
	}
	s.byOwner[key] = p
	return p
}

func (s *sets) trial(on *engine.Policy, owner string, federated bool) *trial {
	one := []*engine.Policy{on}
	t := &trial{with: engine.Policies{Identity: []*engine.Policy{s.everyone}}}
	w := &t.with
	if federated {
		w.Session = []*engine.Policy{s.session}
	}
	if s.proposal.Kind != policy.Resource {
		w.Resource = openTo(owner)
	}
	switch s.proposal.Kind {
	case policy.Identity:
		w.Identity = one
	case policy.Boundary:
		w.Boundaries = one
	case policy.Session:
		w.Session = one
	case policy.Endpoint:
		w.Endpoint = one
	case policy.RCP:
		w.RCPs = []engine.Level{{Name: "proposal", Policies: one}}
	case policy.SCP:
		if !s.proposal.Replace {
			if full, err := engine.Compile("FullAWSAccess", policy.SCP, []byte(everything)); err == nil {
				one = append(one, full)
			}
		}
		w.SCPs = []engine.Level{{Name: "proposal", Policies: one}}
	case policy.Resource:
		w.Resource = on
		alone := *w
		alone.Identity = nil
		t.alone = &alone
	}
	return t
}

// openTo is a resource policy that lets an account decide for itself, so that
// calls across accounts, of keys and of roles hang on the policy on trial alone.
// An account of nobody is everyone: services and unsigned requests.
func openTo(owner string) *engine.Policy {
	principal := `"*"`
	if len(owner) == 12 && strings.Trim(owner, "0123456789") == "" {
		principal = fmt.Sprintf(`{"AWS":"%s"}`, owner)
	}
	p, err := engine.Compile("resource policy on record", policy.Resource,
		[]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":`+principal+`,"Action":"*","Resource":"*"}}`))
	if err != nil {
		return nil // the text is constant but for digits
	}
	return p
}

func (t *trial) decide(q *access.Request) access.Decision {
	d := t.with.Decide(q)
	if t.alone == nil || isDenied(d) {
		return d
	}
	if t.alone.Decide(q) == access.Allowed {
		return access.Allowed
	}
	return access.Unknown
}

// reason says which statement decides.
type reason struct {
	statement, sentence, japanese string
	missing                       []string
}

// explain says why the proposal does not simply allow, or why today's policy did
// not.
func (p *pair) explain(q *access.Request, o *outcome) *reason {
	t := p.after
	if o.after == access.Allowed && p.before != nil {
		t = p.before
	}
	v := t.with.Explain(q)
	why := &reason{sentence: v.Sentence, japanese: v.SentenceJA}
	for i := range v.Matched {
		m := &v.Matched[i]
		if m.Deciding && m.Effect == "Deny" {
			why.statement = name(m)
			break
		}
	}
	switch {
	case why.statement != "":
	case isDenied(v.Decision):
		why.statement = "no statement allows it"
	case v.Decision == access.Unknown:
		for i := range v.Near {
			if why.statement == "" || v.Near[i].Effect == "Deny" {
				why.statement = name(&v.Near[i])
			}
		}
		if v.Residual != nil {
			why.missing = residualKeys(v.Residual, nil)
		}
	}
	if o.after == access.Unknown && v.Decision == access.Allowed {
		why.statement = "no statement allows it by itself"
		why.sentence, why.missing = "Unknown: it depends on the caller's own policies.", []string{"the caller's own policies"}
		why.japanese = "不明: 呼び出し元自身のポリシーによります。"
	}
	return why
}

func name(m *access.Match) string {
	text := fmt.Sprintf("%s, statement %d", m.Policy, m.Statement)
	if m.Sid != "" {
		text += " (" + m.Sid + ")"
	}
	return text
}

// residualKeys lists what an answer hangs on, each once.
func residualKeys(x *access.Expr, out []string) []string {
	add := func(k string) {
		for _, o := range out {
			if o == k {
				return
			}
		}
		out = append(out, k)
	}
	switch {
	case x == nil:
	case x.Not != nil:
		out = residualKeys(x.Not, out)
	case x.Key != "":
		add(x.Key)
	case x.Resource != "":
		add("the resource")
	}
	for _, y := range append(x.And[:len(x.And):len(x.And)], x.Or...) {
		out = residualKeys(y, out)
	}
	return out
}

// scope says which requests the policy binds.
type scope struct {
	kind policy.Kind
	what []pattern.Pattern
	seen map[string]bool
}

func newScope(p Proposal) *scope {
	s := &scope{kind: p.Kind, seen: map[string]bool{}}
	for _, a := range p.Attach {
		s.what = append(s.what, pattern.Compile(a, pattern.Wildcards))
	}
	return s
}

func (s *scope) holds(rec *call.Record, c *call.Call, n *call.Need) bool {
	if len(s.what) == 0 {
		return s.kind != policy.Endpoint || rec.VPCE != ""
	}
	switch s.kind {
	case policy.SCP:
		return s.any(c.Account)
	case policy.RCP:
		return s.any(owner(c, n))
	case policy.Resource:
		return s.any(n.Resource)
	case policy.Endpoint:
		return s.any(rec.VPCE)
	}
	return s.any(c.Name) || c.Name != c.Principal && s.any(c.Principal)
}

func owner(c *call.Call, n *call.Need) string {
	if n.ResourceAccount != "" {
		return n.ResourceAccount
	}
	if a := pattern.ParseName(n.Resource); a.IsARN && a.Segments[4] != "" {
		return a.Segments[4]
	}
	return c.Account
}

func (s *scope) any(text string) bool {
	yes, ok := s.seen[text]
	if ok {
		return yes
	}
	for i := range s.what {
		if s.what[i].Match(text, nil) == pattern.Yes {
			yes = true
			break
		}
	}
	if len(s.seen) < 100_000 {
		s.seen[strings.Clone(text)] = yes
	}
	return yes
}
