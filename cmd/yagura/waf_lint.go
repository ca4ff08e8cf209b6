package main

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/prevent/iam/sarif"
	gate "github.com/yagura-sec/yagura/prevent/waf"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
	"github.com/yagura-sec/yagura/replay/waf"
)

// flaw is one finding of the linter.
type flaw struct {
	Level   string `json:"level" table:"whole" doc:"error (AWS refuses it), warning or note"`
	Code    string `json:"code" table:"whole" doc:"code of the check; docs/waf.md lists them"`
	File    string `json:"file" table:"whole" doc:"file with the web ACL"`
	Line    int    `json:"line" doc:"line, from 1"`
	Column  int    `json:"column" doc:"column in characters, from 1"`
	ACL     string `json:"acl" table:"-" doc:"web ACL"`
	Rule    string `json:"rule" spare:"2" doc:"rule, as group rule/rule in the group"`
	Path    string `json:"path" spare:"1" doc:"element of the file"`
	Message string `json:"message" doc:"what is wrong and what to do"`
}

// wafLevels are the levels of findings, the gravest last.
var wafLevels = []string{"note", "warning", "error"}

func (p *program) wafLintCommand() *cobra.Command {
	var w firewall
	var level string
	c := &cobra.Command{
		Use: "lint FILE | DIR …", Short: p.say("short.waf-lint"), Long: p.say("long.waf-lint"),
		Example:     "  yagura waf lint web-acl.json ip-sets/\n  yagura waf lint acls/ --format sarif > acls.sarif",
		Args:        p.arguments(1, unlimited, "FILE"),
		Annotations: map[string]string{ownFormats: "sarif"},
		RunE:        func(_ *cobra.Command, args []string) error { return p.wafLint(&w, level, args) },
	}
	f := c.Flags()
	f.StringVar(&w.resource, "resource", "", p.say("flag.waf-resource"))
	f.StringVar(&level, "level", "warning", p.say("flag.waf-level"))
	completes(c, "level", wafLevels...)
	return c
}

func rank(level string) int {
	for i, l := range wafLevels {
		if l == level {
			return i
		}
	}
	return -1
}

func (p *program) wafLint(w *firewall, level string, paths []string) error {
	if rank(level) < 0 {
		return p.wrong("waf-bad-level", level)
	}
	c, err := p.control(w, paths)
	if err != nil {
		return err
	}
	found := gate.Lint(c.Bundle, c.Options)
	grave := 0
	for _, f := range found {
		if rank(f.Level) >= rank(level) {
			grave++
		}
	}
	if err := p.writeFlaws(found); err != nil {
		return err
	}
	p.note("waf-linted", len(c.Bundle.ACLs), len(found), grave, level)
	if grave > 0 {
		return ended(exitFound)
	}
	return nil
}

func (p *program) writeFlaws(found []gate.Finding) error {
	if p.format == "sarif" {
		tool := sarif.Tool{Name: "yagura", URI: "https://github.com/yagura-sec/yagura"}
		if info, ok := debug.ReadBuildInfo(); ok {
			tool.Version = info.Main.Version
		}
		results := make([]sarif.Result, len(found))
		for i, f := range found {
			results[i] = sarif.Result{Rule: f.Code, Level: f.Level, Message: f.Message, File: f.File, Line: f.Line, Column: f.Column}
		}
		return sarif.Write(p.stdout, tool, results)
	}
	rows := make([]flaw, len(found))
	for i, f := range found {
		rows[i] = flaw{f.Level, f.Code, f.File, f.Line, f.Column, f.ACL, f.Rule, f.Path, f.Message}
	}
	if len(rows) == 0 && p.format == "table" {
		return nil
	}
	return printAll(p, rows)
}

// different is one change between two versions.
type different struct {
	Kind     string `json:"kind" table:"whole" doc:"-"`
	Rule     string `json:"rule" table:"whole" doc:"-"`
	Sentence string `json:"sentence" doc:"-"`
	Before   string `json:"before" table:"-" doc:"-"`
	After    string `json:"after" table:"-" doc:"-"`
}

func (p *program) wafDiffCommand() *cobra.Command {
	var t replaying
	c := &cobra.Command{
		Use: "diff OLD NEW", Short: p.say("short.waf-diff"), Long: p.say("long.waf-diff"),
		Example: "  yagura waf diff today.json new.json\n  yagura waf diff today.json new.json --logs ./waf-logs",
		Args:    p.arguments(2, 2, "OLD NEW"),
		RunE:    func(c *cobra.Command, args []string) error { return p.wafDiff(c.Context(), &t, args[0], args[1]) },
	}
	p.logFlags(c, &t)
	p.crsFlags(c, &t.firewall)
	p.placeFlags(c, &t.firewall)
	return c
}

func (p *program) wafDiff(ctx context.Context, t *replaying, before, after string) error {
	if _, err := p.settle(&t.firewall, nil); err != nil {
		return err
	}
	var sides [2]waf.Control
	var acls [2]*acl.WebACL
	for i, path := range []string{before, after} {
		var err error
		if sides[i], err = p.control(&t.firewall, []string{path}); err != nil {
			return err
		}
		if acls[i], err = sides[i].Bundle.ACL(t.name); err != nil {
			return p.wrong("waf-no-acl", path, err.Error())
		}
	}
	changes := gate.Diff(acls[0], acls[1])
	rows := make([]different, 0, len(changes))
	for _, d := range changes {
		rows = append(rows, different{d.Kind, d.Rule, d.Sentence(p.lang), d.Before, d.After})
	}
	var r *waf.Report
	if len(t.logs) > 0 {
		run, err := waf.New(waf.Config{New: sides[1], Old: &sides[0]})
		if err != nil {
			return &codedError{exitUsage, err}
		}
		n, err := p.traffic(ctx, t, run.Add)
		if err != nil {
			return err
		}
		r = run.Report()
		r.Unreadable = n.Refused
	}
	if err := p.tellDiff(rows, r); err != nil {
		return err
	}
	if len(rows) > 0 || r != nil && r.Total.Sum() > 0 {
		return ended(exitFound)
	}
	return nil
}

func (p *program) tellDiff(rows []different, r *waf.Report) error {
	if len(rows) == 0 && p.format == "table" {
		fmt.Fprintln(p.stdout, p.say("waf-no-difference"))
	} else if err := printAll(p, rows); err != nil {
		return err
	}
	if r == nil {
		return nil
	}
	if p.format == "table" {
		fmt.Fprintln(p.stdout)
	}
	return p.tellTraffic(r)
}
