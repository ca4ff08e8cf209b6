package main

import (
	"slices"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/lake/export"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/source"
)

// events writes events in the form that was asked for.
type events struct {
	add     func(h *ask.Hit) error
	close   func() error
	cells   func(h *ask.Hit) []any
	needRaw bool
}

// newEvents makes the writer: with the fields that were asked for, else with
// every attribute in JSON and Parquet, else with the short story. Of the
// sources, none means all.
func (p *program) newEvents(fields []field.Field, raw bool, sources []string) (*events, error) {
	if p.format == "parquet" {
		return p.parquet(fields, raw, sources)
	}
	e := &events{needRaw: raw || p.format == "json" && len(fields) == 0}
	var columns []sheet.Column
	switch {
	case len(fields) > 0:
		columns = p.chosenColumns(e, fields, raw)
	case p.format == "json":
		columns = fullColumns(e, raw)
	default:
		columns = p.storyColumns(e, raw)
	}
	w, err := sheet.New(p.format, p.stdout, columns, sheet.Options{Width: p.width(), Zone: p.zone})
	if err != nil {
		return nil, err
	}
	e.add = func(h *ask.Hit) error { return w.Row(e.cells(h)...) }
	e.close = w.Close
	return e, nil
}

// parquet writes events for other tools.
func (p *program) parquet(fields []field.Field, raw bool, sources []string) (*events, error) {
	e := &events{needRaw: raw || len(fields) == 0 || slices.ContainsFunc(fields, rawNeeded)}
	var schemas []*ocsf.Schema
	for _, s := range source.Schemas() {
		if len(sources) == 0 || slices.Contains(sources, s.Source) {
			schemas = append(schemas, s)
		}
	}
	if len(fields) > 0 {
		fields = slices.DeleteFunc(slices.Clone(fields), always)
		if raw {
			fields = append(fields, field.Field{Name: "raw", Target: field.Target{Columns: []string{"raw_data"}}})
		}
	}
	w, err := export.NewParquet(p.stdout, schemas, fields)
	if err != nil {
		return nil, err
	}
	e.add, e.close = func(h *ask.Hit) error { return w.Write(h) }, w.Close
	return e, nil
}

// always says that a field is there without being asked for.
func always(f field.Field) bool { return f.Name == "id" || f.Name == "source" || f.Name == "time" }

// rawNeeded says that a field's values stand in the raw record.
func rawNeeded(f field.Field) bool {
	return f.Target.Path != "" || f.Target.Leaf != "" || slices.Contains(f.Target.Columns, "raw_data")
}

// chosenColumns are the asked fields; JSON has id, source and time before them.
func (p *program) chosenColumns(e *events, fields []field.Field, raw bool) []sheet.Column {
	var columns []sheet.Column
	named := p.format == "json"
	if named {
		for _, k := range []string{"id", "source", "time"} {
			columns = append(columns, sheet.Column{Key: k})
		}
		fields = slices.DeleteFunc(slices.Clone(fields), always)
	}
	for _, f := range fields {
		columns = append(columns, sheet.Column{Key: f.Name, Head: f.Name, Right: f.Kind == field.Int, Whole: f.Kind == field.Time})
		e.needRaw = e.needRaw || rawNeeded(f)
	}
	if raw {
		columns = append(columns, sheet.Column{Key: "raw", Head: p.head("raw")})
	}
	e.cells = func(h *ask.Hit) []any {
		var cells []any
		if named {
			cells = append(cells, h.ID(), h.Source, h.Event.At())
		}
		for _, f := range fields {
			cells = append(cells, chosen(h, f))
		}
		if raw {
			cells = append(cells, p.rawCell(h))
		}
		return cells
	}
	return columns
}

func (p *program) rawCell(h *ask.Hit) any {
	if p.format == "json" {
		return rawValue(h.Event.Raw)
	}
	return h.Event.Raw
}

// provenance says where a record stands.
type provenance struct {
	Object string `json:"object"`
	Record int64  `json:"record"`
}

// fullColumns are every attribute by its OCSF path.
func fullColumns(e *events, raw bool) []sheet.Column {
	columns := []sheet.Column{{Key: "id"}, {Key: "source"}, {Key: "time"}}
	var attributes []*ocsf.Column
	for _, c := range ocsf.Columns() {
		if !own[c.Name] {
			attributes = append(attributes, c)
			columns = append(columns, sheet.Column{Key: c.Path})
		}
	}
	columns = append(columns, sheet.Column{Key: "observables"}, sheet.Column{Key: "provenance"}, sheet.Column{Key: "raw"})
	e.cells = func(h *ask.Hit) []any {
		cells := make([]any, 0, len(columns))
		cells = append(cells, h.ID(), h.Source, h.Event.At())
		for _, c := range attributes {
			cells = append(cells, value(c, &h.Event))
		}
		if o := observables(h); len(o) > 0 {
			cells = append(cells, o)
		} else {
			cells = append(cells, nil)
		}
		cells = append(cells, provenance{objectID(h.Event.Provenance.Object), h.Event.Provenance.Record})
		if raw {
			cells = append(cells, rawValue(h.Event.Raw))
		}
		return cells
	}
	return columns
}

// spared are the columns of the short story that a narrow terminal does without.
var spared = map[string]int{"account": 5, "resource": 4, "id": 3, "source": 2, "outcome": 1}

// storyColumns are the short story.
func (p *program) storyColumns(e *events, raw bool) []sheet.Column {
	var columns []sheet.Column
	for _, k := range []string{"time", "source", "account", "event", "actor", "address", "resource", "outcome", "id"} {
		columns = append(columns, sheet.Column{Key: k, Head: p.head(k), Whole: k == "time" || k == "id", Spare: spared[k]})
	}
	if raw {
		columns = append(columns, sheet.Column{Key: "raw", Head: p.head("raw")})
	}
	e.cells = func(h *ask.Hit) []any {
		ev := &h.Event
		return []any{ev.At(), h.Source, ev.Account, what(ev), who(ev), where(ev), onWhat(ev), outcome(ev), h.ID(), ev.Raw}
	}
	return columns
}
