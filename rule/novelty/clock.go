package novelty

import "time"

// Clock follows the time of events and does not believe every one. A single
// event moves it forward by at most Step; an event further ahead, or more than
// Horizon behind, moves it only when most of the recent events agree. So a record
// of the year 2099 or 1970 is ignored, a long silence is over after a few events,
// and history is read after today's events all the same.
type Clock struct {
	Step    time.Duration
	Horizon time.Duration

	now    int64 // µs
	recent [16]int64
	n      int // events so far, up to the length of recent and then round
	full   bool
}

// Now gives the latest time (µs) that was believed, 0 before the first event.
func (c *Clock) Now() int64 { return c.now }

// Admit takes an event's time (µs). It says whether the time can be right.
func (c *Clock) Admit(t int64) bool {
	started := c.full || c.n > 0
	c.recent[c.n] = t
	if c.n++; c.n == len(c.recent) {
		c.n, c.full = 0, true
	}
	switch {
	case !started:
		c.now = t
	case t > c.now+c.Step.Microseconds():
		return c.agreed(func(o int64) bool { return o > c.now+c.Step.Microseconds() }, false)
	case t < c.now-c.Horizon.Microseconds():
		return c.agreed(func(o int64) bool { return o < c.now-c.Horizon.Microseconds() }, true)
	default:
		c.now = max(c.now, t)
	}
	return true
}

// agreed moves the clock when most recent events are out of its range on the
// same side: forward to the earliest of them, backward to the latest.
func (c *Clock) agreed(out func(int64) bool, latest bool) bool {
	known := c.n
	if c.full {
		known = len(c.recent)
	}
	votes, to := 0, int64(0)
	for _, o := range c.recent[:known] {
		if out(o) {
			if votes == 0 || latest == (o > to) {
				to = o
			}
			votes++
		}
	}
	if votes < len(c.recent)/2 || 2*votes <= known {
		return false
	}
	c.now = to
	return true
}

// Values gives the clock's state as numbers, for saving; Restore takes them.
func (c *Clock) Values() []int64 {
	full := int64(0)
	if c.full {
		full = 1
	}
	return append([]int64{c.now, int64(c.n), full}, c.recent[:]...)
}

// Restore takes what Values gave. It says whether that can be.
func (c *Clock) Restore(values []int64) bool {
	if len(values) != 3+len(c.recent) || values[1] < 0 || values[1] >= int64(len(c.recent)) || values[2]&^1 != 0 {
		return false
	}
	c.now, c.n, c.full = values[0], int(values[1]), values[2] == 1
	copy(c.recent[:], values[3:])
	return true
}
