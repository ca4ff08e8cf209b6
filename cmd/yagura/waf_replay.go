package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	gate "github.com/yagura-sec/yagura/prevent/waf"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
	"github.com/yagura-sec/yagura/replay/waf"
	"github.com/yagura-sec/yagura/replay/waf/record"
)

// replaying is what `yagura waf replay` was asked.
type replaying struct {
	firewall
	logs                 []string
	fields               string
	against, deployed    []string
	againstName, depName string
	when                 selection
	examples             int
}

func (p *program) wafReplayCommand() *cobra.Command {
	var t replaying
	c := &cobra.Command{
		Use: "replay", Short: p.say("short.waf-replay"), Long: p.say("long.waf-replay"),
		Example: "  yagura waf replay --acl new.json --deployed today.json --logs ./waf-logs\n" +
			"  yagura waf replay --acl new.json --against today.json --logs lake --from -7d\n" +
			"  yagura waf replay --acl new.json --logs ./waf-logs --format html > report.html",
		Args:        p.arguments(0, 0, ""),
		Annotations: map[string]string{ownFormats: "html"},
		RunE:        func(c *cobra.Command, _ []string) error { return p.wafReplay(c.Context(), &t) },
	}
	f := c.Flags()
	f.StringArrayVar(&t.acl, "acl", nil, p.say("flag.waf-acl-new"))
	f.StringArrayVar(&t.against, "against", nil, p.say("flag.waf-against"))
	f.StringArrayVar(&t.deployed, "deployed", nil, p.say("flag.waf-deployed"))
	f.IntVar(&t.examples, "examples", 3, p.say("flag.waf-examples"))
	p.logFlags(c, &t)
	p.crsFlags(c, &t.firewall)
	p.placeFlags(c, &t.firewall)
	return c
}

// logFlags are the flags that say where the logs are.
func (p *program) logFlags(c *cobra.Command, t *replaying) {
	f := c.Flags()
	f.StringArrayVar(&t.logs, "logs", nil, p.say("flag.waf-logs"))
	f.StringVar(&t.fields, "fields", "", p.say("flag.waf-fields"))
	f.StringVar(&t.when.from, "from", "", p.say("flag.from"))
	f.StringVar(&t.when.to, "to", "", p.say("flag.to"))
}

func (p *program) wafReplay(ctx context.Context, t *replaying) error {
	if len(t.acl) == 0 || len(t.logs) == 0 {
		return p.wrong("waf-replay-needs")
	}
	if _, err := p.settle(&t.firewall, nil); err != nil {
		return err
	}
	cfg := waf.Config{Examples: t.examples}
	var err error
	if cfg.New, err = p.control(&t.firewall, t.acl); err != nil {
		return err
	}
	for _, other := range []struct {
		paths []string
		to    **waf.Control
	}{{t.against, &cfg.Old}, {t.deployed, &cfg.Deployed}} {
		if len(other.paths) == 0 {
			continue
		}
		one, err := p.control(&t.firewall, other.paths)
		if err != nil {
			return err
		}
		*other.to = &one
	}
	run, err := waf.New(cfg)
	if err != nil {
		return &codedError{exitUsage, err}
	}
	n, err := p.traffic(ctx, t, run.Add)
	if err != nil {
		return err
	}
	r := run.Report()
	r.Unreadable = n.Refused
	if err := p.tellTraffic(r); err != nil {
		return err
	}
	if r.Total.Sum() > 0 || n.Damaged > 0 || r.Agreement != nil && r.Agreement.Different+r.Agreement.Impossible > 0 {
		return ended(exitFound)
	}
	return nil
}

// control reads a web ACL for a replay.
func (p *program) control(w *firewall, paths []string) (c waf.Control, err error) {
	if err := p.exist(paths); err != nil {
		return c, err
	}
	if c.Bundle, err = (&acl.Reader{}).Read(paths...); err != nil {
		return c, &codedError{exitUsage, err}
	}
	c.Options = gate.Options{Name: w.name, Resource: w.resource}
	if w.country != "" || w.asn != "" {
		if c.Options.Places, err = gate.OpenPlaces(w.country, w.asn); err != nil {
			return c, &codedError{exitUsage, err}
		}
	}
	if w.crs == "" {
		return c, nil
	}
	g := &siteGate{}
	if g.crs, _, err = (&gates{crs: map[string]inspect{}}).engine(w.site()); err != nil {
		return c, &codedError{exitUsage, err}
	}
	c.Options.Signatures = func(q *yagura.Request) ([]gate.Signature, int) {
		defer g.once.Delete(q)
		return g.signatures(q)
	}
	return c, nil
}

// traffic gives every recorded request of the logs.
func (p *program) traffic(ctx context.Context, t *replaying, visit func(*record.Record) error) (record.Counts, error) {
	f := &record.Files{Fields: strings.FieldsFunc(t.fields, func(r rune) bool { return r == ',' || r == ' ' })}
	from, to, err := p.span(&t.when)
	if err != nil {
		return f.Counts, err
	}
	within := func(r *record.Record) error {
		if !from.IsZero() && r.Time < from.UnixMicro() || !to.IsZero() && r.Time >= to.UnixMicro() {
			return nil
		}
		return visit(r)
	}
	paths := slices.DeleteFunc(slices.Clone(t.logs), func(s string) bool { return s == fromLake })
	if len(paths) < len(t.logs) {
		err := p.lakeTraffic(ctx, ask.Filter{Sources: []string{"waf"}, From: from, To: to}, &f.Counts, visit)
		if err != nil {
			return f.Counts, err
		}
	}
	if err := p.exist(paths); err != nil {
		return f.Counts, err
	}
	f.Damaged = func(path string, err error) { p.note("waf-damaged", path, err.Error()) }
	refused := 0
	f.Refused = func(path string, line int64, err error) {
		if refused++; refused <= 3 {
			p.note("waf-refused", path, line, err.Error())
		}
	}
	if err := f.Read(ctx, paths, within); err != nil {
		return f.Counts, err
	}
	if f.Counts.Other > 0 {
		p.note("waf-other-files", f.Counts.Other)
	}
	if f.Counts.Refused > 0 {
		p.note("waf-refused-all", f.Counts.Refused)
	}
	if f.Counts.Records == 0 {
		return f.Counts, p.failed("waf-no-records", join(t.logs))
	}
	return f.Counts, nil
}

