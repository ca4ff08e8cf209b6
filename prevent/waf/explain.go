package waf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura"
)

// Explanation is a decision with everything behind it.
type Explanation struct {
	ACL     string          `json:"acl"`
	Action  string          `json:"action"`
	Verdict *yagura.Verdict `json:"-"`
	Decides string          `json:"decides"` // rule, as group rule/rule in the group
	Labels  []string        `json:"labels"`
	Reasons []string        `json:"reasons,omitempty"`
	// Steps are all rules in the order of evaluation, also those that were not
	// reached.
	Steps []Step `json:"steps"`
}

// Step is what became of one rule.
type Step struct {
	Rule     string `json:"rule"`
	Group    string `json:"group,omitempty"` // that holds it
	Kind     string `json:"kind"`            // REGULAR, RATE_BASED, GROUP, MANAGED_RULE_GROUP
	Priority int64  `json:"priority"`
	// Outcome is match, no match, unknown, not reached, or for a group entered and
	// out of scope.
	Outcome string   `json:"outcome"`
	Why     []string `json:"why,omitempty"` // of unknown
	Action  string   `json:"action,omitempty"`
	// Overridden is the rule's own action where a reference to its group changed it.
	Overridden string   `json:"overridden,omitempty"`
	Ends       string   `json:"ends,omitempty"` // yes or unknown: whether the evaluation ended here
	Field      string   `json:"field,omitempty"`
	Value      string   `json:"value,omitempty"` // after Transformations, cut to 256 bytes
	Transforms []string `json:"transformations,omitempty"`
	Labels     []string `json:"labels,omitempty"` // that were added
	Steps      []Step   `json:"steps,omitempty"`  // of the group's rules
}

// Explain decides as Decide does, counts the request in rate-based rules as it
// does, and tells what every rule did.
func (a *ACL) Explain(r *yagura.Request) *Explanation {
	e, _ := a.pool.Get().(*evaluation)
	x := &Explanation{ACL: a.source.Name, Verdict: &yagura.Verdict{}}
	e.request, e.verdict, e.steps = r, x.Verdict, &x.Steps
	e.decide()
	e.reset()
	a.pool.Put(e)
	v := x.Verdict
	x.Action, x.Labels, x.Reasons, x.Decides = v.Action.String(), v.Labels, v.Reasons, v.Rule
	for _, h := range slices.Backward(v.Hits) {
		if h.Terminates && h.Group != "" && h.Group == v.Group {
			x.Decides = v.Rule + "/" + h.Rule
			break
		}
	}
	if v.Action == yagura.Undecided {
		x.Decides = ""
	}
	for _, rest := range a.rules[min(len(x.Steps), len(a.rules)):] {
		x.Steps = append(x.Steps, notReached(rest))
	}
	return x
}

func stepOf(r *rule, outcome string) Step {
	s := Step{Rule: r.name, Kind: r.kind, Outcome: outcome}
	if r.source != nil {
		s.Priority = r.source.Priority
	}
	if r.group == nil {
		s.Action = r.effect.kind.String()
	} else if r.countGroup {
		s.Action = yagura.Count.String()
	}
	if r.overridden != yagura.Undecided {
		s.Overridden = r.overridden.String()
	}
	return s
}

func notReached(r *rule) Step {
	s := stepOf(r, "not reached")
	if r.group != nil {
		for _, inner := range r.group.rules {
			s.Steps = append(s.Steps, stepOf(inner, "not reached"))
		}
	}
	return s
}

var outcomes = map[truth]string{no: "no match", yes: "match", unknown: "unknown"}

