package front

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
)

// corpus is requests that must be refused: who reads them one way is led astray
// by who reads them another.
var corpus = []struct {
	name, raw string
	status    int
	reason    string
}{
	{"length and chunked", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "length-and-chunked"},
	{"chunked and length", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400, "length-and-chunked"},
	{"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400, "duplicate-content-length"},
	{"same length twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\ncontent-length: 4\r\n\r\nabcd", 400, "duplicate-content-length"},
	{"list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd", 400, "bad-content-length"},
	{"signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd", 400, "bad-content-length"},
	{"hex length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x4\r\n\r\nabcd", 400, "bad-content-length"},
	{"length with a line", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\nabcd", 400, "bad-content-length"},
	{"negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, "bad-content-length"},
	{"empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400, "bad-content-length"},
	{"huge length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400, "bad-content-length"},
	{"identity coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501, "bad-transfer-encoding"},
	{"xchunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501, "bad-transfer-encoding"},
	{"gzip then chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "bad-transfer-encoding"},
	{"chunked quoted", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", 501, "bad-transfer-encoding"},
	{"vertical tab before chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", 400, "bad-field-value"},
	{"two codings", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "duplicate-transfer-encoding"},
	{"chunked in 1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "transfer-encoding-in-1.0"},
	{"underscore", "POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 4\r\n\r\nabcd", 400, "framing-lookalike"},
	{"space before colon", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", 400, "space-before-colon"},
	{"tab before colon", "GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n", 400, "space-before-colon"},
	{"folded", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400, "folded-field"},
	{"folded at once", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "folded-field"},
	{"bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400, "bare-lf"},
	{"bare LF in the header", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, "bare-lf"},
	{"bare CR", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n", 400, "bare-cr"},
	{"two CR", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400, "bare-cr"},
	{"NUL", "GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400, "nul-byte"},
	{"no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400, "no-colon"},
	{"no name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400, "bad-field-name"},
	{"bad name", "GET / HTTP/1.1\r\nHost: a\r\nX(y): b\r\n\r\n", 400, "bad-field-name"},
	{"no host", "GET / HTTP/1.1\r\n\r\n", 400, "no-host"},
	{"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "bad-host"},
	{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "duplicate-host"},
	{"host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "bad-host"},
	{"host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, "bad-host"},
	{"host against target", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "host-conflict"},
	{"no version", "GET /\r\n\r\n", 400, "no-version"},
	{"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400, "no-version"},
	{"only a word", "GET\r\n\r\n", 400, "bad-request-line"},
	{"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "space-in-request-line"},
	{"space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "space-in-request-line"},
	{"tab", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "no-version"},
	{"bad method", "G=T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad-method"},
	{"connect", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405, "connect"},
	{"version 1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, "bad-version"},
	{"version 3.0", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, "bad-version"},
	{"small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", 505, "bad-version"},
	{"HTTP/2 in words", "PRI * HTTP/2.0\r\n\r\n", 400, "bad-target"},
	{"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "fragment-in-target"},
	{"bad escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad-target"},
	{"bare name", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad-target"},
	{"other scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad-target"},
	{"long target", "GET /" + strings.Repeat("a", 17<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414, "target-too-long"},
	{"large head", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 70<<10) + "\r\n\r\n", 431, "head-too-large"},
	{"many fields", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", 201) + "\r\n", 431, "too-many-fields"},
}

func TestParseRefuses(t *testing.T) {
	for _, c := range corpus {
		t.Run(c.name, func(t *testing.T) {
			head, _, _ := strings.Cut(c.raw, "\r\n\r\n")
			h := Parse([]byte(head+"\r\n\r\n"), Limits{})
			if strings.Contains(c.raw, "\n\n") {
				h = Parse([]byte(c.raw), Limits{})
			}
			if diff := cmp.Diff(&Fault{c.status, c.reason}, h.Fault); diff != "" {
				t.Errorf("fault (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseKeepsWhatWasSent(t *testing.T) {
	raw := "POST /a%2F..//b?c=%zz&d;e HTTP/1.1\r\nhOST: Shop.Example:8080\r\nX-a: 1\r\nCookie:\t a=b \r\nx-A: \xe3\x81\x82\r\nContent-Length: 3\r\n\r\n"
	want := &Head{
		Method: "POST", Target: "/a%2F..//b?c=%zz&d;e", Version: "HTTP/1.1", Host: "Shop.Example:8080", Length: 3,
		Headers: []yagura.Header{
			{Name: "hOST", Value: "Shop.Example:8080"},
			{Name: "X-a", Value: "1"},
			{Name: "Cookie", Value: "a=b"},
			{Name: "x-A", Value: "\xe3\x81\x82"},
			{Name: "Content-Length", Value: "3"},
		},
	}
	if diff := cmp.Diff(want, Parse([]byte(raw), Limits{})); diff != "" {
		t.Errorf("head (-want +got):\n%s", diff)
	}
}

// A malformed request must still be inspected, so its parts have to be there.
func TestParseReadsWhatIsMalformed(t *testing.T) {
	h := Parse([]byte("GET /?q=<script> x HTTP/9.9\nUser-Agent : sqlmap\n  more\nno colon here\n\n"), Limits{})
	want := &Head{
		Method: "GET", Target: "/?q=<script> x", Version: "HTTP/9.9",
		Headers: []yagura.Header{{Name: "User-Agent", Value: "sqlmap more"}, {Name: "no colon here"}},
		Fault:   &Fault{400, "bare-lf"},
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("head (-want +got):\n%s", diff)
	}
}

// FuzzParse holds the parser against net/http: what the front takes, net/http
// must take too, and read in the same way.
func FuzzParse(f *testing.F) {
	for _, c := range corpus {
		f.Add([]byte(c.raw))
	}
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	f.Add([]byte("OPTIONS * HTTP/1.0\r\n\r\n"))
	f.Add([]byte("POST http://a:1/?b HTTP/1.1\r\nHost: A:1\r\nTransfer-Encoding: Chunked\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		end := ends(raw, 0)
		if end < 0 {
			end = len(raw)
		}
		h := Parse(raw[:end], Limits{})
		if h.Fault != nil {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw[:end])))
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", raw, err)
		}
		chunked := len(r.TransferEncoding) > 0
		if r.Method != h.Method || r.RequestURI != h.Target || r.Proto != h.Version || chunked != (h.Length < 0) ||
			!chunked && r.ContentLength != h.Length {
			t.Errorf("%q: net/http reads %s %s %s %d, the front %+v", raw, r.Method, r.RequestURI, r.Proto, r.ContentLength, h)
		}
		if !strings.EqualFold(r.Host, h.Host) {
			t.Errorf("%q: hosts %q and %q", raw, r.Host, h.Host)
		}
		theirs := 0
		for _, v := range r.Header {
			theirs += len(v)
		}
		ours := 0
		for _, field := range h.Headers {
			switch http.CanonicalHeaderKey(field.Name) {
			case "Host", "Transfer-Encoding":
			default:
				ours++
			}
		}
		// net/http takes Trailer out.
		if _, ok := r.Trailer["X"]; !ok && r.Trailer == nil && ours != theirs {
			t.Errorf("%q: %d fields for net/http, %d for the front", raw, theirs, ours)
		}
	})
}

// FuzzChunks holds the framing of chunked bodies against net/http's reader: what
// the front takes as a whole body, net/http must read as one, with nothing left
// and nothing more.
func FuzzChunks(f *testing.F) {
	for _, s := range []string{"0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "A;x=\"y\"\r\n0123456789\r\n00\r\nT: v\r\n\r\n", "3\nabc\r\n0\r\n\r\n", "1 \r\na\r\n0\r\n\r\n"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, body []byte, step uint8) {
		var c chunks
		size := 0
		for size < len(body) && c.at != afterBody {
			n, fault := c.take(body[size:min(len(body), size+int(step)+1)])
			if size += n; fault != nil {
				return
			}
		}
		if c.at != afterBody {
			return
		}
		const tail = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
		head := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		r := bufio.NewReader(strings.NewReader(head + string(body[:size]) + tail))
		req, err := http.ReadRequest(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			t.Fatalf("%q: net/http refuses: %v", body[:size], err)
		}
		if left, _ := io.ReadAll(r); string(left) != tail {
			t.Errorf("%q: net/http leaves %q", body[:size], left)
		}
	})
}
