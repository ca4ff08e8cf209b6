package gateway

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

func TestHTTP3(t *testing.T) {
	backend := app(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %s %s", len(body), r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Amzn-Waf-Ja4")[:4])
	})
	g := run(t, fmt.Sprintf(tlsSite, backend))
	tr := &http3.Transport{TLSClientConfig: &tls.Config{RootCAs: rootsOf(t, g.dir), ServerName: "shop.test"}}
	defer func() { _ = tr.Close() }()
	c := &http.Client{Transport: tr, Timeout: 20 * time.Second}
	do := func(path, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+g.addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "shop.test"
		res, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text)
	}
	if status, body := do("/", strings.Repeat("x", 50_000)); status != 200 || body != "50000 https q13i" && body != "50000 https q13d" {
		t.Errorf("%d %q", status, body)
	}
	if status, _ := do("/", "attack"); status != 403 {
		t.Errorf("attack: %d", status)
	}
}

// A reload under load loses no request and no connection.
func TestReloadUnderLoad(t *testing.T) {
	backend := app(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	g := run(t, fmt.Sprintf(plainSite, backend))
	var sent, lost atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			tr := &http.Transport{}
			defer tr.CloseIdleConnections()
			c := &http.Client{Transport: tr, Timeout: 20 * time.Second}
			for ctx.Err() == nil {
				sent.Add(1)
				res, err := c.Post("http://"+g.addr+"/", "text/plain", strings.NewReader("hello"))
				if err != nil {
					lost.Add(1)
					t.Log(err)
					continue
				}
				body, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if res.StatusCode != 200 || string(body) != "hello" {
					lost.Add(1)
				}
			}
		})
	}
	write(t, filepath.Join(g.dir, "word"), "other")
	for i := range 20 {
		text := fmt.Sprintf(plainSite, backend)
		if i%2 == 0 {
			text = strings.Replace(text, "backends:", "waf: {acl: [word]}\n    backends:", 1)
		}
		write(t, g.config, text)
		if err := g.Reload(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	write(t, g.config, "sites: [")
	if g.Reload(t.Context()) == nil {
		t.Error("a broken configuration was taken")
	}
	cancel()
	clients.Wait()
	if lost.Load() > 0 || sent.Load() < 100 {
		t.Errorf("%d of %d requests were lost", lost.Load(), sent.Load())
	}
	if res, _ := raw(t, g.addr, "GET /attack HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); res.StatusCode != 403 {
		t.Errorf("after the broken configuration: %d", res.StatusCode)
	}
}

// A changed file is noticed without a signal.
func TestWatch(t *testing.T) {
	backend := app(t, func(http.ResponseWriter, *http.Request) {})
	text := strings.Replace(fmt.Sprintf(plainSite, backend), "backends:", "waf: {acl: [DIR/word]}\n    backends:", 1)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "word"), "first")
	g := run(t, strings.ReplaceAll(strings.Replace(text, "watch: -1s", "watch: 20ms", 1), "DIR/word", filepath.Join(dir, "word")))
	write(t, filepath.Join(dir, "word"), "second")
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if res, _ := raw(t, g.addr, "GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); res.StatusCode == 403 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the change was not noticed")
		}
	}
}

// TERM lets requests end: the slow one is answered, new connections are refused.
func TestDrain(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("h2=%t", h2), func(t *testing.T) {
			begun, hold := make(chan struct{}), make(chan struct{})
			backend := app(t, func(w http.ResponseWriter, _ *http.Request) {
				close(begun)
				<-hold
				_, _ = io.WriteString(w, "done")
			})
			g := run(t, fmt.Sprintf(tlsSite, backend))
			client := clientTo(t, g, rootsOf(t, g.dir), h2)
			got := make(chan string, 1)
			go func() {
				res, err := client.Get("https://shop.test/")
				if err != nil {
					got <- err.Error()
					return
				}
				defer func() { _ = res.Body.Close() }()
				body, _ := io.ReadAll(res.Body)
				got <- string(body)
			}()
			<-begun
			g.stop()
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
				c, err := net.Dial("tcp", g.addr)
				if err != nil {
					break
				}
				_ = c.Close()
				if time.Now().After(end) {
					t.Fatal("still accepting")
				}
			}
			close(hold)
			if text := <-got; text != "done" {
				t.Errorf("the request that ran got %q", text)
			}
		})
	}
}

