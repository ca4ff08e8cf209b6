package server

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/store"
)

// findingBody is a finding in JSON.
type findingBody struct {
	ID         string       `json:"id"`
	Severity   string       `json:"severity"`
	Title      string       `json:"title"` // in the language asked for
	Subject    entityBody   `json:"subject"`
	Count      int64        `json:"count"`
	First      time.Time    `json:"first_seen"`
	Last       time.Time    `json:"last_seen"`
	Rule       string       `json:"rule"`
	Author     string       `json:"author"`
	Type       string       `json:"type"` // GuardDuty's, if any
	Account    string       `json:"account"`
	Region     string       `json:"region"`
	Attempt    bool         `json:"attempt"`
	Status     string       `json:"status"` // "" active, dry-run, or suppressed: with the reason
	Techniques []string     `json:"techniques"`
	Facts      []factBody   `json:"facts"`
	Related    []entityBody `json:"related"`
	Events     []citedBody  `json:"events"`
	Parts      []string     `json:"parts"` // ids of the findings of a sequence, in order
}

type entityBody struct {
	Type    string `json:"type"`
	ID      string `json:"id"`
	Account string `json:"account,omitempty"`
}

type factBody struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// citedBody points to an event; its id is one of /api/v1/events.
type citedBody struct {
	ID     string    `json:"id"`
	Source string    `json:"source"`
	Time   time.Time `json:"time"`
	Cursor string    `json:"cursor,omitempty"` // for at; absent when the finding was not made in a lake
}

func findingOf(f *yagura.Finding, lang string) findingBody {
	b := findingBody{
		ID: f.ID, Severity: f.Severity.String(), Title: f.Title.In(lang), Subject: entityBody(f.Subject), Count: f.Count,
		First: time.UnixMicro(f.First).UTC(), Last: time.UnixMicro(f.Last).UTC(), Rule: f.Rule, Author: f.Author, Type: f.Type,
		Account: f.Account, Region: f.Region, Attempt: f.Attempt, Status: f.Status, Techniques: orEmpty(f.Techniques), Parts: orEmpty(f.Parts),
		Facts: []factBody{}, Related: []entityBody{}, Events: []citedBody{},
	}
	for _, x := range f.Facts {
		b.Facts = append(b.Facts, factBody(x))
	}
	for _, e := range f.Related {
		b.Related = append(b.Related, entityBody(e))
	}
	for _, e := range f.Events {
		one := citedBody{ID: citedID(e), Source: e.Source, Time: time.UnixMicro(e.Time).UTC()}
		if e.Object != 0 {
			one.Cursor = cursor(keyOf(e))
		}
		b.Events = append(b.Events, one)
	}
	return b
}

// ruleBody is what a rule says to people, in the language asked for.
type ruleBody struct {
	ID             string   `json:"id"`
	Title          string   `json:"title"`
	Level          string   `json:"level"`
	Description    string   `json:"description"`
	Why            string   `json:"why"`
	Check          string   `json:"check"`
	Do             string   `json:"do"`
	Prevent        string   `json:"prevent"`
	FalsePositives []string `json:"false_positives"`
	Author         string   `json:"author"`
	License        string   `json:"license"`
	Date           string   `json:"date"`
	Modified       string   `json:"modified"`
	Techniques     []string `json:"techniques"`
	GuardDuty      []string `json:"guardduty"`
	References     []string `json:"references"`
}

func ruleOf(d *sigma.Document, lang string) *ruleBody {
	if d == nil {
		return nil
	}
	b := &ruleBody{
		ID: d.ID, Title: d.Title.In(lang), Level: d.Level.String(), Description: d.Description.In(lang), Why: d.Why.In(lang),
		Check: d.Check.In(lang), Do: d.Do.In(lang), Prevent: d.Prevent.In(lang), FalsePositives: []string{}, Author: d.Author,
		License: d.License, Date: d.Date, Modified: d.Modified, Techniques: orEmpty(d.Techniques()), GuardDuty: orEmpty(d.GuardDuty),
		References: orEmpty(d.References),
	}
	for _, t := range d.FalsePositives {
		b.FalsePositives = append(b.FalsePositives, t.In(lang))
	}
	return b
}

