package server

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/query/match"
	"github.com/yagura-sec/yagura/store"
)

// citedID is the id under which the lake knows a cited event.
func citedID(e yagura.EventRef) string {
	switch {
	case e.UID != "":
		return e.UID
	case e.Object != 0:
		return fmt.Sprintf("%s:%x:%d", e.Source, e.Object, e.Record)
	}
	return e.Key + "#" + strconv.FormatInt(e.Record, 10)
}

func keyOf(e yagura.EventRef) ask.Key {
	return ask.Key{Time: e.Time, Object: e.Object, Record: e.Record}
}

// cites says whether a finding's reference is to the event.
func cites(e yagura.EventRef, h *ask.Hit) bool {
	if e.UID != "" {
		return e.UID == h.Event.UID && e.Source == h.Source
	}
	p := h.Event.Provenance
	return e.Object != 0 && e.Object == p.Object && e.Record == p.Record
}

// cited asks the lake once for all events that a finding cites: the i-th is that
// of the i-th reference, nil when the lake does not have it.
func (d *desk) cited(c *call, refs []yagura.EventRef) ([]*ask.Hit, error) {
	out := make([]*ask.Hit, len(refs))
	var terms []query.Expr
	var f ask.Filter
	for _, e := range refs {
		if d.schemas[e.Source] == nil || e.UID == "" && e.Object == 0 {
			continue
		}
		if !slices.Contains(f.Sources, e.Source) {
			f.Sources = append(f.Sources, e.Source)
		}
		at := time.UnixMicro(e.Time)
		if f.From.IsZero() || at.Before(f.From) {
			f.From = at
		}
		if until := at.Add(time.Microsecond); until.After(f.To) {
			f.To = until
		}
		terms = append(terms, named(e))
	}
	if len(terms) == 0 {
		return out, nil
	}
	f.Where = query.Or{Args: terms}
	hits, err := d.Lake.Search(c.ctx(), f, ask.Page{Limit: 10 * len(terms)})
	if err != nil {
		return nil, err
	}
	for i, e := range refs {
		for j := range hits {
			if out[i] == nil && cites(e, &hits[j]) {
				out[i] = &hits[j]
			}
		}
	}
	return out, nil
}

// named is the condition that holds for the cited event.
func named(e yagura.EventRef) query.Expr {
	if e.UID != "" {
		return query.Term{
			Field: "metadata.uid", Text: e.UID, Target: field.Target{Columns: []string{"metadata_uid"}},
			Test: match.NewText(literal.Replace(e.UID), false),
		}
	}
	number := func(column string, n int64) query.Expr {
		return query.Term{Field: column, Target: field.Target{Columns: []string{column}}, Kind: field.Int, Test: match.Ints{Low: n, High: n}}
	}
	return query.And{Args: []query.Expr{number("object_id", e.Object), number("record_no", e.Record)}}
}

// citedView is a cited event on a page.
type citedView struct {
	URL, Time, UTC, Source, ID string
	Summary                    *summary // nil when the lake does not have the event
}

func (d *desk) citedViews(c *call, f *yagura.Finding) ([]citedView, error) {
	hits, err := d.cited(c, f.Events)
	if err != nil {
		return nil, err
	}
	var out []citedView
	seen := map[string]bool{} // The steps of a sequence may cite one event twice.
	for i, e := range f.Events {
		if seen[e.Source+citedID(e)] {
			continue
		}
		seen[e.Source+citedID(e)] = true
		at := time.UnixMicro(e.Time)
		v := citedView{Time: c.local(at), UTC: at.UTC().Format(time.RFC3339Nano), Source: e.Source, ID: citedID(e)}
		if h := hits[i]; h != nil {
			s := summarise(h)
			v.Summary, v.URL = &s, eventURL(c, h)
		}
		out = append(out, v)
	}
	return out, nil
}

// citing gives the findings that cite an event, among those that span its time.
// A finding with many events keeps only the first and the last of them; of more
// than a thousand such findings the most severe are asked.
func (d *desk) citing(c *call, h *ask.Hit) ([]findingRow, error) {
	at := h.Event.Time
	list, err := d.Store.Findings(c.ctx(), store.FindingQuery{From: at, To: at + 1})
	if err != nil {
		return nil, err
	}
	var out []findingRow
	for i := range list {
		if slices.ContainsFunc(list[i].Events, func(e yagura.EventRef) bool { return cites(e, h) }) {
			out = append(out, c.findingRow(&list[i]))
		}
	}
	return out, nil
}

// searchFor gives the search for a text anywhere in the record, or "".
func searchFor(st state, text string, between ...string) string {
	if text == "" || len(text) > 2048 {
		return ""
	}
	set := []string{"q", query.Print(is("", text)), "from", "", "to", "", "source", ""}
	if len(between) == 2 {
		set[3], set[5] = between[0], between[1]
	}
	return st.with(set...)
}
