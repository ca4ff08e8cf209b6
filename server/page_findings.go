package server

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/server/console"
	"github.com/yagura-sec/yagura/store"
)

// findingRow is a finding in a list.
type findingRow struct {
	URL, Severity, Title    string
	Subject, SubjectKind    string
	SubjectURL              string // the list of what was found about it
	Account, Region         string
	Count                   int64
	First, FirstUTC         string
	Last, LastUTC           string
	Rule, RuleURL           string
	Attempt, DryRun, Hushed bool
	Reason                  string // of the suppression
}

func (c *call) findingRow(f *yagura.Finding) findingRow {
	first, last := time.UnixMicro(f.First), time.UnixMicro(f.Last)
	r := findingRow{
		URL: findingURL(c, f.ID), Severity: f.Severity.String(), Title: f.Title.In(c.lang), Subject: f.Subject.ID, SubjectKind: c.kind(f.Subject.Type),
		Account: f.Account, Region: f.Region, Count: f.Count, First: c.local(first), FirstUTC: first.UTC().Format(time.RFC3339Nano),
		Last: c.local(last), LastUTC: last.UTC().Format(time.RFC3339Nano), Rule: f.Rule, RuleURL: c.findingsWith("rule", f.Rule),
		Attempt: f.Attempt, DryRun: f.Status == "dry-run",
	}
	if f.Subject.ID != "" {
		r.SubjectURL = c.findingsWith("subject", f.Subject.ID)
	}
	if r.Hushed = f.Status != "" && !r.DryRun; r.Hushed {
		r.Reason = strings.TrimPrefix(f.Status, "suppressed: ")
	}
	return r
}

// kind names the type of an entity; one that the catalogue lacks stands as it is.
func (c *call) kind(entity string) string {
	if id := "entity." + entity; console.Has(id) {
		return console.Text(c.lang, id)
	}
	return entity
}

func findingURL(c *call, id string) string {
	return link("/findings/"+url.PathEscape(id), state{url.Values{}}.set("tz", c.params.Get("tz"), "lang", c.params.Get("lang")).params)
}

// findingsWith is the list of findings with one parameter changed; of the
// others, those of the list stay.
func (c *call) findingsWith(pairs ...string) string {
	st := state{c.params}.set()
	for name := range st.params {
		if !slices.Contains(findingParams, name) || !strings.HasPrefix(c.r.URL.Path, "/findings") {
			if name != "tz" && name != "lang" {
				st.params.Del(name)
			}
		}
	}
	return link("/findings", st.set(pairs...).params)
}

// severityView is a severity to choose, with the number of its findings.
type severityView struct {
	Name, URL string
	Count     int64
	On        bool // findings of it are shown
	Least     bool
}

type findingsView struct {
	Frame      frame
	Rows       []findingRow
	Severities []severityView
	Least      string
	Rule       string
	Subject    string
	From, To   string
	All        bool
	Presets    []preset
	Problem    *failureView
	Hidden     int64  // suppressed and dry runs that the query leaves out
	HiddenURL  string // shows them
	Below      int64  // findings less severe than asked for
	BelowURL   string
	More       string // URL with more of them, or "" although there are more
	Cut        bool
	Limit      int
	Clear      string
	Filtered   bool
	Empty      bool  // nothing was ever found
	EmptyLake  bool  // there is nothing to look at
	Never      bool  // the detectors have not run
	Unread     int64 // objects that no run has looked at
	Read       int64 // objects that one has
	Rules      []string
}

func (d *desk) pageFindings(c *call) error {
	v := &findingsView{
		Frame: c.frame(), Rule: c.params.Get("rule"), Subject: c.params.Get("subject"), From: c.params.Get("from"), To: c.params.Get("to"),
		Clear: link("/findings", state{url.Values{}}.set("tz", c.params.Get("tz"), "lang", c.params.Get("lang")).params),
	}
	v.Filtered = v.Rule != "" || v.Subject != "" || v.From != "" || v.To != ""
	for _, p := range []string{"-24h", "-7d", "-30d"} {
		v.Presets = append(v.Presets, preset{"preset." + p, c.findingsWith("from", p, "to", ""), v.From == p && v.To == ""})
	}
	v.Presets = append(v.Presets, preset{"preset.all", c.findingsWith("from", "", "to", ""), v.From == "" && v.To == ""})
	q, err := c.findingQuery()
	v.Least, v.All, v.Limit = q.Least.String(), !q.Active, q.Limit
	status := http.StatusOK
	if err == nil {
		err = d.fillFindings(c, v, q)
	}
	var f *failure
	if errors.As(err, &f) && f.status < 500 {
		v.Problem, status = c.view(f), f.status
	} else if err != nil {
		return err
	}
	return d.show(c, status, "findings", v)
}

func (d *desk) fillFindings(c *call, v *findingsView, q store.FindingQuery) error {
	list, more, err := d.findings(c, q)
	if err != nil {
		return err
	}
	if v.Cut = more; more && q.Limit < mostFindings {
		v.More = c.findingsWith("limit", strconv.Itoa(mostFindings))
	}
	for i := range list {
		v.Rows = append(v.Rows, c.findingRow(&list[i]))
		if !slices.Contains(v.Rules, list[i].Rule) {
			v.Rules = append(v.Rules, list[i].Rule)
		}
	}
	slices.Sort(v.Rules)
	every := q
	every.Least = 0
	counts, err := d.Store.CountFindings(c.ctx(), every)
	if err != nil {
		return err
	}
	for s := yagura.Critical; s >= yagura.Informational; s-- {
		v.Severities = append(v.Severities, severityView{s.String(), c.findingsWith("severity", s.String()), counts[s], s >= q.Least, s == q.Least})
		if s < q.Least {
			v.Below += counts[s]
		}
	}
	v.BelowURL, v.HiddenURL = c.findingsWith("severity", "informational"), c.findingsWith("all", "true")
	if q.Active {
		if v.Hidden, err = d.hidden(c, q); err != nil {
			return err
		}
	}
	return d.looked(c, v)
}

// hidden counts what the query leaves out because it is suppressed or of a dry
// run.
func (d *desk) hidden(c *call, q store.FindingQuery) (n int64, err error) {
	active, err := d.Store.CountFindings(c.ctx(), q)
	if err != nil {
		return 0, err
	}
	q.Active = false
	all, err := d.Store.CountFindings(c.ctx(), q)
	for s, count := range all {
		n += count - active[s]
	}
	return n, err
}

// looked says what the detectors have looked at, so that an empty list is not
// taken for a clean bill.
func (d *desk) looked(c *call, v *findingsView) error {
	var done map[int64]bool
	var objects []int64
	g, ctx := errgroup.WithContext(c.ctx())
	g.Go(func() (err error) {
		done, err = d.Store.Detected(ctx, false)
		return err
	})
	g.Go(func() error {
		return d.Lake.Objects(ctx, func(o lake.Object) error {
			if o.Rows > 0 {
				objects = append(objects, o.ID)
			}
			return nil
		})
	})
	if err := g.Wait(); err != nil {
		return err
	}
	for _, id := range objects {
		if done[id] {
			v.Read++
		} else {
			v.Unread++
		}
	}
	all, err := d.Store.CountFindings(c.ctx(), store.FindingQuery{})
	v.EmptyLake, v.Never, v.Empty = len(objects) == 0, len(done) == 0, len(all) == 0
	return err
}