// lakeTraffic gives the records of AWS WAF in the lake, in the order of time.
func (p *program) lakeTraffic(ctx context.Context, f ask.Filter, n *record.Counts, visit func(*record.Record) error) error {
	var d record.WAF
	r := &record.Record{File: fromLake}
	return p.reading(ctx, func(l *lake.Lake) error {
		return l.Scan(ctx, f, func(hit *ask.Hit) error {
			r.Line++
			if err := d.Read(hit.Event.Raw, r); err != nil {
				n.Refused++
				return nil
			}
			n.Records++
			n.WAF++
			return visit(r)
		})
	})
}

// moved is a tally of requests that change, with what they have in common.
type moved struct {
	By           string `json:"by" table:"whole" doc:"-"`
	Key          string `json:"key" doc:"-"`
	NewlyBlocked int64  `json:"newlyBlocked" doc:"-"`
	NewlyAllowed int64  `json:"newlyAllowed" doc:"-"`
	Undecidable  int64  `json:"undecidable" doc:"-"`
	Otherwise    int64  `json:"stoppedOtherwise" spare:"1" doc:"-"`
	Unrecorded   int64  `json:"stoppedBeforeUnknown" spare:"2" doc:"-"`
}

func (p *program) tellTraffic(r *waf.Report) error {
	switch p.format {
	case "json":
		return sheet.JSON(p.stdout, r)
	case "html":
		return r.HTML(p.stdout, p.lang)
	}
	var rows []moved
	most := 10
	if p.format == "csv" {
		most = len(r.ByPath) + len(r.ByClient) + len(r.ByRule) + len(r.ByCountry)
	}
	for _, by := range []struct {
		name string
		rows []waf.Row
	}{{"rule", r.ByRule}, {"path", r.ByPath}, {"country", r.ByCountry}, {"client", r.ByClient}} {
		for _, one := range by.rows[:min(most, len(by.rows))] {
			rows = append(rows, moved{by.name, one.Key, one.NewlyBlocked, one.NewlyAllowed, one.Undecidable, one.Otherwise, one.Unrecorded})
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
	p.tellExamples(r)
	p.tellAgreement(r.Agreement)
	for _, w := range r.Warnings {
		fmt.Fprintln(p.stdout, p.say(map[string]string{"no-allow": "waf-no-allow", "disorder": "waf-disorder"}[w]))
	}
	for _, w := range r.NotServed[:min(5, len(r.NotServed))] {
		fmt.Fprintln(p.stdout, p.say("waf-warning", w))
	}
	return nil
}

// wafChanges are the texts of the kinds of changes.
var wafChanges = map[string]string{
	"newly blocked": "waf-change-blocked", "newly allowed": "waf-change-allowed", "undecidable": "waf-change-undecidable",
	"stopped otherwise": "waf-change-otherwise", "stopped, before unknown": "waf-change-unknown",
}

// tellExamples shows requests that change, why others are open, and the sum.
func (p *program) tellExamples(r *waf.Report) {
	for _, e := range r.Examples[:min(10, len(r.Examples))] {
		fmt.Fprintln(p.stdout, p.say("waf-example", p.say(wafChanges[e.Change]), e.Method, e.URI, e.Client, e.Before, e.Now, e.Rule))
	}
	for _, w := range r.Reasons[:min(5, len(r.Reasons))] {
		fmt.Fprintln(p.stdout, p.say("waf-open", w.Undecidable, w.Key))
	}
	against := r.Against
	if against == "" {
		against = p.say("waf-the-log")
	}
	t := &r.Total
	fmt.Fprintln(p.stdout, p.say("waf-replayed", r.Requests, r.ACL, against, t.NewlyBlocked, t.NewlyAllowed, t.Undecidable, t.Otherwise, t.Unrecorded, r.Same))
	if r.LeftOut > 0 {
		fmt.Fprintln(p.stdout, p.say("waf-left-out", r.LeftOut))
	}
}

func (p *program) tellAgreement(a *waf.Agreement) {
	if a == nil {
		fmt.Fprintln(p.stdout, p.say("waf-agreement-none"))
		return
	}
	fmt.Fprintln(p.stdout, p.say("waf-agreement", a.ACL, a.Records, a.Equal, a.SameRule, a.Different, a.Undecidable))
	if a.Impossible > 0 {
		fmt.Fprintln(p.stdout, p.say("waf-impossible", a.Impossible))
	}
	if a.OtherACL > 0 {
		fmt.Fprintln(p.stdout, p.say("waf-other-acl", a.OtherACL))
	}
	for _, d := range a.Examples {
		fmt.Fprintln(p.stdout, p.say("waf-differs", d.File, d.Line, d.Logged, d.LoggedRule, d.Decided, d.Rule))
	}
	for _, w := range a.Reasons[:min(5, len(a.Reasons))] {
		fmt.Fprintln(p.stdout, p.say("waf-open", w.Undecidable, w.Key))
	}
}
