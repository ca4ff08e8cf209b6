package jsonscan

import (
	"fmt"
	"io"
	"slices"
)

// DefaultMaxRecord is the limit of one record when the caller gives none.
const DefaultMaxRecord = 16 << 20

// maxRaw bounds the bytes that a BadRecord carries.
const maxRaw = 64 << 10

// Record is one JSON object as it stands in the stream. It is balanced, but not
// yet checked: that is the Scanner's work.
type Record struct {
	Raw     []byte // begins with '{'; never changes, may be aliased for ever
	Number  int64  // among good and bad records, from 0
	Offset  int64  // of Raw in the stream
	Wrapper string // name of the array around it, empty if it stands alone
}

// Text is Raw as text, without a copy.
func (r *Record) Text() string { return alias(r.Raw) }

// BadRecord is a record that cannot be split off. Next goes on behind it.
type BadRecord struct { //nolint:errname // It is a record first, and goes on to be one in quarantine.
	Number int64
	Offset int64
	Reason string
	Raw    []byte // cut to 64 KiB
}

// Error says which record is bad and why.
func (e *BadRecord) Error() string {
	return fmt.Sprintf("record %d at byte %d: %s", e.Number, e.Offset, e.Reason)
}

// TruncatedError ends a stream that stops inside a value or an array.
type TruncatedError struct {
	Number int64 // of the record that is missing or cut
	Offset int64 // length of the stream
}

// Error says where the stream stops.
func (e *TruncatedError) Error() string {
	return fmt.Sprintf("truncated at byte %d, in or before record %d: the rest of the object is missing", e.Offset, e.Number)
}

// Records splits a stream into records. It recognises by content: an object with
// a record array of a known name ({"Records":[…]}), objects one a line,
// concatenated objects, a top-level array, and any sequence of these.
//
// Memory is bounded by about twice the record limit and 1 MiB. Damage is
// reported, never passed over: a record that does not balance is a *BadRecord
// that ends where the next record plausibly begins (in lines a line that begins
// with '{'; in an array an element with the same first key).
type Records struct {
	in      chunks
	pos     int // next byte to look at
	start   int // first byte of the value at hand
	max     int
	place   place
	w       walk
	wrapper string
	number  int64
	err     error

	long     bool   // the value at hand is over the limit and is skipped
	longRaw  []byte // its first bytes
	longFrom int64  // its offset

	head     []byte // the object around the array, without its elements
	headDone bool
	last     []byte // the last good record
	rewound  int64
}

type place uint8

const (
	top   place = iota
	array       // between the elements of a top-level array
	wrapped
	tail // in the object, behind its array
)

// NewRecords splits src. A record over maxRecord bytes (0: DefaultMaxRecord) is
// a BadRecord. names are the members that may hold the record array, matched
// exactly at the top level of an object.
func NewRecords(src io.Reader, maxRecord int, names ...string) *Records {
	if maxRecord <= 0 {
		maxRecord = DefaultMaxRecord
	}
	return &Records{in: chunks{src: src}, max: maxRecord, w: walk{names: names}}
}

// Header gives the object around the current or last record array as a JSON
// object whose array is empty; nil if there was none. Members behind the array
// are there when its last record has been read and Next has gone on.
func (r *Records) Header() []byte {
	if r.head == nil || r.headDone {
		return r.head
	}
	return append(slices.Clip(r.head), "]}"...)
}

// Next gives the next record. After a *BadRecord it goes on; io.EOF is the sound
// end; any other error ends the stream and repeats.
func (r *Records) Next() (Record, error) {
	for r.err == nil {
		c, ok := r.peek()
		if !ok {
			break
		}
		var rec Record
		var done bool
		var err error
		switch {
		case r.place == tail:
			rec, done, err = r.value()
		case c == '{':
			r.begin()
			r.w.begin(r.place == top)
			rec, done, err = r.value()
		case r.place == top && c == '[':
			r.pos++
			r.place = array
		case r.place == top:
			err = r.junk("\n", "not a JSON object")
		case c == ']':
			r.leaveArray()
		case c == ',':
			r.pos++
		default:
			err = r.element(c)
		}
		if done || err != nil {
			return rec, err
		}
	}
	return Record{}, r.err
}

// peek skips space and gives the next byte. At the end it sets the final error.
func (r *Records) peek() (byte, bool) {
	for {
		if r.in.base == 0 && r.pos == 0 && len(r.in.buf) >= 3 && string(r.in.buf[:3]) == "\xef\xbb\xbf" {
			r.pos = 3 // byte order mark
		}
		begin := r.in.base == 0 && r.pos == 0 && len(r.in.buf) < 3
		if !begin || r.in.err != nil {
			if r.place != tail {
				r.pos = space(r.in.buf, r.pos)
			}
			if r.pos < len(r.in.buf) {
				return r.in.buf[r.pos], true
			}
		}
		if r.in.err != nil {
			r.end()
			return 0, false
		}
		keep := r.pos
		if r.place == tail {
			keep = r.start
		}
		r.more(keep)
	}
}

