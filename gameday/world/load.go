package world

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/yagura-sec/yagura/gameday/world/seed"
	"github.com/yagura-sec/yagura/gameday/world/wire"
)

// Objects of a load have about these many records. Real trails write small files every five minutes; a load prefers files as a busy
// account has them, and stretches the window of quiet accounts until they are full.
const (
	eventsPerFile = 2800
	flowsPerFile  = 16000
	slot          = 300 // seconds; the shortest window
)

// block is one object of a load: a stream, a stretch of time and the number of records.
type block struct {
	site     *site
	kind     kind
	number   int64
	from, to int64
	quota    int
}

// Load writes Options.Events CloudTrail events and Options.Flows flow records, exactly, and nothing else. Memory use does not grow with
// the counts. A cancelled context stops it with the context's error.
func Load(ctx context.Context, opt Options) (Summary, error) {
	opt, err := opt.prepare(30, 20)
	if err != nil {
		return Summary{}, err
	}
	if opt.Events < 0 || opt.Flows < 0 || opt.Events+opt.Flows == 0 {
		return Summary{}, fmt.Errorf("world: Load wants Events or Flows above zero, got %d and %d", opt.Events, opt.Flows)
	}
	from, to := opt.span()
	org, err := newOrg(seed.New(opt.Seed), opt.Accounts, from, to)
	if err != nil {
		return Summary{}, fmt.Errorf("world: %w", err)
	}
	w, err := newWriter(opt)
	if err != nil {
		return Summary{}, err
	}
	w.level = gzip.BestSpeed
	blocks := append(org.blocks(srcTrail, opt.Events, eventsPerFile), org.blocks(srcFlow, opt.Flows, flowsPerFile)...)
	var mu sync.Mutex
	done := 0
	err = parallel(ctx, opt.Workers, len(blocks), func(i int) error {
		if err := org.fill(w, blocks[i]); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		done += blocks[i].quota
		if opt.Progress != nil {
			opt.Progress(float64(done) / float64(opt.Events+opt.Flows))
		}
		return nil
	})
	if err != nil {
		return Summary{}, err
	}
	return w.summary(from, to), nil
}

// blocks divides the wished number of records over accounts, regions and time so that the sum is exact.
func (o *org) blocks(k kind, total, perFile int) []block {
	if total == 0 {
		return nil
	}
	var sites []*site
	var weights []float64
	sum := 0.0
	for _, a := range o.accounts {
		for n, s := range a.sites {
			w := a.share * regionWeight[n]
			sites, weights, sum = append(sites, s), append(weights, w), sum+w
		}
	}
	slots := (o.to - o.from) / slot
	var out []block
	var shares []float64
	for i, s := range sites {
		mean := float64(total) * weights[i] / sum
		n := min(slots, max(1, int64(mean/float64(perFile)+0.5)))
		r := s.key.Sub("load-quota", kindNames[k]).Rand()
		shape := make([]float64, n)
		whole := 0.0
		for b := range n {
			from, to := o.from+b*slots/n*slot, o.from+(b+1)*slots/n*slot
			shape[b] = r.LogNorm(1, 0.35) * activity(from, to)
			whole += shape[b]
			out = append(out, block{site: s, kind: k, number: b, from: from, to: to})
		}
		for b := range n {
			shares = append(shares, shape[b]/whole*weights[i]/sum)
		}
	}
	acc, given := 0.0, 0
	for i := range out {
		acc += shares[i]
		upto := min(total, int(acc*float64(total)+0.5))
		if i == len(out)-1 {
			upto = total
		}
		out[i].quota = upto - given
		given = upto
	}
	return slices.DeleteFunc(out, func(b block) bool { return b.quota == 0 })
}

// activity is the daily and weekly shape of an organisation with users at home: a flat floor of machines and a hump of people.
func activity(from, to int64) float64 {
	sum, n := 0.0, 0
	for t := from; t < to; t += 3600 {
		local, day := (t/3600+9)%24, (t/86400+4)%7
		w := 0.55
		if local >= 9 && local < 20 && day != 0 && day != 6 {
			w = 1.5
		}
		sum, n = sum+w, n+1
	}
	return sum
}

