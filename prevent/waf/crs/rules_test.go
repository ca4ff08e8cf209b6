package crs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/coraza"
)

// injection is a request that several rules match.
func injection() *yagura.Request {
	body := []byte("user=anna&password=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E&Note=cat+/etc/passwd")
	return &yagura.Request{
		ID: "x", Method: "POST", URI: "/login?next=/home&q=%27%20or%201%3D1--%20-", Version: "HTTP/1.1", Host: "shop.example",
		Headers: []yagura.Header{
			{Name: "Host", Value: "shop.example"}, {Name: "User-Agent", Value: "Mozilla/5.0"}, {Name: "Accept", Value: "*/*"},
			{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}, {Name: "Cookie", Value: "sid=abc; track=<script>alert(1)</script>"},
		},
		Body: body, BodySize: int64(len(body)),
	}
}

// TestExclusions runs what exclusion packages do, on both engines.
func TestExclusions(t *testing.T) {
	for _, c := range []struct{ name, before, after string }{
		{"nothing", "", ""},
		{"remove", "", `SecRuleRemoveById 942100 932160 941100-941180`},
		{"remove by tag", "", `SecRuleRemoveByTag attack-xss`},
		{"target", "", "SecRuleUpdateTargetById 942100 \"!ARGS:q\"\nSecRuleUpdateTargetById 941100-941999 \"!REQUEST_COOKIES:/^track$/\""},
		{"target by tag", "", `SecRuleUpdateTargetByTag attack-xss "!ARGS:password"`},
		{"more targets", "", `SecRuleUpdateTargetById 942100 "REQUEST_METHOD|REQUEST_HEADERS:Cookie"`},
		{"control by id", `SecRule REQUEST_FILENAME "@streq /login" "id:1001,phase:1,pass,nolog,ctl:ruleRemoveTargetById=942100;ARGS:q,ctl:ruleRemoveById=932160"`, ""},
		{"control by tag", `SecRule REQUEST_FILENAME "@beginsWith /log" "id:1001,phase:1,pass,nolog,t:none,ctl:ruleRemoveTargetByTag=attack-xss;ARGS:/^pass/,ctl:ruleRemoveByTag=attack-sqli"`, ""},
		{"all of CRS", `SecAction "id:1001,phase:2,pass,nolog,ctl:ruleRemoveByTag=OWASP_CRS"`, ""},
		{"range", `SecAction "id:1001,phase:1,pass,nolog,ctl:ruleRemoveById=941000-942999"`, ""},
		{"engine off", `SecRule REQUEST_URI "@contains login" "id:1001,phase:1,pass,nolog,ctl:ruleEngine=Off"`, ""},
		{"level raised", `SecRule ARGS:next "@rx ^/" "id:1001,phase:1,pass,nolog,setvar:tx.detection_paranoia_level=4,setvar:tx.blocking_paranoia_level=3"`, ""},
		{"level raised later", "", `SecRule ARGS:user "@rx ." "id:1001,phase:1,pass,nolog,setvar:tx.detection_paranoia_level=3"`},
		{"checks removed", `SecAction "id:1001,phase:1,pass,nolog,ctl:ruleRemoveById=942013-942014,ctl:ruleRemoveById=942015"`, ""},
		{"check without target", `SecAction "id:1001,phase:1,pass,nolog,ctl:ruleRemoveTargetById=942013-942014;TX:detection_paranoia_level"`, ""},
		{"skip over a check", `SecRule ARGS:user "@streq anna" "id:1001,phase:2,pass,nolog,skip:160"`, ""},
		{"marker of the next phase", "SecMarker THERE\nSecAction \"id:1001,phase:1,pass,nolog,skipAfter:THERE\"\nSecAction \"id:1002,phase:2,pass,log\"", ""},
		{"marker within a level", `SecRule ARGS:user "@streq anna" "id:1001,phase:2,pass,nolog,skipAfter:END-REQUEST-932-APPLICATION-ATTACK-RCE"`, ""},
		{"body processor", `SecAction "id:1001,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"`, ""},
		{"raw", `SecAction "id:1001,phase:1,pass,nolog,ctl:requestBodyProcessor=RAW"`, ""},
		{"no body", `SecAction "id:1001,phase:1,pass,nolog,ctl:requestBodyAccess=Off"`, ""},
		{"chain", `SecRule REQUEST_METHOD "@streq POST" "id:1001,phase:2,pass,log,msg:'m %{MATCHED_VAR_NAME}',chain,capture"
SecRule ARGS:user "@rx ^(a.)(.*)$" "capture,chain,setvar:tx.who=%{tx.2}"
SecRule TX:who "@streq na" "t:none"`, ""},
		{"skip", `SecAction "id:1001,phase:2,pass,nolog,skip:2"
SecAction "id:1002,phase:2,pass,log"
SecAction "id:1003,phase:2,pass,log"
SecAction "id:1004,phase:2,pass,log"`, ""},
		{"skipAfter", `SecRule &ARGS "@ge 3" "id:1001,phase:2,pass,nolog,skipAfter:OVER"
SecAction "id:1002,phase:2,pass,log"
SecMarker OVER
SecRule ARGS_NAMES|!ARGS_NAMES:note "@rx (?i)note|user" "id:1003,phase:2,pass,log"`, ""},
		{"arithmetic", `SecAction "id:1001,phase:1,pass,nolog,setvar:tx.n=5,setvar:tx.n=+%{tx.n},setvar:tx.n=-3,setvar:!tx.gone=1,setvar:tx.x_%{tx.n}=1"
SecRule TX:n "@eq 7" "id:1002,phase:1,pass,log"
SecRule TX:/^x_/ "@eq 1" "id:1003,phase:1,pass,log"
SecRule &TX:gone "@eq 0" "id:1004,phase:1,pass,log"`, ""},
		{"multiMatch", `SecRule ARGS "@rx <" "id:1001,phase:2,pass,log,multiMatch,t:none,t:urlDecodeUni,t:lowercase,t:removeWhitespace,setvar:tx.inbound_anomaly_score_pl1=+1"`, ""},
		{"hash of nothing", `SecRule QUERY_STRING|REQUEST_BODY|REQUEST_HEADERS:X-None|ARGS "@rx ^da39|^[0-9]+$" "id:1001,phase:1,pass,log,t:none,t:sha1,t:hexEncode"`, ""},
		{"macros", `SecRule REQUEST_HEADERS:Host "@streq %{SERVER_NAME}" "id:1001,phase:1,pass,log"
SecRule ARGS:q "@contains %{ARGS.user}" "id:1002,phase:2,pass,log"
SecRule REQUEST_METHOD "@within GET %{request_method}" "id:1003,phase:1,pass,log,logdata:'%{unique_id} %{tx.none} %{rule.id}'"`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, level := range []int{1, 3} {
				o := Options{Paranoia: level, Before: []Source{{"before", c.before}}, After: []Source{{"after", c.after}}}
				e, err := Compile(o)
				if err != nil {
					t.Fatal(err)
				}
				e.tracing = true
				ref, err := coraza.Compile(coraza.Options{
					Paranoia: level, Before: []coraza.Source{{Name: "before", Text: c.before}}, After: []coraza.Source{{Name: "after", Text: c.after}},
				})
				if err != nil {
					t.Fatal(err)
				}
				if diff := same(t, e, ref, injection()); diff != "" {
					t.Errorf("level %d: %s", level, diff)
				}
			}
		})
	}
}

