package server

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// check holds a value against the part of JSON Schema that the document uses.
func check(doc, schema map[string]any, v any, at string) error {
	if name, ok := schema["$ref"].(string); ok {
		all := doc["components"].(map[string]any)["schemas"].(map[string]any)
		return check(doc, all[strings.TrimPrefix(name, "#/components/schemas/")].(map[string]any), v, at)
	}
	kind := map[bool]string{true: "null"}[v == nil]
	switch v := v.(type) {
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case json.Number:
		kind = "integer"
		if strings.ContainsAny(v.String(), ".eE") {
			kind = "number"
		}
	case []any:
		kind = "array"
	case map[string]any:
		kind = "object"
	}
	switch want := schema["type"].(type) {
	case string:
		if kind != want {
			return fmt.Errorf("%s is a %s, not a %s", at, kind, want)
		}
	case []any:
		if !slices.Contains(want, any(kind)) {
			return fmt.Errorf("%s is a %s, not one of %v", at, kind, want)
		}
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, v) {
		return fmt.Errorf("%s is %v, not one of %v", at, v, enum)
	}
	switch v := v.(type) {
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i, x := range v {
			if err := check(doc, items, x, at+"["+strconv.Itoa(i)+"]"); err != nil {
				return err
			}
		}
	case map[string]any:
		return checkObject(doc, schema, v, at)
	}
	return nil
}

func checkObject(doc, schema, v map[string]any, at string) error {
	props, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, ok := v[name.(string)]; !ok {
			return fmt.Errorf("%s lacks %s", at, name)
		}
	}
	for name, x := range v {
		prop, ok := props[name].(map[string]any)
		if !ok {
			switch more := schema["additionalProperties"].(type) {
			case bool:
				return fmt.Errorf("%s has %q, which the document does not know", at, name)
			case map[string]any:
				prop = more
			}
		}
		if err := check(doc, prop, x, at+"."+name); err != nil {
			return err
		}
	}
	return nil
}

func decode(t *testing.T, text string) any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("not JSON: %v\n%.300s", err, text)
	}
	return v
}

// TestDocumentNamesEveryRoute holds routes, their parameters and the document
// together.
func TestDocumentNamesEveryRoute(t *testing.T) {
	doc := decode(t, string(document)).(map[string]any)
	described := map[string][]string{}
	for path, ops := range doc["paths"].(map[string]any) {
		for method, op := range ops.(map[string]any) {
			names := []string{}
			params, _ := op.(map[string]any)["parameters"].([]any)
			for _, p := range params {
				if p := p.(map[string]any); p["in"] == "query" {
					names = append(names, p["name"].(string))
				}
			}
			slices.Sort(names)
			described[strings.ToUpper(method)+" "+path] = names
		}
	}
	served := map[string][]string{}
	for _, r := range (&desk{}).apiRoutes() {
		names := append([]string{}, r.params...)
		slices.Sort(names)
		served[r.method+" "+r.path] = names
	}
	if diff := cmp.Diff(described, served); diff != "" {
		t.Errorf("routes and parameters (-document +server):\n%s", diff)
	}
}

