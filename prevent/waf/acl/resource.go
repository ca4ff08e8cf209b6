package acl

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/yagura-sec/yagura"
)

// webACL reads a WebACL of the API, the Properties of AWS::WAFv2::WebACL, or the
// values of aws_wafv2_web_acl.
func (r *record) webACL(name, arn string) *WebACL {
	a := &WebACL{Pos: r.here(), Bodies: map[string]yagura.Response{}, BodyLimits: map[string]int{}}
	a.Name, a.ARN, a.ID = orElse(r.str("Name"), name), orElse(r.str("ARN", "Arn"), arn), r.str("Id")
	a.Scope = r.enum("Scope", false, "CLOUDFRONT", "REGIONAL")
	if d := r.child("DefaultAction"); d != nil {
		a.Default = d.action()
		if k := a.Default.Kind.String(); k != "ALLOW" && k != "BLOCK" {
			d.fail(d.n, d.path, "the default action is %s; want Allow or Block", k)
		}
	} else {
		r.fail(r.n, r.path, "%s is missing", r.spelt("DefaultAction"))
	}
	a.Rules = r.rules("Rules")
	if r.dialect == terraform {
		a.Rules = append(a.Rules, r.ruleJSON("RuleJson")...)
	}
	a.Pre, a.Post = r.rules("PreProcessFirewallManagerRuleGroups"), r.rules("PostProcessFirewallManagerRuleGroups")
	a.Capacity = r.number("Capacity", 0, 0, 1<<31)
	a.Captcha, a.Challenge = r.immunity("CaptchaConfig"), r.immunity("ChallengeConfig")
	a.TokenDomains, _ = r.strings("TokenDomains")
	r.bodies(a.Bodies)
	r.association(a)
	a.Account = r.account(a.ARN)
	if a.Scope == "" && strings.Contains(a.ARN, ":global/") {
		a.Scope = "CLOUDFRONT"
	}
	a.Namespace = orElse(r.str("LabelNamespace"), "awswaf:"+a.Account+":webacl:"+a.Name+":")
	r.skip("Description", "VisibilityConfig", "ManagedByFirewallManager", "RetrofittedByFirewallManager",
		"DataProtectionConfig", "OnSourceDDoSProtectionConfig", "ApplicationConfig", "Tags", "MonetizationConfig", "LockToken")
	r.skipComputed()
	r.done()
	return a
}

