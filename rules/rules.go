// Package rules is the data that comes with Yagura. Threat holds one document a
// file, SOURCE/NAME.yml; the path without its ending is the rule's id. What a
// document may hold, and what makes a good one, stands in README.md beside this
// file and in docs/add-a-rule.md.
package rules

import "embed"

// Threat is the tree of rule documents, below threat/.
//
//go:embed threat
var Threat embed.FS
