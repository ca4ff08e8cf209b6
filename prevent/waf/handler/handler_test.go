package handler_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/bits"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/handler"
)

// rule is a small gate: a function and a limit.
type rule struct {
	limit  int
	decide func(*yagura.Request) *yagura.Verdict
}

func (g rule) Decide(q *yagura.Request) *yagura.Verdict { return g.decide(q) }
func (g rule) BodyLimit() int                           { return g.limit }

func always(v yagura.Verdict) rule {
	return rule{16, func(*yagura.Request) *yagura.Verdict { return &v }}
}

// site serves an application behind a guard.
func site(t *testing.T, cfg handler.Config, app http.HandlerFunc) *httptest.Server {
	t.Helper()
	g, err := handler.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(g.Handler(app))
	t.Cleanup(s.Close)
	return s
}

func do(t *testing.T, c *http.Client, method, url string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // What is missing shows in the answer.
	_, _ = w.Write(body)
}

func TestBodyIsInspectedAndPassedOn(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	for _, c := range []struct {
		name    string
		body    []byte
		chunked bool
		seen    int
		size    int64
	}{
		{"none", nil, false, 0, 0},
		{"short", []byte("hello"), false, 5, 5},
		{"short, length unknown", []byte("hello"), true, 5, 5},
		{"limit", big[:100], false, 100, 100},
		{"limit, length unknown", big[:100], true, 100, -1},
		{"big", big, false, 100, 1 << 20},
		{"big, length unknown", big, true, 100, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var seen []byte
			var size int64
			s := site(t, handler.Config{Gate: rule{100, func(q *yagura.Request) *yagura.Verdict {
				seen, size = bytes.Clone(q.Body), q.BodySize
				return &yagura.Verdict{Action: yagura.Allow}
			}}}, echo)
			var body io.Reader = bytes.NewReader(c.body)
			if c.chunked {
				body = struct{ io.Reader }{body}
			}
			_, got := do(t, s.Client(), "POST", s.URL, body)
			if got != string(c.body) {
				t.Errorf("the application got %d bytes, or others, of %d", len(got), len(c.body))
			}
			if !bytes.Equal(seen, c.body[:c.seen]) || size != c.size && size != int64(len(c.body)) {
				t.Errorf("the gate saw %d bytes of %d, want %d of %d", len(seen), size, c.seen, c.size)
			}
		})
	}
}

// The rest of a body streams: the application answers before it ends.
func TestBodyStreams(t *testing.T) {
	s := site(t, handler.Config{Gate: always(yagura.Verdict{Action: yagura.Allow})}, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		buf := make([]byte, 20)
		_, _ = io.ReadFull(r.Body, buf)
		_, _ = w.Write(buf)
		_ = http.NewResponseController(w).Flush()
		_, _ = io.Copy(w, r.Body)
	})
	out, in := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL, out)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(in, "01234567890123456789") }()
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	first := make([]byte, 20)
	if _, err := io.ReadFull(res.Body, first); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = io.WriteString(in, "tail")
		_ = in.Close()
	}()
	if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != "tail" {
		t.Errorf("rest %q, %v", rest, err)
	}
}

// Of gRPC only the first message is waited for.
func TestBodyOfGRPC(t *testing.T) {
	var seen []byte
	guard, err := handler.New(handler.Config{Gate: rule{1 << 20, func(q *yagura.Request) *yagura.Verdict {
		seen = bytes.Clone(q.Body)
		return &yagura.Verdict{Action: yagura.Allow}
	}}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_ = http.NewResponseController(w).Flush()
		_, _ = io.Copy(w, r.Body)
	})))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	out, in := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL, out)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/grpc+proto")
	go func() { _, _ = in.Write([]byte("\x00\x00\x00\x00\x03abc")) }()
	res, err := s.Client().Do(r) // Would hang if more were waited for.
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	_ = in.Close()
	if got, err := io.ReadAll(res.Body); err != nil || string(got) != "\x00\x00\x00\x00\x03abc" || string(seen) != string(got) {
		t.Errorf("the application got %q (%v), the gate %q", got, err, seen)
	}
}

