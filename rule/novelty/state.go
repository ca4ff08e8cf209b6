package novelty

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// entity is for whom something is usual.
type entity struct {
	samples     []sample // by period
	first, last uint32   // seconds since the epoch
	total       uint32   // rare: events, halved every Learn
	alerted     uint32   // period that was unusual last, + 1
	gen         uint32   // rare: the Learn in which total was halved last
	combos      uint16
	spec        uint16
	known       usual
}

// usual is what judging came to for a period, kept until an earlier one changes.
type usual struct {
	period        uint32 // + 1, 0 = nothing
	median, limit float32
	sample        uint16
	learning      bool
}

// sample is what an entity did in a period.
type sample struct {
	period uint32
	value  float32
}

// value is a combination or a value that was seen with an entity.
type value struct {
	owner       uint64
	first, last uint32
	count       uint32
	gen         uint32
	spec        uint16
}

// State is what is usual, for several specs. It is not safe for concurrent use.
// The same observations in the same order give the same verdicts.
type State struct {
	specs    []Spec
	limits   Limits
	clock    Clock
	entities table[entity]
	values   table[value]
	stats    Stats
	buf      []byte
	numbers  []float64
}

// New makes an empty state. An error names the spec that is wrong.
func New(specs []Spec, limits Limits) (*State, error) {
	limits, err := limits.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &State{limits: limits, clock: Clock{Step: 30 * 24 * time.Hour, Horizon: 400 * 24 * time.Hour}}
	if len(specs) > math.MaxUint16 {
		return nil, fmt.Errorf("%d specs are too many", len(specs))
	}
	ids := map[string]bool{}
	for _, spec := range specs {
		spec, err := spec.withDefaults()
		if err != nil {
			return nil, err
		}
		if ids[spec.ID] {
			return nil, fmt.Errorf("%s: given twice", spec.ID)
		}
		ids[spec.ID] = true
		s.specs = append(s.specs, spec)
	}
	return s, nil
}

// Stats counts. It walks all entities.
func (s *State) Stats() Stats {
	out := s.stats
	out.Entities, out.Values = s.entities.used, s.values.used
	now := seconds(s.clock.Now())
	for r := range s.entities.all {
		if now-min(now, r.v.first) < learn(&s.specs[r.v.spec]) {
			out.Learning++
		}
	}
	return out
}

func learn(spec *Spec) uint32 { return uint32(spec.Learn / time.Second) }

// seconds cuts a time to what the tables hold: 1970 to 2106.
func seconds(t int64) uint32 { return uint32(min(max(t/1_000_000, 0), math.MaxUint32)) }

// Observe takes an observation of a spec and judges it.
func (s *State) Observe(spec int, o Observation) Verdict {
	if spec < 0 || spec >= len(s.specs) || !s.clock.Admit(o.Time) {
		s.stats.Ignored++
		return Verdict{Outcome: Ignored}
	}
	sp := &s.specs[spec]
	t := seconds(o.Time)
	key := s.key(sp.ID, o.Entity)
	e := s.entities.get(key)
	if e == nil {
		e = s.entities.put(key)
		e.v = entity{first: t, last: t, spec: uint16(spec)}
	} else {
		s.entities.touch(e)
		if t < e.v.first {
			e.v.first, e.v.known = t, usual{}
		}
		e.v.last = max(e.v.last, t)
	}
	var v Verdict
	switch sp.Type {
	case firstSeen:
		v = s.firstSeen(sp, e, t, o.Value)
	case rare:
		v = s.rare(sp, e, t, o.Value)
	default:
		v = s.period(sp, e, t, o)
	}
	v.Since = int64(e.v.first) * 1_000_000
	s.makeRoom()
	return v
}

// seen gives the record of a value of an entity and whether it is new. A new one
// has no times yet.
func (s *State) seen(e *record[entity], text ...string) (r *record[value], isNew bool) {
	key := s.key(append([]string{strconv.FormatUint(e.key, 16)}, text...)...)
	if r = s.values.get(key); r != nil {
		s.values.touch(r)
		return r, false
	}
	r = s.values.put(key)
	r.v = value{owner: e.key, spec: e.v.spec}
	return r, true
}

// makeRoom gives up what was touched least recently.
func (s *State) makeRoom() {
	for s.entities.used > s.limits.MaxEntities || s.stats.Samples > s.limits.MaxSamples {
		e := s.entities.last()
		s.stats.Samples -= len(e.v.samples)
		s.stats.Evicted++
		s.entities.remove(e)
	}
	for s.values.used > s.limits.MaxValues {
		s.giveUp(s.values.last())
	}
}

// giveUp removes a value. An entity whose combination is forgotten too early
// learns again.
func (s *State) giveUp(r *record[value]) {
	sp := &s.specs[r.v.spec]
	now := seconds(s.clock.Now())
	matters := r.v.last+min(learn(sp), math.MaxUint32-r.v.last) >= now
	e := s.entities.get(r.v.owner)
	if e != nil {
		if e.v.combos > 0 {
			e.v.combos--
		}
	} else {
		matters = false
	}
	if matters && (sp.Type == firstSeen || sp.Type == rare) {
		e.v.first = max(e.v.first, e.v.last)
		e.v.total = 0
		s.stats.Restarted++
	} else {
		s.stats.Expired++
	}
	s.values.remove(r)
}

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
	if out.Outcome == Unusual && t-e.v.first < window {
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
	case t-e.v.first < learn(sp) || out.Sample < sp.MinSamples:
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
