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
	if strings.Contains(key, "vpcdnsquerylogs") {
		m |= yagura.ByKey
	}
	seen := format.Peek(head)
	_, vpc := seen["vpc_id"]
	if seen["query_name"] != "" && seen["query_timestamp"] != "" && vpc {
		m |= yagura.ByContent
	}
	return m
}

func (source) Open(in yagura.Input) (yagura.Decoder, error) { return format.Open(in) }
