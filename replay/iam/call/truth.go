package call

import (
	"errors"
	"strings"
)

var (
	errNoObject = errors.New("no object")
	errNoCall   = errors.New("eventSource or eventName is missing")
)

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Truth is what the message of a refused call says of the refusal: AWS's own
// verdict on a request.
type Truth struct {
	Principal, Action string
	Resource          string // empty if the message does not name it
	Kind              string // of policy, as policy.Kind's names; empty if the message does not say
	Explicit          bool   // an explicit deny
}

// reasons are what messages say, with the kind of policy that it means.
var reasons = []struct{ part, kind string }{
	{"service control policy", "scp"},
	{"service control policies", "scp"},
	{"resource control policy", "rcp"},
	{"resource control policies", "rcp"},
	{"VPC endpoint polic", "endpoint"},
	{"permissions boundar", "boundary"},
	{"session polic", "session"},
	{"resource-based polic", "resource"},
	{"identity-based polic", "identity"},
	{"role trust polic", "resource"},
}

// Truth reads the message of a refused call
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html).
// It is false when the message does not name the action.
func (r *Record) Truth() (Truth, bool) {
	var t Truth
	if !r.Denied() {
		return t, false
	}
	before, rest, ok := strings.Cut(r.Message, " is not authorized to perform: ")
	if !ok {
		return t, false
	}
	t.Principal = before
	if i := strings.LastIndexByte(before, ' '); i >= 0 {
		t.Principal = before[i+1:]
	}
	t.Action, rest, _ = strings.Cut(rest, " ")
	t.Action = strings.TrimRight(t.Action, ".,")
	if service, name, ok := strings.Cut(t.Action, ":"); !ok || service == "" || name == "" {
		return t, false
	}
	if after, ok := strings.CutPrefix(rest, "on resource: "); ok {
		t.Resource, rest, _ = strings.Cut(after, " ")
		t.Resource = strings.Trim(t.Resource, `",.`)
	}
	t.Explicit = strings.Contains(rest, "explicit deny")
	for _, x := range reasons {
		if strings.Contains(rest, x.part) {
			t.Kind = x.kind
			break
		}
	}
	return t, true
}
