package iam

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/pattern"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
	"github.com/yagura-sec/yagura/replay/iam/call"
)

// The changes.
const (
	newlyDenied  = "newly denied"
	newlyAllowed = "newly allowed"
	unknown      = "unknown"
)

// Report is what a proposal would have changed.
type Report struct {
	Kind       string   `json:"kind"`
	Policy     string   `json:"policy"`
	Attach     []string `json:"attach"`
	Replace    bool     `json:"replace"`
	HasCurrent bool     `json:"hasCurrent"`
	// HasInventory says that the calls of principals whom the inventory holds were
	// decided under today's policies and not by what history allows.
	HasInventory bool      `json:"hasInventory"`
	From         time.Time `json:"from"`
	To           time.Time `json:"to"`

	Events     int64 `json:"events"`     // records
	Unreadable int64 `json:"unreadable"` // records that could not be read; not in Events
	Shared     int64 `json:"shared"`     // records of calls that another account's record has shown
	NoCalls    int64 `json:"noCalls"`    // sign-ins, events of services, calls that need no permission
	Calls      int64 `json:"calls"`      // mapped calls
	Denied     int64 `json:"denied"`     // calls that AWS refused
	OutOfScope int64 `json:"outOfScope"` // calls that the proposal does not bind
	Decided    int64 `json:"decided"`    // calls that were decided
	Distinct   int64 `json:"distinct"`   // different requests among them
	Outside    int64 `json:"outside"`    // calls of principals whom the inventory does not hold

	NewlyDenied  int64 `json:"newlyDenied"` // calls
	NewlyAllowed int64 `json:"newlyAllowed"`
	Unknown      int64 `json:"unknown"`
	NotMapped    int64 `json:"notMapped"`

	Changes  []*Change   `json:"changes"` // by change, then by count
	LeftOut  int64       `json:"leftOut"` // requests of changes whose group found no room
	Unmapped []*Unmapped `json:"unmapped"`

	Mapping   Mapping   `json:"mapping"`
	Decisions Decisions `json:"decisions"`
}

// Change is a group of calls for which the same changes for the same reason.
type Change struct {
	Change    string    `json:"change"`
	Principal string    `json:"principal"` // role or user, without session
	Action    string    `json:"action"`
	Statement string    `json:"statement"` // that decides
	Sentence  string    `json:"sentence"`  // of the first call
	Japanese  string    `json:"sentenceJa"`
	Missing   []string  `json:"missing"` // what an unknown answer hangs on
	Inferred  bool      `json:"inferred"`
	Count     int64     `json:"count"` // calls
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Events    []string  `json:"events"`    // ids of examples
	Resources []string  `json:"resources"` // examples
}

// Unmapped is an operation for which there are no requests.
type Unmapped struct {
	Operation string `json:"operation"` // eventSource:eventName
	Why       string `json:"why"`
	Count     int64  `json:"count"`
	Event     string `json:"event"` // id of an example
}

// Mapping compares the mapping with what AWS's messages name.
type Mapping struct {
	Same      int64    `json:"same"`      // action and resource
	Covered   int64    `json:"covered"`   // the mapping names a set that holds the resource
	Different int64    `json:"different"` // another action or resource, or no mapping
	Examples  []string `json:"examples"`  // of different ones
}

// Decisions compare the engine's answer for today's policy with what AWS did.
// Calls that another kind of policy refused say nothing about it.
type Decisions struct {
	Agree    int64    `json:"agree"`
	Differ   int64    `json:"differ"`
	Unknown  int64    `json:"unknown"`
	Examples []string `json:"examples"` // of different ones
}

// Bounds of what a report holds.
const (
	maxGroups   = 50_000
	maxUnmapped = 5_000
	maxExamples = 5
	maxText     = 300
)

type group struct{ change, principal, action, statement, missing string }

// Reasons of calls that were refused and that the proposal lets pass.
var (
	allowing = reason{statement: "the proposal allows it", sentence: "The proposal allows it.", japanese: "提案は許可します。"}
	silent   = reason{
		statement: "the proposal allows it", sentence: "The proposal allows it, but the record does not say which kind of policy refused it.",
		japanese: "提案は許可しますが、拒否したポリシーの種類が記録にありません。", missing: []string{"the policy that refused it"},
	}
)

