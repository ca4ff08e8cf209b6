// Package novelty keeps what is usual for entities: which combinations of fields
// each has been seen with (first_seen), and how much each does in an hour
// (baseline).
//
// # First seen
//
// A combination is New when its entity has been known for at least Learn of
// event time and the combination was not seen with it in the Learn before. An
// entity that is younger is Learning: never a guess. Late events that are older
// than the first sighting move it back.
//
// An entity is known from its first observation on or, of specs with a Group,
// from the first time that [State.See] told of it: a role that has worked for
// months and calls something for the first time is no stranger.
//
// # Baselines
//
// Values are counted per entity and period (Every): events, distinct values of a
// field, or the sum of a number. A period is Unusual as soon as its value is
// above both Min and
//
//	median + Deviations * max(1.4826 * MAD, median / 10, 1)
//
// of the entity's earlier periods: with Season hour_of_week of the same hour in
// the weeks before (for periods under a day the busiest of it and its two
// neighbours), silent ones as 0, over four weeks or Learn, whichever is longer;
// with Season none of all periods in which it did something, over Learn, filled up
// to MinSamples with silent ones. MAD is
// the median of the distances from the median; 1.4826 makes it comparable to a
// standard deviation (Rousseeuw and Croux, "Alternatives to the Median Absolute
// Deviation", 1993). Only too much is unusual, never too little. Fewer than
// MinSamples periods, or an entity younger than Learn, is Learning.
//
// Of type rare, a value is Unusual whose share of the entity's events is below
// Share, 0 included, once the entity has MinSamples events. Counts are halved
// every Learn.
//
// # Bounds
//
// Entities and values are kept as 64 bits of SHA-256 in tables of fixed records:
// about 90 bytes an entity (30 more in a group), 48 a value, 8 to 12 a period. With the default
// [Limits] everything together stays below 1 GB. What was touched least recently
// goes first and is counted; an entity that loses a combination that still
// mattered begins to learn again, so that forgetting never looks like news.
//
// An event's time can be wrong: see [Clock].
package novelty

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"
)

// Spec is one first_seen or baseline.
type Spec struct {
	ID string
	// Salt is whatever else decides what the observations mean, such as the
	// rule's text: saved state is only taken over when it is the same.
	Salt string
	// Group names the entities that it shares with other specs and with See; ""
	// is its own.
	Group      string
	Type       string        // first_seen, count, distinct, sum, rare
	Learn      time.Duration // default 14 days, at most a year
	Every      time.Duration // period of a baseline, default 1 hour, at least a minute
	Season     string        // none (default) or hour_of_week
	Min        float64       // of count, distinct, sum: not unusual up to here
	Deviations float64       // default 6
	MinSamples int           // default 10 periods, hour_of_week: 2 weeks, rare: 100 events
	Share      float64       // of rare, default 0.01
}

// Limits bound the memory. The zero value means the defaults.
type Limits struct {
	MaxEntities  int // default 1,000,000; as many are known by See
	MaxValues    int // combinations and values of all entities, default 8,000,000
	MaxSamples   int // periods of all entities, default 30,000,000
	MaxPerEntity int // combinations of one entity, default 4096
}

// Observation is an event that a spec looks at.
type Observation struct {
	Time   int64   // µs since the epoch
	Entity string  // for whom
	Value  string  // the combination, or the value of distinct and rare
	Number float64 // of sum; negative and not-a-number count as 0
}

// Outcome is what an observation is.
type Outcome uint8

// The outcomes.
const (
	Usual    Outcome = iota
	Learning         // too little is known to say
	Unusual          // a new combination, a period above its range, a rare value
	Ignored          // the event's time cannot be right; nothing was learned
)

// Verdict is the outcome and what speaks for it.
type Verdict struct {
	Outcome Outcome
	// Again says that the same was found unusual before: in the same period, or
	// for a rare value within a day.
	Again bool
	Since int64 // µs, when the entity was first seen

	Value  float64 // of the period so far; of rare the value's share
	Median float64 // of the earlier periods
	Limit  float64 // above which a period is unusual; of rare below which a share is
	Sample int     // periods (rare: events) that Median and Limit come from
}

