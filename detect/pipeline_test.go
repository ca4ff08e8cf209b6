package detect_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect"
	"github.com/yagura-sec/yagura/detect/threat"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/source"
	"github.com/yagura-sec/yagura/source/cloudtrail"
)

// few is a small set of rules of several kinds.
var few = func() *rule.Set {
	doc := func(level, tags, logic, extension string) *fstest.MapFile {
		return &fstest.MapFile{Data: fmt.Appendf(nil, "title: T\nauthor: Yagura\nlevel: %s\ntags: [%s]\nlogsource: {product: aws, service: cloudtrail}\n%s\nyagura: {%s}\n", level, tags, logic, extension)}
	}
	tree := fstest.MapFS{
		"cloudtrail/user.yml":   doc("high", "attack.persistence", "detection: {s: {eventName: [CreateUser, DeleteUser]}, condition: s}", "window: 1h"),
		"cloudtrail/bucket.yml": doc("medium", "attack.exfiltration", "detection: {s: {yagura.public_policy: public}, condition: s}", "subject: requestParameters.bucketName"),
		"cloudtrail/twice.yml":  doc("medium", "attack.discovery", "detection: {s: {eventName: ListUsers}, condition: s}", "window: 30m, threshold: 2"),
		"cloudtrail/secret.yml": doc("low", "attack.credential-access", "name: secret\ndetection: {s: {eventName: GetSecretValue}, condition: s}", "window: 1h"),
		"cloudtrail/many.yml":   doc("high", "attack.credential-access", "correlation: {type: event_count, rules: [secret], group-by: [yagura.principal], timespan: 10m, condition: {gte: 3}}", "window: 2h"),
		"cloudtrail/dry.yml":    doc("high", "attack.impact", "detection: {s: {eventName: DeleteUser}, condition: s}", "dry_run: true"),
	}
	docs, problems := sigma.Read(tree, ".")
	set, more := rule.Compile(docs, rule.Config{Schemas: source.Schemas(), Fields: shared.Map()})
	for _, p := range slices.Concat(problems, more) {
		panic(p.Error())
	}
	return set
}

// small makes a pipeline over few. Each has fields, and so a set, of its own.
func small(t testing.TB, cfg threat.Config) *detect.Pipeline {
	shared = threat.NewFields(cfg)
	set := few()
	d, problems := threat.New(set, shared)
	for _, p := range problems {
		t.Fatal(p.Error())
	}
	return detect.New(detect.Config{Rules: set, Schemas: source.Schemas(), Detectors: []yagura.Detector{d}})
}

var shared *threat.Fields

// event is one of a few calls, at a minute, by one of two users.
func event(t testing.TB, n, minute int, who, call, failed string) ocsf.Event {
	parameters := map[string]string{
		"CreateUser": `{"userName":"x"}`, "DeleteUser": `{"userName":"x"}`, "GetSecretValue": `{"secretId":"s"}`, "ListUsers": `null`,
		"PutBucketPolicy": `{"bucketName":"b","bucketPolicy":{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}}}`,
	}
	at := time.Date(2026, 5, 4, 0, minute, 0, 0, time.UTC).Format(time.RFC3339)
	raw := fmt.Sprintf(`{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/%s","accountId":"111122223333","accessKeyId":"AKIA%s","userName":"%s"},"eventTime":"%s","eventSource":"x.amazonaws.com","eventName":"%s","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2","requestParameters":%s,%s"eventID":"e-%d","readOnly":false,"recipientAccountId":"111122223333"}`,
		who, who, who, at, call, parameters[call], failed, n)
	d, err := cloudtrail.New().Open(yagura.Input{Body: strings.NewReader(raw)})
	if err != nil {
		t.Fatal(err)
	}
	var ev ocsf.Event
	if err := d.Next(&ev); err != nil {
		t.Fatal(err)
	}
	return ev
}

// draw makes some events.
func draw(t *rapid.T, tb testing.TB) []ocsf.Event {
	n := rapid.IntRange(1, 30).Draw(t, "events")
	var out []ocsf.Event
	for i := range n {
		failed := rapid.SampledFrom([]string{"", "", `"errorCode":"AccessDenied",`}).Draw(t, "failed")
		call := rapid.SampledFrom([]string{"CreateUser", "DeleteUser", "GetSecretValue", "ListUsers", "PutBucketPolicy"}).Draw(t, "call")
		out = append(out, event(tb, i, rapid.IntRange(0, 400).Draw(t, "minute"), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "who"), call, failed))
	}
	return out
}

