package policy

import (
	"fmt"
	"strings"
)

// builder turns the JSON tree into a document and collects complaints.
type builder struct {
	doc  *Document
	errs []*Error
}

func (b *builder) fail(offset int, path, format string, args ...any) {
	if len(b.errs) < maxErrors {
		b.errs = append(b.errs, b.doc.at(offset, path, fmt.Sprintf(format, args...)))
	}
}

// members visits an object's members and complains about repeated and unknown
// names. visit reports whether it knows the name.
func (b *builder) members(n node, path, known string, visit func(name string, value node) bool) {
	seen := make(map[string]bool, len(n.names))
	for i, name := range n.names {
		if seen[name.Value] {
			b.fail(name.Offset, path, "%q stands twice", clip(name.Value))
			continue
		}
		seen[name.Value] = true
		if !visit(name.Value, n.items[i]) {
			hint := "known are " + known
			for word := range strings.SplitSeq(known, ", ") {
				if strings.EqualFold(word, name.Value) {
					hint = "write " + word
				}
			}
			b.fail(name.Offset, path, "unknown element %q; %s", clip(name.Value), hint)
		}
	}
}

// clip bounds hostile text in messages.
func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

func (b *builder) document(root node) {
	if root.kind != object {
		b.fail(root.offset, "", "a policy is an object, this is %s", nodeNames[root.kind])
		return
	}
	hasStatement := false
	b.members(root, "", "Version, Id, Statement", func(name string, v node) bool {
		switch name {
		case "Version":
			b.doc.Version = b.text(v, name)
			if s := b.doc.Version.Value; v.kind == text && s != "2012-10-17" && s != "2008-10-17" {
				b.fail(v.offset, name, "version %q; write 2012-10-17", clip(s))
			}
		case "Id":
			b.doc.ID = b.text(v, name)
		case "Statement":
			hasStatement = true
			b.statements(v)
		default:
			return false
		}
		return true
	})
	if !hasStatement {
		b.fail(root.offset, "", "the policy has no Statement")
	}
}

func (b *builder) text(v node, path string) Text {
	if v.kind != text {
		b.fail(v.offset, path, "want a string, this is %s", nodeNames[v.kind])
	}
	return Text{Value: v.text, Offset: v.offset}
}

// texts reads a string or a list of strings; scalars also takes numbers and
// booleans, as condition values may be.
func (b *builder) texts(v node, path string, scalars bool) []Text {
	items := v.items
	if v.kind != array {
		items = []node{v}
	}
	out := make([]Text, 0, len(items))
	for _, item := range items {
		if item.kind != text && (!scalars || item.kind != number && item.kind != boolean) {
			b.fail(item.offset, path, "want a string, this is %s", nodeNames[item.kind])
			continue
		}
		out = append(out, Text{Value: item.text, Offset: item.offset})
	}
	return out
}

func (b *builder) statements(v node) {
	items := v.items
	if v.kind != array {
		items = []node{v}
	}
	b.doc.Statements = make([]Statement, 0, len(items))
	for i, item := range items {
		path := fmt.Sprintf("Statement[%d]", i)
		if v.kind != array {
			path = "Statement"
		}
		if item.kind != object {
			b.fail(item.offset, path, "a statement is an object, this is %s", nodeNames[item.kind])
			continue
		}
		b.doc.Statements = append(b.doc.Statements, b.statement(item, path))
	}
}

const statementElements = "Sid, Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition"

