package wire

import (
	"strconv"
	"strings"
	"time"
)

// Hit is one HTTP request at a load balancer: the source of one ALB line and, when a web ACL is attached, one WAF line.
type Hit struct {
	At       int64 // unix milliseconds when the request came in
	Account  string
	Region   string
	Balancer string // app/name/id
	Group    string // target group ARN
	ACL      string // web ACL ARN; empty means none
	Client   string
	Port     int
	Country  string
	Target   string // address:port, empty when no target was chosen
	Host     string
	Method   string
	Path     string
	Query    string // without the question mark
	Agent    string
	Referer  string
	Cookie   string
	TraceID  string // Root=1-8hex-24hex
	ConnID   string // TID_32hex
	Status   int
	In, Out  int64
	Took     int64 // milliseconds in the target
	TLS13    bool

	Labels   []string // WAF labels added by rules
	Rule     string   // terminating rule; empty is Default_Action
	Group2   string   // rule group id that terminated, empty when a rule of the ACL itself did
	RuleKind string   // REGULAR, MANAGED_RULE_GROUP or RATE_BASED
	SubRule  string   // the rule inside the group
	Counted  string   // a rule in count mode that matched
	Groups   []string // managed rule groups that looked at the request
}

// Blocked says whether the web ACL ended the request.
func (h *Hit) Blocked() bool { return h.Rule != "" }

func micros(dst []byte, ms int64, sub int64) []byte {
	t := time.UnixMilli(ms).UTC()
	dst = Time(dst, ms/1000)
	dst = append(dst[:len(dst)-1], '.')
	dst = pad(dst, t.Nanosecond()/1e6*1000+int(sub), 6)
	return append(dst, 'Z')
}

// AppendALB writes the access log line of the Application Load Balancer, with its newline.
func (h *Hit) AppendALB(dst []byte) []byte {
	kind, version := "https ", " HTTP/1.1"
	if h.browser() {
		kind, version = "h2 ", " HTTP/2.0"
	}
	dst = append(dst, kind...)
	dst = micros(dst, h.At+h.Took+3, h.In%997)
	dst = append(dst, ' ')
	dst = append(dst, h.Balancer...)
	dst = append(dst, ' ')
	dst = append(dst, h.Client...)
	dst = append(dst, ':')
	dst = number(dst, int64(h.Port))
	dst = append(dst, ' ')
	dst = dash(dst, h.Target)
	dst = h.appendTimes(dst)
	dst = number(dst, int64(h.Status))
	dst = append(dst, ' ')
	dst = h.ifTarget(dst, strconv.Itoa(h.Status))
	dst = append(dst, ' ')
	dst = number(dst, h.In)
	dst = append(dst, ' ')
	dst = number(dst, h.Out)
	dst = append(dst, ' ')
	url := "https://" + h.Host + ":443" + h.Path
	if h.Query != "" {
		url += "?" + h.Query
	}
	dst = quoted(dst, h.Method+" "+url+version)
	dst = append(dst, ' ')
	dst = quoted(dst, h.Agent)
	if h.TLS13 {
		dst = append(dst, " TLS_AES_128_GCM_SHA256 TLSv1.3 "...)
	} else {
		dst = append(dst, " ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 "...)
	}
	dst = h.ifTarget(dst, h.Group)
	dst = append(dst, ' ')
	dst = quoted(dst, h.TraceID)
	dst = append(dst, ' ')
	dst = quoted(dst, h.Host)
	dst = append(dst, ` "arn:aws:acm:`...)
	dst = append(dst, h.Region+":"+h.Account+":certificate/"+certificate(h.Balancer)...)
	dst = append(dst, `" `...)
	dst = h.ifTarget(dst, "100")
	dst = append(dst, ' ')
	dst = micros(dst, h.At, h.Out%983)
	dst = h.appendActions(dst)
	return append(dst, '\n')
}

// browser says whether the client spoke HTTP/2, as browsers do and scripts mostly do not.
func (h *Hit) browser() bool { return strings.HasPrefix(h.Agent, "Mozilla/5.0 (") }

// ifTarget appends s when a target got the request and a minus sign otherwise.
func (h *Hit) ifTarget(dst []byte, s string) []byte {
	if h.Target == "" {
		return append(dst, '-')
	}
	return append(dst, s...)
}

func (h *Hit) appendTimes(dst []byte) []byte {
	if h.Target == "" {
		return append(dst, " -1 -1 -1 "...)
	}
	dst = append(dst, " 0.00"...)
	dst = append(dst, '0'+byte(h.In%3), ' ')
	dst = number(dst, h.Took/1000)
	dst = append(dst, '.')
	dst = pad(dst, int(h.Took%1000), 3)
	return append(dst, " 0.000 "...)
}

func (h *Hit) appendActions(dst []byte) []byte {
	switch {
	case h.Blocked():
		dst = append(dst, ` "waf" "-" "-" "-" "-" "-" "-"`...)
	case h.Target == "":
		dst = append(dst, ` "waf,forward" "-" "-" "-" "-" "-" "-"`...)
	default:
		dst = append(dst, ` "waf,forward" "-" "-" `...)
		dst = quoted(dst, h.Target)
		dst = append(dst, ' ', '"')
		dst = number(dst, int64(h.Status))
		dst = append(dst, `" "-" "-"`...)
	}
	if h.ConnID != "" {
		dst = append(dst, ' ')
		dst = append(dst, h.ConnID...)
	}
	return dst
}

// certificate derives a stable certificate id from the balancer's own id.
func certificate(balancer string) string {
	id := balancer[max(0, len(balancer)-16):]
	for len(id) < 16 {
		id += "0"
	}
	return id[:8] + "-" + id[8:12] + "-4" + id[12:15] + "-a" + id[13:16] + "-" + id[2:14]
}
