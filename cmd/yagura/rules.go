package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/detect/threat"
	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/replay/detection"
	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/rules"
	"github.com/yagura-sec/yagura/source"
)

func (p *program) rulesCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "rules", Short: p.say("short.rules"), Long: p.say("long.rules"),
		Args: cobra.ArbitraryArgs, RunE: p.group,
	}
	c.AddCommand(p.rulesListCommand(), p.rulesShowCommand(), p.rulesLintCommand(), p.rulesTestCommand(), p.rulesNewCommand(), p.backtestCommand())
	return c
}

// ruled is a rule in a list.
type ruled struct {
	ID          string   `json:"id" table:"whole" doc:"path of the document without its ending"`
	Level       string   `json:"level" doc:"severity of its findings"`
	Title       string   `json:"title" doc:"in the language of --lang"`
	Kind        string   `json:"kind" spare:"1" doc:"rule, correlation, first_seen, baseline, detector or filter"`
	Source      string   `json:"source" table:"-" doc:"log that it reads"`
	Author      string   `json:"author" table:"-" doc:"author"`
	GuardDuty   []string `json:"guardduty" table:"-" doc:"types of GuardDuty it corresponds to"`
	Techniques  []string `json:"techniques" table:"-" doc:"ATT&CK techniques"`
	Tests       int      `json:"tests" spare:"2" doc:"tests in the document"`
	File        string   `json:"file" table:"-" doc:"file"`
	Status      string   `json:"status" table:"-" doc:"Sigma's status"`
	Description string   `json:"description" table:"-" doc:"in the language of --lang"`
	DryRun      bool     `json:"dry_run" table:"-" doc:"counted, not alerted"`
}

func (p *program) ruled(d *sigma.Document) ruled {
	return ruled{
		ID: d.ID, Level: d.Level.String(), Title: d.Title.In(p.lang), Kind: d.Kind, Source: d.Source(), Author: d.Author,
		GuardDuty: d.GuardDuty, Techniques: d.Techniques(), Tests: len(d.Tests), File: d.File, Status: d.Status,
		Description: d.Description.In(p.lang), DryRun: d.DryRun,
	}
}

func (p *program) rulesListCommand() *cobra.Command {
	var a arms
	c := &cobra.Command{
		Use: "list", Short: p.say("short.rules-list"), Long: p.say("long.rules-list"),
		Example: "  yagura rules list\n  yagura rules list --rules ./sigma/rules/cloud/aws --format json",
		Args:    p.arguments(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			docs, problems, err := p.documents(a)
			if err != nil {
				return err
			}
			rows := make([]ruled, len(docs))
			for i, d := range docs {
				rows[i] = p.ruled(d)
			}
			if len(problems) > 0 {
				p.note("rule-problems", len(problems), problems[0].Error())
			}
			return printAll(p, rows)
		},
	}
	a.ruleFlags(p, c)
	return c
}

func (p *program) rulesShowCommand() *cobra.Command {
	var a arms
	c := &cobra.Command{
		Use: "show ID", Short: p.say("short.rules-show"), Long: p.say("long.rules-show"),
		Example: "  yagura rules show cloudtrail/trail-stopped --lang ja",
		Args:    p.arguments(1, 1, "ID"),
		RunE: func(_ *cobra.Command, args []string) error {
			docs, _, err := p.documents(a)
			if err != nil {
				return err
			}
			d := byID(docs, args[0])
			if d == nil {
				return p.failed("no-rule", args[0])
			}
			if p.format != "table" {
				return printAll(p, []ruled{p.ruled(d)})
			}
			p.tellRule(d)
			return nil
		},
	}
	a.ruleFlags(p, c)
	return c
}

