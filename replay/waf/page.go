package waf

import (
	"bytes"
	"html/template"
	"io"
	"time"
)

// HTML writes the report as one page that needs nothing else: no script, no
// font, no address. Every text of the log is escaped. Language is en or ja.
func (r *Report) HTML(w io.Writer, language string) error {
	texts := words["en"]
	if language == "ja" {
		texts = words["ja"]
	} else {
		language = "en"
	}
	return page.Execute(quiet{w}, struct {
		*Report
		Language string
		T        map[string]string
		Tables   []table
	}{r, language, texts, []table{
		{texts["rule"], r.ByRule}, {texts["path"], r.ByPath}, {texts["country"], r.ByCountry}, {texts["client"], r.ByClient},
	}})
}

// quiet leaves out what a terminal would obey.
type quiet struct{ w io.Writer }

// Write writes.
func (q quiet) Write(b []byte) (int, error) {
	plain := bytes.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\ufffd'
		}
		return r
	}, b)
	if _, err := q.w.Write(plain); err != nil {
		return 0, err
	}
	return len(b), nil
}

type table struct {
	Head string
	Rows []Row
}

// words are the texts of the page.
var words = map[string]map[string]string{
	"en": {
		"title": "Replay of web ACL", "against": "Compared with", "log": "the logged actions", "requests": "requests", "blocked": "newly blocked",
		"allowed": "newly allowed", "undecidable": "undecidable", "otherwise": "stopped by another action", "unrecorded": "stopped, before unknown", "same": "the same",
		"unreadable": "records could not be read", "rule": "Rule", "path": "Path", "country": "Country", "client": "Client", "why": "Why undecidable",
		"examples": "Examples", "agreement": "Agreement of the evaluator with the log", "none": "Not measured: no deployed web ACL was given, so nothing shows how far this replay can be believed.",
		"records": "records", "equal": "equal", "different": "different", "other": "of other web ACLs, left out", "count": "Requests", "change": "Change", "time": "Time", "request": "Request",
		"before": "Before", "now": "Now", "no-allow": "No record says ALLOW: the log seems to be filtered. Rates are wrong, and what passed then is not here.",
		"disorder": "Records are not in order of time: rate-based rules may count otherwise than they did.", "notserved": "Not decided here", "left": "entries did not fit in the lists",
		"impossible": "undecidable ones contradict the log",
	},
	"ja": {
		"title": "ウェブ ACL の再生", "against": "比較対象:", "log": "ログに記録されたアクション", "requests": "リクエスト", "blocked": "新たにブロック",
		"allowed": "新たに許可", "undecidable": "判定不能", "otherwise": "別のアクションで停止", "unrecorded": "停止（以前は不明）", "same": "変化なし",
		"unreadable": "件のレコードを読めませんでした", "rule": "ルール", "path": "パス", "country": "国", "client": "クライアント", "why": "判定できない理由",
		"examples": "例", "agreement": "評価器とログの一致", "none": "未測定です。配備中のウェブ ACL が指定されていないため、この再生をどこまで信頼できるかは示せません。",
		"records": "レコード", "equal": "一致", "different": "不一致", "other": "ほかのウェブ ACL のもの（対象外）", "count": "リクエスト", "change": "変化", "time": "日時", "request": "リクエスト",
		"before": "以前", "now": "今回", "no-allow": "ALLOW のレコードがありません。ログがフィルターされているようです。割合は正しくなく、通過したリクエストは含まれません。",
		"disorder": "レコードが時刻順ではないため、レートベースのルールの数え方が実際と異なる可能性があります。", "notserved": "ここでは判定できないもの", "left": "件は一覧に収まりませんでした",
		"impossible": "件の判定不能はログと矛盾します",
	},
}

