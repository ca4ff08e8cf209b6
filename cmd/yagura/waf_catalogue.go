package main

// wafMessages are what the verbs of the web application firewall say.
var wafMessages = map[string]phrase{
	"waf-nothing":      {"no rules are given: name a web ACL with --acl FILE, or the Core Rule Set with --crs", "ルールがありません。--acl FILE でウェブ ACL を、または --crs で Core Rule Set を指定してください"},
	"waf-bad-engine":   {"--engine %q: it is yagura or coraza", "--engine %q: yagura か coraza です"},
	"waf-bad-paranoia": {"--paranoia %d: it is 1 to 4", "--paranoia %d: 1 から 4 までです"},
	"waf-no-request":   {"no request is given: name a file, write a curl command, or - for standard input", "リクエストがありません。ファイル、curl コマンド、標準入力の - のいずれかを指定してください"},
	"waf-too-big":      {"%s is larger than %d MiB", "%s は %d MiB を超えています"},
	"waf-bad-request":  {"%s, line %d: %s", "%s の %d 行目: %s"},
	"waf-bad-lines":    {"%d lines are no requests and have the action ERROR", "%d 行はリクエストではないため、action を ERROR としました"},
	"waf-warning":      {"web ACL: %s", "ウェブ ACL: %s"},
	"waf-request":      {"%s %s: %s", "%s %s: %s"},
	"waf-score":        {"anomaly score of the Core Rule Set: %d", "Core Rule Set の異常スコア: %d"},
	"waf-labels":       {"labels: %s", "ラベル: %s"},
	"waf-reason":       {"not certain: %s", "不確かな点: %s"},
	"waf-by-crs":       {"%s by rule %s of the Core Rule Set: the anomaly score is %d.", "Core Rule Set のルール %[2]s により %[1]s になりました。異常スコアは %[3]d です。"},
}

// wafHelp is what --help says of them.
var wafHelp = map[string]phrase{
	"short.waf": {"Web ACLs: check requests, replay logs, tune, lint, compare", "ウェブ ACL の判定、ログでの再生、調整、検査、比較"},
	"long.waf": {
		"Decides with AWS WAF web ACLs as AWS exports them, and with the OWASP Core Rule Set, without AWS. docs/waf.md is the guide.",
		"AWS がエクスポートしたままの AWS WAF ウェブ ACL と OWASP Core Rule Set による判定を、AWS を使わずに行います。手引きは docs/waf.md です。",
	},
	"short.waf-check": {"Decide on a request and say why", "リクエストを判定し、理由を示す"},
	"long.waf-check": {
		"Reads a curl command, a file with one, a HAR archive, a request as it goes over the wire, or requests as JSON Lines\n" +
			"{\"id\",\"method\",\"uri\",\"version\",\"headers\":[[name,value],…],\"body\":base64}. With --format json and - every line gets one line:\n" +
			"{\"id\",\"action\",\"matched\",\"labels\",\"score\",\"reasons\"}; a line that is no request gets the action ERROR.\n" +
			"Exit code 3: a request does not pass, or that is not certain (not with JSON Lines, whose lines say it).",
		"curl コマンド（またはそれを書いたファイル）、HAR、生の HTTP リクエスト、JSON Lines\n" +
			"{\"id\",\"method\",\"uri\",\"version\",\"headers\":[[名前,値],…],\"body\":base64} を読みます。--format json と - では、1 行ごとに\n" +
			"{\"id\",\"action\",\"matched\",\"labels\",\"score\",\"reasons\"} を 1 行返し、読めない行の action は ERROR になります。\n" +
			"終了コード 3: 通らない、または判定できないリクエストがある場合（JSON Lines では各行に示すため 0）。",
	},
	"flag.waf-acl":         {"web ACL, rule groups, sets: file or directory (repeatable)", "ウェブ ACL、ルールグループ、セットのファイルまたはディレクトリ（複数可）"},
	"flag.waf-crs":         {"run the OWASP Core Rule Set; a directory replaces the one in the program", "OWASP Core Rule Set を使う。ディレクトリを指定すると内蔵のものの代わりに使う"},
	"flag.waf-paranoia":    {"paranoia level of the Core Rule Set, 1 to 4", "Core Rule Set のパラノイアレベル（1 から 4）"},
	"flag.waf-engine":      {"engine of the Core Rule Set: yagura or coraza", "Core Rule Set のエンジン: yagura または coraza"},
	"flag.waf-exclusions":  {"SecLang file with exclusions (repeatable)", "除外を書いた SecLang ファイル（複数可）"},
	"flag.waf-name":        {"name of the web ACL when the files hold several", "ファイルに複数ある場合のウェブ ACL の名前"},
	"flag.waf-resource":    {"ALB, CLOUDFRONT, API_GATEWAY …: sets how much of a body is inspected", "ALB、CLOUDFRONT、API_GATEWAY など。ボディの検査量が決まる"},
	"flag.waf-geo-country": {"MMDB file with countries", "国の MMDB ファイル"},
	"flag.waf-geo-asn":     {"MMDB file with autonomous systems", "AS の MMDB ファイル"},
	"flag.waf-explain":     {"show every rule with its outcome", "すべてのルールの結果を示す"},
	"flag.waf-client":      {"address of the client, for requests that do not tell", "クライアントのアドレス（リクエストが示さない場合）"},
	"flag.waf-country":     {"country of the client, as JP", "クライアントの国（例: JP）"},
}

// wafHeads are the headings of their tables.
var wafHeads = map[string]phrase{
	"labels": {"labels", "ラベル"}, "why": {"why", "理由"},
}
