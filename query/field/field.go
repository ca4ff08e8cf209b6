// Package field says which names a search may use and what stands behind each of them.
//
// A name in the search bar may be an OCSF attribute path (api.operation, or api_operation), a source's own name (eventName, srcaddr),
// a path inside the raw record (requestParameters.bucketName), or the last segment of such a path alone (accessKeyId), which then means
// that leaf wherever it stands. Attribute paths are those of the OCSF schema (https://schema.ocsf.io). The package holds no list of its
// own: the caller gives the fields, and [New] makes the table that resolves what people write.
package field

// Kind is the type of a field's values; it decides which comparisons make sense.
type Kind uint8

// The kinds. The in-memory text of a value is: Int decimal, Time RFC 3339, IP the address in canonical form, Bool true or false.
const (
	String Kind = iota // one text
	Int                // signed 64-bit integer
	Time               // instant
	IP                 // address, or a text in its place (CloudTrail writes "AWS Internal")
	Bool               // true or false
	List               // any number of texts; a test holds if one of them passes
)

// String returns the kind's name in lower case, for messages and completion.
func (k Kind) String() string {
	switch k {
	case String:
		return "string"
	case Int:
		return "int"
	case Time:
		return "time"
	case IP:
		return "ip"
	case Bool:
		return "bool"
	case List:
		return "list"
	}
	return "unknown"
}

// Target is where a field's values are. More than one part may be set; a test on the field holds if any value of any part passes.
type Target struct {
	Columns []string // typed columns
	Path    string   // path of JSON keys in the raw record, keys joined by dots, arrays walked through without an index
	Leaf    string   // key that may stand at any depth of the raw record
}

// Field is one name that a search may use.
type Field struct {
	Name    string   // as shown to people
	Kind    Kind     // type of the values
	Sources []string // log sources that have it; empty means all
	Doc     string   // one line for completion
	Target  Target   // where the values are
}

// Table resolves names. Implementations are safe for concurrent use.
type Table interface {
	// Lookup returns the field behind a name as written; false if the table does not know it.
	Lookup(name string) (Field, bool)
	// Names returns every listed name, sorted: the material of suggestions and completion.
	Names() []string
}
