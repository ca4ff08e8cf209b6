package acl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// dialect is the spelling of a file.
type dialect uint8

const (
	api dialect = iota
	formation
	terraform
)

// maxErrors bounds the complaints about all files.
const maxErrors = 50

// source is one file while it is read.
type source struct {
	reader  *Reader
	file    string
	dialect dialect
}

func (s *source) pos(n *node, path string) Pos {
	return Pos{File: s.file, Line: n.line, Column: n.col, Path: path}
}

func (s *source) fail(n *node, path, format string, args ...any) {
	if len(s.reader.errs) < maxErrors {
		s.reader.errs = append(s.reader.errs, &Error{s.pos(n, path), fmt.Sprintf(format, args...)})
	}
}

// record is one object of the file whose keys are taken one by one. What nobody
// has taken in the end is an unknown key.
type record struct {
	*source
	n     *node
	path  string
	taken []bool
}

func (s *source) record(n *node, path string) *record {
	if n.kind != object {
		s.fail(n, path, "this is %s, want an object", kindNames[n.kind])
		n = &node{kind: object, line: n.line, col: n.col}
	}
	return &record{source: s, n: n, path: path, taken: make([]bool, len(n.keys))}
}

func (r *record) here() Pos { return r.pos(r.n, r.path) }

// spellings are Terraform's names where they are not simply the API's in snake case.
var spellings = map[string]string{
	"Rules": "rule", "Statements": "statement", "TextTransformations": "text_transformation",
	"RuleLabels": "rule_label", "RuleActionOverrides": "rule_action_override", "ExcludedRules": "excluded_rule",
	"CustomResponseBodies": "custom_response_body", "InsertHeaders": "insert_header", "ResponseHeaders": "response_header",
	"CustomKeys": "custom_key", "RegularExpressionList": "regular_expression", "ASNList": "asn_list",
	"IPSetReferenceStatement": "ip_set_reference_statement", "IPSetForwardedIPConfig": "ip_set_forwarded_ip_config",
	"ForwardedIPConfig": "forwarded_ip_config", "JA3Fingerprint": "ja3_fingerprint", "JA4Fingerprint": "ja4_fingerprint",
	"IP": "ip", "ForwardedIP": "forwarded_ip", "HTTPMethod": "http_method", "ARN": "arn", "ASN": "asn",
	"IPAddressVersion": "ip_address_version", "Arn": "arn", "OnSourceDDoSProtectionConfig": "on_source_ddos_protection_config",
}

func snake(name string) string {
	if s, ok := spellings[name]; ok {
		return s
	}
	var b strings.Builder
	for i, c := range name {
		if unicode.IsUpper(c) {
			if i > 0 {
				b.WriteByte('_')
			}
			c = unicode.ToLower(c)
		}
		b.WriteRune(c)
	}
	return b.String()
}

// take gives the first of the names that is there and not null.
func (r *record) take(names ...string) (*node, string) {
	var found *node
	var as string
	for _, name := range names {
		if r.dialect == terraform {
			name = snake(name)
		}
		for i, key := range r.n.keys {
			if key != name || r.taken[i] {
				continue
			}
			r.taken[i] = true
			n := r.n.items[i]
			empty := n.kind == null || r.dialect == terraform && (n.kind == list && len(n.items) == 0 || n.kind == text && n.text == "")
			if !empty && found == nil {
				found, as = n, r.below(key)
			}
		}
	}
	return found, as
}

// below is the path of a member.
func (r *record) below(key string) string {
	if r.path == "" {
		return key
	}
	return r.path + "." + key
}

// child gives an object; Terraform writes it as a list of one.
func (r *record) child(names ...string) *record {
	n, path := r.take(names...)
	if n == nil {
		return nil
	}
	if r.dialect == terraform && n.kind == list {
		if len(n.items) > 1 {
			r.fail(n, path, "%d blocks, want one", len(n.items))
		}
		if n = n.items[0]; n.kind == null {
			n = &node{kind: object, line: n.line, col: n.col}
		}
		path += "[0]"
	}
	return r.record(n, path)
}