// TestAnswersAsDescribed asks every path and holds the answer to the document.
func TestAnswersAsDescribed(t *testing.T) {
	cfg := newConfig(t, true)
	keepFindings(t, &cfg)
	srv := serving(t, cfg)
	doc := decode(t, string(document)).(map[string]any)
	id := "00000000-0000-4000-8000-000000000100"
	asked := map[string]bool{}
	for _, test := range []struct{ method, path, query, body string }{
		{"GET", "/openapi.json", "", ""},
		{"GET", "/fields", "", ""},
		{"GET", "/complete", "q=eventName:Con&cursor=13", ""},
		{"GET", "/complete", "q=event&lang=ja", ""},
		{"GET", "/search", "limit=3", ""},
		{"GET", "/search", "limit=3&fields=eventName,userName&sort=oldest&raw=true", ""},
		{"GET", "/count", "q=errorCode:*", ""},
		{"GET", "/histogram", "bars=10", ""},
		{"GET", "/facets", "fields=eventName,errorCode&top=2", ""},
		{"GET", "/statistics", "field=bytes", ""},
		{"GET", "/export", "format=jsonl", ""},
		{"GET", "/events/" + id, "", ""},
		{"GET", "/events/" + id + "/raw", "", ""},
		{"GET", "/events/" + id + "/around", "n=2&by=actor", ""},
		{"POST", "/sql", "", `{"sql":"SELECT eventname, count(*), min(eventtime), NULL, 1.5, [1,2], eventid FROM cloudtrail GROUP BY ALL LIMIT 3"}`},
		{"GET", "/coverage", "source=vpcflow", ""},
		{"GET", "/sources", "", ""},
		{"GET", "/quarantine", "", ""},
		{"GET", "/findings", "", ""},
		{"GET", "/findings", "severity=informational&all=true&limit=2&from=2026-10-01&to=2026-10-02&rule=" + ruled + "&lang=ja", ""},
		{"GET", "/findings/aa01", "", ""},
		{"GET", "/findings/aa02", "lang=ja", ""},
		{"GET", "/findings/aa06", "", ""},
		{"POST", "/saved", "", `{"name":"a","query":"eventName:x","from":"-24h","sources":["cloudtrail"],"fields":["eventName"]}`},
		{"GET", "/saved", "", ""},
		{"GET", "/saved/1", "", ""},
		{"PUT", "/saved/1", "", `{"name":"b"}`},
		{"DELETE", "/saved/1", "", ""},
	} {
		path := regexp.MustCompile(`/saved/1|/events/[0-9a-f-]+|/findings/[0-9a-f]+`).ReplaceAllStringFunc(test.path, func(s string) string { return s[:strings.LastIndex(s, "/")] + "/{id}" })
		op := doc["paths"].(map[string]any)["/api/v1"+path].(map[string]any)[strings.ToLower(test.method)].(map[string]any)
		asked[test.method+path] = true
		res, text := fetch(t, test.method, srv.URL+"/api/v1"+test.path+"?"+test.query, test.body, "Content-Type", "application/json")
		answer, ok := op["responses"].(map[string]any)[strconv.Itoa(res.StatusCode)].(map[string]any)
		if !ok {
			t.Errorf("%s %s: status %d: %.300s", test.method, test.path, res.StatusCode, text)
			continue
		}
		content, _ := answer["content"].(map[string]any)
		if schema, ok := content["application/json"].(map[string]any); ok {
			if err := check(doc, schema["schema"].(map[string]any), decode(t, text), test.path); err != nil {
				t.Errorf("%s %s?%s: %v\n%.300s", test.method, test.path, test.query, err, text)
			}
		} else if content == nil && text != "" {
			t.Errorf("%s %s: a body where none is described", test.method, test.path)
		}
	}
	for _, r := range (&desk{}).apiRoutes() {
		if !asked[r.method+strings.TrimPrefix(r.path, "/api/v1")] {
			t.Errorf("%s %s is not asked by this test", r.method, r.path)
		}
	}
}