// A tunnel may end within the drain, and is cut behind it.
func TestDrainCutsTunnels(t *testing.T) {
	backend := app(t, func(w http.ResponseWriter, _ *http.Request) {
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
	g := run(t, "drain: 200ms\n"+fmt.Sprintf(plainSite, backend))
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != 101 {
		t.Fatal(res, err)
	}
	g.stop()
	if !closed(c) {
		t.Error("the tunnel outlives the gateway")
	}
}

const slowSite = `
listen: [{address: "127.0.0.1:0"}]
watch: -1s
limits: {header_time: 300ms, body_time: 300ms, body_rate: 100000, per_ip: 60}
sites: [{hosts: ["*"], backends: [{url: "%s"}]}]
`

// Slow clients are cut, and good ones are served meanwhile.
func TestSlowClients(t *testing.T) {
	backend := app(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	g := run(t, fmt.Sprintf(slowSite, backend))
	var slow sync.WaitGroup
	var answers sync.Map
	for i := range 40 {
		slow.Go(func() {
			c, err := net.Dial("tcp", g.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			text := "GET / HTTP/1.1\r\nHost: a\r\nX: "
			if i%2 == 0 { // R-U-Dead-Yet: a body byte by byte, beyond what is inspected too.
				text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 3000*(i%4))
			}
			_, _ = io.WriteString(c, text)
			go func() {
				for range 200 {
					time.Sleep(50 * time.Millisecond)
					if _, err := io.WriteString(c, "x"); err != nil {
						return
					}
				}
			}()
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Error(err)
				return
			}
			answers.Store(i, res.StatusCode)
		})
	}
	for range 20 {
		if res, _ := raw(t, g.addr, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); res.StatusCode != 200 {
			t.Errorf("a good client: %d", res.StatusCode)
		}
	}
	slow.Wait()
	answers.Range(func(i, status any) bool {
		if status != 408 {
			t.Errorf("slow client %v: %v", i, status)
		}
		return true
	})
}

func TestConnectionsPerIP(t *testing.T) {
	text := strings.Replace(slowSite, "header_time: 300ms, body_time: 300ms, body_rate: 100000, per_ip: 60", "per_ip: 5", 1)
	g := run(t, fmt.Sprintf(text, "http://127.0.0.1:1"))
	refused := 0
	for range 8 {
		c, err := net.Dial("tcp", g.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Now().Add(500 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); err != nil && !strings.Contains(err.Error(), "timeout") {
			refused++
		}
	}
	if refused != 3 {
		t.Errorf("%d of 8 connections were refused, want 3", refused)
	}
}

// h2conn speaks HTTP/2 frames by hand.
func h2conn(t *testing.T, addr string) (net.Conn, *http2.Framer) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, http2.ClientPreface)
	f := http2.NewFramer(c, c)
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return c, f
}

func requestBlock() []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}} {
		_ = e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	return b.Bytes()
}

// closed says whether the other side has closed.
func closed(c net.Conn) bool {
	_, err := io.Copy(io.Discard, c)
	return err == nil || !os.IsTimeout(err)
}

