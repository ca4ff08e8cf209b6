package waf

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura"
)

// Decide decides on a request and counts it in rate-based rules. It never fails.
func (a *ACL) Decide(r *yagura.Request) *yagura.Verdict {
	e, _ := a.pool.Get().(*evaluation)
	e.request, e.verdict = r, &yagura.Verdict{}
	e.decide()
	v := e.verdict
	e.reset()
	a.pool.Put(e)
	return v
}

// decide walks the web ACL.
func (e *evaluation) decide() {
	v := e.verdict
	for _, r := range e.acl.rules {
		if e.apply(r, nil) == yes {
			e.finish()
			return
		}
	}
	d := &e.acl.byDefault
	v.Insert = append(v.Insert, d.insert...)
	e.end(yes, d.kind, "Default_Action", "", "REGULAR", d.response)
	e.finish()
}

// end adds an ending; a certain one is the verdict unless an earlier possible one
// says otherwise.
func (e *evaluation) end(certain truth, action yagura.Action, rule, group, kind string, response *yagura.Response) {
	if ending := (yagura.Ending{Action: action, Rule: rule}); !slices.Contains(e.endings, ending) {
		e.endings = append(e.endings, ending)
	}
	if certain == yes {
		v := e.verdict
		v.Action, v.Rule, v.Group, v.RuleType, v.Response = action, rule, group, kind, response
	}
}

// finish settles the verdict.
func (e *evaluation) finish() {
	v := e.verdict
	v.Labels = e.labels
	v.Inspected = e.inspected
	v.Score = e.crs.score
	v.Reasons = e.why
	if len(e.endings) < 2 {
		return
	}
	for _, ending := range e.endings {
		if ending.Action != v.Action {
			v.Action, v.Response = yagura.Undecided, nil
			v.Possible = e.endings
			return
		}
	}
	v.Reasons = append(v.Reasons, "the action is "+v.Action.String()+" whichever rule ends the evaluation")
}

// apply asks one rule and does what it says. in is the group that holds it, nil
// for the web ACL's own. The answer is yes when the walk that the rule is part of
// ends here, unknown when it may.
func (e *evaluation) apply(r *rule, in *frame) truth {
	if r.group != nil {
		return e.applyGroup(r)
	}
	e.hit = hit{}
	e.reasons = e.reasons[:0]
	var answer truth
	if r.rate != nil {
		answer = r.rate.ask(e, len(e.endings) == 0 && !e.stoppedPerhaps)
	} else {
		answer = r.statement.ask(e)
	}
	answer = answer.settled()
	if len(r.geo) > 0 {
		e.geoLabels(r.geo)
	}
	ends := no
	before := len(e.labels)
	if answer != no {
		ends = e.act(r, in, answer)
	}
	if e.steps != nil {
		e.explain(r, in, answer, ends, before)
	}
	return ends
}

// frame is the group that is being walked.
type frame struct {
	rule  *rule // of the web ACL, which refers to the group
	group *group
}

// act does what a rule does that matches, or may.
func (e *evaluation) act(r *rule, in *frame, answer truth) (ends truth) {
	v := e.verdict
	kind := r.effect.kind
	ends = truthOf(kind == yagura.Allow || kind == yagura.Block)
	if kind == yagura.Captcha || kind == yagura.Challenge {
		ends = negation[e.passes(r)] &^ off
	}
	for _, label := range r.labels {
		e.label(label, answer)
	}
	if answer == yes && ends != yes || kind == yagura.Allow && answer == yes {
		v.Insert = append(v.Insert, r.effect.insert...)
	}
	if answer == yes {
		v.Hits = append(v.Hits, e.ruleHit(r, in, ends == yes))
	} else {
		e.uncertain(r, in)
		ends = conjunction[ends][unknown] // It ends only if it matches.
	}
	if ends == no {
		return no
	}
	if ends == unknown && answer == yes {
		e.because("needs the token")
		e.uncertain(r, in)
	}
	if in != nil && in.rule.countGroup {
		return ends
	}
	name, group, kindOf := r.name, "", r.kind
	if in != nil {
		name, group, kindOf = in.rule.name, in.group.name, in.rule.kind
	}
	e.end(ends, kind, name, group, kindOf, e.response(r))
	return ends
}