func (o *org) fill(w *writer, b block) error {
	s := stream{kind: b.kind, account: b.site.account.id, region: b.site.region}
	key := b.site.key.Sub("load", kindNames[b.kind]).At(b.number)
	out := newOutput()
	out.only, out.max = &s, b.quota
	out.streams[s] = newBatch(b)
	out.order = []stream{s}
	if b.kind == srcFlow {
		o.loadFlows(out.streams[s], b, key)
	} else {
		o.loadEvents(out, out.streams[s], b, key)
	}
	full := out.streams[s]
	full.recs = full.recs[:min(len(full.recs), b.quota)] // the last habit may overshoot by its companions
	d := gather(out.streams[s], s.kind, key.Sub("order").Rand())
	d.at = (b.to + 120 + slot) / slot * slot
	name, plain := objectKey(s, d, key.Sub("name").Rand(), o)
	return w.put(kindNames[b.kind], name, d.body, d.count, plain)
}

func newBatch(b block) *batch {
	size := 1500
	if b.kind == srcFlow {
		size = 125
	}
	return &batch{data: make([]byte, 0, b.quota*size), recs: make([]record, 0, b.quota)}
}

// gather makes one object of a batch, slightly out of order.
func gather(b *batch, k kind, r *seed.Rand) delivered {
	type at struct {
		order int64
		r     record
	}
	list := make([]at, len(b.recs))
	for i, rec := range b.recs {
		list[i] = at{rec.at, rec}
		if r.Bool(0.14) {
			list[i].order += int64(r.LogNorm(9000, 1.2))
		}
	}
	slices.SortStableFunc(list, func(a, b at) int { return cmp.Compare(a.order, b.order) })
	d := delivered{count: len(list), body: open(k, make([]byte, 0, len(b.data)+len(list)+200))}
	for i, it := range list {
		if i > 0 && k == srcTrail {
			d.body = append(d.body, ',')
		}
		d.body = append(d.body, b.text(it.r)...)
	}
	d.body = closeBody(k, d.body)
	return d
}

// loadEvents runs habits at times of the block until the quota is full. The mix is that of the sample.
func (o *org) loadEvents(out *output, b *batch, bl block, key seed.Key) {
	r := key.Rand()
	e := newEmitter(o, key.Sub("emit").Rand(), out)
	span := int(bl.to - bl.from)
	for n := int64(0); len(b.recs) < bl.quota; n++ {
		before := len(b.recs)
		t := bl.from + int64(r.IntN(max(1, span-60)))
		e.rng = key.Sub("habit").At(n).Rand()
		o.habit(e, bl, key.At(n), r, t)
		if len(b.recs) == before {
			who := e.identity(o.sitting(bl.site, key.At(n), t, 'a', e.rng), 0)
			calls := o.by['a']
			if c := calls[r.IntN(len(calls))]; c.Read && (!c.Global || bl.site.region == globalRegion) {
				e.do(doing{who: who, site: bl.site, call: c, at: t})
			}
		}
	}
}

// sitting is a stretch of work that no plan of a day contains, for loads.
func (o *org) sitting(s *site, key seed.Key, t int64, use byte, r *seed.Rand) sitting {
	return sitting{p: o.people[r.IntN(len(o.people))], account: s.account, key: key, start: t, end: t + 30 + int64(r.LogNorm(500, 1)), use: use, region: s.region}
}

func (o *org) habit(e *emitter, bl block, key seed.Key, r *seed.Rand, t int64) {
	s := bl.site
	fn := s.pool["fn"][r.IntN(len(s.pool["fn"]))]
	switch pick(r, []float64{7, 5, 0.5, 12, 4, 4, 14, 1.2, 0.8, 1.5, 0.8, 0.02, 3}) {
	case 0:
		e.run(o.sitting(s, key, t, 'c', r), bl.from, bl.to)
	case 1:
		e.run(o.sitting(s, key, t, 'a', r), bl.from, bl.to)
	case 2:
		e.run(o.sitting(s, key, t, 'i', r), bl.from, bl.to)
	case 3:
		e.function(s, fn, s.pool["role"][len(fn)%len(s.pool["role"])], t)
	case 4:
		e.task(s, t)
	case 5:
		e.scan(s, r.IntN(len(scanning)), t)
	case 6:
		o.machine(e, s, r, t)
	case 7:
		e.pipeline(s, t)
	case 8:
		e.vendorSweep(s.account, t)
	case 9:
		e.leftover(s, t)
	case 10:
		e.federated(s, t)
	case 11:
		e.breakGlass(s, t)
	default:
		for i := range 3 {
			who := s.account.asService([]string{"cloudtrail.amazonaws.com", "delivery.logs.amazonaws.com", "config.amazonaws.com"}[i])
			b := s.buckets[len(s.buckets)-1]
			e.object(who, s, b, object{key: "AWSLogs/" + s.account.id + "/" + string(e.rng.Alnum(nil, 24)) + ".gz", size: int64(e.rng.LogNorm(9000, 1))}, "PutObject", t+int64(i), nil)
		}
	}
}

