package iam

import (
	"strings"
	"unsafe"
)

// callerKind is what a principal is.
type callerKind uint8

const (
	anonymous callerKind = iota
	user
	role    // a role, its session not named
	session // a session of a role
	federatedUser
	root
	awsService
	provider // SAML or OIDC provider of an AssumeRoleWith… call
	stranger // an id that only an equal text matches: a canonical user id
)

// caller is the principal of a request, taken apart.
type caller struct {
	kind      callerKind
	text      string // as given
	partition string
	account   string
	name      string // of the user, role or federated user, without path
	// principalArn is what aws:PrincipalArn says: for a session the role.
	principalArn string
	// fullRole says that principalArn has the role's true path. A session's own
	// ARN does not tell it.
	fullRole      bool
	serviceLinked bool
	parentUser    string // of a federated user session, if the context tells it
}

// isIAM reports whether the caller has credentials of an account.
func (c *caller) isIAM() bool {
	switch c.kind {
	case user, role, session, federatedUser, root:
		return true
	default:
		return false
	}
}

const badPrincipal = "the principal is not an ARN of a user, role, session, root or provider, not a service principal, and not \"anonymous\""

func (e *evaluation) readCaller(text string) string {
	e.caller = caller{text: text}
	c := &e.caller
	switch {
	case text == "":
		return "the principal is missing; write \"anonymous\" for an unsigned request"
	case len(text) > maxResource:
		return "the principal is longer than any ARN"
	case text == "anonymous" || text == "*":
		c.kind = anonymous
	case strings.HasPrefix(text, "arn:"):
		return e.readARN(text)
	case isAccount(text):
		c.kind, c.account, c.partition = root, text, "aws"
		c.principalArn = e.join("arn:aws:iam::", text, ":root", "")
	case e.asksWithToken() || isWebProvider(text):
		c.kind = provider
	case strings.Contains(text, ".") && !strings.ContainsAny(text, ":/ "):
		c.kind = awsService
	case len(text) == 64 && !strings.ContainsAny(text, ":/ "):
		c.kind = stranger
	default:
		return badPrincipal
	}
	return ""
}

func isWebProvider(text string) bool {
	switch text {
	case "accounts.google.com", "graph.facebook.com", "www.amazon.com":
		return true
	}
	return false
}

// asksWithToken reports whether the call carries a token of an identity provider
// in place of AWS credentials.
func (e *evaluation) asksWithToken() bool {
	return e.service == "sts" && (e.action == "assumerolewithsaml" || e.action == "assumerolewithwebidentity")
}

func (e *evaluation) readARN(text string) string {
	c := &e.caller
	var parts [6]string
	rest := text
	for i := range 5 {
		head, tail, ok := strings.Cut(rest, ":")
		if !ok {
			return badPrincipal
		}
		parts[i], rest = head, tail
	}
	c.partition, c.account = parts[1], parts[4]
	c.principalArn = text
	kind, path, _ := strings.Cut(rest, "/")
	c.name = path[strings.LastIndexByte(path, '/')+1:]
	switch parts[2] + " " + kind {
	case "iam root":
		c.kind = root
	case "iam user":
		c.kind = user
	case "iam role":
		c.kind, c.fullRole = role, true
	case "sts federated-user":
		c.kind = federatedUser
		if v := find(e.entries, hashPrincipalArn, "aws:PrincipalArn"); v != nil && len(v.values) == 1 && strings.Contains(v.values[0], ":user/") {
			c.parentUser = v.values[0]
		}
	case "sts assumed-role":
		return e.readSession(path)
	case "iam saml-provider", "iam oidc-provider":
		// A provider's account is not the caller's: the caller has none.
		c.kind, c.account, c.principalArn = provider, "", ""
		return ""
	default:
		return badPrincipal
	}
	if c.kind != root && c.name == "" || c.account == "" {
		return badPrincipal
	}
	c.serviceLinked = c.kind == role && strings.HasPrefix(path, "aws-service-role/")
	return ""
}

// readSession reads Role/Session. The role's path is not in a session's ARN; the
// context key aws:PrincipalArn has it.
func (e *evaluation) readSession(path string) string {
	c := &e.caller
	c.kind = session
	name, sessionName, _ := strings.Cut(path, "/")
	if c.name = name; name == "" || sessionName == "" || c.account == "" {
		return badPrincipal
	}
	if v := find(e.entries, hashPrincipalArn, "aws:PrincipalArn"); v != nil && len(v.values) == 1 && c.isRole(v.values[0]) {
		c.principalArn, c.fullRole = v.values[0], true
		c.serviceLinked = strings.Contains(v.values[0], ":role/aws-service-role/")
		return ""
	}
	c.principalArn = e.join("arn:", c.partition, ":iam::", c.account, ":role/", name)
	c.serviceLinked = strings.HasPrefix(name, "AWSServiceRoleFor")
	return ""
}

// join writes a text into the evaluation's buffer, where it lives until the next
// begin.
func (e *evaluation) join(parts ...string) string {
	e.arn = e.arn[:0]
	for _, part := range parts {
		e.arn = append(e.arn, part...)
	}
	return unsafe.String(unsafe.SliceData(e.arn), len(e.arn))
}

// isRole reports whether an ARN is of a role that has the caller's account and
// name. Role names are unique in an account whatever the path.
func (c *caller) isRole(arn string) bool {
	rest, ok := cutAll(arn, "arn:", c.partition, ":iam::", c.account, ":role/")
	return ok && rest[strings.LastIndexByte(rest, '/')+1:] == c.name
}

func cutAll(s string, prefixes ...string) (string, bool) {
	for _, p := range prefixes {
		rest, ok := strings.CutPrefix(s, p)
		if !ok {
			return "", false
		}
		s = rest
	}
	return s, true
}
