package threat

import (
	"strings"
	"unsafe"

	"github.com/yagura-sec/yagura/ocsf"
)

// Fields computes the derived fields of CloudTrail events, yagura.*, that rules
// may name like native ones. Most are functions of the event; yagura.revert
// reads what [Fields] has seen before. Values are hostile text.
//
// A function gives nil for an absent value. It reads no JSON unless the
// operation is one whose request can hold the answer. Not safe for concurrent
// use.
type Fields struct {
	cfg      Config
	accounts map[string]bool
	reverts  *reverts
	chains   *chains
	seen     memo
	agents   map[string]folded
}

// folded is what a user agent tells.
type folded struct {
	name  string
	tools []string
}

// maxAgents bounds the user agents that are remembered, which are few.
const maxAgents = 4096

// agent reads a user agent, once.
func (f *Fields) agent(ua string) folded {
	ua = cutAgent(ua)
	got, ok := f.agents[ua]
	if !ok {
		if len(f.agents) >= maxAgents {
			clear(f.agents)
		}
		ua = strings.Clone(ua)
		got = folded{name: agent(ua), tools: tools(ua)}
		f.agents[ua] = got
	}
	return got
}

// NewFields gives the fields for rules that are compiled without a detector, to
// check or test them: yagura.revert stays absent.
func NewFields(cfg Config) *Fields {
	f := &Fields{cfg: cfg, accounts: map[string]bool{}, agents: map[string]folded{}, chains: newChains(cfg.MaxSessions), reverts: newReverts(cfg.MaxChanges)}
	f.reverts.agent = func(ua string) string { return f.agent(ua).name }
	for _, a := range cfg.Accounts {
		f.accounts[a] = true
	}
	return f
}

// See lets the fields that remember see an event, before rules ask about it. A
// [Detector] does so itself.
func (f *Fields) See(source string, ev *ocsf.Event) {
	if source != "cloudtrail" || monstrous(ev) {
		f.reverts.current = false
		return
	}
	f.chains.learn(ev)
	f.reverts.see(ev, f.chains.root)
}

// Forget makes the fields forget what they saw.
func (f *Fields) Forget() {
	fold := f.reverts.agent
	f.chains, f.reverts = newChains(f.cfg.MaxSessions), newReverts(f.cfg.MaxChanges)
	f.reverts.agent = fold
}

// Map gives the functions by name.
func (f *Fields) Map() map[string]func(*ocsf.Event) []string {
	return map[string]func(*ocsf.Event) []string{
		"yagura.principal":          func(ev *ocsf.Event) []string { return one(principal(ev)) },
		"yagura.principal_type":     func(ev *ocsf.Event) []string { return one(principalType(ev)) },
		"yagura.outcome":            func(ev *ocsf.Event) []string { return one(outcome(ev)) },
		"yagura.denied":             func(ev *ocsf.Event) []string { return truth(denied(ev)) },
		"yagura.public_policy":      func(ev *ocsf.Event) []string { return f.of(ev).exposure },
		"yagura.admin_policy":       func(ev *ocsf.Event) []string { return truth(f.of(ev).admin) },
		"yagura.escalating_actions": func(ev *ocsf.Event) []string { return f.of(ev).escalating },
		"yagura.external_account":   f.external,
		"yagura.open_cidr":          func(ev *ocsf.Event) []string { return openings(ev).cidrs },
		"yagura.open_port":          func(ev *ocsf.Event) []string { return openings(ev).ports },
		"yagura.country":            func(ev *ocsf.Event) []string { return one(f.place(ev).Country) },
		"yagura.asn":                func(ev *ocsf.Event) []string { return one(asn(f.place(ev))) },
		"yagura.network":            func(ev *ocsf.Event) []string { return one(network(ev.Src.IP)) },
		"yagura.address_kind":       func(ev *ocsf.Event) []string { return one(addressKind(ev)) },
		"yagura.tool":               func(ev *ocsf.Event) []string { return f.agent(ev.HTTP.Agent).tools },
		"yagura.agent":              func(ev *ocsf.Event) []string { return one(f.agent(ev.HTTP.Agent).name) },
		"yagura.list":               f.lists,
		"yagura.self":               self,
		"yagura.target_user":        func(ev *ocsf.Event) []string { return one(targetUser(ev)) },
		"yagura.revert":             func(ev *ocsf.Event) []string { return truth(f.reverts.is(ev)) },
		"yagura.console":            func(ev *ocsf.Event) []string { return truth(console(ev)) },
		"yagura.mfa":                mfa,
		"yagura.resource":           func(ev *ocsf.Event) []string { return one(resource(ev)) },
		"yagura.user_data":          func(ev *ocsf.Event) []string { return one(userData(ev)) },
	}
}

