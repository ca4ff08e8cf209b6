package flow

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/rule/sigma"
)

const hour = int64(time.Hour / time.Microsecond)

// exfiltration finds hosts that send far more to the outside in an hour than
// they do at this time of the week, or ever did.
type exfiltration struct {
	doc        *sigma.Document
	floor      int64 // bytes an hour below which nothing is said
	learning   int64 // bytes an hour that are said while the host is not known yet
	deviations float64
	samples    int

	Hosts recent[netip.Addr, hostVolume]
	Pairs recent[volumeKey, int64] // bytes of a pair in an hour
}

type volumeKey struct {
	Near, Far netip.Addr
	Hour      int64
}

// hostVolume is what a host sent, hour by hour.
type hostVolume struct {
	Hour  int64 // the open hour
	Bytes int64 // sent in it
	Said  int64
	// Past are log10(bytes+1) of hours gone by, in 0.01, newest last, with the
	// hour of the week of each.
	Past []pastHour
}

type pastHour struct {
	Week  uint8 // hour of the week, 0 to 167
	Log10 int16 // in 0.01
}

// maxHours is how many hours are kept: four weeks.
const maxHours = 4 * 168

func newExfiltration(b *builder) part {
	return &exfiltration{
		doc: b.doc, floor: b.bytes("floor", 1e9), learning: b.bytes("learning_floor", 20e9),
		deviations: b.number("deviations", 5), samples: int(b.number("samples", 48)),
		Hosts: newRecent[netip.Addr, hostVolume](b.groups / 4),
		Pairs: newRecent[volumeKey, int64](b.groups),
	}
}

func (e *exfiltration) state() any {
	return &struct {
		Hosts *recent[netip.Addr, hostVolume]
		Pairs *recent[volumeKey, int64]
	}{&e.Hosts, &e.Pairs}
}

func (e *exfiltration) flow(d *Detector, r *record) {
	if r.empty || r.rejected || r.src != r.near || r.internal || r.ev.Dst.Service != "" || !intel.Public(r.far) {
		return
	}
	at := r.start / hour
	h := e.Hosts.at(r.near)
	if returns(r.start, h.Hour*hour) {
		*h = hostVolume{}
	}
	if at > h.Hour {
		h.turn(at)
	}
	if at < h.Hour {
		return // late by an hour or more: the hour is closed, and sums are not reopened
	}
	h.Bytes += r.bytes
	if r.bytes >= e.floor/1000 { // small talk cannot be the bulk of it
		*e.Pairs.at(volumeKey{r.near, r.far, at}) += r.bytes
	}
	if h.Bytes < e.floor || h.Bytes < 2*h.Said {
		return
	}
	z, median, known := h.score(at, e.samples)
	switch {
	case known && z < e.deviations:
		return
	case !known && h.Bytes < e.learning:
		return
	}
	e.report(d, r, h, z, median, known)
	h.Said = h.Bytes
}

func (e *exfiltration) report(d *Detector, r *record, h *hostVolume, z, median float64, known bool) {
	out := finding(e.doc, r.ev, "vpcflow", r.host())
	out.Related = []yagura.Entity{{Type: "address", ID: r.far.String()}}
	out.Facts = []yagura.Fact{
		{Name: "bytes this hour", Value: fmt.Sprint(h.Bytes)},
		{Name: "address", Value: r.far.String()},
		{Name: "bytes to this address", Value: fmt.Sprint(*e.Pairs.at(volumeKey{r.near, r.far, h.Hour}))},
	}
	if known {
		out.Facts = append(out.Facts, yagura.Fact{Name: "deviations", Value: fmt.Sprintf("%.1f", z)},
			yagura.Fact{Name: "usual bytes an hour", Value: fmt.Sprintf("%.0f", math.Pow(10, median)-1)})
	} else {
		out.Facts = append(out.Facts, yagura.Fact{Name: "still learning", Value: fmt.Sprintf("%d of %d hours", len(h.Past), e.samples)})
	}
	d.out(out)
}

