// Package awsconfig reads configuration items: the states of resources that AWS
// Config records.
//
// They come as history files and snapshots in S3,
// AWSLogs/<account>/Config/<region>/<y>/<m>/<d>/ConfigHistory|ConfigSnapshot/…,
// both {"fileVersion":…,"configurationItems":[…]}; as change notifications
// through SNS or EventBridge; and as the answers of GetResourceConfigHistory and
// BatchGetResourceConfig. Formats:
// https://docs.aws.amazon.com/config/latest/developerguide/example-s3-config-history.html
// and https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationItem.html
//
// The deliveries name the same things differently (awsAccountId and accountId,
// ARN and arn, relationships' name and relationshipName; configuration is an
// object in files and JSON text from the API): columns are filled from all of
// them, raw paths differ.
//
// One state of a resource is one event, whichever way it comes: a snapshot
// repeats the items that history files already hold. Account, region, type and
// id of the resource, state id and capture time identify it. Of a notification
// only the item is kept: its difference to the state before follows from both
// states. A notification that was too large for its item brings a summary
// without configuration; it is a different event (metadata.event_code
// ConfigurationItemSummary) and never stands for the state. Other notifications,
// such as those of compliance, are no items and are refused.
package awsconfig

import (
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

// New gives the source.
func New() yagura.Source { return source{} }

type source struct{}

func (source) Schema() *ocsf.Schema { return schema }

func (source) Match(key string, head []byte) yagura.Match {
	m := yagura.NoMatch
	if strings.Contains(key, "_ConfigHistory_") || strings.Contains(key, "_ConfigSnapshot_") {
		m |= yagura.ByKey
	}
	seen := format.Peek(head)
	if seen["configurationitemcapturetime"] != "" && seen["resourcetype"] != "" {
		m |= yagura.ByContent
	}
	return m
}

func (source) Open(in yagura.Input) (yagura.Decoder, error) { return format.Open(in) }
