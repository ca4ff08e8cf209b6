package crs

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed exclusions/*.conf
var exclusions embed.FS

// Exclusion gives a package of exclusions by its name: prose, wiki, graphql, analytics,
// uploads. It belongs into Options.Before. Each spares ordinary traffic that rules of
// the first paranoia level take for attacks; docs/ref/waf-exclusions.md says which.
func Exclusion(name string) (Source, error) {
	text, err := exclusions.ReadFile("exclusions/" + name + ".conf")
	if err != nil {
		list, _ := exclusions.ReadDir("exclusions") // It is embedded.
		names := make([]string, 0, len(list))
		for _, e := range list {
			names = append(names, strings.TrimSuffix(e.Name(), ".conf"))
		}
		return Source{}, fmt.Errorf("no exclusions named %q; there are %s", name, strings.Join(names, ", "))
	}
	return Source{name, string(text)}, nil
}
