package route53

import (
	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

// names leads from the record's members to columns and is what search resolves.
var names = []ocsf.Native{
	{Name: "version", Columns: []string{"metadata_log_version"}},
	{Name: "account_id", Columns: []string{"account"}},
	{Name: "region", Columns: []string{"region"}},
	{Name: "vpc_id", Columns: []string{"src_endpoint_vpc_uid"}},
	{Name: "query_timestamp", Columns: []string{"time"}},
	{Name: "query_name", Columns: []string{"query_hostname"}},
	{Name: "query_type", Columns: []string{"query_type"}},
	{Name: "query_class", Columns: []string{"query_class"}},
	{Name: "rcode", Columns: []string{"rcode"}},
	{Name: "answers.Rdata", Columns: []string{"answers_rdata"}},
	{Name: "srcaddr", Columns: []string{"src_endpoint_ip", "src_endpoint_name"}},
	{Name: "srcport", Columns: []string{"src_endpoint_port"}},
	{Name: "srcids.instance", Columns: []string{"src_endpoint_instance_uid"}},
	{Name: "srcids.resolver_endpoint", Columns: []string{"dst_endpoint_instance_uid"}},
	{Name: "srcids.resolver_network_interface", Columns: []string{"dst_endpoint_interface_uid"}},
	{Name: "firewall_rule_action", Columns: []string{"disposition"}},
	{Name: "firewall_rule_group_id", Columns: []string{"firewall_rule_uid"}},
	{Name: "firewall_domain_list_id", Path: "firewall_domain_list_id"},
	{Name: "transport", Path: "transport"},
	{Name: "answers", Path: "answers"},
	{Name: "answers.Type", Path: "answers.Type"},
	{Name: "answers.Class", Path: "answers.Class"},
	{Name: "srcids", Path: "srcids"},
	{Name: "firewall_protection", Path: "firewall_protection"},
}

var schema = &ocsf.Schema{
	Source:  "route53",
	Title:   "Route 53 Resolver query logs",
	Version: 1,
	Columns: yagura.SchemaColumns(names, "status_id", "connection_info_protocol_num"),
	Native:  names,
	Order:   []string{"src_endpoint_ip", "query_hostname", "time"},
	Blooms:  []string{"query_hostname", "src_endpoint_ip", "src_endpoint_instance_uid"},
	Raw:     ocsf.RawJSON,
}
