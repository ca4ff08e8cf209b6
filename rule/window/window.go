// Package window keeps the state of Sigma's correlations: hits of rules, by
// group, in sliding windows of event time.
//
// The correlation types and conditions are those of the specification
// (https://github.com/SigmaHQ/sigma-specification/blob/main/specification/sigma-correlation-rules-specification.md).
//
// # Windows
//
// A window begins at a hit and holds every hit of its group up to one timespan
// later, both ends included: windows slide, so nothing is lost at a boundary.
// Hits may come in any order; a late one is put where it belongs and every
// window that holds it is looked at again.
//
// A condition that more hits cannot undo (gt and gte of event_count,
// value_count, temporal, temporal_ordered and value_sum) is decided as soon as
// a window meets it. Any other (lt, lte, eq, neq, ranges, and all of
// value_avg, value_percentile and value_median) is decided when the window closes: when the watermark
// is more than one timespan and Limits.Grace past its first hit. Then only windows count
// that are not part of another one, so that the tail of a burst is not taken
// for a small burst.
//
// # Firings
//
// Every hit of a window that meets the condition belongs to exactly one
// [Firing]. A window that shares hits with an earlier firing raises that
// firing; only when the windows have slid past all its hits does a new one
// begin. A firing is named by correlation, group and Start.
//
// # Bounds
//
// A group keeps at most Limits.MaxHits hits (or twice the threshold, if that is
// more), the state at most Limits.MaxEntries. What is given up first: hits that
// newer ones make superfluous (the same value of a value_count, the same rule
// of a temporal), then the oldest; groups that can no longer complete, then the
// one touched least recently. All of it is counted in [Stats]. Thresholds stay
// right: a group only gives up hits when it holds twice what the threshold
// asks for. Sums, averages and percentiles of a group that gave up hits are
// marked Partial.
package window

import (
	"cmp"
	"fmt"
	"math"
	"time"
)

// Spec is one correlation.
type Spec struct {
	ID string // names the correlation
	// Salt is whatever else decides what the hits mean, such as the text of the
	// rules that make them: saved state is only taken over when it is the same.
	Salt string
	// Type is Sigma's: event_count, value_count, temporal, temporal_ordered,
	// value_sum, value_avg, value_percentile, value_median.
	Type  string
	Rules int           // number of source rules, 1 to 64 (temporal_ordered: 16); Hit.Rule counts them from 0
	Span  time.Duration // the timespan, at least 1 µs
	// Conditions all have to hold. None, for temporal and temporal_ordered, means
	// all rules.
	Conditions []Condition
	// Percentile, of value_percentile, is which one (0 < p <= 100, nearest rank).
	// 0 measures rarity instead: the smallest share of the window, in percent,
	// that one value has; the firing then holds only hits of values whose share
	// meets the condition.
	Percentile float64
}

// Condition compares what the window measures.
type Condition struct {
	Op    string // gt, gte, lt, lte, eq, neq
	Value float64
}

// Limits bound the state. The zero value means the defaults.
type Limits struct {
	MaxEntries int           // hits kept in all groups, default 500,000
	MaxHits    int           // hits kept in a group, default 1024
	Late       time.Duration // how long hits are kept past their window for late ones, default 24h
	Grace      time.Duration // how long a window that has to close waits for late hits, default 15m
}

// Hit is a match of one of the correlation's rules.
type Hit struct {
	Time   int64   // µs since the epoch
	Rule   int     // index of the source rule
	ID     uint64  // of the event: the same event and rule again counts once
	Value  string  // value_count, and rarity: the field's value; hostile, kept up to 128 bytes plus a hash
	Number float64 // value_sum, value_avg, value_percentile
	Ref    string  // the caller's reference to the event, kept up to 1 KiB
}

// Firing is a series of windows that meet the condition and share hits.
type Firing struct {
	Spec  int    // index of the correlation
	Group string // as given to Add
	Start int64  // µs; with correlation and group the firing's name, constant from its first report on
	New   bool   // first report of this firing
	First int64  // µs, of its earliest hit
	Last  int64  // µs, of its latest hit
	Count int64  // hits so far, this report's included
	// Measured is what the condition looked at in the window that is reported.
	Measured float64
	Hits     []Hit // those that are new since the last report, by time
	Partial  bool  // the group gave up hits: Count and Measured are at least so much
}

// Stats counts what the state holds and what it gave up.
type Stats struct {
	Groups   int
	Hits     int
	Firings  int64 // begun so far
	Twice    int64 // hits that were there already
	TooLate  int64 // hits of windows that had closed
	Dropped  int64 // hits given up because their group was full
	Evicted  int64 // groups given up because the state was full, though they could have completed
	Expired  int64 // groups given up because they could not complete any more
	NotFound int64 // hits that named no correlation or rule
}

type kind uint8

const (
	eventCount kind = iota
	valueCount
	temporal
	temporalOrdered
	valueSum
	valueAvg
	valuePercentile
)

