package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/query/field"
)

// eventView is the page of one event.
type eventView struct {
	Frame       frame
	ID, Source  string
	Title       string // of the source
	Summary     summary
	Time, UTC   string
	Account     string
	Region      string
	Class       string
	Back        string
	Tabs        []tabView
	View        string
	Lines       []treeLine // view record
	Cut         bool       // Lines are not all
	Values      []valueView
	Raw         string // view raw, at most maxRawShown
	RawCut      int    // bytes of the whole, when Raw is not all
	RawURL      string
	Evidence    evidence
	Ingested    string
	Observables []observableView
	Others      []rowView
	Around      []rowView
	Citing      []findingRow
	By          []tabView
}

type tabView struct {
	Name, URL string
	Here      bool
}

// valueView is a field with its values, to go on from.
type valueView struct {
	Name, Doc string
	Values    []pivotValue
	Column    string // URL of the search with this field as a column
	Facet     string
}

type pivotValue struct {
	Text   string
	Pivots *pivots
}

type observableView struct {
	Type   string
	Values []pivotValue
}

// maxRawShown bounds the raw record on the page, in bytes.
const maxRawShown = 256 << 10

func (d *desk) pageEvent(c *call) error {
	h, all, err := d.find(c, c.params.Get("id"))
	if err != nil {
		return err
	}
	schema := d.schemas[h.Source]
	st := c.state()
	v := &eventView{
		Frame: c.frame(), ID: h.ID(), Source: h.Source, Title: schema.Title, Summary: summarise(h), Time: c.local(h.Event.At()),
		UTC: h.Event.At().UTC().Format(time.RFC3339Nano), Account: h.Event.Account, Region: h.Event.Region, Class: h.Event.Class.String(),
		Back: st.with(),
	}
	if v.Evidence, err = d.evidence(c, h); err != nil {
		return err
	}
	if at, err := time.Parse(time.RFC3339Nano, v.Evidence.IngestedAt); err == nil {
		v.Ingested = c.local(at)
	}
	v.RawURL = "/api/v1/events/" + url.PathEscape(v.ID) + "/raw?at=" + cursor(h.Key())
	for i := range all {
		if all[i].Key() != h.Key() {
			v.Others = append(v.Others, d.row(c, &all[i]))
		}
	}
	if v.Citing, err = d.citing(c, h); err != nil {
		return err
	}
	// The query may be wrong without the event being so.
	expr, _ := query.Parse(c.params.Get("q"))
	v.observables(st, expr, yagura.Observables(&h.Event, schema.Raw))
	v.tabs(c, h, schema)
	switch v.View {
	case "record":
		v.Lines, v.Cut = treeOf(st, expr, h.Event.Raw)
	case "ocsf":
		v.Values = d.ocsfValues(st, expr, h, schema)
	case "native":
		v.Values = nativeValues(st, expr, h, schema)
	case "raw":
		v.Raw = h.Event.Raw
		if len(v.Raw) > maxRawShown {
			v.RawCut, v.Raw = len(v.Raw), strings.ToValidUTF8(v.Raw[:maxRawShown], "")
		}
	case "around":
		return d.showAround(c, v, h)
	}
	return d.show(c, http.StatusOK, "event", v)
}

// tabs lists the views and picks one: a record that is JSON opens as such.
func (v *eventView) tabs(c *call, h *ask.Hit, schema *ocsf.Schema) {
	names := []string{"record", "native", "ocsf", "raw", "around"}
	if schema.Raw != ocsf.RawJSON {
		names = names[1:]
	}
	v.View = c.params.Get("view")
	if !slices.Contains(names, v.View) {
		v.View = names[0]
	}
	for _, n := range names {
		v.Tabs = append(v.Tabs, tabView{"event.view." + n, c.here("view", n), n == v.View})
	}
}

func treeOf(st state, e query.Expr, raw string) ([]treeLine, bool) {
	lines, whole := tree(raw)
	for i := range lines {
		if l := &lines[i]; l.Value != "" && l.Path != "" {
			l.Pivots = st.pivots(e, l.Path, l.Value)
		}
	}
	return lines, !whole
}

func (v *eventView) observables(st state, e query.Expr, all []yagura.Observable) {
	at := map[string]int{}
	for _, o := range all {
		i, ok := at[o.Type]
		if !ok {
			i = len(v.Observables)
			at[o.Type] = i
			v.Observables = append(v.Observables, observableView{Type: o.Type})
		}
		v.Observables[i].Values = append(v.Observables[i].Values, pivotValue{o.Value, st.pivots(e, "", o.Value)})
	}
}

func (d *desk) ocsfValues(st state, e query.Expr, h *ask.Hit, schema *ocsf.Schema) []valueView {
	var out []valueView
	for _, name := range schema.Names() {
		col := ocsf.Lookup(name)
		if name == "raw_data" || name == "unmapped" {
			continue
		}
		f, ok := d.fields.Lookup(col.Path)
		if !ok {
			continue
		}
		out = append(out, valuesOf(st, e, h, f)...)
	}
	return out
}

func nativeValues(st state, e query.Expr, h *ask.Hit, schema *ocsf.Schema) []valueView {
	var out []valueView
	for _, n := range schema.Native {
		f := field.Field{Name: n.Name, Target: field.Target{Columns: n.Columns, Path: n.Path}}
		if len(n.Columns) > 0 {
			f.Doc = ocsf.Lookup(n.Columns[0]).Doc
		}
		out = append(out, valuesOf(st, e, h, f)...)
	}
	return out
}

// valuesOf gives a field's line, or none when the event has no value.
func valuesOf(st state, e query.Expr, h *ask.Hit, f field.Field) []valueView {
	values := h.Values(f.Target)
	if len(values) == 0 {
		return nil
	}
	out := valueView{Name: f.Name, Doc: f.Doc, Column: st.added("fields", f.Name), Facet: st.added("facets", f.Name)}
	for _, text := range values {
		out.Values = append(out.Values, pivotValue{text, st.pivots(e, f.Name, text)})
	}
	return []valueView{out}
}

// showAround fills the view of neighbouring events, the event itself among them.
func (d *desk) showAround(c *call, v *eventView, h *ask.Hit) error {
	by := c.params.Get("by")
	if !slices.Contains(companions, by) {
		by = "all"
	}
	for _, name := range companions {
		if key, _ := companion(h, name); name == "all" || key != "" {
			v.By = append(v.By, tabView{"event.by." + name, c.here("by", name), name == by})
		}
	}
	hits, err := d.around(c, h, by, ask.Filter{}, 15)
	if err != nil {
		return err
	}
	self := d.row(c, h)
	self.Self = true
	for i := range hits {
		if !self.placed && before(h.Key(), hits[i].Key()) {
			self.placed = true
			v.Around = append(v.Around, self)
		}
		v.Around = append(v.Around, d.row(c, &hits[i]))
	}
	if !self.placed {
		v.Around = append(v.Around, self)
	}
	return d.show(c, http.StatusOK, "event", v)
}

func before(a, b ask.Key) bool {
	switch {
	case a.Time != b.Time:
		return a.Time < b.Time
	case a.Object != b.Object:
		return a.Object < b.Object
	}
	return a.Record < b.Record
}

// row is a hit's line in a table.
func (d *desk) row(c *call, h *ask.Hit) rowView {
	s := summarise(h)
	return rowView{
		URL: eventURL(c, h), Time: c.local(h.Event.At()), UTC: h.Event.At().UTC().Format(time.RFC3339Nano), Source: h.Source,
		Account: h.Event.Account, Region: h.Event.Region, Summary: &s,
	}
}
