package vpcflow

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/yagura-sec/yagura/ocsf"
)

// TCP flags as flow logs OR them over a window. A bare ACK is not reported, so
// SYN without ACK is the opener's and SYN with ACK is the answer.
const (
	flagSYN = 2
	flagACK = 16
)

// ephemeral is the lowest port that a client usually chooses.
const ephemeral = 1024

// Session is one connection, put together from the records of its windows and
// of both directions at one network interface. Client is who opened it: seen
// from a SYN, else guessed from the ports, else who sent first.
type Session struct {
	Interface string
	Client    netip.AddrPort
	Server    netip.AddrPort
	Protocol  int64
	Rejected  bool  // every record was a REJECT; accepted and rejected records never mix
	Opened    bool  // a SYN was seen, so Client is certain
	Start     int64 // µs since the epoch, start of the first window
	End       int64 // µs, end of the last window

	Up   Counter // client to server
	Down Counter // server to client
}

// Counter is what one direction of a session carried.
type Counter struct {
	Records int
	Packets int64
	Bytes   int64
	Flags   int64 // OR of the TCP flags
}

// Sessions folds flow records into sessions, sorted by start. A long connection
// gives one record a window, which looks like a perfect beacon: score sessions,
// not records, and take ±60 s of a start as noise.
//
// A new session begins with another 5-tuple (so with another ephemeral port),
// with a SYN that opens, or when a tuple is silent for more than two windows.
// Window is the flow log's longest aggregation interval: 10 minutes or 1
// minute; 0 means 10. Packet addresses count before interface addresses. Events
// that are no flow, such as NODATA and SKIPDATA records and addresses that were
// masked, are not folded: skipped says how many. The events may be in any order
// and are not changed.
func Sessions(events []*ocsf.Event, window time.Duration) (sessions []Session, skipped int) {
	if window <= 0 {
		window = 10 * time.Minute
	}
	flows := make([]flow, 0, len(events))
	for _, ev := range events {
		if f, ok := flowOf(ev); ok {
			flows = append(flows, f)
		} else {
			skipped++
		}
	}
	slices.SortStableFunc(flows, func(a, b flow) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	open := map[tuple]int{} // index of the tuple's last session
	for _, f := range flows {
		i, ok := open[f.tuple()]
		if !ok || apart(&sessions[i], f, window.Microseconds()) {
			i = len(sessions)
			sessions = append(sessions, begin(f))
			open[f.tuple()] = i
		}
		add(&sessions[i], f)
	}
	return sessions, skipped
}

// flow is what folding needs of a record.
type flow struct {
	iface          string
	src, dst       netip.AddrPort
	protocol       int64
	rejected       bool
	start, end     int64
	packets, bytes int64
	flags          int64
}

// tuple identifies a conversation, whichever end sent.
type tuple struct {
	iface    string
	low      netip.AddrPort
	high     netip.AddrPort
	protocol int64
	rejected bool
}

func (f flow) tuple() tuple {
	low, high := f.src, f.dst
	if low.Compare(high) > 0 {
		low, high = high, low
	}
	return tuple{f.iface, low, high, f.protocol, f.rejected}
}

// opens says that the sender opened a connection in this window.
func (f flow) opens() bool { return f.flags&(flagSYN|flagACK) == flagSYN }

// answers says that the sender accepted one.
func (f flow) answers() bool { return f.flags&(flagSYN|flagACK) == flagSYN|flagACK }

func flowOf(ev *ocsf.Event) (flow, bool) {
	src, okSrc := endpoint(&ev.Src)
	dst, okDst := endpoint(&ev.Dst)
	if !okSrc || !okDst || ev.Traffic.Sampling == "NODATA" || ev.Traffic.Sampling == "SKIPDATA" {
		return flow{}, false
	}
	f := flow{
		iface: cmp.Or(ev.Device.Interface, ev.Src.Interface+ev.Dst.Interface), src: src, dst: dst,
		protocol: ev.Traffic.Protocol, rejected: ev.Action == "REJECT",
		start: ev.Time, end: max(ev.Time, ev.End),
		packets: max(0, ev.Traffic.Packets), bytes: max(0, ev.Traffic.Bytes), flags: max(0, ev.Traffic.Flags),
	}
	return f, true
}

func endpoint(e *ocsf.Endpoint) (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(cmp.Or(e.Packet, e.IP))
	if err != nil {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a, uint16(max(0, e.Port))), true // ICMP has no port
}

// apart says that a record does not belong to the tuple's last session.
func apart(s *Session, f flow, window int64) bool {
	if f.start-s.End > 2*window {
		return true
	}
	if !f.opens() {
		return false
	}
	// The answer's record may come before the opener's of the same window.
	sameOpening := s.Up.Records == 0 && f.src == s.Client && f.start-s.Start <= window
	return !sameOpening
}

func begin(f flow) Session {
	s := Session{
		Interface: f.iface, Client: f.src, Server: f.dst, Protocol: f.protocol, Rejected: f.rejected,
		Opened: f.opens() || f.answers(), Start: f.start, End: f.end,
	}
	guess := !s.Opened && f.src.Port() < ephemeral && f.dst.Port() >= ephemeral
	if f.answers() || guess {
		s.Client, s.Server = f.dst, f.src
	}
	return s
}

func add(s *Session, f flow) {
	c := &s.Up
	if f.src != s.Client {
		c = &s.Down
	}
	c.Records++
	c.Packets += f.packets
	c.Bytes += f.bytes
	c.Flags |= f.flags
	s.End = max(s.End, f.end)
}
