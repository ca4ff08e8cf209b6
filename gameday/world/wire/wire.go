// Package wire writes single records in the native forms of AWS logs, from values only: it decides nothing and draws nothing.
//
// Forms: CloudTrail record (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html),
// VPC flow log version 2, ALB access log, WAF log, Route 53 Resolver query log and S3 server access log, each by its page in the AWS
// documentation. Every writer appends to a byte slice and returns it; text is escaped, raw JSON members are taken as given.
package wire

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// Raw is JSON text that is copied as it is; empty means absent or null, as the field's comment says.
type Raw = []byte

const hexDigits = "0123456789abcdef"

// String appends s as a JSON string.
func String[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		from = i + 1
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// Field appends ,"name":"value" and nothing when the value is empty.
func Field(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	return String(dst, value)
}

func rawField(dst []byte, name string, value Raw) []byte {
	if len(value) == 0 {
		return dst
	}
	return nullable(dst, name, value)
}

func nullable(dst []byte, name string, value Raw) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	if len(value) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, value...)
}

// Time appends unix seconds as 2026-10-26T09:15:04Z.
func Time(dst []byte, sec int64) []byte {
	y, m, d := time.Unix(sec, 0).UTC().Date()
	s := ((sec % 86400) + 86400) % 86400
	dst = pad(dst, y, 4)
	dst = append(dst, '-')
	dst = pad(dst, int(m), 2)
	dst = append(dst, '-')
	dst = pad(dst, d, 2)
	dst = append(dst, 'T')
	dst = pad(dst, int(s/3600), 2)
	dst = append(dst, ':')
	dst = pad(dst, int(s/60%60), 2)
	dst = append(dst, ':')
	dst = pad(dst, int(s%60), 2)
	return append(dst, 'Z')
}

func pad(dst []byte, v, width int) []byte {
	for p := pow10(width - 1); p > 0; p /= 10 {
		dst = append(dst, '0'+byte(v/p%10))
	}
	return dst
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}

func number(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// dash appends s, or the minus sign that AWS text logs use for an absent value.
func dash(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, '-')
	}
	return append(dst, s...)
}

// quoted appends s in double quotes as the text logs do, with quote, backslash and control bytes as \x escapes.
func quoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	if s == "" {
		dst = append(dst, '-')
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '"' || c == '\\' || c < 0x20 || c == 0x7f || (c >= utf8.RuneSelf && !utf8.ValidString(s)) {
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
			continue
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}
