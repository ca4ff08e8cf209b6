package waf

import (
	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
)

// Lists of our own, in the language of web ACLs. AWS documents a few examples of
// each and keeps the rest to itself.
const (
	badBots = `(?i)nessus|nmap|nikto|sqlmap|masscan|zgrab|acunetix|netsparker|openvas|wpscan|dirbuster|gobuster|feroxbuster|` +
		`ffuf|nuclei|w3af|havij|arachni|jaeles|hydra|metasploit|commix|fimap|skipfish|whatweb|joomscan|morfeus|zmeu|brutus`
	restricted = `(?i)\.(?:log|ini|bak|backup|old|orig|swp|sql|sqlite|mdb|conf|config|cfg|env|key|pem|pfx|p12|htaccess|htpasswd|` +
		`dll|lnk|cmd|bat|ps1|pwd|dump|rdb|tfstate|inc)$`
	remoteFile = `(?i)(?:https?|ftps?|file)://\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}`
	adminPaths = `(?i)^/+(?:admin|administrator|administration|manager|manage|sqlmanager|sqladmin|mysqladmin|phpmyadmin\d*|phppgadmin|pma|` +
		`myadmin|adminer(?:\.php)?|dbadmin|webadmin|wp-admin|cpanel|webmin|jmx-console|web-console|admin-console|host-manager|server-status|` +
		`server-info|actuator|console|solr|_cat|jenkins/script)(?:/|$)`
	exploitable = `(?i)/web-inf(?:/|$)|/meta-inf(?:/|$)|/\.git(?:/|$)|/\.svn(?:/|$)|/\.hg(?:/|$)|/\.env(?:\.|$)|/\.aws/|/\.ssh/|/\.ds_store$|` +
		`/cgi-bin/(?:\.|%2e|test-cgi|php)|/vendor/phpunit/|/boaform/|/hnap1|/_ignition/execute-solution|/wls-wsat/|/autodiscover/autodiscover\.json|` +
		`/owa/auth/x\.js|/solr/admin/|/struts2-showcase|/invoker/jmxinvokerservlet|/setup\.cgi|/gponform/|/manager/html|/phpinfo\.php|` +
		`/druid/indexer/v1/sampler|/geoserver/wfs|/remote/fgt_lang|/dana-na/|/tmui/login\.jsp|/securerealm/|/goform/`
	wordPressCommands = `(?i)do-reset-wordpress|(?:^|&)(?:author=\d+|action=(?:revslider_|wp_ajax_nopriv_|duplicator_download|kbslider_))|` +
		`swp_url=|wp_lang=\.\.|(?:^|&)cpmvc_`
	wordPressPaths = `(?i)/xmlrpc\.php$|/wp-config\.php|/wp-admin/install\.php|/wp-admin/setup-config\.php|/wp-content/debug\.log|` +
		`/wp-json/wp/v2/users|/wp-content/uploads/[^?]*\.php|/wp-includes/[^?]*\.php$|/readme\.html$|/timthumb\.php`
	jndi = `(?i)\$\{\s*jndi\s*:|\$\{\s*\$\{|\$\{(?:lower|upper|env|sys|base64|::-):[^}]{0,60}\}`

	httpLibraries = `(?i)^(?:curl|wget|python-requests|python-urllib|aiohttp|httpx|go-http-client|okhttp|java|apache-httpclient|libwww-perl|` +
		`lwp|guzzlehttp|axios|node-fetch|undici|got |ruby|faraday|http\.rb|php|postmanruntime|insomnia|reqwest|dart|restsharp|winhttp)`
	scrapers = `(?i)scrapy|colly|puppeteer|playwright|phantomjs|slimerjs|headlesschrome|httrack|webcopier|grabber|heritrix`
	seo      = `(?i)ahrefsbot|semrushbot|mj12bot|dotbot|rogerbot|serpstat|sistrix|blexbot|seokicks|screaming frog|linkdex|dataforseo`
	ai       = `(?i)gptbot|chatgpt-user|oai-searchbot|claudebot|claude-user|claude-web|anthropic-ai|ccbot|perplexitybot|bytespider|amazonbot|` +
		`google-extended|meta-externalagent|cohere-ai|diffbot|youbot`
	monitors = `(?i)pingdom|uptimerobot|statuscake|site24x7|newrelicpinger|datadog|betteruptime|uptime-kuma|checkly|hetrixtools`
	social   = `(?i)facebookexternalhit|twitterbot|linkedinbot|pinterest|slackbot|discordbot|telegrambot|whatsapp|redditbot`
	security = badBots + `|censysinspect|expanse|shodan|internetmeasurement|qualys|detectify|projectdiscovery`
)

