package rule

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// field is where the values of a name are, in one source.
type field struct {
	name    string
	columns []*ocsf.Column
	seconds bool   // a time that the source writes as seconds
	path    string // in the raw record or the unmapped object
	last    string // the path's last key and the quote behind it, as they stand in JSON
	derived func(*ocsf.Event) []string
	whole   bool // the record itself: keywords
	// exact says that the path is asked, too, when the columns are empty: for
	// tests whose result depends on absent or empty values.
	exact bool
}

// telling says that the field is one text in a column, fit for an index.
func (f *field) telling() bool {
	return len(f.columns) == 1 && f.columns[0].Str != nil && !f.exact
}

func (f *field) cost() int {
	switch {
	case f.whole:
		return 60
	case f.derived != nil:
		return 20
	case f.exact, len(f.columns) == 0:
		return 30
	}
	return 1
}

// fieldTable resolves names.
type fieldTable struct {
	schemas map[string]*ocsf.Schema
	derived map[string]func(*ocsf.Event) []string
}

// lookup finds a name; exact as in field. known is false for a name that the
// source is not known to have, which is then a path.
func (t *fieldTable) lookup(source, name string, exact bool) (f field, known bool) {
	f, known = t.find(source, name, exact)
	f.last = f.path[strings.LastIndexByte(f.path, '.')+1:] + `"`
	return f, known
}

func (t *fieldTable) find(source, name string, exact bool) (f field, known bool) {
	schema := t.schemas[source]
	f.name = name
	if name == "" {
		f.whole = true
		return f, true
	}
	if derive, ok := t.derived[name]; ok {
		f.derived = derive
		return f, true
	}
	if strings.HasPrefix(name, "yagura.") {
		f.derived = func(*ocsf.Event) []string { return nil }
		return f, false
	}
	for i := range schema.Native {
		if n := &schema.Native[i]; n.Name == name {
			t.native(schema, n, &f, exact)
			return f, true
		}
	}
	if c := ocsf.Lookup(name); c != nil && slices.Contains(schema.Names(), c.Name) {
		f.columns = []*ocsf.Column{c}
		return f, true
	}
	f.path = name
	return f, schema.Raw == ocsf.RawJSON && free(schema, name)
}

func (t *fieldTable) native(schema *ocsf.Schema, n *ocsf.Native, f *field, exact bool) {
	json := schema.Raw == ocsf.RawJSON
	f.path = n.Path
	f.seconds = n.Seconds
	for _, name := range n.Columns {
		if c := ocsf.Lookup(name); c != nil {
			f.columns = append(f.columns, c)
		}
	}
	if !json || len(f.columns) == 0 {
		return
	}
	// An address and the column for what is not one are one value. Other splits,
	// and times, whose text the columns do not keep, are read from the record.
	pair := len(f.columns) == 2 && f.columns[0].Kind == ocsf.IP && f.columns[1].Kind == ocsf.Text
	if (len(f.columns) > 1 && !pair) || f.columns[0].Kind == ocsf.Time {
		f.columns = nil
	}
	if f.path == "" {
		f.path = n.Name
	}
	f.exact = exact && len(f.columns) > 0
}

// closed is the number of listed members from which on an object is taken to be
// listed completely.
const closed = 5

// free says whether a path lies in an object of the source whose members are
// not listed: requestParameters.anything.
func free(schema *ocsf.Schema, name string) bool {
	for parent := name; ; {
		cut := strings.LastIndexByte(parent, '.')
		if cut <= 0 {
			return false
		}
		parent = parent[:cut]
		listed, members := false, 0
		for i := range schema.Native {
			n := schema.Native[i].Name
			listed = listed || n == parent
			if rest, ok := strings.CutPrefix(n, parent+"."); ok && !strings.Contains(rest, ".") {
				members++
			}
		}
		if listed {
			return members < closed
		}
	}
}

// nearest gives the known name that the unknown one may have meant.
func (t *fieldTable) nearest(source, name string) string {
	low := strings.ToLower(name)
	for _, n := range t.schemas[source].Native {
		if strings.ToLower(n.Name) == low || strings.HasSuffix(strings.ToLower(n.Name), "."+low) {
			return n.Name
		}
	}
	for n := range t.derived {
		if strings.EqualFold(n, "yagura."+name) {
			return n
		}
	}
	return ""
}

// columnValues appends what the columns hold. Texts of numbers are made in
// room, if it is given.
func (f *field) columnValues(ev *ocsf.Event, to []string, room *[]byte) []string {
	for _, c := range f.columns {
		switch {
		case c.Str != nil:
			if v := *c.Str(ev); v != "" {
				to = append(to, v)
			}
		case c.Num != nil:
			if n := *c.Num(ev); n != ocsf.Null {
				to = append(to, f.number(c, n, room))
			}
		case c.Tri != nil:
			switch *c.Tri(ev) {
			case ocsf.True:
				to = append(to, "true")
			case ocsf.False:
				to = append(to, "false")
			}
		case c.List != nil:
			to = append(to, *c.List(ev)...)
		}
	}
	return to
}

func (f *field) number(c *ocsf.Column, n int64, room *[]byte) string {
	if room == nil {
		room = new([]byte)
	}
	from := len(*room)
	switch {
	case c.Kind == ocsf.Time && f.seconds:
		*room = strconv.AppendInt(*room, n/1e6, 10)
	case c.Kind == ocsf.Time:
		*room = time.UnixMicro(n).UTC().AppendFormat(*room, time.RFC3339Nano)
	default:
		*room = strconv.AppendInt(*room, n, 10)
	}
	return alias((*room)[from:])
}

// document is the JSON in which paths of the source are looked up.
func document(schema *ocsf.Schema, ev *ocsf.Event) string {
	if schema.Raw == ocsf.RawJSON {
		return ev.Raw
	}
	return ev.Unmapped
}

// record is the whole record as text.
func record(schema *ocsf.Schema, ev *ocsf.Event) string {
	if ev.Raw == "" && schema.Rebuild != nil && ev.Rebuildable {
		return schema.Rebuild(ev)
	}
	return ev.Raw
}

// values gives a field's values outside of matching; they stay valid.
func (f *field) values(schema *ocsf.Schema, ev *ocsf.Event) []string {
	switch {
	case f.whole:
		return []string{record(schema, ev)}
	case f.derived != nil:
		return slices.Clone(f.derived(ev))
	}
	list := f.columnValues(ev, nil, nil)
	if len(list) > 0 || f.path == "" {
		return list
	}
	jsonscan.Path([]byte(document(schema, ev)), f.path, func(v string) bool {
		list = append(list, v)
		return len(list) < maxValues
	})
	return list
}

// maxValues bounds the values of one field of one record.
const maxValues = 10_000
