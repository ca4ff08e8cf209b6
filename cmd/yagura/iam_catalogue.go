package main

import "maps"

// with joins texts to those of groups of verbs.
func with(texts map[string]phrase, groups ...map[string]phrase) map[string]phrase {
	for _, g := range groups {
		maps.Copy(texts, g)
	}
	return texts
}

// iamMessages are what the verbs under iam say while they work.
var iamMessages = map[string]phrase{
	"iam-no-actions":        {"no action of the service data passes all of this", "すべての条件に合うアクションはサービスデータにありません"},
	"iam-decide-format":     {"--format csv: decide writes JSON Lines, or --table for people", "--format csv: decide は JSON Lines か --table で出力します"},
	"iam-bad-lines":         {"WARNING: %d lines of %s could not be read and were not decided; each has an error in its place", "警告: %d 行（%s）を読めず、判定していません。該当行にはエラーがあります"},
	"iam-too-big":           {"%s is larger than %d MiB: that is no policy", "%s は %d MiB を超えています。ポリシーではありません"},
	"iam-nothing-to-lint":   {"%s: no policy was found, so nothing was checked", "%s: ポリシーが見つからず、何も検査していません"},
	"iam-linted":            {"%d policies checked: %d findings, %d of them at %s or above", "%d 個のポリシーを検査: 指摘 %d 件、うち %d 件が %s 以上"},
	"iam-comment":           {"%s", "%s"},
	"iam-generate-format":   {"--format csv: a policy is JSON", "--format csv: ポリシーは JSON です"},
	"iam-no-inventory":      {"--inventory is missing: name the output of `aws iam get-account-authorization-details`, with resource policies and the organisation's tree where there are any", "--inventory がありません。`aws iam get-account-authorization-details` の出力を、あればリソースポリシーと組織の構成とともに指定してください"},
	"iam-nobody":            {"nothing is allowed, as far as this inventory tells", "このインベントリの範囲では、許可されるものはありません"},
	"iam-escalated":         {"%d principals can become administrator, %d are; %d cases undecided", "管理者になれるプリンシパル %d、すでに管理者 %d、判断できないもの %d"},
	"iam-break":             {"without %s %d of them cannot", "%s がなければ %d 個は管理者になれません"},
	"iam-diff-no":           {"the new policy allows nothing that the old one did not", "新しいポリシーで新たに許可されるものはありません"},
	"iam-diff-yes":          {"the new policy allows more: %d additions, each with a request that proves it", "新しいポリシーはより多くを許可します: %d 件（それぞれ証拠のリクエストつき）"},
	"iam-diff-unknown":      {"whether the new policy allows more could not be decided", "新しいポリシーがより多くを許可するか判断できませんでした"},
	"iam-open":              {"  open: %s", "  未決: %s"},
	"iam-no-history":        {"the history has no call, so nothing can be said of use", "記録に呼び出しがないため、使用状況は分かりません"},
	"iam-unused-span":       {"measured on %d calls from %s to %s; what is needed less often, and what the trail does not log (data events), looks unused", "%d 件の呼び出し（%s から %s）によります。まれにしか使わないものと、証跡に残らないもの（データイベント）は未使用に見えます"},
	"iam-unused-lost":       {"WARNING: %d records and the rest of %d files could not be read: what they show is missing", "警告: %d レコードと %d ファイルの残りを読めませんでした。その分の使用は含まれません"},
	"iam-damaged":           {"WARNING: %s could not be read to its end: %s", "警告: %s を最後まで読めませんでした: %s"},
	"iam-bad-kind":          {"--kind %q: the kinds of policy are %s", "--kind %q: ポリシーの種類は %s です"},
	"iam-no-proposal":       {"--proposal is missing: name the file with the policy to try", "--proposal がありません。試すポリシーのファイルを指定してください"},
	"iam-scp-allows":        {"the proposal stands beside FullAWSAccess, so its Allow statements give nothing; --replace puts it alone at its level", "提案は FullAWSAccess と並ぶため、Allow は意味を持ちません。単独で置くには --replace を付けてください"},
	"iam-other-files":       {"%d files are no CloudTrail logs and were left out", "%d ファイルは CloudTrail のログではないため読みませんでした"},
	"iam-no-events":         {"%s: no CloudTrail log was found", "%s: CloudTrail のログが見つかりません"},
	"iam-replayed":          {"%d calls newly denied, %d newly allowed, %d unknown, %d not mapped; %d calls decided", "新たに拒否 %d 件、新たに許可 %d 件、不明 %d 件、対応付け不能 %d 件。判定した呼び出し %d 件"},
	"iam-replayed-of":       {"%d records, %d more unreadable, %d seen in another account's log, %d no calls or without permission, %d not bound by the policy; %d different requests", "レコード %d 件、ほかに読めないもの %d 件、別アカウントのログと重複 %d 件、呼び出しでない・権限不要 %d 件、ポリシーの対象外 %d 件。異なるリクエスト %d 件"},
	"iam-replayed-outside":  {"%d calls of principals that the inventory does not hold: what was recorded stands in for their policies", "インベントリーにないプリンシパルの呼び出し %d 件。記録された結果を現行ポリシーの代わりとしています"},
	"iam-current-inventory": {"--current and --inventory exclude each other: the inventory holds today's policies", "--current と --inventory は併用できません。インベントリーが現行ポリシーを持ちます"},
	"iam-agreement-mapping": {"refusals on record against the mapping: %d the same, %d within it, %d different", "記録された拒否と対応付け: 一致 %d 件、範囲内 %d 件、相違 %d 件"},
	"iam-agreement":         {"today's policy by the engine against what AWS did: %d agree, %d differ, %d unknown", "現行ポリシーの判定と AWS の結果: 一致 %d 件、相違 %d 件、不明 %d 件"},
	"iam-left-out":          {"WARNING: %d requests belong to groups for which there was no room", "警告: %d 件のリクエストは、入りきらないグループのものです"},
	"section.iam-unmapped":  {"NOT MAPPED", "対応付けできないもの"},
	"progress.iam-events":   {"replay", "再生"},
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
	"short.iam-replay": {"Decide recorded calls again under a proposed policy", "記録された呼び出しを提案ポリシーで判定し直す"},
	"long.iam-replay": {
		"Turns recorded CloudTrail calls into requests and decides them under a policy that is to come: what would newly be denied or\n" +
			"allowed, by principal, action and statement; what is unknown and for want of what; what could not be mapped. History stands\n" +
			"for all other policies, or --inventory gives them as they are today: docs/iam.md says what that means. Exit code 3 says that\n" +
			"something would change or is unknown.",
		"記録された CloudTrail の呼び出しをリクエストに直し、提案ポリシーで判定します。新たに拒否・許可されるもの（プリンシパル、\n" +
			"アクション、ステートメント別）、不明なものと足りない情報、対応付けできないものを示します。ほかのポリシーの結果は記録に\n" +
			"従うか、--inventory の現行ポリシーで判定します（docs/iam.md）。変化や不明があれば終了コードは 3 です。",
	},
	"short.iam-generate": {"Write the policy that a principal's recorded calls need", "記録された呼び出しに必要なポリシーを書く"},
	"long.iam-generate": {
		"Writes the least policy that allows what a role or user did, by its ARN or name, with the resources that it used. Ten and\n" +
			"more of one parent become a wildcard. What the history cannot show is said beside the policy: on standard error, or with\n" +
			"--format json in `comments`.",
		"ロールやユーザー（ARN か名前）が実際に行ったことだけを許可するポリシーを、使ったリソースとともに書きます。同じ親の下の\n" +
			"10 個以上はワイルドカードになります。記録から分からないことは標準エラー出力に、--format json では `comments` に示します。",
	},
	"short.iam-who-can": {"List who may call an action on a resource", "アクションを実行できるプリンシパルを一覧する"},
	"long.iam-who-can": {
		"Lists every principal that may call ACTION on RESOURCE, with the condition under which. Both may be patterns.",
		"RESOURCE に対して ACTION を実行できるプリンシパルを、条件とともに表示します。どちらもパターンで書けます。",
	},
	"short.iam-can": {"List what a principal may do", "プリンシパルができることを一覧する"},
	"long.iam-can": {
		"Lists all that a user or role of the inventory may do, by its ARN or name, with conditions.",
		"インベントリのユーザーやロール（ARN か名前）ができることを、条件とともに表示します。",
	},
	"short.iam-public": {"List ways into resources from outside", "外部からリソースへの入口を一覧する"},
	"long.iam-public": {
		"Lists what is reachable from outside its account: by anyone, another organisation or account, an identity provider, or an AWS\n" +
			"service that acts for anyone. Each comes with a request that the engine allows. Exit code 3 says that something was found.",
		"アカウントの外（誰でも、別組織・別アカウント、ID プロバイダー、誰の代わりにも動く AWS サービス）から届くものを、判定エンジンが\n" +
			"許可するリクエストとともに表示します。見つかれば終了コードは 3 です。",
	},
	"short.iam-escalate": {"Find how principals become administrators", "権限昇格の経路を探す"},
	"long.iam-escalate": {
		"Finds the shortest path of each principal to administrator, the statements that allow each step, and which single statement\n" +
			"would break most paths. Exit code 3 says that there are paths, or cases that could not be decided.",
		"各プリンシパルが管理者に至る最短経路、各手順を許すステートメント、取り除けば最も多くの経路が断たれるステートメントを示します。\n" +
			"経路や判断できないものがあれば終了コードは 3 です。",
	},
	"short.iam-diff": {"Say whether a new policy allows more than the old", "新しいポリシーがより多くを許可するか調べる"},
	"long.iam-diff": {
		"Says whether NEW allows anything that OLD did not, with a request that proves each addition. Exit code 0 is a proven no; 3 is\n" +
			"yes, or that it could not be decided. Made for pull requests.",
		"NEW が OLD より多くを許可するかを、証拠のリクエストとともに示します。終了コード 0 は「許可しない」ことの証明、3 は許可する、\n" +
			"または判断できないことを表します。プルリクエストの検査に使えます。",
	},
	"flag.iam-replay-inventory": {"today's policies: files and folders as for iam can; calls of the principals in them are decided today and under the proposal", "現行ポリシー。iam can と同じ形のファイルやフォルダー。含まれるプリンシパルの呼び出しは現行と提案の両方で判定"},
	"flag.iam-inventory":        {"files and folders with authorization details, resource policies, AWS Config items, the organisation's tree", "アカウントの認可情報、リソースポリシー、AWS Config の項目、組織の構成のファイルやフォルダー"},
	"short.iam-unused":          {"List principals, services and actions that are not used", "使われていないプリンシパル、サービス、アクションを一覧する"},
	"long.iam-unused": {
		"Holds what users and roles of the inventory may do against what they did: principals without a call, services they may use and\n" +
			"did not, actions they may call and did not (in JSON and CSV). Access keys are not in the inventory's form and are not judged.\n" +
			"Exit code 3 says that something is unused.",
		"インベントリのユーザーとロールについて、許可されていることと実際の使用を比べます: 呼び出しのないプリンシパル、使っていない\n" +
			"サービス、使っていないアクション（JSON と CSV）。アクセスキーはインベントリに含まれないため判断しません。\n" +
			"未使用があれば終了コードは 3 です。",
	},
	"flag.iam-events":        {"file or folder with CloudTrail logs, or lake", "CloudTrail のログのファイルかフォルダー、または lake"},
	"flag.iam-proposal":      {"file with the policy to try", "試すポリシーのファイル"},
	"flag.iam-current":       {"file with the policy as it is today, to compare with", "比較する現行ポリシーのファイル"},
	"flag.iam-kind":          {"kind of policy: identity, boundary, session, resource, scp, rcp, endpoint", "ポリシーの種類: identity、boundary、session、resource、scp、rcp、endpoint"},
	"flag.iam-attach":        {"what it binds: accounts (scp, rcp), ARNs of principals (identity, boundary, session) or resources (resource), VPC endpoints; with * and ?; default everything", "対象: アカウント（scp、rcp）、プリンシパルの ARN（identity、boundary、session）、リソースの ARN（resource）、VPC エンドポイント。* と ? が使え、省略時はすべて"},
	"flag.iam-replace":       {"the SCP stands alone at its level, without FullAWSAccess", "SCP を FullAWSAccess なしの単独で置く"},
	"flag.iam-table":         {"explain for people instead of JSON", "JSON の代わりに人向けの説明を出力する"},
	"flag.iam-access-level":  {"access level: list, read, write, tagging, permissions-management", "アクセスレベル: list、read、write、tagging、permissions-management"},
	"flag.iam-resource-type": {"resource type that the action takes, or none", "アクションが取るリソースタイプ、または none"},
	"flag.iam-key":           {"condition key that the action or its resource types declare", "アクションやリソースタイプが宣言する条件キー"},
	"flag.iam-lint-kind":     {"kind of policy: identity, boundary, session, resource, scp, rcp, endpoint; else told by Principal", "ポリシーの種類: identity、boundary、session、resource、scp、rcp、endpoint（省略時は Principal の有無で判断）"},
	"flag.iam-lint-level":    {"exit code 3 from this level on: error, security_warning, warning, suggestion", "このレベル以上で終了コード 3: error、security_warning、warning、suggestion"},
}

