package flow

import (
	"net/netip"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/ocsf"
)

// TCP flags of a flow record, OR-ed over its window. A bare ACK is not reported.
const (
	flagFIN = 1
	flagSYN = 2
	flagRST = 4
	flagACK = 16
)

const (
	protoTCP = 6
	protoUDP = 17
)

// record is a flow record as the detectors see it.
type record struct {
	ev         *ocsf.Event
	gap        bool // SKIPDATA: flows were not recorded
	empty      bool // nothing to judge: NODATA, masked addresses
	src, dst   netip.Addr
	client     netip.Addr // who opened it, as far as flags or ports tell
	server     netip.Addr
	near, far  netip.Addr // the watched end and the other
	port       uint16     // the server's
	ephemeral  uint16     // the client's
	proto      int64
	up         bool // from client to server
	outbound   bool // the near end is the client
	internal   bool // both ends are private
	rejected   bool
	failed     bool // the connection did not come about
	packets    int64
	bytes      int64
	start, end int64
}

// read fills r from an event. It reports false when the record cannot be judged.
func (r *record) read(ev *ocsf.Event) bool {
	*r = record{ev: ev, start: ev.Time, end: max(ev.Time, ev.End)}
	if ev.Traffic.Sampling == "SKIPDATA" {
		r.gap, r.empty = true, true
		return true
	}
	var okSrc, okDst bool
	r.src, okSrc = address(&ev.Src)
	r.dst, okDst = address(&ev.Dst)
	if !okSrc || !okDst || ev.Traffic.Sampling == "NODATA" {
		r.empty = true
		return ev.Traffic.Sampling == "NODATA"
	}
	r.proto = ev.Traffic.Protocol
	r.packets, r.bytes = max(0, ev.Traffic.Packets), max(0, ev.Traffic.Bytes)
	r.rejected = ev.Action == "REJECT"
	flags := ev.Traffic.Flags
	sport, dport := port(ev.Src.Port), port(ev.Dst.Port)
	r.up = opens(r.proto, flags, sport, dport)
	r.client, r.server, r.port, r.ephemeral = r.src, r.dst, dport, sport
	if !r.up {
		r.client, r.server, r.port, r.ephemeral = r.dst, r.src, sport, dport
	}
	r.ends(ev)
	r.failed = r.rejected || r.proto == protoTCP && r.up && unanswered(flags, r.packets, r.bytes)
	return true
}

// ends finds which end is watched.
func (r *record) ends(ev *ocsf.Event) {
	srcPublic, dstPublic := intel.Public(r.src), intel.Public(r.dst)
	r.internal = !srcPublic && !dstPublic
	near := r.src
	switch {
	case ev.Traffic.Direction == "ingress":
		near = r.dst
	case ev.Traffic.Direction == "egress":
	case srcPublic && !dstPublic:
		near = r.dst
	}
	r.near, r.far = near, r.dst
	if near == r.dst {
		r.far = r.src
	}
	r.outbound = r.client == near
}

// opens says that the record goes from the client to the server.
func opens(proto, flags int64, sport, dport uint16) bool {
	if proto == protoTCP && flags > 0 && flags&flagSYN != 0 {
		return flags&flagACK == 0
	}
	return dport <= sport || dport == 0
}

// unanswered says that a client's TCP record shows no more than attempts to
// connect: only SYNs, or, without flags, a few packets without payload.
func unanswered(flags, packets, bytes int64) bool {
	if flags > 0 {
		return flags&flagSYN != 0 && flags&(flagFIN|flagACK) == 0 && packets <= 6 && bytes <= 64*packets ||
			flags == flagSYN|flagRST && packets <= 3
	}
	return packets > 0 && packets <= 3 && bytes <= 64*packets
}

func address(e *ocsf.Endpoint) (netip.Addr, bool) {
	text := e.Packet
	if text == "" {
		text = e.IP
	}
	a, err := netip.ParseAddr(text)
	return a, err == nil
}

func port(n int64) uint16 {
	if n < 0 || n > 65535 {
		return 0
	}
	return uint16(n)
}

// host is the watched end as the subject of a finding.
func (r *record) host() yagura.Entity {
	d := &r.ev.Device
	switch {
	case d.Instance != "":
		return yagura.Entity{Type: "instance", ID: d.Instance, Account: r.ev.Account}
	case d.Interface != "":
		return yagura.Entity{Type: "interface", ID: d.Interface, Account: r.ev.Account}
	}
	return yagura.Entity{Type: "address", ID: r.near.String(), Account: r.ev.Account}
}

// query is a DNS query as the detectors see it.
type query struct {
	ev     *ocsf.Event
	name   string // lower case
	domain string // what is registered, as far as a short table tells
	host   string // instance or address that asked
	time   int64
}

func (q *query) read(ev *ocsf.Event) bool {
	*q = query{ev: ev, name: strings.ToLower(ev.DNS.Name), host: ev.Src.Instance, time: ev.Time}
	if q.host == "" {
		q.host = ev.Src.IP
	}
	q.domain = registered(q.name)
	return q.name != "" && q.host != ""
}

func (q *query) subject() yagura.Entity {
	kind := "address"
	if q.ev.Src.Instance != "" {
		kind = "instance"
	}
	return yagura.Entity{Type: kind, ID: q.host, Account: q.ev.Account}
}

// secondLevel are second-level names under which domains are registered in
// many countries.
const secondLevel = " co com net org gov edu ac ne or go ad ed gr lg "

// registered gives the registered domain of a name: its last two labels, or
// three under a country's second level. Not the Public Suffix List: that is data
// of others, and grouping a little too much or too little does no harm here.
func registered(name string) string {
	last := strings.LastIndexByte(name, '.')
	if last < 0 {
		return name
	}
	second := strings.LastIndexByte(name[:last], '.')
	if second < 0 {
		return name
	}
	if len(name)-last == 3 && strings.Contains(secondLevel, " "+name[second+1:last]+" ") {
		if third := strings.LastIndexByte(name[:second], '.'); third >= 0 {
			return name[third+1:]
		}
		return name
	}
	return name[second+1:]
}
