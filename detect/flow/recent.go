package flow

// recent remembers values by key, at most about limit of them: when the younger
// generation is full the older one is forgotten, whatever was not used since.
// Forgotten counts what was lost so.
type recent[K comparable, V any] struct {
	Young, Old map[K]*V
	Forgotten  int64
	limit      int
}

func newRecent[K comparable, V any](limit int) recent[K, V] {
	return recent[K, V]{Young: map[K]*V{}, limit: max(2, limit)}
}

// get gives the value of a key, nil if there is none.
func (m *recent[K, V]) get(k K) *V {
	if v := m.Young[k]; v != nil {
		return v
	}
	v := m.Old[k]
	if v != nil {
		delete(m.Old, k)
		m.put(k, v)
	}
	return v
}

// at gives the value of a key, a new one if there is none.
func (m *recent[K, V]) at(k K) *V {
	if v := m.get(k); v != nil {
		return v
	}
	v := new(V)
	m.put(k, v)
	return v
}

func (m *recent[K, V]) put(k K, v *V) {
	if len(m.Young) >= m.limit/2 {
		m.Forgotten += int64(len(m.Old))
		m.Old, m.Young = m.Young, make(map[K]*V, m.limit/8)
	}
	m.Young[k] = v
}
