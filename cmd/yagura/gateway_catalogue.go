package main

// gatewayMessages are what `yagura gateway` says.
var gatewayMessages = map[string]phrase{
	"gateway-no-config": {"--config FILE is missing; docs/ref/gateway.md has an example", "--config FILE を指定してください。例は docs/ref/gateway.md にあります"},
	"gateway-listening": {"listening on %s", "%s で待ち受けています"},
	"gateway-admin":     {"metrics and health: %s", "メトリクスと稼働状態: %s"},
	"gateway-extauthz":  {"Envoy's ext_authz on %s", "Envoy の ext_authz: %s"},
	"gateway-checked":   {"%s is in order", "%s に問題はありません"},
	"gateway-warning":   {"web ACL: %s", "ウェブ ACL: %s"},
}

// gatewayHelp is its help.
var gatewayHelp = map[string]phrase{
	"short.gateway": {"Run a reverse proxy with a web ACL in front of applications", "ウェブ ACL を備えたリバースプロキシを動かす"},
	"long.gateway": {
		"Runs AWS WAF web ACLs and the OWASP Core Rule Set in front of applications, as a reverse proxy for HTTP/1.1, HTTP/2 and HTTP/3, or for Envoy. SIGHUP or a changed file reloads; SIGTERM lets requests end.",
		"AWS WAF のウェブ ACL と OWASP Core Rule Set を、アプリケーションの手前（HTTP/1.1、HTTP/2、HTTP/3 のリバースプロキシ、または Envoy の ext_authz）で動かします。SIGHUP かファイルの変更で設定を読み直し、SIGTERM では処理中のリクエストの終わりを待ちます。",
	},
	"flag.gateway-config": {"configuration of the gateway (YAML)", "ゲートウェイの設定ファイル（YAML）"},
	"flag.gateway-check":  {"only check the configuration and compile the web ACLs", "設定の検査とウェブ ACL のコンパイルだけを行う"},
}
