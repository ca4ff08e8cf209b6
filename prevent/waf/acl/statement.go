package acl

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strings"
)

// maxNesting bounds statements in statements. AWS allows far less.
const maxNesting = 32

var kinds = []string{
	"ByteMatch", "SqliMatch", "XssMatch", "SizeConstraint", "GeoMatch", "AsnMatch", "RuleGroupReference",
	"IPSetReference", "RegexPatternSetReference", "RegexMatch", "RateBased", "And", "Or", "Not", "ManagedRuleGroup", "LabelMatch",
}

// statement reads an object with exactly one of the keys. Depth is 0 at the top
// of a rule, where alone groups and rate-based statements may stand.
func (r *record) statement(depth int) *Statement {
	s := &Statement{Pos: r.here()}
	for _, kind := range kinds {
		c := r.child(kind + "Statement")
		if c == nil {
			continue
		}
		if s.Kind != "" {
			r.fail(r.n, r.path, "%s stands beside %s; a statement holds one", kind, s.Kind)
			c.n.keys = nil
			continue
		}
		s.Kind, s.Pos = kind, c.here()
		if depth > 0 && (kind == "RateBased" || kind == "ManagedRuleGroup" || kind == "RuleGroupReference") {
			c.fail(c.n, c.path, "%sStatement cannot stand inside another statement", kind)
		}
		if depth > maxNesting {
			c.fail(c.n, c.path, "statements nested deeper than %d levels", maxNesting)
			return s
		}
		c.fill(s, depth)
		c.done()
	}
	if s.Kind == "" {
		r.fail(r.n, r.path, "no statement; want one of %sStatement", strings.Join(kinds, "Statement, "))
		s.Kind = "Or"
	}
	r.done()
	return s
}

func (r *record) fill(s *Statement, depth int) {
	switch s.Kind {
	case "ByteMatch":
		r.search(s)
		s.Position = r.enum("PositionalConstraint", true, "EXACTLY", "STARTS_WITH", "ENDS_WITH", "CONTAINS", "CONTAINS_WORD")
	case "SqliMatch":
		s.High = r.enum("SensitivityLevel", false, "LOW", "HIGH") == "HIGH"
	case "SizeConstraint":
		s.Compare = r.enum("ComparisonOperator", true, "EQ", "NE", "LE", "LT", "GE", "GT")
		s.Size = r.number("Size", 0, 0, 21474836480)
	case "RegexMatch":
		s.Regex = r.must("RegexString")
	case "RegexPatternSetReference":
		r.reference(s)
	}
	switch s.Kind {
	case "ByteMatch", "SqliMatch", "XssMatch", "SizeConstraint", "RegexMatch", "RegexPatternSetReference":
		s.Field = r.need("FieldToMatch").field()
		s.Transforms = r.transforms()
		if len(s.Transforms) == 0 {
			r.fail(r.n, r.path, "%s is missing; write NONE for none", r.spelt("TextTransformations"))
		}
		return
	case "GeoMatch":
		s.Countries, _ = r.strings("CountryCodes")
		s.Forwarded = r.forwarded("ForwardedIPConfig")
	case "AsnMatch":
		r.asns(s)
		s.Forwarded = r.forwarded("ForwardedIPConfig")
	case "IPSetReference":
		r.reference(s)
		if c := r.child("IPSetForwardedIPConfig"); c != nil {
			s.Forwarded = &Forwarded{Header: c.must("HeaderName"), Fallback: c.enum("FallbackBehavior", true, "MATCH", "NO_MATCH")}
			s.Position = c.enum("Position", true, "FIRST", "LAST", "ANY")
			c.done()
		}
	case "LabelMatch":
		s.Key, s.Scope = r.must("Key"), r.enum("Scope", true, "LABEL", "NAMESPACE")
	case "And", "Or":
		for _, c := range r.records("Statements") {
			s.Parts = append(s.Parts, c.statement(depth+1))
		}
		if len(s.Parts) < 2 {
			r.fail(r.n, r.path, "%sStatement needs at least two statements", s.Kind)
		}
	case "Not":
		s.Parts = []*Statement{r.need("Statement").statement(depth + 1)}
	default:
		r.group(s, depth)
	}
}

// group reads what stands at the top of a rule only.
func (r *record) group(s *Statement, depth int) {
	switch s.Kind {
	case "RuleGroupReference":
		r.reference(s)
		s.Overrides = r.overrides()
		return
	case "RateBased":
		s.Limit = r.number("Limit", 0, 1, 2000000000)
		s.Window = r.number("EvaluationWindowSec", 300, 0, 600)
		switch s.Window {
		case 0:
			s.Window = 300
		case 60, 120, 300, 600:
		default:
			r.fail(r.n, r.path, "%s is %d; want 60, 120, 300 or 600", r.spelt("EvaluationWindowSec"), s.Window)
		}
		s.KeyBy = r.enum("AggregateKeyType", true, "IP", "FORWARDED_IP", "CUSTOM_KEYS", "CONSTANT")
		s.Forwarded = r.forwarded("ForwardedIPConfig")
		for _, c := range r.records("CustomKeys") {
			s.Keys = append(s.Keys, c.rateKey())
		}
		r.rateNeeds(s)
	case "ManagedRuleGroup":
		s.Vendor, s.Name, s.Version = r.must("VendorName"), r.must("Name"), r.str("Version")
		s.Overrides = r.overrides()
		s.Configs = map[string]string{}
		if n, _ := r.take("ManagedRuleGroupConfigs"); n != nil {
			flatten(n, "", s.Configs, 0)
		}
	}
	if c := r.child("ScopeDownStatement"); c != nil {
		s.Parts = []*Statement{c.statement(depth + 1)}
	} else if s.KeyBy == "CONSTANT" {
		r.fail(r.n, r.path, "the aggregate key CONSTANT needs a %s", r.spelt("ScopeDownStatement"))
	}
}

