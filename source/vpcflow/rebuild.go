package vpcflow

import (
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/ocsf"
)

// rebuild writes the record's line from the other attributes, as its format
// lays it out. It is exact when the event says Rebuildable.
func rebuild(ev *ocsf.Event) string {
	var b []byte
	unmapped := strings.TrimPrefix(ev.Unmapped, "{")
	for rest, more := ev.Format, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, " ")
		if len(b) > 0 {
			b = append(b, ' ')
		} else {
			b = make([]byte, 0, 160)
		}
		f := byName[name]
		if f == nil {
			f = &field{name: name}
		}
		at := len(b)
		b = value(b, ev, f)
		if len(b) == at {
			b, unmapped = fromUnmapped(b, name, unmapped)
		}
		if len(b) == at {
			b = append(b, '-')
		}
	}
	return string(b)
}

// value appends a field that has a column, nothing when it is absent.
func value(b []byte, ev *ocsf.Event, f *field) []byte {
	switch f.kind {
	case text:
		return append(b, *f.str(ev)...)
	case number:
		if n := *f.num(ev); n != ocsf.Null {
			return strconv.AppendInt(b, n, 10)
		}
	case seconds:
		if n := *f.num(ev); n != ocsf.Null {
			return strconv.AppendInt(b, n/1e6, 10)
		}
	case address:
		if ip := *f.str(ev); ip != "" {
			return append(b, ip...)
		}
		if f.alt != nil {
			return append(b, *f.alt(ev)...)
		}
	case stamp:
		return append(b, stampText(ev.Time)...)
	case other: // in unmapped
	}
	return b
}

// fromUnmapped appends the field if it is the object's next one: the object
// holds the fields in the order of the format. Values of a rebuildable event
// have no escapes.
func fromUnmapped(b []byte, name, object string) (_ []byte, rest string) {
	s, ok := strings.CutPrefix(object, `"`+name+`":"`)
	if !ok {
		return b, object
	}
	value, rest, ok := strings.Cut(s, `"`)
	if !ok {
		return b, object
	}
	return append(b, value...), strings.TrimPrefix(rest, ",")
}

// ascii says that a record has only ASCII. Another is stored as it is, so that
// its bytes do not depend on what a column makes of text that is not UTF-8.
func ascii(s string) bool {
	var all byte
	for i := range len(s) {
		all |= s[i]
	}
	return all < 0x80
}

func stampText(us int64) string {
	return time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000Z")
}
