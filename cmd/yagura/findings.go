package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/store"
)

// asking is what `yagura findings` was asked.
type asking struct {
	arms
	least, rule, subject string
	all, dryRun          bool
	limit                int
	when                 selection
}

func (p *program) findingsCommand() *cobra.Command {
	var q asking
	c := &cobra.Command{
		Use: "findings [ID]", Short: p.say("short.findings"), Long: p.say("long.findings"),
		Example: "  yagura findings --min-severity high\n  yagura findings 3f2a\n  yagura findings --dry-run",
		Args:    p.arguments(0, 1, "ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return p.showFinding(c.Context(), q, args[0])
			}
			if q.dryRun {
				return p.rehearse(c.Context(), q)
			}
			return p.listFindings(c.Context(), q)
		},
	}
	f := c.Flags()
	f.StringVar(&q.least, "min-severity", "low", p.say("flag.min-severity"))
	f.StringVar(&q.rule, "rule", "", p.say("flag.finding-rule"))
	f.StringVar(&q.subject, "subject", "", p.say("flag.finding-subject"))
	f.BoolVar(&q.all, "all", false, p.say("flag.all"))
	f.BoolVar(&q.dryRun, "dry-run", false, p.say("flag.finding-dry-run"))
	f.IntVar(&q.limit, "limit", 100, p.say("flag.limit"))
	completes(c, "min-severity", severityNames()...)
	return c
}

func (p *program) withStore(ctx context.Context, do func(*store.Store) error) error {
	if err := p.directory(); err != nil {
		return err
	}
	s, err := store.Open(ctx, p.data)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

func (p *program) listFindings(ctx context.Context, q asking) error {
	least, err := p.severity(q.least)
	if err != nil {
		return err
	}
	return p.withStore(ctx, func(s *store.Store) error {
		list, err := s.Findings(ctx, store.FindingQuery{Least: least, Rule: q.rule, Subject: q.subject, Active: !q.all, Limit: q.limit})
		if err != nil {
			return err
		}
		rows, found := make([]hit, len(list)), make([]*yagura.Finding, len(list))
		for i := range list {
			rows[i], found[i] = p.hit(&list[i]), &list[i]
		}
		if err := printAll(p, rows); err != nil || p.format != "table" {
			return err
		}
		p.credit(found)
		return nil
	})
}

// rehearsed is what a rule of a dry run would have alerted on a day.
type rehearsed struct {
	Rule     string `json:"rule" table:"whole" doc:"id of the rule"`
	Day      string `json:"day" table:"whole" doc:"day of the first event, UTC"`
	Severity string `json:"severity" spare:"2" doc:"highest severity of its findings"`
	Findings int64  `json:"findings" doc:"findings it would have made"`
	Events   int64  `json:"events" doc:"events or hits in them"`
	Subjects int    `json:"subjects" doc:"different subjects"`
	Subject  string `json:"subject" spare:"1" doc:"the subject with most findings"`
}

// rehearse reports what the rules of a dry run would have done, by rule and day.
func (p *program) rehearse(ctx context.Context, q asking) error {
	least, err := p.severity(q.least)
	if err != nil {
		return err
	}
	var list []yagura.Finding
	err = p.withStore(ctx, func(s *store.Store) (err error) {
		list, err = s.Findings(ctx, store.FindingQuery{Least: least, Rule: q.rule, Subject: q.subject, Limit: 1 << 20})
		return err
	})
	if err != nil {
		return err
	}
	type key struct{ rule, day string }
	rows := map[key]*rehearsed{}
	subjects := map[key]map[string]int{}
	for _, f := range list { // the most severe first
		if f.Status != "dry-run" {
			continue
		}
		k := key{f.Rule, time.UnixMicro(f.First).UTC().Format(time.DateOnly)}
		if rows[k] == nil {
			rows[k], subjects[k] = &rehearsed{Rule: k.rule, Day: k.day, Severity: f.Severity.String()}, map[string]int{}
		}
		r, of := rows[k], subjects[k]
		r.Findings++
		r.Events += f.Count
		of[f.Subject.ID]++
		r.Subjects = len(of)
		if n := of[f.Subject.ID]; n > of[r.Subject] || n == of[r.Subject] && f.Subject.ID <= r.Subject {
			r.Subject = f.Subject.ID
		}
	}
	out := make([]rehearsed, 0, len(rows))
	for _, k := range slices.SortedFunc(maps.Keys(rows), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.day, b.day))
	}) {
		out = append(out, *rows[k])
	}
	if len(out) == 0 {
		p.note("no-dry-run")
	}
	return printAll(p, out)
}

