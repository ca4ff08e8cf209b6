package novelty

import "math"

// firstSeen judges a combination.
func (s *State) firstSeen(sp *Spec, e *record[entity], t uint32, combination string) Verdict {
	r, isNew := s.seen(e, combination)
	if isNew && int(e.v.combos) >= s.limits.MaxPerEntity {
		s.values.remove(r)
		s.stats.Overflowed++
		return Verdict{Outcome: Learning}
	}
	window := learn(sp)
	out := Verdict{Outcome: Usual}
	switch {
	case isNew:
		e.v.combos++
		r.v.first, r.v.last = t, t
		out.Outcome = Unusual
	case t < r.v.first: // Late: the combination is older than was thought.
		if r.v.first-t > window {
			out.Outcome = Unusual
		}
		r.v.first = t
	case t > r.v.last:
		if t-r.v.last > window {
			out.Outcome = Unusual
		}
		r.v.last = t
	}
	if out.Outcome == Unusual && t-min(t, e.v.since()) < window {
		out.Outcome = Learning
	}
	return out
}

// rare judges a value by its share of the entity's events before this one.
func (s *State) rare(sp *Spec, e *record[entity], t uint32, text string) Verdict {
	gen := t / learn(sp)
	halve(&e.v.total, &e.v.gen, gen)
	r, isNew := s.seen(e, text)
	if isNew {
		r.v.first, r.v.gen = t, gen
		e.v.combos = uint16(min(int(e.v.combos)+1, math.MaxUint16))
	}
	halve(&r.v.count, &r.v.gen, gen)
	out := Verdict{Outcome: Usual, Limit: sp.Share, Sample: int(e.v.total)}
	if e.v.total > 0 {
		out.Value = float64(r.v.count) / float64(e.v.total)
	}
	switch {
	case t-min(t, e.v.since()) < learn(sp) || out.Sample < sp.MinSamples:
		out.Outcome = Learning
	case out.Value < sp.Share:
		out.Outcome = Unusual
		out.Again = !isNew && t < r.v.last+min(86_400, math.MaxUint32-r.v.last)
	}
	r.v.last = max(r.v.last, t)
	r.v.first = min(r.v.first, t)
	r.v.count += uint32(min(1, math.MaxUint32-r.v.count))
	e.v.total += uint32(min(1, math.MaxUint32-e.v.total))
	return out
}

// halve ages a count to a later generation.
func halve(n, gen *uint32, now uint32) {
	if now > *gen {
		if *gen > 0 {
			*n >>= min(now-*gen, 31)
		}
		*gen = now
	}
}