// rulesOf makes rules known by each of their names; ids come before others'
// names.
func rulesOf(docs []*sigma.Document) map[string]*sigma.Document {
	out := map[string]*sigma.Document{}
	for _, d := range docs {
		for _, name := range []string{d.Name, d.SigmaID} {
			if name != "" {
				out[name] = d
			}
		}
	}
	for _, d := range docs {
		out[d.ID] = d
	}
	return out
}

// Limits of a list of findings.
const shownFindings, mostFindings = 100, 1000

// severity reads the least severity asked for; low when none is.
func (c *call) severity() (yagura.Severity, error) {
	name := cmp.Or(c.params.Get("severity"), "low")
	s, ok := yagura.ParseSeverity(name)
	if !ok {
		return 0, bad("severity", fmt.Sprintf("%q is no severity", name), "write informational, low, medium, high or critical")
	}
	return s, nil
}

// findingQuery reads the parameters that select findings.
func (c *call) findingQuery() (q store.FindingQuery, err error) {
	q.Rule, q.Subject = c.params.Get("rule"), c.params.Get("subject")
	if q.Least, err = c.severity(); err != nil {
		return q, err
	}
	all, err := c.flag("all")
	if err != nil {
		return q, err
	}
	q.Active = !all
	if q.Limit, err = c.number("limit", shownFindings, 1, mostFindings); err != nil {
		return q, err
	}
	from, to, err := c.span(c.params.Get("from"), c.params.Get("to"))
	if !from.IsZero() {
		q.From = from.UnixMicro()
	}
	if !to.IsZero() {
		q.To = to.UnixMicro()
	}
	return q, err
}

// findings gives what the query selects, and whether there is more than its
// limit.
func (d *desk) findings(c *call, q store.FindingQuery) (list []yagura.Finding, more bool, err error) {
	limit := q.Limit
	q.Limit++
	list, err = d.Store.Findings(c.ctx(), q)
	if len(list) > limit {
		return list[:limit], true, err
	}
	return list, false, err
}

// finding gives the finding of the path.
func (d *desk) finding(c *call) (*yagura.Finding, error) {
	id := c.r.PathValue("id")
	f, err := d.Store.Finding(c.ctx(), id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, &failure{
			status: http.StatusNotFound, code: "no-finding", what: "there is no such finding", where: strconv.Quote(id),
			fix: "list them with GET /api/v1/findings; `yagura detect --forget` drops findings", err: err,
		}
	}
	return &f, err
}

// grave counts the active findings that are high or critical, for the frame of
// every page. A count that fails is shown as such.
func (d *desk) grave(c *call) string {
	counts, err := d.Store.CountFindings(c.ctx(), store.FindingQuery{Least: yagura.High, Active: true})
	if err != nil {
		d.Log.Error("findings cannot be counted", "error", err)
		return "?"
	}
	n := counts[yagura.High] + counts[yagura.Critical]
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func (d *desk) apiFindings(c *call) error {
	q, err := c.findingQuery()
	if err != nil {
		return err
	}
	list, more, err := d.findings(c, q)
	if err != nil {
		return err
	}
	out := []findingBody{}
	for i := range list {
		out = append(out, findingOf(&list[i], c.lang))
	}
	return c.reply(map[string]any{"findings": out, "more": more})
}

func (d *desk) apiFinding(c *call) error {
	f, err := d.finding(c)
	if err != nil {
		return err
	}
	body := struct {
		Finding findingBody `json:"finding"`
		Rule    *ruleBody   `json:"rule,omitempty"`
	}{findingOf(f, c.lang), ruleOf(d.rules[f.Rule], c.lang)}
	return c.reply(body)
}
