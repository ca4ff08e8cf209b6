package gateway

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The counts are small for every-day runs; the are -load.idle 10000
// -load.slow 1000.
var (
	idleClients = flag.Int("load.idle", 300, "idle connections")
	slowClients = flag.Int("load.slow", 100, "slow clients")
)

// files gives how many of n connections this process may hold; each takes three
// files here, since client, gateway and backend are one process.
func files(t *testing.T, n int) int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return n
	}
	l.Cur = l.Max
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l) // What it may be is read below.
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l)
	if most := int(min(l.Cur, 1<<20))/3 - 100; n > most {
		t.Logf("ulimit -n is %d: %d connections instead of %d", l.Cur, most, n)
		return most
	}
	return n
}

// p99 sends good requests, one after the other, and gives the 99th percentile of
// their latencies. Every one must be answered.
func p99(t *testing.T, addr string, n int) time.Duration {
	t.Helper()
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr, Timeout: 20 * time.Second}
	all := make([]time.Duration, n)
	for i := range all {
		begin := time.Now()
		if res, _ := get(t, c, "http://"+addr+"/"); res.StatusCode != 200 {
			t.Fatalf("a good request: %d", res.StatusCode)
		}
		all[i] = time.Since(begin)
	}
	slices.Sort(all)
	return all[n*99/100]
}

// patient bounds a latency under load against the same without; it is generous,
// since other tests run beside this one. The log tells what was measured.
func patient(t *testing.T, what string, alone, loaded time.Duration) {
	t.Helper()
	t.Logf("%s: p99 of good requests %v, alone %v, ratio %.2f", what, loaded, alone, float64(loaded)/float64(alone))
	if loaded > 10*alone+time.Second {
		t.Errorf("%s: good requests take %v, alone %v", what, loaded, alone)
	}
}

const loadSite = `
listen: [{address: "127.0.0.1:0"}]
watch: -1s
limits: {header_time: 60s, body_time: 60s, per_ip: -1}
sites: [{hosts: ["*"], backends: [{url: "%s"}]}]
`

func TestIdleConnections(t *testing.T) {
	backend := app(t, func(http.ResponseWriter, *http.Request) {})
	g := run(t, fmt.Sprintf(loadSite, backend))
	alone := p99(t, g.addr, 400)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := files(t, *idleClients)
	for i := range n {
		c, err := net.Dial("tcp", g.addr)
		if err != nil {
			t.Fatal(i, err)
		}
		defer func() { _ = c.Close() }()
		if i%2 == 0 { // Half of them have had an answer and stay.
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			if res, err := http.ReadResponse(bufio.NewReaderSize(c, 512), nil); err != nil || res.StatusCode != 200 {
				t.Fatal(i, res, err)
			}
		}
	}
	patient(t, fmt.Sprint(n, " idle connections"), alone, p99(t, g.addr, 400))
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapInuse + after.StackInuse - before.HeapInuse - before.StackInuse) / uint64(n) //nolint:gosec // At least one.
	t.Logf("an idle connection takes %d bytes, the client's end included", each)
	if each > 64<<10 && after.HeapInuse > before.HeapInuse {
		t.Errorf("an idle connection takes %d bytes", each)
	}
}

func TestManySlowClients(t *testing.T) {
	backend := app(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	g := run(t, fmt.Sprintf(loadSite, backend))
	alone := p99(t, g.addr, 400)
	n := files(t, *slowClients)
	ctx, stop := context.WithCancel(t.Context())
	var slow sync.WaitGroup
	defer slow.Wait()
	defer stop()
	var open atomic.Int64
	for i := range n {
		slow.Go(func() {
			c, err := net.Dial("tcp", g.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.Close() }()
			text := "GET / HTTP/1.1\r\nHost: a\r\nX: "
			switch i % 3 {
			case 1: // The body before inspection.
				text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
			case 2: // The body behind it.
				text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 3000)
			}
			_, _ = io.WriteString(c, text)
			open.Add(1)
			for ctx.Err() == nil {
				if _, err := io.WriteString(c, "x"); err != nil {
					return
				}
				select {
				case <-ctx.Done():
				case <-time.After(100 * time.Millisecond):
				}
			}
		})
	}
	for end := time.Now().Add(30 * time.Second); open.Load() < int64(n) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	patient(t, fmt.Sprint(n, " slow clients"), alone, p99(t, g.addr, 400))
}

