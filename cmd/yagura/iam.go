package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
)

func (p *program) iamCommand() *cobra.Command {
	c := &cobra.Command{Use: "iam", Short: p.say("short.iam"), Long: p.say("long.iam"), Args: cobra.ArbitraryArgs, RunE: p.group}
	c.AddCommand(p.iamDecideCommand(), p.iamLintCommand(), p.iamDiffCommand(), p.iamWhoCanCommand(), p.iamCanCommand(), p.iamPublicCommand(), p.iamEscalateCommand(),
		p.iamReplayCommand(), p.iamGenerateCommand(), p.iamUnusedCommand(), p.iamActionsCommand(), p.iamDataCommand())
	return c
}

// serviceData gives the table of actions: the one of the configuration file, or
// the program's own.
func (p *program) serviceData() (*actions.Table, error) {
	if p.settings.ServiceData != "" {
		return actions.Load(p.settings.ServiceData)
	}
	return actions.Embedded()
}

// served says where the service data comes from.
type served struct {
	Package           string    `json:"package" doc:"npm package that the data was read from"`
	Version           string    `json:"version" doc:"version of that package"`
	Licence           string    `json:"licence" doc:"licence of that package"`
	Updated           time.Time `json:"updated" doc:"when the package's data last changed"`
	DependentsPackage string    `json:"dependentsPackage" doc:"where the actions come from that another action depends on"`
	DependentsVersion string    `json:"dependentsVersion" doc:"version of that"`
	DependentsLicence string    `json:"dependentsLicence" doc:"licence of that"`
	File              string    `json:"file,omitempty" doc:"file that the configuration names; absent for the data inside the program"`
	Services          int       `json:"services" doc:"service prefixes"`
	Actions           int       `json:"actions" doc:"actions"`
	ResourceTypes     int       `json:"resourceTypes" doc:"resource types"`
	Keys              int       `json:"keys" doc:"distinct condition keys, global ones included"`
	RCPServices       int       `json:"rcpServices" doc:"services whose resources obey resource control policies"`
}

// named is a name with its value, for tables.
type named struct {
	Name  string `json:"name" doc:"-"`
	Value string `json:"value" doc:"-"`
}

func (p *program) iamDataCommand() *cobra.Command {
	return &cobra.Command{
		Use: "data", Short: p.say("short.iam-data"), Long: p.say("long.iam-data"), Args: p.arguments(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			t, err := p.serviceData()
			if err != nil {
				return err
			}
			if p.format != "table" {
				return printAll(p, []served{served(t.Source())})
			}
			var rows []named
			for _, r := range t.Source().Rows() {
				rows = append(rows, named{r[0], r[1]})
			}
			return printAll(p, rows)
		},
	}
}

// known is one action of the service data.
type known struct {
	Action    string   `json:"action" table:"whole" doc:"service:Name, as in a policy"`
	Level     string   `json:"level" table:"whole" doc:"List, Read, Write, Tagging or Permissions management"`
	Resources []string `json:"resources" doc:"resource types that a statement may name, with a star if every call needs one; none: only * matches"`
	Keys      []string `json:"keys" spare:"2" doc:"condition keys of the action itself; those of the resource types and the global ones are left out"`
	Dependent []string `json:"dependent" spare:"1" doc:"actions that a call may need as well"`
}

func (p *program) iamActionsCommand() *cobra.Command {
	var q actions.Query
	c := &cobra.Command{
		Use: "actions [PATTERN…]", Short: p.say("short.iam-actions"), Long: p.say("long.iam-actions"),
		Example: "  yagura iam actions 's3:Get*' --level write --resource-type bucket\n" +
			"  yagura iam actions --key iam:PassedToService --format json",
		Args: p.arguments(0, unlimited, ""),
		RunE: func(_ *cobra.Command, args []string) error {
			t, err := p.serviceData()
			if err != nil {
				return err
			}
			q.Patterns = args
			found, err := t.Find(q)
			if err != nil {
				return &codedError{exitUsage, err}
			}
			rows := make([]known, 0, len(found))
			for _, a := range found {
				row := known{Action: a.Service + ":" + a.Name, Level: a.Level, Keys: a.Keys, Dependent: a.Dependent}
				for _, r := range a.Resources {
					if r.Required {
						r.Name += "*"
					}
					row.Resources = append(row.Resources, r.Name)
				}
				rows = append(rows, row)
			}
			if len(rows) == 0 {
				p.note("iam-no-actions")
			}
			return printAll(p, rows)
		},
	}
	f := c.Flags()
	f.StringVar(&q.Level, "level", "", p.say("flag.iam-access-level"))
	f.StringVar(&q.ResourceType, "resource-type", "", p.say("flag.iam-resource-type"))
	f.StringVar(&q.Key, "key", "", p.say("flag.iam-key"))
	completes(c, "level", "list", "read", "write", "tagging", "permissions-management")
	return c
}
