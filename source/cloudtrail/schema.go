package cloudtrail

import "github.com/yagura-sec/yagura/ocsf"

// schema describes CloudTrail events. Raise Version when the decoder gives other
// events for the same bytes.
var schema = ocsf.Schema{
	Source:  "cloudtrail",
	Title:   "AWS CloudTrail",
	Version: 1,
	Columns: []string{
		"status_code", "status_detail",
		"metadata_uid", "metadata_correlation_uid", "metadata_event_code", "metadata_category", "metadata_log_version",
		"actor_user_type", "actor_user_name", "actor_user_uid", "actor_user_uid_alt", "actor_user_account_uid", "actor_user_credential_uid",
		"actor_session_issuer", "actor_session_issuer_name", "actor_session_uid", "actor_session_is_mfa", "actor_session_created_time",
		"actor_idp_name", "actor_invoked_by",
		"api_service_name", "api_operation", "api_request_uid", "api_version", "api_read_only",
		"src_endpoint_ip", "src_endpoint_name",
		"http_request_user_agent", "http_request_url_hostname", "tls_version", "vpc_endpoint_uid",
		"finding_info_uid", "finding_info_title", "finding_info_types", "finding_info_product", "finding_info_analytic", "finding_info_state",
		"finding_info_first_seen_time", "finding_info_last_seen_time",
		"resource_uid", "resource_type", "resources_uid",
	},
	Native:   native,
	Identity: []string{"metadata_uid", "account", "region"},
	Order:    []string{"actor_user_uid", "api_operation", "time"},
	Blooms: []string{
		"metadata_uid", "metadata_correlation_uid", "api_request_uid", "actor_user_uid", "actor_user_uid_alt", "actor_user_credential_uid",
		"src_endpoint_ip", "resource_uid",
	},
	Raw:    ocsf.RawJSON,
	Reread: reread,
}

// native lists the record's members in the case in which AWS writes them. A
// column stands where it holds the member's value, or that of another member
// with the same meaning when it is missing (recipientAccountId: the caller's
// account; accessKeyId: credentialId; principalId: onBehalfOf.userId). What is
// derived otherwise is read by path.
var native = []ocsf.Native{
	column("eventVersion", "metadata_log_version"),
	column("eventTime", "time"),
	column("eventSource", "api_service_name"),
	column("eventName", "api_operation"),
	column("awsRegion", "region"),
	column("sourceIPAddress", "src_endpoint_ip", "src_endpoint_name"),
	column("userAgent", "http_request_user_agent"),
	column("errorCode", "status_code"),
	column("errorMessage", "status_detail"),
	path("requestParameters"),
	path("responseElements"),
	path("additionalEventData"),
	column("requestID", "api_request_uid"),
	column("eventID", "metadata_uid"),
	column("eventType", "metadata_event_code"),
	column("apiVersion", "api_version"),
	path("managementEvent"),
	column("readOnly", "api_read_only"),
	path("resources"),
	column("resources.ARN", "resources_uid"),
	path("resources.accountId"),
	path("resources.type"),
	column("recipientAccountId", "account"),
	path("serviceEventDetails"),
	column("sharedEventID", "metadata_correlation_uid"),
	column("vpcEndpointId", "vpc_endpoint_uid"),
	path("vpcEndpointAccountId"),
	column("eventCategory", "metadata_category"),
	path("addendum"),
	path("addendum.reason"),
	path("addendum.updatedFields"),
	path("addendum.originalRequestID"),
	path("addendum.originalEventID"),
	path("sessionCredentialFromConsole"),
	path("edgeDeviceDetails"),
	path("tlsDetails"),
	column("tlsDetails.tlsVersion", "tls_version"),
	path("tlsDetails.cipherSuite"),
	column("tlsDetails.clientProvidedHostHeader", "http_request_url_hostname"),
	path("eventContext"),
	path("insightDetails"),
	column("insightDetails.state", "finding_info_state"),
	column("insightDetails.insightType", "finding_info_analytic"),
	path("insightDetails.eventSource"),
	path("insightDetails.eventName"),
	path("insightDetails.errorCode"),
	path("insightDetails.insightContext"),
	path("userIdentity"),
	column("userIdentity.type", "actor_user_type"),
	column("userIdentity.principalId", "actor_user_uid_alt"),
	column("userIdentity.arn", "actor_user_uid"),
	column("userIdentity.accountId", "actor_user_account_uid"),
	column("userIdentity.accessKeyId", "actor_user_credential_uid"),
	column("userIdentity.userName", "actor_user_name"),
	column("userIdentity.invokedBy", "actor_invoked_by"),
	column("userIdentity.identityProvider", "actor_idp_name"),
	path("userIdentity.credentialId"),
	path("userIdentity.inScopeOf"),
	path("userIdentity.onBehalfOf"),
	path("userIdentity.onBehalfOf.userId"),
	path("userIdentity.onBehalfOf.identityStoreArn"),
	path("userIdentity.sessionContext"),
	path("userIdentity.sessionContext.sourceIdentity"),
	path("userIdentity.sessionContext.ec2RoleDelivery"),
	path("userIdentity.sessionContext.assumedRoot"),
	path("userIdentity.sessionContext.webIdFederationData"),
	path("userIdentity.sessionContext.webIdFederationData.federatedProvider"),
	path("userIdentity.sessionContext.attributes"),
	column("userIdentity.sessionContext.attributes.creationDate", "actor_session_created_time"),
	// Not the column, which knows MFA from sign-ins too.
	path("userIdentity.sessionContext.attributes.mfaAuthenticated"),
	path("userIdentity.sessionContext.sessionIssuer"),
	path("userIdentity.sessionContext.sessionIssuer.type"),
	path("userIdentity.sessionContext.sessionIssuer.principalId"),
	column("userIdentity.sessionContext.sessionIssuer.arn", "actor_session_issuer"),
	path("userIdentity.sessionContext.sessionIssuer.accountId"),
	column("userIdentity.sessionContext.sessionIssuer.userName", "actor_session_issuer_name"),
}

func column(name string, columns ...string) ocsf.Native {
	return ocsf.Native{Name: name, Columns: columns}
}

func path(name string) ocsf.Native { return ocsf.Native{Name: name, Path: name} }
