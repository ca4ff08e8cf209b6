package sigma

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/yagura-sec/yagura"
)

// Bounds of a document.
const (
	maxFile   = 1 << 20
	maxDepth  = 64
	maxValues = 100_000
	maxText   = 64 << 10 // bytes of one text
)

// reader walks one document's nodes and collects what is wrong.
type reader struct {
	file     string
	id       string
	problems []Problem
	left     int // values that may still be read
}

func (r *reader) place(n *yaml.Node) Place {
	if n == nil {
		return Place{File: r.file}
	}
	return Place{File: r.file, Line: n.Line, Column: n.Column}
}

func (r *reader) fail(n *yaml.Node, code, format string, args ...any) {
	r.add(Problem{Place: r.place(n), ID: r.id, Code: code, Text: fmt.Sprintf(format, args...)})
}

func (r *reader) warn(n *yaml.Node, code, format string, args ...any) {
	r.add(Problem{Place: r.place(n), ID: r.id, Code: code, Text: fmt.Sprintf(format, args...), Warning: true})
}

func (r *reader) add(p Problem) {
	if len(r.problems) < 1000 {
		r.problems = append(r.problems, p)
	}
}

// failed says whether there is an error among the problems.
func (r *reader) failed() bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool { return !p.Warning })
}

// spend counts a value; false when the document has too many.
func (r *reader) spend(n *yaml.Node) bool {
	r.left--
	if r.left == 0 {
		r.fail(n, "too-large", "the document has more than %d values", maxValues)
	}
	return r.left > 0
}

// alias follows an alias to its node.
func alias(n *yaml.Node) *yaml.Node {
	for i := 0; n != nil && n.Kind == yaml.AliasNode && i < maxDepth; i++ {
		n = n.Alias
	}
	return n
}

// members gives a mapping's keys and values, in order.
func (r *reader) members(n *yaml.Node, yield func(key string, at, value *yaml.Node)) {
	n = alias(n)
	if n == nil || n.Kind != yaml.MappingNode {
		r.fail(n, "type", "expected a mapping of names to values")
		return
	}
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		at := alias(n.Content[i])
		if at.Kind != yaml.ScalarNode {
			r.fail(at, "type", "a name must be a plain text")
			continue
		}
		if !r.spend(at) {
			return
		}
		if seen[at.Value] {
			r.fail(at, "duplicate-key", "%s stands twice here; YAML would keep only one of them", quote(at.Value))
			continue
		}
		seen[at.Value] = true
		yield(at.Value, at, alias(n.Content[i+1]))
	}
}

// elements gives a sequence's elements; a scalar is a list of one.
func (r *reader) elements(n *yaml.Node, yield func(*yaml.Node)) {
	switch n = alias(n); {
	case n == nil:
	case n.Kind == yaml.SequenceNode:
		for _, e := range n.Content {
			if !r.spend(e) {
				return
			}
			yield(alias(e))
		}
	case isNull(n):
	default:
		yield(n)
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// text reads a scalar as text.
func (r *reader) text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		r.fail(n, "type", "expected a text")
		return ""
	}
	if len(n.Value) > maxText {
		r.fail(n, "too-large", "a text may have at most %d bytes, this has %d", maxText, len(n.Value))
		return ""
	}
	if isNull(n) {
		return ""
	}
	return strings.TrimSpace(n.Value)
}

func (r *reader) texts(n *yaml.Node) []string {
	var list []string
	r.elements(n, func(e *yaml.Node) {
		if t := r.text(e); t != "" {
			list = append(list, t)
		}
	})
	return list
}

// oneOf reads one of several words.
func (r *reader) oneOf(n *yaml.Node, words ...string) string {
	t := r.text(n)
	if !slices.Contains(words, t) {
		r.fail(n, "value", "%s is not one of %s", quote(t), strings.Join(words, ", "))
		return words[0]
	}
	return t
}

func (r *reader) flag(n *yaml.Node) bool {
	if n != nil && n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" {
		return strings.EqualFold(n.Value, "true")
	}
	r.fail(n, "type", "expected true or false")
	return false
}

func (r *reader) number(n *yaml.Node) float64 {
	if n != nil && n.Kind == yaml.ScalarNode {
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil && f == f && f < 1e300 && f > -1e300 {
			return f
		}
	}
	r.fail(n, "type", "expected a number")
	return 0
}

func (r *reader) whole(n *yaml.Node, low, high int) int {
	f := r.number(n)
	if f != float64(int(f)) || int(f) < low || int(f) > high {
		r.fail(n, "value", "expected a whole number from %d to %d", low, high)
		return low
	}
	return int(f)
}

var units = map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}

// span reads a duration: a whole number and one of s m h d w.
func (r *reader) span(n *yaml.Node) time.Duration {
	t := r.text(n)
	if len(t) >= 2 {
		unit, ok := units[t[len(t)-1]]
		count, err := strconv.ParseInt(t[:len(t)-1], 10, 64)
		if ok && err == nil && count >= 0 && count <= int64(10*366*24*time.Hour/unit) {
			return time.Duration(count) * unit
		}
	}
	r.fail(n, "value", "%s is not a time span: write a number and one of s m h d w, as in 15m, up to ten years", quote(t))
	return 0
}

// day reads YYYY-MM-DD; Sigma's older rules write slashes.
func (r *reader) day(n *yaml.Node) (string, time.Time) {
	t := strings.ReplaceAll(r.text(n), "/", "-")
	at, err := time.Parse(time.DateOnly, t)
	if err != nil {
		r.fail(n, "value", "%s is not a date: write YYYY-MM-DD", quote(t))
	}
	return t, at
}

// tongues reads {en: …, ja: …}; a plain text is English.
func (r *reader) tongues(n *yaml.Node) (t yagura.Text) {
	if n != nil && n.Kind == yaml.ScalarNode {
		t.EN = r.text(n)
		return t
	}
	r.members(n, func(key string, at, value *yaml.Node) {
		switch key {
		case "en":
			t.EN = r.text(value)
		case "ja":
			t.JA = r.text(value)
		default:
			r.fail(at, "unknown-key", "%s is not a language here: only en and ja", quote(key))
		}
	})
	return t
}

// quote bounds and escapes a text of the document in a message.
func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strconv.Quote(strings.ToValidUTF8(s, "\uFFFD"))
}
