// Package guardduty reads the findings of Amazon GuardDuty.
//
// They come as JSON lines that GuardDuty exports to S3
// (AWSLogs/<account>/GuardDuty/<region>/<yyyy>/<mm>/<dd>/<uuid>.jsonl.gz), as
// EventBridge events (the finding is the detail), and as the answer of
// GetFindings, {"findings":[…]}, which the CLI writes with capital keys. Format:
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-format.html
// and https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Finding.html
//
// GuardDuty repeats a finding instead of making a new one: same id, a later
// updatedAt, a higher service.count. Each state is an event of its own; its uid
// is id@updatedAt, its time updatedAt. The same state delivered twice (S3 and
// EventBridge) is one event. finding_info.uid is the plain id.
//
// One finding can name several ends: the columns hold the first one, all of them
// stand in the raw record. An attack sequence has no action and no single
// resource: its first actor, its first endpoint and all its resources are taken.
package guardduty

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
	if strings.Contains(key, "/GuardDuty/") {
		m |= yagura.ByKey
	}
	arn := strings.SplitN(format.Peek(head)["arn"], ":", 6)
	if len(arn) == 6 && arn[2] == "guardduty" && strings.Contains(arn[5], "/finding/") {
		m |= yagura.ByContent
	}
	return m
}

func (source) Open(in yagura.Input) (yagura.Decoder, error) { return format.Open(in) }
