package novelty

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"
)

// period adds to the entity's period and judges it.
func (s *State) period(sp *Spec, e *record[entity], t uint32, o Observation) Verdict {
	every := uint32(sp.Every / time.Second)
	p := t / every
	by := 1.0
	switch sp.Type {
	case sum:
		if by = o.Number; !(by > 0) || math.IsInf(by, 0) {
			by = 0
		}
	case distinct:
		r, isNew := s.seen(e, strconv.FormatUint(uint64(p), 16), o.Value)
		if isNew {
			r.v.first = t
		} else {
			by = 0
		}
		r.v.last = max(r.v.last, t)
	}
	i, found := slices.BinarySearchFunc(e.v.samples, p, byPeriod)
	if !found {
		s.insert(e, i, sample{period: p})
	}
	e.v.samples[i].value = float32(float64(e.v.samples[i].value) + by)
	if i < len(e.v.samples)-1 {
		e.v.known = usual{}
	}
	out := s.judge(sp, e, i, every)
	s.prune(sp, e, every)
	return out
}

// insert adds a sample; slices grow by a quarter, since there are many of them.
func (s *State) insert(e *record[entity], i int, n sample) {
	if len(e.v.samples) == cap(e.v.samples) {
		grown := make([]sample, len(e.v.samples), len(e.v.samples)*5/4+2)
		copy(grown, e.v.samples)
		e.v.samples = grown
	}
	e.v.samples = slices.Insert(e.v.samples, i, n)
	s.stats.Samples++
}

// horizon is how far back the samples of a spec reach, in seconds.
func (sp *Spec) horizon() uint32 {
	if sp.Season == "hour_of_week" {
		return max(learn(sp), 4*week)
	}
	return learn(sp)
}

// slack is how late (seconds) an event may be and still find all that it is
// compared with.
const slack = 4 * 86_400

// maxPeriods bounds the samples of one entity.
const maxPeriods = 2048

// prune gives up samples that are too old to judge by.
func (s *State) prune(sp *Spec, e *record[entity], every uint32) {
	newest := min(e.v.last, seconds(s.clock.Now())) / every
	keep := (sp.horizon()+slack)/every + 1
	n := 0
	for n < len(e.v.samples) && e.v.samples[n].period+keep < newest {
		n++
	}
	n = max(n, len(e.v.samples)-maxPeriods)
	if n > 0 && (n > len(e.v.samples)/4 || len(e.v.samples) > maxPeriods) {
		e.v.samples = slices.Delete(e.v.samples, 0, n)
		s.stats.Samples -= n
		e.v.known = usual{}
	}
}

// judge compares sample i with those before it.
func (s *State) judge(sp *Spec, e *record[entity], i int, every uint32) Verdict {
	p := e.v.samples[i].period
	out := Verdict{Outcome: Usual, Value: float64(e.v.samples[i].value)}
	if out.Value <= sp.Min && sp.Min > 0 {
		return out // Whatever is usual, this is not above it.
	}
	u := e.v.known
	if u.period != p+1 {
		u = s.usual(sp, e, i, every)
		e.v.known = u
	}
	out.Median, out.Limit, out.Sample = float64(u.median), float64(u.limit), int(u.sample)
	switch {
	case u.learning:
		out.Outcome = Learning
	case out.Value > out.Limit:
		out.Outcome = Unusual
		out.Again = e.v.alerted == p+1
		e.v.alerted = p + 1
	}
	return out
}

// usual says what the samples before sample i come to.
func (s *State) usual(sp *Spec, e *record[entity], i int, every uint32) usual {
	p := e.v.samples[i].period
	known := p - min(p, e.v.since()/every)
	from := p - min(known, sp.horizon()/every)
	numbers := s.numbers[:0]
	if sp.Season == "hour_of_week" {
		places := uint32(week) / every
		for back := places; p-from >= back; back += places {
			numbers = append(numbers, around(e.v.samples, p-back, every))
		}
	} else {
		for j := i - 1; j >= 0 && e.v.samples[j].period >= from; j-- {
			numbers = append(numbers, float64(e.v.samples[j].value))
		}
		for len(numbers) < sp.MinSamples && len(numbers) < int(p-from) {
			numbers = append(numbers, 0)
		}
	}
	s.numbers = numbers[:0]
	u := usual{period: p + 1, sample: uint16(min(len(numbers), math.MaxUint16))}
	if known*every < learn(sp) || len(numbers) < sp.MinSamples {
		u.learning = true
		return u
	}
	median, mad := spread(numbers)
	u.median = float32(median)
	u.limit = float32(max(sp.Min, median+sp.Deviations*max(1.4826*mad, median/10, 1)))
	return u
}

// around gives a period's value, 0 when it was silent. Of periods under a day it
// is the greatest of the period and its neighbours: the nightly job may be late.
func around(samples []sample, p, every uint32) float64 {
	from, to := p, p
	if every < 86_400 {
		from, to = p-min(p, 1), p+1
	}
	i, _ := slices.BinarySearchFunc(samples, from, byPeriod)
	most := float32(0)
	for ; i < len(samples) && samples[i].period <= to; i++ {
		most = max(most, samples[i].value)
	}
	return float64(most)
}

func byPeriod(s sample, p uint32) int { return cmp.Compare(s.period, p) }

// spread gives the median and the median distance from it. It reorders the
// numbers.
func spread(numbers []float64) (median, mad float64) {
	slices.Sort(numbers)
	median = middle(numbers)
	for i, v := range numbers {
		numbers[i] = math.Abs(v - median)
	}
	slices.Sort(numbers)
	return median, middle(numbers)
}

func middle(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
