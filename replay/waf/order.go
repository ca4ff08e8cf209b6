package waf

import (
	"container/heap"
	"slices"

	"github.com/yagura-sec/yagura/replay/waf/record"
)

// window is how many records are held back to put them in the order of time,
// which the lines of a log and the files of several edges are not in. It costs
// about a kilobyte for each.
const window = 20_000

// sorter puts records in order, as far as its window reaches. Only rate-based
// rules need it.
type sorter struct {
	waiting byTime
	free    []*record.Record
	serial  int64
}

// waitingRecord keeps the order of records of the same time.
type waitingRecord struct {
	*record.Record
	serial int64
}

type byTime []waitingRecord

func (b byTime) Len() int { return len(b) }
func (b byTime) Less(i, j int) bool {
	return b[i].Time < b[j].Time || b[i].Time == b[j].Time && b[i].serial < b[j].serial
}
func (b byTime) Swap(i, j int) { b[i], b[j] = b[j], b[i] }

// Push is for the heap.
func (b *byTime) Push(x any) { *b = append(*b, x.(waitingRecord)) } //nolint:errcheck,forcetypeassert // Only records are pushed.

// Pop is for the heap.
func (b *byTime) Pop() any {
	old := *b
	last := old[len(old)-1]
	old[len(old)-1] = waitingRecord{}
	*b = old[:len(old)-1]
	return last
}

// put takes a copy of a record and, when the window is full, gives the earliest.
// What it gives is valid until the next call.
func (s *sorter) put(r *record.Record) *record.Record {
	var kept *record.Record
	if n := len(s.free); n > 0 {
		kept, s.free = s.free[n-1], s.free[:n-1]
	} else {
		kept = &record.Record{}
	}
	headers := kept.Headers[:0]
	*kept = *r
	kept.Headers, kept.Redacted = append(headers, r.Headers...), slices.Clone(r.Redacted)
	s.serial++
	heap.Push(&s.waiting, waitingRecord{kept, s.serial})
	if len(s.waiting) <= window {
		return nil
	}
	return s.take()
}

// take gives the earliest record, nil when there is none.
func (s *sorter) take() *record.Record {
	if len(s.waiting) == 0 {
		return nil
	}
	r := heap.Pop(&s.waiting).(waitingRecord).Record //nolint:errcheck,forcetypeassert // Only records are pushed.
	s.free = append(s.free, r)
	return r
}
