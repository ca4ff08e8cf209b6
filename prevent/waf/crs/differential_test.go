package crs

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/coraza"
)

var (
	generated = flag.Int("crs.requests", 1200, "generated requests to compare with Coraza")
	skipped   = flag.Int("crs.skip", 0, "generated requests to pass over first")
	genSeed   = flag.Uint64("crs.seed", 1, "seed of the generated requests")
)

// generator makes requests out of those of CRS's tests.
type generator struct {
	*rand.Rand
	base     []regression
	payloads []string // values seen in the tests
}

func newGenerator(tb testing.TB, seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 7)), base: regressions(tb)}
	seen := map[string]bool{}
	add := func(s string) {
		if s != "" && len(s) < 600 && !seen[s] {
			seen[s] = true
			g.payloads = append(g.payloads, s)
		}
	}
	for _, c := range g.base {
		_, query, _ := strings.Cut(c.request.URI, "?")
		for _, text := range []string{query, string(c.request.Body)} {
			for _, pair := range strings.Split(text, "&") {
				_, value, _ := strings.Cut(pair, "=")
				if plain, err := url.QueryUnescape(value); err == nil {
					add(plain)
				}
				add(value)
			}
		}
		for _, h := range c.request.Headers {
			add(h.Value)
		}
	}
	for _, s := range []string{
		"hello world", "O'Neill & Sons", "日本語のテキスト、です。", "3 < 4 && 5 > 2", "func main() { fmt.Println(\"x\") }", "# Title\n\n* one\n* two\n",
		"anna@example.com", "+49 40 123456", "https://example.com/a?b=c", "2026-11-23T10:00:00Z", "SELECT the best option from the menu", "ſelect K union",
		"Lorem ipsum dolor sit amet, consectetur adipiscing elit.", "C:\\Users\\anna\\file.txt", "\xff\xfe\x00", "1,5", "-1.5e10", "true",
	} {
		add(s)
	}
	return g
}

func pick[T any](g *generator, list []T) T { return list[g.IntN(len(list))] }

// value gives a payload, perhaps changed.
func (g *generator) value() string {
	s := pick(g, g.payloads)
	for g.IntN(3) == 0 {
		switch g.IntN(10) {
		case 0:
			s += pick(g, []string{" ", "", "'", "\"", "/", ";"}) + pick(g, g.payloads)
		case 1:
			s = strings.ToUpper(s)
		case 2:
			s = url.QueryEscape(s)
		case 3:
			s = base64.StdEncoding.EncodeToString([]byte(s))
		case 4:
			if i := g.IntN(len(s) + 1); true {
				s = s[:i] + string([]byte{byte(g.IntN(256))}) + s[i:]
			}
		case 5:
			if len(s) > 1 {
				i := g.IntN(len(s))
				s = s[:i] + s[i+1:]
			}
		case 6:
			s = s[:g.IntN(len(s)+1)]
		case 7:
			s = strings.ReplaceAll(s, " ", pick(g, []string{"/**/", "\t", "+", "%20", "\n", "\u00a0"}))
		case 8:
			s = strings.ReplaceAll(s, "s", "ſ")
		case 9:
			var b strings.Builder
			for _, c := range []byte(s) {
				if g.IntN(4) == 0 {
					fmt.Fprintf(&b, pick(g, []string{"\\x%02x", "%%%02x", "%%u00%02x", "&#%d;", "\\u00%02x"}), c)
				} else {
					_ = b.WriteByte(c)
				}
			}
			s = b.String()
		}
	}
	return s[:min(len(s), 3000)]
}

var argNames = []string{"id", "q", "name", "x[0]", "user.email", "file", "data", "json.a", "Ünicode", "a b", "<k>", "page", "_method"}

// pairs gives a query or form of a few arguments with different names.
func (g *generator) pairs() string {
	var out []string
	for i := range 1 + g.IntN(4) {
		out = append(out, url.QueryEscape(pick(g, argNames)+fmt.Sprint(i))+"="+url.QueryEscape(g.value()))
	}
	return strings.Join(out, "&")
}

