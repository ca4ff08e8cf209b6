package crs

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
)

// hostile are requests that are made to be slow, large or broken.
func hostile() map[string]*yagura.Request {
	post := func(kind, body string) *yagura.Request {
		return &yagura.Request{
			Method: "POST", URI: "/", Version: "HTTP/1.1", Host: "h", Body: []byte(body), BodySize: int64(len(body)),
			Headers: []yagura.Header{{Name: "Content-Type", Value: kind}},
		}
	}
	headers, types := post("text/plain", ""), post("application/json", "{}")
	for i := range 10000 {
		headers.Headers = append(headers.Headers, yagura.Header{Name: fmt.Sprint("X-", i), Value: "<script>" + fmt.Sprint(i)})
		types.Headers = append(types.Headers, yagura.Header{Name: "Content-Type", Value: "multipart/form-data"})
	}
	args := make([]string, 10000)
	for i := range args {
		args[i] = fmt.Sprint("a", i, "=", i)
	}
	return map[string]*yagura.Request{
		"nothing":       {},
		"deep JSON":     post("application/json", strings.Repeat(`{"a":`, 10000)+"1"+strings.Repeat("}", 10000)),
		"deep arrays":   post("application/json", strings.Repeat("[", 10000)),
		"wide JSON":     post("application/json", "["+strings.Repeat("1,", 50000)+"1]"),
		"long keys":     post("application/json", `{"`+strings.Repeat("k", 30000)+`":[`+strings.Repeat("[1],", 10000)+"1]}"),
		"deep XML":      post("text/xml", strings.Repeat("<a>", 10000)),
		"many parts":    post("multipart/form-data; boundary=b", strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n", 2000)),
		"parameters":    post("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data"+strings.Repeat("; filename*0=x", 4000)+"\r\n\r\nx\r\n--b--"),
		"headers":       headers,
		"content types": types,
		"arguments":     post("application/x-www-form-urlencoded", strings.Join(args, "&")),
		"one argument":  post("application/x-www-form-urlencoded", "a="+strings.Repeat("ab1 ", 25000)),
		"invalid UTF-8": post("application/x-www-form-urlencoded", "a="+strings.Repeat("\xff\xc3", 10000)),
		"quotes":        post("application/x-www-form-urlencoded", "a="+strings.Repeat("'\"`;(", 1500)),
		"no slash":      {Method: "GET", URI: "a?b\x00c", Version: "x", Headers: []yagura.Header{{Name: "", Value: "x"}, {Name: "Cookie", Value: ";;=;\x01=\x7f"}}},
	}
}

// TestHostile: bounded results, and the answers of the plain twin.
func TestHostile(t *testing.T) {
	fast, _ := engines(t, 2, false)
	plain, _ := engines(t, 2, true)
	for name, r := range hostile() {
		got := fast.Inspect(r)
		if len(got.Matches) > maxMatches {
			t.Errorf("%s: %d matches", name, len(got.Matches))
		}
		for _, m := range got.Matches {
			if len(m.Targets) > maxTargets || len(m.Data) > maxValue {
				t.Errorf("%s: rule %d has %d targets and %d bytes of data", name, m.ID, len(m.Targets), len(m.Data))
			}
		}
		if name == "one argument" && (testing.Short() || sparse > 1) {
			continue // the plain twin takes its time
		}
		if diff := cmp.Diff(ours(plain, r), ours(fast, r)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestCut: a body that is longer than the limit is looked at up to it, and what is cut
// off is no error of the sender.
func TestCut(t *testing.T) {
	e, err := Compile(Options{BodyLimit: 1000, Blocking: true})
	if err != nil {
		t.Fatal(err)
	}
	r := injection()
	r.Body = []byte(`{"a":"` + strings.Repeat("x", 5000) + `"}`)
	r.URI, r.BodySize, r.Headers = "/", int64(len(r.Body)), []yagura.Header{
		{Name: "Host", Value: "h"}, {Name: "Content-Type", Value: "application/json"}, {Name: "User-Agent", Value: "x"}, {Name: "Accept", Value: "*/*"},
	}
	if got := e.Inspect(r); got.Blocked {
		t.Errorf("a cut body is blocked: %+v", got.Matches)
	}
	r.Body = r.Body[:900] // the caller cut it
	if got := e.Inspect(r); got.Blocked {
		t.Errorf("a body that the caller cut is blocked: %+v", got.Matches)
	}
	r.BodySize = 900
	if got := e.Inspect(r); !got.Blocked || got.Status != 400 {
		t.Errorf("broken JSON passes: %+v", got)
	}
}

// TestConcurrent: one engine, many requests at once, with the answers of one at a time.
func TestConcurrent(t *testing.T) {
	e, _ := engines(t, 4, false)
	list := regressions(t)[:400]
	want := make([]verdict, len(list))
	for i := range list {
		want[i] = ours(e, list[i].request)
	}
	fresh, _ := engines(t, 4, false)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range list {
				k := (i*7 + w*100) % len(list)
				if diff := cmp.Diff(want[k], ours(fresh, list[k].request)); diff != "" {
					t.Errorf("%s: %s", list[k].name, diff)
				}
			}
		})
	}
	wg.Wait()
}

// TestPanicIsContained: a failure within the evaluation is told, and the engine goes on.
func TestPanicIsContained(t *testing.T) {
	e, err := compileText("SecRule ARGS:a \"@streq x\" \"id:1,phase:2,pass,msg:'m'\"")
	if err != nil {
		t.Fatal(err)
	}
	rule := e.phases[phaseRequestBody-1][0]
	good := rule.op
	rule.op = predicate(func(string) bool { panic("out of ideas") })
	r := &yagura.Request{Method: "GET", URI: "/?a=x", Version: "HTTP/1.1"}
	if got := e.Inspect(r); got.Err == nil || !strings.Contains(got.Err.Error(), "out of ideas") {
		t.Errorf("the failure is not told: %+v", got)
	}
	rule.op = good
	if got := e.Inspect(r); got.Err != nil || len(got.Matches) != 1 {
		t.Errorf("the next request gives %+v", got)
	}
}

// FuzzSecLang: no text of rules makes the compiler panic or run away.
func FuzzSecLang(f *testing.F) {
	for _, s := range []string{
		"SecRule ARGS|!ARGS:a|&ARGS:/x|y/ \"!@rx a\" \"id:1,phase:2,deny,t:lowercase,chain\"\nSecRule TX:0 \"@eq %{tx.a}\" \"setvar:'tx.a=+%{ARGS.b}'\"",
		"SecAction \"id:1,ctl:ruleRemoveTargetById=1-9;ARGS:/a/\"", "SecMarker X\nSecRuleRemoveById 1-9", "SecDefaultAction \"phase:1,pass\"",
		"SecRuleUpdateTargetByTag a \"!ARGS:b\"", "Include *", "SecRule REQUEST_COOKIES:'/a\\/b/' \"@within %{tx.1}\" \"id:3\"", "\\\n\\", "SecRule XML:/* \"@pm a b\" \"id:4,multiMatch\"",
	} {
		f.Add(s)
	}
	request := injection()
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 400 {
			return
		}
		e, err := compileText(text)
		if err != nil {
			return
		}
		e.Inspect(request)
	})
}

// compileText compiles rules without CRS.
func compileText(text string) (*Engine, error) {
	return Compile(Options{FS: fstest.MapFS{"crs-setup.conf": {}, "rules/a.conf": {Data: []byte(text)}}})
}

// FuzzBody: every body and content type gives the plain twin's answer.
func FuzzBody(f *testing.F) {
	fast, _ := engines(f, 3, false)
	plain, _ := engines(f, 3, true)
	for _, r := range hostile() {
		if len(r.Headers) > 0 && len(r.Body) < 3000 {
			f.Add(r.Headers[0].Value, r.Body)
		}
	}
	f.Add("application/json", []byte(`{"a":["\u0027 or 1=1",{"b":null}]}`))
	f.Add("text/xml", []byte(`<a b="c">d</a>`))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=a; filename*=utf-8''x\r\n\r\ny\r\n--b--"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		r := &yagura.Request{
			Method: "POST", URI: "/", Version: "HTTP/1.1", Host: "h", Body: bytes.Clone(body), BodySize: int64(len(body)),
			Headers: []yagura.Header{{Name: "Content-Type", Value: kind}},
		}
		if diff := cmp.Diff(ours(plain, r), ours(fast, r)); diff != "" {
			t.Error(diff)
		}
	})
}
