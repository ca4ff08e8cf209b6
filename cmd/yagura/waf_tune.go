package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/replay/waf"
	"github.com/yagura-sec/yagura/replay/waf/record"
)

// tuned is one proposal.
type tuned struct {
	Rule     string          `json:"rule" table:"whole" doc:"-"`
	Path     string          `json:"path" doc:"-"`
	Argument string          `json:"argument" doc:"-"`
	Ordinary int64           `json:"ordinaryClients" doc:"-"`
	Hits     int64           `json:"hits" doc:"-"`
	Good     int64           `json:"good" spare:"1" doc:"-"`
	Spared   int64           `json:"spared" doc:"-"`
	Missed   int64           `json:"missed" doc:"-"`
	Other    int64           `json:"other" spare:"2" doc:"-"`
	Paste    json.RawMessage `json:"paste" table:"-" doc:"-"`
}

func (p *program) wafTuneCommand() *cobra.Command {
	var t replaying
	var clients int
	c := &cobra.Command{
		Use: "tune", Short: p.say("short.waf-tune"), Long: p.say("long.waf-tune"),
		Example: "  yagura waf tune --logs ./waf-logs --logs ./alb-logs\n" +
			"  yagura waf tune --acl today.json --logs ./waf-logs --format json",
		Args: p.arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return p.wafTune(c.Context(), &t, clients) },
	}
	f := c.Flags()
	f.StringArrayVar(&t.acl, "acl", nil, p.say("flag.waf-acl-tune"))
	f.IntVar(&clients, "clients", 5, p.say("flag.waf-clients"))
	p.logFlags(c, &t)
	return c
}

func (p *program) wafTune(ctx context.Context, t *replaying, clients int) error {
	if len(t.logs) == 0 {
		return p.wrong("waf-tune-needs")
	}
	var source []byte
	if len(t.acl) > 0 {
		var err error
		if source, err = p.document(t.acl[0]); err != nil {
			return err
		}
	}
	tuner := waf.NewTuner(clients, source)
	said := p.stderr
	defer func() { p.stderr = said }()
	for i, visit := range []func(*record.Record) error{tuner.Outcome, tuner.Learn, tuner.Verify} {
		if i == 2 {
			if err := tuner.Propose(); err != nil {
				return err
			}
		}
		if _, err := p.traffic(ctx, t, visit); err != nil {
			return err
		}
		p.stderr = &bytes.Buffer{} // What cannot be read has been said once.
	}
	p.stderr = said
	r := tuner.Tuning()
	if err := p.tellTuning(r); err != nil {
		return err
	}
	if len(r.Proposals) > 0 {
		return ended(exitFound)
	}
	return nil
}

func (p *program) tellTuning(r *waf.Tuning) error {
	if p.format == "json" {
		return sheet.JSON(p.stdout, r)
	}
	rows := make([]tuned, 0, len(r.Proposals))
	for i := range r.Proposals {
		one := &r.Proposals[i]
		rows = append(rows, tuned{
			Rule: ruleName(one.Group, one.Rule), Path: one.Path, Argument: one.Location + " " + one.Field, Ordinary: one.Ordinary, Hits: one.Hits,
			Good: one.Good, Spared: one.Spared, Missed: one.Missed, Other: one.Other, Paste: slices.Concat(one.Override, one.NewRule, one.Replace, one.Condition),
		})
		if one.Override != nil {
			rows[i].Paste = json.RawMessage(`{"RuleActionOverrides":[` + string(one.Override) + `],"Rule":` + string(one.NewRule) + `}`)
		}
	}
	if len(rows) > 0 || p.format == "csv" {
		if err := printAll(p, rows); err != nil {
			return err
		}
	}
	if p.format == "csv" {
		return nil
	}
	for i := range r.Proposals {
		one := &r.Proposals[i]
		fmt.Fprintln(p.stdout)
		fmt.Fprintln(p.stdout, p.say("waf-proposal", ruleName(one.Group, one.Rule), one.Path, one.Ordinary, one.Spared, one.Missed))
		for _, part := range []struct {
			key  string
			json json.RawMessage
		}{{"waf-paste-override", one.Override}, {"waf-paste-rule", one.NewRule}, {"waf-paste-replace", one.Replace}, {"waf-paste-condition", one.Condition}} {
			if part.json != nil {
				fmt.Fprintf(p.stdout, "%s\n%s\n", p.say(part.key), indented(part.json))
			}
		}
	}
	p.tellTuned(r)
	return nil
}

// tellTuned tells what the proposals rest on.
func (p *program) tellTuned(r *waf.Tuning) {
	fmt.Fprintln(p.stdout, p.say("waf-tuned", r.Records, r.Allowed, r.Ordinary, r.Suspicious, len(r.Proposals)))
	switch {
	case r.Records > 0 && r.Masked == r.Records:
		fmt.Fprintln(p.stdout, p.say("waf-masked"))
	case r.Records > 0 && r.Allowed == 0:
		fmt.Fprintln(p.stdout, p.say("waf-no-allow"))
	}
	if r.LeftOut > 0 {
		fmt.Fprintln(p.stdout, p.say("waf-left-out", r.LeftOut))
	}
}

func indented(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return plainLines(string(raw))
	}
	return plainLines(b.String())
}
