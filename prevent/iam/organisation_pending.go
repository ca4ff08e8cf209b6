package iam

import (
	"errors"

	"github.com/yagura-sec/yagura/prevent/iam/finding"
)

var errNotBuilt = errors.New("not built yet")

// Escalate finds how principals become administrators.
func (o *Organisation) Escalate() (finding.Escalation, error) {
	return finding.Escalation{}, errNotBuilt
}
