package flow

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// fanKey is whom a fan is counted for.
type fanKey struct {
	A, B netip.Addr
	Port uint16
}

// fan counts distinct things (ports, hosts, attempts) for a key in a sliding
// window of event time. A record that comes late counts in the windows that
// hold its time.
type fan struct {
	doc       *sigma.Document
	window    int64 // µs
	threshold int
	what      string // that is counted, for the fact
	// pick says for whom the record counts and as what; false: not at all.
	pick func(r *record) (fanKey, uint64, bool)
	// quieter says that a match matters less than the document's level.
	quieter func(r *record) bool
	// about gives the other end for the finding; the subject is the near host
	// unless scanner says that it is the address that did it.
	scanner bool
	Groups  recent[fanKey, fanGroup]
}

// fanGroup is what was seen of one key. Items are in order of time.
type fanGroup struct {
	Items []fanItem
	Said  int   // items already reported
	Until int64 // a report belongs to a window that ends here
	Refs  []yagura.EventRef
}

type fanItem struct {
	Hash uint64
	At   int64
}

// maxItems bounds a group; a scan of more is reported with "at least".
const maxItems = 1024

func (f *fan) state() any { return &f.Groups }

func (f *fan) flow(d *Detector, r *record) {
	if r.empty {
		return
	}
	key, item, ok := f.pick(r)
	if !ok {
		return
	}
	g := f.Groups.at(key)
	if !g.add(item, r.start, f.window) {
		return
	}
	if len(g.Refs) < 20 {
		g.Refs = append(g.Refs, ref("vpcflow", r.ev))
	}
	if len(g.Items) < f.threshold {
		return
	}
	n, from := g.most(r.start, f.window)
	if r.start > g.Until {
		g.Said = 0
	}
	// Once at the threshold, then each time it has doubled.
	if n < f.threshold || g.Said > 0 && n < 2*g.Said {
		return
	}
	f.report(d, r, g, n, from)
	g.Said, g.Until = n, from+f.window
}

func (f *fan) report(d *Detector, r *record, g *fanGroup, n int, from int64) {
	subject := r.host()
	other := yagura.Entity{Type: "address", ID: r.far.String()}
	if f.scanner {
		subject, other = yagura.Entity{Type: "address", ID: r.far.String()}, subject
	}
	out := finding(f.doc, r.ev, "vpcflow", subject)
	out.Related = []yagura.Entity{other}
	out.Count = int64(n - g.Said)
	out.First = from
	out.Events = slices.Clone(g.Refs)
	if f.quieter != nil && f.quieter(r) && out.Severity > yagura.Low {
		out.Severity = yagura.Low
	}
	out.Facts = []yagura.Fact{
		{Name: f.what, Value: count(n)},
		{Name: "window", Value: time.Duration(f.window * 1000).String()},
		{Name: "address", Value: r.far.String()},
		{Name: "port", Value: fmt.Sprint(r.port)},
	}
	d.out(out)
}

func count(n int) string {
	if n >= maxItems {
		return fmt.Sprintf("at least %d", n)
	}
	return fmt.Sprint(n)
}

// add puts an item where its time belongs and drops what is older than two
// windows before the youngest. An item that is there is moved to the later of
// its times. It reports whether the item is new.
func (g *fanGroup) add(hash uint64, at, window int64) bool {
	if n := len(g.Items); n > 0 && returns(at, g.Items[n-1].At) {
		*g = fanGroup{}
	}
	for i := range g.Items {
		if g.Items[i].Hash == hash {
			if at > g.Items[i].At && at-g.Items[i].At > window/2 {
				g.Items = slices.Delete(g.Items, i, i+1)
				break
			}
			return false
		}
	}
	i := len(g.Items)
	for i > 0 && g.Items[i-1].At > at {
		i--
	}
	if len(g.Items) >= maxItems {
		if i == 0 {
			return false
		}
		g.Items = slices.Delete(g.Items, 0, 1)
		i--
	}
	g.Items = slices.Insert(g.Items, i, fanItem{hash, at})
	old := 0
	for youngest := g.Items[len(g.Items)-1].At; g.Items[old].At < youngest-2*window; {
		old++
	}
	if old > 0 {
		g.Items = slices.Delete(g.Items, 0, old)
		g.Refs = nil
	}
	return true
}

// most gives the largest number of items in a window that holds at, and that
// window's begin.
func (g *fanGroup) most(at, window int64) (n int, from int64) {
	lo := 0
	for hi := range g.Items {
		for g.Items[hi].At-g.Items[lo].At > window {
			lo++
		}
		first, last := g.Items[lo].At, g.Items[hi].At
		if k := hi - lo + 1; k > n && first <= at && at <= first+window && last <= first+window {
			n, from = k, first
		}
	}
	return n, from
}

// hashOf is equal in every process, unlike the hash of a map, because it is part of the
// saved state.
func hashOf(a netip.Addr, p, q uint16) uint64 {
	b := a.As16()
	lo := binary.LittleEndian.Uint64(b[:8]) ^ uint64(p)<<32 ^ uint64(q)
	return mix(lo*0x9e3779b97f4a7c15 ^ mix(binary.LittleEndian.Uint64(b[8:])))
}

// mix is the finaliser of SplitMix64 (https://prng.di.unimi.it/splitmix64.c).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
