package detect_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// deed is one thing that the attacker did, read from the records by eye.
type deed struct {
	at, call string // time of day and eventName of the first record
	who      string // role or user that made the call
	failed   bool   // the call was refused
	least    yagura.Severity
}

// deeds is what stratus-red-team did with the key of bert-jan, on 2023-07-10
// from 192.168.10.20. He set up each scene with Terraform, partly under the
// tool's user agent, did the deed with the tool itself, and cleaned up.
var deeds = []deed{
	{"11:54:47", "GetPasswordData", "role/stratus-red-team-ec2-get-password-data-role", true, yagura.Low},
	{"11:57:16", "SendCommand", "user/bert-jan", false, yagura.Medium},
	{"11:57:22", "DescribeInstances", "role/stratus-red-team-ec2-steal-credentials-role", false, yagura.High}, // with an instance's key
	{"11:57:50", "GetSecretValue", "user/bert-jan", false, yagura.Medium},                                     // twice for each of twenty
	{"11:58:27", "GetParameters", "user/bert-jan", false, yagura.Medium},
	{"11:59:02", "DeleteTrail", "user/bert-jan", true, yagura.Low},
	{"12:00:08", "PutEventSelectors", "user/bert-jan", false, yagura.Medium},
	{"12:00:35", "PutBucketLifecycle", "user/bert-jan", false, yagura.Medium},
	{"12:00:42", "StopLogging", "user/bert-jan", true, yagura.Low},
	{"12:02:05", "LeaveOrganization", "role/stratus-red-team-leave-org-role", true, yagura.Low},
	{"12:02:26", "DeleteFlowLogs", "user/bert-jan", false, yagura.Medium},
	{"12:02:55", "DescribeInstanceAttribute", "role/stratus-red-team-get-usr-data-role", true, yagura.Low},
	{"12:06:42", "RunInstances", "role/stratus-red-team-ec2lui-role-pcccexdthk", true, yagura.Low}, // ten with GPUs
	{"12:10:08", "AuthorizeSecurityGroupIngress", "user/bert-jan", false, yagura.Medium},
	{"12:11:01", "ModifyImageAttribute", "user/bert-jan", false, yagura.Medium},
	{"12:11:28", "ModifySnapshotAttribute", "user/bert-jan", false, yagura.Medium},
	{"12:22:06", "ModifyDBSnapshotAttribute", "user/bert-jan", false, yagura.Medium},
	{"12:22:41", "PutBucketPolicy", "user/bert-jan", false, yagura.Medium},
	{"12:23:15", "ConsoleLogin", "user/stratus-red-team-nmfalu-gfjyeaypjt", false, yagura.Medium},
	{"12:24:11", "UpdateAssumeRolePolicy", "user/bert-jan", false, yagura.Medium},
	{"12:24:29", "CreateAccessKey", "user/bert-jan", false, yagura.Medium}, // for another user
	{"12:24:49", "CreateUser", "user/bert-jan", false, yagura.Low},
	{"12:24:49", "AttachUserPolicy", "user/bert-jan", false, yagura.Medium},
	{"12:25:04", "CreateLoginProfile", "user/bert-jan", false, yagura.Medium},
	{"12:25:40", "AddPermission20150331v2", "user/bert-jan", false, yagura.Medium},
	{"12:26:56", "UpdateFunctionCode20150331v2", "user/bert-jan", false, yagura.Low},
	{"12:27:13", "CreateTrustAnchor", "user/bert-jan", false, yagura.Medium},
}

// byTool is the rule that speaks of the tool itself, by its user agent: it says
// nothing about what was done.
const byTool = "cloudtrail/recon-attack-tool"

// unwritten are calls for which no rule has been written yet.
var unwritten = map[string]bool{"PutEventSelectors": true, "DeleteFlowLogs": true}

