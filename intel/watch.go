package intel

import (
	"os"
	"slices"
	"sync"
	"time"
)

// Watched is a set of lists that follows its files. Safe for concurrent use.
type Watched struct {
	specs []Spec

	mu    sync.Mutex
	lists *Lists
	seen  []stamp
}

// stamp tells one content of a file from another.
type stamp struct {
	size int64
	at   time.Time
}

// Watch loads the lists.
func Watch(specs []Spec) (*Watched, error) {
	w := &Watched{specs: slices.Clone(specs), seen: stamps(specs)}
	l, err := Load(specs)
	w.lists = l
	return w, err
}

// Lists gives the lists as last loaded.
func (w *Watched) Lists() *Lists {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lists
}

// Reload loads the lists again when a file has changed, and says whether it did.
// After an error the former lists stay in force.
func (w *Watched) Reload() (bool, error) {
	now := stamps(w.specs)
	w.mu.Lock()
	same := slices.Equal(now, w.seen)
	w.mu.Unlock()
	if same {
		return false, nil
	}
	l, err := Load(w.specs)
	if err != nil {
		return false, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lists, w.seen = l, now
	return true, nil
}

func stamps(specs []Spec) []stamp {
	out := make([]stamp, len(specs))
	for i, s := range specs {
		if st, err := os.Stat(s.Path); err == nil {
			out[i] = stamp{st.Size(), st.ModTime()}
		}
	}
	return out
}
