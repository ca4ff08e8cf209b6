package book

import (
	"encoding/gob"
	"fmt"
	"io"
)

// Seen remembers the latest events by a 64-bit digest of what identifies them,
// so that an event that is delivered twice is counted once. Two generations: at
// least Bound/2 and at most Bound events are remembered.
type Seen struct {
	young, old map[uint64]struct{}
	half       int
	Duplicates int64 // events that had been seen
	Forgotten  int64 // digests given up for lack of room
}

// DefaultSeen is how many events are remembered where nothing else is said:
// about 40 MB.
const DefaultSeen = 1 << 20

// NewSeen remembers up to bound events; 0 = DefaultSeen.
func NewSeen(bound int) *Seen {
	if bound <= 0 {
		bound = DefaultSeen
	}
	return &Seen{young: map[uint64]struct{}{}, half: max(bound/2, 1)}
}

// Before says whether the digest has been seen, and remembers it.
func (s *Seen) Before(digest uint64) bool {
	_, dup := s.young[digest]
	if !dup && len(s.old) > 0 {
		_, dup = s.old[digest]
	}
	if dup {
		s.Duplicates++
		return true
	}
	if len(s.young) >= s.half {
		s.Forgotten += int64(len(s.old))
		s.old, s.young = s.young, make(map[uint64]struct{}, s.half/8)
	}
	s.young[digest] = struct{}{}
	return false
}

type savedSeen struct {
	Version               int
	Young, Old            []uint64
	Duplicates, Forgotten int64
}

// Save writes the digests.
func (s *Seen) Save(w io.Writer) error {
	out := savedSeen{Version: version, Young: keys(s.young), Old: keys(s.old), Duplicates: s.Duplicates, Forgotten: s.Forgotten}
	if err := gob.NewEncoder(w).Encode(&out); err != nil {
		return fmt.Errorf("saving the digests of events: %w", err)
	}
	return nil
}

// Load reads what Save wrote.
func (s *Seen) Load(r io.Reader) error {
	var in savedSeen
	if err := gob.NewDecoder(r).Decode(&in); err != nil {
		return fmt.Errorf("loading the digests of events: %w", err)
	}
	if in.Version != version {
		return fmt.Errorf("the digests were saved in form %d, this program reads %d", in.Version, version)
	}
	s.young, s.old = set(in.Young), set(in.Old)
	s.Duplicates, s.Forgotten = in.Duplicates, in.Forgotten
	return nil
}

func keys(m map[uint64]struct{}) []uint64 {
	out := make([]uint64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

func set(list []uint64) map[uint64]struct{} {
	m := make(map[uint64]struct{}, len(list))
	for _, k := range list {
		m[k] = struct{}{}
	}
	return m
}