// TestErrorsAsDescribed holds that what is wrong is told with place and remedy.
func TestErrorsAsDescribed(t *testing.T) {
	srv := newServer(t, true)
	doc := decode(t, string(document)).(map[string]any)
	schema := map[string]any{"$ref": "#/components/schemas/Error"}
	for _, test := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		want                     string // in the answer
	}{
		{name: "unknown field", path: "/search?q=eventNam:x", status: 400, want: `"where":"eventNam:x\n^`},
		{name: "syntax, in Japanese", path: "/search?q=(a&lang=ja", status: 400, want: "閉じ"},
		{name: "unknown parameter", path: "/search?qq=1", status: 400, want: "the parameters are: q, from"},
		{name: "twice", path: "/search?q=a&q=b", status: 400, want: "twice"},
		{name: "unknown source", path: "/search?source=x", status: 400, want: "cloudtrail"},
		{name: "bad time", path: "/search?from=yesterdayish", status: 400, want: "yesterdayish"},
		{name: "backwards", path: "/search?from=2026-10-02&to=2026-10-01", status: 400, want: "before it begins"},
		{name: "limit", path: "/search?limit=5000", status: 400, want: "1000"},
		{name: "cursor", path: "/search?after=x", status: 400, want: "cursor"},
		{name: "no event", path: "/events/nosuch", status: 404, want: "retention"},
		{name: "no finding", path: "/findings/%3Cb%3E", status: 404, want: "GET /api/v1/findings"},
		{name: "no severity", path: "/findings?severity=grave", status: 400, want: "informational, low, medium, high or critical"},
		{name: "findings backwards", path: "/findings?from=2026-10-02&to=2026-10-01", status: 400, want: "before it begins"},
		{name: "too many findings", path: "/findings?limit=1001", status: 400, want: "1000"},
		{name: "no path", path: "/nosuch", status: 404, want: "openapi.json"},
		{name: "unknown column", path: "/search?fields=eventNam", status: 400, want: "eventName"},
		{name: "write in SQL", method: "POST", path: "/sql", body: `{"sql":"DROP TABLE x"}`, status: 400, want: "SELECT"},
		{name: "file in SQL", method: "POST", path: "/sql", body: `{"sql":"SELECT * FROM read_text('/etc/passwd')"}`, status: 400, want: "not allowed"},
		{name: "SQL error", method: "POST", path: "/sql", body: `{"sql":"SELECT nosuch FROM cloudtrail"}`, status: 400, want: "nosuch"},
		{name: "unknown member", method: "POST", path: "/sql", body: `{"sql":"SELECT 1","x":1}`, status: 400, want: "unknown field"},
		{name: "two values", method: "POST", path: "/sql", body: `{"sql":"SELECT 1"} {}`, status: 400, want: "more than one"},
		{name: "too large", method: "POST", path: "/sql", body: `{"sql":"` + strings.Repeat("x", 2<<20) + `"}`, status: 413, want: "1 MiB"},
		{name: "form to the API", method: "POST", path: "/saved", body: "name=x", header: []string{"Content-Type", "text/plain"}, status: 415, want: "application/json"},
		{name: "saved without name", method: "POST", path: "/saved", body: `{"name":" "}`, status: 400, want: "120"},
		{name: "saved with a wrong query", method: "POST", path: "/saved", body: `{"name":"x","query":"(a"}`, status: 400, want: "never closed"},
		{name: "foreign read", path: "/search", header: []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, status: 403, want: "another site"},
		{name: "foreign visit of the API", path: "/search", header: []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, status: 403, want: "another site"},
		{name: "foreign write", method: "DELETE", path: "/saved/1", header: []string{"Origin", "http://evil.example"}, status: 403, want: "another site"},
		{name: "same-site write", method: "DELETE", path: "/saved/1", header: []string{"Sec-Fetch-Site", "same-site"}, status: 403, want: "another site"},
		{name: "rebound name", path: "/search", header: []string{"Host", "evil.example"}, status: 421, want: "localhost"},
		{name: "rebound name with address", path: "/search", header: []string{"Host", "127.0.0.1.evil.example:80"}, status: 421, want: "localhost"},
	} {
		t.Run(test.name, func(t *testing.T) {
			method := test.method
			if method == "" {
				method = "GET"
			}
			header := append([]string{"Content-Type", "application/json"}, test.header...)
			res, text := fetch(t, method, srv.URL+"/api/v1"+test.path, test.body, header...)
			if res.StatusCode != test.status {
				t.Fatalf("status %d, want %d: %s", res.StatusCode, test.status, text)
			}
			if err := check(doc, schema, decode(t, text), "answer"); err != nil {
				t.Error(err)
			}
			if !strings.Contains(text, test.want) {
				t.Errorf("the answer lacks %q: %s", test.want, text)
			}
		})
	}
}

