package threat

// recent is a bounded map that forgets what was not used for longest, roughly:
// two generations of which the older is dropped when the younger is full. What
// is looked up lives on. Exported fields are what is saved.
type recent[K comparable, V any] struct {
	Young, Old map[K]V
	Evicted    int64 // entries dropped
	half       int
}

func newRecent[K comparable, V any](bound int) recent[K, V] {
	return recent[K, V]{Young: map[K]V{}, Old: map[K]V{}, half: max(bound/2, 1)}
}

func (r *recent[K, V]) get(k K) (V, bool) {
	v, ok := r.Young[k]
	if ok || len(r.Old) == 0 {
		return v, ok
	}
	if v, ok = r.Old[k]; ok {
		delete(r.Old, k)
		r.put(k, v)
	}
	return v, ok
}

func (r *recent[K, V]) put(k K, v V) {
	if len(r.Young) >= r.half {
		if _, there := r.Young[k]; !there {
			r.Evicted += int64(len(r.Old))
			r.Old, r.Young = r.Young, make(map[K]V, r.half/8)
		}
	}
	if len(r.Old) > 0 {
		delete(r.Old, k)
	}
	r.Young[k] = v
}

// len counts the entries.
func (r *recent[K, V]) len() int { return len(r.Young) + len(r.Old) }

// restore takes over what was saved.
func (r *recent[K, V]) restore(from recent[K, V]) {
	if r.Young, r.Old, r.Evicted = from.Young, from.Old, from.Evicted; r.Young == nil {
		r.Young = map[K]V{}
	}
	if r.Old == nil {
		r.Old = map[K]V{}
	}
}
