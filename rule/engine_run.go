package rule

import (
	"fmt"
	"strconv"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule/novelty"
	"github.com/yagura-sec/yagura/rule/window"
)

// Process takes an event of a source and reports what it completes: windows that
// its time closes first, then rules, then correlations. A rule or derived field
// that panics is counted; the event is then lost for the rules after it.
func (e *Engine) Process(source string, ev *ocsf.Event, report func(*Alert)) {
	e.report = report
	e.stats.Events++
	was := e.clock.Now()
	if !e.clock.Admit(ev.Time) {
		e.stats.Ahead++
	}
	if now := e.clock.Now(); now < was { // it had believed records of a broken clock
		e.closed = now
		e.windows.Rewind(now)
	}
	e.advance()
	e.match(source, ev)
	e.drain(source, ev)
	e.report = func(*Alert) {}
}

// Flush says that events are now expected from the watermark (µs) on: windows
// that close by then are decided. A caller that has come to the end of all logs
// gives a time beyond their last.
func (e *Engine) Flush(watermark int64, report func(*Alert)) {
	e.report = report
	e.close(watermark)
	e.drain("", nil)
	e.report = func(*Alert) {}
}

// advance closes windows as the clock moves, a second at a time.
func (e *Engine) advance() {
	now := e.clock.Now()
	if len(e.correlations) > 0 && now >= e.closed+time.Second.Microseconds() {
		e.close(now)
		e.drain("", nil)
	}
}

func (e *Engine) close(watermark int64) {
	e.closed = watermark
	e.windows.Advance(watermark, e.fired)
}

func (e *Engine) fired(f *window.Firing) { e.pending = append(e.pending, f) }

// match runs the set's rules. After a panic the matcher is made anew: what it
// remembers of the event may be half done.
func (e *Engine) match(source string, ev *ocsf.Event) {
	defer func() {
		if p := recover(); p != nil {
			e.panicked("an event of "+source, p)
			e.matcher = e.set.Matcher()
		}
	}()
	for _, a := range e.known[source] {
		for _, entity := range e.combinations(source, ev, a.by) {
			e.novelty.See(a.group, join(entity), ev.Time)
		}
	}
	e.matcher.Match(source, ev, func(h *Hit) { e.hit(source, ev, h) })
}

func (e *Engine) panicked(where string, p any) {
	e.stats.Panics++
	e.stats.LastPanic = clip(fmt.Sprintf("%s: %v", where, p))
}

// hit takes a match.
func (e *Engine) hit(source string, ev *ocsf.Event, h *Hit) {
	r := h.Rule
	defer func() {
		if p := recover(); p != nil {
			e.panicked(r.Doc.ID, p)
		}
	}()
	failed := ev.Status == ocsf.StatusFailure
	if r.Doc.Outcome == "success" && failed || r.Doc.Outcome == "failure" && !failed {
		return
	}
	why := h.Suppressed
	if why == "" && e.cfg.Exclude != nil {
		why = e.cfg.Exclude(r, source, ev)
	}
	if place, learns := e.learner[r]; learns && why == "" {
		e.learn(place, source, ev, h)
		return
	}
	_, silent := e.silent[r]
	if r.Doc.Kind != "rule" || silent && why != "" {
		e.stats.Excluded++
		return
	}
	if why == "" {
		for _, f := range e.feeds[r] {
			e.feed(f, source, ev)
		}
	}
	if !silent {
		a := e.alert(r, source, ev)
		a.Facts, a.Suppressed = h.Facts(), why
		e.emit(a)
	}
}

func (e *Engine) alert(r *Rule, source string, ev *ocsf.Event) *Alert {
	return &Alert{
		Rule: r, Source: source, Event: ev, Time: ev.Time, First: ev.Time, Last: ev.Time, Count: 1,
		Refs: []yagura.EventRef{reference(source, ev)},
	}
}

func (e *Engine) emit(a *Alert) {
	switch {
	case a.Suppressed != "":
		e.stats.Suppressed++
	case a.DryRun():
		e.stats.DryRun++
	default:
		e.stats.Alerts++
	}
	e.report(a)
}

// learn observes an event for a first_seen or baseline rule.
func (e *Engine) learn(place int, source string, ev *ocsf.Event, h *Hit) {
	r := h.Rule
	by, of := []string(nil), []string(nil)
	if f := r.Doc.FirstSeen; f != nil {
		by, of = f.By, f.Of
	} else if b := r.Doc.Baseline; b != nil {
		if by = b.By; b.Field != "" {
			of = []string{b.Field}
		}
		if !e.recent.add(identity(source, ev) + hashText(r.Doc.ID)) {
			e.stats.Twice++
			return
		}
	}
	groups := e.combinations(source, ev, by)
	values := e.combinations(source, ev, of)
	if len(groups) == 0 {
		e.stats.Ungrouped++
	}
	if len(values) == 0 {
		e.stats.Unvalued++
	}
	for _, group := range groups {
		for _, value := range values {
			o := novelty.Observation{Time: ev.Time, Entity: join(group), Value: join(value)}
			if r.Doc.Baseline != nil && r.Doc.Baseline.Op == "sum" {
				n, err := strconv.ParseFloat(value[0], 64)
				if err != nil {
					e.stats.Unvalued++
					continue
				}
				o.Number = n
			}
			v := e.novelty.Observe(place, o)
			switch v.Outcome {
			case novelty.Learning:
				e.stats.Learning++
			case novelty.Unusual:
				e.emit(e.unusual(source, ev, h, group, value, v))
			default:
			}
		}
	}
}

