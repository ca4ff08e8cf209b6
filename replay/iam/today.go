package iam

import (
	"slices"
	"strings"

	engine "github.com/yagura-sec/yagura/prevent/iam"
	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
	"github.com/yagura-sec/yagura/replay/iam/call"
)

// today decides under an inventory's policies, as they are and with the proposal
// put in.
type today struct {
	org      *engine.Organisation
	proposal Proposal
	// What a resource may have whose own policy the inventory does not hold: one
	// that lets the account decide, one that allows, one that denies everything.
	byAccount map[string]*engine.Policy
	open      *engine.Policy
	shut      *engine.Policy
	full      *engine.Policy // FullAWSAccess
	read      map[*engine.Policy]struct{}
}

const theResource = "the resource's own policy"

// disputed is why a change is unknown where the engine and AWS part already today.
var disputed = reason{
	statement: "today's policies allow it", sentence: "Today's policies allow the call that AWS refused; the proposal does not.",
	japanese: "AWS が拒否した呼び出しを現行ポリシーは許可し、提案は許可しません。", missing: []string{"the policy that refused it"},
}

// guarded are services whose resources may have policies of their own
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html).
const guarded = " acm-pca airflow aoss apigateway backup backup-storage bedrock cloudhsm cloudtrail codeartifact codebuild dynamodb ecr ecr-public elasticfilesystem es events " +
	"execute-api glacier glue iot kafka kinesis kms lambda lex logs m2 mediastore network-firewall osis rds redshift redshift-serverless refactor-spaces rekognition rolesanywhere " +
	"route53 s3 s3-object-lambda s3-outposts s3express s3tables s3vectors schemas secretsmanager serverlessrepo ses signer sns sqs ssm ssm-contacts ssm-incidents sts vpc-lattice xray "

