package yagura

import "net/netip"

// Part is a part of an HTTP request that may be missing from a record of it.
type Part uint16

// The parts. A log has no body, an access log has few headers.
const (
	PartMethod Part = 1 << iota
	PartURI
	PartHeaders // all but those that are given
	PartBody
	PartClient
	PartFingerprint // JA3, JA4
	PartOrder       // order of the headers
	PartCountry
	PartVersion
)

// Header is one header field as sent; Name keeps its case.
type Header struct{ Name, Value string }

// Request is an HTTP request as a gate sees it. Everything in it is hostile.
type Request struct {
	ID      string
	Time    int64 // µs since the epoch: the gate's only clock
	Method  string
	URI     string // request target as sent: path and query, not decoded
	Version string // HTTP/1.1
	Scheme  string
	Host    string
	Headers []Header // in the order sent; one element a line
	Body    []byte   // what was read of it
	// BodySize is the length of the whole body in bytes, -1 when unknown.
	BodySize int64

	Client  netip.Addr // the peer, or what trusted proxies say
	Country string     // ISO 3166 alpha-2, empty when unknown
	Region  string     // ISO 3166-2 subdivision
	ASN     int64      // 0 when unknown
	JA3     string
	JA4     string
	// Fragment is the part behind #, which clients rarely send.
	Fragment string

	// Missing says which parts the record does not have: what depends on them is
	// unknown, not false. Zero for a live request.
	Missing Part
	// Redacted names fields whose value was hidden: "uri", "query", "method",
	// "header:name" in lower case.
	Redacted []string
}

// Action is what a gate does with a request.
type Action uint8

// The actions. Undecided means that the outcome depends on what is missing.
const (
	Undecided Action = iota
	Allow
	Block
	Count
	Captcha
	Challenge
)

var actions = [...]string{"UNDECIDED", "ALLOW", "BLOCK", "COUNT", "CAPTCHA", "CHALLENGE"}

// String gives the name as AWS WAF's logs write it.
func (a Action) String() string { return actions[a] }

// Response is what the client gets instead of the application's answer.
type Response struct {
	Status      int
	Headers     []Header
	ContentType string
	Body        string
}

// RuleHit is one rule that matched.
type RuleHit struct {
	Rule   string // name, or the number of a CRS rule
	Group  string // rule group that holds it, empty for the ACL's own
	Action Action // effective
	// Overridden is the rule's own action where an override changed it.
	Overridden Action
	Field      string // matched field: "header user-agent", "query argument q"
	Value      string // matched value after transformation, cut to 256 bytes
	Condition  string // REGULAR, SQL_INJECTION, XSS, SIZE …
	Terminates bool
	// Excluded says that ExcludedRules, the old form of an override, counts it.
	Excluded bool
}

// Ending is one way in which a decision can end.
type Ending struct {
	Action Action
	Rule   string
}

// Verdict is a gate's decision on a request.
type Verdict struct {
	Action   Action // Allow or Block; Captcha and Challenge when they end; Undecided
	Rule     string // that decided: "Default_Action" or the name of a rule
	Group    string
	RuleType string // REGULAR, RATE_BASED, GROUP, MANAGED_RULE_GROUP
	Hits     []RuleHit
	Labels   []string
	Insert   []Header  // request headers for the application
	Response *Response // when the request does not pass; nil: the gate's default page
	Score    int       // CRS anomaly score, when CRS ran
	// Reasons say why the verdict is Undecided or what it does not depend on.
	Reasons []string
	// Possible are all the endings of an undecided request; empty when decided.
	Possible []Ending
	// Token says why a token did not satisfy Captcha or Challenge: TOKEN_MISSING,
	// TOKEN_EXPIRED, TOKEN_INVALID, TOKEN_DOMAIN_MISMATCH.
	Token string
	// Oversize names the inspected fields that were longer than their limit.
	Oversize []string
	// Inspected is the number of body bytes that were looked at.
	Inspected int
}

// Gate decides on requests. Safe for concurrent use.
type Gate interface {
	Decide(r *Request) *Verdict
	// BodyLimit is the number of body bytes that Decide wants to see.
	BodyLimit() int
}
