package yagura

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// wholeNumber reads a whole number; "8.0" and "1E3" are whole.
func wholeNumber(v string) (int64, bool) {
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

var timeLayouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999-0700", // Config's older files
	"2006-01-02T15:04:05.999999999",      // no zone: UTC
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999",
}

// anyTime reads a time of the years 1970 to 9999 as µs since the epoch, UTC. A
// number is seconds, milliseconds, microseconds or nanoseconds by its size.
func anyTime(v string) (int64, bool) {
	v = strings.TrimSpace(v)
	if len(v) > 4 && v[4] == '-' {
		for _, l := range timeLayouts {
			if t, err := time.Parse(l, v); err == nil {
				us := t.UnixMicro()
				return us, us > 0 && us < endOfTime
			}
		}
		return 0, false
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		switch {
		case n <= 0:
			return 0, false
		case n < 1e11:
			n *= 1e6
		case n < 1e14:
			n *= 1e3
		case n >= 1e17:
			n /= 1e3
		}
		return n, n < endOfTime
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f > 0) || f >= 1e14 {
		return 0, false
	}
	if f < 1e11 {
		f *= 1e3
	}
	us := int64(math.Round(f * 1e3))
	return us, us > 0
}

const endOfTime = 253402300800 * 1e6 // the year 10000
