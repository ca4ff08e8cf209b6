// Package elb reads the logs of Elastic Load Balancing: access logs of
// Application, Network (TLS) and Classic Load Balancers and connection logs of
// Application Load Balancers.
//
// A record is one line of fields separated by spaces, some of them in quotes,
// and the fields that follow the first ones have grown over the years
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html,
// …/application/load-balancer-connection-logs.html,
// …/network/load-balancer-access-logs.html, …/classic/access-log-collection.html).
// Each line tells its kind by its shape: metadata.event_code is alb, nlb, clb or
// alb_conn. A line may end early, as old logs do; fields after the last known
// one are kept in unmapped as field_N, counted from 1.
//
// Requests of an ALB and of a Classic Load Balancer's HTTP listener are HTTP
// activity, everything else is network activity. src_endpoint is the client,
// dst_endpoint the target. The latency is the sum of the three processing times,
// absent when one of them is -1 (no target answered). "-" is absent. In quoted
// fields \", \\, \x22 and \x5C are undone; other escapes stay as written.
// What is not an address, such as a masked one, is the endpoint's name.
//
// NLB logs hold TLS connections only; plain TCP through an NLB is in no access
// log. The JSON and Parquet deliveries through CloudWatch Logs are not read.
package elb

import (
	"bytes"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/lines"
	"github.com/yagura-sec/yagura/ocsf"
)

// New gives the source. It has no options.
func New() yagura.Source { return source{} }

type source struct{}

// Schema gives the constant schema.
func (source) Schema() *ocsf.Schema { return schema }

// Match knows the service's part of the key and the shape of the first line.
func (source) Match(key string, head []byte) yagura.Match {
	byKey := strings.Contains(key, "elasticloadbalancing")
	byContent := false
	in := lines.NewReader(bytes.NewReader(head), len(head))
	for range 3 { // people put comments on top
		if line, _, err := in.Next(); err == nil && !byContent {
			words, _ := split(nil, line)
			byContent = certain(words)
		}
	}
	switch {
	case byKey && byContent:
		return yagura.ByBoth
	case byContent:
		return yagura.ByContent
	case byKey:
		return yagura.ByKey
	}
	return yagura.NoMatch
}

// certain says that a line, perhaps cut, can be no other log's.
func certain(words []string) bool {
	times := 0 // index of the three processing times
	switch k := kindOf(words); k {
	case nil:
		return false
	case network:
		return len(words) > 8 && strings.Contains(words[3], "/")
	case connection:
		last := words[len(words)-1]
		return strings.HasPrefix(words[4], "TLS") || words[4] == "-" && len(words) >= k.least && strings.HasPrefix(last, "TID_")
	case application:
		times = 5
	case classic:
		times = 4
	}
	if len(words) < times+3 || !strings.Contains(words[times-2], ":") {
		return false
	}
	for _, w := range words[times : times+3] {
		if _, ok := lines.Micros(w); !ok && !strings.HasPrefix(w, "-1") {
			return false
		}
	}
	return true
}

// Open reads any object line by line.
func (source) Open(in yagura.Input) (yagura.Decoder, error) {
	d := &decoder{in: lines.NewReader(in.Body, in.MaxRecord), bound: in.MaxRecord}
	if d.bound <= 0 {
		d.bound = lines.DefaultMax
	}
	d.account, d.region = lines.Owner(in.Object.Key)
	d.balancer = balancer(in.Object.Key)
	return d, nil
}

// balancer reads the load balancer's name from an object's file name,
// …_app.my-lb.0123456789abcdef_20260102T0005Z_…, for connection logs, whose
// lines do not say it. "" if there is none.
func balancer(key string) string {
	file := key[strings.LastIndexByte(key, '/')+1:]
	for part := range strings.SplitSeq(file, "_") {
		for _, kind := range []string{"app.", "net."} {
			if strings.HasPrefix(part, kind) && strings.Count(part, ".") == 2 {
				return strings.ReplaceAll(part, ".", "/")
			}
		}
	}
	return ""
}
