package threat

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/ocsf"
)

// reverts knows what each principal created or changed within a day, so that
// taking it back is not a new attack: the clean-up of an attack tool, or of an
// administrator who tries something out.
//
// A call that undoes is joined to one that did by service, noun (DeleteRole and
// CreateRole, DetachUserPolicy and AttachUserPolicy) and all names and ids in its
// request. Controls that watch (trails, flow logs, detectors …) must also have
// been made with the same tool: setting one up and then switching it off by
// other means is what an intruder does too. Calls that set (Put, Set, Associate,
// Tag) succeed on what is there already, so what they touched is not known to be
// theirs: deleting a guard after them is no revert.
type reverts struct {
	made    recent[uint64, []mark]
	first   recent[uint64, uint64] // hash of the value that a thing was created with
	seq     uint32
	agent   func(ua string) string // folds a user agent
	current bool                   // of the event at hand
	at      string                 // its id
	time    int64
}

// mark is one call that made something.
type mark struct {
	Seq   uint32
	Agent uint32
	Time  int64
}

const (
	defaultChanges = 400_000
	revertWindow   = 24 * 3600 * 1_000_000
	maxMarks       = 8
	maxNames       = 24
)

func newReverts(bound int) *reverts {
	if bound <= 0 {
		bound = defaultChanges
	}
	return &reverts{made: newRecent[uint64, []mark](bound), first: newRecent[uint64, uint64](bound / 8)}
}

// undone lists, for verbs that take back, the verbs that they take back.
var undone = map[string][]string{
	"Delete": {"Create", "Put", "Upload", "Import", "Add", "Copy", "Request", "Restore", "Set", "Generate", "Run"}, "Remove": {"Add", "Put", "Set"},
	"Detach": {"Attach"}, "Revoke": {"Authorize", "Grant"}, "Deregister": {"Register", "Create", "Copy"}, "Terminate": {"Run"},
	"Disassociate": {"Associate"}, "Release": {"Allocate"}, "Enable": {"Disable"}, "Start": {"Stop"}, "Activate": {"Deactivate"},
	"Deactivate": {"Enable"}, "Unsubscribe": {"Subscribe"}, "Cancel": {"Create", "Request", "Schedule"}, "Untag": {"Tag"},
}

// doing are the verbs that are remembered.
var doing = func() map[string]bool {
	m := map[string]bool{}
	for _, list := range undone {
		for _, v := range list {
			m[v] = true
		}
	}
	return m
}()

// watching are nouns of controls that watch or keep evidence.
var watching = map[string]bool{
	"Trail": true, "Logging": true, "FlowLogs": true, "Detector": true, "ConfigurationRecorder": true, "DeliveryChannel": true,
	"EventDataStore": true, "LoggingConfiguration": true, "BucketLogging": true, "ConfigRule": true, "WebACL": true, "ResolverQueryLogConfig": true,
}

// sets are verbs whose calls succeed, too, when the thing is there already.
var sets = map[string]bool{"Put": true, "Set": true, "Associate": true, "Tag": true}

// guarding are parts of the nouns of what protects or watches, beyond watching.
var guarding = []string{
	"PublicAccessBlock", "Encryption", "Retention", "PermissionsBoundary", "SubscriptionFilter", "MetricFilter", "MetricAlarm",
	"Replication", "CodeSigning", "Firewall", "ObjectLock", "Remediation", "WebACL", "WebAcl", "Logging", "Recorder", "ConfigRule",
	"Rule", "Resource", // a rule of EventBridge; the tags of a resource
}

func guards(noun string) bool {
	return watching[noun] || slices.ContainsFunc(guarding, func(part string) bool { return strings.Contains(noun, part) })
}

// split cuts an operation into verb and noun. A version behind it goes; From is
// To, as in RemoveRoleFromInstanceProfile and AddRoleToInstanceProfile.
func split(op string) (verb, noun string) {
	for i := 1; i < len(op); i++ {
		if c := op[i]; c >= 'A' && c <= 'Z' {
			verb, noun = op[:i], op[i:]
			break
		}
	}
	if i := strings.IndexAny(noun, "0123456789"); i > 0 && len(noun)-i >= 8 {
		noun = noun[:i]
	}
	noun = strings.TrimSuffix(noun, "Configuration")
	return verb, strings.Replace(noun, "From", "To", 1)
}

