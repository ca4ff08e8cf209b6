// Package cloudtrail reads AWS CloudTrail: management, data, network-activity
// and Insights events, in the forms in which teams hold them.
//
// Record contents:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
//
// It reads log files as CloudTrail delivers them ({"Records":[…]}), records one
// a line, concatenated or in an array, EventBridge events whose detail is a
// record, the output of lookup-events, and CloudWatch Logs output whose messages
// are records. In the last three the record is the inner one, and so is raw.
//
// Choices:
//   - Calls are API Activity (6003), sts:AssumeRole* and sts:Get*Token too: they
//     are calls that a principal makes with credentials it already has. Sign-in
//     (eventType AwsConsoleSignIn, or eventSource signin.amazonaws.com) is
//     Authentication (3002). Insights are Detection Findings (2004): they report
//     calls and are none, so they must not count as calls; api_operation stays
//     empty, insightDetails is found by path.
//   - activity_id comes from the verb of eventName; see map.go.
//   - Success is said only where the record tells it: an API call without an
//     error, a sign-in that says Success. A service event without an error is
//     unknown. Errors that a service hides in its own responseElements are not
//     looked for.
//   - sourceIPAddress goes to src_endpoint_ip if it is an address, else ("AWS
//     Internal", a service) to src_endpoint_name.
//   - A column holds what the record says: userName of Root may be the account's
//     alias. Only status, class and activity, the resource of well-known request
//     parameters, and the session name of principalId are derived.
//   - A value of an unexpected type is read as its text when it is a number or
//     boolean and is absent when it is an object, array or null.
//
// Late records and updates of records (addendum) are events like others: AWS gives
// an update its own eventID and names the first in addendum.originalEventID.
//
// It refuses digest files (CloudTrail-Digest): they are evidence about log files,
// not events. A record without eventTime, without eventName and insightDetails,
// or with another major eventVersion than 1 is a record error.
package cloudtrail

import (
	"bytes"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// New gives the CloudTrail source.
func New() yagura.Source { return source{} }

type source struct{}

func (source) Schema() *ocsf.Schema { return &schema }

// arrays are the members that hold the records: log files, lookup-events, and
// the two forms of CloudWatch Logs output.
var arrays = []string{"Records", "Events", "events", "logEvents"}

// Open starts to decode; a wrong form shows record by record.
func (source) Open(in yagura.Input) (yagura.Decoder, error) {
	return &decoder{records: jsonscan.NewRecords(in.Body, in.MaxRecord, arrays...)}, nil
}

// Match knows CloudTrail by its keys (AWSLogs/…/CloudTrail/…) and by the members
// of the first record.
func (source) Match(key string, head []byte) yagura.Match {
	if strings.Contains(key, "CloudTrail-Digest") || bytes.Contains(head, []byte(`"digestS3Bucket"`)) {
		return yagura.NoMatch
	}
	byKey := strings.Contains(key, "/CloudTrail/") || strings.Contains(key, "/CloudTrail-") || strings.Contains(key, "_CloudTrail_") || strings.Contains(key, "_CloudTrail-")
	switch byContent := looksRight(head); {
	case byKey && byContent:
		return yagura.ByBoth
	case byContent:
		return yagura.ByContent
	case byKey:
		return yagura.ByKey
	}
	return yagura.NoMatch
}

// looksRight says whether the first record in head is CloudTrail's.
func looksRight(head []byte) bool {
	head = bytes.TrimSpace(head)
	if len(head) == 0 || (head[0] != '{' && head[0] != '[' && head[0] != 0xef) {
		return false
	}
	rec, err := jsonscan.NewRecords(bytes.NewReader(head), len(head)+1, arrays...).Next()
	text := rec.Text()
	if err != nil {
		text = string(head) // the first record is longer than the head, or bad
	}
	has := func(names ...string) bool {
		for _, n := range names {
			if !strings.Contains(text, `"`+n+`"`) {
				return false
			}
		}
		return true
	}
	switch {
	case has("eventVersion", "eventTime"): // EventBridge events too: detail has them
		return !notification(text) && (has("userIdentity", "eventSource", "eventName") || has("insightDetails"))
	case has("message"): // CloudWatch Logs: the record stands in a JSON string
		return strings.Contains(text, `{\"eventVersion\":`) && strings.Contains(text, `\"userIdentity\":`)
	}
	return has("CloudTrailEvent")
}

// notification knows the messages of S3, Kinesis, DynamoDB and SQS by their
// eventSource, "aws:s3" and the like.
func notification(text string) bool {
	_, after, _ := strings.Cut(text, `"eventSource"`)
	after = strings.TrimLeft(after, ": \t\r\n")
	return strings.HasPrefix(after, `"aws:`)
}
