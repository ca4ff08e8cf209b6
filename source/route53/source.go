// Package route53 reads the query logs of Route 53 Resolver: every DNS query
// that the resolver of a VPC answered, with the verdict of DNS Firewall.
//
// One JSON object a line, in S3 under
// AWSLogs/<account>/vpcdnsquerylogs/<vpc>/<yyyy>/<mm>/<dd>/. The same records
// come out of CloudWatch Logs: as lines with a time in front (export to S3), in
// a subscription's {"logEvents":[{"message":…}]}, or from the API. Format:
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html
//
// The resolver logs a name once per cache life and not every time it is asked
// for, so counts are lower bounds. Queries that go to another resolver are not
// logged at all. A record has no id: two equal records are two events.
package route53

import (
	"errors"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/jsonmap"
	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// New gives the source.
func New() yagura.Source { return source{} }

type source struct{}

func (source) Schema() *ocsf.Schema { return schema }

func (source) Match(key string, head []byte) yagura.Match {
	m := yagura.NoMatch
	if strings.Contains(key, "vpcdnsquerylogs") {
		m |= yagura.ByKey
	}
	seen := jsonmap.Peek(head, shape)
	_, vpc := seen["vpc_id"]
	if seen["query_name"] != "" && seen["query_timestamp"] != "" && vpc {
		m |= yagura.ByContent
	}
	return m
}

func (source) Open(in yagura.Input) (yagura.Decoder, error) {
	return decoder{jsonmap.NewDecoder(in.Body, in.MaxRecord, shape, table, finish)}, nil
}

type decoder struct{ *jsonmap.Decoder }

func (d decoder) Next(ev *ocsf.Event) error {
	err := d.Decoder.Next(ev)
	var bad *jsonscan.BadRecord
	if errors.As(err, &bad) {
		return &yagura.RecordError{Record: bad.Number, Offset: bad.Offset, Reason: bad.Reason, Raw: bad.Raw}
	}
	return err
}
