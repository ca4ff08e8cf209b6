package novelty

// table is a map from 64-bit keys to fixed records that knows the order of
// touch. Records lie in chunks, so that growing copies nothing but the index.
type table[V any] struct {
	index  []uint32 // place of a record + 1, by key with linear probing; 0 = free
	chunks [][]record[V]
	used   int
	free   []uint32
	newest uint32 // place + 1, 0 = none
	oldest uint32
}

type record[V any] struct {
	key          uint64
	newer, older uint32 // place + 1
	v            V
}

const chunkBits = 12

func (t *table[V]) at(place uint32) *record[V] {
	return &t.chunks[place>>chunkBits][place&(1<<chunkBits-1)]
}

// slot gives where a key stands in the index, or would.
func (t *table[V]) slot(key uint64) int {
	mask := len(t.index) - 1
	i := int(key) & mask
	for t.index[i] != 0 && t.at(t.index[i]-1).key != key {
		i = (i + 1) & mask
	}
	return i
}

// get gives the record of a key, or nil. It does not touch it.
func (t *table[V]) get(key uint64) *record[V] {
	if len(t.index) == 0 {
		return nil
	}
	if p := t.index[t.slot(key)]; p != 0 {
		return t.at(p - 1)
	}
	return nil
}

// put adds a key that is not there, as the newest.
func (t *table[V]) put(key uint64) *record[V] {
	if 4*(t.used+1) > 3*len(t.index) {
		t.grow()
	}
	var place uint32
	if n := len(t.free); n > 0 {
		place = t.free[n-1]
		t.free = t.free[:n-1]
	} else {
		place = uint32(t.used)
		if int(place>>chunkBits) == len(t.chunks) {
			t.chunks = append(t.chunks, make([]record[V], 1<<chunkBits))
		}
	}
	t.used++
	r := t.at(place)
	*r = record[V]{key: key}
	t.index[t.slot(key)] = place + 1
	t.link(r, place+1)
	return r
}

func (t *table[V]) grow() {
	t.index = make([]uint32, max(16, 2*len(t.index)))
	for p := t.oldest; p != 0; {
		r := t.at(p - 1)
		t.index[t.slot(r.key)] = p
		p = r.newer
	}
}

// touch makes a record the newest.
func (t *table[V]) touch(r *record[V]) {
	p := t.index[t.slot(r.key)]
	if t.newest != p {
		t.unlink(r)
		t.link(r, p)
	}
}

func (t *table[V]) link(r *record[V], p uint32) {
	r.older, r.newer = t.newest, 0
	if t.newest != 0 {
		t.at(t.newest - 1).newer = p
	} else {
		t.oldest = p
	}
	t.newest = p
}

func (t *table[V]) unlink(r *record[V]) {
	if r.older != 0 {
		t.at(r.older - 1).newer = r.newer
	} else {
		t.oldest = r.newer
	}
	if r.newer != 0 {
		t.at(r.newer - 1).older = r.older
	} else {
		t.newest = r.older
	}
}

// last gives the record that was touched least recently, or nil.
func (t *table[V]) last() *record[V] {
	if t.oldest == 0 {
		return nil
	}
	return t.at(t.oldest - 1)
}

// remove gives up a record.
func (t *table[V]) remove(r *record[V]) {
	i := t.slot(r.key)
	place := t.index[i] - 1
	t.unlink(r)
	*r = record[V]{}
	t.free = append(t.free, place)
	t.used--
	// Close the gap, so that probing still finds what stands behind it.
	mask := len(t.index) - 1
	for j := i; ; {
		t.index[i] = 0
		for {
			j = (j + 1) & mask
			if t.index[j] == 0 {
				return
			}
			home := int(t.at(t.index[j]-1).key) & mask
			if (j-home)&mask >= (j-i)&mask {
				break
			}
		}
		t.index[i] = t.index[j]
		i = j
	}
}

// all yields the records from the oldest to the newest.
func (t *table[V]) all(yield func(*record[V]) bool) {
	for p := t.oldest; p != 0; {
		r := t.at(p - 1)
		if !yield(r) {
			return
		}
		p = r.newer
	}
}
