package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// policy allows the console's own files and nothing else, without exceptions.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// maxBody bounds the body of a request.
const maxBody = 1 << 20

// guard turns away what does not come from this machine's own browser, and sets
// the headers of every answer.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if !localHost(r.Host) {
			writeFailure(w, &failure{
				status: http.StatusMisdirectedRequest, what: "this server answers only to localhost",
				where: "Host: " + r.Host, fix: "open http://localhost:PORT/ or http://127.0.0.1:PORT/",
			})
			return
		}
		if f := foreign(r); f != nil {
			writeFailure(w, f)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// localHost says whether a Host header names this machine. A rebound DNS name
// does not.
func localHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	host = strings.Trim(strings.TrimSuffix(host, "."), "[]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// foreign gives the refusal of a request that another site has caused, or nil.
// Links and shared URLs to pages come from anywhere; reading the API and
// writing do not.
func foreign(r *http.Request) *failure {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	if read && fromElsewhere(r) && !visit(r) {
		return &failure{
			status: http.StatusForbidden, what: "another site may not read from here",
			where: "Sec-Fetch-Site: " + r.Header.Get("Sec-Fetch-Site"), fix: "open the page itself",
		}
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return &failure{
			status: http.StatusForbidden, what: "another site may not write here",
			where: "Origin: " + r.Header.Get("Origin"), fix: "do it in the console",
		}
	}
	return nil
}

// fromElsewhere says that the browser tells of another origin.
func fromElsewhere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return false
	}
	return true
}

// visit says that the browser opens a page in its window.
func visit(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" &&
		!strings.HasPrefix(r.URL.Path, "/api/")
}
