package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/store"
)

// searchView is the search page.
type searchView struct {
	Frame     frame
	Question  *question
	Fields    string // as written
	FacetList string
	Sort      string
	Problem   *failureView
	ProblemIn string // parameter it stands in
	Presets   []preset
	Empty     bool // the lake has nothing at all
	First     string
	Last      string
	Total     int64
	Bars      string // JSON for the histogram
	Width     string
	Facets    []facetView
	// CountedSince says that the facets count only the newest events; CountAll
	// is where they count all.
	CountedSince, CountAll string
	Columns                []columnView
	Rows                   []rowView
	Newer                  string // URLs
	Older                  string
	Start                  string
	FlipSort               string
	Export                 []exportLink
	Saved                  []savedView
	Now                    *savedView // the saved search that this page shows
	Took                   string
	Sources                []string // all
	Clear                  string
}

type preset struct {
	Text, URL string
	On        bool
}

type columnView struct{ Name, Title, Remove string }

type rowView struct {
	URL, Time, UTC, Source string
	Summary                *summary
	Account, Region        string
	Cells                  []string
	Self, placed           bool // the event that others are shown around
}

type exportLink struct{ Format, URL string }

// pagePresets are the time ranges of one click.
var pagePresets = []string{"-15m", "-1h", "-24h", "-7d", "-30d"}

// pageSearch answers the search page: hits, histogram and facets of one filter,
// asked at the same time.
func (d *desk) pageSearch(c *call) error {
	began := time.Now()
	st := c.state()
	v := &searchView{
		Frame: c.frame(), Fields: c.params.Get("fields"), FacetList: c.params.Get("facets"), Sort: c.params.Get("sort"),
		Sources: d.sourceNames(), Start: st.with(), Clear: st.with("q", "", "source", ""),
	}
	if err := d.besideSearch(c, v); err != nil {
		return err
	}
	status := http.StatusOK
	err := d.fillSearch(c, v)
	var f *failure
	if errors.As(err, &f) && f.status < 500 {
		v.Problem, v.ProblemIn, status = c.view(f), f.param, f.status
	} else if err != nil {
		return err
	}
	v.Took = strconv.FormatInt(time.Since(began).Milliseconds(), 10)
	return d.show(c, status, "search", v)
}

// besideSearch fills what does not depend on the query being right.
func (d *desk) besideSearch(c *call, v *searchView) error {
	st := c.state()
	for _, p := range pagePresets {
		v.Presets = append(v.Presets, preset{"preset." + p, st.with("from", p, "to", ""), c.params.Get("from") == p && c.params.Get("to") == ""})
	}
	v.Presets = append(v.Presets, preset{"preset.all", st.with("from", "", "to", ""), c.params.Get("from") == "" && c.params.Get("to") == ""})
	flip := "oldest"
	if v.Sort == "oldest" {
		flip = ""
	}
	v.FlipSort = st.with("sort", flip)
	first, last, err := d.Lake.Span(c.ctx())
	if err != nil {
		return err
	}
	v.Empty = first.IsZero() && last.IsZero()
	v.First, v.Last = c.local(first), c.local(last)
	saved, err := d.Store.Searches(c.ctx())
	if err != nil {
		return err
	}
	for _, s := range saved {
		one := savedLink(c, s)
		v.Saved = append(v.Saved, one)
		if one.shows(c) {
			v.Now = &one
		}
	}
	return nil
}