// end sets the final error from the reader's.
func (r *Records) end() {
	at := r.in.base + int64(len(r.in.buf))
	switch {
	case !r.in.ended():
		r.err = fmt.Errorf("reading at byte %d: %w", at, r.in.err)
	case r.place != top:
		r.err = &TruncatedError{Number: r.number, Offset: at}
	default:
		r.err = io.EOF
	}
}

// more reads on and moves the indexes with the bytes from keep on.
func (r *Records) more(keep int) {
	shift := r.in.more(keep)
	r.pos -= shift
	r.start -= shift
	r.w.str -= shift
}

func (r *Records) begin() {
	r.start, r.long, r.longRaw = r.pos, false, nil
}

func (r *Records) leaveArray() {
	if r.place == array {
		r.pos++
		r.place = top
		return
	}
	r.begin()
	r.pos++
	r.place = tail
	r.w.reopen()
}

// value walks the value at hand to its end.
func (r *Records) value() (Record, bool, error) {
	for {
		b := r.in.buf
		if limit := r.start + r.max + 1; !r.long && limit < len(b) {
			b = b[:limit]
		}
		var v verdict
		r.pos, v = r.w.run(b, r.pos, r.start, !r.long)
		switch v {
		case wantMore:
		case closed:
			return r.closed()
		case foundArray:
			return r.openArray()
		case broken:
			return Record{}, false, r.resync(r.w.reason)
		}
		if !r.long && len(b)-r.start > r.max {
			r.long, r.longFrom = true, r.in.base+int64(r.start)
			r.longRaw = b[r.start:min(len(b), r.start+maxRaw)]
			continue
		}
		if r.in.err != nil {
			return Record{}, false, r.unfinished()
		}
		keep := r.start
		if r.long {
			if keep = r.pos; r.w.inString && r.pos-r.w.str < maxName {
				keep = max(0, r.w.str)
			}
		}
		r.more(keep)
	}
}

func (r *Records) closed() (Record, bool, error) {
	if r.place == tail {
		r.place = top
		return Record{}, false, r.closeHead()
	}
	if r.long {
		return Record{}, false, r.bad(r.longRaw, r.longFrom, r.tooLong())
	}
	raw := r.in.buf[r.start:r.pos:r.pos]
	rec := Record{Raw: raw, Number: r.number, Offset: r.in.base + int64(r.start), Wrapper: r.wrapperName()}
	r.last = raw
	r.number++
	return rec, true, nil
}

func (r *Records) wrapperName() string {
	if r.place == wrapped {
		return r.wrapper
	}
	return ""
}

func (r *Records) tooLong() string {
	return fmt.Sprintf("longer than the limit of %d bytes", r.max)
}

// openArray turns the object at hand into a wrapper.
func (r *Records) openArray() (Record, bool, error) {
	if r.place == top {
		r.head = nil
	}
	r.headDone = false
	r.wrapper = r.w.name
	var err error
	switch {
	case r.long:
		err = r.bad(r.longRaw, r.longFrom, "the members around the records are "+r.tooLong())
		r.head = append(r.head[:0:0], "{\""+r.wrapper+"\":["...)
	case len(r.head)+r.pos-r.start > 2*r.max:
		err = r.bad(nil, r.in.base+int64(r.start), "the members around the records are "+r.tooLong())
	default:
		r.head = append(r.head, r.in.buf[r.start:r.pos]...)
	}
	r.place = wrapped
	r.begin()
	return Record{}, false, err
}

// closeHead ends a wrapper and checks what stood around its array.
func (r *Records) closeHead() error {
	at := r.in.base + int64(r.start)
	if r.long {
		return r.bad(r.longRaw, r.longFrom, "the members behind the records are "+r.tooLong())
	}
	r.head = append(r.head, r.in.buf[r.start:r.pos]...)
	r.headDone = true
	if !Valid(r.head) {
		return r.bad(r.in.buf[r.start:r.pos], at, "the object around the records is not valid JSON")
	}
	return nil
}

func (r *Records) bad(raw []byte, offset int64, reason string) error {
	e := &BadRecord{Number: r.number, Offset: offset, Reason: reason, Raw: raw[:min(len(raw), maxRaw)]}
	r.number++
	return e
}
