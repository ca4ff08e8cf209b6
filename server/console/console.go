// Package console holds what the browser gets: pages as html/template, texts in
// English and Japanese, style and scripts as files of their own.
//
// Every string that reaches a page is escaped by its context, and [Visible]
// makes characters that hide or reorder text visible before that. Scripts build
// elements and set text; they never parse HTML, so that Trusted Types
// (https://www.w3.org/TR/trusted-types/) can be enforced without any policy. There
// is no build step: static/ is served as it lies there, uPlot
// (https://github.com/leeoniya/uPlot, MIT) included.
package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
)

//go:embed pages/*.html
var pages embed.FS

//go:embed static
var static embed.FS

// Languages are the languages of the console.
var Languages = []string{"en", "ja"}

// Speaks says whether the console has the language.
func Speaks(lang string) bool { return lang == "en" || lang == "ja" }

// Choose picks the language: what the URL asks for, else the cookie, else the
// first spoken one of Accept-Language, else the preset.
func Choose(asked, cookie, accept, preset string) string {
	for _, lang := range []string{asked, cookie} {
		if Speaks(lang) {
			return lang
		}
	}
	for part := range strings.SplitSeq(accept, ",") {
		tag, weight, _ := strings.Cut(part, ";")
		lang, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		if Speaks(lang) && strings.TrimSpace(weight) != "q=0" {
			return lang
		}
	}
	return preset
}

// Text gives a text of the catalogue; arguments fill its verbs as in fmt.
func Text(lang, id string, args ...any) string {
	t, ok := texts[id]
	if !ok {
		return "⟦" + id + "⟧"
	}
	s := t.en
	if lang == "ja" {
		s = t.ja
	}
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}

// Has says whether the catalogue has a text.
func Has(id string) bool { _, ok := texts[id]; return ok }

// Page writes a page: the file pages/NAME.html inside the frame. Data is what
// its template reads.
func Page(w io.Writer, lang, name string, data any) error {
	set, ok := parsed[lang+"/"+name]
	if !ok {
		return fmt.Errorf("console: there is no page %q in %q", name, lang)
	}
	var out bytes.Buffer // A page is whole or not sent.
	if err := set.ExecuteTemplate(&out, "frame", data); err != nil {
		return fmt.Errorf("console: %w", err)
	}
	_, err := out.WriteTo(w)
	return err
}

var parsed = parse()

// parse reads every page once in each language.
func parse() map[string]*template.Template {
	sets := map[string]*template.Template{}
	names, err := fs.Glob(pages, "pages/*.html")
	if err != nil {
		return sets
	}
	for _, lang := range Languages {
		for _, file := range names {
			name := strings.TrimSuffix(strings.TrimPrefix(file, "pages/"), ".html")
			if name == "frame" {
				continue
			}
			sets[lang+"/"+name] = template.Must(template.New("").Funcs(functions(lang)).ParseFS(pages, "pages/frame.html", file))
		}
	}
	return sets
}

// functions are what templates may call.
func functions(lang string) template.FuncMap {
	return template.FuncMap{
		"t":     func(id string, args ...any) string { return Text(lang, id, args...) },
		"has":   Has,
		"show":  Visible,
		"short": func(n int, s string) string { return Shorten(s, n) },
		"tail":  tail,
		"n":     number,
		"asset": func(name string) string { return "/static/" + name + "?" + revision },
		"join":  strings.Join,
	}
}

// tail cuts an ARN to what stands after its account.
func tail(s string) string {
	if parts := strings.SplitN(s, ":", 6); len(parts) == 6 && parts[0] == "arn" && parts[5] != "" {
		return parts[5]
	}
	return s
}

// number writes a number with separators.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// revision changes when a static file does, so that browsers may keep them.
var revision = func() string {
	h := sha256.New()
	_ = fs.WalkDir(static, ".", func(name string, e fs.DirEntry, err error) error { // An embedded file system does not fail.
		if err == nil && !e.IsDir() {
			b, _ := static.ReadFile(name)
			h.Write(b)
		}
		return nil
	})
	return hex.EncodeToString(h.Sum(nil))[:12]
}()

// Static serves the style, scripts and images.
func Static() http.Handler {
	sub, err := fs.Sub(static, "static")
	if err != nil {
		return http.NotFoundHandler()
	}
	files := http.FileServerFS(sub)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "" || strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		if r.URL.RawQuery == revision {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		files.ServeHTTP(w, r)
	})
}
