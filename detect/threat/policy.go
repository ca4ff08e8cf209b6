package threat

import (
	"net/url"
	"strings"

	"github.com/yagura-sec/yagura/internal/jsonscan"
)

// policy is an IAM policy document, read for a few questions only: whom does it
// let in, and which rights does it give
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
// Denials are not read: what a statement allows is news even when another one
// narrows it.
type policy []statement

type statement struct {
	allow        bool
	principals   []named // of Principal or NotPrincipal
	notPrincipal bool
	actions      []string
	notAction    bool
	resources    []string
	notResource  bool
	conditions   []condition
}

// named is a principal with its kind: AWS, Service, Federated, CanonicalUser; *
// for the text "*".
type named struct{ kind, id string }

type condition struct {
	operator string // lower case
	key      string // lower case
	values   []string
}

// Bounds of a document: IAM's own are far lower.
const (
	maxPolicy     = 1 << 20
	maxStatements = 1000
	maxValues     = 2000 // texts of one member
)

// readPolicy reads a document; false when it is none. It may be URL-encoded, as
// IAM returns documents.
func readPolicy(doc string) (policy, bool) {
	doc = strings.TrimSpace(doc)
	if len(doc) > maxPolicy {
		return nil, false
	}
	if strings.HasPrefix(doc, "%7B") || strings.HasPrefix(doc, "%7b") || strings.HasPrefix(doc, "%0A") || strings.HasPrefix(doc, "%20") {
		if plain, err := url.QueryUnescape(doc); err == nil {
			doc = strings.TrimSpace(plain)
		}
	}
	if !strings.HasPrefix(doc, "{") {
		return nil, false
	}
	var s jsonscan.Scanner
	s.ResetText(doc)
	p, found := readStatements(&s)
	return p, found && s.End() == nil
}

// readStatements reads the object at hand.
func readStatements(s *jsonscan.Scanner) (p policy, found bool) {
	if !s.Object() {
		s.Skip()
		return nil, false
	}
	for s.Next() {
		if !strings.EqualFold(s.Key(), "Statement") {
			continue
		}
		found = true
		if s.Array() {
			for s.Next() {
				if len(p) < maxStatements {
					p = appendStatement(p, s)
				}
			}
			continue
		}
		p = appendStatement(p, s)
	}
	return p, found
}

func appendStatement(p policy, s *jsonscan.Scanner) policy {
	if !s.Object() {
		s.Skip()
		return p
	}
	var st statement
	for s.Next() {
		switch key := strings.ToLower(s.Key()); key {
		case "effect":
			v, _ := s.Str()
			st.allow = strings.EqualFold(v, "Allow")
		case "principal", "notprincipal":
			st.notPrincipal = key == "notprincipal"
			st.principals = readPrincipals(s)
		case "action", "notaction":
			st.notAction = key == "notaction"
			st.actions = texts(s)
		case "resource", "notresource":
			st.notResource = key == "notresource"
			st.resources = texts(s)
		case "condition":
			st.conditions = readConditions(s)
		}
	}
	return append(p, st)
}

func readPrincipals(s *jsonscan.Scanner) (out []named) {
	if !s.Object() {
		for _, v := range texts(s) {
			out = append(out, named{"*", v})
		}
		return out
	}
	for s.Next() {
		kind := s.Key()
		for _, v := range texts(s) {
			if len(out) < maxValues {
				out = append(out, named{kind, v})
			}
		}
	}
	return out
}

func readConditions(s *jsonscan.Scanner) (out []condition) {
	if !s.Object() {
		return nil
	}
	for s.Next() {
		operator := strings.ToLower(s.Key())
		if !s.Object() {
			continue
		}
		for s.Next() {
			c := condition{operator: operator, key: strings.ToLower(s.Key())}
			c.values = texts(s)
			if len(out) < maxValues {
				out = append(out, c)
			}
		}
	}
	return out
}

