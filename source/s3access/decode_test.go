package s3access

import (
	"bytes"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

// twin reads a well-formed line: no quotes inside quotes.
var twin = regexp.MustCompile(`^([^ ]+) ([^ ]+) \[([^\]]*)\] ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) "([^"]*)" (-|\d{3}) ([^ ]+) (-|\d+) (-|\d+) (-|\d+) (-|\d+) "([^"]*)" "([^"]*)"` +
	strings.Repeat(`(?: ([^ "]+))?`, fieldCount-fieldVersionID) + `$`)

func FuzzTwin(f *testing.F) {
	for _, name := range []string{"testdata/partitioned.log", "testdata/flat.log"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for l := range strings.Lines(string(data)) {
			f.Add(strings.TrimRight(l, "\r\n"))
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		m := twin.FindStringSubmatch(line)
		if m == nil || m[fieldReferrer+1] == "" && m[fieldAgent+1] == "" {
			return
		}
		for _, i := range []int{fieldSent, fieldSize, fieldTotal, fieldTurn} {
			if len(m[i+1]) > 18 {
				return // over an int64 it is no number
			}
		}
		var r record
		err := r.cut(line)
		if err != nil && strings.Contains(err.Error(), "third field") {
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if d := cmp.Diff(m[1:], r.fields[:]); d != "" {
			t.Errorf("%q: %s", line, d)
		}
	})
}

func TestQuotesInside(t *testing.T) {
	const front = `o b [06/Feb/2019:00:00:38 +0000] 192.0.2.3 r id REST.GET.OBJECT k `
	for _, c := range []struct{ in, request, referrer, agent string }{
		{`"GET /k HTTP/1.1" 200 - 1 - 7 6 "-" "plain" - h`, "GET /k HTTP/1.1", "-", "plain"},
		{`"GET /k HTTP/1.1" 200 - 1 - 7 6 "-" "a "b" c" - h`, "GET /k HTTP/1.1", "-", `a "b" c`},
		{`"GET /k HTTP/1.1" 200 - 1 - 7 6 "-" "" 404 - 1 1 1 1 "x" - h`, "GET /k HTTP/1.1", "-", `" 404 - 1 1 1 1 "x`},
		{`"GET /" 200 - 1 1 1 1 "k HTTP/1.1" 404 - 1 - 7 6 "-" "x" - h`, `GET /" 200 - 1 1 1 1 "k HTTP/1.1`, "-", "x"},
		{`"GET /k" 404 - 1 - 7 6 "-" "x" - h`, "GET /k", "-", "x"},
		{`"GET /k HTTP/1.1" 200 - 1 - 7 6 "http://r" - - h`, "GET /k HTTP/1.1", "http://r", "-"},
		{`"GET /k HTTP/1.1" 200 - 1 - 7 6 - "x" - h`, "GET /k HTTP/1.1", "-", "x"},
		{`- 200 - 1 - 7 6 - - - h`, "-", "-", "-"},
	} {
		var r record
		if err := r.cut(front + c.in); err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		got := [4]string{r.fields[fieldRequest], r.fields[fieldReferrer], r.fields[fieldAgent], r.fields[fieldHostID]}
		if d := cmp.Diff([4]string{c.request, c.referrer, c.agent, "h"}, got); d != "" {
			t.Errorf("%s: %s", c.in, d)
		}
	}
}

func TestActivity(t *testing.T) {
	for op, want := range map[string]int64{
		"REST.GET.OBJECT": ocsf.APIRead, "REST.HEAD.OBJECT": ocsf.APIRead, "REST.OPTIONS.PREFLIGHT": ocsf.APIRead, "WEBSITE.GET.OBJECT": ocsf.APIRead,
		"REST.PUT.OBJECT": ocsf.APICreate, "REST.PUT.PART": ocsf.APICreate, "REST.POST.UPLOADS": ocsf.APICreate, "REST.COPY.OBJECT": ocsf.APICreate,
		"REST.COPY.OBJECT_GET": ocsf.APIRead, "REST.PUT.ACL": ocsf.APIUpdate, "REST.PUT.BUCKETPOLICY": ocsf.APIUpdate,
		"REST.DELETE.OBJECT": ocsf.APIDelete, "REST.POST.MULTI_OBJECT_DELETE": ocsf.APIDelete, "BATCH.DELETE.OBJECT": ocsf.APIDelete,
		"S3.EXPIRE.OBJECT": ocsf.APIDelete, "S3.CREATE.DELETEMARKER": ocsf.APIDelete, "S3.TRANSITION.OBJECT": ocsf.APIUpdate,
		"S3.TRANSITION_GDA.OBJECT": ocsf.APIUpdate, "SOAP.LISTBUCKETS": ocsf.ActivityOther, "": ocsf.ActivityOther,
	} {
		if got := activity(op); got != want {
			t.Errorf("%s is activity %d, want %d", op, got, want)
		}
	}
}

func TestKeysAndHosts(t *testing.T) {
	for in, want := range map[string]string{
		"a%252520b": "a%20b", "a%2520b": "a b", "a%20b": "a b", "plain": "plain", "bad%zz": "bad%zz", "%25ff": "\xff", "100%25": "100%",
	} {
		if got := decodeKey(in); got != want {
			t.Errorf("decodeKey(%s) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"b.s3.eu-west-1.amazonaws.com": "eu-west-1", "s3-eu-west-1.amazonaws.com": "eu-west-1", "b.s3.dualstack.us-gov-west-1.amazonaws.com": "us-gov-west-1",
		"b.s3.amazonaws.com": "", "b.s3.cn-north-1.amazonaws.com.cn": "cn-north-1", "s3.my-own-host.example": "", "my.s3.bucket-of-mine-x.s3.us-east-1.amazonaws.com": "us-east-1",
	} {
		if got := endpointRegion(in); got != want {
			t.Errorf("endpointRegion(%s) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string][2]string{
		"p/111122223333/eu-west-1/b/2026/01/02/2026-01-02-01-15-22-0A1B2C3D4E5F6071":     {"111122223333", "eu-west-1"},
		"prefix111122223333/eu-west-1/b/2026/01/02/2026-01-02-01-15-22-0A1B2C3D4E5F6071": {"111122223333", "eu-west-1"},
		"p/2026-01-02-01-15-22-0A1B2C3D4E5F6071":                                         {"", ""},
		"a/b/c/d/e/f/2026-01-02-01-15-22-0A1B2C3D4E5F6071":                               {"", ""},
		"p/111122223333/eu-west-1/b/2026/01/02/not-a-log":                                {"", ""},
	} {
		account, region := owner(in)
		if account != want[0] || region != want[1] {
			t.Errorf("owner(%s) = %s, %s", in, account, region)
		}
	}
}

func BenchmarkS3(b *testing.B) {
	data, err := os.ReadFile("testdata/partitioned.log")
	if err != nil {
		b.Fatal(err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	const n = 5000
	in := bytes.Repeat(append(line, '\n'), n)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	var ev ocsf.Event
	for b.Loop() {
		d, err := New().Open(yagura.Input{Body: bytes.NewReader(in)})
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			err = d.Next(&ev)
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "events/s")
}
