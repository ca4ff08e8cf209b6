package record

import (
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

// Balancer fills r from an event of a load balancer's access log; false: it is
// not about an HTTP request.
func Balancer(ev *ocsf.Event, r *Record) bool {
	if ev.Class != ocsf.HTTPActivity {
		return false
	}
	r.reset("alb")
	r.Missing = yagura.PartHeaders | yagura.PartBody | yagura.PartCountry | yagura.PartFingerprint | yagura.PartOrder
	h := &ev.HTTP
	r.Time, r.ID, r.Method, r.Version, r.Scheme, r.Host = ev.Time, ev.Correlation, h.Method, h.Version, h.Scheme, h.Host
	r.URI = join(h.Path, h.Query)
	if h.Path == "" {
		r.Missing |= yagura.PartURI
	}
	if h.Method == "" {
		r.Missing |= yagura.PartMethod
	}
	if h.Version == "" {
		r.Missing |= yagura.PartVersion
	}
	r.client(ev.Src.IP)
	if h.Host != "" {
		r.header("Host", h.Host)
	}
	if h.Agent != "" {
		r.header("User-Agent", h.Agent)
	}
	if h.Code > 0 {
		r.Status = h.Code
	}
	r.Action = balancerAction(ev.Action, r.Status)
	return true
}

// balancerAction reads actions_executed: "waf,forward" has passed a web ACL;
// "waf" alone was stopped by it.
func balancerAction(executed string, status int64) yagura.Action {
	switch {
	case executed == "" || executed == "-":
		return yagura.Undecided
	case executed != "waf" && executed != "authenticate,waf" && executed != "waf-failed":
		return yagura.Allow
	case executed == "waf-failed" || status == 0:
		return yagura.Undecided
	case status == 405:
		return yagura.Captcha
	case status == 202:
		return yagura.Challenge
	}
	return yagura.Block
}

// accepted says whether an answer shows that the application was content.
func accepted(status int64) bool { return status >= 200 && status < 400 }

// Succeeded says whether the request passed and the application answered it
// well. A record of AWS WAF does not tell.
func (r *Record) Succeeded() bool {
	return r.Kind != "waf" && r.Action == yagura.Allow && accepted(r.Status)
}

// plain undoes the percent-encoding that a log put on a text, which may have
// been put on twice. What is no encoding stays.
func plain(s string) string {
	for range 2 {
		if !strings.Contains(s, "%") {
			break
		}
		s = unescape(s)
	}
	return s
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := nibble(s[i+1]), nibble(s[i+2])
			if hi < 16 && lo < 16 {
				b.WriteByte(hi<<4 | lo)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
