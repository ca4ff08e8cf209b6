package detect_test

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect/threat"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source/cloudtrail"
)

// ordinary reads the records of ordinary work: a case's name and its record a
// line.
func ordinary(t testing.TB) (events []ocsf.Event, names map[string]string) {
	t.Helper()
	f, err := os.Open("threat/testdata/ordinary.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names = map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var c struct {
			Case  string
			Event json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		d, err := cloudtrail.New().Open(yagura.Input{Body: strings.NewReader(string(c.Event))})
		if err != nil {
			t.Fatal(err)
		}
		var ev ocsf.Event
		if err := d.Next(&ev); err != nil {
			t.Fatalf("%s: %v", c.Case, err)
		}
		names[ev.UID] = c.Case
		events = append(events, ev)
	}
	return events, names
}

// Nothing in ordinary work is of medium severity or more, together or alone.
func TestOrdinaryWorkIsSilent(t *testing.T) {
	events, names := ordinary(t)
	if len(events) < 60 {
		t.Fatalf("only %d events", len(events))
	}
	p, _ := pipeline(t, threat.Config{})
	for _, f := range run(p, events) {
		if f.Severity >= yagura.Medium && f.Status == "" {
			t.Errorf("together: %s: %s", names[f.Events[0].UID], line(f))
		}
	}
	for i := range events {
		p, _ := pipeline(t, threat.Config{})
		for _, f := range run(p, events[i:i+1]) {
			if f.Severity >= yagura.Medium && f.Status == "" {
				t.Errorf("alone: %s: %s", names[events[i].UID], line(f))
			}
		}
	}
}
