package elb

import (
	"github.com/yagura-sec/yagura/internal/lines"
	"github.com/yagura-sec/yagura/ocsf"
)

// kind is one of the four logs.
type kind struct {
	code   string // metadata.event_code
	class  ocsf.Class
	least  int // fields that a line must have
	fields []field
	finish func(*mapper, *ocsf.Event) // what takes more than one field
}

// field is one field. Without set it goes to unmapped.
type field struct {
	name string
	set  func(m *mapper, ev *ocsf.Event, v string) error
}

var application = &kind{
	code: "alb", class: ocsf.HTTPActivity, least: 16, finish: finishHTTP,
	fields: []field{
		{"type", category},
		{"time", when},
		{"elb", resource},
		{"client:port", client},
		{"target:port", target},
		{"request_processing_time", spent},
		{"target_processing_time", spent},
		{"response_processing_time", spent},
		{"elb_status_code", code},
		{"target_status_code", nil},
		{"received_bytes", received},
		{"sent_bytes", sent},
		{"request", request},
		{"user_agent", agent},
		{"ssl_cipher", nil},
		{"ssl_protocol", tls},
		{"target_group_arn", arn},
		{"trace_id", trace},
		{"domain_name", domain},
		{"chosen_cert_arn", arn},
		{"matched_rule_priority", rule},
		{"request_creation_time", nil},
		{"actions_executed", action},
		{"redirect_url", nil},
		{"error_reason", reason},
		{"target:port_list", nil},
		{"target_status_code_list", nil},
		{"classification", nil},
		{"classification_reason", nil},
		{"conn_trace_id", nil},
		{"transformed_host", nil},
		{"transformed_uri", nil},
		{"request_transform_status", nil},
	},
}

var network = &kind{
	code: "nlb", class: ocsf.NetworkActivity, least: 16, finish: finishTLS,
	fields: []field{
		{"type", category},
		{"version", version},
		{"time", when},
		{"elb", resource},
		{"listener", nil},
		{"client:port", client},
		{"destination:port", target},
		{"connection_time", nil},
		{"tls_handshake_time", nil},
		{"received_bytes", received},
		{"sent_bytes", sent},
		{"incoming_tls_alert", reason},
		{"chosen_cert_arn", arn},
		{"chosen_cert_serial", nil},
		{"tls_cipher", nil},
		{"tls_protocol_version", tls},
		{"tls_named_group", nil},
		{"domain_name", domain},
		{"alpn_fe_protocol", nil},
		{"alpn_be_protocol", nil},
		{"alpn_client_preference_list", alpn},
		{"tls_connection_creation_time", nil},
	},
}

var classic = &kind{
	code: "clb", class: ocsf.HTTPActivity, least: 12, finish: finishClassic,
	fields: []field{
		{"time", when},
		{"elb", resource},
		{"client:port", client},
		{"backend:port", target},
		{"request_processing_time", spent},
		{"backend_processing_time", spent},
		{"response_processing_time", spent},
		{"elb_status_code", code},
		{"backend_status_code", nil},
		{"received_bytes", received},
		{"sent_bytes", sent},
		{"request", request},
		{"user_agent", agent},
		{"ssl_cipher", nil},
		{"ssl_protocol", tls},
	},
}

var connection = &kind{
	code: "alb_conn", class: ocsf.NetworkActivity, least: 11, finish: finishConnection,
	fields: []field{
		{"time", when},
		{"client_ip", clientIP},
		{"client_port", clientPort},
		{"listener_port", listenerPort},
		{"tls_protocol", tls},
		{"tls_cipher", nil},
		{"tls_handshake_latency", nil},
		{"leaf_client_cert_subject", nil},
		{"leaf_client_cert_validity", nil},
		{"leaf_client_cert_serial_number", nil},
		{"tls_verify_status", verified},
		{"conn_trace_id", connTrace},
		{"tls_keyexchange", nil},
	},
}

// kindOf tells a line's kind by its first words, nil if it is none.
func kindOf(words []string) *kind {
	if len(words) < 5 {
		return nil
	}
	if isTime(words[0]) {
		if isNumber(words[2]) && isNumber(words[3]) {
			return connection
		}
		return classic
	}
	switch {
	case words[0] == "tls" && isTime(words[2]):
		return network
	case isTime(words[1]) && letters(words[0]): // http, https, h2, grpcs, ws, wss and what may come
		return application
	}
	return nil
}

func isTime(s string) bool {
	_, ok := lines.ISO(s)
	return ok
}

func isNumber(s string) bool {
	_, _, ok := lines.Number(s)
	return ok
}

func letters(s string) bool {
	if len(s) > 16 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9' || i == 0) {
			return false
		}
	}
	return true
}
