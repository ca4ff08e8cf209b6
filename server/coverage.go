package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/server/console"
)

type coverageBody struct {
	Cells []cellBody `json:"cells"` // hours without events are left out
}

type cellBody struct {
	Source  string    `json:"source"`
	Account string    `json:"account"`
	Region  string    `json:"region"`
	Hour    time.Time `json:"hour"`
	Events  int64     `json:"events"`
	Skipped int64     `json:"skipped"` // records that say that AWS skipped data
}

func (d *desk) apiCoverage(c *call) error {
	q, err := d.question(c)
	if err != nil {
		return err
	}
	cells, err := d.Lake.Coverage(c.ctx(), q.filter)
	if err != nil {
		return err
	}
	body := coverageBody{Cells: []cellBody{}}
	for _, x := range cells {
		body.Cells = append(body.Cells, cellBody{x.Source, x.Account, x.Region, x.Hour.UTC(), x.Events, x.Skipped})
	}
	return c.reply(body)
}

// coverageView is the heat map.
type coverageView struct {
	Frame    frame
	Question *question
	Problem  *failureView
	Empty    bool
	ByHour   bool
	Back     string // to the days, when zoomed
	Heads    []headView
	Groups   []*groupView
	Width    int
	Mark     string // outline of the SKIPDATA mark
	Cut      bool   // the range is longer than what is shown
	From, To string
	Sources  []string
	Presets  []preset
}

type headView struct {
	X, W  int
	Label string
	URL   string
	Minor bool
}

type groupView struct {
	Source string
	Rows   []stripView
}

type stripView struct {
	Account, Region, URL   string
	Cells                  []squareView
	Seen, Missing, Skipped int64 // hours; skipped records
	Events                 int64
}

// squareView is one or more neighbouring cells that look alike.
type squareView struct {
	X, W  int
	Look  string // seen1 to seen4, part, gap, out
	Skip  bool
	Title string
}

// Cell widths in pixels, and how many cells a strip may have.
const (
	dayWidth, hourWidth, narrowWidth = 26, 9, 5
	maxCells                         = 400
)

// grid is the time axis of the map: bucket i begins at starts[i].
type grid struct {
	starts []time.Time
	end    time.Time
	width  int
	byHour bool
}

// newGrid cuts a range into hours or, when it is longer than eight days, days of
// the screen's zone. It keeps the newest cells when there are too many.
func newGrid(from, to time.Time, zone *time.Location, hours bool) (g grid, cut bool) {
	g = grid{end: to, width: dayWidth, byHour: hours}
	at := from.In(zone)
	switch {
	case hours && to.Sub(from) > 96*time.Hour:
		g.width = narrowWidth
	case hours:
		g.width = hourWidth
	default:
		at = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, zone)
	}
	if oldest := to.AddDate(0, 0, -maxCells); !hours && at.Before(oldest) {
		at, cut = time.Date(oldest.Year(), oldest.Month(), oldest.Day(), 0, 0, 0, 0, zone), true
	}
	if oldest := to.Add(-maxCells * time.Hour); hours && at.Before(oldest) {
		at, cut = oldest.Truncate(time.Hour).In(zone), true
	}
	for at.Before(to) {
		g.starts = append(g.starts, at)
		if hours {
			at = at.Add(time.Hour)
		} else {
			at = at.AddDate(0, 0, 1)
		}
	}
	return g, cut
}

// bucket gives the bucket of a time, or -1.
func (g *grid) bucket(t time.Time) int {
	if len(g.starts) == 0 || t.Before(g.starts[0]) || !t.Before(g.end) {
		return -1
	}
	i, found := slices.BinarySearchFunc(g.starts, t, time.Time.Compare)
	if !found {
		i--
	}
	return i
}

func (g *grid) after(i int) time.Time {
	if i+1 < len(g.starts) {
		return g.starts[i+1]
	}
	return g.end
}

func (d *desk) pageCoverage(c *call) error {
	v := &coverageView{Frame: c.frame(), Sources: d.sourceNames()}
	q, err := d.question(c)
	v.Question = q
	if err != nil {
		f := explain(err)
		v.Problem = c.view(f)
		return d.show(c, f.status, "coverage", v)
	}
	for _, p := range []string{"-24h", "-7d", "-30d"} {
		v.Presets = append(v.Presets, preset{"preset." + p, coverageURL(c, "from", p, "to", ""), q.From == p && q.To == ""})
	}
	v.Presets = append(v.Presets, preset{"preset.all", coverageURL(c, "from", "", "to", ""), q.From == "" && q.To == ""})
	cells, err := d.Lake.Coverage(c.ctx(), q.filter)
	if err != nil {
		return err
	}
	if v.Empty = len(cells) == 0; v.Empty {
		return d.show(c, http.StatusOK, "coverage", v)
	}
	spans := spansOf(cells, q.filter)
	var from, to time.Time
	for _, s := range spans {
		if from.IsZero() || s.from.Before(from) {
			from = s.from
		}
		if s.to.After(to) {
			to = s.to
		}
	}
	hours := to.Sub(from) <= 8*24*time.Hour
	g, cut := newGrid(from, to, c.zone, hours)
	v.ByHour, v.Cut, v.Width = hours, cut, len(g.starts)*g.width
	v.From, v.To = c.local(g.starts[0]), c.local(to)
	if hours && (q.From != "" || q.To != "") {
		v.Back = coverageURL(c, "from", "", "to", "")
	}
	v.Mark = fmt.Sprintf("M0 13L%d 3L%d 13z", g.width/2, g.width)
	v.heads(c, g)
	for i := 0; i < len(cells); {
		j := i
		for j < len(cells) && cells[j].Source == cells[i].Source && cells[j].Account == cells[i].Account && cells[j].Region == cells[i].Region {
			j++
		}
		v.strip(c, g, spans[cells[i].Source], cells[i:j])
		i = j
	}
	return d.show(c, http.StatusOK, "coverage", v)
}

