package acl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
)

const exported = `{
  "WebACL": {
    "Name": "shop", "Id": "1", "ARN": "arn:aws:wafv2:us-east-1:111122223333:global/webacl/shop/1",
    "DefaultAction": {"Allow": {}},
    "Rules": [
      {"Name": "office", "Priority": 0, "Action": {"Allow": {}},
       "Statement": {"IPSetReferenceStatement": {"ARN": "arn:set"}},
       "VisibilityConfig": {"SampledRequestsEnabled": true, "CloudWatchMetricsEnabled": true, "MetricName": "m"}},
      {"Name": "paths", "Priority": 1, "Action": {"Block": {}},
       "Statement": {"RegexPatternSetReferenceStatement": {"ARN": "arn:regex", "FieldToMatch": {"UriPath": {}},
         "TextTransformations": [{"Priority": 1, "Type": "LOWERCASE"}, {"Priority": 0, "Type": "URL_DECODE"}]}}},
      {"Name": "search", "Priority": 2, "Action": {"Block": {}},
       "Statement": {"ByteMatchStatement": {"SearchString": "YmFkYm90", "FieldToMatch": {"SingleHeader": {"Name": "user-agent"}},
         "TextTransformations": [{"Priority": 0, "Type": "NONE"}], "PositionalConstraint": "CONTAINS"}}}
    ],
    "Capacity": 48, "LabelNamespace": "awswaf:111122223333:webacl:shop:"
  },
  "LockToken": "x"
}`

const sets = `[{"IPSet": {"Name": "s", "ARN": "arn:set", "IPAddressVersion": "IPV4", "Addresses": ["192.0.2.0/24"]}, "LockToken": "x"},
 {"RegexPatternSet": {"Name": "r", "ARN": "arn:regex", "RegularExpressionList": [{"RegexString": "^/a"}]}},
 {"LoggingConfiguration": {"ResourceArn": "arn:aws:wafv2:us-east-1:111122223333:global/webacl/shop/1", "LogDestinationConfigs": ["x"]}}]`

func TestReadExport(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"acl.json": exported, "sets.json": sets} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := (&Reader{}).Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.ACL("shop")
	if err != nil {
		t.Fatal(err)
	}
	if a.Scope != "CLOUDFRONT" || a.Account != "111122223333" || a.Capacity != 48 || !a.Logged || !b.HasLogging {
		t.Errorf("%+v", a)
	}
	if got := a.Rules[0].Statement.IPs; got == nil || got.Prefixes[0].String() != "192.0.2.0/24" {
		t.Errorf("IP set: %+v", got)
	}
	if diff := cmp.Diff([]string{"URL_DECODE", "LOWERCASE"}, a.Rules[1].Statement.Transforms); diff != "" {
		t.Errorf("transformations by priority: %s", diff)
	}
	if got := string(a.Rules[2].Statement.Search); got != "badbot" {
		t.Errorf("search string %q", got)
	}
	if p := a.Rules[2].Statement.Pos; p.Line != 13 || p.Path != "WebACL.Rules[2].Statement.ByteMatchStatement" {
		t.Errorf("%+v", p)
	}
}

