package query

// phrase is one text in the two languages of the console.
type phrase struct{ en, ja string }

// catalogue holds every message by its code. {arg} is the offending piece, {detail} what completes the message, {near} a suggestion.
var catalogue = map[string]struct{ message, hint phrase }{
	"too-long": {
		phrase{"the query is longer than 16 KiB", "検索文が 16 KiB を超えています"},
		phrase{"split it, or save parts of it as alert rules", "分割するか、一部をアラートルールとして保存してください"},
	},
	"too-deep": {
		phrase{"more than 64 levels of parentheses and NOT", "括弧と NOT の入れ子が 64 段を超えています"},
		phrase{"remove parentheses that are not needed", "不要な括弧を外してください"},
	},
	"too-many": {
		phrase{"more than 1,024 terms", "条件が 1,024 個を超えています"},
		phrase{"use a wildcard, a range or a network instead of a list", "列挙の代わりにワイルドカード、範囲、CIDR を使ってください"},
	},
	"not-utf8": {
		phrase{"the query is not valid UTF-8 here", "この位置の文字が UTF-8 として正しくありません"},
		phrase{"type the character again", "文字を入力し直してください"},
	},
	"term-expected": {
		phrase{"a search term is missing here", "ここに検索条件が必要です"},
		phrase{`write a word, "a phrase" or field:value`, `単語、"語句"、または フィールド:値 を書いてください`},
	},
	"operator-misplaced": {
		phrase{"{arg} needs a term before it", "{arg} の前に検索条件がありません"},
		phrase{`to search for the word itself, write "{arg}" in quotes`, `この単語自体を探すときは "{arg}" と引用符で囲んでください`},
	},
	"value-expected": {
		phrase{"{arg} has no value", "{arg} の値がありません"},
		phrase{"write {arg}:value, or {arg}:* for records that have the field", "{arg}:値 と書くか、フィールドの有無を調べるなら {arg}:* と書いてください"},
	},
	"paren-open": {
		phrase{"this parenthesis is never closed", "この括弧が閉じられていません"},
		phrase{"add ) at its end", "対応する ) を加えてください"},
	},
	"paren-close": {
		phrase{"nothing is open that ) could close", "対応する ( がありません"},
		phrase{`remove it, or write "..." around a text that holds parentheses`, `削除するか、括弧を含む文字列を "..." で囲んでください`},
	},
	"quote-open": {
		phrase{"this quotation mark is never closed", "この引用符が閉じられていません"},
		phrase{`add " at the end; write \" for the mark itself`, `末尾に " を加えてください（" 自体は \" と書きます）`},
	},
	"space-expected": {
		phrase{"{arg} directly after a value", "値の直後に {arg} があります"},
		phrase{"put a space between two terms, or quotes around one that holds this character", "条件の間に空白を入れるか、この文字を含む値を引用符で囲んでください"},
	},
	"escape-open": {
		phrase{"the backslash at the end escapes nothing", "末尾のバックスラッシュの後に文字がありません"},
		phrase{`write \\ for a backslash`, `バックスラッシュ自体は \\ と書きます`},
	},
	"regexp-open": {
		phrase{"this regular expression is never closed", "この正規表現が閉じられていません"},
		phrase{`add / at its end; a value that begins with / goes in quotes`, `末尾に / を加えてください（/ で始まる値は引用符で囲みます）`},
	},
	"regexp-tail": {
		phrase{"the regular expression ended before this", "正規表現はこの手前で終わっています"},
		phrase{
			`a value between / and / is a regular expression: write "..." around a path, \/ for a slash inside the expression`,
			`/ と / の間は正規表現です。パスは "..." で囲み、正規表現の中の / は \/ と書いてください`,
		},
	},
	"regexp-bad": {
		phrase{"not a regular expression (RE2): {detail}", "正規表現（RE2）として読めません: {detail}"},
		phrase{"look-around and back-references do not exist in RE2", "RE2 では先読み・後読みと後方参照は使えません"},
	},
	"range-bad": {
		phrase{"not a range", "範囲として読めません"},
		phrase{"write [low TO high]; { and } exclude the bound, * is no bound", "[下限 TO 上限] と書きます（{ } は境界を含まず、* は無制限です）"},
	},
	"wildcard-bound": {
		phrase{"a bound cannot hold wildcards", "範囲や比較の境界にワイルドカードは使えません"},
		phrase{`write \* for the character itself`, `文字としての * は \* と書きます`},
	},
	"unknown-field": {
		phrase{"no field is called {arg}", "{arg} というフィールドはありません"},
		phrase{
			"write the whole path (requestParameters.bucketName); to search for the text itself, put it in quotes",
			"パス全体を書いてください（例 requestParameters.bucketName）。文字列として探すときは引用符で囲みます",
		},
	},
	"wide-colon": {
		phrase{"a full-width colon (：) does not separate field and value", "全角コロン（：）はフィールドと値の区切りになりません"},
		phrase{
			"write {arg}: with a half-width colon; to search for the text itself, put it in quotes",
			"半角コロンで {arg}: と書いてください。文字列として探すときは引用符で囲みます",
		},
	},
	"not-int": {
		phrase{"{arg} is not a whole number, and {detail} holds numbers", "{detail} は数値のフィールドですが、{arg} は整数ではありません"},
		phrase{"write digits, for example 1000 or >1000", "1000 や >1000 のように数字で書いてください"},
	},
	"not-time": {
		phrase{"{arg} is not a time", "{arg} は日時として読めません"},
		phrase{
			"write 2026-10-01, 2026-10-01T10:00, 2026-10-01T10:00:00Z, -24h or now-7d (units s m h d w)",
			"2026-10-01、2026-10-01T10:00、2026-10-01T10:00:00Z、-24h、now-7d のように書いてください（単位 s m h d w）",
		},
	},
	"not-addr": {
		phrase{"{arg} is not an IP address", "{arg} は IP アドレスではありません"},
		phrase{"write 10.0.0.1 or 2001:db8::1; a network is written field:10.0.0.0/8", "10.0.0.1 や 2001:db8::1 と書いてください（ネットワークは フィールド:10.0.0.0/8）"},
	},
	"mixed-addr": {
		phrase{"a range cannot go from IPv4 to IPv6", "IPv4 から IPv6 への範囲は指定できません"},
		phrase{"write one range for each, joined by OR", "それぞれの範囲を OR でつないでください"},
	},
	"not-net": {
		phrase{"{arg} is not a network", "{arg} は CIDR として正しくありません"},
		phrase{"the prefix length is 0-32 for IPv4 and 0-128 for IPv6", "プレフィックス長は IPv4 が 0〜32、IPv6 が 0〜128 です"},
	},
	"not-bool": {
		phrase{"{arg} is neither true nor false, and {detail} holds only these", "{detail} は真偽値ですが、{arg} は true でも false でもありません"},
		phrase{"write true or false", "true か false と書いてください"},
	},
	"op-kind": {
		phrase{"{detail} fields cannot be searched like this", "{detail} 型のフィールドにはこの書き方を使えません"},
		phrase{
			"int and time take values, comparisons and ranges; bool takes true or false; only text takes wildcards, ~ and /regular expressions/",
			"int と time には値・比較・範囲、bool には true / false を書きます。ワイルドカード、~、/正規表現/ は文字列のフィールドだけで使えます",
		},
	},
	"bad-term": {
		phrase{"a term without a field takes only words, phrases and wildcards", "フィールドのない条件には単語・語句・ワイルドカードだけを使えます"},
		phrase{"write field: in front of it", "前に フィールド: を付けてください"},
	},
	"unchecked": {
		phrase{"the term {arg} was not checked against a field table", "条件 {arg} はフィールド表で確認されていません"},
		phrase{"call Check before Eval", "Eval の前に Check を呼んでください"},
	},
}