// feed gives events in batches of the sizes and collects last reports.
func feed(p *detect.Pipeline, events []ocsf.Event, size int, last map[string]*yagura.Finding) {
	for len(events) > 0 {
		n := min(len(events), size)
		p.Detect("cloudtrail", events[:n], func(f *yagura.Finding) { last[f.ID] = f })
		events = events[n:]
	}
}

// Neither batches, nor duplicates, nor a restart at any point change what is
// found.
func TestFindingsDependOnEventsOnly(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		events := draw(r, t)
		want := map[string]*yagura.Finding{}
		feed(small(t, threat.Config{}), events, len(events), want)

		got := map[string]*yagura.Finding{}
		feed(small(t, threat.Config{}), events, rapid.IntRange(1, 7).Draw(r, "batch"), got)
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("in batches: %s", diff)
		}

		var twice []ocsf.Event
		for i := range events {
			twice = append(twice, events[i])
			if j := rapid.IntRange(-3, i).Draw(r, "again"); j >= 0 {
				twice = append(twice, events[j])
			}
		}
		got = map[string]*yagura.Finding{}
		feed(small(t, threat.Config{}), twice, 4, got)
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("with duplicates: %s", diff)
		}

		cut := rapid.IntRange(0, len(events)).Draw(r, "cut")
		got = map[string]*yagura.Finding{}
		first := small(t, threat.Config{})
		feed(first, events[:cut], 4, got)
		var state bytes.Buffer
		if err := first.Save(&state); err != nil {
			r.Fatal(err)
		}
		second := small(t, threat.Config{})
		if err := second.Load(&state); err != nil {
			r.Fatal(err)
		}
		// Killed some events later, of which the second reads all again.
		feed(first, events[cut:min(len(events), cut+5)], 2, got)
		feed(second, events[cut:], 4, got)
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("restarted at %d: %s", cut, diff)
		}
	})
}

// Within a window the order of events does not change what is counted.
func TestOrderWithinAWindow(t *testing.T) {
	count := func(events []ocsf.Event) map[string]int64 {
		last, out := map[string]*yagura.Finding{}, map[string]int64{}
		feed(small(t, threat.Config{}), events, 5, last)
		for _, f := range last {
			if f.Rule == "cloudtrail/bucket" {
				out[f.Rule+f.Subject.ID] += f.Count
			}
		}
		return out
	}
	rapid.Check(t, func(r *rapid.T) {
		events := draw(r, t)
		if diff := cmp.Diff(count(events), count(rapid.Permutation(events).Draw(r, "order"))); diff != "" {
			r.Fatal(diff)
		}
	})
}

func TestStatus(t *testing.T) {
	name := filepath.Join(t.TempDir(), "office.txt")
	if err := os.WriteFile(name, []byte("198.51.100.7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lists, err := intel.Load([]intel.Spec{{Path: name, Kind: "trusted"}})
	if err != nil {
		t.Fatal(err)
	}
	events := []ocsf.Event{event(t, 1, 1, "a", "CreateUser", ""), event(t, 2, 2, "b", "DeleteUser", "")}
	for _, c := range []struct {
		name string
		cfg  threat.Config
		want []string
	}{
		{"as it is", threat.Config{}, []string{"cloudtrail/dry dry-run", "cloudtrail/user ", "cloudtrail/user "}},
		{"a trusted list", threat.Config{Lists: func() *intel.Lists { return lists }}, []string{
			"cloudtrail/dry suppressed: trusted list office", "cloudtrail/user suppressed: trusted list office", "cloudtrail/user suppressed: trusted list office",
		}},
	} {
		last := map[string]*yagura.Finding{}
		feed(small(t, c.cfg), events, 5, last)
		var got []string
		for _, f := range last {
			status, _, _ := strings.Cut(f.Status, ",")
			got = append(got, f.Rule+" "+status)
		}
		slices.Sort(got)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestLoadRefusesOtherStates(t *testing.T) {
	var state bytes.Buffer
	if err := small(t, threat.Config{}).Save(&state); err != nil {
		t.Fatal(err)
	}
	whole := state.String()
	for name, s := range map[string]string{"empty": "", "other": strings.Repeat("x", 1000), "cut": whole[:len(whole)-20], "cut early": whole[:40]} {
		if err := small(t, threat.Config{}).Load(strings.NewReader(s)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
