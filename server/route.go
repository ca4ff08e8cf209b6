package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/server/console"
)

// route is one path of the API or one page of the console.
type route struct {
	method, path string
	params       []string // query parameters; others are refused
	answer       func(*call) error
	limit        time.Duration // of one answer; default 30 s, negative: none
	page         bool          // errors are told as a page
	light        bool          // does not read the lake
}

// filterParams select events; every question takes them.
var filterParams = []string{"q", "from", "to", "source", "tz", "lang"}

// findingParams select findings.
var findingParams = []string{"severity", "rule", "subject", "from", "to", "all", "limit", "tz", "lang"}

func with(more ...string) []string { return append(slices.Clone(filterParams), more...) }

// routes is the visible list of all paths.
func (d *desk) routes() []route {
	return append(d.apiRoutes(), d.pageRoutes()...)
}

func (d *desk) apiRoutes() []route {
	const v1 = "/api/v1/"
	return []route{
		{method: "GET", path: v1 + "openapi.json", answer: d.apiDocument, light: true},
		{method: "GET", path: v1 + "fields", params: []string{"lang"}, answer: d.apiFields, light: true},
		{method: "GET", path: v1 + "complete", params: with("cursor"), answer: d.apiComplete},
		{method: "GET", path: v1 + "search", params: with("fields", "limit", "sort", "after", "raw"), answer: d.apiSearch},
		{method: "GET", path: v1 + "count", params: with(), answer: d.apiCount},
		{method: "GET", path: v1 + "histogram", params: with("bars"), answer: d.apiHistogram},
		{method: "GET", path: v1 + "facets", params: with("fields", "top"), answer: d.apiFacets},
		{method: "GET", path: v1 + "statistics", params: with("field"), answer: d.apiStatistics},
		{method: "GET", path: v1 + "export", params: with("fields", "format"), answer: d.apiExport, limit: -1},
		{method: "GET", path: v1 + "events/{id}", params: []string{"at", "lang"}, answer: d.apiEvent},
		{method: "GET", path: v1 + "events/{id}/raw", params: []string{"at", "lang"}, answer: d.apiRaw},
		{method: "GET", path: v1 + "events/{id}/around", params: with("at", "by", "n", "fields"), answer: d.apiAround},
		{method: "POST", path: v1 + "sql", params: []string{"lang"}, answer: d.apiSQL, limit: d.SQLTime + 10*time.Second},
		{method: "GET", path: v1 + "coverage", params: with(), answer: d.apiCoverage},
		{method: "GET", path: v1 + "sources", params: []string{"lang"}, answer: d.apiSources},
		{method: "GET", path: v1 + "quarantine", params: []string{"limit", "lang"}, answer: d.apiQuarantine},
		{method: "GET", path: v1 + "findings", params: findingParams, answer: d.apiFindings, light: true},
		{method: "GET", path: v1 + "findings/{id}", params: []string{"lang"}, answer: d.apiFinding, light: true},
		{method: "GET", path: v1 + "saved", params: []string{"lang"}, answer: d.apiSavedList, light: true},
		{method: "POST", path: v1 + "saved", params: []string{"lang"}, answer: d.apiSavedAdd, light: true},
		{method: "GET", path: v1 + "saved/{id}", params: []string{"lang"}, answer: d.apiSavedGet, light: true},
		{method: "PUT", path: v1 + "saved/{id}", params: []string{"lang"}, answer: d.apiSavedPut, light: true},
		{method: "DELETE", path: v1 + "saved/{id}", params: []string{"lang"}, answer: d.apiSavedDelete, light: true},
	}
}

func (d *desk) pageRoutes() []route {
	search := with("fields", "facets", "exact", "limit", "sort", "after", "trail")
	return []route{
		{method: "GET", path: "/{$}", params: search, answer: d.pageSearch, page: true},
		{method: "GET", path: "/search", params: search, answer: d.pageSearch, page: true},
		{method: "GET", path: "/event", params: with("fields", "facets", "sort", "id", "at", "view", "by"), answer: d.pageEvent, page: true},
		{method: "GET", path: "/findings", params: findingParams, answer: d.pageFindings, page: true},
		{method: "GET", path: "/findings/{id}", params: []string{"tz", "lang"}, answer: d.pageFinding, page: true},
		{method: "GET", path: "/sources", params: []string{"tz", "lang"}, answer: d.pageSources, page: true},
		{method: "GET", path: "/coverage", params: with(), answer: d.pageCoverage, page: true},
		{method: "GET", path: "/sql", params: []string{"sql", "tz", "lang"}, answer: d.pageSQL, page: true, limit: d.SQLTime + 10*time.Second},
		{method: "POST", path: "/saved", answer: d.pageSave, page: true, light: true},
		{method: "POST", path: "/saved/delete", answer: d.pageForget, page: true, light: true},
	}
}

