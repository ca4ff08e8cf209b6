package acl

import (
	"fmt"
	"slices"
	"strings"
)

// terraformTypes are the resources of Terraform that are read.
var terraformTypes = map[string]string{
	"aws_wafv2_web_acl": "WebACL", "aws_wafv2_rule_group": "RuleGroup", "aws_wafv2_ip_set": "IPSet",
	"aws_wafv2_regex_pattern_set": "RegexPatternSet", "aws_wafv2_web_acl_logging_configuration": "LoggingConfiguration",
}

// plan reads `terraform show -json`. In a plan the ARNs of what does not yet
// exist are missing from the values; the configuration part says what they refer
// to, and "tf:" and the address stand for them.
func (s *source) plan(root *node) {
	values, path := root.get("planned_values"), "planned_values"
	if values == nil {
		values, path = root.get("values"), "values"
	}
	if values == nil {
		if values = changed(root.get("resource_changes")); values == nil {
			s.fail(root, "", "neither planned_values, values nor resource_changes; want the output of terraform show -json")
			return
		}
		path = "resource_changes"
	}
	s.known(root.get("prior_state").get("values").get("root_module"), "prior_state.values.root_module", 0)
	s.known(values.get("root_module"), path+".root_module", 0)
	s.module(values.get("root_module"), path+".root_module", root.get("configuration").get("root_module"), "", 0)
}

// changed makes values of a plan of which only the changes are there.
func changed(changes *node) *node {
	if changes == nil || changes.kind != list {
		return nil
	}
	resources := &node{kind: list, line: changes.line, col: changes.col}
	for _, c := range changes.items {
		after := c.get("change").get("after")
		if after == nil || after.kind != object {
			continue // It is deleted.
		}
		one := *c
		one.keys, one.items = append(slices.Clone(c.keys), "values"), append(slices.Clone(c.items), after)
		resources.items = append(resources.items, &one)
	}
	inner := func(key string, n *node) *node {
		return &node{kind: object, line: changes.line, col: changes.col, keys: []string{key}, items: []*node{n}}
	}
	return inner("root_module", inner("resources", resources))
}

// known reads the sets that data sources have looked up. Rule groups are not
// among them: their data source does not tell their rules.
func (s *source) known(m *node, path string, depth int) {
	if m == nil || depth > 20 {
		return
	}
	if resources := m.get("resources"); resources != nil {
		for i, n := range resources.items {
			mode, of, values := n.get("mode"), n.get("type"), n.get("values")
			if mode == nil || mode.text != "data" || of == nil || values == nil {
				continue
			}
			if kind := terraformTypes[of.text]; kind == "IPSet" || kind == "RegexPatternSet" {
				s.resource(kind, values, fmt.Sprintf("%s.resources[%d].values", path, i), "", "")
			}
		}
	}
	if children := m.get("child_modules"); children != nil {
		for i, c := range children.items {
			s.known(c, fmt.Sprintf("%s.child_modules[%d]", path, i), depth+1)
		}
	}
}

func (s *source) module(m *node, path string, config *node, address string, depth int) {
	if m == nil || depth > 20 {
		return
	}
	if resources := m.get("resources"); resources != nil {
		for i, n := range resources.items {
			s.planned(n, fmt.Sprintf("%s.resources[%d]", path, i), config, address)
		}
	}
	children := m.get("child_modules")
	if children == nil {
		return
	}
	for i, c := range children.items {
		at := ""
		if a := c.get("address"); a != nil {
			at = a.text
		}
		call := strings.TrimPrefix(strings.TrimPrefix(at, address), ".")
		call, _, _ = strings.Cut(strings.TrimPrefix(call, "module."), "[")
		inner := config.get("module_calls").get(call).get("module")
		s.module(c, fmt.Sprintf("%s.child_modules[%d]", path, i), inner, at, depth+1)
	}
}

