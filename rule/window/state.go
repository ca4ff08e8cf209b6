package window

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
)

// none marks a hit that belongs to no firing.
const none = math.MinInt64

// farthest is the latest time (µs) that is taken as it is, so that sums of times
// do not overflow.
const farthest = 1 << 60

// hit is a Hit as it is kept, in the order of time, rule, id.
type hit struct {
	Hit
	hash  uint64 // of Value
	fired int64  // Start of the firing it belongs to, or none
}

func before(a, b *hit) bool {
	if a.Time != b.Time {
		return a.Time < b.Time
	}
	if a.Rule != b.Rule {
		return a.Rule < b.Rule
	}
	return a.ID < b.ID
}

// firing is what is kept of a Firing.
type firing struct {
	start, first, last, count int64
}

// group is the state of one group of one correlation.
type group struct {
	spec    int
	key     string
	hits    []hit
	firings []firing // by start
	lostTo  int64    // time of the newest hit given up outside a firing, or none
	touched uint64

	// Of correlations whose windows close: hits up to covered were in a decided one.
	covered int64
	due     int64 // when the next window closes
	heap    int   // place in the queue, -1 outside

	newer, older *group // neighbours in the order of touch
}

// chain is a correlation's groups, by key and in order of touch.
type chain struct {
	plan
	groups         map[string]*group
	newest, oldest *group
}

// State is the state of several correlations. It is not safe for concurrent
// use. The same calls in the same order give the same reports.
type State struct {
	limits      Limits
	late, grace int64
	chains      []chain
	queue       dueQueue
	watermark   int64
	clock       uint64 // counts touches
	stats       Stats
	seen        scratch
	seed        maphash.Seed // of the hashes of values, which are never saved
}

// New makes an empty state. An error names the correlation that is wrong.
func New(specs []Spec, limits Limits) (*State, error) {
	limits, err := limits.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &State{limits: limits, late: limits.Late.Microseconds(), grace: limits.Grace.Microseconds(), watermark: none, seed: maphash.MakeSeed()}
	ids := map[string]bool{}
	for _, spec := range specs {
		p, err := compile(spec, limits)
		if err != nil {
			return nil, err
		}
		if ids[spec.ID] {
			return nil, fmt.Errorf("correlation %s: given twice", spec.ID)
		}
		ids[spec.ID] = true
		s.chains = append(s.chains, chain{plan: p, groups: map[string]*group{}})
	}
	return s, nil
}

// Stats counts.
func (s *State) Stats() Stats {
	out := s.stats
	for i := range s.chains {
		out.Groups += len(s.chains[i].groups)
	}
	return out
}

// Add takes a hit of a correlation's group and reports the firing that it
// begins or raises, if any.
func (s *State) Add(spec int, key string, h Hit, report func(*Firing)) {
	if spec < 0 || spec >= len(s.chains) || h.Rule < 0 || h.Rule >= s.chains[spec].Rules {
		s.stats.NotFound++
		return
	}
	c := &s.chains[spec]
	h.Time = min(max(h.Time, -farthest), farthest)
	if c.closes && s.watermark != none && h.Time+c.span+s.grace < s.watermark {
		s.stats.TooLate++
		return
	}
	g := s.group(spec, bounded(key, 1024))
	n := hit{Hit: h, fired: none}
	n.Value = bounded(h.Value, 128)
	n.hash = maphash.String(s.seed, n.Value)
	if len(n.Ref) > 1024 {
		n.Ref = ""
	}
	p, found := slices.BinarySearchFunc(g.hits, n, func(a, b hit) int {
		switch {
		case before(&a, &b):
			return -1
		case before(&b, &a):
			return 1
		}
		return 0
	})
	if found {
		s.stats.Twice++
		return
	}
	g.hits = slices.Insert(g.hits, p, n)
	s.stats.Hits++
	if c.closes {
		s.schedule(c, g)
	} else if lo, hi, measured, ok := s.containing(c, g.hits, p); ok {
		s.assign(c, g, lo, hi, measured, nil, report)
	}
	s.trim(c, g, n.Time)
	if len(g.hits) > c.keep {
		s.thin(c, g)
	}
	s.makeRoom(g)
}

// group gives the group of a key and marks it as touched.
func (s *State) group(spec int, key string) *group {
	c := &s.chains[spec]
	g := c.groups[key]
	if g == nil {
		g = &group{spec: spec, key: key, lostTo: none, covered: none, heap: -1}
		c.groups[key] = g
	} else {
		c.unlink(g)
	}
	s.clock++
	g.touched = s.clock
	c.link(g)
	return g
}

// assign gives the hits from lo to hi (inclusive) that no firing has to one.
// only, if set, says which of them the firing is about.
func (s *State) assign(c *chain, g *group, lo, hi int, measured float64, only func(*hit) bool, report func(*Firing)) {
	start := int64(none)
	var fresh []Hit
	for i := lo; i <= hi; i++ {
		h := &g.hits[i]
		if h.fired != none {
			if start == none || h.fired < start {
				start = h.fired
			}
		} else if only == nil || only(h) {
			fresh = append(fresh, h.Hit)
		}
	}
	if len(fresh) == 0 {
		return
	}
	if start == none {
		start = fresh[0].Time
	}
	f := g.firing(start)
	isNew := f == nil
	if isNew {
		at, _ := slices.BinarySearchFunc(g.firings, start, func(f firing, t int64) int { return cmp.Compare(f.start, t) })
		g.firings = slices.Insert(g.firings, at, firing{start: start, first: start, last: start})
		f = &g.firings[at]
		s.stats.Firings++
	}
	for i := lo; i <= hi; i++ {
		if h := &g.hits[i]; h.fired == none && (only == nil || only(h)) {
			h.fired = start
		}
	}
	f.first = min(f.first, fresh[0].Time)
	f.last = max(f.last, fresh[len(fresh)-1].Time)
	f.count += int64(len(fresh))
	if report == nil {
		return
	}
	report(&Firing{
		Spec: g.spec, Group: g.key, Start: start, New: isNew, First: f.first, Last: f.last, Count: f.count,
		Measured: measured, Hits: fresh, Partial: g.lostTo != none && g.lostTo >= fresh[0].Time-c.span,
	})
}

// firing gives the group's firing of a start, or nil.
func (g *group) firing(start int64) *firing {
	for i := range g.firings {
		if g.firings[i].start == start {
			return &g.firings[i]
		}
	}
	return nil
}

// link puts a group at the newest end.
func (c *chain) link(g *group) {
	g.older, g.newer = c.newest, nil
	if c.newest != nil {
		c.newest.newer = g
	} else {
		c.oldest = g
	}
	c.newest = g
}

func (c *chain) unlink(g *group) {
	if g.older != nil {
		g.older.newer = g.newer
	} else {
		c.oldest = g.newer
	}
	if g.newer != nil {
		g.newer.older = g.older
	} else {
		c.newest = g.older
	}
	g.older, g.newer = nil, nil
}

// bounded cuts a text; a hash of the whole keeps different texts different.
func bounded(s string, most int) string {
	if len(s) <= most {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return s[:most-17] + "~" + hex.EncodeToString(sum[:8])
}