func (r *Replay) group(change string, c *call.Call, n *call.Need, o *outcome) *Change {
	why := o.why
	if why == nil {
		why = &allowing
		if change == unknown {
			why = &silent
		}
	}
	k := group{change, c.Name, n.Action, why.statement, strings.Join(why.missing, ", ")}
	g := r.groups[k]
	if g == nil {
		if len(r.groups) >= maxGroups {
			r.report.LeftOut++
			return nil
		}
		g = &Change{
			Change: change, Principal: text(c.Name), Action: text(n.Action), Statement: why.statement, Sentence: why.sentence,
			Japanese: why.japanese, Missing: why.missing, Inferred: n.Inferred,
		}
		k.principal, k.action = strings.Clone(k.principal), strings.Clone(k.action)
		r.groups[k] = g
	}
	return g
}

// text bounds a text and keeps none of the record.
func text(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return strings.Clone(s)
}

func (g *Change) add(rec *call.Record, n *call.Need) {
	g.Count++
	if g.First.IsZero() || rec.Time.Before(g.First) {
		g.First = rec.Time
	}
	if rec.Time.After(g.Last) {
		g.Last = rec.Time
	}
	g.Events = example(g.Events, rec.ID)
	g.Resources = example(g.Resources, n.Resource)
}

func example(list []string, s string) []string {
	if len(list) < maxExamples && s != "" && !slices.Contains(list, s) {
		list = append(list, text(s))
	}
	return list
}

func (r *Report) count(change string) {
	switch change {
	case newlyDenied:
		r.NewlyDenied++
	case newlyAllowed:
		r.NewlyAllowed++
	default:
		r.Unknown++
	}
}

func (r *Replay) unmap(rec *call.Record, why string) {
	r.report.NotMapped++
	op := text(rec.Source + ":" + rec.Name)
	u := r.unmapped[op+why]
	switch {
	case u != nil:
		u.Count++
	case len(r.unmapped) < maxUnmapped:
		u = &Unmapped{op, why, 1, text(rec.ID)}
		r.unmapped[op+why] = u
		r.report.Unmapped = append(r.report.Unmapped, u)
	}
}

func (m *Mapping) compare(rec *call.Record, c *call.Call) {
	covered := false
	var named []string
	target := pattern.ParseName(c.Truth.Resource)
	for _, n := range c.Mapped {
		named = append(named, n.Action+" on "+n.Resource)
		if !strings.EqualFold(n.Action, c.Truth.Action) {
			continue
		}
		if n.Resource == c.Truth.Resource || c.Truth.Resource == "" {
			m.Same++
			return
		}
		p := pattern.CompileResource(n.Resource, pattern.Wildcards)
		covered = covered || p.Match(&target, nil) == pattern.Yes
	}
	if covered {
		m.Covered++
		return
	}
	m.Different++
	m.Examples = example(m.Examples, fmt.Sprintf("%s: AWS names %s on %s, the mapping %s", rec.ID, c.Truth.Action, c.Truth.Resource,
		cmp.Or(strings.Join(named, "; "), "nothing")))
}

func (d *Decisions) add(rec *call.Record, c *call.Call, denied bool, today access.Decision, kind policy.Kind) {
	if denied && (c.Truth == nil || c.Truth.Kind != kind.String()) {
		return
	}
	d.compare(rec, denied, denied && c.Truth.Explicit != (today == access.ExplicitlyDenied), today)
}

// compare counts an answer; otherwise says that the refusal was of another sort.
func (d *Decisions) compare(rec *call.Record, denied, otherwise bool, today access.Decision) {
	switch {
	case today == access.Unknown:
		d.Unknown++
	case denied != isDenied(today), otherwise:
		d.Differ++
		did := "allowed"
		if denied {
			did = "refused"
		}
		d.Examples = example(d.Examples, fmt.Sprintf("%s: AWS %s %s:%s, the engine says %s", rec.ID, did, rec.Source, rec.Name, today))
	default:
		d.Agree++
	}
}

func (r *Report) sort() {
	order := []string{newlyDenied, newlyAllowed, unknown}
	slices.SortFunc(r.Changes, func(a, b *Change) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.Change), slices.Index(order, b.Change)), cmp.Compare(b.Count, a.Count),
			cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Statement, b.Statement),
			cmp.Compare(strings.Join(a.Missing, ","), strings.Join(b.Missing, ",")),
		)
	})
	r.Unmapped = slices.Clone(r.Unmapped)
	slices.SortFunc(r.Unmapped, func(a, b *Unmapped) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Why, b.Why))
	})
}
