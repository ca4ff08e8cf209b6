package rule

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule/novelty"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/rule/window"
)

// EngineConfig is how an engine runs a set.
type EngineConfig struct {
	Windows window.Limits
	Novelty novelty.Limits
	// Exclude gives the reason why a rule shall not take notice of an event that
	// it matches, "" when it shall: AWS services, known automation. Such a match
	// of a rule is reported as suppressed; in correlations and baselines it does
	// not count. It
	// must not depend on the order of calls for one event.
	Exclude func(r *Rule, source string, ev *ocsf.Event) string
}

// Alert is a rule that has found something. What it points to is the caller's.
type Alert struct {
	Rule   *Rule
	Source string
	// Event is what completed it, nil when a window closed without one. It is
	// only valid during the report.
	Event *ocsf.Event
	// Time is that of the event, or of a window's last hit; µs.
	Time        int64
	First, Last int64 // µs, of a correlation's hits so far; else the time
	Count       int64 // hits of a correlation's firing so far; else 1
	// Series names a correlation's firing, a baseline's period or a rarity that
	// may be reported again with more; "" for alerts that stand alone. Again says
	// that it was reported before.
	Series string
	Again  bool
	Group  []yagura.Fact     // group-by or by fields and their values
	Facts  []yagura.Fact     // what speaks for it; hostile values
	Refs   []yagura.EventRef // events that are new in this report, by time; at most 50
	// Suppressed is why it shall not alert: a filter, or Exclude's reason.
	Suppressed string
}

// DryRun says that the rule counts only.
func (a *Alert) DryRun() bool { return a.Rule.Doc.DryRun }

// EngineStats counts what an engine did and what it keeps.
type EngineStats struct {
	Events     int64
	Alerts     int64 // reports that were neither suppressed nor of a dry run
	Suppressed int64
	DryRun     int64
	Excluded   int64 // events that a filter or Exclude kept out of counts and baselines
	Learning   int64 // observations of entities that are not known well enough
	Ungrouped  int64 // hits without a value in a field of group-by or by: they cannot be counted for anybody
	Unvalued   int64 // hits without a value, or without a number, in the field that is measured
	Twice      int64 // events that baselines had counted already
	Ahead      int64 // events whose time cannot be right: they do not close windows
	Panics     int64 // contained; LastPanic names the rule where known
	LastPanic  string
	Windows    window.Stats
	Novelty    novelty.Stats
}

// Engine runs a set over events and keeps what correlations, first_seen and
// baseline need to know. The same events in the same order give the same
// reports. It is not safe for concurrent use.
//
// A rule that a correlation refers to does not alert by itself, as Sigma has it,
// unless one of them says "generate: true"; [Engine.Silent] lists those rules.
type Engine struct {
	set     *Set
	cfg     EngineConfig
	matcher *Matcher
	clock   novelty.Clock
	closed  int64 // the watermark that was last given to windows
	windows *window.State
	novelty *novelty.State
	stats   EngineStats
	recent  recent

	correlations []correlation // by index in windows
	learners     []*Rule       // by index in novelty
	learner      map[*Rule]int
	known        map[string][]acquaintance // by source
	feeds        map[*Rule][]feed
	silent       map[*Rule][]string

	pending []*window.Firing
	report  func(*Alert)
}

// correlation is a correlation document with its place in the state.
type correlation struct {
	rule *Rule
	of   []*Rule // its sources, by index
	// fields are the fields of group-by for each source.
	fields [][]string
}

// acquaintance is a group of entities that are known from every event of a
// source: the values of fields.
type acquaintance struct {
	group string
	by    []string
}

// feed leads from a rule to a correlation over it.
type feed struct{ correlation, source int }

