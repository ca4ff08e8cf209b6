package rule

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/yagura-sec/yagura/rule/novelty"
)

// A saved engine is a magic text, a JSON object with its length and CRC-32C (4
// bytes each, little endian) before it, then the states of packages window and
// novelty as they write them.
const (
	engineMagic = "yagura engine 1\n"
	maxHead     = 8 << 20
)

var errEngineDamaged = errors.New("saved engine: damaged or cut off")

type savedEngine struct {
	Clock  []int64
	Closed int64
	Recent []uint64
	Next   int
	Counts []int64
}

func (e *Engine) counters() []*int64 {
	s := &e.stats
	return []*int64{&s.Events, &s.Alerts, &s.Suppressed, &s.DryRun, &s.Excluded, &s.Learning, &s.Ungrouped, &s.Unvalued, &s.Twice, &s.Ahead, &s.Panics}
}

// Save writes what the engine has learned. What it writes has versions and
// checksums.
func (e *Engine) Save(w io.Writer) error {
	head := savedEngine{Clock: e.clock.Values(), Closed: e.closed, Recent: e.recent.ring, Next: e.recent.next}
	for _, n := range e.counters() {
		head.Counts = append(head.Counts, *n)
	}
	text, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("saving the engine: %w", err)
	}
	b := binary.LittleEndian.AppendUint32([]byte(engineMagic), uint32(len(text)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)))
	if _, err := w.Write(append(b, text...)); err != nil {
		return fmt.Errorf("saving the engine: %w", err)
	}
	if err := e.windows.Save(w); err != nil {
		return fmt.Errorf("saving windows: %w", err)
	}
	if err := e.novelty.Save(w); err != nil {
		return fmt.Errorf("saving novelty: %w", err)
	}
	return nil
}

// Load takes over what was saved, except of documents that are new or have
// changed: dropped gives the ids of those whose state was left out, for the
// operator to see that they learn anew. After an error the engine is as it was.
func (e *Engine) Load(r io.Reader) (dropped []string, err error) {
	// One buffer for all three parts: none may read ahead into the next.
	in := bufio.NewReaderSize(r, 64<<10)
	head, clock, err := readHead(in, len(e.counters()))
	if err != nil {
		return nil, err
	}
	fresh, _ := NewEngine(e.set, e.cfg)
	lost, err := fresh.windows.Load(in)
	if err != nil {
		return nil, err
	}
	unlearned, err := fresh.novelty.Load(in)
	if err != nil {
		return nil, err
	}
	clock.Step, clock.Horizon = e.clock.Step, e.clock.Horizon
	e.windows, e.novelty, e.clock, e.closed = fresh.windows, fresh.novelty, clock, head.Closed
	e.recent = newRecent(head.Recent, head.Next)
	for i, n := range e.counters() {
		*n = head.Counts[i]
	}
	return append(lost, unlearned...), nil
}

func readHead(in io.Reader, counters int) (head savedEngine, clock novelty.Clock, err error) {
	fixed := make([]byte, len(engineMagic)+8)
	if _, err := io.ReadFull(in, fixed); err != nil {
		return head, clock, fmt.Errorf("%w: %w", errEngineDamaged, err)
	}
	if got := string(fixed[:len(engineMagic)]); got != engineMagic {
		return head, clock, fmt.Errorf("saved engine: %q is not %q: of another version, or not a saved engine", got, engineMagic)
	}
	fixed = fixed[len(engineMagic):]
	n := binary.LittleEndian.Uint32(fixed)
	if n > maxHead {
		return head, clock, errEngineDamaged
	}
	text, err := io.ReadAll(io.LimitReader(in, int64(n)))
	if err != nil || len(text) != int(n) || crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)) != binary.LittleEndian.Uint32(fixed[4:]) {
		return head, clock, errors.Join(errEngineDamaged, err)
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return head, clock, fmt.Errorf("%w: %w", errEngineDamaged, err)
	}
	if len(head.Counts) != counters || !clock.Restore(head.Clock) || len(head.Recent) > maxRecent || head.Next < 0 || head.Next > len(head.Recent) {
		return head, clock, errEngineDamaged
	}
	return head, clock, nil
}

// maxRecent is how many events baselines remember, so as not to count one twice
// that two objects hold.
const maxRecent = 1 << 16

// recent is a set of the latest events.
type recent struct {
	ring []uint64
	next int
	set  map[uint64]bool
}

func newRecent(ring []uint64, next int) recent {
	r := recent{ring: ring, next: next, set: make(map[uint64]bool, len(ring))}
	for _, id := range ring {
		r.set[id] = true
	}
	return r
}

// add says whether the event is new.
func (r *recent) add(id uint64) bool {
	if r.set == nil {
		r.set = map[uint64]bool{}
	}
	if r.set[id] {
		return false
	}
	r.set[id] = true
	if len(r.ring) < maxRecent {
		r.ring = append(r.ring, id)
		return true
	}
	r.next %= maxRecent
	delete(r.set, r.ring[r.next])
	r.ring[r.next] = id
	r.next++
	return true
}
