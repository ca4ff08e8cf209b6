// Package policy reads AWS policy documents: identity policies, permission
// boundaries, session policies, resource policies, service and resource control
// policies, VPC endpoint policies.
//
// The grammar is that of the IAM User Guide
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
// [Parse] refuses what IAM refuses as malformed and says where: JSON errors,
// unknown or repeated elements, both Action and NotAction, a Principal where
// none may stand, a wrong Effect or Version. It accepts what IAM stores but what
// can never match (an action with a blank, an unknown condition operator): the
// decision treats it as not matching and a linter may complain.
//
// Every text carries its byte offset, so that whoever complains later can say
// line and column with [Document.Position].
package policy

import (
	"errors"
	"fmt"
	"sort"
	"unicode/utf8"
)

// maxSize bounds a document in bytes. AWS's own limits are at most 32 KiB; a
// bigger document is refused, which keeps a decision within a second and 100 MB.
const maxSize = 2 << 20

// Kind is the place where a policy is attached; it decides which elements the
// document may hold.
type Kind uint8

// The kinds of policy.
const (
	Identity Kind = iota
	Boundary
	Session
	Resource
	SCP
	RCP
	Endpoint
)

var kindNames = [...]string{"identity", "boundary", "session", "resource", "scp", "rcp", "endpoint"}

// String gives the kind's name: identity, boundary, session, resource, scp, rcp
// or endpoint.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// HasPrincipal reports whether statements of this kind name principals.
func (k Kind) HasPrincipal() bool { return k == Resource || k == RCP || k == Endpoint }

// Text is a string of the document and the byte offset where it starts.
type Text struct {
	Value  string
	Offset int
}

// Document is one parsed policy.
type Document struct {
	Kind       Kind
	Version    Text // empty when absent, which means 2008-10-17
	ID         Text
	Statements []Statement

	lines []int // offsets of line starts
	src   []byte
}

// Variables reports whether the document's version gives ${…} a meaning: only
// 2012-10-17 does.
func (d *Document) Variables() bool { return d.Version.Value == "2012-10-17" }

// Statement is one statement. Of each pair such as Action and NotAction at most
// one is present; the Not… flag says which.
type Statement struct {
	Offset       int // of its opening brace
	Sid          Text
	Deny         bool // Effect
	Effect       Text
	HasPrincipal bool
	NotPrincipal bool
	Principals   []Principal
	NotAction    bool
	Actions      []Text
	HasResource  bool
	NotResource  bool
	Resources    []Text
	Conditions   []Condition
}

// Principal is one entry of Principal or NotPrincipal. Type is AWS, Service,
// Federated, CanonicalUser, or "*" for the bare star.
type Principal struct {
	Type string
	ID   Text
}

// Condition is one key of one operator. Its values are texts whatever JSON type
// they had: numbers and booleans keep their spelling.
type Condition struct {
	Operator Text
	Key      Text
	Values   []Text
}

// Error is one thing wrong with a document.
type Error struct {
	Line, Column int    // from 1; columns count characters
	Path         string // such as Statement[2].Effect; empty for JSON errors
	Message      string
}

// Error gives position, path and message.
func (e *Error) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
	}
	return fmt.Sprintf("line %d, column %d: %s: %s", e.Line, e.Column, e.Path, e.Message)
}

// Position turns a byte offset into line and column, both from 1. Columns count
// characters.
func (d *Document) Position(offset int) (line, column int) {
	offset = min(max(offset, 0), len(d.src))
	line = sort.SearchInts(d.lines, offset+1)
	start := 0
	if line > 0 {
		start = d.lines[line-1]
	}
	return max(line, 1), utf8.RuneCount(d.src[start:offset]) + 1
}

// maxErrors bounds the complaints about one document.
const maxErrors = 50

// Parse reads one document. The error is a join (see [errors.Join]) of *[Error],
// at most 50 of them in the order of the text; the document is then nil.
func Parse(kind Kind, src []byte) (*Document, error) {
	d := &Document{Kind: kind, src: src, lines: []int{0}}
	if len(src) > maxSize {
		return nil, &Error{Line: 1, Column: 1, Message: fmt.Sprintf("the document has %d bytes, at most %d are read", len(src), maxSize)}
	}
	for i, c := range src {
		if c == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	r := reader{src: src}
	root, err := r.document()
	if err != nil {
		return nil, d.at(r.pos, "", err.Error())
	}
	b := builder{doc: d}
	b.document(root)
	if len(b.errs) > 0 {
		sort.SliceStable(b.errs, func(i, j int) bool { return before(b.errs[i], b.errs[j]) })
		all := make([]error, len(b.errs))
		for i, e := range b.errs {
			all[i] = e
		}
		return nil, errors.Join(all...)
	}
	return d, nil
}

func before(a, b *Error) bool {
	if a.Line != b.Line {
		return a.Line < b.Line
	}
	return a.Column < b.Column
}

func (d *Document) at(offset int, path, message string) *Error {
	line, column := d.Position(offset)
	return &Error{Line: line, Column: column, Path: path, Message: message}
}