var page = template.Must(template.New("replay").Funcs(template.FuncMap{
	"when": func(t time.Time) string {
		if t.IsZero() {
			return "–"
		}
		return t.UTC().Format("2006-01-02 15:04:05Z")
	},
	"class": func(c string) string {
		switch change(c) {
		case newlyBlocked, unrecorded:
			return "d"
		case newlyAllowed:
			return "a"
		}
		return "u"
	},
}).Parse(`<!doctype html>
{{$t := .T}}<html lang="{{.Language}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{$t.title}} {{.ACL}}</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #ccc;overflow-wrap:anywhere}
th{white-space:nowrap}.n{text-align:right;font-variant-numeric:tabular-nums}
.sum{display:flex;flex-wrap:wrap;gap:1rem}.sum div{border:1px solid #bbb;border-radius:.4rem;padding:.6rem 1rem}.sum b{display:block;font-size:1.4rem}
.d{color:#a40000;font-weight:600}.a{color:#00563b;font-weight:600}.u{color:#6b4a00;font-weight:600}code{font-size:.9em}small{color:#555}
</style></head><body>
<h1>{{$t.title}} {{.ACL}}</h1>
<p>{{when .From}} – {{when .To}}. {{$t.against}} {{with .Against}}{{.}}{{else}}{{$t.log}}{{end}}.</p>
{{range .Warnings}}<p class="d">{{index $t .}}</p>{{end}}
<div class="sum">
<div><b>{{.Requests}}</b>{{$t.requests}}</div>
<div><b class="d">{{.Total.NewlyBlocked}}</b>{{$t.blocked}}</div>
<div><b class="a">{{.Total.NewlyAllowed}}</b>{{$t.allowed}}</div>
<div><b class="u">{{.Total.Undecidable}}</b>{{$t.undecidable}}</div>
<div><b>{{.Total.Otherwise}}</b>{{$t.otherwise}}</div>
<div><b>{{.Total.Unrecorded}}</b>{{$t.unrecorded}}</div>
<div><b>{{.Same}}</b>{{$t.same}}</div>
</div>
{{with .Unreadable}}<p class="u">{{.}} {{$t.unreadable}}</p>{{end}}{{with .LeftOut}}<p class="u">{{.}} {{$t.left}}</p>{{end}}
<h2>{{$t.agreement}}</h2>
{{with .Agreement}}<p>{{.ACL}}: {{.Records}} {{$t.records}}, {{.Equal}} {{$t.equal}}, <span class="d">{{.Different}} {{$t.different}}</span>, {{.Undecidable}} {{$t.undecidable}}{{with .Impossible}} (<span class="d">{{.}} {{$t.impossible}}</span>){{end}}{{with .OtherACL}}; {{.}} {{$t.other}}{{end}}</p>
{{with .Examples}}<ul>{{range .}}<li><small>{{.File}}:{{.Line}} {{.ID}} <code>{{.URI}}</code> {{.Logged}} ({{.LoggedRule}}) ≠ {{.Decided}} ({{.Rule}})</small></li>{{end}}</ul>{{end}}
{{with .Reasons}}<table><tbody>{{range .}}<tr><td>{{.Key}}</td><td class="n">{{.Undecidable}}</td></tr>{{end}}</tbody></table>{{end}}{{else}}<p class="u">{{$t.none}}</p>{{end}}
{{range .Tables}}{{if .Rows}}<h2>{{.Head}}</h2><table><thead><tr><th>{{.Head}}</th><th class="n">{{$t.blocked}}</th><th class="n">{{$t.allowed}}</th><th class="n">{{$t.undecidable}}</th><th class="n">{{$t.otherwise}}</th><th class="n">{{$t.unrecorded}}</th></tr></thead><tbody>
{{range .Rows}}<tr><td><code>{{.Key}}</code></td><td class="n">{{.NewlyBlocked}}</td><td class="n">{{.NewlyAllowed}}</td><td class="n">{{.Undecidable}}</td><td class="n">{{.Otherwise}}</td><td class="n">{{.Unrecorded}}</td></tr>
{{end}}</tbody></table>{{end}}{{end}}
{{with .Reasons}}<h2>{{$t.why}}</h2><table><tbody>{{range .}}<tr><td>{{.Key}}</td><td class="n">{{.Undecidable}}</td></tr>{{end}}</tbody></table>{{end}}
{{with .Examples}}<h2>{{$t.examples}}</h2><table><thead><tr><th>{{$t.change}}</th><th>{{$t.rule}}</th><th>{{$t.request}}</th><th>{{$t.client}}</th><th>{{$t.time}}</th></tr></thead><tbody>
{{range .}}<tr><td class="{{class .Change}}">{{.Change}}<br><small>{{.Before}} → {{.Now}}</small></td><td>{{.Rule}}{{range .Reasons}}<br><small>{{.}}</small>{{end}}{{with .Field}}<br><small>{{.}}</small>{{end}}</td>
<td><code>{{.Method}} {{.Host}}{{.URI}}</code><br><small>{{.ID}} {{.File}}:{{.Line}}</small></td><td>{{.Client}}<br>{{.Country}}</td><td>{{when .Time}}</td></tr>
{{end}}</tbody></table>{{end}}
{{with .NotServed}}<h2>{{$t.notserved}}</h2><ul>{{range .}}<li>{{.}}</li>{{end}}</ul>{{end}}
</body></html>
`))