// TestPaging walks the whole result: every event once, the last page back to
// the first.
func TestPaging(t *testing.T) {
	srv := newServer(t, true)
	for _, sort := range []string{"newest", "oldest"} {
		seen, cursor := map[string]bool{}, ""
		for pages := 0; ; pages++ {
			var a struct {
				Events []struct{ ID string }
				After  string
			}
			_, text := fetch(t, "GET", srv.URL+"/api/v1/search?limit=7&sort="+sort+cursor, "")
			if err := json.Unmarshal([]byte(text), &a); err != nil {
				t.Fatal(err)
			}
			for _, e := range a.Events {
				if seen[e.ID] {
					t.Fatalf("%s: %s came twice", sort, e.ID)
				}
				seen[e.ID] = true
			}
			if a.After == "" {
				break
			}
			if cursor = "&after=" + a.After; pages > 100 {
				t.Fatal("paging does not end")
			}
		}
		if len(seen) != 240+28 {
			t.Errorf("%s: %d events, want 268", sort, len(seen))
		}
	}
}

var pageLink = regexp.MustCompile(`rel="(prev|next)" href="([^"]*)"`)

// TestPagesBackAndForth follows the links of the search page to the end and back.
func TestPagesBackAndForth(t *testing.T) {
	srv := newServer(t, true)
	path, first := "/search?q=NOT+errorCode:*", ""
	follow := func(rel string) (steps int) {
		for range 20 {
			_, text := fetch(t, "GET", srv.URL+path, "")
			if first == "" {
				first = firstEvent.FindString(text)
			}
			next := ""
			for _, m := range pageLink.FindAllStringSubmatch(text, -1) {
				if m[1] == rel {
					next = html.UnescapeString(m[2])
				}
			}
			if next == "" {
				if rel == "prev" && firstEvent.FindString(text) != first {
					t.Error("the way back does not lead to the first page")
				}
				return steps
			}
			path = next
			steps++
		}
		return steps
	}
	if there, back := follow("next"), follow("prev"); there != 4 || back != there {
		t.Errorf("%d steps there and %d back, want 4", there, back)
	}
}

var firstEvent = regexp.MustCompile(`/event\?[^"]*id=[^"&]*`)