// A body of 100 MB passes in constant memory, and an attack at its start is found.
func TestLongBody(t *testing.T) {
	const size = 100 << 20
	backend := app(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	})
	g := run(t, fmt.Sprintf(plainSite, backend))
	var most atomic.Uint64
	body := &watched{n: size, at: func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most.Store(max(most.Load(), m.HeapInuse))
	}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+g.addr+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = size
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if string(text) != fmt.Sprint(size, "<nil>") && string(text) != fmt.Sprint(size, nil) {
		t.Errorf("the application read %q", text)
	}
	if most.Load() > 64<<20 {
		t.Errorf("the heap grew to %d bytes", most.Load())
	}
	res, _ = raw(t, g.addr, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 104857600\r\n\r\nattack"+strings.Repeat("x", 4096))
	if res.StatusCode != 403 {
		t.Errorf("an attack at the start of a long body: %d", res.StatusCode)
	}
}

// watched is n bytes; at is called every 8 MB.
type watched struct {
	n, told int
	at      func()
}

func (w *watched) Read(p []byte) (int, error) {
	if w.n == 0 {
		return 0, io.EOF
	}
	n := min(len(p), w.n)
	for i := range p[:n] {
		p[i] = 'x'
	}
	w.n -= n
	if w.told += n; w.told > 8<<20 {
		w.told = 0
		w.at()
	}
	return n, nil
}

// Heads that are too much are refused with their status, and quickly forgotten.
func TestHeaderBombs(t *testing.T) {
	backend := app(t, func(http.ResponseWriter, *http.Request) { t.Error("it reached the application") })
	g := run(t, fmt.Sprintf(plainSite, backend))
	for _, c := range []struct {
		name, head string
		status     int
	}{
		{"10,000 headers", strings.Repeat("X-Y: z\r\n", 10_000), 431},
		{"one of 1 MB", "X: " + strings.Repeat("y", 1<<20) + "\r\n", 431},
		{"a name of 100 kB", strings.Repeat("n", 100_000) + ": y\r\n", 431},
		{"folded", "X: y\r\n" + strings.Repeat(" z\r\n", 1000), 400},
		{"two lengths", "Content-Length: 1\r\nContent-Length: 2\r\n", 400},
		{"invalid UTF-8 with an attack", "X: \xff\xfe\xc3 attack\r\n", 403},
	} {
		for range 5 {
			if res, _ := raw(t, g.addr, "GET / HTTP/1.1\r\nHost: a\r\n"+c.head+"Connection: close\r\n\r\n"); res.StatusCode != c.status {
				t.Errorf("%s: %d, want %d", c.name, res.StatusCode, c.status)
				break
			}
		}
	}
	if res, _ := raw(t, g.addr, "GET /"+strings.Repeat("a", 1<<20)+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); res.StatusCode != 414 {
		t.Errorf("a target of 1 MB: %d", res.StatusCode)
	}
}

// Backends that die in the middle of an answer end that answer, not the gateway.
func TestBackendsThatDie(t *testing.T) {
	var calls atomic.Int64
	backend := app(t, func(w http.ResponseWriter, r *http.Request) {
		switch calls.Add(1); r.URL.Path {
		case "/before":
			panic(http.ErrAbortHandler)
		case "/within":
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	g := run(t, fmt.Sprintf(plainSite, backend))
	for range 20 {
		res, err := http.Post("http://"+g.addr+"/before", "text/plain", strings.NewReader("x"))
		if err != nil || res.StatusCode != http.StatusBadGateway {
			t.Fatal(res, err)
		}
		_ = res.Body.Close()
		if res, err = http.Get("http://" + g.addr + "/within"); err == nil {
			_, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		if err == nil {
			t.Fatal("half an answer looks whole")
		}
	}
	if n := calls.Load(); n != 40 {
		t.Errorf("the application was asked %d times for 40 requests: something was sent twice or not at all", n)
	}
	if res, _ := get(t, http.DefaultClient, "http://"+g.addr+"/"); res.StatusCode != 200 {
		t.Errorf("afterwards: %d", res.StatusCode)
	}
}
