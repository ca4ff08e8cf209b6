package cloudtrail

import (
	"strings"

	"github.com/yagura-sec/yagura/ocsf"
)

// derive fills what the record implies: class, activity, status, the account and
// session that are written elsewhere, the resource of well-known parameters.
func (d *decoder) derive(ev *ocsf.Event) {
	if ev.Account == "" {
		ev.Account = ev.User.Account
	}
	d.actor(ev)
	switch {
	case d.rest.insight != "":
		d.insight(ev)
	case signIn(ev):
		d.logon(ev)
	default:
		ev.Class = ocsf.APIActivity
		ev.Activity = activity(ev.API.Operation)
		ev.Status = callStatus(ev)
	}
	if ev.Resource == "" && ev.Request != "" {
		d.target(ev)
	}
}

// actor completes the identity from its less usual members.
func (d *decoder) actor(ev *ocsf.Event) {
	u, s := &ev.User, &ev.Session
	if u.Credential == "" {
		u.Credential = d.rest.credential
	}
	if u.UIDAlt == "" {
		u.UIDAlt = d.rest.onBehalf
	}
	if s.Provider == "" {
		s.Provider = d.rest.federated
	}
	if s.Provider == "" {
		s.Provider = d.rest.store
	}
	// A role's principal id is AROA…:session, a federated user's account:name.
	// Other principal ids have colons of their own.
	if u.Type == "AssumedRole" || u.Type == "FederatedUser" || strings.HasPrefix(u.UIDAlt, "AROA") {
		_, s.UID, _ = strings.Cut(u.UIDAlt, ":")
	}
}

func failed(ev *ocsf.Event) bool { return ev.Code != "" || ev.Message != "" }

func callStatus(ev *ocsf.Event) int64 {
	switch {
	case failed(ev):
		return ocsf.StatusFailure
	case ev.EventType == "AwsServiceEvent":
		return ocsf.StatusUnknown
	}
	return ocsf.StatusSuccess
}

// signIn says whether the event is somebody signing in or out. The docs write
// AwsConsoleSignin, the logs AwsConsoleSignIn.
func signIn(ev *ocsf.Event) bool {
	if ev.API.Service == "sso.amazonaws.com" { // its access portal
		return ev.API.Operation == "Authenticate" || ev.API.Operation == "Federate" || ev.API.Operation == "Logout"
	}
	return ev.API.Service == "signin.amazonaws.com" || strings.EqualFold(ev.EventType, "AwsConsoleSignIn")
}

// logon maps a sign-in event. Its outcome stands under the event's own name in
// responseElements ("ConsoleLogin":"Failure") or in serviceEventDetails.
func (d *decoder) logon(ev *ocsf.Event) {
	ev.Class = ocsf.Authentication
	switch ev.API.Operation {
	case "ConsoleLogin", "SwitchRole", "UserAuthentication", "Authenticate", "Federate":
		ev.Activity = ocsf.AuthLogon
	case "ConsoleLogout", "Logout", "ExitRole":
		ev.Activity = ocsf.AuthLogoff
	default:
		ev.Activity = ocsf.ActivityOther
	}
	said := d.lookup(ev.Response, ev.API.Operation)
	if said == "" {
		said = d.lookup(d.rest.service, ev.API.Operation)
	}
	switch {
	case failed(ev), said == "Failure":
		ev.Status = ocsf.StatusFailure
	case said == "Success":
		ev.Status = ocsf.StatusSuccess
	default:
		ev.Status = ocsf.StatusUnknown
	}
	if ev.Session.MFA == ocsf.Unknown {
		switch d.lookup(d.rest.additional, "MFAUsed") {
		case "Yes":
			ev.Session.MFA = ocsf.True
		case "No":
			ev.Session.MFA = ocsf.False
		}
	}
}

