package main

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// magic opens the unpacked file and names its version. The layout is described
// where it is read: prevent/iam/actions/decode.go.
const magic = "YAGURA-IAM-ACTIONS 1\n"

// kinds are the types of condition keys; their place here is their number.
var kinds = []string{"String", "ARN", "Bool", "Numeric", "Date", "IPAddress", "Binary"}

// multi is set in a key's type when it can have several values in a request.
const multi = 0x80

type writer struct {
	buf  []byte
	sets map[string]int // key set, as written, to its number
	list [][]int
}

func encode(m *model) ([]byte, error) {
	w := &writer{buf: []byte(magic), sets: map[string]int{}}
	w.strings(m.source[:])
	if err := w.keys(m.keys); err != nil {
		return nil, err
	}
	w.keySets(m)
	w.services(m)
	w.resources(m)
	w.actions(m)
	w.dependents(m)
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression),
		zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true), zstd.WithWindowSize(8<<20))
	if err != nil {
		return nil, err
	}
	defer packer.Close()
	return packer.EncodeAll(w.buf, nil), nil
}

func (w *writer) number(n int) { w.buf = binary.AppendUvarint(w.buf, uint64(n)) }

// strings writes a column: how many, their lengths, then all bytes in a row.
func (w *writer) strings(list []string) {
	w.number(len(list))
	for _, s := range list {
		w.number(len(s))
	}
	for _, s := range list {
		w.buf = append(w.buf, s...)
	}
}

func (w *writer) keys(keys []key) error {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	w.strings(names)
	for _, k := range keys {
		kind, array := strings.CutPrefix(k.kind, "ArrayOf")
		n := slices.Index(kinds, kind)
		if n < 0 {
			return fmt.Errorf("condition key %s has the unknown type %q", k.name, k.kind)
		}
		if array {
			n |= multi
		}
		w.buf = append(w.buf, byte(n))
	}
	return nil
}

// keySets numbers the sets of condition keys in the order of their first use, as
// most of them are used many times.
func (w *writer) keySets(m *model) {
	w.set(nil)
	for _, s := range m.services {
		w.set(s.keys)
		for _, r := range s.resources {
			w.set(r.keys)
		}
		for _, a := range s.actions {
			w.set(a.keys)
			for _, u := range a.resources {
				w.set(u.keys)
			}
		}
	}
	w.number(len(w.list))
	for _, set := range w.list {
		w.number(len(set))
		last := -1
		for _, k := range set {
			w.number(k - last - 1)
			last = k
		}
	}
}

func (w *writer) set(keys []int) int {
	name := fmt.Sprint(keys)
	n, ok := w.sets[name]
	if !ok {
		n = len(w.list)
		w.sets[name] = n
		w.list = append(w.list, keys)
	}
	return n
}

func (w *writer) services(m *model) {
	var prefixes, names []string
	for _, s := range m.services {
		prefixes, names = append(prefixes, s.prefix), append(names, s.name)
	}
	w.strings(prefixes)
	w.strings(names)
	for _, s := range m.services {
		rcp := byte(0)
		if s.rcp {
			rcp = 1
		}
		w.buf = append(w.buf, rcp)
		w.number(w.set(s.keys))
		w.number(len(s.resources))
		w.number(len(s.actions))
	}
}

func (w *writer) resources(m *model) {
	var names, arns []string
	for _, s := range m.services {
		for _, r := range s.resources {
			names, arns = append(names, r.name), append(arns, r.arn)
		}
	}
	w.strings(names)
	w.strings(arns)
	for _, s := range m.services {
		for _, r := range s.resources {
			w.number(w.set(r.keys))
		}
	}
}

func (w *writer) actions(m *model) {
	var names []string
	var all []action
	for _, s := range m.services {
		for _, a := range s.actions {
			names, all = append(names, a.name), append(all, a)
		}
	}
	w.strings(names)
	for _, a := range all {
		w.buf = append(w.buf, byte(slices.Index(levels, a.level)))
	}
	for _, a := range all {
		w.number(w.set(a.keys))
	}
	for _, a := range all {
		w.number(len(a.resources))
	}
	for _, a := range all {
		for _, u := range a.resources {
			n := u.resource << 1
			if u.required {
				n |= 1
			}
			w.number(n)
		}
	}
	for _, a := range all {
		for _, u := range a.resources {
			w.number(w.set(u.keys))
		}
	}
}

// dependents writes, for each action that has some, its distance from the one
// before, how many there are, and their numbers in the list of all actions.
func (w *writer) dependents(m *model) {
	var order []string
	numbers := map[string]int{}
	for _, s := range m.services {
		for _, a := range s.actions {
			name := s.prefix + ":" + strings.ToLower(a.name)
			numbers[name] = len(order)
			order = append(order, name)
		}
	}
	w.number(len(m.dependents))
	last := -1
	for i, name := range order {
		list := m.dependents[name]
		if len(list) == 0 {
			continue
		}
		w.number(i - last - 1)
		last = i
		w.number(len(list))
		ids := make([]int, len(list))
		for j, d := range list {
			ids[j] = numbers[d]
		}
		slices.Sort(ids)
		for _, id := range ids {
			w.number(id)
		}
	}
}
