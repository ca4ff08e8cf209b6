package iam

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/access"
)

// Today gives the policies of the inventory that bear on a request of one of its
// users, roles or sessions of a role: identity, boundary, SCPs and RCPs by level,
// the resource's own. It adds to the request what the inventory knows besides:
// tags of the principal, ids of the organisation, the resource's owner. What the
// request's context says already stays.
//
// known is false for any other principal; the request is then left as it was.
// held is false if the inventory does not say which policy the resource has, be
// it none; Resource is nil then. Session and endpoint policies are never there.
func (o *Organisation) Today(r *access.Request) (p *Policies, known, held bool) {
	h := o.holders[r.Principal]
	if h == nil {
		h = o.sessionHolder(r)
	}
	if h == nil {
		return nil, false, false
	}
	p, q := o.question(h, r.Principal, r.Action, r.Resource)
	if q.ResourceAccount == "" {
		// An ARN without account, such as a bucket's: the record may tell it.
		q.ResourceAccount = r.ResourceAccount
		owner := q.ResourceAccount
		if owner == "" {
			owner = h.account
		}
		if m := o.inside(owner); m != nil {
			p.RCPs = m.rcps
			if q.ResourceAccount != "" {
				q.Context = append(q.Context,
					access.Value{Key: "aws:ResourceOrgID", Values: []string{o.id}},
					access.Value{Key: "aws:ResourceOrgPaths", Values: []string{m.path}, Multi: true})
			}
		}
	}
	for _, v := range q.Context {
		if !slices.ContainsFunc(r.Context, func(w access.Value) bool { return strings.EqualFold(v.Key, w.Key) }) {
			r.Context = append(r.Context, v)
		}
	}
	r.Known = append(r.Known, q.Known...)
	r.ResourceAccount, r.ManagementAccount = q.ResourceAccount, q.ManagementAccount
	return p, true, r.Resource == "*" || o.guard(r.Resource) != nil
}

// sessionHolder finds the role of a session: by aws:PrincipalArn, which has its
// path, else by its name, of which an account has one only.
func (o *Organisation) sessionHolder(r *access.Request) *holder {
	rest, ok := strings.CutPrefix(r.Principal, "arn:"+partitionOf(r.Principal)+":sts::")
	if !ok || !strings.Contains(rest, ":assumed-role/") {
		return nil
	}
	for _, v := range r.Context {
		if v.Key != "aws:PrincipalArn" || len(v.Values) != 1 {
			continue
		}
		h := o.holders[v.Values[0]]
		if h != nil && h.isRole && strings.HasPrefix(rest, h.account+":assumed-role/"+h.name+"/") {
			return h
		}
		return nil // a role of another path is not this one
	}
	return o.sessionOf(r.Principal)
}
