package iam

import (
	"html/template"
	"io"
	"time"
)

// HTML writes the report as one page that needs nothing else: no script, no
// font, no address. Every text of the log is escaped.
func (r *Report) HTML(w io.Writer) error {
	return page.Execute(w, r)
}

var page = template.Must(template.New("replay").Funcs(template.FuncMap{
	"when": func(t time.Time) string {
		if t.IsZero() {
			return "–"
		}
		return t.UTC().Format("2006-01-02 15:04:05Z")
	},
	"class": func(change string) string {
		switch change {
		case newlyDenied:
			return "d"
		case newlyAllowed:
			return "a"
		}
		return "u"
	},
}).Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Replay of {{.Kind}} policy {{.Policy}}</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #ccc;overflow-wrap:anywhere}
th{white-space:nowrap}td.n{text-align:right;font-variant-numeric:tabular-nums}
.sum{display:flex;flex-wrap:wrap;gap:1rem}.sum div{border:1px solid #bbb;border-radius:.4rem;padding:.6rem 1rem}.sum b{display:block;font-size:1.4rem}
.d{color:#a40000;font-weight:600}.a{color:#00563b;font-weight:600}.u{color:#6b4a00;font-weight:600}code{font-size:.9em}small{color:#555}
</style></head><body>
<h1>Replay of {{.Kind}} policy {{.Policy}}</h1>
<p>Recorded calls from {{when .From}} to {{when .To}}, decided again{{with .Attach}} where it would be attached: {{range $i, $a := .}}{{if $i}}, {{end}}<code>{{$a}}</code>{{end}}{{end}}.
{{if .HasCurrent}}Compared with today’s policy.{{else if .HasInventory}}Compared with today’s policies, as the inventory has them; for {{.Outside}} calls of principals that it does not hold, with the record.{{else}}Compared with what was allowed and refused on record.{{end}}</p>
<div class="sum">
<div><b class="d">{{.NewlyDenied}}</b>calls newly denied</div>
<div><b class="a">{{.NewlyAllowed}}</b>calls newly allowed</div>
<div><b class="u">{{.Unknown}}</b>calls unknown</div>
<div><b>{{.NotMapped}}</b>calls not mapped</div>
<div><b>{{.Decided}}</b>calls decided</div>
</div>
<p><small>{{.Events}} records: {{.Calls}} mapped calls ({{.Denied}} refused on record), {{.NoCalls}} that are no calls or need no permission, {{.NotMapped}} not mapped, {{.Shared}} seen in another account’s log already; {{.Unreadable}} more could not be read. {{.OutOfScope}} calls are not bound by the policy. {{.Distinct}} different requests were decided.</small></p>
<h2>What would change</h2>
{{if .Changes}}<table><thead><tr><th>Change</th><th>Principal</th><th>Action</th><th>Decided by</th><th>Calls</th><th>First, last</th><th>Examples</th></tr></thead><tbody>
{{range .Changes}}<tr><td class="{{class .Change}}">{{.Change}}</td><td><code>{{.Principal}}</code></td><td><code>{{.Action}}</code>{{if .Inferred}} <small>inferred</small>{{end}}</td>
<td>{{.Statement}}<br><small>{{.Sentence}}{{with .Missing}} Not known: {{range $i, $m := .}}{{if $i}}, {{end}}<code>{{$m}}</code>{{end}}.{{end}}</small></td>
<td class="n">{{.Count}}</td><td>{{when .First}}<br>{{when .Last}}</td><td>{{range .Events}}<code>{{.}}</code><br>{{end}}{{range .Resources}}<small>{{.}}</small><br>{{end}}</td></tr>
{{end}}</tbody></table>{{else}}<p>Nothing, as far as these records tell.</p>{{end}}
{{with .LeftOut}}<p class="u">{{.}} requests of changed calls belong to groups for which there was no room.</p>{{end}}
{{with .Unmapped}}<h2>Calls that could not be mapped</h2>
<table><thead><tr><th>Operation</th><th>Why</th><th>Calls</th><th>Example</th></tr></thead><tbody>
{{range .}}<tr><td><code>{{.Operation}}</code></td><td>{{.Why}}</td><td class="n">{{.Count}}</td><td><code>{{.Event}}</code></td></tr>
{{end}}</tbody></table>{{end}}
<h2>Agreement with history</h2>
<p>Refusals whose message names action and resource, against the mapping: {{.Mapping.Same}} the same, {{.Mapping.Covered}} within what the mapping names, {{.Mapping.Different}} different.
{{if or .HasCurrent .HasInventory}}Today’s {{if .HasInventory}}policies{{else}}policy{{end}}, decided by the engine, against what AWS did: {{.Decisions.Agree}} agree, {{.Decisions.Differ}} differ, {{.Decisions.Unknown}} unknown.{{else}}Without today’s policy the engine’s decisions cannot be held against history.{{end}}</p>
{{with .Mapping.Examples}}<ul>{{range .}}<li><small>{{.}}</small></li>{{end}}</ul>{{end}}{{with .Decisions.Examples}}<ul>{{range .}}<li><small>{{.}}</small></li>{{end}}</ul>{{end}}
<p><small>Not seen by this report: calls that the trail does not log (data events, unless selected), tags of principals and resources, roles behind instance profiles. iam:PassRole is inferred from parameters.</small></p>
</body></html>
`))