var kinds = map[string]kind{
	"event_count": eventCount, "value_count": valueCount, "temporal": temporal, "temporal_ordered": temporalOrdered,
	"value_sum": valueSum, "value_avg": valueAvg, "value_percentile": valuePercentile, "value_median": valuePercentile,
}

// maxThreshold bounds what a group may have to hold.
const maxThreshold = 100_000

// plan is a checked Spec.
type plan struct {
	Spec
	kind   kind
	span   int64
	closes bool // decided when the window closes
	least  int  // smallest count that can meet the condition, when it does not close
	keep   int  // hits a group may hold
}

func compile(spec Spec, limits Limits) (plan, error) {
	p := plan{Spec: spec, span: spec.Span.Microseconds(), keep: limits.MaxHits}
	k, known := kinds[spec.Type]
	p.kind = k
	maxRules := 64
	if k == temporalOrdered {
		maxRules = 16
	}
	switch {
	case !known:
		return p, fmt.Errorf("correlation %s: type %q is not one of Sigma's", spec.ID, spec.Type)
	case spec.Rules < 1 || spec.Rules > maxRules:
		return p, fmt.Errorf("correlation %s: %d rules, 1 to %d are possible for %s", spec.ID, spec.Rules, maxRules, spec.Type)
	case p.span < 1:
		return p, fmt.Errorf("correlation %s: timespan %s is too short", spec.ID, spec.Span)
	case spec.Percentile < 0 || spec.Percentile > 100 || math.IsNaN(spec.Percentile):
		return p, fmt.Errorf("correlation %s: percentile %v is not between 0 and 100", spec.ID, spec.Percentile)
	}
	if spec.Type == "value_median" {
		p.Percentile = 50
	}
	if len(p.Conditions) == 0 {
		if k != temporal && k != temporalOrdered {
			return p, fmt.Errorf("correlation %s: %s needs a condition", spec.ID, spec.Type)
		}
		p.Conditions = []Condition{{"gte", float64(spec.Rules)}}
	}
	p.closes = k == valueAvg || k == valuePercentile
	p.least = 1
	for _, c := range p.Conditions {
		if err := p.condition(c, limits); err != nil {
			return p, fmt.Errorf("correlation %s: %w", spec.ID, err)
		}
	}
	return p, nil
}

// condition takes one condition into account.
func (p *plan) condition(c Condition, limits Limits) error {
	if math.IsNaN(c.Value) || math.IsInf(c.Value, 0) {
		return fmt.Errorf("condition %s: %v is not a number", c.Op, c.Value)
	}
	switch c.Op {
	case "gt":
		p.least = max(p.least, int(min(math.Floor(c.Value), maxThreshold))+1)
	case "gte":
		p.least = max(p.least, int(min(math.Ceil(c.Value), maxThreshold+1)))
	case "lt", "lte", "eq", "neq":
		p.closes = true
	default:
		return fmt.Errorf("condition %q: gt, gte, lt, lte, eq and neq are known", c.Op)
	}
	counts := p.kind == eventCount || p.kind == valueCount
	if counts && c.Value > maxThreshold {
		return fmt.Errorf("condition %s: %v is more than the %d that a group may hold", c.Op, c.Value, maxThreshold)
	}
	if counts {
		p.keep = max(p.keep, 2*int(max(c.Value, 0))+2)
	}
	if p.keep > limits.MaxEntries/2 {
		return fmt.Errorf("condition %s %v: a group may need %d hits, half of the state's %d", c.Op, c.Value, p.keep, limits.MaxEntries)
	}
	return nil
}

// holds says whether all conditions hold.
func (p *plan) holds(v float64) bool {
	for _, c := range p.Conditions {
		order := cmp.Compare(v, c.Value)
		ok := false
		switch c.Op {
		case "gt":
			ok = order > 0
		case "gte":
			ok = order >= 0
		case "lt":
			ok = order < 0
		case "lte":
			ok = order <= 0
		case "eq":
			ok = order == 0
		case "neq":
			ok = order != 0
		}
		if !ok {
			return false
		}
	}
	return true
}

// fingerprint is equal for correlations whose state means the same.
func (p *plan) fingerprint() string {
	return fmt.Sprintf("%s|%d|%d|%v|%v|%s", p.Type, p.Rules, p.span, p.Conditions, p.Percentile, p.Salt)
}

func (l Limits) withDefaults() (Limits, error) {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&l.MaxEntries, 500_000)
	set(&l.MaxHits, 1024)
	if l.Late == 0 {
		l.Late = 24 * time.Hour
	}
	if l.Grace == 0 {
		l.Grace = 15 * time.Minute
	}
	if l.MaxEntries < 4 || l.MaxHits < 2 || l.Late < 0 || l.Grace < 0 {
		return l, fmt.Errorf("window limits: MaxEntries %d, MaxHits %d, Late %s, Grace %s: too small", l.MaxEntries, l.MaxHits, l.Late, l.Grace)
	}
	l.MaxHits = min(l.MaxHits, l.MaxEntries/2)
	return l, nil
}
