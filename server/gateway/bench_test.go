package gateway

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"syscall"
	"testing"
)

// plainProxy is what the gateway is compared with.
func plainProxy(b *testing.B, backend string) string {
	u, err := url.Parse(backend)
	if err != nil {
		b.Fatal(err)
	}
	s := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(u) }})
	b.Cleanup(s.Close)
	return s.URL
}

// cpu is the processor time of the process in ns, client and backend included.
func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