func (b *builder) statement(n node, path string) Statement {
	s := Statement{Offset: n.offset}
	seen := map[string]int{}
	b.members(n, path, statementElements, func(name string, v node) bool {
		at := path + "." + name
		seen[name] = v.offset
		switch name {
		case "Sid":
			s.Sid = b.text(v, at)
		case "Effect":
			s.Effect = b.text(v, at)
			s.Deny = v.text == "Deny"
			if v.kind == text && v.text != "Allow" && v.text != "Deny" {
				b.fail(v.offset, at, "effect %q; write Allow or Deny", clip(v.text))
			}
		case "Principal", "NotPrincipal":
			s.HasPrincipal, s.NotPrincipal = true, name == "NotPrincipal"
			s.Principals = b.principals(v, at)
		case "Action", "NotAction":
			s.NotAction, s.Actions = name == "NotAction", b.texts(v, at, false)
		case "Resource", "NotResource":
			s.HasResource, s.NotResource, s.Resources = true, name == "NotResource", b.texts(v, at, false)
		case "Condition":
			s.Conditions = b.conditions(v, at)
		default:
			return false
		}
		return true
	})
	b.pairs(&s, seen, path)
	return s
}

// pairs checks which elements stand together.
func (b *builder) pairs(s *Statement, seen map[string]int, path string) {
	for _, name := range []string{"Principal", "Action", "Resource"} {
		if at, both := seen["Not"+name]; both {
			if other, has := seen[name]; has {
				b.fail(max(at, other), path, "both %s and Not%s; keep one", name, name)
			}
		}
	}
	if _, ok := seen["Effect"]; !ok {
		b.fail(s.Offset, path, "no Effect; write Allow or Deny")
	}
	if s.Actions == nil && !has(seen, "Action", "NotAction") {
		b.fail(s.Offset, path, "neither Action nor NotAction")
	}
	kind := b.doc.Kind
	if !s.HasResource && kind != Resource {
		b.fail(s.Offset, path, "neither Resource nor NotResource, which only resource policies may leave out")
	}
	if s.HasPrincipal && !kind.HasPrincipal() {
		b.fail(max(seen["Principal"], seen["NotPrincipal"]), path, "a policy of kind %s may not name a Principal", kind)
	}
	if kind == RCP && s.NotPrincipal {
		b.fail(seen["NotPrincipal"], path, "a resource control policy may not hold NotPrincipal")
	}
}

func has(seen map[string]int, names ...string) bool {
	for _, name := range names {
		if _, ok := seen[name]; ok {
			return true
		}
	}
	return false
}

func (b *builder) principals(v node, path string) (out []Principal) {
	if v.kind == text {
		if v.text != "*" {
			b.fail(v.offset, path, "a bare principal can only be \"*\"; write {\"AWS\": %q}", clip(v.text))
		}
		return []Principal{{Type: "*", ID: Text{Value: v.text, Offset: v.offset}}}
	}
	if v.kind != object {
		b.fail(v.offset, path, "want \"*\" or an object, this is %s", nodeNames[v.kind])
		return nil
	}
	b.members(v, path, "AWS, Service, Federated, CanonicalUser", func(name string, v node) bool {
		switch name {
		case "AWS", "Service", "Federated", "CanonicalUser":
			for _, id := range b.texts(v, path+"."+name, false) {
				out = append(out, Principal{Type: name, ID: id})
			}
			return true
		}
		return false
	})
	return out
}

func (b *builder) conditions(v node, path string) (out []Condition) {
	if v.kind == array && len(v.items) == 0 {
		return nil // IAM takes an empty list for no condition.
	}
	if v.kind != object {
		b.fail(v.offset, path, "want an object, this is %s", nodeNames[v.kind])
		return nil
	}
	seen := map[string]bool{}
	for i, operator := range v.names {
		at := path + "." + clip(operator.Value)
		if seen[operator.Value] {
			b.fail(operator.Offset, path, "operator %q stands twice; put its keys together", clip(operator.Value))
			continue
		}
		seen[operator.Value] = true
		block := v.items[i]
		if block.kind != object {
			b.fail(block.offset, at, "want an object of keys, this is %s", nodeNames[block.kind])
			continue
		}
		keys := map[string]bool{}
		for j, key := range block.names {
			if keys[key.Value] {
				b.fail(key.Offset, at, "key %q stands twice; make its values a list", clip(key.Value))
				continue
			}
			keys[key.Value] = true
			out = append(out, Condition{Operator: operator, Key: key, Values: b.texts(block.items[j], at+"."+clip(key.Value), true)})
		}
	}
	return out
}
