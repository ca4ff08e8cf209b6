package acl

import (
	"fmt"
	"regexp"
	"strings"
)

// formationTypes are the resources of CloudFormation that are read.
var formationTypes = map[string]string{
	"AWS::WAFv2::WebACL": "WebACL", "AWS::WAFv2::RuleGroup": "RuleGroup", "AWS::WAFv2::IPSet": "IPSet",
	"AWS::WAFv2::RegexPatternSet": "RegexPatternSet", "AWS::WAFv2::LoggingConfiguration": "LoggingConfiguration",
}

// template reads a CloudFormation template. A resource's ARN is not known before
// it exists, so "cfn:" and its logical name stand for it.
func (s *source) template(root *node) {
	t := &template{
		source: s, resources: root.get("Resources"), parameters: root.get("Parameters"), mappings: root.get("Mappings"),
		conditions: root.get("Conditions"),
	}
	if t.resources.kind != object {
		s.fail(t.resources, "Resources", "this is %s, want an object", kindNames[t.resources.kind])
		return
	}
	for i, name := range t.resources.keys {
		resource := t.resources.items[i]
		path := "Resources." + cut(name)
		of := resource.get("Type")
		if of == nil || !strings.HasPrefix(of.text, "AWS::WAFv2::") || of.text == "AWS::WAFv2::WebACLAssociation" {
			continue
		}
		if c := resource.get("Condition"); c != nil && c.kind == text && !t.holds(c, path+".Condition", 0) {
			continue
		}
		kind := formationTypes[of.text]
		if kind == "" {
			s.fail(of, path+".Type", "%s is not supported", cut(of.text))
			continue
		}
		properties := resource.get("Properties")
		if properties == nil {
			properties = &node{kind: object, line: resource.line, col: resource.col}
		}
		if arn := properties.get("ResourceArn"); kind == "LoggingConfiguration" {
			if arn == nil {
				continue
			}
			properties = &node{kind: object, line: properties.line, col: properties.col, keys: []string{"ResourceArn"}, items: []*node{arn}}
		}
		resolved := t.resolve(properties, path+".Properties", 0)
		if resolved == nil {
			continue
		}
		s.resource(kind, resolved, path+".Properties", name, "cfn:"+name)
	}
}

type template struct {
	*source
	resources, parameters, mappings, conditions *node
}

// short maps YAML's tags to the functions they stand for.
var short = map[string]string{
	"!Ref": "Ref", "!GetAtt": "Fn::GetAtt", "!Sub": "Fn::Sub", "!Join": "Fn::Join", "!If": "Fn::If", "!Select": "Fn::Select",
	"!Split": "Fn::Split", "!FindInMap": "Fn::FindInMap", "!Equals": "Fn::Equals", "!Not": "Fn::Not", "!And": "Fn::And", "!Or": "Fn::Or",
	"!Condition": "Condition",
}

// irrelevant are keys of which nothing is decided; what stands there need not be
// known.
var irrelevant = map[string]bool{"VisibilityConfig": true, "Tags": true, "Description": true}

// resolve gives a copy with the intrinsic functions replaced; nil for AWS::NoValue.
func (t *template) resolve(n *node, path string, depth int) *node {
	if depth > maxDepth {
		return n
	}
	if n.tag != "" {
		function := short[n.tag]
		if function == "" {
			t.fail(n, path, "%s cannot be resolved here; give the web ACL's export instead", cut(n.tag))
			return &node{kind: text, line: n.line, col: n.col}
		}
		plain := *n
		plain.tag = ""
		return t.call(function, &plain, path, depth)
	}
	if n.kind == object && len(n.keys) == 1 && (n.keys[0] == "Ref" || strings.HasPrefix(n.keys[0], "Fn::")) {
		return t.call(n.keys[0], n.items[0], path, depth)
	}
	out := *n
	out.keys, out.items = nil, nil
	for i, c := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		if n.kind == object {
			at = path + "." + cut(n.keys[i])
			if irrelevant[n.keys[i]] {
				continue
			}
		}
		r := t.resolve(c, at, depth+1)
		if r == nil {
			continue
		}
		if n.kind == object {
			out.keys = append(out.keys, n.keys[i])
		}
		out.items = append(out.items, r)
	}
	return &out
}

