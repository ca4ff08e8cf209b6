package jsonmap

import (
	"errors"
	"io"
	"slices"
	"strings"
	"unsafe"

	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// Shape says how a source's records may be wrapped on their way.
type Shape struct {
	// Arrays are the members that hold the records of a file:
	// {"Findings":[…]}. CloudWatch Logs' own, logEvents of a subscription and
	// events of the API, are known.
	Arrays []string
	// Envelopes says that a record may come inside an EventBridge event or an
	// SNS notification.
	Envelopes bool
	// Inner are the members of a record that hold the real ones, such as the
	// findings of {"findings":[…]} in an EventBridge event.
	Inner []string
}

// Names that CloudWatch Logs gives to its arrays.
const (
	subscription = "logEvents"
	filtered     = "events"
)

// maxUnwrap bounds how deep an envelope lies in envelopes.
const maxUnwrap = 5

// Decoder reads the records of one object into events. It is a yagura.Decoder
// save that a bad record is a [jsonscan.BadRecord]. An event's Raw is the record
// itself, without what it was wrapped in: it decodes to the same event alone,
// and a record delivered in two ways is the same.
type Decoder struct {
	shape   Shape
	records *jsonscan.Records
	stamps  *stampStripper
	fill    *Filler
	finish  Finish
	queue   []item
	number  int64
}

// Finish completes an event whose columns are filled and whose Raw is the record.
// An error makes the record a bad one and is its reason.
type Finish func(ev *ocsf.Event) error

type item struct {
	raw    []byte
	reason string // what is wrong with it
	offset int64
}

// NewDecoder reads body, whose records are at most maxRecord bytes long.
func NewDecoder(body io.Reader, maxRecord int, shape Shape, table *Table, finish Finish) *Decoder {
	stamps := &stampStripper{src: body}
	arrays := append([]string{subscription, filtered}, shape.Arrays...)
	return &Decoder{
		shape: shape, stamps: stamps, records: jsonscan.NewRecords(stamps, maxRecord, arrays...),
		fill: table.Filler(), finish: finish,
	}
}

// Next fills ev with the next record. It returns io.EOF at the end and a
// *[jsonscan.BadRecord] for a record that cannot be read.
func (d *Decoder) Next(ev *ocsf.Event) error {
	ev.Reset()
	for len(d.queue) == 0 {
		rec, err := d.records.Next()
		var bad *jsonscan.BadRecord
		if errors.As(err, &bad) {
			return d.bad(ev, item{raw: bad.Raw, reason: bad.Reason, offset: bad.Offset})
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
	if err := d.fill.Fill(ev, it.raw); err != nil {
		it.reason = err.Error()
		return d.bad(ev, it)
	}
	ev.Raw = alias(it.raw)
	if err := d.finish(ev); err != nil {
		it.reason = err.Error()
		return d.bad(ev, it)
	}
	ev.Provenance.Record = d.number
	d.number++
	return nil
}

const maxBadRaw = 64 << 10

func (d *Decoder) bad(ev *ocsf.Event, it item) error {
	ev.Reset()
	ev.Provenance.Record = d.number
	e := &jsonscan.BadRecord{Number: d.number, Offset: it.offset, Reason: it.reason, Raw: it.raw[:min(len(it.raw), maxBadRaw)]}
	d.number++
	if d.stamps.on {
		e.Offset = -1 // Counted without the stamps, it would mislead.
	}
	return e
}

// open puts the records inside rec into the queue.
func (d *Decoder) open(rec jsonscan.Record) {
	it := item{raw: rec.Raw, offset: rec.Offset}
	switch {
	case rec.Wrapper == subscription || rec.Wrapper == filtered:
		d.message(it, "message", 0)
	case d.shape.Envelopes || len(d.shape.Inner) > 0:
		d.unwrap(it, 0)
	default:
		d.queue = append(d.queue, it)
	}
}

// member is one member of an object, its value as it stands.
type member struct{ key, value string }

func members(raw []byte) []member {
	var out []member
	var s jsonscan.Scanner
	s.Reset(raw)
	if s.Object() {
		for s.Next() {
			out = append(out, member{s.Key(), s.Raw()})
		}
	}
	if s.End() != nil {
		return nil
	}
	return out
}

func get(all []member, key string) string {
	i := slices.IndexFunc(all, func(m member) bool { return m.key == key })
	if i < 0 {
		return ""
	}
	return all[i].value
}

// unwrap takes an envelope off, if there is one. What does not parse goes on as
// it is: the filler will say what is wrong.
func (d *Decoder) unwrap(it item, depth int) {
	all := members(it.raw)
	if all == nil || depth >= maxUnwrap {
		d.queue = append(d.queue, it)
		return
	}
	if d.shape.Envelopes {
		switch {
		case get(all, "detail-type") != "" && strings.HasPrefix(get(all, "detail"), "{"):
			d.descend(it, all, "detail", depth)
			return
		case get(all, "Type") == `"Notification"` && get(all, "TopicArn") != "":
			d.message(it, "Message", depth)
			return
		}
	}
	for _, key := range d.shape.Inner {
		if v := get(all, key); strings.HasPrefix(v, "{") || strings.HasPrefix(v, "[") {
			d.descend(it, all, key, depth)
			return
		}
	}
	d.queue = append(d.queue, it)
}

// descend goes into a member that holds one record or several.
func (d *Decoder) descend(it item, all []member, key string, depth int) {
	value := get(all, key)
	if value[0] == '{' {
		d.unwrap(item{raw: []byte(value), offset: it.offset}, depth+1)
		return
	}
	var s jsonscan.Scanner
	s.Reset([]byte(value))
	s.Array()
	for s.Next() {
		inner := item{raw: []byte(s.Raw()), offset: it.offset}
		d.unwrap(inner, depth+1)
	}
}

// message takes a record out of a member that holds it as text.
func (d *Decoder) message(it item, key string, depth int) {
	all := members(it.raw)
	var s jsonscan.Scanner
	s.Reset([]byte(get(all, key)))
	v, ok := s.Str()
	switch {
	case !ok:
		it.reason = "no text in " + key
		d.queue = append(d.queue, it)
	case strings.HasPrefix(v, "CWL CONTROL MESSAGE"):
		// CloudWatch Logs tries out the subscription; no record is in it.
	default:
		inner := item{raw: []byte(strings.TrimSpace(v)), offset: it.offset}
		d.unwrap(inner, depth+1)
	}
}

func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
