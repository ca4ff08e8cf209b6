package iam

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// grant is how closely a statement's Principal names the caller. The closer, the
// fewer implicit denies of other policies can limit it
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html).
type grant uint8

const (
	notNamed    grant = iota
	byAccount         // the account, which may delegate by identity policies
	byRole            // the role of a session: boundary and session policy limit it
	byUser            // the user: of the same account nothing implicit limits it
	direct            // the session itself, everyone, a service
	grants      = 5   // number of them
	firstNamed  = byAccount
	strongGrant = direct
)

// principalKind is what an entry of Principal names.
type principalKind uint8

const (
	nobody principalKind = iota
	everyone
	anAccount
	anARN
	aService
	aProvider
	aCanonicalUser
)

// principal is one compiled entry of Principal or NotPrincipal.
type principal struct {
	kind      principalKind
	text      string
	partition string // of an account ARN, empty for a bare id
	account   string
}

func compilePrincipal(p *policy.Principal) principal {
	id := p.ID.Value
	out := principal{text: id}
	switch {
	case p.Type == "*" || p.Type == "AWS" && id == "*":
		out.kind = everyone
	case p.Type == "Service":
		out.kind = aService
	case p.Type == "Federated":
		out.kind = aProvider
	case p.Type == "CanonicalUser":
		out.kind = aCanonicalUser
	case isAccount(id):
		out.kind, out.account = anAccount, id
	case strings.ContainsAny(id, "*?"):
		out.kind = nobody // A Principal takes no wildcard but the bare star.
	case strings.HasPrefix(id, "arn:"):
		out.kind = anARN
		if head, ok := strings.CutSuffix(id, ":root"); ok {
			parts := strings.Split(head, ":")
			if len(parts) == 5 && parts[2] == "iam" && parts[3] == "" {
				out.kind, out.partition, out.account = anAccount, parts[1], parts[4]
			}
		}
	default:
		// A unique id (AIDA…, AROA…) stands where the entity was deleted. One made
		// anew under the same name must not match.
		out.kind = nobody
	}
	return out
}

// names tells how closely the entry names the caller.
func (p *principal) names(c *caller, e *evaluation) grant {
	switch p.kind {
	case everyone:
		return direct
	case anAccount:
		return p.namesAccount(c)
	case anARN:
		return p.namesARN(c)
	case aService:
		if c.kind == awsService && e.isService(p.text) {
			return direct
		}
	case aProvider:
		if c.kind == provider && (p.text == c.text || p.text == "*") || e.tokenOf(p.text) {
			return direct
		}
	case aCanonicalUser:
		if p.text == c.text {
			return direct
		}
	case nobody:
	}
	return notNamed
}

func (p *principal) namesAccount(c *caller) grant {
	if !c.isIAM() || p.account != c.account || p.partition != "" && p.partition != c.partition {
		return notNamed
	}
	if c.kind == root {
		return direct
	}
	return byAccount
}

func (p *principal) namesARN(c *caller) grant {
	switch {
	case p.text == c.text:
		switch c.kind {
		case role:
			return byRole
		case user:
			return byUser
		default:
			return direct
		}
	case c.kind == session && p.text == c.principalArn, c.kind == session && !c.fullRole && c.isRole(p.text):
		return byRole
	case c.kind == federatedUser && p.text == c.parentUser:
		return byUser
	}
	return notNamed
}

// isService reports whether the calling service goes by a name. A service has a
// regional and a general name; aws:PrincipalServiceNamesList holds all.
func (e *evaluation) isService(name string) bool {
	called := e.caller.text
	if name == called || name == "*" {
		return true
	}
	v := find(e.entries, hashServiceNames, "aws:PrincipalServiceNamesList")
	return v != nil && slices.Contains(v.values, name)
}

var (
	hashServiceNames = keyHash("aws:PrincipalServiceNamesList")
	hashProvider     = keyHash("aws:FederatedProvider")
)

// tokenOf reports whether the request carries a token of a provider, given as
// aws:FederatedProvider with an unsigned request.
func (e *evaluation) tokenOf(id string) bool {
	if e.caller.kind != anonymous || !e.asksWithToken() {
		return false
	}
	v := find(e.entries, hashProvider, "aws:FederatedProvider")
	return v != nil && len(v.values) == 1 && v.values[0] == id
}

// matchPrincipal tells how closely a statement names the caller.
func (s *statement) matchPrincipal(e *evaluation) grant {
	if !s.hasPrincipal {
		return notNamed
	}
	c := &e.caller
	if !s.notPrincipal {
		closest := notNamed
		for i := range s.principals {
			closest = max(closest, s.principals[i].names(c, e))
		}
		return closest
	}
	var listed [grants]bool
	for i := range s.principals {
		listed[s.principals[i].names(c, e)] = true
	}
	for i := range s.principals {
		if s.principals[i].kind == everyone {
			return notNamed // Not everyone is nobody.
		}
	}
	if !s.deny {
		if listed[byAccount] || listed[byRole] || listed[byUser] || listed[direct] {
			return notNamed
		}
		return direct
	}
	if e.exempt(&listed) {
		return notNamed
	}
	return direct
}

// exempt reports whether a Deny with NotPrincipal spares the caller: every
// principal that the caller is must be listed, the account too, and a caller
// with a boundary is never spared.
func (e *evaluation) exempt(listed *[grants]bool) bool {
	c := &e.caller
	if len(e.policies.Boundaries) > 0 && (c.kind == user || c.kind == role || c.kind == session) {
		return false
	}
	switch c.kind {
	case user:
		return listed[byAccount] && listed[byUser]
	case role:
		return listed[byAccount] && listed[byRole]
	case session:
		return listed[byAccount] && listed[byRole] && listed[direct]
	case federatedUser:
		return listed[byAccount] && listed[direct]
	default:
		return listed[direct]
	}
}
