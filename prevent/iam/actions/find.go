package actions

import (
	"fmt"
	"slices"
	"strings"
)

// Query selects actions. What is empty does not restrict.
type Query struct {
	Patterns []string // actions as in a policy: "s3:Get*"; none means all
	Level    string   // access level in any case; "permissions" and hyphens are understood
	// ResourceType is the name of a resource type that the action takes, in any
	// case, as "bucket"; "none" selects actions that take none.
	ResourceType string
	Key          string // condition key that the action or its resource types declare
}

// Find returns the actions that satisfy the whole query, by service and name. A
// name that the table does not know is an *UnknownError with the nearest one, as
// an empty answer would look like a fact.
func (t *Table) Find(q Query) ([]Action, error) {
	set := t.NewSet()
	for _, pattern := range q.Patterns {
		if err := t.Check(pattern); err != nil {
			return nil, fmt.Errorf("action %q: %w", bounded(pattern), err)
		}
		found, err := t.Expand(pattern)
		if err != nil {
			return nil, err
		}
		set.Add(found)
	}
	if len(q.Patterns) == 0 {
		set.put(0, len(t.actions))
	}
	level, err := parseLevel(q.Level)
	if err != nil {
		return nil, err
	}
	if err := t.checkResourceType(q.ResourceType); err != nil {
		return nil, err
	}
	key := Key{}
	if q.Key != "" {
		if err := t.CheckKey(q.Key); err != nil {
			return nil, err
		}
		key, _ = t.Key(q.Key)
	}
	var list []Action
	for id := range set.All() {
		if level >= 0 && int(t.actions[id].level) != level || !t.takesType(id, q.ResourceType) {
			continue
		}
		a := t.Action(id)
		if q.Key == "" || a.declares(key.Name) {
			list = append(list, a)
		}
	}
	return list, nil
}

func (a *Action) declares(key string) bool {
	return slices.Contains(a.Keys, key) ||
		slices.ContainsFunc(a.Resources, func(r Resource) bool { return slices.Contains(r.Keys, key) })
}

const noType = "none"

func (t *Table) takesType(id ID, name string) bool {
	uses := t.actionUses(id)
	switch {
	case name == "":
		return true
	case strings.EqualFold(name, noType):
		return len(uses) == 0
	}
	return slices.ContainsFunc(uses, func(u use) bool { return strings.EqualFold(t.resources[u.resource].name, name) })
}

func (t *Table) checkResourceType(name string) error {
	if name == "" || strings.EqualFold(name, noType) {
		return nil
	}
	best := newBest(name)
	for i := range t.resources {
		if strings.EqualFold(t.resources[i].name, name) {
			return nil
		}
		best.try(t.resources[i].name)
	}
	return &UnknownError{Kind: "resource type", Name: name, Nearest: best.name}
}

// parseLevel returns the level's number, or -1 for any.
func parseLevel(name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	plain := strings.Map(func(c rune) rune {
		if c == '-' || c == '_' {
			return ' '
		}
		return c
	}, name)
	best := newBest(plain)
	for i, level := range levels {
		first, _, _ := strings.Cut(level, " ")
		if strings.EqualFold(plain, level) || strings.EqualFold(plain, first) {
			return i, nil
		}
		best.try(level)
	}
	return -1, &UnknownError{Kind: "access level", Name: name, Nearest: best.name}
}

// Columns are the headings of Action.Row.
func Columns() []string {
	return []string{"action", "level", "resource types", "condition keys", "dependent actions"}
}

// Row is the action in one line for a table; required resource types bear a star.
func (a Action) Row() []string {
	types := make([]string, len(a.Resources))
	for i, r := range a.Resources {
		types[i] = r.Name
		if r.Required {
			types[i] += "*"
		}
	}
	return []string{
		a.Service + ":" + a.Name, a.Level, strings.Join(types, " "),
		strings.Join(a.Keys, " "), strings.Join(a.Dependent, " "),
	}
}