// botControl serves the common level by user agents alone: nothing here verifies
// a bot's address, so categories that AWS lets pass when verified are not served.
var botControl = slotGroup{
	name: "AWSManagedRulesBotControlRuleSet", prefix: "awswaf:managed:aws:bot-control:", wcu: 50, tokens: true, rules: []slotRule{
		{name: "CategoryAdvertising", label: "bot:category:advertising"},
		{name: "CategoryArchiver", label: "bot:category:archiver"},
		{name: "CategoryContentFetcher", label: "bot:category:content_fetcher"},
		{name: "CategoryEmailClient", label: "bot:category:email_client"},
		{name: "CategoryHttpLibrary", label: "bot:category:http_library", native: userAgent(httpLibraries)},
		{name: "CategoryLinkChecker", label: "bot:category:link_checker"},
		{name: "CategoryMiscellaneous", label: "bot:category:miscellaneous"},
		{name: "CategoryMonitoring", label: "bot:category:monitoring", native: userAgent(monitors)},
		{name: "CategoryPagePreview", label: "bot:category:page_preview"},
		{name: "CategoryScrapingFramework", label: "bot:category:scraping_framework", native: userAgent(scrapers)},
		{name: "CategorySearchEngine", label: "bot:category:search_engine"},
		{name: "CategorySecurity", label: "bot:category:security", native: userAgent(security)},
		{name: "CategorySeo", label: "bot:category:seo", native: userAgent(seo)},
		{name: "CategorySocialMedia", label: "bot:category:social_media", native: userAgent(social)},
		{name: "CategoryWebhooks", label: "bot:category:webhooks"},
		{name: "CategoryAI", label: "bot:category:ai", native: userAgent(ai)},
		{name: "SignalAutomatedBrowser", label: "signal:automated_browser"},
		{name: "SignalKnownBotDataCenter", label: "signal:known_bot_data_center", list: true},
		{name: "SignalNonBrowserUserAgent", label: "signal:non_browser_user_agent", native: nonBrowser},
		{name: "TGT_VolumetricIpTokenAbsent", label: "targeted:aggregate:volumetric:ip:token_absent", action: yagura.Challenge},
		{name: "TGT_TokenAbsent", label: "TGT_TokenAbsent", action: yagura.Count},
		{name: "TGT_VolumetricSession", label: "targeted:aggregate:volumetric:session:high", action: yagura.Captcha},
		{name: "TGT_VolumetricSessionMaximum", label: "targeted:aggregate:volumetric:session:maximum"},
		{name: "TGT_SignalAutomatedBrowser", label: "targeted:signal:automated_browser", action: yagura.Captcha},
		{name: "TGT_SignalBrowserAutomationExtension", label: "targeted:signal:browser_automation_extension", action: yagura.Captcha},
		{name: "TGT_SignalBrowserInconsistency", label: "targeted:signal:browser_inconsistency", action: yagura.Captcha},
		{name: "TGT_ML_CoordinatedActivityLow", label: "targeted:aggregate:coordinated_activity:low", action: yagura.Count},
		{name: "TGT_ML_CoordinatedActivityMedium", label: "targeted:aggregate:coordinated_activity:medium", action: yagura.Captcha},
		{name: "TGT_ML_CoordinatedActivityHigh", label: "targeted:aggregate:coordinated_activity:high", action: yagura.Captcha},
		{name: "TGT_TokenReuseIpLow", label: "targeted:aggregate:volumetric:session:token_reuse:ip:low", action: yagura.Count},
		{name: "TGT_TokenReuseIpMedium", label: "targeted:aggregate:volumetric:session:token_reuse:ip:medium", action: yagura.Count},
		{name: "TGT_TokenReuseIpHigh", label: "targeted:aggregate:volumetric:session:token_reuse:ip:high", action: yagura.Count},
		{name: "TGT_TokenReuseCountryLow", label: "targeted:aggregate:volumetric:session:token_reuse:country:low", action: yagura.Count},
		{name: "TGT_TokenReuseCountryMedium", label: "targeted:aggregate:volumetric:session:token_reuse:country:medium", action: yagura.Count},
		{name: "TGT_TokenReuseCountryHigh", label: "targeted:aggregate:volumetric:session:token_reuse:country:high", action: yagura.Count},
		{name: "TGT_TokenReuseAsnLow", label: "targeted:aggregate:volumetric:session:token_reuse:asn:low", action: yagura.Count},
		{name: "TGT_TokenReuseAsnMedium", label: "targeted:aggregate:volumetric:session:token_reuse:asn:medium", action: yagura.Count},
		{name: "TGT_TokenReuseAsnHigh", label: "targeted:aggregate:volumetric:session:token_reuse:asn:high", action: yagura.Count},
	},
}

