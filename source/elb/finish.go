package elb

import (
	"strings"

	"github.com/yagura-sec/yagura/internal/lines"
	"github.com/yagura-sec/yagura/ocsf"
)

const protocolTCP = 6

// request reads a request line with a whole URL: GET http://host:80/path HTTP/1.1.
// A request that the load balancer could not read looks like - http://host:80- -.
func request(_ *mapper, ev *ocsf.Event, v string) error {
	h := &ev.HTTP
	var url string
	h.Method, url, h.Version = lines.Request(v)
	scheme, rest, found := strings.Cut(url, "://")
	if !found || strings.ContainsAny(scheme, "/?") {
		h.Path, h.Query, _ = strings.Cut(url, "?")
		return nil
	}
	h.Scheme = scheme
	authority := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority = rest[:i]
		h.Path, h.Query, _ = strings.Cut(rest[i:], "?")
	} else {
		authority = strings.TrimSuffix(authority, "-") // the path that is missing
	}
	host, port := lines.HostPort(authority)
	n, _, ok := lines.Number(port)
	switch {
	case ok && n <= 65535:
		h.Host, h.Port = host, n
	case port == "":
		h.Host = host
	default:
		h.Host = authority
	}
	return nil
}

// activities are OCSF's activity ids of HTTP activity, by method.
var activities = map[string]int64{
	"CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "OPTIONS": 5, "POST": 6, "PUT": 7, "TRACE": 8, "PATCH": 9,
}

func finishHTTP(m *mapper, ev *ocsf.Event) {
	switch id, ok := activities[ev.HTTP.Method]; {
	case ok:
		ev.Activity = id
	case ev.HTTP.Method != "":
		ev.Activity = ocsf.ActivityOther
	}
	switch c := ev.HTTP.Code; {
	case c >= 400:
		ev.Status = ocsf.StatusFailure
	case c >= 100:
		ev.Status = ocsf.StatusSuccess
	}
	if m.taken == 3 {
		ev.HTTP.Latency = m.took
	}
}

// finishClassic knows TCP and SSL listeners by their empty request.
func finishClassic(m *mapper, ev *ocsf.Event) {
	finishHTTP(m, ev)
	if ev.HTTP.Method == "" && ev.HTTP.Path == "" && ev.HTTP.Host == "" && ev.HTTP.Code == ocsf.Null {
		ev.Class, ev.Activity, ev.Traffic.Protocol = ocsf.NetworkActivity, ocsf.NetTraffic, protocolTCP
	}
}

func finishTLS(_ *mapper, ev *ocsf.Event) {
	ev.Activity, ev.Traffic.Protocol = ocsf.NetTraffic, protocolTCP
	ev.Status = ocsf.StatusSuccess
	if ev.Code != "" || ev.TLS == "" { // an alert, or a handshake that came to nothing
		ev.Status = ocsf.StatusFailure
	}
}

func finishConnection(m *mapper, ev *ocsf.Event) {
	ev.Activity, ev.Traffic.Protocol = ocsf.NetTraffic, protocolTCP
	ev.Resource = m.balancer
	if ev.Status == ocsf.StatusUnknown && ev.TLS != "" {
		ev.Status = ocsf.StatusSuccess
	}
}
