package detection

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect"
	"github.com/yagura-sec/yagura/detect/threat"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// Past is what a rule would have found.
type Past struct {
	Document *sigma.Document
	Events   int64 // read, of the rule's sources
	Findings int64 // that it would have made
	Matches  int64 // events or hits in them
	Hidden   int64 // findings that a filter suppressed
	Days     []Day // with findings, in order
	Subjects []Subject
	Learning int64 // observations that were not judged because there was too little past
}

// Day is how many findings began on a day (UTC).
type Day struct {
	Day      string // YYYY-MM-DD
	Findings int64
	Matches  int64 // events or hits in them
}

// Subject is somebody on whom a rule found something.
type Subject struct {
	Entity   yagura.Entity
	Findings int64
	Matches  int64
	Proposal *Proposal // of the noisiest; nil when nothing tells this subject from the matches to keep
}

// Proposal is a filter that would exclude a subject's matches.
type Proposal struct {
	YAML string // a Sigma filter document, ready to be saved
	// Keeps counts the matching tests of the rule that still match, of all.
	Keeps, Tests int
}

// noisiest is how many subjects get a proposal.
const noisiest = 10

// Backtest runs rules over the events of a lake in a span of time, in the order
// of time and with nothing learned before. The kit's other documents are there
// for references and filters. Proposed filters expire ninety days after now.
func Backtest(ctx context.Context, l *lake.Lake, kit detect.Kit, rules []*sigma.Document, from, to, now time.Time, progress func(events int64)) ([]Past, error) {
	b := &backtest{expires: now.Add(proposedFor), kit: kit, rules: rules, found: map[string]map[string]*yagura.Finding{}, values: map[string]map[string]string{}}
	kit.Documents = b.needed()
	fields := threat.NewFields(kit.World)
	b.fields = fields.Map()
	kit.World.Engine.Exclude = b.look
	a, problems, err := detect.Assemble(kit)
	if err != nil {
		return nil, err
	}
	for _, p := range problems {
		if !p.Warning && slices.ContainsFunc(rules, func(d *sigma.Document) bool { return d.ID == p.ID }) {
			return nil, p
		}
	}
	out := make([]Past, len(rules))
	filter := ask.Filter{Sources: b.sources(a.Rules), From: from, To: to}
	events, err := b.scan(ctx, l, a, filter, progress)
	if err != nil {
		return nil, err
	}
	for i, d := range rules {
		out[i] = b.past(d)
		out[i].Events, out[i].Learning = events, a.Threat.Stats().Engine.Learning
	}
	return out, b.propose(out)
}

type backtest struct {
	kit    detect.Kit
	rules  []*sigma.Document
	fields map[string]func(*ocsf.Event) []string
	found  map[string]map[string]*yagura.Finding // by rule, by id
	values map[string]map[string]string          // by event, by field

	expires time.Time // of proposals
}

// proposedFor is how long a proposed filter holds.
const proposedFor = 90 * 24 * time.Hour

// needed are the rules, what their correlations refer to, and all filters.
func (b *backtest) needed() []*sigma.Document {
	want := map[*sigma.Document]bool{}
	var add func(d *sigma.Document, depth int)
	add = func(d *sigma.Document, depth int) {
		if want[d] || depth > 20 {
			return
		}
		want[d] = true
		if d.Correlation == nil {
			return
		}
		for _, other := range b.kit.Documents {
			if slices.ContainsFunc(d.Correlation.Rules, func(ref string) bool { return refers(ref, other) }) {
				add(other, depth+1)
			}
		}
	}
	ids := map[string]bool{}
	for _, d := range b.rules {
		add(d, 0)
		ids[d.ID] = true
	}
	var out []*sigma.Document
	out = append(out, b.rules...)
	for _, d := range b.kit.Documents {
		if (want[d] || d.Kind == "filter") && !ids[d.ID] {
			out = append(out, d)
		}
	}
	return out
}

func refers(ref string, d *sigma.Document) bool {
	return ref == d.ID || ref != "" && (ref == d.Name || ref == d.SigmaID)
}

// sources are the logs that the rules read; nil for all.
func (b *backtest) sources(set *rule.Set) []string {
	t := Tester{assembly: &detect.Assembly{Rules: set}}
	out := map[string]bool{}
	for _, d := range b.rules {
		s := t.source(d, 0)
		if s == "" {
			return nil
		}
		out[s] = true
	}
	return slices.Sorted(maps.Keys(out))
}

func (b *backtest) scan(ctx context.Context, l *lake.Lake, a *detect.Assembly, f ask.Filter, progress func(int64)) (events int64, err error) {
	keep := func(f *yagura.Finding) {
		of := b.found[f.Rule]
		if of == nil {
			of = map[string]*yagura.Finding{}
			b.found[f.Rule] = of
		}
		of[f.ID] = f
	}
	var batch []ocsf.Event
	source := ""
	flush := func() {
		if len(batch) > 0 {
			a.Detect(source, batch, keep)
			batch = batch[:0]
		}
	}
	err = l.Scan(ctx, f, func(h *ask.Hit) error {
		if h.Source != source || len(batch) >= 512 {
			flush()
			source = h.Source
		}
		batch = append(batch, h.Event)
		if events++; progress != nil && events%10_000 == 0 {
			progress(events)
		}
		return nil
	})
	flush()
	a.Finish(keep)
	return events, err
}

