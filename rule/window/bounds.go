package window

import (
	"container/heap"
	"math"
)

// trim gives up hits that are too old for late ones to need them. Old is
// measured from the watermark, but never from later than the hit at hand: logs
// of last week, read today, still correlate with each other.
func (s *State) trim(c *chain, g *group, now int64) {
	if c.closes {
		return // Closing cuts.
	}
	from := min(now, s.watermark)
	if s.watermark == none {
		from = now
	}
	// Trimming costs a move of all hits, so it waits until it is worth it.
	if n := firstAt(g.hits, from-c.span-s.late); n > len(g.hits)/4 {
		s.cut(g, n)
	}
}

// thin makes room in a group that holds too many hits: an eighth goes, first
// those that newer hits make superfluous, then the oldest.
func (s *State) thin(c *chain, g *group) {
	goal := max(1, c.keep/8)
	spare := s.superfluous(c, g.hits)
	kept := g.hits[:0]
	gone := 0
	drop := func(h *hit) {
		gone++
		if h.fired == none || c.closes {
			g.lostTo = max(g.lostTo, h.Time)
		}
	}
	for i := range g.hits {
		if gone < goal && spare(i) {
			drop(&g.hits[i])
			continue
		}
		kept = append(kept, g.hits[i])
	}
	left := 0
	for ; gone < goal; left++ {
		drop(&kept[left])
	}
	clear(g.hits[len(kept):])
	g.hits = kept
	s.stats.Hits -= gone - left
	s.stats.Dropped += int64(gone)
	s.cut(g, left)
	if c.closes {
		s.schedule(c, g)
	}
}

// superfluous says of hits whether a newer hit serves the same purpose.
func (s *State) superfluous(c *chain, hits []hit) func(int) bool {
	marks := make([]bool, len(hits))
	s.seen.clear()
	next := [64]int{} // where a rule is hit next
	for r := range next {
		next[r] = math.MaxInt
	}
	for i := len(hits) - 1; i >= 0; i-- {
		h := &hits[i]
		switch c.kind {
		case valueCount:
			marks[i] = s.seen.count(h.hash, 1) > 1
		case temporal:
			marks[i] = next[h.Rule] != math.MaxInt
		case temporalOrdered:
			marks[i] = h.Rule == c.Rules-1 || next[h.Rule] != math.MaxInt
			for _, later := range next[h.Rule+1 : c.Rules] {
				marks[i] = marks[i] && next[h.Rule] < later
			}
		default:
		}
		next[h.Rule] = i
	}
	return func(i int) bool { return marks[i] }
}

// makeRoom gives up groups until the state is within its bound, but not the one
// at hand.
func (s *State) makeRoom(current *group) {
	if s.stats.Hits <= s.limits.MaxEntries {
		return
	}
	s.sweep(s.limits.MaxEntries)
	for s.stats.Hits > s.limits.MaxEntries {
		var victim *group
		for i := range s.chains {
			g := s.chains[i].oldest
			if g == current && g != nil {
				g = g.newer
			}
			if g != nil && (victim == nil || g.touched < victim.touched) {
				victim = g
			}
		}
		if victim == nil {
			return
		}
		s.stats.Evicted++
		s.forget(victim)
	}
}

// sweep gives up groups that can no longer complete, those untouched longest
// first, while the state holds more hits than wanted.
func (s *State) sweep(wanted int) {
	if s.watermark == none {
		return
	}
	for i := range s.chains {
		c := &s.chains[i]
		for g := c.oldest; g != nil && s.stats.Hits > wanted; g = c.oldest {
			if len(g.hits) > 0 && (c.closes || g.hits[len(g.hits)-1].Time >= s.watermark-c.span-s.late) {
				break
			}
			s.stats.Expired++
			s.forget(g)
		}
	}
}

// forget removes a group.
func (s *State) forget(g *group) {
	c := &s.chains[g.spec]
	if g.heap >= 0 {
		heap.Remove(&s.queue, g.heap)
	}
	c.unlink(g)
	delete(c.groups, g.key)
	s.stats.Hits -= len(g.hits)
}
