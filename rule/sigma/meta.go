package sigma

import (
	"go.yaml.in/yaml/v4"

	"github.com/yagura-sec/yagura"
)

// extension reads the key "yagura:".
func (r *reader) extension(d *Document, n *yaml.Node) {
	var first, last *yaml.Node // tests
	r.members(n, func(key string, at, v *yaml.Node) {
		switch key {
		case "title":
			d.Title.JA = r.second(v, d.Title.EN).JA
		case "description":
			d.Description.JA = r.second(v, d.Description.EN).JA
		case "why":
			d.Why = r.tongues(v)
		case "check":
			d.Check = r.tongues(v)
		case "do":
			d.Do = r.tongues(v)
		case "prevent":
			d.Prevent = r.tongues(v)
		case "falsepositives":
			r.falsePositives(d, v)
		case "guardduty":
			d.GuardDuty = r.texts(v)
		case "subject":
			d.Subject = r.text(v)
		case "subject_type":
			d.SubjectType = r.text(v)
		case "window":
			d.Window = r.span(v)
		case "threshold":
			d.Threshold = r.whole(v, 1, 1000) // as many hits as wait for it
		case "dry_run":
			d.DryRun = r.flag(v)
		case "outcome":
			d.Outcome = r.oneOf(v, "any", "success", "failure", "same")
		case "automation":
			d.Automation = r.flag(v)
		case "tests":
			first, last = at, v
		case "owner", "reason", "expires":
			r.answer(d, key, at, v)
		default:
			r.fail(at, "unknown-key", "yagura: has no key %s; see docs/add-a-rule.md", quote(key))
		}
	})
	if d.Window == 0 {
		r.fail(n, "value", "window must be longer than 0s")
	}
	if first != nil {
		d.Tests = r.tests(last)
	}
}

// second reads a translation of a text whose English stands in a key of Sigma's.
func (r *reader) second(n *yaml.Node, english string) yagura.Text {
	t := r.tongues(n)
	if t.EN != "" && t.EN != english {
		r.fail(n, "value", "the English text stands in Sigma's own key; here only ja")
	}
	return t
}

// falsePositives joins the translations with Sigma's list, which they follow.
func (r *reader) falsePositives(d *Document, n *yaml.Node) {
	i := 0
	r.elements(n, func(e *yaml.Node) {
		t := r.tongues(e)
		switch {
		case i < len(d.FalsePositives):
			d.FalsePositives[i].JA = t.JA
		case t.EN == "":
			r.fail(e, "value", "there is no entry %d in Sigma's falsepositives that this would translate", i+1)
		default:
			d.FalsePositives = append(d.FalsePositives, t)
		}
		i++
	})
}

// answer reads who answers for a filter and until when.
func (r *reader) answer(d *Document, key string, at, n *yaml.Node) {
	if d.Filter == nil {
		r.fail(at, "unknown-key", "%s belongs to a filter", key)
		return
	}
	switch key {
	case "owner":
		d.Filter.Owner = r.text(n)
	case "reason":
		d.Filter.Reason = r.text(n)
	case "expires":
		_, d.Filter.Expires = r.day(n)
	}
}
