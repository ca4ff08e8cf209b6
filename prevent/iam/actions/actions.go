// Package actions is the table of everything that an IAM policy can name: the
// services, their actions with access levels, the resource types with their ARN
// formats, the condition keys with their types, the actions that another action
// depends on, and the services whose resources obey resource control policies.
//
// The table is AWS's service authorization reference
// (https://docs.aws.amazon.com/service-authorization/latest/reference/), as read
// by the packages that Source names, plus the global condition keys of the IAM
// user guide, which that reference leaves out. It is one file of about 200 kB
// inside the program, written by tools/iamdata; a newer file of the same format
// can be read with Load.
//
//	table, err := actions.Embedded()
//	set, err := table.Expand("s3:Get*")
//	for id := range set.All() {
//		fmt.Println(table.Name(id))
//	}
//
// What it does not know: AWS publishes new actions daily, so an action that the
// table lacks may still exist: UnknownError says "not known", never "wrong".
// Which of several resource types one call needs depends on its parameters;
// only types marked Required are always needed. Dependent actions come from an
// older reading than the rest, and AWS lists them incompletely.
package actions

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ID is the number of an action in its Table: 0 to Len-1, ordered by service
// and by name without regard to case. Another table may number differently.
type ID uint32

// Action is one action with all that the table knows of it.
type Action struct {
	ID      ID     `json:"-"`
	Service string `json:"service"` // prefix, as "s3"
	Name    string `json:"name"`    // as AWS writes it, without the prefix
	// Level is List, Read, Write, Tagging or Permissions management.
	Level     string     `json:"level"`
	Resources []Resource `json:"resources"` // types that a statement may name; none means only "*" matches
	Keys      []string   `json:"keys"`      // condition keys of the action itself; global keys are left out
	Dependent []string   `json:"dependent"` // actions that a call may need as well, as "iam:PassRole"
}

// Resource is a resource type, of a service or as one action takes it.
type Resource struct {
	Name string `json:"name"` // as "bucket"; unique in its service only
	ARN  string `json:"arn"`  // format with placeholders: arn:${Partition}:s3:::${BucketName}
	// Required says that every call of the action needs such a resource. It is
	// false where the Resource is not seen through an action.
	Required bool     `json:"required"`
	Keys     []string `json:"keys"` // condition keys that this type brings
}

// Service is one service prefix.
type Service struct {
	Prefix  string `json:"prefix"` // as "s3"
	Name    string `json:"name"`   // as "Amazon S3"
	RCP     bool   `json:"rcp"`    // resource control policies apply to its resources
	Actions int    `json:"actions"`
}

// Key is a condition key.
type Key struct {
	Name string `json:"name"` // as AWS writes it; may hold a placeholder: aws:RequestTag/${TagKey}
	// Type is String, ARN, Bool, Numeric, Date, IPAddress or Binary.
	Type string `json:"type"`
	// Multi says that a request can carry several values, so that a condition
	// needs ForAllValues or ForAnyValue.
	Multi  bool `json:"multi"`
	Global bool `json:"global"` // usable in policies for every service
}

// Source says where a table comes from.
type Source struct {
	Package           string    `json:"package"`
	Version           string    `json:"version"`
	Licence           string    `json:"licence"`
	Updated           time.Time `json:"updated"` // when the package's data last changed
	DependentsPackage string    `json:"dependentsPackage"`
	DependentsVersion string    `json:"dependentsVersion"`
	DependentsLicence string    `json:"dependentsLicence"`
	File              string    `json:"file"` // path given to Load; empty for the embedded table
	Services          int       `json:"services"`
	Actions           int       `json:"actions"`
	ResourceTypes     int       `json:"resourceTypes"`
	Keys              int       `json:"keys"` // distinct condition keys, global ones included
	RCPServices       int       `json:"rcpServices"`
}

// Table is the service data. It does not change and may be shared.
type Table struct {
	source    Source
	services  []service
	resources []resource
	actions   []action
	uses      []use
	deps      []ID
	keys      []Key
	sets      [][]uint32 // key sets: indexes into keys

	exact    map[string]int // keys without a placeholder, by name in lower case
	patterns []keyGlob      // keys with one
}

type service struct {
	prefix, name        string
	rcp                 bool
	keys                uint32
	resource, resource1 int // its resource types: [resource, resource1)
	action, action1     int
}

type resource struct {
	name, arn string
	keys      uint32
}

type action struct {
	name      string
	service   uint16
	level     uint8
	keys      uint32
	use       uint32 // its resource types: uses[use:next action's use]
	dep, dep1 uint32
}

type use struct {
	resource uint32
	keys     uint32
	required bool
}

//go:embed data.zst
var data []byte

var embedded = sync.OnceValues(func() (*Table, error) { return parse(data) })

