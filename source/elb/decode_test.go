package elb

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/yaguratest"
)

// The real file is anonymised: addresses and accounts that are masked must
// survive as names.
func TestRealFile(t *testing.T) {
	dir := os.Getenv("YAGURA_SHARED_DATA")
	if dir == "" {
		t.Skip("YAGURA_SHARED_DATA is not set: no real load balancer log to read")
	}
	files, err := filepath.Glob(filepath.Join(dir, "waf-logs", "*_elasticloadbalancing_*.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no load balancer log in %s: %v", dir, err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if m := New().Match(filepath.Base(name), data); m != yagura.ByBoth {
			t.Errorf("Match = %d, want ByBoth", m)
		}
		r := yaguratest.Decode(New(), yagura.Input{Object: yagura.Object{Key: filepath.Base(name)}, Body: bytes.NewReader(data)}, 1<<20)
		// Its first line is a "#" that somebody put there.
		if want := bytes.Count(bytes.TrimSpace(data), []byte("\n")); len(r.Events) != want || len(r.Errors) != 1 || string(r.Errors[0].Raw) != "#" || r.End != nil {
			t.Fatalf("%d events of %d lines, errors %v, end %v", len(r.Events), want, r.Errors, r.End)
		}
		for i := range r.Events {
			ev := &r.Events[i]
			if ev.Src.IP != "" || ev.Src.Name != "x.0.0.0" || ev.Dst.Name != "X.X.X.X" || ev.Account != "XXXXXXXXXXXX" || ev.Region != "us-east-2" || ev.HTTP.Code != 400 || ev.HTTP.Method != http.MethodGet || ev.Action != "waf,forward" {
				t.Fatalf("event %d: %+v", i, ev)
			}
		}
	}
}

func TestRequest(t *testing.T) {
	for in, want := range map[string]ocsf.HTTP{
		"GET http://a.example:80/p?q=1?2 HTTP/1.1": {Method: "GET", Scheme: "http", Host: "a.example", Port: 80, Path: "/p", Query: "q=1?2", Version: "HTTP/1.1"},
		"GET https://[2001:db8::1]:443/ HTTP/1.1":  {Method: "GET", Scheme: "https", Host: "2001:db8::1", Port: 443, Path: "/", Version: "HTTP/1.1"},
		"- http://a.example:80- -":                 {Scheme: "http", Host: "a.example", Port: 80},
		"- - - ":                                   {},
		"GET http://a.example HTTP/1.1":            {Method: "GET", Scheme: "http", Host: "a.example", Version: "HTTP/1.1"},
		"GET http://a.example?x HTTP/1.1":          {Method: "GET", Scheme: "http", Host: "a.example", Query: "x", Version: "HTTP/1.1"},
		"GET /p q?r=http://x HTTP/1.1":             {Method: "GET", Path: "/p q", Query: "r=http://x", Version: "HTTP/1.1"},
		"GET http://a:99999999/ HTTP/1.1":          {Method: "GET", Scheme: "http", Host: "a:99999999", Path: "/", Version: "HTTP/1.1"},
		"PRI * HTTP/2.0":                           {Method: "PRI", Path: "*", Version: "HTTP/2.0"},
	} {
		var ev ocsf.Event
		if err := request(nil, &ev, in); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, ev.HTTP); d != "" {
			t.Errorf("%s: %s", in, d)
		}
	}
}

func TestSplit(t *testing.T) {
	for in, want := range map[string][]string{
		`a "b c" d`:                {"a", "b c", "d"},
		`a  "" "-"`:                {"a", "", "-"},
		`"a \"b\" c" d`:            {`a "b" c`, "d"},
		`"a "b" c" d`:              {`a "b`, "c\"", "d"}, // a quote before a space ends the field
		`"a"b c" d`:                {`a"b c`, "d"},
		`"\x22\x5Cz\x41" e`:        {`"\z\x41`, "e"},
		`"ends with backslash\" -`: {`ends with backslash\`, "-"},
		`"h2","http/1.1" x`:        {`h2","http/1.1`, "x"},
	} {
		got, ok := split(nil, in)
		if d := cmp.Diff(want, got); d != "" || !ok {
			t.Errorf("%s: ok %v, %s", in, ok, d)
		}
	}
	for _, in := range []string{`"open`, `a "b c`, `"`} {
		if got, ok := split(nil, in); ok {
			t.Errorf("%s: %q, want not ok", in, got)
		}
	}
}

var (
	word  = `(?:"(?:[^"\\]|\\.)*"|[^" ][^ ]*)`
	whole = regexp.MustCompile(`(?s)^ *` + word + `(?: +` + word + `)* *$`)
	one   = regexp.MustCompile(`(?s)` + word)
)

// The fast splitter against a regular expression, on every line that the
// expression takes.
func FuzzSplit(f *testing.F) {
	f.Add(`http 2026 "GET / HTTP/1.1" "a \"b\" \\ c" - "-"`)
	f.Add(`"\x22" "" x"y`)
	f.Fuzz(func(t *testing.T, line string) {
		if !whole.MatchString(line) {
			return
		}
		want := one.FindAllString(line, -1)
		if len(want) >= maxWords {
			return
		}
		for i, w := range want {
			if w[0] == '"' {
				want[i] = escapes.Replace(w[1 : len(w)-1])
			}
		}
		got, ok := split(nil, line)
		if d := cmp.Diff(want, got); d != "" || !ok {
			t.Errorf("%q: ok %v, %s", line, ok, d)
		}
	})
}

func BenchmarkALB(b *testing.B) {
	data, err := os.ReadFile("testdata/alb.log")
	if err != nil {
		b.Fatal(err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	const n = 5000
	in := bytes.Repeat(append(line, '\n'), n)
	key := yagura.Object{Key: "AWSLogs/111122223333/elasticloadbalancing/eu-west-1/2026/01/02/x.log.gz"}
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	var ev ocsf.Event
	for b.Loop() {
		d, err := New().Open(yagura.Input{Object: key, Body: bytes.NewReader(in)})
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
