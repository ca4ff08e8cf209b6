package rule

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/query/match"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// kind of a test of one value.
type kind uint8

const (
	equal    kind = iota // text is the whole value
	prefix               // text begins it
	suffix               // text ends it
	contains             // text stands in it
	anything             // every value
	glob                 // a pattern with wildcards inside
	regular              // a regular expression
	network              // an address in a network
	number               // a number, written as text or another way
	null                 // no value
	refer                // the value of another field
)

// test is a test of a field's values.
type test struct {
	kind  kind
	text  string // in lower case unless cased
	dash  bool   // dashes are alike
	num   float64
	re    *regexp.Regexp
	net   netip.Prefix
	glob  *match.Text
	slot  int    // of refer
	affix string // of refer
}

// newTest compiles a resolved value.
func newTest(v sigma.Value, cased bool) test {
	t := test{text: v.Text, dash: v.Dash}
	switch v.Kind {
	case "null":
		t.kind = null
		return t
	case "number":
		t.kind, t.num, t.text = number, v.Number, strings.ToLower(v.Text)
		return t
	case "bool":
		return t
	case "re":
		t.kind, t.re = regular, regexp.MustCompile(v.Text) // Resolve has compiled it
		return t
	case "cidr":
		t.kind, t.net = network, netip.MustParsePrefix(v.Text) // Resolve has written it
		return t
	}
	if !cased {
		t.text = strings.ToLower(t.text)
	}
	if t.dash {
		t.text = plainDashes(t.text)
	}
	t.shape()
	return t
}

// shape finds the cheapest form of a pattern.
func (t *test) shape() {
	p := t.text
	head := strings.HasPrefix(p, "*")
	body := strings.TrimPrefix(p, "*")
	tail := strings.HasSuffix(body, "*") && !escapedEnd(body)
	if tail {
		body = body[:len(body)-1]
	}
	lit, plain := match.NewText(body, false).Literal()
	switch {
	case p == "*":
		t.kind = anything
	case !plain:
		t.kind, t.glob = glob, match.NewText(p, false)
		t.text = longest(p)
	case head && tail:
		t.kind, t.text = contains, lit
	case head:
		t.kind, t.text = suffix, lit
	case tail:
		t.kind, t.text = prefix, lit
	default:
		t.kind, t.text = equal, lit
	}
}

// escapedEnd says whether the last character stands behind a backslash that
// escapes it.
func escapedEnd(p string) bool {
	n := 0
	for i := len(p) - 2; i >= 0 && p[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// longest gives the longest literal piece of a pattern.
func longest(p string) string {
	best, lit := "", make([]byte, 0, len(p))
	for i := 0; i <= len(p); i++ {
		if i == len(p) || p[i] == '*' || p[i] == '?' {
			if len(lit) > len(best) {
				best = string(lit)
			}
			lit = lit[:0]
			continue
		}
		if p[i] == '\\' && i+1 < len(p) {
			i++
		}
		lit = append(lit, p[i])
	}
	return best
}

var dashMapper = strings.NewReplacer("/", "-", "\u2013", "-", "\u2014", "-", "\u2015", "-")

func plainDashes(s string) string { return dashMapper.Replace(s) }

// holds tests a value; raw is as written, v in lower case unless cased.
func (t *test) holds(v, raw string) bool {
	if t.dash {
		v = plainDashes(v)
	}
	switch t.kind {
	case equal:
		return v == t.text
	case prefix:
		return strings.HasPrefix(v, t.text)
	case suffix:
		return strings.HasSuffix(v, t.text)
	case contains:
		return strings.Contains(v, t.text)
	case anything:
		return true
	case glob:
		return strings.Contains(v, t.text) && t.glob.Match(v)
	case regular:
		return t.re.MatchString(raw)
	case network:
		a, ok := address(raw)
		return ok && t.net.Contains(a)
	case number:
		if strings.EqualFold(raw, t.text) {
			return true
		}
		n, ok := numberOf(raw)
		return ok && n == t.num
	}
	return false
}

// address reads an address; what cannot be one is not parsed, since the
// parser's error costs much.
func address(s string) (netip.Addr, bool) {
	if len(s) < 2 || len(s) > 64 || strings.Trim(s[:1], "0123456789abcdefABCDEF:") != "" || !strings.ContainsAny(s, ".:") {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}

// numberOf reads a number of a record. A leading zero makes an id of it.
func numberOf(s string) (float64, bool) {
	d := strings.TrimPrefix(s, "-")
	if d == "" || len(s) > 64 || d[0] < '0' || d[0] > '9' || (len(d) > 1 && d[0] == '0' && d[1] >= '0' && d[1] <= '9') {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// part reads a part of a time. Times without a zone are UTC; a number is
// seconds, milliseconds, microseconds or nanoseconds by its size.
func part(name, v string) (float64, bool) {
	at, ok := instant(v)
	if !ok {
		return 0, false
	}
	switch name {
	case "minute":
		return float64(at.Minute()), true
	case "hour":
		return float64(at.Hour()), true
	case "day":
		return float64(at.Day()), true
	case "week":
		_, week := at.ISOWeek()
		return float64(week), true
	case "month":
		return float64(at.Month()), true
	}
	return float64(at.Year()), true
}

func instant(v string) (time.Time, bool) {
	if len(v) > 40 {
		return time.Time{}, false
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil && n > 0 {
		switch {
		case n < 1e11:
			return time.Unix(n, 0).UTC(), true
		case n < 1e14:
			return time.UnixMilli(n).UTC(), true
		case n < 1e17:
			return time.UnixMicro(n).UTC(), true
		}
		return time.Unix(0, n).UTC(), true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if at, err := time.Parse(layout, v); err == nil {
			// The specification has no conversion of zones: the time as written.
			return at, true
		}
	}
	return time.Time{}, false
}
