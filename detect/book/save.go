package book

import (
	"encoding/gob"
	"fmt"
	"io"
	"slices"
)

// version of the saved form.
const version = 1

type saved struct {
	Version int
	Pages   []*page
	Stats   Stats
}

// Save writes the book.
func (b *Book) Save(w io.Writer) error {
	s := saved{Version: version, Stats: b.stats}
	for _, p := range b.pages {
		s.Pages = append(s.Pages, p)
	}
	slices.SortFunc(s.Pages, func(x, y *page) int {
		if x.Key < y.Key {
			return -1
		}
		return 1
	})
	if err := gob.NewEncoder(w).Encode(&s); err != nil {
		return fmt.Errorf("saving the open findings: %w", err)
	}
	return nil
}

// Load makes the book an equal of the saved one. After an error it is as before.
func (b *Book) Load(r io.Reader) error {
	var s saved
	if err := gob.NewDecoder(r).Decode(&s); err != nil {
		return fmt.Errorf("loading the open findings: %w", err)
	}
	if s.Version != version {
		return fmt.Errorf("the open findings were saved in form %d, this program reads %d", s.Version, version)
	}
	b.pages, b.stats, b.dirty = make(map[string]*page, len(s.Pages)), s.Stats, nil
	for _, p := range s.Pages {
		b.pages[p.Key] = p
	}
	return nil
}