const yamlTemplate = `
Parameters:
  Word: {Type: String, Default: evil}
Resources:
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "${Whatever}"}}
  Set:
    Type: AWS::WAFv2::IPSet
    Properties: {Name: s, Scope: REGIONAL, IPAddressVersion: IPV6, Addresses: ["2001:db8::/32"]}
  Group:
    Type: AWS::WAFv2::RuleGroup
    Properties:
      Name: g
      Scope: REGIONAL
      Capacity: "10"
      VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: m}
      Rules:
        - Name: inner
          Priority: 0
          Action: {Count: {}}
          RuleLabels: [{Name: x}]
          Statement: {GeoMatchStatement: {CountryCodes: [JP]}}
  Acl:
    Type: AWS::WAFv2::WebACL
    Properties:
      Scope: REGIONAL
      DefaultAction: {Allow: {}}
      Rules:
        - Name: ref
          Priority: 0
          OverrideAction: {None: {}}
          Statement: {RuleGroupReferenceStatement: {Arn: !GetAtt Group.Arn}}
        - Name: ips
          Priority: 1
          Action: {Block: {}}
          Statement: {IPSetReferenceStatement: {Arn: {"Fn::GetAtt": [Set, Arn]}}}
        - Name: word
          Priority: 2
          Action: {Block: {}}
          Statement:
            ByteMatchStatement:
              SearchString: !Join ["-", [!Ref Word, !Ref "AWS::Region"]]
              PositionalConstraint: CONTAINS
              FieldToMatch: {UriPath: {}}
              TextTransformations: [{Priority: 0, Type: NONE}]
        - Name: label
          Priority: 3
          Action: {Block: {}}
          Statement: {LabelMatchStatement: {Scope: LABEL, Key: !Sub "${Group.LabelNamespace}x"}}
        - Name: coded
          Priority: 4
          Action: {Block: {}}
          Statement:
            ByteMatchStatement: {SearchStringBase64: AAE=, PositionalConstraint: CONTAINS, FieldToMatch: {Body: {}}, TextTransformations: [{Priority: 0, Type: NONE}]}
`

func TestReadTemplate(t *testing.T) {
	b, err := (&Reader{Account: "111122223333"}).Parse("template.yaml", []byte(yamlTemplate))
	if err != nil {
		t.Fatal(err)
	}
	a := b.ACLs[0]
	if a.Name != "Acl" || a.Rules[0].Statement.Group != b.Groups[0] || a.Rules[1].Statement.IPs != b.IPSets[0] {
		t.Errorf("%+v", a)
	}
	if got := string(a.Rules[2].Statement.Search); got != "evil-us-east-1" {
		t.Error(got)
	}
	if got := a.Rules[3].Statement.Key; got != "awswaf:111122223333:rulegroup:g:x" {
		t.Error(got)
	}
	if got := string(a.Rules[4].Statement.Search); got != "\x00\x01" {
		t.Errorf("%q", got)
	}
	_, err = (&Reader{}).Parse("template.yaml", []byte(strings.Replace(yamlTemplate, "!GetAtt Group.Arn", "!ImportValue x", 1)))
	if err == nil || !strings.Contains(err.Error(), "template.yaml:31:") || !strings.Contains(err.Error(), "!ImportValue") {
		t.Errorf("%v", err)
	}
}

