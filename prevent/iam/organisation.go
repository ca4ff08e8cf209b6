package iam

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/pattern"
)

// Organisation is an inventory of one account or many: users, groups, roles,
// managed policies, resource policies and the organisation's tree. It does not
// change after [LoadOrganisation] and may be shared between goroutines.
type Organisation struct {
	id         string // o-…, or empty
	management string // management account, or empty
	known      bool   // the organisation's tree was given
	accounts   map[string]*member
	holders    map[string]*holder // users and roles by ARN
	groups     []*holder
	resources  map[string]*guarded
	tagKeys    []string // aws:PrincipalTag/… keys that some policy asks for
}

// member is an account of the organisation.
type member struct {
	path       string // value of aws:PrincipalOrgPaths
	scps, rcps []Level
}

// holder is a user or role with what bears on it.
type holder struct {
	arn, account, name, id string
	isRole                 bool
	tags                   []access.Value
	identity, boundary     []*Policy
	groups                 []*holder // of a user
	managed                []string  // ARNs of customer managed policies, those of groups too
	limit                  string    // ARN of the permission boundary
}

// guarded is a resource with a policy of its own; a role's is its trust policy.
type guarded struct {
	arn, account string
	policy       *Policy
	blockPublic  bool
}

// principals lists users and roles by ARN.
func (o *Organisation) principals() []*holder {
	return slices.SortedFunc(values(o.holders), func(a, b *holder) int { return strings.Compare(a.arn, b.arn) })
}

// guards lists the resources with policies by ARN.
func (o *Organisation) guards() []*guarded {
	return slices.SortedFunc(values(o.resources), func(a, b *guarded) int { return strings.Compare(a.arn, b.arn) })
}

func values[T any](m map[string]T) func(func(T) bool) {
	return func(yield func(T) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// guard finds the resource whose policy guards an ARN: itself, or the longest
// that it lies below, as an object below its bucket.
func (o *Organisation) guard(arn string) *guarded {
	for end := len(arn); end > 0; {
		if g := o.resources[arn[:end]]; g != nil {
			return g
		}
		end = strings.LastIndexAny(arn[:end], "/:")
	}
	return nil
}

// question is a request with all the policies of the inventory that bear on it.
// h may be nil: a caller who is not in the inventory.
func (o *Organisation) question(h *holder, principal, action, resource string) (*Policies, *access.Request) {
	p := &Policies{}
	r := &access.Request{Principal: principal, Action: action, Resource: resource, Unknown: []string{"*"}, ManagementAccount: o.management}
	if h != nil {
		p.Identity, p.Boundaries = h.identity, h.boundary
		r.Context = append(r.Context, h.tags...)
		if h.isRole {
			r.Context = append(r.Context, access.Value{Key: "aws:PrincipalArn", Values: []string{h.arn}})
		} else {
			// A session's tags may add to a role's, not to a user's.
			r.Known = append(r.Known, o.tagKeys...)
			r.Context = append(r.Context, access.Value{Key: "aws:userid", Values: []string{h.id}})
		}
	}
	account := accountOf(principal)
	if m := o.inside(account); m != nil {
		p.SCPs = m.scps
		r.Context = append(r.Context,
			access.Value{Key: "aws:PrincipalOrgID", Values: []string{o.id}},
			access.Value{Key: "aws:PrincipalOrgPaths", Values: []string{m.path}, Multi: true},
			access.Value{Key: "aws:PrincipalOrgMasterAccountId", Values: []string{o.management}})
	}
	if principal == "anonymous" {
		r.Known = append(r.Known, principalKeys...)
		r.Known = append(r.Known, o.tagKeys...)
	}
	owner := accountOf(resource)
	if g := o.guard(resource); g != nil {
		p.Resource, p.BlockPublicAccess, owner = g.policy, g.blockPublic, g.account
	}
	r.ResourceAccount = owner
	if m := o.inside(owner); m != nil {
		p.RCPs = m.rcps
		r.Context = append(r.Context,
			access.Value{Key: "aws:ResourceOrgID", Values: []string{o.id}},
			access.Value{Key: "aws:ResourceOrgPaths", Values: []string{m.path}, Multi: true})
	}
	return p, r
}

// inside finds an account in the organisation's tree.
func (o *Organisation) inside(account string) *member {
	if m := o.accounts[account]; m != nil && m.scps != nil {
		return m
	}
	return nil
}

// principalKeys follow from credentials: an unsigned request has none of them.
var principalKeys = []string{
	"aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalType", "aws:username", "aws:userid", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths",
	"aws:PrincipalIsAWSService", "aws:PrincipalServiceName", "aws:PrincipalServiceNamesList", "aws:PrincipalOrgMasterAccountId",
	"aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge", "aws:TokenIssueTime", "aws:SourceIdentity", "aws:FederatedProvider", "aws:AssumedRoot",
}

// accountOf is the account in an ARN, or "".
func accountOf(arn string) string {
	if n := pattern.ParseName(arn); n.IsARN && isAccount(n.Segments[4]) {
		return n.Segments[4]
	}
	return ""
}
