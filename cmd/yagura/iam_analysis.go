package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/prevent/iam"
	"github.com/yagura-sec/yagura/prevent/iam/finding"
)

// analysis makes a verb over an inventory.
func (p *program) analysis(c *cobra.Command, args int, what string, do func(o *iam.Organisation, args []string) error) *cobra.Command {
	var inventory []string
	c.Args = p.arguments(args, args, what)
	c.RunE = func(_ *cobra.Command, args []string) error {
		o, err := p.organisation(inventory)
		if err != nil {
			return err
		}
		return do(o, args)
	}
	c.Flags().StringSliceVar(&inventory, "inventory", nil, p.say("flag.iam-inventory"))
	return c
}

// organisation loads an inventory.
func (p *program) organisation(paths []string) (*iam.Organisation, error) {
	if len(paths) == 0 {
		return nil, p.wrong("iam-no-inventory")
	}
	if err := p.exist(paths); err != nil {
		return nil, err
	}
	return iam.LoadOrganisation(paths...)
}

// permitted is one answer to who may do what.
type permitted struct {
	Decision  string          `json:"decision" table:"whole" doc:"Allowed, or Unknown if it depends on the condition"`
	Principal string          `json:"principal" doc:"who may"`
	Actions   []string        `json:"actions" doc:"actions; service:* stands for all of a service"`
	Resource  string          `json:"resource" doc:"ARN, pattern of ARNs, or *"`
	Condition string          `json:"condition,omitempty" doc:"what must hold, in one line"`
	Residual  json.RawMessage `json:"residual,omitempty" table:"-" doc:"the same as a tree, as iam decide writes it"`
	By        []string        `json:"by" spare:"2" doc:"statements that allow it: policy, statement and Sid"`
	Assumes   string          `json:"assumes,omitempty" spare:"1" doc:"what the answer takes for granted"`
}

func statements(ms []finding.Statement) []string {
	out := make([]string, 0, len(ms))
	for _, m := range ms {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s[%d] %s", m.Kind, m.Policy, m.Statement, m.Sid)))
	}
	return out
}

func (p *program) printAccess(found []finding.Access, err error) error {
	if err != nil {
		return err
	}
	rows := make([]permitted, 0, len(found))
	for _, a := range found {
		rows = append(rows, permitted{a.Decision, a.Principal, a.Actions, a.Resource, a.Condition, a.Residual, statements(a.By), a.Assumes})
	}
	if len(rows) == 0 {
		p.note("iam-nobody")
	}
	return printAll(p, rows)
}

func (p *program) iamWhoCanCommand() *cobra.Command {
	return p.analysis(&cobra.Command{
		Use: "who-can ACTION RESOURCE", Short: p.say("short.iam-who-can"), Long: p.say("long.iam-who-can"),
		Example: "  yagura iam who-can s3:GetObject 'arn:aws:s3:::payroll/*' --inventory account.json,buckets/",
	}, 2, "ACTION RESOURCE", func(o *iam.Organisation, args []string) error { return p.printAccess(o.WhoCan(args[0], args[1])) })
}

func (p *program) iamCanCommand() *cobra.Command {
	return p.analysis(&cobra.Command{
		Use: "can PRINCIPAL", Short: p.say("short.iam-can"), Long: p.say("long.iam-can"),
		Example: "  yagura iam can arn:aws:iam::111122223333:role/app --inventory account.json",
	}, 1, "PRINCIPAL", func(o *iam.Organisation, args []string) error { return p.printAccess(o.Can(args[0])) })
}

// opening is one way into a resource from outside.
type opening struct {
	Kind      string           `json:"kind" table:"whole" doc:"public, cross-organisation, cross-account, federated or confused-deputy"`
	Resource  string           `json:"resource" doc:"ARN of what the policy is attached to"`
	Account   string           `json:"account" spare:"3" doc:"owner of the resource"`
	Principal string           `json:"principal" doc:"who can come in"`
	Actions   []string         `json:"actions" doc:"known actions that the statement grants"`
	Statement string           `json:"statement" spare:"1" doc:"policy, statement and Sid"`
	Witness   *finding.Witness `json:"witness" table:"-" doc:"request that the engine allows"`
	Assumes   string           `json:"assumes,omitempty" spare:"2" doc:"what the answer takes for granted"`
}

func (p *program) iamPublicCommand() *cobra.Command {
	return p.analysis(&cobra.Command{
		Use: "public", Short: p.say("short.iam-public"), Long: p.say("long.iam-public"),
		Example: "  yagura iam public --inventory account.json,buckets/,organisation.json",
	}, 0, "", func(o *iam.Organisation, _ []string) error {
		found, err := o.Public()
		if err != nil {
			return err
		}
		rows := make([]opening, 0, len(found))
		for _, x := range found {
			rows = append(rows, opening{
				x.Kind, x.Resource, x.Account, x.Principal, x.Actions,
				strings.TrimSpace(fmt.Sprintf("%s[%d] %s", x.Policy, x.Statement, x.Sid)), &x.Witness, x.Assumes,
			})
		}
		if err := printAll(p, rows); err != nil {
			return err
		}
		if len(rows) > 0 {
			return ended(exitFound)
		}
		return nil
	})
}

