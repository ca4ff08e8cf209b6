package waf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/waf/acl"
)

// covers says that the whole prefix is in the set; merged neighbours that only
// together cover it are not seen.
func (s *addressSet) covers(p netip.Prefix) bool {
	one := newAddressSet([]netip.Prefix{p})
	for _, r := range one.four {
		if !slices.ContainsFunc(s.four, func(x range4) bool { return x.first <= r.first && x.last >= r.last }) {
			return false
		}
	}
	for _, r := range one.six {
		if !slices.ContainsFunc(s.six, func(x range6) bool { return x.first.compare(r.first) <= 0 && x.last.compare(r.last) >= 0 }) {
			return false
		}
	}
	return true
}

// Difference is one change between two versions of a web ACL.
type Difference struct {
	// Kind is added, removed, action, priority, statement, labels, override,
	// addresses, patterns, default, settings or wcu.
	Kind   string `json:"kind"`
	Rule   string `json:"rule,omitempty"` // as group rule/rule in the group
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// differenceTexts are sentences with rule, before and after.
var differenceTexts = map[string]map[string]string{
	"en": {
		"added": "rule %[1]s is new: %[3]s", "removed": "rule %[1]s is gone; it was: %[2]s", "action": "rule %[1]s: action %[2]s becomes %[3]s",
		"priority": "rule %[1]s moves: it stood after %[2]s, now after %[3]s", "statement": "rule %[1]s matches something else: %[2]s becomes %[3]s",
		"labels": "rule %[1]s: labels %[2]s become %[3]s", "override": "rule %[1]s: overrides %[2]s become %[3]s",
		"addresses": "rule %[1]s: its IP set loses %[2]s and gains %[3]s", "patterns": "rule %[1]s: its patterns lose %[2]s and gain %[3]s",
		"default": "the default action %[2]s becomes %[3]s", "settings": "%[1]s: %[2]s becomes %[3]s", "wcu": "WCU: %[2]s becomes %[3]s",
	},
	"ja": {
		"added": "ルール %[1]s を追加: %[3]s", "removed": "ルール %[1]s を削除（以前: %[2]s）", "action": "ルール %[1]s のアクションを %[2]s から %[3]s に変更",
		"priority": "ルール %[1]s の順序を変更（以前は %[2]s の次、今は %[3]s の次）", "statement": "ルール %[1]s の条件を %[2]s から %[3]s に変更",
		"labels": "ルール %[1]s のラベルを %[2]s から %[3]s に変更", "override": "ルール %[1]s の上書きを %[2]s から %[3]s に変更",
		"addresses": "ルール %[1]s の IP セットから %[2]s を削除、%[3]s を追加", "patterns": "ルール %[1]s のパターンから %[2]s を削除、%[3]s を追加",
		"default": "デフォルトアクションを %[2]s から %[3]s に変更", "settings": "%[1]s を %[2]s から %[3]s に変更", "wcu": "WCU が %[2]s から %[3]s に変化",
	},
}

// Sentence says the change in words; language is en or ja.
func (d Difference) Sentence(language string) string {
	texts := differenceTexts["en"]
	if language == "ja" {
		texts = differenceTexts["ja"]
	}
	return fmt.Sprintf(texts[d.Kind], orNothing(d.Rule), orNothing(d.Before), orNothing(d.After))
}

func orNothing(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Diff says what changed between two versions of a web ACL. What it means for
// requests, a replay tells.
func Diff(before, after *acl.WebACL) (all []Difference) {
	add := func(kind, rule, was, is string) {
		if was != is {
			all = append(all, Difference{kind, rule, was, is})
		}
	}
	add("default", "", before.Default.Kind.String(), after.Default.Kind.String())
	add("settings", "CaptchaConfig", seconds(before.Captcha), seconds(after.Captcha))
	add("settings", "ChallengeConfig", seconds(before.Challenge), seconds(after.Challenge))
	add("settings", "TokenDomains", strings.Join(before.TokenDomains, ", "), strings.Join(after.TokenDomains, ", "))
	add("settings", "AssociationConfig", fmt.Sprint(before.BodyLimits), fmt.Sprint(after.BodyLimits))
	all = append(all, diffRules("", inOrder(before), inOrder(after))...)
	was, _ := capacity(before)
	is, _ := capacity(after)
	add("wcu", "", fmt.Sprint(was), fmt.Sprint(is))
	return all
}

func seconds(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d s", n)
}

func diffRules(path string, before, after []*acl.Rule) (all []Difference) {
	find := func(rules []*acl.Rule, name string) *acl.Rule {
		if i := slices.IndexFunc(rules, func(r *acl.Rule) bool { return r.Name == name }); i >= 0 {
			return rules[i]
		}
		return nil
	}
	kept := func(rules, other []*acl.Rule) (names []string) {
		for _, r := range rules {
			if find(other, r.Name) != nil {
				names = append(names, r.Name)
			}
		}
		return names
	}
	for _, r := range before {
		if find(after, r.Name) == nil {
			all = append(all, Difference{"removed", path + r.Name, actionOf(r) + " " + say(r.Statement), ""})
		}
	}
	stood, stands := kept(before, after), kept(after, before)
	for _, r := range after {
		old := find(before, r.Name)
		if old == nil {
			all = append(all, Difference{"added", path + r.Name, "", actionOf(r) + " " + say(r.Statement)})
			continue
		}
		if was, is := previous(stood, r.Name), previous(stands, r.Name); was != is {
			all = append(all, Difference{"priority", path + r.Name, was, is})
		}
		all = append(all, diffRule(path, old, r)...)
	}
	return all
}

// previous is the rule before this one.
func previous(names []string, name string) string {
	if i := slices.Index(names, name); i > 0 {
		return names[i-1]
	}
	return ""
}

func actionOf(r *acl.Rule) string {
	if r.Action == nil {
		return "override " + r.Override
	}
	return r.Action.Kind.String()
}

func diffRule(path string, before, after *acl.Rule) (all []Difference) {
	name := path + after.Name
	add := func(kind, was, is string) {
		if was != is {
			all = append(all, Difference{kind, name, was, is})
		}
	}
	add("action", describeAction(before), describeAction(after))
	add("labels", strings.Join(before.Labels, ", "), strings.Join(after.Labels, ", "))
	add("override", overridesText(before.Statement), overridesText(after.Statement))
	b, a := before.Statement, after.Statement
	if b.Kind == a.Kind && b.Group != nil && a.Group != nil {
		all = append(all, diffRules(name+"/", sortedRules(b.Group.Rules), sortedRules(a.Group.Rules))...)
	}
	if fingerprint(b) == fingerprint(a) {
		return all
	}
	was, is := say(b), say(a)
	if was != is {
		add("statement", was, is)
		return all
	}
	n := len(all)
	lost, won := setsOf(b), setsOf(a)
	for _, kind := range []string{"addresses", "patterns"} {
		gone, came := missing(lost[kind], won[kind]), missing(won[kind], lost[kind])
		if len(gone)+len(came) > 0 {
			all = append(all, Difference{kind, name, short(gone), short(came)})
		}
	}
	if len(all) == n && overridesText(b) == overridesText(a) {
		all = append(all, Difference{"statement", name, was, is})
	}
	return all
}

func describeAction(r *acl.Rule) string {
	s := actionOf(r)
	if r.Action != nil && r.Action.Status != 0 {
		s += fmt.Sprintf(" with status %d", r.Action.Status)
	}
	if r.Action != nil && len(r.Action.Insert) > 0 {
		s += fmt.Sprintf(" with %d headers", len(r.Action.Insert))
	}
	return s
}

func overridesText(s *acl.Statement) string {
	var all []string
	for _, o := range s.Overrides {
		all = append(all, o.Rule+" "+o.Action.Kind.String())
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// setsOf are the addresses and patterns of all sets that a statement refers to.
func setsOf(s *acl.Statement) map[string][]string {
	sets := map[string][]string{}
	walk(s, func(s *acl.Statement) {
		if s.IPs != nil {
			for _, p := range s.IPs.Prefixes {
				sets["addresses"] = append(sets["addresses"], p.String())
			}
		}
		if s.Regexes != nil {
			sets["patterns"] = append(sets["patterns"], s.Regexes.Patterns...)
		}
	})
	return sets
}

func missing(from, in []string) (gone []string) {
	has := membership(in)
	for _, x := range from {
		if !has[x] {
			gone = append(gone, x)
		}
	}
	return gone
}

func short(all []string) string {
	if len(all) > 5 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:5], ", "), len(all)-5)
	}
	return strings.Join(all, ", ")
}

