package ocsf

import "strings"

// Kind is the type of a column.
type Kind uint8

// The types of columns.
const (
	Text  Kind = iota // UTF-8 text
	ID                // text that is mostly a UUID: stored in 16 bytes when it is one
	IP                // text of an address
	Int               // 64-bit number
	Time              // µs since the epoch, UTC
	Bool              // Tri
	Texts             // list of text
)

// Column is one attribute of an event. Exactly one accessor is set, by Kind:
// Text, ID and IP use Str; Int and Time use Num; Bool uses Tri; Texts uses List.
type Column struct {
	Name string // underscore form: src_endpoint_ip
	Path string // OCSF attribute path: src_endpoint.ip
	Kind Kind
	Doc  string
	// Single, of a list, names the text column that mostly is its only element;
	// then files keep the list empty.
	Single string

	Str  func(*Event) *string
	Num  func(*Event) *int64
	Tri  func(*Event) *Tri
	List func(*Event) *[]string
}

// CommonColumns are in every source's files.
var CommonColumns = []string{"time", "class_uid", "activity_id", "status_id", "account", "region", "object_id", "record_no"}

// Lookup gives the column of a name (either form), or nil.
func Lookup(name string) *Column {
	return byName[strings.ReplaceAll(name, ".", "_")]
}

// Columns lists every column in a fixed order.
func Columns() []*Column { return columns }

var byName = func() map[string]*Column {
	m := make(map[string]*Column, len(columns))
	for _, c := range columns {
		m[c.Name] = c
	}
	return m
}()

func text(path, doc string, f func(*Event) *string) *Column {
	return &Column{Name: under(path), Path: path, Kind: Text, Doc: doc, Str: f}
}

func id(path, doc string, f func(*Event) *string) *Column {
	return &Column{Name: under(path), Path: path, Kind: ID, Doc: doc, Str: f}
}

func ip(path, doc string, f func(*Event) *string) *Column {
	return &Column{Name: under(path), Path: path, Kind: IP, Doc: doc, Str: f}
}

func num(path, doc string, f func(*Event) *int64) *Column {
	return &Column{Name: under(path), Path: path, Kind: Int, Doc: doc, Num: f}
}

func instant(path, doc string, f func(*Event) *int64) *Column {
	return &Column{Name: under(path), Path: path, Kind: Time, Doc: doc, Num: f}
}

func tri(path, doc string, f func(*Event) *Tri) *Column {
	return &Column{Name: under(path), Path: path, Kind: Bool, Doc: doc, Tri: f}
}

func list(path, doc string, f func(*Event) *[]string) *Column {
	return &Column{Name: under(path), Path: path, Kind: Texts, Doc: doc, List: f}
}

func listOf(single string, c *Column) *Column {
	c.Single = single
	return c
}

func under(path string) string { return strings.ReplaceAll(path, ".", "_") }
