package flow

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// threatList finds traffic with addresses on threat lists.
type threatList struct {
	doc       *sigma.Document
	kinds     []string
	direction string // any, outbound, inbound
	none      nothing
}

func newThreatList(b *builder) part {
	return &threatList{
		doc: b.doc, kinds: b.words("kinds", []string{"threat", "c2"}),
		direction: b.word("direction", "any", "outbound", "inbound"),
	}
}

func (l *threatList) state() any { return &l.none }

func (l *threatList) flow(d *Detector, r *record) {
	if r.empty || l.direction == "outbound" && !r.outbound || l.direction == "inbound" && r.outbound {
		return
	}
	lists := d.lists()
	if !lists.Has(r.far) {
		return
	}
	match := listed(d, lists.Address(r.far), l.kinds)
	if match == nil {
		return
	}
	out := finding(l.doc, r.ev, "vpcflow", r.host())
	out.Related = []yagura.Entity{{Type: "address", ID: r.far.String()}}
	out.Facts = append(listFacts(match, r.ev), yagura.Fact{Name: "address", Value: r.far.String()},
		yagura.Fact{Name: "port", Value: fmt.Sprint(r.port)}, yagura.Fact{Name: "bytes", Value: fmt.Sprint(r.bytes)})
	switch {
	case r.rejected || r.failed: // it did not come about
		out.Attempt = true
		out.Severity = min(out.Severity, yagura.Low)
	case !r.outbound && l.direction == "any":
		out.Severity = min(out.Severity, yagura.Medium) // anybody may knock
	}
	d.out(out)
}

// listed gives the match on a list of a kind, unless a trusted list holds the
// same thing: that is counted.
func listed(d *Detector, matches []intel.Match, kinds []string) (found *intel.Match) {
	for i := range matches {
		if slices.Contains(kinds, matches[i].List.Kind) && found == nil {
			found = &matches[i]
		}
	}
	for _, m := range matches {
		if found != nil && m.List.Trusted() {
			d.trusted[m.List.Name]++
			return nil
		}
	}
	return found
}

// listFacts name list, source and age.
func listFacts(m *intel.Match, ev *ocsf.Event) []yagura.Fact {
	out := []yagura.Fact{{Name: "list", Value: m.List.Name}, {Name: "indicator", Value: m.Indicator}}
	if m.List.Source != "" {
		out = append(out, yagura.Fact{Name: "list source", Value: m.List.Source})
	}
	if age := m.List.Age(time.UnixMicro(ev.Time)); age > 0 {
		out = append(out, yagura.Fact{Name: "list age", Value: fmt.Sprintf("%.0f days", age.Hours()/24)})
	}
	return out
}

// gap reports that flows were not recorded.
type gap struct {
	doc  *sigma.Document
	none nothing
}

func newGap(b *builder) part { return &gap{doc: b.doc} }

func (g *gap) state() any { return &g.none }

func (g *gap) flow(d *Detector, r *record) {
	if !r.gap {
		return
	}
	out := finding(g.doc, r.ev, "vpcflow", yagura.Entity{Type: "interface", ID: r.ev.Device.Interface, Account: r.ev.Account})
	out.Facts = []yagura.Fact{{Name: "not recorded", Value: time.Duration((r.end - r.start) * 1000).String()}}
	d.out(out)
}

// firstUse is when a group of hosts used things first: ports, resolvers.
type firstUse struct {
	Since int64 // first record of the group
	Uses  map[uint64]int64
}

// maxUses bounds what is remembered of a group.
const maxUses = 4096

// see tells whether the use is new to a group that is known for as long as
// learn. learning says that the group is too young to tell.
func (u *firstUse) see(use uint64, at, learn int64) (fresh, learning bool) {
	if u.Uses == nil {
		u.Since, u.Uses = at, map[uint64]int64{}
	}
	u.Since = min(u.Since, at)
	first, known := u.Uses[use]
	if known || len(u.Uses) < maxUses {
		u.Uses[use] = max(first, at)
	}
	if known {
		return false, false
	}
	return at-u.Since >= learn && len(u.Uses) < maxUses, at-u.Since < learn
}

