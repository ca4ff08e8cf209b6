package sequence

import (
	"cmp"
	"encoding/gob"
	"fmt"
	"io"
	"slices"
)

const version = 1

type saved struct {
	Version int
	Threads []*thread
	Evicted int64
}

// Save writes the state.
func (s *Sequencer) Save(w io.Writer) error {
	out := saved{Version: version, Evicted: s.Evicted}
	for _, t := range s.threads {
		out.Threads = append(out.Threads, t)
	}
	slices.SortFunc(out.Threads, func(a, b *thread) int { return cmp.Compare(a.Key, b.Key) })
	if err := gob.NewEncoder(w).Encode(&out); err != nil {
		return fmt.Errorf("saving attack sequences: %w", err)
	}
	return nil
}

// Load makes the sequencer an equal of the saved one. After an error it is as
// before.
func (s *Sequencer) Load(r io.Reader) error {
	var in saved
	if err := gob.NewDecoder(r).Decode(&in); err != nil {
		return fmt.Errorf("loading attack sequences: %w", err)
	}
	if in.Version != version {
		return fmt.Errorf("attack sequences were saved in form %d, this program reads %d", in.Version, version)
	}
	s.threads, s.Evicted, s.dirty = make(map[string]*thread, len(in.Threads)), in.Evicted, nil
	for _, t := range in.Threads {
		s.threads[t.Key] = t
	}
	return nil
}
