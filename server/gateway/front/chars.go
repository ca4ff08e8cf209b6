package front

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// class says what a byte may be part of
// (https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2).
type class uint8

const (
	inToken class = 1 << iota
	inValue
	inHost
	inTarget
)

var classes = func() (t [256]class) {
	for c := range t {
		b := byte(c)
		alnum := b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
		if alnum || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0 {
			t[c] |= inToken
		}
		if b == '\t' || b >= ' ' && b != 0x7f {
			t[c] |= inValue
		}
		// Registered names may hold percent escapes and sub-delimiters, but no
		// host of the Web does; a client that sends them wants to confuse.
		if alnum || strings.IndexByte("-._~", b) >= 0 {
			t[c] |= inHost
		}
		// Bytes over 0x7f are not allowed, but old clients send them and every
		// server takes them.
		if b > ' ' && b != 0x7f {
			t[c] |= inTarget
		}
	}
	return t
}()

func all(s string, of class) bool {
	for i := range len(s) {
		if classes[s[i]]&of == 0 {
			return false
		}
	}
	return true
}

func isToken(s string) bool { return s != "" && all(s, inToken) }

func isValue(s string) bool { return all(s, inValue) }

// isHost says whether s is host[:port].
func isHost(s string) bool {
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		at := strings.IndexByte(s, ']')
		if at < 0 {
			return false
		}
		addr, err := netip.ParseAddr(s[1:at])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return false
		}
		host, port = "", s[at+1:]
		if port != "" && port[0] != ':' {
			return false
		}
		port = strings.TrimPrefix(port, ":")
	} else {
		host, port, _ = strings.Cut(s, ":")
		if host == "" || !all(host, inHost) {
			return false
		}
	}
	return len(host) <= 255 && len(port) <= 5 && strings.Trim(port, "0123456789") == ""
}

// Sound says what is wrong with the beginning of a request that came in other
// frames than those of HTTP/1, and may leave in them; nil when nothing is.
func Sound(method, target, host string) *Fault {
	switch reason := badTarget(method, target); {
	case !isToken(method):
		return &Fault{http.StatusBadRequest, "bad-method"}
	case method == http.MethodConnect:
		return &Fault{http.StatusMethodNotAllowed, "connect"}
	case reason != "":
		return &Fault{http.StatusBadRequest, reason}
	case !isHost(host):
		return &Fault{http.StatusBadRequest, "bad-host"}
	}
	return nil
}

// badTarget says what is wrong with a request target. The form must be the
// origin's, the absolute one that proxies get, or "*" of OPTIONS.
func badTarget(method, target string) string {
	switch {
	case target == "":
		return "no-target"
	case target == "*" && method == "OPTIONS":
		return ""
	case !all(target, inTarget):
		return "bad-byte-in-target"
	case strings.IndexByte(target, '#') >= 0:
		return "fragment-in-target"
	case target[0] != '/' && authority(target) == "":
		return "bad-target"
	}
	if _, err := url.ParseRequestURI(target); err != nil {
		return "bad-target" // A percent sign without two digits behind it.
	}
	return ""
}

// authority gives the host of a target in absolute form, empty for others.
func authority(target string) string {
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return ""
	}
	if at := strings.IndexAny(rest, "/?"); at >= 0 {
		rest = rest[:at]
	}
	if !isHost(rest) {
		return ""
	}
	return rest
}
