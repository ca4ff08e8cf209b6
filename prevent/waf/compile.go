package waf

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/transform"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
)

// rule is one compiled rule.
type rule struct {
	name      string
	kind      string    // REGULAR, RATE_BASED, GROUP, MANAGED_RULE_GROUP
	statement statement // nil for rates and groups
	rate      *rate
	group     *group
	geo       []origin // whose labels it adds
	labels    []string // fully qualified
	effect    effect
	// overridden is the rule's own action where a reference to its group changed it.
	overridden yagura.Action
	excluded   bool
	countGroup bool // OverrideAction Count
	captcha    int64
	challenge  int64 // immunity in µs
	source     *acl.Rule
}

// effect is an action, ready to be applied.
type effect struct {
	kind     yagura.Action
	insert   []yagura.Header
	response *yagura.Response
}

// group is a rule group at one place where it is used.
type group struct {
	name   string // as AWS's logs write it
	scope  statement
	geo    []origin
	rules  []*rule
	tokens bool // adds token labels to what it inspects
}

// context is where a rule stands.
type context struct {
	namespace          string
	bodies             map[string]yagura.Response
	path               string // of the rule that refers to the group, with a slash
	captcha, challenge int64
}

type compiler struct {
	acl     *ACL
	fields  map[string]int
	chains  map[string]int
	sets    map[*acl.IPSet]*addressSet
	regexes map[string]*pattern
	errs    []error
	context context
	geo     []origin
}

func newCompiler(a *ACL) *compiler {
	return &compiler{acl: a, fields: map[string]int{}, chains: map[string]int{}, sets: map[*acl.IPSet]*addressSet{}, regexes: map[string]*pattern{}}
}

func (c *compiler) fail(at acl.Pos, format string, args ...any) {
	if len(c.errs) < 50 {
		c.errs = append(c.errs, &acl.Error{Pos: at, Message: fmt.Sprintf(format, args...)})
	}
}

// defaultImmunity is 300 s.
const defaultImmunity = 300

func (c *compiler) webACL(a *acl.WebACL) {
	c.context = context{
		namespace: a.Namespace, bodies: a.Bodies,
		captcha: cmp.Or(a.Captcha, defaultImmunity), challenge: cmp.Or(a.Challenge, defaultImmunity),
	}
	for _, part := range [][]*acl.Rule{a.Pre, a.Rules, a.Post} {
		c.acl.rules = append(c.acl.rules, c.rules(part, nil)...)
	}
	c.acl.byDefault = c.effect(&a.Default)
}

// rules compiles rules in the order of their priorities.
func (c *compiler) rules(source []*acl.Rule, overrides map[string]acl.Override) (rules []*rule) {
	sorted := slices.SortedStableFunc(slices.Values(source), func(a, b *acl.Rule) int { return cmp.Compare(a.Priority, b.Priority) })
	for i, s := range sorted {
		if i > 0 && sorted[i-1].Priority == s.Priority {
			c.fail(s.Pos, "the rules %q and %q have the same priority %d", sorted[i-1].Name, s.Name, s.Priority)
		}
		rules = append(rules, c.rule(s, overrides))
	}
	return rules
}

func (c *compiler) rule(s *acl.Rule, overrides map[string]acl.Override) *rule {
	r := &rule{name: s.Name, kind: "REGULAR", source: s}
	c.geo = nil
	for _, label := range s.Labels {
		r.labels = append(r.labels, c.context.namespace+label)
	}
	r.captcha = cmp.Or(s.Captcha, c.context.captcha) * 1e6
	r.challenge = cmp.Or(s.Challenge, c.context.challenge) * 1e6
	switch s.Statement.Kind {
	case "RateBased":
		r.kind, r.rate = "RATE_BASED", c.rate(s)
	case "RuleGroupReference":
		r.kind, r.group, r.countGroup = "GROUP", c.ownGroup(s), s.Override == "Count"
	case "ManagedRuleGroup":
		r.kind, r.group, r.countGroup = "MANAGED_RULE_GROUP", c.managedGroup(s), s.Override == "Count"
	default:
		r.statement = c.statement(s.Statement)
	}
	if r.group == nil {
		r.geo = c.geo
	}
	if s.Action != nil {
		r.effect = c.effect(s.Action)
	}
	c.override(r, overrides)
	return r
}

// override applies the reference's override of this rule, if there is one.
func (c *compiler) override(r *rule, overrides map[string]acl.Override) {
	o, ok := overrides[r.name]
	if !ok {
		return
	}
	r.overridden, r.excluded = r.effect.kind, o.Excluded
	// The body of an override's response is one of the web ACL.
	inner := c.context.bodies
	c.context.bodies = c.acl.source.Bodies
	r.effect = c.effect(&o.Action)
	c.context.bodies = inner
}

