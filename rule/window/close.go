package window

import (
	"cmp"
	"container/heap"
	"slices"
)

// Advance says that events are now expected from the watermark (µs) on: windows
// that have to close by then are decided, in the order in which they close. Hits of closed windows
// that come later are counted, not looked at. Only Rewind sets the watermark back.
func (s *State) Advance(watermark int64, report func(*Firing)) {
	if watermark <= s.watermark {
		return
	}
	s.watermark = watermark
	for len(s.queue) > 0 && s.queue[0].due <= watermark {
		g := s.queue[0]
		if len(g.hits) == 0 {
			s.forget(g)
			continue
		}
		c := &s.chains[g.spec]
		s.closeNext(c, g, report)
		s.schedule(c, g)
	}
	s.sweep(s.limits.MaxEntries / 2)
}

// Rewind says that the watermark was wrong, as after records of a broken clock,
// and sets it back: hits after it are looked at again. Windows that were decided
// stay so.
func (s *State) Rewind(watermark int64) {
	if watermark >= s.watermark {
		return
	}
	s.watermark = watermark
	for i := range s.chains {
		c := &s.chains[i]
		for g := c.newest; g != nil && c.closes; g = g.older {
			if g.covered > watermark {
				g.covered = watermark
				s.schedule(c, g)
			}
		}
	}
}

// closeNext decides the group's oldest open window.
func (s *State) closeNext(c *chain, g *group, report func(*Firing)) {
	start := g.hits[0].Time
	hi := firstAt(g.hits, start+c.span+1) - 1
	if last := g.hits[hi].Time; last > g.covered {
		g.covered = last
		window := g.hits[:hi+1]
		if v := s.measure(c, window); c.holds(v) {
			s.assign(c, g, 0, hi, v, s.rareOnly(c, window), report)
		}
	}
	// No later window holds the hits of this start.
	s.cut(g, firstAt(g.hits, start+1))
}

// rareOnly, for rarity, selects the hits of the rare values.
func (s *State) rareOnly(c *chain, hits []hit) func(*hit) bool {
	if c.kind != valuePercentile || c.Percentile != 0 {
		return nil
	}
	counts := map[uint64]int{}
	for i := range hits {
		counts[hits[i].hash]++
	}
	all := float64(len(hits))
	return func(h *hit) bool { return c.holds(100 * float64(counts[h.hash]) / all) }
}

// schedule sets when a group is looked at next: when its next window closes, or
// when no hit can come any more that its decided windows already hold.
func (s *State) schedule(c *chain, g *group) {
	next := g.covered
	if len(g.hits) > 0 {
		next = g.hits[0].Time
	}
	g.due = next + c.span + s.grace + 1
	if g.heap >= 0 {
		heap.Fix(&s.queue, g.heap)
	} else {
		heap.Push(&s.queue, g)
	}
}

// dueQueue orders groups by when their next window closes.
type dueQueue []*group

func (q dueQueue) Len() int { return len(q) }

func (q dueQueue) Less(i, j int) bool {
	a, b := q[i], q[j]
	return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.spec, b.spec), cmp.Compare(a.key, b.key)) < 0
}

func (q dueQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].heap, q[j].heap = i, j
}

func (q *dueQueue) Push(x any) {
	g := x.(*group)
	g.heap = len(*q)
	*q = append(*q, g)
}

func (q *dueQueue) Pop() any {
	old := *q
	g := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	g.heap = -1
	return g
}

// cut gives up the group's first n hits, which no window needs, and firings
// that no hit belongs to any more.
func (s *State) cut(g *group, n int) {
	if n > 0 {
		g.hits = slices.Delete(g.hits, 0, n)
		s.stats.Hits -= n
	}
	g.firings = slices.DeleteFunc(g.firings, func(f firing) bool { return len(g.hits) == 0 || f.last < g.hits[0].Time })
}
