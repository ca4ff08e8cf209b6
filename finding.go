package yagura

import (
	"io"
	"strings"

	"github.com/yagura-sec/yagura/ocsf"
)

// Severity is how much a finding matters: OCSF's severity_id.
type Severity uint8

// The severities, with the numbers of OCSF.
const (
	Informational Severity = iota + 1
	Low
	Medium
	High
	Critical
)

var severities = [...]string{"unknown", "informational", "low", "medium", "high", "critical"}

// String gives the English name in lower case.
func (s Severity) String() string {
	if int(s) < len(severities) {
		return severities[s]
	}
	return severities[0]
}

// ParseSeverity reads a name as String writes it; "info" is informational.
func ParseSeverity(name string) (Severity, bool) {
	name = strings.ToLower(name)
	if name == "info" {
		return Informational, true
	}
	for i, s := range severities {
		if i > 0 && s == name {
			return Severity(i), true
		}
	}
	return 0, false
}

// Text is a text for people, in English and Japanese.
type Text struct {
	EN string `json:"en"`
	JA string `json:"ja,omitempty"`
}

// In gives the text in a language ("en", "ja"); English when it is missing.
func (t Text) In(lang string) string {
	if lang == "ja" && t.JA != "" {
		return t.JA
	}
	return t.EN
}

// Entity is what a finding is about or mentions.
type Entity struct {
	Type    string // principal, role-session, instance, bucket, address, domain, … as the detector's document says
	ID      string // stable: an ARN, an address, a name; hostile text
	Account string // that owns it, if known
}

// EventRef points to the record that a finding cites.
type EventRef struct {
	Source string // cloudtrail, vpcflow …
	UID    string // the source's own id of the event, if it has one
	Time   int64  // µs since the epoch
	Key    string // of the source object, where known
	Object int64  // id of the source object in the lake, 0 without a lake
	Record int64  // number of the record in its object
}

// Fact is a named value that speaks for a finding: a matched field, a count, a
// threshold, the list that held an address. Hostile text.
type Fact struct{ Name, Value string }

// Finding is what a detector found. Its identity is rule, subject and window:
// the same thing seen again raises Count and Last of one finding.
type Finding struct {
	ID       string // hexadecimal, the same for the same rule, subject and window
	Rule     string // id of the rule or detector document: cloudtrail/trail-stopped
	Author   string // of the rule, shown wherever its match is shown
	Type     string // GuardDuty's type it corresponds to, if any
	Severity Severity
	Title    Text

	Subject Entity   // who did it, or what it happened to
	Related []Entity // what else it touches; at most 20
	Account string
	Region  string

	Attempt bool   // it failed
	Status  string // "" active; "dry-run"; "suppressed: …" by a filter, list or known automation, with the reason
	Count   int64
	First   int64 // µs, event time
	Last    int64
	Events  []EventRef // the first 20 and the last
	Facts   []Fact
	// Techniques are ATT&CK ids: T1562.008.
	Techniques []string
	// Parts are the findings that make a sequence, in order of time.
	Parts []string
}

// Detector reads events in the order in which they are given and reports
// findings. It cannot tell whether a batch comes from an inlet or from the lake:
// the same events in the same order give the same findings. Not safe for
// concurrent use.
type Detector interface {
	// Detect reads a batch of one source. The events are the caller's again when
	// it returns; their texts stay valid. A finding may be reported again with a
	// higher count: the last report of an ID stands.
	Detect(source string, batch []ocsf.Event, report func(*Finding))
	// Save writes the state; Load makes an equal detector of it. Load refuses a
	// state of other rules or of another version with an error.
	Save(w io.Writer) error
	Load(r io.Reader) error
}
