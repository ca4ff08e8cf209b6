package main

// wafMessages are what the verbs of the web application firewall say.
var wafMessages = map[string]phrase{
	"waf-nothing":            {"no rules are given: name a web ACL with --acl FILE, or the Core Rule Set with --crs", "ルールがありません。--acl FILE でウェブ ACL を、または --crs で Core Rule Set を指定してください"},
	"waf-bad-engine":         {"--engine %q: it is yagura or coraza", "--engine %q: yagura か coraza です"},
	"waf-bad-paranoia":       {"--paranoia %d: it is 1 to 4", "--paranoia %d: 1 から 4 までです"},
	"waf-no-request":         {"no request is given: name a file, write a curl command, or - for standard input", "リクエストがありません。ファイル、curl コマンド、標準入力の - のいずれかを指定してください"},
	"waf-too-big":            {"%s is larger than %d MiB", "%s は %d MiB を超えています"},
	"waf-bad-request":        {"%s, line %d: %s", "%s の %d 行目: %s"},
	"waf-bad-lines":          {"%d lines are no requests and have the action ERROR", "%d 行はリクエストではないため、action を ERROR としました"},
	"waf-warning":            {"web ACL: %s", "ウェブ ACL: %s"},
	"waf-request":            {"%s %s: %s", "%s %s: %s"},
	"waf-score":              {"anomaly score of the Core Rule Set: %d", "Core Rule Set の異常スコア: %d"},
	"waf-labels":             {"labels: %s", "ラベル: %s"},
	"waf-reason":             {"not certain: %s", "不確かな点: %s"},
	"waf-by-crs":             {"%s by rule %s of the Core Rule Set: the anomaly score is %d.", "Core Rule Set のルール %[2]s により %[1]s になりました。異常スコアは %[3]d です。"},
	"waf-no-har":             {"%s is neither requests as JSON nor a HAR archive: %s", "%s は JSON のリクエストでも HAR でもありません: %s"},
	"waf-replay-needs":       {"--acl FILE (the new web ACL) and --logs PATH are needed", "--acl FILE（新しいウェブ ACL）と --logs PATH が必要です"},
	"waf-damaged":            {"WARNING: %s could not be read to its end: %s", "警告: %s を最後まで読めませんでした: %s"},
	"waf-refused":            {"%s, record %d cannot be read: %s", "%s のレコード %d を読めません: %s"},
	"waf-refused-all":        {"WARNING: %d records could not be read and are in no count", "警告: %d レコードを読めず、どの件数にも含めていません"},
	"waf-other-files":        {"%d files are no logs of requests and were left out", "%d ファイルはリクエストのログではないため読みませんでした"},
	"waf-no-records":         {"%s: no record of a request was found", "%s: リクエストのレコードがありません"},
	"waf-example":            {"  %s: %s %s from %s, %s then, %s now (%s)", "  %s: %s %s（%s から）、以前 %s、今回 %s（%s）"},
	"waf-change-blocked":     {"newly blocked", "新たにブロック"},
	"waf-change-allowed":     {"newly allowed", "新たに許可"},
	"waf-change-undecidable": {"undecidable", "判定不能"},
	"waf-change-otherwise":   {"stopped otherwise", "別のアクションで停止"},
	"waf-change-unknown":     {"stopped, before unknown", "停止（以前は不明）"},
	"waf-open":               {"  %d undecidable: %s", "  判定不能 %d 件: %s"},
	"waf-the-log":            {"the logged actions", "ログのアクション"},
	"waf-replayed": {
		"%d requests under %s, compared with %s: %d newly blocked, %d newly allowed, %d undecidable, %d stopped by another action, %d stopped while the log does not tell what happened, %d the same",
		"リクエスト %d 件を %s で判定し、%s と比較: 新たにブロック %d、新たに許可 %d、判定不能 %d、別のアクションで停止 %d、停止（以前は不明）%d、変化なし %d",
	},
	"waf-left-out":        {"%d entries did not fit in the lists", "%d 件は一覧に収まりませんでした"},
	"waf-agreement-none":  {"agreement with the log: not measured; give the deployed web ACL with --deployed to see how far this can be believed", "ログとの一致: 未測定。配備中のウェブ ACL を --deployed で指定すると、どこまで信頼できるかを示します"},
	"waf-agreement":       {"agreement with the log under %s: of %d records %d equal (%d by the same rule), %d different, %d undecidable", "%s とログの一致: %d レコード中 一致 %d（ルールも一致 %d）、不一致 %d、判定不能 %d"},
	"waf-impossible":      {"  %d undecidable ones contradict the log", "  判定不能のうち %d 件はログと矛盾します"},
	"waf-other-acl":       {"  %d records are of other web ACLs and were left out", "  ほかのウェブ ACL の %d レコードは除きました"},
	"waf-differs":         {"  %s, record %d: %s by %s on record, %s by %s here", "  %s のレコード %d: 記録は %s（%s）、ここでは %s（%s）"},
	"waf-no-allow":        {"WARNING: no record says ALLOW: the log seems to be filtered, so rates are wrong and what passed is not here", "警告: ALLOW のレコードがありません。ログがフィルターされているようです。割合は正しくなく、通過したリクエストは含まれません"},
	"waf-disorder":        {"WARNING: records are not in order of time, so rate-based rules may count otherwise than they did", "警告: レコードが時刻順ではないため、レートベースのルールの数え方が実際と異なる可能性があります"},
	"waf-bad-level":       {"--level %q: it is note, warning or error", "--level %q: note、warning、error のいずれかです"},
	"waf-linted":          {"%d web ACLs checked: %d findings, %d of them at %s or above", "ウェブ ACL %d 件を検査: 指摘 %d 件（うち %[4]s 以上 %[3]d 件）"},
	"waf-no-acl":          {"%s: %s", "%s: %s"},
	"waf-tune-needs":      {"--logs PATH is needed: logs of AWS WAF, and access logs if there are any", "--logs PATH（AWS WAF のログ。あればアクセスログも）が必要です"},
	"waf-proposal":        {"%s on %s disturbs %d ordinary clients. The exclusion spares %d of their requests and lets %d of suspicious clients pass this rule. It was compiled and tried on these logs.", "%s は %s で通常のクライアント %d 件を妨げています。除外すると、その %d リクエストを通し、疑わしいクライアントの %d リクエストもこのルールを通過します。除外はコンパイルし、このログで試しました。"},
	"waf-paste-override":  {"Add to RuleActionOverrides of the managed rule group:", "マネージドルールグループの RuleActionOverrides に追加:"},
	"waf-paste-rule":      {"Add behind the group (choose a free priority):", "そのグループの後ろに追加（空いている優先度にしてください）:"},
	"waf-paste-replace":   {"Put this in the place of the rule:", "ルールを次のものに置き換え:"},
	"waf-paste-condition": {"Join the rule's statement with this by AndStatement, or the group's scope-down statement:", "ルールのステートメント、またはグループのスコープダウンステートメントと AndStatement で結合:"},
	"waf-tuned":           {"%d WAF records (%d allowed), %d ordinary and %d suspicious clients, %d likely false positives", "WAF レコード %d 件（許可 %d）、通常のクライアント %d、疑わしいクライアント %d、誤検知の可能性 %d 件"},
	"waf-masked":          {"WARNING: the clients' addresses are masked, so nobody can be told from anybody and nothing is proposed", "警告: クライアントのアドレスが伏せられているため区別できず、提案できません"},
	"waf-no-difference":   {"the web ACLs say the same", "ウェブ ACL に違いはありません"},
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
	"short.waf-replay": {"Decide recorded requests again with another web ACL", "記録されたリクエストを別のウェブ ACL で判定し直す"},
	"long.waf-replay": {
		"Reads logs of AWS WAF, access logs of ALBs, CloudFront's logs and HAR archives, and says which requests would newly be blocked or\n" +
			"allowed, and which cannot be decided because the log lacks what a rule looks at. With --deployed (or --against) it reports how often\n" +
			"the evaluator agrees with the logged actions. Exit code 3: something changes, may change, or disagrees.",
		"AWS WAF のログ、ALB と CloudFront のアクセスログ、HAR を読み、新たにブロックまたは許可されるリクエストと、ログに必要な部分がなく\n" +
			"判定できないリクエストを示します。--deployed（または --against）があれば、ログのアクションとの一致も示します。\n" +
			"終了コード 3: 変化、変化の可能性、または不一致がある場合。",
	},
	"short.waf-tune": {"Propose narrow exclusions for likely false positives", "誤検知らしいものに狭い除外を提案する"},
	"long.waf-tune": {
		"Looks in logs of AWS WAF for rule × path × argument that many ordinary clients match, joins the access logs of ALB and CloudFront by\n" +
			"request id to see what the application answered, and proposes exclusions as JSON for AWS, each tried on the same logs: what it spares\n" +
			"and what attacks it would miss. docs/waf.md says who counts as ordinary. Exit code 3: there are proposals.",
		"AWS WAF のログから、多くの通常のクライアントが一致したルール × パス × 引数を探し、ALB と CloudFront のアクセスログをリクエスト ID で突き合わせて\n" +
			"アプリケーションの応答を調べ、AWS 用の JSON で除外を提案します。同じログで試し、救われるものと見逃す攻撃を示します。\n" +
			"通常のクライアントの定義は docs/waf.md にあります。終了コード 3: 提案がある場合。",
	},
	"flag.waf-acl-tune": {"deployed web ACL as JSON, to give whole rules instead of fragments", "配備中のウェブ ACL（JSON）。断片ではなくルール全体を示す"},
	"flag.waf-clients":  {"ordinary clients that must match before something is proposed", "提案に必要な通常のクライアント数"},
	"short.waf-lint":    {"Check web ACLs for rules that do not do what they seem to", "ウェブ ACL の見かけどおりに働かないルールを検査する"},
	"long.waf-lint": {
		"Finds rules that never match, that an earlier rule hides or an override disarms, missing oversize handling, what AWS would refuse, and\n" +
			"more, each with code and position. Exit code 3: something at --level or above.",
		"一致しないルール、前のルールに隠れたルール、上書きで無効になったルール、サイズ超過の扱いの欠落、AWS が拒否するものなどを、コードと位置とともに示します。\n" +
			"終了コード 3: --level 以上の指摘がある場合。",
	},
	"short.waf-diff": {"Say what changed between two web ACLs, and for whom", "2 つのウェブ ACL の違いと、その影響を示す"},
	"long.waf-diff": {
		"Says in words what changed, with the capacity (WCU); with --logs also what it means for recorded requests. Exit code 3: there are changes.",
		"変更点をキャパシティ（WCU）とともに文で示し、--logs があれば記録されたリクエストへの影響も示します。終了コード 3: 変更がある場合。",
	},
	"flag.waf-acl-new":     {"new web ACL and what it refers to: file or directory (repeatable)", "新しいウェブ ACL と参照先のファイルまたはディレクトリ（複数可）"},
	"flag.waf-against":     {"web ACL to compare with, instead of the logged actions (repeatable)", "ログのアクションの代わりに比較するウェブ ACL（複数可）"},
	"flag.waf-deployed":    {"web ACL that decided when the log was written (repeatable; default --against)", "ログが書かれたときのウェブ ACL（複数可、既定は --against）"},
	"flag.waf-examples":    {"requests to keep for each kind of change and rule", "変化とルールごとに残す例の数"},
	"flag.waf-logs":        {"logs: file or directory, or lake for the WAF logs in the lake (repeatable)", "ログのファイルまたはディレクトリ、または lake（レイクの WAF ログ）（複数可）"},
	"flag.waf-fields":      {"fields of CloudFront real-time logs, in order; default all", "CloudFront リアルタイムログのフィールド（順番どおり）。既定はすべて"},
	"flag.waf-level":       {"exit with 3 from this level on: note, warning or error", "終了コード 3 とする最低レベル: note、warning、error"},
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
	"labels": {"labels", "ラベル"}, "why": {"why", "理由"}, "argument": {"argument", "引数"}, "ordinaryClients": {"ordinary clients", "通常のクライアント"},
	"hits": {"hits", "一致"}, "good": {"answered well", "正常応答"}, "spared": {"spared", "救済"}, "missed": {"attacks missed", "見逃し"}, "other": {"other", "その他"}, "by": {"by", "観点"},
	"newlyBlocked": {"newly blocked", "新たにブロック"}, "newlyAllowed": {"newly allowed", "新たに許可"}, "undecidable": {"undecidable", "判定不能"},
	"stoppedOtherwise": {"other action", "別のアクション"}, "stoppedBeforeUnknown": {"before unknown", "以前は不明"},
}
