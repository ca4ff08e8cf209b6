package digest

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

type chainID struct {
	area
	trail, home string
	backfill    bool
}

// links is the outcome of following the chains.
type links struct {
	options  Options
	byKey    map[string]*node
	chains   []Chain
	named    map[string]bool   // keys that some digest names as previous
	missing  map[string]Object // digests named as previous that the copy lacks
	coverage map[area][]span
	notices  []Notice
}

// follow checks every link of every chain. It changes the verdicts of nodes.
func follow(byKey map[string]*node, o Options) *links {
	l := &links{options: o, byKey: byKey, named: map[string]bool{}, missing: map[string]Object{}, coverage: map[area][]span{}}
	groups := map[chainID][]*node{}
	for _, n := range byKey {
		if n.d != nil && !n.d.starting() {
			l.named[locate(n.root, n.d.Object, n.d.PreviousObject)] = true
		}
		id := chainID{n.area, n.trail, n.home, n.backfill}
		groups[id] = append(groups[id], n)
	}
	for id, nodes := range groups {
		slices.SortFunc(nodes, func(a, b *node) int {
			return cmp.Or(a.made().Compare(b.made()), strings.Compare(a.key, b.key))
		})
		l.chains = append(l.chains, l.chain(id, nodes))
	}
	// A digest may be rejected by a successor in another chain group, so counts come last.
	for i := range l.chains {
		c := &l.chains[i]
		for _, n := range groups[c.id()] {
			if n.res.Status == valid {
				c.Valid++
			}
		}
	}
	slices.SortFunc(l.chains, compareChains)
	for a, spans := range l.coverage {
		l.coverage[a] = merge(spans)
	}
	return l
}

func (c *Chain) id() chainID {
	return chainID{area{c.Root, c.Organization, c.Account, c.Region}, c.Trail, c.HomeRegion, c.Backfill}
}

func compareChains(a, b Chain) int {
	order := 0
	if a.Backfill != b.Backfill {
		order = -1
		if a.Backfill {
			order = 1
		}
	}
	return cmp.Or(strings.Compare(a.Root, b.Root), strings.Compare(a.Organization, b.Organization), strings.Compare(a.Account, b.Account),
		strings.Compare(a.Region, b.Region), strings.Compare(a.Trail, b.Trail), strings.Compare(a.HomeRegion, b.HomeRegion), order)
}

// ends is the end of the digest's hour: from its content, else from its name.
func (n *node) ends() time.Time {
	if n.d != nil {
		return n.d.End
	}
	return n.at
}

// made is what orders a chain: hours in a main chain, but a backfill digest comes when it was generated, in any order of hours.
func (n *node) made() time.Time {
	if n.backfill && !n.seal.generated.IsZero() {
		return n.seal.generated
	}
	return n.ends()
}

func (l *links) chain(id chainID, nodes []*node) Chain {
	c := Chain{
		Root: id.root, Organization: id.organization, Account: id.account, Region: id.region, Trail: id.trail, HomeRegion: id.home,
		Backfill: id.backfill, Digests: len(nodes), Gaps: []Notice{},
	}
	for i, n := range nodes {
		if !id.backfill {
			l.cover(n)
		}
		if n.d == nil {
			continue
		}
		if c.First.IsZero() || n.d.Start.Before(c.First) {
			c.First = n.d.Start
		}
		if n.d.End.After(c.Last) {
			c.Last = n.d.End
		}
		if len(n.d.LogFiles) == 0 {
			c.Empty++
		}
		var earlier *node
		if i > 0 {
			earlier = nodes[i-1]
		}
		l.back(&c, n, earlier)
		if earlier != nil {
			l.skipped(n, earlier)
		}
	}
	l.ends(&c, nodes)
	return c
}

// cover notes the hours that a digest speaks for. A digest that cannot be parsed speaks for the hour its name ends.
func (l *links) cover(n *node) {
	switch {
	case n.d != nil:
		l.coverage[n.area] = append(l.coverage[n.area], span{n.d.Start, n.d.End})
	case !n.at.IsZero():
		l.coverage[n.area] = append(l.coverage[n.area], span{n.at.Add(-time.Hour), n.at})
	}
}

