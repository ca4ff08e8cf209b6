package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/prevent/iam"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
	replay "github.com/yagura-sec/yagura/replay/iam"
)

// trying is what `yagura iam replay` was asked.
type trying struct {
	history
	proposal, current, kind string
	attach, inventory       []string
	replace                 bool
}

func (p *program) iamReplayCommand() *cobra.Command {
	var t trying
	c := &cobra.Command{
		Use: "replay", Short: p.say("short.iam-replay"), Long: p.say("long.iam-replay"),
		Example: "  yagura iam replay --events ./my-logs --proposal scp.json\n" +
			"  yagura iam replay --proposal boundary.json --kind boundary --attach 'arn:aws:iam::*:role/ci-*' --from -30d\n" +
			"  yagura iam replay --proposal new.json --current today.json --format html > report.html\n" +
			"  yagura iam replay --proposal policy.json --kind identity --attach 'arn:aws:iam::*:role/app' --inventory account.json,buckets/",
		Args:        p.arguments(0, 0, ""),
		Annotations: map[string]string{ownFormats: "html"},
		RunE:        func(c *cobra.Command, _ []string) error { return p.replay(c.Context(), t) },
	}
	f := c.Flags()
	f.StringVar(&t.events, "events", fromLake, p.say("flag.iam-events"))
	f.StringVar(&t.when.from, "from", "", p.say("flag.from"))
	f.StringVar(&t.when.to, "to", "", p.say("flag.to"))
	f.StringVar(&t.proposal, "proposal", "", p.say("flag.iam-proposal"))
	f.StringVar(&t.current, "current", "", p.say("flag.iam-current"))
	f.StringVar(&t.kind, "kind", "scp", p.say("flag.iam-kind"))
	f.StringSliceVar(&t.attach, "attach", nil, p.say("flag.iam-attach"))
	f.StringSliceVar(&t.inventory, "inventory", nil, p.say("flag.iam-replay-inventory"))
	f.BoolVar(&t.replace, "replace", false, p.say("flag.iam-replace"))
	completes(c, "kind", policyKinds...)
	return c
}

// compile reads and compiles a policy.
func (p *program) compile(path string, kind policy.Kind) (*iam.Policy, error) {
	raw, err := p.document(path)
	if err != nil {
		return nil, err
	}
	one, err := iam.Compile(filepath.Base(path), kind, raw)
	if err != nil {
		return nil, &codedError{exitUsage, err}
	}
	return one, nil
}

// policyKind finds a kind by its name.
func (p *program) policyKind(name string) (policy.Kind, error) {
	for k := policy.Identity; k <= policy.Endpoint; k++ {
		if strings.EqualFold(k.String(), name) {
			return k, nil
		}
	}
	return 0, p.wrong("iam-bad-kind", name, join(policyKinds))
}

func (p *program) replay(ctx context.Context, t trying) error {
	kind, err := p.policyKind(t.kind)
	if err != nil {
		return err
	}
	if t.proposal == "" {
		return p.wrong("iam-no-proposal")
	}
	prop := replay.Proposal{Kind: kind, Attach: t.attach, Replace: t.replace}
	if prop.Policy, err = p.compile(t.proposal, kind); err != nil {
		return err
	}
	if len(t.inventory) > 0 {
		if t.current != "" {
			return p.wrong("iam-current-inventory")
		}
		if prop.Today, err = p.organisation(t.inventory); err != nil {
			return err
		}
	}
	if t.current != "" {
		if prop.Current, err = p.compile(t.current, kind); err != nil {
			return err
		}
	}
	if kind == policy.SCP && !t.replace && slices.ContainsFunc(prop.Policy.Document().Statements, func(s policy.Statement) bool { return !s.Deny }) {
		p.note("iam-scp-allows")
	}
	table, err := p.serviceData()
	if err != nil {
		return err
	}
	run, err := replay.New(table, prop)
	if err != nil {
		return err
	}
	n, err := p.records(ctx, t.history, func(raw string) {
		_ = run.AddText(raw) // the report counts what cannot be read
	})
	if err != nil {
		return err
	}
	r := run.Report()
	r.Unreadable += int64(n.refused)
	if n.other > 0 {
		p.note("iam-other-files", n.other)
	}
	if r.Events == 0 && n.files == 0 && t.events != fromLake {
		return p.failed("iam-no-events", t.events)
	}
	if err := p.tellReplay(r); err != nil {
		return err
	}
	if r.NewlyDenied+r.NewlyAllowed+r.Unknown > 0 || n.damaged > 0 {
		return ended(exitFound)
	}
	return nil
}