func (c *compiler) effect(a *acl.Action) effect {
	e := effect{kind: a.Kind}
	for _, h := range a.Insert {
		e.insert = append(e.insert, yagura.Header{Name: "x-amzn-waf-" + h.Name, Value: h.Value})
	}
	if a.Kind == yagura.Block && a.Status != 0 {
		e.response = &yagura.Response{Status: a.Status, Headers: a.Headers}
		if a.BodyKey != "" {
			body, ok := c.context.bodies[a.BodyKey]
			if !ok {
				c.fail(a.Pos, "no custom response body %q; known: %s", a.BodyKey, strings.Join(slices.Sorted(maps.Keys(c.context.bodies)), ", "))
			}
			e.response.ContentType, e.response.Body = body.ContentType, body.Body
		}
	}
	return e
}

// ownGroup compiles a rule group of the user's, for this one use of it.
func (c *compiler) ownGroup(s *acl.Rule) *group {
	of := s.Statement.Group
	if of == nil {
		c.fail(s.Statement.Pos, "the rule group %s is not among the files", s.Statement.ARN)
		return &group{}
	}
	overrides := overridesOf(s.Statement)
	for name, o := range overrides {
		if !slices.ContainsFunc(of.Rules, func(r *acl.Rule) bool { return r.Name == name }) {
			c.fail(o.Pos, "the rule group %s has no rule %q to override; names are case-sensitive", of.Name, name)
		}
	}
	outer := c.context
	c.context.namespace, c.context.bodies, c.context.path = of.Namespace, of.Bodies, s.Name+"/"
	g := &group{name: cmp.Or(of.ARN, of.Name), rules: c.rules(of.Rules, overrides)}
	c.context = outer
	return g
}

// overridesOf are by rule. The newer form wins over ExcludedRules.
func overridesOf(s *acl.Statement) map[string]acl.Override {
	all := map[string]acl.Override{}
	for _, o := range s.Overrides {
		if _, there := all[o.Rule]; !there {
			all[o.Rule] = o
		}
	}
	return all
}

// field numbers a component; equal ones get the same number.
func (c *compiler) field(f *acl.Field) int {
	print := fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%s\x00%q\x00%q\x00%q", f.Kind, strings.ToLower(f.Name), f.Oversize, f.Fallback, f.Scope, f.Include, f.Exclude, f.Paths)
	if i, ok := c.fields[print]; ok {
		return i
	}
	names := slices.Concat(f.Include, f.Exclude)
	c.acl.components = append(c.acl.components, component{field: f, names: names, title: title(f)})
	if len(f.Paths) > 0 {
		unescape := strings.NewReplacer("~1", "/", "~0", "~")
		var all [][]string
		for _, p := range f.Paths {
			var segments []string
			for segment := range strings.SplitSeq(strings.TrimPrefix(p, "/"), "/") {
				segments = append(segments, unescape.Replace(segment))
			}
			if p == "" {
				segments = nil
			}
			all = append(all, segments)
		}
		c.acl.pointers[f] = all
	}
	c.fields[print] = len(c.acl.components) - 1
	return c.fields[print]
}

// stream numbers a field after transformations.
func (c *compiler) stream(at acl.Pos, f *acl.Field, transforms []string) int {
	s := stream{component: c.field(f)}
	for _, name := range transforms {
		if name == "NONE" {
			continue
		}
		t, ok := transform.Named(name)
		if !ok {
			c.fail(at, "the transformation %s is not known", name)
			continue
		}
		s.chain, s.names = append(s.chain, t), append(s.names, name)
	}
	print := fmt.Sprint(s.component, s.names)
	if i, ok := c.chains[print]; ok {
		return i
	}
	c.acl.streams = append(c.acl.streams, s)
	c.chains[print] = len(c.acl.streams) - 1
	return c.chains[print]
}

// on compiles a test about a field.
func (c *compiler) on(s *acl.Statement, t test, condition string) statement {
	f := &onField{stream: c.stream(s.Pos, s.Field, s.Transforms), test: t, condition: condition}
	if size, ok := t.(*sizeTest); ok && len(c.acl.streams[f.stream].chain) == 0 {
		f.size = size
	}
	if k := s.Field.Kind; k == "JA3Fingerprint" || k == "JA4Fingerprint" {
		if b, ok := t.(*byteTest); !ok || b.position != "EXACTLY" {
			c.fail(s.Pos, "%s goes only with ByteMatch and EXACTLY", k)
		}
	}
	return f
}