func TestErrorsSayWhere(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"SecRule ARGS \"@rx (\" \"id:1\"", "x.conf:1: SecRule: rule 1: expression"},
		{"# comment\n\nSecRule ARGS \\\n \"@rx a\" \\\n \"id:2,exec:/bin/sh\"", "x.conf:3: SecRule: rule 2: exec: action is not supported"},
		{"SecRule GEO:X \"@rx a\" \"id:3\"", `variable "GEO" is not supported`},
		{"SecRule ARGS \"@rbl a\" \"id:3\"", "operator @rbl is not supported"},
		{"SecHashEngine On", "x.conf:1: SecHashEngine: directive is not supported"},
		{"SecRule ARGS \"@rx a\" \"phase:2\"", "the rule has no id"},
		{"SecAction \"id:900990\"", "id 900990 was given to a rule at"},
		{"SecAction \"id:5,ctl:foo=1\"", "ctl:foo is not supported"},
		{"SecAction \"id:5,setvar:ip.x=1\"", "only tx.NAME can be set"},
		{"SecRule ARGS \"@rx a\" \"id:6,chain\"\nSecAction", "x.conf:2: SecAction"},
		{"SecRule ARGS \"@rx a\" \"id:6,chain\"", "rule 6 says chain, but the file ends"},
		{"SecRule ARGS \"@rx a\" \"id:6,t:rot13\"", `unknown transformation "rot13"`},
		{"SecRule XML:/a/b \"@rx a\" \"id:6\"", "XPath"},
		{"SecRule RESPONSE_BODY \"@rx a\" \"id:6,phase:2\"", "variable of the response"},
		{"Include nothing.conf", `no file "nothing.conf"`},
		{"SecRule ARGS \"@rx a", "does not end"},
		{"SecAction \"id:7\" \\", "the last line ends in a backslash"},
		{"SecRuleUpdateTargetById 4711 \"!ARGS:a\"", "no rule 4711"},
		{"SecRule ARGS \"@pmFromFile none.data\" \"id:8\"", "data file"},
	} {
		_, err := Compile(Options{Before: []Source{{"x.conf", c.text}}})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "x.conf:") {
			t.Errorf("%q gives %v, want %q with a place", c.text, err, c.want)
		}
	}
}

