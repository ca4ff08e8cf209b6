// Package vpcflow reads VPC Flow Logs and Transit Gateway Flow Logs.
//
// A record is one line of fields separated by single spaces
// (https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html,
// https://docs.aws.amazon.com/vpc/latest/tgw/tgw-flow-logs.html). Which fields
// in which order is the flow log's own choice, and the version field does not
// tell it. The package takes the field list from, in this order:
//   - the header line of a text file in S3, also when files were concatenated;
//   - the option "format": AWS's own text "${version} ${account-id} …" or the
//     names separated by spaces or commas;
//   - the default format when the first line has its 14 fields.
//
// Parquet files (Hive-compatible names or not) bring their column names. Lines
// of a CloudWatch Logs export begin with the event's timestamp: it becomes a
// field of the list, "@timestamp". Fields that are not known yet are kept in
// unmapped under their name. Blank lines and header lines are no records.
//
// "-" is absent; the account "unknown" (interfaces of AWS's own) is kept as it is.
// A NODATA or SKIPDATA record has no flow fields at all, whatever it writes
// there: traffic.sampling says which of the two it is. SKIPDATA is a gap in the
// coverage, never zero traffic.
//
// src_endpoint.ip is srcaddr: the address of the interface, which for traffic
// through it (NAT gateway, transit gateway, pods) is not the packet's; the
// packet's own is pkt_src.ip. The interface, instance, VPC and subnet of a
// record are device.*, because the interface may be either end.
//
// Not in any flow log: the Amazon DNS server, instance metadata
// (169.254.169.254), time sync, DHCP, Windows activation, mirrored traffic.
package vpcflow

import (
	"bytes"
	"io"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/lines"
	"github.com/yagura-sec/yagura/ocsf"
)

// New gives the source. It knows the option "format", the field list of files
// without a header.
func New() yagura.Source { return source{} }

type source struct{}

var parquetMagic = []byte("PAR1")

// Schema gives the constant schema.
func (source) Schema() *ocsf.Schema { return schema }

// Match knows the service's part of the key, a header line of known fields, and
// lines of the default format.
func (source) Match(key string, head []byte) yagura.Match {
	byKey := strings.Contains(key, "vpcflowlogs")
	byContent := false
	if bytes.HasPrefix(head, parquetMagic) {
		byContent = parquetFields(head)
	} else {
		line, _, err := lines.NewReader(bytes.NewReader(head), len(head)).Next()
		byContent = err == nil && (knownHeader(line) || defaultLine(line))
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

// parquetFields looks for flow log columns in the footer of a Parquet file that
// is small enough to stand in head as a whole.
func parquetFields(head []byte) bool {
	found := 0
	for _, name := range []string{"interface_id", "log_status", "srcaddr", "dstaddr", "tgw_attachment_id", "pkt_srcaddr"} {
		if bytes.Contains(head, []byte(name)) {
			found++
		}
	}
	return found >= 3 && bytes.HasSuffix(head, parquetMagic)
}

// knownHeader says that a line is a header which no other log could have.
func knownHeader(line string) bool {
	f, err := header(line)
	if err != nil || f == nil {
		return false
	}
	known := 0
	for _, s := range f.steps {
		if byName[s.name] != nil {
			known++
		}
	}
	return known >= 3 && known*2 > len(f.steps)
}

// defaultLine says that a line is a record of the default format, with or
// without the timestamp of an export.
func defaultLine(line string) bool {
	words := strings.Fields(line)
	if len(words) > 0 && stamped(words[0]) {
		words = words[1:]
	}
	if len(words) != len(defaultFormat.steps) {
		return false
	}
	switch words[13] {
	case "OK", "NODATA", "SKIPDATA":
	default:
		return false
	}
	switch words[12] {
	case "ACCEPT", "REJECT", "-":
	default:
		return false
	}
	var ev ocsf.Event
	ev.Reset()
	m := mapper{base: base{time: ocsf.Null}}
	return m.fill(&ev, defaultFormat, words) == nil
}

// Open reads the format. It refuses a file whose first line is no header, has
// not the default format's 14 fields, and for which no format is set.
func (source) Open(in yagura.Input) (yagura.Decoder, error) {
	b := base{time: keyTime(in.Object.Key)}
	b.account, b.region = lines.Owner(in.Object.Key)
	if in.At != nil && in.Size >= 12 {
		magic := make([]byte, len(parquetMagic))
		if _, err := in.At.ReadAt(magic, 0); err == nil && bytes.Equal(magic, parquetMagic) {
			return openParquet(in, b)
		}
	}
	if in.Body == nil && in.At != nil {
		in.Body = io.NewSectionReader(in.At, 0, in.Size)
	}
	return openText(in, b)
}

// base is what the object's key says about its records.
type base struct {
	account, region string
	time            int64 // µs, Null if the key has none
}

// keyTime reads the time in the name of a delivered file,
// …_20260102T0304Z_hash.log.gz, or gives Null.
func keyTime(key string) int64 {
	for i := len(key) - len("_20260102T0304Z"); i >= 0; i-- {
		s := key[i:]
		if s[0] != '_' || s[9] != 'T' || s[14] != 'Z' {
			continue
		}
		iso := s[1:5] + "-" + s[5:7] + "-" + s[7:9] + "T" + s[10:12] + ":" + s[12:14] + ":00"
		if us, ok := lines.ISO(iso); ok {
			return us
		}
	}
	return ocsf.Null
}