func (g *generator) request() *yagura.Request {
	r := clone2(pick(g, g.base).request)
	if g.IntN(4) == 0 {
		r.Headers, r.Method, r.Body, r.Version = slices.Clone(browser), "GET", nil, "HTTP/1.1"
		r.URI = "/catalogue/item-" + fmt.Sprint(g.IntN(100))
	}
	header := func(name, value string) {
		value = strings.Map(func(c rune) rune {
			if c == '\n' || c == '\r' {
				return ' '
			}
			return c
		}, value)
		r.Headers = slices.DeleteFunc(r.Headers, func(h yagura.Header) bool { return strings.EqualFold(h.Name, name) })
		r.Headers = append(r.Headers, yagura.Header{Name: name, Value: value})
	}
	for range 1 + g.IntN(3) {
		switch g.IntN(12) {
		case 0, 1, 2:
			path, _, _ := strings.Cut(r.URI, "?")
			r.URI = path + "?" + g.pairs()
		case 3:
			header(pick(g, []string{"User-Agent", "Referer", "X-Custom", "Accept", "Range", "X-Filename", "Accept-Language", "Authorization"}), g.value())
		case 4:
			header("Cookie", "session="+url.QueryEscape(g.value())+"; theme="+strings.ReplaceAll(g.value(), ";", ","))
		case 5, 6:
			g.post(r, header, "application/x-www-form-urlencoded", []byte(g.pairs()))
		case 7, 8:
			doc := map[string]any{"a": g.value(), "list": []any{g.value(), 1.5, nil, true, map[string]any{"k" + fmt.Sprint(g.IntN(9)): g.value()}}}
			body, err := json.Marshal(doc)
			if err != nil {
				panic(err)
			}
			g.post(r, header, "application/json", body)
		case 9:
			body := "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"" + strings.ReplaceAll(g.value(), "\n", "") +
				"\"\r\nContent-Type: text/plain\r\n\r\n" + g.value() + "\r\n--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n" + g.value() + "\r\n--b--\r\n"
			g.post(r, header, "multipart/form-data; boundary=b", []byte(body))
		case 10:
			body := "<?xml version=\"1.0\"?><a b=\"" + url.QueryEscape(g.value()) + "\"><c><![CDATA[" + g.value() + "]]></c></a>"
			g.post(r, header, "text/xml", []byte(body))
		case 11:
			path, query, ok := strings.Cut(r.URI, "?")
			r.URI = strings.TrimSuffix(path, "/") + "/" + url.PathEscape(g.value())
			if ok {
				r.URI += "?" + query
			}
		}
	}
	r.BodySize = int64(len(r.Body))
	return r
}

func (g *generator) post(r *yagura.Request, header func(name, value string), kind string, body []byte) {
	if g.IntN(10) == 0 && len(body) > 0 { // broken
		body = body[:g.IntN(len(body))]
	}
	r.Method, r.Body = "POST", body
	header("Content-Type", kind)
	header("Content-Length", fmt.Sprint(len(body)))
}

func clone2(r *yagura.Request) *yagura.Request {
	c := *r
	c.Headers, c.Body = slices.Clone(r.Headers), bytes.Clone(r.Body)
	return &c
}

// TestGenerated compares the engine with its plain twin and with Coraza on generated
// requests. -crs.requests sets how many.
func TestGenerated(t *testing.T) {
	n := *generated / sparse
	if testing.Short() {
		n = min(n, 300)
	}
	var fast, plain [4]*Engine
	var refs [4]*coraza.Engine
	for i := range 4 {
		fast[i], refs[i] = engines(t, i+1, false)
		plain[i], _ = engines(t, i+1, true)
	}
	g := newGenerator(t, *genSeed)
	failed := 0
	for i := range n {
		r := g.request()
		if i < *skipped {
			continue
		}
		level := i % 4
		if diff := cmp.Diff(ours(plain[level], r), ours(fast[level], r)); diff != "" {
			failed++
			t.Errorf("request %d: the shortcuts change the answer: %s\n%s", i, describe(r), diff)
		} else if diff := same(t, fast[level], refs[level], r); diff != "" {
			failed++
			t.Errorf("request %d at level %d: %s\n%s", i, level+1, describe(r), diff)
		}
		if failed > 5 {
			t.Fatalf("gave up after %d requests", i)
		}
	}
}

func describe(r *yagura.Request) string {
	return fmt.Sprintf("%s %q %q body %q", r.Method, r.URI, r.Headers, r.Body[:min(len(r.Body), 400)])
}
