package server

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/server/console"
)

// frame is what surrounds every page.
type frame struct {
	Lang, OtherLang, OtherLangName, OtherLangURL string
	Zone, AskedZone, OtherZone, OtherZoneURL     string
	Nav                                          []navLink
	Here                                         string // this page's URL, to come back to
}

type navLink struct {
	URL, Text string
	Here      bool
	Badge     string // a number that asks for attention, or ""
}

var otherLang = map[string][2]string{"en": {"ja", "日本語"}, "ja": {"en", "English"}}

// frame describes the frame of a page. Links between pages keep what is asked
// only where the pages share it.
func (c *call) frame() frame {
	other := otherLang[c.lang]
	f := frame{
		Lang: c.lang, OtherLang: other[0], OtherLangName: other[1], OtherLangURL: c.here("lang", other[0]),
		Zone: c.zoneName(), AskedZone: c.params.Get("tz"), Here: c.here("", ""),
	}
	switch {
	case c.params.Get("tz") != "":
		f.OtherZone, f.OtherZoneURL = console.Text(c.lang, "frame.zone.local"), c.here("tz", "")
	case f.Zone != "UTC":
		f.OtherZone, f.OtherZoneURL = "UTC", c.here("tz", "UTC")
	}
	at := c.r.URL.Path
	for _, l := range []navLink{
		{URL: "/search", Text: "nav.search", Here: at == "/search" || at == "/event"},
		{URL: "/findings", Text: "nav.findings", Here: strings.HasPrefix(at, "/findings/"), Badge: c.grave},
		{URL: "/sources", Text: "nav.sources"},
		{URL: "/coverage", Text: "nav.coverage"},
		{URL: "/sql", Text: "nav.sql"},
	} {
		l.Here = l.Here || at == l.URL
		if keep := c.keep(); keep != "" {
			l.URL += "?" + keep
		}
		f.Nav = append(f.Nav, l)
	}
	return f
}

// keep is the part of the state that goes along everywhere: the zone and the
// language, if the URL names them.
func (c *call) keep() string {
	v := url.Values{}
	for _, name := range []string{"tz", "lang"} {
		if s := c.params.Get(name); s != "" {
			v.Set(name, s)
		}
	}
	return v.Encode()
}

// here is this page's URL with one parameter set, or taken away when the value
// is empty.
func (c *call) here(name, value string) string {
	v := url.Values{}
	maps.Copy(v, c.params)
	if name != "" {
		v.Del(name)
		if value != "" {
			v.Set(name, value)
		}
	}
	return link(c.r.URL.Path, v)
}

func link(path string, v url.Values) string {
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

func (c *call) zoneName() string {
	if c.zone == time.Local {
		name, _ := c.now.In(c.zone).Zone()
		return name
	}
	return c.zone.String()
}

// local writes a time in the zone of the screen.
func (c *call) local(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(c.zone).Format("2006-01-02 15:04:05")
}

// show sends a page.
func (d *desk) show(c *call, status int, name string, data any) error {
	if asked := c.params.Get("lang"); console.Speaks(asked) {
		http.SetCookie(c.w, &http.Cookie{Name: "lang", Value: asked, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.w.Header().Set("Content-Language", c.lang)
	return console.Page(&headed{ResponseWriter: c.w, status: status}, c.lang, name, data)
}

// headed writes the status just before the first byte, so that a page that
// fails can still become an error.
type headed struct {
	http.ResponseWriter
	status int
	done   bool
}

func (h *headed) Write(b []byte) (int, error) {
	if !h.done {
		h.done = true
		h.WriteHeader(h.status)
	}
	return h.ResponseWriter.Write(b)
}

// failureView is a failure as pages show it.
type failureView struct{ What, Where, Fix string }

// view puts a failure into the page's language; its texts are then safe to show.
func (c *call) view(f *failure) *failureView {
	v := &failureView{What: f.what, Where: f.where, Fix: f.fix}
	if f.query == nil && console.Has("error."+f.code) {
		v.What, v.Fix = console.Text(c.lang, "error."+f.code), console.Text(c.lang, "error."+f.code+".fix")
	}
	lines := strings.Split(v.Where, "\n")
	for i, l := range lines {
		lines[i] = console.Visible(l)
	}
	v.Where = strings.Join(lines, "\n")
	return v
}

type failureData struct {
	Frame   frame
	Failure *failureView
}

func (d *desk) failurePage(c *call, f *failure) {
	if err := d.show(c, f.status, "failure", failureData{c.frame(), c.view(f)}); err != nil {
		writeFailure(c.w, f)
	}
}
