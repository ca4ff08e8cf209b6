package flow

import (
	"fmt"
	"net/netip"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// flood finds hosts that take part in a denial of service: very many packets to
// one address outside, by kind of traffic.
type flood struct {
	doc     *sigma.Document
	kind    string  // dns, tcp, udp, udp-on-tcp-ports, unusual-protocol
	rate    float64 // packets per second over the minute
	packets int64   // and so many in it
	Pairs   recent[floodKey, floodMinute]
}

type floodKey struct {
	Near, Far netip.Addr
	Minute    int64
}

type floodMinute struct {
	Packets, Bytes int64
	Said           int64
	Refs           []yagura.EventRef
}

func newFlood(b *builder) part {
	return &flood{
		doc: b.doc, kind: b.word("kind", "udp", "tcp", "dns", "udp-on-tcp-ports", "unusual-protocol"),
		rate: b.number("packets_per_second", 5000), packets: int64(b.number("packets", 300_000)),
		Pairs: newRecent[floodKey, floodMinute](b.groups),
	}
}

func (f *flood) state() any { return &f.Pairs }

func (f *flood) flow(d *Detector, r *record) {
	// A flood is never small: a cheap test first keeps ordinary traffic out.
	if r.empty || r.packets < 1000 || r.internal || r.src != r.near || floodKind(r) != f.kind {
		return
	}
	m := f.Pairs.at(floodKey{r.near, r.far, r.start / 60e6})
	m.Packets += r.packets
	m.Bytes += r.bytes
	if len(m.Refs) < 5 {
		m.Refs = append(m.Refs, ref("vpcflow", r.ev))
	}
	seconds := max(60, float64(r.end-r.start)/1e6)
	if m.Packets < f.packets || float64(m.Packets)/seconds < f.rate || m.Packets < 2*m.Said {
		return
	}
	out := finding(f.doc, r.ev, "vpcflow", r.host())
	out.Related = []yagura.Entity{{Type: "address", ID: r.far.String()}}
	out.Events = append([]yagura.EventRef(nil), m.Refs...)
	out.Facts = []yagura.Fact{
		{Name: "packets", Value: fmt.Sprint(m.Packets)}, {Name: "bytes", Value: fmt.Sprint(m.Bytes)},
		{Name: "address", Value: r.far.String()}, {Name: "port", Value: fmt.Sprint(r.port)},
		{Name: "protocol", Value: fmt.Sprint(r.proto)},
	}
	m.Said = m.Packets
	d.out(out)
}

// tcpPorts are ports on which UDP has no business.
var tcpPorts = map[uint16]bool{21: true, 22: true, 23: true, 25: true, 80: true, 110: true, 143: true, 3306: true, 3389: true, 5432: true, 8080: true}

// floodKind says of what kind of flood a record could be part.
func floodKind(r *record) string {
	switch {
	case r.proto == protoUDP && r.port == 53:
		return "dns"
	case r.proto == protoUDP && tcpPorts[r.port]:
		return "udp-on-tcp-ports"
	case r.proto == protoUDP:
		return "udp"
	case r.proto == protoTCP && r.bytes <= 80*r.packets:
		return "tcp" // hardly any payload
	case r.proto != protoTCP && r.proto != 1 && r.proto != 58 && r.proto != 47 && r.proto != 50 && r.proto != 51 && r.proto != 4 && r.proto != 41:
		return "unusual-protocol"
	}
	return ""
}
