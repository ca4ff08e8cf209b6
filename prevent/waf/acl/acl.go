// Package acl reads AWS WAF web ACLs and what they refer to into one model.
//
// It takes what AWS and its tools write, unchanged:
//
//   - the answers of get-web-acl, get-rule-group, get-ip-set,
//     get-regex-pattern-set and get-logging-configuration, with or without the
//     wrapper {"WebACL": …, "LockToken": …}
//     (https://docs.aws.amazon.com/waf/latest/APIReference/API_WebACL.html);
//   - CloudFormation templates, JSON or YAML, with AWS::WAFv2::* resources, Ref,
//     Fn::GetAtt, Fn::Sub and Fn::Join between them
//     (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_WAFv2.html);
//   - `terraform show -json` of a plan or a state
//     (https://developer.hashicorp.com/terraform/internals/json-format).
//
// It refuses unknown keys, wrong types, values that are no member of their enum,
// repeated keys and references that nothing in the given files answers; every
// complaint has file, line, column and path. It does not judge a web ACL: that
// AWS would refuse a regular expression is for the linter.
package acl

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/yagura-sec/yagura"
)

// Pos is a place in a file. Line and Column count from 1.
type Pos struct {
	File         string
	Line, Column int
	Path         string // as WebACL.Rules[2].Statement
}

// Error is one thing wrong with a file.
type Error struct {
	Pos
	Message string
}

// Error gives file:line:column, path and message.
func (e *Error) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s: %s", e.File, e.Line, e.Column, e.Path, e.Message)
}

// Bundle is everything that was read, with references resolved.
type Bundle struct {
	ACLs    []*WebACL
	Groups  []*RuleGroup
	IPSets  []*IPSet
	Regexes []*RegexSet
	// HasLogging says that logging configurations were among the files; then
	// WebACL.Logged means something.
	HasLogging bool
}

// ACL gives the web ACL of this name, id or ARN, or the only one if name is empty.
func (b *Bundle) ACL(name string) (*WebACL, error) {
	if name == "" {
		switch len(b.ACLs) {
		case 1:
			return b.ACLs[0], nil
		case 0:
			return nil, errors.New("no web ACL in the files; give the output of get-web-acl, a template or a plan")
		}
		return nil, fmt.Errorf("%d web ACLs in the files; name one", len(b.ACLs))
	}
	for _, a := range b.ACLs {
		if name == a.Name || name == a.ID || name == a.ARN {
			return a, nil
		}
	}
	return nil, fmt.Errorf("no web ACL named %q in the files", name)
}

// WebACL is a web ACL.
type WebACL struct {
	Pos
	Name, ID, ARN string
	Account       string // 12 digits
	Scope         string // CLOUDFRONT or REGIONAL, empty when not said
	Default       Action
	Rules         []*Rule // as in the file, not by priority
	Pre, Post     []*Rule // of Firewall Manager
	Capacity      int64   // WCU as AWS counted them, 0 when not said
	Namespace     string  // label prefix with its final colon
	// Bodies are the custom response bodies, by key; ContentType is that of HTTP.
	Bodies       map[string]yagura.Response
	Captcha      int64 // immunity time in seconds, 0 when not set
	Challenge    int64
	TokenDomains []string
	// BodyLimits are KiB by resource type, as CLOUDFRONT.
	BodyLimits map[string]int
	Logged     bool // a logging configuration names it
}

// RuleGroup is a rule group of the user's own.
type RuleGroup struct {
	Pos
	Name, ID, ARN string
	Capacity      int64
	Namespace     string
	Rules         []*Rule
	Bodies        map[string]yagura.Response
}

// IPSet is an IP set.
type IPSet struct {
	Pos
	Name, ID, ARN string
	Version       string // IPV4 or IPV6
	Prefixes      []netip.Prefix
}

// RegexSet is a regex pattern set.
type RegexSet struct {
	Pos
	Name, ID, ARN string
	Patterns      []string
	Places        []Pos // of the patterns
}

// Rule is one rule.
type Rule struct {
	Pos
	Name      string
	Priority  int64
	Statement *Statement
	Action    *Action // nil for references to groups
	Override  string  // None or Count, of references to groups
	Labels    []string
	Captcha   int64 // immunity time in seconds, 0 when not set
	Challenge int64
}

// Action is what a rule does. Of a count without more, only Kind is set.
type Action struct {
	Pos
	Kind    yagura.Action
	Insert  []yagura.Header // request headers, names as written
	Status  int             // custom response, 0 when there is none
	BodyKey string
	Headers []yagura.Header // of the custom response
}

// Override replaces the action of one rule of a group.
type Override struct {
	Pos
	Rule     string
	Action   Action
	Excluded bool // written in the old form, ExcludedRules
}

// Statement is one statement. Kind says which; the fields of other kinds are empty.
type Statement struct {
	Pos
	// Kind is the key without its ending: ByteMatch, SqliMatch, XssMatch,
	// SizeConstraint, GeoMatch, AsnMatch, RuleGroupReference, IPSetReference,
	// RegexPatternSetReference, RegexMatch, RateBased, And, Or, Not,
	// ManagedRuleGroup, LabelMatch.
	Kind       string
	Field      *Field
	Transforms []string // by priority
	Search     []byte   // ByteMatch
	Position   string   // ByteMatch: EXACTLY …; IPSetReference: FIRST, LAST, ANY
	Regex      string
	High       bool   // SqliMatch: sensitivity
	Compare    string // SizeConstraint: EQ, NE, LE, LT, GE, GT
	Size       int64
	Countries  []string
	ASNs       []int64
	Forwarded  *Forwarded
	Key, Scope string       // LabelMatch
	Parts      []*Statement // of And, Or, Not; the scope-down of RateBased and ManagedRuleGroup
	ARN        string       // of a reference, as written
	IPs        *IPSet
	Regexes    *RegexSet
	Group      *RuleGroup
	Overrides  []Override // of both kinds of groups

	// RateBased.
	Limit  int64
	Window int64  // seconds
	KeyBy  string // IP, FORWARDED_IP, CUSTOM_KEYS, CONSTANT
	Keys   []RateKey

	// ManagedRuleGroup.
	Vendor, Name, Version string
	Configs               map[string]string // settings, by path
}

// Field is a FieldToMatch.
type Field struct {
	Pos
	// Kind is SingleHeader, SingleQueryArgument, AllQueryArguments, UriPath,
	// QueryString, Body, Method, JsonBody, Headers, Cookies, HeaderOrder,
	// JA3Fingerprint, JA4Fingerprint or UriFragment.
	Kind     string
	Name     string // of the header or argument
	Oversize string // CONTINUE, MATCH, NO_MATCH; empty when not said
	Fallback string // FallbackBehavior or InvalidFallbackBehavior; empty when not said
	Scope    string // ALL, KEY, VALUE
	Include  []string
	Exclude  []string // names; both empty means all
	Paths    []string // JSON pointers; empty means all
}

// Forwarded says where to find a client's address.
type Forwarded struct{ Header, Fallback string }

// RateKey is one part of a custom key. Kind is Header, Cookie, QueryArgument,
// QueryString, UriPath, HTTPMethod, IP, ForwardedIP, LabelNamespace, ASN,
// JA3Fingerprint or JA4Fingerprint.
type RateKey struct {
	Kind, Name string
	Transforms []string
	Fallback   string
}
