package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// help is what --help says. Names of flags, verbs and fields stay as they are
// in both languages, because that is what one types.
var help = with(map[string]phrase{
	"long.yagura": {
		"Yagura keeps AWS logs as open Parquet files with their provenance, searches them, and proves them.\n" +
			"Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done and something found, 130 interrupted.",
		"Yagura は AWS のログを出所とともに Parquet で保管し、検索し、完全性を証明します。\n" +
			"終了コード: 0 完了、1 失敗、2 使い方の誤り、3 完了し問題を発見、130 中断。",
	},
	"long.ingest": {
		"Reads files and directories (copies of a log bucket, from AWSLogs/ on), recognises their kind, and keeps every event once.\n" +
			"It can be interrupted and run again at any time: what is in the lake is not read again. Records that cannot be read go to\n" +
			"quarantine; a damaged file keeps the events before the damage, is named as a warning, and does not make the run fail.\n" +
			"CloudTrail digests beside the logs are checked and the verdict is kept with every file.",
		"ファイルやディレクトリ（ログ用バケットの AWSLogs/ 以下の写し）を読み、種類を見分け、各イベントを一度だけ保管します。\n" +
			"いつでも中断・再実行でき、取り込み済みのものは読み直しません。読めないレコードは隔離し、壊れたファイルは破損の前までを\n" +
			"取り込んで警告します（失敗にはなりません）。CloudTrail のダイジェストがあれば検証し、結果をファイルごとに記録します。",
	},
	"long.search": {
		"Finds events. QUERY is described in docs/search.md; without it every event is found. Put it in 'single quotes'; - reads it\n" +
			"from standard input. AWS's own field names and OCSF's both work. The newest events come first.\n" +
			"In a pipe nothing is shortened; on a terminal long cells end in …, and a narrow one shows fewer columns: --fields chooses.",
		"イベントを検索します。QUERY の書き方は docs/ja/search.md にあります（省略するとすべて）。'引用符' で囲んでください。- は標準入力です。\n" +
			"AWS のフィールド名も OCSF の名前も使えます。新しいものから並びます。端末では長い値を … で切り、狭ければ列を減らします（--fields で選べます）。パイプでは切りません。",
	},
	"long.show": {
		"Shows one event: attributes, what it mentions, the record as it was written, where it stands and whether that is proved.",
		"1 件のイベントの属性、手がかり、元のレコード、出所と証明を表示します。",
	},
	"long.facets":   {"Counts the most frequent values of fields among the events that pass the query.", "条件に合うイベントについて、フィールドごとに多い値を数えます。"},
	"long.timeline": {"Counts the events that pass the query over time. Bars without events are shown.", "条件に合うイベント数の推移を表示します。イベントのない区間も示します。"},
	"long.stats":    {"Describes the values of fields: how many events have one, how many differ, smallest and largest.", "フィールドの値を要約します: 値を持つ件数、種類の数、最小と最大。"},
	"long.sql": {
		"Runs one SELECT over the views events, cloudtrail, vpcflow, … with the column names that Athena users know.\n" +
			"Nothing else is allowed: no writing, no files, no network. - reads the text from standard input.",
		"ビュー events、cloudtrail、vpcflow … に対して SELECT を 1 つ実行します。列名は Athena と同じです。\n" +
			"書き込み、ファイル、ネットワークは使えません。- は標準入力から読みます。",
	},
	"long.sources": {"Says what the lake holds of every source; --fields lists the names that a search may use.", "ソースごとに保管しているものを表示します。--fields は検索に使える名前の一覧です。"},
	"long.coverage": {
		"Says for every source, account and region which hours have events and which have none. Without --from and --to the time\n" +
			"looked at begins and ends where the source does in any account, so an account that fell silent shows a gap.",
		"ソース・アカウント・リージョンごとに、イベントのある時間とない時間を示します。--from と --to がなければ、そのソース全体の\n" +
			"最初から最後までを見るので、途中で途絶えたアカウントは欠落として現れます。",
	},
	"long.quarantine": {
		"Lists records that could not be read, the latest first, with the reason. --retry PATH reads the files below PATH that have\n" +
			"such records again, as after an upgrade; files that are not there are left alone.",
		"読めなかったレコードを、新しい順に理由とともに表示します。--retry PATH は、PATH の下にある該当ファイルを読み直します\n" +
			"（更新後など）。そこにないファイルには触れません。",
	},
	"long.check": {
		"Compares every file of the lake with the catalogue: bytes, rows, indexes, objects. Exit code 3 when something is wrong.",
		"レイクの全ファイルを目録と照合します: 内容、行数、索引、オブジェクト。問題があれば終了コード 3 です。",
	},
	"long.compact": {"Merges small files into sorted, indexed ones. Ingest does this at its end; a crash at any moment loses nothing.", "小さなファイルを、整列・索引付けしたファイルにまとめます。取り込みの最後にも行います。途中で落ちても何も失いません。"},
	"long.retain":  {"Removes days that are older than the configuration file's retention of their source. This cannot be undone.", "設定ファイルの保存期間を過ぎた日をソースごとに削除します。元には戻せません。"},
	"long.verify": {
		"Checks a copy of CloudTrail's log files against its digests, offline: signatures, the chain, every file's hash, files that are\n" +
			"missing, moved, changed or named by no digest. PATH is a directory with AWSLogs/ in it. The metadata of each digest must lie\n" +
			"beside it as NAME.head.json (output of `aws s3api head-object`), or all in one metadata.jsonl of {\"key\",\"metadata\"}.\n" +
			"Without --public-keys, public-keys.json in PATH is used, and the report says that the copy then only proves itself.\n" +
			"Exit code 1 when anything is not proved.",
		"CloudTrail のログの写しを、オフラインでダイジェストと照合します: 署名、連鎖、各ファイルのハッシュ、欠落・移動・改変、\n" +
			"どのダイジェストにもないファイル。PATH は AWSLogs/ のあるディレクトリです。各ダイジェストのメタデータは、隣の 名前.head.json\n" +
			"（`aws s3api head-object` の出力）か、まとめて metadata.jsonl（{\"key\",\"metadata\"}）に置きます。--public-keys がなければ PATH の\n" +
			"public-keys.json を使いますが、その場合は写しが自分自身を証明するだけです。証明できないものがあれば終了コード 1 です。",
	},
	"long.demo": {
		"Writes a sample organisation's logs in AWS's formats (a week, three accounts, one intrusion), ingests them and says what to\n" +
			"look at. With --out it only writes: the sample, or load when --events or --flows is given. The same seed gives the same bytes.",
		"見本の組織のログ（1 週間、3 アカウント、侵入 1 件）を AWS の形式で書き、取り込み、調べ方を示します。--out では書くだけです\n" +
			"（--events か --flows を付けると負荷用）。同じシードからは同じバイト列ができます。",
	},
	"long.serve": {
		"Serves the console to browsers on this machine. It has no login: other addresses than the local ones are refused.",
		"このマシンのブラウザーにコンソールを提供します。ログインはないので、ローカル以外のアドレスは使えません。",
	},

	"short.yagura":     {"Keep, search and prove AWS logs", "AWS のログを保管し、検索し、証明する"},
	"short.ingest":     {"Bring log files into the lake", "ログファイルを取り込む"},
	"short.search":     {"Find events", "イベントを検索する"},
	"short.show":       {"Show one event with its provenance and proof", "イベント 1 件を出所と証明とともに表示する"},
	"short.facets":     {"Count the most frequent values of fields", "フィールドの多い値を数える"},
	"short.timeline":   {"Count events over time", "イベント数の推移を表示する"},
	"short.stats":      {"Describe the values of fields", "フィールドの値を要約する"},
	"short.sql":        {"Run a read-only SELECT", "読み取り専用の SELECT を実行する"},
	"short.sources":    {"Say what the lake holds, and which names a search may use", "保管しているものと、検索に使える名前を表示する"},
	"short.coverage":   {"Say which hours are there and which are missing", "ある時間と欠けている時間を表示する"},
	"short.quarantine": {"List records that could not be read", "読めなかったレコードを表示する"},
	"short.lake":       {"Check, compact and retain the lake's files", "レイクのファイルを検査・整理・削除する"},
	"short.check":      {"Prove that the lake is whole", "レイクの健全性を確かめる"},
	"short.compact":    {"Merge small files", "小さなファイルをまとめる"},
	"short.retain":     {"Remove what is older than the configuration says", "設定より古いものを削除する"},
	"short.verify":     {"Prove CloudTrail's log files by its digests", "CloudTrail のログをダイジェストで証明する"},
	"short.demo":       {"Write and ingest a sample organisation's logs", "見本の組織のログを書いて取り込む"},
	"short.serve":      {"Serve the console", "コンソールを提供する"},
	"short.version":    {"Say which Yagura this is", "版を表示する"},
	"short.completion": {"Write a completion script for a shell", "シェルの補完スクリプトを書く"},
	"short.help":       {"Help about a verb", "動詞の説明を表示する"},

	"flag.data":             {"directory of the lake and state (default ~/.local/share/yagura)", "データのディレクトリ（既定: ~/.local/share/yagura）"},
	"flag.config":           {"configuration file (YAML)", "設定ファイル（YAML）"},
	"flag.lang":             {"language: en or ja (default from the locale)", "言語: en か ja（既定: ロケールによる）"},
	"flag.format":           {"output: table, json (one object a line) or csv; in search also parquet (default table)", "出力: table、json（1 行 1 オブジェクト）、csv、search では parquet も（既定: table）"},
	"flag.help":             {"help for this verb", "この動詞の説明"},
	"flag.from":             {"from this time on: -24h, 2026-10-01, 2026-10-01T10:00 …", "この時刻から: -24h、2026-10-01、2026-10-01T10:00 …"},
	"flag.to":               {"up to and with this time: now, 2026-10-02 (the whole day) …", "この時刻まで（含む）: now、2026-10-02（その日全体）…"},
	"flag.sources":          {"only these sources, separated by commas", "このソースのみ（コンマ区切り）"},
	"flag.force":            {"read every file as this source instead of recognising it", "見分けずに、すべてこのソースとして読む"},
	"flag.option":           {"option of the source, NAME=VALUE; for example format=… of a flow log without a header", "ソースの設定（名前=値）。例: ヘッダーのないフローログの format=…"},
	"flag.public-keys":      {"file of public keys, the output of aws cloudtrail list-public-keys", "公開鍵のファイル（aws cloudtrail list-public-keys の出力）"},
	"flag.replace":          {"take the new content of files that changed since they were ingested", "取り込み後に変わったファイルの新しい内容を取り込む"},
	"flag.no-compact":       {"do not compact at the end", "最後に整理しない"},
	"flag.workers":          {"files that are read at the same time (default: number of processors)", "同時に読むファイル数（既定: プロセッサの数）"},
	"flag.fields":           {"columns to show: id, source, native or OCSF names, separated by commas", "表示するフィールド（コンマ区切り。id、source、AWS の名前、OCSF の名前）"},
	"flag.limit":            {"number of events", "件数"},
	"flag.raw":              {"also the record as the source wrote it", "元のレコードも出す"},
	"flag.raw-only":         {"only the record as the source wrote it", "元のレコードだけを出す"},
	"flag.count":            {"print the number of events and nothing else", "件数だけを出す"},
	"flag.oldest":           {"the oldest events first", "古いものから並べる"},
	"flag.after":            {"go on after this cursor, which the page before named", "前のページが示したカーソルの続きから"},
	"flag.all":              {"every event, not only the first ones", "先頭だけでなくすべて"},
	"flag.output":           {"write to this file, which appears when it is whole", "このファイルに書く（完成してから現れる）"},
	"flag.facets":           {"fields to count, separated by commas", "数えるフィールド（コンマ区切り）"},
	"flag.top":              {"values for each field", "フィールドごとの値の数"},
	"flag.bars":             {"number of bars, at most", "棒の数の上限"},
	"flag.field":            {"fields to describe, separated by commas", "要約するフィールド（コンマ区切り）"},
	"flag.around":           {"so many events before and after it instead", "代わりに前後この件数のイベントを表示する"},
	"flag.max-rows":         {"stop after so many rows", "この行数で打ち切る"},
	"flag.timeout":          {"stop after this time", "この時間で打ち切る"},
	"flag.list-fields":      {"list the names that a search may use", "検索に使える名前の一覧"},
	"flag.quarantine-limit": {"number of records", "レコードの件数"},
	"flag.retry":            {"read the files below this path again that have records in quarantine", "このパスの下の、隔離レコードを持つファイルを読み直す"},
	"flag.repair":           {"mend what can be mended without the source files", "元のファイルなしで直せるものを直す"},
	"flag.bucket":           {"bucket that the copy is of; default: any", "写しの元のバケット（既定: 問わない）"},
	"flag.strict":           {"log files outside what digests cover are a failure too", "ダイジェストの範囲外のログファイルも失敗とする"},
	"flag.out":              {"only write files into this folder: empty, or an earlier output", "このフォルダー（空か以前の出力）にファイルを書くだけ"},
	"flag.truth":            {"also write what really happened into this file, outside --out (JSON lines)", "実際に何が起きたかをこのファイルに書く（--out の外、JSON Lines）"},
	"flag.events":           {"load: number of CloudTrail events", "負荷用: CloudTrail のイベント数"},
	"flag.flows":            {"load: number of flow records", "負荷用: フローログのレコード数"},
	"flag.seed":             {"same seed, same bytes", "同じシードからは同じバイト列"},
	"flag.days":             {"length in days (default 7, load 30)", "日数（既定 7、負荷用 30）"},
	"flag.demo-serve":       {"then serve the console and open the browser", "続けてコンソールを提供し、ブラウザーを開く"},
	"flag.addr":             {"address to listen on, on this machine only; port 0 takes a free one", "待ち受けるアドレス（このマシンのみ）。ポート 0 は空きを使う"},
	"flag.open":             {"open the browser", "ブラウザーを開く"},
}, iamHelp, detectHelp, gatewayHelp, wafHelp)

// frame are the words that cobra puts around help.
var frame = strings.NewReplacer(
	"Usage:", "使い方:", "Aliases:", "別名:", "Examples:", "例:", "Available Commands:", "動詞:", "Additional Commands:", "ほかの動詞:",
	"Global Flags:", "共通のフラグ:", "Flags:", "フラグ:", "Additional help topics:", "ほかの説明:", "[flags]", "[フラグ]",
	`Use "{{.CommandPath}} [command] --help" for more information about a command.`, `動詞の説明は "{{.CommandPath}} 動詞 --help" で読めます。`,
)

// localize puts help into the language of the run.
func (p *program) localize(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		c.InitDefaultHelpFlag()
		if f := c.Flags().Lookup("help"); f != nil {
			f.Usage = p.say("flag.help")
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help", "completion":
			c.Short = p.say("short." + c.Name())
		}
	}
	if p.lang == "ja" {
		root.SetUsageTemplate(frame.Replace(root.UsageTemplate()))
	}
}
