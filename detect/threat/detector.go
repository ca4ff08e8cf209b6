// Package threat finds attacks in events: it runs the rules of a [rule.Set] over
// every source and its own coded detectors over CloudTrail.
//
// What rules cannot say by themselves it computes as derived fields ([Fields]):
// the stable principal, whom a policy lets in, which ports a request opens, what
// a call takes back. Coded detectors: credentials of an instance used from
// elsewhere, one session used from many places at once, impossible travel; each
// is described by a document (detector: {use: threat/NAME}) and runs only when
// there is one.
//
// Three kinds of matches are no attacks:
//
//   - Calls of AWS services, in their own name or in somebody's, of
//     service-linked roles, and of the operator's automation list, unless the
//     document says "automation: true". They are counted by who made them.
//   - Calls that take back what the same session chain made within a day. They
//     are reported as informational, with the reason.
//   - Calls from addresses on a trusted list. They are reported as suppressed,
//     with list and age.
//
// A failed call is an attempt of severity low, or of medium when rights alone
// stopped an act of severity high or critical, unless the document's outcome says
// otherwise.
//
// Out of reach: what happens inside instances and containers, calls that
// CloudTrail does not record, and a stolen key that behaves as its owner does.
package threat

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// Stats counts what a detector did and what it keeps.
type Stats struct {
	Hits       int64            // reported, suppressed ones too
	Attempts   int64            // of which failed calls
	Reverts    int64            // of which taken back by their principal
	Suppressed int64            // of which by a filter or a trusted list
	Automation map[string]int64 // matches of known automation, by who it is and rule; not reported
	Panics     int64            // contained in coded detectors and fields
	Sessions   int              // joined to their principals
	Evicted    int64            // entries of any state given up for lack of room
	Dropped    []string         // ids of rules whose saved state did not fit them any more
	Engine     rule.EngineStats
}

// Detector is the [yagura.Detector] of this package. Not safe for concurrent use.
type Detector struct {
	cfg       Config
	fields    *Fields
	engine    *rule.Engine
	matcher   *rule.Matcher
	documents map[string]*rule.Rule // of coded detectors, by use
	keeps     map[*rule.Rule]bool   // rules for which a revert is no exclusion
	instances *instances
	spread    *spread
	travel    *travel
	stats     Stats
	report    func(*yagura.Finding)
	source    string
}

// New makes a detector over a set that was compiled with the functions of
// fields. Documents that cannot run are left out and said.
func New(set *rule.Set, fields *Fields) (*Detector, []sigma.Problem) {
	root := func(ev *ocsf.Event) string { return fields.chains.root(ev) }
	fold := func(ua string) string { return fields.agent(ua).name }
	d := &Detector{
		cfg: fields.cfg, fields: fields, matcher: set.Matcher(), documents: map[string]*rule.Rule{}, keeps: map[*rule.Rule]bool{},
		instances: newInstances(fields.cfg, root, fold), spread: newSpread(fields.cfg, fold), travel: newTravel(fields.cfg),
	}
	d.stats.Automation = map[string]int64{}
	for _, r := range set.Rules() {
		doc := r.Doc
		if doc.Kind == "detector" {
			d.documents[doc.Use] = r
		}
		if asksRevert(doc.Detection) {
			d.keeps[r] = true
		}
		if doc.Correlation != nil && strings.HasPrefix(doc.Correlation.Type, "temporal") {
			for _, ref := range doc.Correlation.Rules { // "created, then deleted" is a question of theirs
				if of := set.Lookup(ref); of != nil {
					d.keeps[of] = true
				}
			}
		}
	}
	limits := fields.cfg.Engine
	asked := limits.Exclude
	limits.Exclude = func(r *rule.Rule, source string, ev *ocsf.Event) string {
		if why := d.Exclude(r, source, ev); why != "" || asked == nil {
			return why
		}
		return asked(r, source, ev)
	}
	engine, problems := rule.NewEngine(set, limits)
	d.engine = engine
	return d, problems
}

// asksRevert says whether a document's logic names the field itself.
func asksRevert(det *sigma.Detection) bool {
	return det != nil && nodeAsks(det.Condition)
}

func nodeAsks(n *sigma.Node) bool {
	if n == nil {
		return false
	}
	return n.Item != nil && n.Item.Field == "yagura.revert" || slices.ContainsFunc(n.Kids, nodeAsks)
}

// Reasons of exclusion begin so.
const (
	automated = "known automation: "
	reverted  = "takes back what the same principal made or changed within a day"
)

// Exclude says why a match of a rule shall not count, "" when it shall, for the
// event that the fields saw last. It is what the detector's own engine asks, and
// for those who run a rule's tests.
func (d *Detector) Exclude(r *rule.Rule, _ string, ev *ocsf.Event) string {
	if ev.Class != ocsf.APIActivity && ev.Class != ocsf.Authentication {
		return ""
	}
	if !r.Doc.Automation {
		if who := d.fields.automation(ev); who != "" {
			return automated + who
		}
	}
	if !d.keeps[r] && d.fields.reverts.is(ev) {
		return reverted
	}
	return ""
}

// Detect reads a batch.
func (d *Detector) Detect(source string, batch []ocsf.Event, report func(*yagura.Finding)) {
	d.report, d.source = report, source
	for i := range batch {
		ev := &batch[i]
		d.prepare(source, ev)
		d.engine.Process(source, ev, d.alert)
		if source == "cloudtrail" {
			d.coded(ev)
		}
	}
	d.report = nil
}

// Finish decides the windows that are still open, at the end of all logs.
func (d *Detector) Finish(report func(*yagura.Finding)) {
	d.report = report
	d.engine.Flush(forever, d.alert)
	d.report = nil
}

