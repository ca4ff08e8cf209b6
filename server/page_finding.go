package server

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect/sequence"
	"github.com/yagura-sec/yagura/store"
)

// findingView is the page of one finding.
type findingView struct {
	Frame      frame
	ID         string
	Back       string
	Row        findingRow
	Author     string
	Type       string
	Techniques []string
	Rule       *ruleBody // nil when it is not in force here
	Sequence   bool      // it joins other findings
	Subject    entityView
	Nearby     string // search of what else happened to the subject, an hour around
	Related    []entityView
	Facts      []factView
	Events     []citedView
	Some       bool // there are more events than those
	Lost       int  // cited events that the lake does not have
	Steps      []stepView
	Within     []findingRow // sequences that this is part of
}

type entityView struct {
	Kind, ID, Account string
	URL               string // the search for it, or ""
}

type factView struct{ Name, Value, URL string }

// stepView is a part of a sequence. One that is not kept any more has only the
// text that the sequence has of it.
type stepView struct {
	Row  *findingRow
	Text string
}

func (d *desk) pageFinding(c *call) error {
	f, err := d.finding(c)
	if err != nil {
		return err
	}
	st := c.state()
	v := &findingView{
		Frame: c.frame(), ID: f.ID, Back: c.findingsWith(), Row: c.findingRow(f), Author: f.Author, Type: f.Type, Techniques: f.Techniques,
		Rule: ruleOf(d.rules[f.Rule], c.lang), Sequence: f.Rule == sequence.Rule, Subject: c.entity(st, f, f.Subject), Some: f.Count > int64(len(f.Events)),
	}
	if v.Author == "" && v.Rule != nil {
		v.Author = v.Rule.Author
	}
	if f.Subject.ID != "" {
		from, to := time.UnixMicro(f.First).Add(-time.Hour), time.UnixMicro(f.Last).Add(time.Hour)
		v.Nearby = searchFor(st, f.Subject.ID, from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
	}
	for _, e := range f.Related {
		v.Related = append(v.Related, c.entity(st, f, e))
	}
	v.Facts = d.facts(st, f)
	if v.Events, err = d.citedViews(c, f); err != nil {
		return err
	}
	for _, e := range v.Events {
		if e.Summary == nil {
			v.Lost++
		}
	}
	if v.Steps, err = d.steps(c, f); err != nil {
		return err
	}
	if v.Within, err = d.within(c, f); err != nil {
		return err
	}
	return d.show(c, http.StatusOK, "finding", v)
}

// entity shows an entity of a finding, with its account if it is another one.
func (c *call) entity(st state, f *yagura.Finding, e yagura.Entity) entityView {
	v := entityView{Kind: c.kind(e.Type), ID: e.ID, URL: searchFor(st, e.ID)}
	if e.Account != f.Account {
		v.Account = e.Account
	}
	return v
}

// stepPrefixes begin the names of facts that tell a sequence, by language; its
// page tells the steps from the findings themselves.
var stepPrefixes = map[string]string{"en": "step ", "ja": "手順 "}

func isStep(f *yagura.Finding, name string) bool {
	return len(f.Parts) > 0 && (strings.HasPrefix(name, stepPrefixes["en"]) || strings.HasPrefix(name, stepPrefixes["ja"]))
}

// facts lists what speaks for a finding. A fact that is a field's value leads to
// the events with that value.
func (d *desk) facts(st state, f *yagura.Finding) (out []factView) {
	for _, x := range f.Facts {
		if isStep(f, x.Name) {
			continue
		}
		v := factView{Name: x.Name, Value: x.Value}
		if _, ok := d.fields.Lookup(x.Name); ok {
			if p := st.pivots(nil, x.Name, x.Value); p != nil {
				v.URL = p.Only
			}
		}
		out = append(out, v)
	}
	return out
}

// steps lists the parts of a sequence in order.
func (d *desk) steps(c *call, f *yagura.Finding) (out []stepView, err error) {
	var told []string
	for _, x := range f.Facts {
		if len(f.Parts) > 0 && strings.HasPrefix(x.Name, stepPrefixes[c.lang]) {
			told = append(told, x.Value)
		}
	}
	for i, id := range f.Parts {
		part, err := d.Store.Finding(c.ctx(), id)
		switch {
		case err == nil:
			row := c.findingRow(&part)
			out = append(out, stepView{Row: &row})
		case !errors.Is(err, store.ErrNotFound):
			return nil, err
		case i < len(told):
			out = append(out, stepView{Text: told[i]})
		default:
			out = append(out, stepView{Text: id})
		}
	}
	return out, nil
}

// within gives the sequences that have the finding as a part.
func (d *desk) within(c *call, f *yagura.Finding) (out []findingRow, err error) {
	list, err := d.Store.Findings(c.ctx(), store.FindingQuery{Rule: sequence.Rule})
	for i := range list {
		for _, part := range list[i].Parts {
			if part == f.ID {
				out = append(out, c.findingRow(&list[i]))
			}
		}
	}
	return out, err
}
