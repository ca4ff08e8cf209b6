package window

import (
	"math"
	"slices"
	"sort"
)

// firstAt gives the first hit at or after a time.
func firstAt(hits []hit, t int64) int {
	return sort.Search(len(hits), func(i int) bool { return hits[i].Time >= t })
}

// containing looks at every window that holds hit p, and gives the hits of
// those that meet the condition together: they all hold p, so they are one run.
// It is for conditions that more hits cannot undo.
func (s *State) containing(c *chain, hits []hit, p int) (lo, hi int, measured float64, ok bool) {
	t := hits[p].Time
	lo = firstAt(hits, t-c.span)
	newest := hits[len(hits)-1].Time == t
	switch {
	case c.kind == temporalOrdered:
		return ordered(c, hits, lo, p)
	case c.kind == valueSum && newest:
		return suffixSum(c, hits, lo, p)
	case newest:
		// The widest window holds all others.
		hi = len(hits) - 1
		if hi-lo+1 < c.least {
			return 0, 0, 0, false
		}
		measured = s.measure(c, hits[lo:])
		return lo, hi, measured, c.holds(measured)
	}
	return s.slide(c, hits, lo, p)
}

// slide moves a window over the starts from lo to p.
func (s *State) slide(c *chain, hits []hit, lo, p int) (from, to int, measured float64, ok bool) {
	a := s.aggregate(c.kind)
	end := lo
	from = -1
	for i := lo; i <= p; i++ {
		for end < len(hits) && hits[end].Time <= hits[i].Time+c.span {
			a.add(&hits[end], 1)
			end++
		}
		first := i == lo || hits[i].Time != hits[i-1].Time
		if v := a.value(); first && c.holds(v) {
			if from < 0 {
				from = i
			}
			to = end - 1
			measured = max(measured, v)
		}
		a.add(&hits[i], -1)
	}
	return from, to, measured, from >= 0
}

// suffixSum is slide for a hit that is the newest: the windows end with the
// last hit.
func suffixSum(c *chain, hits []hit, lo, p int) (from, to int, measured float64, ok bool) {
	sum := 0.0
	from, to = -1, len(hits)-1
	for i := to; i >= lo; i-- {
		sum += hits[i].Number
		begins := i == 0 || hits[i-1].Time != hits[i].Time
		if begins && i <= p && c.holds(sum) {
			from, measured = i, sum
		}
	}
	return from, to, measured, from >= 0
}

// ordered finds the windows around hit p that hold c.least hits of rules in
// rising order. Steps of the same time are in order; one event is not two steps
// in a row.
func ordered(c *chain, hits []hit, lo, p int) (from, to int, measured float64, ok bool) {
	t := hits[p].Time
	end := firstAt(hits, t+c.span+1)
	from, to = -1, -1
	for _, w := range chains(hits[lo:end], c.Rules, c.least) {
		if w.end-w.start > c.span || w.end-c.span > t || w.start+c.span < t {
			continue
		}
		// Windows that hold both the steps and p begin between these times.
		first := firstAt(hits, max(w.end, t)-c.span)
		last := firstAt(hits, min(w.start, t)+1) - 1
		if first > last {
			continue
		}
		if from < 0 || first < from {
			from = first
		}
		to = max(to, firstAt(hits, hits[last].Time+c.span+1)-1)
	}
	return from, to, float64(c.least), from >= 0
}

// steps is a chain of hits in order: when its first and last step were.
type steps struct{ start, end int64 }

// tail is the end of the best chain that stops at a rule: its start and its
// last event.
type tail struct {
	start int64
	id    uint64
}

// chains gives for every hit that ends a chain of n steps the chain that begins
// latest.
func chains(hits []hit, rules, n int) (out []steps) {
	if n > rules || n < 1 {
		return nil
	}
	// best[length-1][rule] are the two best tails with different last events.
	var best [16][16][2]tail
	for i := range best {
		for j := range best[i] {
			best[i][j] = [2]tail{{start: none}, {start: none}}
		}
	}
	for i := range hits {
		h := &hits[i]
		shortest := max(1, n-(rules-1-h.Rule)) // Shorter ones cannot reach n any more.
		for length := min(h.Rule+1, n); length >= shortest; length-- {
			start := h.Time
			if length > 1 {
				start = none
				for r := length - 2; r < h.Rule; r++ {
					for _, e := range best[length-2][r] {
						if e.id != h.ID {
							start = max(start, e.start)
						}
					}
				}
			}
			if start == none {
				continue
			}
			if length == n {
				out = append(out, steps{start, h.Time})
			}
			improve(&best[length-1][h.Rule], tail{start, h.ID})
		}
	}
	return out
}