func (r *record) rateNeeds(s *Statement) {
	forwarded := s.KeyBy == "FORWARDED_IP" || slices.ContainsFunc(s.Keys, func(k RateKey) bool { return k.Kind == "ForwardedIP" })
	if forwarded && s.Forwarded == nil {
		r.fail(r.n, r.path, "the forwarded address needs %s", r.spelt("ForwardedIPConfig"))
		s.Forwarded = &Forwarded{Header: "X-Forwarded-For", Fallback: "NO_MATCH"}
	}
	if s.KeyBy == "CUSTOM_KEYS" && (len(s.Keys) == 0 || len(s.Keys) > 5) {
		r.fail(r.n, r.path, "%d custom keys, want 1 to 5", len(s.Keys))
	}
}

// flatten keeps the settings of a managed group as texts by path.
func flatten(n *node, path string, into map[string]string, depth int) {
	if depth > 12 || len(into) > 500 {
		return
	}
	for i, c := range n.items {
		p := path
		if n.kind == object {
			p = strings.TrimPrefix(path+"."+n.keys[i], ".")
		}
		flatten(c, p, into, depth+1)
	}
	if len(n.items) == 0 {
		if old := into[path]; old != "" {
			into[path] = old + "," + n.text
			return
		}
		into[path] = n.text
	}
}

func (r *record) reference(s *Statement) {
	s.ARN = r.must("ARN", "Arn")
	r.reader.references = append(r.reader.references, reference{s, r.source, r.n, r.path})
}

func (r *record) forwarded(name string) *Forwarded {
	c := r.child(name)
	if c == nil {
		return nil
	}
	defer c.done()
	return &Forwarded{Header: c.must("HeaderName"), Fallback: c.enum("FallbackBehavior", true, "MATCH", "NO_MATCH")}
}

func (r *record) asns(s *Statement) {
	items, path := r.list("AsnList", "ASNList")
	for _, n := range items {
		one := &record{source: r.source, n: &node{kind: object, keys: []string{"asn"}, items: []*node{n}, line: n.line, col: n.col}, path: path, taken: make([]bool, 1)}
		if r.dialect != terraform {
			one.n.keys[0] = "Asn"
		}
		s.ASNs = append(s.ASNs, one.number("Asn", 0, 0, 4294967295))
	}
}

// transforms reads TextTransformations in the order of their priorities.
func (r *record) transforms() (names []string) {
	type step struct {
		priority int64
		name     string
	}
	var steps []step
	for _, c := range r.records("TextTransformations") {
		steps = append(steps, step{c.number("Priority", 0, 0, 1<<31-1), c.enum("Type", true, transformations...)})
		c.done()
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.priority, b.priority) })
	for _, s := range steps {
		names = append(names, s.name)
	}
	return names
}

var transformations = []string{
	"NONE", "COMPRESS_WHITE_SPACE", "HTML_ENTITY_DECODE", "LOWERCASE", "CMD_LINE", "URL_DECODE", "BASE64_DECODE",
	"HEX_DECODE", "MD5", "REPLACE_COMMENTS", "ESCAPE_SEQ_DECODE", "SQL_HEX_DECODE", "CSS_DECODE", "JS_DECODE",
	"NORMALIZE_PATH", "NORMALIZE_PATH_WIN", "REMOVE_NULLS", "REPLACE_NULLS", "BASE64_DECODE_EXT", "URL_DECODE_UNI",
	"UTF8_TO_UNICODE", "REMOVE_WHITESPACE", "TRIM", "TRIM_LEFT", "TRIM_RIGHT", "REMOVE_COMMENTS_CHAR", "UPPERCASE",
	"CMD_LINE_WIN", "CMD_LINE_UNIX", "JS_DECODE_EXT", "SHA256",
}

// search reads the text of a byte match. In an API answer it may be base64 or
// not; see decideSearch.
func (r *record) search(s *Statement) {
	n, path := r.take("SearchString")
	coded, codedPath := r.take("SearchStringBase64")
	switch {
	case n != nil && coded != nil, n == nil && coded == nil:
		r.fail(r.n, r.path, "want exactly one of %s and SearchStringBase64", r.spelt("SearchString"))
		return
	case coded != nil:
		b, err := base64.StdEncoding.DecodeString(coded.text)
		if err != nil {
			r.fail(coded, codedPath, "not base64: %v", err)
		}
		s.Search = b
		return
	case n.kind != text && r.dialect != formation:
		r.fail(n, path, "this is %s, want a string", kindNames[n.kind])
		return
	}
	s.Search = []byte(n.text)
	if r.dialect == api {
		r.reader.searches = append(r.reader.searches, searched{s, r.source, n, path})
	}
}
