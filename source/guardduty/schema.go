package guardduty

import (
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

// names leads from the finding's members to columns and is what search resolves.
// The remote end of an action is the source, whoever began to talk: it is the
// suspect end of the finding.
var names = []ocsf.Native{
	{Name: "schemaVersion", Columns: []string{"metadata_log_version"}},
	{Name: "accountId", Columns: []string{"account"}},
	{Name: "region", Columns: []string{"region"}},
	{Name: "id", Columns: []string{"finding_info_uid"}},
	{Name: "type", Columns: []string{"finding_info_types"}},
	{Name: "severity", Columns: []string{"severity"}},
	{Name: "updatedAt", Columns: []string{"time"}},
	{Name: "title", Columns: []string{"finding_info_title"}},
	{Name: "description", Columns: []string{"finding_info_desc"}},
	{Name: "service.eventFirstSeen", Columns: []string{"finding_info_first_seen_time"}},
	{Name: "service.eventLastSeen", Columns: []string{"finding_info_last_seen_time"}},
	{Name: "service.count", Columns: []string{"finding_info_count"}},
	{Name: "service.featureName", Columns: []string{"metadata_category"}},
	{Name: "service.detectorId", Columns: []string{"finding_info_analytic"}},
	{Name: "service.action.actionType", Columns: []string{"metadata_event_code"}},
	{Name: "resource.resourceType", Columns: []string{"resource_type"}},

	{Name: "resource.accessKeyDetails.accessKeyId", Columns: []string{"actor_user_credential_uid"}},
	{Name: "resource.accessKeyDetails.principalId", Columns: []string{"actor_user_uid_alt"}},
	{Name: "resource.accessKeyDetails.userType", Columns: []string{"actor_user_type"}},
	{Name: "resource.accessKeyDetails.userName", Columns: []string{"actor_user_name"}},
	{Name: "resource.kubernetesDetails.kubernetesUserDetails.username", Columns: []string{"actor_user_name"}},
	{Name: "resource.kubernetesDetails.kubernetesUserDetails.uid", Columns: []string{"actor_user_uid_alt"}},
	{Name: "resource.rdsDbUserDetails.user", Columns: []string{"actor_user_name"}},
	{Name: "service.action.rdsLoginAttemptAction.LoginAttributes.user", Columns: []string{"actor_user_name"}},
	{Name: "service.detection.sequence.actors.user.name", Columns: []string{"actor_user_name"}},
	{Name: "service.detection.sequence.actors.user.uid", Columns: []string{"actor_user_uid_alt"}},
	{Name: "service.detection.sequence.actors.user.type", Columns: []string{"actor_user_type"}},
	{Name: "service.detection.sequence.actors.user.credentialUid", Columns: []string{"actor_user_credential_uid"}},
	{Name: "service.detection.sequence.actors.user.account.uid", Columns: []string{"actor_user_account_uid"}},
	{Name: "service.detection.sequence.actors.session.issuer", Columns: []string{"actor_session_issuer"}},
	{Name: "service.detection.sequence.actors.session.uid", Columns: []string{"actor_session_uid"}},
	{Name: "service.detection.sequence.actors.session.createdTime", Columns: []string{"actor_session_created_time"}},

	{Name: "service.action.awsApiCallAction.api", Columns: []string{"api_operation"}},
	{Name: "service.action.awsApiCallAction.serviceName", Columns: []string{"api_service_name"}},
	{Name: "service.action.awsApiCallAction.errorCode", Columns: []string{"status_code"}},
	{Name: "service.action.awsApiCallAction.userAgent", Columns: []string{"http_request_user_agent"}},
	{Name: "service.action.kubernetesApiCallAction.verb", Columns: []string{"api_operation"}},
	{Name: "service.action.kubernetesApiCallAction.requestUri", Columns: []string{"http_request_url_path"}},
	{Name: "service.action.kubernetesApiCallAction.userAgent", Columns: []string{"http_request_user_agent"}},
	{Name: "service.action.kubernetesApiCallAction.statusCode", Columns: []string{"http_response_code"}},
	{Name: "service.action.dnsRequestAction.domain", Columns: []string{"query_hostname"}},
	{Name: "service.action.awsApiCallAction.domainDetails.domain", Columns: []string{"src_endpoint_name"}},

	{Name: "service.action.networkConnectionAction.remoteIpDetails.ipAddressV4", Columns: srcIP},
	{Name: "service.action.networkConnectionAction.remoteIpDetails.ipAddressV6", Columns: srcIP},
	{Name: "service.action.awsApiCallAction.remoteIpDetails.ipAddressV4", Columns: srcIP},
	{Name: "service.action.awsApiCallAction.remoteIpDetails.ipAddressV6", Columns: srcIP},
	{Name: "service.action.portProbeAction.portProbeDetails.remoteIpDetails.ipAddressV4", Columns: srcIP},
	{Name: "service.action.portProbeAction.portProbeDetails.remoteIpDetails.ipAddressV6", Columns: srcIP},
	{Name: "service.action.kubernetesApiCallAction.remoteIpDetails.ipAddressV4", Columns: srcIP},
	{Name: "service.action.kubernetesApiCallAction.remoteIpDetails.ipAddressV6", Columns: srcIP},
	{Name: "service.action.kubernetesApiCallAction.sourceIps", Columns: srcIP},
	{Name: "service.action.rdsLoginAttemptAction.remoteIpDetails.ipAddressV4", Columns: srcIP},
	{Name: "service.action.rdsLoginAttemptAction.remoteIpDetails.ipAddressV6", Columns: srcIP},
	{Name: "service.detection.sequence.endpoints.ip", Columns: srcIP},
	{Name: "service.detection.sequence.endpoints.domain", Columns: []string{"src_endpoint_name"}},
	{Name: "service.detection.sequence.endpoints.port", Columns: srcPort},
	{Name: "service.action.networkConnectionAction.remotePortDetails.port", Columns: srcPort},
	{Name: "service.action.networkConnectionAction.localIpDetails.ipAddressV4", Columns: dstIP},
	{Name: "service.action.networkConnectionAction.localIpDetails.ipAddressV6", Columns: dstIP},
	{Name: "service.action.networkConnectionAction.localPortDetails.port", Columns: dstPort},
	{Name: "service.action.networkConnectionAction.localNetworkInterface", Columns: []string{"dst_endpoint_interface_uid"}},
	{Name: "service.action.portProbeAction.portProbeDetails.localIpDetails.ipAddressV4", Columns: dstIP},
	{Name: "service.action.portProbeAction.portProbeDetails.localPortDetails.port", Columns: dstPort},
	{Name: "resource.instanceDetails.networkInterfaces.privateIpAddress", Columns: dstIP},
	{Name: "resource.instanceDetails.instanceId", Columns: []string{"dst_endpoint_instance_uid"}},
	{Name: "resource.instanceDetails.networkInterfaces.networkInterfaceId", Columns: []string{"dst_endpoint_interface_uid"}},
	{Name: "resource.instanceDetails.networkInterfaces.vpcId", Columns: []string{"dst_endpoint_vpc_uid"}},
	{Name: "resource.instanceDetails.networkInterfaces.subnetId", Columns: []string{"dst_endpoint_subnet_uid"}},

	{Name: "resource.s3BucketDetails.arn", Columns: uids},
	{Name: "resource.s3BucketDetails.s3ObjectDetails.objectArn", Columns: uids},
	{Name: "resource.eksClusterDetails.arn", Columns: uids},
	{Name: "resource.ecsClusterDetails.arn", Columns: uids},
	{Name: "resource.rdsDbInstanceDetails.dbInstanceArn", Columns: uids},
	{Name: "resource.rdsLimitlessDbDetails.dbShardGroupArn", Columns: uids},
	{Name: "resource.lambdaDetails.functionArn", Columns: uids},
	{Name: "resource.containerDetails.id", Columns: uids},
	{Name: "resource.ebsVolumeDetails.scannedVolumeDetails.volumeArn", Columns: uids},
	{Name: "resource.ebsSnapshotDetails.snapshotArn", Columns: uids},
	{Name: "resource.ec2ImageDetails.imageArn", Columns: uids},
	{Name: "resource.recoveryPointDetails.recoveryPointArn", Columns: uids},
	{Name: "service.detection.sequence.resources.uid", Columns: uids},

	{Name: "arn", Path: "arn"},
	{Name: "partition", Path: "partition"},
	{Name: "createdAt", Path: "createdAt"},
	{Name: "confidence", Path: "confidence"},
	{Name: "resource", Path: "resource"},
	{Name: "service", Path: "service"},
	{Name: "service.archived", Path: "service.archived"},
	{Name: "service.resourceRole", Path: "service.resourceRole"},
	{Name: "service.additionalInfo", Path: "service.additionalInfo"},
	{Name: "service.userFeedback", Path: "service.userFeedback"},
	{Name: "service.serviceName", Path: "service.serviceName"},
	{Name: "service.evidence", Path: "service.evidence"},
	{Name: "service.detection", Path: "service.detection"},
	{Name: "service.malwareScanDetails", Path: "service.malwareScanDetails"},
	{Name: "service.runtimeDetails", Path: "service.runtimeDetails"},
}

var schema = &ocsf.Schema{
	Source:  "guardduty",
	Title:   "Amazon GuardDuty findings",
	Version: 1,
	Columns: yagura.SchemaColumns(
		names, "metadata_uid", "status_id", "severity_id", "connection_info_protocol_num", "connection_info_direction",
		"disposition", "finding_info_product", "finding_info_state", "resource_uid",
	),
	Native:   names,
	Identity: []string{"account", "metadata_uid", "finding_info_count", "finding_info_state"},
	Order:    []string{"finding_info_uid", "time"},
	Blooms:   []string{"finding_info_uid", "metadata_uid", "src_endpoint_ip", "dst_endpoint_instance_uid"},
	Raw:      ocsf.RawJSON,
}
