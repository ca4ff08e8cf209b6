package flow

import (
	"math"
	"slices"
)

// Beacon is how much a series of sessions looks like a beacon, from 0 to 1. The
// parts and their weights are those that RITA 5 publishes
// (https://github.com/activecm/rita): regularity of intervals, of sizes, an even
// histogram over the day, and duration.
type Beacon struct {
	Total, Times, Sizes, Histogram, Duration float64
	Interval                                 float64 // median seconds
}

// Score rates sessions by their starts (s, in order) and the bytes they sent
// (any unit). Fewer than four sessions or three intervals score nothing.
// Intervals are taken to 10 s, because a record's start may lag.
func Score(starts, sizes []int32) (b Beacon) {
	if len(starts) < 4 || len(starts) != len(sizes) {
		return b
	}
	var intervals, bytes []float64
	for i, s := range starts {
		if i > 0 && s > starts[i-1] {
			intervals = append(intervals, math.Round(float64(s-starts[i-1])/10)*10)
		}
		bytes = append(bytes, float64(sizes[i]))
	}
	if len(intervals) < 3 {
		return b
	}
	slices.Sort(intervals)
	slices.Sort(bytes)
	b.Interval = quantile(intervals, 0.5)
	b.Times = regular(intervals, 1)
	b.Sizes = regular(bytes, 0)
	b.Histogram, b.Duration = histogram(starts)
	b.Total = math.Round(250*(b.Times+b.Sizes+b.Histogram+b.Duration)) / 1000
	return b
}

// regular rates sorted values by their skew and spread; otherwise is the spread
// part for a median below 1.
func regular(v []float64, otherwise float64) float64 {
	q1, q2, q3 := quantile(v, 0.25), quantile(v, 0.5), quantile(v, 0.75)
	skew := 0.0
	if q3-q1 >= 10 && q2 != q1 && q2 != q3 {
		skew = (q1 + q3 - 2*q2) / (q3 - q1)
	}
	spread := otherwise
	if q2 >= 1 {
		spread = max(0, (q2-mad(v, q2))/q2)
	}
	return (1 - math.Abs(skew) + spread) / 2
}

func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	lo := int(at)
	hi := min(lo+1, len(sorted)-1)
	return sorted[lo] + (at-float64(lo))*(sorted[hi]-sorted[lo])
}

// mad is the median of the absolute deviations from the median.
func mad(v []float64, median float64) float64 {
	d := make([]float64, len(v))
	for i, x := range v {
		d[i] = math.Abs(x - median)
	}
	slices.Sort(d)
	return quantile(d, 0.5)
}

// bars of the histogram over the time that the series spans.
const bars = 24

// histogram rates how evenly the sessions fall over 24 bars, and how many bars
// in a row hold any.
func histogram(starts []int32) (even, lasting float64) {
	first, span := starts[0], float64(starts[len(starts)-1]-starts[0])+1
	var n [bars]float64
	for _, s := range starts {
		n[min(bars-1, int(float64(s-first)/span*bars))]++
	}
	sum, used, run, longest, tallest := 0.0, 0, 0, 0, 0.0
	for _, k := range n {
		sum += k
		tallest = max(tallest, k)
		if k == 0 {
			run = 0
			continue
		}
		used++
		run++
		longest = max(longest, run)
	}
	mean, square := sum/bars, 0.0
	for _, k := range n {
		square += (k - mean) * (k - mean)
	}
	even = max(0, 1-math.Sqrt(square/bars)/mean)
	if used >= 11 {
		even = max(even, bimodal(n, tallest, used))
	}
	if used >= 6 {
		lasting = min(1, max(float64(used)/bars, float64(longest)/12))
	}
	return even, lasting
}

// bimodal is the share of the bars that are of the two commonest heights, one
// outlier aside; heights within 5 % of the tallest are one.
func bimodal(n [bars]float64, tallest float64, used int) float64 {
	width := max(1, math.Ceil(0.05*tallest))
	groups := map[int]int{}
	for _, k := range n {
		if k > 0 {
			groups[int(k/width)]++
		}
	}
	var sizes []int
	for _, g := range groups {
		sizes = append(sizes, g)
	}
	slices.Sort(sizes)
	slices.Reverse(sizes)
	top := sizes[0]
	if len(sizes) > 1 {
		top += sizes[1]
	}
	return min(1, float64(top)/float64(max(1, used-1)))
}