func newToday(p Proposal) (*today, error) {
	t := &today{org: p.Today, proposal: p, byAccount: map[string]*engine.Policy{}, read: map[*engine.Policy]struct{}{}}
	var err error
	if t.full, err = engine.Compile("FullAWSAccess", policy.SCP, []byte(everything)); err != nil {
		return nil, err
	}
	t.shut, err = engine.Compile("resource policy", policy.Resource,
		[]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}`))
	t.open = openTo("")
	return t, err
}

// put gives the policies with the proposal among them.
func (t *today) put(now *engine.Policies) *engine.Policies {
	w := *now
	one := []*engine.Policy{t.proposal.Policy}
	switch t.proposal.Kind {
	case policy.Identity:
		w.Identity = one
	case policy.Boundary:
		w.Boundaries = one
	case policy.Session:
		w.Session = one
	case policy.Endpoint:
		w.Endpoint = one
	case policy.Resource:
		w.Resource = t.proposal.Policy
	case policy.RCP:
		w.RCPs = append(slices.Clone(now.RCPs), engine.Level{Name: "proposal", Policies: one})
	case policy.SCP:
		w.SCPs = slices.Clone(now.SCPs)
		switch last := len(w.SCPs) - 1; {
		case !t.proposal.Replace:
			w.SCPs = append(w.SCPs, engine.Level{Name: "proposal", Policies: append(one, t.full)})
		case last < 0:
			w.SCPs = []engine.Level{{Name: "proposal", Policies: one}}
		default:
			w.SCPs[last].Policies = one
		}
	}
	return &w
}

// learn adds the keys that policies ask for and says whether there are new ones.
func (t *today) learn(p *engine.Policies, keys map[string]bool) bool {
	before := len(keys)
	one := func(doc *engine.Policy) {
		if _, ok := t.read[doc]; !ok && doc != nil {
			t.read[doc] = struct{}{}
			contextKeys(doc.Document(), keys)
		}
	}
	one(p.Resource)
	for _, list := range [][]*engine.Policy{p.Identity, p.Boundaries} {
		for _, doc := range list {
			one(doc)
		}
	}
	for _, levels := range [][]engine.Level{p.SCPs, p.RCPs} {
		for _, level := range levels {
			for _, doc := range level.Policies {
				one(doc)
			}
		}
	}
	return len(keys) > before
}

// now asks the inventory about one request and completes it. It gives nil for a
// principal that the inventory does not hold.
func (r *Replay) now(c *call.Call, n *call.Need) (p *engine.Policies, held bool) {
	for {
		r.ask(c, n)
		p, known, held := r.today.org.Today(&r.request)
		if !known {
			return nil, false
		}
		if !r.today.learn(p, r.keys) {
			return p, held
		}
		clear(r.asked) // the record's context may hold what is asked for now
	}
}

// underToday decides a call under the inventory's policies and reports it; false
// if the inventory does not hold the caller.
func (r *Replay) underToday(rec *call.Record, c *call.Call, denied bool) bool {
	outcomes := make([]*outcome, 0, 8)
	engineSays, before, after := access.Allowed, access.Allowed, access.Allowed
	bound, same, elsewhere := false, true, false
	for i := range c.Needs {
		n := &c.Needs[i]
		p, held := r.now(c, n)
		if p == nil {
			r.report.Outside++
			return false
		}
		elsewhere = elsewhere || denied && r.refusedElsewhere(c, p)
		in := r.scope.holds(rec, c, n)
		o := r.changeOf(c, p, held, in, denied)
		bound, same = bound || in, same && o.same
		was, is := o.before, o.after
		if !denied && was == access.Unknown { // The record settles what is open.
			if was = access.Allowed; o.same {
				is = was
			}
		}
		engineSays, before, after = engineSays.And(o.today), before.And(was), after.And(is)
		outcomes = append(outcomes, o)
	}
	r.report.Decisions.addToday(rec, c, denied, engineSays)
	if !bound {
		r.report.OutOfScope++
		return true
	}
	r.report.Decided++
	if same || elsewhere {
		return true
	}
	change, why := against(denied, before, after)
	if change == "" {
		return true
	}
	r.report.count(change)
	var done []*Change
	for i, o := range outcomes {
		if o.same || change == newlyDenied && !isDenied(o.after) {
			continue
		}
		if why != nil {
			o = &outcome{why: why}
		}
		if g := r.group(change, c, &c.Needs[i], o); g != nil && !slices.Contains(done, g) {
			done = append(done, g)
			g.add(rec, &c.Needs[i])
		}
	}
	return true
}

// refusedElsewhere says whether AWS names a kind of policy, not the proposal's,
// that the inventory does not hold for the request: it refuses the call still.
func (r *Replay) refusedElsewhere(c *call.Call, p *engine.Policies) bool {
	if c.Truth == nil || c.Truth.Kind == r.proposal.Kind.String() {
		return false
	}
	switch c.Truth.Kind {
	case "session", "endpoint":
		return true
	case "scp":
		return p.SCPs == nil
	case "rcp":
		return p.RCPs == nil
	case "boundary":
		return p.Boundaries == nil
	}
	return false
}

// against compares the decision of today with the proposal's. What today's
// policies leave open, the record settles.
func against(denied bool, before, after access.Decision) (change string, why *reason) {
	if before == access.Unknown {
		before = access.ImplicitlyDenied // only what was refused is open still
	}
	switch {
	case isDenied(before) == isDenied(after) && after != access.Unknown:
		return "", nil
	case after == access.Unknown:
		return unknown, nil
	case after == access.Allowed:
		return newlyAllowed, nil
	case denied:
		return unknown, &disputed
	}
	return newlyDenied, nil
}

// changeOf decides a request today and with the proposal, or remembers it. in
// says whether the proposal binds it.
func (r *Replay) changeOf(c *call.Call, p *engine.Policies, held, in, denied bool) *outcome {
	key := r.key()
	for i, flag := range []bool{in, denied} {
		if flag {
			key[i]++
		}
	}
	if o := r.memo[key]; o != nil {
		return o
	}
	r.report.Distinct++
	o := r.today.decide(&r.request, c, p, held, in, denied)
	if len(r.memo) >= maxMemo {
		clear(r.memo)
	}
	r.memo[key] = o
	return o
}

// candidates are the policies that the resource may have: those of the
// inventory, or all that make a difference.
func (t *today) candidates(q *access.Request, account string, p *engine.Policies, held bool) (list []*engine.Policies, open bool) {
	service, _, _ := strings.Cut(q.Action, ":")
	across := q.ResourceAccount != "" && account != "" && q.ResourceAccount != account
	if held || !across && !strings.Contains(guarded, " "+strings.ToLower(service)+" ") {
		return []*engine.Policies{p}, false
	}
	if t.byAccount[account] == nil {
		if len(t.byAccount) >= maxOwners {
			clear(t.byAccount)
		}
		t.byAccount[account] = openTo(account)
	}
	for _, own := range []*engine.Policy{nil, t.byAccount[account], t.open, t.shut} {
		one := *p
		one.Resource = own
		list = append(list, &one)
	}
	return list, true
}

// decide tries each policy that the resource may have. A call that went through
// rules out those under which it could not; the agreement with history takes no
// such help.
func (t *today) decide(q *access.Request, c *call.Call, p *engine.Policies, held, in, denied bool) *outcome {
	list, open := t.candidates(q, c.Account, p, held)
	o := &outcome{same: true}
	var fit []*engine.Policies
	for i, now := range list {
		d := now.Decide(q)
		if i < 3 { // A refusal that nothing hints at is not supposed.
			o.today = merge(o.today, d, i == 0)
		}
		if !open || denied || !isDenied(d) {
			fit = append(fit, now)
		}
	}
	if len(fit) == 0 { // The engine and AWS part whatever the resource's policy is.
		fit = list[:3]
	}
	var after []access.Decision
	for i, now := range fit {
		then := now
		if in {
			then = t.put(now)
		}
		b, a := now.Decide(q), then.Decide(q)
		after = append(after, a)
		o.before, o.after = merge(o.before, b, i == 0), merge(o.after, a, i == 0)
		if unchanged(q, now, then, b, a) {
			continue
		}
		o.same = false
		pair := pair{before: &trial{with: *now}, after: &trial{with: *then}}
		if o.why == nil || isDenied(a) {
			o.why = pair.explain(q, &outcome{before: b, after: a})
		}
	}
	if o.why != nil && o.after == access.Unknown && slices.ContainsFunc(after, func(d access.Decision) bool { return d != access.Unknown }) {
		o.why = &reason{
			statement: o.why.statement, missing: []string{theResource}, sentence: "Unknown: it depends on the resource's own policy, which the inventory does not hold.",
			japanese: "不明: インベントリーにないリソースのポリシーによります。",
		}
	}
	return o
}

// merge joins answers: what differs is unknown.
func merge(all, one access.Decision, first bool) access.Decision {
	if first || all == one || isDenied(all) && isDenied(one) {
		return one
	}
	return access.Unknown
}

// unchanged reports whether the proposal leaves an answer as it is. One that is
// open stays the same if it hangs on the same condition.
func unchanged(q *access.Request, now, then *engine.Policies, b, a access.Decision) bool {
	switch {
	case now == then:
		return true
	case a != access.Unknown || b != access.Unknown:
		return a == b || isDenied(a) && isDenied(b)
	}
	x, y := now.Explain(q).Residual, then.Explain(q).Residual
	return x != nil && y != nil && x.String() == y.String()
}

// addToday holds the engine's answer under today's policies against the record.
// What session and endpoint policies refused says nothing about it.
func (d *Decisions) addToday(rec *call.Record, c *call.Call, denied bool, today access.Decision) {
	if denied && c.Truth != nil && (c.Truth.Kind == "session" || c.Truth.Kind == "endpoint") {
		return
	}
	d.compare(rec, denied, denied && c.Truth != nil && c.Truth.Kind != "" && c.Truth.Explicit != (today == access.ExplicitlyDenied), today)
}
