package server

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect/sequence"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/store"
)

// ruled is the rule of the test's findings.
const ruled = "cloudtrail/trail-stopped"

// document of the test's rule. Rules may come from elsewhere, so it is hostile
// too.
var ruleDocument = &sigma.Document{
	ID: ruled, Title: yagura.Text{EN: "Trail stopped", JA: "証跡の停止"}, Description: yagura.Text{EN: "A trail was stopped.", JA: "証跡が止められた。"},
	Why: yagura.Text{EN: "Nobody sees.", JA: "誰にも見えない。"}, Check: yagura.Text{EN: "Ask " + scripted, JA: "本人に聞く。"}, Do: yagura.Text{EN: "Start it."},
	Prevent: yagura.Text{EN: "An SCP.", JA: "SCP。"}, FalsePositives: []yagura.Text{{EN: "Announced " + reversed, JA: "周知済み"}}, Author: "A. Author " + scripted,
	Level: yagura.High, GuardDuty: []string{"Stealth:IAMUser/CloudTrailLoggingDisabled"}, Tags: []string{"attack.t1562.008"},
	References: []string{"https://docs.aws.amazon.com/awscloudtrail/", "javascript:window.pwned=4"}, License: "Apache-2.0", Date: "2026-10-01",
}

func minute(n int) int64 { return began.Add(time.Duration(n) * time.Minute).UnixMicro() }

// ref cites the i-th event of the test's lake.
func ref(i int) yagura.EventRef {
	return yagura.EventRef{Source: "cloudtrail", UID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), Time: minute(10 * i)}
}

// keepFindings keeps a critical sequence of two findings, a hostile one, a
// suppressed one, a dry run, one of a rule that is not in force, and an
// informational one.
func keepFindings(t testing.TB, cfg *Config) {
	t.Helper()
	bob := yagura.Entity{Type: "principal", ID: "arn:aws:iam::111122223333:user/bob", Account: "111122223333"}
	make := func(id string, s yagura.Severity, i int, change func(*yagura.Finding)) *yagura.Finding {
		f := &yagura.Finding{
			ID: id, Rule: ruled, Author: "A. Author", Severity: s, Title: yagura.Text{EN: "Trail stopped", JA: "証跡の停止"}, Subject: bob, Account: bob.Account,
			Region: "us-east-1", Count: 1, First: minute(10 * i), Last: minute(10 * i), Events: []yagura.EventRef{ref(i)}, Techniques: []string{"T1562.008"},
			Type: "Stealth:IAMUser/CloudTrailLoggingDisabled", Facts: []yagura.Fact{{Name: "eventName", Value: "StopLogging"}},
		}
		if change != nil {
			change(f)
		}
		return f
	}
	list := []*yagura.Finding{
		make("aa01", yagura.High, 7, nil),
		make("aa02", yagura.Medium, 100, func(f *yagura.Finding) {
			f.Title, f.Subject.ID, f.Subject.Type = yagura.Text{EN: scripted}, scripted+reversed, scripted
			f.Author, f.Region, f.Rule = scripted, scripted, scripted
			f.Facts = []yagura.Fact{{Name: scripted, Value: reversed + "\x1b[31m"}, {Name: "userAgent", Value: scripted}}
			f.Related = []yagura.Entity{{Type: scripted, ID: reversed, Account: scripted}, {Type: "address", ID: "198.51.100.1"}}
			f.Events = append(f.Events, yagura.EventRef{Source: "cloudtrail", UID: scripted, Time: minute(1001)}, yagura.EventRef{Source: scripted, Key: scripted + reversed})
			f.Techniques, f.Type, f.Count, f.Attempt = []string{scripted}, scripted, 25, true
		}),
		make("aa03", yagura.High, 8, func(f *yagura.Finding) { f.Status = "suppressed: filter " + scripted }),
		make("aa04", yagura.Medium, 9, func(f *yagura.Finding) { f.Status = "dry-run" }),
		make("aa05", yagura.Informational, 10, nil),
		make("aa06", yagura.Low, 11, func(f *yagura.Finding) { f.Rule, f.Subject = "other/rule", yagura.Entity{} }),
		make("aa07", yagura.Critical, 7, func(f *yagura.Finding) {
			f.Rule, f.Title, f.Parts = sequence.Rule, yagura.Text{EN: "Attack sequence", JA: "一連の攻撃"}, []string{"aa01", "gone"}
			f.Facts = []yagura.Fact{{Name: "step 1", Value: "first step"}, {Name: "手順 1", Value: "一歩目"}, {Name: "step 2", Value: "second step"}, {Name: "手順 2", Value: "二歩目"}}
		}),
	}
	pass := store.Pass{From: 1, To: minute(5000)}
	if err := cfg.Store.BeginPass(t.Context(), pass, []int64{1}); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Store.AdvancePass(t.Context(), pass, list); err != nil {
		t.Fatal(err)
	}
	cfg.Documents = []*sigma.Document{ruleDocument}
}

