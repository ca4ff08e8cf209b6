package waf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	gate "github.com/yagura-sec/yagura/prevent/waf"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
)

// probe is a proposal's exclusion, compiled: its web ACL stops what it covers.
type probe struct {
	proposal *Proposal
	gate     *side
}

// dict is a JSON object that is being built.
type dict = map[string]any

// expression is a RegexMatchStatement, which unlike ByteMatchStatement is written
// the same way in the API, the command line, the console and CloudFormation.
func expression(field dict, pattern string) dict {
	return dict{"RegexMatchStatement": dict{"RegexString": pattern, "FieldToMatch": field, "TextTransformations": plainText()}}
}

func plainText() []any { return []any{dict{"Priority": 0, "Type": "NONE"}} }

// exclude writes the exclusion of a proposal: the path, the method if it was
// always the same, and that the argument or header is there.
func (t *Tuner) exclude(p *Proposal, h *hitting) (*probe, error) {
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(p.Path), `\*`, `[^/]+`) + "$"
	parts := []any{expression(dict{"UriPath": dict{}}, pattern)}
	if len(h.methods) == 1 && printable("/"+h.methods[0]) {
		parts = append(parts, expression(dict{"Method": dict{}}, "^"+regexp.QuoteMeta(h.methods[0])+"$"))
	}
	if field := fieldOf(p.Location, p.Field); field != nil {
		parts = append(parts, dict{"SizeConstraintStatement": dict{
			"ComparisonOperator": "GE", "Size": 0, "FieldToMatch": field, "TextTransformations": plainText(),
		}})
	}
	var covered any = parts[0]
	if len(parts) > 1 {
		covered = dict{"AndStatement": dict{"Statements": parts}}
	}
	spare := dict{"NotStatement": dict{"Statement": covered}}
	rules := []any{newRule("probe", 0, covered)}
	switch label := labelOf(p.Group, p.Rule); {
	case label != "":
		own := newRule("Block-"+p.Rule+"-except-false-positives", 1, dict{"AndStatement": dict{"Statements": []any{
			dict{"LabelMatchStatement": dict{"Scope": "LABEL", "Key": label}}, spare,
		}}})
		p.Override, p.NewRule = text(dict{"Name": p.Rule, "ActionToUse": dict{"Count": dict{}}}), text(own)
		rules = append(rules, own)
	case p.Group == "" && t.source != nil:
		p.Replace = rewritten(t.source, p.Rule, spare)
	}
	if p.NewRule == nil && p.Replace == nil {
		p.Condition = text(spare)
	}
	doc := text(dict{"Name": "exclusion", "DefaultAction": dict{"Allow": dict{}}, "Rules": rules})
	b, err := (&acl.Reader{}).Parse("exclusion of "+p.Rule, doc)
	if err != nil {
		return nil, fmt.Errorf("the proposal for %s on %s: %w", p.Rule, p.Path, err)
	}
	s, err := compile(&Control{Bundle: b})
	if err != nil {
		return nil, fmt.Errorf("the proposal for %s on %s: %w", p.Rule, p.Path, err)
	}
	return &probe{p, s}, nil
}

func newRule(name string, priority int, statement any) dict {
	return dict{
		"Name": clean(name), "Priority": priority, "Action": dict{"Block": dict{}}, "Statement": statement,
		"VisibilityConfig": dict{"SampledRequestsEnabled": true, "CloudWatchMetricsEnabled": true, "MetricName": clean(name)},
	}
}

// clean makes a name of a rule and a metric.
func clean(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
	return name[:min(len(name), 128)]
}

// fieldOf gives the FieldToMatch of a place in a log's details, nil if a statement
// cannot name it.
func fieldOf(location, name string) dict {
	if name == "" || len(name) > 64 || !printable("/"+name) {
		return nil
	}
	switch location {
	case "HEADER", "HEADERS", "SINGLE_HEADER":
		return dict{"SingleHeader": dict{"Name": name}}
	case "ALL_QUERY_ARGS", "SINGLE_QUERY_ARG", "QUERY_ARGS":
		if len(name) <= 30 { // AWS's limit of this field.
			return dict{"SingleQueryArgument": dict{"Name": name}}
		}
	}
	return nil
}

// labelOf finds the label of a rule of a managed group; the group stands in logs
// as AWS#AWSManagedRulesCommonRuleSet, perhaps with a version behind.
func labelOf(group, rule string) string {
	parts := strings.Split(group, "#")
	if len(parts) < 2 {
		return ""
	}
	for _, s := range gate.Slots() {
		if s.Group == parts[1] && s.Rule == rule {
			return s.Label
		}
	}
	return ""
}

func text(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return nil // Maps of texts and numbers: it cannot fail.
	}
	return bytes.TrimSpace(b.Bytes())
}

// rewritten finds a rule in the JSON of a web ACL and joins its statement with a
// condition. It is nil when the rule is not there, or is in another form.
func rewritten(source []byte, name string, spare dict) json.RawMessage {
	d := json.NewDecoder(bytes.NewReader(source))
	d.UseNumber()
	var doc any
	if d.Decode(&doc) != nil {
		return nil
	}
	rule := find(doc, name, 0)
	if rule == nil {
		return nil
	}
	statement, ok := rule["Statement"].(dict)
	if !ok {
		return nil
	}
	if rate, ok := statement["RateBasedStatement"].(dict); ok {
		rate["ScopeDownStatement"] = joined(rate["ScopeDownStatement"], spare)
	} else {
		rule["Statement"] = joined(statement, spare)
	}
	return text(rule)
}

func joined(statement any, spare dict) any {
	s, ok := statement.(dict)
	if !ok {
		return spare
	}
	if and, ok := s["AndStatement"].(dict); ok {
		if all, ok := and["Statements"].([]any); ok {
			return dict{"AndStatement": dict{"Statements": append(all, spare)}}
		}
	}
	return dict{"AndStatement": dict{"Statements": []any{s, spare}}}
}

// find looks for a rule by its name.
func find(v any, name string, depth int) dict {
	if depth > 50 {
		return nil
	}
	switch x := v.(type) {
	case dict:
		if _, ok := x["Statement"]; ok && x["Name"] == name {
			return x
		}
		for _, inner := range x {
			if r := find(inner, name, depth+1); r != nil {
				return r
			}
		}
	case []any:
		for _, inner := range x {
			if r := find(inner, name, depth+1); r != nil {
				return r
			}
		}
	}
	return nil
}
