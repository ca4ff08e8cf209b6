package guardduty_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source/guardduty"
	"github.com/yagura-sec/yagura/yaguratest"
)

// identity gives the values by which the lake knows equal events.
func identity(ev *ocsf.Event) string {
	var b strings.Builder
	for _, name := range guardduty.New().Schema().Identity {
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
	r := yaguratest.Decode(guardduty.New(), in, 1000)
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

func TestAnUpdateIsANewEventAndARedeliveryIsNot(t *testing.T) {
	s3 := fixture(t, "s3.jsonl")
	first, update, key := &s3[0], &s3[1], &s3[2]
	if first.Finding.UID != update.Finding.UID {
		t.Fatalf("the fixture's update has another id: %s, %s", first.Finding.UID, update.Finding.UID)
	}
	if identity(first) == identity(update) {
		t.Errorf("an update would be dropped as a double: %s", identity(update))
	}
	bus, cli := fixture(t, "eventbridge.json"), fixture(t, "get-findings-cli.json")
	if a, b := identity(first), identity(&bus[0]); a != b {
		t.Errorf("from S3 and EventBridge it counts twice:\n%s%s", a, b)
	}
	if a, b := identity(key), identity(&cli[0]); a != b {
		t.Errorf("from S3 and the CLI it counts twice:\n%s%s", a, b)
	}
}

func TestACountAloneIsAnUpdate(t *testing.T) {
	raw := fixture(t, "s3.jsonl")[0].Raw
	again := decode(t, strings.Replace(raw, `"count":3`, `"count":4`, 1))
	one := decode(t, raw)
	if identity(&again[0]) == identity(&one[0]) {
		t.Error("a higher service.count at the same updatedAt would be dropped")
	}
}

func TestSeverityBands(t *testing.T) {
	raw := fixture(t, "s3.jsonl")[0].Raw
	for text, want := range map[string]int64{
		"0.9": 1, "1": 2, "3.9": 2, "4": 3, "6.9": 3, "7.0": 4, "8.9": 4, "9": 5, "10": 5, `"8.0"`: 4,
		"-1": 0, "11": 0, `"high"`: 0, "null": 0,
	} {
		ev := decode(t, strings.Replace(raw, `"severity":2,`, `"severity":`+text+`,`, 1))
		if got := ev[0].Severity; got != want {
			t.Errorf("severity %s gives severity_id %d, want %d", text, got, want)
		}
	}
}
