package rule

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"unsafe"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule/window"
)

// maxCombinations bounds what one event with fields of several values counts for.
const maxCombinations = 32

// feed gives a rule's hit to a correlation.
func (e *Engine) feed(to feed, source string, ev *ocsf.Event) {
	c := &e.correlations[to.correlation]
	groups := e.combinations(source, ev, c.fields[to.source])
	if len(groups) == 0 {
		e.stats.Ungrouped++
		return
	}
	h := window.Hit{Time: ev.Time, Rule: to.source, ID: identity(source, ev), Ref: formatReference(reference(source, ev))}
	doc := c.rule.Doc.Correlation
	values := e.combinations(source, ev, doc.Fields)
	if len(values) == 0 {
		e.stats.Unvalued++
	}
	id := h.ID
	for _, value := range values {
		h.Value = join(value)
		if measuresNumber(doc.Type) {
			n, err := strconv.ParseFloat(value[0], 64)
			if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
				e.stats.Unvalued++
				continue
			}
			h.Number, h.Value = n, ""
		}
		if len(values) > 1 {
			h.ID = id ^ hashText(join(value))
		}
		for _, group := range groups {
			e.windows.Add(to.correlation, join(group), h, e.fired)
		}
	}
}

func measuresNumber(typ string) bool {
	return typ == "value_sum" || typ == "value_avg" || typ == "value_percentile" || typ == "value_median"
}

// chain gives a correlation's firing to a correlation over it. Fields of its
// group are taken from the firing's, others from the event that completed it.
// Counting types count a firing once; temporal types also take it as present
// whenever it goes on.
func (e *Engine) chain(to feed, from *correlation, f *window.Firing, source string, ev *ocsf.Event) {
	c := &e.correlations[to.correlation]
	doc := c.rule.Doc.Correlation
	ordered := strings.HasPrefix(doc.Type, "temporal")
	if !f.New && !ordered {
		return
	}
	known := map[string]string{}
	for i, v := range split(f.Group) {
		if i < len(from.rule.Doc.Correlation.GroupBy) {
			known[from.rule.Doc.Correlation.GroupBy[i]] = v
		}
	}
	var group []string
	for _, name := range append(append([]string(nil), c.fields[to.source]...), doc.Fields...) {
		v, ok := known[name]
		if !ok && ev != nil {
			if all := e.matcher.Values(source, name, ev); len(all) > 0 {
				v, ok = all[0], true
			}
		}
		if !ok {
			e.stats.Ungrouped++
			return
		}
		group = append(group, v)
	}
	last := f.Hits[len(f.Hits)-1]
	h := window.Hit{Time: last.Time, Rule: to.source, ID: hashText(from.rule.Doc.ID + f.Group + strconv.FormatInt(f.Start, 10)), Ref: last.Ref}
	if value := group[len(c.fields[to.source]):]; len(value) > 0 {
		h.Value = join(value)
		if measuresNumber(doc.Type) {
			n, err := strconv.ParseFloat(value[0], 64)
			if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
				e.stats.Unvalued++
				return
			}
			h.Number, h.Value = n, ""
		}
	}
	e.windows.Add(to.correlation, join(group[:len(c.fields[to.source])]), h, e.fired)
}

// combinations gives the values of fields, each with each when there are
// several. None when a field has no value; one, empty, without fields.
func (e *Engine) combinations(source string, ev *ocsf.Event, fields []string) [][]string {
	if len(fields) == 0 {
		return noFields
	}
	one := make([]string, 0, len(fields))
	for _, name := range fields {
		values := e.matcher.Values(source, name, ev)
		switch len(values) {
		case 0:
			return nil
		case 1:
			one = append(one, short(values[0]))
		default:
			return e.several(source, ev, fields)
		}
	}
	return [][]string{one}
}

// noFields are the combinations of no field.
var noFields = [][]string{nil}

func (e *Engine) several(source string, ev *ocsf.Event, fields []string) [][]string {
	out := noFields
	for _, name := range fields {
		values := e.matcher.Values(source, name, ev)
		var next [][]string
		for _, head := range out {
			for _, v := range values {
				if len(next) < maxCombinations {
					next = append(next, append(head[:len(head):len(head)], short(v)))
				}
			}
		}
		out = next
	}
	return out
}

// short cuts a value; a hash keeps different ones different. It may still be a
// part of the record: who keeps it, clones it.
func short(v string) string {
	const most = 200
	if len(v) <= most {
		return v
	}
	sum := sha256.Sum256([]byte(v))
	return v[:most-40] + "~" + hex.EncodeToString(sum[:16])
}

// join writes values one after the other, each with its length before it; split
// reads them, as far as they are whole.
func join(values []string) string {
	size := 0
	for _, v := range values {
		size += len(v) + 4
	}
	b := make([]byte, 0, size)
	for _, v := range values {
		b = strconv.AppendInt(b, int64(len(v)), 10)
		b = append(b, ':')
		b = append(b, v...)
	}
	return unsafe.String(unsafe.SliceData(b), len(b)) // nobody else has b
}

func split(s string) (values []string) {
	for {
		head, rest, ok := strings.Cut(s, ":")
		n, err := strconv.Atoi(head)
		if !ok || err != nil || n < 0 || n > len(rest) {
			return values
		}
		values = append(values, rest[:n])
		s = rest[n:]
	}
}

func named(names, values []string) []yagura.Fact {
	var facts []yagura.Fact
	for i, v := range values {
		if i < len(names) {
			facts = append(facts, yagura.Fact{Name: names[i], Value: strings.Clone(clip(v))})
		}
	}
	return facts
}

// hashText gives 64 bits of SHA-256.
func hashText(s string) uint64 {
	sum := sha256.Sum256([]byte(s))
	return binary.LittleEndian.Uint64(sum[:])
}

// identity tells events apart: by the source's own id, else by where they stand.
func identity(source string, ev *ocsf.Event) uint64 {
	if ev.UID != "" {
		return hashText(source + "\x00" + ev.UID)
	}
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], uint64(ev.Provenance.Object))
	binary.LittleEndian.PutUint64(b[8:], uint64(ev.Provenance.Record))
	return hashText(source + "\x01" + string(b[:]))
}

func reference(source string, ev *ocsf.Event) yagura.EventRef {
	uid := ev.UID
	if len(uid) > 256 {
		uid = ""
	}
	return yagura.EventRef{Source: source, UID: strings.Clone(uid), Time: ev.Time, Object: ev.Provenance.Object, Record: ev.Provenance.Record}
}

// formatReference writes a reference as package window keeps it.
func formatReference(r yagura.EventRef) string {
	return join([]string{r.Source, r.UID, strconv.FormatInt(r.Time, 36), strconv.FormatInt(r.Object, 36), strconv.FormatInt(r.Record, 36)})
}

func parseReference(s string) (r yagura.EventRef, ok bool) {
	parts := split(s)
	if len(parts) != 5 {
		return r, false
	}
	r.Source, r.UID = parts[0], parts[1]
	for i, to := range []*int64{&r.Time, &r.Object, &r.Record} {
		n, err := strconv.ParseInt(parts[2+i], 36, 64)
		if err != nil {
			return r, false
		}
		*to = n
	}
	return r, true
}
