// Package waf decides recorded requests again with a web ACL that is not in
// force yet, and says what would change for whom.
//
//	run, err := waf.New(waf.Config{New: control, Old: deployed})
//	err = (&record.Files{}).Read(ctx, paths, run.Add)
//	report := run.Report()
//
// A log lacks parts of a request, above all the body. What depends on them is
// undecidable, never "no change". Rate-based rules count under the time of the
// records; for them records are put in order within a window of 20,000, and a
// warning tells when that was not enough.
//
// How far the evaluator can be believed is part of every report: the logged
// actions are compared with those of the deployed web ACL, if it is given.
package waf

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
	gate "github.com/yagura-sec/yagura/prevent/waf"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
	"github.com/yagura-sec/yagura/replay/waf/record"
)

// Control is a web ACL to decide with. Options.Tokens is set by the replay, from
// what the records say.
type Control struct {
	Bundle  *acl.Bundle
	Options gate.Options
}

// Config says what to compare.
type Config struct {
	New Control
	// Old is what New is compared with; nil: with the logged actions.
	Old *Control
	// Deployed decided when the log was written, for the agreement; nil: Old.
	Deployed *Control
	// Examples is how many requests are kept for each kind of change and rule;
	// default 3.
	Examples int
}

// Replay is a replay under way. It is for one goroutine.
type Replay struct {
	cfg                Config
	now, old, deployed *side
	report             Report
	byRule             tallies
	byPath             tallies
	byCountry          tallies
	byClient           tallies
	reasons            tallies
	agreeWhy           tallies
	examples           map[string]int
	order              *sorter // nil: no rate-based rules
	latest             int64
	disorder           int64
	wafRecords, passed int64
	arn                string // seen last, with what follows from it
	arnIsDeployed      bool
}

// side is one compiled web ACL.
type side struct {
	gate   *gate.ACL
	record *record.Record // that is being decided
	rates  bool
}

// New compiles the web ACLs.
func New(cfg Config) (*Replay, error) {
	if cfg.Examples <= 0 {
		cfg.Examples = 3
	}
	r := &Replay{cfg: cfg, examples: map[string]int{}}
	var err error
	if r.now, err = compile(&cfg.New); err != nil {
		return nil, fmt.Errorf("new web ACL: %w", err)
	}
	r.report.ACL = r.now.gate.Name()
	if cfg.Old != nil {
		if r.old, err = compile(cfg.Old); err != nil {
			return nil, fmt.Errorf("old web ACL: %w", err)
		}
		r.report.Against, r.deployed = r.old.gate.Name(), r.old
	}
	if cfg.Deployed != nil {
		if r.deployed, err = compile(cfg.Deployed); err != nil {
			return nil, fmt.Errorf("deployed web ACL: %w", err)
		}
	}
	if r.deployed != nil {
		r.report.Agreement = &Agreement{ACL: r.deployed.gate.Name()}
	}
	if r.rates() {
		r.order = &sorter{}
	}
	return r, nil
}

// rates says whether the order of records matters.
func (r *Replay) rates() bool {
	return r.now.rates || r.old != nil && r.old.rates || r.deployed != nil && r.deployed.rates
}

func compile(c *Control) (*side, error) {
	if c.Bundle == nil {
		return nil, errors.New("there is none")
	}
	s := &side{}
	o := c.Options
	o.Tokens = func(*yagura.Request) gate.Token { return tokenOf(s.record) }
	var err error
	if s.gate, err = gate.Compile(c.Bundle, o); err != nil {
		return nil, err
	}
	if a, err := c.Bundle.ACL(o.Name); err == nil {
		s.rates = slices.ContainsFunc(a.Rules, func(r *acl.Rule) bool { return hasRate(r.Statement) })
	}
	return s, nil
}

// hasRate looks for a rate-based statement.
func hasRate(s *acl.Statement) bool {
	if s == nil {
		return false
	}
	if s.Kind == "RateBased" || slices.ContainsFunc(s.Parts, hasRate) {
		return true
	}
	return s.Group != nil && slices.ContainsFunc(s.Group.Rules, func(r *acl.Rule) bool { return hasRate(r.Statement) })
}

// tokenOf says what a record tells of the client's token: its failure, when
// puzzles were solved, or nothing.
func tokenOf(r *record.Record) gate.Token {
	t := gate.Token{Failure: r.Token.Failure, Captcha: r.Token.Captcha, Challenge: r.Token.Challenge}
	if t.Failure != "" {
		return t
	}
	if t.Captcha > 0 || t.Challenge > 0 {
		t.Domain, _, _ = strings.Cut(r.Host, ":") // It was accepted.
		return t
	}
	t.Unknown = r.Missing&yagura.PartHeaders != 0 || slices.Contains(r.Redacted, "header:cookie")
	for i := range r.Headers {
		if h := &r.Headers[i]; strings.EqualFold(h.Name, "cookie") && strings.Contains(h.Value, "aws-waf-token=") {
			t.Unknown = true
		}
	}
	if !t.Unknown {
		t.Failure = "TOKEN_MISSING"
	}
	return t
}

func (s *side) decide(r *record.Record) *yagura.Verdict {
	s.record = r
	return s.gate.Decide(&r.Request)
}

// Add decides on a record and counts. The error is always nil; it is there so
// that Add can be given to a reader.
func (r *Replay) Add(rec *record.Record) error {
	if r.order != nil {
		if rec = r.order.put(rec); rec == nil {
			return nil
		}
	}
	r.add(rec)
	return nil
}

