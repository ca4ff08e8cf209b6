package vpcflow

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura/ocsf"
)

const (
	client = "10.0.0.5"
	server = "192.0.2.7"
	base0  = 1767312000
)

// record is a flow of one window; start counts seconds from base0.
func record(src string, sport int64, dst string, dport, start, bytes, flags int64) *ocsf.Event {
	ev := &ocsf.Event{}
	ev.Reset()
	ev.Time, ev.End = (base0+start)*1e6, (base0+start+60)*1e6
	ev.Device.Interface = "eni-1"
	ev.Src.IP, ev.Src.Port, ev.Dst.IP, ev.Dst.Port = src, sport, dst, dport
	ev.Traffic.Protocol, ev.Traffic.Bytes, ev.Traffic.Packets, ev.Traffic.Flags = 6, bytes, 1, flags
	ev.Action, ev.Traffic.Sampling = "ACCEPT", "OK"
	return ev
}

// brief is what the tests compare.
type brief struct {
	Client     string
	Up, Down   int64
	Records    int
	Start, End int64
}

func briefs(s []Session) []brief {
	var out []brief
	for _, x := range s {
		out = append(out, brief{x.Client.String(), x.Up.Bytes, x.Down.Bytes, x.Up.Records + x.Down.Records, x.Start/1e6 - base0, x.End/1e6 - base0})
	}
	return out
}

func TestSessions(t *testing.T) {
	up := func(start, bytes, flags int64) *ocsf.Event {
		return record(client, 50000, server, 443, start, bytes, flags)
	}
	down := func(start, bytes, flags int64) *ocsf.Event {
		return record(server, 443, client, 50000, start, bytes, flags)
	}
	rejected := up(0, 7, 2)
	rejected.Action = "REJECT"
	otherENI := up(0, 100, 2)
	otherENI.Device.Interface = "eni-2"
	nodata := up(0, 0, 0)
	nodata.Traffic.Sampling = "SKIPDATA"
	hop := up(0, 100, 2)
	hop.Src.IP, hop.Src.Packet = "10.0.9.9", client

	for _, c := range []struct {
		name    string
		in      []*ocsf.Event
		want    []brief
		skipped int
	}{
		{
			"a long connection is one session",
			[]*ocsf.Event{up(0, 100, 2), down(0, 900, 18), up(60, 10, 0), down(60, 20, 0), up(120, 10, 1), down(120, 20, 1)},
			[]brief{{client + ":50000", 120, 940, 6, 0, 180}},
			0,
		},
		{
			"the answer's record may come first",
			[]*ocsf.Event{down(0, 900, 18), up(5, 100, 3)},
			[]brief{{client + ":50000", 100, 900, 2, 0, 65}},
			0,
		},
		{
			"a SYN begins another session",
			[]*ocsf.Event{up(0, 100, 3), down(0, 1, 19), up(60, 50, 2), down(60, 2, 18)},
			[]brief{{client + ":50000", 100, 1, 2, 0, 60}, {client + ":50000", 50, 2, 2, 60, 120}},
			0,
		},
		{
			"another ephemeral port is another session",
			[]*ocsf.Event{up(0, 100, 2), record(client, 50001, server, 443, 60, 100, 2)},
			[]brief{{client + ":50000", 100, 0, 1, 0, 60}, {client + ":50001", 100, 0, 1, 60, 120}},
			0,
		},
		{
			"two windows of silence are one session",
			[]*ocsf.Event{up(0, 1, 0), up(180, 1, 0)},
			[]brief{{client + ":50000", 2, 0, 2, 0, 240}},
			0,
		},
		{
			"more than two windows are not",
			[]*ocsf.Event{up(0, 1, 0), up(181, 1, 0)},
			[]brief{{client + ":50000", 1, 0, 1, 0, 60}, {client + ":50000", 1, 0, 1, 181, 241}},
			0,
		},
		{
			"without a SYN the low port serves",
			[]*ocsf.Event{down(0, 5, 0), up(0, 6, 0)},
			[]brief{{client + ":50000", 6, 5, 2, 0, 60}},
			0,
		},
		{
			"accepted and rejected do not mix",
			[]*ocsf.Event{rejected, up(0, 100, 2)},
			[]brief{{client + ":50000", 7, 0, 1, 0, 60}, {client + ":50000", 100, 0, 1, 0, 60}},
			0,
		},
		{
			"two interfaces saw it: not counted twice in one session",
			[]*ocsf.Event{up(0, 100, 2), otherENI},
			[]brief{{client + ":50000", 100, 0, 1, 0, 60}, {client + ":50000", 100, 0, 1, 0, 60}},
			0,
		},
		{"the packet's address counts", []*ocsf.Event{hop}, []brief{{client + ":50000", 100, 0, 1, 0, 60}}, 0},
		{"no flow, no session", []*ocsf.Event{nodata}, nil, 1},
		{
			"order does not matter",
			[]*ocsf.Event{up(120, 10, 1), down(0, 900, 18), up(0, 100, 2)},
			[]brief{{client + ":50000", 110, 900, 3, 0, 180}},
			0,
		},
	} {
		got, skipped := Sessions(c.in, time.Minute)
		if d := cmp.Diff(c.want, briefs(got), cmpopts.EquateEmpty()); d != "" || skipped != c.skipped {
			t.Errorf("%s: skipped %d\n%s", c.name, skipped, d)
		}
	}
}

// Folding neither loses nor invents a byte, a packet or a record.
func TestSessionsConserve(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var in []*ocsf.Event
		var bytes, packets int64
		for range rapid.IntRange(0, 40).Draw(rt, "n") {
			ends := []string{client, server, "2001:db8::1"}
			ev := record(rapid.SampledFrom(ends).Draw(rt, "src"), rapid.Int64Range(0, 3).Draw(rt, "sp")*500,
				rapid.SampledFrom(ends).Draw(rt, "dst"), rapid.Int64Range(0, 3).Draw(rt, "dp")*500,
				rapid.Int64Range(0, 2000).Draw(rt, "start"), rapid.Int64Range(0, 1000).Draw(rt, "bytes"), rapid.Int64Range(0, 31).Draw(rt, "flags"))
			bytes += ev.Traffic.Bytes
			packets++
			in = append(in, ev)
		}
		sessions, skipped := Sessions(in, time.Minute)
		for _, s := range sessions {
			bytes -= s.Up.Bytes + s.Down.Bytes
			packets -= s.Up.Packets + s.Down.Packets
			if s.End < s.Start || s.Up.Records+s.Down.Records == 0 {
				rt.Errorf("session %+v", s)
			}
		}
		if bytes != 0 || packets != 0 || skipped != 0 {
			rt.Errorf("%d bytes and %d packets lost, %d skipped", bytes, packets, skipped)
		}
	})
}