// insight maps the start or end of unusual activity to a finding. Its two events
// share sharedEventID.
func (d *decoder) insight(ev *ocsf.Event) {
	ev.Class = ocsf.DetectionFinding
	f := &ev.Finding
	f.UID = ev.Correlation
	f.Product = "CloudTrail Insights"
	f.State = d.lookup(d.rest.insight, "state")
	f.Generator = d.lookup(d.rest.insight, "insightType")
	f.Title = f.Generator
	if op := d.lookup(d.rest.insight, "eventName"); op != "" {
		f.Title = f.Generator + ": " + d.lookup(d.rest.insight, "eventSource") + " " + op
	}
	if f.Generator != "" {
		f.Types = []string{f.Generator}
	}
	switch f.State {
	case "Start":
		ev.Activity = ocsf.FindingCreate
		f.First = ev.Time
	case "End":
		ev.Activity = ocsf.FindingClose
		f.Last = ev.Time
	default:
		ev.Activity = ocsf.ActivityOther
	}
}

// lookup gives a scalar member of a raw JSON object as text.
func (d *decoder) lookup(raw, name string) string {
	if raw == "" || name == "" {
		return ""
	}
	d.part.ResetText(raw)
	if !d.part.Object() {
		return ""
	}
	found := ""
	for d.part.Next() {
		if d.part.Key() == name {
			found, _ = d.part.Str()
		}
	}
	return found
}

// verbs gives the activity of the first word of an operation.
var verbs = map[string]int64{
	"Create": ocsf.APICreate, "Put": ocsf.APICreate, "Run": ocsf.APICreate, "Add": ocsf.APICreate, "Allocate": ocsf.APICreate,
	"Import": ocsf.APICreate, "Copy": ocsf.APICreate, "Register": ocsf.APICreate, "Issue": ocsf.APICreate, "Generate": ocsf.APICreate,
	"Request": ocsf.APICreate, "Upload": ocsf.APICreate, "Publish": ocsf.APICreate, "Restore": ocsf.APICreate, "Provision": ocsf.APICreate,
	"Purchase": ocsf.APICreate, "Post": ocsf.APICreate,

	"Get": ocsf.APIRead, "List": ocsf.APIRead, "Describe": ocsf.APIRead, "Head": ocsf.APIRead, "Lookup": ocsf.APIRead,
	"Search": ocsf.APIRead, "Query": ocsf.APIRead, "Scan": ocsf.APIRead, "Select": ocsf.APIRead, "Download": ocsf.APIRead,
	"Read": ocsf.APIRead, "View": ocsf.APIRead, "Preview": ocsf.APIRead, "Simulate": ocsf.APIRead, "Retrieve": ocsf.APIRead,
	"Discover": ocsf.APIRead, "Filter": ocsf.APIRead,

	"Update": ocsf.APIUpdate, "Modify": ocsf.APIUpdate, "Set": ocsf.APIUpdate, "Attach": ocsf.APIUpdate, "Detach": ocsf.APIUpdate,
	"Associate": ocsf.APIUpdate, "Disassociate": ocsf.APIUpdate, "Enable": ocsf.APIUpdate, "Disable": ocsf.APIUpdate,
	"Change": ocsf.APIUpdate, "Replace": ocsf.APIUpdate, "Reset": ocsf.APIUpdate, "Rotate": ocsf.APIUpdate, "Tag": ocsf.APIUpdate,
	"Untag": ocsf.APIUpdate, "Authorize": ocsf.APIUpdate, "Revoke": ocsf.APIUpdate, "Start": ocsf.APIUpdate, "Stop": ocsf.APIUpdate,
	"Reboot": ocsf.APIUpdate, "Edit": ocsf.APIUpdate, "Apply": ocsf.APIUpdate, "Activate": ocsf.APIUpdate, "Deactivate": ocsf.APIUpdate,
	"Write": ocsf.APIUpdate,

	"Delete": ocsf.APIDelete, "Terminate": ocsf.APIDelete, "Remove": ocsf.APIDelete, "Deregister": ocsf.APIDelete,
	"Release": ocsf.APIDelete, "Purge": ocsf.APIDelete,
}

// activity maps an operation by its verb: BatchGetItem by Get, unknown to Other.
func activity(operation string) int64 {
	verb, after := word(operation)
	if verb == "Batch" {
		verb, _ = word(after)
	}
	if a, ok := verbs[verb]; ok {
		return a
	}
	return ocsf.ActivityOther
}

// word cuts the first word off a name in camel case.
func word(s string) (first, after string) {
	for i := 1; i < len(s); i++ {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			return s[:i], s[i:]
		}
	}
	return s, ""
}
