package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/detect"
	"github.com/yagura-sec/yagura/detect/follow"
	foreign "github.com/yagura-sec/yagura/detect/report"
	"github.com/yagura-sec/yagura/ingest"
	"github.com/yagura-sec/yagura/inlet/file"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/source"
	"github.com/yagura-sec/yagura/store"
)

// detecting is what `yagura detect` was asked.
type detecting struct {
	arms
	least  string
	dryRun bool
	all    bool
	forget bool
}

func (p *program) detectCommand() *cobra.Command {
	var d detecting
	c := &cobra.Command{
		Use: "detect [PATH…]", Short: p.say("short.detect"), Long: p.say("long.detect"),
		Example: "  yagura detect ./my-logs --min-severity high\n" +
			"  yagura detect ./my-logs --rules ./sigma/rules/cloud/aws --list tor=exits.txt --format json\n" +
			"  yagura detect --format asff",
		Args:        p.arguments(0, unlimited, ""),
		Annotations: map[string]string{ownFormats: "ocsf asff"},
		RunE:        func(c *cobra.Command, args []string) error { return p.detect(c.Context(), d, args) },
	}
	d.flags(p, c)
	f := c.Flags()
	f.StringVar(&d.least, "min-severity", "medium", p.say("flag.min-severity"))
	f.BoolVar(&d.dryRun, "dry-run", false, p.say("flag.dry-run"))
	f.BoolVar(&d.all, "all", false, p.say("flag.all"))
	f.BoolVar(&d.forget, "forget", false, p.say("flag.forget"))
	completes(c, "min-severity", severityNames()...)
	return c
}

func severityNames() []string {
	var out []string
	for s := yagura.Informational; s <= yagura.Critical; s++ {
		out = append(out, s.String())
	}
	return out
}

func (p *program) severity(name string) (yagura.Severity, error) {
	s, ok := yagura.ParseSeverity(name)
	if !ok {
		return 0, p.wrong("bad-severity", name)
	}
	return s, nil
}

func (p *program) detect(ctx context.Context, d detecting, paths []string) error {
	least, err := p.severity(d.least)
	if err != nil {
		return err
	}
	if err := p.exist(paths); err != nil {
		return err
	}
	a, done, err := p.assemble(d.arms)
	if err != nil {
		return err
	}
	defer done()
	found := map[string]*yagura.Finding{}
	var events int64
	if len(paths) > 0 {
		events, err = p.detectFiles(ctx, a, paths, found)
	} else {
		events, err = p.detectLake(ctx, a, d.forget, found)
	}
	if err != nil {
		return err
	}
	list := make([]*yagura.Finding, 0, len(found))
	for _, f := range found {
		list = append(list, f)
	}
	slices.SortFunc(list, func(x, y *yagura.Finding) int {
		return cmp.Or(cmp.Compare(y.Severity, x.Severity), cmp.Compare(x.First, y.First), cmp.Compare(x.ID, y.ID))
	})
	grave, err := p.printFindings(list, a, d, least)
	if err != nil {
		return err
	}
	p.detectNotes(a)
	p.note("detected", events, len(list), grave, least.String())
	if grave > 0 && !d.dryRun {
		return ended(exitFound)
	}
	return nil
}

// detectFiles reads files once.
func (p *program) detectFiles(ctx context.Context, a *detect.Assembly, paths []string, found map[string]*yagura.Finding) (events int64, err error) {
	bar := p.progress("progress.detect")
	defer bar.end()
	keep := func(f *yagura.Finding) { found[f.ID] = f }
	keys := []string{""}
	cfg := ingest.Config{Roots: paths, Sources: source.All(), Options: p.settings.Sources, Progress: func(pr ingest.Progress) { p.follow(bar, pr) }}
	s, err := ingest.Read(ctx, cfg, func(e file.Entry, schema *ocsf.Schema, batch []ocsf.Event) error {
		events += int64(len(batch))
		if n := batch[0].Provenance.Object; n >= int64(len(keys)) {
			keys = append(keys, make([]string, int(n)+1-len(keys))...)
			keys[n] = e.Object.Key
		}
		a.Detect(schema.Source, batch, keep)
		return ctx.Err()
	})
	if err != nil {
		return events, err
	}
	a.Finish(keep)
	for _, f := range found {
		for i := range f.Events {
			if n := f.Events[i].Object; n > 0 && n < int64(len(keys)) {
				f.Events[i].Key, f.Events[i].Object = keys[n], 0
			}
		}
	}
	total := s.Totals()
	switch {
	case total.Records == 0:
		p.note("detect-nothing")
	case total.Quarantined > 0:
		p.note("detect-quarantined", total.Quarantined)
	}
	if len(s.Damaged) > 0 {
		p.note("detect-damaged", len(s.Damaged))
		p.list("list-damaged", s.Damaged)
	}
	if len(s.Unclaimed) > 0 {
		p.note("detect-unclaimed", len(s.Unclaimed))
	}
	return events, nil
}

