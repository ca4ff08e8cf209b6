package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// accountDetails is one answer of GetAccountAuthorizationDetails
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html).
type accountDetails struct {
	Users       []detail       `json:"UserDetailList"`
	Groups      []detail       `json:"GroupDetailList"`
	Roles       []detail       `json:"RoleDetailList"`
	Policies    []storedPolicy `json:"Policies"`
	IsTruncated bool           `json:"IsTruncated"`

	source *source
}

// detail is a user, group or role.
type detail struct {
	Arn           string
	UserName      string
	GroupName     string
	RoleName      string
	UserID        string                       `json:"UserId"`
	UserPolicies  []inlinePolicy               `json:"UserPolicyList"`
	GroupPolicies []inlinePolicy               `json:"GroupPolicyList"`
	RolePolicies  []inlinePolicy               `json:"RolePolicyList"`
	Trust         json.RawMessage              `json:"AssumeRolePolicyDocument"`
	Groups        []string                     `json:"GroupList"`
	Attached      []struct{ PolicyArn string } `json:"AttachedManagedPolicies"`
	Boundary      *struct {
		Arn string `json:"PermissionsBoundaryArn"`
	} `json:"PermissionsBoundary"`
	Tags []struct{ Key, Value string }
}

type inlinePolicy struct {
	PolicyName     string
	PolicyDocument json.RawMessage
}

type storedPolicy struct {
	Arn      string
	Versions []struct {
		Document         json.RawMessage
		VersionID        string `json:"VersionId"`
		IsDefaultVersion bool
	} `json:"PolicyVersionList"`

	source *source
}

func (l *loader) accountDetails(s *source, raw json.RawMessage) error {
	d := accountDetails{source: s}
	if err := s.unmarshal(raw, &d); err != nil {
		return err
	}
	account := ""
	for _, list := range [][]detail{d.Users, d.Groups, d.Roles} {
		for i := range list {
			own := accountOf(list[i].Arn)
			if own == "" {
				return s.at(raw, fmt.Errorf("%q is no ARN of a user, group or role", bounded(list[i].Arn)))
			}
			account = own
			l.account(own)
		}
	}
	if account != "" {
		// Of the pages of an account, one must be the last.
		before, seen := l.truncated[account]
		l.truncated[account] = d.IsTruncated && (before || !seen)
	}
	for _, p := range d.Policies {
		p.source = s
		l.managed[p.Arn] = p
	}
	l.details = append(l.details, d)
	return nil
}

// finish joins what the files said.
func (l *loader) finish() (*Organisation, error) {
	for account, missing := range l.truncated {
		if missing {
			return nil, fmt.Errorf("account %s: the details are truncated and no last page is given; fetch all pages", account)
		}
	}
	groups := map[string]*holder{}
	for i := range l.details {
		for j := range l.details[i].Groups {
			g := &l.details[i].Groups[j]
			h, err := l.holder(l.details[i].source, g, g.GroupName, g.GroupPolicies)
			if err != nil {
				return nil, err
			}
			groups[h.account+"/"+h.name] = h
			l.org.groups = append(l.org.groups, h)
		}
	}
	for i := range l.details {
		if err := l.join(&l.details[i], groups); err != nil {
			return nil, err
		}
	}
	if len(l.org.holders) == 0 && len(l.org.resources) == 0 {
		return nil, errors.New("the inventory holds neither principals nor resource policies")
	}
	for key := range l.tags {
		l.org.tagKeys = append(l.org.tagKeys, key)
	}
	slices.Sort(l.org.tagKeys)
	return l.org, nil
}

func (l *loader) join(d *accountDetails, groups map[string]*holder) error {
	for i := range d.Users {
		u := &d.Users[i]
		h, err := l.holder(d.source, u, u.UserName, u.UserPolicies)
		if err != nil {
			return err
		}
		h.id = u.UserID
		for _, name := range u.Groups {
			g := groups[h.account+"/"+name]
			if g == nil {
				return fmt.Errorf("%s: user %s is in group %s, which no file holds; fetch the details without --filter", d.source.name, bounded(h.arn), bounded(name))
			}
			h.identity = append(h.identity, g.identity...)
			h.managed = append(h.managed, g.managed...)
			h.groups = append(h.groups, g)
		}
		l.org.holders[h.arn] = h
	}
	for i := range d.Roles {
		r := &d.Roles[i]
		h, err := l.holder(d.source, r, r.RoleName, r.RolePolicies)
		if err != nil {
			return err
		}
		h.isRole = true
		l.org.holders[h.arn] = h
		if !isGiven(r.Trust) {
			return fmt.Errorf("%s: role %s has no AssumeRolePolicyDocument", d.source.name, bounded(h.arn))
		}
		if err := l.addResource(d.source, h.arn, h.account, r.Trust, false); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) holder(s *source, d *detail, name string, inline []inlinePolicy) (*holder, error) {
	h := &holder{arn: d.Arn, account: accountOf(d.Arn), name: name}
	if name == "" {
		h.name = d.Arn[strings.LastIndexByte(d.Arn, '/')+1:]
	}
	for _, p := range inline {
		compiled, err := l.policy(s, p.PolicyName+" of "+h.arn, policy.Identity, p.PolicyDocument)
		if err != nil {
			return nil, err
		}
		h.identity = append(h.identity, compiled)
	}
	for _, a := range d.Attached {
		compiled, err := l.attached(s, h.arn, a.PolicyArn, policy.Identity)
		if err != nil {
			return nil, err
		}
		h.identity = append(h.identity, compiled)
		if accountOf(a.PolicyArn) != "" {
			h.managed = append(h.managed, a.PolicyArn)
		}
	}
	if d.Boundary != nil && d.Boundary.Arn != "" {
		compiled, err := l.attached(s, h.arn, d.Boundary.Arn, policy.Boundary)
		if err != nil {
			return nil, err
		}
		h.boundary, h.limit = []*Policy{compiled}, d.Boundary.Arn
	}
	for _, t := range d.Tags {
		h.tags = append(h.tags, access.Value{Key: tagPrefix + t.Key, Values: []string{t.Value}})
	}
	return h, nil
}

// attached compiles the default version of a managed policy.
func (l *loader) attached(s *source, to, arn string, kind policy.Kind) (*Policy, error) {
	m, ok := l.managed[arn]
	if !ok {
		return nil, fmt.Errorf("%s: %s has the policy %s, which no file holds; fetch the details without --filter", s.name, bounded(to), bounded(arn))
	}
	for _, v := range m.Versions {
		if v.IsDefaultVersion {
			return l.policy(m.source, arn, kind, v.Document)
		}
	}
	return nil, fmt.Errorf("%s: policy %s has no default version", m.source.name, bounded(arn))
}
