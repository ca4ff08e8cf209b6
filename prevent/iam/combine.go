package iam

import (
	"slices"
	"strings"
)

// logic combines answers: truths for the fast path, trees for what stays open.
type logic[T any] interface {
	and(a, b T) T
	or(a, b T) T
	not(T) T
	constant(bool) T
}

type truthLogic struct{}

func (truthLogic) and(a, b truth) truth  { return min(a, b) }
func (truthLogic) or(a, b truth) truth   { return max(a, b) }
func (truthLogic) not(t truth) truth     { return yes - t }
func (truthLogic) constant(b bool) truth { return truthOf(b) }

// anyOf is or over a list.
func anyOf[T any, L logic[T]](l L, list []T) T {
	answer := l.constant(false)
	for _, item := range list {
		answer = l.or(answer, item)
	}
	return answer
}

// combine says whether the request is allowed: nothing denies, every gate is
// open, and some way grants it. It is the whole of the evaluation logic.
func combine[T any, L logic[T]](l L, e *evaluation, t *terms[T]) T {
	open := l.and(l.not(anyOf(l, t.deny[:])), l.constant(e.impossible() == ""))
	if e.needsNoPermission() {
		return open
	}
	open = l.and(open, t.scp)
	if len(e.policies.Endpoint) > 0 {
		open = l.and(open, t.endpoint)
	}
	return l.and(open, granted(l, e, t))
}

// granted says whether identity side and resource side together grant the
// request.
func granted[T any, L logic[T]](l L, e *evaluation, t *terms[T]) T {
	byDirect, byAnyone := l.or(t.resource[direct], t.grant[direct]), anyOf(l, t.resource[firstNamed:])
	if !e.identityCounts() {
		return byDirect // a service, a token, an unsigned request
	}
	limits := l.constant(true) // what a boundary and a session policy leave over
	if len(e.policies.Session) > 0 {
		limits = l.and(limits, t.session)
	}
	if len(e.policies.Boundaries) > 0 && e.caller.kind != root {
		limits = l.and(limits, t.boundary)
	}
	identity := t.identity
	switch {
	case e.caller.kind == root:
		identity = l.constant(true)
	case e.caller.kind == federatedUser && len(e.policies.Session) == 0:
		identity = l.constant(false)
	}
	identity = l.and(identity, limits)
	// KMS grants count on their own, also across accounts.
	byGrant := l.or(l.or(t.grant[direct], t.grant[byUser]), l.or(l.and(t.grant[byRole], limits), l.and(t.grant[byAccount], identity)))
	if !e.sameSide {
		return l.or(l.and(identity, byAnyone), byGrant)
	}
	byUserPolicy := t.resource[byUser]
	if e.caller.kind == federatedUser || len(e.policies.Session) > 0 {
		byUserPolicy = l.and(byUserPolicy, limits)
	}
	named := l.or(l.or(byDirect, byUserPolicy), l.or(l.and(t.resource[byRole], limits), byGrant))
	if e.resourceMustAllow() {
		return l.or(named, l.and(t.resource[byAccount], identity))
	}
	return l.or(named, identity)
}

// identityCounts reports whether the caller's identity policies are asked: it has
// credentials and uses them.
func (e *evaluation) identityCounts() bool {
	return e.caller.isIAM() && !e.asksWithToken()
}

// scpsBind reports whether service control policies apply: to principals of
// member accounts, root too, but not to service-linked roles.
func (e *evaluation) scpsBind() bool {
	return e.policies.SCPs != nil && e.identityCounts() && !e.caller.serviceLinked &&
		!e.isManagementAccount()
}

// isManagementAccount reports whether the caller belongs to the organisation's
// management account.
func (e *evaluation) isManagementAccount() bool {
	if e.request.ManagementAccount != "" {
		return e.caller.account == e.request.ManagementAccount
	}
	v := find(e.entries, hashMaster, "aws:PrincipalOrgMasterAccountId")
	return v != nil && len(v.values) == 1 && v.values[0] == e.caller.account
}