// detectLake goes on with the lake.
func (p *program) detectLake(ctx context.Context, a *detect.Assembly, forget bool, found map[string]*yagura.Finding) (events int64, err error) {
	state, err := store.Open(ctx, p.data)
	if err != nil {
		return 0, err
	}
	defer func() { _ = state.Close() }() // Every write has been committed.
	if forget {
		if err := state.ForgetDetection(ctx); err != nil {
			return 0, err
		}
		p.note("detect-forget")
	}
	bar := p.progress("progress.detect")
	defer bar.end()
	err = p.reading(ctx, func(l *lake.Lake) error {
		s, err := follow.Run(ctx, follow.Config{
			Lake: l, Store: state, Detector: a, Dir: filepath.Join(p.data, "detect"),
			Progress: func(n int64) { bar.at(n) },
			Stale:    func(err error) { p.note("detect-stale", err.Error()) },
		})
		events = s.Events
		for _, f := range s.Found {
			found[f.ID] = f
		}
		return err
	})
	return events, err
}

// detectIngested runs the detectors over what an ingest has brought, and says
// how many findings there are.
func (p *program) detectIngested(ctx context.Context) error {
	a, done, err := p.assemble(arms{})
	defer done()
	if err != nil {
		return err
	}
	found := map[string]*yagura.Finding{}
	events, err := p.detectLake(ctx, a, false, found)
	if err != nil {
		return err
	}
	p.detectNotes(a)
	by := map[yagura.Severity]int{}
	active := 0
	for _, f := range found {
		if f.Status == "" {
			by[f.Severity]++
			active++
		}
	}
	var parts []string
	for s := yagura.Critical; s >= yagura.Informational; s-- {
		if by[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", by[s], s))
		}
	}
	p.note("ingest-detected", events, active, cmp.Or(join(parts), "-"))
	return nil
}

// hit is a finding as it is printed.
type hit struct {
	ID          string    `json:"id" table:"-" doc:"id of the finding: the same for the same rule, subject and window"`
	Severity    string    `json:"severity" table:"whole" doc:"informational, low, medium, high or critical"`
	Title       string    `json:"title" doc:"what was found, in the language of --lang"`
	Subject     string    `json:"subject" doc:"who did it, or what it happened to"`
	SubjectType string    `json:"subject_type" table:"-" doc:"kind of the subject: principal, instance, bucket …"`
	Count       int64     `json:"count" doc:"events or hits so far"`
	First       time.Time `json:"first_seen" spare:"2" doc:"time of the first event"`
	Last        time.Time `json:"last_seen" spare:"3" doc:"time of the last event"`
	Rule        string    `json:"rule" spare:"1" doc:"id of the rule"`
	Author      string    `json:"author,omitempty" table:"-" doc:"author of the rule"`
	Note        string    `json:"note,omitempty" spare:"4" doc:"attempt when it failed, dry-run, or why it is suppressed"`
	Type        string    `json:"type,omitempty" table:"-" doc:"type of GuardDuty it corresponds to"`
	Account     string    `json:"account,omitempty" table:"-" doc:"account of the first event"`
	Region      string    `json:"region,omitempty" table:"-" doc:"region of the first event"`
	Attempt     bool      `json:"attempt" table:"-" doc:"it failed"`
	Techniques  []string  `json:"techniques,omitempty" table:"-" doc:"ATT&CK techniques"`
	EventIDs    []string  `json:"event_ids,omitempty" table:"-" doc:"ids of the first twenty events and of the last; OBJECT#RECORD when the source gives none"`
	Facts       any       `json:"facts,omitempty" table:"-" doc:"what speaks for it, as a list of name and value"`
	Related     any       `json:"related,omitempty" table:"-" doc:"what else it touches, as a list of type, id and account"`
	Parts       []string  `json:"parts,omitempty" table:"-" doc:"of an attack sequence: ids of its findings in order"`
}

func (p *program) hit(f *yagura.Finding) hit {
	h := hit{
		ID: f.ID, Severity: f.Severity.String(), Title: f.Title.In(p.lang), Subject: f.Subject.ID, SubjectType: f.Subject.Type,
		Count: f.Count, First: time.UnixMicro(f.First).UTC(), Last: time.UnixMicro(f.Last).UTC(), Rule: f.Rule, Author: f.Author,
		Note: f.Status, Type: f.Type, Account: f.Account, Region: f.Region, Attempt: f.Attempt, Techniques: f.Techniques, Parts: f.Parts,
	}
	if f.Attempt && h.Note == "" {
		h.Note = p.say("attempt")
	}
	for _, e := range f.Events {
		h.EventIDs = append(h.EventIDs, eventID(e))
	}
	if p.format == "json" {
		h.Facts, h.Related = pairs(f.Facts), entities(f.Related)
	}
	return h
}

func eventID(e yagura.EventRef) string {
	if e.UID != "" {
		return e.UID
	}
	if e.Key != "" {
		return fmt.Sprintf("%s#%d", e.Key, e.Record)
	}
	return fmt.Sprintf("%s#%d", objectID(e.Object), e.Record)
}

