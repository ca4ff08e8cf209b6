package s3access

import "github.com/yagura-sec/yagura/ocsf"

// The fields by position.
const (
	fieldOwner = iota
	fieldBucket
	fieldTime
	fieldRemote
	fieldRequester
	fieldRequestID
	fieldOperation
	fieldKey
	fieldRequest
	fieldStatus
	fieldError
	fieldSent
	fieldSize
	fieldTotal
	fieldTurn
	fieldReferrer
	fieldAgent
	fieldVersionID
	fieldHostID
	fieldSignature
	fieldCipher
	fieldAuth
	fieldHost
	fieldTLS
	fieldAccessPoint
	fieldACL
	fieldSourceRegion
	fieldCount
)

// names are those of Athena's documented table; the last is this package's.
var names = [fieldCount]string{
	"bucketowner", "bucket_name", "requestdatetime", "remoteip", "requester", "requestid", "operation", "key",
	"request_uri", "httpstatus", "errorcode", "bytessent", "objectsize", "totaltime", "turnaroundtime",
	"referrer", "useragent", "versionid", "hostid", "sigv", "ciphersuite", "authtype", "endpoint",
	"tlsversion", "accesspointarn", "aclrequired", "sourceregion",
}

// columns say which attributes hold a field; a field without is in unmapped.
var columns = [fieldCount][]string{
	fieldBucket:      {"resource_uid_alt"},
	fieldTime:        {"time"},
	fieldRemote:      {"src_endpoint_ip", "src_endpoint_name"},
	fieldRequester:   {"actor_user_uid", "actor_user_uid_alt", "actor_user_name"},
	fieldRequestID:   {"api_request_uid"},
	fieldOperation:   {"api_operation"},
	fieldKey:         {"resource_name"},
	fieldRequest:     {"http_request_http_method", "http_request_url_path", "http_request_url_query_string", "http_request_version"},
	fieldStatus:      {"http_response_code"},
	fieldError:       {"status_code"},
	fieldSent:        {"traffic_bytes_out"},
	fieldTotal:       {"http_response_latency"},
	fieldReferrer:    {"http_request_referrer"},
	fieldAgent:       {"http_request_user_agent"},
	fieldHost:        {"http_request_url_hostname"},
	fieldTLS:         {"tls_version"},
	fieldAccessPoint: {"resources_uid"},
}

var schema = &ocsf.Schema{
	Source:  "s3access",
	Title:   "Amazon S3 server access logs",
	Version: 1,
	Columns: append([]string{
		"status_code", "actor_user_type", "actor_user_account_uid", "actor_session_issuer_name", "actor_session_uid",
		"actor_user_name", "actor_user_uid", "actor_user_uid_alt", "api_service_name", "api_read_only",
		"resource_uid", "resource_type",
	}, fieldColumns()...),
	Native: natives(),
	Blooms: []string{"src_endpoint_ip", "api_request_uid"},
	Raw:    ocsf.RawText,
}

func fieldColumns() []string {
	seen := map[string]bool{"time": true, "status_code": true, "actor_user_uid": true, "actor_user_uid_alt": true, "actor_user_name": true}
	var all []string
	for _, list := range columns {
		for _, c := range list {
			if !seen[c] {
				seen[c] = true
				all = append(all, c)
			}
		}
	}
	return append(all, "unmapped")
}

func natives() []ocsf.Native {
	all := make([]ocsf.Native, 0, fieldCount)
	for i, name := range names {
		n := ocsf.Native{Name: name, Columns: columns[i]}
		if len(n.Columns) == 0 {
			n.Path = name
		}
		all = append(all, n)
	}
	return all
}
