package rule

import (
	"fmt"
	"slices"

	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// program is the compiled rules of one source.
type program struct {
	schema     *ocsf.Schema
	fields     []field // by slot
	slots      map[slotKey]int
	predicates []*predicate
	byKey      map[string]int
	rules      []*Rule
	indexes    []*index
	gates      []*gate
	always     []*Rule
	list       list   // always, arranged
	rest       *group // the paths of the rules in always
}

type slotKey struct {
	name  string
	exact bool
}

// node is a node of a rule's logic.
type node struct {
	op   byte // '&', '|', '!', or '=' for a predicate
	kids []*node
	pred int
	cost int
}

// Compile makes a set of documents. What cannot be used is left out and said: a
// problem that is not a warning means that its document does not run.
func Compile(docs []*sigma.Document, cfg Config) (*Set, []sigma.Problem) {
	c := &compiler{
		cfg: cfg,
		set: &Set{
			byRef: map[string]*Rule{}, programs: map[string]*program{},
			fields: &fieldTable{schemas: map[string]*ocsf.Schema{}, derived: cfg.Fields},
		},
	}
	for _, s := range cfg.Schemas {
		c.set.fields.schemas[s.Source] = s
		c.set.programs[s.Source] = &program{schema: s, slots: map[slotKey]int{}, byKey: map[string]int{}}
	}
	for _, d := range docs {
		if d.Kind != "filter" {
			c.rule(d)
		}
	}
	for _, d := range docs {
		if d.Kind == "filter" {
			c.filter(d)
		}
	}
	for _, p := range c.set.programs {
		p.buildIndex()
	}
	return c.set, c.problems
}

type compiler struct {
	cfg      Config
	set      *Set
	problems []sigma.Problem

	doc   *sigma.Document
	prog  *program
	group *group
	done  map[*sigma.Node]*node
	bad   bool
}

func (c *compiler) fail(at sigma.Place, code, format string, args ...any) {
	c.bad = true
	c.problems = append(c.problems, sigma.Problem{Place: at, ID: c.doc.ID, Code: code, Text: fmt.Sprintf(format, args...)})
}

func (c *compiler) warn(at sigma.Place, code, format string, args ...any) {
	c.problems = append(c.problems, sigma.Problem{Place: at, ID: c.doc.ID, Code: code, Text: fmt.Sprintf(format, args...), Warning: true})
}

func (c *compiler) rule(d *sigma.Document) {
	c.doc, c.bad = d, false
	r := &Rule{Doc: d, Source: d.Source()}
	if old := c.set.byRef[d.ID]; old != nil {
		c.fail(d.Place, "duplicate-id", "the id %s is taken by %s", d.ID, old.Doc.Place)
		return
	}
	if d.Detection != nil {
		p := c.set.programs[r.Source]
		if p == nil {
			c.warn(d.Place, "source", "skipped: its log source (product %q, category %q, service %q) is none of ours", d.Product, d.Category, d.Service)
			return
		}
		if d.Status == "unsupported" || d.Status == "deprecated" {
			c.warn(d.Place, "status", "skipped: its status is %s", d.Status)
			return
		}
		r.prog, r.root, r.group = p, nil, &group{}
		if r.root = c.logic(p, r.group, d.Detection.Condition); c.bad {
			return
		}
		r.number = len(p.rules)
		p.rules = append(p.rules, r)
	}
	c.set.rules = append(c.set.rules, r)
	for _, ref := range []string{d.ID, d.SigmaID, d.Name} {
		if ref == "" {
			continue
		}
		if old := c.set.byRef[ref]; old != nil {
			if old != r {
				c.warn(d.Place, "duplicate-id", "%s also names %s; references lead there", ref, old.Doc.ID)
			}
			continue
		}
		c.set.byRef[ref] = r
	}
}

// logic compiles a condition.
func (c *compiler) logic(p *program, g *group, n *sigma.Node) *node {
	c.prog, c.group, c.done = p, g, map[*sigma.Node]*node{}
	return c.node(n)
}

func (c *compiler) node(n *sigma.Node) *node {
	if done := c.done[n]; done != nil {
		return done
	}
	out := &node{}
	switch n.Op {
	case "ref":
		out = c.node(n.Kids[0])
	case "item":
		out = c.item(n.Item)
	default:
		out.op = map[string]byte{"and": '&', "or": '|', "not": '!'}[n.Op]
		for _, k := range n.Kids {
			kid := c.node(k)
			out.cost += kid.cost
			out.kids = append(out.kids, kid)
		}
		// The result does not depend on the order, the time does.
		slices.SortStableFunc(out.kids, func(a, b *node) int { return a.cost - b.cost })
	}
	c.done[n] = out
	return out
}

func (c *compiler) item(it *sigma.Item) *node {
	m, bad := it.Resolve(c.cfg.Placeholders)
	if bad != nil {
		c.fail(bad.Place, bad.Code, "%s", bad.Text)
		return &node{op: '|'}
	}
	id := c.slot(it.Place, it.Field, needsExact(m))
	slot := func(name string) int { return c.slot(it.Place, name, true) }
	p := newPredicate(id, &c.prog.fields[id], it, m, slot)
	key := p.key(m)
	at, ok := c.prog.byKey[key]
	if !ok {
		at = len(c.prog.predicates)
		c.prog.byKey[key] = at
		c.prog.predicates = append(c.prog.predicates, p)
	}
	return &node{op: '=', pred: at, cost: p.cost}
}

// slot gives the slot of a field and notes its path in the group.
func (c *compiler) slot(at sigma.Place, name string, exact bool) int {
	f, known := c.set.fields.lookup(c.prog.schema.Source, name, exact)
	if !known {
		c.unknown(at, name)
	}
	key := slotKey{name, f.exact}
	id, ok := c.prog.slots[key]
	if !ok {
		id = len(c.prog.fields)
		c.prog.slots[key] = id
		c.prog.fields = append(c.prog.fields, f)
	}
	if f.path != "" && (len(f.columns) == 0 || f.exact) {
		c.group.add(f.path, id)
	}
	return id
}

func (c *compiler) unknown(at sigma.Place, name string) {
	hint := ""
	if n := c.set.fields.nearest(c.prog.schema.Source, name); n != "" {
		hint = fmt.Sprintf("; did you mean %s?", n)
	}
	if c.cfg.Strict && c.doc.Own {
		c.fail(at, "unknown-field", "%s has no field %q%s", c.prog.schema.Source, name, hint)
		return
	}
	c.warn(at, "unknown-field", "%s is not known to have the field %q%s; it is read as a path of the record", c.prog.schema.Source, name, hint)
}

// filter compiles a filter document for each of its rules.
func (c *compiler) filter(d *sigma.Document) {
	c.doc, c.bad = d, false
	for _, ref := range d.Filter.Rules {
		if c.set.byRef[ref] == nil {
			c.warn(d.Filter.Place, "reference", "the filter names %q, which is no rule here", ref)
		}
	}
	source := d.Source()
	compiled := map[*program]*filter{}
	for _, r := range c.set.rules {
		if !c.aims(d, r) {
			continue
		}
		for _, name := range c.sources(r, 0) {
			p := c.set.programs[name]
			if p == nil || (source != "" && source != name) {
				continue
			}
			f := compiled[p]
			if f == nil {
				f = &filter{doc: d, prog: p, group: &group{}}
				f.root = c.logic(p, f.group, d.Detection.Condition)
				if c.bad {
					return
				}
				compiled[p] = f
			}
			r.filters = append(r.filters, f)
		}
	}
}

// sources gives the log sources of a rule's events: of a correlation that names
// none, those of its rules.
func (c *compiler) sources(r *Rule, depth int) []string {
	if r.Source != "" || r.Doc.Correlation == nil || depth > 10 {
		return []string{r.Source}
	}
	var list []string
	for _, ref := range r.Doc.Correlation.Rules {
		if of := c.set.byRef[ref]; of != nil {
			list = union(list, c.sources(of, depth+1))
		}
	}
	return list
}

// aims says whether the filter names the rule.
func (c *compiler) aims(d *sigma.Document, r *Rule) bool {
	if d.Filter.Any {
		return d.Source() != "" && d.Source() == r.Source
	}
	return slices.ContainsFunc(d.Filter.Rules, func(ref string) bool { return c.set.byRef[ref] == r })
}
