package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/source"
)

func (p *program) searchCommand() *cobra.Command {
	var limit int
	var count bool
	c := &cobra.Command{
		Use: "search QUERY", Short: "Find events",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			l, err := p.open(ctx)
			if err != nil {
				return err
			}
			defer l.Close()
			fields, err := lake.Fields(source.Schemas(), func(k string) bool { ok, err := l.HasKey(ctx, k); return ok && err == nil })
			if err != nil {
				return err
			}
			var f ask.Filter
			if len(args) > 0 {
				e, err := query.Parse(args[0])
				if err == nil {
					e, err = query.Check(e, fields, time.Now())
				}
				if err != nil {
					return err
				}
				f.Where = e
			}
			t := time.Now()
			defer func() { fmt.Fprintln(p.stderr, time.Since(t)) }()
			if count {
				n, err := l.Count(ctx, f)
				fmt.Fprintln(p.stdout, n)
				return err
			}
			hits, err := l.Search(ctx, f, ask.Page{Limit: limit, Raw: true})
			for _, h := range hits {
				fmt.Fprintln(p.stdout, stamp(h.Event.At()), h.Source, h.Event.API.Operation, h.Event.User.UID, h.Event.Src.IP, h.ID())
			}
			return err
		},
	}
	c.Flags().IntVar(&limit, "limit", 20, "")
	c.Flags().BoolVar(&count, "count", false, "")
	return c
}
