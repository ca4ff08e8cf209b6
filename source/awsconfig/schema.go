package awsconfig

import (
	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

// names leads from the item's members to columns and is what search resolves.
var names = []ocsf.Native{
	{Name: "configurationItemVersion", Columns: []string{"metadata_log_version"}},
	{Name: "version", Columns: []string{"metadata_log_version"}},
	{Name: "snapshotVersion", Columns: []string{"metadata_log_version"}},
	{Name: "configurationItemCaptureTime", Columns: []string{"time"}},
	{Name: "awsAccountId", Columns: []string{"account"}},
	{Name: "accountId", Columns: []string{"account"}},
	{Name: "awsRegion", Columns: []string{"region"}},
	{Name: "ARN", Columns: []string{"resource_uid"}},
	{Name: "arn", Columns: []string{"resource_uid"}},
	{Name: "resourceId", Columns: []string{"resource_uid_alt"}},
	{Name: "resourceType", Columns: []string{"resource_type"}},
	{Name: "resourceName", Columns: []string{"resource_name"}},
	{Name: "configurationItemStatus", Columns: []string{"config_status"}},
	{Name: "configurationStateId", Columns: []string{"config_state_uid"}},
	{Name: "relationships.resourceId", Columns: []string{"resources_uid"}},
	{Name: "availabilityZone", Path: "availabilityZone"},
	{Name: "resourceCreationTime", Path: "resourceCreationTime"},
	{Name: "configurationItemDeliveryTime", Path: "configurationItemDeliveryTime"},
	{Name: "tags", Path: "tags"},
	{Name: "relatedEvents", Path: "relatedEvents"},
	{Name: "relationships", Path: "relationships"},
	{Name: "relationships.resourceType", Path: "relationships.resourceType"},
	{Name: "configuration", Path: "configuration"},
	{Name: "supplementaryConfiguration", Path: "supplementaryConfiguration"},
	{Name: "recordingFrequency", Path: "recordingFrequency"},
}

var schema = &ocsf.Schema{
	Source:   "awsconfig",
	Title:    "AWS Config configuration items",
	Version:  1,
	Columns:  yagura.SchemaColumns(names, "metadata_event_code"),
	Native:   names,
	Identity: []string{"account", "region", "resource_type", "resource_uid_alt", "config_state_uid", "time", "metadata_event_code"},
	Order:    []string{"resource_type", "resource_uid_alt", "time"},
	Blooms:   []string{"resource_uid_alt", "resource_uid"},
	Raw:      ocsf.RawJSON,
}
