package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (p *program) statsCommand() *cobra.Command {
	var s selection
	var names []string
	c := &cobra.Command{
		Use: "stats [QUERY | -]", Short: p.say("short.stats"), Long: p.say("long.stats"),
		Example: "  yagura stats --source vpcflow --field bytes\n  yagura stats 'errorCode:*' --field userAgent,sourceIPAddress",
		Args:    p.arguments(0, 1, "QUERY"),
		RunE: func(c *cobra.Command, args []string) error {
			if len(names) == 0 {
				return p.wrong("no-field")
			}
			return p.ask(c.Context(), &s, args, func(a *asked) error { return p.stats(c.Context(), a, names) })
		},
	}
	s.flags(p, c)
	c.Flags().StringSliceVar(&names, "field", nil, p.say("flag.field"))
	return c
}

// statistics describes the values of one field.
type statistics struct {
	Field    string `json:"field" doc:"field as it was asked for"`
	Kind     string `json:"kind" doc:"type of its values: string, int, time, ip, bool or list"`
	Events   int64  `json:"events" doc:"events that pass the query"`
	Present  int64  `json:"present" doc:"events of these that have a value"`
	Distinct int64  `json:"distinct" doc:"different values"`
	Min      string `json:"min,omitempty" doc:"smallest value"`
	Max      string `json:"max,omitempty" doc:"largest value"`
}

func (p *program) stats(ctx context.Context, a *asked, names []string) error {
	fields, err := p.lookup(a.fields, names)
	if err != nil {
		return err
	}
	var rows []statistics
	for _, f := range fields {
		s, err := a.lake.Statistics(ctx, a.filter, f)
		if err != nil {
			return err
		}
		rows = append(rows, statistics{f.Name, f.Kind.String(), s.Events, s.Present, s.Distinct, s.Min, s.Max})
	}
	return printAll(p, rows)
}
