package waf_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/prevent/waf/acl"
	"github.com/yagura-sec/yagura/replay/waf"
	"github.com/yagura-sec/yagura/replay/waf/record"
)

const arn = "arn:aws:wafv2:us-east-1:111122223333:regional/webacl/shop/1"

// control is a web ACL with these rules.
func control(t testing.TB, rules ...string) waf.Control {
	t.Helper()
	text := `{"WebACL":{"Name":"shop","ARN":"` + arn + `","DefaultAction":{"Allow":{}},"Rules":[` + strings.Join(rules, ",") + `]},"LockToken":"x"}`
	b, err := (&acl.Reader{SearchString: "plain"}).Parse("acl.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return waf.Control{Bundle: b}
}

func rule(name string, priority int, action, statement string) string {
	return fmt.Sprintf(`{"Name":%q,"Priority":%d,"Action":{%q:{}},"Statement":%s}`, name, priority, action, statement)
}

func contains(field, text string) string {
	return `{"ByteMatchStatement":{"PositionalConstraint":"CONTAINS","SearchString":"` + text + `","FieldToMatch":{` + field + `},"TextTransformations":[{"Priority":0,"Type":"NONE"}]}}`
}

// line is a record of AWS WAF.
func line(second int, client, action, rule, method, uri, args string, more ...string) string {
	return fmt.Sprintf(`{"timestamp":%d,"formatVersion":1,"webaclId":%q,"terminatingRuleId":%q,"terminatingRuleType":"REGULAR","action":%q,"ruleGroupList":[],"nonTerminatingMatchingRules":[],`+
		`"httpRequest":{"clientIp":%q,"country":"JP","headers":[{"name":"Host","value":"shop.example"},{"name":"User-Agent","value":"Mozilla/5.0"},{"name":"Accept","value":"*/*"}%s],"uri":%q,"args":%q,"httpVersion":"HTTP/1.1","httpMethod":%q,"requestId":"r%d"}}`,
		1_700_000_000_000+second*1000, arn, rule, action, client, strings.Join(append([]string{""}, more...), ","), uri, args, method, second) + "\n"
}

func replay(t testing.TB, cfg waf.Config, log string) *waf.Report {
	t.Helper()
	run, err := waf.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	read(t, log, run.Add)
	return run.Report()
}

func read(t testing.TB, log string, visit func(*record.Record) error) *record.Files {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &record.Files{Damaged: func(path string, err error) { t.Errorf("%s: %v", path, err) }}
	if err := f.Read(context.Background(), []string{path}, visit); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestKnownTruth replays a log of which every outcome is known.
func TestKnownTruth(t *testing.T) {
	deployed := control(t, rule("bots", 1, "Block", contains(`"SingleHeader":{"Name":"x-bot"}`, "1")))
	now := control(t, rule("admin", 1, "Block", contains(`"UriPath":{}`, "/admin")), rule("body", 2, "Block", contains(`"Body":{"OversizeHandling":"CONTINUE"}`, "evil")))
	log := line(1, "192.0.2.1", "ALLOW", "Default_Action", "GET", "/", "") +
		line(2, "192.0.2.2", "ALLOW", "Default_Action", "GET", "/admin/7", "a=1") +
		line(3, "192.0.2.2", "BLOCK", "bots", "GET", "/x", "", `{"name":"X-Bot","value":"1"}`) +
		line(4, "192.0.2.3", "ALLOW", "Default_Action", "POST", "/cart", "", `{"name":"Content-Length","value":"20"}`) +
		line(5, "192.0.2.3", "BLOCK", "bots", "GET", "/wrong", "") +
		line(6, "192.0.2.4", "ALLOW", "Default_Action", "POST", "/admin/8", "", `{"name":"Content-Length","value":"20"}`)
	got := replay(t, waf.Config{New: now, Deployed: &deployed}, log)
	if got.Requests != 6 || got.Same != 1 {
		t.Errorf("%d requests, %d the same", got.Requests, got.Same)
	}
	if diff := cmp.Diff(waf.Tally{NewlyBlocked: 2, NewlyAllowed: 2, Undecidable: 1}, got.Total); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]waf.Row{{Key: "/admin/*", Tally: waf.Tally{NewlyBlocked: 2}}, {Key: "/cart", Tally: waf.Tally{Undecidable: 1}}}, got.ByPath[:2]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]waf.Row{{Key: "rule body needs the body", Tally: waf.Tally{Undecidable: 1}}}, got.Reasons); diff != "" {
		t.Error(diff)
	}
	a := got.Agreement
	if a.Records != 6 || a.Equal != 5 || a.SameRule != 5 || a.Different != 1 || a.Undecidable != 0 || len(a.Examples) != 1 || a.Examples[0].Line != 5 {
		t.Errorf("%+v", a)
	}
	if len(got.Warnings) != 0 {
		t.Error(got.Warnings)
	}
	// Against the deployed web ACL instead of the log, line 5 passes both times.
	old := replay(t, waf.Config{New: now, Old: &deployed}, log)
	if diff := cmp.Diff(waf.Tally{NewlyBlocked: 2, NewlyAllowed: 1, Undecidable: 1}, old.Total); diff != "" {
		t.Error(diff)
	}
}