// machine is an instance or container with a role that reads and writes objects and now and then a secret.
func (o *org) machine(e *emitter, s *site, r *seed.Rand, t int64) {
	role := s.account.role(s.pool["role"][r.IntN(len(s.pool["role"]))])
	k := s.key.Sub("machine", role.name).At(t / 21600)
	kr := k.Rand()
	id := "i-0" + string(kr.Hex(nil, 16))
	who := s.account.assume(assumed{role: role, name: id, key: kr.KeyID("ASIA", s.account.num), start: t / 21600 * 21600, ec2: true})
	who.ip, who.agent, who.tls13 = s.nat, sdks[len(role.name)%len(sdks)], true
	b := s.buckets[r.IntN(len(s.buckets))]
	for i := range 1 + r.Poisson(5) {
		name := "GetObject"
		if r.Bool(0.25) {
			name = []string{"PutObject", "HeadObject", "DeleteObject"}[r.Zipf(3)]
		}
		e.object(who, s, b, b.keys[r.Zipf(len(b.keys))], name, t+int64(i/3), nil)
	}
	if r.Bool(0.2) {
		who.endpoint, who.ip = s.vpce, "10.20.4."+two(10+r.IntN(80))
		e.secret(who, s, s.pool["secret"][r.IntN(len(s.pool["secret"]))], t)
	}
}

// loadFlows writes conversations as both interfaces' windows report them, and scanners between them.
func (o *org) loadFlows(b *batch, bl block, key seed.Key) {
	r := key.Rand()
	s := bl.site
	span := int(bl.to - bl.from)
	enis := s.pool["eni"]
	peers := make([]string, 40)
	for i := range peers {
		peers[i] = publicIP(r, homeNets)
		if i%3 == 0 {
			peers[i] = publicIP(r, apiNets)
		}
	}
	f := wire.Flow{Account: s.account.id, Protocol: 6}
	put := func() {
		if len(b.recs) >= bl.quota {
			return
		}
		off := len(b.data)
		b.data = f.Append(b.data)
		b.add(f.End*1000, off, record{})
	}
	for len(b.recs) < bl.quota {
		n := r.Zipf(len(enis) * 6)
		f.Interface = enis[n%len(enis)]
		local := "10.20." + two(3+n%5) + "." + two(10+n*7%200)
		peer := peers[r.Zipf(len(peers))]
		f.Start = bl.from + int64(r.IntN(span))
		f.End = f.Start + int64(r.IntN(59))
		if r.Bool(0.12) {
			f.Src, f.Dst, f.SrcPort, f.DstPort, f.Reject = o.scanners[r.Zipf(len(o.scanners))].ip, local, r.Between(1024, 65000), []int{22, 23, 445, 3389, 6379, 8080}[r.Zipf(6)], true
			f.Packets = int64(1 + r.IntN(3))
			f.Bytes = f.Packets * int64(40+4*r.IntN(6))
			put()
			continue
		}
		f.Reject = false
		lport, rport := r.Between(32768, 60999), []int{443, 5432, 8080, 6379, 3306, 9092}[r.Zipf(6)]
		if rport != 443 {
			peer = "10.20.8." + two(10+r.Zipf(30))
		}
		out, in := int64(r.LogNorm(2400, 1.1)), int64(r.LogNorm(6200, 1.5))
		po, pi := packets(out, in, r)
		f.Src, f.Dst, f.SrcPort, f.DstPort, f.Packets, f.Bytes = local, peer, lport, rport, po, out+po*52
		put()
		f.Src, f.Dst, f.SrcPort, f.DstPort, f.Packets, f.Bytes = peer, local, rport, lport, pi, in+pi*52
		put()
	}
}
