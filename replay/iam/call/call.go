// Package call turns recorded CloudTrail calls into the requests that IAM decided:
// who, which actions, on which resources, in which context.
//
// The rules are data, in operations.txt. An action is the service prefix of
// eventSource and eventName, without the date of an API's version; what differs
// stands there. Resources come from the record's own list, from ARNs among the
// request parameters, and from parameters put into the ARN formats of the
// service authorization reference. What the record does not tell is a star in
// the ARN: the request then stands for every resource that it may have been.
//
// A refused call often names the action and the resource in its message. That
// is AWS's own word and beats the mapping; [Record.Truth] reads it.
//
// What cannot be seen: tags of principals and resources, most service-specific
// condition keys, roles behind instance profiles, paths of users and roles that
// are named without. iam:PassRole has no event; it is inferred from role ARNs
// among the parameters of calls that depend on it.
//
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
package call

import (
	"strings"
	"sync"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/actions"
)

// Need is one permission that a call needs.
type Need struct {
	Action          string
	Resource        string // an ARN, a pattern, or *
	ResourceAccount string // owner, if the record tells it
	// Inferred says that no event shows it: iam:PassRole.
	Inferred bool
	// Service is the service that a role is passed to, if known.
	Service string
}

// Call is a record as IAM saw it.
type Call struct {
	Principal string // as access.Request has it
	Name      string // whom to group by: the role or user, without session
	Account   string // of the principal; empty for a service
	Needs     []Need
	// Context holds the keys that the record tells; the engine's own are left out.
	Context []access.Value
	// Known are the keys that the record settles: what Context lacks of them was
	// not in the request. All others may have been.
	Known []string
	// Truth is AWS's own word on a refused call.
	Truth *Truth
	// Mapped are the needs of the mapping where Needs come from Truth.
	Mapped []Need
}

// Mapper maps records. It may be shared between goroutines.
type Mapper struct {
	table *actions.Table
	rules *rules

	mu      sync.Mutex
	targets map[string]*target
}

// target is what an operation of CloudTrail needs.
type target struct {
	goals []goal
	none  bool // needs no permission
}

type goal struct {
	action string
	from   string // parameter with the resource, for the second side of a copy
	shapes []shape
	passes bool // depends on iam:PassRole
}

// New gives a mapper over the service data.
func New(t *actions.Table) (*Mapper, error) {
	r, err := readRules(operations)
	if err != nil {
		return nil, err
	}
	return &Mapper{table: t, rules: r, targets: map[string]*target{}}, nil
}

// maxTargets bounds what is remembered of operations; their names are hostile.
const maxTargets = 20_000

func (m *Mapper) target(source, name string) *target {
	key := source + "\x00" + name
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, ok := m.targets[key]; ok {
		return t
	}
	if len(m.targets) >= maxTargets {
		clear(m.targets)
	}
	t := m.resolve(m.Prefix(source), undated(name))
	m.targets[strings.Clone(key)] = t
	return t
}

// Prefix gives the service prefix of an eventSource.
func (m *Mapper) Prefix(source string) string {
	p := strings.TrimSuffix(source, ".amazonaws.com")
	if a, ok := m.rules.alias[p]; ok {
		return a
	}
	return p
}

func (m *Mapper) resolve(prefix, name string) *target {
	names := m.rules.op[prefix+":"+name]
	if len(names) == 1 && names[0] == "none" {
		return &target{none: true}
	}
	if names == nil {
		names = []string{prefix + ":" + name}
	}
	t := &target{}
	for _, n := range names {
		n, from, _ := strings.Cut(n, "<")
		id, ok := m.table.ID(n)
		if !ok {
			return nil
		}
		a := m.table.Action(id)
		if format := m.rules.vague[a.Service]; format != "" {
			a.Resources = []actions.Resource{{Name: "any", ARN: format, Required: true}}
		}
		g := goal{action: a.Service + ":" + a.Name, from: plain(from), shapes: m.rules.shapes(&a)}
		for _, d := range a.Dependent {
			g.passes = g.passes || d == "iam:PassRole"
		}
		t.goals = append(t.goals, g)
	}
	return t
}

// Why a record gives no requests.
const (
	NotACall     = "not a call"
	NoPermission = "needs no permission"
	NoPrincipal  = "principal not known"
	NoSuchAction = "no such action"
)

// Map gives the requests of a record, or why there are none.
func (m *Mapper) Map(r *Record) (c Call, why string) {
	if !r.IsCall() {
		return c, NotACall
	}
	if !c.principal(&r.Identity) && !c.provider(r) {
		return c, NoPrincipal
	}
	t := m.target(r.Source, r.Name)
	if t != nil && t.none {
		return c, NoPermission
	}
	if t != nil {
		m.needs(&c, r, t)
	}
	if truth, ok := r.Truth(); ok {
		c.Truth, c.Mapped = &truth, c.Needs
		c.Needs = []Need{{Action: truth.Action, Resource: firstText(truth.Resource, "*")}}
		for _, n := range c.Mapped {
			if strings.EqualFold(n.Action, truth.Action) {
				c.Needs[0].ResourceAccount = n.ResourceAccount
				if truth.Resource == "" {
					c.Needs[0].Resource = n.Resource
				}
				c.Needs[0].Service = n.Service
			}
		}
	} else if t == nil {
		return c, NoSuchAction
	}
	c.context(r)
	return c, ""
}

func firstText(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func (c *Call) principal(i *Identity) bool {
	c.Account = i.Account
	switch {
	case i.Type == "AWSService" && i.InvokedBy != "":
		c.Principal, c.Name = i.InvokedBy, i.InvokedBy
	case i.Account == "ANONYMOUS_PRINCIPAL" || i.Account == "anonymous":
		c.Principal, c.Name, c.Account = "anonymous", "anonymous", ""
	case strings.HasPrefix(i.ARN, "arn:"):
		c.Principal, c.Name = i.ARN, i.ARN
		if i.Type == "AssumedRole" {
			c.Name = firstText(i.Issuer, roleOf(i.ARN))
		}
	default:
		return false
	}
	return true
}

// provider takes the identity provider for the caller of a call that brings a
// token of it and no credentials.
func (c *Call) provider(r *Record) bool {
	if r.Source != "sts.amazonaws.com" || !strings.HasPrefix(r.Name, "AssumeRoleWith") {
		return false
	}
	p := find(readParameters(r.Parameters), []string{"principalarn"})
	if !strings.HasPrefix(p, "arn:") {
		p = r.Identity.Provider
	}
	if p == "" || r.Name == "AssumeRoleWithSAML" && !strings.HasPrefix(p, "arn:") {
		return false
	}
	c.Principal, c.Name, c.Account = p, p, ""
	return true
}

// roleOf gives the session's ARN without the session.
func roleOf(session string) string {
	if i := strings.LastIndexByte(session, '/'); i > 0 {
		return session[:i]
	}
	return session
}