// TestRates counts under the time of the records.
func TestRates(t *testing.T) {
	now := control(t, rule("flood", 1, "Block", `{"RateBasedStatement":{"Limit":10,"EvaluationWindowSec":60,"AggregateKeyType":"IP"}}`))
	var log strings.Builder
	for i := range 60 { // One a second from one client, one in five from another.
		log.WriteString(line(i, "192.0.2.1", "ALLOW", "Default_Action", "GET", "/", ""))
		if i%10 == 0 {
			log.WriteString(line(i, "192.0.2.2", "ALLOW", "Default_Action", "GET", "/", ""))
		}
	}
	got := replay(t, waf.Config{New: now}, log.String())
	// The first tick with more than 10 requests behind it begins at second 20.
	if got.Total.NewlyBlocked != 40 || len(got.ByClient) != 1 || got.ByClient[0].Key != "192.0.2.1" {
		t.Errorf("%+v %+v", got.Total, got.ByClient)
	}
	// A little disorder does not matter.
	lines := strings.SplitAfter(log.String(), "\n")
	mixed := replay(t, waf.Config{New: now}, strings.Join(append(lines[40:len(lines)-1], lines[:40]...), ""))
	if mixed.Total != got.Total || len(mixed.Warnings) != 0 || mixed.Requests != got.Requests {
		t.Errorf("%+v %v", mixed.Total, mixed.Warnings)
	}
	// Too much is warned about.
	late := strings.Repeat(line(5000, "192.0.2.7", "ALLOW", "Default_Action", "GET", "/", ""), 20_001)
	if got := replay(t, waf.Config{New: now}, late+line(1, "192.0.2.1", "ALLOW", "Default_Action", "GET", "/", "")); !cmp.Equal(got.Warnings, []string{"disorder"}) {
		t.Error(got.Warnings)
	}
}

// TestFilteredLog warns when nothing that passed is on record.
func TestFilteredLog(t *testing.T) {
	got := replay(t, waf.Config{New: control(t)}, line(1, "192.0.2.1", "BLOCK", "x", "GET", "/", ""))
	if !cmp.Equal(got.Warnings, []string{"no-allow"}) || got.Agreement != nil {
		t.Errorf("%+v", got)
	}
}

// TestHostilePage escapes all that comes from a log.
func TestHostilePage(t *testing.T) {
	evil := "/admin/<script>alert(1)</script>\x1b[31m"
	got := replay(t, waf.Config{New: control(t, rule("admin", 1, "Block", contains(`"UriPath":{}`, "/admin")))}, strings.ReplaceAll(line(1, "192.0.2.1", "ALLOW", "Default_Action", "GET", "PATH", ""), "PATH", `/admin/<script>alert(1)</script>\u001b[31m`))
	if len(got.Examples) != 1 || got.Examples[0].URI != evil {
		t.Fatalf("%+v", got.Examples)
	}
	for _, language := range []string{"en", "ja"} {
		var b bytes.Buffer
		if err := got.HTML(&b, language); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(b.String(), "\x1b\u202e") || strings.Contains(b.String(), "<script") || !strings.Contains(b.String(), "&lt;script&gt;") || !strings.Contains(b.String(), `lang="`+language+`"`) {
			t.Error(b.String())
		}
	}
}

// BenchmarkReplay reads and decides lines as browsers cause them, with ten rules.
// Its bar is 100,000 lines a second on one core.
func BenchmarkReplay(b *testing.B) {
	var rules []string
	for i := range 8 {
		rules = append(rules, rule(fmt.Sprint("path", i), i, "Block", contains(`"UriPath":{}`, fmt.Sprint("/wp-", i))))
	}
	rules = append(rules, rule("geo", 20, "Block", `{"GeoMatchStatement":{"CountryCodes":["KP"]}}`), rule("bot", 21, "Count", contains(`"SingleHeader":{"Name":"user-agent"}`, "sqlmap")))
	const n = 10_000
	var log strings.Builder
	for i := range n {
		log.WriteString(line(i/100, fmt.Sprintf("192.0.2.%d", i%250), "ALLOW", "Default_Action", "GET", fmt.Sprint("/shop/items/", i), "category=books&page=2&sort=price",
			`{"name":"User-Agent","value":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"}`,
			`{"name":"Accept-Language","value":"ja,en;q=0.8"}`, `{"name":"Accept-Encoding","value":"gzip, br"}`, `{"name":"Cookie","value":"sid=4f9a8c7d6e5b4a39; theme=dark; cart=3"}`,
			`{"name":"Referer","value":"https://shop.example/"}`, `{"name":"Sec-Fetch-Mode","value":"navigate"}`, `{"name":"Connection","value":"keep-alive"}`))
	}
	path := filepath.Join(b.TempDir(), "log")
	if err := os.WriteFile(path, []byte(log.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	flood := rule("flood", 30, "Block", `{"RateBasedStatement":{"Limit":2000000,"AggregateKeyType":"IP"}}`)
	for name, cfg := range map[string]waf.Config{
		"ten rules":         {New: control(b, rules...)},
		"two web ACLs":      {New: control(b, rules...), Old: ptr(control(b, rules[1:]...))},
		"a rate-based rule": {New: control(b, append(rules, flood)...)},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(log.Len()))
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				run, err := waf.New(cfg)
				if err != nil {
					b.Fatal(err)
				}
				if err := (&record.Files{}).Read(b.Context(), []string{path}, run.Add); err != nil {
					b.Fatal(err)
				}
				if r := run.Report(); r.Requests != n || r.Same != n {
					b.Fatalf("%+v", r)
				}
			}
			b.ReportMetric(float64(b.N)*n/(cpuTime(b)-before), "lines/cpu-s")
		})
	}
}

// cpuTime is what the process has used, in seconds: a busy machine does not count.
func cpuTime(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func ptr[T any](v T) *T { return &v }
