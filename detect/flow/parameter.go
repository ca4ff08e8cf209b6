package flow

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/rule/sigma"
)

// builder reads the parameters of a document. The first error is kept.
type builder struct {
	doc    *sigma.Document
	groups int
	left   map[string]any // not read yet
	err    error
}

func (b *builder) take(name string) (any, bool) {
	v, ok := b.left[name]
	delete(b.left, name)
	return v, ok
}

func (b *builder) bad(name string, v any, want string) {
	if b.err == nil {
		b.err = fmt.Errorf("%s: parameter %s: %v is not %s", b.doc.Place, name, v, want)
	}
}

// number reads a positive number.
func (b *builder) number(name string, otherwise float64) float64 {
	v, ok := b.take(name)
	if !ok {
		return otherwise
	}
	f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	if err != nil || f <= 0 {
		b.bad(name, v, "a positive number")
	}
	return f
}

// span reads a duration such as 10m, 12h or 7d, in µs.
func (b *builder) span(name string, otherwise time.Duration) int64 {
	v, ok := b.take(name)
	if !ok {
		return otherwise.Microseconds()
	}
	text := fmt.Sprint(v)
	if days, found := strings.CutSuffix(text, "d"); found {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 3650 {
			return int64(n) * 24 * time.Hour.Microseconds()
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		b.bad(name, v, "a duration such as 10m, 12h or 7d")
	}
	return d.Microseconds()
}

// bytes reads a size such as 500MB or 1GB (powers of ten).
func (b *builder) bytes(name string, otherwise int64) int64 {
	v, ok := b.take(name)
	if !ok {
		return otherwise
	}
	text, unit := fmt.Sprint(v), int64(1)
	for suffix, u := range map[string]int64{"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12} {
		if cut, found := strings.CutSuffix(text, suffix); found {
			text, unit = cut, u
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n <= 0 || n > 1<<62/unit {
		b.bad(name, v, "a size such as 500MB or 1GB")
	}
	return n * unit
}

// word reads one of some words; the first is the default.
func (b *builder) word(name string, words ...string) string {
	v, ok := b.take(name)
	if !ok {
		return words[0]
	}
	text := fmt.Sprint(v)
	if !slices.Contains(words, text) {
		b.bad(name, v, "one of "+strings.Join(words, ", "))
	}
	return text
}

// words reads a list of texts.
func (b *builder) words(name string, otherwise []string) []string {
	v, ok := b.take(name)
	if !ok {
		return otherwise
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = strings.ToLower(fmt.Sprint(e))
	}
	if len(out) == 0 {
		b.bad(name, v, "a list of texts")
	}
	return out
}

// portSet is a set of ports, one bit each.
type portSet [1 << 10]uint64

func (s *portSet) add(p uint16)      { s[p>>6] |= 1 << (p & 63) }
func (s *portSet) has(p uint16) bool { return s[p>>6]&(1<<(p&63)) != 0 }

// ports reads a list of port numbers.
func (b *builder) ports(name string, otherwise ...uint16) *portSet {
	out := &portSet{}
	if _, ok := b.left[name]; !ok {
		for _, p := range otherwise {
			out.add(p)
		}
		return out
	}
	for _, text := range b.words(name, nil) {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			b.bad(name, text, "a port from 1 to 65535")
		}
		out.add(uint16(n))
	}
	return out
}

// done gives the first error, or that a parameter is unknown.
func (b *builder) done(known string) error {
	if b.err == nil && len(b.left) > 0 {
		b.err = fmt.Errorf("%s: %s has no parameter %s; it has %s", b.doc.Place, b.doc.Use,
			strings.Join(slices.Sorted(maps.Keys(b.left)), ", "), known)
	}
	return b.err
}