// TestExport holds that exports are whole and that a spreadsheet finds no formula.
func TestExport(t *testing.T) {
	srv := newServer(t, true)
	_, text := fetch(t, "GET", srv.URL+"/api/v1/export?format=csv&source=cloudtrail&fields=userAgent,errorCode,bucketName", "")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 241 {
		t.Errorf("%d rows, want the head and 240", len(rows))
	}
	var found bool
	for _, row := range rows {
		for _, cell := range row {
			found = found || cell == "'"+formula
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("a cell begins a formula: %q", cell)
			}
		}
	}
	if !found {
		t.Error("the hostile cell is not there")
	}
	_, text = fetch(t, "GET", srv.URL+"/api/v1/export?format=jsonl", "")
	if n := strings.Count(text, "\n"); n != 268 {
		t.Errorf("%d JSON lines, want 268", n)
	}
	res, text := fetch(t, "GET", srv.URL+"/api/v1/export?format=parquet&q=eventName:GetObject", "")
	if d := res.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment;") || !strings.HasSuffix(d, `.parquet"`) {
		t.Errorf("Content-Disposition %q", d)
	}
	file, err := parquet.OpenFile(bytes.NewReader([]byte(text)), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	if file.NumRows() != 60 {
		t.Errorf("%d rows in Parquet, want 60", file.NumRows())
	}
	if _, ok := file.Schema().Lookup("raw_data"); !ok {
		t.Error("Parquet lacks the raw record")
	}
}

// TestEveryPageForbidsForeignCode holds the headers of every answer.
func TestEveryPageForbidsForeignCode(t *testing.T) {
	srv := newServer(t, false)
	for _, path := range []string{"/", "/search", "/findings", "/findings/x", "/findings?severity=x", "/sources", "/coverage", "/sql", "/event?id=x", "/nosuch", "/static/console.css", "/static/nosuch", "/static/", "/api/v1/search", "/search?q=(a"} {
		res, text := fetch(t, "GET", srv.URL+path, "")
		h := maps.Clone(res.Header)
		if h.Get("Content-Security-Policy") != policy || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, h)
		}
		if strings.Contains(text, "⟦") {
			t.Errorf("%s: a text is missing in the catalogue", path)
		}
		for _, inline := range []string{"<script>", " style=", " onclick", "javascript:"} {
			if strings.Contains(text, inline) && strings.HasPrefix(h.Get("Content-Type"), "text/html") {
				t.Errorf("%s: the page has %q", path, inline)
			}
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Error("the policy has an exception")
	}
}

// TestEmptyLake holds that every page tells the next step.
func TestEmptyLake(t *testing.T) {
	srv := newServer(t, false)
	for _, lang := range []string{"en", "ja"} {
		for _, path := range []string{"/search", "/findings", "/sources", "/coverage"} {
			res, text := fetch(t, "GET", srv.URL+path+"?lang="+lang, "")
			if res.StatusCode != http.StatusOK || !strings.Contains(text, "yagura ingest") {
				t.Errorf("%s in %s: status %d, no next step", path, lang, res.StatusCode)
			}
		}
	}
}

// TestSourcesPage holds that what could not be read is shown, with its bytes.
func TestSourcesPage(t *testing.T) {
	srv := newServer(t, true)
	_, text := fetch(t, "GET", srv.URL+"/sources", "")
	for _, want := range []string{"AWS CloudTrail", "VPC Flow Logs", "&lt;b&gt;no time&lt;/b&gt;", "00000000  7b 22", "241"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestForeignSQL holds that a link from elsewhere does not run a query.
func TestForeignSQL(t *testing.T) {
	srv := newServer(t, true)
	url := srv.URL + "/sql?sql=SELECT+count(*)+FROM+cloudtrail"
	_, text := fetch(t, "GET", url, "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	if strings.Contains(text, `id="result"`) || !strings.Contains(text, "Another site led here") {
		t.Error("a query from another site ran")
	}
	if _, text = fetch(t, "GET", url, ""); !strings.Contains(text, `id="result"`) {
		t.Error("the same query of the user did not run")
	}
}

// TestBackIsLocal holds that a form cannot send the user elsewhere.
func TestBackIsLocal(t *testing.T) {
	srv := newServer(t, false)
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	for i, back := range []string{"https://evil.example/search", "//evil.example/search", "/search?q=a"} {
		fetch(t, "POST", srv.URL+"/saved", "name=x&q=a", form...)
		res, _ := fetch(t, "POST", srv.URL+"/saved/delete", fmt.Sprintf("id=%d&back=%s", i+1, back), form...)
		if to := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/search") {
			t.Errorf("back to %q leads to %q (%d)", back, to, res.StatusCode)
		}
	}
}

func TestListenOnlyLocally(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0", "10.0.0.1:80"} {
		if l, err := listen(t.Context(), addr); !errors.Is(err, ErrNotLocal) {
			t.Errorf("%s: %v, want ErrNotLocal", addr, err)
			if err == nil {
				l.Close()
			}
		}
	}
	for _, addr := range []string{"127.0.0.1:0", "localhost:0", "127.8.8.8:0"} {
		l, err := listen(t.Context(), addr)
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		l.Close()
	}
}

// TestServeEnds holds that the server says where it is and ends with its context.
func TestServeEnds(t *testing.T) {
	cfg := newConfig(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	url := make(chan string, 1)
	cfg.Listening = func(u string) { url <- u }
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, cfg, "127.0.0.1:0") }()
	select {
	case err := <-done:
		t.Fatal(err)
	case u := <-url:
		if res, _ := fetch(t, "GET", u, ""); res.StatusCode != http.StatusOK {
			t.Errorf("status %d", res.StatusCode)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("ended with %v", err)
	}
}
