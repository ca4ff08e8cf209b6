package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ingest"
	"github.com/yagura-sec/yagura/source"
)

func (p *program) ingestCommand() *cobra.Command {
	var force string
	var replace, noCompact bool
	c := &cobra.Command{
		Use: "ingest PATH…", Short: "Bring log files into the lake",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg := ingest.Config{Roots: args, Sources: source.All(), Replace: replace, Compact: !noCompact, Options: p.settings.Sources}
			if force != "" {
				if cfg.Force = source.Named(force); cfg.Force == nil {
					return usage("--source %q: there is no such source", force)
				}
				cfg.Sources = []yagura.Source{cfg.Force}
			}
			return p.ingest(cmd.Context(), cfg)
		},
	}
	c.Flags().StringVar(&force, "source", "", "read every file as this source")
	c.Flags().BoolVar(&replace, "replace", false, "take the new content of files that changed since they were ingested")
	c.Flags().BoolVar(&noCompact, "no-compact", false, "do not compact at the end")
	return c
}

func (p *program) ingest(ctx context.Context, cfg ingest.Config) error {
	l, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	s, err := ingest.Run(ctx, l, cfg)
	if s != nil {
		t := s.Totals()
		fmt.Fprintf(p.stdout, "%d objects, %d records, %d rows, %d duplicates, %d quarantined; known %d, unclaimed %d, damaged %d; %s + compaction %s, %.0f records/s\n",
			t.Objects, t.Records, t.Rows, t.Duplicates, t.Quarantined, s.Known, len(s.Unclaimed), len(s.Damaged), s.Elapsed, s.Compaction, float64(t.Records)/s.Elapsed.Seconds())
		for _, n := range s.Damaged {
			fmt.Fprintln(p.stderr, n.Path, n.Reason)
		}
	}
	return err
}