func (t *template) call(function string, arg *node, path string, depth int) *node {
	value := func(s string) *node { return &node{kind: text, text: s, line: arg.line, col: arg.col} }
	switch function {
	case "Ref":
		if arg.text == "AWS::NoValue" {
			return nil
		}
		if p := t.parameters.get(arg.text); p != nil {
			if d := p.get("Default"); d != nil {
				if kind := p.get("Type"); kind != nil && strings.Contains(kind.text, "List") && d.kind == text {
					return split(d)
				}
				return d
			}
			t.fail(arg, path, "the parameter %s has no default, so its value is not known here", cut(arg.text))
			return value("")
		}
		return value(t.name(arg, arg.text, path))
	case "Fn::GetAtt":
		name := arg.text
		if arg.kind == list && len(arg.items) == 2 {
			name = arg.items[0].text + "." + arg.items[1].text
		}
		return value(t.name(arg, name, path))
	case "Fn::Sub":
		return t.sub(arg, path, depth)
	case "Fn::Join":
		return t.join(arg, path, depth)
	case "Fn::If":
		return t.either(arg, path, depth)
	case "Fn::Select", "Fn::Split", "Fn::FindInMap":
		return t.pick(function, arg, path, depth)
	}
	t.fail(arg, path, "%s cannot be resolved here; give the web ACL's export instead", cut(function))
	return value("")
}

func split(d *node) *node {
	l := &node{kind: list, line: d.line, col: d.col}
	for item := range strings.SplitSeq(d.text, ",") {
		l.items = append(l.items, &node{kind: text, text: strings.TrimSpace(item), line: d.line, col: d.col})
	}
	return l
}

// name resolves a name of Ref, GetAtt or Sub.
func (t *template) name(n *node, name, path string) string {
	switch name {
	case "AWS::AccountId":
		return orElse(t.reader.Account, defaultAccount)
	case "AWS::Region":
		return orElse(t.reader.Region, "us-east-1")
	case "AWS::Partition":
		return "aws"
	case "AWS::URLSuffix":
		return "amazonaws.com"
	case "AWS::StackName":
		return "stack"
	}
	if p := t.parameters.get(name); p != nil && p.get("Default") != nil {
		return p.get("Default").text
	}
	logical, attribute, _ := strings.Cut(name, ".")
	resource := t.resources.get(logical)
	switch {
	case resource == nil:
		t.fail(n, path, "the template has no parameter or resource %s", cut(name))
		return ""
	case attribute == "LabelNamespace":
		kind := "webacl"
		if of := resource.get("Type"); of != nil && of.text == "AWS::WAFv2::RuleGroup" {
			kind = "rulegroup"
		}
		named := logical
		if own := resource.get("Properties").get("Name"); own != nil && own.kind == text && own.tag == "" {
			named = own.text
		}
		return "awswaf:" + orElse(t.reader.Account, defaultAccount) + ":" + kind + ":" + named + ":"
	}
	return "cfn:" + logical
}

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

func (t *template) sub(arg *node, path string, depth int) *node {
	pattern, own := arg, (*node)(nil)
	if arg.kind == list && len(arg.items) == 2 {
		pattern, own = arg.items[0], arg.items[1]
	}
	out := placeholder.ReplaceAllStringFunc(pattern.text, func(m string) string {
		name := m[2 : len(m)-1]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			return "${" + literal + "}"
		}
		if v := own.get(name); v != nil {
			if r := t.resolve(v, path, depth+1); r != nil {
				return r.text
			}
			return ""
		}
		return t.name(pattern, name, path)
	})
	return &node{kind: text, text: out, line: arg.line, col: arg.col}
}

func (t *template) join(arg *node, path string, depth int) *node {
	if arg.kind != list || len(arg.items) != 2 {
		t.fail(arg, path, "Fn::Join wants a delimiter and a list")
		return &node{kind: text, line: arg.line, col: arg.col}
	}
	var parts []string
	items := arg.items[1]
	if items = t.resolve(items, path, depth+1); items != nil {
		for _, item := range items.items {
			parts = append(parts, item.text)
		}
	}
	return &node{kind: text, text: strings.Join(parts, arg.items[0].text), line: arg.line, col: arg.col}
}
