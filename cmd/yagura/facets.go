package main

import (
	"context"

	"github.com/spf13/cobra"
)

// facetFields are counted when none are named.
var facetFields = []string{"account", "region", "api.operation", "actor.user.uid", "src_endpoint.ip", "status_code"}

func (p *program) facetsCommand() *cobra.Command {
	var s selection
	var names []string
	var top int
	c := &cobra.Command{
		Use: "facets [QUERY | -]", Short: p.say("short.facets"), Long: p.say("long.facets"),
		Example: "  yagura facets 'errorCode:*' --fields eventName,errorCode,sourceIPAddress --top 5",
		Args:    p.arguments(0, 1, "QUERY"),
		RunE: func(c *cobra.Command, args []string) error {
			if top < 1 {
				return p.wrong("bad-top", top)
			}
			return p.ask(c.Context(), &s, args, func(a *asked) error { return p.facets(c.Context(), a, names, top) })
		},
	}
	s.flags(p, c)
	c.Flags().StringSliceVar(&names, "fields", facetFields, p.say("flag.facets"))
	c.Flags().IntVar(&top, "top", 10, p.say("flag.top"))
	return c
}

// facet is one value of a field with how often it stands there.
type facet struct {
	Field string  `json:"field" doc:"field as it was asked for"`
	Value *string `json:"value" doc:"value; absent for the events that have none"`
	Count int64   `json:"count" doc:"events with this value"`
}

func (p *program) facets(ctx context.Context, a *asked, names []string, top int) error {
	fields, err := p.lookup(a.fields, names)
	if err != nil {
		return err
	}
	all, err := a.lake.Facets(ctx, a.filter, fields, top)
	if err != nil {
		return err
	}
	var rows []facet
	for i, values := range all {
		for _, v := range values {
			row := facet{Field: fields[i].Name, Value: &v.Value, Count: v.Count}
			switch {
			case v.None && p.format == "table":
				none := p.say("none")
				row.Value = &none
			case v.None:
				row.Value = nil
			}
			rows = append(rows, row)
		}
	}
	return printAll(p, rows)
}
