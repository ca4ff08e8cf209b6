package iam

import (
	"encoding/base64"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// lintFamilies gives the type of value that each condition operator compares, from
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html.
var lintFamilies = map[string]string{
	"stringequals": "String", "stringnotequals": "String", "stringequalsignorecase": "String",
	"stringnotequalsignorecase": "String", "stringlike": "String", "stringnotlike": "String",
	"numericequals": "Numeric", "numericnotequals": "Numeric", "numericlessthan": "Numeric",
	"numericlessthanequals": "Numeric", "numericgreaterthan": "Numeric", "numericgreaterthanequals": "Numeric",
	"dateequals": "Date", "datenotequals": "Date", "datelessthan": "Date", "datelessthanequals": "Date",
	"dategreaterthan": "Date", "dategreaterthanequals": "Date",
	"bool": "Bool", "binaryequals": "Binary", "ipaddress": "IPAddress", "notipaddress": "IPAddress",
	"arnequals": "ARN", "arnlike": "ARN", "arnnotequals": "ARN", "arnnotlike": "ARN", "null": "Null",
}

// lintOperator is a condition operator taken apart.
type lintOperator struct {
	name, family      string // name in lower case, without qualifier and IfExists
	qualifier         string // forallvalues, foranyvalue or nothing
	ifExists, negated bool
}

func parseLintOperator(text string) (op lintOperator, ok bool) {
	op.name = strings.ToLower(text)
	if before, after, found := strings.Cut(op.name, ":"); found {
		op.qualifier, op.name = before, after
	}
	op.name, op.ifExists = strings.CutSuffix(op.name, "ifexists")
	op.family, ok = lintFamilies[op.name]
	op.negated = strings.Contains(op.name, "not")
	return op, ok && slices.Contains([]string{"", "forallvalues", "foranyvalue"}, op.qualifier)
}

func (l *linting) conditions(i int, s *policy.Statement, known lintActions) {
	declared := l.declared(s, known)
	l.paired(i, s)
	seen := map[string]string{}
	for _, c := range s.Conditions {
		path := lintPath(i, "Condition."+c.Operator.Value+"."+c.Key.Value)
		if len(path) > 200 {
			path = strings.ToValidUTF8(path[:200], "") + "..."
		}
		same := c.Operator.Value + " " + strings.ToLower(c.Key.Value)
		if other, twice := seen[same]; twice && other != c.Key.Value {
			l.add(c.Key.Offset, lintError, "DUPLICATE_KEYS_WITH_DIFFERENT_CASE", path, "key names have no case: this is %s again", lintQuoted(other))
		}
		seen[same] = c.Key.Value
		op, ok := parseLintOperator(c.Operator.Value)
		l.empty(c, op, path)
		if !ok {
			l.add(c.Operator.Offset, lintError, "INVALID_CONDITION_OPERATOR", path, "%s is no condition operator; the statement never matches", lintQuoted(c.Operator.Value))
			continue
		}
		key, found := l.key(c, path)
		if found {
			l.operator(c, op, key, path)
			l.unsupported(s, c, op, key, path, declared)
		}
		if op.family == "Null" && op.ifExists {
			l.add(c.Operator.Offset, lintError, "NULL_WITH_IF_EXISTS", path, "Null asks for existence already; drop IfExists")
		}
		if op.family == "Null" && op.qualifier != "" {
			l.add(c.Operator.Offset, lintSuggestion, "NULL_WITH_QUALIFIER", path, "Null needs no ForAllValues or ForAnyValue")
		}
		for _, v := range c.Values {
			l.variables(v, path)
			l.value(v, op, path)
		}
		l.values(c, op, path)
	}
}

// paired reports aws:VpcSourceIp alone: private addresses repeat in other VPCs.
func (l *linting) paired(i int, s *policy.Statement) {
	named := func(keys ...string) func(policy.Condition) bool {
		return func(c policy.Condition) bool { return slices.Contains(keys, strings.ToLower(c.Key.Value)) }
	}
	if j := slices.IndexFunc(s.Conditions, named("aws:vpcsourceip")); j >= 0 && !slices.ContainsFunc(s.Conditions, named("aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce")) {
		l.add(s.Conditions[j].Key.Offset, lintSecurity, "MISSING_PAIRED_CONDITION_KEYS", lintPath(i, "Condition"),
			"other VPCs have the same private addresses; compare aws:SourceVpc as well")
	}
}

// empty reports a key without values, by what that means for the operator.
func (l *linting) empty(c policy.Condition, op lintOperator, path string) {
	code, means := "EMPTY_ARRAY_CONDITION", "there are no values to compare with"
	switch {
	case len(c.Values) > 0:
		return
	case op.qualifier == "forallvalues":
		code, means = code+"_FORALLVALUES", "without values this matches only if the key is missing; write Null"
	case op.qualifier == "foranyvalue":
		code, means = code+"_FORANYVALUE", "without values this never matches"
	case op.ifExists:
		code, means = code+"_IFEXISTS", "without values this matches only if the key is missing; write Null"
	}
	l.add(c.Key.Offset, lintSuggestion, code, path, "%s", means)
}

// lintTagKeys are the keys that must be followed by a slash and the tag's key.
var lintTagKeys = []string{"aws:requesttag", "aws:resourcetag", "aws:principaltag"}

// key finds the condition key and complains about one that does not exist.
func (l *linting) key(c policy.Condition, path string) (actions.Key, bool) {
	name := c.Key.Value
	key, found := l.table.Key(name)
	if found || len(l.findings) == maxLintFindings {
		return key, found
	}
	prefix, _, colon := strings.Cut(name, ":")
	if !colon {
		l.add(c.Key.Offset, lintError, "INVALID_CONDITION_KEY_FORMAT", path, "%s: a condition key is written service:name", lintQuoted(name))
		return key, false
	}
	if strings.ContainsAny(prefix, "./") || strings.EqualFold(prefix, "saml") {
		return key, false // A claim of an identity provider, of which no list exists.
	}
	code := "INVALID_SERVICE_CONDITION_KEY"
	_, service := l.table.Service(prefix)
	switch lower := strings.TrimSuffix(strings.ToLower(name), "/"); {
	case slices.Contains(lintTagKeys, lower):
		l.add(c.Key.Offset, lintError, "MISSING_TAG_KEY_IN_CONDITION", path, "write the tag's key behind it: %s/tag-key", strings.TrimSuffix(name, "/"))
		return key, false
	case lower == "aws:arn":
		l.add(c.Key.Offset, lintError, "UNSUPPORTED_GLOBAL_CONDITION_KEY", path, "aws:ARN is not supported; use aws:PrincipalArn or aws:SourceArn")
		return key, false
	case strings.EqualFold(prefix, "aws"):
		code = "INVALID_GLOBAL_CONDITION_KEY"
	case !service:
		code = "INVALID_SERVICE"
	}
	l.add(c.Key.Offset, lintError, code, path, "%v; a key that is never there decides as a missing one", l.table.CheckKey(name))
	return key, false
}

// operator compares the operator with the type and number of the key's values.
func (l *linting) operator(c policy.Condition, op lintOperator, key actions.Key, path string) {
	at := c.Operator.Offset
	switch {
	case op.family == "Null":
		return
	case key.Multi && op.qualifier == "":
		l.add(at, lintError, "MISSING_QUALIFIER", path, "%s can have several values; write ForAllValues: or ForAnyValue: before the operator", key.Name)
	case !key.Multi && op.qualifier == "forallvalues":
		l.add(at, lintSecurity, "FORALLVALUES_WITH_SINGLE_VALUED_KEY", path,
			"%s has one value; ForAllValues is true when the key is missing, so drop it", key.Name)
	case !key.Multi && op.qualifier != "":
		l.add(at, lintWarning, "+FORANYVALUE_WITH_SINGLE_VALUED_KEY", path, "%s has one value; drop ForAnyValue", key.Name)
	}
	if !lintCompatible(op.family, key) {
		l.add(at, lintWarning, "TYPE_MISMATCH", path, "%s holds values of type %s; %s compares %s", key.Name, key.Type, c.Operator.Value, op.family)
	}
}

func lintCompatible(family string, key actions.Key) bool {
	switch key.Type {
	case "String", "ARN":
		// Many a key that is documented as a String holds an ARN, and string
		// operators compare ARNs as text.
		return family == "String" || family == "ARN"
	case "Date":
		return family == "Date" || family == "Numeric"
	}
	return family == key.Type
}

// declared collects the condition keys of the statement's actions and of the
// resource types they take; nil if the statement names too much to tell.
func (l *linting) declared(s *policy.Statement, known lintActions) map[string]bool {
	n := known.all.Len()
	if s.NotAction || len(s.Conditions) == 0 || n == 0 || n > 2000 {
		return nil
	}
	declared := map[string]bool{}
	for id := range known.all.All() {
		a := l.table.Action(id)
		for _, name := range a.Keys {
			declared[name] = true
		}
		for _, r := range a.Resources {
			for _, name := range r.Keys {
				declared[name] = true
			}
		}
	}
	return declared
}

// unsupported reports keys that none of the statement's actions provides, so
// that the condition always decides as for a missing key.
func (l *linting) unsupported(s *policy.Statement, c policy.Condition, op lintOperator, key actions.Key, path string, declared map[string]bool) {
	if s.NotAction && op.family != "Null" && strings.HasPrefix(key.Name, "aws:ResourceTag/") {
		l.notAction(s, c, path)
		return
	}
	if declared == nil || declared[key.Name] || op.negated || op.ifExists || op.family == "Null" || op.qualifier == "forallvalues" {
		return
	}
	prefix, _, _ := strings.Cut(key.Name, ":")
	_, ofService := l.table.Service(prefix)
	tag := slices.Contains([]string{"aws:RequestTag/${TagKey}", "aws:ResourceTag/${TagKey}", "aws:TagKeys"}, key.Name)
	switch {
	case tag && s.Deny:
		l.add(c.Key.Offset, lintSecurity, "DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", path,
			"none of the actions provides %s, so this denies nothing", c.Key.Value)
	case tag:
		l.add(c.Key.Offset, lintSuggestion, "ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", path,
			"none of the actions provides %s, so this allows nothing", c.Key.Value)
	case key.Global, !ofService:
	case s.Deny:
		l.add(c.Key.Offset, lintSecurity, "+CONDITION_KEY_NOT_PROVIDED", path, "none of the actions provides %s, so this denies nothing", c.Key.Value)
	default:
		l.add(c.Key.Offset, lintWarning, "+CONDITION_KEY_NOT_PROVIDED", path, "none of the actions provides %s, so this allows nothing", c.Key.Value)
	}
}

// notAction reports a tag condition on all actions but some, many of which know
// no tags.
func (l *linting) notAction(s *policy.Statement, c policy.Condition, path string) {
	level, code, effect := lintSuggestion, "ALLOW_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", "allowed"
	if s.Deny {
		level, code, effect = lintSecurity, "DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", "denied"
	}
	l.add(c.Key.Offset, level, code, path, "actions that do not provide %s are not %s by this; list the actions in Action", lintQuoted(c.Key.Value), effect)
}

// value checks the form of one value.
func (l *linting) value(v policy.Text, op lintOperator, path string) {
	if strings.Contains(v.Value, "${") {
		if op.family != "String" && op.family != "ARN" {
			l.add(v.Offset, lintError, "INVALID_VARIABLE_FOR_OPERATOR", path, "%s: variables work with String and Arn operators only", lintQuoted(v.Value))
		}
		return
	}
	wrong := func(code, want string) {
		l.add(v.Offset, lintWarning, code, path, "%s is not %s", lintQuoted(v.Value), want)
	}
	switch op.family {
	case "Bool", "Null":
		if !strings.EqualFold(v.Value, "true") && !strings.EqualFold(v.Value, "false") {
			wrong("TYPE_MISMATCH_BOOLEAN", "true or false")
		}
	case "Numeric":
		if _, err := strconv.ParseFloat(v.Value, 64); err != nil {
			wrong("TYPE_MISMATCH_NUMBER", "a number")
		}
	case "Date":
		_, err := strconv.ParseInt(v.Value, 10, 64)
		switch {
		case len(v.Value) != 4 && err == nil:
			l.add(v.Offset, lintWarning, "INVALID_DATE_VALUE", path, "%s is read as seconds since 1970; write a date as 2026-01-31T12:00:00Z", lintQuoted(v.Value))
		case !lintIsDate(v.Value):
			wrong("TYPE_MISMATCH_DATE", "a date as 2026-01-31T12:00:00Z")
		}
	case "Binary":
		if _, err := base64.StdEncoding.DecodeString(v.Value); err != nil {
			wrong("TYPE_MISMATCH_STRING", "base64")
		}
	case "IPAddress":
		l.address(v, path)
	case "String":
		if strings.ContainsAny(v.Value, "*?") && !strings.Contains(op.name, "like") {
			l.add(v.Offset, lintWarning, "WILDCARD_WITHOUT_LIKE_OPERATOR", path,
				"%s: here * and ? are plain characters; for wildcards use StringLike or StringNotLike", lintQuoted(v.Value))
		}
	}
}

func lintIsDate(text string) bool {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02", "2006-01", "2006"} {
		if _, err := time.Parse(layout, text); err == nil {
			return true
		}
	}
	return false
}