// forever is later than all windows, in µs: the year 9999.
const forever = 253_370_764_800_000_000

// prepare lets the states that fields read see the event first.
func (d *Detector) prepare(source string, ev *ocsf.Event) {
	defer d.contain()
	d.fields.See(source, ev)
}

// coded runs the coded detectors.
func (d *Detector) coded(ev *ocsf.Event) {
	if len(d.documents) == 0 || ev.Src.IP == "" && ev.API.Operation != "AssociateAddress" || monstrous(ev) {
		return
	}
	defer d.contain()
	see := func(h hit) { d.hit(ev, h) }
	d.instances.see(ev, see)
	d.spread.see(ev, see)
	d.travel.see(ev, see)
}

// monstrous says that the event's names are longer than any in AWS: no state
// remembers them.
func monstrous(ev *ocsf.Event) bool {
	const most = 2 << 10 // the limit of an ARN
	return len(ev.User.UID)+len(ev.Session.Issuer)+len(ev.User.UIDAlt) > 3*most || len(ev.User.Credential)+len(ev.Session.UID)+len(ev.Correlation) > most
}

func (d *Detector) contain() {
	if recover() != nil {
		d.stats.Panics++
	}
}

// hit makes a finding of what a coded detector saw.
func (d *Detector) hit(ev *ocsf.Event, h hit) {
	r := d.documents[h.use]
	if r == nil {
		return
	}
	why := d.matcher.Suppressed(r, d.source, ev)
	if why == "" {
		why = d.Exclude(r, d.source, ev)
	}
	a := &rule.Alert{Rule: r, Source: d.source, Event: ev, Time: ev.Time, First: ev.Time, Last: ev.Time, Count: 1, Facts: h.facts, Suppressed: why}
	a.Refs = []yagura.EventRef{{Source: d.source, UID: ev.UID, Time: ev.Time, Object: ev.Provenance.Object, Record: ev.Provenance.Record}}
	d.emit(a, h.severity, h.related)
}

// alert makes a finding of what the engine reports.
func (d *Detector) alert(a *rule.Alert) { d.emit(a, 0, nil) }

// emit reports an alert as a finding.
func (d *Detector) emit(a *rule.Alert, severity yagura.Severity, related []yagura.Entity) {
	if who, ok := strings.CutPrefix(a.Suppressed, automated); ok {
		d.automatic(who + " · " + a.Rule.Doc.ID)
		return
	}
	doc := a.Rule.Doc
	f := &yagura.Finding{
		Rule: doc.ID, Author: doc.Author, Severity: cmp.Or(severity, doc.Level, yagura.Low), Title: doc.Title, Techniques: doc.Techniques(),
		Count: a.Count, First: a.First, Last: a.Last, Events: a.Refs, Facts: slices.Concat(a.Group, a.Facts),
	}
	if len(doc.GuardDuty) > 0 {
		f.Type = doc.GuardDuty[0]
	}
	if a.Series != "" {
		f.ID = doc.ID + " " + a.Series
	}
	f.Subject = d.subject(a)
	f.Account = f.Subject.Account
	if ev := a.Event; ev != nil {
		f.Account, f.Region = cmp.Or(ev.Account, ev.User.Account), ev.Region
		f.Related = append(related, d.related(ev, f.Subject)...)
		d.outcome(f, a, ev)
	}
	switch {
	case a.Suppressed == reverted:
		f.Severity = yagura.Informational
		f.Facts = append([]yagura.Fact{{Name: "revert", Value: reverted}}, f.Facts...)
		d.stats.Reverts++
	case a.Suppressed != "":
		f.Status = "suppressed: " + a.Suppressed
	case a.Event != nil && d.trusted(a.Event) != "":
		f.Status = "suppressed: " + d.trusted(a.Event)
	case a.DryRun():
		f.Status = "dry-run"
	}
	d.stats.Hits++
	if strings.HasPrefix(f.Status, "suppressed") {
		d.stats.Suppressed++
	}
	d.report(f)
}

// automatic counts a match of known automation.
func (d *Detector) automatic(who string) {
	const most = 10_000
	if _, ok := d.stats.Automation[who]; !ok && len(d.stats.Automation) >= most {
		who = "others"
	}
	d.stats.Automation[strings.Clone(who)]++
}

// attempt gives the severity of a failed call. Who was denied a grave act wanted
// it and has been stopped for now by rights alone: that is worth a look today.
func attempt(of yagura.Severity, denied bool) yagura.Severity {
	if denied && of >= yagura.High {
		return yagura.Medium
	}
	return min(of, yagura.Low)
}

// outcome marks a failed call.
func (d *Detector) outcome(f *yagura.Finding, a *rule.Alert, ev *ocsf.Event) {
	doc := a.Rule.Doc
	if ev.Status != ocsf.StatusFailure || doc.Kind == "correlation" || doc.Kind == "detector" {
		return
	}
	f.Attempt = true
	d.stats.Attempts++
	if doc.Outcome == "any" || doc.Outcome == "" {
		f.Severity = attempt(f.Severity, denied(ev))
	}
	if ev.Code != "" {
		f.Facts = append(f.Facts, yagura.Fact{Name: "error", Value: ev.Code})
	}
	if denied(ev) {
		f.Facts = append(f.Facts, yagura.Fact{Name: "denied", Value: "true"})
	}
}

// trusted names the trusted list that holds the event's source address.
func (d *Detector) trusted(ev *ocsf.Event) string {
	for _, m := range d.fields.held(ev) {
		if m.List.Trusted() {
			return fmt.Sprintf("trusted list %s, %d days old", m.List.Name, int(m.List.Age(time.UnixMicro(ev.Time)).Hours()/24))
		}
	}
	return ""
}