// unusualPort finds hosts that connect to a port outside which they never used.
type unusualPort struct {
	doc   *sigma.Document
	learn int64
	Hosts recent[netip.Addr, firstUse]
}

func newUnusualPort(b *builder) part {
	return &unusualPort{doc: b.doc, learn: b.span("learn", 7*24*time.Hour), Hosts: newRecent[netip.Addr, firstUse](b.groups / 4)}
}

func (u *unusualPort) state() any { return &u.Hosts }

func (u *unusualPort) flow(d *Detector, r *record) {
	if r.empty || r.failed || !r.up || !r.outbound || r.internal || r.port == 0 || r.port >= 32768 || r.ev.Dst.Service != "" {
		return
	}
	fresh, _ := u.Hosts.at(r.near).see(uint64(r.port)<<8|uint64(r.proto&0xff), r.start, u.learn)
	if !fresh {
		return
	}
	out := finding(u.doc, r.ev, "vpcflow", r.host())
	out.Related = []yagura.Entity{{Type: "address", ID: r.far.String()}}
	out.Facts = []yagura.Fact{{Name: "port", Value: fmt.Sprint(r.port)}, {Name: "address", Value: r.far.String()}}
	d.out(out)
}

// resolver finds hosts that ask name servers outside the VPC: plainly, over
// HTTPS or over TLS.
type resolver struct {
	doc  *sigma.Document
	kind string // dns, doh, dot

	learn int64
	Nets  recent[string, firstUse] // by VPC, else account
}

func newResolver(b *builder) part {
	return &resolver{
		doc: b.doc, kind: b.word("kind", "dns", "doh", "dot"), learn: b.span("learn", 7*24*time.Hour),
		Nets: newRecent[string, firstUse](b.groups / 8),
	}
}

func (u *resolver) state() any { return &u.Nets }

// publicResolvers are well-known resolvers that also speak HTTPS.
var publicResolvers = addresses("1.1.1.1", "1.0.0.1", "1.1.1.2", "1.1.1.3", "8.8.8.8", "8.8.4.4", "9.9.9.9", "149.112.112.112",
	"9.9.9.10", "208.67.222.222", "208.67.220.220", "94.140.14.14", "94.140.15.15", "185.228.168.9", "76.76.2.0", "76.76.10.0",
	"2606:4700:4700::1111", "2606:4700:4700::1001", "2001:4860:4860::8888", "2001:4860:4860::8844", "2620:fe::fe", "2620:fe::9")

func addresses(texts ...string) map[netip.Addr]bool {
	out := map[netip.Addr]bool{}
	for _, t := range texts {
		out[netip.MustParseAddr(t)] = true
	}
	return out
}

func (u *resolver) flow(d *Detector, r *record) {
	if r.empty || r.failed || !r.up || !r.outbound || r.internal {
		return
	}
	switch u.kind {
	case "dns":
		if r.port != 53 {
			return
		}
	case "dot":
		if r.port != 853 {
			return
		}
	case "doh":
		if r.port != 443 || !publicResolvers[r.far] {
			return
		}
	}
	net := r.ev.Device.VPC
	if net == "" {
		net = r.ev.Account
	}
	fresh, learning := u.Nets.at(net).see(hashOf(r.far, r.port, 0), r.start, u.learn)
	if !fresh && !learning {
		return
	}
	out := finding(u.doc, r.ev, "vpcflow", r.host())
	if learning { // nobody knows yet what is usual here
		out.Severity = min(out.Severity, yagura.Low)
		out.Facts = append(out.Facts, yagura.Fact{Name: "still learning", Value: net})
	}
	out.Related = []yagura.Entity{{Type: "address", ID: r.far.String()}}
	out.Facts = append(out.Facts, yagura.Fact{Name: "resolver", Value: r.far.String()}, yagura.Fact{Name: "port", Value: fmt.Sprint(r.port)})
	d.out(out)
}
