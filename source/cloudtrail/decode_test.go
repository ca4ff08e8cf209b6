package cloudtrail

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// agree compares the decoder with its twin on one record.
func agree(t *testing.T, raw string) {
	t.Helper()
	var d decoder
	var got ocsf.Event
	reason := d.decode(raw, &got, false)
	want, ok := twin(raw)
	if (reason == "") != ok {
		t.Fatalf("%q: decoder says %q, encoding/json ok=%v", raw, reason, ok)
	}
	if !ok {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s\n(-encoding/json +decoder):\n%s", raw, diff)
	}
}

// ours gives every record of the fixtures.
func ours(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.json*")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, p := range paths {
		if strings.HasSuffix(p, ".golden") || strings.HasSuffix(p, ".key") {
			continue
		}
		f, err := os.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var body io.Reader = f
		if strings.HasSuffix(p, ".gz") {
			if body, err = gzip.NewReader(f); err != nil {
				t.Fatal(err)
			}
		}
		rs := jsonscan.NewRecords(body, 0, arrays...)
		for {
			rec, err := rs.Next()
			if err == io.EOF {
				break
			}
			if err == nil {
				list = append(list, rec.Text())
			}
		}
	}
	return list
}

func TestDecoderAgreesWithItsTwin(t *testing.T) {
	list := ours(t)
	if len(list) < 50 {
		t.Fatalf("only %d records", len(list))
	}
	for _, raw := range list {
		agree(t, raw)
	}
}

func FuzzDecoderAgreesWithItsTwin(f *testing.F) {
	for _, raw := range ours(f) {
		f.Add(raw)
	}
	for _, odd := range []string{
		`{"eventTime":"2026-02-29T00:00:00Z","eventName":"X"}`, `{"eventTime":"2024-02-29T23:59:59Z","eventName":"X"}`, `{"eventTime":"2024-02-29T23:59:60Z","eventName":"X"}`,
		`{"eventTime":"20260304T050607Z","eventName":"A","eventName":null}`, `{"eventTime":"2026-03-04T05:06:07Z","eventName":"A","eventName":"ConsoleLogin","eventSource":"signin.amazonaws.com","responseElements":{"ConsoleLogin":"Success","ConsoleLogin":1}}`,
		`{"eventTime":"2026-03-04T05:06:07Z","eventName":"A","userIdentity":{"arn":"a","sessionContext":{"attributes":{"creationDate":"20260304T050607+0900"},"attributes":{"mfaAuthenticated":"true"}}},"userIdentity":{"type":"FederatedUser","principalId":"1:2:3"}}`,
		`{"eventTime":"2026-03-04T05:06:07Z","eventName":"A","sourceIPAddress":"fe80::1%eth0","resources":[{"arn":"a","ARN":"B"},1,{"ARNPrefix":"c"}]}`,
		`{"eventTime":"2026-03-04T05:06:07Z","eventName":"A","eventSource":"iam.amazonaws.com","requestParameters":{"policyArn":"p","roleName":"r","roleName":7}}`,
		`{"eventTime":"2026-03-04T05:06:07Z","insightDetails":{"state":"Start","insightType":"x","eventName":"y"}}`, `{"eventVersion":"1.99","eventTime":"2026-03-04T05:06:07Z","insightDetails":3,"userIdentity":[]}`,
	} {
		f.Add(odd)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if strings.Count(raw, "{")+strings.Count(raw, "[") > jsonscan.MaxDepth || strings.TrimLeft(raw, " \t\r\n") != raw || strings.TrimRight(raw, " \t\r\n") != raw {
			t.Skip("may be nested too deeply, or is not what the splitter gives")
		}
		agree(t, raw)
	})
}