// A form that calls itself gRPC is inspected as any other body: in HTTP/1 there is
// no gRPC, and the client would say how much of it is looked at.
func TestBodyThatSaysGRPC(t *testing.T) {
	for _, headersOnly := range []bool{false, true} {
		var seen []byte
		var missing yagura.Part
		s := site(t, handler.Config{HeadersOnly: headersOnly, Gate: rule{1 << 20, func(q *yagura.Request) *yagura.Verdict {
			seen, missing = bytes.Clone(q.Body), q.Missing
			return &yagura.Verdict{Action: yagura.Allow}
		}}}, echo)
		const body = "\x00\x00\x00\x00\x00&q=attack"
		_, _ = do(t, s.Client(), "POST", s.URL, strings.NewReader(body), "Content-Type", "application/grpc")
		if string(seen) != body || missing&yagura.PartBody != 0 {
			t.Errorf("the gate saw %q, missing %b", seen, missing)
		}
	}
}

// No gate sees trailers, so they cannot carry what only proxies may say.
func TestTrailers(t *testing.T) {
	got := http.Header{}
	s := site(t, handler.Config{Gate: always(yagura.Verdict{Action: yagura.Allow})}, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got = r.Trailer
	})
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL, io.MultiReader(strings.NewReader("body")))
	if err != nil {
		t.Fatal(err)
	}
	r.Trailer = http.Header{"X-Amzn-Waf-Bot": {"no"}, "X-Forwarded-For": {"10.0.0.1"}, "Cookie": {"a=b"}, "X-Sum": {"1"}}
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if len(got) != 1 || got.Get("X-Sum") != "1" {
		t.Errorf("the application got the trailer %v", got)
	}
}

func TestBlockPages(t *testing.T) {
	s := site(t, handler.Config{Gate: always(yagura.Verdict{Action: yagura.Block, Rule: "r"})}, func(http.ResponseWriter, *http.Request) {
		t.Error("a blocked request reached the application")
	})
	for _, c := range []struct{ accept, language, kind, has string }{
		{"text/html,*/*", "ja,en;q=0.8", "text/html; charset=utf-8", `<html lang="ja">`},
		{"text/html", "ja;q=0.3, en-GB;q=0.9", "text/html; charset=utf-8", "Request blocked"},
		{"application/json", "", "application/json", `"status":403`},
		{"*/*", "ja", "text/plain; charset=utf-8", "リクエストを遮断しました"},
	} {
		res, body := do(t, s.Client(), "GET", s.URL, nil, "Accept", c.accept, "Accept-Language", c.language)
		if res.StatusCode != 403 || res.Header.Get("Content-Type") != c.kind || !strings.Contains(body, c.has) {
			t.Errorf("Accept %q, %q: %d %s %q", c.accept, c.language, res.StatusCode, res.Header.Get("Content-Type"), body)
		}
	}
}

func TestCustomResponse(t *testing.T) {
	custom := &yagura.Response{Status: 429, ContentType: "application/json", Body: `{"slow":"down"}`, Headers: []yagura.Header{{Name: "Retry-After", Value: "9"}}}
	s := site(t, handler.Config{Gate: always(yagura.Verdict{Action: yagura.Block, Response: custom})}, echo)
	res, body := do(t, s.Client(), "GET", s.URL, nil)
	if res.StatusCode != 429 || body != custom.Body || res.Header.Get("Retry-After") != "9" || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("answer %d %v %q", res.StatusCode, res.Header, body)
	}
}

