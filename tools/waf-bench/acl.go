package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

type m = map[string]any

// twentyRules is a web ACL such as teams write by hand, as the API answers it.
func twentyRules() string {
	var rules []m
	add := func(action string, statement m) {
		n := len(rules)
		rules = append(rules, m{
			"Name": fmt.Sprint("rule-", n), "Priority": n, "Action": m{action: m{}}, "Statement": statement,
			"VisibilityConfig": visibility(fmt.Sprint("rule-", n)),
		})
	}
	on := func(field m, transforms ...string) m {
		list := []m{}
		for i, t := range transforms {
			list = append(list, m{"Priority": i, "Type": t})
		}
		if len(list) == 0 {
			list = append(list, m{"Priority": 0, "Type": "NONE"})
		}
		return m{"FieldToMatch": field, "TextTransformations": list}
	}
	with := func(base, more m) m {
		for k, v := range more {
			base[k] = v
		}
		return base
	}
	bytesIn := func(field m, how, text string, transforms ...string) m {
		return m{"ByteMatchStatement": with(on(field, transforms...), m{"PositionalConstraint": how, "SearchString": base64.StdEncoding.EncodeToString([]byte(text))})}
	}
	regex := func(field m, text string) m {
		return m{"RegexMatchStatement": with(on(field), m{"RegexString": text})}
	}
	path, query, args := m{"UriPath": m{}}, m{"QueryString": m{}}, m{"AllQueryArguments": m{}}
	header := func(name string) m { return m{"SingleHeader": m{"Name": name}} }
	all := func(kind, scope, oversize string) m {
		return m{kind: m{"MatchPattern": m{"All": m{}}, "MatchScope": scope, "OversizeHandling": oversize}}
	}
	both := func(kind string, list ...m) m { return m{kind: m{"Statements": list}} }
	add("Block", regex(path, `(?i)\.(?:bak|old|sql|env)$`))
	add("Block", regex(header("user-agent"), `(?i)sqlmap|nikto|nmap|masscan`))
	add("Block", m{"SizeConstraintStatement": with(on(query), m{"ComparisonOperator": "GT", "Size": 4096})})
	add("Block", m{"SqliMatchStatement": on(args, "URL_DECODE")})
	add("Block", m{"XssMatchStatement": on(args, "URL_DECODE")})
	add("Block", m{"RateBasedStatement": m{"Limit": 2_000_000_000, "AggregateKeyType": "IP"}})
	add("Count", both("AndStatement", bytesIn(path, "STARTS_WITH", "/api/"), m{"NotStatement": m{"Statement": bytesIn(header("authorization"), "STARTS_WITH", "Bearer ")}}))
	add("Block", bytesIn(path, "STARTS_WITH", "/admin", "NORMALIZE_PATH"))
	add("Block", bytesIn(all("Cookies", "ALL", "MATCH"), "CONTAINS", "<script", "LOWERCASE"))
	add("Block", bytesIn(all("Headers", "VALUE", "CONTINUE"), "CONTAINS", "${jndi:", "LOWERCASE"))
	for i := range 10 {
		add("Block", both("OrStatement", bytesIn(path, "CONTAINS", fmt.Sprint("/wp-", i), "LOWERCASE"), bytesIn(query, "CONTAINS", fmt.Sprint("cmd=", i), "URL_DECODE")))
	}
	text, err := json.Marshal(m{"WebACL": m{
		"Name": "bench", "Id": "b", "ARN": "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/bench/b",
		"DefaultAction": m{"Allow": m{}}, "Rules": rules, "VisibilityConfig": visibility("bench"),
	}})
	if err != nil {
		panic(err) // Maps and texts.
	}
	return string(text)
}

func visibility(name string) m {
	return m{"SampledRequestsEnabled": false, "CloudWatchMetricsEnabled": false, "MetricName": name}
}
