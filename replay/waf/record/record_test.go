package record_test

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/replay/waf/record"
)

const wafLine = `{"timestamp":1700000001000,"formatVersion":1,"webaclId":"arn:aws:wafv2:us-east-1:111122223333:regional/webacl/shop/1","terminatingRuleId":"common","terminatingRuleType":"MANAGED_RULE_GROUP","action":"CAPTCHA",
"ruleGroupList":[{"ruleGroupId":"AWS#G","terminatingRule":{"ruleId":"R1","action":"CAPTCHA","ruleMatchDetails":[{"conditionType":"XSS","location":"HEADER","matchedFieldName":"User-Agent","matchedData":["x"]}]},"nonTerminatingMatchingRules":[{"ruleId":"R0","action":"COUNT"}],"excludedRules":[{"exclusionType":"EXCLUDED_AS_COUNT","ruleId":"RX"}]}],
"nonTerminatingMatchingRules":[{"ruleId":"own","action":"COUNT"},{"ruleId":"own","action":"COUNT"}],"responseCodeSent":405,"captchaResponse":{"responseCode":405,"solveTimestamp":12,"failureReason":"TOKEN_EXPIRED"},
"httpRequest":{"clientIp":"2001:db8::1","country":"JP","headers":[{"name":"Host","value":"h.example"},{"name":"Cookie","value":"REDACTED"},{"name":"X","value":"1"},{"name":"x","value":"2"}],"uri":"/a%20b","args":"REDACTED","httpVersion":"HTTP/2.0","httpMethod":"POST","requestId":"id1","fragment":"f","scheme":"https"},
"ja3Fingerprint":"j3","clientAsn":64500,"requestBodySize":10}`