// see decides on the event and then remembers it. root is who began its chain.
func (r *reverts) see(ev *ocsf.Event, root func(*ocsf.Event) string) {
	r.current = false
	if ev.API.ReadOnly == ocsf.True || ev.Request == "" || ev.Category == "Data" || len(ev.Request) > maxRequest {
		return
	}
	verb, noun := split(ev.API.Operation)
	modify := (verb == "Modify" || verb == "Update") && (strings.HasSuffix(noun, "Attribute") || strings.HasPrefix(noun, "DocumentPermission"))
	undoes, does := undone[verb], doing[verb]
	reset := resets[ev.API.Operation]
	if undoes == nil && !does && !modify && reset == nil {
		if reset = resets[verb+noun]; reset == nil {
			return
		}
	}
	r.at, r.time = ev.UID, ev.Time
	who := digest(digest(seed, root(ev)), ev.API.Service)
	switch {
	case reset != nil:
		r.current = r.reset(ev, who, reset)
	case modify:
		names, takes := sharingNames(ev.Request)
		if takes {
			r.current = r.made1(who, "Modify", noun, names, ev)
		} else if ev.Status != ocsf.StatusFailure {
			r.remember(who, "Modify", noun, names, ev)
		}
	default:
		if undoes != nil {
			names := namesIn(ev.Request, nil)
			for _, v := range undoes {
				if sets[v] && guards(noun) {
					continue // it may have been there before
				}
				if r.current = r.made1(who, v, noun, names, ev); r.current {
					break
				}
			}
		}
		if does && !r.current && ev.Status != ocsf.StatusFailure {
			r.remember(who, verb, noun, namesIn(ev.Response, namesIn(ev.Request, nil)), ev)
			r.initial(ev, who)
		}
	}
}

// is says whether the event that was seen last takes something back.
func (r *reverts) is(ev *ocsf.Event) bool {
	return r.current && r.at == ev.UID && r.time == ev.Time
}

func (r *reverts) remember(who uint64, verb, noun string, names []string, ev *ocsf.Event) {
	r.seq++
	m := mark{Seq: r.seq, Agent: uint32(digest(seed, r.agent(ev.HTTP.Agent))), Time: ev.Time}
	thing := digest(digest(who, verb), noun)
	for _, n := range names {
		k := digest(thing, n)
		marks, _ := r.made.get(k)
		if len(marks) >= maxMarks {
			marks = slices.Clone(marks[1:])
		}
		r.made.put(k, append(slices.Clip(marks), m))
	}
}

// made1 says whether one remembered call had all the names.
func (r *reverts) made1(who uint64, verb, noun string, names []string, ev *ocsf.Event) bool {
	if len(names) == 0 {
		return false
	}
	thing := digest(digest(who, verb), noun)
	tool := uint32(digest(seed, r.agent(ev.HTTP.Agent)))
	var candidates []uint32
	for i, n := range names {
		marks, _ := r.made.get(digest(thing, n))
		var here []uint32
		for _, m := range marks {
			near := ev.Time-m.Time <= revertWindow && m.Time-ev.Time <= revertWindow/24
			if near && (!watching[noun] || m.Agent == tool) && (i == 0 || slices.Contains(candidates, m.Seq)) {
				here = append(here, m.Seq)
			}
		}
		if candidates = here; len(candidates) == 0 {
			return false
		}
	}
	return true
}

// namesIn collects what names things: ids, ARNs, names. An ARN counts by its
// last part, so that it meets the name alone.
func namesIn(doc string, out []string) []string {
	if doc == "" || len(doc) > maxRequest {
		return out
	}
	leaves(doc, func(path []string, key, v string) {
		if len(out) >= maxNames || v == "" || len(v) > 512 || !naming(key) {
			return
		}
		if n := short(v); !slices.Contains(out, n) {
			out = append(out, n)
		}
	})
	return out
}

func short(v string) string {
	if strings.HasPrefix(v, "arn:") {
		if i := strings.LastIndexAny(v, ":/"); i >= 0 && i < len(v)-1 {
			return v[i+1:]
		}
	}
	return v
}

// naming says whether a parameter's name is one of a thing.
func naming(key string) bool {
	low := strings.ToLower(key)
	switch low {
	case "clienttoken", "rolesessionname", "requestid", "regionname", "finaldbsnapshotidentifier", "ownerid", "principalid":
		return false
	}
	for _, end := range nameEnds {
		if strings.HasSuffix(low, end) {
			return true
		}
	}
	return false
}

// sharingNames collects a thing and whom it is shared with; takes says that the
// request takes the sharing back.
func sharingNames(doc string) (names []string, takes bool) {
	gives := false
	leaves(doc, func(path []string, key, v string) {
		low := strings.ToLower(key)
		for _, p := range path {
			p = strings.ToLower(p)
			takes = takes || strings.HasPrefix(p, "remove") || strings.HasSuffix(p, "toremove")
			gives = gives || p == "add" || strings.HasSuffix(p, "toadd")
		}
		if len(names) < maxNames && (naming(key) || strings.HasPrefix(low, "valuesto") || strings.HasPrefix(low, "accountidsto") || low == "group") {
			names = append(names, short(v))
		}
	})
	return names, takes && !gives
}

// seed begins a digest. The numbers are fixed: the state outlives the process.
const seed = 0x9e3779b97f4a7c15

// digest mixes a text into a hash.
func digest(h uint64, s string) uint64 {
	h ^= uint64(len(s)) * 0xff51afd7ed558ccd
	for len(s) >= 8 {
		v := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		hi, lo := bits.Mul64(h^v, 0xd6e8feb86659fd93)
		h, s = hi^lo^seed, s[8:]
	}
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	h ^= h >> 32
	return h * 0xd6e8feb86659fd93
}
