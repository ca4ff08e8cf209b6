package gateway

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/handler"
)

// needle is a small gate: it blocks what has a word in target, header or the
// first KiB of the body.
type needle struct{ word string }

func (n needle) BodyLimit() int { return 1024 }

func (n needle) Decide(q *yagura.Request) *yagura.Verdict {
	v := &yagura.Verdict{Action: yagura.Allow, Rule: "Default_Action", RuleType: "REGULAR", Inspected: len(q.Body)}
	hit := strings.Contains(q.URI, n.word) || bytes.Contains(q.Body, []byte(n.word))
	for _, h := range q.Headers {
		hit = hit || strings.Contains(h.Value, n.word)
	}
	switch {
	case strings.Contains(q.URI, "panic-please"):
		panic("as asked")
	case hit:
		v.Action, v.Rule = yagura.Block, "needle"
		v.Hits = []yagura.RuleHit{{Rule: "needle", Action: yagura.Block, Terminates: true}}
	default:
		v.Insert = []yagura.Header{{Name: "x-amzn-waf-client", Value: q.Client.String()}, {Name: "x-amzn-waf-ja4", Value: q.JA4}}
	}
	return v
}

// compile makes needles; the first ACL file's text is the word.
func compile(w *WAF, _ *handler.Tokens, _ yagura.Gate) (yagura.Gate, []string, error) {
	if len(w.ACL) == 0 {
		return needle{"attack"}, nil, nil
	}
	raw, err := os.ReadFile(w.ACL[0])
	if word := strings.TrimSpace(string(raw)); err == nil && word == "" {
		err = fmt.Errorf("%s: no word", w.ACL[0])
	} else if err == nil {
		return needle{word}, w.ACL, nil
	}
	return nil, nil, err
}

// running is a gateway that serves.
type running struct {
	*Gateway
	addr, admin string
	dir, config string
	stop        context.CancelFunc
	done        chan error
}

// run starts a gateway. Of the configuration %s is the backend's URL and DIR a
// folder; the first address is 127.0.0.1:0.
func run(t testing.TB, config string) *running {
	t.Helper()
	return runWith(t, config, compile)
}

// runWith starts one with a compiler of gates.
func runWith(t testing.TB, config string, compile func(*WAF, *handler.Tokens, yagura.Gate) (yagura.Gate, []string, error)) *running {
	t.Helper()
	dir := t.TempDir()
	config = strings.ReplaceAll(config, "DIR", dir)
	certificateFor(t, dir, "shop.test")
	path := filepath.Join(dir, "gateway.yaml")
	write(t, path, config)
	ctx, cancel := context.WithCancel(context.Background())
	open := make(chan struct{})
	r := &running{dir: dir, config: path, stop: cancel, done: make(chan error, 1)}
	g, err := New(ctx, path, Deps{
		Compile: compile, Log: slog.New(slog.NewTextHandler(logWriter{t}, &slog.HandlerOptions{Level: slog.LevelError + 4})),
		Listening: func(addrs []string, admin string) {
			r.addr, r.admin = addrs[0], admin
			close(open)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Gateway = g
	go func() { r.done <- g.Run(ctx) }()
	select {
	case <-open:
	case err := <-r.done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-r.done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(40 * time.Second):
			t.Error("the gateway does not end")
		}
	})
	return r
}

type logWriter struct{ t testing.TB }

func (l logWriter) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// certificateFor writes cert.pem and key.pem and gives who to trust.
func certificateFor(t testing.TB, dir, name string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})))
	write(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	pool := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return pool
}

// app is a backend.
func app(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

const plainSite = `
listen: [{address: "127.0.0.1:0"}]
watch: -1s
sites:
  - hosts: ["*"]
    backends: [{url: "%s"}]
`

// raw sends bytes and gives the answer.
func raw(t testing.TB, addr, request string) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	go func() { _, _ = io.WriteString(c, request) }()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%q: no answer: %v", request[:min(len(request), 80)], err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func get(t testing.TB, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// What the application gets is what was sent, to the byte, in both directions.
func TestPassThrough(t *testing.T) {
	var got string
	backend := app(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = fmt.Sprintf("%s %s %s %q %q %x", r.Method, r.RequestURI, r.Host, r.Header["X-A"], r.Header.Get("X-Forwarded-For"), body)
		w.Header()["X-Multi"] = []string{"1", "2"}
		w.WriteHeader(207)
		_, _ = w.Write([]byte("\x00\xff answer"))
	})
	g := run(t, fmt.Sprintf(plainSite, backend))
	for _, target := range []string{
		"/", "/a%2Fb/..//c?x=%zz;y&&=1", "//double/slash", "/%E3%81%82?q=\xe3\x81\x82", "/a;b=c/(d)'e!*", "/?", "/a?b?c", "/%41", "/'\"<>|^`{}",
	} {
		res, body := raw(t, g.addr, "POST "+target+" HTTP/1.1\r\nHost: Shop.test:81\r\nX-A: 1\r\nx-a: 2\r\nX-Forwarded-For: 9.9.9.9\r\nContent-Length: 3\r\nConnection: close\r\n\r\n\x00\xffz")
		want := fmt.Sprintf(`POST %s Shop.test:81 ["1" "2"] "127.0.0.1" 00ff7a`, target)
		if got != want {
			t.Errorf("the application saw\n%s, want\n%s", got, want)
		}
		if res.StatusCode != 207 || body != "\x00\xff answer" || len(res.Header["X-Multi"]) != 2 {
			t.Errorf("the client saw %d %q %v", res.StatusCode, body, res.Header)
		}
	}
}

