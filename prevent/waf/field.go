package waf

import (
	"slices"
	"strings"
	"unsafe"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
)

// Limits of what AWS WAF inspects of headers and cookies, in bytes and in number.
const (
	headerBytes = 8192
	headerCount = 200
)

// value is one of the values that a field has in a request. It must not be written to.
type value struct {
	data []byte
	name string // of the header, cookie, argument, or the JSON key
}

// values is what a field is in a request.
type values struct {
	ready bool
	list  []value
	// open says what is missing if there may be more or other values.
	open string
	// fixed is the answer of any statement on this field, when oversize handling
	// or a fallback decides it; 0 when the values do.
	fixed truth
	large bool // longer than its limit
	part  bool // the value is the beginning of one whose rest is missing
}

// component is one FieldToMatch of a web ACL; equal ones are one component.
type component struct {
	field *acl.Field
	names []string // Include or Exclude in lower case
	title string   // for people and logs
}

func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// handle applies OversizeHandling.
func (v *values) handle(how string) {
	v.large = true
	switch how {
	case "MATCH":
		v.fixed = yes
	case "NO_MATCH":
		v.fixed = no
	}
}

func (v *values) one(data []byte) { v.list = append(v.list, value{data: data}) }

// fallback answers for what a request does not have.
func (v *values) fallback(how string) {
	v.fixed = truthOf(how == "MATCH")
}

// component gives the raw values of a component, extracted once.
func (e *evaluation) component(i int) *values {
	v := &e.raw[i]
	if v.ready {
		return v
	}
	*v = values{ready: true, list: v.list[:0]}
	c := &e.acl.components[i]
	r, f := e.request, c.field
	switch f.Kind {
	case "Method":
		if r.Missing&yagura.PartMethod != 0 || e.redacted("method") {
			v.open = "the method"
		} else {
			v.one(bytesOf(r.Method))
		}
	case "UriPath", "QueryString", "AllQueryArguments", "SingleQueryArgument", "UriFragment":
		e.target(f, v)
	case "SingleHeader":
		e.header(f.Name, v)
	case "Headers":
		e.headers(c, v)
	case "Cookies":
		e.cookies(c, v)
	case "HeaderOrder":
		e.headerOrder(f, v)
	case "JA3Fingerprint", "JA4Fingerprint":
		print := r.JA3
		if f.Kind == "JA4Fingerprint" {
			print = r.JA4
		}
		switch {
		case print != "":
			v.one(bytesOf(print))
		case r.Missing&yagura.PartFingerprint != 0:
			v.open = "the " + f.Kind[:3] + " fingerprint"
		default:
			v.fallback(f.Fallback)
		}
	case "Body":
		e.body(f, v)
	case "JsonBody":
		e.jsonBody(f, v)
	}
	return v
}

func (e *evaluation) redacted(name string) bool {
	return len(e.request.Redacted) > 0 && slices.Contains(e.request.Redacted, name)
}

// split cuts the request target. An absolute target loses scheme and authority.
func (e *evaluation) split() {
	if e.isSplit {
		return
	}
	e.isSplit = true
	uri := e.request.URI
	if len(uri) > 0 && uri[0] != '/' {
		if scheme := strings.Index(uri, "://"); scheme > 0 && !strings.ContainsAny(uri[:scheme], "/?#") {
			rest := uri[scheme+3:]
			if at := strings.IndexAny(rest, "/?#"); at >= 0 {
				uri = rest[at:]
			} else {
				uri = "/"
			}
		}
	}
	e.fragment = e.request.Fragment
	if at := strings.IndexByte(uri, '#'); at >= 0 {
		if e.fragment == "" {
			e.fragment = uri[at+1:]
		}
		uri = uri[:at]
	}
	e.path, e.query, _ = strings.Cut(uri, "?")
}