// Semantics 45: the web ACL gives names with their prefix; a client cannot send
// such a header itself, nor have one removed by naming it in Connection.
func TestInsertedHeaders(t *testing.T) {
	v := yagura.Verdict{Action: yagura.Allow, Insert: []yagura.Header{{Name: "x-amzn-waf-bot", Value: "no"}, {Name: "X-Own", Value: "gate"}}}
	var got http.Header
	s := site(t, handler.Config{Gate: always(v)}, func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Clone() })
	do(t, s.Client(), "GET", s.URL, nil, "X-Amzn-Waf-Bot", "forged", "X-Amzn-Waf-Other", "forged", "X_Amzn_Waf_Bot", "forged", "X-Own", "client",
		"Connection", "keep-alive, X-Own, x-amzn-waf-bot, X-Forwarded-For")
	want := http.Header{"X-Amzn-Waf-Bot": {"no"}, "X-Own": {"gate"}, "Connection": {"keep-alive"}}
	for _, name := range []string{"User-Agent", "Accept-Encoding"} {
		got.Del(name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestModes(t *testing.T) {
	for _, c := range []struct {
		mode   handler.Mode
		status int
		asked  int
	}{{handler.Off, 200, 0}, {handler.Count, 200, 1}, {handler.Block, 403, 1}, {"", 403, 1}} {
		asked := 0
		var told []int
		s := site(t, handler.Config{
			Mode: c.mode,
			Gate: rule{0, func(*yagura.Request) *yagura.Verdict {
				asked++
				return &yagura.Verdict{Action: yagura.Block}
			}},
			Observe: func(x *handler.Exchange) { told = append(told, x.Status) },
		}, echo)
		res, _ := do(t, s.Client(), "GET", s.URL, nil)
		if res.StatusCode != c.status || asked != c.asked || len(told) != c.asked {
			t.Errorf("mode %q: %d, asked %d times, told %v", c.mode, res.StatusCode, asked, told)
		}
		if want := map[int]int{200: 0, 403: 403}[c.status]; c.asked == 1 && told[0] != want {
			t.Errorf("mode %q: told status %d", c.mode, told[0])
		}
	}
}

func TestUndecidable(t *testing.T) {
	for _, c := range []struct {
		name string
		gate rule
		want string
	}{
		{"panic", rule{0, func(*yagura.Request) *yagura.Verdict { panic("bug") }}, "panic"},
		{"nil", rule{0, func(*yagura.Request) *yagura.Verdict { return nil }}, "panic"},
		{"undecided", always(yagura.Verdict{Action: yagura.Undecided}), "undecided"},
	} {
		for _, open := range []bool{false, true} {
			var why string
			s := site(t, handler.Config{Gate: c.gate, FailOpen: open, Observe: func(x *handler.Exchange) { why = x.Uninspected }}, echo)
			res, _ := do(t, s.Client(), "GET", s.URL, nil)
			if want := map[bool]int{false: 503, true: 200}[open]; res.StatusCode != want || why != c.want {
				t.Errorf("%s, open %t: %d %q", c.name, open, res.StatusCode, why)
			}
		}
	}
}

func TestOverload(t *testing.T) {
	hold := make(chan struct{})
	busy := make(chan struct{}, 1)
	var once sync.Once
	s := site(t, handler.Config{Concurrent: 1, Wait: time.Millisecond, Gate: rule{0, func(*yagura.Request) *yagura.Verdict {
		once.Do(func() {
			busy <- struct{}{}
			<-hold
		})
		return &yagura.Verdict{Action: yagura.Allow}
	}}}, echo)
	done := make(chan int)
	go func() {
		res, err := s.Client().Get(s.URL)
		if err != nil {
			done <- 0
			return
		}
		_ = res.Body.Close()
		done <- res.StatusCode
	}()
	<-busy
	if res, _ := do(t, s.Client(), "GET", s.URL, nil); res.StatusCode != 503 {
		t.Errorf("over the limit: %d", res.StatusCode)
	}
	close(hold)
	if got := <-done; got != 200 {
		t.Errorf("the one at the gate: %d", got)
	}
}

var puzzleIn = regexp.MustCompile(`puzzle = "([^"]+)", bits = +(\d+)`)

// solve does what the page's script does.
func solve(t *testing.T, page string) string {
	t.Helper()
	m := puzzleIn.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no puzzle in %q", page)
	}
	want, _ := strconv.Atoi(m[2])
	for n := 0; ; n++ {
		sum := sha256.Sum256([]byte(m[1] + "." + strconv.Itoa(n)))
		if bits.LeadingZeros64(binary.BigEndian.Uint64(sum[:])) >= want {
			return url.Values{"puzzle": {m[1]}, "answer": {strconv.Itoa(n)}}.Encode()
		}
	}
}

const verify = "/.well-known/yagura-waf/verify"

// Semantics 4, 5 and 6: 405 or 202 with the header, a page only for browsers,
// and with a token the gate goes on; the two times are separate.
func TestCaptchaAndChallenge(t *testing.T) {
	tokens, err := handler.NewTokens(handler.TokenConfig{Key: bytes.Repeat([]byte("k"), 32), ChallengeBits: 6, CaptchaBits: 8})
	if err != nil {
		t.Fatal(err)
	}
	s := site(t, handler.Config{Tokens: tokens, Gate: rule{0, func(q *yagura.Request) *yagura.Verdict {
		k := tokens.Check(q)
		switch {
		case strings.HasPrefix(q.URI, "/captcha") && k.Captcha == 0:
			return &yagura.Verdict{Action: yagura.Captcha}
		case strings.HasPrefix(q.URI, "/challenge") && k.Challenge == 0:
			return &yagura.Verdict{Action: yagura.Challenge}
		}
		return &yagura.Verdict{Action: yagura.Allow}
	}}}, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "in") })
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}

	res, body := do(t, client, "GET", s.URL+"/captcha", nil, "Accept", "application/json")
	if res.StatusCode != 405 || res.Header.Get("x-amzn-waf-action") != "captcha" || body != "" {
		t.Errorf("captcha for a program: %d %v %q", res.StatusCode, res.Header, body)
	}
	res, page := do(t, client, "GET", s.URL+"/challenge", nil, "Accept", "text/html", "Accept-Language", "ja")
	if res.StatusCode != 202 || res.Header.Get("x-amzn-waf-action") != "challenge" || !strings.Contains(page, "Yagura") {
		t.Fatalf("challenge for a browser: %d %v %q", res.StatusCode, res.Header, page)
	}
	solution := solve(t, page)
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	if res, _ := do(t, client, "POST", s.URL+verify, strings.NewReader("puzzle=x.y&answer=1"), form...); res.StatusCode != 403 {
		t.Errorf("a forged solution: %d", res.StatusCode)
	}
	if res, _ := do(t, client, "POST", s.URL+verify, strings.NewReader(solution), form...); res.StatusCode != 204 {
		t.Fatalf("the solution: %d", res.StatusCode)
	}
	if res, _ := do(t, &http.Client{}, "POST", s.URL+verify, strings.NewReader(solution), form...); res.StatusCode != 403 {
		t.Errorf("the same solution again: %d", res.StatusCode)
	}
	if _, body := do(t, client, "GET", s.URL+"/challenge", nil); body != "in" {
		t.Errorf("with a token: %q", body)
	}
	res, page = do(t, client, "GET", s.URL+"/captcha", nil, "Accept", "text/html")
	if res.StatusCode != 405 || !strings.Contains(page, "not that of AWS WAF") {
		t.Fatalf("a challenge's token served for a captcha: %d %q", res.StatusCode, page)
	}
	do(t, client, "POST", s.URL+verify, strings.NewReader(solve(t, page)), form...)
	if _, body := do(t, client, "GET", s.URL+"/captcha", nil); body != "in" {
		t.Errorf("with a captcha's token: %q", body)
	}
}

