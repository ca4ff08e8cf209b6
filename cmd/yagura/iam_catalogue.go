package main

import "maps"

// with joins the texts of a group of verbs to the others.
func with(group, rest map[string]phrase) map[string]phrase {
	maps.Copy(rest, group)
	return rest
}

// iamMessages are what the verbs under iam say while they work.
var iamMessages = map[string]phrase{
	"iam-no-actions":      {"no action of the service data passes all of this", "すべての条件に合うアクションはサービスデータにありません"},
	"iam-decide-format":   {"--format csv: decide writes JSON Lines, or --table for people", "--format csv: decide は JSON Lines か --table で出力します"},
	"iam-bad-lines":       {"WARNING: %d lines of %s could not be read and were not decided; each has an error in its place", "警告: %d 行（%s）を読めず、判定していません。該当行にはエラーがあります"},
	"iam-too-big":         {"%s is larger than %d MiB: that is no policy", "%s は %d MiB を超えています。ポリシーではありません"},
	"iam-nothing-to-lint": {"%s: no policy was found, so nothing was checked", "%s: ポリシーが見つからず、何も検査していません"},
	"iam-linted":          {"%d policies checked: %d findings, %d of them at %s or above", "%d 個のポリシーを検査: 指摘 %d 件、うち %d 件が %s 以上"},
}

// iamHelp is what --help says of the verbs under iam.
var iamHelp = map[string]phrase{
	"short.iam":         {"Decide, check and replay IAM policies", "IAM ポリシーを判定・検査・再生する"},
	"long.iam":          {"Decides requests as AWS would, offline and with the reason; docs/iam.md says how.", "AWS と同じ判定をオフラインで行い、理由を示します（docs/iam.md）。"},
	"short.iam-decide":  {"Decide requests", "リクエストを判定する"},
	"short.iam-lint":    {"Check policies for mistakes", "ポリシーの誤りを調べる"},
	"short.iam-actions": {"List actions of the service data", "サービスデータのアクションを一覧する"},
	"short.iam-data":    {"Say where the service data comes from", "サービスデータの出所を表示する"},
	"long.iam-decide": {
		"Reads JSON Lines, one request with its policies a line, and writes one verdict a line; docs/iam.md has the form.\n" +
			"A line that cannot be read gets an error in its place, and the run goes on. --table explains for people.",
		"1 行に 1 つのリクエストとポリシーを JSON Lines で読み、1 行ずつ判定します。形式は docs/iam.md にあります。\n" +
			"読めない行にはエラーを返し、続行します。--table は人向けの説明です。",
	},
	"long.iam-lint": {
		"Checks policies in the manner of IAM Access Analyzer, offline and with its codes. In a folder, files that end in .json and\n" +
			"hold a policy are checked. Exit code 3 says that something was found at --level or above.",
		"IAM Access Analyzer と同じコードでポリシーをオフライン検査します。フォルダーでは .json のポリシーを調べます。\n" +
			"--level 以上の指摘があれば終了コードは 3 です。",
	},
	"long.iam-actions": {
		"Lists actions with access level, resource types, condition keys and the actions they depend on. PATTERN is as in a policy.",
		"アクションをアクセスレベル、リソースタイプ、条件キー、依存アクションとともに表示します。PATTERN はポリシーと同じ書き方です。",
	},
	"long.iam-data": {
		"Says where the table of actions, resource types and condition keys comes from and how old it is. `iam_data` in the\n" +
			"configuration file names a newer one for data, actions and lint.",
		"アクション、リソースタイプ、条件キーの表の出所と日付を表示します。設定ファイルの `iam_data` で data、actions、lint に\n" +
			"新しい表を指定できます。",
	},
	"flag.iam-table":         {"explain for people instead of JSON", "JSON の代わりに人向けの説明を出力する"},
	"flag.iam-access-level":  {"access level: list, read, write, tagging, permissions-management", "アクセスレベル: list、read、write、tagging、permissions-management"},
	"flag.iam-resource-type": {"resource type that the action takes, or none", "アクションが取るリソースタイプ、または none"},
	"flag.iam-key":           {"condition key that the action or its resource types declare", "アクションやリソースタイプが宣言する条件キー"},
	"flag.iam-lint-kind":     {"kind of policy: identity, boundary, session, resource, scp, rcp, endpoint; else told by Principal", "ポリシーの種類: identity、boundary、session、resource、scp、rcp、endpoint（省略時は Principal の有無で判断）"},
	"flag.iam-lint-level":    {"exit code 3 from this level on: error, security_warning, warning, suggestion", "このレベル以上で終了コード 3: error、security_warning、warning、suggestion"},
}

// iamHeads are the headings of tables of the verbs under iam.
var iamHeads = map[string]phrase{
	"action": {"action", "アクション"}, "column": {"column", "列"}, "dependent": {"depends on", "依存"}, "dependentsLicence": {"licence", "ライセンス"},
	"dependentsPackage": {"dependents", "依存の出所"}, "dependentsVersion": {"version", "版"}, "file": {"file", "ファイル"},
	"keys": {"condition keys", "条件キー"}, "level": {"level", "レベル"}, "licence": {"licence", "ライセンス"}, "line": {"line", "行"},
	"message": {"message", "内容"}, "own": {"own", "独自"}, "package": {"package", "パッケージ"}, "path": {"element", "要素"},
	"rcpServices": {"RCP services", "RCP 対応"}, "resourceTypes": {"resource types", "リソースタイプ"}, "resources": {"resources", "リソース"},
	"services": {"services", "サービス"}, "actions": {"actions", "アクション"}, "updated": {"updated", "更新"},
}
