package iam

import (
	"errors"

	"github.com/yagura-sec/yagura/prevent/iam/finding"
)

// Organisation is an inventory of one account or many: users, groups, roles,
// managed policies, resource policies and the organisation's tree. It does not
// change after [LoadOrganisation] and may be shared between goroutines.
type Organisation struct{}

var errNotBuilt = errors.New("not built yet")

// LoadOrganisation reads files and folders; in folders, all that ends in .json.
// What a file is is told by its members: the output of `aws iam
// get-account-authorization-details` (or its pages), resource policies, AWS
// Config items, the organisation's tree. docs/ref/iam-analysis.md describes the
// forms. The error names file, line and column.
func LoadOrganisation(paths ...string) (*Organisation, error) { return nil, errNotBuilt }

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
func (o *Organisation) Escalate() (finding.Escalation, error) { return finding.Escalation{}, errNotBuilt }

// Diff says whether the new policies allow anything that the old did not. All
// must be of one kind; those of one side count together, SCPs as one level. A
// side without policies allows nothing.
func Diff(before, after []*Policy) (finding.Difference, error) {
	return finding.Difference{}, errNotBuilt
}