// all copies every record of a file.
func all(t testing.TB, name, text string, fields ...string) ([]record.Record, record.Counts) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out []record.Record
	f := &record.Files{Fields: fields}
	err := f.Read(context.Background(), []string{path}, func(r *record.Record) error {
		one := *r
		one.Headers, one.Raw, one.File = append([]yagura.Header(nil), r.Headers...), "", ""
		out = append(out, one)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, f.Counts
}

var byText = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func want(t *testing.T, name, text string, w record.Record, fields ...string) {
	t.Helper()
	got, n := all(t, name, text, fields...)
	if len(got) != 1 || n.Refused != 0 || n.Damaged != 0 {
		t.Fatalf("%s: %d records, %+v", name, len(got), n)
	}
	w.Line = got[0].Line
	if diff := cmp.Diff(w, got[0], byText); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestWAF(t *testing.T) {
	want(t, "waf", wafLine, record.Record{
		Request: yagura.Request{
			ID: "id1", Time: 1700000001000000, Method: "POST", URI: "/a%20b?REDACTED", Version: "HTTP/2.0", Scheme: "https", Host: "h.example",
			Headers:  []yagura.Header{{Name: "Host", Value: "h.example"}, {Name: "Cookie", Value: "REDACTED"}, {Name: "X", Value: "1"}, {Name: "x", Value: "2"}},
			BodySize: 10, Client: netip.MustParseAddr("2001:db8::1"), Country: "JP", ASN: 64500, JA3: "j3", Fragment: "f",
			Missing: yagura.PartBody | yagura.PartOrder, Redacted: []string{"header:cookie", "query"},
		},
		Kind: "waf", ACL: "arn:aws:wafv2:us-east-1:111122223333:regional/webacl/shop/1", Action: yagura.Captcha, Rule: "common", Group: "AWS#G", Inner: "R1",
		RuleType: "MANAGED_RULE_GROUP", Status: 405, Token: record.Token{Failure: "TOKEN_EXPIRED", Captcha: 12_000_000},
	})
	got := record.Matches(wafLine)
	if diff := cmp.Diff([]record.Match{
		{Group: "AWS#G", Rule: "R1", Action: "CAPTCHA", Location: "HEADER", Field: "user-agent"}, {Group: "AWS#G", Rule: "R0", Action: "COUNT"},
		{Group: "AWS#G", Rule: "RX", Action: "EXCLUDED_AS_COUNT"}, {Rule: "own", Action: "COUNT"},
	}, got); diff != "" {
		t.Error(diff)
	}
}

// TestBodyKnownEmpty says when a request has no body although none is logged.
func TestBodyKnownEmpty(t *testing.T) {
	for _, c := range []struct {
		method, version, header string
		want                    int64
	}{
		{"GET", "HTTP/1.1", "", 0}, {"POST", "HTTP/1.1", "", 0}, {"POST", "HTTP/1.1", "Content-Length", -1}, {"POST", "HTTP/1.1", "Transfer-Encoding", -1},
		{"GET", "HTTP/2.0", "", 0}, {"POST", "HTTP/2.0", "", -1}, {"GET", "HTTP/1.1", "content-length", -1},
	} {
		headers := ""
		if c.header != "" {
			headers = `{"name":"` + c.header + `","value":"5"}`
		}
		got, _ := all(t, "waf", `{"timestamp":1,"webaclId":"a","action":"ALLOW","httpRequest":{"clientIp":"X.X.X.X","country":"-","headers":[`+headers+`],"uri":"/","httpVersion":"`+c.version+`","httpMethod":"`+c.method+`"}}`)
		if len(got) != 1 || got[0].BodySize != c.want || got[0].Missing&(yagura.PartClient|yagura.PartCountry) != yagura.PartClient|yagura.PartCountry {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

func TestBalancer(t *testing.T) {
	line := `https 2026-10-01T10:00:00.000000Z app/web/1 192.0.2.7:5000 10.0.0.1:80 0.001 0.1 0.0 200 200 152 139 "POST https://shop.example:443/a?b=c HTTP/2.0" "Mozilla/5.0" - - arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/w/1 "Root=1-5" "-" "-" 0 2026-10-01T10:00:00.000000Z "ACTIONS" "-" "-" more and more` + "\n"
	w := record.Record{
		Request: yagura.Request{
			ID: "Root=1-5", Time: 1790848800000000, Method: "POST", URI: "/a?b=c", Version: "HTTP/2.0", Scheme: "https", Host: "shop.example", BodySize: -1,
			Headers: []yagura.Header{{Name: "Host", Value: "shop.example"}, {Name: "User-Agent", Value: "Mozilla/5.0"}}, Client: netip.MustParseAddr("192.0.2.7"),
			Missing: yagura.PartHeaders | yagura.PartBody | yagura.PartCountry | yagura.PartFingerprint | yagura.PartOrder,
		},
		Kind: "alb", Action: yagura.Allow, Status: 200,
	}
	want(t, "alb", strings.Replace(line, "ACTIONS", "waf,forward", 1), w)
	if !w.Succeeded() || w.Trace() != "1-5" {
		t.Error("not a success")
	}
	w.Action, w.Status = yagura.Block, 403
	want(t, "alb", strings.Replace(strings.Replace(line, "ACTIONS", "waf", 1), " 200 200 ", " 403 - ", 1), w)
}

func TestCloudFront(t *testing.T) {
	missing := yagura.PartHeaders | yagura.PartBody | yagura.PartCountry | yagura.PartFingerprint | yagura.PartOrder
	w := record.Record{
		Request: yagura.Request{
			ID: "rid==", Time: 1790848800000000, Method: "POST", URI: "/a%20b?q=%27", Version: "HTTP/2.0", Scheme: "https", Host: "www.example", BodySize: -1, Client: netip.MustParseAddr("192.0.2.7"),
			Headers: []yagura.Header{{Name: "User-Agent", Value: "Mozilla/5.0 (X11)"}, {Name: "Cookie", Value: "a=1; b=2"}, {Name: "Host", Value: "www.example"}}, Missing: missing,
		},
		Kind: "cloudfront", Action: yagura.Allow, Status: 200,
	}
	legacy := "2026-10-01\t10:00:00\tFRA6\t1\t192.0.2.7\tPOST\td1.cloudfront.net\t/a%2520b\t200\t-\tMozilla/5.0%2520(X11)\tq=%2527\ta=1;%2520b=2\tHit\trid==\twww.example\thttps\t1\t0.1\t-\tTLSv1.3\tx\tHit\tHTTP/2.0\t-\t-\n"
	want(t, "headerless", legacy, w)
	want(t, "standard", "#Version: 1.0\n#Fields: "+strings.ReplaceAll(record.Legacy, " ", " ")+"\n"+legacy, w)
	w.Headers = []yagura.Header{{Name: "User-Agent", Value: "Mozilla/5.0 (X11)"}, {Name: "Host", Value: "www.example"}}
	want(t, "json", `{"date":"2026-10-01","time":"10:00:00","c-ip":"192.0.2.7","cs-method":"POST","x-host-header":"www.example","cs-uri-stem":"/a%2520b","cs-uri-query":"q=%2527","sc-status":"200","cs(User-Agent)":"Mozilla/5.0%20(X11)","x-edge-request-id":"rid==","cs-protocol":"https","cs-protocol-version":"HTTP/2.0","new":{"x":1}}`, w)
	w.Headers = []yagura.Header{{Name: "Host", Value: "www.example"}, {Name: "X-A", Value: "1"}}
	w.Missing, w.Country, w.URI = missing&^yagura.PartHeaders&^yagura.PartCountry, "JP", "/a?b=c"
	want(t, "realtime", "1790848800.0\t192.0.2.7\t200\tPOST\thttps\twww.example\t/a?b=c\trid==\tHTTP/2.0\tb=c\tJP\tHost:www.example%0AX-A:1%0A\t2\n", w,
		"timestamp", "c-ip", "sc-status", "cs-method", "cs-protocol", "cs-host", "cs-uri-stem", "x-edge-request-id", "cs-protocol-version", "cs-uri-query", "c-country", "cs-headers", "cs-headers-count")
}

func TestHAR(t *testing.T) {
	got, n := all(t, "har", `{"log":{"creator":{"name":"x"},"entries":[
{"startedDateTime":"2026-10-01T10:00:00Z","request":{"method":"POST","url":"https://h.example/a?b#c","httpVersion":"h2","headers":[{"name":":path","value":"/"},{"name":"X","value":"1"}],"bodySize":3,"postData":{"text":"YWJj","encoding":"base64"}},"response":{"status":200}},
{"startedDateTime":"2026-10-01T10:00:01Z","request":{"method":"POST","url":"https://h.example","headers":[],"bodySize":9}},
{"startedDateTime":7},{"request":null}]}}`)
	if len(got) != 2 || n.Refused != 2 || n.Damaged != 0 {
		t.Fatalf("%+v %+v", got, n)
	}
	if a := got[0]; a.URI != "/a?b" || string(a.Body) != "abc" || a.Version != "HTTP/2.0" || len(a.Headers) != 2 || a.Missing&yagura.PartBody != 0 || a.Action != yagura.Allow {
		t.Errorf("%+v", a)
	}
	if a := got[1]; a.URI != "/" || a.Missing&yagura.PartBody == 0 || a.BodySize != 9 || a.Action != yagura.Undecided {
		t.Errorf("%+v", a)
	}
}

// TestDamage goes on behind what cannot be read, and counts it.
func TestDamage(t *testing.T) {
	whole := strings.ReplaceAll(wafLine, "\n", "") + "\n"
	got, n := all(t, "waf", whole+`{"timestamp":"x","webaclId":7}`+"\n"+whole+`{"webaclId":"a","broken`+"\n"+whole)
	if len(got) != 3 || n.Refused != 2 || n.WAF != 3 {
		t.Errorf("%d records, %+v", len(got), n)
	}
	if _, n := all(t, "txt", "hello\nworld\n"); n.Other != 1 || n.Files != 0 {
		t.Errorf("%+v", n)
	}
	if _, n := all(t, "empty", ""); n.Other != 1 {
		t.Errorf("%+v", n)
	}
}

// TestReal reads published logs to their end.
func TestReal(t *testing.T) {
	shared := os.Getenv("YAGURA_SHARED_DATA")
	if shared == "" {
		t.Skip("YAGURA_SHARED_DATA is not set")
	}
	f := &record.Files{}
	masked := 0
	err := f.Read(t.Context(), []string{filepath.Join(shared, "waf-logs")}, func(r *record.Record) error {
		if r.Missing&yagura.PartClient != 0 {
			masked++
		}
		if r.Time == 0 || r.URI == "" || r.Method == "" {
			t.Errorf("%s:%d: %+v", r.File, r.Line, r.Request)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// The first line of the load balancer's file is a lone #.
	if diff := cmp.Diff(record.Counts{Files: 4, Other: 2, Records: 29429, Refused: 1, WAF: 228, ALB: f.Counts.ALB, CloudFront: 29201 - f.Counts.ALB}, f.Counts); diff != "" {
		t.Error(diff)
	}
	if masked == 0 || f.Counts.ALB == 0 {
		t.Errorf("%d masked, %d of load balancers", masked, f.Counts.ALB)
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte(wafLine))
	f.Add([]byte("#Fields: date time c-ip cs-method cs-uri-stem\n2026-10-01\t10:00:00\t1.2.3.4\tGET\t/%\n"))
	f.Add([]byte("1790848800.1\t192.0.2.1\t200\tGET\t/admin\n"))
	f.Add([]byte(`{"log":{"creator":{},"entries":[{"startedDateTime":"2026-10-01T10:00:00Z","request":{"method":"G","url":"a://b","headers":[]}}]}}`))
	f.Add([]byte(`{"date":"2026-10-01","time":"10:00:00","cs-method":"GET","cs-headers":"a:b%0A"}`))
	f.Add([]byte(`http 2023-04-24T21:28:01.047920Z app/w/X x.0.0.0:50337 X.X.X.X:80 0.001 0.113 0.000 400 400 152 13911 "GET http://w:80/ HTTP/1.1" "A" - - arn "Root=X" "-" "-" 0 2023-04-24T21:28:00.933000Z "waf,forward" "-" "-"` + "\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		files := &record.Files{}
		n := int64(0)
		_ = files.Stream(t.Context(), yagura.Object{Key: "x"}, bytes.NewReader(raw), raw, func(r *record.Record) error {
			n++
			if r.Time <= 0 && r.Kind != "har" && r.Kind != "alb" {
				t.Errorf("a record without a time: %+v", r.Request)
			}
			if r.Missing&yagura.PartClient == 0 != r.Client.IsValid() {
				t.Errorf("the client is %v and missing is %b", r.Client, r.Missing)
			}
			record.Matches(r.Raw)
			return nil
		})
		if n != files.Counts.Records {
			t.Errorf("%d records, counted %+v", n, files.Counts)
		}
	})
}
