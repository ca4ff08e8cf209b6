package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query/field"
)

// search is what `yagura search` was asked.
type search struct {
	selection
	fields      []string
	limit       int
	after       string
	raw, count  bool
	oldest, all bool
}

func (p *program) searchCommand() *cobra.Command {
	var s search
	c := &cobra.Command{
		Use: "search [QUERY | -]", Short: p.say("short.search"), Long: p.say("long.search"),
		Example: "  yagura search 'eventName:ConsoleLogin AND errorMessage:*'\n" +
			"  yagura search 'srcaddr:203.0.113.0/24' --source vpcflow --from -24h --fields time,srcaddr,dstaddr,dstport,bytes\n" +
			"  yagura search 'userName:alice' --all --format json > alice.jsonl",
		Args: p.arguments(0, 1, "QUERY"),
		RunE: func(c *cobra.Command, args []string) error {
			return p.ask(c.Context(), &s.selection, args, func(a *asked) error { return p.search(c.Context(), a, s) })
		},
	}
	s.flags(p, c)
	f := c.Flags()
	f.StringSliceVar(&s.fields, "fields", nil, p.say("flag.fields"))
	f.IntVar(&s.limit, "limit", 50, p.say("flag.limit"))
	f.BoolVar(&s.raw, "raw", false, p.say("flag.raw"))
	f.BoolVar(&s.count, "count", false, p.say("flag.count"))
	f.BoolVar(&s.oldest, "oldest", false, p.say("flag.oldest"))
	f.StringVar(&s.after, "after", "", p.say("flag.after"))
	f.BoolVar(&s.all, "all", false, p.say("flag.all"))
	return c
}

func (p *program) search(ctx context.Context, a *asked, s search) error {
	if s.limit < 1 {
		return p.wrong("bad-limit", s.limit)
	}
	if s.count {
		n, err := a.lake.Count(ctx, a.filter)
		if err == nil {
			fmt.Fprintln(p.stdout, n)
		}
		return err
	}
	after, err := p.readCursor(s.after, s.oldest)
	if err != nil {
		return err
	}
	chosen, err := p.lookup(a.fields, s.fields)
	if err != nil {
		return err
	}
	out, err := p.newEvents(chosen, s.raw)
	if err != nil {
		return err
	}
	page := ask.Page{Limit: s.limit + 1, Oldest: s.oldest, After: after, Raw: out.needRaw}
	if s.all {
		return p.export(ctx, a, page, out)
	}
	hits, err := a.lake.Search(ctx, a.filter, page)
	if err != nil {
		return err
	}
	more := len(hits) > s.limit
	hits = hits[:min(len(hits), s.limit)]
	for i := range hits {
		if err := out.add(&hits[i]); err != nil {
			return err
		}
	}
	if err := out.w.Close(); err != nil {
		return err
	}
	if more {
		p.note("more", s.limit, cursor(hits[len(hits)-1].Key(), s.oldest))
	}
	return nil
}

// exportPage is how many events an export holds in memory at a time.
const exportPage = 5000

// export writes the whole result.
func (p *program) export(ctx context.Context, a *asked, page ask.Page, out *events) error {
	page.Limit = exportPage
	bar := p.progress("progress.export")
	defer bar.end()
	if bar.shown() {
		n, err := a.lake.Count(ctx, a.filter)
		if err != nil {
			return err
		}
		bar.total(n)
	}
	for done := int64(0); ; {
		hits, err := a.lake.Search(ctx, a.filter, page)
		if err != nil {
			return err
		}
		for i := range hits {
			if err := out.add(&hits[i]); err != nil {
				return err
			}
		}
		done += int64(len(hits))
		bar.at(done)
		if len(hits) < page.Limit {
			return out.w.Close()
		}
		key := hits[len(hits)-1].Key()
		page.After = &key
	}
}

// events writes events in the form that was asked for.
type events struct {
	w       sheet.Writer
	cells   func(h *ask.Hit) []any
	needRaw bool
}

// newEvents makes the writer: with the fields that were asked for, else with
// every attribute in JSON, else with the short story.
func (p *program) newEvents(fields []field.Field, raw bool) (*events, error) {
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
	var err error
	e.w, err = sheet.New(p.format, p.stdout, columns, sheet.Options{Width: p.width(), Zone: p.zone})
	return e, err
}

func (e *events) add(h *ask.Hit) error { return e.w.Row(e.cells(h)...) }

// chosenColumns are the asked fields; JSON has id, source and time before them.
func (p *program) chosenColumns(e *events, fields []field.Field, raw bool) []sheet.Column {
	var columns []sheet.Column
	named := p.format == "json"
	if named {
		for _, k := range []string{"id", "source", "time"} {
			columns = append(columns, sheet.Column{Key: k})
		}
		fields = slices.DeleteFunc(slices.Clone(fields), func(f field.Field) bool { return f.Name == "time" })
	}
	for _, f := range fields {
		columns = append(columns, sheet.Column{Key: f.Name, Head: f.Name, Right: f.Kind == field.Int, Whole: f.Kind == field.Time})
		e.needRaw = e.needRaw || f.Target.Path != "" || f.Target.Leaf != ""
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

// storyColumns are the short story.
func (p *program) storyColumns(e *events, raw bool) []sheet.Column {
	var columns []sheet.Column
	for _, k := range []string{"time", "source", "account", "event", "actor", "address", "resource", "outcome", "id"} {
		columns = append(columns, sheet.Column{Key: k, Head: p.head(k), Whole: k == "time" || k == "id"})
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

// cursor writes a place in a result as an opaque text.
func cursor(k ask.Key, oldest bool) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "1:%t:%d:%d:%d", oldest, k.Time, k.Object, k.Record))
}

// readCursor reads what cursor wrote, for a search in the same order.
func (p *program) readCursor(text string, oldest bool) (*ask.Key, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no cursor is the beginning
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, p.wrong("bad-cursor", text)
	}
	var k ask.Key
	var was bool
	if _, err := fmt.Sscanf(string(raw), "1:%t:%d:%d:%d", &was, &k.Time, &k.Object, &k.Record); err != nil {
		return nil, p.wrong("bad-cursor", text)
	}
	if was != oldest {
		return nil, p.wrong("cursor-order")
	}
	return &k, nil
}
