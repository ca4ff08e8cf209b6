package request

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/yagura-sec/yagura"
)

// Curl reads a curl command line.
func Curl(command string) (*yagura.Request, error) {
	words, err := split(command)
	if err != nil {
		return nil, err
	}
	if len(words) > 0 && words[0] == "curl" {
		words = words[1:]
	}
	return CurlWords(words)
}

// CurlWords reads the arguments of curl.
func CurlWords(words []string) (*yagura.Request, error) {
	c := &command{}
	for len(words) > 0 {
		var err error
		if words, err = c.word(words); err != nil {
			return nil, err
		}
	}
	return c.request()
}

// command is what the options of curl have said.
type command struct {
	url, method, version string
	headers              []yagura.Header
	data                 []string
	parts                []string // of a multipart form
	hasData, get, head   bool
}

// without are the options that change nothing in the request.
var without = " -k --insecure -s --silent -S --show-error -L --location -v --verbose -i --include --compressed -f --fail -g --globoff --path-as-is -N --no-buffer -# --progress-bar "

// ignored are those with a value that is not in the request.
var ignored = " -o --output -m --max-time --connect-timeout --retry -w --write-out --resolve --cacert -x --proxy --max-redirs "

// long are the long forms.
var long = map[string]string{
	"--request": "-X", "--header": "-H", "--data": "-d", "--data-ascii": "-d", "--data-raw": "--data-raw", "--data-binary": "--data-binary",
	"--data-urlencode": "--data-urlencode", "--user-agent": "-A", "--referer": "-e", "--cookie": "-b", "--user": "-u", "--form": "-F", "--url": "--url", "--json": "--json",
	"--form-string": "-F",
}

// word takes one option with its value, or the address.
func (c *command) word(words []string) ([]string, error) {
	w, rest := words[0], words[1:]
	if !strings.HasPrefix(w, "-") || w == "-" {
		if c.url != "" {
			return nil, fmt.Errorf("two addresses, %.80q and %.80q: give one request", c.url, w)
		}
		c.url = w
		return rest, nil
	}
	if len(w) > 2 && w[1] != '-' && (strings.Contains(without, " "+w[:2]+" ") || w[1] == 'G' || w[1] == 'I') {
		w, rest = w[:2], append([]string{"-" + w[2:]}, rest...) // Letters in a bundle, as -sk.
	}
	switch {
	case strings.Contains(without, " "+w+" "):
		return rest, nil
	case w == "-G" || w == "--get":
		c.get = true
		return rest, nil
	case w == "-I" || w == "--head":
		c.head = true
		return rest, nil
	case strings.HasPrefix(w, "--http"):
		c.version = map[string]string{"--http1.0": "HTTP/1.0", "--http2": "HTTP/2.0", "--http3": "HTTP/3.0"}[w]
		return rest, nil
	}
	name, value, has := w, "", false
	if strings.HasPrefix(w, "--") {
		if name, value, has = strings.Cut(w, "="); long[name] != "" {
			name = long[name]
		}
	} else if len(w) > 2 {
		name, value, has = w[:2], w[2:], true
	}
	if !has {
		if len(rest) == 0 {
			return nil, fmt.Errorf("curl option %s needs a value", w)
		}
		value, rest = rest[0], rest[1:]
	}
	return rest, c.option(name, value)
}

func (c *command) option(name, value string) error {
	switch name {
	case "-X":
		c.method = value
	case "--url":
		c.url = value
	case "-A":
		c.set("User-Agent", value)
	case "-e":
		c.set("Referer", value)
	case "-b":
		c.set("Cookie", value)
	case "-u":
		c.set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(value)))
	case "-H":
		field, content, ok := strings.Cut(value, ":")
		if !ok {
			field = strings.TrimSuffix(value, ";") // "Name;" is a header without content.
		}
		c.set(field, strings.Trim(content, " \t"))
	case "-d", "--data-binary", "--json", "--data-raw", "--data-urlencode":
		if strings.HasPrefix(value, "@") && name != "--data-raw" {
			return fmt.Errorf("%s %.80q reads a file: write the data itself", name, value)
		}
		if name == "--data-urlencode" {
			key, content, ok := strings.Cut(value, "=")
			if !ok {
				key, content = "", value
			}
			if value = url.QueryEscape(content); key != "" {
				value = key + "=" + value
			}
		}
		if name == "--json" {
			c.set("Content-Type", "application/json")
			c.set("Accept", "application/json")
		}
		c.data, c.hasData = append(c.data, value), true
	case "-F":
		if _, content, _ := strings.Cut(value, "="); strings.HasPrefix(content, "@") || strings.HasPrefix(content, "<") {
			return fmt.Errorf("-F %.80q reads a file: write the data itself", value)
		}
		c.parts = append(c.parts, value)
	default:
		if strings.Contains(ignored, " "+name+" ") {
			return nil
		}
		return fmt.Errorf("curl option %s is not read here", name)
	}
	return nil
}

