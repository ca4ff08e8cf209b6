package access

import "strings"

// Expr is a Boolean tree over what is not known. Exactly one of And, Or, Not,
// Operator and Resource is set; an empty And is true, an empty Or false.
type Expr struct {
	And []*Expr `json:"and,omitempty"`
	Or  []*Expr `json:"or,omitempty"`
	Not *Expr   `json:"not,omitempty"`
	// Operator, Key and Values are a condition as in a policy. Values are as the
	// policy writes them.
	Operator string   `json:"operator,omitempty"`
	Key      string   `json:"key,omitempty"`
	Values   []string `json:"values,omitempty"`
	// Resource is a pattern that the request's resource must match: for a request
	// for a pattern, or where the policy's pattern holds an unknown variable.
	Resource string `json:"resource,omitempty"`
}

// String writes the tree on one line.
func (x *Expr) String() string {
	var b strings.Builder
	x.write(&b, false)
	return b.String()
}

func (x *Expr) write(b *strings.Builder, inside bool) {
	list := func(items []*Expr, word, empty string) {
		if len(items) == 0 {
			b.WriteString(empty)
			return
		}
		if inside && len(items) > 1 {
			b.WriteByte('(')
			defer b.WriteByte(')')
		}
		for i, item := range items {
			if i > 0 {
				b.WriteString(word)
			}
			item.write(b, true)
		}
	}
	switch {
	case x.Not != nil:
		b.WriteString("not ")
		x.Not.write(b, true)
	case x.Operator != "":
		b.WriteString(x.Operator + " " + x.Key + " " + strings.Join(x.Values, " | "))
	case x.Resource != "":
		b.WriteString("resource like " + x.Resource)
	case x.Or != nil:
		list(x.Or, " or ", "never")
	default:
		list(x.And, " and ", "always")
	}
}
