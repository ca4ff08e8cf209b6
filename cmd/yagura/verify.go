package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/source/cloudtrail/digest"
)

func (p *program) verifyCommand() *cobra.Command {
	var s selection
	var keys, bucket string
	var strict bool
	c := &cobra.Command{
		Use: "verify PATH", Short: p.say("short.verify"), Long: p.say("long.verify"),
		Example: "  aws cloudtrail list-public-keys --start-time 2026-10-01 --end-time 2026-11-01 > keys.json\n" +
			"  yagura verify ./my-logs --public-keys keys.json\n" +
			"  yagura verify ./my-logs --format json | jq '.objects[] | select(.status != \"valid\")'",
		Args: p.arguments(1, 1, "PATH"),
		RunE: func(c *cobra.Command, args []string) error {
			o := digest.Options{Bucket: bucket, Strict: strict}
			var err error
			if o.Keys, err = p.publicKeys(keys); err != nil {
				return err
			}
			if o.From, o.To, err = p.span(&s); err != nil {
				return err
			}
			if !o.To.IsZero() {
				o.To = o.To.Add(-time.Nanosecond) // there the end is inclusive
			}
			return p.verify(c.Context(), args[0], o)
		},
	}
	f := c.Flags()
	f.StringVar(&keys, "public-keys", "", p.say("flag.public-keys"))
	f.StringVar(&s.from, "from", "", p.say("flag.from"))
	f.StringVar(&s.to, "to", "", p.say("flag.to"))
	f.StringVar(&bucket, "bucket", "", p.say("flag.bucket"))
	f.BoolVar(&strict, "strict", false, p.say("flag.strict"))
	return c
}

func (p *program) verify(ctx context.Context, path string, o digest.Options) error {
	st, err := os.Stat(path)
	if err != nil {
		return p.wrong("no-path", path, cause(err))
	}
	if !st.IsDir() {
		return p.wrong("verify-file", path)
	}
	r, err := digest.Check(ctx, os.DirFS(path), o)
	if err != nil {
		return err
	}
	switch p.format {
	case "json":
		err = sheet.JSON(p.stdout, verified{!r.Failed(), r})
	case "csv":
		err = printAll(p, judgements(r, func(digest.Object) bool { return true }))
	default:
		err = p.verdict(r)
	}
	if err == nil && r.Failed() {
		return ended(exitFailed)
	}
	return err
}

// verified is the report with its conclusion.
type verified struct {
	OK bool `json:"ok" doc:"everything that digests cover is proved"`
	*digest.Report
}

// judged is the verdict on one digest or log file.
type judged struct {
	Status string `json:"status" table:"whole" doc:"-"`
	Reason string `json:"reason" table:"whole" doc:"-"`
	Kind   string `json:"kind" table:"whole" doc:"-"`
	Key    string `json:"key" doc:"-"`
	Detail string `json:"detail" doc:"-"`
}

func judgements(r *digest.Report, want func(digest.Object) bool) []judged {
	var rows []judged
	for _, o := range r.Objects {
		if want(o) {
			rows = append(rows, judged{o.Status, o.Reason, o.Kind, o.Key, o.Detail})
		}
	}
	return rows
}

// tested counts verdicts.
type tested struct {
	Kind    string `json:"kind" doc:"-"`
	Count   int    `json:"count" doc:"-"`
	Valid   int    `json:"valid" doc:"-"`
	Invalid int    `json:"invalid" doc:"-"`
	Unknown int    `json:"unknown" doc:"-"`
}

// chain is a chain of digests in a table.
type chain struct {
	Account string    `json:"account" doc:"-"`
	Region  string    `json:"region" doc:"-"`
	Trail   string    `json:"trail" doc:"-"`
	First   time.Time `json:"first" spare:"2" doc:"-"`
	Last    time.Time `json:"last" spare:"1" doc:"-"`
	Digests int       `json:"digests" doc:"-"`
	Valid   int       `json:"valid" doc:"-"`
	Missing int       `json:"missing" doc:"-"`
	Gaps    int       `json:"gaps" doc:"-"`
}

// shownVerdicts is how many files that are not proved a table names.
const shownVerdicts = 100

// shownNotices is how many notices a table names.
const shownNotices = 30

// verdict writes the report for people.
func (p *program) verdict(r *digest.Report) error {
	t := r.Totals
	err := printAll(p, []tested{
		{p.say("digests"), t.Digests, t.DigestsValid, t.DigestsInvalid, t.DigestsUnknown},
		{p.say("log-files"), t.Logs, t.LogsValid, t.LogsInvalid, t.LogsUnknown},
	})
	if err != nil {
		return err
	}
	var chains []chain
	for _, c := range r.Chains {
		chains = append(chains, chain{c.Account, c.Region, c.Trail, c.First, c.Last, c.Digests, c.Valid, c.Missing, len(c.Gaps)})
	}
	if len(chains) > 0 {
		fmt.Fprintf(p.stdout, "\n%s\n", p.say("section.chains"))
		if err := printAll(p, chains); err != nil {
			return err
		}
	}
	if len(r.Notices) > 0 {
		fmt.Fprintf(p.stdout, "\n%s\n", p.say("section.notices"))
		for _, n := range r.Notices[:min(len(r.Notices), shownNotices)] {
			fmt.Fprintln(p.stdout, sheet.Safe("  "+n.Code+": "+n.Detail))
		}
		if rest := len(r.Notices) - shownNotices; rest > 0 {
			fmt.Fprintln(p.stdout, p.say("list-rest-json", rest))
		}
	}
	if bad := judgements(r, func(o digest.Object) bool { return o.Status != "valid" }); len(bad) > 0 {
		fmt.Fprintf(p.stdout, "\n%s\n", p.say("section.unproved"))
		if err := printAll(p, bad[:min(len(bad), shownVerdicts)]); err != nil {
			return err
		}
		if rest := len(bad) - shownVerdicts; rest > 0 {
			fmt.Fprintln(p.stdout, p.say("list-rest-json", rest))
		}
	}
	key := "verify-ok"
	switch {
	case t.Digests == 0:
		key = "verify-nothing"
	case r.Failed():
		key = "verify-failed"
	case t.LogsNotCovered > 0:
		key = "verify-uncovered"
	}
	fmt.Fprintf(p.stdout, "\n%s\n", p.say(key, t.LogsValid, t.Logs))
	return nil
}