// say puts a statement into words.
func say(s *acl.Statement) string {
	join := func(with string) string {
		var parts []string
		for _, p := range s.Parts {
			parts = append(parts, say(p))
		}
		return "(" + strings.Join(parts, with) + ")"
	}
	field := ""
	if s.Field != nil {
		field = title(s.Field)
		for _, t := range s.Transforms {
			if t != "NONE" {
				field += " " + t
			}
		}
	}
	forwarded := ""
	if s.Forwarded != nil {
		forwarded = " of " + s.Forwarded.Header
	}
	switch s.Kind {
	case "And":
		return join(" and ")
	case "Or":
		return join(" or ")
	case "Not":
		return "not " + say(s.Parts[0])
	case "ByteMatch":
		return fmt.Sprintf("%s %s %q", field, s.Position, s.Search)
	case "RegexMatch":
		return fmt.Sprintf("%s matches %q", field, s.Regex)
	case "RegexPatternSetReference":
		return field + " matches the regex set " + s.Regexes.Name
	case "SizeConstraint":
		return fmt.Sprintf("size of %s %s %d", field, s.Compare, s.Size)
	case "GeoMatch":
		return "country" + forwarded + " in " + strings.Join(s.Countries, ", ")
	case "AsnMatch":
		return "ASN" + forwarded + " in " + strings.Trim(fmt.Sprint(s.ASNs), "[]")
	case "IPSetReference":
		return "address" + forwarded + " in the IP set " + s.IPs.Name
	case "LabelMatch":
		return strings.ToLower(s.Scope) + " " + s.Key
	case "RateBased":
		return fmt.Sprintf("more than %d requests in %d s by %s%s", s.Limit, s.Window, s.KeyBy, scoped(s))
	case "ManagedRuleGroup":
		return strings.TrimSpace("managed rule group "+s.Name+" "+s.Version) + scoped(s)
	case "RuleGroupReference":
		return "rule group " + s.Group.Name
	}
	return s.Kind + " on " + field
}

func scoped(s *acl.Statement) string {
	if len(s.Parts) == 0 {
		return ""
	}
	return " where " + say(s.Parts[0])
}
