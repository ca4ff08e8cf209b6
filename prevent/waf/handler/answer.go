package handler

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura"
)

//go:embed pages/*.html
var pages embed.FS

var templates = template.Must(template.ParseFS(pages, "pages/*.html"))

// text is one page's texts.
type text struct{ Title, Body, Number string }

// texts are the default pages by name and language.
var texts = map[string]map[string]text{
	"blocked": {
		"en": {"Request blocked", "The web application firewall of this site has blocked the request. If you think that this is wrong, tell the site's operator the number below.", "Request"},
		"ja": {"リクエストを遮断しました", "このサイトのファイアウォール（WAF）がリクエストを遮断しました。心当たりがない場合は、下の番号をサイトの管理者にお知らせください。", "リクエスト番号"},
	},
	"malformed": {
		"en": {"Bad request", "The request does not follow the HTTP standard, so it was not passed on.", "Request"},
		"ja": {"不正なリクエスト", "HTTP の規格に合わないリクエストのため、転送しませんでした。", "リクエスト番号"},
	},
	"unavailable": {
		"en": {"Temporarily unavailable", "The request could not be inspected, so it was not passed on. Please try again later.", "Request"},
		"ja": {"一時的に利用できません", "リクエストを検査できなかったため、転送しませんでした。しばらくしてからもう一度お試しください。", "リクエスト番号"},
	},
}

// answer is what a client gets in place of the application's answer.
type answer struct {
	status  int
	page    string // in texts
	request *yagura.Request
	custom  *yagura.Response
	action  string // x-amzn-waf-action
	puzzle  *puzzle
}

// blocked is the answer to a blocked request. AWS allows any status from 200 to
// 599 (https://docs.aws.amazon.com/waf/latest/developerguide/customizing-the-response-for-blocked-requests.html).
func blocked(q *yagura.Request, custom *yagura.Response) *answer {
	a := &answer{status: http.StatusForbidden, page: "blocked", request: q, custom: custom}
	if custom != nil && custom.Status >= 200 && custom.Status <= 599 {
		a.status = custom.Status
	}
	return a
}

// write sends the answer.
func (a *answer) write(w http.ResponseWriter) {
	h := w.Header()
	switch {
	case a.custom != nil:
		a.writeCustom(w)
		return
	case a.action != "":
		h.Set("X-Amzn-Waf-Action", a.action)
	}
	h.Set("Cache-Control", "no-store")
	body, kind := a.body(h)
	if kind != "" {
		h.Set("Content-Type", kind)
		h.Set("X-Content-Type-Options", "nosniff")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	if a.request.Method != http.MethodHead {
		_, _ = w.Write(body) // The client has gone; the decision is told.
	}
}

// writeCustom writes the response that the web ACL defines.
func (a *answer) writeCustom(w http.ResponseWriter) {
	for _, f := range a.custom.Headers {
		w.Header().Add(f.Name, f.Value)
	}
	if a.custom.ContentType != "" {
		w.Header().Set("Content-Type", a.custom.ContentType)
	}
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.custom.Body)))
	w.WriteHeader(a.status)
	if a.request.Method != http.MethodHead {
		_, _ = w.Write([]byte(a.custom.Body)) // As above.
	}
}

// body makes the body in the form and language that the client wants.
func (a *answer) body(h http.Header) (body []byte, kind string) {
	accept := strings.ToLower(header(a.request, "accept"))
	html := strings.Contains(accept, "text/html")
	lang := language(header(a.request, "accept-language"))
	if a.action != "" {
		if !html || a.puzzle == nil {
			return nil, ""
		}
		return a.puzzle.page(h, a.action, lang), "text/html; charset=utf-8"
	}
	t := texts[a.page][lang]
	switch {
	case html:
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		h.Set("Content-Language", lang)
		return render("refused.html", map[string]any{"Lang": lang, "Text": t, "Status": a.status, "ID": a.request.ID}), "text/html; charset=utf-8"
	case strings.Contains(accept, "json"):
		out, err := json.Marshal(map[string]any{"error": t.Title, "status": a.status, "request": a.request.ID})
		if err != nil {
			return nil, ""
		}
		return out, "application/json"
	}
	return []byte(t.Title + "\n" + t.Number + ": " + a.request.ID + "\n"), "text/plain; charset=utf-8"
}

// render fills in a page. The templates are ours; a test renders each.
func render(name string, data any) []byte {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		return nil
	}
	return b.Bytes()
}

// header gives the first field of that name in small letters.
func header(q *yagura.Request, name string) string {
	for _, h := range q.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// language gives en or ja, whichever Accept-Language likes better.
func language(accept string) string {
	best, lang := 0.0, "en"
	for n, part := range strings.Split(accept, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		tag = strings.ToLower(tag)
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			weight, _ = strconv.ParseFloat(q, 64) // What is no number is no wish.
		}
		primary, _, _ := strings.Cut(tag, "-")
		if n < 32 && (primary == "ja" || primary == "en") && weight > best {
			best, lang = weight, primary
		}
	}
	return lang
}