// Embedded returns the table inside the program, unpacked at the first call. An
// error means that the program was built from a damaged file.
func Embedded() (*Table, error) { return embedded() }

// Load reads a newer table, a file written by tools/iamdata. The file is checked
// in full; one that is too big, damaged or inconsistent is refused.
func Load(path string) (*Table, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("IAM service data: %w", err)
	}
	defer file.Close()
	packed, err := io.ReadAll(io.LimitReader(file, maxPacked+1))
	if err != nil {
		return nil, fmt.Errorf("IAM service data %s: %w", path, err)
	}
	t, err := parse(packed)
	if err != nil {
		return nil, fmt.Errorf("IAM service data %s: %w; write it anew with tools/iamdata", path, err)
	}
	t.source.File = path
	return t, nil
}

// Source says where the table comes from and how much it holds.
func (t *Table) Source() Source { return t.source }

// Rows is the source as names and values, for a table on the screen.
func (s Source) Rows() [][2]string {
	file := s.File
	if file == "" {
		file = "(inside the program)"
	}
	return [][2]string{
		{"file", file},
		{"source", fmt.Sprintf("%s %s (%s)", s.Package, s.Version, s.Licence)},
		{"updated", s.Updated.Format(time.RFC3339)},
		{"dependent actions", fmt.Sprintf("%s %s (%s)", s.DependentsPackage, s.DependentsVersion, s.DependentsLicence)},
		{"services", strconv.Itoa(s.Services)},
		{"services with RCP", strconv.Itoa(s.RCPServices)},
		{"actions", strconv.Itoa(s.Actions)},
		{"resource types", strconv.Itoa(s.ResourceTypes)},
		{"condition keys", strconv.Itoa(s.Keys)},
	}
}

// Len is the number of actions.
func (t *Table) Len() int { return len(t.actions) }

// Services lists all services by prefix.
func (t *Table) Services() []Service {
	list := make([]Service, len(t.services))
	for i := range t.services {
		list[i] = t.service(i)
	}
	return list
}

// Service finds a service by its prefix, in any case.
func (t *Table) Service(prefix string) (Service, bool) {
	i, ok := t.findService(prefix)
	if !ok {
		return Service{}, false
	}
	return t.service(i), true
}

func (t *Table) service(i int) Service {
	s := &t.services[i]
	return Service{Prefix: s.prefix, Name: s.name, RCP: s.rcp, Actions: s.action1 - s.action}
}

// ID finds an action by "service:Name", in any case. It allocates nothing.
func (t *Table) ID(name string) (ID, bool) {
	prefix, rest, ok := strings.Cut(name, ":")
	if !ok {
		return 0, false
	}
	i, ok := t.findService(prefix)
	if !ok {
		return 0, false
	}
	return t.findAction(i, rest)
}

// Name is the action as "service:Name", as AWS writes it.
func (t *Table) Name(id ID) string {
	a := &t.actions[id]
	return t.services[a.service].prefix + ":" + a.name
}

// Level is the action's access level: List, Read, Write, Tagging or Permissions
// management.
func (t *Table) Level(id ID) string { return levels[t.actions[id].level] }

// TakesResource reports whether a statement can name a resource for the action.
// If not, only a Resource that covers everything matches it.
func (t *Table) TakesResource(id ID) bool { return len(t.actionUses(id)) > 0 }

// Action returns all that the table knows of an action.
func (t *Table) Action(id ID) Action {
	a := &t.actions[id]
	s := &t.services[a.service]
	full := Action{
		ID: id, Service: s.prefix, Name: a.name, Level: levels[a.level],
		Keys: t.keyNames(a.keys), Resources: []Resource{}, Dependent: []string{},
	}
	for _, u := range t.actionUses(id) {
		r := t.resource(int(u.resource))
		r.Required = u.required
		r.Keys = t.union(u.keys, t.resources[u.resource].keys)
		full.Resources = append(full.Resources, r)
	}
	for _, d := range t.deps[a.dep:a.dep1] {
		full.Dependent = append(full.Dependent, t.Name(d))
	}
	return full
}

func (t *Table) actionUses(id ID) []use {
	end := len(t.uses)
	if int(id)+1 < len(t.actions) {
		end = int(t.actions[id+1].use)
	}
	return t.uses[t.actions[id].use:end]
}

// Resources lists the resource types of a service, by name; none if the service
// is not known.
func (t *Table) Resources(prefix string) []Resource {
	i, ok := t.findService(prefix)
	if !ok {
		return nil
	}
	var list []Resource
	for r := t.services[i].resource; r < t.services[i].resource1; r++ {
		list = append(list, t.resource(r))
	}
	return list
}

func (t *Table) resource(i int) Resource {
	r := &t.resources[i]
	return Resource{Name: r.name, ARN: r.arn, Keys: t.keyNames(r.keys)}
}
