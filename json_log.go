package yagura

import (
	"errors"
	"sync"
	"unsafe"

	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// JSONLog describes a log of JSON records, for the sources that are little more
// than a table: the same list of native names that search resolves also tells
// which member of the record goes to which column, so the two cannot disagree.
//
// A name is a path of keys joined by dots. It passes through arrays without a
// mark: "Resources.Id" is the Id of every element. Keys match whatever their
// ASCII case, because AWS writes one record as accountId (S3, EventBridge) and
// AccountId (CLI), arn and ARN.
//
// Absent, null and empty values leave their column alone. Where several names
// fill one column, the first of the list that has a value wins; list columns
// take all of them, each value once. Values are read by the column's kind:
// numbers and times may be strings, a time may be ISO 8601 or a number of
// seconds, milliseconds, microseconds or nanoseconds. Text that is not an
// address goes to the second column of the name, if it has one.
//
// An event's Raw is the record itself, without what it was wrapped in: alone it
// decodes to the same event, and a record delivered in two ways is the same.
type JSONLog struct {
	Names []ocsf.Native
	// Hooks read what a table cannot, by path. A hook takes the whole value;
	// names below its path are not looked for.
	Hooks map[string]JSONHook
	// Finish completes an event whose columns are filled and whose Raw is the
	// record. An error makes the record a RecordError and is its reason.
	Finish func(ev *ocsf.Event, from *Object) error

	// Arrays are the members that hold the records of a file:
	// {"Findings":[…]}. CloudWatch Logs' own, logEvents of a subscription and
	// events of the API, are known, and so are the times of its export.
	Arrays []string
	// Envelopes says that a record may come inside an EventBridge event or an
	// SNS notification.
	Envelopes bool
	// Inner are the members of a record that hold the real ones, such as the
	// findings of {"findings":[…]} in an EventBridge event.
	Inner []string

	once  sync.Once
	table *jsonTable
	err   error
}

// JSONHook reads the value that waits in s, or leaves it to be skipped.
type JSONHook func(ev *ocsf.Event, s *jsonscan.Scanner)

// JSONText reads a string, or a number or boolean as its text; null, objects and
// arrays give "" and stay unread.
func JSONText(s *jsonscan.Scanner) string {
	switch s.Kind() {
	case '"':
		v, _ := s.Str()
		return v
	case '0', 't', 'f':
		return s.Raw()
	}
	return ""
}

// SchemaColumns names the columns that a list of names fills, and more, each once.
func SchemaColumns(names []ocsf.Native, more ...string) []string {
	var out []string
	for _, n := range names {
		for _, c := range n.Columns {
			addOnce(&out, c)
		}
	}
	for _, c := range more {
		addOnce(&out, c)
	}
	return out
}

// Open gives a decoder. An error is a mistake in Names.
func (l *JSONLog) Open(in Input) (Decoder, error) {
	l.once.Do(func() { l.table, l.err = compile(l.Names, l.Hooks) })
	if l.err != nil {
		return nil, l.err
	}
	stamps := &stampStripper{src: in.Body}
	arrays := append([]string{subscription, filtered}, l.Arrays...)
	return &jsonDecoder{
		log: l, from: in.Object, stamps: stamps, fill: l.table.filler(),
		records: jsonscan.NewRecords(stamps, in.MaxRecord, arrays...),
	}, nil
}

type jsonDecoder struct {
	log     *JSONLog
	from    Object
	records *jsonscan.Records
	stamps  *stampStripper
	fill    *filler
	queue   []jsonItem
	number  int64
}

type jsonItem struct {
	raw    []byte
	reason string // what is wrong with it
	offset int64
}

func (d *jsonDecoder) Next(ev *ocsf.Event) error {
	ev.Reset()
	for len(d.queue) == 0 {
		rec, err := d.records.Next()
		if bad, ok := errors.AsType[*jsonscan.BadRecord](err); ok {
			return d.bad(ev, jsonItem{raw: bad.Raw, reason: bad.Reason, offset: bad.Offset})
		}
		if err != nil {
			return err
		}
		d.open(rec)
	}
	it := d.queue[0]
	d.queue = d.queue[1:]
	if it.reason != "" {
		return d.bad(ev, it)
	}
	if err := d.fill.fill(ev, it.raw); err != nil {
		it.reason = err.Error()
		return d.bad(ev, it)
	}
	ev.Raw = alias(it.raw)
	if err := d.log.Finish(ev, &d.from); err != nil {
		it.reason = err.Error()
		return d.bad(ev, it)
	}
	ev.Provenance.Record = d.number
	d.number++
	return nil
}

const maxBadRaw = 64 << 10

func (d *jsonDecoder) bad(ev *ocsf.Event, it jsonItem) error {
	ev.Reset()
	ev.Provenance.Record = d.number
	e := &RecordError{Record: d.number, Offset: it.offset, Reason: it.reason, Raw: it.raw[:min(len(it.raw), maxBadRaw)]}
	d.number++
	if d.stamps.on {
		e.Offset = -1 // Counted without the stamps, it would mislead.
	}
	return e
}

func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
