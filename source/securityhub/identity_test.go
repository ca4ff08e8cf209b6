package securityhub_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source/securityhub"
	"github.com/yagura-sec/yagura/yaguratest"
)

// identity gives the values by which the lake knows equal events.
func identity(ev *ocsf.Event) string {
	var b strings.Builder
	for _, name := range securityhub.New().Schema().Identity {
		c := ocsf.Lookup(name)
		if c.Str != nil {
			fmt.Fprintf(&b, "%s=%s\n", name, *c.Str(ev))
		} else {
			fmt.Fprintf(&b, "%s=%d\n", name, *c.Num(ev))
		}
	}
	return b.String()
}

func decode(t *testing.T, text string) []ocsf.Event {
	t.Helper()
	in := yagura.Input{Body: strings.NewReader(text), MaxRecord: 1 << 20}
	r := yaguratest.Decode(securityhub.New(), in, 1000)
	if r.End != nil || len(r.Errors) > 0 {
		t.Fatalf("%v %v", r.Errors, r.End)
	}
	return r.Events
}

func fixture(t *testing.T, name string) []ocsf.Event {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, string(b))
}

func TestACustomersChangeIsANewEventAndARedeliveryIsNot(t *testing.T) {
	line := fixture(t, "asff.jsonl")[0]
	for what, changed := range map[string]string{
		"workflow": strings.Replace(line.Raw, `"Workflow":{"Status":"NEW"}`, `"Workflow":{"Status":"SUPPRESSED"}`, 1),
		"note":     strings.Replace(line.Raw, `"RecordState"`, `"Note":{"Text":"known","UpdatedBy":"kim"},"RecordState"`, 1),
	} {
		if changed == line.Raw {
			t.Fatalf("%s: the fixture has changed", what)
		}
		ev := decode(t, changed)
		if identity(&ev[0]) == identity(&line) {
			t.Errorf("a changed %s would be dropped as a double", what)
		}
	}
	reordered := strings.Replace(line.Raw, `"Severity":{"Label":"HIGH","Normalized":70,`, `"Severity":{"Normalized":70.0,"Product":null, "Label":"HIGH",`, 1)
	if ev := decode(t, reordered); reordered == line.Raw || identity(&ev[0]) != identity(&line) {
		t.Error("another order of members makes another event")
	}
	// The CLI indents, EventBridge does not.
	for _, name := range []string{"get-findings.json", "eventbridge-imported.json", "asff-array.json"} {
		other := fixture(t, name)
		if a, b := identity(&line), identity(&other[0]); a != b {
			t.Errorf("%s counts it twice:\n%s%s", name, a, b)
		}
	}
}

func TestSeveralFindingsOfOneEventAreSeveralEvents(t *testing.T) {
	got := fixture(t, "eventbridge-imported.json")
	var classes []ocsf.Class
	for i := range got {
		if n := got[i].Provenance.Record; n != int64(i) {
			t.Errorf("finding %d has record number %d", i, n)
		}
		classes = append(classes, got[i].Class)
	}
	want := []ocsf.Class{ocsf.ComplianceFinding, ocsf.VulnerabilityFinding, ocsf.DetectionFinding}
	if fmt.Sprint(classes) != fmt.Sprint(want) {
		t.Errorf("classes %v, want %v", classes, want)
	}
}