// NewEngine makes an engine with nothing learned. Documents whose state cannot
// be kept (a reference that leads nowhere or in a circle, a threshold out of
// range) are left out and said.
func NewEngine(set *Set, cfg EngineConfig) (*Engine, []sigma.Problem) {
	e := &Engine{
		set: set, cfg: cfg, matcher: set.Matcher(), report: func(*Alert) {},
		clock:   novelty.Clock{Step: 24 * time.Hour, Horizon: 400 * 24 * time.Hour},
		learner: map[*Rule]int{}, known: map[string][]acquaintance{}, feeds: map[*Rule][]feed{}, silent: map[*Rule][]string{},
	}
	var problems []sigma.Problem
	fail := func(r *Rule, code string, err error) {
		problems = append(problems, sigma.Problem{Place: r.Doc.Place, ID: r.Doc.ID, Code: code, Text: err.Error()})
	}
	var specs []window.Spec
	var learned []novelty.Spec
	for _, r := range set.Rules() {
		switch r.Doc.Kind {
		case "correlation":
			c, err := e.sources(r)
			spec := c.spec()
			if err == nil {
				_, err = window.New([]window.Spec{spec}, cfg.Windows)
			}
			if err != nil {
				fail(r, "correlation", err)
				continue
			}
			specs = append(specs, spec)
			e.correlations = append(e.correlations, c)
		case "first_seen", "baseline":
			spec := e.learnerSpec(r)
			if _, err := novelty.New([]novelty.Spec{spec}, cfg.Novelty); err != nil {
				fail(r, r.Doc.Kind, err)
				continue
			}
			learned = append(learned, spec)
			e.learner[r] = len(e.learners)
			e.learners = append(e.learners, r)
		}
	}
	var err error
	if e.windows, err = window.New(specs, cfg.Windows); err != nil {
		problems = append(problems, sigma.Problem{Code: "limits", Text: err.Error()})
		e.windows, _ = window.New(nil, window.Limits{})
		e.correlations = nil
	}
	if e.novelty, err = novelty.New(learned, cfg.Novelty); err != nil {
		problems = append(problems, sigma.Problem{Code: "limits", Text: err.Error()})
		e.novelty, _ = novelty.New(nil, novelty.Limits{})
		clear(e.learner)
	}
	e.connect()
	return e, problems
}

// connect notes which correlations each rule feeds, and which rules are silent.
func (e *Engine) connect() {
	loud := map[*Rule]bool{}
	for i, c := range e.correlations {
		for k, of := range c.of {
			e.feeds[of] = append(e.feeds[of], feed{i, k})
			e.silent[of] = append(e.silent[of], c.rule.Doc.ID)
			loud[of] = loud[of] || c.rule.Doc.Correlation.Generate
		}
	}
	maps.DeleteFunc(e.silent, func(r *Rule, _ []string) bool { return loud[r] })
}

// Silent gives the rules that do not alert by themselves, by id, and the
// correlations that refer to them.
func (e *Engine) Silent() map[string][]string {
	out := map[string][]string{}
	for r, by := range e.silent {
		out[r.Doc.ID] = slices.Clone(by)
	}
	return out
}

// Stats counts.
func (e *Engine) Stats() EngineStats {
	s := e.stats
	s.Windows, s.Novelty = e.windows.Stats(), e.novelty.Stats()
	return s
}

// sources resolves a correlation's references and the fields by which its hits
// are grouped.
func (e *Engine) sources(r *Rule) (correlation, error) {
	c := correlation{rule: r}
	doc := r.Doc.Correlation
	for _, ref := range doc.Rules {
		of := e.set.Lookup(ref)
		switch {
		case of == nil:
			return c, fmt.Errorf("it refers to %q, which is no rule here or could not be compiled", ref)
		case of.Doc.Kind != "rule" && of.Doc.Kind != "correlation":
			return c, fmt.Errorf("it refers to %s, a %s: only rules and correlations can be correlated", ref, of.Doc.Kind)
		case e.reaches(of, r, 0):
			return c, fmt.Errorf("it refers to itself, through %s", ref)
		}
		fields := make([]string, len(doc.GroupBy))
		for i, name := range doc.GroupBy {
			fields[i] = name
			if alias, ok := doc.Aliases[name]; ok {
				if fields[i] = e.aliased(alias, of); fields[i] == "" {
					return c, fmt.Errorf("alias %s does not say which field it is in %s", name, ref)
				}
			}
		}
		c.of = append(c.of, of)
		c.fields = append(c.fields, fields)
	}
	return c, nil
}

// aliased gives the field that an alias stands for in a rule, which may be named
// by any of its references.
func (e *Engine) aliased(alias map[string]string, of *Rule) string {
	for _, ref := range slices.Sorted(maps.Keys(alias)) {
		if e.set.Lookup(ref) == of {
			return alias[ref]
		}
	}
	return ""
}

