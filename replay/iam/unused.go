package iam

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/replay/iam/call"
)

// Usage is what principals did, to be held against what they may do. It serves
// one goroutine.
type Usage struct {
	table  *actions.Table
	mapper *call.Mapper
	by     map[string]*used // by principal, see lookup
	// Calls that went through, by all principals, and their time.
	Calls    int64
	From, To time.Time
}

type used struct {
	actions  actions.Set
	services map[string]bool
	calls    int64
	last     time.Time
}

// Unused is what a principal may do and did not.
type Unused struct {
	Principal string
	Calls     int64     // that went through
	Last      time.Time // of them; zero if there is none
	Granted   int       // actions that it may call
	// Services are those of which it used nothing.
	Services []string
	// Actions are the unused ones of services that it used.
	Actions []string
}

// NewUsage prepares.
func NewUsage(t *actions.Table) (*Usage, error) {
	m, err := call.New(t)
	return &Usage{table: t, mapper: m, by: map[string]*used{}}, err
}

// maxPrincipals bounds the principals that are remembered.
const maxPrincipals = 100_000

// AddText takes the use from a CloudTrail record. Refused calls are no use: a
// permission that was not there cannot be taken away.
func (u *Usage) AddText(text string) error {
	rec, err := call.Read(text)
	if err != nil {
		return err
	}
	c, why := u.mapper.Map(&rec)
	if c.Name == "" || why == call.NotACall || rec.Denied() {
		return nil
	}
	key := lookup(c.Name)
	of := u.by[key]
	if of == nil {
		if len(u.by) >= maxPrincipals {
			return nil
		}
		of = &used{actions: u.table.NewSet(), services: map[string]bool{}}
		u.by[strings.Clone(key)] = of
	}
	u.Calls++
	of.calls++
	if u.From.IsZero() || rec.Time.Before(u.From) {
		u.From = rec.Time
	}
	if rec.Time.After(u.To) {
		u.To = rec.Time
	}
	if rec.Time.After(of.last) {
		of.last = rec.Time
	}
	of.services[strings.Clone(u.mapper.Prefix(rec.Source))] = true // also when the operation is not known
	for _, n := range c.Needs {
		service, _, _ := strings.Cut(n.Action, ":")
		of.services[strings.Clone(service)] = true
		if one, err := u.table.Expand(n.Action); err == nil {
			of.actions.Add(one)
		}
	}
	return nil
}

// lookup is what the ARN of a role and that of its sessions have in common: a
// session does not tell the role's path.
func lookup(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return arn
	}
	kind, name, ok := strings.Cut(parts[5], "/")
	if !ok || kind != "role" && kind != "assumed-role" {
		return arn
	}
	return parts[1] + " " + parts[4] + " role " + name[strings.LastIndexByte(name, '/')+1:]
}

// Unused holds what a principal may do, as action patterns, against what it did.
func (u *Usage) Unused(principal string, granted []string) (Unused, error) {
	out := Unused{Principal: principal}
	may := u.table.NewSet()
	for _, g := range granted {
		set, err := u.table.Expand(g)
		if err != nil {
			return out, err
		}
		may.Add(set)
	}
	out.Granted = may.Len()
	of := u.by[lookup(principal)]
	if of == nil {
		of = &used{actions: u.table.NewSet()}
	}
	out.Calls, out.Last = of.calls, of.last
	silent := map[string]bool{}
	for id := range may.All() {
		name := u.table.Name(id)
		service, _, _ := strings.Cut(name, ":")
		switch {
		case !of.services[service]:
			silent[service] = true
		case !of.actions.Has(id):
			out.Actions = append(out.Actions, name)
		}
	}
	out.Services = slices.Sorted(maps.Keys(silent))
	return out, nil
}