func (s *source) planned(n *node, path string, config *node, module string) {
	of, values, address := n.get("type"), n.get("values"), n.get("address")
	if mode := n.get("mode"); mode != nil && mode.text == "data" {
		return
	}
	if of == nil || values == nil || address == nil || !strings.HasPrefix(of.text, "aws_wafv2_") ||
		of.text == "aws_wafv2_web_acl_association" || of.text == "aws_wafv2_api_key" {
		return
	}
	kind := terraformTypes[of.text]
	if kind == "" {
		s.fail(of, path, "%s is not supported", cut(of.text))
		return
	}
	expressions := configured(config, address.text, module)
	if kind == "LoggingConfiguration" {
		s.reader.bundle.HasLogging = true
		arn := values.get("resource_arn")
		if arn == nil || arn.kind == null {
			arn = referred(expressions.get("resource_arn"), module, "")
		}
		if arn != nil {
			s.reader.logged[arn.text] = true
		}
		return
	}
	values = complete(values, expressions, module, "", 0)
	name := ""
	if own := n.get("name"); own != nil {
		name = own.text
	}
	s.resource(kind, values, path+".values", name, "tf:"+address.text)
}

// configured finds the expressions of a resource.
func configured(config *node, address, module string) *node {
	address = strings.TrimPrefix(strings.TrimPrefix(address, module), ".")
	address, _, _ = strings.Cut(address, "[")
	if resources := config.get("resources"); resources != nil {
		for _, r := range resources.items {
			if a := r.get("address"); a != nil && a.text == address {
				return r.get("expressions")
			}
		}
	}
	return nil
}

// referred gives the resource that an expression refers to, as its stand-in. The
// references go from the most to the least exact: a.b.arn, a.b.
func referred(expression *node, module, index string) *node {
	refs := expression.get("references")
	if refs == nil {
		return nil
	}
	for _, r := range refs.items {
		target, ok := strings.CutSuffix(r.text, ".arn")
		if !ok || !strings.HasPrefix(target, "aws_wafv2_") {
			continue
		}
		if module != "" {
			target = module + "." + target
		}
		return &node{kind: text, text: "tf:" + target + index, line: r.line, col: r.col}
	}
	return nil
}

// complete fills in references that the plan does not know yet. Rules are a set,
// so they are paired by name or priority; other blocks stand in order.
func complete(values, config *node, module, key string, depth int) *node {
	if values == nil || config == nil || depth > maxDepth {
		return values
	}
	out := *values
	switch values.kind {
	case object:
		out.keys, out.items = slices.Clone(values.keys), nil
		for i, k := range values.keys {
			out.items = append(out.items, complete(values.items[i], config.get(k), module, k, depth+1))
		}
		if arn := values.get("arn"); arn == nil || arn.kind == null {
			if ref := referred(config.get("arn"), module, ""); ref != nil && strings.HasSuffix(key, "reference_statement") {
				out.keys, out.items = append(out.keys, "arn"), append(out.items, ref)
				out.drop("arn", ref)
			}
		}
	case list:
		out.items = nil
		for i, item := range values.items {
			partner := config
			if config.kind == list {
				partner = paired(item, config, key, i)
			}
			out.items = append(out.items, complete(item, partner, module, key, depth+1))
		}
	}
	return &out
}

// drop removes members of this name other than the one to keep.
func (n *node) drop(name string, keep *node) {
	for i := len(n.keys) - 1; i >= 0; i-- {
		if n.keys[i] == name && n.items[i] != keep {
			n.keys, n.items = slices.Delete(n.keys, i, i+1), slices.Delete(n.items, i, i+1)
		}
	}
}

func paired(item, config *node, key string, i int) *node {
	if key == "rule" {
		for _, by := range []string{"name", "priority"} {
			for _, c := range config.items {
				constant, own := c.get(by).get("constant_value"), item.get(by)
				if constant != nil && own != nil && constant.text == own.text {
					return c
				}
			}
		}
		return nil
	}
	if i < len(config.items) {
		return config.items[i]
	}
	return nil
}

// ruleJSON reads rule_json, or rules_json of a rule group, in which rules may stand in the API's spelling.
func (r *record) ruleJSON(names ...string) []*Rule {
	n, path := r.take(names...)
	if n == nil || n.kind != text {
		return nil
	}
	inner, err := parseJSON([]byte(n.text))
	if err != nil {
		r.fail(n, path, "%v", err)
		return nil
	}
	spread(inner, n.line, n.col)
	plain := &source{reader: r.reader, file: r.file}
	holder := plain.record(&node{kind: object, keys: []string{"Rules"}, items: []*node{inner}, line: n.line, col: n.col}, path)
	return holder.rules("Rules")
}

// spread sets the place of a whole tree, which stands in one string.
func spread(n *node, line, col int) {
	n.line, n.col = line, col
	for _, c := range n.items {
		spread(c, line, col)
	}
}
