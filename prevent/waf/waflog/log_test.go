package waflog_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/prevent/waf/waflog"
	"github.com/yagura-sec/yagura/source/waf"
)

func request() *yagura.Request {
	return &yagura.Request{
		ID: "1-65e00000-0123456789abcdef01234567", Time: 1_772_600_767_123_456, Method: "POST", URI: "/login.php?id=1'%20OR%201=1--",
		Version: "HTTP/1.1", Scheme: "https", Host: "shop.example.com", BodySize: 412, Client: netip.MustParseAddr("198.51.100.23"), Country: "JP",
		Headers: []yagura.Header{
			{Name: "Host", Value: "shop.example.com"}, {Name: "user-agent", Value: "evil\n\x00\xff\"\u2028</script>"}, {Name: "Cookie", Value: "secret=1"},
		},
		JA4: "t13d1516h2_8daaf6152771_b186095e22b6",
	}
}

func blocked() *yagura.Verdict {
	return &yagura.Verdict{
		Action: yagura.Block, Rule: "core", RuleType: "MANAGED_RULE_GROUP", Labels: []string{"awswaf:managed:aws:sql-database:SQLi"}, Inspected: 412,
		Hits: []yagura.RuleHit{
			{Rule: "count-admin", Action: yagura.Count, Field: "header Cookie", Value: "secret"},
			{Rule: "SQLi_QUERYARGUMENTS", Group: "AWS#SQLi", Action: yagura.Block, Field: "query argument id", Value: "1' OR 1=1--", Condition: "SQL_INJECTION", Terminates: true},
			{Rule: "Size", Group: "AWS#Common", Action: yagura.Count, Overridden: yagura.Block},
			{Rule: "NoUA", Group: "AWS#Common", Action: yagura.Count, Excluded: true},
		},
	}
}

