package acl

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// yamlTree turns YAML's nodes into ours. Aliases are followed, and all that they
// repeat counts towards the limit, which grows with the file.
type yamlTree struct{ nodes, limit int }

func parseYAML(src []byte) (n *node, err error) {
	// The library is fed hostile text; a panic in it is an error of the file.
	defer func() {
		if p := recover(); p != nil {
			n, err = nil, &syntaxError{1, 1, fmt.Sprintf("not YAML: %v", p)}
		}
	}()
	var doc yaml.Node
	if err := yaml.Load(src, &doc); err != nil {
		line := 1
		if at := strings.Index(err.Error(), "line "); at >= 0 {
			_, _ = fmt.Sscanf(err.Error()[at:], "line %d", &line)
		}
		return nil, &syntaxError{max(line, 1), 1, err.Error()}
	}
	root := &doc
	if doc.Kind == yaml.DocumentNode {
		if len(doc.Content) != 1 {
			return nil, &syntaxError{1, 1, "the document is empty"}
		}
		root = doc.Content[0]
	}
	t := yamlTree{limit: min(maxNodes, 1000+10*len(src))}
	return t.value(root, 0)
}

func (t *yamlTree) value(y *yaml.Node, depth int) (*node, error) {
	n := &node{line: max(y.Line, 1), col: max(y.Column, 1)}
	fail := func(message string) (*node, error) { return nil, &syntaxError{n.line, n.col, message} }
	if t.nodes++; t.nodes > t.limit {
		return fail(fmt.Sprintf("more than %d values; do aliases repeat that much?", t.limit))
	}
	if depth > maxDepth {
		return fail(fmt.Sprintf("nested deeper than %d levels", maxDepth))
	}
	if strings.HasPrefix(y.Tag, "!") && !strings.HasPrefix(y.Tag, "!!") {
		n.tag = y.Tag
	}
	switch y.Kind {
	case yaml.AliasNode:
		if y.Alias == nil {
			return fail("alias to nothing")
		}
		return t.value(y.Alias, depth+1)
	case yaml.MappingNode:
		n.kind = object
		return n, t.mapping(n, y, depth)
	case yaml.SequenceNode:
		n.kind = list
		for _, c := range y.Content {
			item, err := t.value(c, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
	case yaml.ScalarNode:
		n.text = y.Value
		switch y.ShortTag() {
		case "!!null":
			n.kind = null
		case "!!int", "!!float":
			n.kind = number
		case "!!bool":
			n.kind = boolean
		default:
			n.kind = text
		}
	default:
		return nil, errors.New("unknown kind of YAML node")
	}
	return n, nil
}

func (t *yamlTree) mapping(n *node, y *yaml.Node, depth int) error {
	seen := map[string]bool{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		if key.Kind != yaml.ScalarNode || key.Value == "<<" {
			return &syntaxError{max(key.Line, 1), max(key.Column, 1), "a key must be a plain string"}
		}
		if seen[key.Value] {
			return &syntaxError{max(key.Line, 1), max(key.Column, 1), fmt.Sprintf("key %q stands twice", key.Value)}
		}
		seen[key.Value] = true
		item, err := t.value(y.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		n.keys = append(n.keys, key.Value)
		n.items = append(n.items, item)
	}
	return nil
}
