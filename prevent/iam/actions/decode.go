package actions

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

// A data file is one zstd frame. Unpacked it is the magic line and then, with
// numbers as unsigned varints and strings in columns (how many, their lengths,
// all bytes in a row):
//
//	7 strings: package, version, date and licence of the source; package,
//	    version and licence of the source of the dependent actions
//	keys: column of names; a byte each: place in types, 0x80 if multi-valued
//	key sets: how many; each: its length, and the keys' distances from the one
//	    before, less one. The first set is empty.
//	services: column of prefixes; column of names; each: a byte (1: RCP), key
//	    set, how many resource types, how many actions
//	resource types, in the order of the services: column of names; column of
//	    ARN formats; key set each
//	actions, in the order of the services: column of names; a byte each: place
//	    in levels; key set each; how many resource types each; for each use of
//	    a resource type: its place in the service << 1 | required; key set of
//	    each use
//	dependent actions: how many actions have some; each: distance from the one
//	    before, less one; how many; their numbers
//
// Services, and resource types and actions in a service, are in the order of
// their names in lower case, without duplicates.
const magic = "YAGURA-IAM-ACTIONS 1\n"

// The bounds are about ten times what the real data needs.
const (
	maxPacked   = 4 << 20
	maxUnpacked = 8 << 20
	maxString   = 1 << 10
)

var (
	types  = []string{"String", "ARN", "Bool", "Numeric", "Date", "IPAddress", "Binary"}
	levels = []string{"List", "Read", "Write", "Tagging", "Permissions management"}
)

const multi = 0x80

func parse(packed []byte) (*Table, error) {
	if len(packed) > maxPacked {
		return nil, fmt.Errorf("more than %d bytes", maxPacked)
	}
	unpack, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, err
	}
	defer unpack.Close()
	plain, err := unpack.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("not a zstd file, or damaged: %w", err)
	}
	return decode(string(plain))
}

// decode reads an unpacked file. The table's strings are parts of the text.
func decode(text string) (*Table, error) {
	rest, ok := strings.CutPrefix(text, magic)
	if !ok {
		return nil, errors.New("not a data file of this version")
	}
	r := &reader{rest: rest}
	t := &Table{}
	t.readSource(r)
	t.readKeys(r)
	t.readServices(r)
	t.readResources(r)
	t.readActions(r)
	t.readUses(r)
	t.readDependents(r)
	if r.err == nil && r.rest != "" {
		r.fail("%d bytes after the end", len(r.rest))
	}
	if r.err != nil {
		return nil, r.err
	}
	t.addGlobalKeys()
	t.source.Services, t.source.Actions = len(t.services), len(t.actions)
	t.source.ResourceTypes, t.source.Keys = len(t.resources), len(t.exact)+len(t.patterns)
	return t, nil
}

func (t *Table) readSource(r *reader) {
	s := r.strings("source")
	if r.err == nil && len(s) != 7 {
		r.fail("%d strings describe the source, not 7", len(s))
	}
	if r.err != nil {
		return
	}
	updated, err := time.Parse(time.RFC3339, s[2])
	if err != nil {
		r.fail("the source's date: %w", err)
		return
	}
	t.source = Source{
		Package: s[0], Version: s[1], Updated: updated, Licence: s[3],
		DependentsPackage: s[4], DependentsVersion: s[5], DependentsLicence: s[6],
	}
}

func (t *Table) readKeys(r *reader) {
	names := r.strings("condition keys")
	kinds := r.bytes(len(names))
	if r.err != nil {
		return
	}
	t.keys = make([]Key, len(names))
	for i, name := range names {
		kind := int(kinds[i] &^ multi)
		if kind >= len(types) {
			r.fail("condition key %q has the unknown type %d", name, kind)
			return
		}
		t.keys[i] = Key{Name: name, Type: types[kind], Multi: kinds[i]&multi != 0}
	}
	t.sets = make([][]uint32, r.count("key sets"))
	for i := range t.sets {
		set := make([]uint32, r.count("key set"))
		next := 0
		for j := range set {
			next += r.below("key", len(t.keys)-next)
			set[j] = uint32(next)
			next++
		}
		if r.err != nil {
			return
		}
		t.sets[i] = set
	}
	if len(t.sets) == 0 || len(t.sets[0]) != 0 {
		r.fail("the first key set is not the empty one")
	}
}

func (t *Table) readServices(r *reader) {
	prefixes, names := r.strings("service prefixes"), r.strings("service names")
	if r.err == nil && len(prefixes) != len(names) || len(prefixes) > 1<<16 {
		r.fail("%d service prefixes and %d names", len(prefixes), len(names))
	}
	if r.err != nil {
		return
	}
	t.services = make([]service, len(prefixes))
	resources, actions := 0, 0
	for i, prefix := range prefixes {
		flags := r.bytes(1)
		keys := r.below("key set", len(t.sets))
		moreResources, moreActions := r.count("resource types"), r.count("actions")
		if r.err != nil {
			return
		}
		t.services[i] = service{
			prefix: prefix, name: names[i], rcp: flags == "\x01", keys: uint32(keys),
			resource: resources, resource1: resources + moreResources, action: actions, action1: actions + moreActions,
		}
		if t.services[i].rcp {
			t.source.RCPServices++
		}
		resources, actions = resources+moreResources, actions+moreActions
		if resources > len(r.rest) || actions > len(r.rest) {
			r.fail("%d resource types and %d actions do not fit", resources, actions)
			return
		}
		if i > 0 && compareFold(prefixes[i-1], prefix) >= 0 {
			r.fail("service %q is out of order", prefix)
		}
	}
	t.resources, t.actions = make([]resource, resources), make([]action, actions)
}

