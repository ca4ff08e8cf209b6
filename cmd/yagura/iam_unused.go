package main

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/prevent/iam"
	replay "github.com/yagura-sec/yagura/replay/iam"
)

// idle is what a principal may do and did not.
type idle struct {
	Principal string    `json:"principal" table:"whole" doc:"role or user of the inventory"`
	Calls     int64     `json:"calls" doc:"calls that went through, in the history"`
	Last      time.Time `json:"last" doc:"of them; absent if there is none: the principal is unused"`
	Granted   int       `json:"granted" doc:"actions that it may call, some perhaps under conditions"`
	Services  []string  `json:"services" doc:"services that it may use and did not"`
	Actions   []string  `json:"actions" table:"-" doc:"actions that it may call and did not, of services that it used"`
	Rest      int       `json:"rest" table:"only" doc:"-"` // number of Actions
}

func (p *program) iamUnusedCommand() *cobra.Command {
	var h history
	var paths []string
	c := p.analysis(&cobra.Command{
		Use: "unused", Short: p.say("short.iam-unused"), Long: p.say("long.iam-unused"),
		Example: "  yagura iam unused --inventory account.json --from -90d\n" +
			"  yagura iam unused --inventory account.json --events ./my-logs --format json",
	}, 0, "", nil)
	c.RunE = func(c *cobra.Command, _ []string) error {
		paths, _ = c.Flags().GetStringSlice("inventory")
		o, err := p.organisation(paths)
		if err != nil {
			return err
		}
		return p.unused(c.Context(), h, o, paths)
	}
	f := c.Flags()
	f.StringVar(&h.events, "events", fromLake, p.say("flag.iam-events"))
	f.StringVar(&h.when.from, "from", "", p.say("flag.from"))
	f.StringVar(&h.when.to, "to", "", p.say("flag.to"))
	return c
}

func (p *program) unused(ctx context.Context, h history, o *iam.Organisation, paths []string) error {
	table, err := p.serviceData()
	if err != nil {
		return err
	}
	u, err := replay.NewUsage(table)
	if err != nil {
		return err
	}
	refused := 0
	n, err := p.records(ctx, h, func(raw string) {
		if u.AddText(raw) != nil {
			refused++
		}
	})
	if err != nil {
		return err
	}
	if u.Calls == 0 {
		return p.failed("iam-no-history")
	}
	principals, err := principalsOf(paths)
	if err != nil {
		return err
	}
	var rows []idle
	for _, arn := range principals {
		found, err := o.Can(arn)
		if err != nil {
			return err
		}
		var granted []string
		for _, a := range found {
			granted = append(granted, a.Actions...)
		}
		x, err := u.Unused(arn, granted)
		if err != nil {
			return err
		}
		if x.Calls == 0 || len(x.Services)+len(x.Actions) > 0 {
			rows = append(rows, idle{x.Principal, x.Calls, x.Last, x.Granted, x.Services, x.Actions, len(x.Actions)})
		}
	}
	if err := printAll(p, rows); err != nil {
		return err
	}
	p.note("iam-unused-span", u.Calls, u.From.UTC().Format(time.RFC3339), u.To.UTC().Format(time.RFC3339))
	if refused+n.refused+n.damaged > 0 {
		p.note("iam-unused-lost", refused+n.refused, n.damaged)
	}
	if len(rows) > 0 {
		return ended(exitFound)
	}
	return nil
}

// principalsOf lists the users and roles of an inventory, once each, in the order
// of the files. Service-linked roles are AWS's own and are left out.
func principalsOf(paths []string) (out []string, err error) {
	type details struct {
		Users []struct{ Arn string } `json:"UserDetailList"`
		Roles []struct{ Arn string } `json:"RoleDetailList"`
	}
	seen := map[string]bool{}
	read := func(path string) error {
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var all []details
		if json.Unmarshal(raw, &all) != nil {
			var one details
			_ = json.Unmarshal(raw, &one) // the inventory has been loaded: what is no such object is another part of it
			all = []details{one}
		}
		for _, d := range all {
			for _, x := range append(d.Users, d.Roles...) {
				if x.Arn != "" && !seen[x.Arn] && !strings.Contains(x.Arn, ":role/aws-service-role/") {
					seen[x.Arn] = true
					out = append(out, x.Arn)
				}
			}
		}
		return nil
	}
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path != root && !strings.HasSuffix(path, ".json") {
				return err
			}
			return read(path)
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
