package yagura

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/internal/jsonscan"
)

// Names that CloudWatch Logs gives to its arrays.
const (
	subscription = "logEvents"
	filtered     = "events"
)

// maxUnwrap bounds how deep an envelope lies in envelopes.
const maxUnwrap = 5

// open puts the records inside rec into the queue.
func (d *jsonDecoder) open(rec jsonscan.Record) {
	it := jsonItem{raw: rec.Raw, offset: rec.Offset}
	switch {
	case rec.Wrapper == subscription || rec.Wrapper == filtered:
		d.message(it, "message", 0)
	case d.log.Envelopes || len(d.log.Inner) > 0:
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
func (d *jsonDecoder) unwrap(it jsonItem, depth int) {
	all := members(it.raw)
	if all == nil || depth >= maxUnwrap {
		d.queue = append(d.queue, it)
		return
	}
	if d.log.Envelopes {
		switch {
		case get(all, "detail-type") != "" && strings.HasPrefix(get(all, "detail"), "{"):
			d.descend(it, all, "detail", depth)
			return
		case get(all, "Type") == `"Notification"` && get(all, "TopicArn") != "":
			d.message(it, "Message", depth)
			return
		}
	}
	for _, key := range d.log.Inner {
		if v := get(all, key); strings.HasPrefix(v, "{") || strings.HasPrefix(v, "[") {
			d.descend(it, all, key, depth)
			return
		}
	}
	d.queue = append(d.queue, it)
}

// descend goes into a member that holds one record or several.
func (d *jsonDecoder) descend(it jsonItem, all []member, key string, depth int) {
	value := get(all, key)
	if value[0] == '{' {
		d.unwrap(jsonItem{raw: []byte(value), offset: it.offset}, depth+1)
		return
	}
	var s jsonscan.Scanner
	s.Reset([]byte(value))
	s.Array()
	for s.Next() {
		inner := jsonItem{raw: []byte(s.Raw()), offset: it.offset}
		d.unwrap(inner, depth+1)
	}
}

// message takes a record out of a member that holds it as text.
func (d *jsonDecoder) message(it jsonItem, key string, depth int) {
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
		inner := jsonItem{raw: []byte(strings.TrimSpace(v)), offset: it.offset}
		d.unwrap(inner, depth+1)
	}
}