// improve keeps the two best tails of different events, the best first.
func improve(best *[2]tail, t tail) {
	switch {
	case best[0].start == none || t.start >= best[0].start:
		if best[0].start != none && best[0].id != t.id {
			best[1] = best[0]
		}
		best[0] = t
	case t.id != best[0].id && (best[1].start == none || t.start >= best[1].start):
		best[1] = t
	}
}

// measure gives what the condition of a correlation looks at in a window.
func (s *State) measure(c *chain, hits []hit) float64 {
	switch c.kind {
	case temporalOrdered:
		for n := c.Rules; n > 0; n-- {
			if len(chains(hits, c.Rules, n)) > 0 {
				return float64(n)
			}
		}
		return 0
	case valuePercentile:
		if c.Percentile == 0 {
			return s.rarest(hits)
		}
		numbers := make([]float64, len(hits))
		for i := range hits {
			numbers[i] = hits[i].Number
		}
		slices.Sort(numbers)
		return numbers[max(0, int(math.Ceil(c.Percentile/100*float64(len(numbers))))-1)]
	case eventCount:
		return float64(len(hits))
	default:
		a := s.aggregate(c.kind)
		for i := range hits {
			a.add(&hits[i], 1)
		}
		return a.value()
	}
}

// rarest gives the smallest share that a value has, in percent.
func (s *State) rarest(hits []hit) float64 {
	s.seen.clear()
	for i := range hits {
		s.seen.count(hits[i].hash, 1)
	}
	least := int32(math.MaxInt32)
	for i := range hits {
		least = min(least, s.seen.count(hits[i].hash, 0))
	}
	return 100 * float64(least) / float64(len(hits))
}

// aggregate is a measure to which hits are added and from which they are taken.
type aggregate struct {
	kind  kind
	n     int // hits
	kinds int // distinct values or rules
	sum   float64
	rules [64]int32
	seen  *scratch
}

func (s *State) aggregate(k kind) *aggregate {
	s.seen.clear()
	return &aggregate{kind: k, seen: &s.seen}
}

// add adds (1) or takes (-1) a hit.
func (a *aggregate) add(h *hit, by int32) {
	a.n += int(by)
	switch a.kind {
	case valueCount:
		now := a.seen.count(h.hash, by)
		a.distinct(now, by)
	case temporal:
		a.rules[h.Rule] += by
		a.distinct(a.rules[h.Rule], by)
	case valueSum, valueAvg:
		a.sum += float64(by) * h.Number
	default:
	}
}

func (a *aggregate) distinct(now, by int32) {
	if by > 0 && now == 1 {
		a.kinds++
	}
	if by < 0 && now == 0 {
		a.kinds--
	}
}

func (a *aggregate) value() float64 {
	switch a.kind {
	case valueCount, temporal:
		return float64(a.kinds)
	case valueSum:
		return a.sum
	case valueAvg:
		return a.sum / float64(a.n)
	default:
		return float64(a.n)
	}
}

// scratch counts hashes; clearing it costs nothing.
type scratch struct {
	slots []slot
	gen   uint32
	used  int
}

type slot struct {
	key uint64
	gen uint32
	n   int32
}

func (s *scratch) clear() {
	s.gen++
	s.used = 0
	if s.gen == 0 || s.slots == nil { // The generation came round again.
		s.slots = make([]slot, 256)
		s.gen = 1
	}
}

// count changes the count of a key and gives it.
func (s *scratch) count(key uint64, by int32) int32 {
	if 2*s.used >= len(s.slots) {
		s.grow()
	}
	mask := uint64(len(s.slots) - 1)
	for i := (key * 0x9E3779B97F4A7C15 >> 32) & mask; ; i = (i + 1) & mask {
		e := &s.slots[i]
		if e.gen != s.gen {
			*e = slot{key: key, gen: s.gen}
			s.used++
		}
		if e.key == key {
			e.n += by
			return e.n
		}
	}
}

func (s *scratch) grow() {
	old := s.slots
	s.slots = make([]slot, 2*len(old))
	s.used = 0
	for _, e := range old {
		if e.gen == s.gen {
			s.count(e.key, e.n)
		}
	}
}
