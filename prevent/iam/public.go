package iam

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// isPublic reports whether a bucket policy is public as Amazon S3 means it for
// Block Public Access: some Allow is for everyone and no condition narrows it to
// fixed values of a key that stands for somebody
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status).
func isPublic(doc *policy.Document) bool {
	for i := range doc.Statements {
		s := &doc.Statements[i]
		if !s.Deny && s.HasPrincipal && forEveryone(s) && !narrowed(s) {
			return true
		}
	}
	return false
}

func forEveryone(s *policy.Statement) bool {
	if s.NotPrincipal {
		return true
	}
	for _, p := range s.Principals {
		if p.ID.Value == "*" && (p.Type == "*" || p.Type == "AWS") {
			return true
		}
	}
	return false
}

// narrowing are the keys that stand for somebody.
var narrowing = []string{
	"aws:sourceip", "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount",
	"aws:vpceaccount", "aws:vpceorgid", "aws:userid", "aws:principalorgid",
	"aws:principalarn", "aws:principalaccount", "aws:principalservicename",
	"s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:dataaccesspointarn", "s3:dataaccesspointaccount",
}

var narrowingOperators = []string{
	"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress",
}

func narrowed(s *policy.Statement) bool {
	for i := range s.Conditions {
		c := &s.Conditions[i]
		operator := strings.TrimPrefix(strings.ToLower(c.Operator.Value), "foranyvalue:")
		key := strings.ToLower(c.Key.Value)
		if operator == "bool" && key == "aws:principalisawsservice" && len(c.Values) == 1 && boolean(c.Values[0].Value) == 1 {
			return true
		}
		if !slices.Contains(narrowingOperators, operator) || !slices.Contains(narrowing, key) || len(c.Values) == 0 {
			continue
		}
		fixed := true
		for _, v := range c.Values {
			fixed = fixed && (isFixed(key, v.Value) || key == "aws:principalarn" && strings.HasPrefix(operator, "arn") && hasAccount(v.Value))
		}
		if fixed {
			return true
		}
	}
	return false
}

// isFixed reports whether a value names somebody: it holds neither wildcard nor
// variable; an address block is not too wide; an access point's account is given.
func isFixed(key, value string) bool {
	switch key {
	case "aws:sourceip":
		network, ok := parseNetwork(value)
		if !ok {
			return false
		}
		if network.Addr().Is4() {
			return network.Bits() >= 8
		}
		return network.Bits() >= 32
	case "s3:dataaccesspointarn":
		return hasAccount(value)
	case "aws:userid":
		if id, ok := strings.CutSuffix(value, ":*"); ok {
			return !strings.ContainsAny(id, "*?$")
		}
	}
	return !strings.ContainsAny(value, "*?") && !strings.Contains(value, "${")
}

// hasAccount reports whether an ARN, perhaps with wildcards, names its account.
func hasAccount(arn string) bool {
	parts := strings.SplitN(arn, ":", 6)
	return len(parts) == 6 && isAccount(parts[4])
}
