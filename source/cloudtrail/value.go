package cloudtrail

import (
	"net/netip"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/ocsf"
)

// text reads a scalar as text: numbers and booleans as they are written, since
// account ids and flags come in both forms. Anything else is absent.
func (d *decoder) text() string {
	switch d.s.Kind() {
	case '"':
		t, _ := d.s.Str()
		return t
	case '0', 't', 'f':
		return d.s.Raw()
	}
	return ""
}

// value reads any value as JSON text; null is absent.
func (d *decoder) value() string {
	if d.s.Null() {
		return ""
	}
	return d.s.Raw()
}

// reread finds the parameters and response of an event whose raw record was
// read before.
func reread(ev *ocsf.Event) {
	var d decoder
	d.s.ResetText(ev.Raw)
	if !d.s.Object() {
		return
	}
	for d.s.Next() {
		switch d.s.Key() {
		case "requestParameters":
			ev.Request = d.value()
		case "responseElements":
			ev.Response = d.value()
		}
	}
}

// tri reads a boolean, also one written as text.
func (d *decoder) tri() ocsf.Tri {
	switch d.text() {
	case "true":
		return ocsf.True
	case "false":
		return ocsf.False
	}
	return ocsf.Unknown
}

// pair reads two members of an object.
func (d *decoder) pair(first, second string) (a, b string) {
	if !d.s.Object() {
		return "", ""
	}
	for d.s.Next() {
		switch d.s.Key() {
		case first:
			a = d.text()
		case second:
			b = d.text()
		}
	}
	return a, b
}

// address tells an IP address from what else stands in sourceIPAddress.
func address(s string) (ip, name string) {
	if strings.Trim(s, "0123456789abcdefABCDEF.:") != "" || !strings.ContainsAny(s, ".:") {
		return "", s // not even the characters of one: spares the parser's error
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return "", s
	}
	a = a.Unmap()
	var room [48]byte
	if canonical := a.AppendTo(room[:0]); string(canonical) != s {
		return string(canonical), ""
	}
	return s, ""
}

// instant reads the time forms of CloudTrail in µs: 2026-01-02T03:04:05Z, also
// with a fraction or offset, and the basic form 20260102T030405Z.
func instant(s string) (int64, bool) {
	if us, ok := plainInstant(s); ok {
		return us, true
	}
	for _, layout := range []string{time.RFC3339Nano, "20060102T150405Z0700"} {
		if len(s) <= 40 {
			if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1970 {
				return t.UnixMicro(), true
			}
		}
	}
	return 0, false
}

// plainInstant reads 2026-01-02T03:04:05Z, which nearly all records have, at a
// tenth of the cost of time.Parse.
func plainInstant(s string) (int64, bool) {
	if len(s) != 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != 'Z' {
		return 0, false
	}
	ok := true
	two := func(i int) int {
		a, b := s[i]-'0', s[i+1]-'0'
		ok = ok && a <= 9 && b <= 9
		return int(a)*10 + int(b)
	}
	year, month, day := two(0)*100+two(2), two(5), two(8)
	hour, minute, second := two(11), two(14), two(17)
	// Days over 28 and leap seconds are left to time.Parse, which knows the calendar.
	if !ok || year < 1970 || month < 1 || month > 12 || day < 1 || (day > 28 && day > daysIn(year, month)) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	return (days(year, month, day)*86400 + int64(hour*3600+minute*60+second)) * 1e6, true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// days counts the days from 1970-01-01 in the civil calendar: years run from
// March, so that the leap day is a year's last.
func days(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	return int64(365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 719469)
}