func TestOptions(t *testing.T) {
	e, err := Compile(Options{Blocking: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Inspect(injection()); !got.Blocked || got.Status != 403 || got.Rule != 949110 || got.Scores.Inbound < got.Scores.Threshold || got.Scores.SQLi == 0 {
		t.Errorf("an attack is %+v", got)
	}
	lax, err := e.With(Options{Blocking: true, Threshold: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if got := lax.Inspect(injection()); got.Blocked || len(got.Matches) == 0 {
		t.Errorf("a threshold of 1000 blocks: %+v", got)
	}
	if got := e.Inspect(injection()); !got.Blocked {
		t.Error("another engine of the same library changed this one")
	}
	high, err := e.With(Options{Paranoia: 1, Detection: 4})
	if err != nil {
		t.Fatal(err)
	}
	got := high.Inspect(injection())
	if got.Scores.Detection <= got.Scores.Inbound || !slices.ContainsFunc(got.Matches, func(m Match) bool { return m.Paranoia > 1 }) {
		t.Errorf("detection at level 4 sees no more than level 1: %+v", got.Scores)
	}
	removed, err := e.With(Options{Remove: []string{"942100-942999"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := removed.Inspect(injection()); got.Scores.SQLi != 0 {
		t.Errorf("removed rules score %d", got.Scores.SQLi)
	}
	for _, o := range []Options{{Paranoia: 5}, {Paranoia: 3, Detection: 2}, {Sampling: 101}, {BodyLimit: -1}, {Remove: []string{"x"}}} {
		if _, err := Compile(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

// TestRemoveByMessage stands alone: Coraza 3.8.1 panics on rules without a message.
func TestRemoveByMessage(t *testing.T) {
	e, err := Compile(Options{After: []Source{{"x", `SecRuleRemoveByMsg "SQL Injection Attack Detected via libinjection"`}}})
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(e.Inspect(injection()).Matches, func(m Match) bool { return m.ID == 942100 }) {
		t.Error("the removed rule matches")
	}
}

// TestSampling: the requests that are looked at are about as many as asked for.
func TestSampling(t *testing.T) {
	e, err := Compile(Options{Sampling: 50})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for i := range 400 {
		r := injection()
		r.ID = fmt.Sprint("request-", i)
		if e.Inspect(r).Scores.Inbound > 0 {
			seen++
		}
	}
	if seen < 100 || seen > 300 {
		t.Errorf("%d of 400 requests were looked at, want about 200", seen)
	}
}

// TestDirectory reads rules as an unpacked CRS lies on disk.
func TestDirectory(t *testing.T) {
	fsys := fstest.MapFS{
		"crs-setup.conf.example": {Data: []byte("SecAction \"id:1,phase:1,pass,nolog,setvar:tx.a=1\"\n")},
		"rules/A.conf":           {Data: []byte("SecRule ARGS \"@pmFromFile words.data\" \"id:2,phase:2,deny,status:418,msg:'a word'\"\n")},
		"rules/words.data":       {Data: []byte("# words\nyagura\n")},
		"plugins/x-before.conf":  {Data: []byte("SecRule ARGS:free \"@streq 1\" \"id:3,phase:1,pass,nolog,ctl:ruleRemoveTargetById=2;ARGS:q\"\n")},
	}
	e, err := Compile(Options{FS: fsys, Blocking: true})
	if err != nil {
		t.Fatal(err)
	}
	got := e.Inspect(&yagura.Request{Method: "GET", URI: "/?q=the+Yagura", Version: "HTTP/1.1"})
	if !got.Blocked || got.Status != 418 || len(got.Matches) != 1 || got.Matches[0].Message != "a word" || got.Matches[0].Targets[0].String() != "ARGS:q" {
		t.Errorf("got %+v", got)
	}
	if got := e.Inspect(&yagura.Request{Method: "GET", URI: "/?q=the+Yagura&free=1", Version: "HTTP/1.1"}); got.Blocked {
		t.Errorf("the plugin has no effect: %+v", got)
	}
	if _, err := coraza.Compile(coraza.Options{FS: fsys}); err != nil {
		t.Errorf("the reference: %v", err)
	}
	if _, err := Compile(Options{FS: fstest.MapFS{}}); err == nil {
		t.Error("an empty folder is accepted")
	}
}