// texts reads a text or a list of texts.
func texts(s *jsonscan.Scanner) (out []string) {
	if v, ok := s.Str(); ok {
		return []string{v}
	}
	if !s.Array() {
		return nil
	}
	for s.Next() {
		if v, ok := s.Str(); ok && len(out) < maxValues {
			out = append(out, v)
		}
	}
	return out
}

// confining are the condition keys that bind a caller to something that its
// owner knows. aws:SourceIp does so unless it lets everybody in.
var confining = map[string]bool{
	"aws:sourceaccount": true, "aws:sourceowner": true, "aws:sourcearn": true, "aws:sourceorgid": true, "aws:sourceorgpaths": true,
	"aws:sourcevpc": true, "aws:sourcevpce": true, "aws:vpcsourceip": true, "aws:sourceip": true,
	"aws:vpceaccount": true, "aws:vpceorgid": true, "aws:vpceorgpaths": true, "aws:sourcevpcarn": true,
	"aws:principalorgid": true, "aws:principalorgpaths": true, "aws:principalaccount": true, "aws:principalarn": true,
	"aws:userid": true, "aws:username": true, "aws:principalservicename": true,
	"kms:calleraccount": true, "s3:dataaccesspointaccount": true, "s3:dataaccesspointarn": true,
	"lambda:eventsourcetoken": true, "elasticfilesystem:accessedviamounttarget": true, "sns:endpoint": true,
	"secretsmanager:resource/allowrotationlambdaarn": true, "aws:ec2instancesourcevpc": true,
}

// confines says whether the condition keeps strangers out, and the accounts
// that it names.
func (c *condition) confines() (bool, []string) {
	op := strings.TrimPrefix(c.operator, "foranyvalue:")
	if strings.HasPrefix(op, "forallvalues:") || strings.Contains(op, "not") || op == "null" || strings.HasSuffix(op, "ifexists") {
		return false, nil // true for a request without the key, or for all but some
	}
	if !confining[c.key] || len(c.values) == 0 {
		return false, nil
	}
	var accounts []string
	for _, v := range c.values {
		if v == "" || strings.Trim(v, "*?") == "" || openCIDR(v) != "" {
			return false, nil
		}
		if strings.HasPrefix(v, "arn:") && strings.ContainsAny(arnField(v, 4), "*?") {
			return false, nil
		}
		switch {
		case accountID(v):
			accounts = append(accounts, v)
		case accountID(arnAccount(v)):
			accounts = append(accounts, arnAccount(v))
		}
	}
	return true, accounts
}

// accountID says whether v is 12 digits.
func accountID(v string) bool {
	if len(v) != 12 {
		return false
	}
	for i := range len(v) {
		if v[i] < '0' || v[i] > '9' {
			return false
		}
	}
	return true
}

// arnAccount gives the account of an ARN, "" if it has none.
func arnAccount(arn string) string {
	if account := arnField(arn, 4); strings.HasPrefix(arn, "arn:") && accountID(account) {
		return account
	}
	return ""
}

// arnField gives a field of an ARN, counted from 0.
func arnField(arn string, n int) string {
	for range n {
		_, rest, ok := strings.Cut(arn, ":")
		if !ok {
			return ""
		}
		arn = rest
	}
	field, _, _ := strings.Cut(arn, ":")
	return field
}

// allows says whether the statement allows an action, written in lower case.
func (st *statement) allows(action string) bool {
	if !st.allow {
		return false
	}
	hit := false
	for _, a := range st.actions {
		if glob(strings.ToLower(a), action) {
			hit = true
			break
		}
	}
	return hit != st.notAction
}

// broad says whether the statement speaks of all resources of some kind.
func (st *statement) broad() bool {
	if st.notResource {
		return true
	}
	for _, r := range st.resources {
		if r == "*" || strings.HasSuffix(r, "/*") && strings.Count(r, "/") == 1 && strings.HasPrefix(r, "arn:") && !strings.Contains(r, ":s3:") || strings.HasSuffix(r, ":*") {
			return true
		}
	}
	return false
}
