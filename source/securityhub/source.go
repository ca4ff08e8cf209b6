// Package securityhub reads the findings of AWS Security Hub in both of its
// formats: ASFF, the AWS Security Finding Format of Security Hub CSPM, and OCSF,
// in which the new Security Hub (and others, such as Prowler) writes.
//
// They come as EventBridge events, several findings in one event's
// detail.findings (each becomes an event of its own), as the answer of
// GetFindings or GetFindingsV2, {"Findings":[…]}, as arrays and as JSON lines.
// Formats: https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html
// and https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-ocsf.html
//
// A finding lives on under one id. A provider's update moves UpdatedAt; what a
// customer changes (workflow, note, severity …) does not move it. So a state is
// identified by id, UpdatedAt and what the customer may change: its uid is
// id@UpdatedAt~digest. The same state delivered twice is one event.
// finding_info.uid is the plain id.
//
// The class follows the content of ASFF: vulnerabilities or Inspector give
// Vulnerability Finding, a compliance result Compliance Finding, everything else
// Detection Finding. An OCSF finding says its class itself.
package securityhub

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
	// AWS has no export to S3; this is what users name theirs.
	if strings.Contains(strings.ToLower(key), "securityhub") && !strings.Contains(key, "AWSLogs/") {
		m |= yagura.ByKey
	}
	seen := format.Peek(head)
	asff := strings.Contains(seen["productarn"], ":securityhub:") && seen["awsaccountid"] != ""
	class := seen["class_uid"]
	if asff || len(class) == 4 && class[0] == '2' && seen["finding_info.uid"] != "" {
		m |= yagura.ByContent
	}
	return m
}

func (source) Open(in yagura.Input) (yagura.Decoder, error) { return format.Open(in) }
