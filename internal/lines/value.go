package lines

import (
	"net/netip"
	"strings"
)

// Number reads an unsigned decimal that fits in an int64. Exact says that the
// text is the number's shortest form, the one strconv would write.
func Number(s string) (n int64, exact, ok bool) {
	if s == "" || len(s) > 18 {
		return slowNumber(s)
	}
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return 0, false, false
		}
		n = n*10 + int64(d)
	}
	return n, s[0] != '0' || len(s) == 1, true
}

func slowNumber(s string) (n int64, exact, ok bool) {
	if s == "" {
		return 0, false, false
	}
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 || n > (1<<63-1-int64(d))/10 {
			return 0, false, false
		}
		n = n*10 + int64(d)
	}
	return n, s[0] != '0', true
}

// Address gives the canonical text of an IPv4 or IPv6 address, as netip writes
// it; it is s itself when s is canonical. Zones are refused: a log has none.
func Address(s string) (canonical string, ok bool) {
	if dotted(s) {
		return s, true
	}
	if len(s) > 45 || strings.IndexByte(s, ':') < 0 || strings.IndexByte(s, '%') >= 0 {
		return "", false
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return "", false
	}
	var room [48]byte
	text := a.AppendTo(room[:0])
	if string(text) == s {
		return s, true
	}
	return string(text), true
}

// dotted says that s is a canonical dotted quad.
func dotted(s string) bool {
	if len(s) < 7 || len(s) > 15 {
		return false
	}
	dots, value, digits := 0, 0, 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '.':
			if digits == 0 || dots == 3 {
				return false
			}
			dots++
			value, digits = 0, 0
		case c >= '0' && c <= '9':
			if digits > 0 && value == 0 { // a leading zero
				return false
			}
			value = value*10 + int(c-'0')
			digits++
			if value > 255 {
				return false
			}
		default:
			return false
		}
	}
	return dots == 3 && digits > 0
}

// HostPort cuts "address:port" at its last colon and takes the brackets off an
// IPv6 address. The port is "" when there is none.
func HostPort(s string) (host, port string) {
	if strings.HasPrefix(s, "[") {
		if end := strings.IndexByte(s, ']'); end > 0 {
			return s[1:end], strings.TrimPrefix(s[end+1:], ":")
		}
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// Micros reads seconds with up to six decimals ("0.001") as microseconds;
// further digits are cut off. A negative value is not ok: load balancers write
// -1 for a time that was not taken.
func Micros(s string) (us int64, ok bool) {
	whole, frac, dot := strings.Cut(s, ".")
	sec, _, ok := Number(whole)
	if !ok || sec > 1<<40 || dot && frac == "" {
		return 0, false
	}
	us = sec * 1e6
	unit := int64(1e5)
	for i := range len(frac) {
		d := frac[i] - '0'
		if d > 9 {
			return 0, false
		}
		us += int64(d) * unit
		unit /= 10
	}
	return us, true
}