// unusual makes the alert of a first_seen or baseline rule.
func (e *Engine) unusual(source string, ev *ocsf.Event, h *Hit, group, value []string, v novelty.Verdict) *Alert {
	r := h.Rule
	a := e.alert(r, source, ev)
	a.Again = v.Again
	f, b := r.Doc.FirstSeen, r.Doc.Baseline
	if f != nil {
		a.Group = named(f.By, group)
		a.Facts = named(f.Of, value)
	} else {
		a.Group = named(b.By, group)
		if b.Field != "" {
			a.Facts = named([]string{b.Field}, value)
		}
		number := func(name string, n float64) {
			a.Facts = append(a.Facts, yagura.Fact{Name: name, Value: strconv.FormatFloat(n, 'g', 6, 64)})
		}
		a.Series = seriesName(join(group), ev.Time/b.Every.Microseconds())
		if b.Op == "rare" {
			a.Series = seriesName(join(group)+join(value), 0)
			number("yagura.share", v.Value)
			number("yagura.events", float64(v.Sample))
		} else {
			number("yagura.value", v.Value)
			number("yagura.median", v.Median)
			number("yagura.periods", float64(v.Sample))
		}
		number("yagura.limit", v.Limit)
	}
	a.Facts = append(a.Facts, yagura.Fact{Name: "yagura.known_since", Value: time.UnixMicro(v.Since).UTC().Format(time.RFC3339)})
	a.Facts = append(a.Facts, h.Facts()...)
	return a
}

// drain turns firings into alerts and into hits of the correlations over them.
func (e *Engine) drain(source string, ev *ocsf.Event) {
	for i := 0; i < len(e.pending); i++ {
		e.firing(e.pending[i], source, ev)
	}
	clear(e.pending)
	e.pending = e.pending[:0]
}

// maxRefs bounds the events of one report.
const maxRefs = 50

func (e *Engine) firing(f *window.Firing, source string, ev *ocsf.Event) {
	c := &e.correlations[f.Spec]
	defer func() {
		if p := recover(); p != nil {
			e.panicked(c.rule.Doc.ID, p)
		}
	}()
	last := f.Hits[len(f.Hits)-1]
	a := &Alert{
		Rule: c.rule, Source: source, Event: ev, Time: last.Time, First: f.First, Last: f.Last, Count: f.Count,
		Series: seriesName(f.Group, f.Start), Again: !f.New, Group: named(c.rule.Doc.Correlation.GroupBy, split(f.Group)),
	}
	for i, h := range f.Hits {
		ref, ok := parseReference(h.Ref)
		if ok && (len(a.Refs) < maxRefs-1 || i == len(f.Hits)-1) {
			a.Refs = append(a.Refs, ref)
		}
	}
	if a.Source == "" && len(a.Refs) > 0 {
		a.Source = a.Refs[len(a.Refs)-1].Source
	}
	a.Facts = c.facts(f)
	if ev != nil {
		if a.Suppressed = e.matcher.Suppressed(c.rule, source, ev); a.Suppressed == "" && e.cfg.Exclude != nil {
			a.Suppressed = e.cfg.Exclude(c.rule, source, ev)
		}
	}
	if a.Suppressed == "" {
		for _, to := range e.feeds[c.rule] {
			e.chain(to, c, f, source, ev)
		}
	}
	if _, silent := e.silent[c.rule]; !silent {
		e.emit(a)
	}
}

// facts say what a window measured.
func (c *correlation) facts(f *window.Firing) []yagura.Fact {
	doc := c.rule.Doc.Correlation
	list := []yagura.Fact{
		{Name: "yagura." + doc.Type, Value: strconv.FormatFloat(f.Measured, 'g', 6, 64)},
		{Name: "yagura.timespan", Value: doc.Timespan.String()},
	}
	if f.Partial {
		list = append(list, yagura.Fact{Name: "yagura.partial", Value: "the group held too many hits: at least so much"})
	}
	seen := map[string]bool{}
	for _, h := range f.Hits {
		of := c.of[h.Rule].Doc.ID
		if !seen[of] && len(c.of) > 1 {
			seen[of] = true
			list = append(list, yagura.Fact{Name: "yagura.step", Value: of})
		}
		if h.Value != "" && !seen["="+h.Value] && len(list) < maxFacts {
			seen["="+h.Value] = true
			list = append(list, named(doc.Fields, split(h.Value))...)
		}
	}
	return list
}

func seriesName(group string, start int64) string {
	return strconv.FormatUint(hashText(group), 16) + "-" + strconv.FormatInt(start, 36)
}
