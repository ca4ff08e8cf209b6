// Package yagura is the vocabulary of the house: the few types and interfaces
// that rooms share. Read it first.
//
// A log travels so: an inlet finds an [Object]; a [Source] recognises it and
// opens a [Decoder] over its bytes; every record becomes an [ocsf.Event] with
// its provenance; the lake keeps the events. What cannot be read is a
// [RecordError] and goes to quarantine.
package yagura

import (
	"fmt"
	"io"

	"github.com/yagura-sec/yagura/ocsf"
)

// Object names the bytes of one delivered log object.
type Object struct {
	Bucket  string // empty for a local file
	Key     string // S3 key; for a local copy the part from AWSLogs/ on, else the absolute path
	Version string // ETag or content hash
	Size    int64  // bytes as stored, compressed
}

// Input is one object opened for decoding: decompressed, bounded by its reader.
type Input struct {
	Object Object
	Body   io.Reader
	// At gives random access to the object's bytes as stored, for formats that
	// need it (Parquet); nil when the object is a stream. Size is its length.
	At   io.ReaderAt
	Size int64
	// MaxRecord bounds one record in bytes; a longer one is a RecordError.
	MaxRecord int
	// Options are the operator's settings for the source, such as the field
	// list of a headerless flow log ("format").
	Options map[string]string
}

// Source is one kind of log.
type Source interface {
	// Schema describes the events. It is constant.
	Schema() *ocsf.Schema
	// Match says how surely the object is of this source, from its key and from
	// the first bytes of its decompressed content (up to 64 KiB, may be empty).
	Match(key string, head []byte) Match
	// Open gives a decoder. An error means that the object as a whole cannot be
	// read as this source.
	Open(in Input) (Decoder, error)
}

// Match is how surely an object is of a source.
type Match uint8

// The degrees of a match, from none to certain. Content beats the key, because
// users rename files: a source returns ByContent only when the bytes could not
// be another source's.
const (
	NoMatch Match = iota
	ByKey
	ByContent
	ByBoth
)

// Decoder yields the records of one object in order.
type Decoder interface {
	// Next fills ev, which it resets first. It returns io.EOF after the last
	// record; a *RecordError for a record that cannot be read, after which Next
	// goes on with the following record; any other error ends the object:
	// records before it stand, the rest is lost and must be reported.
	// ev.Provenance.Record is the record's number in the object, counted over
	// good and bad records alike.
	Next(ev *ocsf.Event) error
}

// RecordError is a record that cannot be read.
type RecordError struct {
	Record int64  // number in the object, from 0
	Offset int64  // byte offset in the decompressed object, -1 if unknown
	Reason string // what is wrong, for people
	Raw    []byte // the record's bytes, cut to at most 64 KiB
}

// Error says which record and why.
func (e *RecordError) Error() string {
	return fmt.Sprintf("record %d: %s", e.Record, e.Reason)
}
