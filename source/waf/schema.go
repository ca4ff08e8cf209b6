package waf

import (
	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

// names leads from the record's members to columns and is what search resolves.
var names = []ocsf.Native{
	{Name: "timestamp", Columns: []string{"time"}},
	{Name: "formatVersion", Columns: []string{"metadata_log_version"}},
	{Name: "webaclId", Columns: []string{"policy_uid"}},
	{Name: "terminatingRuleId", Columns: []string{"firewall_rule_uid"}},
	{Name: "terminatingRuleType", Columns: []string{"metadata_event_code"}},
	{Name: "action", Columns: []string{"disposition"}},
	{Name: "httpSourceName", Columns: []string{"resource_type"}},
	{Name: "httpSourceId", Columns: []string{"resource_uid"}},
	{Name: "responseCodeSent", Columns: []string{"http_response_code"}},
	{Name: "captchaResponse.responseCode", Columns: []string{"http_response_code"}},
	{Name: "challengeResponse.responseCode", Columns: []string{"http_response_code"}},
	{Name: "httpRequest.clientIp", Columns: []string{"src_endpoint_ip", "src_endpoint_name"}},
	{Name: "httpRequest.httpMethod", Columns: []string{"http_request_http_method"}},
	{Name: "httpRequest.scheme", Columns: []string{"http_request_url_scheme"}},
	{Name: "httpRequest.host", Columns: []string{"http_request_url_hostname"}},
	{Name: "httpRequest.uri", Columns: []string{"http_request_url_path"}},
	{Name: "httpRequest.args", Columns: []string{"http_request_url_query_string"}},
	{Name: "httpRequest.httpVersion", Columns: []string{"http_request_version"}},
	{Name: "httpRequest.requestId", Columns: []string{"metadata_correlation_uid"}},
	{Name: "labels.name", Columns: []string{"metadata_labels"}},
	{Name: "requestBodySize", Columns: []string{"traffic_bytes_in"}},
	{Name: "httpRequest.country", Path: "httpRequest.country"},
	{Name: "httpRequest.headers", Path: "httpRequest.headers"},
	{Name: "httpRequest.fragment", Path: "httpRequest.fragment"},
	{Name: "clientAsn", Path: "clientAsn"},
	{Name: "terminatingRuleMatchDetails", Path: "terminatingRuleMatchDetails"},
	{Name: "ruleGroupList", Path: "ruleGroupList"},
	{Name: "ruleGroupList.ruleGroupId", Path: "ruleGroupList.ruleGroupId"},
	{Name: "ruleGroupList.terminatingRule.ruleId", Path: "ruleGroupList.terminatingRule.ruleId"},
	{Name: "rateBasedRuleList", Path: "rateBasedRuleList"},
	{Name: "nonTerminatingMatchingRules", Path: "nonTerminatingMatchingRules"},
	{Name: "nonTerminatingMatchingRules.ruleId", Path: "nonTerminatingMatchingRules.ruleId"},
	{Name: "requestHeadersInserted", Path: "requestHeadersInserted"},
	{Name: "labels", Path: "labels"},
	{Name: "captchaResponse", Path: "captchaResponse"},
	{Name: "captchaResponse.failureReason", Path: "captchaResponse.failureReason"},
	{Name: "challengeResponse", Path: "challengeResponse"},
	{Name: "challengeResponse.failureReason", Path: "challengeResponse.failureReason"},
	{Name: "ja3Fingerprint", Path: "ja3Fingerprint"},
	{Name: "ja4Fingerprint", Path: "ja4Fingerprint"},
	{Name: "oversizeFields", Path: "oversizeFields"},
	{Name: "requestBodySizeInspectedByWAF", Path: "requestBodySizeInspectedByWAF"},
	{Name: "cfDistributionTenantId", Path: "cfDistributionTenantId"},
}

var schema = &ocsf.Schema{
	Source:  "waf",
	Title:   "AWS WAF web ACL traffic logs",
	Version: 1,
	Columns: yagura.SchemaColumns(
		names,
		"http_request_url_port", "http_request_user_agent", "http_request_referrer", "http_request_x_forwarded_for",
		"finding_info_analytic",
	),
	Native: names,
	Order:  []string{"src_endpoint_ip", "http_request_url_hostname", "time"},
	Blooms: []string{"src_endpoint_ip", "metadata_correlation_uid"},
	Raw:    ocsf.RawJSON,
}