func (l *linting) address(v policy.Text, path string) {
	if _, err := netip.ParseAddr(v.Value); err == nil {
		return
	}
	prefix, err := netip.ParsePrefix(v.Value)
	switch {
	case err != nil:
		l.add(v.Offset, lintWarning, "TYPE_MISMATCH_IP_RANGE", path, "%s is not an address or a range as 203.0.113.0/24", lintQuoted(v.Value))
	case prefix != prefix.Masked():
		l.add(v.Offset, lintSuggestion, "IMPROVE_IP_RANGE", path, "%s has bits beyond its mask; it means %s", lintQuoted(v.Value), prefix.Masked())
	}
}

// values checks what the values are together.
func (l *linting) values(c policy.Condition, op lintOperator, path string) {
	if strings.Contains(op.name, "than") && len(c.Values) > 1 {
		l.add(c.Key.Offset, lintSuggestion, "REDUNDANT_CONDITION_VALUE_NUM", path, "of several limits only one decides; keep that")
	}
	if op.family == "Bool" && len(c.Values) > 1 {
		l.add(c.Key.Offset, lintError, "INVALID_CONDITION_MULTIPLE_BOOLEAN", path, "true and false together say nothing; keep one")
	}
	if op.family == "IPAddress" && strings.EqualFold(c.Key.Value, "aws:SourceIp") {
		l.private(c, op, path)
	}
}

