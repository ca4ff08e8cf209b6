package world

import (
	"slices"

	"github.com/yagura-sec/yagura/gameday/world/seed"
	"github.com/yagura-sec/yagura/gameday/world/wire"
)

// flowTable gathers packets into the windows that VPC flow logs report: one record for each direction of a conversation and minute.
type flowTable struct {
	site  *site
	sums  map[flowKey]*flowSum
	order []flowKey
}

type flowKey struct {
	eni, src, dst string
	sp, dp, proto int
	window        int64
	reject        bool
}

type flowSum struct {
	packets, bytes int64
	first, last    int64
	actions        []int32
}

func newFlowTable(s *site) *flowTable { return &flowTable{site: s, sums: map[flowKey]*flowSum{}} }

func (f *flowTable) add(k flowKey, at, end, packets, bytes int64, action int32) {
	k.window = at / 60
	s := f.sums[k]
	if s == nil {
		s = &flowSum{first: at, last: end}
		f.sums[k] = s
		f.order = append(f.order, k)
	}
	s.packets += packets
	s.bytes += bytes
	s.first, s.last = min(s.first, at), max(s.last, end)
	if action != 0 && !slices.Contains(s.actions, action) {
		s.actions = append(s.actions, action)
	}
}

// talk is one TCP or UDP conversation as an interface sees it.
type talk struct {
	eni, local, remote string
	lport, rport       int
	proto              int
	out, in            int64 // payload bytes from and to the interface
	at, took           int64 // seconds
	action             int32
}

// talk records both directions of a conversation, minute by minute.
func (f *flowTable) talk(r *seed.Rand, t talk) {
	if t.proto == 0 {
		t.proto = 6
	}
	minutes := (t.at+t.took)/60 - t.at/60 + 1
	for i := range minutes {
		from := max(t.at, (t.at/60+i)*60)
		to := min(t.at+t.took, from/60*60+59)
		out, in := t.out/minutes, t.in/minutes
		po, pi := packets(out, in, r)
		f.add(flowKey{eni: t.eni, src: t.local, dst: t.remote, sp: t.lport, dp: t.rport, proto: t.proto}, from, to, po, out+po*52, t.action)
		f.add(flowKey{eni: t.eni, src: t.remote, dst: t.local, sp: t.rport, dp: t.lport, proto: t.proto}, from, to, pi, in+pi*52, t.action)
	}
}

// packets is the number of packets in both directions: data in segments and acknowledgements for about every second one.
func packets(out, in int64, r *seed.Rand) (int64, int64) {
	o, i := 1+out/1390, 1+in/1390
	return o + i/2 + int64(r.IntN(3)), i + o/2 + int64(r.IntN(3))
}

// flush writes the table as records and empties it.
func (f *flowTable) flush(o *org, out *output, r *seed.Rand) {
	b := out.batch(stream{kind: srcFlow, account: f.site.account.id, region: f.site.region})
	if b == nil {
		return
	}
	for _, k := range f.order {
		s := f.sums[k]
		rec := wire.Flow{Account: f.site.account.id, Interface: k.eni, Src: k.src, Dst: k.dst, SrcPort: k.sp, DstPort: k.dp, Protocol: k.proto, Packets: s.packets, Bytes: s.bytes, Start: s.first, End: max(s.last, s.first+int64(r.IntN(3))), Reject: k.reject}
		off := len(b.data)
		b.data = rec.Append(b.data)
		var r record
		if len(s.actions) > 0 {
			r.action, r.more = s.actions[0], s.actions[1:]
		}
		b.add(rec.End*1000, off, r)
	}
	f.sums, f.order = map[flowKey]*flowSum{}, nil
}

// network records the traffic of a site in one hour that is not caused by a single request: databases, agents, the internet's noise.
func (e *emitter) network(s *site, hour int64) {
	t0 := hour * 3600
	r := s.key.Sub("network").At(hour).Rand()
	for _, i := range s.instances {
		from, to := max(t0, i.born+50), min(t0+3600, i.died)
		if from >= to {
			continue
		}
		e.background(s, i, from, to, r)
	}
	if s.balancer != nil {
		for _, n := range s.balancer.nodes {
			e.noise(s, n.eni, n.ip, t0, r)
		}
	}
	for _, i := range s.instances {
		if i.service == "bastion" && i.alive(t0+1800) {
			e.noise(s, i.eni, i.ip, t0, r)
		}
	}
	e.silence(s, t0, r)
}

