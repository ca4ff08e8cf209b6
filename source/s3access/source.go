// Package s3access reads Amazon S3 server access logs, the text files that S3
// delivers to a bucket
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html).
//
// A record is one line: fields separated by spaces, the time in brackets, the
// request, the referrer and the user agent in quotes. S3 does not escape quotes
// inside them, so a line is read from both ends: the request ends where a
// status, an error code and four numbers follow, and the user agent ends at the
// line's last quote. The tail has grown over the years and may be missing;
// fields after the last known one are kept in unmapped as field_N, from 1.
//
// Every record is API activity (class 6003) with the attributes of its HTTP
// request: the operation is what S3 did (REST.GET.OBJECT, BATCH.DELETE.OBJECT,
// S3.EXPIRE.OBJECT), also when there was no request. resource.name is the key as
// written, twice percent-encoded, resource.uid its ARN with the key decoded,
// resource.uid_alt the bucket. Fields without a column are in unmapped under the
// names of Athena's table. "-" is absent, also for bytessent, where S3 writes it
// for zero.
//
// The account and region are those of the date-partitioned key; else the region
// is the endpoint's and the account is absent: the log names the owner only by
// its canonical id. A requester "-" without a signature is Anonymous. The request
// id is no identity: the records of one batch delete share it.
//
// Where a client could send quotes and spaces unencoded, what it sent cannot be
// told from what S3 wrote with full certainty; the raw record decides.
//
// Delivery is best effort: S3 may lose, delay and repeat records. The JSON
// records that S3 can send to CloudWatch Logs are not read.
package s3access

import (
	"bytes"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/lines"
	"github.com/yagura-sec/yagura/ocsf"
)

// New gives the source. It has no options.
func New() yagura.Source { return source{} }

type source struct{}

// Schema gives the constant schema.
func (source) Schema() *ocsf.Schema { return schema }

// Match knows the end of the key, YYYY-mm-DD-HH-MM-SS-<16 hex digits>, and the
// beginning of a line.
func (source) Match(key string, head []byte) yagura.Match {
	byKey := delivered(key)
	byContent := false
	in := lines.NewReader(bytes.NewReader(head), len(head))
	for range 3 {
		if line, _, err := in.Next(); err == nil && !byContent {
			var r record
			byContent = r.front(line) == nil && operation(r.fields[fieldOperation])
		}
	}
	switch {
	case byKey && byContent:
		return yagura.ByBoth
	case byContent:
		return yagura.ByContent
	case byKey:
		return yagura.ByKey
	}
	return yagura.NoMatch
}

// Open reads any object line by line.
func (source) Open(in yagura.Input) (yagura.Decoder, error) {
	d := &decoder{in: lines.NewReader(in.Body, in.MaxRecord), bound: in.MaxRecord}
	if d.bound <= 0 {
		d.bound = lines.DefaultMax
	}
	d.account, d.region = owner(in.Object.Key)
	return d, nil
}

const stampLength = len("2026-01-02-03-04-05-0123456789ABCDEF")

// delivered says that a key ends as S3 names its log objects.
func delivered(key string) bool {
	key = strings.TrimSuffix(key, ".gz")
	if len(key) < stampLength {
		return false
	}
	s := key[len(key)-stampLength:]
	for i := range len(s) {
		c := s[i]
		switch {
		case i == 4 || i == 7 || i == 10 || i == 13 || i == 16 || i == 19:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9':
		case i < 20 || c < 'A' || c > 'F':
			return false
		}
	}
	return true
}

// owner reads the date-partitioned layout,
// PREFIX ACCOUNT/REGION/BUCKET/YYYY/MM/DD/FILE; the prefix may end without a
// slash.
func owner(key string) (account, region string) {
	parts := strings.Split(key, "/")
	n := len(parts)
	if n < 7 || !delivered(key) || len(parts[n-4]) != 4 || strings.Count(parts[n-6], "-") < 2 {
		return "", ""
	}
	who := parts[n-7]
	if len(who) > 12 {
		who = who[len(who)-12:]
	}
	if _, _, ok := lines.Number(who); !ok || len(who) != 12 {
		return "", ""
	}
	return who, parts[n-6]
}
