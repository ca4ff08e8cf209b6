// Package sigma reads rule documents: Sigma rules, correlations and filters
// (https://github.com/SigmaHQ/sigma-specification, version 2.1) and three kinds
// that Sigma lacks, in the same YAML: first_seen, baseline and detector. What is
// ours stands under one extension key, "yagura:", whose members [Document] holds.
//
// Reading is strict: what a document says and this package does not understand
// is a [Problem] with file, line and column, and the document is left out. It is
// bounded: 1 MiB a file, 64 levels, 100,000 values. Refused are Sigma's retired
// forms: "action: global", "| count()" and "near" in a condition.
//
// The package gives a typed tree and applies modifiers to values
// ([Item.Resolve]); which fields exist and how they match is package rule's.
package sigma

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/yagura-sec/yagura"
)

// Place is where something stands in a file. Line and column count from 1, 0 is
// unknown.
type Place struct {
	File         string
	Line, Column int
}

// String gives file:line:column, as editors read it.
func (p Place) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problem is something wrong in a document: an error, since the document cannot
// be used as written, or a warning.
type Problem struct {
	Place
	ID      string // of the document, if known
	Code    string // stable word for programs: unknown-key, condition, unknown-field …
	Text    string // what is wrong and what to do
	Warning bool
}

// Error gives place, text and code in one line.
func (p Problem) Error() string {
	kind := "error"
	if p.Warning {
		kind = "warning"
	}
	return fmt.Sprintf("%s: %s: %s [%s]", p.Place, kind, p.Text, p.Code)
}

// Document is one rule document of any kind.
type Document struct {
	Place
	// ID is the file's path below the rules' root without its ending,
	// cloudtrail/trail-stopped; a file's second document and those after it add
	// "#" and their name or number.
	ID string
	// Kind is rule, correlation, filter, first_seen, baseline or detector.
	Kind    string
	SigmaID string // Sigma's id, a UUID
	Name    string // Sigma's name

	Title          yagura.Text
	Description    yagura.Text
	Why            yagura.Text // why it matters
	Check          yagura.Text // how to see whether it is real
	Do             yagura.Text // what to do then
	Prevent        yagura.Text // the control that would have stopped it
	FalsePositives []yagura.Text
	Author         string // must be shown wherever a match is shown
	Date, Modified string // YYYY-MM-DD
	Status         string
	License        string
	Level          yagura.Severity // 0 when the document has none
	Tags           []string
	References     []string
	Fields         []string

	// Product, Category and Service are Sigma's log source. For product aws the
	// service is the source's name here: cloudtrail, vpcflow ….
	Product, Category, Service string

	// Own says that the document has the key "yagura:".
	Own         bool
	GuardDuty   []string      // types of GuardDuty that it corresponds to
	Subject     string        // principal (the default), resource, address, account, or a field
	SubjectType string        // type of the subject's entity; "" = from Subject
	Window      time.Duration // one finding for the same subject in so long; default 24 h
	Threshold   int           // finding only from so many hits in the window on; default 1
	DryRun      bool          // count, do not alert
	// Outcome says what a failed call means: any (the default: an attempt, of
	// severity low), success (no match), failure (only failed calls match), same
	// (the severity stays).
	Outcome    string
	Automation bool // also for AWS services and known automation
	Tests      []Test

	Detection   *Detection   // of a rule, a filter; the base selection of first_seen and baseline
	Correlation *Correlation // of kind correlation
	Filter      *Filter      // of kind filter
	FirstSeen   *FirstSeen   // of kind first_seen
	Baseline    *Baseline    // of kind baseline
	Use         string       // of kind detector: the coded detector, flow/portscan
	Parameters  map[string]any
}

// Source is the name of the log source that the document reads, "" when it
// names none of AWS.
func (d *Document) Source() string {
	if d.Product == "aws" || (d.Product == "" && d.Category == "" && d.Own) {
		return d.Service
	}
	return ""
}

// Techniques gives the ATT&CK techniques of the tags: attack.t1562.008 is
// T1562.008.
func (d *Document) Techniques() []string {
	var list []string
	for _, tag := range d.Tags {
		name, ok := strings.CutPrefix(strings.ToLower(tag), "attack.t")
		if ok && name != "" && name[0] >= '0' && name[0] <= '9' {
			list = append(list, "T"+strings.ToUpper(name))
		}
	}
	return list
}

// Detection is the logic of a document.
type Detection struct {
	Place
	Searches map[string]*Node // by search identifier
	Names    []string         // the identifiers in the document's order
	// Condition is the whole logic; its "ref" nodes lead to the searches.
	Condition *Node
	// Text is the condition as written; of a list, joined by " or ".
	Text string
}

// Node is a node of the logic.
type Node struct {
	Place
	Op   string  // and, or, not, ref (one kid: the search Name), item
	Name string  // of a ref
	Kids []*Node // of and, or, not (one), ref (one)
	Item *Item   // of an item
}

// Item is one line of a search: a field, its modifiers and values as written.
type Item struct {
	Place
	Field     string // "" for keywords, which are looked for in the whole record
	Modifiers []string
	Values    []Value
	// List says that the values stood in a list.
	List bool
}

// Value is a value of an item.
type Value struct {
	Place
	// Kind is text, number, bool or null; after [Item.Resolve] also re, cidr or
	// field.
	Kind string
	// Text is the value as written. Resolved, of kind text, it is a pattern with
	// * and ? as wildcards and \ before a literal * ? \ (as in query/match); of
	// kind re an RE2 expression, of cidr a prefix, of field a field's name.
	Text   string
	Number float64 // of a number
	Dash   bool    // dashes and slash in the pattern stand for each other
}

// Correlation is Sigma's correlation section.
type Correlation struct {
	Place
	// Type is event_count, value_count, temporal, temporal_ordered, value_sum,
	// value_avg, value_percentile or value_median.
	Type     string
	Rules    []string // references: id, name or path id
	GroupBy  []string
	Timespan time.Duration
	Aliases  map[string]map[string]string // alias, rule reference, field
	Generate bool                         // the base rules alert, too
	// Bounds are the condition: every operator (gt, gte, lt, lte, eq, neq) must
	// hold. For temporal types without a condition it is gte: number of rules.
	Bounds     map[string]float64
	Fields     []string // of the value types
	Percentile float64  // of value_percentile, above 0 and at most 100

	expression string // a condition over the rules
	at         *yaml.Node
}

// Filter is Sigma's filter section, with who answers for it.
type Filter struct {
	Place
	Rules   []string // references
	Any     bool     // "rules: any": every rule of the log source
	Owner   string
	Reason  string
	Expires time.Time // the first instant at which it no longer excludes, UTC; zero = never
}

// FirstSeen asks for a new combination of fields.
type FirstSeen struct {
	Place
	Of    []string      // fields whose combination must be new
	By    []string      // for whom; default yagura.principal
	Learn time.Duration // default 14 days
	Scope string        // what is learned from: selection
}

// Baseline asks for a value out of its usual range.
type Baseline struct {
	Place
	Op         string        // count, distinct, sum or rare
	Field      string        // of distinct, sum and rare
	By         []string      // for whom; default yagura.principal
	Every      time.Duration // length of a bucket; default 1 h
	Season     string        // hour_of_week (the default) or none
	Min        float64       // no finding below this value
	Deviations float64       // distance from the median in scaled MADs; default 6
	Learn      time.Duration // default 14 days
}
