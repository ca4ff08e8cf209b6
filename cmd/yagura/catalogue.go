package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/query"
)

// phrase is one text in both languages.
type phrase struct{ en, ja string }

func (ph phrase) in(lang string) string {
	if lang == "ja" {
		return ph.ja
	}
	return ph.en
}

// say gives a text of the catalogue. Texts among the arguments are made safe,
// but keep their lines: an error may have several.
func (p *program) say(key string, args ...any) string {
	ph, ok := messages[key]
	if !ok {
		ph, ok = help[key]
	}
	if !ok {
		return key // a test keeps this from happening
	}
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = plainLines(s)
		}
	}
	if len(args) == 0 {
		return ph.in(p.lang)
	}
	return fmt.Sprintf(ph.in(p.lang), args...)
}

// head gives the heading of a table's column.
func (p *program) head(key string) string { return heads[key].in(p.lang) }

// note tells something beside the result.
func (p *program) note(key string, args ...any) {
	fmt.Fprintln(p.stderr, "yagura: "+p.say(key, args...))
}

// tell goes on after a note.
func (p *program) tell(key string, args ...any) { fmt.Fprintln(p.stderr, p.say(key, args...)) }

// plainLines makes the lines of a text safe.
func plainLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = sheet.Safe(lines[i])
	}
	return strings.Join(lines, "\n")
}

func join(names []string) string { return strings.Join(names, ", ") }

// errText gives an error of the query language as message and hint.
func errText(err error, lang string) string {
	var bad *query.Error
	if !errors.As(err, &bad) {
		return err.Error()
	}
	text := bad.Message(lang)
	if hint := bad.Hint(lang); hint != "" {
		text += ": " + hint
	}
	return text
}

