package elb

import "github.com/yagura-sec/yagura/ocsf"

var schema = &ocsf.Schema{
	Source:  "elb",
	Title:   "Elastic Load Balancing access and connection logs",
	Version: 1,
	Columns: []string{
		"metadata_event_code", "metadata_category", "metadata_log_version", "metadata_correlation_uid", "status_code",
		"src_endpoint_ip", "src_endpoint_name", "src_endpoint_port",
		"dst_endpoint_ip", "dst_endpoint_name", "dst_endpoint_port",
		"http_request_http_method", "http_request_url_scheme", "http_request_url_hostname", "http_request_url_port",
		"http_request_url_path", "http_request_url_query_string", "http_request_version", "http_request_user_agent",
		"http_response_code", "http_response_latency", "tls_version",
		"traffic_bytes_in", "traffic_bytes_out", "connection_info_protocol_num",
		"disposition", "firewall_rule_uid", "resource_uid", "resource_type", "resources_uid", "unmapped",
	},
	Native: natives(),
	Blooms: []string{"src_endpoint_ip", "metadata_correlation_uid"},
	Raw:    ocsf.RawText,
}

// columnsOf says which attributes hold a field; a field that is not named here
// is in unmapped. Names are AWS's own, and those of its Athena tables where they
// differ.
var columnsOf = map[string][]string{
	"type":    {"metadata_category"},
	"time":    {"time"},
	"version": {"metadata_log_version"},
	"elb":     {"resource_uid"},

	"client:port":      {"src_endpoint_ip", "src_endpoint_name", "src_endpoint_port"},
	"client_ip":        {"src_endpoint_ip", "src_endpoint_name"},
	"client_port":      {"src_endpoint_port"},
	"target:port":      {"dst_endpoint_ip", "dst_endpoint_name", "dst_endpoint_port"},
	"target_ip":        {"dst_endpoint_ip", "dst_endpoint_name"},
	"target_port":      {"dst_endpoint_port"},
	"destination:port": {"dst_endpoint_ip", "dst_endpoint_name", "dst_endpoint_port"},
	"backend:port":     {"dst_endpoint_ip", "dst_endpoint_name", "dst_endpoint_port"},
	"listener_port":    {"dst_endpoint_port"},

	"elb_status_code": {"http_response_code"},
	"received_bytes":  {"traffic_bytes_in"},
	"sent_bytes":      {"traffic_bytes_out"},
	"request":         {"http_request_http_method", "http_request_url_hostname", "http_request_url_path", "http_request_url_query_string", "http_request_version"},
	"request_verb":    {"http_request_http_method"},
	"request_url":     {"http_request_url_hostname", "http_request_url_path", "http_request_url_query_string"},
	"request_proto":   {"http_request_version"},
	"user_agent":      {"http_request_user_agent"},

	"ssl_protocol":         {"tls_version"},
	"tls_protocol_version": {"tls_version"},
	"tls_protocol":         {"tls_version"},

	"target_group_arn":      {"resources_uid"},
	"chosen_cert_arn":       {"resources_uid"},
	"trace_id":              {"metadata_correlation_uid"},
	"matched_rule_priority": {"firewall_rule_uid"},
	"actions_executed":      {"disposition"},
	"error_reason":          {"status_code"},
	"lambda_error_reason":   {"status_code"},
	"incoming_tls_alert":    {"status_code"},
	"tls_verify_status":     {"status_code"},
}

// natives gives every field of every kind once, and the Athena names.
func natives() []ocsf.Native {
	var all []ocsf.Native
	seen := map[string]bool{}
	add := func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		n := ocsf.Native{Name: name, Columns: columnsOf[name]}
		if len(n.Columns) == 0 {
			n.Path = name
		}
		all = append(all, n)
	}
	for _, k := range []*kind{application, network, classic, connection} {
		for _, f := range k.fields {
			add(f.name)
		}
	}
	for _, name := range []string{"client_ip", "client_port", "target_ip", "target_port", "request_verb", "request_url", "request_proto", "lambda_error_reason"} {
		add(name)
	}
	return all
}