// fieldOf gives a field with the oversize handling of AWS's groups, CONTINUE.
func fieldOf(kind, name string) *acl.Field {
	f := &acl.Field{Kind: kind, Name: name}
	switch kind {
	case "Headers", "Cookies":
		f.Scope, f.Oversize = "VALUE", "CONTINUE"
	case "Body":
		f.Oversize = "CONTINUE"
	}
	return f
}

// like holds if a field, URL-decoded, matches a pattern.
func like(kind, pattern string) func() *acl.Statement {
	return func() *acl.Statement {
		return &acl.Statement{Kind: "RegexMatch", Field: fieldOf(kind, ""), Transforms: []string{"URL_DECODE_UNI"}, Regex: pattern}
	}
}

func userAgent(pattern string) func() *acl.Statement {
	return func() *acl.Statement {
		return &acl.Statement{Kind: "RegexMatch", Field: fieldOf("SingleHeader", "user-agent"), Transforms: []string{"NONE"}, Regex: pattern}
	}
}

// none holds if the header user-agent is not there or does not match.
func none(pattern string) *acl.Statement {
	return &acl.Statement{Kind: "Not", Parts: []*acl.Statement{userAgent(pattern)()}}
}

func noUserAgent() *acl.Statement { return none(`(?s).`) }

// nonBrowser holds for agents that no browser sends: all browsers begin so.
func nonBrowser() *acl.Statement { return none(`^(?:Mozilla|Opera)/`) }

func larger(kind, name string, size int64) func() *acl.Statement {
	return func() *acl.Statement {
		return &acl.Statement{Kind: "SizeConstraint", Field: fieldOf(kind, name), Transforms: []string{"NONE"}, Compare: "GT", Size: size}
	}
}

// largeBody holds for bodies over 8 KiB, also where no more than that is inspected.
func largeBody() *acl.Statement {
	s := larger("Body", "", 8192)()
	s.Field.Oversize = "MATCH"
	return s
}

func metadata(kind string) func() *acl.Statement {
	return like(kind, `(?i)169\.254\.169\.254|\[?fd00:ec2::254\]?|instance-data\.ec2\.internal|2852039166|0xa9fea9fe|0251\.0376\.0251\.0376`)
}

func script(kind string) func() *acl.Statement {
	return func() *acl.Statement {
		return &acl.Statement{Kind: "XssMatch", Field: fieldOf(kind, ""), Transforms: []string{"URL_DECODE_UNI", "HTML_ENTITY_DECODE"}}
	}
}

func sql(kind string) func() *acl.Statement {
	return func() *acl.Statement {
		return &acl.Statement{Kind: "SqliMatch", Field: fieldOf(kind, ""), Transforms: []string{"URL_DECODE_UNI"}}
	}
}

func lookup(kind string) func() *acl.Statement {
	return func() *acl.Statement {
		s := like(kind, jndi)()
		s.Transforms = []string{"URL_DECODE_UNI", "URL_DECODE_UNI"}
		return s
	}
}

func propfind() *acl.Statement {
	return &acl.Statement{Kind: "ByteMatch", Field: fieldOf("Method", ""), Transforms: []string{"UPPERCASE"}, Search: []byte("PROPFIND"), Position: "EXACTLY"}
}

// localhost takes the host with or without a port.
func localhost() *acl.Statement {
	return &acl.Statement{
		Kind: "RegexMatch", Field: fieldOf("SingleHeader", "host"), Transforms: []string{"NONE"},
		Regex: `(?i)^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$`,
	}
}
