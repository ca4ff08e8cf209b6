package securityhub

import (
	"slices"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

var (
	srcIP   = []string{"src_endpoint_ip", "src_endpoint_name"}
	srcPort = []string{"src_endpoint_port"}
	dstIP   = []string{"dst_endpoint_ip", "dst_endpoint_name"}
	dstPort = []string{"dst_endpoint_port"}
	uids    = []string{"resources_uid"}
)

// asff leads from the members of an ASFF finding to columns.
var asff = []ocsf.Native{
	{Name: "SchemaVersion", Columns: []string{"metadata_log_version"}},
	{Name: "Id", Columns: []string{"finding_info_uid"}},
	{Name: "AwsAccountId", Columns: []string{"account"}},
	{Name: "Region", Columns: []string{"region"}},
	{Name: "UpdatedAt", Columns: []string{"time"}},
	{Name: "FirstObservedAt", Columns: []string{"finding_info_first_seen_time"}},
	{Name: "CreatedAt", Columns: []string{"finding_info_first_seen_time"}},
	{Name: "LastObservedAt", Columns: []string{"finding_info_last_seen_time"}},
	{Name: "ProductName", Columns: []string{"finding_info_product"}},
	{Name: "GeneratorId", Columns: []string{"finding_info_analytic"}},
	{Name: "Title", Columns: []string{"finding_info_title"}},
	{Name: "Description", Columns: []string{"finding_info_desc"}},
	{Name: "Types", Columns: []string{"finding_info_types"}},
	{Name: "Severity.Label", Columns: []string{"severity"}},
	{Name: "FindingProviderFields.Severity.Label", Columns: []string{"severity"}},
	{Name: "Severity.Normalized", Columns: []string{"severity"}},
	{Name: "Workflow.Status", Columns: []string{"finding_info_state"}},
	{Name: "WorkflowState", Columns: []string{"finding_info_state"}},
	{Name: "RecordState", Columns: []string{"metadata_category"}},
	{Name: "Compliance.Status", Columns: []string{"compliance_status"}},
	{Name: "Compliance.SecurityControlId", Columns: []string{"compliance_control"}},
	{Name: "Vulnerabilities.Id", Columns: []string{"vulnerabilities_cve_uid"}},
	{Name: "Resources.Id", Columns: uids},
	{Name: "Resources.Type", Columns: []string{"resource_type"}},
	{Name: "Resources.Region", Columns: []string{"region"}},
	{Name: "Resources.Details.AwsIamAccessKey.PrincipalName", Columns: []string{"actor_user_name"}},
	{Name: "Resources.Details.AwsIamAccessKey.PrincipalId", Columns: []string{"actor_user_uid_alt"}},
	{Name: "Resources.Details.AwsIamAccessKey.PrincipalType", Columns: []string{"actor_user_type"}},
	{Name: "Resources.Details.AwsIamAccessKey.AccessKeyId", Columns: []string{"actor_user_credential_uid"}},
	{Name: "Resources.Details.AwsEc2Instance.VpcId", Columns: []string{"dst_endpoint_vpc_uid"}},
	{Name: "Resources.Details.AwsEc2Instance.SubnetId", Columns: []string{"dst_endpoint_subnet_uid"}},

	{Name: "Network.SourceIpV4", Columns: srcIP},
	{Name: "Network.SourceIpV6", Columns: srcIP},
	{Name: "Network.SourceDomain", Columns: []string{"src_endpoint_name"}},
	{Name: "Network.SourcePort", Columns: srcPort},
	{Name: "Network.DestinationIpV4", Columns: dstIP},
	{Name: "Network.DestinationIpV6", Columns: dstIP},
	{Name: "Network.DestinationDomain", Columns: []string{"dst_endpoint_name"}},
	{Name: "Network.DestinationPort", Columns: dstPort},
	{Name: "Action.ActionType", Columns: []string{"metadata_event_code"}},
	{Name: "Action.AwsApiCallAction.Api", Columns: []string{"api_operation"}},
	{Name: "Action.AwsApiCallAction.ServiceName", Columns: []string{"api_service_name"}},
	{Name: "Action.AwsApiCallAction.RemoteIpDetails.IpAddressV4", Columns: srcIP},
	{Name: "Action.NetworkConnectionAction.RemoteIpDetails.IpAddressV4", Columns: srcIP},
	{Name: "Action.NetworkConnectionAction.RemotePortDetails.Port", Columns: srcPort},
	{Name: "Action.NetworkConnectionAction.LocalPortDetails.Port", Columns: dstPort},
	{Name: "Action.PortProbeAction.PortProbeDetails.RemoteIpDetails.IpAddressV4", Columns: srcIP},
	{Name: "Action.PortProbeAction.PortProbeDetails.LocalIpDetails.IpAddressV4", Columns: dstIP},
	{Name: "Action.PortProbeAction.PortProbeDetails.LocalPortDetails.Port", Columns: dstPort},
	{Name: "Action.DnsRequestAction.Domain", Columns: []string{"query_hostname"}},

	{Name: "ProductArn", Path: "ProductArn"},
	{Name: "CompanyName", Path: "CompanyName"},
	{Name: "Severity", Path: "Severity"},
	{Name: "Workflow", Path: "Workflow"},
	{Name: "Compliance", Path: "Compliance"},
	{Name: "Resources", Path: "Resources"},
	{Name: "Vulnerabilities", Path: "Vulnerabilities"},
	{Name: "Remediation", Path: "Remediation"},
	{Name: "ProductFields", Path: "ProductFields"},
	{Name: "UserDefinedFields", Path: "UserDefinedFields"},
	{Name: "Note", Path: "Note"},
	{Name: "Confidence", Path: "Confidence"},
	{Name: "Criticality", Path: "Criticality"},
	{Name: "VerificationState", Path: "VerificationState"},
	{Name: "ProcessedAt", Path: "ProcessedAt"},
	{Name: "Process", Path: "Process"},
	{Name: "Malware", Path: "Malware"},
	{Name: "Sample", Path: "Sample"},
}

// open leads from the members of an OCSF finding to columns. Names that are
// columns already resolve as such.
var open = []ocsf.Native{
	{Name: "time", Columns: []string{"time"}},
	{Name: "class_uid", Columns: []string{"class_uid"}},
	{Name: "activity_id", Columns: []string{"activity_id"}},
	{Name: "severity", Columns: []string{"severity"}},
	{Name: "severity_id", Columns: []string{"severity_id"}},
	{Name: "status", Columns: []string{"finding_info_state"}},
	{Name: "count", Columns: []string{"finding_info_count"}},
	{Name: "metadata.version", Columns: []string{"metadata_log_version"}},
	{Name: "metadata.product.name", Columns: []string{"finding_info_product"}},
	{Name: "cloud.account.uid", Columns: []string{"account"}},
	{Name: "cloud.region", Columns: []string{"region"}},
	{Name: "finding_info.uid", Columns: []string{"finding_info_uid"}},
	{Name: "finding_info.title", Columns: []string{"finding_info_title"}},
	{Name: "finding_info.desc", Columns: []string{"finding_info_desc"}},
	{Name: "finding_info.types", Columns: []string{"finding_info_types"}},
	{Name: "finding_info.first_seen_time", Columns: []string{"finding_info_first_seen_time"}},
	{Name: "finding_info.created_time", Columns: []string{"finding_info_first_seen_time"}},
	{Name: "finding_info.last_seen_time", Columns: []string{"finding_info_last_seen_time"}},
	{Name: "finding_info.analytic.uid", Columns: []string{"finding_info_analytic"}},
	{Name: "finding_info.analytic.name", Columns: []string{"finding_info_analytic"}},
	{Name: "compliance.control", Columns: []string{"compliance_control"}},
	{Name: "compliance.status", Columns: []string{"compliance_status"}},
	{Name: "vulnerabilities.cve.uid", Columns: []string{"vulnerabilities_cve_uid"}},
	{Name: "resources.uid", Columns: uids},
	{Name: "resources.type", Columns: []string{"resource_type"}},
	{Name: "resources.name", Columns: []string{"resource_name"}},
	{Name: "evidences.src_endpoint.ip", Columns: srcIP},
	{Name: "evidences.src_endpoint.port", Columns: srcPort},
	{Name: "evidences.dst_endpoint.ip", Columns: dstIP},
	{Name: "evidences.dst_endpoint.port", Columns: dstPort},
	{Name: "evidences.query.hostname", Columns: []string{"query_hostname"}},
	{Name: "evidences.api.operation", Columns: []string{"api_operation"}},
	{Name: "evidences.api.service.name", Columns: []string{"api_service_name"}},
	{Name: "evidences.actor.user.name", Columns: []string{"actor_user_name"}},
	{Name: "evidences.actor.user.type", Columns: []string{"actor_user_type"}},
	{Name: "evidences.actor.user.uid", Columns: []string{"actor_user_uid_alt"}},
	{Name: "evidences.actor.user.credential_uid", Columns: []string{"actor_user_credential_uid"}},
	{Name: "finding_info.related_events", Path: "finding_info.related_events"},
	{Name: "evidences", Path: "evidences"},
	{Name: "vendor_attributes", Path: "vendor_attributes"},
}

var names = slices.Concat(asff, open)

var schema = &ocsf.Schema{
	Source:  "securityhub",
	Title:   "AWS Security Hub findings",
	Version: 1,
	Columns: yagura.SchemaColumns(
		names, "metadata_uid", "dst_endpoint_instance_uid", "connection_info_protocol_num", "connection_info_direction", "resource_uid",
	),
	Native:   names,
	Identity: []string{"account", "region", "finding_info_product", "metadata_uid"},
	Order:    []string{"finding_info_uid", "time"},
	Blooms:   []string{"finding_info_uid", "metadata_uid", "resource_uid"},
	Raw:      ocsf.RawJSON,
}
