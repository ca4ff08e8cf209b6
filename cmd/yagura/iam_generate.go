package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	replay "github.com/yagura-sec/yagura/replay/iam"
)

func (p *program) iamGenerateCommand() *cobra.Command {
	var h history
	c := &cobra.Command{
		Use: "generate PRINCIPAL", Short: p.say("short.iam-generate"), Long: p.say("long.iam-generate"),
		Example: "  yagura iam generate arn:aws:iam::111122223333:role/app --events ./my-logs > app.json\n" +
			"  yagura iam generate app --from -90d --format json",
		Args: p.arguments(1, 1, "PRINCIPAL"),
		RunE: func(c *cobra.Command, args []string) error {
			if p.format == "csv" {
				return p.wrong("iam-generate-format")
			}
			return p.generate(c.Context(), h, args[0])
		},
	}
	f := c.Flags()
	f.StringVar(&h.events, "events", fromLake, p.say("flag.iam-events"))
	f.StringVar(&h.when.from, "from", "", p.say("flag.from"))
	f.StringVar(&h.when.to, "to", "", p.say("flag.to"))
	return c
}

func (p *program) generate(ctx context.Context, h history, principal string) error {
	table, err := p.serviceData()
	if err != nil {
		return err
	}
	g, err := replay.NewGenerator(table, principal)
	if err != nil {
		return err
	}
	n, err := p.records(ctx, h, func(raw string) {
		_ = g.AddText(raw) // the comments count what cannot be read
	})
	if err != nil {
		return err
	}
	out, err := g.Policy()
	if err != nil {
		return err
	}
	if n.refused+n.damaged > 0 {
		out.Comments = append(out.Comments, fmt.Sprintf("%d records and the rest of %d files could not be read", n.refused, n.damaged))
	}
	if p.format == "json" {
		return sheet.JSON(p.stdout, out)
	}
	for _, c := range out.Comments {
		p.note("iam-comment", c)
	}
	_, err = fmt.Fprintf(p.stdout, "%s\n", out.Policy)
	return err
}