// pair and entity are facts and related things in JSON.
type pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type entity struct {
	Type    string `json:"type"`
	ID      string `json:"id"`
	Account string `json:"account,omitempty"`
}

func pairs(facts []yagura.Fact) (out []pair) {
	for _, f := range facts {
		out = append(out, pair(f))
	}
	return out
}

func entities(list []yagura.Entity) (out []entity) {
	for _, e := range list {
		out = append(out, entity(e))
	}
	return out
}

// printFindings prints what is severe enough, and says how many findings are.
// Suppressed ones and those of a dry run are only shown with --all and never
// count.
func (p *program) printFindings(list []*yagura.Finding, a *detect.Assembly, d detecting, least yagura.Severity) (grave int, err error) {
	var shown []*yagura.Finding
	suppressed, dry := 0, 0
	for _, f := range list {
		switch {
		case f.Status == "dry-run":
			dry++
		case f.Status != "":
			suppressed++
		case f.Severity >= least:
			grave++
		}
		if f.Severity >= least && (f.Status == "" || d.all) {
			shown = append(shown, f)
		}
	}
	switch {
	case d.dryRun:
		err = p.printCounts(list, least)
	case p.format == "ocsf" || p.format == "asff":
		err = p.printForeign(shown, a)
	case len(shown) > 0 || p.format != "table":
		rows := make([]hit, len(shown))
		for i, f := range shown {
			rows[i] = p.hit(f)
		}
		err = printAll(p, rows)
	}
	if p.format == "table" {
		p.credit(list)
	}
	if suppressed+dry > 0 && !d.all {
		p.note("detected-suppressed", suppressed, dry)
	}
	return grave, err
}

// credit names the authors of rules that do not come with Yagura: the licence of
// Sigma's rules asks for it wherever a match is shown.
func (p *program) credit(list []*yagura.Finding) {
	by := map[string]string{}
	for _, f := range list {
		if f.Author != "" && f.Author != "Yagura" {
			by[f.Rule] = f.Author
		}
	}
	for _, id := range slices.Sorted(maps.Keys(by)) {
		fmt.Fprintln(p.stdout, p.say("rule-by", id, by[id]))
	}
}

// printForeign writes findings in formats of other tools, one a line.
func (p *program) printForeign(list []*yagura.Finding, a *detect.Assembly) error {
	write := foreign.OCSF
	if p.format == "asff" {
		write = foreign.ASFF
	}
	for _, f := range list {
		var doc *sigma.Document
		if r := a.Rules.Lookup(f.Rule); r != nil {
			doc = r.Doc
		}
		if err := sheet.JSON(p.stdout, write(f, doc, p.lang)); err != nil {
			return err
		}
	}
	return nil
}

// tallied is how often a rule would have been found.
type tallied struct {
	Rule     string `json:"rule" table:"whole" doc:"id of the rule"`
	Severity string `json:"severity" table:"whole" doc:"highest severity of its findings"`
	Findings int64  `json:"findings" doc:"findings it would have made"`
	Events   int64  `json:"events" doc:"events or hits in them"`
}

// printCounts prints what a dry run counted.
func (p *program) printCounts(list []*yagura.Finding, least yagura.Severity) error {
	var rows []*tallied
	by := map[string]*tallied{}
	for _, f := range list {
		if f.Severity < least || f.Status != "" && f.Status != "dry-run" {
			continue
		}
		t := by[f.Rule]
		if t == nil {
			t = &tallied{Rule: f.Rule, Severity: f.Severity.String()}
			by[f.Rule] = t
			rows = append(rows, t)
		}
		t.Findings++
		t.Events += f.Count
	}
	values := make([]tallied, len(rows))
	for i, r := range rows {
		values[i] = *r
	}
	slices.SortFunc(values, func(a, b tallied) int {
		return cmp.Or(cmp.Compare(b.Findings, a.Findings), cmp.Compare(a.Rule, b.Rule))
	})
	return printAll(p, values)
}

// detectNotes tells what the detectors did besides finding.
func (p *program) detectNotes(a *detect.Assembly) {
	t := a.Threat.Stats()
	automation := int64(0)
	for _, n := range t.Automation {
		automation += n
	}
	if automation > 0 {
		p.note("detect-automation", automation)
	}
	for name, n := range a.Flow.Trusted() {
		p.note("detect-trusted", name, n)
	}
	if len(t.Dropped) > 0 {
		p.note("detect-relearn", len(t.Dropped), join(t.Dropped[:min(len(t.Dropped), 10)]))
	}
	if t.Engine.Learning > 0 {
		p.note("detect-learning", t.Engine.Learning)
	}
	if lost := t.Evicted + a.Stats().Lost; lost > 0 {
		p.note("detect-lost", lost)
	}
	if n := t.Panics + t.Engine.Panics; n > 0 {
		p.note("detect-panics", n, t.Engine.LastPanic)
	}
}
