package rule

import (
	"fmt"
	"math"
	"strings"

	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// Tests is how the tests in documents are run.
type Tests struct {
	Config Config // of the set, to explain what did not match
	Engine EngineConfig
	// Decode reads a native record; of a text log with a header, header and
	// record on two lines.
	Decode func(source string, record []byte) ([]ocsf.Event, error)
	// Begin, if set, is called before each test, and Event before each of its
	// events: for derived fields that remember.
	Begin func()
	Event func(source string, ev *ocsf.Event)
}

// TestResult is how a test of a document ended.
type TestResult struct {
	Rule *Rule
	Test *sigma.Test
	Got  int    // findings: alerts that are not suppressed, each series once
	OK   bool   // Got is what the test wants
	Diff string // otherwise, what is different: lines with - for wanted, + for found
}

// Run runs the tests of a rule, each with nothing learned, the whole set being
// there for references and filters. A dry run counts as a finding. With a
// threshold, findings are the alerts divided by it. At the end of a test all
// windows close. The tests of detectors, which are code elsewhere, give no
// results.
func (t *Tests) Run(set *Set, r *Rule) []TestResult {
	if r.Doc.Kind == "detector" {
		return nil
	}
	results := make([]TestResult, 0, len(r.Doc.Tests))
	for i := range r.Doc.Tests {
		results = append(results, t.one(set, r, &r.Doc.Tests[i]))
	}
	return results
}

func (t *Tests) one(set *Set, r *Rule, test *sigma.Test) TestResult {
	out := TestResult{Rule: r, Test: test}
	events, source, err := t.events(set, r, test)
	if err != nil {
		out.Diff = "- records that can be read\n+ " + err.Error() + "\n"
		return out
	}
	if t.Begin != nil {
		t.Begin()
	}
	engine, problems := NewEngine(set, t.Engine)
	for _, p := range problems {
		if p.ID == r.Doc.ID {
			out.Diff = "- a document that can run\n+ " + p.Error() + "\n"
			return out
		}
	}
	delete(engine.silent, r) // A rule's own tests are about the rule.
	var found []*Alert
	report := func(a *Alert) {
		if a.Rule == r {
			found = append(found, a)
			if !a.Again && a.Suppressed == "" {
				out.Got++
			}
		}
	}
	for i := range events {
		if t.Event != nil {
			t.Event(source, &events[i])
		}
		engine.Process(source, &events[i], report)
	}
	engine.Flush(math.MaxInt64/4, report)
	if r.Doc.Threshold > 1 {
		out.Got /= r.Doc.Threshold
	}
	if out.OK = out.Got == test.Want || test.Want < 0 && out.Got > 0; !out.OK {
		out.Diff = t.diff(set, r, test, &out, source, events, found)
	}
	if st := engine.Stats(); st.Panics > 0 {
		out.OK = false
		out.Diff += "+ panic: " + st.LastPanic + "\n"
	}
	return out
}

// events decodes a test's records.
func (t *Tests) events(set *Set, r *Rule, test *sigma.Test) (events []ocsf.Event, source string, err error) {
	if source = sourceOf(set, r, 0); source == "" {
		return nil, "", fmt.Errorf("%v: the log source of the events is not known", r.Doc.Place)
	}
	records, err := test.Records()
	if err != nil {
		return nil, "", err
	}
	for i, record := range records {
		if test.Header != "" {
			record = test.Header + "\n" + record
		}
		list, err := t.Decode(source, []byte(record))
		if err != nil {
			return nil, "", fmt.Errorf("%v: test %q, record %d: %w", test.Place, test.Name, i+1, err)
		}
		if len(list) == 0 {
			return nil, "", fmt.Errorf("%v: test %q, record %d: it holds no event", test.Place, test.Name, i+1)
		}
		for _, ev := range list {
			ev.Provenance = ocsf.Provenance{Record: int64(len(events))}
			if len(records) > 1 {
				ev.UID = "" // Repetitions are different events.
			}
			events = append(events, ev)
		}
	}
	return events, source, nil
}

// sourceOf gives the log source of a rule, of a correlation that of its rules.
func sourceOf(set *Set, r *Rule, depth int) string {
	if r.Source != "" || r.Doc.Correlation == nil || depth > 50 {
		return r.Source
	}
	for _, ref := range r.Doc.Correlation.Rules {
		if of := set.Lookup(ref); of != nil {
			if s := sourceOf(set, of, depth+1); s != "" {
				return s
			}
		}
	}
	return ""
}

// diff says what a test wanted and what it got, and why.
func (t *Tests) diff(set *Set, r *Rule, test *sigma.Test, out *TestResult, source string, events []ocsf.Event, found []*Alert) string {
	var b strings.Builder
	want := fmt.Sprint(test.Want)
	if test.Want < 0 {
		want = "at least 1"
	}
	fmt.Fprintf(&b, "- findings: %s\n+ findings: %d\n", want, out.Got)
	for i, a := range found {
		if i == 5 {
			fmt.Fprintf(&b, "+ … and %d more\n", len(found)-i)
			break
		}
		fmt.Fprintf(&b, "+ found at %s", a.At())
		for _, f := range append(a.Group, a.Facts...) {
			fmt.Fprintf(&b, " %s=%q", f.Name, f.Value)
		}
		if a.Suppressed != "" {
			fmt.Fprintf(&b, " (suppressed: %s)", a.Suppressed)
		}
		b.WriteByte('\n')
	}
	if out.Got > 0 || test.Want == 0 || len(events) == 0 {
		return b.String()
	}
	x := explainer{set: set, config: t.Config, source: source, ev: &events[len(events)-1], to: &b}
	x.rule(r, 0)
	return b.String()
}

// explainer says why a rule does not match an event.
type explainer struct {
	set    *Set
	config Config
	source string
	ev     *ocsf.Event
	to     *strings.Builder
}

func (x *explainer) rule(r *Rule, depth int) {
	if c := r.Doc.Correlation; c != nil && depth < 10 {
		for _, ref := range c.Rules {
			if of := x.set.Lookup(ref); of != nil {
				fmt.Fprintf(x.to, "  rule %s:\n", of.Doc.ID)
				x.rule(of, depth+1)
			}
		}
		return
	}
	if r.Doc.Detection == nil {
		return
	}
	if o := r.Doc.Outcome; o == "success" && x.ev.Status == ocsf.StatusFailure || o == "failure" && x.ev.Status != ocsf.StatusFailure {
		fmt.Fprintf(x.to, "  outcome: - %s\n           + the last event's status_id is %d\n", o, x.ev.Status)
	}
	for _, name := range r.Doc.Detection.Names {
		search := r.Doc.Detection.Searches[name]
		if search == nil || x.holds(r, search) {
			fmt.Fprintf(x.to, "  %s: matches the last event\n", name)
			continue
		}
		fmt.Fprintf(x.to, "  %s: does not match the last event\n", name)
		x.node(r, search)
	}
}

// node shows the items that fail.
func (x *explainer) node(r *Rule, n *sigma.Node) {
	for _, k := range n.Kids {
		x.node(r, k)
	}
	if n.Item == nil || x.holds(r, n) {
		return
	}
	it := n.Item
	name := strings.Join(append([]string{it.Field}, it.Modifiers...), "|")
	var want []string
	for i, v := range it.Values {
		if i == 10 {
			want = append(want, "…")
			break
		}
		if v.Kind == "null" {
			want = append(want, "null")
			continue
		}
		want = append(want, fmt.Sprintf("%q", clip(v.Text)))
	}
	fmt.Fprintf(x.to, "    %s (%s)\n    - %s\n", name, n.Place, strings.Join(want, " or "))
	if it.Field == "" {
		fmt.Fprintf(x.to, "    + none of these words stands in the record\n")
		return
	}
	values := x.set.Matcher().Values(x.source, it.Field, x.ev)
	if len(values) == 0 {
		fmt.Fprintf(x.to, "    + the event has no such field\n")
	}
	for i, v := range values {
		if i == 5 {
			fmt.Fprintf(x.to, "    + …\n")
			break
		}
		fmt.Fprintf(x.to, "    + %q\n", clip(v))
	}
}

// holds evaluates a part of a rule's logic alone.
func (x *explainer) holds(r *Rule, n *sigma.Node) bool {
	doc, detection := *r.Doc, *r.Doc.Detection
	detection.Condition = n
	doc.Detection, doc.Kind = &detection, "rule"
	set, _ := Compile([]*sigma.Document{&doc}, x.config)
	matches := false
	set.Matcher().Match(x.source, x.ev, func(*Hit) { matches = true })
	return matches
}