// realSet opens the public set of genuine records, file by file.
func realSet(t testing.TB) []string {
	t.Helper()
	dir := os.Getenv("YAGURA_SHARED_DATA")
	if dir == "" {
		t.Skip("YAGURA_SHARED_DATA is not set: the genuine records are not here")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "cloudtrail-real", "CloudTrail", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestGenuineRecords(t *testing.T) {
	paths := realSet(t)
	events, notAddresses := 0, 0
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if m := New().Match(p, b[:min(len(b), 64<<10)]); m != yagura.ByBoth {
			t.Errorf("%s: Match = %d", p, m)
		}
		var whole struct{ Records []json.RawMessage }
		if err := json.Unmarshal(b, &whole); err != nil {
			t.Fatal(err)
		}
		d, err := New().Open(yagura.Input{Body: bytes.NewReader(b)})
		if err != nil {
			t.Fatal(err)
		}
		for i, raw := range whole.Records {
			var ev ocsf.Event
			if err := d.Next(&ev); err != nil {
				t.Fatalf("%s: %v", p, err)
			}
			want, ok := twin(string(raw))
			want.Provenance.Record = int64(i)
			if !ok {
				t.Fatalf("%s: the twin refuses record %d", p, i)
			}
			if diff := cmp.Diff(want, ev); diff != "" {
				t.Errorf("%s record %d (-encoding/json +decoder):\n%s", p, i, diff)
			}
			events++
			if ev.Src.Name != "" {
				notAddresses++
			}
		}
		var ev ocsf.Event
		if err := d.Next(&ev); err != io.EOF {
			t.Errorf("%s ends with %v", p, err)
		}
	}
	if len(paths) != 55 || events != 2900 || notAddresses != 353 {
		t.Errorf("%d files, %d events, %d sources that are no address; want 55, 2900, 353", len(paths), events, notAddresses)
	}
}

func TestPlainInstantKnowsTheCalendar(t *testing.T) {
	for at := time.Date(1970, 1, 1, 12, 34, 56, 0, time.UTC); at.Year() < 2110; at = at.AddDate(0, 0, 1) {
		got, ok := plainInstant(at.Format("2006-01-02T15:04:05Z"))
		if !ok || got != at.UnixMicro() {
			t.Fatalf("%v: %d, %v", at, got, ok)
		}
	}
}

func TestActivityFollowsTheVerb(t *testing.T) {
	for op, want := range map[string]int64{
		"RunInstances": ocsf.APICreate, "PutObject": ocsf.APICreate, "GetObject": ocsf.APIRead, "ListFunctions20150331": ocsf.APIRead,
		"BatchGetItem": ocsf.APIRead, "BatchWriteItem": ocsf.APIUpdate, "ModifyDBInstance": ocsf.APIUpdate, "StopLogging": ocsf.APIUpdate,
		"TerminateInstances": ocsf.APIDelete, "Decrypt": ocsf.ActivityOther, "AssumeRole": ocsf.ActivityOther, "Getaway": ocsf.ActivityOther,
		"Batch": ocsf.ActivityOther, "": ocsf.ActivityOther,
	} {
		if got := activity(op); got != want {
			t.Errorf("activity(%q) = %d, want %d", op, got, want)
		}
	}
}

func TestMatch(t *testing.T) {
	record := `{"eventVersion":"1.08","userIdentity":{"type":"IAMUser"},"eventTime":"2026-03-04T05:06:07Z","eventSource":"s3.amazonaws.com","eventName":"PutObject","responseElements":{"message":"done"}`
	for _, c := range []struct {
		name, key, head string
		want            yagura.Match
	}{
		{"a record that has a message", "", record + "}", yagura.ByContent},
		{"a first record longer than the head", "", `{"Records":[` + record + `,"requestParameters":{"x":"` + strings.Repeat("y", 64<<10), yagura.ByContent},
		{"byte order mark and space", "", "\xef\xbb\xbf\n" + record + "}", yagura.ByContent},
		{"a renamed file under a foreign key", "AWSLogs/640518232997/WAFLogs/x.json.gz", record + "}", yagura.ByContent},
		{"an organisation's trail", "logs/AWSLogs/o-4k7xq2m9zt/640518232997/CloudTrail/us-east-1/2026/03/04/a.json.gz", "", yagura.ByKey},
		{"no records yet", "AWSLogs/640518232997/CloudTrail/us-east-1/2026/03/04/a.json.gz", `{"Records":[]}`, yagura.ByKey},
		{"a digest", "AWSLogs/640518232997/CloudTrail-Digest/us-east-1/2026/03/04/a.json.gz", "", yagura.NoMatch},
		{"nothing", "", "", yagura.NoMatch},
		{"text", "", "2 640518232997 eni-0b1 eventVersion eventTime", yagura.NoMatch},
	} {
		if got := New().Match(c.key, []byte(c.head)); got != c.want {
			t.Errorf("%s: Match = %d, want %d", c.name, got, c.want)
		}
	}
}

func TestAnEmptyFileIsNotAnError(t *testing.T) {
	d, err := New().Open(yagura.Input{Body: strings.NewReader(`{"Records":[]}`)})
	if err != nil {
		t.Fatal(err)
	}
	var ev ocsf.Event
	if err := d.Next(&ev); err != io.EOF {
		t.Errorf("got %v", err)
	}
}

func BenchmarkDecode(b *testing.B) {
	body := benchBody(b)
	var n, allBytes int64
	for b.Loop() {
		d, err := New().Open(yagura.Input{Body: bytes.NewReader(body)})
		if err != nil {
			b.Fatal(err)
		}
		var ev ocsf.Event
		for d.Next(&ev) == nil {
			n++
		}
		allBytes += int64(len(body))
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(allBytes)/1e6/b.Elapsed().Seconds(), "MB/s")
	b.ReportMetric(float64(allBytes)/float64(n), "B/event")
	b.ReportAllocs()
}

// benchBody is one file of many records: genuine ones if they are here.
func benchBody(b *testing.B) []byte {
	b.Helper()
	var list []string
	if os.Getenv("YAGURA_SHARED_DATA") == "" {
		for len(list) < 3000 {
			list = append(list, ours(b)...)
		}
	} else {
		for _, p := range realSet(b) {
			text, err := os.ReadFile(p)
			if err != nil {
				b.Fatal(err)
			}
			rs := jsonscan.NewRecords(bytes.NewReader(text), 0, arrays...)
			for {
				rec, err := rs.Next()
				if err != nil {
					break
				}
				list = append(list, rec.Text())
			}
		}
	}
	return []byte(`{"Records":[` + strings.Join(list, ",") + `]}`)
}