const plan = `{"format_version": "1.2", "planned_values": {"root_module": {"resources": [
 {"address": "aws_wafv2_ip_set.office", "mode": "managed", "type": "aws_wafv2_ip_set", "name": "office",
  "values": {"name": "office", "scope": "REGIONAL", "ip_address_version": "IPV4", "addresses": ["192.0.2.0/24"], "description": null, "tags": null, "tags_all": {}}},
 {"address": "aws_wafv2_web_acl.main", "mode": "managed", "type": "aws_wafv2_web_acl", "name": "main",
  "values": {"name": "main", "scope": "REGIONAL", "default_action": [{"allow": [{"custom_request_handling": []}], "block": []}],
   "custom_response_body": [{"key": "k", "content": "no", "content_type": "TEXT_PLAIN"}], "association_config": [], "captcha_config": [], "token_domains": null, "rule_json": null,
   "visibility_config": [{"cloudwatch_metrics_enabled": true, "metric_name": "m", "sampled_requests_enabled": true}],
   "rule": [
    {"name": "headers", "priority": 2, "action": [{"allow": [], "block": [{"custom_response": [{"custom_response_body_key": "k", "response_code": 429, "response_header": []}]}], "count": []}],
     "override_action": [], "rule_label": [], "statement": [{"and_statement": [{"statement": [
       {"not_statement": [{"statement": [{"ip_set_reference_statement": [{"ip_set_forwarded_ip_config": []}], "byte_match_statement": []}]}]},
       {"byte_match_statement": [{"search_string": "x", "positional_constraint": "EXACTLY", "field_to_match": [{"cookies": [{"match_pattern": [{"all": [], "included_cookies": ["sid"], "excluded_cookies": []}], "match_scope": "VALUE", "oversize_handling": "MATCH"}], "body": []}],
         "text_transformation": [{"priority": 0, "type": "NONE"}]}]}]}]}], "visibility_config": []},
    {"name": "managed", "priority": 1, "action": [], "override_action": [{"count": [], "none": [{}]}], "statement": [{"managed_rule_group_statement": [
      {"name": "AWSManagedRulesBotControlRuleSet", "vendor_name": "AWS", "version": "", "scope_down_statement": [], "rule_action_override": [{"name": "CategoryAI", "action_to_use": [{"count": [{}], "block": []}]}],
       "managed_rule_group_configs": [{"aws_managed_rules_bot_control_rule_set": [{"inspection_level": "TARGETED"}]}]}]}]}
   ]}}]}},
 "configuration": {"root_module": {"resources": [
  {"address": "aws_wafv2_web_acl.main", "expressions": {"rule": [
    {"name": {"constant_value": "managed"}, "priority": {"constant_value": 1}},
    {"name": {"constant_value": "headers"}, "statement": [{"and_statement": [{"statement": [
      {"not_statement": [{"statement": [{"ip_set_reference_statement": [{"arn": {"references": ["aws_wafv2_ip_set.office.arn", "aws_wafv2_ip_set.office"]}}]}]}]}, {}]}]}]}]}}]}}}`

func TestReadPlan(t *testing.T) {
	b, err := (&Reader{}).Parse("plan.json", []byte(plan))
	if err != nil {
		t.Fatal(err)
	}
	r := b.ACLs[0].Rules[0]
	if r.Action.Status != 429 || b.ACLs[0].Bodies["k"].Body != "no" {
		t.Errorf("%+v", r.Action)
	}
	if got := r.Statement.Parts[0].Parts[0].IPs; got != b.IPSets[0] {
		t.Errorf("the IP set behind the unknown ARN: %+v", got)
	}
	want := &Field{Kind: "Cookies", Oversize: "MATCH", Scope: "VALUE", Include: []string{"sid"}}
	got := *r.Statement.Parts[1].Field
	got.Pos = Pos{}
	if diff := cmp.Diff(want, &got); diff != "" {
		t.Error(diff)
	}
	m := b.ACLs[0].Rules[1]
	if m.Override != "None" || m.Statement.Overrides[0].Action.Kind != yagura.Count {
		t.Errorf("%+v", m)
	}
	if got := m.Statement.Configs["aws_managed_rules_bot_control_rule_set.inspection_level"]; got != "TARGETED" {
		t.Errorf("%v", m.Statement.Configs)
	}
}