// maxLooked bounds the events whose values are remembered for proposals.
const maxLooked = 200_000

// distinguishing are fields by which a filter may tell a subject: the most
// telling first.
var distinguishing = []string{"yagura.principal", "yagura.agent", "eventName", "sourceIPAddress", "yagura.network", "awsRegion"}

// look remembers what tells a match from others. It excludes nothing.
func (b *backtest) look(_ *rule.Rule, source string, ev *ocsf.Event) string {
	if source != "cloudtrail" || len(b.values) >= maxLooked {
		return ""
	}
	values := map[string]string{"eventName": ev.API.Operation, "sourceIPAddress": cmp.Or(ev.Src.IP, ev.Src.Name), "awsRegion": ev.Region}
	for _, name := range distinguishing {
		if f := b.fields[name]; f != nil {
			if v := f(ev); len(v) == 1 {
				values[name] = v[0]
			}
		}
	}
	b.values[ev.UID] = values
	return ""
}

func (b *backtest) past(d *sigma.Document) Past {
	out := Past{Document: d}
	days := map[string]Day{}
	subjects := map[yagura.Entity]*Subject{}
	for _, f := range b.found[d.ID] {
		if strings.HasPrefix(f.Status, "suppressed") {
			out.Hidden++
			continue
		}
		out.Findings++
		out.Matches += f.Count
		on := time.UnixMicro(f.First).UTC().Format(time.DateOnly)
		days[on] = Day{on, days[on].Findings + 1, days[on].Matches + f.Count}
		s := subjects[f.Subject]
		if s == nil {
			s = &Subject{Entity: f.Subject}
			subjects[f.Subject] = s
		}
		s.Findings++
		s.Matches += f.Count
	}
	for _, day := range slices.Sorted(maps.Keys(days)) {
		out.Days = append(out.Days, days[day])
	}
	for _, s := range subjects {
		out.Subjects = append(out.Subjects, *s)
	}
	slices.SortFunc(out.Subjects, func(x, y Subject) int {
		return cmp.Or(cmp.Compare(y.Matches, x.Matches), cmp.Compare(x.Entity.ID, y.Entity.ID))
	})
	return out
}

// propose makes proposals for the noisiest subjects.
func (b *backtest) propose(pasts []Past) error {
	for i := range pasts {
		p := &pasts[i]
		for j := range p.Subjects[:min(len(p.Subjects), noisiest)] {
			proposal, err := b.proposal(p.Document, p.Subjects[j].Entity)
			if err != nil {
				return err
			}
			p.Subjects[j].Proposal = proposal
		}
	}
	return nil
}

// proposal makes a filter of what all matches of the subject have in common,
// and holds it against the rule's own tests.
func (b *backtest) proposal(d *sigma.Document, subject yagura.Entity) (*Proposal, error) {
	common := b.common(d.ID, subject)
	if common["yagura.principal"] == "" {
		return nil, nil //nolint:nilnil // nothing tells the subject from everybody else
	}
	text := filterText(d, subject, common, b.expires)
	docs, problems := sigma.Parse("proposal.yml", "filter/proposal", []byte(text))
	if len(docs) != 1 {
		return nil, fmt.Errorf("the proposed filter for %s cannot be read: %v", d.ID, problems)
	}
	kit := b.kit
	kit.Documents = append(b.needed(), docs[0])
	t, _, err := NewTester(kit)
	if err != nil {
		return nil, err
	}
	results, err := t.Run(d)
	if err != nil {
		return nil, err
	}
	out := &Proposal{YAML: text}
	for _, r := range results {
		if r.Test.Want != 0 {
			out.Tests++
			if r.OK {
				out.Keeps++
			}
		}
	}
	if out.Keeps < out.Tests {
		return nil, nil //nolint:nilnil // it would blind the rule
	}
	return out, nil
}

// common gives the fields that have one and the same value in every remembered
// match of the subject.
func (b *backtest) common(id string, subject yagura.Entity) map[string]string {
	var out map[string]string
	for _, f := range b.found[id] {
		if f.Subject != subject {
			continue
		}
		for _, e := range f.Events {
			values := b.values[e.UID]
			if values == nil {
				continue
			}
			if out == nil {
				out = maps.Clone(values)
				continue
			}
			maps.DeleteFunc(out, func(k, v string) bool { return values[k] != v })
		}
	}
	return out
}

// filterText writes a filter document. Values come from logs: they are quoted,
// and their wildcards are taken literally.
func filterText(d *sigma.Document, subject yagura.Entity, common map[string]string, expires time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "title: %s\n", quoted("Known and harmless: "+subject.ID))
	b.WriteString("logsource: {product: aws, service: cloudtrail}\n")
	fmt.Fprintf(&b, "filter:\n  rules: [%s]\n  selection:\n", quoted(d.ID))
	for _, name := range distinguishing {
		if v := common[name]; v != "" && !(name == "yagura.network" && common["sourceIPAddress"] != "") {
			fmt.Fprintf(&b, "    %s: %s\n", name, quoted(literal(v)))
		}
	}
	fmt.Fprintf(&b, "  condition: selection\nyagura:\n  owner: ''\n  reason: ''\n  expires: %s\n", expires.UTC().Format(time.DateOnly))
	return b.String()
}

// literal keeps * ? and \ of a value from being wildcards.
func literal(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(s)
}

// quoted writes a text as a YAML string in single quotes, without the characters
// that YAML does not allow.
func quoted(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
