package iam

import (
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

func (l *linting) principals(i int, s *policy.Statement) {
	element := "Principal"
	if s.NotPrincipal {
		element = "NotPrincipal"
	}
	switch {
	case !s.HasPrincipal && l.doc.Kind.HasPrincipal():
		l.add(s.Offset, lintError, "MISSING_PRINCIPAL", lintPath(i, "Principal"), "a statement of this kind of policy names a Principal; without one it never matches")
	case s.HasPrincipal && len(s.Principals) == 0:
		l.add(s.Offset, lintSuggestion, "EMPTY_OBJECT_PRINCIPAL", lintPath(i, element), "an empty %s matches nobody", element)
	case s.NotPrincipal && !s.Deny:
		l.add(s.Offset, lintSecurity, "ALLOW_WITH_NOT_PRINCIPAL", lintPath(i, element),
			"Allow with NotPrincipal grants everyone else access, also anonymous callers; name those who need it")
	}
	for j, p := range s.Principals {
		path := lintPath(i, element, j)
		switch p.Type {
		case "AWS":
			l.principal(p.ID, path)
		case "Service":
			if !strings.Contains(p.ID.Value, ".amazon") || strings.ContainsAny(p.ID.Value, "*? /:") {
				l.add(p.ID.Offset, lintError, "INVALID_SERVICE_PRINCIPAL_FORMAT", path, "%s: a service is written as lambda.amazonaws.com", lintQuoted(p.ID.Value))
			}
		}
		everyone := p.Type == "*" || p.Type == "AWS" && p.ID.Value == "*"
		if everyone && !s.Deny && !s.NotPrincipal && len(s.Conditions) == 0 && l.doc.Kind == policy.Resource {
			l.add(p.ID.Offset, lintSecurity, "+PUBLIC_PRINCIPAL", path, "everyone, also without credentials, may do this; name the principals or add a condition")
		}
	}
}

// principal checks one entry under "AWS".
func (l *linting) principal(id policy.Text, path string) {
	v := id.Value
	parts := lintSplitARN(v)
	switch {
	case v == "*" || lintIsAccount(v):
	case strings.Contains(v, "${"):
		l.add(id.Offset, lintError, "VARIABLE_UNSUPPORTED_IN_ELEMENT", path, "%s: variables work in Resource and Condition only", lintQuoted(v))
	case strings.ContainsAny(v, "*?"):
		l.add(id.Offset, lintError, "UNSUPPORTED_WILDCARD_IN_PRINCIPAL", path,
			`%s never matches: a principal is "*" or has no wildcard; compare aws:PrincipalArn in a condition instead`, lintQuoted(v))
	case len(parts) == 6 && parts[0] == "arn" && (parts[2] == "iam" || parts[2] == "sts") && lintIsAccount(parts[4]) && parts[5] != "":
	case len(parts) == 6 && parts[0] == "arn" && parts[2] == "iam" && parts[4] == "cloudfront":
	case lintUniqueID(v):
		code := "INVALID_USER_REFERENCE"
		if strings.HasPrefix(v, "AROA") {
			code = "INVALID_ROLE_REFERENCE"
		}
		l.add(id.Offset, lintWarning, code, path,
			"%s is an ID, which IAM shows for a deleted user or role; then it matches nobody, also not a new one of the same name; write the ARN", lintQuoted(v))
	default:
		l.add(id.Offset, lintError, "INVALID_PRINCIPAL_FORMAT", path, "%s: a principal is an account's 12 digits or the ARN of a user, role or session", lintQuoted(v))
	}
}

// lintUniqueID holds for identifiers as AIDACKCEVSQ6C2EXAMPLE.
func lintUniqueID(text string) bool {
	if len(text) < 16 || len(text) > 32 || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return false
	}
	return strings.HasPrefix(text, "AIDA") || strings.HasPrefix(text, "AROA")
}
