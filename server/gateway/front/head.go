package front

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura"
)

// Head is the head of an HTTP/1 request: the request line and the header
// fields as they were sent. A head with a fault holds what could be read.
type Head struct {
	Method  string
	Target  string // as sent
	Version string // as sent, "HTTP/1.1"; empty when the line has none
	Host    string // of the Host field; the first when there are several
	Headers []yagura.Header
	// Length is the length of the body in bytes; -1 when it is chunked.
	Length int64
	// Upgrade says that the client asks for another protocol, without a body.
	Upgrade bool
	// Fault is why the request is not well-formed, nil when it is.
	Fault *Fault
	// Early holds, of a request with a fault, the bytes that came with the head.
	Early []byte
}

// Fault is why a request is refused.
type Fault struct {
	Status int    // of the answer
	Reason string // kebab-case name, for logs and metrics: "space-before-colon"
}

// Error gives the reason.
func (f *Fault) Error() string { return "malformed request: " + f.Reason }

// Limits bound what a client may send. Zero fields have the defaults.
type Limits struct {
	Target int // bytes of the request target; default 16 KiB
	Head   int // bytes of request line and header; default 64 KiB
	Fields int // header fields; default 200
}

func (l Limits) orDefault() Limits {
	if l.Target == 0 {
		l.Target = 16 << 10
	}
	if l.Head == 0 {
		l.Head = 64 << 10
	}
	if l.Fields == 0 {
		l.Fields = 200
	}
	return l
}

// Parse reads a head: raw begins at the request line and ends behind the empty
// line; where that is missing the head is incomplete, which is a fault. It never
// fails: whatever raw holds, what can be read of it is in the result. The first
// fault counts.
func Parse(raw []byte, limits Limits) *Head {
	p := &parser{head: &Head{}, limits: limits.orDefault()}
	text := string(raw)
	if strings.IndexByte(text, 0) >= 0 {
		p.fault(http.StatusBadRequest, "nul-byte")
	}
	line, rest, ended := p.line(text)
	p.requestLine(line)
	done := false
	for ended && !done {
		line, rest, ended = p.line(rest)
		if line == "" && ended {
			done = true
			break
		}
		if line != "" && !p.field(line) {
			break
		}
	}
	switch {
	case len(raw) > p.limits.Head:
		p.fault(http.StatusRequestHeaderFieldsTooLarge, "head-too-large")
	case !done:
		p.fault(http.StatusBadRequest, "incomplete-head")
	}
	p.finish()
	return p.head
}

// parser is one run over a head.
type parser struct {
	head                    *Head
	limits                  Limits
	hosts, lengths, codings int // fields of these names
}

// fault notes the first fault.
func (p *parser) fault(status int, reason string) {
	if p.head.Fault == nil {
		p.head.Fault = &Fault{Status: status, Reason: reason}
	}
}

// line cuts a line off and faults what is not ended by CR LF alone.
func (p *parser) line(s string) (line, rest string, ended bool) {
	line, rest, ended = strings.Cut(s, "\n")
	switch {
	case !ended:
	case strings.HasSuffix(line, "\r"):
		line = line[:len(line)-1]
	default:
		p.fault(http.StatusBadRequest, "bare-lf")
	}
	if strings.IndexByte(line, '\r') >= 0 {
		p.fault(http.StatusBadRequest, "bare-cr")
		line = strings.ReplaceAll(line, "\r", " ")
	}
	return line, rest, ended
}

// requestLine reads "METHOD SP target SP HTTP/1.x"; of other lines the first
// word is the method, the last one the version if it looks like one, and
// everything between them the target.
func (p *parser) requestLine(line string) {
	h := p.head
	method, rest, ok := strings.Cut(line, " ")
	h.Method = method
	at := strings.LastIndexByte(rest, ' ')
	switch {
	case !ok || rest == "":
		p.fault(http.StatusBadRequest, "bad-request-line")
	case at >= 0 && looksLikeVersion(rest[at+1:]):
		h.Target, h.Version = rest[:at], rest[at+1:]
	default:
		h.Target = rest
		p.fault(http.StatusBadRequest, "no-version")
	}
	if trimmed := strings.Trim(h.Target, " \t"); trimmed != h.Target || strings.ContainsAny(trimmed, " \t") {
		p.fault(http.StatusBadRequest, "space-in-request-line")
		h.Target = trimmed
	}
	switch {
	case !isToken(method):
		p.fault(http.StatusBadRequest, "bad-method")
	case method == http.MethodConnect:
		p.fault(http.StatusMethodNotAllowed, "connect")
	}
	if len(h.Target) > p.limits.Target {
		p.fault(http.StatusRequestURITooLong, "target-too-long")
	}
	if reason := badTarget(h.Method, h.Target); reason != "" {
		p.fault(http.StatusBadRequest, reason)
	}
	switch h.Version {
	case "HTTP/1.1", "HTTP/1.0", "":
	default:
		p.fault(http.StatusHTTPVersionNotSupported, "bad-version")
	}
}