// uncertain notes why a rule's outcome is open.
func (e *evaluation) uncertain(r *rule, in *frame) {
	if len(e.why) >= 50 {
		return
	}
	name := r.name
	if in != nil {
		name = in.rule.name + "/" + r.name
	}
	e.why = append(e.why, "rule "+name+" "+strings.Join(e.reasons, ", "))
}

// applyGroup walks a rule group.
func (e *evaluation) applyGroup(r *rule) truth {
	g := r.group
	e.hit, e.reasons = hit{}, e.reasons[:0]
	inScope := yes
	if g.scope != nil {
		inScope = g.scope.ask(e).settled()
		e.geoLabels(g.geo)
	}
	if e.steps != nil {
		e.openGroup(r, inScope)
	}
	if inScope == no {
		return no
	}
	f := &frame{rule: r, group: g}
	hits, inserts, outer := len(e.verdict.Hits), len(e.verdict.Insert), e.stoppedPerhaps
	// Within an uncertain scope nothing that the group does is certain.
	e.stoppedPerhaps = outer || inScope == unknown
	if g.tokens {
		e.tokenLabels()
	}
	ended := no
	for _, inner := range g.rules {
		ends := e.apply(inner, f)
		if ended = disjunction[ended][ends]; ends == yes {
			break
		}
		if ends == unknown && r.countGroup {
			e.stoppedPerhaps = true
		}
	}
	if e.steps != nil {
		e.closeGroup(r, ended)
	}
	e.stoppedPerhaps = outer
	if inScope == unknown {
		e.verdict.Hits, e.verdict.Insert = e.verdict.Hits[:hits], e.verdict.Insert[:inserts]
		if ended == yes {
			ended = unknown
			e.downgrade(r)
		}
	}
	if !r.countGroup || ended == no {
		return ended
	}
	if ended == yes {
		e.verdict.Hits = append(e.verdict.Hits, yagura.RuleHit{Rule: r.name, Action: yagura.Count, Condition: "REGULAR"})
	}
	return no
}

// downgrade takes back a verdict that a group with an uncertain scope gave.
func (e *evaluation) downgrade(r *rule) {
	v := e.verdict
	v.Action, v.Rule, v.Group, v.RuleType, v.Response = yagura.Undecided, "", "", "", nil
	if len(e.why) < 50 {
		e.why = append(e.why, "rule "+r.name+": its scope-down statement is not decided")
	}
}

// ruleHit describes a match.
func (e *evaluation) ruleHit(r *rule, in *frame, ends bool) yagura.RuleHit {
	h := yagura.RuleHit{
		Rule: r.name, Action: r.effect.kind, Overridden: r.overridden, Excluded: r.excluded,
		Terminates: ends, Condition: "REGULAR",
	}
	if in != nil {
		h.Group = in.group.name
	}
	if r.rate != nil {
		h.Condition = "RATE_BASED"
	}
	if e.hit.found {
		h.Field, h.Value, h.Condition = e.fieldName(), cut(e.hit.value.data), e.hit.condition
	}
	return h
}

func (e *evaluation) fieldName() string {
	switch e.hit.component {
	case clientAddress:
		return "address"
	case clientCountry:
		return "country"
	case clientASN:
		return "ASN"
	case signatureField:
		return strings.Clone(e.hit.value.name)
	}
	return e.acl.components[e.hit.component].named(e.hit.value)
}

// maxShown is how much of a matched value is kept.
const maxShown = 256

func cut(data []byte) string { return string(data[:min(len(data), maxShown)]) }
