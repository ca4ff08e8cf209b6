package vpcflow

import (
	"errors"
	"fmt"

	"github.com/yagura-sec/yagura/internal/lines"
	"github.com/yagura-sec/yagura/ocsf"
)

// lastSecond is the end of the year 9999: what is later is no time.
const lastSecond = 253402300799

// mapper turns the words of a record into attributes.
type mapper struct {
	base  base
	other lines.Object
}

// fill sets every attribute but Raw and Provenance of an event that has been
// reset. It sets Rebuildable as far as the words alone decide it.
func (m *mapper) fill(ev *ocsf.Event, f *format, words []string) error {
	m.other.Reset()
	exact := true
	stampAt := int64(ocsf.Null)
	ev.Time = ocsf.Null
	for i, s := range f.steps {
		w := words[i]
		if w == "-" || w == "" {
			continue
		}
		switch s.kind {
		case text:
			*s.str(ev) = w
		case number:
			n, shortest, ok := lines.Number(w)
			if !ok {
				return fmt.Errorf("field %s is %.40q, not a number", s.name, w)
			}
			*s.num(ev) = n
			exact = exact && shortest
		case address:
			exact = m.address(ev, s, w) && exact
		case seconds:
			n, shortest, ok := lines.Number(w)
			if !ok || n > lastSecond {
				return fmt.Errorf("field %s is %.40q, not a time in Unix seconds", s.name, w)
			}
			*s.num(ev) = n * 1e6
			exact = exact && shortest
		case stamp:
			us, ok := lines.ISO(w)
			if !ok {
				return fmt.Errorf("the line begins with %.40q, not a timestamp", w)
			}
			stampAt = us
		default:
			m.other.Add(s.name, w)
			exact = exact && lines.Plain(w)
		}
	}
	ev.Class = ocsf.NetworkActivity
	ev.Format = f.text
	ev.Unmapped = m.other.String()
	if !f.owner {
		ev.Account = m.base.account
	}
	if !f.region {
		ev.Region = m.base.region
	}
	if ev.Traffic.Sampling == "NODATA" || ev.Traffic.Sampling == "SKIPDATA" {
		exact = withoutFlow(ev, f) && exact
	} else {
		judge(ev)
	}
	inTime, err := m.when(ev, f, stampAt)
	ev.Rebuildable = exact && inTime && (stampAt == ocsf.Null || stampText(ev.Time) == words[0])
	return err
}

// address sets an address, and what is none as a name.
func (m *mapper) address(ev *ocsf.Event, s *field, w string) (exact bool) {
	if ip, ok := lines.Address(w); ok {
		*s.str(ev) = ip
		return ip == w
	}
	if s.alt != nil {
		*s.alt(ev) = w
		return true
	}
	m.other.Add(s.name, w)
	return lines.Plain(w)
}

// when makes sure that the event has a time: its start, else its end, the
// timestamp of the export, the time in the object's name. Exact says that the
// time does not hide that start was absent.
func (m *mapper) when(ev *ocsf.Event, f *format, stampAt int64) (exact bool, _ error) {
	if ev.Time != ocsf.Null {
		return true, nil
	}
	for _, t := range []int64{ev.End, stampAt, m.base.time} {
		if t != ocsf.Null {
			ev.Time = t
			return !f.start, nil
		}
	}
	return false, errors.New("the record has neither start nor end, and the object's name has no time")
}

// judge says what became of a flow.
func judge(ev *ocsf.Event) {
	ev.Activity = ocsf.NetTraffic
	switch ev.Action {
	case "ACCEPT":
		ev.Status = ocsf.StatusSuccess
	case "REJECT":
		ev.Activity = ocsf.NetRefuse
		ev.Status = ocsf.StatusFailure
	}
}

// withoutFlow clears what a record without data must not have. Exact says that
// there was nothing to clear.
func withoutFlow(ev *ocsf.Event, f *format) (exact bool) {
	exact = true
	for _, s := range f.steps {
		if !s.flow {
			continue
		}
		if s.str != nil && *s.str(ev) != "" {
			*s.str(ev) = ""
			exact = false
		}
		if s.alt != nil && *s.alt(ev) != "" {
			*s.alt(ev) = ""
			exact = false
		}
		if s.num != nil && *s.num(ev) != ocsf.Null {
			*s.num(ev) = ocsf.Null
			exact = false
		}
	}
	return exact
}
