package detect_test

import (
	"bytes"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect/threat"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/rules"
	"github.com/yagura-sec/yagura/source"
)

// invented is the world of the rules' tests, as rules/README.md describes it.
func invented(t testing.TB) threat.Config {
	t.Helper()
	dir := t.TempDir()
	var specs []intel.Spec
	list := func(kind, name, text string) {
		path := filepath.Join(dir, kind+".txt")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		specs = append(specs, intel.Spec{Name: name, Path: path, Kind: kind})
	}
	list("tor", "tor", "192.0.2.66\n198.51.100.99\n")
	for _, kind := range []string{"threat", "c2", "mining", "malware", "phishing", "blackhole", "droppoint"} {
		list(kind, kind, "192.0.2.67\n198.51.100.66\nlisted.example\n")
	}
	list("custom", "test", "192.0.2.68\ncustom.example\n")
	lists, err := intel.Load(specs)
	if err != nil {
		t.Fatal(err)
	}
	return threat.Config{Accounts: []string{"111122223333"}, Places: places{}, Lists: func() *intel.Lists { return lists }}
}

type places struct{}

func (places) Find(a netip.Addr) (p intel.Place) {
	switch {
	case netip.MustParsePrefix("198.51.100.0/24").Contains(a):
		p = intel.Place{Country: "JP", ASN: 64500}
	case netip.MustParsePrefix("192.0.2.0/24").Contains(a):
		p = intel.Place{Country: "NL", ASN: 64501}
	case netip.MustParsePrefix("203.0.113.0/24").Contains(a):
		return intel.Place{ASN: 16509, Org: "Amazon"}
	default:
		return p
	}
	p.Lat, p.Lon, p.Known = intel.Centroid(p.Country)
	return p
}

// native decodes a record of a source.
func native(name string, record []byte) (out []ocsf.Event, err error) {
	d, err := source.Named(name).Open(yagura.Input{Body: bytes.NewReader(record)})
	if err != nil {
		return nil, err
	}
	for {
		var ev ocsf.Event
		if err := d.Next(&ev); err != nil {
			if len(out) > 0 {
				return out, nil
			}
			return nil, err
		}
		out = append(out, ev)
	}
}

// The rules that come with the program pass their own tests, with the derived
// fields and the exclusions of this package.
func TestRulesPassTheirTests(t *testing.T) {
	tree, err := fs.Sub(rules.Threat, "threat")
	if err != nil {
		t.Fatal(err)
	}
	docs, _ := sigma.Read(tree, ".")
	fields := threat.NewFields(invented(t))
	cfg := rule.Config{Schemas: source.Schemas(), Fields: fields.Map()}
	set, problems := rule.Compile(docs, cfg)
	for _, p := range problems {
		if !p.Warning {
			t.Error(p.Error())
		}
	}
	d, _ := threat.New(set, fields)
	tests := rule.Tests{Config: cfg, Decode: native, Begin: fields.Forget, Event: fields.See, Engine: rule.EngineConfig{Exclude: d.Exclude}}
	ran := 0
	for _, r := range set.Rules() {
		for _, result := range tests.Run(set, r) {
			ran++
			if !result.OK {
				t.Errorf("%s: %s\n%s", r.Doc.ID, result.Test.Name, result.Diff)
			}
		}
		if strings.HasPrefix(r.Doc.Use, "threat/") {
			for i := range r.Doc.Tests {
				ran++
				if got, want := coded(t, r, &r.Doc.Tests[i]), r.Doc.Tests[i].Want; got != want && (want >= 0 || got == 0) {
					t.Errorf("%s: %s: %d findings, want %d", r.Doc.ID, r.Doc.Tests[i].Name, got, want)
				}
			}
		}
	}
	if ran < 300 {
		t.Errorf("only %d tests", ran)
	}
}

// coded runs a test of a coded detector; findings on one subject are one.
func coded(t *testing.T, r *rule.Rule, test *sigma.Test) int {
	records, err := test.Records()
	if err != nil {
		t.Error(err)
		return -2
	}
	var events []ocsf.Event
	for _, rec := range records {
		list, err := native("cloudtrail", []byte(rec))
		if err != nil {
			t.Errorf("%s: %s: %v", r.Doc.ID, test.Name, err)
		}
		events = append(events, list...)
	}
	p, _ := pipeline(t, invented(t))
	n := 0
	for _, f := range run(p, events) {
		if f.Rule == r.Doc.ID {
			n++
		}
	}
	return n
}