func (t *Table) readResources(r *reader) {
	names, arns := r.strings("resource types"), r.strings("ARN formats")
	if r.err == nil && (len(names) != len(t.resources) || len(arns) != len(names)) {
		r.fail("%d resource types and %d ARN formats; the services have %d", len(names), len(arns), len(t.resources))
	}
	if r.err != nil {
		return
	}
	for i := range t.resources {
		t.resources[i] = resource{names[i], arns[i], uint32(r.below("key set", len(t.sets)))}
	}
	for _, s := range t.services {
		r.inOrder("resource type", names[s.resource:s.resource1])
	}
}

func (t *Table) readActions(r *reader) {
	names := r.strings("actions")
	if r.err == nil && len(names) != len(t.actions) {
		r.fail("%d actions; the services have %d", len(names), len(t.actions))
	}
	kinds := r.bytes(len(names))
	if r.err != nil {
		return
	}
	for i, s := range t.services {
		r.inOrder("action", names[s.action:s.action1])
		for j := s.action; j < s.action1; j++ {
			t.actions[j] = action{name: names[j], service: uint16(i), level: kinds[j]}
		}
	}
	for i := range t.actions {
		if int(kinds[i]) >= len(levels) {
			r.fail("action %q has the unknown access level %d", names[i], kinds[i])
			return
		}
		t.actions[i].keys = uint32(r.below("key set", len(t.sets)))
	}
}

func (t *Table) readUses(r *reader) {
	total := 0
	for i := range t.actions {
		t.actions[i].use = uint32(total)
		total += r.count("resource types of an action")
	}
	if r.err == nil && total > len(r.rest) {
		r.fail("%d resource types in actions do not fit", total)
	}
	if r.err != nil {
		return
	}
	t.uses = make([]use, total)
	for i := range t.actions {
		s := &t.services[t.actions[i].service]
		for j := range t.actionUses(ID(i)) {
			n := r.below("resource type", 2*(s.resource1-s.resource))
			t.uses[int(t.actions[i].use)+j] = use{resource: uint32(s.resource + n>>1), required: n&1 != 0}
		}
	}
	for i := range t.uses {
		t.uses[i].keys = uint32(r.below("key set", len(t.sets)))
	}
}

func (t *Table) readDependents(r *reader) {
	next := 0
	for range r.count("dependent actions") {
		next += r.below("action", len(t.actions)-next)
		count := r.count("dependent actions of an action")
		if r.err != nil {
			return
		}
		t.actions[next].dep = uint32(len(t.deps))
		for range count {
			t.deps = append(t.deps, ID(r.below("dependent action", len(t.actions))))
		}
		t.actions[next].dep1 = uint32(len(t.deps))
		next++
	}
}

// reader takes the file apart. After an error it yields zeros and empty
// columns, so that only whoever indexes with a result must look at err.
type reader struct {
	rest string
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
		r.rest = ""
	}
}

func (r *reader) number() uint64 {
	// A varint of a number that the bounds allow has at most five bytes.
	var head [5]byte
	n, size := binary.Uvarint(head[:copy(head[:], r.rest)])
	if size <= 0 {
		r.fail("the file ends too soon, or a number is too big")
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// count reads how many things follow: at least a byte each.
func (r *reader) count(of string) int {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.fail("%s: %d do not fit in %d bytes", of, n, len(r.rest))
		return 0
	}
	return int(n)
}

// below reads a number that must be less than the limit.
func (r *reader) below(what string, limit int) int {
	n := r.number()
	if r.err == nil && (limit <= 0 || n >= uint64(limit)) {
		r.fail("%s %d is not one of %d", what, n, max(limit, 0))
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

func (r *reader) bytes(n int) string {
	if n > len(r.rest) {
		r.fail("the file ends too soon")
	}
	if r.err != nil {
		return ""
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) strings(of string) []string {
	list := make([]string, r.count(of))
	lengths := make([]int, len(list))
	for i := range lengths {
		lengths[i] = r.below("length", maxString)
	}
	for i, n := range lengths {
		list[i] = r.bytes(n)
		if r.err == nil && !printable(list[i]) {
			r.fail("%s: %q is not printable text", of, list[i])
		}
	}
	if r.err != nil {
		return nil
	}
	return list
}

func (r *reader) inOrder(what string, names []string) {
	for i := 1; i < len(names); i++ {
		if compareFold(names[i-1], names[i]) >= 0 {
			r.fail("%s %q is out of order", what, names[i])
		}
	}
}

// printable holds for non-empty text that is safe to show as it is.
func printable(s string) bool {
	if s == "" || !utf8.ValidString(s) {
		return false
	}
	for _, c := range s {
		if !unicode.IsPrint(c) {
			return false
		}
	}
	return true
}