// changed is a group of calls for which something would change.
type changed struct {
	Change    string    `json:"change" table:"whole" doc:"-"`
	Count     int64     `json:"count" doc:"-"`
	Principal string    `json:"principal" doc:"-"`
	Action    string    `json:"action" doc:"-"`
	Statement string    `json:"statement" doc:"-"`
	Missing   []string  `json:"missing" spare:"2" doc:"-"`
	First     time.Time `json:"first" spare:"4" doc:"-"`
	Last      time.Time `json:"last" spare:"3" doc:"-"`
	Examples  []string  `json:"examples" spare:"1" doc:"-"`
	Resources []string  `json:"resources" table:"-" doc:"-"`
	Sentence  string    `json:"sentence" table:"-" doc:"-"`
}

// lost is an operation that could not be mapped.
type lost struct {
	Operation string `json:"operation" table:"whole" doc:"-"`
	Reason    string `json:"reason" doc:"-"`
	Count     int64  `json:"count" doc:"-"`
	Event     string `json:"event" doc:"-"`
}

func (p *program) tellReplay(r *replay.Report) error {
	switch p.format {
	case "json":
		return sheet.JSON(p.stdout, r)
	case "html":
		return r.HTML(p.stdout)
	}
	rows := make([]changed, 0, len(r.Changes))
	for _, c := range r.Changes {
		row := changed{
			Change: c.Change, Count: c.Count, Principal: c.Principal, Action: c.Action, Statement: c.Statement, Missing: c.Missing,
			First: c.First, Last: c.Last, Examples: c.Events, Resources: c.Resources, Sentence: c.Sentence,
		}
		if p.lang == "ja" {
			row.Sentence = c.Japanese
		}
		if p.format == "table" {
			row.Examples = row.Examples[:min(1, len(row.Examples))]
		}
		rows = append(rows, row)
	}
	if len(rows) > 0 || p.format == "csv" {
		if err := printAll(p, rows); err != nil {
			return err
		}
	}
	if p.format == "csv" {
		return nil
	}
	if len(r.Unmapped) > 0 {
		fmt.Fprintf(p.stdout, "\n%s\n", p.say("section.iam-unmapped"))
		var rows []lost
		for _, u := range r.Unmapped {
			rows = append(rows, lost{u.Operation, u.Why, u.Count, u.Event})
		}
		if err := printAll(p, rows); err != nil {
			return err
		}
	}
	fmt.Fprintf(p.stdout, "\n%s\n", p.say("iam-replayed", r.NewlyDenied, r.NewlyAllowed, r.Unknown, r.NotMapped, r.Decided))
	fmt.Fprintln(p.stdout, p.say("iam-replayed-of", r.Events, r.Unreadable, r.Shared, r.NoCalls, r.OutOfScope, r.Distinct))
	fmt.Fprintln(p.stdout, p.say("iam-agreement-mapping", r.Mapping.Same, r.Mapping.Covered, r.Mapping.Different))
	if r.HasInventory {
		fmt.Fprintln(p.stdout, p.say("iam-replayed-outside", r.Outside))
	}
	if r.HasCurrent || r.HasInventory {
		fmt.Fprintln(p.stdout, p.say("iam-agreement", r.Decisions.Agree, r.Decisions.Differ, r.Decisions.Unknown))
	}
	for _, e := range slices.Concat(r.Mapping.Examples, r.Decisions.Examples) {
		fmt.Fprintln(p.stdout, sheet.Safe("  "+e))
	}
	if r.LeftOut > 0 {
		fmt.Fprintln(p.stdout, p.say("iam-left-out", r.LeftOut))
	}
	return nil
}
