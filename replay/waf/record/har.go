package record

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
)

// entry is what is read of an entry of a HAR archive.
type entry struct {
	Started string `json:"startedDateTime"`
	Request *struct {
		Method   string `json:"method"`
		URL      string `json:"url"`
		Version  string `json:"httpVersion"`
		Headers  []pair `json:"headers"`
		BodySize *int64 `json:"bodySize"`
		PostData *struct {
			Text     *string `json:"text"`
			Encoding string  `json:"encoding"`
			Params   []pair  `json:"params"`
		} `json:"postData"`
	} `json:"request"`
	Response struct {
		Status int64 `json:"status"`
	} `json:"response"`
}

type pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// HAR calls visit with every request of an archive. An entry that is none is
// given to bad, and the reading goes on.
func HAR(in io.Reader, r *Record, visit func(*Record) error, bad func(error)) error {
	d := json.NewDecoder(in)
	if err := seek(d, "log"); err != nil {
		return err
	}
	if err := seek(d, "entries"); err != nil {
		return err
	}
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errors.New("log.entries is not an array: not a HAR archive")
	}
	for d.More() {
		var e entry
		var wrong *json.UnmarshalTypeError
		if err := d.Decode(&e); err != nil && !errors.As(err, &wrong) {
			return fmt.Errorf("after %d entries: %w", r.Line, err)
		} else if err != nil {
			r.Line++
			bad(err)
			continue
		}
		r.Line++
		if err := e.fill(r); err != nil {
			bad(err)
			continue
		}
		if err := visit(r); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// seek goes into an object up to a member.
func seek(d *json.Decoder, key string) error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("not a HAR archive: an object is missing")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		if t == key {
			return nil
		}
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return err
		}
	}
	return fmt.Errorf("not a HAR archive: %s is missing", key)
}

func (e *entry) fill(r *Record) error {
	r.reset("har")
	if e.Request == nil || e.Request.Method == "" || e.Request.URL == "" {
		return errors.New("an entry without request.method and request.url")
	}
	q := e.Request
	r.Missing = yagura.PartClient | yagura.PartCountry | yagura.PartFingerprint
	t, err := time.Parse(time.RFC3339Nano, e.Started)
	if err != nil {
		return fmt.Errorf("startedDateTime %.40q is not a time", e.Started)
	}
	r.Time, r.Method, r.Version, r.Status = t.UnixMicro(), q.Method, httpVersion(q.Version), e.Response.Status
	scheme, rest, ok := strings.Cut(q.URL, "://")
	if !ok {
		return fmt.Errorf("%.80q is no address", q.URL)
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	r.Scheme, r.Host, r.URI = scheme, rest[:end], rest[end:]
	r.URI, _, _ = strings.Cut(r.URI, "#")
	if !strings.HasPrefix(r.URI, "/") {
		r.URI = "/" + r.URI
	}
	host := false
	for _, h := range q.Headers {
		if !strings.HasPrefix(h.Name, ":") { // HTTP/2's own.
			r.header(h.Name, h.Value)
			host = host || strings.EqualFold(h.Name, "host")
		}
	}
	if !host {
		r.Headers = append([]yagura.Header{{Name: "Host", Value: r.Host}}, r.Headers...)
	}
	if accepted(r.Status) {
		r.Action = yagura.Allow
	}
	return e.body(r)
}

func (e *entry) body(r *Record) error {
	q := e.Request
	switch p := q.PostData; {
	case p == nil && (q.BodySize == nil || *q.BodySize <= 0):
		r.BodySize = 0
	case p == nil:
		r.BodySize, r.Missing = *q.BodySize, r.Missing|yagura.PartBody
	case p.Text != nil && p.Encoding == "base64":
		body, err := base64.StdEncoding.DecodeString(*p.Text)
		if err != nil {
			return fmt.Errorf("postData.text is not base64: %w", err)
		}
		r.Body, r.BodySize = body, int64(len(body))
	case p.Text != nil:
		r.Body, r.BodySize = []byte(*p.Text), int64(len(*p.Text))
	default:
		form := make([]string, 0, len(p.Params))
		for _, f := range p.Params {
			form = append(form, url.QueryEscape(f.Name)+"="+url.QueryEscape(f.Value))
		}
		r.Body = []byte(strings.Join(form, "&"))
		r.BodySize = int64(len(r.Body))
	}
	return nil
}

// httpVersion completes what browsers write: http/2.0, h2, h3.
func httpVersion(v string) string {
	switch v = strings.ToUpper(v); v {
	case "H2", "HTTP/2":
		return "HTTP/2.0"
	case "H3", "HTTP/3":
		return "HTTP/3.0"
	case "":
		return "HTTP/1.1"
	}
	return v
}
