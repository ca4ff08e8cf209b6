package rule_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/source"
)

// call is a record with a bit of everything.
const call = `{"eventVersion":"1.08","eventTime":"2026-05-04T22:15:00Z","eventSource":"s3.amazonaws.com","eventName":"PutBucketPolicy","awsRegion":"eu-west-1",
"sourceIPAddress":"203.0.113.77","userAgent":"[aws-cli/2.15 –flag /x]","errorCode":"","errorMessage":"100% *done?* \\here","readOnly":false,"recipientAccountId":"012345678901",
"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/app/Ünal","principalId":"AROAX:Ünal","accountId":"111122223333"},
"requestParameters":{"bucketName":"logs","port":22,"ratio":7.50,"on":true,"nothing":null,"empty":"","none":[],"same":"PUTBUCKETPOLICY","x.y":{"z":"dotted"},
"list":[{"k":"one","n":1},{"k":"two","n":20}],"nested":[[{"k":"deep"}]],"policy":{"Effect":"Allow","Principal":"*"},"b64":"xxZXZpbA==","wide":"%s","cmd":"run —enc now","net":"2001:db8::17","lines":"a\nb","doc":"{\"Effect\":\"Allow\",\"Resource\":\"\u003cx\u003e\"}"},
"responseElements":null}`

func callRecord() string {
	wide := ""
	for _, c := range "cmd" {
		wide += string([]byte{byte(c), 0})
	}
	return strings.ReplaceAll(fmt.Sprintf(strings.Replace(call, "100%", "100%%", 1), base64.StdEncoding.EncodeToString([]byte(wide))), "\n", "")
}

func compile(t testing.TB, cfg rule.Config, texts ...string) (*rule.Set, []sigma.Problem) {
	t.Helper()
	var docs []*sigma.Document
	for i, text := range texts {
		got, problems := sigma.Parse(fmt.Sprintf("r%d.yml", i), fmt.Sprintf("r%d", i), []byte(text))
		for _, p := range problems {
			if !p.Warning {
				t.Fatalf("%v in\n%s", p, text)
			}
		}
		docs = append(docs, got...)
	}
	return rule.Compile(docs, cfg)
}

func document(detection string) string {
	return "title: T\nlogsource: {product: aws, service: cloudtrail}\ndetection: " + detection + "\n"
}

