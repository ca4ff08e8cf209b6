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
	restart     uint32   // what was known before this is not complete
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

// age is when an entity of a group was seen.
type age struct{ first, last uint32 }

// State is what is usual, for several specs. It is not safe for concurrent use.
// The same observations in the same order give the same verdicts.
type State struct {
	specs    []Spec
	limits   Limits
	clock    Clock
	entities table[entity]
	values   table[value]
	ages     table[age]
	// evicted is, by spec, up to when entities that were given up are forgotten.
	evicted []uint32
	stats   Stats
	buf     []byte
	numbers []float64
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
	s.evicted = make([]uint32, len(specs))
	return s, nil
}

// Stats counts. It walks all entities.
func (s *State) Stats() Stats {
	out := s.stats
	out.Entities, out.Values, out.Known = s.entities.used, s.values.used, s.ages.used
	now := seconds(s.clock.Now())
	for r := range s.entities.all {
		if now-min(now, r.v.since()) < learn(&s.specs[r.v.spec]) {
			out.Learning++
		}
	}
	return out
}

// since is from when on an entity is known.
func (e *entity) since() uint32 { return max(e.first, e.restart) }

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
	e := s.entity(spec, o.Entity, t)
	var v Verdict
	switch sp.Type {
	case firstSeen:
		v = s.firstSeen(sp, e, t, o.Value)
	case rare:
		v = s.rare(sp, e, t, o.Value)
	default:
		v = s.period(sp, e, t, o)
	}
	v.Since = int64(e.v.since()) * 1_000_000
	s.makeRoom()
	return v
}

// See tells that an entity of a group did something, whatever it was.
func (s *State) See(group, entity string, t int64) {
	if !s.clock.Admit(t) {
		s.stats.Ignored++
		return
	}
	s.see(group, entity, seconds(t))
	s.makeRoom()
}

func (s *State) see(group, entity string, t uint32) *record[age] {
	key := s.key(group, entity)
	r := s.ages.get(key)
	if r == nil {
		r = s.ages.put(key)
		r.v = age{t, t}
		return r
	}
	s.ages.touch(r)
	r.v.first, r.v.last = min(r.v.first, t), max(r.v.last, t)
	return r
}

// entity gives the record of an entity, made known at a time.
func (s *State) entity(spec int, name string, t uint32) *record[entity] {
	first := t
	if group := s.specs[spec].Group; group != "" {
		first = s.see(group, name, t).v.first
	}
	key := s.key(s.specs[spec].ID, name)
	e := s.entities.get(key)
	if e == nil {
		e = s.entities.put(key)
		e.v = entity{first: first, last: t, restart: s.evicted[spec], spec: uint16(spec)}
		return e
	}
	s.entities.touch(e)
	if first < e.v.first {
		e.v.first, e.v.known = first, usual{}
	}
	e.v.last = max(e.v.last, t)
	return e
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
		s.evicted[e.v.spec] = max(s.evicted[e.v.spec], e.v.last)
		s.entities.remove(e)
	}
	for s.ages.used > s.limits.MaxEntities {
		s.ages.remove(s.ages.last())
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
		e.v.restart, e.v.total = e.v.last, 0
		s.stats.Restarted++
	} else {
		s.stats.Expired++
	}
	s.values.remove(r)
}
