package iam

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"strings"
	"time"
)

// decimal is a number kept as digits, so that comparing is exact at any size.
type decimal struct {
	negative        bool
	whole, fraction string // without leading and trailing zeros
}

// parseDecimal reads an optional sign, digits and an optional fraction.
func parseDecimal(s string) (d decimal, ok bool) {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	whole, fraction, point := strings.Cut(s, ".")
	if !digits(whole) || !digits(fraction) || whole == "" && fraction == "" || point && fraction == "" {
		return d, false
	}
	d.whole = strings.TrimLeft(whole, "0")
	d.fraction = strings.TrimRight(fraction, "0")
	if d.whole == "" && d.fraction == "" {
		d.negative = false
	}
	return d, true
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func (d decimal) compare(o decimal) int {
	if d.negative != o.negative {
		if d.negative {
			return -1
		}
		return 1
	}
	c := len(d.whole) - len(o.whole)
	if c == 0 {
		c = strings.Compare(d.whole, o.whole)
	}
	if c == 0 {
		c = strings.Compare(d.fraction, o.fraction)
	}
	if d.negative {
		return -c
	}
	return c
}

// dateLayouts are the forms of ISO 8601 that the W3C profile has
// (https://www.w3.org/TR/NOTE-datetime), the basic form that AWS writes in
// X-Amz-Date, and a date and time without zone, which is UTC.
var dateLayouts = []string{
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04Z07:00",
	"2006-01-02",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04",
	"20060102T150405Z07:00",
	"2006-01",
	"2006-01-02T15:04:05Z0700",
}

// parseDate reads ISO 8601 or seconds since 1970. Four digits are a year.
func parseDate(s string) (time.Time, bool) {
	if len(s) == 4 && digits(s) {
		t, err := time.Parse("2006", s)
		return t, err == nil
	}
	if d, ok := parseDecimal(s); ok {
		return epoch(d)
	}
	for _, layout := range dateLayouts {
		// A layout that cannot fit is left out: a failing Parse allocates.
		if len(s) < 7 || len(layout) < len(s)-12 || strings.Contains(layout, "T") != strings.Contains(s, "T") {
			continue
		}
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func epoch(d decimal) (time.Time, bool) {
	if len(d.whole) > 15 {
		return time.Time{}, false
	}
	var seconds, nanos int64
	for i := range len(d.whole) {
		seconds = seconds*10 + int64(d.whole[i]-'0')
	}
	for i := range 9 {
		nanos *= 10
		if i < len(d.fraction) {
			nanos += int64(d.fraction[i] - '0')
		}
	}
	if d.negative {
		seconds, nanos = -seconds, -nanos
	}
	return time.Unix(seconds, nanos), true
}

// parseNetwork reads an address or a CIDR block. Bits behind the prefix do not
// count.
func parseNetwork(s string) (netip.Prefix, bool) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p.Masked(), err == nil
	}
	a, ok := parseAddress(s)
	return netip.PrefixFrom(a, a.BitLen()), ok
}

// parseAddress reads an address without a zone. An IPv4 address inside IPv6
// (::ffff:192.0.2.1) stays an IPv6 address, as IAM never matches one with the
// other.
func parseAddress(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Zone() == ""
}

// boolean reads true or false in any case: 1, 0, or -1 for what is neither.
func boolean(s string) int {
	switch {
	case strings.EqualFold(s, "true"):
		return 1
	case strings.EqualFold(s, "false"):
		return 0
	}
	return -1
}

// sameBinary compares two texts of base64 by what they stand for.
func sameBinary(a, b string) bool {
	x, err := base64.StdEncoding.DecodeString(a)
	if err != nil {
		return false
	}
	y, err := base64.StdEncoding.DecodeString(b)
	return err == nil && bytes.Equal(x, y)
}