type span struct{ from, to time.Time }

// spansOf gives the time in which each source is expected: the asked range, and
// where that is open the source's own first and last hour in any account and
// region, so that a strip that falls silent while others go on shows a gap.
func spansOf(cells []ask.Cell, f ask.Filter) map[string]span {
	out := map[string]span{}
	for _, x := range cells {
		s, ok := out[x.Source]
		if !ok || x.Hour.Before(s.from) {
			s.from = x.Hour
		}
		if end := x.Hour.Add(time.Hour); end.After(s.to) {
			s.to = end
		}
		out[x.Source] = s
	}
	for name, s := range out {
		if !f.From.IsZero() {
			s.from = f.From.Truncate(time.Hour)
		}
		if !f.To.IsZero() {
			s.to = f.To.Add(time.Hour - 1).Truncate(time.Hour)
		}
		out[name] = s
	}
	return out
}

func coverageURL(c *call, pairs ...string) string {
	return link("/coverage", c.state().set("fields", "", "facets", "", "sort", "").set(pairs...).params)
}

func (v *coverageView) heads(c *call, g grid) {
	for i, t := range g.starts {
		h := headView{X: i * g.width, W: g.width, Label: t.Format("01-02"), Minor: true}
		local := t.In(c.zone)
		switch {
		case g.byHour && local.Hour() == 0:
			h.Label, h.Minor = local.Format("01-02"), false
			h.URL = coverageURL(c, "from", local.Format(time.DateOnly), "to", local.Format(time.DateOnly))
		case g.byHour && g.width == hourWidth && (local.Hour()%6 == 0 || i == 0 && local.Hour() < 3):
			h.Label, h.Minor = local.Format("15:04"), false
		case g.byHour:
			continue
		default:
			h.URL = coverageURL(c, "from", t.Format(time.DateOnly), "to", t.Format(time.DateOnly))
			h.Minor = i%2 == 1 && len(g.starts) > 3
		}
		v.Heads = append(v.Heads, h)
	}
}

// strip adds the line of one source, account and region.
func (v *coverageView) strip(c *call, g grid, s span, cells []ask.Cell) {
	x := cells[0]
	out := stripView{Account: x.Account, Region: x.Region, URL: stripURL(c, x)}
	n := len(g.starts)
	events, seen, skipped := make([]int64, n), make([]int64, n), make([]int64, n)
	for _, cell := range cells {
		if i := g.bucket(cell.Hour); i >= 0 {
			events[i] += cell.Events
			seen[i]++
			skipped[i] += cell.Skipped
		}
	}
	var most int64
	for _, k := range events {
		most = max(most, k)
	}
	for i, start := range g.starts {
		due := hoursBetween(later(start, s.from), earlier(g.after(i), s.to))
		sq := squareView{X: i * g.width, W: g.width - 1, Skip: skipped[i] > 0}
		missing := max(due-seen[i], 0)
		switch {
		case due == 0 && seen[i] == 0:
			continue
		case seen[i] == 0:
			sq.Look = "gap"
		case missing > 0:
			sq.Look = "part"
		default:
			sq.Look = "seen" + string(rune('1'+level(events[i], most)))
		}
		sq.Title = console.Text(c.lang, "coverage.cell", c.local(start), events[i], seen[i], due)
		if sq.Skip {
			sq.Title += " · " + console.Text(c.lang, "coverage.skipped", skipped[i])
		}
		out.Cells = append(out.Cells, sq)
		out.Seen += seen[i]
		out.Missing += missing
		out.Skipped += skipped[i]
		out.Events += events[i]
	}
	if k := len(v.Groups); k == 0 || v.Groups[k-1].Source != x.Source {
		v.Groups = append(v.Groups, &groupView{Source: x.Source})
	}
	group := v.Groups[len(v.Groups)-1]
	group.Rows = append(group.Rows, out)
}

// level sorts a count into one of four shades, by orders of magnitude below the
// strip's own most.
func level(n, most int64) int {
	switch {
	case n*2 >= most:
		return 3
	case n*8 >= most:
		return 2
	case n*64 >= most:
		return 1
	}
	return 0
}

func hoursBetween(a, b time.Time) int64 {
	if !a.Before(b) {
		return 0
	}
	return int64((b.Sub(a) + time.Hour - 1) / time.Hour)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// stripURL is the search for what a strip counts.
func stripURL(c *call, x ask.Cell) string {
	var terms []query.Expr
	for _, f := range []struct{ name, value string }{{"account", x.Account}, {"region", x.Region}} {
		if f.value == "" {
			terms = append(terms, negated(has(f.name)))
			continue
		}
		terms = append(terms, is(f.name, f.value))
	}
	return c.state().with("q", strings.TrimSpace(query.Print(query.And{Args: terms})), "source", x.Source, "fields", "", "facets", "")
}