func (r *Replay) add(rec *record.Record) {
	p := &r.report
	if p.Requests++; p.first == 0 || rec.Time < p.first {
		p.first = rec.Time
	}
	if rec.Time < r.latest-10e6 {
		r.disorder++
	}
	r.latest = max(r.latest, rec.Time)
	if rec.Kind == "waf" {
		if r.wafRecords++; rec.Action == yagura.Allow {
			r.passed++
		}
	}
	now := r.now.decide(rec)
	before, oldRule := rec.Action, rec.Rule
	if rec.Inner != "" {
		oldRule += "/" + rec.Inner
	}
	var then *yagura.Verdict
	if r.old != nil {
		then = r.old.decide(rec)
		before = then.Action
	}
	if r.deployed != nil {
		said := then
		if r.deployed != r.old {
			said = r.deployed.decide(rec)
		}
		r.agree(rec, said)
	}
	p.Actions.add(now.Action)
	change := compare(now.Action, before, r.old != nil)
	if change == same {
		p.Same++
		return
	}
	if then != nil {
		oldRule = decider(then)
	}
	r.changed(rec, change, now, then, before, oldRule)
}

// compare names the change; then is what was before, Undecided when not known.
func compare(now, before yagura.Action, replayed bool) change {
	switch {
	case now == yagura.Undecided || before == yagura.Undecided && replayed:
		return undecidable
	case before == yagura.Undecided && now == yagura.Allow:
		return same // It would pass, and nothing says that it did not.
	case before == yagura.Undecided:
		return unrecorded
	case passes(now) && !passes(before):
		return newlyAllowed
	case !passes(now) && passes(before):
		return newlyBlocked
	case now != before && !passes(now):
		return otherwise
	}
	return same
}

func passes(a yagura.Action) bool { return a == yagura.Allow || a == yagura.Count }

// decider names the rule that decided, inside its group.
func decider(v *yagura.Verdict) string {
	if v.Action == yagura.Undecided {
		for _, e := range v.Possible {
			if e.Rule != "Default_Action" {
				return e.Rule
			}
		}
		return v.Rule
	}
	if v.Group != "" {
		for _, h := range slices.Backward(v.Hits) {
			if h.Terminates && h.Group == v.Group {
				return v.Rule + "/" + h.Rule
			}
		}
	}
	return v.Rule
}

// changed counts a request for which something is different.
func (r *Replay) changed(rec *record.Record, c change, now, then *yagura.Verdict, before yagura.Action, oldRule string) {
	r.report.Total.add(c)
	rule := decider(now)
	undecided := now
	switch {
	case c == newlyAllowed:
		rule = oldRule
	case c == undecidable && now.Action != yagura.Undecided:
		rule, undecided = oldRule, then
	}
	path, _, _ := strings.Cut(rec.URI, "?")
	client := "–"
	if rec.Client.IsValid() {
		client = rec.Client.String()
	}
	r.byRule.at(rule).add(c)
	r.byPath.at(shape(path)).add(c)
	r.byCountry.at(cmp.Or(rec.Country, "–")).add(c)
	r.byClient.at(client).add(c)
	if c == undecidable {
		for _, why := range undecided.Reasons {
			r.reasons.at(why).add(c)
		}
	}
	key := string(c) + "\x00" + rule
	if n := r.examples[key]; n < r.cfg.Examples && (n > 0 || len(r.examples) < 300) {
		r.examples[key] = n + 1
		r.report.Examples = append(r.report.Examples, Example{
			Change: string(c), Rule: rule, Time: time.UnixMicro(rec.Time).UTC(), ID: clip(rec.ID, 128), Client: client, Country: clip(rec.Country, 8),
			Method: clip(rec.Method, 32), Host: clip(rec.Host, 128), URI: clip(rec.URI, 256), Before: before.String(), Now: now.Action.String(), BeforeRule: clip(oldRule, 256),
			Reasons: firsts(undecided.Reasons, 5), Field: field(now), File: rec.File, Line: rec.Line,
		})
	}
}

// field tells what matched in the request.
func field(v *yagura.Verdict) string {
	for _, h := range slices.Backward(v.Hits) {
		if h.Terminates && h.Field != "" {
			return h.Field + ": " + clip(h.Value, 200)
		}
	}
	return ""
}

// clip copies the beginning of a text, which may belong to a large record.
func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return strings.Clone(s)
}

func firsts(all []string, n int) []string { return slices.Clone(all[:min(n, len(all))]) }

// agree holds the evaluator against the log.
func (r *Replay) agree(rec *record.Record, said *yagura.Verdict) {
	if rec.Kind != "waf" || rec.Action == yagura.Undecided {
		return
	}
	a := r.report.Agreement
	if rec.ACL != r.arn {
		r.arn = strings.Clone(rec.ACL)
		name := aclName(r.arn)
		r.arnIsDeployed = name == "" || name == r.deployed.gate.Name()
	}
	if !r.arnIsDeployed {
		a.OtherACL++
		return
	}
	a.Records++
	switch {
	case said.Action == yagura.Undecided:
		a.Undecidable++
		if !slices.ContainsFunc(said.Possible, func(e yagura.Ending) bool { return e.Action == rec.Action }) {
			a.Impossible++
		}
		for _, why := range said.Reasons {
			r.agreeWhy.at(why).add(undecidable)
		}
	case said.Action == rec.Action:
		if a.Equal++; said.Rule == rec.Rule {
			a.SameRule++
		}
	default:
		a.Different++
		if len(a.Examples) < 10 {
			a.Examples = append(a.Examples, Difference{
				File: rec.File, Line: rec.Line, ID: clip(rec.ID, 128), Logged: rec.Action.String(), LoggedRule: clip(rec.Rule, 256),
				Decided: said.Action.String(), Rule: decider(said), URI: clip(rec.URI, 256),
			})
		}
	}
}

// aclName takes the name out of arn:…:webacl/NAME/ID.
func aclName(arn string) string {
	_, rest, ok := strings.Cut(arn, "webacl/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}