// escalation is one step of a path in a table.
type escalation struct {
	Principal string   `json:"principal" doc:"-"`
	Step      int      `json:"step" doc:"-"`
	From      string   `json:"from" spare:"2" doc:"-"`
	Method    string   `json:"method" doc:"-"`
	To        string   `json:"to" doc:"-"`
	By        []string `json:"by" spare:"1" doc:"-"`
	Assumes   string   `json:"assumes" spare:"3" doc:"-"`
}

func (p *program) iamEscalateCommand() *cobra.Command {
	return p.analysis(&cobra.Command{
		Use: "escalate", Short: p.say("short.iam-escalate"), Long: p.say("long.iam-escalate"),
		Example: "  yagura iam escalate --inventory account.json --format json",
	}, 0, "", func(o *iam.Organisation, _ []string) error {
		e, err := o.Escalate()
		if err != nil {
			return err
		}
		if p.format == "json" {
			err = sheet.JSON(p.stdout, e)
		} else {
			err = p.printPaths(e)
		}
		if err == nil && len(e.Paths)+len(e.Undecided) > 0 {
			return ended(exitFound)
		}
		return err
	})
}

func (p *program) printPaths(e finding.Escalation) error {
	rows := []escalation{}
	for _, path := range e.Paths {
		for i, s := range path.Steps {
			row := escalation{Principal: path.Principal, Step: i + 1, From: s.From, Method: s.Method, To: s.To, Assumes: s.Assumes}
			for _, n := range s.Needs {
				row.By = append(row.By, statements(n.By)...)
			}
			rows = append(rows, row)
		}
	}
	if err := printAll(p, rows); err != nil || p.format == "csv" {
		return err
	}
	fmt.Fprintf(p.stdout, "\n%s\n", p.say("iam-escalated", len(e.Paths), len(e.Admins), len(e.Undecided)))
	for _, b := range e.Breaks {
		fmt.Fprintln(p.stdout, p.say("iam-break", fmt.Sprintf("%s %s[%d] %s", b.Kind, b.Policy, b.Statement.Statement, b.Sid), b.Stops))
	}
	for _, u := range e.Undecided {
		fmt.Fprintln(p.stdout, sheet.Safe("? "+u))
	}
	return nil
}

// gained is access that new policies give and old ones did not.
type gained struct {
	Actions  []string         `json:"actions" doc:"-"`
	Resource string           `json:"resource" doc:"-"`
	By       []string         `json:"by" spare:"1" doc:"-"`
	Sentence string           `json:"sentence" doc:"-"`
	Witness  *finding.Witness `json:"witness" table:"-" doc:"-"`
}

func (p *program) iamDiffCommand() *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use: "diff OLD NEW", Short: p.say("short.iam-diff"), Long: p.say("long.iam-diff"),
		Example: "  yagura iam diff main/policy.json branch/policy.json\n  yagura iam diff old-scp.json new-scp.json --kind scp --format json",
		Args:    p.arguments(2, 2, "OLD NEW"),
		RunE: func(_ *cobra.Command, args []string) error {
			k, err := p.policyKind(kind)
			if err != nil {
				return err
			}
			var sides [2][]*iam.Policy
			for i, path := range args {
				one, err := p.compile(path, k)
				if err != nil {
					return err
				}
				sides[i] = []*iam.Policy{one}
			}
			d, err := iam.Diff(sides[0], sides[1])
			if err != nil {
				return err
			}
			return p.printDifference(d)
		},
	}
	c.Flags().StringVar(&kind, "kind", "identity", p.say("flag.iam-kind"))
	completes(c, "kind", policyKinds...)
	return c
}

func (p *program) printDifference(d finding.Difference) error {
	var err error
	if p.format == "json" {
		err = sheet.JSON(p.stdout, d)
	} else if len(d.Added) > 0 || p.format == "csv" {
		rows := []gained{}
		for _, a := range d.Added {
			rows = append(rows, gained{a.Actions, a.Witness.Resource, statements(a.By), a.Sentence, &a.Witness})
		}
		err = printAll(p, rows)
	}
	switch {
	case err != nil:
		return err
	case d.Answer == "no":
		p.note("iam-diff-no")
		return nil
	case d.Answer == "yes":
		p.note("iam-diff-yes", len(d.Added))
	default:
		p.note("iam-diff-unknown")
	}
	for _, o := range d.Open {
		p.tell("iam-open", o)
	}
	return ended(exitFound)
}