// rcpsBind reports whether resource control policies apply.
func (e *evaluation) rcpsBind() bool {
	if len(e.policies.RCPs) == 0 || e.caller.serviceLinked ||
		e.request.ManagementAccount != "" && e.account == e.request.ManagementAccount {
		return false
	}
	if e.service == "kms" && (e.action == "retiregrant" || e.isAWSManagedKey()) {
		return false
	}
	return e.known && e.fact.rcp || !e.known && rcpService(e.service)
}

// isAWSManagedKey reports whether the key belongs to an AWS service. A key's ARN
// does not tell; its alias does.
func (e *evaluation) isAWSManagedKey() bool {
	if strings.HasPrefix(e.name.Segments[5], "alias/aws/") {
		return true
	}
	v := find(e.entries, hashAliases, "kms:ResourceAliases")
	if v == nil {
		return false
	}
	for _, alias := range v.values {
		if strings.HasPrefix(alias, "alias/aws/") {
			return true
		}
	}
	return false
}

var (
	hashAliases = keyHash("kms:ResourceAliases")
	hashMaster  = keyHash("aws:PrincipalOrgMasterAccountId")
)

// resourceMustAllow reports whether identity policies alone are not enough even
// in the resource's own account: for KMS keys and for assuming roles.
func (e *evaluation) resourceMustAllow() bool {
	s := &e.name.Segments
	return e.service == "kms" && s[2] == "kms" && strings.HasPrefix(s[5], "key/") ||
		e.service == "sts" && s[2] == "iam" && strings.HasPrefix(s[5], "role/")
}

// publicBlocked reports whether Block Public Access denies this caller what the
// bucket policy grants.
func (e *evaluation) publicBlocked() bool {
	p := e.policies
	return p.BlockPublicAccess && p.Resource != nil && p.Resource.public && e.service == "s3" &&
		!e.sameSide && e.caller.kind != awsService
}

// alwaysAllowed holds for sts:GetCallerIdentity, which works even when denied.
func (e *evaluation) alwaysAllowed() bool {
	return e.service == "sts" && e.action == "getcalleridentity" && e.caller.isIAM()
}

// needsNoPermission holds for sts:GetSessionToken, which needs no Allow.
func (e *evaluation) needsNoPermission() bool {
	return e.service == "sts" && e.action == "getsessiontoken" && e.caller.isIAM()
}

// impossible names what AWS refuses whatever the policies say, or "".
func (e *evaluation) impossible() string {
	s := &e.name.Segments
	switch {
	case e.name.IsARN && e.caller.partition != "" && s[1] != e.caller.partition && !strings.ContainsAny(s[1], "*?"):
		return "partition"
	case e.service == "sts" && e.action == "assumerole" && e.caller.kind == root && len(e.policies.Session) == 0:
		return "service"
	case e.service == "iam" && strings.HasPrefix(s[5], "role/aws-reserved/sso.amazonaws.com/") && slices.Contains(reservedRole, e.action),
		e.service == "iam" && s[4] == "aws" && strings.HasPrefix(s[5], "policy/") && slices.Contains(managedPolicy, e.action),
		e.service == "kms" && strings.HasPrefix(s[5], "alias/aws/") && slices.Contains(reservedAlias, e.action):
		return "service"
	}
	return ""
}

// Operations that AWS refuses on what it manages itself: roles of IAM Identity
// Center, AWS managed policies, aliases of AWS managed keys.
var (
	reservedRole = []string{
		"attachrolepolicy", "createrole", "createservicelinkedrole", "deleterole", "deleterolepermissionsboundary",
		"deleterolepolicy", "deleteservicelinkedrole", "detachrolepolicy", "passrole", "putrolepermissionsboundary",
		"putrolepolicy", "tagrole", "untagrole", "updateassumerolepolicy", "updaterole", "updateroledescription",
	}
	managedPolicy = []string{
		"createpolicy", "createpolicyversion", "deletepolicy", "deletepolicyversion",
		"setdefaultpolicyversion", "tagpolicy", "untagpolicy",
	}
	reservedAlias = []string{"createalias", "updatealias", "deletealias"}
)