// tellRule prints a rule for people, with the document's own text at the end.
func (p *program) tellRule(d *sigma.Document) {
	fmt.Fprintf(p.stdout, "%s  %s\n", strings.ToUpper(d.Level.String()), sheet.Safe(d.Title.In(p.lang)))
	if tags := append(d.Techniques(), d.GuardDuty...); len(tags) > 0 {
		fmt.Fprintln(p.stdout, sheet.Safe(strings.Join(tags, "  ")))
	}
	fmt.Fprintln(p.stdout, p.say("rule-by", d.ID, cmp.Or(d.Author, "-")))
	p.tellTexts(d)
	raw, err := os.ReadFile(d.File)
	if err != nil {
		raw, err = fs.ReadFile(rules.Threat, "threat/"+d.File)
	}
	if err != nil {
		return
	}
	logic, _, _ := strings.Cut(string(raw), "\nyagura:")
	if at := strings.Index(logic, "\nlogsource:"); at >= 0 {
		fmt.Fprintf(p.stdout, "\n%s\n", sheetLines(logic[at+1:]))
	}
}

// sheetLines makes every line of a text safe.
func sheetLines(s string) string { return plainLines(strings.TrimRight(s, "\n")) }

// ruleFlags are the flags that say which rules.
func (a *arms) ruleFlags(p *program, c *cobra.Command) {
	c.Flags().StringArrayVar(&a.rules, "rules", nil, p.say("flag.rules"))
	c.Flags().BoolVar(&a.onlyThose, "only-rules", false, p.say("flag.only-rules"))
}

// fault is something wrong in a document.
type fault struct {
	Level   string `json:"level" table:"whole" doc:"error or warning"`
	Code    string `json:"code" table:"whole" doc:"stable word for the kind of problem"`
	File    string `json:"file" table:"whole" doc:"file"`
	Line    int    `json:"line" doc:"line, from 1"`
	Column  int    `json:"column" spare:"1" doc:"column, from 1"`
	Rule    string `json:"rule" table:"-" doc:"id of the document, where known"`
	Message string `json:"message" doc:"what is wrong and what to do"`
}

func (p *program) rulesLintCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "lint [PATH…]", Short: p.say("short.rules-lint"), Long: p.say("long.rules-lint"),
		Example: "  yagura rules lint\n  yagura rules lint my-rules/",
		Args:    p.arguments(0, unlimited, ""),
		RunE:    func(_ *cobra.Command, args []string) error { return p.lintRules(args) },
	}
	return c
}

func (p *program) lintRules(paths []string) error {
	docs, problems, err := p.documents(arms{rules: paths, onlyThose: len(paths) > 0})
	if err != nil {
		return err
	}
	known, err := p.knownEvents()
	if err != nil {
		return err
	}
	all := docs
	if len(paths) > 0 { // references may lead to the rules that come with Yagura
		others, _, err := p.documents(arms{})
		if err != nil {
			return err
		}
		all = instead(others, docs)
	}
	files := map[string]bool{}
	for _, d := range docs {
		files[d.File] = true
	}
	found := rule.Lint(all, rule.Config{
		Schemas: source.Schemas(), Fields: threat.NewFields(threat.Config{}).Map(), Strict: true,
		Placeholders: p.settings.Detection.Placeholders, KnownEvent: known, Now: p.now(),
	})
	problems = append(problems, slices.DeleteFunc(found, func(x sigma.Problem) bool { return !files[x.File] })...)
	var rows []fault
	errs := 0
	for _, x := range problems {
		level := "warning"
		if !x.Warning {
			level = "error"
			errs++
		}
		rows = append(rows, fault{level, x.Code, x.File, x.Line, x.Column, x.ID, x.Text})
	}
	if len(rows) > 0 || p.format != "table" {
		if err := printAll(p, rows); err != nil {
			return err
		}
	}
	p.note("rules-lint", len(docs), errs, len(rows)-errs)
	if errs > 0 {
		return ended(exitFound)
	}
	return nil
}

