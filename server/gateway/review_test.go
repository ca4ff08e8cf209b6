package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// What HTTP/1 cannot write is refused in HTTP/2 as well: a backend would read
// it in another way than the gate has.
func TestStreamTargets(t *testing.T) {
	var reached atomic.Pointer[string]
	backend := app(t, func(_ http.ResponseWriter, r *http.Request) {
		text := fmt.Sprintf("%s %s %s", r.Method, r.RequestURI, r.Host)
		reached.Store(&text)
	})
	g := run(t, fmt.Sprintf(`
listen: [{address: "127.0.0.1:0", h2c: true}]
watch: -1s
sites: [{hosts: ["*"], backends: [{url: "%s"}]}]
`, backend))
	for _, c := range []struct{ method, path, host, want string }{
		{"GET", "/good?a=b", "shop.test", "200"},
		{"GET", "/x#?q=y", "shop.test", "400"},
		{"GET", "/x HTTP/1.0", "shop.test", "400"},
		{"GET", "/x y?z", "shop.test", "400"},
		{"GET", "/x#attack", "shop.test", "403"},
		{"CONNECT", "", "shop.test:443", "405"},
		{"GET", "/", "shop.test, other.test", "400"},
		{"GET", "/", "a@shop.test", "PROTOCOL_ERROR"},
		{"OPTIONS", "*", "shop.test", "200"},
	} {
		t.Run(c.method+" "+c.path+" "+c.host, func(t *testing.T) {
			reached.Store(nil)
			_, f := h2conn(t, g.addr)
			var b bytes.Buffer
			e := hpack.NewEncoder(&b)
			for _, field := range [][2]string{{":method", c.method}, {":scheme", "http"}, {":path", c.path}, {":authority", c.host}} {
				if c.method != http.MethodConnect || field[0] != ":scheme" && field[0] != ":path" {
					_ = e.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
				}
			}
			if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: b.Bytes(), EndHeaders: true, EndStream: true}); err != nil {
				t.Fatal(err)
			}
			status, d := "", hpack.NewDecoder(4096, nil)
			for status == "" {
				frame, err := f.ReadFrame()
				if err != nil {
					t.Fatal(err)
				}
				switch x := frame.(type) {
				case *http2.HeadersFrame:
					fields, err := d.DecodeFull(x.HeaderBlockFragment())
					if err != nil {
						t.Fatal(err)
					}
					status = fields[0].Value
				case *http2.RSTStreamFrame:
					status = x.ErrCode.String()
				}
			}
			if got := reached.Load(); status != c.want || got != nil && c.want != "200" {
				shown := "nothing"
				if got != nil {
					shown = *got
				}
				t.Errorf("%s, want %s; the application got %s", status, c.want, shown)
			}
		})
	}
}
