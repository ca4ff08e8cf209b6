package waf

import (
	"github.com/yagura-sec/yagura"
)

// The names, labels and actions are AWS's
// (https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html);
// the content is ours: sizes, methods and hosts as the documentation states them,
// lists of paths and agents of our own, and CRS for attack patterns.

var (
	lfi   = [][2]int{{930000, 930999}}
	rfi   = [][2]int{{931000, 931999}}
	rce   = [][2]int{{932000, 932999}}
	php   = [][2]int{{933000, 933999}}
	ssrf  = [][2]int{{934110, 934120}, {934190, 934190}}
	node  = [][2]int{{934100, 934109}, {934130, 934169}}
	xss   = [][2]int{{941000, 941999}}
	sqli  = [][2]int{{942000, 942999}}
	java  = [][2]int{{944100, 944149}, {944153, 944999}}
	log4j = [][2]int{{944150, 944152}}
	// extensions is CRS's rule of restricted extensions.
	extensions = [][2]int{{920440, 920440}}
)

// slotGroups are the managed rule groups in the order of AWS's documentation.
var slotGroups = []slotGroup{
	{name: "AWSManagedRulesCommonRuleSet", prefix: "awswaf:managed:aws:core-rule-set:", wcu: 700, rules: []slotRule{
		{name: "NoUserAgent_HEADER", label: "NoUserAgent_Header", native: noUserAgent},
		{name: "UserAgent_BadBots_HEADER", label: "BadBots_Header", native: userAgent(badBots)},
		{name: "SizeRestrictions_QUERYSTRING", label: "SizeRestrictions_QueryString", native: larger("QueryString", "", 2048)},
		{name: "SizeRestrictions_Cookie_HEADER", label: "SizeRestrictions_Cookie_Header", native: larger("SingleHeader", "cookie", 10240)},
		{name: "SizeRestrictions_BODY", label: "SizeRestrictions_Body", native: largeBody},
		{name: "SizeRestrictions_URIPATH", label: "SizeRestrictions_URIPath", native: larger("UriPath", "", 1024)},
		{name: "EC2MetaDataSSRF_BODY", label: "EC2MetaDataSSRF_Body", native: metadata("Body"), crs: ssrf, field: "BODY"},
		{name: "EC2MetaDataSSRF_COOKIE", label: "EC2MetaDataSSRF_Cookie", native: metadata("Cookies"), crs: ssrf, field: "COOKIE"},
		{name: "EC2MetaDataSSRF_URIPATH", label: "EC2MetaDataSSRF_URIPath", native: metadata("UriPath"), crs: ssrf, field: "URIPATH"},
		{name: "EC2MetaDataSSRF_QUERYARGUMENTS", label: "EC2MetaDataSSRF_QueryArguments", native: metadata("AllQueryArguments"), crs: ssrf, field: "QUERYARGUMENTS"},
		{name: "GenericLFI_QUERYARGUMENTS", label: "GenericLFI_QueryArguments", crs: lfi, field: "QUERYARGUMENTS"},
		{name: "GenericLFI_URIPATH", label: "GenericLFI_URIPath", crs: lfi, field: "URIPATH"},
		{name: "GenericLFI_BODY", label: "GenericLFI_Body", crs: lfi, field: "BODY"},
		{name: "RestrictedExtensions_URIPATH", label: "RestrictedExtensions_URIPath", native: like("UriPath", restricted), crs: extensions, field: "URIPATH"},
		{name: "RestrictedExtensions_QUERYARGUMENTS", label: "RestrictedExtensions_QueryArguments", native: like("AllQueryArguments", restricted)},
		{name: "GenericRFI_QUERYARGUMENTS", label: "GenericRFI_QueryArguments", native: like("AllQueryArguments", remoteFile), crs: rfi, field: "QUERYARGUMENTS"},
		{name: "GenericRFI_BODY", label: "GenericRFI_Body", native: like("Body", remoteFile), crs: rfi, field: "BODY"},
		{name: "GenericRFI_URIPATH", label: "GenericRFI_URIPath", native: like("UriPath", remoteFile), crs: rfi, field: "URIPATH"},
		{name: "CrossSiteScripting_COOKIE", label: "CrossSiteScripting_Cookie", native: script("Cookies"), what: "libinjection", crs: xss, field: "COOKIE"},
		{name: "CrossSiteScripting_QUERYARGUMENTS", label: "CrossSiteScripting_QueryArguments", native: script("AllQueryArguments"), what: "libinjection", crs: xss, field: "QUERYARGUMENTS"},
		{name: "CrossSiteScripting_BODY", label: "CrossSiteScripting_Body", native: script("Body"), what: "libinjection", crs: xss, field: "BODY"},
		{name: "CrossSiteScripting_URIPATH", label: "CrossSiteScripting_URIPath", native: script("UriPath"), what: "libinjection", crs: xss, field: "URIPATH"},
	}},
	{name: "AWSManagedRulesAdminProtectionRuleSet", prefix: "awswaf:managed:aws:admin-protection:", wcu: 100, rules: []slotRule{
		{name: "AdminProtection_URIPATH", label: "AdminProtection_URIPath", native: like("UriPath", adminPaths)},
	}},
	{name: "AWSManagedRulesKnownBadInputsRuleSet", prefix: "awswaf:managed:aws:known-bad-inputs:", wcu: 200, rules: []slotRule{
		{name: "JavaDeserializationRCE_HEADER", label: "JavaDeserializationRCE_Header", crs: java, field: "HEADER"},
		{name: "JavaDeserializationRCE_BODY", label: "JavaDeserializationRCE_Body", crs: java, field: "BODY"},
		{name: "JavaDeserializationRCE_URIPATH", label: "JavaDeserializationRCE_URIPath", crs: java, field: "URIPATH"},
		{name: "JavaDeserializationRCE_QUERYSTRING", label: "JavaDeserializationRCE_QueryString", crs: java, field: "QUERYSTRING"},
		{name: "Host_localhost_HEADER", label: "Host_Localhost_Header", native: localhost},
		{name: "PROPFIND_METHOD", label: "Propfind_Method", native: propfind},
		{name: "ExploitablePaths_URIPATH", label: "ExploitablePaths_URIPath", native: like("UriPath", exploitable)},
		{name: "Log4JRCE_HEADER", label: "Log4JRCE_Header", native: lookup("Headers"), crs: log4j, field: "HEADER"},
		{name: "Log4JRCE_QUERYSTRING", label: "Log4JRCE_QueryString", native: lookup("QueryString"), crs: log4j, field: "QUERYSTRING"},
		{name: "Log4JRCE_BODY", label: "Log4JRCE_Body", native: lookup("Body"), crs: log4j, field: "BODY"},
		{name: "Log4JRCE_URIPATH", label: "Log4JRCE_URIPath", native: lookup("UriPath"), crs: log4j, field: "URIPATH"},
		{name: "ReactJSRCE_BODY", label: "ReactJSRCE_Body", crs: node, field: "BODY"},
	}},
	{name: "AWSManagedRulesSQLiRuleSet", prefix: "awswaf:managed:aws:sql-database:", wcu: 200, rules: []slotRule{
		{name: "SQLi_QUERYARGUMENTS", label: "SQLi_QueryArguments", native: sql("AllQueryArguments"), what: "libinjection"},
		{name: "SQLiExtendedPatterns_QUERYARGUMENTS", label: "SQLiExtendedPatterns_QueryArguments", crs: sqli, field: "QUERYARGUMENTS"},
		{name: "SQLi_BODY", label: "SQLi_Body", native: sql("Body"), what: "libinjection"},
		{name: "SQLiExtendedPatterns_BODY", label: "SQLiExtendedPatterns_Body", crs: sqli, field: "BODY"},
		{name: "SQLiExtendedPatterns_HEADER", label: "SQLiExtendedPatterns_Header", crs: sqli, field: "HEADER"},
		{name: "SQLiExtendedPatterns_URIPATH", label: "SQLiExtendedPatterns_UriPath", crs: sqli, field: "URIPATH"},
		{name: "SQLi_COOKIE", label: "SQLi_Cookie", native: sql("Cookies"), what: "libinjection"},
		{name: "SQLi_URIPATH", label: "SQLi_URIPath", native: sql("UriPath"), what: "libinjection"},
	}},
	{name: "AWSManagedRulesLinuxRuleSet", prefix: "awswaf:managed:aws:linux-os:", wcu: 200, rules: []slotRule{
		{name: "LFI_URIPATH", label: "LFI_URIPath", crs: lfi, field: "URIPATH"},
		{name: "LFI_QUERYSTRING", label: "LFI_QueryString", crs: lfi, field: "QUERYSTRING"},
		{name: "LFI_HEADER", label: "LFI_Header", crs: lfi, field: "HEADER"},
	}},
	{name: "AWSManagedRulesUnixRuleSet", prefix: "awswaf:managed:aws:posix-os:", wcu: 100, rules: []slotRule{
		{name: "UNIXShellCommandsVariables_QUERYSTRING", label: "UNIXShellCommandsVariables_QueryString", crs: rce, field: "QUERYSTRING"},
		{name: "UNIXShellCommandsVariables_BODY", label: "UNIXShellCommandsVariables_Body", crs: rce, field: "BODY"},
		{name: "UNIXShellCommandsVariables_HEADER", label: "UNIXShellCommandsVariables_Header", crs: rce, field: "HEADER"},
	}},
	{name: "AWSManagedRulesWindowsRuleSet", prefix: "awswaf:managed:aws:windows-os:", wcu: 200, rules: []slotRule{
		{name: "WindowsShellCommands_COOKIE", label: "WindowsShellCommands_Cookie", crs: rce, field: "COOKIE"},
		{name: "WindowsShellCommands_QUERYARGUMENTS", label: "WindowsShellCommands_QueryArguments", crs: rce, field: "QUERYARGUMENTS"},
		{name: "WindowsShellCommands_BODY", label: "WindowsShellCommands_Body", crs: rce, field: "BODY"},
		{name: "PowerShellCommands_COOKIE", label: "PowerShellCommands_Cookie", crs: rce, field: "COOKIE"},
		{name: "PowerShellCommands_QUERYARGUMENTS", label: "PowerShellCommands_QueryArguments", crs: rce, field: "QUERYARGUMENTS"},
		{name: "PowerShellCommands_BODY", label: "PowerShellCommands_Body", crs: rce, field: "BODY"},
	}},
	{name: "AWSManagedRulesPHPRuleSet", prefix: "awswaf:managed:aws:php-app:", wcu: 100, rules: []slotRule{
		{name: "PHPHighRiskMethodsVariables_HEADER", label: "PHPHighRiskMethodsVariables_Header", crs: php, field: "HEADER"},
		{name: "PHPHighRiskMethodsVariables_QUERYSTRING", label: "PHPHighRiskMethodsVariables_QueryString", crs: php, field: "QUERYSTRING"},
		{name: "PHPHighRiskMethodsVariables_BODY", label: "PHPHighRiskMethodsVariables_Body", crs: php, field: "BODY"},
		{name: "PHPHighRiskMethodsVariables_URIPATH", label: "PHPHighRiskMethodsVariables_URIPath", crs: php, field: "URIPATH"},
	}},
	{name: "AWSManagedRulesWordPressRuleSet", prefix: "awswaf:managed:aws:wordpress-app:", wcu: 100, rules: []slotRule{
		{name: "WordPressExploitableCommands_QUERYSTRING", label: "WordPressExploitableCommands_QUERYSTRING", native: like("QueryString", wordPressCommands)},
		{name: "WordPressExploitablePaths_URIPATH", label: "WordPressExploitablePaths_URIPATH", native: like("UriPath", wordPressPaths)},
	}},
	{name: "AWSManagedRulesAmazonIpReputationList", prefix: "awswaf:managed:aws:amazon-ip-list:", wcu: 25, rules: []slotRule{
		{name: "AWSManagedIPReputationList", label: "AWSManagedIPReputationList", list: true},
		{name: "AWSManagedReconnaissanceList", label: "AWSManagedReconnaissanceList", list: true},
		{name: "AWSManagedIPDDoSList", label: "AWSManagedIPDDoSList", action: yagura.Count, list: true},
	}},
	{name: "AWSManagedRulesAnonymousIpList", prefix: "awswaf:managed:aws:anonymous-ip-list:", wcu: 50, rules: []slotRule{
		{name: "AnonymousIPList", label: "AnonymousIPList", list: true},
		{name: "HostingProviderIPList", label: "HostingProviderIPList", list: true},
	}},
	botControl,
	{name: "AWSManagedRulesATPRuleSet", prefix: "awswaf:managed:aws:atp:", wcu: 50, tokens: true, rules: plainSlots("UnsupportedCognitoIDP", "VolumetricIpHigh", "VolumetricSession",
		"AttributeCompromisedCredentials", "AttributeUsernameTraversal", "AttributePasswordTraversal", "AttributeLongSession", "TokenRejected",
		"SignalMissingCredential", "VolumetricIpFailedLoginResponseHigh", "VolumetricSessionFailedLoginResponseHigh")},
	{name: "AWSManagedRulesACFPRuleSet", prefix: "awswaf:managed:aws:acfp:", wcu: 50, tokens: true, rules: plainSlots("UnsupportedCognitoIDP", "AllRequests", "RiskScoreHigh",
		"SignalCredentialCompromised", "SignalClientHumanInteractivityAbsentLow", "AutomatedBrowser", "BrowserInconsistency", "VolumetricIpHigh",
		"VolumetricSessionHigh", "AttributeUsernameTraversalHigh", "VolumetricPhoneNumberHigh", "VolumetricAddressHigh", "VolumetricAddressLow",
		"VolumetricIPSuccessfulResponse", "VolumetricSessionSuccessfulResponse", "VolumetricSessionTokenReuseIp")},
	{name: "AWSManagedRulesAntiDDoSRuleSet", prefix: "awswaf:managed:aws:anti-ddos:", wcu: 50, tokens: true, rules: []slotRule{
		{name: "ChallengeAllDuringEvent", label: "ChallengeAllDuringEvent", action: yagura.Challenge},
		{name: "ChallengeDDoSRequests", label: "ChallengeDDoSRequests", action: yagura.Challenge},
		{name: "DDoSRequests", label: "DDoSRequests"},
	}},
}

// plainSlots are rules that nothing serves, whose labels have their names.
func plainSlots(names ...string) (rules []slotRule) {
	for _, name := range names {
		r := slotRule{name: name, label: name}
		switch name {
		case "AllRequests":
			r.action = yagura.Challenge
		case "SignalClientHumanInteractivityAbsentLow", "BrowserInconsistency", "VolumetricAddressLow":
			r.action = yagura.Captcha
		}
		rules = append(rules, r)
	}
	return rules
}
