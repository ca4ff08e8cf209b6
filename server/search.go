package server

import (
	"fmt"
	"slices"
	"time"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/query/field"
)

// page is one page of hits.
type page struct {
	hits  []ask.Hit
	after string // cursor of the last hit, when more follow
}

// pageOf reads the parameters of paging.
func (c *call) pageOf(limit, most int) (p ask.Page, err error) {
	if p.Limit, err = c.number("limit", limit, 1, most); err != nil {
		return p, err
	}
	switch s := c.params.Get("sort"); s {
	case "", "newest":
	case "oldest":
		p.Oldest = true
	default:
		return p, bad("sort", fmt.Sprintf("%q is no order", s), "write newest or oldest")
	}
	if p.After, err = c.key("after"); err != nil {
		return p, err
	}
	p.Raw, err = c.flag("raw")
	return p, err
}

// search gives a page of hits. It asks for one hit more than the page holds, to
// know whether it goes on.
func (d *desk) search(c *call, f ask.Filter, p ask.Page) (*page, error) {
	limit := p.Limit
	p.Limit++
	hits, err := d.Lake.Search(c.ctx(), f, p)
	if err != nil {
		return nil, err
	}
	if len(hits) <= limit {
		return &page{hits: hits}, nil
	}
	return &page{hits: hits[:limit], after: cursor(hits[limit-1].Key())}, nil
}

type searchBody struct {
	Events []record `json:"events"`
	After  string   `json:"after,omitempty"` // cursor of the next page
}

func (d *desk) apiSearch(c *call) error {
	q, err := d.question(c)
	if err != nil {
		return err
	}
	fields, err := d.named(c, "fields")
	if err != nil {
		return err
	}
	p, err := c.pageOf(50, 1000)
	if err != nil {
		return err
	}
	raw := p.Raw
	p.Raw = raw || readsRaw(fields)
	found, err := d.search(c, q.filter, p)
	if err != nil {
		return err
	}
	body := searchBody{Events: []record{}, After: found.after}
	for i := range found.hits {
		body.Events = append(body.Events, d.record(&found.hits[i], fields, raw))
	}
	return c.reply(body)
}

// readsRaw says whether a field's values stand in the raw record.
func readsRaw(fields []field.Field) bool {
	return slices.ContainsFunc(fields, func(f field.Field) bool { return f.Target.Path != "" || f.Target.Leaf != "" })
}

type histogramBody struct {
	Width   string       `json:"width"` // Go duration
	Total   int64        `json:"total"`
	Buckets []bucketBody `json:"buckets"` // without empty ones
}

type bucketBody struct {
	Start  time.Time        `json:"start"`
	Counts map[string]int64 `json:"counts"` // by source
}

func (d *desk) apiHistogram(c *call) error {
	q, err := d.question(c)
	if err != nil {
		return err
	}
	n, err := c.number("bars", 100, 1, 1000)
	if err != nil {
		return err
	}
	width, bars, err := d.Lake.Histogram(c.ctx(), q.filter, n)
	if err != nil {
		return err
	}
	body := histogramBody{Width: width.String(), Buckets: []bucketBody{}}
	for _, b := range bars {
		body.Buckets = append(body.Buckets, bucketBody{b.Start.UTC(), b.Counts})
		for _, k := range b.Counts {
			body.Total += k
		}
	}
	return c.reply(body)
}

type facetBody struct {
	Field  string      `json:"field"`
	Values []valueBody `json:"values"`
	None   int64       `json:"none"` // events without a value
}

type valueBody struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

func (d *desk) apiFacets(c *call) error {
	q, err := d.question(c)
	if err != nil {
		return err
	}
	fields, err := d.named(c, "fields")
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return bad("fields", "no field is named", "name one or more, such as eventName,sourceIPAddress")
	}
	top, err := c.number("top", 10, 1, 1000)
	if err != nil {
		return err
	}
	values, err := d.Lake.Facets(c.ctx(), q.filter, fields, top)
	if err != nil {
		return err
	}
	body := []facetBody{}
	for i, f := range fields {
		one := facetBody{Field: f.Name, Values: []valueBody{}}
		for _, v := range values[i] {
			if v.None {
				one.None = v.Count
				continue
			}
			one.Values = append(one.Values, valueBody{v.Value, v.Count})
		}
		body = append(body, one)
	}
	return c.reply(map[string]any{"facets": body})
}

type statisticsBody struct {
	Field    string `json:"field"`
	Events   int64  `json:"events"`
	Present  int64  `json:"present"`
	Distinct int64  `json:"distinct"`
	Min      string `json:"min"`
	Max      string `json:"max"`
}

func (d *desk) apiStatistics(c *call) error {
	q, err := d.question(c)
	if err != nil {
		return err
	}
	f, err := d.lookup(c, "field", c.params.Get("field"))
	if err != nil {
		return err
	}
	s, err := d.Lake.Statistics(c.ctx(), q.filter, f)
	if err != nil {
		return err
	}
	return c.reply(statisticsBody{f.Name, s.Events, s.Present, s.Distinct, s.Min, s.Max})
}

func (d *desk) apiCount(c *call) error {
	q, err := d.question(c)
	if err != nil {
		return err
	}
	n, err := d.Lake.Count(c.ctx(), q.filter)
	if err != nil {
		return err
	}
	return c.reply(map[string]int64{"count": n})
}
