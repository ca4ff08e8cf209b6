package rule

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/rule/sigma"
)

// Lint says everything that is wrong with documents: what Compile says, and what
// a reader of the rule would stumble over. Codes: unused-search, impossible,
// unknown-event, text, tests, level, tag, expired, reference, null-in-list and
// those of reading and compiling. Problems come in the order of files and lines.
func Lint(docs []*sigma.Document, cfg Config) []sigma.Problem {
	set, problems := Compile(docs, cfg)
	l := &linter{cfg: cfg, set: set, problems: problems, part: map[*sigma.Document]bool{}}
	for _, d := range docs {
		if d.Correlation == nil || d.Correlation.Generate {
			continue
		}
		for _, ref := range d.Correlation.Rules {
			if r := set.byRef[ref]; r != nil {
				l.part[r.Doc] = true
			}
		}
	}
	for _, d := range docs {
		l.doc = d
		l.texts()
		l.tags()
		l.searches()
		l.references()
		if f := d.Filter; f != nil && !cfg.Now.IsZero() && !f.Expires.IsZero() && !cfg.Now.Before(f.Expires) {
			l.add(f.Place, "expired", "the filter ended on %s and excludes nothing any more: renew or remove it", f.Expires.Format("2006-01-02"))
		}
	}
	for _, r := range set.rules {
		if r.root != nil {
			l.doc = r.Doc
			l.logic(r)
		}
	}
	slices.SortStableFunc(l.problems, func(a, b sigma.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return l.problems
}

type linter struct {
	cfg      Config
	set      *Set
	problems []sigma.Problem
	doc      *sigma.Document
	part     map[*sigma.Document]bool // only counts for a correlation, makes no finding
}

// add notes an error in a document of ours, a warning in another's.
func (l *linter) add(at sigma.Place, code, format string, args ...any) {
	l.problems = append(l.problems, sigma.Problem{Place: at, ID: l.doc.ID, Code: code, Text: fmt.Sprintf(format, args...), Warning: !l.doc.Own})
}

// texts asks of our own documents what the reader of a finding needs.
func (l *linter) texts() {
	d := l.doc
	if !d.Own || l.part[d] {
		return
	}
	if d.Filter != nil {
		if d.Filter.Owner == "" || d.Filter.Reason == "" || d.Filter.Expires.IsZero() {
			l.add(d.Filter.Place, "text", "a filter needs yagura.owner, reason and expires")
		}
		return
	}
	for _, t := range []struct{ name, en, ja string }{
		{"title", d.Title.EN, d.Title.JA},
		{"description", d.Description.EN, d.Description.JA},
		{"yagura.why", d.Why.EN, d.Why.JA},
		{"yagura.check", d.Check.EN, d.Check.JA},
		{"yagura.do", d.Do.EN, d.Do.JA},
		{"yagura.prevent", d.Prevent.EN, d.Prevent.JA},
	} {
		if t.en == "" || t.ja == "" {
			l.add(d.Place, "text", "%s is missing in %s", t.name, map[bool]string{true: "English", false: "Japanese"}[t.en == ""])
		}
	}
	for _, f := range d.FalsePositives {
		if f.EN == "" || f.JA == "" {
			l.add(d.Place, "text", "a false positive is missing in one language: %q", f.In("ja"))
		}
	}
	if d.Level == 0 {
		l.add(d.Place, "level", "the rule has no level")
	}
	hit, miss := false, false
	for i := range d.Tests {
		t := &d.Tests[i]
		hit, miss = hit || t.Want != 0, miss || t.Want == 0
		if _, err := t.Records(); err != nil {
			l.add(t.Place, "tests", "%v", err)
		}
	}
	if !hit || !miss {
		l.add(d.Place, "tests", "the rule needs a test that matches and a near miss that does not")
	}
}

var (
	tagForm   = regexp.MustCompile(`^[a-z0-9_-]+(\.[a-z0-9_.-]+)+$`)
	technique = regexp.MustCompile(`^attack\.(t\d{4}(\.\d{3})?|[gs]\d{4}|[a-z][a-z_-]*)$`)
)

func (l *linter) tags() {
	attack := false
	for _, t := range l.doc.Tags {
		switch {
		case !tagForm.MatchString(t):
			l.add(l.doc.Place, "tag", "%q is not a tag: lower case, namespace.name", t)
		case strings.HasPrefix(t, "attack.") && !technique.MatchString(t):
			l.add(l.doc.Place, "tag", "%q is not a tactic or technique of ATT&CK: attack.t1562.008", t)
		}
		attack = attack || strings.HasPrefix(t, "attack.t1")
	}
	if l.doc.Own && l.doc.Kind != "filter" && !l.part[l.doc] && !attack {
		l.add(l.doc.Place, "tag", "the rule names no ATT&CK technique (attack.t1562.008)")
	}
}

// searches finds those that the condition never uses.
func (l *linter) searches() {
	d := l.doc.Detection
	if d == nil {
		return
	}
	used := map[string]bool{}
	var walk func(n *sigma.Node)
	walk = func(n *sigma.Node) {
		if n.Op == "ref" {
			used[n.Name] = true
			return
		}
		for _, k := range n.Kids {
			walk(k)
		}
	}
	walk(d.Condition)
	for _, name := range d.Names {
		if !used[name] {
			l.add(d.Searches[name].Place, "unused-search", "the condition never uses the search %q", name)
		}
		l.nulls(d.Searches[name])
	}
}

// nulls finds null in a list, which the specification does not allow.
func (l *linter) nulls(n *sigma.Node) {
	if n.Item != nil && n.Item.List {
		for _, v := range n.Item.Values {
			if v.Kind == "null" {
				l.add(v.Place, "null-in-list", "null stands in a list; write a search of its own for it")
			}
		}
	}
	for _, k := range n.Kids {
		l.nulls(k)
	}
}

// references checks the rules that a correlation names.
func (l *linter) references() {
	if l.doc.Correlation == nil {
		return
	}
	for _, ref := range l.doc.Correlation.Rules {
		if l.set.byRef[ref] == nil {
			l.add(l.doc.Correlation.Place, "reference", "there is no rule %q: write its id, name or path id", ref)
		}
	}
}

// logic looks for conditions that cannot hold and for events that nobody sends.
func (l *linter) logic(r *Rule) {
	p := r.prog
	if slot, ok := p.impossible(r.root); ok {
		l.add(r.Doc.Detection.Place, "impossible", "the condition can never hold: %s would need two different values at once", p.fields[slot].name)
	}
	if l.cfg.KnownEvent == nil || p.schema.Source != "cloudtrail" {
		return
	}
	var services, names []string
	for slot, list := range p.literals(r.root) {
		switch p.fields[slot].columns[0].Name {
		case "api_service_name":
			services = list
		case "api_operation":
			names = p.written(slot, list)
		}
	}
	if len(services) == 0 {
		services = []string{""}
	}
	for _, name := range names {
		known := slices.ContainsFunc(services, func(s string) bool { return l.cfg.KnownEvent(s, name) })
		if !known {
			l.add(r.Doc.Detection.Place, "unknown-event", "no AWS service has the operation %q (eventSource %s)", name, strings.Join(services, ", "))
		}
	}
}

// written gives literals as the rules write them.
func (p *program) written(slot int, low []string) []string {
	out := slices.Clone(low)
	for _, pr := range p.predicates {
		if pr.slot != slot || pr.item == nil {
			continue
		}
		for _, v := range pr.item.Values {
			if i := slices.Index(low, strings.ToLower(v.Text)); i >= 0 {
				out[i] = v.Text
			}
		}
	}
	return out
}

// impossible finds an "and" whose parts want different values of one field that
// has one value.
func (p *program) impossible(n *node) (int, bool) {
	switch n.op {
	case '&':
		want := map[int][]string{}
		for _, k := range n.kids {
			if slot, bad := p.impossible(k); bad {
				return slot, true
			}
			for slot, list := range p.literals(k) {
				if old, ok := want[slot]; ok {
					list = slices.DeleteFunc(slices.Clone(list), func(v string) bool { return !slices.Contains(old, v) })
				}
				if len(list) == 0 {
					return slot, true
				}
				want[slot] = list
			}
		}
	case '|':
		slot, bad := 0, len(n.kids) > 0
		for _, k := range n.kids {
			s, b := p.impossible(k)
			slot, bad = s, bad && b
		}
		return slot, bad
	}
	return 0, false
}
