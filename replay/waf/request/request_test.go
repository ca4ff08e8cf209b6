package request_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/replay/waf/request"
)

// short writes a request so that tests can be read.
func short(r *yagura.Request) string {
	var b strings.Builder
	b.WriteString(r.Method + " " + r.URI + " " + r.Version)
	for _, h := range r.Headers {
		b.WriteString("|" + h.Name + ": " + h.Value)
	}
	return b.String() + "||" + string(r.Body)
}

func TestCurl(t *testing.T) {
	const head = "|Host: h.example|User-Agent: curl/8.0|Accept: */*"
	for command, want := range map[string]string{
		`curl h.example`:                                         "GET / HTTP/1.1" + head + "||",
		`curl 'https://h.example/a?b=%27#c' -sk`:                 "GET /a?b=%27 HTTP/1.1" + head + "||",
		`curl -s -k "https://h.example/a?b=%27#c"`:               "GET /a?b=%27 HTTP/1.1" + head + "||",
		`curl h.example -d a=1 -d 'b=2 3'`:                       "POST / HTTP/1.1" + head + "|Content-Type: application/x-www-form-urlencoded|Content-Length: 9||a=1&b=2 3",
		`curl -G h.example/x -d a=1`:                             "GET /x?a=1 HTTP/1.1" + head + "||",
		`curl -XPUT h.example --data-raw $'a\'b\n' -H X:1`:       "PUT / HTTP/1.1" + head + "|X: 1|Content-Type: application/x-www-form-urlencoded|Content-Length: 4||a'b\n",
		"curl h.example \\\n -H 'User-Agent: x' -H 'host: z'":    "GET / HTTP/1.1|Accept: */*|User-Agent: x|host: z||",
		`curl --json '{"a":1}' --http2 h.example`:                `POST / HTTP/2.0|Host: h.example|User-Agent: curl/8.0|Content-Type: application/json|Accept: application/json|Content-Length: 7||{"a":1}`,
		`curl -u a:b h.example -I`:                               "HEAD / HTTP/1.1" + head + "|Authorization: Basic YTpi||",
		`curl h.example -d @/etc/passwd`:                         "error",
		`curl h.example -F f=@/etc/passwd`:                       "error",
		`curl h.example --next b.example`:                        "error",
		`curl 'h.example`:                                        "error",
		`curl -H`:                                                "error",
		`curl -X GET`:                                            "error",
		`curl --request=POST --data-urlencode 'q=a b' h.example`: "POST / HTTP/1.1" + head + "|Content-Type: application/x-www-form-urlencoded|Content-Length: 5||q=a+b",
	} {
		r, err := request.Curl(command)
		got := "error"
		if err == nil {
			got = short(r)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (%v):\n%s", command, err, diff)
		}
	}
}

func TestRaw(t *testing.T) {
	for raw, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: h\r\nX:  a \r\n\r\nbody\r\n": "GET / HTTP/1.1|Host: h|X: a||body\r\n",
		"POST /a b HTTP/1.0\nA: 1\n more\nbroken\n\n":         "POST /a b HTTP/1.0|A: 1 more|broken: ||",
		"GET /\r\n": "GET / HTTP/0.9||",
		"":          "error",
		"GET":       "error",
	} {
		r, err := request.Raw([]byte(raw))
		got := "error"
		if err == nil {
			got = short(r)
		}
		if got != want {
			t.Errorf("%q: %q, want %q (%v)", raw, got, want, err)
		}
	}
}

func TestJSON(t *testing.T) {
	r, err := request.JSON([]byte(`{"id":{"a":1},"method":"POST","uri":"/x?y","version":"2","headers":[["A","1"],["a","2"],["Host","h"]],"body":"YWI=","client":"::ffff:192.0.2.1","country":"jp","time":1.5}`))
	if err != nil {
		t.Fatal(err)
	}
	if r.ID != `{"a":1}` || short(r) != "POST /x?y HTTP/2|A: 1|a: 2|Host: h||ab" || r.Host != "h" || r.Client.String() != "192.0.2.1" || r.Country != "JP" || r.Time != 1_500_000 || r.Missing != yagura.PartFingerprint || r.BodySize != 2 {
		t.Errorf("%+v", r)
	}
	for _, bad := range []string{``, `[]`, `{"method":"GET"}`, `{"id":"x","method":1,"uri":"/"}`, `{"method":"GET","uri":"/","headers":[["a"]]}`, `{"method":"GET","uri":"/","body":"%"}`, `{"method":"GET","uri":"/","client":"x"}`} {
		if _, err := request.JSON([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	if r, _ := request.JSON([]byte(`{"id":"x","method":1,"uri":"/"}`)); r.ID != "x" {
		t.Errorf("id of a bad line is %q", r.ID)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add(`curl h.example -d $'a\n' -H "A: b"`)
	f.Add("GET / HTTP/1.1\r\nHost: h\r\n\r\nx")
	f.Add(`{"id":1,"method":"GET","uri":"/","headers":[["a","b"]],"body":"YQ=="}`)
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := request.Curl(text); err == nil && (r.Method == "" || !strings.HasPrefix(r.URI, "/")) {
			t.Errorf("%q gives %q %q", text, r.Method, r.URI)
		}
		if r, err := request.Raw([]byte(text)); err == nil && r.Method == "" {
			t.Errorf("%q gives %+v", text, r)
		}
		if r, err := request.JSON([]byte(text)); err == nil && int64(len(r.Body)) != r.BodySize {
			t.Errorf("%q gives %+v", text, r)
		}
	})
}