func findingServer(t testing.TB) string {
	cfg := newConfig(t, true)
	keepFindings(t, &cfg)
	return serving(t, cfg).URL
}

// TestFindingsSelected holds what each parameter leaves, most severe first.
func TestFindingsSelected(t *testing.T) {
	url := findingServer(t)
	for _, test := range []struct {
		query string
		want  string
		more  bool
	}{
		{"", "aa07 aa01 aa02 aa06", false},
		{"severity=informational", "aa07 aa01 aa02 aa06 aa05", false},
		{"severity=medium&all=true", "aa07 aa03 aa01 aa02 aa04", false},
		{"severity=HIGH", "aa07 aa01", false},
		{"rule=other/rule", "aa06", false},
		{"subject=arn:aws:iam::111122223333:user/bob", "aa07 aa01", false},
		{"limit=2", "aa07 aa01", true},
		{"limit=4", "aa07 aa01 aa02 aa06", false},
		{"from=2026-10-01T10:00:00Z", "aa02", false},
		{"to=2026-10-01T01:15:00Z", "aa07 aa01", false},
		{"from=-24h", "", false},
	} {
		_, text := fetch(t, "GET", url+"/api/v1/findings?"+test.query, "")
		var got struct {
			Findings []struct{ ID string }
			More     bool
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, f := range got.Findings {
			ids = append(ids, f.ID)
		}
		if s := strings.Join(ids, " "); s != test.want || got.More != test.more {
			t.Errorf("%s: %q, more %v; want %q", test.query, s, got.More, test.want)
		}
		// The page shows the same.
		_, page := fetch(t, "GET", url+"/findings?"+test.query, "")
		var shown []string
		for _, m := range regexp.MustCompile(`class="what"><a href="/findings/([0-9a-f]+)`).FindAllStringSubmatch(page, -1) {
			shown = append(shown, m[1])
		}
		if diff := cmp.Diff(ids, shown); diff != "" {
			t.Errorf("%s: page and API differ (-API +page):\n%s", test.query, diff)
		}
	}
}

// TestFindingExplains holds that a finding and its rule speak the language that
// was asked for, and that the texts of the API are the rule's.
func TestFindingExplains(t *testing.T) {
	url := findingServer(t)
	_, text := fetch(t, "GET", url+"/api/v1/findings/aa01?lang=ja", "")
	for _, want := range []string{`"title":"証跡の停止"`, `"why":"誰にも見えない。"`, `"do":"Start it."`, `"prevent":"SCP。"`, `"false_positives":["周知済み"]`, `"techniques":["T1562.008"]`, "Stealth:IAMUser"} {
		if !strings.Contains(text, want) {
			t.Errorf("the API's answer lacks %s: %s", want, text)
		}
	}
	for lang, wants := range map[string][]string{
		"en": {"Trail stopped", "A trail was stopped.", "Why it matters", "Nobody sees.", "How to check", "What to do", "Start it.", "What would have stopped it", "An SCP.", "Known false positives", "A. Author", "T1562.008", "StopLogging", "High", "Attack sequence", "bob"},
		"ja": {"証跡の停止", "証跡が止められた。", "なぜ重要か", "誰にも見えない。", "確認方法", "本人に聞く。", "対処", "予防策", "SCP。", "既知の誤検知", "作者", "プリンシパル", "一連の攻撃", ">高<"},
	} {
		_, page := fetch(t, "GET", url+"/findings/aa01?lang="+lang, "")
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("the page in %s lacks %q", lang, want)
			}
		}
	}
	_, page := fetch(t, "GET", url+"/findings/aa07?lang=ja", "")
	for _, want := range []string{"経過", "証跡の停止", "二歩目", "インシデントとして扱います"} {
		if !strings.Contains(page, want) {
			t.Errorf("the sequence's page lacks %q", want)
		}
	}
	for _, not := range []string{"second step", "一歩目"} {
		if strings.Contains(page, not) {
			t.Errorf("the sequence's page has %q: another language, or a step that is told by its finding", not)
		}
	}
	if _, page = fetch(t, "GET", url+"/findings/aa06", ""); !strings.Contains(page, "not in force here") {
		t.Error("the page does not say that the rule's texts are missing")
	}
	if _, page = fetch(t, "GET", url+"/findings/aa03", ""); !strings.Contains(page, "Suppressed: ") || !strings.Contains(page, "filter &lt;script&gt;") {
		t.Error("the page does not say why the finding is suppressed")
	}
}

var hrefs = regexp.MustCompile(`href="(/[^"]*)"`)

