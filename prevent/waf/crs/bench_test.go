package crs

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/coraza"
)

// browser are the headers of an ordinary browser.
var browser = []yagura.Header{
	{Name: "Host", Value: "shop.example.com"},
	{Name: "Connection", Value: "keep-alive"},
	{Name: "sec-ch-ua", Value: `"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"`},
	{Name: "sec-ch-ua-mobile", Value: "?0"},
	{Name: "sec-ch-ua-platform", Value: `"Windows"`},
	{Name: "Upgrade-Insecure-Requests", Value: "1"},
	{Name: "User-Agent", Value: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"},
	{Name: "Accept", Value: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"},
	{Name: "Sec-Fetch-Site", Value: "same-origin"},
	{Name: "Sec-Fetch-Mode", Value: "navigate"},
	{Name: "Sec-Fetch-Dest", Value: "document"},
	{Name: "Referer", Value: "https://shop.example.com/catalogue/shoes?page=2&sort=price"},
	{Name: "Accept-Encoding", Value: "gzip, deflate, br, zstd"},
	{Name: "Accept-Language", Value: "en-GB,en;q=0.9,ja;q=0.8"},
	{Name: "Cookie", Value: "session=5f3a9c1e7b2d4f60a1b2c3d4e5f60718; theme=dark; _ga=GA1.2.1729384756.1731456789"},
}

// cart is a JSON body of about 1 KiB with some 60 values.
func cart() []byte {
	var b strings.Builder
	_, _ = b.WriteString(`{"cart":"c-81f2","currency":"EUR","coupon":null,"items":[`)
	names := []string{"Leather boots", "Wool socks", "Rain jacket", "Blue cotton shirt", "Belt", "Travel mug", "Desk lamp", "Notebook A5", "Canvas bag"}
	for i, name := range names {
		if i > 0 {
			_ = b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sku":"SKU-%05d","name":%q,"qty":%d,"price":%d.95,"gift":false,"size":"M"}`, 10234+i*7, name, i%3+1, 19+i*4)
	}
	_, _ = b.WriteString(`],"address":{"name":"Anna Schmidt","street":"Lindenweg 12","city":"Hamburg","zip":"20095"}}`)
	return []byte(b.String())
}

func benchRequests() map[string]*yagura.Request {
	client := netip.MustParseAddr("192.0.2.10")
	post := func(kind string, body []byte) *yagura.Request {
		headers := append([]yagura.Header{}, browser...)
		headers = append(headers, yagura.Header{Name: "Content-Type", Value: kind},
			yagura.Header{Name: "Content-Length", Value: fmt.Sprint(len(body))})
		return &yagura.Request{ID: "r1", Method: "POST", URI: "/api/cart", Version: "HTTP/1.1", Client: client, Headers: headers, Body: body, BodySize: int64(len(body))}
	}
	return map[string]*yagura.Request{
		"get":    {ID: "r1", Method: "GET", URI: "/catalogue/shoes?page=3&sort=price&q=leather+boots&colour=brown", Version: "HTTP/1.1", Client: client, Headers: browser},
		"json":   post("application/json", cart()),
		"form":   post("application/x-www-form-urlencoded", []byte("name=Anna+Schmidt&street=Lindenweg+12&city=Hamburg&zip=20095&email=anna%40example.com&note=Please+ring+twice%2C+thank+you%21&newsletter=on&country=DE")),
		"attack": {ID: "r1", Method: "GET", URI: "/item?id=1%27%20UNION%20SELECT%20username,password%20FROM%20users--%20-&q=%3Cscript%3Ealert(1)%3C/script%3E&f=../../etc/passwd", Version: "HTTP/1.1", Client: client, Headers: browser},
	}
}

func BenchmarkInspect(b *testing.B) {
	e, err := Compile(Options{Paranoia: 1})
	if err != nil {
		b.Fatal(err)
	}
	ref, err := coraza.Compile(coraza.Options{Paranoia: 1})
	if err != nil {
		b.Fatal(err)
	}
	requests := benchRequests()
	for _, name := range []string{"get", "json", "form", "attack"} {
		r := requests[name]
		b.Run(name+"/yagura", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.Inspect(r)
			}
		})
		// Without what libinjection said on earlier requests.
		b.Run(name+"/yagura-cold", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				clear(e.library.noSQL[:])
				clear(e.library.noMarkup[:])
				e.Inspect(r)
			}
		})
		b.Run(name+"/coraza", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ref.Inspect(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCompile reports what loading costs, and the heap that stays.
func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	var e *Engine
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		var err error
		if e, err = Compile(Options{}); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-held")
	runtime.KeepAlive(e)
}

// TestBenchRequests keeps the benchmarks honest: the benign requests pass, the attack
// does not, and both engines agree.
func TestBenchRequests(t *testing.T) {
	e, ref := engines(t, 1, false)
	for name, r := range benchRequests() {
		if diff := same(t, e, ref, r); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		res := e.Inspect(r)
		if (len(res.Matches) > 0) != (name == "attack") {
			t.Errorf("%s matches %+v", name, res.Matches)
		}
	}
}
