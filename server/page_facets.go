package server

import (
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/query/field"
)

type facetView struct {
	Field, Title, Remove string
	Values               []facetValue
}

type facetValue struct {
	Value   string
	Brief   string // the telling end of an ARN, else the value
	None    bool
	Count   int64
	Share   int // per cent of the page's events, for the bar
	On, Off bool
	Include string // URLs
	Exclude string
}

// countedEvents is about how many events, from the newest on, the page counts
// values of unless it is asked for all: the first look must not wait.
const countedEvents = 300_000

// newest gives the time from which on there are at most about n events; zero
// when there are no more than n in all. The newest bar always counts whole.
func newest(bars []ask.Bucket, n int64) time.Time {
	for i, bar := range slices.Backward(bars) {
		n -= sum(bar)
		if n < 0 {
			return bars[min(i+1, len(bars)-1)].Start
		}
	}
	return time.Time{}
}

// within narrows a filter to where the bars say that there are events, from a
// time on: the same events, with less to read.
func within(f ask.Filter, bars []ask.Bucket, width time.Duration, since time.Time) ask.Filter {
	if len(bars) == 0 {
		return f
	}
	f.From = later(later(f.From, since), bars[0].Start)
	if end := bars[len(bars)-1].Start.Add(width); f.To.IsZero() || end.Before(f.To) {
		f.To = end
	}
	f.Sources = nil
	for _, b := range bars {
		for s := range b.Counts {
			if !slices.Contains(f.Sources, s) {
				f.Sources = append(f.Sources, s)
			}
		}
	}
	return f
}

func sum(b ask.Bucket) (n int64) {
	for _, k := range b.Counts {
		n += k
	}
	return n
}

// defaultFacets are the facets of the page where the schemas know the names.
var defaultFacets = []string{
	"api.operation", "actor.user.uid", "src_endpoint.ip", "status_code", "account", "region", "disposition", "dst_endpoint.port", "query.hostname", "severity",
}

// facetFields are the fields to count: defaults that a selected source has and
// that the user did not name, then those that the user named.
func (d *desk) facetFields(q *question, more []field.Field) []field.Field {
	var out []field.Field
	for _, name := range defaultFacets {
		f, ok := d.fields.Lookup(name)
		asked := len(q.Sources) == 0 || slices.ContainsFunc(f.Sources, func(s string) bool { return slices.Contains(q.Sources, s) })
		if ok && asked && !slices.ContainsFunc(more, func(m field.Field) bool { return m.Name == name }) {
			out = append(out, f)
		}
	}
	return append(out, more...)
}

func facetOf(c *call, q *question, f field.Field, values []ask.Value, total int64) facetView {
	out := facetView{Field: f.Name, Title: f.Doc}
	st := c.state()
	for _, val := range values {
		term := is(f.Name, val.Value)
		if val.None {
			term = negated(has(f.Name))
		}
		p := st.pivotsOn(q.expr, term)
		out.Values = append(out.Values, facetValue{
			Value: val.Value, Brief: arnTail(val.Value), None: val.None, Count: val.Count, Share: share(val.Count, total),
			On: p.Included, Off: p.Excluded, Include: p.Include, Exclude: p.Exclude,
		})
	}
	return out
}

// sourceFacet counts sources from the histogram, which has them anyway.
func sourceFacet(c *call, q *question, by map[string]int64, total int64) facetView {
	out := facetView{Field: "source"}
	st := c.state()
	names := make([]string, 0, len(by))
	for s := range by {
		names = append(names, s)
	}
	slices.SortFunc(names, func(a, b string) int {
		if by[a] != by[b] {
			return int(min(max(by[b]-by[a], -1), 1))
		}
		return strings.Compare(a, b)
	})
	for _, s := range names {
		only, on := s, slices.Contains(q.Sources, s)
		if on {
			only = strings.Join(slices.DeleteFunc(slices.Clone(q.Sources), func(x string) bool { return x == s }), ",")
		}
		rest := slices.DeleteFunc(slices.Clone(names), func(x string) bool { return x == s })
		out.Values = append(out.Values, facetValue{
			Value: s, Brief: s, Count: by[s], Share: share(by[s], total), On: on,
			Include: st.with("source", only), Exclude: st.with("source", strings.Join(rest, ",")),
		})
	}
	return out
}

func share(n, total int64) int {
	if total <= 0 {
		return 0
	}
	return int(n * 100 / total)
}