// The waf source of this program must read what is written.
func TestSourceReadsIt(t *testing.T) {
	line := waflog.Append(nil, &waflog.Entry{Request: request(), Verdict: blocked(), Status: 403}, waflog.Source{WebACL: "arn:aws:wafv2:ap-northeast-1:111122223333:regional/webacl/shop/1", ID: "shop"}, nil)
	src := waf.New()
	if m := src.Match("any.log", line); m&yagura.ByContent == 0 {
		t.Errorf("not known by content: %v", m)
	}
	d, err := src.Open(yagura.Input{Body: bytes.NewReader(append(line, '\n')), MaxRecord: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var ev ocsf.Event
	if err := d.Next(&ev); err != nil {
		t.Fatal(err)
	}
	got := map[string]any{
		"time": ev.Time, "action": ev.Action, "policy": ev.Policy, "method": ev.HTTP.Method, "path": ev.HTTP.Path, "query": ev.HTTP.Query, "code": ev.HTTP.Code,
		"host": ev.HTTP.Host, "agent": ev.HTTP.Agent, "rule": ev.Finding.Generator, "account": ev.Account, "status": ev.Status,
	}
	want := map[string]any{
		"time": int64(1_772_600_767_123_000), "action": "BLOCK", "policy": "arn:aws:wafv2:ap-northeast-1:111122223333:regional/webacl/shop/1",
		"method": "POST", "path": "/login.php", "query": "id=1'%20OR%201=1--", "code": int64(403), "host": "shop.example.com",
		"agent": "evil\n\x00\ufffd\"\u2028</script>", "rule": "AWS#SQLi/SQLi_QUERYARGUMENTS", "account": "111122223333", "status": int64(ocsf.StatusFailure),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if err := d.Next(&ev); !errors.Is(err, io.EOF) {
		t.Errorf("after the line: %v", err)
	}
}

func decoded(t *testing.T, e *waflog.Entry) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(waflog.Append(nil, e, waflog.Source{}, nil), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOutcomes(t *testing.T) {
	own := &yagura.Verdict{Action: yagura.Block, Rule: "deny", RuleType: "REGULAR", Hits: []yagura.RuleHit{{Rule: "deny", Action: yagura.Block, Field: "uri path", Value: "/x", Terminates: true}}}
	for _, c := range []struct {
		name                    string
		e                       waflog.Entry
		action, rule, kind, non string
		code                    any
	}{
		{"allowed", waflog.Entry{Verdict: &yagura.Verdict{Action: yagura.Allow, Rule: "Default_Action"}}, "ALLOW", "Default_Action", "REGULAR", "[]", nil},
		{"blocked", waflog.Entry{Verdict: own, Status: 403}, "BLOCK", "deny", "REGULAR", "[]", 403.0},
		{
			"counted", waflog.Entry{Verdict: own}, "ALLOW", "Default_Action", "REGULAR",
			`[{"action":"COUNT","overriddenAction":"BLOCK","ruleDetails":1,"ruleId":"deny"}]`, nil,
		},
		{"malformed", waflog.Entry{Verdict: &yagura.Verdict{Action: yagura.Allow}, Status: 400, Reason: "bare-lf"}, "BLOCK", "Yagura_bare-lf", "REGULAR", "[]", 400.0},
		{"malformed and blocked", waflog.Entry{Verdict: own, Status: 403, Reason: "bare-lf"}, "BLOCK", "deny", "REGULAR", "[]", 403.0},
		{"not inspected, passed", waflog.Entry{Reason: "overload"}, "ALLOW", "Yagura_overload", "REGULAR", "[]", nil},
		{"captcha", waflog.Entry{Verdict: &yagura.Verdict{Action: yagura.Captcha, Rule: "c", Token: "TOKEN_EXPIRED"}, Status: 405}, "CAPTCHA", "c", "REGULAR", "[]", 405.0},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.e.Request = request()
			m := decoded(t, &c.e)
			rules, _ := m["nonTerminatingMatchingRules"].([]any)
			for _, r := range rules {
				rule := r.(map[string]any)
				rule["ruleDetails"] = len(rule["ruleMatchDetails"].([]any))
				delete(rule, "ruleMatchDetails")
			}
			non, _ := json.Marshal(rules)
			got := []any{m["action"], m["terminatingRuleId"], m["terminatingRuleType"], string(non), m["responseCodeSent"]}
			if diff := cmp.Diff([]any{c.action, c.rule, c.kind, c.non, c.code}, got); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
			if c.name == "captcha" {
				want := map[string]any{"responseCode": 405.0, "solveTimestamp": 0.0, "failureReason": "TOKEN_EXPIRED"}
				if diff := cmp.Diff(want, m["captchaResponse"]); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// memory is a sink that keeps lines; it waits for hold.
type memory struct {
	mu   sync.Mutex
	b    bytes.Buffer
	hold chan struct{}
}

func (m *memory) Write(_ context.Context, lines []byte) error {
	if m.hold != nil {
		<-m.hold
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.b.Write(lines)
	return nil
}

func (m *memory) Close() error { return nil }

func closeLog(t *testing.T, l *waflog.Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestRedaction(t *testing.T) {
	m := &memory{}
	l, err := waflog.New(waflog.Config{Sinks: []waflog.Sink{m}, Redact: []string{"cookie", "header:User-Agent", "query", "uri", "method"}})
	if err != nil {
		t.Fatal(err)
	}
	l.Write(&waflog.Entry{Request: request(), Verdict: blocked(), Status: 403})
	closeLog(t, l)
	for _, secret := range []string{"secret", "evil", "OR 1=1", "OR%201", "login.php", "POST"} {
		if strings.Contains(m.b.String(), secret) {
			t.Errorf("the log shows %q: %s", secret, m.b.String())
		}
	}
	if n := strings.Count(m.b.String(), `"REDACTED"`); n != 8 {
		t.Errorf("%d redacted values: %s", n, m.b.String())
	}
	if _, err := waflog.New(waflog.Config{Sinks: []waflog.Sink{m}, Redact: []string{"body"}}); err == nil {
		t.Error("redact: body was taken")
	}
}

func TestSample(t *testing.T) {
	m := &memory{}
	l, err := waflog.New(waflog.Config{Sinks: []waflog.Sink{m}, Sample: map[string]float64{"ALLOW": 0.25}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4000 {
		q := request()
		q.ID = fmt.Sprintf("1-%08x-%024x", i, i)
		l.Write(&waflog.Entry{Request: q, Verdict: &yagura.Verdict{Action: yagura.Allow}})
		if i < 100 {
			l.Write(&waflog.Entry{Request: q, Verdict: blocked(), Status: 403})
		}
	}
	closeLog(t, l)
	allowed, blocks := strings.Count(m.b.String(), `"action":"ALLOW"`), strings.Count(m.b.String(), `"responseCodeSent":403`)
	if allowed < 850 || allowed > 1150 || blocks != 100 {
		t.Errorf("%d of 4000 allowed and %d of 100 blocked requests were kept", allowed, blocks)
	}
	if c := l.Counts(); c.Sampled != int64(4000-allowed) || c.Written != int64(allowed+100) {
		t.Errorf("counts %+v", c)
	}
}

// A sink that hangs costs lines, never time, and each lost line is counted.
func TestQueueIsBounded(t *testing.T) {
	m := &memory{hold: make(chan struct{})}
	l, err := waflog.New(waflog.Config{Sinks: []waflog.Sink{m}, Queue: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	const sent = 1000
	for range sent {
		l.Write(&waflog.Entry{Request: request(), Verdict: blocked(), Status: 403})
	}
	c := l.Counts()
	if c.Dropped == 0 || c.Queued > 64<<10 {
		t.Errorf("with a sink that hangs: %+v", c)
	}
	close(m.hold)
	closeLog(t, l)
	c = l.Counts()
	if got := int64(strings.Count(m.b.String(), "\n")); got != c.Written || c.Written+c.Dropped != sent {
		t.Errorf("%d lines, counts %+v", got, c)
	}
}

func TestFileRotates(t *testing.T) {
	dir := t.TempDir()
	f, err := waflog.NewFile(waflog.FileConfig{Path: filepath.Join(dir, "logs", "aws-waf-logs-shop.log"), Size: 10_000, Keep: 100, Gzip: true})
	if err != nil {
		t.Fatal(err)
	}
	l, err := waflog.New(waflog.Config{Sinks: []waflog.Sink{f}})
	if err != nil {
		t.Fatal(err)
	}
	const sent = 200
	for i := range sent {
		q := request()
		q.ID = fmt.Sprint("id-", i)
		l.Write(&waflog.Entry{Request: q, Verdict: blocked(), Status: 403})
	}
	closeLog(t, l)
	names, err := filepath.Glob(filepath.Join(dir, "logs", "*"))
	if err != nil || len(names) < 5 {
		t.Fatalf("files %v, %v", names, err)
	}
	seen := map[string]int{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".gz") {
			z, err := gzip.NewReader(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(name, err)
			}
			if raw, err = io.ReadAll(z); err != nil {
				t.Fatal(name, err)
			}
		}
		for line := range bytes.Lines(raw) {
			var m struct {
				HTTPRequest struct{ RequestID string }
			}
			if err := json.Unmarshal(line, &m); err != nil {
				t.Fatalf("%s: %v in %q", name, err, line)
			}
			seen[m.HTTPRequest.RequestID]++
		}
	}
	if len(seen) != sent {
		t.Errorf("%d of %d lines found", len(seen), sent)
	}
}

func TestFileKeepsSome(t *testing.T) {
	dir := t.TempDir()
	f, err := waflog.NewFile(waflog.FileConfig{Path: filepath.Join(dir, "w.log"), Size: 10, Keep: 2})
	if err != nil {
		t.Fatal(err)
	}
	for range 9 {
		if err := f.Write(context.Background(), []byte("0123456789abc\n")); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(names) != 3 {
		t.Errorf("files %v, want two old ones and the new one", names)
	}
}

func TestHTTPSink(t *testing.T) {
	var fails atomic.Int64
	fails.Store(2)
	var got bytes.Buffer
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fails.Add(-1) >= 0 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		if r.Header.Get("Authorization") != "Bearer x" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.Copy(&got, r.Body)
	}))
	defer s.Close()
	h, err := waflog.NewHTTP(waflog.HTTPConfig{URL: s.URL, Header: map[string]string{"Authorization": "Bearer x"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Write(context.Background(), []byte("{}\n{}\n")); err != nil || got.String() != "{}\n{}\n" {
		t.Errorf("after two failures: %v, got %q", err, got.String())
	}
	refused, err := waflog.NewHTTP(waflog.HTTPConfig{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	l, err := waflog.New(waflog.Config{Sinks: []waflog.Sink{refused}})
	if err != nil {
		t.Fatal(err)
	}
	l.Write(&waflog.Entry{Request: request(), Verdict: blocked()})
	closeLog(t, l)
	if c := l.Counts(); c.Failed != 1 || c.Written != 0 {
		t.Errorf("a collector that refuses: %+v", c)
	}
	if _, err := waflog.NewHTTP(waflog.HTTPConfig{URL: "file:///x"}); err == nil {
		t.Error("a file URL was taken")
	}
}

func FuzzAppend(f *testing.F) {
	f.Add("/a?b", "x", "\xff\u2028\"")
	f.Fuzz(func(t *testing.T, uri, name, value string) {
		q := request()
		q.URI, q.Headers = uri, []yagura.Header{{Name: name, Value: value}}
		line := waflog.Append(nil, &waflog.Entry{Request: q, Verdict: &yagura.Verdict{Hits: []yagura.RuleHit{{Rule: name, Field: uri, Value: value}}}}, waflog.Source{}, nil)
		if !json.Valid(line) || bytes.IndexByte(line, '\n') >= 0 {
			t.Errorf("not a line of JSON: %q", line)
		}
		var m struct {
			HTTPRequest struct {
				Headers []struct{ Name, Value string }
			}
		}
		if err := json.Unmarshal(line, &m); err != nil || m.HTTPRequest.Headers[0].Value != strings.ToValidUTF8(value, "\ufffd") && !strings.Contains(value, "\xff") {
			if strings.ToValidUTF8(value, "") == value {
				t.Errorf("value %q became %q (%v)", value, m.HTTPRequest.Headers, err)
			}
		}
	})
}
