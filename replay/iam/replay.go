// Package iam decides recorded CloudTrail calls again under a policy that
// somebody proposes, and says what would change: calls that went through and
// would be denied, calls that were denied and would go through, and calls for
// which the record does not tell enough.
//
//	r, err := iam.New(table, iam.Proposal{Kind: policy.SCP, Policy: scp})
//	for each record { err := r.AddText(record) }
//	report := r.Report()
//
// What else binds a caller is not asked: history tells it. A call that went
// through passed every other policy, so it goes through still if the proposal
// lets it pass. A call that was refused stays refused, unless AWS's message says
// that a policy of the proposal's kind refused it and the proposal takes that
// policy's place. With [Proposal.Current], today's text of the policy, both texts
// are decided, and what the engine says of today's is held against what AWS did.
//
// A resource policy is different: it may grant by itself. Whether the caller's own
// policies allow the call is not known, so both are tried, and where the answers
// differ it is unknown.
//
// With [Proposal.Today], an inventory, nothing stands in for the policies of its
// principals: their calls are decided under today's policies and under the same
// with the proposal put in, and the first answer is held against what AWS did. A
// resource whose own policy the inventory lacks may have any that fits the record.
//
// A request is decided once however often it was made: context that the policies
// do not ask for is left out, and what remains is the key. Memory is bounded.
package iam

import (
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	engine "github.com/yagura-sec/yagura/prevent/iam"
	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
	"github.com/yagura-sec/yagura/replay/iam/call"
)

// Proposal is the policy to try.
type Proposal struct {
	Kind   policy.Kind
	Policy *engine.Policy
	// Current is the policy that it replaces, as it is today; nil if that is not
	// known or if nothing is replaced.
	Current *engine.Policy
	// Attach says what the policy binds: accounts (scp; rcp, of the resource),
	// ARNs of roles and users (identity, boundary, session), ARNs of resources
	// (resource), ids of VPC endpoints (endpoint). * and ? are wildcards. None
	// means everything.
	Attach []string
	// Replace says that an SCP stands alone at its level. Otherwise it stands
	// beside FullAWSAccess, so that only its denies count. Policies of the other
	// kinds always replace.
	Replace bool
	// Today is an inventory, or nil. The calls of its principals are decided under
	// the policies that it holds, and under these with the proposal put in; what
	// was recorded stands in for the policies of all others. It excludes Current.
	Today *engine.Organisation
}

// Replay is a run. It serves one goroutine.
type Replay struct {
	proposal Proposal
	mapper   *call.Mapper
	scope    *scope
	sets     *sets
	today    *today          // nil without an inventory
	asked    map[string]bool // keys that the policies ask for, as the mapper writes them
	keys     map[string]bool // the same in lower case

	memo     map[[2]uint64]*outcome
	seeds    [2]maphash.Seed
	shared   map[uint64]struct{}
	groups   map[group]*Change
	unmapped map[string]*Unmapped
	report   Report

	request access.Request // reused
	hash    []byte         // reused
}

// outcome is what a request gives, decided once.
type outcome struct {
	before, after access.Decision
	why           *reason

	// With an inventory: what the engine says of today's policies by itself, and
	// whether the proposal leaves the answer as it is.
	today access.Decision
	same  bool
}

// maxMemo bounds the requests that are remembered.
const maxMemo = 2_000_000