// ruleTest is a test that failed, or in JSON every test.
type ruleTest struct {
	Rule string `json:"rule" table:"whole" doc:"id of the document"`
	Test string `json:"test" doc:"name of the test"`
	OK   bool   `json:"ok" doc:"it passed"`
	Want int    `json:"want" doc:"findings that the test wants, -1 for at least one"`
	Got  int    `json:"got" doc:"findings that came"`
	File string `json:"file" doc:"file and line of the test"`
	Diff string `json:"diff" doc:"what is different: lines with - for wanted and + for what came"`
}

func (p *program) rulesTestCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "test [PATH…]", Short: p.say("short.rules-test"), Long: p.say("long.rules-test"),
		Example: "  yagura rules test\n  yagura rules test my-rules/ --format json",
		Args:    p.arguments(0, unlimited, ""),
		RunE:    func(_ *cobra.Command, args []string) error { return p.testRules(args) },
	}
	return c
}

// testRules runs the tests of the documents at the paths; the documents that
// come with Yagura are there for references.
func (p *program) testRules(paths []string) error {
	kit, problems, done, err := p.kit(arms{rules: paths})
	defer done()
	if err != nil {
		return err
	}
	chosen := kit.Documents
	if len(paths) > 0 {
		if chosen, problems, err = p.documents(arms{rules: paths, onlyThose: true}); err != nil {
			return err
		}
		kit.Documents = instead(kit.Documents, chosen)
	}
	t, more, err := detection.NewTester(kit)
	if err != nil {
		return &codedError{exitUsage, err}
	}
	for _, x := range append(problems, more...) {
		if !x.Warning && slices.ContainsFunc(chosen, func(d *sigma.Document) bool { return d.ID == x.ID || x.ID == "" }) {
			fmt.Fprintln(p.stderr, plainLines(x.Error()))
		}
	}
	return p.runTests(t, chosen)
}

// instead puts documents in the place of those with the same id.
func instead(all, chosen []*sigma.Document) []*sigma.Document {
	ids := map[string]bool{}
	for _, d := range chosen {
		ids[d.ID] = true
	}
	rest := slices.DeleteFunc(slices.Clone(all), func(d *sigma.Document) bool { return ids[d.ID] })
	return append(rest, chosen...)
}

func (p *program) runTests(t *detection.Tester, docs []*sigma.Document) error {
	total, failed, untested := 0, 0, 0
	var rows []ruleTest
	for _, d := range docs {
		results, err := t.Run(d)
		if err != nil {
			return err
		}
		if len(results) == 0 && d.Kind != "filter" {
			untested++
		}
		for _, r := range results {
			total++
			if !r.OK {
				failed++
				if p.format == "table" {
					fmt.Fprintf(p.stdout, "%s:%d  %s: %s\n%s\n", r.Test.File, r.Test.Line, d.ID, sheet.Safe(r.Test.Name), plainLines(r.Diff))
				}
			}
			rows = append(rows, ruleTest{d.ID, r.Test.Name, r.OK, r.Test.Want, r.Got, fmt.Sprintf("%s:%d", r.Test.File, r.Test.Line), r.Diff})
		}
	}
	if p.format != "table" {
		if err := printAll(p, rows); err != nil {
			return err
		}
	}
	if untested > 0 {
		p.note("rules-untested", untested)
	}
	p.note("rules-tested", len(docs), total, failed)
	if failed > 0 {
		return ended(exitFound)
	}
	return nil
}

// ruleID is the form of a new rule's id.
var ruleID = regexp.MustCompile(`^([a-z0-9]+)/([a-z0-9]+(?:-[a-z0-9]+)*)$`)

