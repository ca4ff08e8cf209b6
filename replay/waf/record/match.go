package record

import (
	"strings"

	"github.com/yagura-sec/yagura/internal/jsonscan"
)

// Match is one rule that matched on record.
type Match struct {
	Group  string // as ruleGroupId, empty for the web ACL's own rules
	Rule   string
	Action string // COUNT, BLOCK …; EXCLUDED_AS_COUNT
	// Location is HEADER, ALL_QUERY_ARGS, BODY … and Field the member in it; both
	// empty where the log gives no details, as for many rules.
	Location, Field string
}

// Matches gives every rule that matched on a record of AWS WAF, each once.
func Matches(raw string) (all []Match) {
	var s jsonscan.Scanner
	s.ResetText(raw)
	if !s.Object() {
		return nil
	}
	var end Match
	for s.Next() {
		switch s.Key() {
		case "terminatingRuleId":
			end.Rule, _ = s.Str()
		case "action":
			end.Action, _ = s.Str()
		case "terminatingRuleMatchDetails":
			end.Location, end.Field = details(&s)
		case "nonTerminatingMatchingRules":
			all = rules(&s, "", all)
		case "ruleGroupList":
			all = groups(&s, all)
		}
	}
	if s.End() != nil {
		return nil
	}
	inner := false
	for i := range all {
		inner = inner || all[i].Group != "" && all[i].Action == end.Action && end.Action != "COUNT"
	}
	if end.Rule != "" && end.Rule != "Default_Action" && !inner {
		all = append(all, end)
	}
	return all
}

func groups(s *jsonscan.Scanner, all []Match) []Match {
	if !s.Array() {
		return all
	}
	for s.Next() {
		if !s.Object() {
			continue
		}
		group, from := "", len(all)
		for s.Next() {
			switch s.Key() {
			case "ruleGroupId":
				group, _ = s.Str()
			case "terminatingRule":
				all = one(s, all)
			case "nonTerminatingMatchingRules", "excludedRules":
				all = rules(s, "", all)
			}
		}
		for i := range all[from:] {
			all[from+i].Group = group
		}
	}
	return all
}

func rules(s *jsonscan.Scanner, group string, all []Match) []Match {
	if !s.Array() {
		return all
	}
	for s.Next() {
		from := len(all)
		all = one(s, all)
		for i := range all[from:] {
			all[from+i].Group = group
		}
	}
	return all
}

// one reads one rule, if the value is one.
func one(s *jsonscan.Scanner, all []Match) []Match {
	if !s.Object() {
		return all
	}
	var m Match
	for s.Next() {
		switch s.Key() {
		case "ruleId":
			m.Rule, _ = s.Str()
		case "action", "exclusionType":
			m.Action, _ = s.Str()
		case "ruleMatchDetails":
			m.Location, m.Field = details(s)
		}
	}
	if m.Rule == "" {
		return all
	}
	for i := range all {
		if all[i].Rule == m.Rule && all[i].Group == "" && all[i].Location == m.Location && all[i].Field == m.Field {
			return all
		}
	}
	return append(all, m)
}

// details gives where the first detail is.
func details(s *jsonscan.Scanner) (location, field string) {
	if !s.Array() {
		return "", ""
	}
	for s.Next() {
		if !s.Object() {
			continue
		}
		at, name := "", ""
		for s.Next() {
			switch s.Key() {
			case "location":
				at, _ = s.Str()
			case "matchedFieldName":
				name, _ = s.Str()
			}
		}
		if location == "" {
			location, field = at, strings.ToLower(name)
		}
	}
	return location, field
}