func TestGenuineAttack(t *testing.T) {
	events := genuine(t)
	p, d := pipeline(t, threat.Config{})
	findings := run(p, events)
	for _, f := range findings {
		t.Log(line(f))
	}
	about := map[string][]*yagura.Finding{} // by event
	for _, f := range findings {
		for _, r := range f.Events {
			if f.Rule != byTool && f.Rule != "threat/attack-sequence" && f.Severity > yagura.Informational && f.Status == "" {
				about[r.UID] = append(about[r.UID], f)
			}
		}
	}
	for _, want := range deeds {
		switch why := judge(want, events, about); {
		case why == "":
		case unwritten[want.call]:
			t.Logf("no rule yet: %s %s by %s: %s", want.at, want.call, want.who, why)
		default:
			t.Errorf("%s %s by %s: %s", want.at, want.call, want.who, why)
		}
	}
	t.Run("clean-up", func(t *testing.T) {
		for i := range events {
			ev := &events[i]
			if !cleaning(ev) {
				continue
			}
			for _, f := range about[ev.UID] {
				if f.Severity >= yagura.Medium {
					t.Errorf("%s %s counts for %s", ev.At().Format("15:04:05"), ev.API.Operation, line(f))
				}
			}
		}
	})
	t.Run("innocents", func(t *testing.T) {
		for _, f := range findings {
			guilty := strings.Contains(f.Subject.ID, "bert-jan") || strings.Contains(f.Subject.ID, "stratus-red-team")
			for _, r := range f.Related {
				guilty = guilty || r.Type == "chain" && strings.HasSuffix(r.ID, "user/bert-jan")
			}
			if f.Severity >= yagura.Medium && f.Status == "" && !guilty {
				t.Error(line(f))
			}
		}
	})
	t.Run("sequence", func(t *testing.T) {
		n := 0
		for _, f := range findings {
			if f.Rule != "threat/attack-sequence" {
				continue
			}
			if n++; f.Subject.ID != "arn:aws:iam::123837392027:user/bert-jan" || len(f.Parts) < 15 || f.Severity != yagura.Critical {
				t.Errorf("%s with %d parts", line(f), len(f.Parts))
			}
			story := ""
			for _, x := range f.Facts {
				story += x.Value + "\n"
			}
			if !strings.Contains(story, "instance-credentials") || !strings.Contains(story, "snapshot") {
				t.Errorf("the story lacks the instance's key or the snapshots:\n%s", story)
			}
		}
		if n != 1 {
			t.Errorf("%d attack sequences, want 1", n)
		}
	})
	if s := d.Stats(); s.Panics+s.Engine.Panics != 0 {
		t.Errorf("%d panics", s.Panics+s.Engine.Panics)
	}
}

// judge says what is wrong with what was found of a deed.
func judge(want deed, events []ocsf.Event, about map[string][]*yagura.Finding) string {
	said := "no such record"
	for i := range events {
		ev := &events[i]
		if ev.At().Format("15:04:05") != want.at || ev.API.Operation != want.call || (ev.Status == ocsf.StatusFailure) != want.failed {
			continue
		}
		said = "nothing found"
		for _, f := range about[ev.UID] {
			principal := f.Subject.Type == "principal" && strings.HasSuffix(f.Subject.ID, want.who)
			for _, r := range f.Related {
				principal = principal || (r.Type == "principal" || r.Type == "chain") && strings.HasSuffix(r.ID, want.who)
			}
			switch {
			case !principal:
				said = "not about the principal: " + line(f)
			case f.Severity < want.least:
				said = "too low: " + line(f)
			default:
				return ""
			}
		}
	}
	return said
}

// cleaning knows the records of clean-up: the tool's own at three instants, and
// what Terraform takes down.
func cleaning(ev *ocsf.Event) bool {
	at := ev.At().Format("15:04:05")
	if strings.HasPrefix(strings.Trim(ev.HTTP.Agent, "["), "stratus-red-team") {
		return at == "12:07:49" || at == "12:11:57" || at == "12:28:24"
	}
	for _, verb := range []string{"Delete", "Detach", "Disassociate", "Remove", "Release", "Terminate", "Deregister", "Revoke"} {
		if strings.Contains(ev.HTTP.Agent, "Terraform") && strings.HasPrefix(ev.API.Operation, verb) {
			return true
		}
	}
	return false
}
