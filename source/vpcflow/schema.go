package vpcflow

import (
	"strings"

	"github.com/yagura-sec/yagura/ocsf"
)

// kind says how a field's text becomes an attribute.
type kind uint8

const (
	other   kind = iota // no column: unmapped, under AWS's name
	text                // as it is
	number              // unsigned decimal
	address             // IP; what is not an address goes to the second column, else to unmapped
	seconds             // Unix seconds
	stamp               // timestamp of a CloudWatch Logs export
)

// field is one field of a flow log.
type field struct {
	name    string // as AWS writes it, with hyphens
	kind    kind
	flow    bool     // says something about a flow, so that NODATA and SKIPDATA have none
	columns []string // attributes that hold it
	str     func(*ocsf.Event) *string
	alt     func(*ocsf.Event) *string // for an address that is none
	num     func(*ocsf.Event) *int64
}

// stampName is the field name that this package gives to an export's timestamp.
const stampName = "@timestamp"

// fields is every documented field, by version.
var fields = bind([]*field{
	// Version 2, in the order of the default format.
	{name: "version", kind: text, columns: []string{"metadata_log_version"}},
	{name: "account-id", kind: text, columns: []string{"account"}},
	{name: "interface-id", kind: text, columns: []string{"device_interface_uid"}},
	{name: "srcaddr", kind: address, flow: true, columns: []string{"src_endpoint_ip", "src_endpoint_name"}},
	{name: "dstaddr", kind: address, flow: true, columns: []string{"dst_endpoint_ip", "dst_endpoint_name"}},
	{name: "srcport", kind: number, flow: true, columns: []string{"src_endpoint_port"}},
	{name: "dstport", kind: number, flow: true, columns: []string{"dst_endpoint_port"}},
	{name: "protocol", kind: number, flow: true, columns: []string{"connection_info_protocol_num"}},
	{name: "packets", kind: number, flow: true, columns: []string{"traffic_packets"}},
	{name: "bytes", kind: number, flow: true, columns: []string{"traffic_bytes"}},
	{name: "start", kind: seconds, columns: []string{"time"}},
	{name: "end", kind: seconds, columns: []string{"end_time"}},
	{name: "action", kind: text, flow: true, columns: []string{"disposition"}},
	{name: "log-status", kind: text, columns: []string{"traffic_sampling"}},
	// Version 3.
	{name: "vpc-id", kind: text, columns: []string{"device_vpc_uid"}},
	{name: "subnet-id", kind: text, columns: []string{"device_subnet_uid"}},
	{name: "instance-id", kind: text, columns: []string{"device_instance_uid"}},
	{name: "tcp-flags", kind: number, flow: true, columns: []string{"connection_info_tcp_flags"}},
	{name: "type", flow: true},
	{name: "pkt-srcaddr", kind: address, flow: true, columns: []string{"pkt_src_ip"}},
	{name: "pkt-dstaddr", kind: address, flow: true, columns: []string{"pkt_dst_ip"}},
	// Version 4.
	{name: "region", kind: text, columns: []string{"region"}},
	{name: "az-id"},
	{name: "sublocation-type"},
	{name: "sublocation-id"},
	// Version 5.
	{name: "pkt-src-aws-service", kind: text, flow: true, columns: []string{"src_endpoint_svc_name"}},
	{name: "pkt-dst-aws-service", kind: text, flow: true, columns: []string{"dst_endpoint_svc_name"}},
	{name: "flow-direction", kind: text, flow: true, columns: []string{"connection_info_direction"}},
	{name: "traffic-path", kind: number, flow: true, columns: []string{"connection_info_traffic_path"}},
	// Version 6: transit gateways. Their ends are known, so they are the endpoints'.
	{name: "resource-type", kind: text, columns: []string{"resource_type"}},
	{name: "tgw-id"},
	{name: "tgw-attachment-id"},
	{name: "tgw-pair-attachment-id"},
	{name: "tgw-src-vpc-account-id"},
	{name: "tgw-dst-vpc-account-id"},
	{name: "tgw-src-vpc-id", kind: text, columns: []string{"src_endpoint_vpc_uid"}},
	{name: "tgw-dst-vpc-id", kind: text, columns: []string{"dst_endpoint_vpc_uid"}},
	{name: "tgw-src-subnet-id", kind: text, columns: []string{"src_endpoint_subnet_uid"}},
	{name: "tgw-dst-subnet-id", kind: text, columns: []string{"dst_endpoint_subnet_uid"}},
	{name: "tgw-src-eni", kind: text, columns: []string{"src_endpoint_interface_uid"}},
	{name: "tgw-dst-eni", kind: text, columns: []string{"dst_endpoint_interface_uid"}},
	{name: "tgw-src-az-id"},
	{name: "tgw-dst-az-id"},
	{name: "packets-lost-no-route", flow: true},
	{name: "packets-lost-blackhole", flow: true},
	{name: "packets-lost-mtu-exceeded", flow: true},
	{name: "packets-lost-ttl-expired", flow: true},
	// Version 7: ECS.
	{name: "ecs-cluster-arn"},
	{name: "ecs-cluster-name"},
	{name: "ecs-container-instance-arn"},
	{name: "ecs-container-instance-id"},
	{name: "ecs-container-id"},
	{name: "ecs-second-container-id"},
	{name: "ecs-service-name"},
	{name: "ecs-task-definition-arn"},
	{name: "ecs-task-arn"},
	{name: "ecs-task-id"},
	// Versions 8, 9 and 10.
	{name: "reject-reason", kind: text, flow: true, columns: []string{"status_code"}},
	{name: "resource-id", kind: text, columns: []string{"resource_uid"}},
	{name: "encryption-status", flow: true},
})

// bind finds the accessors of the fields' columns.
func bind(list []*field) []*field {
	for _, f := range list {
		if len(f.columns) == 0 {
			continue
		}
		c := ocsf.Lookup(f.columns[0])
		f.str, f.num = c.Str, c.Num
		if len(f.columns) > 1 {
			f.alt = ocsf.Lookup(f.columns[1]).Str
		}
	}
	return list
}

var stampField = &field{name: stampName, kind: stamp}

var byName = func() map[string]*field {
	m := map[string]*field{stampName: stampField}
	for _, f := range fields {
		m[f.name] = f
	}
	return m
}()

var schema = &ocsf.Schema{
	Source:  "vpcflow",
	Title:   "VPC Flow Logs",
	Version: 1,
	Columns: schemaColumns(),
	Native:  natives(),
	Blooms:  []string{"src_endpoint_ip", "dst_endpoint_ip"},
	Raw:     ocsf.RawText,
	Rebuild: rebuild,
}

func schemaColumns() []string {
	columns := []string{"metadata_log_format"}
	for _, f := range fields {
		columns = append(columns, f.columns...)
	}
	return append(columns, "unmapped")
}

// natives gives every field under both of its names: AWS writes hyphens in text
// and underscores in Parquet and Athena.
func natives() []ocsf.Native {
	var all []ocsf.Native
	for _, f := range fields {
		n := ocsf.Native{Name: f.name, Columns: f.columns, Seconds: f.kind == seconds}
		if len(f.columns) == 0 {
			n.Path = f.name
		}
		all = append(all, n)
		if under := strings.ReplaceAll(f.name, "-", "_"); under != f.name {
			n.Name = under
			all = append(all, n)
		}
	}
	return all
}
