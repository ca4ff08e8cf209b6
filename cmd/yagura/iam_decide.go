package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/prevent/iam"
)

func (p *program) iamDecideCommand() *cobra.Command {
	var table bool
	c := &cobra.Command{
		Use: "decide [FILE | -]", Short: p.say("short.iam-decide"), Long: p.say("long.iam-decide"),
		Example: "  yagura iam decide requests.jsonl\n" +
			"  yagura iam decide requests.jsonl --table",
		Args: p.arguments(0, 1, "FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("format") {
				if p.format == "csv" {
					return p.wrong("iam-decide-format")
				}
				table = table || p.format == "table"
			}
			in, name := p.stdin, "-"
			if len(args) == 1 && args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return p.wrong("no-path", args[0], cause(err))
				}
				defer f.Close() // read only: nothing can be lost
				in, name = f, args[0]
			}
			bad, err := iam.Lines{Table: table, Japanese: p.lang == "ja"}.Decide(in, p.stdout)
			if err == nil && bad > 0 {
				p.note("iam-bad-lines", bad, name)
			}
			return err
		},
	}
	c.Flags().BoolVar(&table, "table", false, p.say("flag.iam-table"))
	return c
}

// document reads a policy from a file or, for -, from standard input.
func (p *program) document(path string) ([]byte, error) {
	var in io.Reader = p.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, p.wrong("no-path", path, cause(err))
		}
		defer f.Close() // read only: nothing can be lost
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxDocument+1))
	if err == nil && len(raw) > maxDocument {
		return nil, p.wrong("iam-too-big", sheet.Safe(path), maxDocument>>20)
	}
	return raw, err
}

// maxDocument bounds one policy document; AWS's own limits are far below.
const maxDocument = 16 << 20
