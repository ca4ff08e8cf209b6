package ask

import (
	"fmt"
	"time"

	"github.com/yagura-sec/yagura/ocsf"
)

// Key is where a row stands and by what results are ordered: newest first (or
// oldest), ties by object and record, so that the order is total.
type Key struct {
	Time   int64 // µs
	Object int64
	Record int64
}

// Page is which part of the events to give.
type Page struct {
	Limit  int  // at most so many
	Oldest bool // oldest first; else newest first
	After  *Key // only events after this one in that order
	Raw    bool // with the raw record
}

// Hit is an event that was found.
type Hit struct {
	Source string
	Event  ocsf.Event
}

// Key gives the key of a hit, to go on after it.
func (h *Hit) Key() Key {
	return Key{Time: h.Event.Time, Object: h.Event.Provenance.Object, Record: h.Event.Provenance.Record}
}

// ID names the event: the source's own id where it has one, else the source
// with object and record.
func (h *Hit) ID() string {
	if h.Event.UID != "" {
		return h.Event.UID
	}
	return fmt.Sprintf("%s:%x:%d", h.Source, h.Event.Provenance.Object, h.Event.Provenance.Record)
}

// Attributes gives the source and the event.
func (h *Hit) Attributes() (source string, ev *ocsf.Event) { return h.Source, &h.Event }

// Quarantined is a record that could not be read.
type Quarantined struct {
	Object int64 // id of its object
	Record int64 // number in the object
	Offset int64 // byte offset in the decompressed object, -1 if unknown
	Reason string
	Raw    []byte // cut to at most 64 KiB
	At     int64  // µs, when it was met
}

// Bucket is a bar of a histogram.
type Bucket struct {
	Start  time.Time
	Counts map[string]int64 // by source
}

// Value is a value of a field with the number of events that have it.
type Value struct {
	Value string
	None  bool // stands for the events without a value
	Count int64
}

// Statistics describes the values of one field.
type Statistics struct {
	Events, Present, Distinct int64
	Min, Max                  string
}

// Cell is one hour of one source in one account and region.
type Cell struct {
	Source, Account, Region string
	Hour                    time.Time
	Events                  int64
	Skipped                 int64 // records that say that data were skipped
}