func TestBlocksAndCounts(t *testing.T) {
	var reached atomic.Int64
	backend := app(t, func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		_, _ = io.WriteString(w, r.Header.Get("x-amzn-waf-client"))
	})
	g := run(t, fmt.Sprintf(`
listen: [{address: "127.0.0.1:0"}]
admin: 127.0.0.1:0
watch: -1s
rules_token: 0123456789abcdef
trusted_proxies: [127.0.0.0/8]
log: {file: {path: DIR/aws-waf-logs-t.log}}
sites:
  - {hosts: [block.test], backends: [{url: "%[1]s"}]}
  - {hosts: [count.test], mode: count, backends: [{url: "%[1]s"}]}
  - {hosts: ["*.off.test"], mode: "off", backends: [{url: "%[1]s"}]}
  - {hosts: [open.test], on_error: open, backends: [{url: "%[1]s"}]}
`, backend))
	for _, c := range []struct {
		host, target string
		status       int
		body         string
	}{
		{"block.test", "/", 200, "198.51.100.7"},
		{"block.test", "/attack", 403, ""},
		{"count.test", "/attack", 200, ""},
		{"a.b.off.test", "/attack", 200, ""},
		{"off.test", "/", 421, ""},
		{"block.test", "/panic-please", 503, ""},
		{"open.test", "/panic-please", 200, ""},
	} {
		res, body := raw(t, g.addr, "GET "+c.target+" HTTP/1.1\r\nHost: "+c.host+"\r\nX-Forwarded-For: 198.51.100.7\r\nX-Yagura-Rules-Token: 0123456789abcdef\r\nConnection: close\r\n\r\n")
		if res.StatusCode != c.status || c.body != "" && body != c.body {
			t.Errorf("%s%s: %d %q, want %d %q", c.host, c.target, res.StatusCode, body, c.status, c.body)
		}
		if c.target == "/attack" && c.status == 403 && res.Header.Get("X-Yagura-Rules") != "needle" {
			t.Errorf("rules shown: %v", res.Header)
		}
	}
	if reached.Load() != 4 {
		t.Errorf("%d requests reached the application", reached.Load())
	}
	if res, _ := raw(t, g.addr, "GET / HTTP/9.9\r\nHost: block.test\r\nX: attack\r\n\r\n"); res.StatusCode != 403 {
		t.Errorf("a malformed attack: %d", res.StatusCode)
	}
	_, text := get(t, http.DefaultClient, "http://"+g.admin+"/metrics")
	for _, want := range []string{
		`yagura_gateway_uninspected_total{passed="false",reason="panic",site="block.test"} 1`,
		`yagura_gateway_uninspected_total{passed="true",reason="panic",site="open.test"} 1`,
		`yagura_gateway_decisions_total{action="BLOCK",passed="true",site="count.test"} 1`,
		`yagura_gateway_malformed_total{reason="bad-version"} 1`,
		`yagura_gateway_backend_up`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	g.stop()
	<-g.done
	g.done <- nil
	log, err := os.ReadFile(filepath.Join(g.dir, "aws-waf-logs-t.log"))
	if err != nil || strings.Count(string(log), "\n") != 6 || !strings.Contains(string(log), `"overriddenAction":"BLOCK"`) || strings.Contains(string(log), "0123456789abcdef") {
		t.Errorf("log %v:\n%s", err, log)
	}
}

