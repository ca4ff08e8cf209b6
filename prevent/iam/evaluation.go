package iam

import (
	"strings"
	"sync"
	"unsafe"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/pattern"
)

// truth is three-valued: min is and, max is or, yes-x is not.
type truth = pattern.Truth

const (
	no   = pattern.No
	open = pattern.Open
	yes  = pattern.Yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// presence is what a request says of a context key.
type presence uint8

const (
	absent    presence = iota
	perhaps            // not known whether it is there
	someValue          // there, with a value that is not known
	present
)

// entry is a context key of the request.
type entry struct {
	hash   uint32
	key    string
	values []string
	multi  bool
}

// evaluation is the working state of one decision: the request, split and
// indexed. It is reused, so that deciding allocates nothing.
type evaluation struct {
	request  *access.Request
	policies *Policies

	caller  caller
	service string // prefix of the action, in lower case
	action  string // name of the action, in lower case
	known   bool   // the table has the action
	fact    fact   // …and says this

	name     pattern.Name // the resource
	whole    bool         // the resource is "*" of an action that takes none
	set      *pattern.ARN // the resource is a pattern
	account  string       // owner of the resource
	sameSide bool         // caller and resource are of one account

	entries    []entry // the context
	derived    []entry // keys that follow from principal and resource
	values     [len(derivedKeys)][1]string
	unknownAll bool
	unknown    []entry // keys only
	knownKeys  []entry // keys only
	present    []entry // keys only

	lowered [maxAction]byte
	arn     []byte // text of a derived ARN
}

const maxAction = 192

var evaluations = sync.Pool{New: func() any { return new(evaluation) }}

// keyHash hashes a context key without regard to ASCII case (FNV-1a).
func keyHash(key string) uint32 {
	h := uint32(2166136261)
	for i := range len(key) {
		c := key[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c < 0x80 { // other letters may differ in case, too
			h = (h ^ uint32(c)) * 16777619
		}
	}
	return h
}

func find(list []entry, hash uint32, key string) *entry {
	// The last entry wins, as with a key that stands twice in JSON.
	for i := len(list) - 1; i >= 0; i-- {
		if e := &list[i]; e.hash == hash && (e.key == key || strings.EqualFold(e.key, key)) {
			return e
		}
	}
	return nil
}

// lookup finds a context key.
func (e *evaluation) lookup(hash uint32, key string) (*entry, presence) {
	found := find(e.entries, hash, key)
	if found == nil {
		found = find(e.derived, hash, key)
	}
	if len(e.present) > 0 && find(e.present, hash, key) != nil {
		return found, someValue
	}
	if len(e.unknown) > 0 && find(e.unknown, hash, key) != nil {
		return found, perhaps
	}
	if found != nil && len(found.values) > 0 && !(e.request.NoBucketABAC && e.isBucketTag(key)) {
		return found, present
	}
	if e.unknownAll && found == nil && find(e.knownKeys, hash, key) == nil {
		return nil, perhaps
	}
	return found, absent
}

// isBucketTag reports whether the key is a tag of a general purpose bucket.
func (e *evaluation) isBucketTag(key string) bool {
	if e.service != "s3" || len(key) < 13 {
		return false
	}
	return strings.EqualFold(key[:min(len(key), 16)], "aws:ResourceTag/") || strings.EqualFold(key[:13], "s3:BucketTag/")
}

// Variable gives the value of a policy variable; it makes an evaluation
// [pattern.Variables].
func (e *evaluation) Variable(key string) (value string, isAbsent bool, known truth) {
	entry, presence := e.lookup(keyHash(key), key)
	switch presence {
	case absent:
		return "", true, no
	case perhaps, someValue:
		return "", false, open
	case present:
	}
	if len(entry.values) != 1 {
		return "", true, no // several values do not fit into a text
	}
	return entry.values[0], false, yes
}

// begin reads the request. It reports what is wrong with it, or "".
func (e *evaluation) begin(p *Policies, r *access.Request) string {
	e.request, e.policies = r, p
	e.entries, e.unknown, e.knownKeys, e.present = e.entries[:0], e.unknown[:0], e.knownKeys[:0], e.present[:0]
	e.derived, e.unknownAll, e.set, e.whole = e.derived[:0], false, nil, false
	if problem := e.readAction(r.Action); problem != "" {
		return problem
	}
	for i := range r.Context {
		v := &r.Context[i]
		e.entries = append(e.entries, entry{keyHash(v.Key), v.Key, v.Values, v.Multi})
	}
	for _, key := range r.Unknown {
		if key == "*" {
			e.unknownAll = true
			continue
		}
		e.unknown = append(e.unknown, entry{hash: keyHash(key), key: key})
	}
	for _, key := range r.Known {
		e.knownKeys = append(e.knownKeys, entry{hash: keyHash(key), key: key})
	}
	for _, key := range r.Present {
		e.present = append(e.present, entry{hash: keyHash(key), key: key})
	}
	if problem := e.readCaller(r.Principal); problem != "" {
		return problem
	}
	if problem := e.readResource(r.Resource); problem != "" {
		return problem
	}
	e.derive()
	return ""
}

func (e *evaluation) readAction(action string) string {
	if len(action) > maxAction {
		return "the action is longer than any action of AWS"
	}
	colon := -1
	for i := range len(action) {
		c := action[i]
		switch {
		case c == ':' && colon < 0:
			colon = i
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c == '*' || c == '?' || c <= ' ':
			return "the action must be one action, without wildcards and blanks"
		}
		e.lowered[i] = c
	}
	if colon <= 0 || colon == len(action)-1 {
		return "the action must be written service:Name"
	}
	// The bytes live as long as the evaluation and change only in begin.
	lowered := unsafe.String(&e.lowered[0], len(action))
	e.service, e.action = lowered[:colon], lowered[colon+1:]
	e.fact, e.known = facts()[lowered]
	return ""
}

// maxResource bounds the resource in bytes. ARNs have at most 2,048.
const maxResource = 8 << 10

func (e *evaluation) readResource(resource string) string {
	e.whole = e.known && !e.fact.takesResource
	switch {
	case resource == "" && !e.whole:
		return "the resource is missing; write \"*\" for an action that takes none"
	case len(resource) > maxResource:
		return "the resource is longer than any ARN"
	}
	if e.whole {
		e.name = pattern.Name{Text: "*"}
	} else {
		e.name = pattern.ParseName(resource)
		switch {
		case resource == "*":
			// Where each call names a resource, "*" stands for a set and not for none.
			e.whole = !e.known || !e.fact.needsResource
		case !e.request.Literal && strings.ContainsAny(resource, "*?") && e.name.IsARN:
			e.setPattern(resource)
		}
		if resource == "*" && !e.whole {
			e.setPattern(resource)
		}
	}
	e.findAccount(resource)
	return ""
}

func (e *evaluation) setPattern(resource string) {
	set := pattern.CompileResource(resource, pattern.Wildcards)
	e.set = &set
}

// findAccount works out who owns the resource, see [access.Request].
func (e *evaluation) findAccount(resource string) {
	e.account = e.request.ResourceAccount
	if e.account == "" && e.name.IsARN && isAccount(e.name.Segments[4]) {
		e.account = e.name.Segments[4]
	}
	if e.account == "" {
		if v := find(e.entries, hashResourceAccount, "aws:ResourceAccount"); v != nil && len(v.values) == 1 {
			e.account = v.values[0]
		}
	}
	if e.account == "" {
		e.account = e.caller.account
	}
	e.sameSide = e.caller.account != "" && e.account == e.caller.account
}

func isAccount(s string) bool { return len(s) == 12 && digits(s) }

var (
	hashResourceAccount = keyHash("aws:ResourceAccount")
	hashPrincipalArn    = keyHash("aws:PrincipalArn")
)

// derivedKeys are the context keys that follow from the principal and the
// resource.
var derivedKeys = [...]entry{
	derivedEntry("aws:ResourceAccount"), derivedEntry("aws:PrincipalIsAWSService"), derivedEntry("aws:PrincipalServiceName"),
	derivedEntry("aws:username"), derivedEntry("aws:PrincipalType"), derivedEntry("aws:PrincipalAccount"), derivedEntry("aws:PrincipalArn"),
}

// The places of derivedKeys.
const (
	resourceAccountKey = iota
	isServiceKey
	serviceNameKey
	usernameKey
	typeKey
	accountKey
	arnKey
)

func derivedEntry(key string) entry { return entry{hash: keyHash(key), key: key} }

// derive gives the keys that the context need not. The context's own come first.
func (e *evaluation) derive() {
	c := &e.caller
	if e.account != "" {
		e.give(resourceAccountKey, e.account)
	}
	switch c.kind {
	case awsService:
		e.give(isServiceKey, "true")
		e.give(serviceNameKey, c.text)
		return
	case anonymous, provider, stranger:
		return
	case user:
		e.give(usernameKey, c.name)
		e.give(typeKey, "User")
	case root:
		e.give(typeKey, "Account")
	case federatedUser:
		e.give(typeKey, "FederatedUser")
	case role, session:
		e.give(typeKey, "AssumedRole")
	}
	e.give(isServiceKey, "false")
	e.give(accountKey, c.account)
	e.give(arnKey, c.principalArn)
}

func (e *evaluation) give(key int, value string) {
	slot := &e.values[key]
	slot[0] = value
	e.derived = append(e.derived, entry{hash: derivedKeys[key].hash, key: derivedKeys[key].key, values: slot[:]})
}
