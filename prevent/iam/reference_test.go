package iam

import (
	"bytes"
	"encoding/base64"
	"math/big"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/prevent/iam/access"
)

// reference decides slowly and literally, straight from the JSON of the policies
// as the IAM User Guide words it: no compiling, no index, regular expressions for
// wildcards, big numbers. It shares no code with the engine.
type reference struct {
	identity, boundary, session, endpoint []any // documents
	resource                              any
	scps                                  [][]any // nil: no organisation
	rcps                                  [][]any
	req                                   access.Request
	hasRCP                                bool // the service supports RCPs
}

func refList(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func refStrings(v any) (out []string) {
	for _, item := range refList(v) {
		out = append(out, item.(string))
	}
	return out
}

func (r *reference) context(key string) (values []string, multi, ok bool) {
	for _, v := range r.req.Context {
		if strings.EqualFold(v.Key, key) && len(v.Values) > 0 {
			values, multi, ok = v.Values, v.Multi, true
		}
	}
	if ok {
		return values, multi, true
	}
	parts := strings.Split(r.req.Principal, ":")
	signed := strings.HasPrefix(r.req.Principal, "arn:")
	switch strings.ToLower(key) {
	case "aws:principalarn":
		if signed {
			return []string{r.roleARN()}, false, true
		}
	case "aws:principalaccount":
		if signed {
			return []string{parts[4]}, false, true
		}
	case "aws:username":
		if _, name, ok := strings.Cut(r.req.Principal, ":user/"); ok {
			return []string{name}, false, true
		}
	}
	return nil, false, false
}

func (r *reference) roleARN() string {
	if _, name, ok := strings.Cut(r.req.Principal, ":assumed-role/"); ok {
		role, _, _ := strings.Cut(name, "/")
		return "arn:aws:iam::" + strings.Split(r.req.Principal, ":")[4] + ":role/" + role
	}
	return r.req.Principal
}

var refVariable = regexp.MustCompile(`\$\{([^}]*)\}`)

// regex turns a text into a regular expression; ok is false if a variable has no
// value.
func (r *reference) regex(text string, wild, variables bool, class string) (*regexp.Regexp, bool) {
	var b strings.Builder
	ok := true
	b.WriteString("(?s)^")
	for text != "" {
		if variables && strings.HasPrefix(text, "${") {
			if m := refVariable.FindStringSubmatch(text); m != nil && strings.HasPrefix(text, m[0]) {
				text = text[len(m[0]):]
				if m[1] == "*" || m[1] == "?" || m[1] == "$" {
					b.WriteString(regexp.QuoteMeta(m[1]))
					continue
				}
				key, fallback, has := strings.Cut(m[1], ", '")
				values, multi, present := r.context(key)
				switch {
				case present && len(values) == 1 && !multi && !strings.EqualFold(key, "aws:TagKeys"):
					b.WriteString(regexp.QuoteMeta(values[0]))
				case !has:
					ok = false
				default:
					b.WriteString(regexp.QuoteMeta(strings.TrimSuffix(fallback, "'")))
				}
				continue
			}
		}
		c := []rune(text)[0]
		text = text[len(string(c)):]
		switch {
		case wild && c == '*':
			b.WriteString(class + "*")
		case wild && c == '?':
			b.WriteString(class)
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	b.WriteString("$")
	return regexp.MustCompile(b.String()), ok
}

// arn matches an ARN pattern segment by segment.
func (r *reference) arn(pattern, name string, variables, inCondition bool) bool {
	if pattern == "*" {
		return !inCondition
	}
	masked := refVariable.ReplaceAllStringFunc(pattern, func(s string) string { return strings.ReplaceAll(s, ":", "\x00") })
	if !variables {
		masked = pattern
	}
	want, got := strings.SplitN(masked, ":", 6), strings.SplitN(name, ":", 6)
	if len(got) < 6 || len(want) < 6 && inCondition {
		return false
	}
	for i, segment := range want {
		class := "[^:]"
		if i == 5 {
			class = "."
		}
		if !inCondition && i == 2 && strings.ContainsAny(segment, "*?") || !inCondition && i == 0 && segment != "arn" {
			return false
		}
		re, ok := r.regex(strings.ReplaceAll(segment, "\x00", ":"), true, variables, class)
		if !ok || !re.MatchString(got[i]) {
			return false
		}
	}
	return true
}

func (r *reference) action(pattern string) bool {
	if pattern == "*" || pattern == "*:*" {
		return true
	}
	service, name, ok := strings.Cut(strings.ToLower(pattern), ":")
	wantService, wantName, _ := strings.Cut(strings.ToLower(r.req.Action), ":")
	re, _ := r.regex(name, true, false, ".")
	return ok && service == wantService && re.MatchString(wantName)
}

func (r *reference) principals(statement map[string]any, deny bool) (named string) {
	block, not := statement["Principal"], false
	if block == nil {
		block, not = statement["NotPrincipal"], true
	}
	if block == nil {
		return ""
	}
	p, account := r.req.Principal, ""
	if parts := strings.Split(p, ":"); len(parts) > 4 {
		account = parts[4]
	}
	listed := map[string]bool{}
	add := func(kind, id string) {
		switch {
		case id == "*":
			listed["all"] = true
		case kind == "Service":
			listed["direct"] = listed["direct"] || id == p
		case account != "" && (id == account || id == "arn:aws:iam::"+account+":root"):
			listed["account"] = true
		case id == p && strings.Contains(p, ":user/"):
			listed["user"] = true
		case id == p:
			listed["direct"] = true
		case id == r.roleARN():
			listed["role"] = true
		}
	}
	if s, ok := block.(string); ok {
		add("", s)
	} else {
		for kind, ids := range block.(map[string]any) {
			for _, id := range refStrings(ids) {
				add(kind, id)
			}
		}
	}
	isRoot := strings.HasSuffix(p, ":root")
	if listed["account"] && isRoot {
		listed["direct"] = true
	}
	if not {
		return r.notPrincipal(listed, deny, isRoot)
	}
	for _, kind := range []string{"all", "direct", "user", "role", "account"} {
		if listed[kind] {
			return strings.Replace(kind, "all", "direct", 1)
		}
	}
	return ""
}

func (r *reference) notPrincipal(listed map[string]bool, deny, isRoot bool) string {
	spared := listed["account"] || listed["user"] || listed["role"] || listed["direct"]
	if deny {
		switch p := r.req.Principal; {
		case isRoot || !strings.HasPrefix(p, "arn:"):
			spared = listed["direct"]
		case len(r.boundary) > 0:
			spared = false
		case strings.Contains(p, ":user/"):
			spared = listed["account"] && listed["user"]
		default:
			spared = listed["account"] && listed["role"] && listed["direct"]
		}
	}
	if spared || listed["all"] {
		return ""
	}
	return "direct"
}

// statements lists (effect, how the principal is named) of matching statements.
func (r *reference) statements(document any, withPrincipal bool) (out [][2]string) {
	doc := document.(map[string]any)
	variables := doc["Version"] == "2012-10-17"
	for _, item := range refList(doc["Statement"]) {
		s := item.(map[string]any)
		named := "direct"
		if withPrincipal {
			if named = r.principals(s, s["Effect"] == "Deny"); named == "" {
				continue
			}
		}
		if list, ok := s["Action"]; ok && !slices.ContainsFunc(refStrings(list), r.action) {
			continue
		}
		if list, ok := s["NotAction"]; ok && slices.ContainsFunc(refStrings(list), r.action) {
			continue
		}
		covers := func(pattern string) bool { return r.arn(pattern, r.req.Resource, variables, false) }
		if list, ok := s["Resource"]; ok && !slices.ContainsFunc(refStrings(list), covers) {
			continue
		}
		if list, ok := s["NotResource"]; ok {
			unfilled := func(pattern string) bool { _, able := r.regex(pattern, true, variables, "."); return !able }
			if slices.ContainsFunc(refStrings(list), covers) || slices.ContainsFunc(refStrings(list), unfilled) {
				continue
			}
		}
		all := true
		if conditions, ok := s["Condition"].(map[string]any); ok {
			for operator, keys := range conditions {
				for key, values := range keys.(map[string]any) {
					all = all && r.condition(operator, key, refStrings(values), variables)
				}
			}
		}
		if all {
			out = append(out, [2]string{s["Effect"].(string), named})
		}
	}
	return out
}

func (r *reference) condition(operator, key string, want []string, variables bool) bool {
	values, multi, present := r.context(key)
	if strings.EqualFold(key, "aws:TagKeys") {
		multi = true
	}
	set := ""
	if q, rest, ok := strings.Cut(operator, ":"); ok {
		set, operator = q, rest
	}
	if operator == "Null" {
		return slices.Contains(want, map[bool]string{true: "false", false: "true"}[present])
	}
	operator, ifExists := strings.CutSuffix(operator, "IfExists")
	negated := strings.Contains(operator, "Not")
	if operator == "Strange" {
		return false
	}
	if !present {
		return set != "ForAnyValue" && (ifExists || set == "ForAllValues" || negated)
	}
	if set == "" && multi {
		return false
	}
	one := func(value string) bool {
		for _, w := range want {
			match, able := r.compare(strings.Replace(operator, "Not", "", 1), w, value, variables)
			switch {
			case negated && (match || !able):
				return false
			case !negated && match:
				return true
			}
		}
		return negated
	}
	if set == "ForAnyValue" {
		return slices.ContainsFunc(values, one)
	}
	return !slices.ContainsFunc(values, func(v string) bool { return !one(v) })
}

// compare compares one pair. able is false if a variable has no value.
func (r *reference) compare(operator, want, got string, variables bool) (match, able bool) {
	re, able := r.regex(want, operator == "StringLike" || operator == "ArnLike" || operator == "ArnEquals", variables, ".")
	if !able {
		return false, false
	}
	if variables && !strings.HasPrefix(operator, "Arn") {
		want = refVariable.ReplaceAllStringFunc(want, func(v string) string {
			name, fallback, _ := strings.Cut(v[2:len(v)-1], ", '")
			if values, multi, ok := r.context(name); ok && !multi {
				return values[0]
			}
			return strings.TrimSuffix(fallback, "'")
		})
	}
	switch operator {
	case "StringEquals", "StringLike":
		return re.MatchString(got), true
	case "StringEqualsIgnoreCase":
		return regexp.MustCompile("(?i)" + re.String()).MatchString(got), true
	case "ArnLike", "ArnEquals":
		readable := len(strings.SplitN(got, ":", 6)) == 6 && strings.HasPrefix(got, "arn:") &&
			(strings.Count(refVariable.ReplaceAllString(want, ""), ":") >= 5 || strings.HasPrefix(want, "arn:"))
		return readable && r.arn(want, got, variables, true), readable
	case "Bool":
		return strings.EqualFold(want, got) && (strings.EqualFold(got, "true") || strings.EqualFold(got, "false")), true
	case "BinaryEquals":
		a, errA := base64.StdEncoding.DecodeString(want)
		b, errB := base64.StdEncoding.DecodeString(got)
		return errA == nil && errB == nil && bytes.Equal(a, b), true
	case "IpAddress":
		if !strings.Contains(want, "/") {
			want += map[bool]string{true: "/128", false: "/32"}[strings.Contains(want, ":")]
		}
		_, network, err := net.ParseCIDR(want)
		ip := net.ParseIP(got)
		return err == nil && ip != nil && strings.Contains(got, ":") == strings.Contains(want, ":") && network.Contains(ip), err == nil && ip != nil
	}
	var sign int
	if kind, ok := strings.CutPrefix(operator, "Numeric"); ok {
		a, okA := new(big.Rat).SetString(got)
		b, okB := new(big.Rat).SetString(want)
		if !okA || !okB {
			return false, false
		}
		sign, operator = a.Cmp(b), kind
	} else if kind, ok := strings.CutPrefix(operator, "Date"); ok {
		a, okA := refDate(got)
		b, okB := refDate(want)
		if !okA || !okB {
			return false, false
		}
		sign, operator = a.Cmp(b), kind
	}
	switch operator {
	case "Equals":
		return sign == 0, true
	case "LessThan":
		return sign < 0, true
	case "LessThanEquals":
		return sign <= 0, true
	case "GreaterThan":
		return sign > 0, true
	case "GreaterThanEquals":
		return sign >= 0, true
	}
	return false, true // an operator that IAM does not know
}

// refDate gives seconds since 1970.
func refDate(s string) (*big.Rat, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return big.NewRat(t.UnixNano(), 1e9), true
	}
	return new(big.Rat).SetString(s)
}

func (r *reference) decide() access.Decision {
	denied := false
	ask := func(documents []any, withPrincipal bool) map[string]bool {
		allows := map[string]bool{}
		for _, d := range documents {
			for _, s := range r.statements(d, withPrincipal) {
				if s[0] == "Deny" {
					denied = true
				} else {
					allows[s[1]] = true
				}
			}
		}
		return allows
	}
	parts := strings.Split(r.req.Principal, ":")
	isIAM := strings.HasPrefix(r.req.Principal, "arn:")
	resource := map[string]bool{}
	if r.resource != nil {
		resource = ask([]any{r.resource}, true)
	}
	endpoint := len(r.endpoint) == 0 || len(ask(r.endpoint, true)) > 0
	for _, level := range r.rcps {
		if r.hasRCP {
			ask(level, true)
		}
	}
	identity, boundary, session, scp := true, true, true, true
	if isIAM {
		identity = ask(r.identity, false)["direct"]
		b, s := ask(r.boundary, false)["direct"], ask(r.session, false)["direct"]
		boundary, session = len(r.boundary) == 0 || b, len(r.session) == 0 || s
		for _, level := range r.scps {
			if !ask(level, false)["direct"] {
				scp = false
			}
		}
		if strings.HasSuffix(r.req.Principal, ":root") {
			identity, boundary = true, true
		}
	}
	mine := identity && boundary && session
	granted := false
	switch {
	case !isIAM:
		granted = resource["direct"]
	case parts[4] != r.req.ResourceAccount:
		granted = mine && len(resource) > 0
	default:
		user := resource["user"] && (len(r.session) == 0 || boundary && session)
		role := resource["role"] && boundary && session
		granted = resource["direct"] || user || role
		if strings.HasPrefix(r.req.Action, "kms:") {
			granted = granted || resource["account"] && mine
		} else {
			granted = granted || mine
		}
	}
	switch {
	case denied:
		return access.ExplicitlyDenied
	case granted && endpoint && scp:
		return access.Allowed
	}
	return access.ImplicitlyDenied
}
