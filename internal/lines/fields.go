package lines

import (
	"strings"
	"unicode/utf8"
)

// Object builds the JSON object of fields that have no column. Its zero value
// is an empty object; names and values are any text.
type Object struct {
	buf   []byte
	arena []byte // where finished objects stand, written once
}

// Reset empties o and keeps its memory.
func (o *Object) Reset() { o.buf = o.buf[:0] }

// Add appends a field.
func (o *Object) Add(name, value string) {
	if len(o.buf) == 0 {
		o.buf = append(o.buf, '{')
	} else {
		o.buf = append(o.buf, ',')
	}
	o.buf = quote(o.buf, name)
	o.buf = append(o.buf, ':')
	o.buf = quote(o.buf, value)
}

// String gives the object as JSON text that stays unchanged, "" when it has no
// field.
func (o *Object) String() string {
	if len(o.buf) == 0 {
		return ""
	}
	if need := len(o.buf) + 1; need > cap(o.arena)-len(o.arena) {
		o.arena = make([]byte, 0, max(need, firstChunk))
	}
	at := len(o.arena)
	o.arena = append(append(o.arena, o.buf...), '}')
	return alias(o.arena[at:])
}

// Plain says that a text stands in JSON as it is, without any escape.
func Plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			return false
		}
	}
	return true
}

const hex = "0123456789abcdef"

func quote(b []byte, s string) []byte {
	b = append(b, '"')
	if Plain(s) {
		b = append(b, s...)
		return append(b, '"')
	}
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20 || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default: // what is not UTF-8 becomes U+FFFD; the raw record keeps the bytes
			r, size := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += size
			continue
		}
		i++
	}
	return append(b, '"')
}

// Owner gives the account and the region that an object's key names, in AWS's
// own layout (AWSLogs/[o-…/]ACCOUNT/SERVICE/REGION/…) or the Hive-compatible
// one (aws-account-id=ACCOUNT/…/aws-region=REGION/…); "" for what it does not.
func Owner(key string) (account, region string) {
	_, rest, ok := strings.Cut(key, "AWSLogs/")
	if !ok {
		return "", ""
	}
	parts := strings.SplitN(rest, "/", 6)
	if strings.HasPrefix(parts[0], "o-") {
		parts = parts[1:]
	}
	for i, p := range parts {
		name, value, hive := strings.Cut(p, "=")
		switch {
		case hive && name == "aws-account-id":
			account = value
		case hive && name == "aws-region":
			region = value
		case !hive && i == 0 && len(parts) > 1 && account12(p):
			account = p
		case !hive && i == 2 && len(parts) > 3 && strings.Count(p, "-") >= 2:
			region = p
		}
	}
	return account, region
}

// account12 says that s has the form of an account, or of a masked one.
func account12(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && c != 'X' && c != 'x' {
			return false
		}
	}
	return true
}
