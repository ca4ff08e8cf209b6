package crs

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
	"github.com/goccy/go-yaml"

	"github.com/yagura-sec/yagura"
)

// regression is one of CRS's own tests.
type regression struct {
	name             string
	request          *yagura.Request
	expect, noExpect []int
}

// ftwInput is the request of a test as go-ftw writes it.
type ftwInput struct {
	Method  *string           `yaml:"method"`
	URI     *string           `yaml:"uri"`
	Version *string           `yaml:"version"`
	Headers map[string]string `yaml:"headers"`
	Data    *string           `yaml:"data"`
	Encoded string            `yaml:"encoded_request"`
	Auto    *bool             `yaml:"autocomplete_headers"`
}

// ftwFile is a file of tests.
type ftwFile struct {
	RuleID int `yaml:"rule_id"`
	Tests  []struct {
		ID     int `yaml:"test_id"`
		Stages []struct {
			Input  ftwInput `yaml:"input"`
			Output struct {
				Log struct {
					Expect   []int `yaml:"expect_ids"`
					NoExpect []int `yaml:"no_expect_ids"`
				} `yaml:"log"`
			} `yaml:"output"`
		} `yaml:"stages"`
	} `yaml:"tests"`
}

// regressions reads all of CRS's tests of requests.
func regressions(tb testing.TB) []regression {
	tb.Helper()
	var out []regression
	names, err := fs.Glob(tests.FS, "REQUEST-*/*.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(tests.FS, name)
		if err != nil {
			tb.Fatal(err)
		}
		var f ftwFile
		if err := yaml.Unmarshal(data, &f); err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		for _, test := range f.Tests {
			for n, stage := range test.Stages {
				out = append(out, regression{
					name:     fmt.Sprintf("%d-%d.%d", f.RuleID, test.ID, n),
					request:  stage.Input.request(tb),
					expect:   stage.Output.Log.Expect,
					noExpect: stage.Output.Log.NoExpect,
				})
			}
		}
	}
	if len(out) < 3000 {
		tb.Fatalf("only %d tests in CRS's corpus", len(out))
	}
	return out
}

func or(s *string, other string) string {
	if s == nil {
		return other
	}
	return *s
}

func (in *ftwInput) request(tb testing.TB) *yagura.Request {
	if in.Encoded != "" {
		raw, err := base64.StdEncoding.DecodeString(in.Encoded)
		if err != nil {
			tb.Fatal(err)
		}
		return parseRaw(raw)
	}
	r := &yagura.Request{
		ID: "test", Method: or(in.Method, "GET"), URI: or(in.URI, "/"), Version: or(in.Version, "HTTP/1.1"),
		Client: netip.MustParseAddr("127.0.0.1"), Body: []byte(or(in.Data, "")),
	}
	names := make([]string, 0, len(in.Headers))
	for name := range in.Headers {
		names = append(names, name)
	}
	slices.Sort(names)
	has := func(name string) bool {
		return slices.ContainsFunc(r.Headers, func(h yagura.Header) bool { return strings.EqualFold(h.Name, name) })
	}
	for _, name := range names {
		r.Headers = append(r.Headers, yagura.Header{Name: name, Value: in.Headers[name]})
	}
	if in.Auto == nil || *in.Auto {
		if !has("Connection") {
			r.Headers = append(r.Headers, yagura.Header{Name: "Connection", Value: "close"})
		}
		if len(r.Body) > 0 && !has("Content-Type") {
			r.Headers = append(r.Headers, yagura.Header{Name: "Content-Type", Value: "application/x-www-form-urlencoded"})
		}
		if len(r.Body) > 0 && !has("Content-Length") {
			r.Headers = append(r.Headers, yagura.Header{Name: "Content-Length", Value: strconv.Itoa(len(r.Body))})
		}
	}
	r.BodySize = int64(len(r.Body))
	return r
}

// parseRaw reads a request as it is on the wire; whatever is odd stays odd.
func parseRaw(raw []byte) *yagura.Request {
	r := &yagura.Request{ID: "test", Client: netip.MustParseAddr("127.0.0.1")}
	head, body, ok := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !ok {
		head, body, _ = bytes.Cut(raw, []byte("\n\n"))
	}
	lines := strings.Split(strings.ReplaceAll(string(head), "\r\n", "\n"), "\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	uri, version := rest, ""
	if i := strings.LastIndexByte(rest, ' '); i >= 0 {
		uri, version = rest[:i], rest[i+1:]
	}
	r.Method, r.URI, r.Version = method, uri, version
	chunked := false
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		r.Headers = append(r.Headers, yagura.Header{Name: name, Value: strings.TrimSpace(value)})
		chunked = chunked || strings.EqualFold(name, "transfer-encoding") && strings.Contains(value, "chunked")
	}
	if chunked {
		body = unchunk(body)
	}
	r.Body, r.BodySize = body, int64(len(body))
	return r
}

func unchunk(p []byte) (out []byte) {
	for len(p) > 0 {
		line, rest, ok := bytes.Cut(p, []byte("\r\n"))
		n, err := strconv.ParseInt(strings.TrimSpace(string(line)), 16, 32)
		if !ok || err != nil || n == 0 || int(n) > len(rest) {
			return out
		}
		out = append(out, rest[:n]...)
		p = bytes.TrimPrefix(rest[n:], []byte("\r\n"))
	}
	return out
}
