package waf

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/crs"
)

func engine(t *testing.T) *crs.Engine {
	t.Helper()
	e, err := crs.Compile(crs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func groupACL(name string, more ...string) string {
	return doc([]string{rule1("m", 1, "override None", managed(name, more...))})
}

// TestSlots sends requests for which AWS documents the rule, or the category of
// CRS has it.
func TestSlots(t *testing.T) {
	e := engine(t)
	long := func(n int) string { return strings.Repeat("a", n) }
	ua := "User-Agent: Mozilla/5.0"
	for _, c := range []struct {
		group, rule string // rule empty: nothing blocks
		words       []string
	}{
		{"CommonRuleSet", "", []string{ua, "/a?b=c", "Accept: */*"}},
		{"CommonRuleSet", "NoUserAgent_HEADER", []string{"/"}},
		{"CommonRuleSet", "UserAgent_BadBots_HEADER", []string{"User-Agent: Nessus", "/"}},
		{"CommonRuleSet", "SizeRestrictions_QUERYSTRING", []string{ua, "/?a=" + long(2047)}},
		{"CommonRuleSet", "", []string{ua, "Accept: */*", "/?a=" + long(2046)}},
		{"CommonRuleSet", "SizeRestrictions_Cookie_HEADER", []string{ua, "Cookie: a=" + long(10239)}},
		{"CommonRuleSet", "SizeRestrictions_BODY", []string{ua, "body=" + long(8193)}},
		{"CommonRuleSet", "", []string{ua, "Accept: */*", "body=" + long(8192)}},
		{"CommonRuleSet", "SizeRestrictions_URIPATH", []string{ua, "/" + long(1024)}},
		{"CommonRuleSet", "EC2MetaDataSSRF_QUERYARGUMENTS", []string{ua, "/?u=http://169.254.169.254/latest"}},
		{"CommonRuleSet", "GenericLFI_QUERYARGUMENTS", []string{ua, "/?f=../../../../etc/passwd"}},
		{"CommonRuleSet", "RestrictedExtensions_URIPATH", []string{ua, "/backup.log"}},
		{"CommonRuleSet", "GenericRFI_QUERYARGUMENTS", []string{ua, "/?f=http://10.1.2.3/shell.txt"}},
		{"CommonRuleSet", "CrossSiteScripting_QUERYARGUMENTS", []string{ua, "/?q=%3Cscript%3Ealert(1)%3C/script%3E"}},
		{"CommonRuleSet", "CrossSiteScripting_BODY", []string{ua, "Content-Type: application/x-www-form-urlencoded", "body=q=%3Cscript%3Ealert(1)%3C/script%3E"}},
		{"KnownBadInputsRuleSet", "Host_localhost_HEADER", []string{ua, "Host: localhost:8080"}},
		{"KnownBadInputsRuleSet", "PROPFIND_METHOD", []string{ua, "PROPFIND"}},
		{"KnownBadInputsRuleSet", "ExploitablePaths_URIPATH", []string{ua, "/x/WEB-INF/web.xml"}},
		{"KnownBadInputsRuleSet", "Log4JRCE_HEADER", []string{"User-Agent: ${jndi:ldap://x/a}"}},
		{"KnownBadInputsRuleSet", "Log4JRCE_QUERYSTRING", []string{ua, "/?a=%24%7Bjndi:ldap://x%7D"}},
		{"SQLiRuleSet", "SQLi_QUERYARGUMENTS", []string{ua, "/?id=1'%20or%20'1'='1"}},
		{"SQLiRuleSet", "SQLi_COOKIE", []string{ua, "Cookie: a=1' union select 1,2,3--"}},
		{"SQLiRuleSet", "", []string{ua, "Accept: */*", "/?q=select+a+seat"}},
		{"LinuxRuleSet", "LFI_QUERYSTRING", []string{ua, "/?f=../../etc/passwd"}},
		{"UnixRuleSet", "UNIXShellCommandsVariables_QUERYSTRING", []string{ua, "/?f=;cat%20/etc/passwd"}},
		{"PHPRuleSet", "PHPHighRiskMethodsVariables_QUERYSTRING", []string{ua, "/?f=system('ls');fsockopen('x')"}},
		{"AdminProtectionRuleSet", "AdminProtection_URIPATH", []string{ua, "/phpmyadmin/index.php"}},
		{"WordPressRuleSet", "WordPressExploitablePaths_URIPATH", []string{ua, "/blog/xmlrpc.php"}},
		{"BotControlRuleSet", "CategoryHttpLibrary", []string{"User-Agent: curl/8.1"}},
	} {
		a := compiled(t, groupACL("AWSManagedRules"+c.group), Options{Live: true, CRS: e})
		v := a.Decide(request(c.words...))
		got := ""
		if n := len(v.Hits); v.Action == yagura.Block && n > 0 {
			got = v.Hits[n-1].Rule
		}
		if got != c.rule {
			shown := fmt.Sprint(c.words)
			t.Errorf("%s %s: %q, want %q", c.group, shown[:min(len(shown), 100)], got, c.rule)
		}
	}
}

// TestNotServed asks for groups and rules that nothing serves.
func TestNotServed(t *testing.T) {
	other := `{"ManagedRuleGroupStatement":{"VendorName":"Acme","Name":"Shield"}}`
	for _, text := range []string{doc([]string{rule1("m", 1, "override None", other)}), groupACL("AWSManagedRulesAmazonIpReputationList"), groupACL("AWSManagedRulesATPRuleSet")} {
		a := compiled(t, text)
		if v := a.Decide(request()); v.Action != yagura.Undecided || !strings.Contains(fmt.Sprint(v.Reasons), "not served") {
			t.Errorf("replay: %s %q", v.Action, v.Reasons)
		}
		a = compiled(t, text, Options{Live: true})
		wantAction(t, a, yagura.Allow)
		if !strings.Contains(fmt.Sprint(a.Warnings()), "is not served") {
			t.Error("live: no warning")
		}
	}
	a := compiled(t, groupACL("AWSManagedRulesAnonymousIpList"), Options{Live: true, Lists: readers("AnonymousIPList", "192.0.2.0/28 # exits\n\n2001:db8::1\n")})
	wantAction(t, a, yagura.Block)
	wantAction(t, a, yagura.Block, "client=2001:db8::1")
	wantAction(t, a, yagura.Allow, "client=192.0.2.99")
}

// TestSlotsWithoutBody leaves body rules of a group unknown and decides the others.
func TestSlotsWithoutBody(t *testing.T) {
	a := compiled(t, groupACL("AWSManagedRulesSQLiRuleSet"), Options{CRS: engine(t)})
	r := request("POST", "/?id=1'%20or%20'1'='1", "User-Agent: x")
	r.Missing, r.BodySize = yagura.PartBody, 100
	if v := a.Decide(r); v.Action != yagura.Block {
		t.Errorf("%s %q", v.Action, v.Reasons)
	}
	r.URI = "/"
	if v := a.Decide(r); v.Action != yagura.Undecided || !strings.Contains(fmt.Sprint(v.Reasons), "needs the body") {
		t.Errorf("%s %q", v.Action, v.Reasons)
	}
	r.BodySize = 0
	if v := a.Decide(r); v.Action != yagura.Allow {
		t.Errorf("%s %q", v.Action, v.Reasons)
	}
}

func TestSlotTable(t *testing.T) {
	names := map[string]bool{}
	for _, s := range Slots() {
		if key := s.Group + "/" + s.Rule; names[key] {
			t.Errorf("%s stands twice", key)
		} else {
			names[key] = true
		}
		if s.Served == "" || s.Label == "" || !strings.HasPrefix(s.Label, "awswaf:managed:aws:") {
			t.Errorf("%+v", s)
		}
	}
	if len(names) < 100 || !slices.ContainsFunc(Slots(), func(s Slot) bool { return s.Served == "not served" }) {
		t.Errorf("%d slots", len(names))
	}
}
