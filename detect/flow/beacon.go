package flow

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// pairKey is a host and what it talks to outside.
type pairKey struct {
	Near, Far netip.Addr
	Port      uint16
}

// beacon finds connections that are opened as by a clock. Records are folded
// into sessions first, because one long connection gives one record a window,
// which looks like a perfect beacon.
type beacon struct {
	doc   *sigma.Document
	least float64 // score
	min   int     // sessions
	span  int64   // µs from the first to the last
	peers int     // a destination of more hosts is something ordinary

	Pairs recent[pairKey, beaconPair]
	Hosts recent[netip.Addr, beaconPeers]
}

// beaconPair is what was seen of a pair: begins and bytes of its sessions.
type beaconPair struct {
	Starts []int32 // s since Base
	Bytes  []int32 // sent, in 16-byte units
	Base   int64   // s since the epoch
	Open   [4]openFlow
	Next   int // session count at which to score again
	Refs   []yagura.EventRef
}

// openFlow is a connection whose records may go on.
type openFlow struct {
	Port uint16 // ephemeral
	End  int64
}

// beaconPeers are some hosts that talk to one address.
type beaconPeers struct{ Near []netip.Addr }

// maxSessions bounds what is kept of a pair; the oldest go first.
const maxSessions = 512

func newBeacon(b *builder) part {
	return &beacon{
		doc: b.doc, least: b.number("score", 0.85), min: int(b.number("connections", 24)),
		span: b.span("span", 4*time.Hour), peers: int(b.number("peers", 3)),
		Pairs: newRecent[pairKey, beaconPair](b.groups),
		Hosts: newRecent[netip.Addr, beaconPeers](b.groups),
	}
}

func (b *beacon) state() any {
	return &struct {
		Pairs *recent[pairKey, beaconPair]
		Hosts *recent[netip.Addr, beaconPeers]
	}{&b.Pairs, &b.Hosts}
}

func (b *beacon) flow(d *Detector, r *record) {
	if r.empty || !r.up || !r.outbound || r.internal || r.rejected || r.port == 53 || r.port == 123 ||
		r.ev.Dst.Service != "" || !intel.Public(r.server) {
		return
	}
	p := b.Pairs.at(pairKey{r.near, r.far, r.port})
	if !p.session(r) {
		return
	}
	if len(p.Refs) < 20 {
		p.Refs = append(p.Refs, ref("vpcflow", r.ev))
	}
	n := len(p.Starts)
	if n < b.min || n < p.Next {
		return
	}
	if int64(p.Starts[n-1]-p.Starts[0])*1e6 < b.span {
		return
	}
	p.Next = n + max(4, n/4)
	if n == maxSessions {
		p.Next = 0
	}
	hosts := b.Hosts.at(r.far)
	if hosts.add(r.near, b.peers) > b.peers {
		return
	}
	if d.cfg.Service != nil && d.cfg.Service(r.far.String()) {
		return
	}
	if score := Score(p.Starts, p.Bytes); score.Total >= b.least {
		b.report(d, r, p, score)
	}
}

// session adds the record's session if it begins one.
func (p *beaconPair) session(r *record) bool {
	const gap = int64(20 * time.Minute / time.Microsecond) // two windows of 10 minutes
	slot, oldest := -1, 0
	for i := range p.Open {
		if p.Open[i].Port == r.ephemeral && p.Open[i].End != 0 {
			slot = i
		}
		if p.Open[i].End < p.Open[oldest].End {
			oldest = i
		}
	}
	if slot >= 0 && r.start-p.Open[slot].End <= gap && r.start >= p.Open[slot].End-gap {
		fresh := r.ev.Traffic.Flags > 0 && r.ev.Traffic.Flags&flagSYN != 0 && r.start > p.Open[slot].End
		p.Open[slot].End = max(p.Open[slot].End, r.end)
		if !fresh {
			return false
		}
	} else {
		if slot < 0 {
			slot = oldest
		}
		p.Open[slot] = openFlow{r.ephemeral, r.end}
	}
	at := r.start / 1e6
	if p.Base == 0 {
		p.Base = at
	}
	if at-p.Base > 1<<29 || p.Base-at > 1<<29 { // a clock that was wrong by decades
		*p = beaconPair{Base: at, Open: p.Open}
	}
	p.insert(int32(at-p.Base), int32(min(r.bytes/16, 1<<31-1)))
	return true
}

// insert keeps the starts in order.
func (p *beaconPair) insert(at, size int32) {
	if len(p.Starts) >= maxSessions {
		p.Starts, p.Bytes = p.Starts[1:], p.Bytes[1:]
	}
	p.Starts, p.Bytes = append(p.Starts, at), append(p.Bytes, size)
	for i := len(p.Starts) - 1; i > 0 && p.Starts[i-1] > p.Starts[i]; i-- {
		p.Starts[i-1], p.Starts[i] = p.Starts[i], p.Starts[i-1]
		p.Bytes[i-1], p.Bytes[i] = p.Bytes[i], p.Bytes[i-1]
	}
}

// add remembers a host, up to one more than the limit, and gives their number.
func (h *beaconPeers) add(near netip.Addr, limit int) int {
	for _, a := range h.Near {
		if a == near {
			return len(h.Near)
		}
	}
	if len(h.Near) <= limit {
		h.Near = append(h.Near, near)
	}
	return len(h.Near)
}

func (b *beacon) report(d *Detector, r *record, p *beaconPair, s Beacon) {
	out := finding(b.doc, r.ev, "vpcflow", r.host())
	out.Related = []yagura.Entity{{Type: "address", ID: r.far.String()}}
	out.First = (p.Base + int64(p.Starts[0])) * 1e6
	out.Events = append([]yagura.EventRef(nil), p.Refs...)
	out.Facts = []yagura.Fact{
		{Name: "score", Value: fmt.Sprintf("%.3f", s.Total)},
		{Name: "sessions", Value: fmt.Sprint(len(p.Starts))},
		{Name: "interval", Value: (time.Duration(s.Interval) * time.Second).String()},
		{Name: "address", Value: r.far.String()}, {Name: "port", Value: fmt.Sprint(r.port)},
	}
	d.out(out)
}
