package iam

import (
	"strings"
	"sync"
	"unsafe"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/actions"
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
	table    *actions.Table

	caller  caller
	service string // prefix of the action, in lower case
	action  string // name of the action, in lower case
	id      actions.ID
	known   bool // the table has the action

	name     pattern.Name // the resource
	whole    bool         // the resource is "*" of an action that takes none
	set      *pattern.ARN // the resource is a pattern
	account  string       // owner of the resource
	sameSide bool         // caller and resource are of one account

	entries    []entry
	derived    [8][1]string
	used       int
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
	}
	if len(entry.values) != 1 {
		return "", false, no
	}
	return entry.values[0], false, yes
}

// begin reads the request. It reports what is wrong with it, or "".
func (e *evaluation) begin(p *Policies, r *access.Request) string {
	table := e.table
	if table == nil {
		table, _ = actions.Embedded() // Compile has reported a damaged table
	}
	e.request, e.policies, e.table = r, p, table
	e.entries, e.unknown, e.knownKeys, e.present = e.entries[:0], e.unknown[:0], e.knownKeys[:0], e.present[:0]
	e.used, e.unknownAll, e.set, e.whole = 0, false, nil, false
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
	e.id, e.known = e.table.ID(lowered)
	return ""
}

// maxResource bounds the resource in bytes. ARNs have at most 2,048.
const maxResource = 8 << 10

func (e *evaluation) readResource(resource string) string {
	e.whole = e.known && !e.table.TakesResource(e.id)
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
			e.whole = !e.needsResource()
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

// needsResource reports whether each call of the action names a resource, so
// that "*" stands for a set and not for none.
func (e *evaluation) needsResource() bool {
	if !e.known {
		return false
	}
	for _, r := range e.table.Action(e.id).Resources {
		if r.Required {
			return true
		}
	}
	return false
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

// derive adds the context keys that follow from the principal and the resource
// and that the context does not give.
func (e *evaluation) derive() {
	c := &e.caller
	if e.account != "" {
		e.add("aws:ResourceAccount", e.account)
	}
	switch c.kind {
	case awsService:
		e.add("aws:PrincipalIsAWSService", "true")
		e.add("aws:PrincipalServiceName", c.text)
		return
	case anonymous, provider, stranger:
		return
	case user:
		e.add("aws:username", c.name)
		e.add("aws:PrincipalType", "User")
	case root:
		e.add("aws:PrincipalType", "Account")
	case federatedUser:
		e.add("aws:PrincipalType", "FederatedUser")
	case role, session:
		e.add("aws:PrincipalType", "AssumedRole")
	}
	e.add("aws:PrincipalIsAWSService", "false")
	e.add("aws:PrincipalAccount", c.account)
	e.add("aws:PrincipalArn", c.principalArn)
}

func (e *evaluation) add(key, value string) {
	hash := keyHash(key)
	if find(e.entries, hash, key) != nil {
		return
	}
	slot := &e.derived[e.used]
	e.used++
	slot[0] = value
	e.entries = append(e.entries, entry{hash: hash, key: key, values: slot[:]})
}
