package flow

import (
	"time"

	"github.com/yagura-sec/yagura/intel"
)

func (b *builder) fan(what, threshold string, n float64, window time.Duration) *fan {
	return &fan{
		doc: b.doc, what: what, threshold: int(b.number(threshold, n)), window: b.span("window", window),
		Groups: newRecent[fanKey, fanGroup](b.groups),
	}
}

// fromInternet says that the other end is a stranger: scans and guesses from
// there never stop and matter only when they succeed.
func fromInternet(r *record) bool { return !r.outbound && !r.internal }

// newPortScan counts the ports of one host on which one client failed: 15 in 5
// minutes, as Zeek's scan policy has it
// (https://docs.zeek.org/en/v5.0.10/scripts/policy/misc/scan.zeek.html).
func newPortScan(b *builder) part {
	f := b.fan("ports", "ports", 15, 5*time.Minute)
	f.quieter = fromInternet
	f.pick = func(r *record) (fanKey, uint64, bool) {
		if !r.failed || !r.up || r.port == 0 {
			return fanKey{}, 0, false
		}
		return fanKey{A: r.client, B: r.server}, uint64(r.port), true
	}
	return f
}

// newPortSweep counts the hosts on one port of which one client failed: 25 in 5
// minutes, as Zeek's scan policy has it.
func newPortSweep(b *builder) part {
	f := b.fan("hosts", "hosts", 25, 5*time.Minute)
	f.quieter = fromInternet
	f.pick = func(r *record) (fanKey, uint64, bool) {
		if !r.failed || !r.up || r.port == 0 {
			return fanKey{}, 0, false
		}
		return fanKey{A: r.client, Port: r.port}, hashOf(r.server, 0, 0), true
	}
	return f
}

// Ports on which passwords are guessed: SSH, Telnet, RDP, WinRM, SMB, and
// databases.
var loginPorts = []uint16{22, 23, 3389, 5985, 5986, 445, 1433, 1521, 3306, 5432, 6379, 27017}

// newBruteForce counts short connections from one client to one login port.
// Each is small: it is opened, a few packets go to and fro, it ends.
func newBruteForce(b *builder) part {
	ports := b.ports("ports", loginPorts...)
	f := b.fan("attempts", "attempts", 20, 10*time.Minute)
	f.quieter = fromInternet
	f.pick = func(r *record) (fanKey, uint64, bool) {
		if !ports.has(r.port) || !r.up || r.proto != protoTCP || r.failed ||
			r.packets > 60 || r.bytes > 12_000 || r.end-r.start > 2*time.Minute.Microseconds() {
			return fanKey{}, 0, false
		}
		return fanKey{A: r.client, B: r.server, Port: r.port}, hashOf(r.client, r.ephemeral, uint16(r.start/60e6)), true
	}
	return f
}

// Ports of administration and data stores that belong behind a wall.
var probedPorts = []uint16{
	22, 23, 135, 445, 1433, 1521, 2375, 2376, 3306, 3389, 5432, 5601, 5900, 5985, 6379, 6443,
	8020, 8088, 9042, 9092, 9200, 9300, 10250, 11211, 27017, 50070,
}

// newPortProbe counts strangers that reached a sensitive port and got an answer.
func newPortProbe(b *builder) part {
	ports := b.ports("ports", probedPorts...)
	f := b.fan("sources", "sources", 3, time.Hour)
	f.pick = func(r *record) (fanKey, uint64, bool) {
		if !ports.has(r.port) || r.up || r.rejected || r.packets == 0 || r.proto != protoTCP || r.outbound ||
			r.ev.Traffic.Flags > 0 && r.ev.Traffic.Flags&flagRST != 0 || !intel.Public(r.client) {
			return fanKey{}, 0, false
		}
		return fanKey{A: r.server, Port: r.port}, hashOf(r.client, 0, 0), true
	}
	return f
}

// newSpam counts mail servers that a host talks to.
func newSpam(b *builder) part {
	f := b.fan("mail servers", "hosts", 30, time.Hour)
	f.pick = func(r *record) (fanKey, uint64, bool) {
		if r.port != 25 || !r.up || !r.outbound || r.proto != protoTCP || !intel.Public(r.server) {
			return fanKey{}, 0, false
		}
		return fanKey{A: r.client}, hashOf(r.server, 0, 0), true
	}
	return f
}

// Ports on which mining pools usually listen (Stratum).
var miningPorts = []uint16{3333, 3357, 4444, 5555, 7777, 9999, 14433, 14444, 45560, 45700}

// newMiningPort counts lasting connections to ports of mining pools.
func newMiningPort(b *builder) part {
	ports := b.ports("ports", miningPorts...)
	f := b.fan("windows of connection", "connections", 3, 6*time.Hour)
	f.pick = func(r *record) (fanKey, uint64, bool) {
		if !ports.has(r.port) || !r.up || !r.outbound || r.failed || r.proto != protoTCP || !intel.Public(r.server) {
			return fanKey{}, 0, false
		}
		return fanKey{A: r.client, B: r.server, Port: r.port}, uint64(r.start / 60e6), true
	}
	return f
}
