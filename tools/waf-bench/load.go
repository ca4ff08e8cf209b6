package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// workers is how many connections send at once.
const workers = 8

// kind is a request. %d in the target or body is its number, so that no two are
// equal and nothing is answered from memory.
type kind struct{ method, target, body string }

var kinds = map[string]kind{
	"get":    {"GET", "/catalogue/shoes?page=%d&sort=price&q=leather+boots&colour=brown", ""},
	"json":   {"POST", "/api/cart", cart()},
	"attack": {"GET", "/item?id=%d%%27%%20UNION%%20SELECT%%20username,password%%20FROM%%20users--%%20-&q=%%3Cscript%%3Ealert(1)%%3C/script%%3E&f=../../etc/passwd", ""},
}

// cart is a body of 1 KiB with some 60 values.
func cart() string {
	var b strings.Builder
	_, _ = b.WriteString(`{"cart":"c-%d","currency":"EUR","coupon":null,"items":[`)
	for i, name := range []string{"Leather boots", "Wool socks", "Rain jacket", "Blue cotton shirt", "Belt", "Travel mug", "Desk lamp", "Notebook A5", "Canvas bag"} {
		if i > 0 {
			_ = b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sku":"SKU-%05d","name":%q,"qty":%d,"price":%d.95,"gift":false,"size":"M"}`, 10234+i*7, name, i%3+1, 19+i*4)
	}
	_, _ = b.WriteString(`],"address":{"name":"Anna Schmidt","street":"Lindenweg 12","city":"Hamburg","zip":"20095"}}`)
	return b.String()
}

var number atomic.Int64

// request makes the next one of a kind, as a browser sends it.
func (k kind) request(url string) *http.Request {
	n := number.Add(1)
	target := k.target
	if strings.Contains(target, "%d") {
		target = fmt.Sprintf(target, n)
	}
	var body io.Reader
	if k.body != "" {
		body = strings.NewReader(fmt.Sprintf(k.body, n))
	}
	r, err := http.NewRequest(k.method, url+target, body) //nolint:noctx // Loopback.
	if err != nil {
		panic(err) // The kinds are constants.
	}
	r.Host = "shop.example.com"
	for _, h := range [][2]string{
		{"Sec-Ch-Ua", `"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"`},
		{"Sec-Ch-Ua-Mobile", "?0"},
		{"Sec-Ch-Ua-Platform", `"Windows"`},
		{"Upgrade-Insecure-Requests", "1"},
		{"User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"},
		{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"},
		{"Sec-Fetch-Site", "same-origin"},
		{"Sec-Fetch-Mode", "navigate"},
		{"Sec-Fetch-Dest", "document"},
		{"Referer", "https://shop.example.com/catalogue/shoes?page=2&sort=price"},
		{"Accept-Encoding", "gzip, deflate, br, zstd"},
		{"Accept-Language", "en-GB,en;q=0.9,ja;q=0.8"},
		{"Cookie", fmt.Sprintf("session=5f3a9c1e7b2d4f60a1b2%012d; theme=dark; _ga=GA1.2.1729384756.%d", n, 1731456789+n)},
	} {
		r.Header.Set(h[0], h[1])
	}
	if k.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// run is what some requests cost.
type run struct {
	n        int
	cpu      time.Duration // of the server
	took     time.Duration
	statuses map[int]int
}

func (r run) each() float64 { return float64(r.cpu.Microseconds()) / float64(r.n) }

// send sends n requests over a number of connections, as fast as they are answered.
func send(s *server, k kind, n, connections int) run {
	out := run{n: n, statuses: map[int]int{}}
	var mu sync.Mutex
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	begin, cpu := time.Now(), s.cpu()
	for range connections {
		all.Go(func() {
			t := &http.Transport{DisableCompression: true}
			defer t.CloseIdleConnections()
			own := map[int]int{}
			for left.Add(-1) >= 0 {
				own[roundTrip(t, k.request(s.url))]++
			}
			mu.Lock()
			defer mu.Unlock()
			for status, count := range own {
				out.statuses[status] += count
			}
		})
	}
	all.Wait()
	out.took, out.cpu = time.Since(begin), s.cpu()-cpu
	return out
}

// roundTrip gives the status, 0 for a failure.
func roundTrip(t http.RoundTripper, r *http.Request) int {
	res, err := t.RoundTrip(r)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

func (s *server) note(kind string, r run) {
	if r.statuses[s.expect[kind]] != r.n {
		fmt.Printf("%s: %s was answered with %v, want only %d\n", s.name, kind, r.statuses, s.expect[kind])
	}
	s.runs[kind] = append(s.runs[kind], r)
}

// cost is the median of the turns, in µs of processor time per request.
func (s *server) cost(kind string) float64 {
	var list []float64
	for _, r := range s.runs[kind] {
		list = append(list, r.each())
	}
	slices.Sort(list)
	if len(list) == 0 {
		return 0
	}
	return list[len(list)/2]
}

// paced sends at a rate, whether answers come or not, and gives the latencies from
// when a request was due.
func paced(s *server, k kind, perSecond float64, took time.Duration) []time.Duration {
	n := int(perSecond * took.Seconds())
	out := make([]time.Duration, n)
	t := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	defer t.CloseIdleConnections()
	slots := make(chan int, n)
	var all sync.WaitGroup
	begin := time.Now()
	due := func(i int) time.Time { return begin.Add(time.Duration(float64(i) / perSecond * 1e9)) }
	for range 64 {
		all.Go(func() {
			for i := range slots {
				if roundTrip(t, k.request(s.url)) == 0 {
					out[i] = time.Minute
					continue
				}
				out[i] = time.Since(due(i))
			}
		})
	}
	for i := range n {
		time.Sleep(time.Until(due(i)))
		slots <- i
	}
	close(slots)
	all.Wait()
	return out
}

func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