// looksLikeVersion says whether a word is meant as the version.
func looksLikeVersion(s string) bool {
	return len(s) >= 4 && strings.EqualFold(s[:4], "HTTP") && len(s) <= 32
}

// field reads a header line; false ends the reading.
func (p *parser) field(line string) bool {
	h := p.head
	if len(h.Headers) == p.limits.Fields {
		p.fault(http.StatusRequestHeaderFieldsTooLarge, "too-many-fields")
		return false
	}
	if line[0] == ' ' || line[0] == '\t' {
		p.fault(http.StatusBadRequest, "folded-field")
		if n := len(h.Headers); n > 0 {
			h.Headers[n-1].Value += " " + strings.Trim(line, " \t")
			return true
		}
	}
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		p.fault(http.StatusBadRequest, "no-colon")
	}
	if bare := strings.TrimRight(name, " \t"); ok && bare != name {
		p.fault(http.StatusBadRequest, "space-before-colon")
		name = bare
	}
	if !isToken(name) {
		p.fault(http.StatusBadRequest, "bad-field-name")
	}
	value = strings.Trim(value, " \t")
	if !isValue(value) {
		p.fault(http.StatusBadRequest, "bad-field-value")
	}
	h.Headers = append(h.Headers, yagura.Header{Name: name, Value: value})
	p.framing(name, value)
	return true
}

// framing looks at the fields that say where a message ends and where it goes.
func (p *parser) framing(name, value string) {
	switch len(name) {
	case len("host"), len("upgrade"), len("content-length"), len("transfer-encoding"):
	default:
		return
	}
	switch {
	case strings.EqualFold(name, "host"):
		p.host(value)
	case strings.EqualFold(name, "upgrade"):
		p.head.Upgrade = true
	case strings.EqualFold(name, "content-length"):
		p.length(value)
	case strings.EqualFold(name, "transfer-encoding"):
		p.coding(value)
	case strings.EqualFold(name, "content_length"), strings.EqualFold(name, "transfer_encoding"):
		// Some applications read content_length as content-length.
		p.fault(http.StatusBadRequest, "framing-lookalike")
	}
}

func (p *parser) host(value string) {
	p.hosts++
	switch {
	case p.hosts > 1:
		p.fault(http.StatusBadRequest, "duplicate-host")
		return
	case !isHost(value):
		p.fault(http.StatusBadRequest, "bad-host")
	}
	p.head.Host = value
}

func (p *parser) length(value string) {
	p.lengths++
	n, err := strconv.ParseUint(value, 10, 63)
	switch {
	case p.lengths > 1:
		p.fault(http.StatusBadRequest, "duplicate-content-length")
	case err != nil || strings.Trim(value, "0123456789") != "":
		p.fault(http.StatusBadRequest, "bad-content-length")
	default:
		p.head.Length = int64(n) //nolint:gosec // 63 bits fit.
	}
}

func (p *parser) coding(value string) {
	p.codings++
	switch {
	case p.codings > 1:
		p.fault(http.StatusBadRequest, "duplicate-transfer-encoding")
	case !strings.EqualFold(value, "chunked"):
		p.fault(http.StatusNotImplemented, "bad-transfer-encoding")
	case p.head.Version == "HTTP/1.0":
		p.fault(http.StatusBadRequest, "transfer-encoding-in-1.0")
	}
}

// finish checks what needs the whole head.
func (p *parser) finish() {
	h := p.head
	if p.codings > 0 {
		if p.lengths > 0 {
			p.fault(http.StatusBadRequest, "length-and-chunked")
		}
		h.Length = -1
	}
	h.Upgrade = h.Upgrade && h.Length == 0
	if h.Version == "HTTP/1.1" && p.hosts == 0 {
		p.fault(http.StatusBadRequest, "no-host")
	}
	if auth := authority(h.Target); auth != "" && p.hosts > 0 && !strings.EqualFold(auth, h.Host) {
		p.fault(http.StatusBadRequest, "host-conflict")
	}
}

// ends finds the end of a head in b, behind the empty line, looking only behind
// the first seen bytes; it is -1 when the head goes on.
func ends(b []byte, seen int) int {
	at := max(0, seen-3)
	for {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return -1
		}
		at += i + 1
		switch {
		case at < len(b) && b[at] == '\n':
			return at + 1
		case at+1 < len(b) && b[at] == '\r' && b[at+1] == '\n':
			return at + 2
		}
	}
}
