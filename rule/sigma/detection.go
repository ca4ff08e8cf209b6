package sigma

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// detection reads search identifiers and the condition.
func (r *reader) detection(n *yaml.Node) *Detection {
	d := &Detection{Place: r.place(n), Searches: map[string]*Node{}}
	var conditions []*yaml.Node
	r.members(n, func(key string, at, v *yaml.Node) {
		switch key {
		case "condition":
			r.elements(v, func(e *yaml.Node) { conditions = append(conditions, e) })
		case "timeframe":
			r.fail(at, "retired", "timeframe is a retired form of Sigma: write a correlation document")
		default:
			if s := r.search(v); s != nil {
				d.Searches[key] = s
				d.Names = append(d.Names, key)
			}
		}
	})
	switch {
	case len(d.Names) == 0 && !r.failed():
		r.fail(n, "detection", "the detection has no search such as \"selection\"")
	case len(conditions) == 0:
		r.fail(n, "condition", "the detection has no condition")
	case len(conditions) > 100:
		r.fail(n, "too-large", "at most 100 conditions")
	}
	if r.failed() {
		return d
	}
	any := &Node{Place: r.place(n), Op: "or"}
	for i, c := range conditions {
		text := r.text(c)
		if i > 0 {
			d.Text += " or "
		}
		d.Text += text
		if node := r.condition(d, c, text); node != nil {
			any.Kids = append(any.Kids, node)
		}
	}
	d.Condition = any
	if len(any.Kids) == 1 {
		d.Condition = any.Kids[0]
	}
	return d
}

// search reads a search identifier's definition: a map, a list of maps, a list
// of keywords or a mix of both.
func (r *reader) search(n *yaml.Node) *Node {
	switch {
	case n == nil || isNull(n):
		r.fail(n, "type", "a search is a mapping of fields, a list of mappings or a list of keywords")
		return nil
	case n.Kind == yaml.MappingNode:
		return r.fields(n)
	case n.Kind == yaml.ScalarNode:
		return r.keywords(n, []*yaml.Node{n})
	}
	or := &Node{Place: r.place(n), Op: "or"}
	var words []*yaml.Node
	r.elements(n, func(e *yaml.Node) {
		switch {
		case e.Kind == yaml.ScalarNode:
			words = append(words, e)
		case e.Kind == yaml.MappingNode:
			if m := r.fields(e); m != nil {
				or.Kids = append(or.Kids, m)
			}
		default:
			r.fail(e, "type", "a list of lists means nothing here")
		}
	})
	if len(words) > 0 {
		if k := r.keywords(n, words); k != nil {
			or.Kids = append(or.Kids, k)
		}
	}
	switch len(or.Kids) {
	case 0:
		r.fail(n, "type", "the search is empty")
		return nil
	case 1:
		return or.Kids[0]
	}
	return or
}

// fields reads a map: all of its lines must hold.
func (r *reader) fields(n *yaml.Node) *Node {
	and := &Node{Place: r.place(n), Op: "and"}
	r.members(n, func(key string, at, v *yaml.Node) {
		item := &Item{Place: r.place(at)}
		parts := strings.Split(key, "|")
		item.Field = strings.TrimSpace(parts[0])
		for _, m := range parts[1:] {
			item.Modifiers = append(item.Modifiers, strings.ToLower(strings.TrimSpace(m)))
		}
		if len(item.Field) > 1024 || len(item.Modifiers) > 16 {
			r.fail(at, "too-large", "a field's name has at most 1,024 bytes and 16 modifiers")
			return
		}
		r.values(item, at, v)
		r.attach(and, item)
	})
	if len(and.Kids) == 0 {
		r.fail(n, "type", "the mapping is empty: it would match every record")
		return nil
	}
	return and
}

func (r *reader) keywords(n *yaml.Node, words []*yaml.Node) *Node {
	item := &Item{Place: r.place(n), List: len(words) > 1}
	for _, w := range words {
		item.Values = append(item.Values, r.value(w))
	}
	holder := &Node{Place: r.place(n), Op: "and"}
	r.attach(holder, item)
	if len(holder.Kids) == 0 {
		return nil
	}
	return holder.Kids[0]
}

// attach adds an item whose modifiers and values go together.
func (r *reader) attach(to *Node, item *Item) {
	if _, bad := item.check(); bad != nil {
		bad.ID = r.id
		r.add(*bad)
		return
	}
	to.Kids = append(to.Kids, &Node{Place: item.Place, Op: "item", Item: item})
}

func (r *reader) values(item *Item, at, v *yaml.Node) {
	switch {
	case v != nil && v.Kind == yaml.ScalarNode:
		item.Values = []Value{r.value(v)}
	case v != nil && v.Kind == yaml.SequenceNode:
		item.List = true
		r.elements(v, func(e *yaml.Node) {
			if e.Kind != yaml.ScalarNode {
				r.fail(e, "type", "a value is a text, a number, true, false or null")
				return
			}
			item.Values = append(item.Values, r.value(e))
		})
		if len(item.Values) == 0 {
			r.fail(at, "type", "the list of values is empty")
		}
	default:
		r.fail(at, "type", "a value is a text, a number, true, false or null, or a list of them")
	}
}

func (r *reader) value(n *yaml.Node) Value {
	v := Value{Place: r.place(n), Kind: "text", Text: n.Value}
	if len(n.Value) > maxText {
		r.fail(n, "too-large", "a value may have at most %d bytes", maxText)
		v.Text = ""
		return v
	}
	switch n.ShortTag() {
	case "!!null":
		v.Kind, v.Text = "null", ""
	case "!!bool":
		v.Kind, v.Text = "bool", strings.ToLower(n.Value)
	case "!!int", "!!float":
		f, ok := numeric(n.Value)
		if ok {
			v.Kind, v.Number = "number", f
		}
	}
	return v
}

// numeric reads a number as people write it in YAML and in logs: decimal, or
// hexadecimal with 0x. What could be an id (a leading zero) or is not finite is
// none.
func numeric(s string) (float64, bool) {
	if len(s) == 0 || len(s) > 64 {
		return 0, false
	}
	digits := strings.TrimPrefix(s, "-")
	if strings.HasPrefix(digits, "0x") {
		n, err := strconv.ParseInt(s, 0, 64)
		return float64(n), err == nil
	}
	if digits == "" || digits[0] < '0' || digits[0] > '9' || (len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && f < 1e300 && f > -1e300
}
