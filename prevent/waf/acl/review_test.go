package acl

import (
	"strings"
	"testing"
)

const someVisibility = `VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: !ImportValue x}`

// TestTemplateConditions reads a template whose rules depend on conditions, and in
// which nothing that matters comes from outside.
func TestTemplateConditions(t *testing.T) {
	b, err := new(Reader).Parse("t.yaml", []byte(`
Parameters:
  Mode: {Type: String, Default: count}
  Owner: {Type: String}
Mappings:
  Limits: {count: {Rate: 1000}, block: {Rate: 100}}
Conditions:
  Counting: !Equals [!Ref Mode, count]
  Blocking: !Not [!Condition Counting]
  Both: !And [!Condition Counting, {Condition: Blocking}]
  Any: {"Fn::Or": [!Condition Counting, !Condition Blocking]}
Resources:
  Off:
    Type: AWS::WAFv2::WebACL
    Condition: Both
    Properties: {Rules: nonsense}
  Acl:
    Type: AWS::WAFv2::WebACL
    Condition: Any
    Properties:
      Name: !Select [1, !Split ["-", "my-acl-name"]]
      Description: !Ref Owner
      Tags: [{Key: owner, Value: !Ref Owner}]
      Scope: REGIONAL
      DefaultAction: !If [Blocking, {Block: {}}, {Allow: {}}]
      `+someVisibility+`
      Rules:
        - Name: rate
          Priority: 1
          Action: !If [Counting, {Count: {}}, {Block: {}}]
          `+someVisibility+`
          Statement: {RateBasedStatement: {AggregateKeyType: IP, Limit: !FindInMap [Limits, !Ref Mode, Rate]}}
        - !If [Blocking, {Name: never}, !Ref "AWS::NoValue"]
  Log:
    Type: AWS::WAFv2::LoggingConfiguration
    Properties: {ResourceArn: !GetAtt Acl.Arn, LogDestinationConfigs: [!ImportValue stream]}
`))
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.ACL("")
	if err != nil {
		t.Fatal(err)
	}
	if a.Name != "acl" || a.Default.Kind.String() != "ALLOW" || !a.Logged || len(a.Rules) != 1 || a.Rules[0].Action.Kind.String() != "COUNT" || a.Rules[0].Statement.Limit != 1000 {
		t.Errorf("%+v", a)
	}
	for text, want := range map[string]string{
		"DefaultAction: !If [None, {Allow: {}}, {Block: {}}]":                  "no condition None",
		"DefaultAction: !If [Loop, {Allow: {}}, {Block: {}}]":                  "refer to each other",
		"DefaultAction: !If [Odd, {Allow: {}}, {Block: {}}]":                   "no condition that can be judged",
		"DefaultAction: {Allow: {}}\n      Name: !Select [7, [a, b]]":          "finds nothing",
		"DefaultAction: {Allow: {}}\n      Name: !FindInMap [Limits, none, a]": "finds nothing",
		"DefaultAction: !If [Odd]":                                             "wants a condition",
	} {
		src := "Conditions: {Loop: !Not [!Condition Loop], Odd: !Equals [a]}\nResources:\n  Acl:\n    Type: AWS::WAFv2::WebACL\n    Properties:\n      " + text + "\n"
		if _, err := new(Reader).Parse("t.yaml", []byte(src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestPlanWithoutValues reads a plan of which only the changes are there, a set
// that a data source has found, and what boto3 and update-web-acl add.
func TestPlanWithoutValues(t *testing.T) {
	const after = `{"name":"w","scope":"REGIONAL","default_action":[{"allow":[{}],"block":[]}],"rule":[{"name":"r","priority":1,"action":[{"block":[{}]}],
"statement":[{"ip_set_reference_statement":[{"arn":"arn:aws:wafv2:eu-west-1:111122223333:regional/ipset/i/1"}]}]}]}`
	const data = `{"format_version":"1.0","values":{"root_module":{"resources":[{"address":"data.aws_wafv2_ip_set.i","mode":"data","type":"aws_wafv2_ip_set","name":"i",
"values":{"arn":"arn:aws:wafv2:eu-west-1:111122223333:regional/ipset/i/1","name":"i","scope":"REGIONAL","ip_address_version":"IPV4","addresses":["192.0.2.0/24"]}}]}}}`
	b, err := new(Reader).Parse("plan.json", []byte(`{"format_version":"1.2","resource_changes":[
{"address":"aws_wafv2_web_acl.old","mode":"managed","type":"aws_wafv2_web_acl","name":"old","change":{"actions":["delete"],"after":null}},
{"address":"aws_wafv2_web_acl.w","mode":"managed","type":"aws_wafv2_web_acl","name":"w","change":{"actions":["create"],"after":`+after+`}}],"prior_state":`+data+`}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(b.ACLs) != 1 || b.ACLs[0].Rules[0].Statement.IPs == nil || len(b.ACLs[0].Rules[0].Statement.IPs.Prefixes) != 1 {
		t.Errorf("%+v", b)
	}
	for _, src := range []string{
		`{"WebACL":{"Name":"a","DefaultAction":{"Allow":{}}},"LockToken":"x","ResponseMetadata":{"HTTPStatusCode":200}}`,
		`{"Name":"a","Scope":"REGIONAL","Id":"1","DefaultAction":{"Allow":{}},"Rules":[],"LockToken":"x"}`,
	} {
		if _, err := new(Reader).Parse("a.json", []byte(src)); err != nil {
			t.Error(err)
		}
	}
}