func TestTokenStates(t *testing.T) {
	key := bytes.Repeat([]byte("k"), 32)
	now := time.Unix(1_800_000_000, 0)
	tokens, err := handler.NewTokens(handler.TokenConfig{Key: key, Domains: []string{"Example.com"}, ChallengeBits: 1, Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	g, err := handler.New(handler.Config{Tokens: tokens, Gate: always(yagura.Verdict{Action: yagura.Challenge}), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	guarded := g.Handler(http.NotFoundHandler())
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "http://a.example.com/", nil)
	r.Header.Set("Accept", "text/html")
	guarded.ServeHTTP(w, r)
	r = httptest.NewRequest("POST", "http://a.example.com"+verify, strings.NewReader(solve(t, w.Body.String())))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w = httptest.NewRecorder()
	guarded.ServeHTTP(w, r)
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Domain != "example.com" || !cookies[0].HttpOnly {
		t.Fatalf("cookies %v, status %d", cookies, w.Code)
	}
	good := cookies[0].Value
	at := now.UnixMicro()
	for _, c := range []struct {
		name, host, cookie string
		time               int64
		want               handler.Token
	}{
		{"none", "a.example.com", "", at, handler.Token{State: "absent"}},
		{"same host", "a.example.com", good, at, handler.Token{State: "accepted", Challenge: at, Domain: "example.com"}},
		{"other subdomain", "B.example.com:443", good, at, handler.Token{State: "accepted", Challenge: at, Domain: "example.com"}},
		{"other domain", "example.com.evil", good, at, handler.Token{State: "rejected:domain_mismatch", Domain: "example.com"}},
		{"suffix only", "badexample.com", good, at, handler.Token{State: "rejected:domain_mismatch", Domain: "example.com"}},
		{"late", "a.example.com", good, at + 3600e6, handler.Token{State: "rejected:expired", Domain: "example.com"}},
		{"changed", "a.example.com", "B" + good[1:], at, handler.Token{State: "rejected:invalid"}},
		{"garbage", "a.example.com", "x", at, handler.Token{State: "rejected:invalid"}},
	} {
		q := &yagura.Request{Host: c.host, Time: c.time}
		if c.cookie != "" {
			q.Headers = []yagura.Header{{Name: "Cookie", Value: "a=b; " + "yagura-waf-token" + "=" + c.cookie}}
		}
		if diff := cmp.Diff(c.want, tokens.Check(q)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestClient(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, c := range []struct{ peer, forwarded, want string }{
		{"203.0.113.1:5", "198.51.100.1", "203.0.113.1"},
		{"10.0.0.1:5", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:5", "1.1.1.1, 198.51.100.1, 10.2.3.4", "198.51.100.1"},
		{"10.0.0.1:5", "10.9.9.9, 10.2.3.4", "10.9.9.9"},
		{"10.0.0.1:5", "", "10.0.0.1"},
		{"10.0.0.1:5", "198.51.100.1, junk, 10.2.3.4", "10.2.3.4"},
		{"[2001:db8::1]:5", "[2001:db9::2]:99", "2001:db9::2"},
		{"[::ffff:10.0.0.1]:5", "198.51.100.1:80", "198.51.100.1"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := handler.Client(r, trusted); got.String() != c.want {
			t.Errorf("peer %s, forwarded %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

func TestShownRules(t *testing.T) {
	const secret = "0123456789abcdef"
	v := yagura.Verdict{Action: yagura.Allow, Hits: []yagura.RuleHit{{Rule: "942100"}, {Rule: "my rule"}}}
	var passed http.Header
	var judged []yagura.Header
	g := rule{0, func(q *yagura.Request) *yagura.Verdict {
		judged = slices.Clone(q.Headers)
		return &v
	}}
	s := site(t, handler.Config{Gate: g, Secret: secret}, func(_ http.ResponseWriter, r *http.Request) { passed = r.Header.Clone() })
	for _, c := range []struct{ token, want string }{{secret, "942100,my_rule"}, {"wrong", ""}} {
		res, _ := do(t, s.Client(), "GET", s.URL, nil, "X-Yagura-Rules-Token", c.token)
		if got := res.Header.Get("X-Yagura-Rules"); got != c.want {
			t.Errorf("token %q: rules %q, want %q", c.token, got, c.want)
		}
		if passed.Get("X-Yagura-Rules-Token") != "" || slices.ContainsFunc(judged, func(h yagura.Header) bool { return h.Value == c.token }) {
			t.Error("the token went on")
		}
	}
}

func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		mode   handler.Mode
		action yagura.Action
		status int
	}{
		{handler.Block, yagura.Allow, 400},
		{handler.Block, yagura.Block, 403},
		{handler.Count, yagura.Block, 400},
		{handler.Off, yagura.Block, 400},
	} {
		var told *handler.Exchange
		g, err := handler.New(handler.Config{Gate: always(yagura.Verdict{Action: c.action}), Mode: c.mode, Observe: func(x *handler.Exchange) { told = x }})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		g.Refuse(w, &yagura.Request{Method: "GET", URI: "/"}, 400, "bare-lf")
		if w.Code != c.status || told.Status != c.status || told.Malformed != "bare-lf" {
			t.Errorf("%s, %v: answer %d, told %+v", c.mode, c.action, w.Code, told)
		}
	}
}

// A body that breaks off is refused, and what came of it is inspected.
func TestBodyError(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		body   string
		status int
	}{{"cut", io.ErrUnexpectedEOF, "good", 400}, {"too large", &http.MaxBytesError{Limit: 3}, "good", 413}, {"attack", io.ErrUnexpectedEOF, "attack", 403}} {
		g, err := handler.New(handler.Config{Gate: rule{100, func(q *yagura.Request) *yagura.Verdict {
			if bytes.Contains(q.Body, []byte("attack")) {
				return &yagura.Verdict{Action: yagura.Block}
			}
			return &yagura.Verdict{Action: yagura.Allow}
		}}})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(c.body), iotest.ErrReader(c.err)))
		w := httptest.NewRecorder()
		g.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("passed on") })).ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %d, want %d", c.name, w.Code, c.status)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, cfg := range []handler.Config{{}, {Mode: "maybe"}, {Mode: handler.Off, Concurrent: -1}, {Mode: handler.Off, Secret: "short"}} {
		if _, err := handler.New(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
	if _, err := handler.NewTokens(handler.TokenConfig{Key: []byte("short")}); err == nil {
		t.Error("a short key was taken")
	}
}

// What the gate has seen of a request cannot be taken out of it by its Connection
// field.
func TestConnectionNames(t *testing.T) {
	var got []string
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = []string{r.Header.Get("Content-Type"), r.Header.Get("X-User"), r.Header.Get("Te")}
	}))
	t.Cleanup(backend.Close)
	u, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(u) }}
	s := site(t, handler.Config{Gate: always(yagura.Verdict{Action: yagura.Allow})}, proxy.ServeHTTP)
	_, _ = do(t, s.Client(), "GET", s.URL, nil, "Connection", "content-type, X-User, te, close", "Content-Type", "a/b", "X-User", "u", "Te", "deflate")
	if want := []string{"a/b", "u", ""}; !slices.Equal(got, want) {
		t.Errorf("the application got %q, want %q", got, want)
	}
}

// What stands behind a number sign is inspected as the application reads it.
func TestNumberSign(t *testing.T) {
	var inspected, query string
	guard, err := handler.New(handler.Config{Gate: rule{64, func(q *yagura.Request) *yagura.Verdict {
		inspected = q.URI
		return &yagura.Verdict{Action: yagura.Allow}
	}}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.ParseRequestURI("/x#?q=1")
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Method: "GET", URL: u, RequestURI: "/x#?q=1", ProtoMajor: 2, Header: http.Header{}, RemoteAddr: "192.0.2.1:1", Host: "a"}
	guard.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { query = r.URL.RawQuery })).ServeHTTP(httptest.NewRecorder(), r)
	if inspected != "/x%23?q=1" || query != "q=1" {
		t.Errorf("inspected %q, the application has the query %q", inspected, query)
	}
}