// memo keeps what one reading of the request gave, for several rules ask.
type memo struct {
	raw  *byte
	size int
	time int64
	uid  string
	reading
}

// reading is what the documents in a request say.
type reading struct {
	exposure   []string // public, cross-account
	admin      bool
	escalating []string
}

// of reads the documents of the event's request, once.
func (f *Fields) of(ev *ocsf.Event) *reading {
	what := grants[ev.API.Operation]
	if what == 0 {
		what = grantsByName(ev)
	}
	if what == 0 || ev.Request == "" {
		return &reading{}
	}
	raw := unsafe.StringData(ev.Request)
	m := &f.seen
	if m.raw != raw || m.size != len(ev.Request) || m.time != ev.Time || m.uid != ev.UID {
		*m = memo{raw: raw, size: len(ev.Request), time: ev.Time, uid: ev.UID, reading: f.read(ev, what)}
	}
	return &m.reading
}

// one gives a list of a value, nil for an absent one.
func one(v string) []string {
	if v == "" {
		return nil
	}
	return []string{v}
}

var yes = []string{"true"}

func truth(b bool) []string {
	if b {
		return yes
	}
	return nil
}

func outcome(ev *ocsf.Event) string {
	switch ev.Status {
	case ocsf.StatusSuccess:
		return "success"
	case ocsf.StatusFailure:
		return "failure"
	}
	return ""
}

// denials are the ends of error codes that refuse for lack of rights.
var denials = []string{
	"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "NotAuthorizedException",
	"UnauthorizedException", "AuthorizationError", "AuthorizationErrorException", "UnauthorizedAccess", "UnauthorizedAccessException",
	"Forbidden", "ForbiddenException", "AuthFailure", "InsufficientPrivilegesException", "AllAccessDisabled",
}

// denied says whether the call failed for lack of rights.
func denied(ev *ocsf.Event) bool {
	if ev.Code == "" {
		return false
	}
	for _, d := range denials {
		if strings.HasSuffix(ev.Code, d) {
			return true
		}
	}
	return false
}

func mfa(ev *ocsf.Event) []string {
	switch ev.Session.MFA {
	case ocsf.True:
		return yes
	case ocsf.False:
		return []string{"false"}
	}
	return nil
}

// console says whether the call came from a console session.
func console(ev *ocsf.Event) bool {
	if ev.EventType == "AwsConsoleSignIn" || ev.EventType == "AwsConsoleSignin" || ev.EventType == "AwsConsoleAction" {
		return true
	}
	a := ev.HTTP.Agent
	if strings.Contains(a, "console.amazonaws.com") || strings.Contains(a, "S3Console/") || strings.Contains(a, " Console, aws-internal/") || a == "signin.amazonaws.com" {
		return true
	}
	i := strings.Index(ev.Raw, `"sessionCredentialFromConsole"`)
	if i < 0 {
		return false
	}
	rest := ev.Raw[i+len(`"sessionCredentialFromConsole"`):]
	return strings.HasPrefix(strings.TrimLeft(rest[:min(len(rest), 16)], `: "`), "true")
}
