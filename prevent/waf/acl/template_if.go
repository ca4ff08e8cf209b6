package acl

import (
	"strconv"
	"strings"
)

// either is Fn::If: a condition and what stands where it holds and where not.
func (t *template) either(arg *node, path string, depth int) *node {
	if arg.kind != list || len(arg.items) != 3 {
		t.fail(arg, path, "Fn::If wants a condition and two values")
		return &node{kind: text, line: arg.line, col: arg.col}
	}
	chosen := arg.items[2]
	if t.holds(arg.items[0], path, depth+1) {
		chosen = arg.items[1]
	}
	return t.resolve(chosen, path, depth+1)
}

// holds judges a condition: its name, or a function of conditions.
func (t *template) holds(n *node, path string, depth int) bool {
	function, arg := short[n.tag], n
	if n.tag == "" && n.kind == object && len(n.keys) == 1 {
		function, arg = n.keys[0], n.items[0]
	}
	switch {
	case depth > maxDepth:
		t.fail(n, path, "conditions refer to each other")
		return false
	case function == "" && n.kind == text, function == "Condition":
		named := t.conditions.get(arg.text)
		if named == nil {
			t.fail(n, path, "the template has no condition %s", cut(arg.text))
			return false
		}
		return t.holds(named, "Conditions."+cut(arg.text), depth+1)
	case arg.kind != list || len(arg.items) == 0:
	case function == "Fn::Equals" && len(arg.items) == 2:
		return t.text(arg.items[0], path, depth) == t.text(arg.items[1], path, depth)
	case function == "Fn::Not":
		return !t.holds(arg.items[0], path, depth+1)
	case function == "Fn::And", function == "Fn::Or":
		for _, one := range arg.items {
			if t.holds(one, path, depth+1) == (function == "Fn::Or") {
				return function == "Fn::Or"
			}
		}
		return function == "Fn::And"
	}
	t.fail(n, path, "this is no condition that can be judged here; want Fn::Equals, Fn::Not, Fn::And, Fn::Or or a name")
	return false
}

// text resolves a value and gives it as a string.
func (t *template) text(n *node, path string, depth int) string {
	if r := t.resolve(n, path, depth+1); r != nil {
		return r.text
	}
	return ""
}

// pick is Fn::Select, Fn::Split and Fn::FindInMap.
func (t *template) pick(function string, arg *node, path string, depth int) *node {
	nothing := &node{kind: text, line: arg.line, col: arg.col}
	if arg.kind != list || len(arg.items) < 2 {
		t.fail(arg, path, "%s wants a list of arguments", function)
		return nothing
	}
	switch function {
	case "Fn::Split":
		all := &node{kind: list, line: arg.line, col: arg.col}
		for part := range strings.SplitSeq(t.text(arg.items[1], path, depth), t.text(arg.items[0], path, depth)) {
			all.items = append(all.items, &node{kind: text, text: part, line: arg.line, col: arg.col})
		}
		return all
	case "Fn::Select":
		from := t.resolve(arg.items[1], path, depth+1)
		if i, err := strconv.Atoi(t.text(arg.items[0], path, depth)); err == nil && from != nil && i >= 0 && i < len(from.items) {
			return from.items[i]
		}
	default:
		at := t.mappings
		for _, key := range arg.items[:min(len(arg.items), 3)] {
			at = at.get(t.text(key, path, depth))
		}
		if at != nil {
			return at
		}
	}
	t.fail(arg, path, "%s finds nothing", function)
	return nothing
}