func TestItems(t *testing.T) {
	const p = "requestParameters."
	for _, c := range []struct {
		item string
		want bool
	}{
		// Texts: case, wildcards, escapes.
		{`eventName: putbucketpolicy`, true},
		{`eventName|cased: putbucketpolicy`, false},
		{`eventName|cased: PutBucketPolicy`, true},
		{`eventName: [x, PUTBUCKETPOLICY]`, true},
		{`eventName: Put*Policy`, true},
		{`eventName: Put*policies`, false},
		{`eventName: PutBucketPolic?`, true},
		{`eventName: PutBucketPolicy?`, false},
		{`eventName: '*'`, true},
		{`errorMessage: '100% \*done\?\* \\here'`, true},
		{`errorMessage: '100% \*done\?\* \here'`, true},
		{`errorMessage|endswith: '\\here'`, true},
		{`errorMessage|endswith: '\\\\here'`, false},
		{`errorMessage|contains: 'done\*'`, false},
		{`errorMessage|contains: '\*done'`, true},
		{`errorMessage|contains: '%20'`, false},
		{`userIdentity.arn|endswith: /üNAL`, true},
		{`userIdentity.arn|endswith|cased: /ünal`, false},
		{`eventName|startswith: put`, true},
		{`eventName|startswith: bucket`, false},
		{`eventName|contains: BUCKET`, true},
		{`eventName|contains|all: [put, policy]`, true},
		{`eventName|contains|all: [put, x]`, false},
		{`eventName|neq: PutBucketPolicy`, false},
		{`eventName|neq: x`, true},
		{`missing|neq: x`, true},
		{`eventName|contains|neq: x`, true},
		// Numbers and truth values.
		{p + `port: 22`, true},
		{p + `port: '22'`, true},
		{p + `ratio: 7.5`, true},
		{p + `on: true`, true},
		{p + `on: 'True'`, true},
		{`readOnly: false`, true},
		{`readOnly: true`, false},
		{`recipientAccountId: '012345678901'`, true},
		{`recipientAccountId: 12345678901`, false},
		{p + `port|gt: 21`, true},
		{p + `port|gt: 22`, false},
		{p + `port|gte: 22`, true},
		{p + `port|lt: 22.5`, true},
		{p + `port|lte: 21`, false},
		{p + `list.n|gt: 10`, true},
		{p + `bucketName|lt: 10`, false},
		// Absent, null, empty.
		{p + `nothing: null`, true},
		{p + `absent: null`, true},
		{p + `empty: null`, false},
		{p + `empty: ''`, true},
		{p + `nothing: ''`, false},
		{p + `absent: ''`, false},
		{p + `bucketName: ''`, false},
		{`errorCode: ''`, true},
		{`errorCode: null`, false},
		{`errorCode|exists: true`, true},
		{p + `nothing|exists: true`, true},
		{p + `none|exists: true`, true},
		{p + `absent|exists: true`, false},
		{p + `absent|exists: false`, true},
		{`responseElements: null`, true},
		{`responseElements|neq: null`, false},
		{p + `absent: '*'`, false},
		{p + `empty: '*'`, true},
		// Paths.
		{p + `list.k: two`, true},
		{p + `list.k|all: [one, two]`, true},
		{p + `list.k|all: [one, three]`, false},
		{p + `nested.k: deep`, true},
		{p + `x.y.z: dotted`, true},
		{p + `policy|contains: '"Principal":"*"'`, true},
		{`requestParameters|contains: 'bucketName":"logs'`, true},
		{p + `list|contains: '"k":"two"'`, true},
		{p + `doc|contains: '"Effect":"Allow"'`, true}, // a policy as text
		{`requestParameters|contains: '"Effect":"Allow","Resource":"<x>"'`, true},
		{`requestParameters|contains: '\"Effect\":\"Allow\"'`, true}, // as written
		{`userIdentity|contains: app`, true},
		{`api_operation: PutBucketPolicy`, true},
		{`api.operation: PutBucketPolicy`, true},
		// Expressions.
		{`eventName|re: '^Put.*Policy$'`, true},
		{`eventName|re: '^put'`, false},
		{`eventName|re|i: '^put'`, true},
		{p + `lines|re: 'a.b'`, false},
		{p + `lines|re|s: 'a.b'`, true},
		{p + `lines|re: '^b'`, false},
		{p + `lines|re|m: '^b$'`, true},
		{`eventName|re|contains: Bucket`, true},
		// Addresses.
		{`sourceIPAddress|cidr: 203.0.113.0/24`, true},
		{`sourceIPAddress|cidr: [10.0.0.0/8, 203.0.113.77]`, true},
		{`sourceIPAddress|cidr: 2001:db8::/32`, false},
		{p + `net|cidr: 2001:db8::/32`, true},
		{`eventName|cidr: 0.0.0.0/0`, false},
		// Encodings and dashes.
		{p + `b64|base64offset|contains: evil`, true},
		{p + `b64|base64offset|contains: good`, false},
		{p + `wide|wide|base64: cmd`, true},
		{p + `wide|utf16le|base64: cmd`, true},
		{p + `wide|utf16be|base64: cmd`, false},
		{p + `cmd|windash|contains: ' -enc'`, true},
		{p + `cmd|contains: ' -enc'`, false},
		{`userAgent|windash|contains|all: [' -flag', ' -x']`, true},
		// Fields, times, placeholders, derived fields.
		{`eventName|fieldref: requestParameters.same`, true},
		{`eventName|fieldref|cased: requestParameters.same`, false},
		{`eventName|fieldref: eventSource`, false},
		{`eventName|fieldref|neq: eventSource`, true},
		{`userIdentity.arn|fieldref|contains: userIdentity.accountId`, true},
		{`userIdentity.principalId|fieldref|startswith: eventName`, false},
		{`eventTime|hour: 22`, true},
		{`eventTime|hour|gte: 23`, false},
		{`eventTime|minute|lt: 16`, true},
		{`eventTime|day: 4`, true},
		{`eventTime|week: 19`, true},
		{`eventTime|month: 5`, true},
		{`eventTime|year: 2026`, true},
		{`eventTime|startswith: 2026-05-04T22`, true},
		{`userIdentity.type|expand: '%kinds%'`, true},
		{`userIdentity.type|expand|contains: 'x%kinds%'`, false},
		{`userIdentity.arn|expand|contains: '%names%'`, true},
		{`userAgent: '%kinds%'`, false},
		{`yagura.tool: AWS-CLI`, true},
		{`yagura.tool|exists: true`, true},
	} {
		cfg := twinConfig
		cfg.Placeholders = map[string][]string{"kinds": {"Root", "assumedrole"}, "names": {"role/app", "z"}}
		cfg.Fields = map[string]func(*ocsf.Event) []string{"yagura.tool": func(*ocsf.Event) []string { return []string{"aws-cli"} }}
		set, problems := compile(t, cfg, document("{s: {"+quoteKey(c.item)+"}, condition: s}"), document("{s: {"+quoteKey(c.item)+"}, condition: not s}"))
		if len(set.Rules()) != 2 {
			t.Errorf("%s: %v", c.item, problems)
			continue
		}
		got := matched(t, set, callRecord())
		want := map[bool][]string{true: {"r0"}, false: {"r1"}}[c.want]
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: want %t%s", c.item, c.want, diff)
		}
	}
}

