package world

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/gameday/world/seed"
	"github.com/yagura-sec/yagura/gameday/world/wire"
)

// object of the log bucket, ready to be written.
type delivered struct {
	key    string
	body   []byte // uncompressed
	plain  bool   // stored without compression
	refs   []ref
	count  int
	oldest int64 // unix seconds
	newest int64
	at     int64 // delivery time, unix seconds
	trail  string
	sum    [32]byte // SHA-256 of the body
}

// ref says where a true action left a record.
type ref struct {
	action int32
	id     string
}

// delivery is how a source writes objects: lateness, window, disorder.
type delivery struct {
	window int64   // seconds between objects
	base   int64   // least lateness in seconds
	median float64 // of the additional lateness in seconds
	sigma  float64
	limit  int64   // greatest ordinary lateness in seconds
	late   float64 // share of records that come much later
	lag    int64   // greatest lateness of those, seconds
	shards int     // records per object that open a further object in the same window
}

var deliveries = [kinds]delivery{
	srcTrail:     {window: 300, base: 20, median: 45, sigma: 0.7, limit: 290, late: 0.002, lag: 5400, shards: 260},
	srcInsight:   {window: 300, base: 300, median: 500, sigma: 0.5, limit: 1700},
	srcFlow:      {window: 300, base: 240, median: 150, sigma: 0.5, limit: 900, late: 0.001, lag: 3000, shards: 16000},
	srcALB:       {window: 300, base: 5, median: 40, sigma: 0.5, limit: 200, shards: 50000},
	srcWAF:       {window: 300, base: 10, median: 60, sigma: 0.6, limit: 240, late: 0.001, lag: 900, shards: 50000},
	srcDNS:       {window: 300, base: 20, median: 70, sigma: 0.5, limit: 280, shards: 50000},
	srcAccess:    {window: 900, base: 1500, median: 4800, sigma: 0.6, limit: 17000, late: 0.01, lag: 40000, shards: 900},
	srcGuardDuty: {window: 60, base: 5, median: 20, sigma: 0.3, limit: 100},
	srcHub:       {window: 300, base: 60, median: 60, sigma: 0.3, limit: 280},
	srcConfig:    {window: 21600},
}

// deliver sorts the records of a stream into objects, late and out of order as the source delivers them. trail is the second trail's name
// for its copies and empty otherwise.
func (d delivery) deliver(key seed.Key, s stream, batches []*batch, trail string, org *org) []delivered {
	window := d.window
	groups := map[int64][]item{}
	rng := key.Rand()
	for _, b := range batches {
		for _, r := range b.recs {
			if trail != "" && (!r.mgmt || r.at/1000 >= org.legacyEnd()) {
				continue
			}
			sec := r.at / 1000
			wait := d.base + min(d.limit, int64(rng.LogNorm(d.median, d.sigma)))
			if rng.Bool(d.late) {
				wait += int64(rng.IntN(int(d.lag)))
			}
			end := (sec + wait + window) / window * window
			it := item{at: end, order: r.at, b: b, r: r, shard: rng.Uint64()}
			if rng.Bool(0.14) {
				it.order += int64(rng.LogNorm(9000, 1.2))
			}
			groups[end] = append(groups[end], it)
		}
	}
	ends := make([]int64, 0, len(groups))
	for end := range groups {
		ends = append(ends, end)
	}
	slices.Sort(ends)
	var out []delivered
	for _, end := range ends {
		items := groups[end]
		slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(a.order, b.order) })
		shards := uint64(1)
		if d.shards > 0 {
			shards = uint64(1 + len(items)/d.shards)
		}
		if s.kind == srcTrail && len(items) > 40 {
			shards += rng.Uint64() % 2
		}
		for n := range shards {
			o := assemble(s.kind, items, func(it item) bool { return it.shard%shards == n })
			if o.count == 0 {
				continue
			}
			o.at, o.trail = end, trail
			o.key, o.plain = objectKey(s, o, rng, org)
			out = append(out, o)
		}
	}
	return out
}

// item is a record on its way into an object.
type item struct {
	at, order int64
	b         *batch
	r         record
	shard     uint64
}

