package awsconfig_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source/awsconfig"
	"github.com/yagura-sec/yagura/yaguratest"
)

// identity gives the values by which the lake knows equal events.
func identity(ev *ocsf.Event) string {
	var b strings.Builder
	for _, name := range awsconfig.New().Schema().Identity {
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
	r := yaguratest.Decode(awsconfig.New(), in, 1000)
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

func TestOneStateIsOneEventHoweverItComes(t *testing.T) {
	history := fixture(t, "history.json")
	snapshot := fixture(t, "snapshot.json")
	api := fixture(t, "get-resource-config-history.json")
	sns := fixture(t, "sns.jsonl")
	same := identity(&history[1])
	for what, ev := range map[string]*ocsf.Event{
		"snapshot": &snapshot[0], "SNS": &sns[0], "a bare notification": &sns[1], "API": &api[1],
	} {
		if got := identity(ev); got != same {
			t.Errorf("%s and history count one state twice:\n%s%s", what, got, same)
		}
	}
	if identity(&history[0]) == same {
		t.Error("two states of one resource would become one")
	}
}

func TestASummaryNeverStandsForTheState(t *testing.T) {
	history := fixture(t, "history.json")
	raw := history[0].Raw
	before, _, _ := strings.Cut(raw, `"configuration":`)
	_, after, _ := strings.Cut(raw, `"supplementaryConfiguration"`)
	summary := decode(t, before+`"supplementaryConfiguration"`+after)
	if identity(&summary[0]) == identity(&history[0]) {
		t.Error("a summary without configuration would displace the whole item")
	}
	deleted := history[2]
	if deleted.EventType != "ConfigurationItem" || deleted.Config.Status != "ResourceDeleted" {
		t.Errorf("a deleted resource reads as %s, %s", deleted.EventType, deleted.Config.Status)
	}
}