// New prepares a run.
func New(t *actions.Table, p Proposal) (*Replay, error) {
	if p.Policy == nil {
		return nil, errors.New("there is no policy to try")
	}
	if p.Today != nil && p.Current != nil {
		return nil, errors.New("today's policies are those of the inventory: give either the inventory or the current policy")
	}
	m, err := call.New(t)
	if err != nil {
		return nil, err
	}
	r := &Replay{
		proposal: p, mapper: m, scope: newScope(p), asked: map[string]bool{}, keys: map[string]bool{},
		memo: map[[2]uint64]*outcome{}, shared: map[uint64]struct{}{}, groups: map[group]*Change{}, unmapped: map[string]*Unmapped{},
		seeds:  [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		report: Report{Kind: p.Kind.String(), Policy: p.Policy.Name(), Attach: p.Attach, Replace: p.Replace, HasCurrent: p.Current != nil, HasInventory: p.Today != nil},
	}
	if r.sets, err = newSets(p); err != nil {
		return nil, err
	}
	if p.Today != nil {
		if r.today, err = newToday(p); err != nil {
			return nil, err
		}
	}
	for _, doc := range []*engine.Policy{p.Policy, p.Current} {
		if doc != nil {
			contextKeys(doc.Document(), r.keys)
		}
	}
	return r, nil
}

// contextKeys gathers the keys that a policy asks for, in lower case: of its
// conditions and of its variables.
func contextKeys(d *policy.Document, into map[string]bool) {
	variables := func(texts []policy.Text) {
		for _, t := range texts {
			rest := t.Value
			for {
				_, after, ok := strings.Cut(rest, "${")
				if !ok {
					break
				}
				var name string
				name, rest, _ = strings.Cut(after, "}")
				name, _, _ = strings.Cut(name, ",")
				into[strings.ToLower(strings.TrimSpace(name))] = true
			}
		}
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		variables(s.Resources)
		for _, c := range s.Conditions {
			into[strings.ToLower(c.Key.Value)] = true
			variables(c.Values)
		}
	}
}

// asks says whether the policies ask for a key.
func (r *Replay) asks(key string) bool {
	yes, ok := r.asked[key]
	if !ok {
		yes = r.keys[strings.ToLower(key)] || key == "aws:PrincipalArn"
		if len(r.asked) < 1000 {
			r.asked[key] = yes
		}
	}
	return yes
}

// AddText reads a CloudTrail record and adds it. An error says why it cannot be
// read; the record is then counted as unreadable.
func (r *Replay) AddText(text string) error {
	rec, err := call.Read(text)
	if err != nil {
		r.report.Unreadable++
		return fmt.Errorf("record: %w", err)
	}
	r.Add(&rec)
	return nil
}

// Add decides a record.
func (r *Replay) Add(rec *call.Record) {
	r.report.Events++
	if rec.SharedID != "" && r.twice(rec.SharedID) {
		r.report.Shared++
		return
	}
	if r.report.From.IsZero() || rec.Time.Before(r.report.From) {
		r.report.From = rec.Time
	}
	if rec.Time.After(r.report.To) {
		r.report.To = rec.Time
	}
	c, why := r.mapper.Map(rec)
	switch why {
	case "":
	case call.NotACall, call.NoPermission:
		r.report.NoCalls++
		return
	default:
		r.unmap(rec, why)
		return
	}
	r.report.Calls++
	denied := rec.Denied()
	if denied {
		r.report.Denied++
	}
	if c.Truth != nil {
		r.report.Mapping.compare(rec, &c)
	}
	r.call(rec, &c, denied)
}

// twice says whether one call has been seen in the log of another account.
func (r *Replay) twice(id string) bool {
	h := maphash.String(r.seeds[0], id)
	if _, ok := r.shared[h]; ok {
		return true
	}
	if len(r.shared) >= maxMemo {
		clear(r.shared)
	}
	r.shared[h] = struct{}{}
	return false
}

// call decides every request of a call: all must be allowed.
func (r *Replay) call(rec *call.Record, c *call.Call, denied bool) {
	if r.today != nil && r.underToday(rec, c, denied) {
		return
	}
	before, after := access.Allowed, access.Allowed
	outcomes := make([]*outcome, 0, 8)
	for i := range c.Needs {
		n := &c.Needs[i]
		if !r.scope.holds(rec, c, n) {
			outcomes = append(outcomes, nil)
			continue
		}
		o := r.outcome(c, n)
		outcomes = append(outcomes, o)
		before, after = before.And(o.before), after.And(o.after)
	}
	in := false
	for _, o := range outcomes {
		in = in || o != nil
	}
	if !in {
		r.report.OutOfScope++
		return
	}
	r.report.Decided++
	if r.proposal.Current != nil {
		r.report.Decisions.add(rec, c, denied, before, r.proposal.Kind)
	}
	change := r.change(c, denied, before, after)
	if change == "" {
		return
	}
	r.report.count(change)
	var done []*Change
	for i, o := range outcomes {
		if o == nil || !o.bears(change, after, r.proposal.Current != nil) {
			continue
		}
		if g := r.group(change, c, &c.Needs[i], o); g != nil && !slices.Contains(done, g) {
			done = append(done, g)
			g.add(rec, &c.Needs[i])
		}
	}
}

// bears says whether a request is one of those for which its call changes.
func (o *outcome) bears(change string, after access.Decision, current bool) bool {
	switch change {
	case newlyDenied:
		return isDenied(o.after)
	case newlyAllowed:
		return !current || o.before != access.Allowed
	}
	return o.after == access.Unknown || after == access.Allowed && (!current || o.before != access.Allowed)
}

func isDenied(d access.Decision) bool {
	return d == access.ImplicitlyDenied || d == access.ExplicitlyDenied
}

// change compares what happened with what would: see the package comment.
func (r *Replay) change(c *call.Call, denied bool, before, after access.Decision) string {
	if !denied {
		switch {
		case isDenied(after):
			return newlyDenied
		case after == access.Unknown:
			return unknown
		}
		return ""
	}
	p := &r.proposal
	kind := ""
	if c.Truth != nil {
		kind = c.Truth.Kind
	}
	grants := p.Kind == policy.Resource && (c.Truth == nil || !c.Truth.Explicit)
	replaces := p.Current != nil || p.Replace || p.Kind != policy.SCP && p.Kind != policy.RCP
	switch {
	case isDenied(after), !replaces:
		return ""
	case kind != "" && kind != p.Kind.String() && !(grants && kind == "identity"):
		return "" // another policy refused it, and does so still
	case p.Current != nil && before == access.Allowed:
		return "" // the policy let it pass before
	case after == access.Allowed && (kind != "" || p.Current != nil && isDenied(before)):
		return newlyAllowed
	}
	return unknown
}

// outcome decides a request, or remembers it.
func (r *Replay) outcome(c *call.Call, n *call.Need) *outcome {
	r.ask(c, n)
	key := r.key()
	if o := r.memo[key]; o != nil {
		return o
	}
	r.report.Distinct++
	pair := r.sets.of(c)
	o := &outcome{before: access.Allowed, after: pair.after.decide(&r.request)}
	if pair.before != nil {
		o.before = pair.before.decide(&r.request)
	}
	if o.after != access.Allowed || o.before != access.Allowed {
		o.why = pair.explain(&r.request, o)
	}
	if len(r.memo) >= maxMemo {
		clear(r.memo)
	}
	r.memo[key] = o
	return o
}

var everyKey = []string{"*"}

// ask fills the request. What the policies do not ask for is left out.
func (r *Replay) ask(c *call.Call, n *call.Need) {
	q := &r.request
	q.Principal, q.Action, q.Resource, q.ResourceAccount = c.Principal, n.Action, n.Resource, n.ResourceAccount
	q.Context, q.Known, q.Unknown = q.Context[:0], q.Known[:0], everyKey
	for _, v := range c.Context {
		if r.asks(v.Key) {
			q.Context = append(q.Context, v)
		}
	}
	if n.Service != "" {
		q.Context = append(q.Context, access.Value{Key: "iam:PassedToService", Values: []string{n.Service}})
	}
	for _, k := range c.Known {
		if r.asks(k) {
			q.Known = append(q.Known, k)
		}
	}
}

// key is a hash of the request, long enough that two never share one.
func (r *Replay) key() [2]uint64 {
	q := &r.request
	b := r.hash[:0]
	put := func(s string) { b = append(append(b, s...), 0) }
	put(q.Principal)
	put(q.Action)
	put(q.Resource)
	put(q.ResourceAccount)
	for i := range q.Context {
		put(q.Context[i].Key)
		for _, v := range q.Context[i].Values {
			put(v)
		}
	}
	b = append(b, 1)
	for _, k := range q.Known {
		put(k)
	}
	r.hash = b
	return [2]uint64{maphash.Bytes(r.seeds[0], b), maphash.Bytes(r.seeds[1], b)}
}

// Report gives what was found so far.
func (r *Replay) Report() *Report {
	out := r.report
	out.Changes = make([]*Change, 0, len(r.groups))
	for _, g := range r.groups {
		out.Changes = append(out.Changes, g)
	}
	out.sort()
	return &out
}