// need is child for what must be there.
func (r *record) need(names ...string) *record {
	c := r.child(names...)
	if c == nil {
		r.fail(r.n, r.path, "%s is missing", r.spelt(names[0]))
		return r.record(&node{kind: object, line: r.n.line, col: r.n.col}, r.path+"."+r.spelt(names[0]))
	}
	return c
}

func (r *record) spelt(name string) string {
	if r.dialect == terraform {
		return snake(name)
	}
	return name
}

// list gives the items of a list.
func (r *record) list(names ...string) ([]*node, string) {
	n, path := r.take(names...)
	if n == nil {
		return nil, path
	}
	if n.kind != list {
		r.fail(n, path, "this is %s, want a list", kindNames[n.kind])
		return nil, path
	}
	return n.items, path
}

// records gives the objects of a list.
func (r *record) records(names ...string) (records []*record) {
	items, path := r.list(names...)
	for i, n := range items {
		records = append(records, r.record(n, fmt.Sprintf("%s[%d]", path, i)))
	}
	return records
}

// str gives a string. Numbers and booleans are strings to CloudFormation.
func (r *record) str(names ...string) string {
	n, path := r.take(names...)
	if n == nil {
		return ""
	}
	if n.kind != text && !(r.dialect == formation && (n.kind == number || n.kind == boolean)) {
		r.fail(n, path, "this is %s, want a string", kindNames[n.kind])
		return ""
	}
	return n.text
}

// must is str for what has to be there and not empty.
func (r *record) must(names ...string) string {
	before := len(r.reader.errs)
	s := r.str(names...)
	if s == "" && len(r.reader.errs) == before {
		r.fail(r.n, r.path, "%s is missing", r.spelt(names[0]))
	}
	return s
}

// enum gives a member of a set, or "" when it is absent and may be.
func (r *record) enum(name string, required bool, members ...string) string {
	n, path := r.take(name)
	if n == nil {
		if required {
			r.fail(r.n, r.path, "%s is missing; write one of %s", r.spelt(name), strings.Join(members, ", "))
		}
		return ""
	}
	if n.kind != text || !slices.Contains(members, n.text) {
		r.fail(n, path, "%q is not one of %s", n.text, strings.Join(members, ", "))
		return ""
	}
	return n.text
}

// number gives an integer between low and high, or absent.
func (r *record) number(name string, absent, low, high int64) int64 {
	n, path := r.take(name)
	if n == nil {
		return absent
	}
	if n.kind != number && !(n.kind == text && r.dialect == formation) {
		r.fail(n, path, "this is %s, want a number", kindNames[n.kind])
		return absent
	}
	v, err := strconv.ParseInt(strings.TrimSuffix(n.text, ".0"), 10, 64)
	if err != nil || v < low || v > high {
		r.fail(n, path, "%s is not an integer from %d to %d", cut(n.text), low, high)
		return absent
	}
	return v
}

// strings gives a list of strings and their places.
func (r *record) strings(names ...string) (values []string, places []*node) {
	items, path := r.list(names...)
	for i, n := range items {
		if n.kind != text && !(r.dialect == formation && n.kind == number) {
			r.fail(n, fmt.Sprintf("%s[%d]", path, i), "this is %s, want a string", kindNames[n.kind])
			continue
		}
		values, places = append(values, n.text), append(places, n)
	}
	return values, places
}

// skip takes keys that don't bear on a decision.
func (r *record) skip(names ...string) {
	for _, name := range names {
		r.take(name)
	}
}

// has says whether a key is there, and takes its (empty) object.
func (r *record) has(name string) bool {
	c := r.child(name)
	if c != nil {
		c.done()
	}
	return c != nil
}

// done complains about what nobody took.
func (r *record) done() {
	for i, key := range r.n.keys {
		if !r.taken[i] {
			item := r.n.items[i]
			if r.dialect == terraform && (item.kind == null || item.kind == list && len(item.items) == 0) {
				continue // Terraform writes out what is not set.
			}
			r.fail(item, r.below(cut(key)), "unknown key %q", cut(key))
		}
	}
}

func cut(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