// reaches says whether a rule is, or refers to, another.
func (e *Engine) reaches(from, to *Rule, depth int) bool {
	if from == to || depth > 50 {
		return true
	}
	if from == nil || from.Doc.Correlation == nil {
		return false
	}
	return slices.ContainsFunc(from.Doc.Correlation.Rules, func(ref string) bool { return e.reaches(e.set.Lookup(ref), to, depth+1) })
}

// spec is the correlation as package window knows it.
func (c *correlation) spec() window.Spec {
	doc := c.rule.Doc.Correlation
	s := window.Spec{
		ID: c.rule.Doc.ID, Type: doc.Type, Rules: len(c.of), Span: doc.Timespan, Percentile: doc.Percentile,
	}
	for _, op := range slices.Sorted(maps.Keys(doc.Bounds)) {
		s.Conditions = append(s.Conditions, window.Condition{Op: op, Value: doc.Bounds[op]})
	}
	var salt strings.Builder
	fmt.Fprintf(&salt, "%q %q", doc.GroupBy, doc.Fields)
	for i, of := range c.of {
		fmt.Fprintf(&salt, " %q %q ", of.Doc.ID, c.fields[i])
		digest(&salt, of)
	}
	s.Salt = salt.String()
	return s
}

// learnerSpec is a first_seen or baseline as package novelty knows it.
func (e *Engine) learnerSpec(r *Rule) novelty.Spec {
	var salt strings.Builder
	digest(&salt, r)
	s := novelty.Spec{ID: r.Doc.ID, Group: e.acquaint(r)}
	if f := r.Doc.FirstSeen; f != nil {
		fmt.Fprintf(&salt, " %q %q", f.Of, f.By)
		s.Type, s.Learn = "first_seen", f.Learn
	}
	if b := r.Doc.Baseline; b != nil {
		fmt.Fprintf(&salt, " %q %q", b.Field, b.By)
		s.Type, s.Learn, s.Every, s.Season, s.Min, s.Deviations = b.Op, b.Learn, b.Every, b.Season, b.Min, b.Deviations
	}
	s.Salt = salt.String()
	return s
}

// acquaint has the rule's entities known from every event of its source, not
// only from those that the rule selects. That must be cheap, so it is done when
// they are named by columns or by the principal; else the group is "".
func (e *Engine) acquaint(r *Rule) string {
	var by []string
	if f := r.Doc.FirstSeen; f != nil {
		by = f.By
	} else if b := r.Doc.Baseline; b != nil {
		by = b.By
	}
	for _, name := range by {
		f, _ := e.set.fields.lookup(r.Source, name, false)
		if len(f.columns) == 0 && name != "yagura.principal" {
			return ""
		}
	}
	group := r.Source + " " + strings.Join(by, " ")
	for _, a := range e.known[r.Source] {
		if a.group == group {
			return group
		}
	}
	e.known[r.Source] = append(e.known[r.Source], acquaintance{group, by})
	return group
}

// digest writes the logic that decides what a rule's hits are, wherever it
// stands in its file.
func digest(to *strings.Builder, r *Rule) {
	d := r.Doc
	fmt.Fprintf(to, "%s %s %s", d.Kind, d.Source(), d.Outcome)
	if c := d.Correlation; c != nil {
		fmt.Fprintf(to, " %s %q %q %s %v %v %q", c.Type, c.Rules, c.GroupBy, c.Timespan, c.Bounds, c.Percentile, c.Fields)
	}
	if d.Detection != nil {
		digestNode(to, d.Detection.Condition)
	}
}

func digestNode(to *strings.Builder, n *sigma.Node) {
	if n == nil {
		return
	}
	fmt.Fprintf(to, "(%s", n.Op)
	if n.Item != nil {
		fmt.Fprintf(to, " %q %q", n.Item.Field, n.Item.Modifiers)
		for _, v := range n.Item.Values {
			fmt.Fprintf(to, " %s%q", cmp.Or(v.Kind, "-"), v.Text)
		}
	}
	for _, k := range n.Kids {
		digestNode(to, k)
	}
	to.WriteByte(')')
}

// At gives the alert's time.
func (a *Alert) At() time.Time { return time.UnixMicro(a.Time).UTC() }
