package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/replay/detection"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// backtesting is what `yagura rules backtest` was asked.
type backtesting struct {
	arms
	when    selection
	against string
}

func (p *program) backtestCommand() *cobra.Command {
	var t backtesting
	c := &cobra.Command{
		Use: "backtest RULE…", Short: p.say("short.rules-backtest"), Long: p.say("long.rules-backtest"),
		Example: "  yagura rules backtest cloudtrail/secrets-harvested --from -30d\n" +
			"  yagura rules backtest my-rules/new.yml --against cloudtrail/secrets-harvested",
		Args: p.arguments(1, unlimited, "RULE"),
		RunE: func(c *cobra.Command, args []string) error { return p.backtest(c.Context(), t, args) },
	}
	t.flags(p, c)
	c.Flags().StringVar(&t.when.from, "from", "", p.say("flag.from"))
	c.Flags().StringVar(&t.when.to, "to", "", p.say("flag.to"))
	c.Flags().StringVar(&t.against, "against", "", p.say("flag.backtest-against"))
	return c
}

// past is a line of a backtest: a rule's total, or one of its days or subjects.
type past struct {
	Kind     string `json:"kind" table:"-" doc:"total, day or subject"`
	Rule     string `json:"rule" table:"whole" doc:"id of the rule"`
	Day      string `json:"day" doc:"of kind day: the day, UTC"`
	Subject  string `json:"subject" doc:"of kind subject: on whom"`
	Findings int64  `json:"findings" doc:"findings it would have made"`
	Matches  int64  `json:"matches" doc:"events or hits in them"`
	Earlier  *int64 `json:"earlier" doc:"with --against: findings of the rule as it was"`
	Filter   string `json:"filter" table:"-" doc:"of kind subject: a filter document that would exclude it and keeps every match of the rule's own tests"`
}

func (p *program) backtest(ctx context.Context, t backtesting, refs []string) error {
	kit, _, done, err := p.kit(t.arms)
	defer done()
	if err != nil {
		return err
	}
	chosen, err := p.chosenRules(kit.Documents, refs)
	if err != nil {
		return err
	}
	var before []*sigma.Document
	if t.against != "" {
		if before, err = p.chosenRules(kit.Documents, []string{t.against}); err != nil {
			return err
		}
	}
	from, to, err := p.span(&t.when)
	if err != nil {
		return err
	}
	bar := p.progress("progress.detect")
	defer bar.end()
	return p.reading(ctx, func(l *lake.Lake) error {
		run := kit
		run.Documents = instead(kit.Documents, chosen)
		pasts, err := detection.Backtest(ctx, l, run, chosen, from, to, p.now(), bar.at)
		if err != nil {
			return err
		}
		var earlier []detection.Past
		if before != nil {
			if earlier, err = detection.Backtest(ctx, l, kit, before, from, to, p.now(), bar.at); err != nil {
				return err
			}
		}
		return p.printPasts(pasts, earlier, from, to)
	})
}

// chosenRules reads the documents that are named by id or file.
func (p *program) chosenRules(docs []*sigma.Document, refs []string) ([]*sigma.Document, error) {
	var out []*sigma.Document
	for _, ref := range refs {
		if d := byID(docs, ref); d != nil {
			out = append(out, d)
			continue
		}
		if !strings.HasSuffix(ref, ".yml") && !strings.HasSuffix(ref, ".yaml") {
			return nil, p.failed("no-rule", ref)
		}
		read, problems, err := p.readRules(ref)
		if err != nil {
			return nil, err
		}
		for _, x := range problems {
			if !x.Warning {
				return nil, &codedError{exitUsage, x}
			}
		}
		out = append(out, read...)
	}
	return out, nil
}

func (p *program) printPasts(pasts, earlier []detection.Past, from, to time.Time) error {
	was := map[string]int64{}
	var total *int64
	for _, e := range earlier {
		n := e.Findings
		total = &n
		for _, d := range e.Days {
			was["day "+d.Day] = d.Findings
		}
		for _, s := range e.Subjects {
			was["subject "+s.Entity.ID] = s.Findings
		}
	}
	old := func(key string) *int64 {
		if total == nil {
			return nil
		}
		n := was[key]
		return &n
	}
	var rows []past
	for _, x := range pasts {
		id := x.Document.ID
		rows = append(rows, past{Kind: "total", Rule: id, Findings: x.Findings, Matches: x.Matches, Earlier: total})
		for _, d := range x.Days {
			rows = append(rows, past{Kind: "day", Rule: id, Day: d.Day, Findings: d.Findings, Matches: d.Matches, Earlier: old("day " + d.Day)})
		}
		for _, s := range x.Subjects[:min(len(x.Subjects), 10)] {
			row := past{Kind: "subject", Rule: id, Subject: s.Entity.ID, Findings: s.Findings, Matches: s.Matches, Earlier: old("subject " + s.Entity.ID)}
			if s.Proposal != nil {
				row.Filter = s.Proposal.YAML
			}
			rows = append(rows, row)
		}
	}
	if p.format != "table" {
		return printAll(p, rows)
	}
	return p.tellPasts(pasts, rows, from, to)
}

// tellPasts prints a backtest for people.
func (p *program) tellPasts(pasts []detection.Past, rows []past, from, to time.Time) error {
	for _, x := range pasts {
		if x.Findings == 0 {
			p.note("backtest-none", x.Document.ID, day(from), day(to), x.Events)
		}
		if x.Learning > 0 {
			p.note("detect-learning", x.Learning)
		}
		if x.Hidden > 0 {
			p.note("detected-suppressed", x.Hidden, 0)
		}
	}
	if err := printAll(p, rows); err != nil {
		return err
	}
	for _, x := range pasts {
		if x.Document.Author != "" && x.Document.Author != "Yagura" {
			fmt.Fprintln(p.stdout, p.say("rule-by", x.Document.ID, x.Document.Author))
		}
		proposals := slices.DeleteFunc(slices.Clone(x.Subjects), func(s detection.Subject) bool { return s.Proposal == nil })
		p.heading("section.proposal", len(proposals))
		for _, s := range proposals {
			fmt.Fprintf(p.stdout, "%s\n", sheetLines(s.Proposal.YAML))
			if s.Proposal.Tests == 0 {
				fmt.Fprintf(p.stdout, "# %s\n", sheet.Safe(p.say("rules-untested", 1)))
			}
		}
	}
	if len(pasts) > 0 {
		p.note("backtested", pasts[0].Events, day(from), day(to))
	}
	return nil
}

func day(t time.Time) string {
	if t.IsZero() {
		return "…"
	}
	return t.UTC().Format(time.DateTime)
}