// quoteKey puts the field of "field: value" between quotes.
func quoteKey(item string) string {
	key, value, _ := strings.Cut(item, ": ")
	return "'" + key + "': " + value
}

// matched gives the ids of the rules that match, with "!" when suppressed.
func matched(t testing.TB, set *rule.Set, record string) (ids []string) {
	t.Helper()
	ev := decode(t, record)[0]
	set.Matcher().Match("cloudtrail", &ev, func(h *rule.Hit) {
		id := h.Rule.Doc.ID
		if h.Suppressed != "" {
			id += "!"
		}
		ids = append(ids, id)
	})
	return ids
}

func TestConditions(t *testing.T) {
	// t and u hold, f and g do not; _t holds and is not among "them".
	searches := "{t: {eventName: '*'}, t_key: [PutBucket], u: {readOnly: false}, f: {eventName: x}, f_key: [nowhere], _f: {eventName: y}, condition: %s}"
	for condition, want := range map[string]bool{
		"t": true, "f": false, "not f": true, "t and u": true, "t and f": false, "f or u": true,
		"f or t and f": false, "t or f and f": true, "not f and t": true, "not (f and t)": true, "not t or t": true,
		"1 of t*": true, "all of t*": true, "1 of f*": false, "all of f*": false, "not 1 of f*": true, "1 of them": true, "all of them": false,
		"any of f* or u": true, "1 of *key": true, "all of *key": false, "t_key and not f_key": true, "T AND u": false, "t AND u": true,
		"1 of _*": false, "[f, u]": true, "[f, f_key]": false, "not not t": true, "((t) and (u or f))": true, "1 of t*  and not 1 of f*": true,
	} {
		text := document(fmt.Sprintf(searches, condition))
		if condition == "T AND u" { // names of searches are exact
			if _, problems := sigma.Parse("f", "f", []byte(text)); len(problems) == 0 {
				t.Error("a search of another case was found")
			}
			continue
		}
		set, _ := compile(t, twinConfig, text)
		if got := len(matched(t, set, callRecord())) == 1; got != want {
			t.Errorf("%s is %t", condition, got)
		}
	}
}

