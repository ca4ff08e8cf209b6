package wire

import (
	"net/url"
	"strings"
	"time"
)

// Query is one Route 53 Resolver query log record.
type Query struct {
	At                   int64 // unix seconds
	Account, Region, VPC string
	Name                 string // with the trailing dot
	Type                 string // A, AAAA, TXT ...
	Code                 string // NOERROR, NXDOMAIN ...
	Answers              []Answer
	Src                  string
	Port                 int
	Instance             string // empty when the client is not an instance
}

// Answer is one resource record of a DNS reply.
type Answer struct{ Data, Type string }

// Append writes the record as one JSON line.
func (q *Query) Append(dst []byte) []byte {
	dst = append(dst, `{"version":"1.100000"`...)
	dst = Field(dst, "account_id", q.Account)
	dst = Field(dst, "region", q.Region)
	dst = Field(dst, "vpc_id", q.VPC)
	dst = append(dst, `,"query_timestamp":"`...)
	dst = Time(dst, q.At)
	dst = append(dst, '"')
	dst = Field(dst, "query_name", q.Name)
	dst = Field(dst, "query_type", q.Type)
	dst = append(dst, `,"query_class":"IN"`...)
	dst = Field(dst, "rcode", q.Code)
	dst = append(dst, `,"answers":[`...)
	for i, a := range q.Answers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"Rdata":`...)
		dst = String(dst, a.Data)
		dst = Field(dst, "Type", a.Type)
		dst = append(dst, `,"Class":"IN"}`...)
	}
	dst = append(dst, `],"srcaddr":`...)
	dst = String(dst, q.Src)
	dst = append(dst, `,"srcport":"`...)
	dst = number(dst, int64(q.Port))
	dst = append(dst, `","transport":"UDP","srcids":{`...)
	if q.Instance != "" {
		dst = append(dst, `"instance":`...)
		dst = String(dst, q.Instance)
	}
	return append(dst, "}}\n"...)
}

// Access is one S3 server access log line.
type Access struct {
	At        int64 // unix seconds
	Owner     string
	Bucket    string
	IP        string // "-" form when empty, as for calls of a service
	Requester string // empty for anonymous
	RequestID string
	Operation string // REST.GET.OBJECT
	Key       string // as the client meant it; written URL-encoded twice
	Method    string
	Query     string
	Status    int
	Error     string
	Sent      int64 // bytes sent, 0 writes -
	Size      int64 // object size, 0 writes -
	Took      int64 // milliseconds
	Agent     string
	HostID    string
	Host      string
	TLS13     bool
}

// Append writes the line and its newline.
func (a *Access) Append(dst []byte) []byte {
	dst = append(dst, a.Owner...)
	dst = append(dst, ' ')
	dst = append(dst, a.Bucket...)
	dst = append(dst, ' ', '[')
	dst = time.Unix(a.At, 0).UTC().AppendFormat(dst, "02/Jan/2006:15:04:05 +0000")
	dst = append(dst, ']', ' ')
	dst = dash(dst, a.IP)
	dst = append(dst, ' ')
	dst = dash(dst, a.Requester)
	dst = append(dst, ' ')
	dst = append(dst, a.RequestID...)
	dst = append(dst, ' ')
	dst = append(dst, a.Operation...)
	dst = append(dst, ' ')
	once := escapeKey(a.Key)
	dst = dash(dst, strings.ReplaceAll(once, "%", "%25"))
	dst = append(dst, ' ')
	uri := "/" + once
	if a.Query != "" {
		uri += "?" + a.Query
	}
	dst = quoted(dst, a.Method+" "+uri+" HTTP/1.1")
	dst = append(dst, ' ')
	dst = number(dst, int64(a.Status))
	dst = append(dst, ' ')
	dst = dash(dst, a.Error)
	for _, v := range [...]int64{a.Sent, a.Size} {
		dst = append(dst, ' ')
		if v == 0 {
			dst = append(dst, '-')
		} else {
			dst = number(dst, v)
		}
	}
	dst = append(dst, ' ')
	dst = number(dst, a.Took)
	dst = append(dst, ' ')
	dst = number(dst, max(1, a.Took*2/3))
	dst = append(dst, ` "-" `...)
	dst = quoted(dst, a.Agent)
	return a.appendTail(dst)
}

// appendTail writes the host id and how the request was signed and encrypted.
func (a *Access) appendTail(dst []byte) []byte {
	signature, method, cipher, tls := " SigV4 ", "AuthHeader ", "ECDHE-RSA-AES128-GCM-SHA256 ", " TLSv1.2 - -\n"
	if a.Requester == "" {
		signature, method = " - ", "- "
	}
	if a.TLS13 {
		cipher, tls = "TLS_AES_128_GCM_SHA256 ", " TLSv1.3 - -\n"
	}
	dst = append(dst, " - "...)
	dst = append(dst, a.HostID...)
	dst = append(dst, signature...)
	dst = append(dst, cipher...)
	dst = append(dst, method...)
	dst = append(dst, a.Host...)
	return append(dst, tls...)
}

func escapeKey(key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(p), "=", "%3D")
	}
	return strings.Join(parts, "/")
}
