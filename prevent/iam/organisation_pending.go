package iam

import (
	"errors"

	"github.com/yagura-sec/yagura/prevent/iam/finding"
)

var errNotBuilt = errors.New("not built yet")

// WhoCan lists every principal that may call an action on a resource: users and
// roles of the inventory, and whoever the resource's policy lets in from
// elsewhere. The action may be a pattern such as s3:Get*, the resource a pattern
// of ARNs. The error says what is wrong with the question.
func (o *Organisation) WhoCan(action, resource string) ([]finding.Access, error) {
	return nil, errNotBuilt
}

// Can lists all that a user or role of the inventory may do: its ARN, or its name
// if only one has it.
func (o *Organisation) Can(principal string) ([]finding.Access, error) { return nil, errNotBuilt }

// Public lists every way into a resource from outside its account.
func (o *Organisation) Public() ([]finding.External, error) { return nil, errNotBuilt }

// Escalate finds how principals become administrators.
func (o *Organisation) Escalate() (finding.Escalation, error) {
	return finding.Escalation{}, errNotBuilt
}