// Requests that net/http would refuse unseen are inspected: an attack in them is
// known as such, and without one they are still never passed on.
func TestMalformedIsInspected(t *testing.T) {
	backend := app(t, func(http.ResponseWriter, *http.Request) { t.Error("a malformed request reached the application") })
	g := run(t, fmt.Sprintf(plainSite, backend))
	for _, c := range []struct {
		raw    string
		status int
	}{
		{"GET /?%s HTTP/1.1\r\n\r\n", 400},
		{"GET /%s\r\nHost: a\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\nX-%s\r\nY: %s\r\n\r\n", 400},
		{"G(T /%s HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET /%s HTTP/3.0\r\nHost: a\r\n\r\n", 505},
		{"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent : %s\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n%s", 400},
		{"GET /#%s HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", 400},
		{"GET /%%zz?%s HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	} {
		for word, status := range map[string]int{"benign": c.status, "attack": 403} {
			text := strings.ReplaceAll(strings.ReplaceAll(c.raw, "%s", word), "%%", "%")
			if res, body := raw(t, g.addr, text); res.StatusCode != status {
				t.Errorf("%q: %d %q, want %d", text, res.StatusCode, body, status)
			}
		}
	}
}

func clientTo(t testing.TB, g *running, roots *x509.CertPool, h2 bool) *http.Client {
	t.Helper()
	tr := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "shop.test"}, ForceAttemptHTTP2: h2,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", g.addr)
		},
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

const tlsSite = `
listen: [{address: "127.0.0.1:0", http3: true, certificates: [{cert: cert.pem, key: key.pem}]}]
watch: -1s
sites: [{hosts: [shop.test], backends: [{url: "%s"}]}]
`

func rootsOf(t testing.TB, dir string) *x509.CertPool {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(raw)
	return pool
}

func TestTLSAndHTTP2(t *testing.T) {
	backend := app(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-Proto")+" "+r.Header.Get("x-amzn-waf-ja4"))
	})
	g := run(t, fmt.Sprintf(tlsSite, backend))
	for _, h2 := range []bool{false, true} {
		c := clientTo(t, g, rootsOf(t, g.dir), h2)
		res, err := c.Post("https://shop.test/", "text/plain", strings.NewReader(strings.Repeat("x", 100_000)))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		tail := string(body[min(len(body), 100_000):])
		if (res.ProtoMajor == 2) != h2 || len(body) < 100_000 || !strings.HasPrefix(tail, "https t13d") || strings.Count(tail, "_") != 2 {
			t.Errorf("%s: %d, %d bytes, %q", res.Proto, res.StatusCode, len(body), body[:min(len(body), 600)])
		}
		if res, _ := get(t, c, "https://shop.test/attack"); res.StatusCode != 403 || !strings.Contains(res.Header.Get("Alt-Svc"), "h3=") {
			t.Errorf("%s: attack %d %v", res.Proto, res.StatusCode, res.Header)
		}
	}
	// A new certificate is used after a reload, without a restart.
	roots := certificateFor(t, g.dir, "shop.test")
	if err := g.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if res, _ := get(t, clientTo(t, g, roots, true), "https://shop.test/"); res.StatusCode != 200 {
		t.Errorf("with the new certificate: %d", res.StatusCode)
	}
}

func TestWebSocketAndTheRest(t *testing.T) {
	backend := app(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			_, _ = io.WriteString(w, "plain")
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_ = rw.Flush()
		_, _ = io.Copy(c, rw)
	})
	g := run(t, fmt.Sprintf(plainSite, backend))
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	// HTTP/2 in clear would be a way around the firewall.
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 || string(body) != "plain" {
		t.Fatalf("h2c: %d %q", res.StatusCode, body)
	}
	_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	res, err = http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 101 {
		t.Fatalf("websocket: %v %v", res, err)
	}
	frame := "\x81\x05hello\r\n\x00 attack"
	_, _ = io.WriteString(c, frame)
	got := make([]byte, len(frame))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != frame {
		t.Errorf("through the tunnel %q, %v", got, err)
	}
	if n := g.tunnels.count(); n != 1 {
		t.Errorf("%d tunnels", n)
	}
}

func TestContinueAndTrailers(t *testing.T) {
	backend := app(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Sum")
		_, _ = w.Write(body)
		w.Header().Set("X-Sum", r.Trailer.Get("X-Sent"))
	})
	g := run(t, fmt.Sprintf(plainSite, backend))
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTrailer: X-Sent\r\nTransfer-Encoding: chunked\r\n\r\n")
	if line, err := r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q %v", line, err)
	}
	_, _ = r.ReadString('\n')
	_, _ = io.WriteString(c, "5\r\nhello\r\n0\r\nX-Sent: 42\r\n\r\n")
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "hello" || res.Trailer.Get("X-Sum") != "42" {
		t.Errorf("%q %v, trailer %v", body, err, res.Trailer)
	}
	// A refusal may come before the body.
	res, _ = raw(t, g.addr, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
	if res.StatusCode != 400 || !res.Close {
		t.Errorf("bad chunks: %d, close %t", res.StatusCode, res.Close)
	}
}
