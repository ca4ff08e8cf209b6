// Package rule matches events against rule documents (package sigma reads them).
//
// [Compile] turns documents into a [Set], which is immutable and may be shared;
// a [Matcher] is one goroutine's scratch space over it. A rule's fields are the
// source's own names (eventName, requestParameters.bucketName, srcaddr), OCSF
// column names, or derived fields given in [Config]. A name that one column
// holds is read from there; any other is a path in the raw record: keys joined
// by dots, arrays walked through. An object compares as its JSON text, as written
// and with the escapes of its texts undone, so that requestParameters|contains
// finds what a policy says. A field with several values matches when one
// of them does.
//
// What is absent: null matches a field that is absent, null or an empty list;
// ” matches a text that is present and empty, and in text logs, which cannot
// tell, an absent one too; exists asks whether the field stands in the record.
// Texts compare by the lower case of each character unless cased.
//
// The engine is built so that most events touch no rule: rules are looked up by
// the literal values of their most telling field (for CloudTrail eventName),
// others by pieces of text that must stand in a column (one search finds all),
// and only the rest is tried on every event. Raw records are read at most once a
// group of rules, when no cheaper test has decided. Regular expressions are
// RE2: linear time.
package rule

import (
	"time"

	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// Config says what rules may refer to.
type Config struct {
	// Schemas are the sources whose rules are compiled.
	Schemas []*ocsf.Schema
	// Fields are derived fields by name (yagura.principal), for every source.
	// They are called at most once an event, when a rule needs them, and must be
	// safe for the goroutine that matches.
	Fields map[string]func(*ocsf.Event) []string
	// Placeholders are the values of %name% under the modifier expand.
	Placeholders map[string][]string
	// Strict makes a field that the source does not have an error in documents
	// that are ours; else it is a warning and read as a path.
	Strict bool
	// KnownEvent says whether an AWS service (eventSource in lower case, "" if the
	// rule does not say) has an operation; nil = not checked. Used by Lint.
	KnownEvent func(eventSource, name string) bool
	// Now is the time for which Lint judges expiry; zero = not judged.
	Now time.Time
}

// Rule is a compiled document of any kind but filter. Those with a detection
// take part in Match; correlations and detectors are only listed.
type Rule struct {
	Doc    *sigma.Document
	Source string // of the rule's events; "" for a correlation or detector that names none

	prog    *program
	root    *node
	group   *group // the raw paths read together with this rule's
	filters []*filter
	number  int // in its program
}

// filter is a filter document compiled for one source.
type filter struct {
	doc   *sigma.Document
	prog  *program
	root  *node
	group *group
}

// Set is compiled rules. It does not change and is safe for concurrent use.
type Set struct {
	rules    []*Rule
	byRef    map[string]*Rule
	programs map[string]*program
	fields   *fieldTable
}

// Rules lists every rule in the order of the documents.
func (s *Set) Rules() []*Rule { return s.rules }

// Lookup gives the rule of a reference: its path id, Sigma's id or name; nil if
// there is none.
func (s *Set) Lookup(ref string) *Rule { return s.byRef[ref] }

// Hit is a rule that matches an event. It is valid until yield returns.
type Hit struct {
	Rule *Rule
	// Suppressed names the filter that excludes the event, with its reason, owner
	// and end; "" when none does. A suppressed hit must be shown as such.
	Suppressed string

	m *Matcher
}
