package record

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/jsonscan"
)

// Legacy are the fields of a standard log whose #Fields line is missing.
const Legacy = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) " +
	"x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type " +
	"cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end"

// RealTime are all fields of a real-time log in the order in which AWS writes
// them, for a configuration that chose all.
const RealTime = "timestamp c-ip time-to-first-byte sc-status sc-bytes cs-method cs-protocol cs-host cs-uri-stem cs-bytes x-edge-location x-edge-request-id " +
	"x-host-header time-taken cs-protocol-version c-ip-version cs-user-agent cs-referer cs-cookie cs-uri-query x-edge-response-result-type x-forwarded-for " +
	"ssl-protocol ssl-cipher x-edge-result-type fle-encrypted-fields fle-status sc-content-type sc-content-len sc-range-start sc-range-end c-port " +
	"x-edge-detailed-result-type c-country cs-accept-encoding cs-accept cache-behavior-path-pattern cs-headers cs-header-names cs-headers-count"

// CloudFront reads the lines of one CloudFront log.
type CloudFront struct {
	// Fields are the names of the columns; a #Fields line sets them.
	Fields []string
	row    row
}

// row is what one line says, by field.
type row struct {
	date, clock, stem, query, result, headers, count string
	path, viewer                                     string // Host as asked for, and as the distribution is called
}

// Directive takes a line that begins with #.
func (d *CloudFront) Directive(line string) {
	if names, ok := strings.CutPrefix(line, "#Fields:"); ok {
		d.Fields = strings.Fields(names)
	}
}

// Read fills r with a line of tab-separated fields. Fields behind the last known
// one are left out; a line may end early.
func (d *CloudFront) Read(line string, r *Record) error {
	d.begin(r)
	rest, more := line, true
	n := 0
	for ; more && n < len(d.Fields); n++ {
		var value string
		value, rest, more = strings.Cut(rest, "\t")
		if err := d.set(r, d.Fields[n], value); err != nil {
			return err
		}
	}
	if n < 5 {
		return fmt.Errorf("%d fields separated by tabs: not a line of CloudFront", n)
	}
	return d.finish(r)
}

// JSON fills r with a record of a standard log (version 2) in JSON.
func (d *CloudFront) JSON(raw string, r *Record) error {
	d.begin(r)
	var s jsonscan.Scanner
	s.ResetText(raw)
	if !s.Object() {
		return errors.New("not a JSON object")
	}
	for s.Next() {
		if err := d.set(r, s.Key(), yagura.JSONText(&s)); err != nil {
			return err
		}
	}
	if err := s.End(); err != nil {
		return err
	}
	return d.finish(r)
}

func (d *CloudFront) begin(r *Record) {
	r.reset("cloudfront")
	d.row = row{}
	r.Missing = yagura.PartHeaders | yagura.PartBody | yagura.PartCountry | yagura.PartFingerprint | yagura.PartOrder |
		yagura.PartClient | yagura.PartMethod | yagura.PartURI | yagura.PartVersion
}

// headerFields are the fields that hold one header.
var headerFields = map[string]string{
	"cs(Referer)": "Referer", "cs-referer": "Referer", "cs(User-Agent)": "User-Agent", "cs-user-agent": "User-Agent",
	"cs(Cookie)": "Cookie", "cs-cookie": "Cookie", "x-forwarded-for": "X-Forwarded-For", "cs-accept": "Accept", "cs-accept-encoding": "Accept-Encoding",
}

func (d *CloudFront) set(r *Record, name, v string) error {
	if v == "-" || v == "" {
		return nil
	}
	if h := headerFields[name]; h != "" {
		r.header(h, plain(v))
		return nil
	}
	w := &d.row
	switch name {
	case "date":
		w.date = v
	case "time":
		w.clock = v
	case "timestamp", "timestamp(ms)":
		seconds, err := strconv.ParseFloat(v, 64)
		if err != nil || !(seconds > 0 && seconds < 1e13) {
			return fmt.Errorf("%s %.40q is not a time", name, v)
		}
		if r.Time = int64(seconds * 1e6); name != "timestamp" || seconds > 1e11 {
			r.Time /= 1000
		}
	case "c-ip":
		r.Missing &^= yagura.PartClient
		r.client(v)
	case "cs-method":
		r.Method, r.Missing = v, r.Missing&^yagura.PartMethod
	case "cs-uri-stem":
		w.stem = strings.ReplaceAll(v, "%25", "%")
	case "cs-uri-query":
		w.query = strings.ReplaceAll(v, "%25", "%")
	case "sc-status":
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil {
			return fmt.Errorf("sc-status %.40q is not a number", v)
		}
		r.Status = n
	case "x-host-header":
		w.viewer = v
	case "cs(Host)", "cs-host":
		w.path = v
	case "cs-protocol":
		r.Scheme = v
	case "cs-protocol-version":
		r.Version, r.Missing = v, r.Missing&^yagura.PartVersion
	case "x-edge-request-id":
		r.ID = v
	case "x-edge-detailed-result-type", "x-edge-result-type":
		w.result = v
	case "c-country":
		r.country(v)
		r.Missing &^= yagura.PartCountry
	case "asn":
		r.ASN, _ = strconv.ParseInt(v, 10, 64) // Anything else is unknown.
	case "cs-headers":
		w.headers = v
	case "cs-headers-count":
		w.count = v
	}
	return nil
}

func (d *CloudFront) finish(r *Record) error {
	w := &d.row
	if w.date != "" {
		t, err := time.Parse("2006-01-02 15:04:05", w.date+" "+w.clock)
		if err != nil {
			return fmt.Errorf("%.20q %.20q is not a time", w.date, w.clock)
		}
		r.Time = t.UnixMicro()
	}
	if r.Time <= 0 {
		return errors.New("no date and time: not a record of CloudFront, or its fields are not known")
	}
	if w.stem != "" {
		if !strings.HasPrefix(w.stem, "/") {
			w.stem = "/" + w.stem
		}
		if r.URI = w.stem; !strings.Contains(w.stem, "?") { // Real-time logs have the query in both.
			r.URI = join(w.stem, w.query)
		}
		r.Missing &^= yagura.PartURI
	}
	if r.Host = w.viewer; r.Host == "" {
		r.Host = w.path
	}
	if w.headers != "" {
		d.allHeaders(r)
	} else if r.Host != "" {
		r.header("Host", r.Host)
	}
	if r.emptyBody() {
		r.BodySize = 0
	}
	switch {
	case r.Status == 403 || r.Status == 405 || r.Status == 202 || r.Status == 0:
		// It may have been the web ACL, or the origin.
	default:
		r.Action = yagura.Allow
	}
	return nil
}

// maxHeaders is where AWS cuts cs-headers.
const maxHeaders = 800

// allHeaders reads cs-headers, Name:value lines that are percent-encoded. They are
// all only if AWS did not cut them.
func (d *CloudFront) allHeaders(r *Record) {
	r.Headers = r.Headers[:0]
	text := plain(d.row.headers)
	for l := range strings.SplitSeq(text, "\n") {
		if name, value, ok := strings.Cut(strings.TrimSuffix(l, "\r"), ":"); ok && name != "" {
			r.header(name, strings.TrimLeft(value, " "))
		}
	}
	if n, err := strconv.Atoi(d.row.count); err == nil && n == len(r.Headers) && len(text) < maxHeaders {
		r.Missing &^= yagura.PartHeaders
	}
}
