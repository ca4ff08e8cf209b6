package call

import (
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
)

// shape is a resource type of an action, ready to be filled.
type shape struct {
	required bool
	only     bool     // the action has no other type
	parts    []string // literal, placeholder, literal, …, literal
	holes    []hole
	own      []int // holes that are not partition, region or account
}

// hole is a placeholder of an ARN format.
type hole struct {
	name         string   // plain
	names, loose []string // parameters
	slash        bool     // the value may hold a slash
	tail         string
}

func (r *rules) shapes(a *actions.Action) []shape {
	out := make([]shape, 0, len(a.Resources))
	for _, t := range a.Resources {
		s := shape{required: t.Required, only: len(a.Resources) == 1}
		rest := t.ARN
		for {
			before, after, ok := strings.Cut(rest, "${")
			s.parts = append(s.parts, before)
			if !ok {
				break
			}
			var name string
			if name, rest, ok = strings.Cut(after, "}"); !ok {
				break
			}
			h := hole{name: plain(name)}
			h.names, h.loose = r.parameters(name, t.Name)
			h.slash, h.tail = r.slash[h.name], r.tail[h.name]
			if h.name != "partition" && h.name != "region" && h.name != "account" {
				s.own = append(s.own, len(s.holes))
			}
			s.holes = append(s.holes, h)
		}
		out = append(out, s)
	}
	return out
}

// matches says whether an ARN is of this type.
func (s *shape) matches(arn string) bool {
	rest, ok := strings.CutPrefix(arn, s.parts[0])
	if !ok || !strings.HasPrefix(arn, "arn:") {
		return false
	}
	for i := range s.holes {
		h, next := &s.holes[i], ""
		if i+1 < len(s.parts) {
			next = s.parts[i+1]
		}
		last := i == len(s.holes)-1
		end := len(rest)
		switch {
		case last && next != "":
			if !strings.HasSuffix(rest, next) {
				return false
			}
			end -= len(next)
		case !last:
			if end = strings.Index(rest, next); end < 0 || next == "" {
				return false
			}
		}
		value := rest[:max(end, 0)]
		global := h.name == "region" || h.name == "account"
		if value == "" && !global || !h.slash && strings.Contains(value, "/") || global && strings.Contains(value, ":") {
			return false
		}
		rest = rest[end+len(next):]
	}
	return rest == ""
}

// place is what every ARN of a call has in common.
type place struct{ partition, region, account string }

// fill gives the ARN with the values of parameters in its holes, stars where
// none is known, and says how many holes of its own it filled and left.
func (s *shape) fill(at place, value func(h *hole) string) (arn string, filled, left int) {
	var b strings.Builder
	for i := range s.holes {
		b.WriteString(s.parts[i])
		h := &s.holes[i]
		switch h.name {
		case "partition":
			b.WriteString(at.partition)
		case "region":
			b.WriteString(at.region)
		case "account":
			b.WriteString(at.account)
		default:
			v := value(h)
			if v == "" || !h.slash && strings.Contains(v, "/") {
				b.WriteByte('*')
				left++
				continue
			}
			b.WriteString(v + h.tail)
			filled++
		}
	}
	if len(s.parts) > len(s.holes) {
		b.WriteString(s.parts[len(s.parts)-1])
	}
	return b.String(), filled, left
}
