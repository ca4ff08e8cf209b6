package query

import (
	"strings"
	"time"
)

// layouts are the absolute times people write, with the length of what they name.
var layouts = []struct {
	layout string
	zoned  bool
	unit   func(time.Time) time.Time
}{
	{"2006-01-02T15:04:05Z07:00", true, plus(time.Second)},
	{"2006-01-02 15:04:05Z07:00", true, plus(time.Second)},
	{"2006-01-02T15:04Z07:00", true, plus(time.Minute)},
	{"2006-01-02T15:04:05", false, plus(time.Second)},
	{"2006-01-02 15:04:05", false, plus(time.Second)},
	{"2006-01-02T15:04", false, plus(time.Minute)},
	{"2006-01-02 15:04", false, plus(time.Minute)},
	{"2006-01-02T15", false, plus(time.Hour)},
	{"2006-01-02", false, func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
	{"2006-01", false, func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }},
}

// ParseTime reads a time as people write it in searches and in --from and --to: now, -24h, now-7d, now+1h30m (units s m h d w, a day
// being 24 hours), 2026-10, 2026-10-01, 2026-10-01T10:00 or RFC 3339. It returns, in UTC, the first instant that the text names and the
// first one after it: a date names its whole day, a relative time or one with a fraction of a second names a nanosecond. A text without
// a zone is read in loc. An error is an *[Error].
func ParseTime(text string, now time.Time, loc *time.Location) (from, to time.Time, err error) {
	if offset, ok := relative(text); ok {
		from = now.Add(offset).UTC()
		return from, from.Add(1), nil
	}
	for _, l := range layouts {
		t, err := time.ParseInLocation(l.layout, text, loc)
		if err != nil {
			continue
		}
		if t.Nanosecond() != 0 || l.zoned && strings.Contains(text, ".") {
			return t.UTC(), t.Add(1).UTC(), nil
		}
		return t.UTC(), l.unit(t).UTC(), nil
	}
	return time.Time{}, time.Time{}, newError("not-time", text, 0, text)
}

func plus(d time.Duration) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.Add(d) }
}

// farthest bounds relative times to what a Duration can hold.
const farthest = 100 * 365 * 24 * time.Hour

var units = map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}

// relative reads now, -24h, now-7d; a sign holds until the next one.
func relative(text string) (offset time.Duration, ok bool) {
	rest, now := strings.CutPrefix(text, "now")
	if rest == "" {
		return 0, now
	}
	if rest[0] != '-' && rest[0] != '+' {
		return 0, false
	}
	sign := time.Duration(1)
	for i := 0; i < len(rest); {
		if rest[i] == '-' || rest[i] == '+' {
			sign = 1
			if rest[i] == '-' {
				sign = -1
			}
			i++
		}
		start, n := i, time.Duration(0)
		for ; i < len(rest) && rest[i] >= '0' && rest[i] <= '9' && i-start < 10; i++ {
			n = n*10 + time.Duration(rest[i]-'0')
		}
		if i == start || i == len(rest) {
			return 0, false
		}
		unit, known := units[rest[i]]
		if !known || n > farthest/unit {
			return 0, false
		}
		offset += sign * n * unit
		if offset > farthest || offset < -farthest {
			return 0, false
		}
		i++
	}
	return offset, true
}
