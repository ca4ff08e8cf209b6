package iam

import (
	"errors"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// lintActions is what a statement's actions stand for.
type lintActions struct {
	sets []actions.Set // in step with the statement's Actions
	all  actions.Set
}

func (l *linting) actions(i int, s *policy.Statement) lintActions {
	known := lintActions{all: l.table.NewSet()}
	element := "Action"
	if s.NotAction {
		element = "NotAction"
	}
	for j, a := range s.Actions {
		set, err := l.table.Expand(a.Value)
		known.all.Add(set)
		if err != nil || set.Len() == 0 {
			set = nil // Hostile documents hold many thousands.
		}
		known.sets = append(known.sets, set)
		if set != nil || len(l.findings) == maxLintFindings {
			continue
		}
		if err == nil {
			err = l.table.Check(a.Value)
		}
		if strings.Contains(a.Value, "${") {
			l.add(a.Offset, lintError, "VARIABLE_UNSUPPORTED_IN_ELEMENT", lintPath(i, element, j), "%s: variables work in Resource and Condition only", lintQuoted(a.Value))
			continue
		}
		code, effect := "INVALID_ACTION", "it never matches"
		var unknown *actions.UnknownError
		if errors.As(err, &unknown) && unknown.Kind == "service" {
			code = "INVALID_SERVICE_IN_ACTION"
		}
		if s.NotAction {
			effect = "it leaves out nothing"
		}
		l.add(a.Offset, lintError, code, lintPath(i, element, j), "%s: %v; %s", lintQuoted(a.Value), err, effect)
	}
	if len(s.Actions) == 0 {
		l.add(s.Offset, lintSuggestion, "EMPTY_ARRAY_ACTION", lintPath(i, element), "an empty %s does nothing", element)
	}
	l.redundant(i, element, s.Actions, known.sets)
	if s.NotAction && !s.Deny && l.doc.Kind != policy.SCP && l.doc.Kind != policy.Boundary {
		l.add(s.Offset, lintWarning, "+ALLOW_WITH_NOT_ACTION", lintPath(i, element),
			"Allow with NotAction grants every other action of every service, also those that AWS adds later; list what is needed")
	}
	return known
}

// redundant reports actions that another element of the same list covers.
func (l *linting) redundant(i int, element string, texts []policy.Text, sets []actions.Set) {
	if len(texts) > 500 {
		return // Too many to compare each with each, and beyond any quota.
	}
	for j, set := range sets {
		if set == nil {
			continue
		}
		for k, other := range sets {
			if j == k || other == nil || !lintSubset(set, other) || k > j && lintSubset(other, set) {
				continue // Of equals, the first stays.
			}
			l.add(texts[j].Offset, lintSuggestion, "REDUNDANT_ACTION", lintPath(i, element, j),
				"%s is covered by %s", lintQuoted(texts[j].Value), lintQuoted(texts[k].Value))
			break
		}
	}
}

func lintSubset(a, b actions.Set) bool {
	for i, word := range a {
		if word&^b[i] != 0 {
			return false
		}
	}
	return true
}

// lintDelegated are the actions that hand a role to someone else, with the keys
// that bound them and the level that Access Analyzer gives.
var lintDelegated = []struct {
	action, code, level, what string
	keys                      []string
}{
	{
		"iam:PassRole", "PASS_ROLE", lintSecurity, "pass every role to every service",
		[]string{"iam:PassedToService", "iam:AssociatedResourceArn"},
	},
	{
		"iam:CreateServiceLinkedRole", "CREATE_SLR", lintWarning, "create the roles of every service",
		[]string{"iam:AWSServiceName"},
	},
}

// delegation looks for iam:PassRole and iam:CreateServiceLinkedRole on everything.
func (l *linting) delegation(i int, s *policy.Statement, known lintActions) {
	if s.Deny || !slices.Contains([]policy.Kind{policy.Identity, policy.Boundary, policy.Session}, l.doc.Kind) {
		return
	}
	wide := slices.ContainsFunc(s.Resources, lintEveryRole)
	if !wide && !s.NotResource {
		return
	}
	for _, d := range lintDelegated {
		id, ok := l.table.ID(d.action)
		if !ok || known.all.Has(id) == s.NotAction || lintBounds(s, d.keys) {
			continue
		}
		at, path, star := s.Offset, lintPath(i, "NotAction"), false
		if !s.NotAction {
			j := slices.IndexFunc(known.sets, func(set actions.Set) bool { return set.Has(id) })
			at, path, star = s.Actions[j].Offset, lintPath(i, "Action", j), strings.ContainsAny(s.Actions[j].Value, "*?")
		}
		code := "_WITH_STAR_IN_RESOURCE"
		switch {
		case s.NotAction && s.NotResource:
			code = "_WITH_NOT_ACTION_AND_NOT_RESOURCE"
		case s.NotAction:
			code = "_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION"
		case star && s.NotResource:
			code = "_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE"
		case star:
			code = "_WITH_STAR_IN_ACTION_AND_RESOURCE"
		case s.NotResource:
			code = "_WITH_NOT_RESOURCE"
		}
		l.add(at, d.level, d.code+code, path, "the statement includes %s and can %s; name the roles in Resource, or add a condition on %s", d.action, d.what, d.keys[0])
	}
}

// lintEveryRole holds for resources that cover all roles.
func lintEveryRole(r policy.Text) bool {
	if strings.Trim(r.Value, "*") == "" {
		return r.Value != ""
	}
	parts := strings.SplitN(r.Value, ":", 6)
	return len(parts) == 6 && parts[2] == "iam" && (parts[5] == "role/*" || parts[5] == "role*" || parts[5] == "*")
}

// lintBounds reports whether a condition that can fail bounds one of the keys.
func lintBounds(s *policy.Statement, keys []string) bool {
	return slices.ContainsFunc(s.Conditions, func(c policy.Condition) bool {
		op, ok := parseLintOperator(c.Operator.Value)
		return ok && !op.negated && op.family != "Null" && slices.ContainsFunc(keys, func(key string) bool { return strings.EqualFold(key, c.Key.Value) }) &&
			!slices.ContainsFunc(c.Values, func(v policy.Text) bool { return v.Value == "*" })
	})
}

// resourceControl checks what only resource control policies must keep to
// (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html).
func (l *linting) resourceControl(i int, s *policy.Statement, known lintActions) {
	if !s.Deny {
		l.add(s.Effect.Offset, lintError, "RCP_SYNTAX_ERROR_ALLOW", lintPath(i, "Effect"), "a resource control policy may only deny; AWS's own RCPFullAWSAccess allows")
	}
	for j, p := range s.Principals {
		if p.ID.Value != "*" {
			l.add(p.ID.Offset, lintError, "RCP_SYNTAX_ERROR_PRINCIPAL", lintPath(i, "Principal", j), `the Principal of a resource control policy is "*"; name principals in a condition`)
		}
	}
	if s.NotAction {
		l.add(s.Offset, lintError, "RCP_SYNTAX_ERROR_NOT_ACTION", lintPath(i, "NotAction"), "a resource control policy may not hold NotAction")
		return
	}
	for j, a := range s.Actions {
		prefix, _, _ := strings.Cut(a.Value, ":")
		service, ok := l.table.Service(prefix)
		switch {
		case known.sets[j].Len() == l.table.Len():
			l.add(a.Offset, lintError, "RCP_SYNTAX_ERROR_ACTION_WILDCARD", lintPath(i, "Action", j), "a resource control policy of your own may not name all actions; write one \"service:*\" for each service")
		case ok && !service.RCP:
			l.add(a.Offset, lintSecurity, "+RCP_UNSUPPORTED_SERVICE", lintPath(i, "Action", j),
				"resource control policies do not apply to %s, so %s denies nothing", service.Name, lintQuoted(a.Value))
		}
	}
}