func TestKeywords(t *testing.T) {
	for search, want := range map[string]bool{
		"[nothing of it, putbucketPOLICY]":        true,
		"['put*policy']":                          true,
		"{'|all': [putbucketpolicy, assumed]}":    true,
		"{'|all': [putbucketpolicy, nowhere]}":    false,
		"{'|re': 'Put[A-Z]ucket'}":                true,
		"[nowhere, {eventName: PutBucketPolicy}]": true,
		"PutBucketPolicy":                         true,
		`['*done?* \here']`:                       true, // as it is, not as JSON writes it
		`['"Effect":"Allow"']`:                    true,
	} {
		set, _ := compile(t, twinConfig, document("{s: "+search+", condition: s}"))
		if got := len(matched(t, set, callRecord())) == 1; got != want {
			t.Errorf("%s is %t", search, got)
		}
	}
}

func TestRefused(t *testing.T) {
	for item, want := range map[string]string{
		`eventName|re: '(?=a)b'`:                          "backtracking",
		`eventName|re: '(a)\1'`:                           "backtracking",
		`eventName|re: '(((a{1,99}){1,99}){1,99}){1,99}'`: "invalid repeat count",
		`userAgent|expand: '%nobody%'`:                    "placeholder %nobody% has no values",
		`sourceIPAddress|cidr: 10.0.0/33`:                 "neither a network",
		`errorMessage|base64: 'a*'`:                       "wildcard",
	} {
		set, problems := compile(t, twinConfig, document("{s: {"+quoteKey(item)+"}, condition: s}"))
		if len(set.Rules()) > 0 || len(problems) != 1 || !strings.Contains(problems[0].Text, want) || problems[0].Line != 3 {
			t.Errorf("%s: %v, %d rules", item, problems, len(set.Rules()))
		}
	}
	for _, mods := range []string{"re|cidr", "exists|all", "gt|lt", "i", "fieldref|base64", "hour|day", "contains|contains", "gt|contains", "re|cased"} {
		if _, problems := sigma.Parse("f", "f", []byte(document("{s: {'a|"+mods+"': 1}, condition: s}"))); len(problems) == 0 {
			t.Errorf("%s is accepted", mods)
		}
	}
}

func TestSources(t *testing.T) {
	set, problems := compile(t, twinConfig,
		"title: Windows\nlogsource: {product: windows, category: process_creation}\ndetection: {s: {Image: x}, condition: s}",
		"title: Flow\nlogsource: {product: aws, service: vpcflow}\ndetection: {s: {srcport: 22}, condition: s}",
		"title: Old\nstatus: deprecated\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {eventName: x}, condition: s}")
	if len(set.Rules()) != 0 || len(problems) != 3 || !problems[0].Warning || !strings.Contains(problems[0].Text, "skipped") {
		t.Errorf("%v", problems)
	}
	ev := decode(t, callRecord())[0]
	set.Matcher().Match("nowhere", &ev, func(*rule.Hit) { t.Error("a hit in an unknown source") })
}

