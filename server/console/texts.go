package console

import "maps"

type text struct{ en, ja string }

// texts is the catalogue: searchTexts are of the frame and the search page, more
// stand in texts_more.go and texts_finding.go.
var texts = join(searchTexts, pageTexts, findingTexts)

func join(all ...map[string]text) map[string]text {
	out := map[string]text{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

var searchTexts = map[string]text{
	"nav.search":   {"Search", "検索"},
	"nav.sources":  {"Sources", "ログソース"},
	"nav.coverage": {"Coverage", "カバレッジ"},
	"nav.sql":      {"SQL", "SQL"},

	"frame.skip":       {"Skip to content", "本文へ移動"},
	"frame.nav":        {"Pages", "ページ"},
	"frame.zone.why":   {"Times on screen are in this zone; data are in UTC", "画面の時刻はこのタイムゾーンで表示しています(データは UTC)"},
	"frame.zone.local": {"local time", "ローカル時刻"},

	"help.title":    {"Keys and query language", "キー操作と検索構文"},
	"help.focus":    {"go to the search bar", "検索バーへ移動"},
	"help.move":     {"next, previous event", "次の/前のイベントへ"},
	"help.open":     {"open the event", "イベントを開く"},
	"help.page":     {"next, previous page", "次の/前のページへ"},
	"help.close":    {"Close", "閉じる"},
	"help.q.field":  {"field has this value", "フィールドの値が一致"},
	"help.q.exists": {"field has a value", "フィールドに値がある"},
	"help.q.not":    {"not", "否定"},
	"help.q.net":    {"address in a network", "アドレスがネットワーク内"},
	"help.q.group":  {"one of these, * for any characters", "いずれかに一致(* は任意の文字列)"},
	"help.q.fold":   {"upper and lower case alike", "大文字と小文字を区別しない"},
	"help.q.range":  {"number above", "数値の比較"},
	"help.q.word":   {"word anywhere in the record", "レコードのどこかに含まれる語"},

	"copy.done":   {"Copied", "コピーしました"},
	"copy.failed": {"Could not copy", "コピーできませんでした"},

	"failure.title": {"That did not work", "処理できませんでした"},
	"failure.home":  {"Back to the search", "検索に戻る"},

	"search.query":          {"Query", "検索クエリ"},
	"search.placeholder":    {"eventName:ConsoleLogin AND NOT sourceIPAddress:10.0.0.0/8", "例: eventName:ConsoleLogin AND NOT sourceIPAddress:10.0.0.0/8"},
	"search.suggestions":    {"Suggestions", "入力候補"},
	"search.run":            {"Search", "検索"},
	"search.range":          {"Time range", "期間"},
	"search.from":           {"From", "開始"},
	"search.to":             {"To", "終了"},
	"search.open":           {"open", "指定なし"},
	"search.fields":         {"Columns", "列"},
	"search.fields.default": {"summary", "概要"},
	"search.histogram":      {"Events over time", "時間ごとのイベント数"},
	"search.hits":           {"Events", "イベント"},
	"search.total":          {"%s events", "%s 件"},
	"search.width":          {"one bar: %s", "1 本 = %s"},
	"search.brush":          {"drag to narrow the time", "ドラッグで期間を絞り込み"},
	"search.took":           {"time the server took", "サーバーでの処理時間"},

	"preset.-15m": {"15 min", "15分"},
	"preset.-1h":  {"1 h", "1時間"},
	"preset.-24h": {"24 h", "24時間"},
	"preset.-7d":  {"7 d", "7日"},
	"preset.-30d": {"30 d", "30日"},
	"preset.all":  {"All", "全期間"},

	"saved.title":  {"Saved", "保存した検索"},
	"saved.none":   {"Nothing saved yet. Name this search to keep it.", "保存した検索はまだありません。名前を付けてこの検索を保存できます。"},
	"saved.name":   {"Name", "名前"},
	"saved.save":   {"Save this search", "この検索を保存"},
	"saved.delete": {"Delete %s", "%s を削除"},

	"empty.lake":       {"The lake is empty", "レイクにデータがありません"},
	"empty.lake.why":   {"Bring in a folder of AWS logs as they lie in the bucket:", "S3 バケットから取得した AWS ログのフォルダーを取り込んでください。"},
	"empty.or":         {"Or look around in a small sample organisation:", "サンプル組織のログで試すこともできます。"},
	"empty.hits":       {"No event passes this search", "条件に一致するイベントはありません"},
	"empty.hits.why":   {"The lake has events from %s to %s (%s). Widen the time, or take conditions away.", "レイクには %s から %s まで(%s)のイベントがあります。期間を広げるか、条件を減らしてください。"},
	"empty.hits.all":   {"Search all time", "全期間で検索"},
	"empty.hits.clear": {"Clear the query", "条件をクリア"},

	"facets.title":  {"Values", "値の内訳"},
	"facets.none":   {"no value", "値なし"},
	"facets.blank":  {"empty text", "空文字列"},
	"facets.remove": {"Stop counting this field", "このフィールドの集計をやめる"},
	"facets.more":   {"Count more fields", "集計するフィールドを追加"},
	"facets.newest": {"Counted since %s, over the newest events.", "新しいイベントのみ集計(%s 以降)。"},
	"facets.all":    {"Count all", "すべて集計"},
	"facets.count":  {"Count", "集計"},

	"pivot.include": {"Only with", "この値で絞り込む"},
	"pivot.exclude": {"Without", "この値を除外する"},
	"pivot.only":    {"All events with this value", "この値を持つ全イベント"},

	"column.time":    {"Time", "時刻"},
	"column.source":  {"Source", "ソース"},
	"column.what":    {"Event", "イベント"},
	"column.who":     {"Who", "実行者"},
	"column.from":    {"From", "送信元"},
	"column.on":      {"On", "対象"},
	"column.outcome": {"Outcome", "結果"},
	"column.account": {"Account", "アカウント"},
	"column.region":  {"Region", "リージョン"},
	"column.remove":  {"Remove the column %s", "列 %s を外す"},

	"page.start":   {"First page", "最初のページ"},
	"page.newer":   {"Previous", "前へ"},
	"page.older":   {"Next", "次へ"},
	"export.title": {"Export all:", "全件エクスポート:"},
}
