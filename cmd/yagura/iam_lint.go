package main

import (
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/prevent/iam"
	"github.com/yagura-sec/yagura/prevent/iam/sarif"
)

// smell is one finding of the linter.
type smell struct {
	Level   string `json:"level" table:"whole" doc:"error, security_warning, warning or suggestion"`
	Code    string `json:"code" table:"whole" doc:"code of the check, of IAM Access Analyzer unless own"`
	File    string `json:"file" table:"whole" doc:"file with the policy"`
	Line    int    `json:"line" doc:"line, from 1"`
	Column  int    `json:"column" doc:"column in characters, from 1"`
	Path    string `json:"path" spare:"1" doc:"element of the policy, as Statement[0].Action[1]"`
	Message string `json:"message" doc:"what is wrong and what to do"`
	Own     bool   `json:"own" table:"-" doc:"Access Analyzer has no such check"`
}

// linting is what `yagura iam lint` was asked.
type linting struct {
	kind, level string
}

func (p *program) iamLintCommand() *cobra.Command {
	var l linting
	c := &cobra.Command{
		Use: "lint FILE | DIR | -", Short: p.say("short.iam-lint"), Long: p.say("long.iam-lint"),
		Example: "  yagura iam lint policies/ --level error\n" +
			"  yagura iam lint scp.json --kind scp --format sarif > scp.sarif",
		Args:        p.arguments(1, unlimited, "FILE"),
		Annotations: map[string]string{ownFormats: "sarif"},
		RunE:        func(_ *cobra.Command, args []string) error { return p.lint(l, args) },
	}
	f := c.Flags()
	f.StringVar(&l.kind, "kind", "", p.say("flag.iam-lint-kind"))
	f.StringVar(&l.level, "level", "warning", p.say("flag.iam-lint-level"))
	completes(c, "kind", policyKinds...)
	completes(c, "level", "error", "security_warning", "warning", "suggestion")
	return c
}

// policyKinds are the places where a policy is attached.
var policyKinds = []string{"identity", "boundary", "session", "resource", "scp", "rcp", "endpoint"}

func (p *program) lint(l linting, paths []string) error {
	if _, err := (iam.LintFinding{}).AtLeast(l.level); err != nil {
		return &codedError{exitUsage, err}
	}
	table, err := p.serviceData()
	if err != nil {
		return err
	}
	linter := &iam.Linter{Table: table, Kind: l.kind}
	if _, err := linter.Lint("", nil); err != nil { // the kind is wrong
		return &codedError{exitUsage, err}
	}
	var findings []iam.LintFinding
	documents := 0
	for _, path := range paths {
		found, n, err := p.lintPath(linter, path)
		if err != nil {
			return err
		}
		findings, documents = append(findings, found...), documents+n
	}
	if documents == 0 {
		return p.failed("iam-nothing-to-lint", join(paths))
	}
	if err := p.writeFindings(findings); err != nil {
		return err
	}
	grave := 0
	for _, f := range findings {
		if at, _ := f.AtLeast(l.level); at { // the level has been checked
			grave++
		}
	}
	p.note("iam-linted", documents, len(findings), grave, l.level)
	if grave > 0 {
		return ended(exitFound)
	}
	return nil
}

func (p *program) lintPath(linter *iam.Linter, path string) (found []iam.LintFinding, documents int, err error) {
	if path == "-" {
		raw, err := p.document(path)
		if err != nil {
			return nil, 0, err
		}
		found, err = linter.Lint(path, raw)
		return found, 1, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, 0, p.wrong("no-path", path, cause(err))
	}
	return linter.Path(path)
}

func (p *program) writeFindings(findings []iam.LintFinding) error {
	if p.format == "sarif" {
		tool := sarif.Tool{Name: "yagura", URI: "https://github.com/yagura-sec/yagura"}
		if info, ok := debug.ReadBuildInfo(); ok {
			tool.Version = info.Main.Version
		}
		results := make([]sarif.Result, len(findings))
		for i, f := range findings {
			results[i] = f.SARIF()
		}
		return sarif.Write(p.stdout, tool, results)
	}
	rows := make([]smell, len(findings))
	for i, f := range findings {
		rows[i] = smell{f.Level, f.Code, f.File, f.Line, f.Column, f.Path, f.Message, f.Own}
	}
	if len(rows) == 0 && p.format == "table" {
		return nil // the note beside the result says it
	}
	return printAll(p, rows)
}