func (e *evaluation) target(f *acl.Field, v *values) {
	e.split()
	missing := e.request.Missing&yagura.PartURI != 0
	switch f.Kind {
	case "UriPath":
		if missing || e.redacted("uri") {
			v.open = "the URI path"
		} else {
			v.one(bytesOf(e.path))
		}
		return
	case "UriFragment":
		switch {
		case e.fragment != "":
			v.one(bytesOf(e.fragment))
		case missing || e.redacted("uri"):
			v.open = "the URI fragment"
		default:
			v.fallback(f.Fallback)
		}
		return
	}
	if missing || e.redacted("query") {
		v.open = "the query string"
		return
	}
	if f.Kind == "QueryString" {
		v.one(bytesOf(e.query))
		return
	}
	for rest := e.query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		name, content, _ := strings.Cut(pair, "=")
		if pair != "" && (f.Name == "" || strings.EqualFold(name, f.Name)) {
			v.list = append(v.list, value{bytesOf(content), name})
		}
	}
}

// header gives the values of one header. What a record holds counts even when
// other headers are missing from it.
func (e *evaluation) header(name string, v *values) {
	r := e.request
	if e.redactedHeader(name) {
		v.open = "the redacted header " + name
		return
	}
	for i := range r.Headers {
		if h := &r.Headers[i]; len(h.Name) == len(name) && strings.EqualFold(h.Name, name) {
			v.list = append(v.list, value{bytesOf(h.Value), h.Name})
		}
	}
	if len(v.list) > 0 {
		return
	}
	if strings.EqualFold(name, "host") && r.Host != "" {
		v.list = append(v.list, value{bytesOf(r.Host), "host"})
		return
	}
	if r.Missing&yagura.PartHeaders != 0 {
		v.open = "the header " + strings.ToLower(name)
	}
}

func (e *evaluation) redactedHeader(name string) bool {
	for _, field := range e.request.Redacted {
		if one, ok := strings.CutPrefix(field, "header:"); ok && strings.EqualFold(one, name) {
			return true
		}
	}
	return false
}

// wanted says whether a pattern of included or excluded names takes this one.
func (c *component) wanted(name string) bool {
	if len(c.names) == 0 {
		return true
	}
	for _, n := range c.names {
		if strings.EqualFold(n, name) {
			return len(c.field.Include) > 0
		}
	}
	return len(c.field.Include) == 0
}

// add gives name and content, as the match scope says, of what fits into room.
func (c *component) add(v *values, name, content string, room int) {
	if !c.wanted(name) {
		return
	}
	key := name
	if room < len(name) {
		key, content = name[:max(room, 0)], ""
	} else if room < len(name)+len(content) {
		content = content[:room-len(name)]
	}
	if c.field.Scope != "VALUE" {
		v.list = append(v.list, value{bytesOf(key), name})
	}
	if c.field.Scope != "KEY" {
		v.list = append(v.list, value{bytesOf(content), name})
	}
}

func (e *evaluation) headers(c *component, v *values) {
	size, count := 0, 0
	for i := range e.request.Headers {
		h := &e.request.Headers[i]
		if count == headerCount || size >= headerBytes {
			v.handle(c.field.Oversize)
			break
		}
		if len(h.Name)+len(h.Value) > headerBytes-size {
			v.handle(c.field.Oversize)
		}
		if e.redactedHeader(h.Name) {
			if c.wanted(h.Name) {
				v.open = "redacted headers"
			}
		} else {
			c.add(v, h.Name, h.Value, headerBytes-size)
		}
		size += len(h.Name) + len(h.Value)
		count++
	}
	if e.request.Missing&yagura.PartHeaders != 0 && v.fixed == 0 {
		v.open = "the headers"
	}
}

func (e *evaluation) cookies(c *component, v *values) {
	var lines values
	e.header("cookie", &lines)
	if v.open = lines.open; v.open != "" {
		return
	}
	size, count := 0, 0
	for _, line := range lines.list {
		rest := unsafe.String(unsafe.SliceData(line.data), len(line.data))
		for more := true; more; {
			var pair string
			pair, rest, more = strings.Cut(rest, ";")
			if pair = strings.Trim(pair, " \t"); pair == "" {
				continue
			}
			name, content, _ := strings.Cut(pair, "=")
			if count == headerCount || size >= headerBytes {
				v.handle(c.field.Oversize)
				return
			}
			if len(name)+len(content) > headerBytes-size {
				v.handle(c.field.Oversize)
			}
			c.add(v, name, content, headerBytes-size)
			size += len(name) + len(content)
			count++
		}
	}
}