func TestErrors(t *testing.T) {
	rule := func(statement string) string {
		return `{"Name":"a","DefaultAction":{"Allow":{}},"Rules":[{"Name":"r","Priority":1,"Action":{"Block":{}},"Statement":` + statement + `}]}`
	}
	for _, c := range []struct{ src, want string }{
		{``, "acl.json:1:1: the document ends too early"},
		{`{"DefaultAction": {"Allow": {}}, "Rulez": []}`, `acl.json:1:43: Rulez: unknown key "Rulez"`},
		{"{\"DefaultAction\": {\"Allow\": {}},\n \"Rules\": 7}", "acl.json:2:11: Rules: this is a number, want a list"},
		{`{"DefaultAction": {"Allow": {}}, "DefaultAction": 1}`, `acl.json:1:34: key "DefaultAction" stands twice`},
		{`{"DefaultAction": {"Count": {}}, "Rules": []}`, "the default action is COUNT"},
		{rule(`{"IPSetReferenceStatement":{"ARN":"arn:x"}}`), "nothing in the given files has the ARN arn:x"},
		{rule(`{"GeoMatchStatement":{"CountryCodes":["JP"]},"XssMatchStatement":{}}`), "stands beside"},
		{rule(`{"SizeConstraintStatement":{"ComparisonOperator":"LIKE","Size":1,"FieldToMatch":{"Method":{}},"TextTransformations":[{"Priority":0,"Type":"NONE"}]}}`), `"LIKE" is not one of EQ`},
		{rule(`{"XssMatchStatement":{"FieldToMatch":{"Method":{}},"TextTransformations":[{"Priority":0,"Type":"ROT13"}]}}`), `"ROT13" is not one of NONE`},
		{rule(`{"RateBasedStatement":{"Limit":100,"AggregateKeyType":"CONSTANT"}}`), "CONSTANT needs"},
		{rule(`{"RateBasedStatement":{"Limit":100,"EvaluationWindowSec":90,"AggregateKeyType":"IP"}}`), "want 60, 120, 300 or 600"},
		{`{"Addresses":["10.0.0.0/8"],"IPAddressVersion":"IPV9"}`, `"IPV9" is not one of`},
		{"\xff{}", "invalid UTF-8"},
		{strings.Repeat("[", 5000), "nested deeper than 100 levels"},
	} {
		_, err := (&Reader{}).Parse("acl.json", []byte(c.src))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: %v, want %s", c.src, err, c.want)
			continue
		}
		if at, ok := errors.AsType[*Error](err); !ok || at.Line < 1 || at.Column < 1 || at.File != "acl.json" {
			t.Errorf("%.80s: no place: %v", c.src, err)
		}
	}
}

// TestSearchStrings decides between base64 and plain text.
func TestSearchStrings(t *testing.T) {
	for _, c := range []struct {
		how, first, second string
		want               string // of the first
		bad                bool
	}{
		{"", "YmFkYm90", "L2FkbWlu", "badbot", false},
		{"", "YmFkYm90", "/admin", "YmFkYm90", false},
		{"", "test", "evil", "test", false}, // They decode, but to no text.
		{"", "YmFk", "AAEC", "", true},      // Text and bytes: ambiguous.
		{"", "YmFkYm90", "AAEC", "badbot", false},
		{"", "YmE=", "rO0ABQ==", "ba", false},
		{"", "foo=", "fow=", "foo=", true}, // Both could be bytes or the names of arguments.
		{"", "cmd=", "foo=", "cmd=", false},
		{"base64", "YmFkYm90", "AAEC", "badbot", false},
		{"plain", "YmFkYm90", "AAEC", "YmFkYm90", false},
		{"base64", "YmFkYm90", "/admin", "", true},
	} {
		one := func(i int, s string) string {
			return fmt.Sprintf(`{"Name":"r%d","Priority":%d,"Action":{"Block":{}},"Statement":{"ByteMatchStatement":{"SearchString":%q,"FieldToMatch":{"UriPath":{}},"TextTransformations":[{"Priority":0,"Type":"NONE"}],"PositionalConstraint":"CONTAINS"}}}`, i, i, s)
		}
		src := `{"Name":"a","DefaultAction":{"Allow":{}},"Rules":[` + one(1, c.first) + "," + one(2, c.second) + `]}`
		b, err := (&Reader{SearchString: c.how}).Parse("a.json", []byte(src))
		if (err != nil) != c.bad {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if err == nil {
			if got := string(b.ACLs[0].Rules[0].Statement.Search); got != c.want {
				t.Errorf("%+v: %q", c, got)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{exported, sets, yamlTemplate, plan, "a: &a [*a]", "{}", "[", "a: !Sub x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, name := range []string{"f.json", "f.yaml"} {
			b, err := (&Reader{}).Parse(name, src)
			if (b == nil) == (err == nil) {
				t.Fatalf("bundle %v, error %v", b, err)
			}
		}
	})
}