// call is one request being answered.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	params url.Values
	lang   string
	zone   *time.Location
	now    time.Time
	grave  string // number of high and critical findings, on pages; "" for none
}

// serve makes a handler of a route.
func (d *desk) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r, now: d.Now()}
		err := d.prepare(c, rt)
		if err == nil {
			limit := rt.limit
			if limit == 0 {
				limit = 30 * time.Second
			}
			ctx, cancel := r.Context(), context.CancelFunc(func() {})
			if limit > 0 {
				ctx, cancel = context.WithTimeout(ctx, limit)
				// Writing the answer to a slow reader is bounded too.
				_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit + 10*time.Second))
			}
			defer cancel()
			c.r = r.WithContext(ctx)
			err = d.answer(c, rt)
		}
		if err == nil {
			return
		}
		f := explain(err)
		if f.status >= 500 {
			d.Log.Error("request failed", "path", rt.path, "error", err)
		}
		if rt.page {
			d.failurePage(c, f)
			return
		}
		writeFailure(w, f)
	})
}

// prepare reads what every request has.
func (d *desk) prepare(c *call, rt route) error {
	c.lang, c.zone = d.Language, d.Zone
	var err error
	if c.params, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		return bad("?", "the query string cannot be read: "+err.Error(), "escape % and &")
	}
	c.lang = console.Choose(c.params.Get("lang"), cookie(c.r, "lang"), c.r.Header.Get("Accept-Language"), d.Language)
	if rt.page {
		c.grave = d.grave(c)
	}
	if err := c.readZone(rt.page); err != nil {
		return err
	}
	for name, values := range c.params {
		if !slices.Contains(rt.params, name) {
			return bad(name, "there is no such parameter here", "the parameters are: "+strings.Join(rt.params, ", "))
		}
		if len(values) > 1 && name != "source" {
			return bad(name, "it stands here twice", "give it once")
		}
	}
	return nil
}

// readZone finds the zone for times without one and for times on screen: as
// asked, else, on pages, as the browser told in a cookie; the API speaks UTC.
func (c *call) readZone(page bool) error {
	if !page {
		c.zone = time.UTC
	}
	if name := c.params.Get("tz"); name != "" {
		zone, err := time.LoadLocation(name)
		if err != nil {
			return bad("tz", "there is no such time zone", "write it as UTC or Asia/Tokyo")
		}
		c.zone = zone
		return nil
	}
	if name := cookie(c.r, "tz"); page && name != "" {
		if zone, err := time.LoadLocation(name); err == nil {
			c.zone = zone
		}
	}
	return nil
}

func cookie(r *http.Request, name string) string {
	if c, err := r.Cookie(name); err == nil {
		v, _ := url.QueryUnescape(c.Value)
		return v
	}
	return ""
}

// answer runs the route, with a place among the questions if it asks the lake.
func (d *desk) answer(c *call, rt route) error {
	if !rt.light {
		select {
		case d.questions <- struct{}{}:
			defer func() { <-d.questions }()
		case <-c.ctx().Done():
			return &failure{
				status: http.StatusServiceUnavailable, code: "busy", what: "too many questions at once",
				fix: "wait for the others and try again", err: c.ctx().Err(),
			}
		}
	}
	return rt.answer(c)
}

func (c *call) ctx() context.Context { return c.r.Context() }

// reply writes a JSON answer.
func (c *call) reply(v any) error {
	writeJSON(c.w, http.StatusOK, v)
	return nil
}

// body reads a JSON body strictly.
func (c *call) body(into any) error {
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if kind != "application/json" {
		return &failure{
			status: http.StatusUnsupportedMediaType, code: "content-type", what: "the body must be JSON",
			where: "Content-Type: " + c.r.Header.Get("Content-Type"), fix: "send Content-Type: application/json",
		}
	}
	dec := json.NewDecoder(c.r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more than one value")
		}
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return err
	}
	if err != nil {
		return &failure{status: http.StatusBadRequest, code: "bad-body", what: "the body cannot be read: " + err.Error(), where: "body", fix: "see /api/v1/openapi.json"}
	}
	return nil
}

// nothing answers for paths that do not exist.
func (d *desk) nothing(w http.ResponseWriter, r *http.Request) {
	f := &failure{status: http.StatusNotFound, code: "no-such-path", what: "there is nothing here", where: r.Method + " " + r.URL.Path, fix: "the paths of the API stand in /api/v1/openapi.json"}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		writeFailure(w, f)
		return
	}
	c := &call{w: w, r: r, now: d.Now(), zone: d.Zone}
	c.lang = console.Choose("", cookie(r, "lang"), r.Header.Get("Accept-Language"), d.Language)
	c.grave = d.grave(c)
	d.failurePage(c, f)
}
