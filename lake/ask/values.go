package ask

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query/field"
)

// Values gives every value of the hit at a target in the text form of its
// kind: numbers in decimal, times in RFC 3339, true or false. Paths and leaves
// need the raw record.
func (h *Hit) Values(t field.Target) []string {
	var out []string
	for _, n := range t.Columns {
		out = append(out, h.column(n)...)
	}
	doc := h.Event.Raw
	if !strings.HasPrefix(doc, "{") {
		doc = h.Event.Unmapped
	}
	add := func(v string) bool {
		out = append(out, v)
		return true
	}
	switch {
	case t.Path != "":
		jsonscan.Path([]byte(doc), t.Path, add)
	case t.Leaf != "":
		jsonscan.Leaf([]byte(doc), t.Leaf, add)
	}
	if len(out) > 1 {
		slices.Sort(out)
		out = slices.Compact(out)
	}
	return out
}

func (h *Hit) column(name string) []string {
	c := ocsf.Lookup(name)
	if c == nil {
		return nil
	}
	switch c.Kind {
	case ocsf.Int, ocsf.Time:
		n := *c.Num(&h.Event)
		switch {
		case n == ocsf.Null:
			return nil
		case c.Kind == ocsf.Time:
			return []string{time.UnixMicro(n).UTC().Format(time.RFC3339Nano)}
		}
		return []string{strconv.FormatInt(n, 10)}
	case ocsf.Bool:
		if b := *c.Tri(&h.Event); b != ocsf.Unknown {
			return []string{strconv.FormatBool(b == ocsf.True)}
		}
		return nil
	case ocsf.Texts:
		return slices.Clone(*c.List(&h.Event))
	}
	if s := *c.Str(&h.Event); s != "" {
		return []string{s}
	}
	return nil
}

// Texts gives the raw record and its observables: where words are looked for.
func (h *Hit) Texts() []string {
	out := []string{h.Event.Raw}
	kind := ocsf.RawText
	if strings.HasPrefix(h.Event.Raw, "{") {
		kind = ocsf.RawJSON
	}
	for _, o := range yagura.Observables(&h.Event, kind) {
		out = append(out, o.Value)
	}
	return out
}
