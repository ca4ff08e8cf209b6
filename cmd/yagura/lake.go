package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/source"
)

func (p *program) lakeCommand() *cobra.Command {
	c := &cobra.Command{Use: "lake", Short: p.say("short.lake"), Args: cobra.ArbitraryArgs, RunE: p.group}
	var repair bool
	check := &cobra.Command{
		Use: "check", Short: p.say("short.check"), Long: p.say("long.check"), Args: p.arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(l *lake.Lake) error { return p.check(c.Context(), l, repair) })
		},
	}
	check.Flags().BoolVar(&repair, "repair", false, p.say("flag.repair"))
	compact := &cobra.Command{
		Use: "compact", Short: p.say("short.compact"), Long: p.say("long.compact"), Args: p.arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			return p.writing(c.Context(), func(w *lake.Writer) error { return p.compact(c.Context(), w) })
		},
	}
	retain := &cobra.Command{
		Use: "retain", Short: p.say("short.retain"), Long: p.say("long.retain"), Args: p.arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			if len(p.settings.Retention) == 0 {
				return p.wrong("no-retention")
			}
			return p.writing(c.Context(), func(w *lake.Writer) error { return p.retain(c.Context(), w) })
		},
	}
	c.AddCommand(check, compact, retain)
	return c
}

// writing takes the right to change the lake.
func (p *program) writing(ctx context.Context, do func(w *lake.Writer) error) error {
	return p.with(ctx, func(l *lake.Lake) error {
		w, err := l.Write(ctx)
		if err != nil {
			return err
		}
		err = do(w)
		if cerr := w.Close(); err == nil {
			err = cerr
		}
		return err
	})
}

// checked is the outcome of a check.
type checked struct {
	Sound       bool      `json:"sound" doc:"nothing is wrong, or all was repaired"`
	Objects     int       `json:"objects" doc:"source objects"`
	Files       int       `json:"files" doc:"Parquet files"`
	Rows        int64     `json:"rows" doc:"events"`
	Bytes       int64     `json:"bytes" doc:"size of the files with their indexes"`
	Duplicates  int64     `json:"duplicates" doc:"events that came more than once and are kept once"`
	Quarantined int64     `json:"quarantined" doc:"records that cannot be read"`
	Expired     int64     `json:"expired" doc:"events that retention removed"`
	Problems    []problem `json:"problems" table:"-" doc:"what is wrong: code (missing, damaged, rows, sidecar, object, orphan), subject, detail, fix, repaired"`
}

// problem is something that is not as the catalogue says.
type problem struct {
	Code     string `json:"code" table:"whole" doc:"-"`
	Subject  string `json:"subject" doc:"-"`
	Detail   string `json:"detail" doc:"-"`
	Fix      string `json:"fix" doc:"-"`
	Repaired bool   `json:"repaired" doc:"-"`
}

func (p *program) check(ctx context.Context, l *lake.Lake, repair bool) error {
	first, _, err := l.Span(ctx)
	if err != nil {
		return err
	}
	if first.IsZero() {
		p.note("empty-lake", p.data)
	}
	bar := p.progress("progress.check")
	r, err := l.Check(ctx, repair, func(done, total int64) {
		bar.total(total)
		bar.at(done)
	})
	bar.end()
	if err != nil {
		return err
	}
	out := checked{r.Sound(), r.Objects, r.Files, r.Rows, r.Bytes, r.Duplicates, r.Quarantined, r.Expired, []problem{}}
	for _, x := range r.Problems {
		out.Problems = append(out.Problems, problem(x))
	}
	if err := printAll(p, []checked{out}); err != nil {
		return err
	}
	if p.format == "table" {
		if len(out.Problems) > 0 {
			fmt.Fprintln(p.stdout)
			if err := printAll(p, out.Problems); err != nil {
				return err
			}
		} else {
			fmt.Fprintln(p.stdout, p.say("sound"))
		}
	}
	if len(out.Problems) > 0 {
		if !repair {
			p.note("try-repair")
		}
		return ended(exitFound)
	}
	return nil
}

func (p *program) compact(ctx context.Context, w *lake.Writer) error {
	bar := p.progress("progress.compacting")
	var rows int64
	err := w.Compact(ctx, true, func(done, total int64) {
		rows = done
		bar.total(total)
		bar.at(done)
	})
	bar.end()
	if err != nil {
		return err
	}
	return printAll(p, []compacted{{rows}})
}

// compacted is what a compaction did.
type compacted struct {
	Rows int64 `json:"rows" doc:"events that were written anew, sorted and indexed"`
}

// retained is what retention removed of one source.
type retained struct {
	Source  string    `json:"source" doc:"name of the source"`
	Days    int       `json:"days" doc:"days that are kept, from the configuration file"`
	Before  time.Time `json:"before" doc:"days that ended before this time were removed"`
	Removed int64     `json:"removed" doc:"events that were removed"`
}

func (p *program) retain(ctx context.Context, w *lake.Writer) error {
	var rows []retained
	for _, n := range slices.Sorted(maps.Keys(p.settings.Retention)) {
		days := p.settings.Retention[n]
		cutoff := p.now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -days)
		removed, err := w.Retain(ctx, source.Named(n).Schema(), cutoff)
		if err != nil {
			return err
		}
		rows = append(rows, retained{n, days, cutoff, removed})
	}
	return printAll(p, rows)
}
