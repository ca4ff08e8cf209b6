package iam

import (
	"strings"
	"sync"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
)

// fact is what a decision asks of the service data about an action.
type fact struct {
	takesResource bool // a statement can name a resource for it
	needsResource bool // each call names one
	rcp           bool // resource control policies apply to the service
}

// facts are the facts by action in lower case, made once from the embedded table.
// A damaged table, which Compile reports, gives none.
var facts = sync.OnceValue(func() map[string]fact {
	table, err := actions.Embedded()
	if err != nil {
		return nil
	}
	all := make(map[string]fact, table.Len())
	for _, service := range table.Services() {
		found, err := table.Expand(service.Prefix + ":*")
		if err != nil {
			continue
		}
		for id := range found.All() {
			f := fact{takesResource: table.TakesResource(id), rcp: service.RCP}
			if f.takesResource {
				for _, r := range table.Action(id).Resources {
					f.needsResource = f.needsResource || r.Required
				}
			}
			all[strings.ToLower(table.Name(id))] = f
		}
	}
	return all
})

// rcpService is for actions that the table lacks.
func rcpService(prefix string) bool {
	table, err := actions.Embedded()
	if err != nil {
		return false
	}
	service, ok := table.Service(prefix)
	return ok && service.RCP
}
