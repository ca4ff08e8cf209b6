package world

import (
	"strings"

	"github.com/yagura-sec/yagura/gameday/world/wire"
)

// unusual is a stretch in which the rate of a call or of its errors left the baseline of the week before.
type unusual struct {
	site           *site
	service, name  string
	code           string // error code for an error rate
	from, to       int64
	baseline, rate float64 // per minute
	who, agent     string
}

// insights writes the Insights records of the week: the refused log delivery, a release that throttled itself, and the bulk read.
func (o *org) insights(out *output, c *incident) {
	r := o.key.Sub("insights").Rand()
	on := o.from + 52*3600
	dev := o.accounts[1].sites[0]
	list := []unusual{
		{site: dev, service: "s3", name: "PutObject", code: "AccessDenied", from: on + 120, to: on + 5*3600 - 240, baseline: 0.0004, rate: 1.31, who: "delivery.logs.amazonaws.com", agent: "delivery.logs.amazonaws.com"},
	}
	if span := c.takenTo - c.takenFrom; span > 120 {
		list = append(list, unusual{site: c.site, service: "s3", name: "GetObject", from: c.takenFrom, to: c.takenTo, baseline: 0.27, rate: float64(c.count) * 60 / float64(span), who: c.who.caller, agent: c.who.agent})
	}
	for _, u := range list {
		if u.to >= o.to { // the data end before it happens
			continue
		}
		shared := string(r.UUID(nil))
		for i, state := range []string{"Start", "End"} {
			b := out.batch(stream{kind: srcInsight, account: u.site.account.id, region: u.site.region})
			if b == nil {
				continue
			}
			at := u.from / 60 * 60
			if i == 1 {
				at = (u.to/60 + 1) * 60
			}
			ev := wire.Event{Version: "1.09", Time: at, Region: u.site.region, ID: string(r.UUID(nil)), Type: "AwsCloudTrailInsight", Account: u.site.account.id, SharedID: shared, Category: "Insight"}
			ev.Insight = u.details(state, int(u.to-u.from)/60+1)
			off := len(b.data)
			b.data = ev.Append(b.data)
			b.add(at*1000, off, record{})
		}
	}
}

func (u *unusual) details(state string, minutes int) []byte {
	kind := "ApiCallRateInsight"
	d := obj{"state": state, "eventSource": u.service + ".amazonaws.com", "eventName": u.name}
	if u.code != "" {
		kind = "ApiErrorRateInsight"
		d["errorCode"] = u.code
	}
	d["insightType"] = kind
	stats := obj{"baseline": obj{"average": u.baseline}, "insight": obj{"average": u.rate}, "insightDuration": 1, "baselineDuration": 11459}
	if state == "End" {
		stats["insightDuration"] = minutes
	}
	part := func(attribute, value string) obj {
		return obj{"attribute": attribute, "insight": []obj{{"value": value, "average": u.rate}}, "baseline": []obj{{"value": value, "average": u.baseline}}}
	}
	list := []obj{part("userIdentityArn", u.who), part("userAgent", strings.TrimSpace(u.agent))}
	if u.code != "" {
		list = append(list, part("errorCode", u.code))
	} else {
		list = append(list, part("errorCode", "null"))
	}
	d["insightContext"] = obj{"statistics": stats, "attributions": list}
	return compact(d)
}
