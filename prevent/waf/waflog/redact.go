package waflog

import (
	"fmt"
	"slices"
	"strings"
)

// redacted stands in place of what is not logged, as AWS writes it.
const redacted = "REDACTED"

// Redaction is what is not logged: the fields of Config.Redact. Nil hides nothing.
type Redaction struct {
	uri, query, method bool
	headers            []string // small letters
}

// newRedaction reads the names of fields: "uri", "query", "method",
// "header:NAME" and "cookie", which is "header:cookie". What matched in such a
// field is not logged either.
func newRedaction(fields []string) (*Redaction, error) {
	r := &Redaction{}
	for _, f := range fields {
		name := strings.ToLower(f)
		header, isHeader := strings.CutPrefix(name, "header:")
		switch {
		case name == "uri":
			r.uri = true
		case name == "query":
			r.query = true
		case name == "method":
			r.method = true
		case name == "cookie":
			r.headers = append(r.headers, "cookie")
		case isHeader && header != "":
			r.headers = append(r.headers, strings.TrimSpace(header))
		default:
			return nil, fmt.Errorf("waf log: cannot redact %q; it is uri, query, method, cookie or header:NAME", f)
		}
	}
	return r, nil
}

// hides says whether a field, by AWS's location, is redacted.
func (r *Redaction) hides(location, name string) bool {
	if r == nil {
		return false
	}
	switch location {
	case "URI":
		return r.uri
	case "QUERY_STRING", "ALL_QUERY_ARGS", "SINGLE_QUERY_ARG":
		return r.query
	case "METHOD":
		return r.method
	case "COOKIES":
		return slices.Contains(r.headers, "cookie")
	case "HEADER":
		return slices.ContainsFunc(r.headers, func(h string) bool { return strings.EqualFold(h, name) })
	case "HEADERS":
		return len(r.headers) > 0
	}
	// A place that this package does not know may show any field.
	return location != "BODY" && location != "JSON_BODY" && (r.uri || r.query || len(r.headers) > 0)
}
