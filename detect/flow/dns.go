package flow

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// nameList finds queries for names on threat lists, and answers that lead to
// addresses on them.
type nameList struct {
	doc   *sigma.Document
	kinds []string
	none  nothing
}

func newNameList(b *builder) part {
	return &nameList{doc: b.doc, kinds: b.words("kinds", []string{"threat", "c2"})}
}

func (l *nameList) state() any { return &l.none }

func (l *nameList) name(d *Detector, q *query) {
	lists := d.lists()
	matches := lists.Domain(q.name)
	for _, answer := range q.ev.DNS.Answers {
		if a, err := netip.ParseAddr(answer); err == nil && lists.Has(a) {
			matches = append(matches, lists.Address(a)...)
		}
	}
	m := listed(d, matches, l.kinds)
	if m == nil {
		return
	}
	out := finding(l.doc, q.ev, "route53", q.subject())
	out.Related = []yagura.Entity{{Type: "domain", ID: q.name}}
	out.Facts = append(listFacts(m, q.ev), yagura.Fact{Name: "name", Value: q.name})
	if q.ev.Action == "BLOCK" {
		out.Attempt, out.Severity = true, min(out.Severity, yagura.Low)
	}
	d.out(out)
}

// nameWords finds queries for domains that the document names: mining pools,
// services for tunnels.
type nameWords struct {
	doc   *sigma.Document
	names map[string]bool
	none  nothing
}

func newNameWords(b *builder) part {
	n := &nameWords{doc: b.doc, names: map[string]bool{}}
	for _, w := range b.words("names", nil) {
		n.names[w] = true
	}
	if len(n.names) == 0 {
		b.bad("names", "nothing", "a list of domains")
	}
	return n
}

func (n *nameWords) state() any { return &n.none }

func (n *nameWords) name(d *Detector, q *query) {
	for name := q.name; name != ""; {
		if n.names[name] {
			out := finding(n.doc, q.ev, "route53", q.subject())
			out.Related = []yagura.Entity{{Type: "domain", ID: q.name}}
			out.Facts = []yagura.Fact{{Name: "name", Value: q.name}}
			if q.ev.Action == "BLOCK" {
				out.Attempt, out.Severity = true, min(out.Severity, yagura.Low)
			}
			d.out(out)
			return
		}
		_, name, _ = strings.Cut(name, ".")
	}
}

// rebind finds public names that answer with the metadata address.
type rebind struct {
	doc  *sigma.Document
	none nothing
}

func newRebind(b *builder) part { return &rebind{doc: b.doc} }

func (r *rebind) state() any { return &r.none }

// metadataNames lead to the metadata address by their nature.
var metadataNames = map[string]bool{"instance-data": true, "instance-data.ec2.internal": true}

func (r *rebind) name(d *Detector, q *query) {
	if metadataNames[q.name] || strings.HasSuffix(q.name, ".in-addr.arpa") {
		return
	}
	for _, a := range q.ev.DNS.Answers {
		if a == "169.254.169.254" || strings.EqualFold(a, "fd00:ec2::254") || a == "169.254.170.2" {
			out := finding(r.doc, q.ev, "route53", q.subject())
			out.Related = []yagura.Entity{{Type: "domain", ID: q.name}}
			out.Facts = []yagura.Fact{{Name: "name", Value: q.name}, {Name: "answer", Value: a}}
			d.out(out)
			return
		}
	}
}

// nameKey is a host and a registered domain.
type nameKey struct{ Host, Domain string }

// tunnel finds many long names under one domain: data in the questions.
type tunnel struct {
	doc    *sigma.Document
	names  int
	window int64
	length int // mean length of what stands before the domain
	Pairs  recent[nameKey, tunnelPair]
}

type tunnelPair struct {
	Group  fanGroup
	Length int64 // sum over the names
	Bits   float64
	Names  int64
}

func newTunnel(b *builder) part {
	return &tunnel{
		doc: b.doc, names: int(b.number("names", 100)), window: b.span("window", time.Hour),
		length: int(b.number("length", 30)), Pairs: newRecent[nameKey, tunnelPair](b.groups),
	}
}

func (t *tunnel) state() any { return &t.Pairs }

// Domains under which machines make up long names all day.
var machineNames = map[string]bool{"amazonaws.com": true, "in-addr.arpa": true, "ip6.arpa": true, "compute.internal": true, "ec2.internal": true, "cloudfront.net": true}

