// Package record reads what logs tell of HTTP requests, for deciding on them
// again:
//
//   - traffic logs of AWS WAF, the best: everything but the body
//     (https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html);
//   - access logs of Application Load Balancers, through the source of that name;
//   - CloudFront's standard logs, with or without their #Fields line, as
//     tab-separated text or JSON, and real-time logs, whose fields the operator
//     chose (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/AccessLogs.html);
//   - HAR archives of a browser (http://www.softwareishard.com/blog/har-12-spec/).
//
// A record says honestly what it lacks: Missing and Redacted of the request.
// A masked client (X.X.X.X) is a missing one. A body is known to be empty when
// the size is logged as 0, when an HTTP/1 request with all its headers has neither
// Content-Length nor Transfer-Encoding, and for GET and HEAD without a
// Content-Length; else it is missing. Whether logs keep the order of headers is
// not documented, so it is missing.
package record

import (
	"net/netip"
	"strings"

	"github.com/yagura-sec/yagura"
)

// Record is one request of a log, with what became of it. It is only valid until
// the next one is read.
type Record struct {
	yagura.Request
	// Kind is waf, alb, cloudfront or har.
	Kind string
	// ACL is the ARN of the web ACL that decided, where the log tells.
	ACL string
	// Action is what became of the request; Undecided when the log does not tell.
	Action yagura.Action
	// Rule ended the evaluation; Group and Inner name the rule of a group in it.
	Rule, Group, Inner string
	RuleType           string
	Status             int64 // of the answer, 0 when the log does not tell
	// Token is what the log tells of the client's token.
	Token Token
	// Raw is the record's text, for those of AWS WAF.
	Raw  string
	File string // that holds it
	Line int64  // record in the file, from 1
}

// Token is what a record of AWS WAF tells of Captcha and Challenge.
type Token struct {
	// Failure is as in failureReason; Solved are when the puzzles were, in µs.
	Failure            string
	Captcha, Challenge int64
}

// Trace is what joins the records of one request in several logs.
func (r *Record) Trace() string { return strings.TrimPrefix(r.ID, "Root=") }

// reset forgets everything but the room for headers.
func (r *Record) reset(kind string) {
	headers := r.Headers[:0]
	*r = Record{Kind: kind, File: r.File, Line: r.Line}
	r.Headers, r.BodySize = headers, -1
}

// hidden is how a redacted part reads.
const hidden = "REDACTED"

// client sets the client's address if it is one.
func (r *Record) client(s string) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		r.Missing |= yagura.PartClient
		return
	}
	r.Client = a.Unmap()
}

// country sets the country unless there is none.
func (r *Record) country(s string) {
	if s == "" || s == "-" {
		r.Missing |= yagura.PartCountry
		return
	}
	r.Country = s
}

func (r *Record) header(name, value string) {
	r.Headers = append(r.Headers, yagura.Header{Name: name, Value: value})
}

// join puts path and query together as they were sent.
func join(path, query string) string {
	if query == "" {
		return path
	}
	return path + "?" + query
}

// emptyBody says whether a request whose body is not logged can have none.
func (r *Record) emptyBody() bool {
	if r.Missing&yagura.PartHeaders == 0 {
		for i := range r.Headers {
			n := r.Headers[i].Name
			if len(n) == 14 && strings.EqualFold(n, "content-length") {
				return r.Headers[i].Value == "0"
			}
			if len(n) == 17 && strings.EqualFold(n, "transfer-encoding") {
				return false
			}
		}
		if strings.HasPrefix(r.Version, "HTTP/1") {
			return true
		}
		return r.Method == "GET" || r.Method == "HEAD"
	}
	return r.Kind == "cloudfront" && (r.Method == "GET" || r.Method == "HEAD") // It refuses such bodies.
}

var actions = map[string]yagura.Action{
	"ALLOW": yagura.Allow, "BLOCK": yagura.Block, "COUNT": yagura.Count, "CAPTCHA": yagura.Captcha, "CHALLENGE": yagura.Challenge,
}