// private reports private addresses where only public ones occur.
func (l *linting) private(c policy.Condition, op lintOperator, path string) {
	code := "PRIVATE_IP_ADDRESS"
	if op.negated {
		code = "PRIVATE_NOT_IP_ADDRESS"
	}
	some := slices.ContainsFunc(c.Values, lintPublic)
	mixed := slices.ContainsFunc(c.Values, func(v policy.Text) bool { return !lintPublic(v) })
	const advice = "aws:SourceIp is always a public address; for private ones use aws:VpcSourceIp"
	switch {
	case mixed && some:
		l.add(c.Key.Offset, lintSuggestion, code+"_SUBSET", path, advice)
	case mixed:
		l.add(c.Key.Offset, lintError, code, path, advice)
	}
}

func lintPublic(v policy.Text) bool {
	addr, err := netip.ParseAddr(v.Value)
	if err != nil {
		prefix, err := netip.ParsePrefix(v.Value)
		if err != nil {
			return true
		}
		addr = prefix.Addr()
		if prefix.Bits() < 8 {
			return true
		}
	}
	return !addr.IsPrivate() && !addr.IsLoopback() && !addr.IsLinkLocalUnicast()
}

// variables checks ${...} in a resource or a condition value.
func (l *linting) variables(v policy.Text, path string) {
	if !strings.Contains(v.Value, "${") {
		return
	}
	if !l.doc.Variables() {
		l.add(v.Offset, lintError, "VARIABLE_UNSUPPORTED_IN_VERSION", path, `without "Version": "2012-10-17" the variable in %s is plain text`, lintQuoted(v.Value))
		return
	}
	for rest := v.Value; ; {
		_, after, found := strings.Cut(rest, "${")
		if !found {
			return
		}
		name, tail, closed := strings.Cut(after, "}")
		rest = tail
		name, value, hasDefault := strings.Cut(name, ",")
		value = strings.TrimSpace(value)
		switch {
		case !closed:
			l.add(v.Offset, lintError, "MISSING_BRACE_IN_VARIABLE", path, "%s: a variable ends with }", lintQuoted(v.Value))
			return
		case name == "":
			l.add(v.Offset, lintError, "EMPTY_VARIABLE", path, "%s: the variable has no name", lintQuoted(v.Value))
		case name == "*" || name == "?" || name == "$":
		case strings.TrimSpace(name) != name:
			l.add(v.Offset, lintError, "UNSUPPORTED_SPACE_IN_VARIABLE", path, "%s: no blanks around the name of a variable", lintQuoted(v.Value))
		case hasDefault && (len(value) < 2 || value[0] != '\'' || value[len(value)-1] != '\''):
			l.add(v.Offset, lintError, "MISSING_QUOTE_IN_VARIABLE", path, "%s: a default stands in single quotes", lintQuoted(v.Value))
		default:
			if key, known := l.table.Key(name); known && key.Multi {
				l.add(v.Offset, lintError, "+MULTI_VALUED_VARIABLE", path, "%s: %s can have several values and can't be a variable", lintQuoted(v.Value), key.Name)
			}
		}
	}
}
