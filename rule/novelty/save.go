package novelty

import (
	"io"
	"math"
	"slices"
)

// Save writes the state. What it writes has a version and checksums.
func (s *State) Save(w io.Writer) error {
	e := newEncoder(w)
	for _, v := range s.clock.Values() {
		e.int(v)
	}
	for _, n := range s.counters() {
		e.int(*n)
	}
	e.uint(uint64(len(s.specs)))
	for i, spec := range s.specs {
		e.text(spec.ID)
		e.text(spec.fingerprint())
		e.uint(uint64(s.evicted[i]))
	}
	e.uint(uint64(s.ages.used))
	for r := range s.ages.all {
		e.uint(r.key)
		e.uint(uint64(r.v.first))
		e.uint(uint64(r.v.last))
	}
	e.uint(uint64(s.entities.used))
	for r := range s.entities.all {
		e.uint(r.key)
		for _, v := range []uint32{r.v.first, r.v.last, r.v.restart, r.v.total, r.v.alerted, r.v.gen, uint32(r.v.combos), uint32(r.v.spec)} {
			e.uint(uint64(v))
		}
		e.uint(uint64(len(r.v.samples)))
		for _, p := range r.v.samples {
			e.uint(uint64(p.period))
			e.uint(uint64(math.Float32bits(p.value)))
		}
	}
	e.uint(uint64(s.values.used))
	for r := range s.values.all {
		e.uint(r.key)
		e.uint(r.v.owner)
		for _, v := range []uint32{r.v.first, r.v.last, r.v.count, r.v.gen, uint32(r.v.spec)} {
			e.uint(uint64(v))
		}
	}
	return e.close()
}

// counters are the statistics that outlive a restart.
func (s *State) counters() []*int64 {
	t := &s.stats
	return []*int64{&t.Evicted, &t.Restarted, &t.Expired, &t.Overflowed, &t.Ignored}
}

// Load takes over what was saved, except of specs that are new or have changed: it
// names those whose state it left out. After an error the state is as it was.
func (s *State) Load(r io.Reader) (dropped []string, err error) {
	n, err := New(s.specs, s.limits)
	if err != nil {
		return nil, err
	}
	d := newDecoder(r)
	clock := make([]int64, len(n.clock.Values()))
	for i := range clock {
		clock[i] = d.int()
	}
	for _, c := range n.counters() {
		*c = d.int()
	}
	if d.err == nil && !n.clock.Restore(clock) {
		d.fail()
	}
	kept := make([]int, d.count(math.MaxUint16)) // saved place to ours, -1 = dropped
	for i := range kept {
		id, fingerprint := d.text(math.MaxInt16), d.text(1<<24)
		kept[i] = slices.IndexFunc(s.specs, func(sp Spec) bool { return sp.ID == id && sp.fingerprint() == fingerprint })
		evicted := d.small()
		if kept[i] >= 0 {
			n.evicted[kept[i]] = evicted
		} else {
			dropped = append(dropped, id)
		}
		if d.err != nil {
			return nil, d.err
		}
	}
	n.readAges(d)
	n.readEntities(d, kept)
	n.readValues(d, kept)
	if err := d.end(); err != nil {
		return nil, err
	}
	*s = *n
	return dropped, nil
}

func (s *State) readAges(d *decoder) {
	for range d.count(math.MaxInt32) {
		key := d.uint()
		v := age{d.small(), d.small()}
		if d.err != nil || s.ages.get(key) != nil {
			d.fail()
			return
		}
		s.ages.put(key).v = v
		s.makeRoom()
	}
}

func (s *State) readEntities(d *decoder, kept []int) {
	for range d.count(math.MaxInt32) {
		key := d.uint()
		v := entity{
			first: d.small(), last: d.small(), restart: d.small(), total: d.small(), alerted: d.small(),
			gen: d.small(), combos: d.short(), spec: d.short(),
		}
		n := d.count(maxPeriods + 1)
		for i := range n {
			p := sample{period: d.small(), value: math.Float32frombits(d.small())}
			if d.err != nil || i > 0 && p.period <= v.samples[i-1].period {
				d.fail()
				return
			}
			if len(v.samples) == cap(v.samples) {
				v.samples = slices.Grow(v.samples, min(n-i, 64))
			}
			v.samples = append(v.samples, p)
		}
		if d.err != nil || int(v.spec) >= len(kept) || s.entities.get(key) != nil {
			d.fail()
			return
		}
		if kept[v.spec] >= 0 {
			v.spec = uint16(kept[v.spec])
			s.entities.put(key).v = v
			s.stats.Samples += n
			s.makeRoom()
		}
	}
}

func (s *State) readValues(d *decoder, kept []int) {
	for range d.count(math.MaxInt32) {
		key := d.uint()
		v := value{owner: d.uint(), first: d.small(), last: d.small(), count: d.small(), gen: d.small(), spec: d.short()}
		if d.err != nil || int(v.spec) >= len(kept) || s.values.get(key) != nil {
			d.fail()
			return
		}
		if kept[v.spec] >= 0 {
			v.spec = uint16(kept[v.spec])
			s.values.put(key).v = v
			s.makeRoom()
		}
	}
}

func (d *decoder) small() uint32 { return uint32(d.count(math.MaxUint32)) }
func (d *decoder) short() uint16 { return uint16(d.count(math.MaxUint16)) }
