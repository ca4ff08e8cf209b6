package digest

import (
	"slices"
	"time"
)

// edge is how long before the end of coverage a log file's name may say it was delivered while the next digest, not in the copy, names
// it: the name carries the minute of a five-minute step, delivery takes a little longer.
const edge = 10 * time.Minute

type span struct{ from, to time.Time }

// merge sorts spans and joins those that touch.
func merge(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	var merged []span
	for _, s := range spans {
		if n := len(merged); n > 0 && !s.from.After(merged[n-1].to) {
			if s.to.After(merged[n-1].to) {
				merged[n-1].to = s.to
			}
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// unnamed judges a log file that no digest names, by the hours that digests of its account and region speak for.
func unnamed(spans []span, at time.Time) Result {
	for _, s := range spans {
		if !at.IsZero() && (at.Before(s.from) || at.After(s.to)) {
			continue
		}
		if !at.IsZero() && at.After(s.to.Add(-edge)) {
			return result(unknown, "coverage_edge",
				"no digest names it; it is within %s of the end of what the digests cover (%s), so a later digest may", edge, stamp(s.to))
		}
		return result(unknown, "unproved",
			"no digest names it though digests cover its time: it was not delivered by a trail with validation, or it was put there")
	}
	return result(unknown, "not_covered", "no digest of its account and region covers its time")
}