// TestFindingLinks follows every link of a finding's page: to its event, to
// searches that find it, and from the event back.
func TestFindingLinks(t *testing.T) {
	base := findingServer(t)
	_, page := fetch(t, "GET", base+"/findings/aa01", "")
	main := page[strings.Index(page, "<main"):strings.Index(page, "</main>")]
	var event string
	searches := 0
	for _, m := range hrefs.FindAllStringSubmatch(main, -1) {
		link := html.UnescapeString(m[1])
		res, text := fetch(t, "GET", base+link, "")
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", link, res.StatusCode)
		}
		u, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		switch u.Path {
		case "/event":
			event = text
		case "/search":
			searches++
			if u.Query().Get("q") != "eventName:StopLogging" && !strings.Contains(text, "/event?") {
				t.Errorf("%s finds nothing", link)
			}
		}
	}
	if searches < 3 {
		t.Errorf("%d searches, want those for subject, fact and the hour around", searches)
	}
	if !strings.Contains(event, "REQ000007") || !strings.Contains(event, `id="citing"`) || !strings.Contains(event, "/findings/aa01") || strings.Contains(event, "/findings/aa06") {
		t.Error("the event is not the cited one, or does not name the findings that cite it")
	}
	_, page = fetch(t, "GET", base+"/findings/aa02", "")
	if !strings.Contains(page, "the lake does not have: 2.") {
		t.Error("the page does not say which events are missing")
	}
}

// TestFindingsAreHostile holds that no text of a finding or rule becomes part of
// a page.
func TestFindingsAreHostile(t *testing.T) {
	base := findingServer(t)
	for _, path := range []string{
		"/findings?all=true&severity=informational", "/findings/aa02", "/findings/aa02?lang=ja", "/findings/aa03", "/findings/aa01",
		"/findings?rule=" + url.QueryEscape(scripted), "/findings?severity=" + url.QueryEscape(scripted), "/findings/" + url.PathEscape(scripted),
	} {
		_, page := fetch(t, "GET", base+path, "")
		for _, bad := range []string{"<script>window", "<img", "\u202e", "\u200b", "\x1b", `href="javascript`, "onerror=\"window"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s has %q", path, bad)
			}
		}
	}
	_, page := fetch(t, "GET", base+"/findings/aa02", "")
	for _, want := range []string{"⟨U&#43;202E⟩", "⟨U&#43;001B⟩", "&lt;script&gt;"} {
		if !strings.Contains(page, want) {
			t.Errorf("the hostile finding's page lacks %q", want)
		}
	}
}

// TestGraveFindingsInTheFrame holds that every page says how many findings are
// high or critical: suppressed ones are not.
func TestGraveFindingsInTheFrame(t *testing.T) {
	base := findingServer(t)
	for _, path := range []string{"/search", "/sources", "/findings", "/findings/aa01", "/nosuch"} {
		if _, page := fetch(t, "GET", base+path, ""); !strings.Contains(page, `title="2 of high or critical severity"`) {
			t.Errorf("%s does not count 2 findings", path)
		}
	}
	if _, page := fetch(t, "GET", newServer(t, false).URL+"/search", ""); strings.Contains(page, "badge") {
		t.Error("a number where there is no finding")
	}
}

// TestNothingFound holds that an empty list says why it is empty and what to do.
func TestNothingFound(t *testing.T) {
	cfg := newConfig(t, true)
	base := serving(t, cfg).URL
	see := func(want string, not ...string) {
		t.Helper()
		_, page := fetch(t, "GET", base+"/findings", "")
		if !strings.Contains(page, want) || !strings.Contains(page, "yagura detect") {
			t.Errorf("the page lacks %q or the next step", want)
		}
		for _, n := range not {
			if strings.Contains(page, n) {
				t.Errorf("the page has %q", n)
			}
		}
	}
	see("The detectors have not run yet", "Nothing was found")
	objects := lakeObjects(t, cfg)
	detected := func(ids []int64) {
		t.Helper()
		pass := store.Pass{From: 1, To: 2}
		if err := cfg.Store.BeginPass(t.Context(), pass, ids); err != nil {
			t.Fatal(err)
		}
		if err := cfg.Store.AdvancePass(t.Context(), pass, nil); err != nil {
			t.Fatal(err)
		}
	}
	detected(objects[:1])
	see("Nothing was found", "have not run yet")
	see("nobody has looked at yet: 1.")
	detected(objects[1:])
	see("the detectors have read: 2.", "nobody has looked at")
}

func lakeObjects(t testing.TB, cfg Config) (ids []int64) {
	t.Helper()
	err := cfg.Lake.Objects(t.Context(), func(o lake.Object) error {
		ids = append(ids, o.ID)
		return nil
	})
	if err != nil || len(ids) != 2 {
		t.Fatalf("objects %v, %v", ids, err)
	}
	slices.Sort(ids)
	return ids
}
