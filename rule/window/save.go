package window

import (
	"hash/maphash"
	"io"
	"math"
)

// Save writes the state. What it writes has a version and checksums.
func (s *State) Save(w io.Writer) error {
	e := newEncoder(w)
	e.int(s.watermark)
	e.uint(s.clock)
	for _, n := range s.counters() {
		e.int(*n)
	}
	e.uint(uint64(len(s.chains)))
	for i := range s.chains {
		c := &s.chains[i]
		e.text(c.ID)
		e.text(c.fingerprint())
		e.uint(uint64(len(c.groups)))
		for g := c.oldest; g != nil; g = g.newer {
			e.group(g)
		}
	}
	return e.close()
}

// counters are the statistics that outlive a restart.
func (s *State) counters() []*int64 {
	t := &s.stats
	return []*int64{&t.Firings, &t.Twice, &t.TooLate, &t.Dropped, &t.Evicted, &t.Expired, &t.NotFound}
}

func (e *encoder) group(g *group) {
	e.text(g.key)
	e.uint(g.touched)
	e.int(g.lostTo)
	e.int(g.covered)
	e.uint(uint64(len(g.firings)))
	for _, f := range g.firings {
		e.int(f.start)
		e.int(f.first)
		e.int(f.last)
		e.int(f.count)
	}
	e.uint(uint64(len(g.hits)))
	for i := range g.hits {
		h := &g.hits[i]
		e.int(h.Time)
		e.uint(uint64(h.Rule))
		e.uint(h.ID)
		e.text(h.Value)
		e.float(h.Number)
		e.text(h.Ref)
		e.int(h.fired)
	}
}

// Load takes over what was saved, except of correlations that are new or have
// changed: it names those whose state it left out. After an error the state is
// as it was.
func (s *State) Load(r io.Reader) (dropped []string, err error) {
	n := &State{
		limits: s.limits, late: s.late, grace: s.grace, seed: s.seed,
		chains: make([]chain, len(s.chains)),
	}
	ours := map[string]int{}
	for i := range s.chains {
		n.chains[i] = chain{plan: s.chains[i].plan, groups: map[string]*group{}}
		ours[s.chains[i].ID] = i
	}
	d := newDecoder(r)
	n.watermark = d.int()
	n.clock = d.uint()
	for _, c := range n.counters() {
		*c = d.int()
	}
	for range d.count(math.MaxInt32) {
		id := d.text(math.MaxInt16)
		fingerprint := d.text(1 << 24)
		groups := d.count(math.MaxInt32)
		at, known := ours[id]
		known = known && n.chains[at].fingerprint() == fingerprint && len(n.chains[at].groups) == 0
		if !known {
			dropped = append(dropped, id)
		}
		for range groups {
			g := d.group(n.seed, n.limits.MaxEntries)
			if d.err != nil {
				return nil, d.err
			}
			if known && !n.adopt(at, g) {
				return nil, errDamaged
			}
		}
		if d.err != nil {
			return nil, d.err
		}
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	*s = *n
	return dropped, nil
}

// adopt puts a group that was read into the state; it refuses one that cannot
// have been saved. What no longer fits, because the limits are lower now, goes
// as it would have.
func (s *State) adopt(at int, g *group) bool {
	c := &s.chains[at]
	if c.groups[g.key] != nil {
		return false
	}
	for i := range g.hits {
		if g.hits[i].Rule >= c.Rules || i > 0 && !before(&g.hits[i-1], &g.hits[i]) {
			return false
		}
	}
	g.spec = at
	c.groups[g.key] = g
	c.link(g)
	s.stats.Hits += len(g.hits)
	if c.closes {
		s.schedule(c, g)
	}
	s.makeRoom(g)
	return true
}

func (d *decoder) group(seed maphash.Seed, most int) *group {
	g := &group{key: d.text(1024), touched: d.uint(), lostTo: d.int(), covered: d.int(), heap: -1}
	for range d.count(most) {
		g.firings = append(g.firings, firing{d.int(), d.int(), d.int(), d.int()})
		if d.err != nil {
			return g
		}
	}
	for range d.count(most) {
		h := hit{Hit: Hit{Time: d.time(), Rule: d.count(63), ID: d.uint(), Value: d.text(128), Number: d.float(), Ref: d.text(1024)}, fired: d.int()}
		if d.err != nil {
			return g
		}
		h.hash = maphash.String(seed, h.Value)
		g.hits = append(g.hits, h)
	}
	return g
}

// time reads a time that sums of times can take.
func (d *decoder) time() int64 {
	v := d.int()
	if v > farthest || v < -farthest {
		d.fail()
	}
	return v
}
