package detect_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect"
	"github.com/yagura-sec/yagura/detect/threat"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source/cloudtrail"
)

const (
	attackCases = "testdata/labelled/attack.jsonl"
	benignCases = "testdata/labelled/benign.jsonl"
)

// labelled is a case of one label: a call, or a short session of calls. Known
// says why the case is judged otherwise than its label, as far as we know. In
// the file, the later records of a session name only the members in which they
// differ from the first.
type labelled struct {
	Case   string
	Known  string
	Events []map[string]json.RawMessage
	events []ocsf.Event
}

// people are the identities of the cases by name: a record names its
// userIdentity, to be short.
func people(t testing.TB) (names map[string]json.RawMessage) {
	t.Helper()
	raw, err := os.ReadFile("testdata/labelled/people.json")
	if err == nil {
		err = json.Unmarshal(raw, &names)
	}
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// over gives a record with the members of another where it has them itself.
func over(first, members map[string]json.RawMessage) map[string]json.RawMessage {
	out := maps.Clone(first)
	maps.Copy(out, members)
	return out
}

// labels reads the cases of a label.
func labels(t testing.TB, path string) (cases []*labelled) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names := people(t)
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		c := &labelled{}
		if err := json.Unmarshal(lines.Bytes(), c); err != nil {
			t.Fatalf("%s:%d: %v", path, len(cases)+1, err)
		}
		for i, members := range c.Events {
			var who string
			if json.Unmarshal(members["userIdentity"], &who) == nil {
				members["userIdentity"] = names[who]
			}
			record, err := json.Marshal(members)
			if i > 0 {
				record, err = json.Marshal(over(c.Events[0], members))
			}
			if err != nil {
				t.Fatalf("%s: %v", c.Case, err)
			}
			d, err := cloudtrail.New().Open(yagura.Input{Body: bytes.NewReader(record)})
			if err != nil {
				t.Fatalf("%s: %v", c.Case, err)
			}
			var ev ocsf.Event
			if err := d.Next(&ev); err != nil {
				t.Fatalf("%s: %v", c.Case, err)
			}
			c.events = append(c.events, ev)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return cases
}

// alert gives the findings that the engineer on duty would look at.
func alert(found []*yagura.Finding) (alerts []*yagura.Finding) {
	for _, f := range found {
		if f.Severity >= yagura.Medium && f.Status == "" {
			alerts = append(alerts, f)
		}
	}
	return alerts
}

// alone asks about every case alone: a pipeline that knows nothing yet.
func alone(t *testing.T, cases []*labelled, each func(c *labelled, found, alerts []*yagura.Finding)) {
	t.Helper()
	p, _ := pipeline(t, threat.Config{})
	var blank bytes.Buffer
	if err := p.Save(&blank); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if err := p.Load(bytes.NewReader(blank.Bytes())); err != nil {
			t.Fatal(err)
		}
		found := run(p, c.events)
		each(c, found, alert(found))
	}
}

func list(found []*yagura.Finding) string {
	var b strings.Builder
	for _, f := range found {
		b.WriteString("\n\t" + line(f))
	}
	return b.String()
}

// Attacks are alerted, each by itself, but for those that are known to be missed.
func TestAttacksAreAlerted(t *testing.T) {
	cases := labels(t, attackCases)
	hits := 0
	alone(t, cases, func(c *labelled, found, alerts []*yagura.Finding) {
		switch {
		case len(alerts) > 0:
			hits++
			if c.Known != "" {
				t.Logf("%s: is alerted now; take its \"known\" away (%s)", c.Case, c.Known)
			}
		case c.Known == "":
			t.Errorf("%s: missed%s", c.Case, list(found))
		}
	})
	t.Logf("%d of %d attacks are alerted", hits, len(cases))
	if len(cases) < 350 || hits*100 < len(cases)*95 {
		t.Errorf("only %d of %d attacks are alerted", hits, len(cases))
	}
}

// Ordinary work is not alerted, each call by itself.
func TestBenignCallsAreSilent(t *testing.T) {
	cases := labels(t, benignCases)
	loud := 0
	alone(t, cases, func(c *labelled, _, alerts []*yagura.Finding) {
		if len(alerts) > 0 {
			loud++
			if c.Known == "" {
				t.Errorf("%s: alerted%s", c.Case, list(alerts))
			}
		}
	})
	t.Logf("%d of %d benign cases are alerted", loud, len(cases))
	if len(cases) < 300 || loud*100 > len(cases) {
		t.Errorf("%d of %d benign cases are alerted", loud, len(cases))
	}
}

// In one stream, ordinary work alone stays as silent, and among it attacks are
// found as well as by themselves: the memory of the detectors changes nothing.
func TestLabelledStream(t *testing.T) {
	benign, attacks := labels(t, benignCases), labels(t, attackCases)
	p, _ := pipeline(t, threat.Config{})
	noisy := stream(p, benign)
	for name, f := range noisy {
		t.Logf("benign %s: %s", name, line(f))
	}
	if len(noisy)*100 > len(benign)*2 {
		t.Errorf("%d of %d benign cases are alerted in a stream", len(noisy), len(benign))
	}
	p, _ = pipeline(t, threat.Config{})
	hit := stream(p, attacks)
	t.Logf("stream: %d of %d attacks, %d of %d benign cases", len(hit), len(attacks), len(noisy), len(benign))
	if len(hit)*100 < len(attacks)*95 {
		t.Errorf("%d of %d attacks are alerted in a stream", len(hit), len(attacks))
	}
}

// stream runs cases as one stream and gives those that an alert names or that
// belong to the calls which an alert has counted.
func stream(p *detect.Pipeline, cases []*labelled) map[string]*yagura.Finding {
	hit := map[string]*yagura.Finding{}
	for _, c := range cases {
		note := func(f *yagura.Finding) {
			if f.Severity >= yagura.Medium && f.Status == "" {
				hit[c.Case] = f
			}
		}
		p.Detect("cloudtrail", c.events, note)
	}
	return hit
}
