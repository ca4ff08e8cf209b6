package ocsf

import "slices"

// Schema says what a source's events look like and how the lake keeps them.
type Schema struct {
	Source  string // name of the source and of its SQL view: cloudtrail, vpcflow …
	Title   string // what AWS calls it
	Version int    // raised when the decoder writes different events; part of every file name in the lake
	// Columns the source may fill, by name; the common ones (see [CommonColumns])
	// are always there and need not be named.
	Columns []string
	// Native maps the source's own top-level and well-known nested names.
	Native []Native
	// Identity names the columns whose values together identify an event that
	// may be delivered in several objects. Empty: object and record identify it.
	Identity []string
	// Order names the columns by which compacted files are sorted. Empty: the
	// order of delivery.
	Order []string
	// Blooms names the columns that are looked up by exact value.
	Blooms []string
	// Raw says what the raw record is.
	Raw RawKind
	// Rebuild gives the raw record from the other attributes; nil when raw is
	// always stored.
	Rebuild func(*Event) string
	// Reread fills the attributes that no column holds from the raw record, as
	// the decoder does (Request, Response); nil when there are none.
	Reread func(*Event)
}

// RawKind is the form of a source's raw record.
type RawKind uint8

// The forms of a raw record.
const (
	RawText RawKind = iota // a line of text
	RawJSON                // one JSON object
)

// Native is a name that the source's users know.
type Native struct {
	Name    string   // as AWS writes it: eventName, userIdentity.arn, srcaddr
	Columns []string // the columns that hold it; several when its values are split by kind
	Path    string   // else: the path in the raw record (RawJSON) or in the unmapped object
	Seconds bool     // the source writes the time as seconds since the epoch; SQL shows it so
}

// Names gives the source's column names: the common ones first, then its own,
// then raw_data, each once.
func (s *Schema) Names() []string {
	names := slices.Clone(CommonColumns)
	for _, n := range append(slices.Clone(s.Columns), "raw_data") {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}