// messages are what the program says while it works.
var messages = with(map[string]phrase{
	"none":              {"(none)", "（なし）"},
	"near-verb":         {"; did you mean `%s`?", "。`%s` ではありませんか？"},
	"no-verb":           {"there is no verb %q under `%s`%s", "%[2]s に %[1]q という動詞はありません%[3]s"},
	"bad-flag":          {"%s; see `%s --help`", "フラグの誤りです: %s（`%s --help` を参照）"},
	"too-few":           {"`%[1]s` needs %[2]s; see `%[1]s --help`", "`%[1]s` には %[2]s が必要です（`%[1]s --help` を参照）"},
	"too-many":          {"`%s` takes one %s, and %q is one too many; put 'single quotes' around a text with spaces", "`%s` の %s は 1 つです。%q が余分です。空白を含む文は '引用符' で囲んでください"},
	"no-arguments":      {"%q: `%s` takes no arguments, only flags", "%q: `%s` に引数はありません"},
	"bad-query":         {"the query has an error:", "検索文に誤りがあります:"},
	"bad-field":         {"%s; `yagura sources --fields` lists the names", "%s（名前の一覧: `yagura sources --fields`）"},
	"bad-time":          {"%s %q is not a time: write -24h, 2026-10-01, 2026-10-01T10:00 or 2026-10-01T10:00:00Z", "%s %q は時刻ではありません。-24h、2026-10-01、2026-10-01T10:00、2026-10-01T10:00:00Z のように書いてください"},
	"bad-span":          {"--from %s is not before --to %s: no time lies between", "--from %s が --to %s より前ではありません"},
	"bad-lang":          {"--lang %q: the languages are en and ja", "--lang %q: 言語は en か ja です"},
	"bad-format":        {"--format %q: the formats are table, json and csv, and parquet in search", "--format %q: 形式は table、json、csv（search では parquet も）です"},
	"parquet-terminal":  {"Parquet is no text for a terminal: give -o FILE", "Parquet は端末に表示できません。-o FILE を指定してください"},
	"bad-config":        {"configuration file %s: %s", "設定ファイル %s: %s"},
	"bad-retention":     {"configuration file %s: retention of %s is %d days: it must be at least 1", "設定ファイル %s: %s の保存期間 %d 日は 1 以上でなければなりません"},
	"bad-limit":         {"--limit %d: it must be at least 1; --all gives everything", "--limit %d: 1 以上にしてください。すべて必要なら --all です"},
	"bad-top":           {"--top %d: it must be at least 1", "--top %d: 1 以上にしてください"},
	"bad-bars":          {"--bars %d: it must be 1 to 10000", "--bars %d: 1 から 10000 までにしてください"},
	"bad-around":        {"--around %d: it must not be negative", "--around %d: 負の数にはできません"},
	"bad-workers":       {"--workers %d: it must not be negative; 0 is the number of processors", "--workers %d: 負の数にはできません（0 はプロセッサの数）"},
	"bad-cursor":        {"--after %q is no cursor: copy it whole from the line of the page before", "--after %q はカーソルではありません。前のページの行をそのまま写してください"},
	"cursor-order":      {"--after comes from a search in the other order: give --oldest to both or to none", "--after は逆順の検索のものです。--oldest を両方に付けるか、両方から外してください"},
	"bad-option":        {"--option %q: write NAME=VALUE", "--option %q: 名前=値 の形で書いてください"},
	"option-source":     {"--option is for one source: name it with --source", "--option は 1 つのソース用です。--source で指定してください"},
	"bad-keys":          {"%s: %s; it must be the output of `aws cloudtrail list-public-keys`", "%s: %s（`aws cloudtrail list-public-keys` の出力が必要です）"},
	"no-source":         {"there is no source %q; the sources are %s", "%q というソースはありません。ソースは %s です"},
	"no-path":           {"%s: %s; nothing was done", "%s: %s（何もしていません）"},
	"no-home":           {"there is no home directory to keep the lake in: give --data DIR", "データを置くホームディレクトリがありません。--data DIR を指定してください"},
	"no-field":          {"--field is missing: name the field to describe, for example --field sourceIPAddress", "--field がありません。調べるフィールドを指定してください（例: --field sourceIPAddress）"},
	"no-event":          {"no event %q in %s: ids stand in the id column of `yagura search` and are case-sensitive", "%[2]s に %[1]q というイベントはありません。ID は `yagura search` の id 列にあり、大文字と小文字を区別します"},
	"same-id":           {"%d records have this id", "この ID のレコードは %d 件あります"},
	"data-file":         {"--data %s is a file: name a directory", "--data %s はファイルです。ディレクトリを指定してください"},
	"bad-data":          {"--data %s: %s; name a directory", "--data %s: %s。ディレクトリを指定してください"},
	"empty-lake":        {"there is nothing in the lake in %s yet: `yagura ingest PATH` brings logs, `yagura demo` brings a sample", "%s にはまだ何もありません。`yagura ingest PATH` でログを、`yagura demo` で見本を取り込めます"},
	"more":              {"%d shown, there are more: --after %s goes on, --all gives everything", "%d 件を表示しました。続きは --after %s、すべては --all です"},
	"truncated":         {"stopped after %d rows, there are more: --max-rows raises the limit", "%d 行で打ち切りました。続きがあります（上限は --max-rows で変えられます）"},
	"bad-sql-limit":     {"--max-rows and --timeout must be above zero", "--max-rows と --timeout は 0 より大きくしてください"},
	"empty-sql":         {"there is no SQL: give a SELECT, or - to read it from standard input", "SQL がありません。SELECT を書くか、- で標準入力から読ませてください"},
	"quiet-hours":       {"an hour without events may be a gap or a quiet hour: a source that always speaks (CloudTrail with its digests, flow logs of a busy network) makes the difference", "イベントのない時間は欠落とは限らず、静かな時間かもしれません。常に記録のあるソース（CloudTrail のダイジェスト、通信の多い VPC のフローログ）と見比べてください"},
	"nothing-new":       {"nothing new: all %d files are in the lake already", "新しいものはありません。%d ファイルはすべて取り込み済みです"},
	"ingest-total":      {"%d files ingested, %d were there already; %s until searchable (%s), then %s of compaction", "%d ファイルを取り込みました（取り込み済み %d）。検索できるまで %s（%s）、その後の圧縮整理 %s"},
	"list-damaged":      {"WARNING: %d files could not be read to their end; what stands before the damage is in the lake:", "警告: %d ファイルを最後まで読めませんでした。破損の前までは取り込みました:"},
	"list-changed":      {"WARNING: %d files changed since they were ingested:", "警告: %d ファイルが取り込み後に変更されています:"},
	"list-unclaimed":    {"%d files are no logs that Yagura knows and were left out:", "%d ファイルは既知のログではないため取り込みませんでした:"},
	"list-item":         {"  %s: %s", "  %s: %s"},
	"list-rest":         {"  … and %d more", "  … ほか %d 件"},
	"list-rest-json":    {"… and %d more; --format json lists all", "… ほか %d 件。--format json ですべて表示します"},
	"disproved":         {"WARNING: %d files are not what CloudTrail's digests state: `yagura verify PATH` says which", "警告: %d ファイルが CloudTrail のダイジェストと一致しません。`yagura verify PATH` で確認してください"},
	"quarantined":       {"%d records cannot be read and are kept in quarantine: `yagura quarantine` shows them with the reason", "%d レコードを読めず隔離しました。`yagura quarantine` で理由とともに表示します"},
	"nothing-to-retry":  {"no file below %s has records in quarantine", "%s の下に、隔離されたレコードを持つファイルはありません"},
	"retry-failed":      {"%d files were taken out of the lake and not all came back: run `yagura ingest %s`", "%d ファイルをレイクから外しましたが、すべては戻っていません。`yagura ingest %s` を実行してください"},
	"no-retention":      {"no retention is configured: write `retention: {vpcflow: 90}` (days by source) into the file that --config names", "保存期間の設定がありません。--config のファイルに `retention: {vpcflow: 90}`（ソースごとの日数）と書いてください"},
	"sound":             {"the lake is sound", "レイクは健全です"},
	"try-repair":        {"`yagura lake check --repair` mends what can be mended without the source files", "`yagura lake check --repair` は、元のファイルなしで直せるものを直します"},
	"verify-file":       {"%s is a file: name the directory with AWSLogs/ in it, because digests and log files prove each other together", "%s はファイルです。ダイジェストとログの両方がある AWSLogs/ の親ディレクトリを指定してください"},
	"verify-ok":         {"PROVED: %d of %d log files are what CloudTrail delivered", "証明済み: %d / %d のログファイルは CloudTrail が配信したままです"},
	"verify-uncovered":  {"PROVED as far as digests go: %d of %d log files; the others are outside what the digests cover (--strict makes that a failure)", "ダイジェストの範囲で証明済み: %d / %d のログファイル。残りはダイジェストの範囲外です（--strict で失敗とします）"},
	"verify-failed":     {"NOT PROVED: %d of %d log files are proved; see above for the others", "証明できません: 証明されたのは %d / %d のログファイルです。理由は上にあります"},
	"verify-nothing":    {"NOT PROVED: there are no digests here (%d of %d log files proved); download AWSLogs/ACCOUNT/CloudTrail-Digest/ too", "証明できません: ダイジェストがありません（証明 %d / %d）。AWSLogs/アカウント/CloudTrail-Digest/ もダウンロードしてください"},
	"digests":           {"digests", "ダイジェスト"},
	"log-files":         {"log files", "ログファイル"},
	"proof-proved":      {"proved by digest %s", "ダイジェスト %s により証明済み"},
	"proof-failed":      {"NOT what CloudTrail delivered: %s", "CloudTrail が配信したものではありません: %s"},
	"proof-unknown":     {"not proved: %s", "未証明: %s"},
	"proof-none":        {"not proved: this source has no digests", "未証明: このソースにはダイジェストがありません"},
	"bad-demo":          {"--events, --flows and --days must not be negative, and --days at most 400", "--events、--flows、--days は 0 以上、--days は 400 以下にしてください"},
	"load-out":          {"--events and --flows write load: name a folder for it with --out", "--events と --flows は負荷用のログを書きます。--out でフォルダーを指定してください"},
	"load-truth":        {"--truth is for the sample: load has no story", "--truth は見本用です。負荷用のログに筋書きはありません"},
	"serve-out":         {"--out only writes files: leave it away to ingest and serve the sample", "--out はファイルを書くだけです。見本を取り込んで表示するには外してください"},
	"other-sample":      {"%s holds the sample of --seed %d --days %d: use these, another --data, or remove the folder and sample.json beside it", "%s には --seed %d --days %d の見本があります。同じ値か別の --data を使うか、フォルダーと隣の sample.json を消してください"},
	"sample-there":      {"the sample organisation's logs are in %s already", "見本の組織のログは %s にあります"},
	"sample-written":    {"wrote the sample organisation's logs: %d files in %s", "見本の組織のログを書きました: %d ファイル（%s）"},
	"next":              {"Something happened in this week, from %s on. Look:", "この週、%s から何かが起きています。調べてみてください:"},
	"serving":           {"the console is at %s (this machine only); Ctrl-C ends it", "コンソール: %s（このマシンからのみ）。Ctrl-C で終了します"},
	"no-browser":        {"no browser could be opened: open the address yourself", "ブラウザーを開けませんでした。アドレスを手で開いてください"},
	"stopped":           {"stopped; what was finished stays, the next run goes on from there", "中断しました。終わった分は残り、次の実行で続きから始まります"},
	"advice-busy":       {"wait until it has ended, or use another --data directory; reading is possible meanwhile", "終わるまで待つか、別の --data を使ってください。その間も検索はできます"},
	"advice-full":       {"the disk is full: make room and run it again; the lake is as it was after the last finished batch", "ディスクがいっぱいです。空きを作って再実行してください。レイクは最後に終わった時点のままです"},
	"advice-permission": {"check the owner and rights of that path and of %s, or choose another directory with --data", "そのパスと %s の所有者と権限を確かめるか、--data で別のディレクトリを選んでください"},

	"section.attributes":  {"ATTRIBUTES (OCSF)", "属性（OCSF）"},
	"section.observables": {"OBSERVABLES", "手がかり"},
	"section.raw":         {"RECORD", "レコード"},
	"section.provenance":  {"PROVENANCE", "出所"},
	"section.chains":      {"CHAINS OF DIGESTS", "ダイジェストの連鎖"},
	"section.notices":     {"NOTICES", "注意"},
	"section.unproved":    {"NOT PROVED", "証明できないもの"},

	"progress.ingest":     {"ingest", "取り込み"},
	"progress.export":     {"export", "書き出し"},
	"progress.check":      {"check", "検査"},
	"progress.demo":       {"sample", "見本"},
	"progress.compacting": {"compacting", "圧縮整理"},
	"progress.files":      {"%d/%d files, %s, %s, %d quarantined", "%d/%d ファイル、%s、%s、隔離 %d"},
}, iamMessages, detectMessages, gatewayMessages, wafMessages)