func TestFacts(t *testing.T) {
	set, _ := compile(t, twinConfig, document(
		"{s: {eventName|contains: bucket, requestParameters.list.k: [none, two], errorCode|exists: true}, k: [nowhere, ASSUMED], f: {eventName: x}, condition: s and k and not f}"))
	ev := decode(t, callRecord())[0]
	var got []yagura.Fact
	set.Matcher().Match("cloudtrail", &ev, func(h *rule.Hit) { got = h.Facts() })
	want := []yagura.Fact{{Name: "record", Value: "assumed"}, {Name: "eventName", Value: "PutBucketPolicy"}, {Name: "requestParameters.list.k", Value: "two"}, {Name: "errorCode"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestValues(t *testing.T) {
	set, _ := compile(t, twinConfig)
	ev := decode(t, callRecord())[0]
	m := set.Matcher()
	for name, want := range map[string][]string{
		"eventName": {"PutBucketPolicy"}, "requestParameters.list.k": {"one", "two"}, "sourceIPAddress": {"203.0.113.77"},
		"readOnly": {"false"}, "nowhere": nil, "eventTime": {"2026-05-04T22:15:00Z"}, "requestParameters.nothing": nil,
	} {
		if diff := cmp.Diff(want, m.Values("cloudtrail", name, &ev)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestFilters(t *testing.T) {
	filter := func(rules, logic, own string) string {
		return "title: F\nlogsource: {product: aws, service: cloudtrail}\nfilter: {rules: " + rules + ", " + logic + "}\nyagura: {" + own + "}\n"
	}
	base := "name: base\nid: 0e95725d-7320-415d-80f7-004da920fc11\n" + document("{s: {eventName: PutBucketPolicy}, condition: s}")
	other := document("{s: {eventName: PutBucketPolicy, requestParameters.bucketName: logs}, condition: s}")
	for _, c := range []struct{ name, filter, want string }{
		{"by name", filter("[base]", "s: {requestParameters.port: 22}, condition: s", "owner: sre, reason: the build, expires: 2027-01-01"), "r0! r1"},
		{"by id", filter("[0e95725d-7320-415d-80f7-004da920fc11]", "s: {requestParameters.port: 22}, condition: s", ""), "r0! r1"},
		{"by path", filter("[r1]", "s: {requestParameters.port: 22}, condition: s", ""), "r0 r1!"},
		{"any", filter("any", "s: {requestParameters.port: 22}, condition: s", ""), "r0! r1!"},
		{"not meant", filter("any", "s: {requestParameters.port: 23}, condition: s", ""), "r0 r1"},
		{"not", filter("any", "s: {requestParameters.port: 23}, condition: not s", ""), "r0! r1!"},
		{"expired", filter("any", "s: {requestParameters.port: 22}, condition: s", "expires: 2026-05-04"), "r0 r1"},
		{"last day", filter("any", "s: {requestParameters.port: 22}, condition: s", "expires: 2026-05-05"), "r0! r1!"},
	} {
		set, problems := compile(t, twinConfig, base, other, c.filter)
		if len(problems) > 0 {
			t.Errorf("%s: %v", c.name, problems)
		}
		if got := strings.Join(matched(t, set, callRecord()), " "); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	set, _ := compile(t, twinConfig, base, filter("[base]", "s: {eventName: '*'}, condition: s", "owner: sre, reason: the build, expires: 2027-01-01"))
	ev := decode(t, callRecord())[0]
	want := "filter r1: the build (sre), until 2027-01-01"
	if got := set.Matcher().Suppressed(set.Lookup("base"), "cloudtrail", &ev); got != want {
		t.Errorf("suppressed: %q", got)
	}
	strict := twinConfig
	strict.Schemas, strict.Strict = source.Schemas(), true
	many := "title: C\nname: many\ncorrelation: {type: event_count, rules: [base], timespan: 1h, condition: {gte: 2}}\n"
	set, problems := compile(t, strict, base, many, "title: F\nfilter: {rules: [many], s: {eventName: PutBucketPolicy}, condition: s}\nyagura: {owner: sre, reason: r, expires: 2027-01-01}\n")
	if got := set.Matcher().Suppressed(set.Lookup("many"), "cloudtrail", &ev); len(problems) > 0 || got == "" {
		t.Errorf("a filter of a correlation: %q, %v", got, problems)
	}
	if _, problems := compile(t, twinConfig, filter("[gone]", "s: {eventName: '*'}, condition: s", "")); len(problems) != 1 || problems[0].Code != "reference" {
		t.Errorf("a filter of nothing: %v", problems)
	}
}
