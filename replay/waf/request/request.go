// Package request reads single HTTP requests as people write them down, for
// asking a web ACL about them:
//
//   - one JSON object: {"id","method","uri","version","headers":[[name,value],…],
//     "body":base64}, and if known "client", "country" and "time" (seconds since
//     the epoch). What is not said of client and country is unknown;
//   - a curl command line, as browsers copy it (https://curl.se/docs/manpage.html);
//   - the request as it goes over the wire, of HTTP/1
//     (https://www.rfc-editor.org/rfc/rfc9112), malformed ones included.
//
// Nothing is corrected: targets, names and values stay as written, because it is
// the odd ones that one asks about. No file is read and no address is looked up.
package request

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/yagura-sec/yagura"
)

// Unknown are the parts that no written request tells.
const Unknown = yagura.PartClient | yagura.PartCountry | yagura.PartFingerprint

// line is the JSON form.
type line struct {
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	URI     *string         `json:"uri"`
	Version string          `json:"version"`
	Headers [][]string      `json:"headers"`
	Body    *string         `json:"body"`
	Client  string          `json:"client"`
	Country string          `json:"country"`
	Time    float64         `json:"time"`
}

// JSON reads the JSON form. The request's ID is the text of a string, else the
// JSON of the id; it is given with an error too, where it can be read.
func JSON(raw []byte) (*yagura.Request, error) {
	var in line
	r := &yagura.Request{Missing: Unknown}
	if err := json.Unmarshal(raw, &in); err != nil {
		var id struct {
			ID json.RawMessage `json:"id"`
		}
		_ = json.Unmarshal(raw, &id) // It is only for the message.
		r.ID = text(id.ID)
		return r, fmt.Errorf("not a request as JSON: %w", err)
	}
	r.ID, r.Method, r.Version, r.Time = text(in.ID), in.Method, version(in.Version), int64(in.Time*1e6)
	if in.Method == "" || in.URI == nil {
		return r, errors.New("method and uri are needed")
	}
	r.URI = *in.URI
	for i, h := range in.Headers {
		if len(h) != 2 {
			return r, fmt.Errorf("headers[%d] is not [name, value]", i)
		}
		r.Headers = append(r.Headers, yagura.Header{Name: h[0], Value: h[1]})
	}
	if in.Body != nil {
		var err error
		if r.Body, err = base64.StdEncoding.DecodeString(*in.Body); err != nil {
			return r, fmt.Errorf("body is not base64: %w", err)
		}
	}
	r.BodySize = int64(len(r.Body))
	finish(r)
	return r, Place(r, in.Client, in.Country)
}

// Place sets where a request comes from; empty texts stay unknown.
func Place(r *yagura.Request, client, country string) error {
	if client != "" {
		a, err := netip.ParseAddr(client)
		if err != nil {
			return fmt.Errorf("client %q is not an address", client)
		}
		r.Client, r.Missing = a.Unmap(), r.Missing&^yagura.PartClient
	}
	if country != "" {
		r.Country, r.Missing = strings.ToUpper(country), r.Missing&^yagura.PartCountry
	}
	return nil
}

func text(id json.RawMessage) string {
	var s string
	if json.Unmarshal(id, &s) == nil {
		return s
	}
	return string(id)
}

// version completes "1.1" and "2".
func version(v string) string {
	switch {
	case v == "":
		return "HTTP/1.1"
	case v[0] >= '0' && v[0] <= '9':
		return "HTTP/" + v
	}
	return v
}

// finish takes the host from the headers.
func finish(r *yagura.Request) {
	for _, h := range r.Headers {
		if strings.EqualFold(h.Name, "host") {
			r.Host = h.Value
			return
		}
	}
}

// Raw reads a request as it goes over the wire. Lines may end in LF alone; all
// behind the first empty line is the body, which is not unchunked.
func Raw(raw []byte) (*yagura.Request, error) {
	r := &yagura.Request{Missing: Unknown}
	first, rest, _ := bytes.Cut(bytes.TrimLeft(raw, "\r\n"), []byte("\n"))
	words := strings.SplitN(strings.TrimRight(string(first), "\r"), " ", 2)
	if len(words) < 2 || words[0] == "" || words[1] == "" {
		return r, fmt.Errorf("the first line is no request line: %.80q; write METHOD TARGET HTTP/1.1", first)
	}
	r.Method, r.URI, r.Version = words[0], words[1], "HTTP/0.9"
	if at := strings.LastIndexByte(r.URI, ' '); at >= 0 && strings.HasPrefix(r.URI[at+1:], "HTTP/") {
		r.URI, r.Version = r.URI[:at], r.URI[at+1:]
	}
	for len(rest) > 0 {
		var l []byte
		l, rest, _ = bytes.Cut(rest, []byte("\n"))
		s := string(bytes.TrimSuffix(l, []byte("\r")))
		if s == "" {
			r.Body = rest
			break
		}
		if n := len(r.Headers); (s[0] == ' ' || s[0] == '\t') && n > 0 {
			r.Headers[n-1].Value += " " + strings.Trim(s, " \t") // As obsolete folding says.
			continue
		}
		name, value, _ := strings.Cut(s, ":")
		r.Headers = append(r.Headers, yagura.Header{Name: name, Value: strings.Trim(value, " \t")})
	}
	r.BodySize = int64(len(r.Body))
	finish(r)
	return r, nil
}