// back follows a digest to the one before it.
func (l *links) back(c *Chain, n, earlier *node) {
	if n.d.starting() {
		l.start(c, n, earlier)
		return
	}
	key := locate(n.root, n.d.Object, n.d.PreviousObject)
	p := l.byKey[key]
	if p != nil && key != n.key {
		compare(n, p)
		if p.d != nil && !c.Backfill && n.d.Start.After(p.d.End) {
			l.gap(c, n, p.d.End, "no digest is for the time from "+stamp(p.d.End)+" to "+stamp(n.d.Start)+", though the chain goes on")
		}
		return
	}
	said := quote(n.d.PreviousBucket + "/" + n.d.PreviousObject)
	if n.res.Status == valid && (key == "" || n.d.PreviousBucket != n.d.Bucket) {
		l.notices = append(l.notices, Notice{
			Code: "previous_elsewhere", Key: n.key, To: n.d.Start,
			Detail: "the chain goes on in another place, " + said + ", which is not in this copy; nothing earlier was judged",
		})
		return
	}
	if key == "" {
		key = n.d.PreviousObject
	}
	previous, _ := parsePlace(key)
	if from := l.options.From; !from.IsZero() && !previous.at.IsZero() && previous.at.Before(from) {
		l.notices = append(l.notices, Notice{Code: "before_range", Key: n.key, To: n.d.Start, Detail: "the chain goes on before the time range, at " + said})
		return
	}
	if _, ok := l.missing[key]; !ok {
		c.Missing++
		l.missing[key] = Object{
			Key: key, Kind: kindDigest,
			Result: result(invalid, "missing", "%s is named as the previous digest by %s but is not in the copy", said, quote(n.key)),
		}
	}
	if !c.Backfill {
		if earlier != nil && earlier.ends().Before(n.d.Start) { // More than the one digest named may be gone.
			l.gap(c, n, earlier.ends(), "no digest in the copy is for the time from "+stamp(earlier.ends())+" to "+stamp(n.d.Start)+"; there were some")
		}
		hole := span{previous.at.Add(-time.Hour), n.d.Start}
		if earlier != nil && earlier.ends().Before(hole.from) || previous.at.IsZero() {
			hole.from = n.d.Start
			if earlier != nil {
				hole.from = earlier.ends()
			}
		}
		l.coverage[n.area] = append(l.coverage[n.area], hole)
	}
}

// start notes the beginning of a chain, and the hours before it that no digest speaks for.
func (l *links) start(c *Chain, n, earlier *node) {
	if earlier == nil || c.Backfill {
		l.notices = append(l.notices, Notice{
			Code: "start", Key: n.key, From: n.d.Start,
			Detail: "the chain starts at " + stamp(n.d.Start) + "; nothing earlier is proved by it",
		})
		return
	}
	l.gap(c, n, earlier.ends(), "the chain starts again at "+stamp(n.d.Start)+"; nothing from "+stamp(earlier.ends())+
		" to then is proved: logging or validation was off, or the trail was made anew")
}

func (l *links) gap(c *Chain, n *node, from time.Time, detail string) {
	gap := Notice{Code: "gap", Key: n.key, From: from, To: n.d.Start, Detail: detail}
	c.Gaps = append(c.Gaps, gap)
	l.notices = append(l.notices, gap)
}

// compare checks the link from a digest to the previous one. When they differ, the one whose signature does not fit is to blame; when
// that does not tell, the earlier one, for its successor speaks about it.
func compare(n, p *node) {
	if p.sum == "" {
		return // Not readable, and reported as such.
	}
	blame, other := p, n
	if p.res.Status == valid && n.res.Status != valid {
		blame, other = n, p
	}
	switch {
	case n.d.previousAlgo != "" && n.d.previousAlgo != hashAlgorithm:
		n.reject("wrong_algorithm", "names its previous digest with hash algorithm %s, want %s", quote(n.d.previousAlgo), hashAlgorithm)
	case !sameHex(n.d.PreviousSHA256, p.sum):
		blame.reject("chain_hash", "the link between %s and this digest does not hold: stated SHA-256 %s, found %s", quote(other.key),
			quote(n.d.PreviousSHA256), p.sum)
	case p.d != nil && n.d.PreviousBucket != p.d.Bucket:
		blame.reject("moved", "the link between %s and this digest does not hold: stated bucket %s, found %s", quote(other.key),
			quote(n.d.PreviousBucket), quote(p.d.Bucket))
	case p.seal.signature != "" && !sameHex(n.d.PreviousSignature, p.seal.signature):
		blame.reject("chain_signature", "the link between %s and this digest does not hold: the signature stated is not that in the metadata", quote(other.key))
	}
}

// skipped rejects a digest that the next one in time passes over: it names an earlier or another one as previous.
func (l *links) skipped(n, earlier *node) {
	if n.d.starting() || l.named[earlier.key] || n.res.Status == invalid || n.d.PreviousBucket != n.d.Bucket {
		return
	}
	key := locate(n.root, n.d.Object, n.d.PreviousObject)
	if key == "" || key == earlier.key {
		return
	}
	previous, ok := parsePlace(key)
	if ok && !previous.at.IsZero() && !previous.at.After(earlier.ends()) {
		earlier.reject("unlinked", "the next digest %s names %s as its previous one and passes over this one", quote(n.key), quote(key))
	}
}

// ends notes what of the time range a chain does not reach.
func (l *links) ends(c *Chain, nodes []*node) {
	o, last := l.options, nodes[len(nodes)-1]
	if c.Last.IsZero() || c.Backfill {
		return
	}
	if !o.From.IsZero() && c.First.After(o.From) {
		l.notices = append(l.notices, Notice{Code: "starts_late", Key: nodes[0].key, From: o.From, To: c.First, Detail: "the chain's digests begin after the start of the time range"})
	}
	if !o.To.IsZero() && c.Last.Before(o.To) {
		l.notices = append(l.notices, Notice{Code: "ends_early", Key: last.key, From: c.Last, To: o.To, Detail: "the chain's digests end before the end of the time range: not delivered yet, not copied, or removed"})
	}
}
