package waf

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/waf/acl"
)

// Capacity computes the capacity units of a web ACL as far as AWS documents them;
// docs/ref/waf-semantics.md has the table. AWS's own count, if the export has it,
// is acl.WebACL.Capacity. exact is false when a managed group is not known.
func capacity(a *acl.WebACL) (units int64, exact bool) {
	w := &wcu{seen: map[string]bool{}, exact: true}
	for _, part := range [][]*acl.Rule{a.Pre, a.Rules, a.Post} {
		for _, r := range part {
			units += w.statement(r.Statement)
		}
	}
	return units, w.exact
}

// WCU is the web ACL's capacity: computed here, and as its export says (0 when it
// does not). exact is false when a managed group's capacity is not known.
func (a *ACL) WCU() (computed, exported int64, exact bool) {
	computed, exact = capacity(a.source)
	return computed, a.source.Capacity, exact
}

// wcu adds up; a transformation of a component costs once.
type wcu struct {
	seen  map[string]bool
	exact bool
}

func (w *wcu) statement(s *acl.Statement) (units int64) {
	for _, p := range s.Parts {
		units += w.statement(p)
	}
	switch s.Kind {
	case "ByteMatch":
		units += w.field(s, map[bool]int64{true: 10, false: 2}[strings.HasPrefix(s.Position, "CONTAINS")])
	case "SqliMatch":
		units += w.field(s, map[bool]int64{true: 30, false: 20}[s.High])
	case "XssMatch":
		units += w.field(s, 40)
	case "SizeConstraint":
		units += w.field(s, 1)
	case "RegexMatch":
		units += w.field(s, 3)
	case "RegexPatternSetReference":
		units += w.field(s, 25)
	case "GeoMatch", "AsnMatch", "LabelMatch":
		units++
	case "IPSetReference":
		units++
		if s.Forwarded != nil && s.Position == "ANY" {
			units += 4
		}
	case "RateBased":
		units += 2
		for _, k := range s.Keys {
			units += 30 + w.transforms(k.Kind+" "+strings.ToLower(k.Name), k.Transforms)
		}
	case "RuleGroupReference":
		if s.Group != nil {
			units += s.Group.Capacity
		}
	case "ManagedRuleGroup":
		if g := slotGroupNamed(s.Name); g != nil && s.Vendor == "AWS" {
			units += g.wcu
		} else {
			w.exact = false
		}
	}
	return units
}

func (w *wcu) field(s *acl.Statement, base int64) int64 {
	switch s.Field.Kind {
	case "AllQueryArguments":
		base += 10
	case "JsonBody":
		base *= 2
	}
	f := *s.Field
	f.Pos = acl.Pos{}
	print, err := json.Marshal(f)
	if err != nil {
		return base
	}
	return base + w.transforms(string(print), s.Transforms)
}

// transforms counts each transformation of a component once over the web ACL.
func (w *wcu) transforms(component string, names []string) (units int64) {
	for _, name := range names {
		if key := component + " " + name; name != "NONE" && !w.seen[key] {
			w.seen[key] = true
			units += 10
		}
	}
	return units
}

// fingerprint is a text that is equal for statements that decide alike.
func fingerprint(s *acl.Statement) string {
	var b strings.Builder
	describe(&b, s)
	return b.String()
}

// describe writes a statement without places.
func describe(b *strings.Builder, s *acl.Statement) {
	fmt.Fprintf(b, "%s(", s.Kind)
	if s.Field != nil {
		fmt.Fprintf(b, "%s %q %s %s %s %q %q %q %q ", s.Field.Kind, s.Field.Name, s.Field.Oversize, s.Field.Fallback, s.Field.Scope,
			s.Field.Include, s.Field.Exclude, s.Field.Paths, s.Transforms)
	}
	fmt.Fprintf(b, "%q %s %q %v %s %d %q %v %q %s ", s.Search, s.Position, s.Regex, s.High, s.Compare, s.Size, s.Countries, s.ASNs, s.Key, s.Scope)
	if s.Forwarded != nil {
		fmt.Fprintf(b, "%q ", *s.Forwarded)
	}
	if s.IPs != nil {
		fmt.Fprintf(b, "%v ", s.IPs.Prefixes)
	}
	if s.Regexes != nil {
		fmt.Fprintf(b, "%q ", s.Regexes.Patterns)
	}
	if s.Kind == "RateBased" {
		fmt.Fprintf(b, "%d %d %s %v ", s.Limit, s.Window, s.KeyBy, s.Keys)
	}
	fmt.Fprintf(b, "%s %s %s", s.Vendor, s.Name, s.Version)
	if s.Group != nil {
		b.WriteString(" " + s.Group.Name)
	}
	overrides := slices.Clone(s.Overrides)
	for i := range overrides {
		fmt.Fprintf(b, " %s:%s", overrides[i].Rule, overrides[i].Action.Kind)
	}
	for _, p := range s.Parts {
		b.WriteByte(' ')
		describe(b, p)
	}
	b.WriteByte(')')
}
