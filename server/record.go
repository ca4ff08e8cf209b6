package server

import (
	"time"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query/field"
)

// record is an event in JSON: in answers and in exported lines.
type record struct {
	ID     string              `json:"id"`
	Source string              `json:"source"`
	Time   time.Time           `json:"time"`
	Fields map[string][]string `json:"fields,omitempty"` // the fields that were named, else absent
	OCSF   map[string]any      `json:"ocsf,omitempty"`   // by attribute path, what the event has; absent when fields were named
	Object int64               `json:"object"`           // of /api/v1/objects
	Record int64               `json:"record"`           // number in the object, from 0
	Cursor string              `json:"cursor"`
	Raw    *string             `json:"raw,omitempty"` // as the source wrote it
}

// record gives an event's JSON form.
func (d *desk) record(h *ask.Hit, fields []field.Field, raw bool) record {
	r := record{
		ID: h.ID(), Source: h.Source, Time: h.Event.At().UTC(), Cursor: cursor(h.Key()),
		Object: h.Event.Provenance.Object, Record: h.Event.Provenance.Record,
	}
	if raw {
		r.Raw = &h.Event.Raw
	}
	if len(fields) == 0 {
		r.OCSF = d.attributes(h)
		return r
	}
	r.Fields = map[string][]string{}
	for _, f := range fields {
		if v := h.Values(f.Target); len(v) > 0 {
			r.Fields[f.Name] = v
		}
	}
	return r
}

// attributes gives what the event has by OCSF path. Times are RFC 3339; JSON
// texts stay texts.
func (d *desk) attributes(h *ask.Hit) map[string]any {
	out := map[string]any{}
	for _, name := range d.schemas[h.Source].Names() {
		col := ocsf.Lookup(name)
		if v := attribute(col, &h.Event); v != nil && name != "raw_data" {
			out[col.Path] = v
		}
	}
	return out
}

// attribute gives the value of a column, or nil when it is absent.
func attribute(col *ocsf.Column, ev *ocsf.Event) any {
	switch {
	case col.Str != nil:
		if s := *col.Str(ev); s != "" {
			return s
		}
	case col.Num != nil:
		n := *col.Num(ev)
		if n == ocsf.Null {
			return nil
		}
		if col.Kind == ocsf.Time {
			return time.UnixMicro(n).UTC().Format(time.RFC3339Nano)
		}
		return n
	case col.Tri != nil:
		if t := *col.Tri(ev); t != ocsf.Unknown {
			return t == ocsf.True
		}
	case col.List != nil:
		if l := *col.List(ev); len(l) > 0 {
			return l
		}
	}
	return nil
}