func TestHTTP2Abuse(t *testing.T) {
	backend := app(t, func(http.ResponseWriter, *http.Request) {})
	g := run(t, fmt.Sprintf(`
listen: [{address: "127.0.0.1:0", h2c: true}]
admin: 127.0.0.1:0
watch: -1s
limits: {http2_resets: 20, http2_continuations: 4, http2_control: 50}
sites: [{hosts: ["*"], backends: [{url: "%s"}]}]
`, backend))
	for _, c := range []struct {
		name, reason string
		send         func(f *http2.Framer)
	}{
		{"rapid reset", "http2-resets", func(f *http2.Framer) {
			for id := uint32(1); id < 200; id += 2 {
				_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: requestBlock(), EndHeaders: true, EndStream: true})
				_ = f.WriteRSTStream(id, http2.ErrCodeCancel)
			}
		}},
		{"continuation flood", "http2-continuation", func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: requestBlock()})
			for range 100 {
				_ = f.WriteContinuation(1, false, nil)
			}
		}},
		{"ping flood", "http2-control-frames", func(f *http2.Framer) {
			for i := range uint64(200) {
				var p [8]byte
				binary.BigEndian.PutUint64(p[:], i)
				_ = f.WritePing(false, p)
			}
		}},
	} {
		conn, f := h2conn(t, g.addr)
		go c.send(f)
		if !closed(conn) {
			t.Errorf("%s: the connection lives", c.name)
		}
		if _, text := get(t, http.DefaultClient, "http://"+g.admin+"/metrics"); !strings.Contains(text, `reason="`+c.reason+`"`) {
			t.Errorf("%s: the metrics lack %s", c.name, c.reason)
		}
	}
	// Other clients are served, HTTP/2 in clear among them.
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: &p}
	defer tr.CloseIdleConnections()
	if res, _ := get(t, &http.Client{Transport: tr}, "http://"+g.addr+"/"); res.StatusCode != 200 || res.ProtoMajor != 2 {
		t.Errorf("h2c: %d %s", res.StatusCode, res.Proto)
	}
}

func TestBalanceAndHealth(t *testing.T) {
	var ill atomic.Bool
	var counts [2]atomic.Int64
	one := app(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			if ill.Load() {
				w.WriteHeader(http.StatusInternalServerError)
			}
			return
		}
		counts[0].Add(1)
	})
	two := app(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			counts[1].Add(1)
		}
	})
	g := run(t, fmt.Sprintf(`
listen: [{address: "127.0.0.1:0"}]
watch: -1s
sites:
  - hosts: ["*"]
    balance: round-robin
    backends: [{url: "%s"}, {url: "%s"}, {url: "http://127.0.0.1:1"}]
    health: {path: /health, interval: 20ms}
`, one, two))
	c := &http.Client{Timeout: 20 * time.Second}
	for range 30 { // The dead backend costs no request.
		res, err := c.Post("http://"+g.addr+"/", "text/plain", strings.NewReader("body"))
		if err != nil || res.StatusCode != 200 {
			t.Fatal(res, err)
		}
		_ = res.Body.Close()
	}
	if counts[0].Load() < 10 || counts[1].Load() < 10 {
		t.Errorf("shares %d and %d", counts[0].Load(), counts[1].Load())
	}
	ill.Store(true)
	first := g.state.Load().first.pool.members[0]
	for end := time.Now().Add(20 * time.Second); first.up(time.Now(), true); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the ill backend is still up")
		}
	}
	before := counts[0].Load()
	for range 10 {
		get(t, c, "http://"+g.addr+"/")
	}
	if counts[0].Load() != before {
		t.Error("the ill backend got requests")
	}
}

// BenchmarkGateway compares a GET through the gateway with one through a plain
// httputil.ReverseProxy; the difference is the front, the guard and the log.
func BenchmarkGateway(b *testing.B) {
	backend := app(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	g := run(b, fmt.Sprintf(plainSite, backend))
	for name, url := range map[string]string{"gateway": "http://" + g.addr + "/a?b=c", "plain": plainProxy(b, backend) + "/a?b=c"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			begin := cpu(b)
			for b.Loop() {
				get(b, http.DefaultClient, url)
			}
			b.ReportMetric(float64(cpu(b)-begin)/float64(b.N)/1000, "cpu-µs/op")
		})
	}
}