func (t *tunnel) name(d *Detector, q *query) {
	before := strings.TrimSuffix(strings.TrimSuffix(q.name, q.domain), ".")
	if len(before) < t.length/2 || machineNames[q.domain] {
		return
	}
	p := t.Pairs.at(nameKey{q.host, q.domain})
	if !p.Group.add(textHash(before), q.time, t.window) {
		return
	}
	p.Names++
	p.Length += int64(len(before))
	p.Bits += entropy(before)
	if len(p.Group.Refs) < 20 {
		p.Group.Refs = append(p.Group.Refs, ref("route53", q.ev))
	}
	if len(p.Group.Items) < t.names {
		return
	}
	n, from := p.Group.most(q.time, t.window)
	if q.time > p.Group.Until {
		p.Group.Said = 0
	}
	mean, bits := float64(p.Length)/float64(p.Names), p.Bits/float64(p.Names)
	if n < t.names || p.Group.Said > 0 && n < 2*p.Group.Said || mean < float64(t.length) || bits < 3 {
		return
	}
	out := finding(t.doc, q.ev, "route53", q.subject())
	out.Related = []yagura.Entity{{Type: "domain", ID: q.domain}}
	out.First, out.Count = from, int64(n-p.Group.Said)
	out.Events = append([]yagura.EventRef(nil), p.Group.Refs...)
	out.Facts = []yagura.Fact{
		{Name: "domain", Value: q.domain}, {Name: "names", Value: count(n)},
		{Name: "mean length", Value: fmt.Sprintf("%.0f", mean)}, {Name: "bits a character", Value: fmt.Sprintf("%.1f", bits)},
		{Name: "last name", Value: q.name},
	}
	p.Group.Said, p.Group.Until = n, from+t.window
	d.out(out)
}

// textHash is FNV-1a: equal in every process.
func textHash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// entropy is Shannon's, in bits a character.
func entropy(s string) float64 {
	var n [256]int
	for i := range len(s) {
		n[s[i]]++
	}
	bits := 0.0
	for _, k := range n {
		if k > 0 {
			p := float64(k) / float64(len(s))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}

// generated finds hosts that ask for many made-up names that do not exist.
type generated struct {
	doc    *sigma.Document
	names  int
	window int64
	Hosts  recent[string, fanGroup]
}

func newGenerated(b *builder) part {
	return &generated{
		doc: b.doc, names: int(b.number("names", 10)), window: b.span("window", time.Hour),
		Hosts: newRecent[string, fanGroup](b.groups / 4),
	}
}

func (g *generated) state() any { return &g.Hosts }

func (g *generated) name(d *Detector, q *query) {
	if q.ev.DNS.Code != "NXDOMAIN" || machineNames[q.domain] || !strings.Contains(q.domain, ".") {
		return
	}
	label, _, _ := strings.Cut(q.domain, ".")
	if !madeUp(label) {
		return
	}
	h := g.Hosts.at(q.host)
	if !h.add(textHash(q.domain), q.time, g.window) {
		return
	}
	if len(h.Refs) < 20 {
		h.Refs = append(h.Refs, ref("route53", q.ev))
	}
	if len(h.Items) < g.names {
		return
	}
	n, from := h.most(q.time, g.window)
	if q.time > h.Until {
		h.Said = 0
	}
	if n < g.names || h.Said > 0 && n < 2*h.Said {
		return
	}
	out := finding(g.doc, q.ev, "route53", q.subject())
	out.Related = []yagura.Entity{{Type: "domain", ID: q.domain}}
	out.First, out.Count = from, int64(n-h.Said)
	out.Events = append([]yagura.EventRef(nil), h.Refs...)
	out.Facts = []yagura.Fact{{Name: "names that do not exist", Value: count(n)}, {Name: "last name", Value: q.domain}}
	h.Said, h.Until = n, from+g.window
	d.out(out)
}

// commonPairs are pairs of letters that words in Latin letters are made of, by
// general knowledge of English and romanised names.
const commonPairs = " th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic ne ea ra ce li ch ll be ma si om ur " +
	"ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh ir su id os iv ia am fi ci vi pl ig tu ev ld ry mp fe bl ab gh ty op wo sa ay ex ke ui fr oo bo ap bi ag av ki ko ku mu ru sc sk sp ck da do du ga go gu ja jo ka lu pi pu qu sy ub um up va vo yo za zo ya yu hu hy ny my by ph rk rd rm rn rc rl nk gr br cr dr gl cl fl ft lt nn mm pp tt ff gg dd bb rr cc "

// madeUp says that a label looks generated: long, and of few pairs that words
// have, or of letters and digits mixed.
func madeUp(label string) bool {
	if len(label) < 10 || strings.HasPrefix(label, "xn--") || strings.Contains(label, "-") {
		return false
	}
	pairs, common, changes := 0, 0, 0
	for i := 1; i < len(label); i++ {
		a, b := label[i-1], label[i]
		if digit(a) != digit(b) {
			changes++
		}
		if digit(a) || digit(b) {
			continue
		}
		pairs++
		if strings.Contains(commonPairs, " "+label[i-1:i+1]+" ") {
			common++
		}
	}
	return changes >= 4 || pairs >= 6 && float64(common) < 0.62*float64(pairs) && entropy(label) >= 2.8
}

func digit(b byte) bool { return '0' <= b && b <= '9' }
