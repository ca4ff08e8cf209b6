// Package waf reads the traffic logs of AWS WAF: one JSON object for every web
// request that a web ACL inspected, with the rule that ended the inspection.
//
// Lines in S3 under AWSLogs/<account>/WAFLogs/<region>/<acl>/…, records glued
// together by Firehose (aws-waf-logs-…), or CloudWatch Logs. Format:
// https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html
//
// What the log cannot tell: no body is logged; redacted parts read REDACTED; a
// log filter may drop records, most often all ALLOW, so rates over this log can
// be wrong. terminatingRuleId names the rule of the web ACL; when that is a rule
// group, the rule inside it stands in finding_info.analytic as group/rule.
// COUNT matches stand both in nonTerminatingMatchingRules and inside
// ruleGroupList: count them once. A record has no id of its own.
package waf

import (
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

// New gives the source.
func New() yagura.Source { return source{} }

type source struct{}

func (source) Schema() *ocsf.Schema { return schema }

func (source) Match(key string, head []byte) yagura.Match {
	m := yagura.NoMatch
	for _, mark := range []string{"aws-waf-logs-", "/WAFLogs/", "_waflogs_"} {
		if strings.Contains(key, mark) {
			m |= yagura.ByKey
		}
	}
	seen := format.Peek(head)
	if seen["webaclid"] != "" && seen["terminatingruleid"] != "" {
		m |= yagura.ByContent
	}
	return m
}

func (source) Open(in yagura.Input) (yagura.Decoder, error) { return format.Open(in) }