// iamHeads are the headings of tables of the verbs under iam.
var iamHeads = map[string]phrase{
	"assumes": {"assumes", "前提"}, "by": {"allowed by", "許可元"}, "condition": {"condition", "条件"}, "decision": {"decision", "判定"},
	"from": {"from", "起点"}, "method": {"method", "手口"}, "step": {"step", "手順"}, "to": {"to", "到達点"}, "witness": {"witness", "証拠"},
	"calls": {"calls", "呼び出し"}, "granted": {"may call", "許可数"}, "rest": {"unused actions", "未使用アクション"},
	"change": {"change", "変化"}, "examples": {"example", "例"}, "operation": {"operation", "操作"}, "principal": {"principal", "プリンシパル"},
	"sentence": {"sentence", "説明"}, "statement": {"decided by", "決め手"},
	"action": {"action", "アクション"}, "column": {"column", "列"}, "dependent": {"depends on", "依存"}, "dependentsLicence": {"licence", "ライセンス"},
	"dependentsPackage": {"dependents", "依存の出所"}, "dependentsVersion": {"version", "版"}, "file": {"file", "ファイル"},
	"keys": {"condition keys", "条件キー"}, "level": {"level", "レベル"}, "licence": {"licence", "ライセンス"}, "line": {"line", "行"},
	"message": {"message", "内容"}, "own": {"own", "独自"}, "package": {"package", "パッケージ"}, "path": {"element", "要素"},
	"rcpServices": {"RCP services", "RCP 対応"}, "resourceTypes": {"resource types", "リソースタイプ"}, "resources": {"resources", "リソース"},
	"services": {"services", "サービス"}, "actions": {"actions", "アクション"}, "updated": {"updated", "更新"},
}
