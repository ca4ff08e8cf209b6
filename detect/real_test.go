package detect_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect"
	"github.com/yagura-sec/yagura/detect/threat"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/rules"
	"github.com/yagura-sec/yagura/source"
	"github.com/yagura-sec/yagura/source/cloudtrail"
)

// pipeline makes a pipeline over all rules that come with the program.
func pipeline(t testing.TB, cfg threat.Config) (*detect.Pipeline, *threat.Detector) {
	t.Helper()
	tree, err := fs.Sub(rules.Threat, "threat")
	if err != nil {
		t.Fatal(err)
	}
	docs, problems := sigma.Read(tree, ".")
	fields := threat.NewFields(cfg)
	set, more := rule.Compile(docs, rule.Config{Schemas: source.Schemas(), Fields: fields.Map()})
	d, last := threat.New(set, fields)
	for _, p := range slices.Concat(problems, more, last) {
		if !p.Warning {
			t.Log(p.Error()) // the rules' own tests fail for it
		}
	}
	return detect.New(detect.Config{Rules: set, Schemas: source.Schemas(), Detectors: []yagura.Detector{d}}), d
}

// run gives the last report of every finding, by time.
func run(p *detect.Pipeline, events []ocsf.Event) []*yagura.Finding {
	last := map[string]*yagura.Finding{}
	report := func(f *yagura.Finding) { last[f.ID] = f }
	for len(events) > 0 {
		n := min(len(events), 100)
		p.Detect("cloudtrail", events[:n], report)
		events = events[n:]
	}
	p.Finish(report)
	var out []*yagura.Finding
	for _, f := range last {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *yagura.Finding) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.ID, b.ID)) })
	return out
}

// genuine reads the public set of real records, in order of time.
func genuine(t testing.TB) []ocsf.Event {
	t.Helper()
	dir := os.Getenv("YAGURA_SHARED_DATA")
	if dir == "" {
		t.Skip("YAGURA_SHARED_DATA is not set: the genuine records are not here")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "cloudtrail-real", "CloudTrail", "*.json"))
	if err != nil || len(paths) != 55 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	var out []ocsf.Event
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		d, err := cloudtrail.New().Open(yagura.Input{Body: bytes.NewReader(b)})
		if err != nil {
			t.Fatal(err)
		}
		for {
			var ev ocsf.Event
			if d.Next(&ev) != nil {
				break
			}
			out = append(out, ev)
		}
	}
	slices.SortStableFunc(out, func(a, b ocsf.Event) int { return cmp.Compare(a.Time, b.Time) })
	return out
}

func line(f *yagura.Finding) string {
	s := fmt.Sprintf("%-13s %-46s %s ×%d", f.Severity, f.Rule, f.Subject.ID, f.Count)
	if f.Attempt {
		s += " attempt"
	}
	return s + " " + f.Status
}

func TestGenuineAttack(t *testing.T) {
	p, d := pipeline(t, threat.Config{})
	for _, f := range run(p, genuine(t)) {
		t.Log(line(f))
		for _, x := range f.Facts {
			t.Log("      ", x.Name, "=", x.Value[:min(len(x.Value), 150)])
		}
	}
	t.Logf("%+v", p.Stats())
	t.Logf("%+v", d.Stats())
}
