package main

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/source"
)

// The short story of an event: what the columns of a table say when nobody
// asked for others. Each is one line that suits the source.

// what says what happened.
func what(e *ocsf.Event) string {
	switch {
	case e.API.Operation != "":
		return e.API.Operation
	case e.DNS.Name != "":
		return join2(e.DNS.Type, e.DNS.Name)
	case e.HTTP.Method != "" || e.HTTP.Path != "":
		return join2(e.HTTP.Method, e.HTTP.Path)
	case e.Finding.Title != "":
		return e.Finding.Title
	case len(e.Finding.Types) > 0:
		return e.Finding.Types[0]
	case e.Class == ocsf.NetworkActivity:
		return join2(e.Action, protocol(e.Traffic.Protocol))
	}
	return firstOf(e.EventType, e.Config.Status, e.Class.String())
}

// who says who did it, shortest first: the name of a person, role/session, or
// the last part of an ARN.
func who(e *ocsf.Event) string {
	switch {
	case e.Session.IssuerName != "":
		return strings.TrimRight(e.Session.IssuerName+"/"+e.Session.UID, "/")
	case e.User.Name != "":
		return e.User.Name
	case e.User.Type == "Root":
		return "root"
	case e.User.UID != "":
		return e.User.UID[strings.LastIndexByte(e.User.UID, ':')+1:]
	}
	return firstOf(e.InvokedBy, e.User.UIDAlt, e.User.Account, e.Device.Interface, e.Src.Instance)
}

// where says from where, and for traffic to where.
func where(e *ocsf.Event) string {
	from := end(&e.Src, false)
	if e.Class != ocsf.NetworkActivity {
		return from
	}
	if to := end(&e.Dst, true); to != "" {
		return from + " → " + to
	}
	return from
}

func end(e *ocsf.Endpoint, port bool) string {
	s := firstOf(e.IP, e.Name)
	if port && s != "" && e.Port != ocsf.Null {
		return net.JoinHostPort(s, strconv.FormatInt(e.Port, 10))
	}
	return s
}

// onWhat says what was acted on.
func onWhat(e *ocsf.Event) string {
	if s := firstOf(e.Resource, e.Config.Name, e.ResourceAlt, e.HTTP.Host); s != "" {
		return s
	}
	if len(e.ResourceNames) > 0 {
		return e.ResourceNames[0]
	}
	return ""
}

// outcome says how it ended, as the source writes it.
func outcome(e *ocsf.Event) string {
	switch {
	case e.Code != "":
		return e.Code
	case e.Finding.Severity != "":
		return join2(e.Finding.Severity, e.Finding.Compliance)
	case e.HTTP.Code != ocsf.Null:
		return join2(strconv.FormatInt(e.HTTP.Code, 10), e.Action)
	case firstOf(e.DNS.Code, e.Action) != "":
		return firstOf(e.DNS.Code, e.Action)
	case e.Traffic.Sampling != "":
		return e.Traffic.Sampling
	}
	switch e.Status {
	case ocsf.StatusSuccess:
		return "Success"
	case ocsf.StatusFailure:
		return firstOf(e.Message, "Failure")
	}
	return ""
}

// protocol names the protocols that people know by name.
func protocol(n int64) string {
	switch n {
	case ocsf.Null:
		return ""
	case 1:
		return "ICMP"
	case 6:
		return "TCP"
	case 17:
		return "UDP"
	case 58:
		return "ICMPv6"
	}
	return fmt.Sprintf("protocol %d", n)
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func join2(a, b string) string { return strings.TrimSpace(a + " " + b) }

// own are the columns of an event that JSON shows under other keys.
var own = map[string]bool{"time": true, "raw_data": true, "object_id": true, "record_no": true}

// value gives a column of an event as JSON shows it; nil when it is absent.
func value(c *ocsf.Column, e *ocsf.Event) any {
	switch {
	case c.Num != nil:
		n := *c.Num(e)
		switch {
		case n == ocsf.Null:
			return nil
		case c.Kind == ocsf.Time:
			return time.UnixMicro(n).UTC()
		}
		return n
	case c.Tri != nil:
		if t := *c.Tri(e); t != ocsf.Unknown {
			return t == ocsf.True
		}
		return nil
	case c.List != nil:
		if l := *c.List(e); len(l) > 0 {
			return l
		}
		return nil
	}
	s := *c.Str(e)
	switch {
	case s == "":
		return nil
	case c.Name == "unmapped":
		return rawValue(s)
	}
	return s
}

// rawValue gives a record as JSON if it is JSON, else as text.
func rawValue(raw string) any {
	if strings.HasPrefix(raw, "{") && json.Valid([]byte(raw)) {
		return json.RawMessage(raw)
	}
	return raw
}

// What an event has that is no attribute of the record; a key in a record
// cannot begin so.
const (
	idName     = "\x00id"
	sourceName = "\x00source"
)

// withNames is a table that also knows id and source, to be shown and not to be
// searched.
type withNames struct{ field.Table }

// Lookup resolves a name.
func (t withNames) Lookup(name string) (field.Field, bool) {
	switch name {
	case "id":
		return field.Field{Name: name, Target: field.Target{Leaf: idName}}, true
	case "source":
		return field.Field{Name: name, Target: field.Target{Leaf: sourceName}}, true
	}
	return t.Table.Lookup(name)
}

// chosen gives the values of a field that was asked for: nil, one value of the
// field's type, or a list.
func chosen(h *ask.Hit, f field.Field) any {
	switch f.Target.Leaf {
	case idName:
		return h.ID()
	case sourceName:
		return h.Source
	}
	if len(f.Target.Columns) == 1 && f.Target.Path == "" && f.Target.Leaf == "" {
		return value(ocsf.Lookup(f.Target.Columns[0]), &h.Event)
	}
	switch v := h.Values(f.Target); len(v) {
	case 0:
		return nil
	case 1:
		return v[0]
	default:
		return v
	}
}

// observable is a thing that a record mentions.
type observable struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

func observables(h *ask.Hit) []observable {
	var out []observable
	for _, o := range yagura.Observables(&h.Event, rawKind(h.Source)) {
		out = append(out, observable{o.Type, o.Value})
	}
	return out
}

func rawKind(name string) ocsf.RawKind {
	if s := source.Named(name); s != nil {
		return s.Schema().Raw
	}
	return ocsf.RawText
}

// objectID writes the id of a source object as events' ids do.
func objectID(id int64) string { return strconv.FormatInt(id, 16) }