// explain adds the step of a rule that was asked.
func (e *evaluation) explain(r *rule, in *frame, answer, ends truth, labels int) {
	s := stepOf(r, outcomes[answer])
	if answer == unknown || ends == unknown {
		s.Why = slices.Clone(e.reasons)
	}
	switch ends {
	case yes:
		s.Ends = "yes"
	case unknown:
		s.Ends = "unknown"
	}
	if answer == yes && e.hit.found {
		s.Field, s.Value = e.fieldName(), cut(e.hit.value.data)
		if e.hit.component >= 0 {
			s.Transforms = e.chainOf(e.hit)
		}
	}
	if labels < len(e.labels) {
		s.Labels = slices.Clone(e.labels[labels:])
	}
	if in != nil {
		s.Group = in.group.name
		top := &(*e.steps)[len(*e.steps)-1]
		top.Steps = append(top.Steps, s)
		return
	}
	*e.steps = append(*e.steps, s)
}

// chainOf finds the transformations that made the value of a hit.
func (e *evaluation) chainOf(h hit) []string {
	for i := range e.done {
		if s := &e.acl.streams[i]; s.component == h.component && len(s.chain) > 0 && e.done[i].ready {
			for _, v := range e.done[i].list {
				if len(v.data) == len(h.value.data) && (len(v.data) == 0 || &v.data[0] == &h.value.data[0]) {
					return s.names
				}
			}
		}
	}
	return nil
}

func (e *evaluation) openGroup(r *rule, inScope truth) {
	outcome := "entered"
	switch inScope {
	case no:
		outcome = "out of scope"
	case unknown:
		outcome = "unknown"
	}
	s := stepOf(r, outcome)
	if inScope == unknown {
		s.Why = slices.Clone(e.reasons)
	}
	*e.steps = append(*e.steps, s)
}

func (e *evaluation) closeGroup(r *rule, ended truth) {
	top := &(*e.steps)[len(*e.steps)-1]
	switch {
	case ended == yes && r.countGroup:
		top.Outcome = "match"
	case ended == yes:
		top.Outcome, top.Ends = "match", "yes"
	case ended == unknown:
		top.Ends = "unknown"
	}
	for _, inner := range r.group.rules[min(len(top.Steps), len(r.group.rules)):] {
		s := stepOf(inner, "not reached")
		s.Group = r.group.name
		top.Steps = append(top.Steps, s)
	}
}

// Sentence says the decision in one sentence; language is en or ja.
func (x *Explanation) Sentence(language string) string {
	v := x.Verdict
	said := sentences["en"]
	if language == "ja" {
		said = sentences["ja"]
	}
	because := strings.Join(v.Reasons[:min(len(v.Reasons), 3)], "; ")
	switch {
	case v.Action == yagura.Undecided:
		var may []string
		for _, p := range v.Possible {
			may = append(may, p.Action.String()+" ("+p.Rule+")")
		}
		return fmt.Sprintf(said.undecided, strings.Join(may, said.or), because)
	case v.Rule == "Default_Action":
		return fmt.Sprintf(said.byDefault, v.Action)
	}
	for _, h := range slices.Backward(v.Hits) {
		if !h.Terminates || v.Group != h.Group {
			continue
		}
		if h.Field == "" {
			break
		}
		value := h.Value
		if len(value) > 60 {
			value = value[:60] + "…"
		}
		return fmt.Sprintf(said.field, v.Action, x.Decides, h.Field, value)
	}
	return fmt.Sprintf(said.rule, v.Action, x.Decides)
}

// sentences are the forms in each language.
var sentences = map[string]struct{ undecided, byDefault, field, rule, or string }{
	"en": {
		undecided: "It cannot be decided: it may end as %s, because %s.",
		byDefault: "%s by the default action: no rule ended the evaluation.",
		field:     "%s by rule %s: the %s is %q.",
		rule:      "%s by rule %s.",
		or:        " or ",
	},
	"ja": {
		undecided: "判定できません。%s のいずれかになります（理由: %s）。",
		byDefault: "評価を終えるルールがなかったため、デフォルトアクションで %s になりました。",
		field:     "ルール %[2]s により %[1]s になりました。一致した箇所は %[3]s、値は %[4]q です。",
		rule:      "ルール %[2]s により %[1]s になりました。",
		or:        "、",
	},
}