func (p *program) rulesNewCommand() *cobra.Command {
	dir := ""
	c := &cobra.Command{
		Use: "new SOURCE/NAME", Short: p.say("short.rules-new"), Long: p.say("long.rules-new"),
		Example: "  yagura rules new cloudtrail/my-first-rule --dir my-rules",
		Args:    p.arguments(1, 1, "SOURCE/NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			m := ruleID.FindStringSubmatch(args[0])
			if m == nil || !slices.Contains(sourceNames(), m[1]) {
				return p.wrong("rules-bad-id", args[0], join(sourceNames()))
			}
			path := filepath.Join(dir, filepath.FromSlash(args[0])+".yml")
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
			if os.IsExist(err) {
				return p.failed("rules-exists", path)
			}
			if err != nil {
				return err
			}
			_, err = f.WriteString(strings.ReplaceAll(newRule, "SOURCE", m[1]))
			if cerr := f.Close(); err == nil {
				err = cerr
			}
			if err == nil {
				p.note("rules-new", path)
			}
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", ".", p.say("flag.rules-dir"))
	return c
}

// newRule is what a new rule begins with.
const newRule = `title: What happened, in a few words
description: One or two sentences for somebody who has never seen it.
author: Your name
date: 2026-01-31
status: experimental
level: medium # informational, low, medium, high, critical
tags: [attack.persistence, attack.t1098] # tactics and techniques of ATT&CK
logsource: {product: aws, service: SOURCE}
detection:
  selection:
    eventSource: iam.amazonaws.com
    eventName: CreateAccessKey
    yagura.self: 'false' # derived fields: docs/add-a-rule.md
  condition: selection
falsepositives:
  - Who does this on an ordinary day.
yagura:
  title: {ja: 何が起きたか（短く）}
  description: {ja: 初めて見る人に向けた 1、2 文。}
  falsepositives:
    - {ja: 日常的にこれを行う人や仕組み。}
  subject: principal # whom the finding is about
  window: 24h # the same again within it raises the count of one finding
  why: {en: What an intruder gains by it., ja: 侵入者が得るもの。}
  check: {en: Which fields and calls to compare., ja: 比べるべきフィールドと呼び出し。}
  do: {en: Which calls end it., ja: 終わらせるための操作。}
  prevent: {en: The control that would have stopped it., ja: 防げたはずの統制。}
  tests:
    - name: the attack
      match: true
      event: |
        {"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::111122223333:user/mallory","accountId":"111122223333","accessKeyId":"AKIAEXAMPLE","userName":"mallory"},"eventTime":"2026-01-31T10:00:00Z","eventSource":"iam.amazonaws.com","eventName":"CreateAccessKey","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2.17.20","requestParameters":{"userName":"alice"},"responseElements":{"accessKey":{"userName":"alice","status":"Active","accessKeyId":"AKIAEXAMPLE2"}},"requestID":"r-1","eventID":"e-1","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}
    - name: its harmless twin
      match: false
      change: {requestParameters.userName: mallory}
`

// knownEvents says which operations AWS services have, by the IAM service data.
// Services that the data does not know, and events that are no calls, pass: the
// data is no list of events.
func (p *program) knownEvents() (func(eventSource, name string) bool, error) {
	table, err := p.serviceData()
	if err != nil {
		return nil, err
	}
	return func(eventSource, name string) bool { return knownEvent(table, eventSource, name) }, nil
}

// dated is the date that some services put behind an operation's name.
var dated = regexp.MustCompile(`\d{4}_?\d{2}_?\d{2}(v\d+)?$`)

// eventServices are event sources whose name is not the IAM prefix.
var eventServices = map[string]string{
	"monitoring": "cloudwatch", "elasticfilesystem": "elasticfilesystem", "tagging": "tag", "email": "ses", "states": "states",
}

// notActions are sources and operations without an action of the same name.
var notActions = map[string]bool{"signin": true, "sso": true, "s3": true, "health": true, "budgets": true, "billingconsole": true, "login": true, "identitystore": true}

func knownEvent(table *actions.Table, eventSource, name string) bool {
	prefix, ok := strings.CutSuffix(eventSource, ".amazonaws.com")
	if !ok || notActions[prefix] || strings.ContainsAny(name, "*?") {
		return true
	}
	prefix = cmp.Or(eventServices[prefix], prefix)
	if _, ok := table.Service(prefix); !ok {
		return true
	}
	_, ok = table.ID(prefix + ":" + dated.ReplaceAllString(name, ""))
	return ok
}