// showFinding tells one finding. An id may be shortened as long as it is clear.
func (p *program) showFinding(ctx context.Context, q asking, id string) error {
	var f *yagura.Finding
	fits := 0
	err := p.withStore(ctx, func(s *store.Store) error {
		list, err := s.Findings(ctx, store.FindingQuery{Limit: 1 << 20})
		for i := range list {
			if strings.HasPrefix(list[i].ID, id) {
				f = &list[i]
				fits++
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if f == nil {
		return p.failed("no-finding", id)
	}
	if fits > 1 {
		return p.failed("findings-unclear", id, fits)
	}
	if p.format != "table" {
		return printAll(p, []hit{p.hit(f)})
	}
	docs, _, err := p.documents(q.arms)
	if err != nil {
		return err
	}
	p.tellFinding(f, byID(docs, f.Rule))
	return nil
}

func byID(docs []*sigma.Document, id string) *sigma.Document {
	for _, d := range docs {
		if d.ID == id || d.Name != "" && d.Name == id || d.SigmaID != "" && d.SigmaID == id {
			return d
		}
	}
	return nil
}

// tellFinding tells a finding so that it explains itself.
func (p *program) tellFinding(f *yagura.Finding, d *sigma.Document) {
	out := func(format string, args ...any) { fmt.Fprintf(p.stdout, format+"\n", args...) }
	safe := sheet.Safe
	h := p.hit(f)
	out("%s  %s", strings.ToUpper(h.Severity), safe(h.Title))
	out("%s  %s (%s)  ×%d", h.ID, safe(h.Subject), safe(h.SubjectType), h.Count)
	out("%s – %s  %s %s", h.First.In(p.zone).Format(time.DateTime), h.Last.In(p.zone).Format(time.DateTime), safe(h.Account), safe(h.Region))
	if h.Note != "" {
		out("%s", safe(h.Note))
	}
	out("%s", p.say("rule-by", f.Rule, cmp.Or(f.Author, "-")))
	if d != nil {
		p.tellTexts(d)
	}
	p.heading("section.facts", len(f.Facts))
	for _, x := range f.Facts {
		out("  %s: %s", safe(x.Name), safe(x.Value))
	}
	p.heading("section.parts", len(f.Parts))
	for _, part := range f.Parts {
		out("  %s", safe(part))
	}
	p.heading("section.events", len(f.Events))
	for i, e := range f.Events {
		out("  %s  %s  %s", time.UnixMicro(e.Time).In(p.zone).Format(time.DateTime), safe(e.Source), safe(h.EventIDs[i]))
	}
}

// heading prints a heading unless nothing comes below it.
func (p *program) heading(key string, below int) {
	if below > 0 {
		fmt.Fprintf(p.stdout, "\n%s\n", p.say(key))
	}
}

// tellTexts prints what a rule says to people.
func (p *program) tellTexts(d *sigma.Document) {
	if text := d.Description.In(p.lang); text != "" {
		fmt.Fprintf(p.stdout, "\n%s\n", sheet.Safe(text))
	}
	for _, t := range []struct {
		key  string
		text yagura.Text
	}{{"section.why", d.Why}, {"section.check", d.Check}, {"section.do", d.Do}, {"section.prevent", d.Prevent}} {
		if t.text.EN != "" {
			fmt.Fprintf(p.stdout, "\n%s\n  %s\n", p.say(t.key), sheet.Safe(t.text.In(p.lang)))
		}
	}
	p.heading("section.fp", len(d.FalsePositives))
	for _, t := range d.FalsePositives {
		fmt.Fprintf(p.stdout, "  - %s\n", sheet.Safe(t.In(p.lang)))
	}
}
