package crs

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura"
)

// collectHeaders fills what phase 1 looks at.
func (t *transaction) collectHeaders() {
	r := t.request
	s := &t.singles
	s[varFilesCombinedSize], s[varURLEncodedError], s[varURIParseError] = "0", "0", "0"
	s[varArgumentsLimitReached], s[varFullRequestLength] = "0", "0"
	s[varMultipartDuplicateHeader], s[varMultipartInvalidQuoting] = "0", "0"
	s[varBodyError], s[varBodyProcessorError], s[varBodyLength], s[varDuration] = "0", "0", "0", "0"
	s[varHighestSeverity] = "255"
	if s[varUniqueID] = r.ID; r.ID == "" {
		s[varUniqueID] = t.itoa(int(r.Time)) // for sampling
	}
	s[varMethod], s[varProtocol] = r.Method, r.Version
	s[varServerName] = hostname(r.Host)
	if r.Client.IsValid() {
		s[varRemoteAddr] = view(r.Client.Unmap().AppendTo(t.alloc(48)))
	}
	s[varTimeEpoch] = t.itoa(int(r.Time / 1e6))
	t.collectURI()
	host := false
	for _, h := range r.Headers {
		t.header(h)
		host = host || strings.EqualFold(h.Name, "host")
	}
	if !host && r.Host != "" {
		t.header(yagura.Header{Name: "Host", Value: r.Host})
	}
	size := 0
	for i := range t.lists[listGet] {
		size += len(t.lists[listGet][i].key) + len(t.lists[listGet][i].value)
	}
	s[varArgsCombinedSize] = t.itoa(size)
}

// hostname is a host without its port.
func hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > 0 && !strings.HasSuffix(host, "]") {
		return host[:i]
	}
	return host
}

// header takes a header in. The first Content-Type chooses how the body is read.
func (t *transaction) header(h yagura.Header) {
	if h.Name == "" {
		return
	}
	t.add(listHeaders, h.Name, h.Value)
	switch t.lists[listHeaders][len(t.lists[listHeaders])-1].lower {
	case "content-type":
		if t.typed {
			return
		}
		t.typed = true
		switch value := strings.TrimSpace(t.lower(h.Value)); {
		case strings.HasPrefix(value, "application/x-www-form-urlencoded"):
			t.singles[varBodyProcessor] = "URLENCODED"
		case strings.HasPrefix(value, "multipart/form-data"):
			t.singles[varBodyProcessor] = "MULTIPART"
		}
	case "cookie":
		t.cookies(h.Value)
	}
}

// contentType gives the first Content-Type.
func (t *transaction) contentType() string {
	value, _ := t.first(varHeaders, "content-type")
	return value
}

// cookies cuts a Cookie header; nothing in it is decoded.
func (t *transaction) cookies(text string) {
	for text != "" {
		var pair string
		pair, text, _ = strings.Cut(text, ";")
		name, value, _ := strings.Cut(pair, "=")
		name, value = trimControls(name), trimControls(value)
		if name != "" || value != "" {
			t.add(listCookies, name, value)
		}
	}
}

// trimControls takes control characters and spaces off both ends.
func trimControls(s string) string {
	for s != "" && (s[0] <= ' ' || s[0] == 0x7f) {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] <= ' ' || s[len(s)-1] == 0x7f) {
		s = s[:len(s)-1]
	}
	return s
}

// collectURI cuts the request target. What Go's parser refuses is cut at the first
// question mark, so that nothing hides behind an error.
func (t *transaction) collectURI() {
	s, uri := &t.singles, t.request.URI
	s[varURIRaw] = uri
	line := t.alloc(len(t.request.Method) + len(uri) + len(t.request.Version) + 2)
	line = append(append(line, t.request.Method...), ' ')
	line = append(append(line, uri...), ' ')
	s[varLine] = view(append(line, t.request.Version...))
	uri, _, _ = strings.Cut(uri, "#")
	path, query, _ := strings.Cut(uri, "?")
	s[varURI] = uri
	if !simplePath(path) || hasControls(query) {
		if u, err := url.ParseRequestURI(uri); err != nil {
			s[varURIParseError] = "1"
		} else {
			s[varURI], path, query = u.String(), u.Path, u.RawQuery
		}
	}
	s[varFilename], s[varBasename], s[varQueryString] = path, path, query
	if i := strings.LastIndexAny(path, `/\`); i >= 0 && i+1 < len(path) {
		s[varBasename] = path[i+1:]
	}
	t.arguments(listGet, query)
}

// simplePath says that Go's parser would give the path as it is.
func simplePath(path string) bool {
	if path == "" || path[0] != '/' || strings.HasPrefix(path, "//") {
		return false
	}
	for i := range len(path) {
		switch c := path[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '/', c == '.', c == '-', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

func hasControls(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// arguments cuts a=b&c=d into a list, up to the limit.
func (t *transaction) arguments(list int, text string) {
	for n := 0; text != ""; {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		if pair == "" {
			continue
		}
		if n++; n > t.e.argumentLimit {
			t.singles[varArgumentsLimitReached] = "1"
			return
		}
		key, value, _ := strings.Cut(pair, "=")
		t.add(list, t.unescape(key), t.unescape(value))
	}
}

// unescape decodes %HH and +; what is no code stays.
func (t *transaction) unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	out := t.alloc(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			c = ' '
		}
		if c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			c = nibble(s[i+1])<<4 | nibble(s[i+2])
			i += 2
		}
		out = append(out, c)
	}
	return view(out)
}

func nibble(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&0x0f + 9
}

// collectBody reads the body as the processor says that the first phase left.
func (t *transaction) collectBody() {
	if t.bodyOff || t.body == "" {
		return
	}
	if t.cut {
		t.singles[varInboundDataError] = "1"
	}
	processor := t.singles[varBodyProcessor]
	if t.forceBody && processor == "" {
		processor = "URLENCODED"
		t.singles[varBodyProcessor] = processor
	}
	var err error
	switch strings.ToUpper(processor) {
	case "":
		return
	case "URLENCODED":
		t.arguments(listPost, t.body)
		fallthrough
	case "RAW":
		t.singles[varBody], t.singles[varBodyLength] = t.body, strconv.Itoa(len(t.body))
	case "JSON":
		err = t.readJSON()
	case "XML":
		err = t.readXML()
	case "MULTIPART":
		err = t.readMultipart()
	default:
		err = errProcessor
	}
	size := integer(t.singles[varArgsCombinedSize])
	for i := range t.lists[listPost] {
		size += len(t.lists[listPost][i].key) + len(t.lists[listPost][i].value)
	}
	t.singles[varArgsCombinedSize] = t.itoa(size)
	if err != nil {
		t.singles[varBodyError], t.singles[varBodyProcessorError] = "1", "1"
		t.singles[varBodyErrorMsg] = processor + ": " + err.Error()
		t.singles[varBodyProcessorErrorMsg] = err.Error()
	}
}