func (e *emitter) background(s *site, i *instance, from, to int64, r *seed.Rand) {
	span := int(to - from)
	api := apiAddress(s.region, r)
	for range r.Poisson(6 * float64(span) / 3600) {
		e.flows.talk(r, talk{eni: i.eni, local: i.ip, remote: api, lport: r.Between(32768, 60999), rport: 443, out: int64(r.LogNorm(2300, 0.9)), in: int64(r.LogNorm(5200, 0.8)), at: from + int64(r.IntN(span)), took: int64(r.IntN(9))})
	}
	if i.service == "web" {
		pool := i.key(s).Rand()
		for c := range 2 { // pooled connections to the database, reported minute by minute while in use
			port := 40000 + pool.IntN(20000) + c
			for m := range 6 {
				at := from + int64(m)*int64(span)/6
				e.flows.talk(r, talk{eni: i.eni, local: i.ip, remote: "10.20.8.21", lport: port, rport: 5432, out: int64(r.LogNorm(9000, 0.8)), in: int64(r.LogNorm(31000, 1)), at: at, took: int64(r.Between(5, 59)) % max(1, 59-at%60)})
			}
		}
	}
	if i.service == "batch" && r.Bool(0.3) {
		e.flows.talk(r, talk{eni: i.eni, local: i.ip, remote: publicIP(r, []string{"151.101."}), lport: r.Between(32768, 60999), rport: 443, out: 1800, in: int64(r.LogNorm(800000, 1.4)), at: from + int64(r.IntN(span)), took: int64(r.IntN(30))})
	}
}

func (i *instance) key(s *site) seed.Key { return s.key.Sub("pool", i.id) }

// noise is the internet's steady scanning of a public interface.
func (e *emitter) noise(s *site, eni, ip string, t0 int64, r *seed.Rand) {
	ports := []int{22, 23, 80, 443, 445, 1433, 2375, 3306, 3389, 5432, 5900, 6379, 8080, 8443, 8888, 9200, 27017, 37215}
	for range r.Poisson(14) {
		src := e.org.scanners[r.Zipf(len(e.org.scanners))]
		addr := src.ip
		if r.Bool(0.7) {
			addr = publicIP(r, []string{scanNets[r.IntN(len(scanNets))].net})
		}
		k := flowKey{eni: eni, src: addr, dst: ip, sp: r.Between(1024, 65000), dp: ports[r.IntN(len(ports))], proto: 6, reject: true}
		at := t0 + int64(r.IntN(3590))
		n := int64(1 + r.IntN(3))
		e.flows.add(k, at, at+int64(r.IntN(40)), n, n*int64(40+4*r.IntN(6)), 0)
	}
}

// silence adds the windows without data of quiet interfaces, and now and then a window that was skipped.
func (e *emitter) silence(s *site, t0 int64, r *seed.Rand) {
	b := e.out.batch(stream{kind: srcFlow, account: s.account.id, region: s.region})
	if b == nil || s.account.env == "security" {
		return
	}
	for n := range 1 + r.IntN(3) {
		f := wire.Flow{Account: s.account.id, Interface: s.natENI, Start: t0 + int64(n*600+r.IntN(500)), Status: "NODATA"}
		f.End = f.Start + 600
		if r.Bool(0.01) {
			f.Status = "SKIPDATA"
		}
		off := len(b.data)
		b.data = f.Append(b.data)
		b.add(f.End*1000, off, record{})
	}
}

// transfer is a machine reading or writing objects: S3 through the gateway endpoint, at least as many bytes as the objects have.
func (e *emitter) transfer(s *site, i *instance, bytes, from, to int64) {
	if e.flows == nil || bytes == 0 {
		return
	}
	r := s.key.Sub("transfer", i.id).At(from).Rand()
	remote := publicIP(r, s3Nets)
	for c := range 4 {
		e.flows.talk(r, talk{eni: i.eni, local: i.ip, remote: remote, lport: 45000 + c*7 + int(from%5000), rport: 443, out: bytes / 400, in: bytes/4 + bytes/200, at: from + int64(c), took: max(1, to-from), action: e.act})
	}
}

func apiAddress(region string, r *seed.Rand) string {
	k := seed.New(uint64(len(region)) + uint64(region[0])).Sub(region).At(int64(r.IntN(5)))
	return publicIP(k.Rand(), apiNets)
}
