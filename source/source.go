// Package source is the visible list of the log sources that Yagura reads.
package source

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source/awsconfig"
	"github.com/yagura-sec/yagura/source/cloudtrail"
	"github.com/yagura-sec/yagura/source/elb"
	"github.com/yagura-sec/yagura/source/guardduty"
	"github.com/yagura-sec/yagura/source/route53"
	"github.com/yagura-sec/yagura/source/s3access"
	"github.com/yagura-sec/yagura/source/securityhub"
	"github.com/yagura-sec/yagura/source/vpcflow"
	"github.com/yagura-sec/yagura/source/waf"
)

var sources = map[string]yagura.Source{
	"awsconfig":   awsconfig.New(),
	"cloudtrail":  cloudtrail.New(),
	"elb":         elb.New(),
	"guardduty":   guardduty.New(),
	"route53":     route53.New(),
	"s3access":    s3access.New(),
	"securityhub": securityhub.New(),
	"vpcflow":     vpcflow.New(),
	"waf":         waf.New(),
}

// All gives every source, by name.
func All() []yagura.Source {
	names := make([]string, 0, len(sources))
	for n := range sources {
		names = append(names, n)
	}
	slices.Sort(names)
	out := make([]yagura.Source, len(names))
	for i, n := range names {
		out[i] = sources[n]
	}
	return out
}

// Schemas gives the schemas of all sources, by name.
func Schemas() []*ocsf.Schema {
	var out []*ocsf.Schema
	for _, s := range All() {
		out = append(out, s.Schema())
	}
	return out
}

// Named gives the source of a name, or nil.
func Named(name string) yagura.Source { return sources[strings.ToLower(name)] }