// heads are the headings of tables, by JSON key.
var heads = with(map[string]phrase{
	"account": {"account", "アカウント"}, "actor": {"actor", "実行者"}, "address": {"address", "アドレス"}, "at": {"at", "日時"},
	"bar": {"", ""}, "before": {"before", "より前"}, "bytes": {"bytes", "バイト"}, "code": {"code", "種別"}, "count": {"count", "件数"},
	"damaged": {"damaged", "破損"}, "days": {"days", "日数"}, "detail": {"detail", "詳細"}, "digests": {"digests", "ダイジェスト"},
	"disproved": {"disproved", "不一致"}, "distinct": {"distinct", "種類"}, "doc": {"doc", "説明"}, "duplicates": {"duplicates", "重複"},
	"event": {"event", "イベント"}, "events": {"events", "イベント数"}, "expired": {"expired", "期限切れ"}, "field": {"field", "フィールド"},
	"files": {"files", "ファイル"}, "first": {"first", "最初"}, "fix": {"what to do", "対処"}, "gaps": {"gaps (UTC)", "欠落（UTC）"},
	"go": {"go", "Go"}, "hours": {"hours", "時間"}, "hours_missing": {"missing", "欠落"}, "hours_seen": {"seen", "あり"}, "id": {"id", "ID"},
	"ingested_at": {"ingested", "取り込み"}, "invalid": {"invalid", "不正"}, "key": {"key", "キー"}, "kind": {"kind", "種類"}, "last": {"last", "最後"},
	"max": {"max", "最大"}, "min": {"min", "最小"}, "missing": {"missing", "欠落"}, "name": {"name", "名前"}, "object": {"object", "オブジェクト"},
	"objects": {"objects", "オブジェクト"}, "offset": {"offset", "位置"}, "outcome": {"outcome", "結果"}, "platform": {"platform", "環境"},
	"present": {"present", "値あり"}, "proof": {"proof", "証明"}, "proved": {"proved", "証明済み"}, "quarantined": {"quarantined", "隔離"},
	"raw": {"raw", "元のレコード"}, "raw_bytes": {"raw bytes", "圧縮前"}, "reason": {"reason", "理由"}, "record": {"record", "レコード番号"},
	"records": {"records", "レコード"}, "region": {"region", "リージョン"}, "removed": {"removed", "削除"}, "repaired": {"repaired", "修復"},
	"resource": {"resource", "リソース"}, "revision": {"revision", "リビジョン"}, "rows": {"rows", "行"}, "skipped": {"skipped", "スキップ"},
	"sound": {"sound", "健全"}, "source": {"source", "ソース"}, "sources": {"sources", "ソース"}, "start": {"start", "開始"}, "status": {"status", "状態"},
	"subject": {"subject", "対象"}, "time": {"time", "日時"}, "title": {"title", "名称"}, "trail": {"trail", "証跡"}, "unknown": {"unknown", "不明"},
	"valid": {"valid", "正常"}, "value": {"value", "値"}, "version": {"version", "版"},
}, iamHeads, detectHeads, wafHeads)