func (c *compiler) statement(s *acl.Statement) statement {
	switch s.Kind {
	case "And", "Or":
		var parts []statement
		for _, p := range s.Parts {
			parts = append(parts, c.statement(p))
		}
		if s.Kind == "And" {
			return and(parts)
		}
		return or(parts)
	case "Not":
		return not{c.statement(s.Parts[0])}
	case "ByteMatch":
		return c.on(s, &byteTest{s.Search, s.Position}, "REGULAR")
	case "SizeConstraint":
		return c.on(s, &sizeTest{s.Compare, s.Size}, "SIZE")
	case "SqliMatch":
		return c.on(s, &sqlTest{high: s.High}, "SQL_INJECTION")
	case "XssMatch":
		return c.on(s, xssTest{}, "XSS")
	case "RegexMatch":
		return c.on(s, c.patterns(s.Pos, s.Regex), "REGEX")
	case "RegexPatternSetReference":
		if s.Regexes == nil {
			c.fail(s.Pos, "the regex set %s is not among the files", s.ARN)
			return constant{answer: no}
		}
		return c.on(s, c.patterns(s.Pos, s.Regexes.Patterns...), "REGEX")
	case "IPSetReference":
		return c.addresses(s)
	case "GeoMatch":
		c.needsPlaces("GeoMatch")
		o := origin{s.Forwarded}
		c.geo = append(c.geo, o)
		return &onCountry{of: o, codes: membership(s.Countries)}
	case "AsnMatch":
		c.needsPlaces("AsnMatch")
		return &onASN{of: origin{s.Forwarded}, numbers: membership(s.ASNs)}
	case "LabelMatch":
		return newLabelMatch(c.context.namespace, s.Key, s.Scope)
	}
	c.fail(s.Pos, "%s cannot stand here", s.Kind)
	return constant{answer: no}
}

// needsPlaces warns of statements that do not match because a file is missing.
func (c *compiler) needsPlaces(kind string) {
	warning := kind + " knows only what the request says: no files of places are given"
	if c.acl.options.Places == nil && !slices.Contains(c.acl.warnings, warning) {
		c.acl.warnings = append(c.acl.warnings, warning)
	}
}

func membership[T comparable](members []T) map[T]bool {
	set := map[T]bool{}
	for _, m := range members {
		set[m] = true
	}
	return set
}

func (c *compiler) addresses(s *acl.Statement) statement {
	if s.IPs == nil {
		c.fail(s.Pos, "the IP set %s is not among the files", s.ARN)
		return constant{answer: no}
	}
	if c.sets[s.IPs] == nil {
		c.sets[s.IPs] = newAddressSet(s.IPs.Prefixes)
	}
	return &onAddress{set: c.sets[s.IPs], forwarded: s.Forwarded, position: s.Position}
}

func (c *compiler) patterns(at acl.Pos, sources ...string) (t regexTest) {
	for _, source := range sources {
		p := c.regexes[source]
		if p == nil {
			var err error
			if p, err = newPattern(source); err != nil {
				c.fail(at, "the regular expression %q: %v", source, err)
				continue
			}
			c.regexes[source] = p
		}
		t = append(t, p)
	}
	return t
}

func (c *compiler) rate(of *acl.Rule) *rate {
	s := of.Statement
	r := &rate{limit: uint64(s.Limit), buckets: int(s.Window / 10), by: s.KeyBy, of: s.Forwarded, counts: newCounts()}
	if len(s.Parts) > 0 {
		r.scope = c.statement(s.Parts[0])
	}
	for _, k := range s.Keys {
		key := rateKey{kind: k.Kind, stream: -1, fallback: k.Fallback}
		field := &acl.Field{Kind: k.Kind, Name: k.Name, Fallback: k.Fallback}
		switch k.Kind {
		case "Header":
			field.Kind = "SingleHeader"
		case "QueryArgument":
			field.Kind = "SingleQueryArgument"
		case "HTTPMethod":
			field.Kind = "Method"
		case "Cookie":
			field.Kind, field.Name, field.Scope = "Cookies", "", "VALUE"
			field.Include, field.Oversize = []string{k.Name}, "CONTINUE"
		case "LabelNamespace":
			key.namespace = newLabelMatch(c.context.namespace, k.Name, "NAMESPACE")
		}
		if key.namespace == nil && !slices.Contains([]string{"IP", "ForwardedIP", "ASN"}, k.Kind) {
			key.stream = c.stream(s.Pos, field, k.Transforms)
		}
		r.keys = append(r.keys, key)
	}
	r.print = fingerprint(s)
	c.acl.rates[c.context.path+of.Name] = r
	return r
}
