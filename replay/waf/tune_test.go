package waf_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura/prevent/waf/acl"
	"github.com/yagura-sec/yagura/replay/waf"
	"github.com/yagura-sec/yagura/replay/waf/record"
)

// hit is a record that a rule of the common rule set blocked, with the details.
func hit(second int, client, rule, path, argument string) string {
	l := line(second, client, "BLOCK", "common", "GET", path, argument+"=x")
	l = strings.Replace(l, `"terminatingRuleType":"REGULAR"`, `"terminatingRuleType":"MANAGED_RULE_GROUP"`, 1)
	return strings.Replace(l, `"ruleGroupList":[]`, `"ruleGroupList":[{"ruleGroupId":"AWS#AWSManagedRulesCommonRuleSet","terminatingRule":{"ruleId":"`+rule+
		`","action":"BLOCK","ruleMatchDetails":[{"conditionType":"XSS","location":"ALL_QUERY_ARGS","matchedFieldName":"`+argument+`","matchedData":["x"]}]},"nonTerminatingMatchingRules":[],"excludedRules":null}]`, 1)
}

// history has eight customers whom one rule disturbs in the editor, and one
// attacker who tries everything, the editor too.
func history() string {
	var log strings.Builder
	for c := range 8 {
		client := fmt.Sprintf("192.0.2.%d", c)
		for i := range 4 {
			log.WriteString(line(c*10+i, client, "ALLOW", "Default_Action", "GET", "/", ""))
		}
		log.WriteString(hit(c*10+5, client, "CrossSiteScripting_QUERYARGUMENTS", fmt.Sprint("/articles/", c+100, "/edit"), "text"))
	}
	for i, rule := range []string{"GenericLFI_QUERYARGUMENTS", "GenericRFI_QUERYARGUMENTS", "CrossSiteScripting_QUERYARGUMENTS"} {
		log.WriteString(hit(200+i, "198.51.100.66", rule, "/articles/7/edit", "text"))
		log.WriteString(hit(210+i, "198.51.100.66", rule, "/login", "user"))
	}
	return log.String()
}

func tune(t *testing.T, webACL []byte, log string) *waf.Tuning {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	tuner := waf.NewTuner(0, webACL)
	for i, visit := range []func(*record.Record) error{tuner.Outcome, tuner.Learn, tuner.Verify} {
		if i == 2 {
			if err := tuner.Propose(); err != nil {
				t.Fatal(err)
			}
		}
		if err := (&record.Files{}).Read(context.Background(), []string{path}, visit); err != nil {
			t.Fatal(err)
		}
	}
	return tuner.Tuning()
}

// TestTuneManaged finds the one false positive, tells its price, and writes rules
// that AWS's own form takes.
func TestTuneManaged(t *testing.T) {
	got := tune(t, nil, history())
	if len(got.Proposals) != 1 || got.Ordinary != 8 || got.Suspicious != 1 {
		t.Fatalf("%+v", got)
	}
	p := got.Proposals[0]
	if p.Rule != "CrossSiteScripting_QUERYARGUMENTS" || p.Path != "/articles/*/edit" || p.Field != "text" || p.Ordinary != 8 || p.Spared != 8 || p.Missed != 1 || p.Other != 0 {
		t.Errorf("%+v", p)
	}
	doc := `{"Name":"shop","DefaultAction":{"Allow":{}},"Rules":[{"Name":"common","Priority":0,"OverrideAction":{"None":{}},"Statement":{"ManagedRuleGroupStatement":{"VendorName":"AWS","Name":"AWSManagedRulesCommonRuleSet","RuleActionOverrides":[` +
		string(p.Override) + `]}}},` + string(p.NewRule) + `]}`
	if _, err := (&acl.Reader{}).Parse("pasted.json", []byte(doc)); err != nil {
		t.Errorf("%v\n%s", err, doc)
	}
	if !strings.Contains(string(p.NewRule), "awswaf:managed:aws:core-rule-set:CrossSiteScripting_QueryArguments") {
		t.Errorf("%s", p.NewRule)
	}
}

// TestTuneOwnRule gives a rule of the web ACL anew, so that it can be pasted.
func TestTuneOwnRule(t *testing.T) {
	var log strings.Builder
	for c := range 6 {
		client := fmt.Sprintf("192.0.2.%d", c)
		for i := range 3 {
			log.WriteString(line(c*10+i, client, "ALLOW", "Default_Action", "GET", "/", ""))
		}
		log.WriteString(line(c*10+5, client, "BLOCK", "words", "POST", "/search", "q=select"))
	}
	source := `{"WebACL":{"Name":"shop","DefaultAction":{"Allow":{}},"Rules":[` + rule("words", 1, "Block", contains(`"QueryString":{}`, "select")) + `]}}`
	got := tune(t, []byte(source), log.String())
	if len(got.Proposals) != 1 {
		t.Fatalf("%+v", got)
	}
	b, err := (&acl.Reader{SearchString: "plain"}).Parse("pasted.json", []byte(`{"Name":"shop","ARN":"`+arn+`","DefaultAction":{"Allow":{}},"Rules":[`+string(got.Proposals[0].Replace)+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	// The replay shows that it lets the customers search, and keeps the rest.
	log.WriteString(line(900, "192.0.2.1", "BLOCK", "words", "POST", "/other", "q=select"))
	r := replay(t, waf.Config{New: waf.Control{Bundle: b}}, log.String())
	if r.Total.NewlyAllowed != 6 || r.Total.NewlyBlocked != 0 || r.Actions.Block != 1 {
		t.Errorf("%+v %+v", r.Total, r.Actions)
	}
}

// TestTuneAttacksOnly proposes nothing for what only attackers match, nor without
// clients' addresses.
func TestTuneAttacksOnly(t *testing.T) {
	var log strings.Builder
	for c := range 9 {
		for i, rule := range []string{"GenericLFI_QUERYARGUMENTS", "GenericRFI_QUERYARGUMENTS", "CrossSiteScripting_QUERYARGUMENTS"} {
			log.WriteString(hit(i, fmt.Sprintf("198.51.100.%d", c), rule, "/login", "user"))
		}
	}
	if got := tune(t, nil, log.String()); len(got.Proposals) != 0 || got.Suspicious != 9 {
		t.Errorf("%+v", got)
	}
	masked := strings.ReplaceAll(history(), `"192.0.2.`, `"X.X.X.`)
	if got := tune(t, nil, masked); len(got.Proposals) != 0 || got.Masked == 0 {
		t.Errorf("%+v", got)
	}
}