// turn closes the open hour. Hours in which nothing was sent count as zero, as
// far as they are kept.
func (h *hostVolume) turn(to int64) {
	if h.Hour != 0 {
		h.push(h.Hour, h.Bytes)
		for silent := max(h.Hour+1, to-maxHours); silent < to; silent++ {
			h.push(silent, 0)
		}
	}
	h.Hour, h.Bytes, h.Said = to, 0, 0
}

func (h *hostVolume) push(at, bytes int64) {
	if len(h.Past) >= maxHours {
		h.Past = h.Past[1:]
	}
	h.Past = append(h.Past, pastHour{uint8(at % 168), int16(math.Round(100 * math.Log10(float64(bytes)+1)))})
}

// score compares the open hour with the past: with the same hour of the week
// when at least four are known, else with all hours. z is
// 0.6745 (x - median) / MAD of log10(bytes + 1), the modified z-score of
// Iglewicz and Hoaglin; a MAD below 0.1 counts as 0.1.
func (h *hostVolume) score(at int64, samples int) (z, median float64, known bool) {
	if len(h.Past) < samples {
		return 0, 0, false
	}
	var same, all []float64
	for _, p := range h.Past {
		v := float64(p.Log10) / 100
		all = append(all, v)
		if int64(p.Week) == at%168 {
			same = append(same, v)
		}
	}
	if len(same) >= 4 {
		all = same
	}
	slices.Sort(all)
	median = quantile(all, 0.5)
	z = 0.6745 * (math.Log10(float64(h.Bytes)+1) - median) / max(0.1, mad(all, median))
	return z, median, true
}

// longConnection finds connections that stay open very long.
type longConnection struct {
	doc   *sigma.Document
	least int64
	Open  recent[connKey, connSpan]
}

type connKey struct {
	Near, Far       netip.Addr
	Port, Ephemeral uint16
}

type connSpan struct {
	First, Last int64
	Bytes       int64
	Said        bool
	Ref         yagura.EventRef
}

func newLongConnection(b *builder) part {
	return &longConnection{doc: b.doc, least: b.span("duration", 12*time.Hour), Open: newRecent[connKey, connSpan](b.groups)}
}

func (l *longConnection) state() any { return &l.Open }

func (l *longConnection) flow(d *Detector, r *record) {
	const gap = 2 * 10 * 60 * 1_000_000 // two windows of 10 minutes
	if r.empty || r.rejected || r.failed || r.internal || r.proto != protoTCP || r.ev.Dst.Service != "" || r.ev.Src.Service != "" {
		return
	}
	key := connKey{r.near, r.far, r.port, r.ephemeral}
	c := l.Open.get(key)
	if c == nil {
		if r.ev.Traffic.Flags&flagFIN != 0 && r.ev.Traffic.Flags > 0 {
			return // it ended within its first window
		}
		c = l.Open.at(key)
	}
	if c.First == 0 || r.start-c.Last > gap || returns(r.start, c.Last) {
		*c = connSpan{First: r.start, Ref: ref("vpcflow", r.ev)}
	}
	c.Last = max(c.Last, r.end)
	c.Bytes += r.bytes
	if c.Said || c.Last-c.First < l.least {
		return
	}
	c.Said = true
	out := finding(l.doc, r.ev, "vpcflow", r.host())
	out.First = c.First
	out.Events = []yagura.EventRef{c.Ref, ref("vpcflow", r.ev)}
	out.Related = []yagura.Entity{{Type: "address", ID: r.far.String()}}
	out.Facts = []yagura.Fact{
		{Name: "duration", Value: time.Duration((c.Last - c.First) * 1000).Round(time.Minute).String()},
		{Name: "bytes", Value: fmt.Sprint(c.Bytes)},
		{Name: "address", Value: r.far.String()}, {Name: "port", Value: fmt.Sprint(r.port)},
	}
	d.out(out)
}