func (e *evaluation) headerOrder(f *acl.Field, v *values) {
	r := e.request
	if r.Missing&(yagura.PartHeaders|yagura.PartOrder) != 0 {
		v.open = "the order of the headers"
		return
	}
	start := len(e.arena)
	for i := range r.Headers {
		if i == headerCount || len(e.arena)-start > headerBytes {
			v.handle(f.Oversize)
			break
		}
		if i > 0 {
			e.arena = append(e.arena, ':')
		}
		for j := range len(r.Headers[i].Name) {
			e.arena = append(e.arena, lower(r.Headers[i].Name[j]))
		}
	}
	v.one(slices.Clip(e.arena[start:]))
}

// body gives the part of the body that is forwarded to AWS WAF.
func (e *evaluation) body(f *acl.Field, v *values) {
	r, limit := e.request, e.acl.bodyLimit
	e.wantsBody = true
	large := len(r.Body) > limit || r.BodySize > int64(limit)
	if large {
		v.handle(f.Oversize)
		if v.fixed != 0 {
			e.inspected = max(e.inspected, min(len(r.Body), limit))
			return
		}
	}
	data := r.Body[:min(len(r.Body), limit)]
	e.inspected = max(e.inspected, len(data))
	if !e.partOfBody() {
		v.one(data)
		return
	}
	v.open = "the body"
	// Whether it is oversize may not be known, and would be no match then.
	if len(data) > 0 && (r.BodySize >= 0 || f.Oversize != "NO_MATCH") {
		v.open, v.part = "the rest of the body", true
		v.one(data)
	}
}

// partOfBody says whether a record holds less of the body than AWS WAF looks at.
func (e *evaluation) partOfBody() bool {
	r, n := e.request, int64(len(e.request.Body))
	return n < int64(e.acl.bodyLimit) && (n < r.BodySize || r.Missing&yagura.PartBody != 0 && n != r.BodySize)
}

func (e *evaluation) jsonBody(f *acl.Field, v *values) {
	var whole values
	e.body(f, &whole)
	v.large, v.fixed, v.open = whole.large, whole.fixed, whole.open
	if v.fixed != 0 || len(whole.list) == 0 {
		return
	}
	data := whole.list[0].data
	if len(data) == 0 {
		return // No body, no match; it is not invalid JSON.
	}
	valid := e.walkJSON(f, data, v)
	if whole.open != "" {
		// What has been read is there; but the rest may show that it is no JSON.
		if f.Fallback == "NO_MATCH" || f.Fallback == "EVALUATE_AS_STRING" {
			v.list = v.list[:0]
		}
		return
	}
	if valid {
		return
	}
	switch f.Fallback {
	case "MATCH", "NO_MATCH":
		v.list = v.list[:0]
		v.fallback(f.Fallback)
	case "EVALUATE_AS_STRING":
		v.list = v.list[:0]
		v.one(data)
	}
}

// title names a field as the explanation and the hits show it.
func title(f *acl.Field) string {
	switch f.Kind {
	case "SingleHeader":
		return "header " + strings.ToLower(f.Name)
	case "SingleQueryArgument":
		return "query argument " + f.Name
	}
	return titles[f.Kind]
}

var titles = map[string]string{
	"AllQueryArguments": "query argument", "UriPath": "URI path", "QueryString": "query string", "Body": "body",
	"Method": "method", "JsonBody": "JSON body", "Headers": "header", "Cookies": "cookie", "HeaderOrder": "header order",
	"JA3Fingerprint": "JA3 fingerprint", "JA4Fingerprint": "JA4 fingerprint", "UriFragment": "URI fragment",
}

// named adds which of several names it was.
func (c *component) named(v value) string {
	if v.name == "" || c.field.Name != "" {
		return c.title
	}
	return c.title + " " + strings.ToLower(v.name[:min(len(v.name), 128)])
}

// sizeOf answers a size constraint on a body that is not there, or only in part,
// but whose length is.
func (e *evaluation) sizeOf(component int) (int64, bool) {
	r := e.request
	if e.acl.components[component].field.Kind != "Body" || r.BodySize < 0 {
		return 0, false
	}
	return min(r.BodySize, int64(e.acl.bodyLimit)), true
}
