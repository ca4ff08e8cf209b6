package threat

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io"

	"github.com/yagura-sec/yagura/rule"
)

// version of the saved form.
const version = 1

// saved is everything but the engine, which saves itself behind it.
type saved struct {
	Version   int
	Stats     Stats
	Keys      recent[string, link]
	Names     recent[string, link]
	Shared    recent[string, pairs]
	Made      recent[uint64, []mark]
	First     recent[uint64, uint64]
	Seq       uint32
	Instances recent[string, *instance]
	Elsewhere recent[string, string]
	Spots     recent[string, *spots]
	Persons   recent[string, *person]
}

// maxState bounds a saved state, in bytes.
const maxState = 2 << 30

// Save writes the state: its length, what this package knows, and the engine's.
func (d *Detector) Save(w io.Writer) error {
	c, r := d.fields.chains, d.fields.reverts
	s := saved{
		Version: version, Stats: d.stats, Keys: c.keys, Names: c.names, Shared: c.shared, Made: r.made, First: r.first, Seq: r.seq,
		Instances: d.instances.list, Elsewhere: d.instances.elsewhere, Spots: d.spread.keys, Persons: d.travel.persons,
	}
	s.Stats.Engine = rule.EngineStats{} // the engine's own
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(&s); err != nil {
		return fmt.Errorf("saving threat detection: %w", err)
	}
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(b.Len()))
	if _, err := w.Write(append(size[:], b.Bytes()...)); err != nil {
		return fmt.Errorf("saving threat detection: %w", err)
	}
	return d.engine.Save(w)
}

// Load makes the detector an equal of the saved one. Rules that have changed
// learn anew and are named in [Stats].
func (d *Detector) Load(r io.Reader) error {
	var size [8]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return fmt.Errorf("loading threat detection: %w", err)
	}
	n := binary.BigEndian.Uint64(size[:])
	if n > maxState {
		return errors.New("loading threat detection: the state is too long to be one")
	}
	part := io.LimitReader(r, int64(n))
	var s saved
	if err := gob.NewDecoder(part).Decode(&s); err != nil {
		return fmt.Errorf("loading threat detection: %w", err)
	}
	if s.Version != version {
		return fmt.Errorf("loading threat detection: saved in form %d, this program reads %d", s.Version, version)
	}
	if _, err := io.Copy(io.Discard, part); err != nil {
		return fmt.Errorf("loading threat detection: %w", err)
	}
	dropped, err := d.engine.Load(r)
	if err != nil {
		return fmt.Errorf("loading threat detection: %w", err)
	}
	c, v := d.fields.chains, d.fields.reverts
	c.keys.restore(s.Keys)
	c.names.restore(s.Names)
	c.shared.restore(s.Shared)
	v.made.restore(s.Made)
	v.first.restore(s.First)
	v.seq, v.current = s.Seq, false
	d.instances.list.restore(s.Instances)
	d.instances.elsewhere.restore(s.Elsewhere)
	d.instances.lastAt, d.instances.lastWho = "", ""
	d.spread.keys.restore(s.Spots)
	d.travel.persons.restore(s.Persons)
	d.stats = s.Stats
	if d.stats.Automation == nil {
		d.stats.Automation = map[string]int64{}
	}
	d.stats.Dropped = dropped
	return nil
}

// Stats gives the counts so far.
func (d *Detector) Stats() Stats {
	s := d.stats
	s.Automation = make(map[string]int64, len(d.stats.Automation))
	for k, n := range d.stats.Automation {
		s.Automation[k] = n
	}
	c, r := d.fields.chains, d.fields.reverts
	s.Sessions = c.keys.len()
	s.Evicted = c.keys.Evicted + c.names.Evicted + c.shared.Evicted + r.made.Evicted + r.first.Evicted +
		d.instances.list.Evicted + d.instances.elsewhere.Evicted + d.spread.keys.Evicted + d.travel.persons.Evicted
	s.Engine = d.engine.Stats()
	return s
}
