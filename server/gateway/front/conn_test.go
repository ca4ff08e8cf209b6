package front

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// serve runs net/http behind the front and gives the address.
func serve(t *testing.T, cfg Config, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: time.Minute,
		ConnContext:       WithConn,
		Protocols:         new(http.Protocols),
	}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = srv.Serve(fronted{l, cfg}) }()
	t.Cleanup(func() { _ = srv.Close() })
	return l.Addr().String()
}

type fronted struct {
	net.Listener
	cfg Config
}

func (l fronted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return New(c, "", l.cfg), nil
}

// judge answers with what the front saw.
var judge = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	h := FromContext(r.Context()).Next()
	switch {
	case h == nil:
		http.Error(w, "no head", http.StatusInternalServerError)
	case h.Fault != nil:
		http.Error(w, h.Fault.Reason+" "+h.Method+" "+h.Target, h.Fault.Status)
	case h.Target != r.RequestURI:
		http.Error(w, "out of step: "+h.Target+" "+r.RequestURI, http.StatusInternalServerError)
	default:
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %q %v", r.Method, h.Target, h.Headers[0].Name, body, err)
	}
})

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(t *testing.T, r *bufio.Reader) (int, string) {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestConnAnswersTheCorpus(t *testing.T) {
	addr := serve(t, Config{}, judge)
	for _, c := range corpus {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, addr)
			go func() { _, _ = io.WriteString(conn, c.raw) }()
			r := bufio.NewReader(conn)
			status, body := answer(t, r)
			if status != c.status || !strings.HasPrefix(body, c.reason) {
				t.Errorf("answer %d %q, want %d %s", status, body, c.status, c.reason)
			}
			if n, err := io.Copy(io.Discard, r); err == nil && n > 0 {
				t.Errorf("%d more bytes behind the refusal", n)
			}
		})
	}
}

// Requests on one connection stay in step, whatever the framing and however the
// bytes are cut.
func TestConnPipeline(t *testing.T) {
	addr := serve(t, Config{}, judge)
	const raw = "GET /1 HTTP/1.1\r\nhost: a\r\n\r\n" +
		"POST /2 HTTP/1.1\r\nHOST: a\r\nContent-Length: 5\r\n\r\nhello\r\n" +
		"POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n" +
		"GET /4 HTTP/1.1\r\nHoSt: a\r\n\r\n" +
		"GET /5 HTTP/1.1\r\nHost : a\r\n\r\n"
	want := []string{`GET /1 host "" <nil>`, `POST /2 HOST "hello" <nil>`, `POST /3 Host "abcde" <nil>`, `GET /4 HoSt "" <nil>`}
	for _, size := range []int{1, 7, len(raw)} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			conn := dial(t, addr)
			go func() {
				for rest := raw; rest != ""; {
					n := min(size, len(rest))
					if _, err := io.WriteString(conn, rest[:n]); err != nil {
						return
					}
					rest = rest[n:]
				}
			}()
			r := bufio.NewReader(conn)
			for _, w := range want {
				if status, body := answer(t, r); status != http.StatusOK || body != w {
					t.Fatalf("answer %d %q, want %q", status, body, w)
				}
			}
			if status, body := answer(t, r); status != http.StatusBadRequest || body != "space-before-colon GET /5\n" {
				t.Errorf("last answer %d %q", status, body)
			}
		})
	}
}

func TestConnBadChunks(t *testing.T) {
	addr := serve(t, Config{}, judge)
	for _, body := range []string{
		"3\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "0x3\r\nabc\r\n0\r\n\r\n", "-1\r\n\r\n", " 3\r\nabc\r\n0\r\n\r\n",
		"3 \r\nabc\r\n0\r\n\r\n", "ffffffffffffffff\r\n", "3\r\nabc\n0\r\n\r\n", "0\r\nbad name: x\r\n\r\n", "3;\x01\r\nabc\r\n0\r\n\r\n",
		"3;" + strings.Repeat("a", 400) + "\r\nabc\r\n0\r\n\r\n", "\r\n3\r\nabc\r\n0\r\n\r\n",
	} {
		conn := dial(t, addr)
		go func() {
			_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+body+"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
		}()
		all, _ := io.ReadAll(conn) // A reset is as good as an end.
		if !strings.Contains(string(all), "malformed request") || strings.Contains(string(all), "smuggled") {
			t.Errorf("%q: answer %q", body, all)
		}
	}
}

func TestConnSlowHead(t *testing.T) {
	addr := serve(t, Config{HeadTime: 200 * time.Millisecond}, judge)
	conn := dial(t, addr)
	if _, err := io.WriteString(conn, "GET /slow HTTP/1.1\r\nHost: a\r\nX"); err != nil {
		t.Fatal(err)
	}
	if status, body := answer(t, bufio.NewReader(conn)); status != http.StatusRequestTimeout || !strings.Contains(body, "/slow") {
		t.Errorf("answer %d %q", status, body)
	}
	silent := dial(t, addr)
	if n, err := silent.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a silent client got %d bytes and %v, want the end", n, err)
	}
}

func TestConnUpgrade(t *testing.T) {
	addr := serve(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := FromContext(r.Context())
		if h := c.Next(); !h.Upgrade || r.URL.Path == "/no" {
			c.Resume()
			_, _ = io.WriteString(w, "no")
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		c.Tunnel()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\n\r\n")
		_ = rw.Flush()
		_, _ = io.Copy(conn, conn)
	}))
	conn := dial(t, addr)
	r := bufio.NewReader(conn)
	_, _ = io.WriteString(conn, "GET /no HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
	if _, body := answer(t, r); body != "no" {
		t.Fatalf("answer %q", body)
	}
	_, _ = io.WriteString(conn, "GET /yes HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "101") {
		t.Fatal(line, err)
	}
	if _, err := r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "\x00GET / smuggled\r\n\r\n")
	got := make([]byte, 19)
	if _, err := io.ReadFull(r, got); err != nil || string(got) != "\x00GET / smuggled\r\n\r\n" {
		t.Errorf("through the tunnel came %q, %v", got, err)
	}
}

func TestConnWithoutFront(t *testing.T) {
	if c := FromContext(context.Background()); c != nil {
		t.Error("a connection from nowhere")
	}
}