// fillSearch asks the lake.
func (d *desk) fillSearch(c *call, v *searchView) error {
	q, err := d.question(c)
	v.Question = q
	if err != nil {
		return err
	}
	columns, err := d.named(c, "fields")
	if err != nil {
		return err
	}
	more, err := d.named(c, "facets")
	if err != nil {
		return err
	}
	p, err := c.pageOf(50, 500)
	if err != nil {
		return err
	}
	p.Raw = readsRaw(columns)
	facets := d.facetFields(q, more)

	var found *page
	var bars []ask.Bucket
	var width time.Duration
	var values [][]ask.Value
	all, err := c.flag("exact")
	if err != nil {
		return err
	}
	var since time.Time // from which on values are counted; zero: all
	g, ctx := errgroup.WithContext(c.ctx())
	inner := *c
	inner.r = c.r.WithContext(ctx)
	g.Go(func() (err error) { found, err = d.search(&inner, q.filter, p); return err })
	g.Go(func() (err error) {
		if width, bars, err = d.Lake.Histogram(ctx, q.filter, 120); err != nil {
			return err
		}
		if since = newest(bars, countedEvents); all {
			since = time.Time{}
		}
		values, err = d.Lake.Facets(ctx, within(q.filter, bars, width, since), facets, 8)
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	d.tabulate(c, v, q, columns, found)
	bySource := v.bars(c, q, width, bars)
	whole := v.Total
	if !since.IsZero() {
		v.CountedSince, v.CountAll = c.local(since), c.here("exact", "true")
		whole = 0
		for _, b := range bars {
			if !b.Start.Before(since) {
				whole += sum(b)
			}
		}
	}
	v.Facets = append(v.Facets, sourceFacet(c, q, bySource, v.Total))
	for i, f := range facets {
		one := facetOf(c, q, f, values[i], whole)
		if len(one.Values) == 0 || len(one.Values) == 1 && one.Values[0].None {
			continue
		}
		if i >= len(facets)-len(more) {
			one.Remove = c.state().with("facets", without(v.FacetList, f.Name))
		}
		v.Facets = append(v.Facets, one)
	}
	for _, format := range []string{"csv", "jsonl", "parquet"} {
		v.Export = append(v.Export, exportLink{format, "/api/v1/export?" + exportParams(c, format).Encode()})
	}
	return nil
}

// tabulate fills the table.
func (d *desk) tabulate(c *call, v *searchView, q *question, columns []field.Field, found *page) {
	st := c.state()
	for _, f := range columns {
		v.Columns = append(v.Columns, columnView{Name: f.Name, Title: f.Doc, Remove: st.with("fields", without(v.Fields, f.Name))})
	}
	for i := range found.hits {
		h := &found.hits[i]
		row := d.row(c, h)
		if len(columns) > 0 {
			row.Summary = nil
		}
		for _, f := range columns {
			row.Cells = append(row.Cells, strings.Join(h.Values(f.Target), ", "))
		}
		v.Rows = append(v.Rows, row)
	}
	v.pages(c, found)
}

// maxTrail bounds the pages that a URL remembers to go back to.
const maxTrail = 40

// pages links the pages before and after. The way back is the trail of cursors
// in the URL: an order with ties cannot be walked backwards.
func (v *searchView) pages(c *call, found *page) {
	st := c.state()
	at := c.params.Get("after")
	var trail []string
	if t := c.params.Get("trail"); t != "" {
		trail = strings.Split(t, ",")
	}
	if n := len(trail); n > 0 {
		v.Newer = st.with("after", trail[n-1], "trail", strings.Join(trail[:n-1], ","))
	} else if at != "" {
		v.Newer = st.with()
	}
	if found.after == "" {
		return
	}
	if at != "" {
		trail = append(trail, at)
	}
	trail = trail[max(0, len(trail)-maxTrail):]
	v.Older = st.with("after", found.after, "trail", strings.Join(trail, ","))
}

// chart is what the script needs to draw the histogram.
type chart struct {
	Step    float64   `json:"step"` // seconds of a bar
	Times   []int64   `json:"times"`
	Sources []string  `json:"sources"`
	Counts  [][]int64 `json:"counts"` // by source, not stacked
	From    float64   `json:"from"`
	To      float64   `json:"to"`
	Zone    string    `json:"zone"`
}

// bars fills the histogram and the total, and gives the counts by source.
func (v *searchView) bars(c *call, q *question, width time.Duration, bars []ask.Bucket) map[string]int64 {
	by := map[string]int64{}
	for _, b := range bars {
		for s, n := range b.Counts {
			by[s] += n
		}
		v.Total += sum(b)
	}
	if len(bars) == 0 {
		return by
	}
	ch := chart{Step: width.Seconds(), Zone: v.Frame.Zone}
	for s := range by {
		ch.Sources = append(ch.Sources, s)
	}
	slices.Sort(ch.Sources)
	from, to := bars[0].Start, bars[len(bars)-1].Start.Add(width)
	if f := q.filter.From; !f.IsZero() {
		from = f.Truncate(width)
	}
	if t := q.filter.To; !t.IsZero() && t.After(to) {
		to = t
	}
	ch.From, ch.To = float64(from.UnixMilli())/1000, float64(to.UnixMilli())/1000
	ch.Counts = make([][]int64, len(ch.Sources))
	at := map[int64]map[string]int64{}
	for _, b := range bars {
		at[b.Start.Unix()] = b.Counts
		ch.Times = append(ch.Times, b.Start.Unix())
	}
	for i, s := range ch.Sources {
		for _, t := range ch.Times {
			ch.Counts[i] = append(ch.Counts[i], at[t][s])
		}
	}
	text, err := json.Marshal(ch)
	if err == nil {
		v.Bars = string(text)
	}
	v.Width = brief(width)
	return by
}

// without takes a name out of a comma-separated list.
func without(list, name string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(list, ","), func(s string) bool { return strings.TrimSpace(s) == name }), ",")
}

// savedView is a saved search as a link.
type savedView struct {
	ID    int64
	Name  string
	Query string
	URL   string
	where state
}

func savedLink(c *call, s store.Search) savedView {
	where := c.state().set("q", s.Query, "from", s.From, "to", s.To, "source", strings.Join(s.Sources, ","), "fields", strings.Join(s.Fields, ","))
	return savedView{ID: s.ID, Name: s.Name, Query: s.Query, URL: where.with(), where: where}
}

// shows says whether the page shows what is saved.
func (s *savedView) shows(c *call) bool {
	for _, name := range []string{"q", "from", "to", "source", "fields"} {
		if s.where.params.Get(name) != c.params.Get(name) {
			return false
		}
	}
	return c.params.Get("q") != ""
}