// assemble puts the chosen items into one object, in their order.
func assemble(k kind, items []item, chosen func(item) bool) delivered {
	o := delivered{oldest: 1 << 60, body: open(k, nil)}
	for _, it := range items {
		if !chosen(it) {
			continue
		}
		if o.count > 0 && (k == srcTrail || k == srcInsight) {
			o.body = append(o.body, ',')
		}
		o.body = append(o.body, it.b.text(it.r)...)
		o.count++
		o.oldest, o.newest = min(o.oldest, it.r.at/1000), max(o.newest, it.r.at/1000)
		if it.r.action == 0 {
			continue
		}
		id := it.r.id
		if id == "" {
			id = fmt.Sprintf("line:%d", o.count+headerLines(k))
		}
		for _, a := range append([]int32{it.r.action}, it.r.more...) {
			o.refs = append(o.refs, ref{action: a, id: id})
		}
	}
	o.body = closeBody(k, o.body)
	return o
}

func headerLines(k kind) int {
	if k == srcFlow {
		return 1
	}
	return 0
}

func open(k kind, dst []byte) []byte {
	switch k {
	case srcTrail, srcInsight:
		return append(dst, `{"Records":[`...)
	case srcFlow:
		return append(dst, wire.FlowHeader...)
	}
	return dst
}

func closeBody(k kind, dst []byte) []byte {
	if k == srcTrail || k == srcInsight {
		return append(dst, `]}`...)
	}
	return dst
}

// objectKey is the name the source gives to an object, and whether it is stored uncompressed.
func objectKey(s stream, o delivered, r *seed.Rand, org *org) (string, bool) {
	t := time.Unix(o.at, 0).UTC()
	day, minute := t.Format("2006/01/02"), t.Format("20060102T1504Z")
	root := "AWSLogs/" + s.account + "/"
	switch s.kind {
	case srcTrail:
		return root + "CloudTrail/" + s.region + "/" + day + "/" + s.account + "_CloudTrail_" + s.region + "_" + minute + "_" + string(r.Alnum(nil, 16)) + ".json.gz", false
	case srcInsight:
		return root + "CloudTrail-Insight/" + s.region + "/" + day + "/" + s.account + "_CloudTrail-Insight_" + s.region + "_" + minute + "_" + string(r.Alnum(nil, 16)) + ".json.gz", false
	case srcFlow:
		id := "fl-0" + string(org.key.Sub("flow-log", s.account, s.region).Rand().Hex(nil, 16))
		return root + "vpcflowlogs/" + s.region + "/" + day + "/" + s.account + "_vpcflowlogs_" + s.region + "_" + id + "_" + minute + "_" + string(r.Hex(nil, 8)) + ".log.gz", false
	case srcALB:
		name, ip, _ := strings.Cut(s.sub, "|")
		return root + "elasticloadbalancing/" + s.region + "/" + day + "/" + s.account + "_elasticloadbalancing_" + s.region + "_" + name + "_" + minute + "_" + ip + "_" + strings.ToLower(string(r.Upper(nil, 8))) + ".log.gz", false
	case srcWAF:
		return root + "WAFLogs/" + s.region + "/" + s.sub + "/" + t.Format("2006/01/02/15/04") + "/" + s.account + "_waflogs_" + s.region + "_" + s.sub + "_" + minute + "_" + string(r.Hex(nil, 8)) + ".log.gz", false
	case srcDNS:
		return root + "vpcdnsquerylogs/" + s.sub + "/" + day + "/" + s.sub + "_vpcdnsquerylogs_" + s.account + "_" + minute + "_" + string(r.Hex(nil, 8)) + ".log.gz", false
	case srcAccess:
		at := time.Unix(o.at+int64(r.IntN(900)), 0).UTC()
		return "s3-access-logs/" + s.account + "/" + s.region + "/" + s.sub + "/" + at.Format("2006/01/02") + "/" + at.Format("2006-01-02-15-04-05-") + string(r.Upper(nil, 0)) + strings.ToUpper(string(r.Hex(nil, 16))), true
	case srcGuardDuty:
		return root + "GuardDuty/" + s.region + "/" + day + "/" + string(r.UUID(nil)) + ".jsonl.gz", false
	default:
		return root + "SecurityHub/" + s.region + "/" + t.Format("2006/01/02/15") + "/securityhub-findings-1-" + t.Format("2006-01-02-15-04-05-") + string(r.UUID(nil)) + ".gz", false
	}
}