func (c *command) set(name, value string) {
	c.headers = append(c.headers, yagura.Header{Name: name, Value: value})
}

func (c *command) has(name string) bool {
	for _, h := range c.headers {
		if strings.EqualFold(h.Name, name) {
			return true
		}
	}
	return false
}

// boundary of the forms made here; curl draws one.
const boundary = "------------------------yagura00000000"

// request builds what curl would send.
func (c *command) request() (*yagura.Request, error) {
	if c.url == "" {
		return nil, errors.New("the curl command has no address")
	}
	scheme, rest, ok := strings.Cut(c.url, "://")
	if !ok {
		scheme, rest = "http", c.url
	}
	r := &yagura.Request{Missing: Unknown, Scheme: strings.ToLower(scheme), Method: c.method, Version: version(c.version)}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	r.Host, r.URI = rest[:end], rest[end:]
	r.URI, r.Fragment, _ = strings.Cut(r.URI, "#")
	r.Fragment = "" // It is not sent.
	if !strings.HasPrefix(r.URI, "/") {
		r.URI = "/" + r.URI
	}
	c.body(r)
	if r.Method == "" {
		r.Method = "GET"
		switch {
		case c.head:
			r.Method = "HEAD"
		case r.Body != nil:
			r.Method = "POST"
		}
	}
	for _, h := range []yagura.Header{{Name: "Accept", Value: "*/*"}, {Name: "User-Agent", Value: "curl/8.0"}, {Name: "Host", Value: r.Host}} {
		if !c.has(h.Name) {
			c.headers = append([]yagura.Header{h}, c.headers...)
		}
	}
	for _, h := range c.headers {
		r.Headers = append(r.Headers, h)
		if strings.EqualFold(h.Name, "host") {
			r.Host = h.Value
		}
	}
	r.BodySize = int64(len(r.Body))
	return r, nil
}

// body sets body and Content-Type.
func (c *command) body(r *yagura.Request) {
	joined := strings.Join(c.data, "&")
	switch {
	case len(c.parts) > 0:
		var b strings.Builder
		for _, p := range c.parts {
			name, content, _ := strings.Cut(p, "=")
			fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", boundary, name, content)
		}
		r.Body = []byte(b.String() + "--" + boundary + "--\r\n")
		c.set("Content-Type", "multipart/form-data; boundary="+boundary)
	case c.hasData && c.get:
		mark := "?"
		if strings.Contains(r.URI, "?") {
			mark = "&"
		}
		r.URI += mark + joined
	case c.hasData:
		r.Body = []byte(joined)
		if !c.has("Content-Type") {
			c.set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	if r.Body != nil && !c.has("Content-Length") {
		c.set("Content-Length", fmt.Sprint(len(r.Body)))
	}
}

// split cuts a command line into words as a POSIX shell does; nothing is expanded.
func split(s string) (words []string, err error) {
	var w strings.Builder
	in := false
	for i := 0; i < len(s); i++ {
		switch ch := s[i]; {
		case ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r':
			if in {
				words, in = append(words, w.String()), false
				w.Reset()
			}
		case ch == '\\' && i+1 < len(s):
			if i++; s[i] == '\n' || s[i] == '\r' {
				continue
			}
			in = true
			w.WriteByte(s[i])
		case ch == '\'' || ch == '"' || ch == '$' && i+1 < len(s) && s[i+1] == '\'':
			in = true
			n, ok := quoted(&w, s[i:])
			if !ok {
				return nil, errors.New("a quotation mark is not closed")
			}
			i += n - 1
		default:
			in = true
			w.WriteByte(ch)
		}
	}
	if in {
		words = append(words, w.String())
	}
	return words, nil
}

// quoted takes a quoted part and gives its length.
func quoted(w *strings.Builder, s string) (int, bool) {
	open, escapes, i := s[0], s[0] == '"', 1
	if open == '$' {
		open, escapes, i = '\'', true, 2
	}
	for ; i < len(s); i++ {
		switch {
		case s[i] == open:
			return i + 1, true
		case s[i] == '\\' && escapes && i+1 < len(s):
			i++
			switch c := s[i]; {
			case s[0] == '$' && strings.IndexByte("nrt", c) >= 0:
				w.WriteByte(map[byte]byte{'n': '\n', 'r': '\r', 't': '\t'}[c])
			case s[0] == '"' && strings.IndexByte("\"\\$`\n", c) < 0:
				w.WriteByte('\\')
				w.WriteByte(c)
			case c != '\n' || s[0] == '$':
				w.WriteByte(c)
			}
		default:
			w.WriteByte(s[i])
		}
	}
	return 0, false
}
