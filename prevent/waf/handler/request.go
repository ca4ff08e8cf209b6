package handler

import (
	"crypto/subtle"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura"
)

// reserved begins the names of headers that only a gate may set.
const reserved = "X-Amzn-Waf-"

// tokenHeader is where a client proves that it may see rules, rulesHeader where
// it sees them.
const (
	tokenHeader = "X-Yagura-Rules-Token"
	rulesHeader = "X-Yagura-Rules"
)

// request builds what the gate sees of a request, without its body, unless the
// server has.
func (g *Guard) request(r *http.Request, q *yagura.Request) *yagura.Request {
	if q == nil {
		q = &yagura.Request{
			Method: r.Method, URI: r.RequestURI, Version: version(r), Scheme: "http", Host: r.Host, BodySize: r.ContentLength,
		}
		if q.URI == "" { // Not from a server.
			q.URI = r.URL.RequestURI()
		}
		// In HTTP/2 a number sign may come. It begins no fragment for net/http, and
		// what stands behind it would not be inspected as query.
		q.URI = strings.ReplaceAll(q.URI, "#", "%23")
		if r.TLS != nil {
			q.Scheme = "https"
		}
	}
	g.complete(q)
	if g.Prepare != nil {
		g.Prepare(r, q)
	}
	if q.Headers == nil {
		q.Headers = fields(r)
		q.Missing |= yagura.PartOrder
	}
	if !q.Client.IsValid() {
		q.Client = Client(r, g.Trusted)
	}
	return q
}

// version gives the protocol as AWS logs it: HTTP/2.0, HTTP/1.1.
func version(r *http.Request) string {
	if r.Proto != "" {
		return r.Proto
	}
	return "HTTP/1.1"
}

// fields lists the header by name, Host first. HTTP/2 has small letters.
func fields(r *http.Request) []yagura.Header {
	out := make([]yagura.Header, 0, len(r.Header)+2)
	lower := r.ProtoMajor >= 2
	add := func(name, value string) {
		if lower {
			name = strings.ToLower(name)
		}
		out = append(out, yagura.Header{Name: name, Value: value})
	}
	if r.Host != "" {
		add("Host", r.Host)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			add(name, value)
		}
	}
	for _, coding := range r.TransferEncoding {
		add("Transfer-Encoding", coding)
	}
	return out
}

// Client gives the address of the client: the peer's, or, behind trusted
// proxies, the last address in X-Forwarded-For that is not one of theirs. What
// stands before an address that cannot be read is not believed.
func Client(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	client := peer.Addr().Unmap()
	if err != nil || !within(client, trusted) {
		return client
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		addr, err := netip.ParseAddr(hop)
		if err != nil {
			withPort, err := netip.ParseAddrPort(hop)
			if err != nil {
				break
			}
			addr = withPort.Addr()
		}
		client = addr.Unmap().WithZone("")
		if !within(client, trusted) {
			break
		}
	}
	return client
}

func within(addr netip.Addr, nets []netip.Prefix) bool {
	return slices.ContainsFunc(nets, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// stripReserved takes out headers that would look like a gate's, and names in
// Connection that no client should choose.
func stripReserved(r *http.Request) {
	for name := range r.Header {
		if isReserved(name) {
			delete(r.Header, name)
		}
	}
	keepConnection(r, func(name string) bool { return perHop[name] })
}

// perHop are the names in Connection that are followed. A proxy drops what stands
// there, so that others would let a client take out of a request what the gate
// has seen in it, or what a proxy before has added.
var perHop = map[string]bool{
	"Close": true, "Keep-Alive": true, "Upgrade": true, "Te": true, "Trailer": true, "Http2-Settings": true, "Proxy-Connection": true,
}

func isReserved(name string) bool {
	return strings.HasPrefix(name, reserved) || len(name) > len(reserved) && strings.EqualFold(strings.ReplaceAll(name[:len(reserved)], "_", "-"), reserved)
}

// stripTrailer takes out of the trailer what a server that merges it into the
// header would believe to come from a proxy. No gate sees trailers.
func stripTrailer(r *http.Request) {
	for name := range r.Trailer {
		if isReserved(name) || strings.HasPrefix(name, "X-Forwarded-") || trusting[name] {
			delete(r.Trailer, name)
		}
	}
}

// trusting are fields that decide who a client is and how a request is read.
var trusting = map[string]bool{
	"Authorization": true, "Connection": true, "Content-Encoding": true, "Content-Type": true, "Cookie": true, "Forwarded": true,
	"Host": true, "X-Real-Ip": true,
}

// keepConnection rewrites Connection without the names that keep refuses.
func keepConnection(r *http.Request, keep func(name string) bool) {
	old := r.Header["Connection"]
	if len(old) == 0 {
		return
	}
	var names []string
	for name := range strings.SplitSeq(strings.Join(old, ","), ",") {
		if name = strings.TrimSpace(name); name != "" && keep(http.CanonicalHeaderKey(name)) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		delete(r.Header, "Connection")
		return
	}
	r.Header["Connection"] = []string{strings.Join(names, ", ")}
}

// insert sets the verdict's headers.
func insert(r *http.Request, headers []yagura.Header) {
	for _, h := range headers {
		r.Header.Set(h.Name, h.Value)
	}
}

// shown says whether the client may see the matched rules. Its token goes no
// further.
func (g *Guard) shown(q *yagura.Request, r *http.Request) bool {
	if g.Secret == "" {
		return false
	}
	ok := false
	q.Headers = slices.DeleteFunc(q.Headers, func(h yagura.Header) bool {
		if !strings.EqualFold(h.Name, tokenHeader) {
			return false
		}
		ok = ok || subtle.ConstantTimeCompare([]byte(h.Value), []byte(g.Secret)) == 1
		return true
	})
	if r != nil {
		r.Header.Del(tokenHeader)
	}
	return ok
}

// show tells the matched rules.
func (g *Guard) show(w http.ResponseWriter, shown bool, v *yagura.Verdict) {
	if !shown {
		return
	}
	var rules []string
	if v != nil {
		w.Header().Set(rulesHeader+"-Action", v.Action.String())
		for _, hit := range v.Hits {
			rules = append(rules, safeName(hit.Rule))
		}
	}
	w.Header().Set(rulesHeader, strings.Join(rules, ","))
}

// safeName makes the name of a rule fit into a list in a header.
func safeName(s string) string {
	return strings.Map(func(c rune) rune {
		if c <= ' ' || c >= 0x7f || c == ',' {
			return '_'
		}
		return c
	}, s)
}