// Stats counts what is kept and what was given up.
type Stats struct {
	Entities   int
	Known      int // entities of groups
	Learning   int // entities younger than Learn
	Values     int
	Samples    int
	Evicted    int64 // entities given up because there were too many
	Restarted  int64 // entities that learn again because a combination was given up
	Expired    int64 // values given up that no longer mattered
	Overflowed int64 // observations of entities with more combinations than one may have
	Ignored    int64 // observations with an impossible time
}

const (
	firstSeen = "first_seen"
	count     = "count"
	distinct  = "distinct"
	sum       = "sum"
	rare      = "rare"
	week      = 7 * 24 * 3600 // seconds
)

func (s Spec) withDefaults() (Spec, error) {
	set := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	set(&s.Learn, 14*24*time.Hour)
	set(&s.Every, time.Hour)
	if s.Deviations == 0 {
		s.Deviations = 6
	}
	if s.Share == 0 {
		s.Share = 0.01
	}
	if s.Season == "" {
		s.Season = "none"
	}
	if s.MinSamples == 0 {
		s.MinSamples = map[bool]int{true: 2, false: 10}[s.Season == "hour_of_week"]
		if s.Type == rare {
			s.MinSamples = 100
		}
	}
	switch {
	case s.Type != firstSeen && s.Type != count && s.Type != distinct && s.Type != sum && s.Type != rare:
		return s, fmt.Errorf("%s: type %q: first_seen, count, distinct, sum and rare are known", s.ID, s.Type)
	case s.Learn < time.Minute || s.Learn > 366*24*time.Hour:
		return s, fmt.Errorf("%s: learn %s is not between a minute and a year", s.ID, s.Learn)
	case s.Every < time.Minute || s.Every > 31*24*time.Hour:
		return s, fmt.Errorf("%s: every %s is not between a minute and 31 days", s.ID, s.Every)
	case s.Every%time.Second != 0:
		return s, fmt.Errorf("%s: every %s is not whole seconds", s.ID, s.Every)
	case s.Season != "none" && s.Season != "hour_of_week":
		return s, fmt.Errorf("%s: season %q: none and hour_of_week are known", s.ID, s.Season)
	case s.Season == "hour_of_week" && (week*time.Second)%s.Every != 0:
		return s, fmt.Errorf("%s: every %s does not divide a week, as hour_of_week needs", s.ID, s.Every)
	case s.Deviations < 0 || s.Share < 0 || s.Share > 1 || s.MinSamples < 1:
		return s, fmt.Errorf("%s: deviations %v, share %v, samples %d: out of range", s.ID, s.Deviations, s.Share, s.MinSamples)
	}
	return s, nil
}

// fingerprint is equal for specs whose state means the same. Thresholds may
// change without learning anew.
func (s Spec) fingerprint() string {
	return fmt.Sprintf("%s|%d|%d|%q|%s", s.Type, s.Learn, s.Every, s.Group, s.Salt)
}

func (l Limits) withDefaults() (Limits, error) {
	for _, v := range []struct {
		limit *int
		or    int
	}{{&l.MaxEntities, 1_000_000}, {&l.MaxValues, 8_000_000}, {&l.MaxSamples, 30_000_000}, {&l.MaxPerEntity, 4096}} {
		if *v.limit == 0 {
			*v.limit = v.or
		}
		if *v.limit < 1 || *v.limit > 1<<30 {
			return l, fmt.Errorf("novelty limits: %d is not between 1 and 2^30", *v.limit)
		}
	}
	l.MaxPerEntity = min(l.MaxPerEntity, 1<<16-1)
	return l, nil
}

// key hashes texts to 64 bits of SHA-256, so that nobody can choose texts that
// meet.
func (s *State) key(parts ...string) uint64 {
	b := s.buf[:0]
	for _, p := range parts {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(p)))
		b = append(b, p...)
	}
	s.buf = b[:0]
	if cap(s.buf) > 1<<16 {
		s.buf = nil
	}
	sum := sha256.Sum256(b)
	return binary.LittleEndian.Uint64(sum[:])
}
