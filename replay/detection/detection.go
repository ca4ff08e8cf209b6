// Package detection tries detection rules before they alert: on the records
// that a rule document carries as its tests ([Tester]), and on what a lake has
// recorded ([Backtest]). Both run the same detectors as production does.
package detection

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect"
	"github.com/yagura-sec/yagura/detect/threat"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/source"
)

// Result is how a test of a document ended.
type Result struct {
	Document *sigma.Document
	Test     *sigma.Test
	Got      int    // findings of the document
	OK       bool   // Got is what the test wants
	Diff     string // otherwise: lines with - for what is wanted, + for what came
}

// Tester runs the tests that documents carry, each through all detectors with
// nothing learned, in the small invented world that rules/README.md describes.
type Tester struct {
	kit      detect.Kit
	assembly *detect.Assembly
	blank    []byte // state of detectors that have seen nothing
	silent   map[string]bool
}

// NewTester makes a tester. What the kit knows of the world is replaced by that
// of the tests. The problems are those of the documents that cannot run.
func NewTester(kit detect.Kit) (*Tester, []sigma.Problem, error) {
	world, err := newWorld()
	if err != nil {
		return nil, nil, err
	}
	kit.World, kit.Inventory = world, intel.NewInventory()
	a, problems, err := detect.Assemble(kit)
	if err != nil {
		return nil, problems, err
	}
	t := &Tester{kit: kit, assembly: a, silent: map[string]bool{}}
	var state bytes.Buffer
	if err := a.Save(&state); err != nil {
		return nil, problems, err
	}
	t.blank = state.Bytes()
	for _, d := range kit.Documents {
		if d.Correlation != nil && !d.Correlation.Generate {
			for _, ref := range d.Correlation.Rules {
				if r := a.Rules.Lookup(ref); r != nil {
					t.silent[r.Doc.ID] = true
				}
			}
		}
	}
	return t, problems, nil
}

// Run runs the tests of one document.
func (t *Tester) Run(d *sigma.Document) ([]Result, error) {
	var out []Result
	for i := range d.Tests {
		r, err := t.one(d, &d.Tests[i])
		if err != nil {
			return out, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (t *Tester) one(d *sigma.Document, test *sigma.Test) (Result, error) {
	out := Result{Document: d, Test: test}
	src, events, err := t.events(d, test)
	if err != nil {
		out.Diff = "- records that can be read\n+ " + err.Error() + "\n"
		return out, nil
	}
	if err := t.assembly.Load(bytes.NewReader(t.blank)); err != nil {
		return out, err
	}
	found := map[string]*yagura.Finding{}
	keep := func(f *yagura.Finding) {
		if f.Rule == d.ID && !strings.HasPrefix(f.Status, "suppressed") {
			found[f.ID] = f
		}
	}
	for i := range events {
		t.assembly.Detect(src, events[i:i+1], keep)
	}
	t.assembly.Finish(keep)
	out.Got = len(found)
	out.OK = out.Got == test.Want || test.Want < 0 && out.Got > 0
	if out.OK {
		return out, nil
	}
	return t.second(d, test, out, found)
}

// second asks the engine alone: a rule that only serves a correlation does not
// alert in the pipeline, and the engine can say what did not match.
func (t *Tester) second(d *sigma.Document, test *sigma.Test, out Result, found map[string]*yagura.Finding) (Result, error) {
	want := fmt.Sprint(test.Want)
	if test.Want < 0 {
		want = "at least 1"
	}
	out.Diff = fmt.Sprintf("- findings: %s\n+ findings: %d\n", want, out.Got)
	for _, f := range found {
		out.Diff += fmt.Sprintf("+ %s: %s ×%d\n", f.Title.EN, f.Subject.ID, f.Count)
	}
	r := t.assembly.Rules.Lookup(d.ID)
	if r == nil || d.Kind == "detector" {
		return out, nil
	}
	fields := threat.NewFields(t.kit.World)
	engine := &rule.Tests{
		Config: rule.Config{Schemas: t.kit.Schemas, Fields: fields.Map(), Placeholders: t.kit.Placeholders},
		Decode: Decode,
	}
	for _, x := range engine.Run(t.assembly.Rules, r) {
		if x.Test != test {
			continue
		}
		if t.silent[d.ID] {
			out.Got, out.OK, out.Diff = x.Got, x.OK, x.Diff
		} else if !x.OK {
			out.Diff = x.Diff
		}
	}
	return out, nil
}

// events decodes a test's records. Those of one test are different events, even
// where they are equal.
func (t *Tester) events(d *sigma.Document, test *sigma.Test) (src string, events []ocsf.Event, err error) {
	if src = t.source(d, 0); src == "" {
		return "", nil, fmt.Errorf("%v: the log source of the events is not known", d.Place)
	}
	records, err := test.Records()
	if err != nil {
		return src, nil, err
	}
	for i, record := range records {
		if test.Header != "" {
			record = test.Header + "\n" + record + "\n"
		}
		list, err := Decode(src, []byte(record))
		if err == nil && len(list) == 0 {
			err = errors.New("it holds no event")
		}
		if err != nil {
			return src, nil, fmt.Errorf("%v: test %q, record %d: %w", test.Place, test.Name, i+1, err)
		}
		for _, ev := range list {
			ev.Provenance = ocsf.Provenance{Record: int64(len(events))}
			if len(records) > 1 {
				ev.UID = fmt.Sprintf("test-%d", len(events))
			}
			events = append(events, ev)
		}
	}
	return src, events, nil
}

// source gives the log source of a document, of a correlation that of its rules.
func (t *Tester) source(d *sigma.Document, depth int) string {
	if s := d.Source(); s != "" || d.Correlation == nil || depth > 20 {
		return s
	}
	for _, ref := range d.Correlation.Rules {
		if r := t.assembly.Rules.Lookup(ref); r != nil {
			if s := t.source(r.Doc, depth+1); s != "" {
				return s
			}
		}
	}
	return ""
}

// Decode reads native records of a source, as a file of them would be read.
func Decode(name string, records []byte) ([]ocsf.Event, error) {
	src := source.Named(name)
	if src == nil {
		return nil, fmt.Errorf("no source %q", name)
	}
	d, err := src.Open(yagura.Input{Body: bytes.NewReader(records), MaxRecord: 16 << 20})
	if err != nil {
		return nil, err
	}
	var out []ocsf.Event
	for {
		var ev ocsf.Event
		if err := d.Next(&ev); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, err
		}
		out = append(out, ev)
	}
}