// skipComputed takes what Terraform adds to every resource.
func (r *record) skipComputed() {
	if r.dialect == terraform {
		r.skip("TagsAll", "Region", "NamePrefix", "ApplicationIntegrationUrl", "Timeouts")
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// account is the fifth part of an ARN, else what the reader was told.
func (r *record) account(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && len(parts[4]) == 12 {
		return parts[4]
	}
	return orElse(r.reader.Account, defaultAccount)
}

const defaultAccount = "000000000000"

var contentTypes = map[string]string{"TEXT_PLAIN": "text/plain", "TEXT_HTML": "text/html", "APPLICATION_JSON": "application/json"}

// bodies reads CustomResponseBodies: a map, in Terraform a list with keys.
func (r *record) bodies(into map[string]yagura.Response) {
	one := func(c *record) yagura.Response {
		b := yagura.Response{
			ContentType: contentTypes[c.enum("ContentType", true, "TEXT_PLAIN", "TEXT_HTML", "APPLICATION_JSON")],
			Body:        c.must("Content"),
		}
		c.done()
		return b
	}
	if r.dialect == terraform {
		for _, c := range r.records("CustomResponseBodies") {
			into[c.must("Key")] = one(c)
		}
		return
	}
	if m := r.child("CustomResponseBodies"); m != nil {
		for i, key := range m.n.keys {
			into[key] = one(r.record(m.n.items[i], m.path+"."+cut(key)))
		}
	}
}

var limits = map[string]int{"KB_8": 8, "KB_16": 16, "KB_32": 32, "KB_48": 48, "KB_64": 64}

func (r *record) association(a *WebACL) {
	c := r.child("AssociationConfig")
	if c == nil {
		return
	}
	defer c.done()
	body := c.child("RequestBody")
	if body == nil {
		return
	}
	for _, kind := range []string{"CLOUDFRONT", "API_GATEWAY", "COGNITO_USER_POOL", "APP_RUNNER_SERVICE", "VERIFIED_ACCESS_INSTANCE"} {
		name := kind
		if r.dialect == terraform {
			// Its keys are in lower case; snake leaves those as they are.
			name = strings.ToLower(kind)
		}
		if limit := body.child(name); limit != nil {
			a.BodyLimits[kind] = limits[limit.enum("DefaultSizeInspectionLimit", true, "KB_16", "KB_32", "KB_48", "KB_64")]
			limit.done()
		}
	}
	body.done()
}

func (r *record) ruleGroup(name, arn string) *RuleGroup {
	g := &RuleGroup{Pos: r.here(), Bodies: map[string]yagura.Response{}}
	g.Name, g.ARN, g.ID = orElse(r.str("Name"), name), orElse(r.str("ARN", "Arn"), arn), r.str("Id")
	g.Capacity = r.number("Capacity", 0, 0, 1<<31)
	g.Rules = r.rules("Rules")
	if r.dialect == terraform {
		g.Rules = append(g.Rules, r.ruleJSON("RulesJson", "RuleJson")...)
	}
	for _, rule := range g.Rules {
		if k := rule.Statement.Kind; k == "ManagedRuleGroup" || k == "RuleGroupReference" {
			r.fail(r.n, rule.Path, "a rule group cannot refer to a rule group")
		}
	}
	r.bodies(g.Bodies)
	g.Namespace = orElse(r.str("LabelNamespace"), "awswaf:"+r.account(g.ARN)+":rulegroup:"+g.Name+":")
	r.skip("Description", "VisibilityConfig", "AvailableLabels", "ConsumedLabels", "Scope", "Tags", "LockToken")
	r.skipComputed()
	r.done()
	return g
}

func (r *record) ipSet(name, arn string) *IPSet {
	s := &IPSet{Pos: r.here()}
	s.Name, s.ARN, s.ID = orElse(r.str("Name"), name), orElse(r.str("ARN", "Arn"), arn), r.str("Id")
	s.Version = r.enum("IPAddressVersion", true, "IPV4", "IPV6")
	addresses, places := r.strings("Addresses")
	for i, a := range addresses {
		p, err := netip.ParsePrefix(a)
		path := fmt.Sprintf("%s.%s[%d]", r.path, r.spelt("Addresses"), i)
		switch {
		case err != nil:
			r.fail(places[i], path, "%q is no CIDR range; write 192.0.2.1/32 for one address", cut(a))
			continue
		case p.Bits() == 0:
			r.fail(places[i], path, "%s: AWS WAF takes every range but /0", cut(a))
			continue
		case p.Addr().Is4() != (s.Version == "IPV4") || p.Addr().Is4In6():
			r.fail(places[i], path, "%s does not belong into a set of %s", cut(a), s.Version)
			continue
		}
		s.Prefixes = append(s.Prefixes, p.Masked())
	}
	r.skip("Description", "Scope", "Tags", "LockToken")
	r.skipComputed()
	r.done()
	return s
}

func (r *record) regexSet(name, arn string) *RegexSet {
	s := &RegexSet{Pos: r.here()}
	s.Name, s.ARN, s.ID = orElse(r.str("Name"), name), orElse(r.str("ARN", "Arn"), arn), r.str("Id")
	items, path := r.list("RegularExpressionList")
	for i, n := range items {
		where := fmt.Sprintf("%s[%d]", path, i)
		if n.kind == object {
			c := r.record(n, where)
			s.Patterns = append(s.Patterns, c.must("RegexString"))
			c.done()
		} else {
			if n.kind != text {
				r.fail(n, where, "this is %s, want a pattern", kindNames[n.kind])
			}
			s.Patterns = append(s.Patterns, n.text)
		}
		s.Places = append(s.Places, r.pos(n, where))
	}
	r.skip("Description", "Scope", "Tags", "LockToken")
	r.skipComputed()
	r.done()
	return s
}
