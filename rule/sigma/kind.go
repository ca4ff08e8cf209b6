package sigma

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

var (
	correlationTypes = []string{
		"event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "value_percentile", "value_median",
	}
	bounds = []string{"gt", "gte", "lt", "lte", "eq", "neq"}
)

func (r *reader) correlation(n *yaml.Node) *Correlation {
	c := &Correlation{Place: r.place(n), Bounds: map[string]float64{}}
	r.members(n, func(key string, at, v *yaml.Node) {
		switch key {
		case "type":
			c.Type = r.oneOf(v, correlationTypes...)
		case "rules":
			c.Rules = r.texts(v)
		case "group-by":
			c.GroupBy = r.texts(v)
		case "timespan":
			c.Timespan = r.span(v)
		case "generate":
			c.Generate = r.flag(v)
		case "aliases":
			r.aliases(c, v)
		case "condition":
			r.bounds(c, v)
		case "field": // the specification's schema puts it here, its text into the condition
			c.Fields = r.texts(v)
		default:
			r.fail(at, "unknown-key", "a correlation has no key %s", quote(key))
		}
	})
	if c.expression != "" {
		r.over(c)
	}
	r.correlationCheck(c, n)
	return c
}

func (r *reader) aliases(c *Correlation, n *yaml.Node) {
	c.Aliases = map[string]map[string]string{}
	r.members(n, func(name string, _, v *yaml.Node) {
		fields := map[string]string{}
		r.members(v, func(rule string, _, f *yaml.Node) { fields[rule] = r.text(f) })
		c.Aliases[name] = fields
	})
}

func (r *reader) bounds(c *Correlation, n *yaml.Node) {
	if n != nil && n.Kind == yaml.ScalarNode {
		c.expression, c.at = r.text(n), n
		return
	}
	r.members(n, func(key string, at, v *yaml.Node) {
		switch {
		case slices.Contains(bounds, key):
			c.Bounds[key] = r.number(v)
		case key == "field":
			c.Fields = r.texts(v)
		case key == "percentile":
			c.Percentile = r.number(v)
		default:
			r.fail(at, "unknown-key", "a correlation's condition has no key %s: only %s, field and percentile", quote(key), strings.Join(bounds, " "))
		}
	})
}

func (r *reader) correlationCheck(c *Correlation, n *yaml.Node) {
	temporal := strings.HasPrefix(c.Type, "temporal")
	switch {
	case c.Type == "":
		r.fail(n, "correlation", "the correlation has no type: one of %s", strings.Join(correlationTypes, ", "))
	case len(c.Rules) == 0:
		r.fail(n, "correlation", "the correlation names no rules")
	case c.Timespan <= 0:
		r.fail(n, "correlation", "the correlation needs a timespan such as 15m")
	case !temporal && len(c.Bounds) == 0:
		r.fail(n, "correlation", "a %s needs a condition such as {gte: 10}", c.Type)
	case strings.HasPrefix(c.Type, "value_") && len(c.Fields) == 0:
		r.fail(n, "correlation", "a %s needs condition.field", c.Type)
	case c.Percentile < 0 || c.Percentile > 100:
		r.fail(n, "correlation", "condition.percentile is above 0 and at most 100")
	case c.Type == "temporal_ordered" && len(c.Rules) < 2:
		r.fail(n, "correlation", "an order needs at least two rules")
	case len(c.Rules) > 100 || len(c.GroupBy) > 20:
		r.fail(n, "too-large", "at most 100 rules and 20 fields of group-by")
	}
	if c.Type == "value_percentile" && c.Percentile == 0 {
		r.warn(n, "correlation", "condition.percentile is missing: the 50th, the median, is taken")
		c.Percentile = 50
	}
	if c.Type == "value_median" {
		c.Percentile = 50
	}
	if temporal && len(c.Bounds) == 0 {
		c.Bounds["gte"] = float64(len(c.Rules))
	}
}

// over reads the condition of a temporal correlation that is an expression over
// its rules: all of them joined by "and", or by "or".
func (r *reader) over(c *Correlation) {
	words := strings.Fields(c.expression)
	op := "and"
	if len(words) > 1 {
		op = strings.ToLower(words[1])
	}
	var names []string
	bad := false
	for i, w := range words {
		switch {
		case i%2 == 0 && slices.Contains(c.Rules, w) && !slices.Contains(names, w):
			names = append(names, w)
		case i%2 == 1 && strings.EqualFold(w, op) && (op == "and" || op == "or"):
		default:
			bad = true
		}
	}
	if bad || len(words)%2 == 0 || len(names) != len(c.Rules) || !strings.HasPrefix(c.Type, "temporal") {
		r.fail(c.at, "condition", "%s: a condition over rules joins all of them by \"and\" or by \"or\"; for more, chain correlations", quote(c.expression))
		return
	}
	if op == "or" {
		c.Bounds["gte"] = 1
	}
}

// filter reads a filter section: its rules, and searches and condition as in a
// detection.
func (r *reader) filter(n *yaml.Node) (*Filter, *Detection) {
	f := &Filter{Place: r.place(n)}
	if n == nil || n.Kind != yaml.MappingNode {
		r.fail(n, "type", "a filter is a mapping of rules, selection and condition")
		return f, nil
	}
	logic := *n
	logic.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "rules" {
			logic.Content = append(logic.Content, n.Content[i], n.Content[i+1])
			continue
		}
		v := alias(n.Content[i+1])
		f.Rules = r.texts(v)
		if f.Any = len(f.Rules) == 1 && f.Rules[0] == "any"; f.Any {
			f.Rules = nil
		}
	}
	if !f.Any && len(f.Rules) == 0 {
		r.fail(n, "filter", "the filter names no rules: list their ids, or write \"rules: any\"")
	}
	return f, r.detection(&logic)
}

func (r *reader) firstSeen(n *yaml.Node) *FirstSeen {
	f := &FirstSeen{Place: r.place(n), By: []string{"yagura.principal"}, Learn: 14 * 24 * time.Hour, Scope: "selection"}
	r.members(n, func(key string, at, v *yaml.Node) {
		switch key {
		case "of":
			f.Of = r.texts(v)
		case "by":
			f.By = r.texts(v)
		case "learn":
			f.Learn = r.span(v)
		case "scope":
			f.Scope = r.oneOf(v, "selection")
		default:
			r.fail(at, "unknown-key", "first_seen has no key %s: only of, by, learn, scope", quote(key))
		}
	})
	if len(f.Of) == 0 || len(f.Of) > 10 || len(f.By) > 10 {
		r.fail(n, "first-seen", "first_seen needs one to ten fields in \"of\" and at most ten in \"by\"")
	}
	return f
}

func (r *reader) baseline(n *yaml.Node) *Baseline {
	b := &Baseline{
		Place: r.place(n), By: []string{"yagura.principal"}, Every: time.Hour, Season: "hour_of_week",
		Deviations: 6, Learn: 14 * 24 * time.Hour,
	}
	r.members(n, func(key string, at, v *yaml.Node) {
		switch key {
		case "of":
			b.Op, b.Field, _ = strings.Cut(r.text(v), " ")
			b.Field = strings.TrimSpace(b.Field)
		case "by":
			b.By = r.texts(v)
		case "every":
			b.Every = r.span(v)
		case "season":
			b.Season = r.oneOf(v, "hour_of_week", "none")
		case "min":
			b.Min = r.number(v)
		case "deviations":
			b.Deviations = r.number(v)
		case "learn":
			b.Learn = r.span(v)
		default:
			r.fail(at, "unknown-key", "baseline has no key %s: only of, by, every, season, min, deviations, learn", quote(key))
		}
	})
	needs := slices.Contains([]string{"distinct", "sum", "rare"}, b.Op)
	if (!needs && b.Op != "count") || needs != (b.Field != "") || strings.Contains(b.Field, " ") {
		r.fail(n, "baseline", "\"of\" is one of: count, distinct FIELD, sum FIELD, rare FIELD")
	}
	if b.Every <= 0 || b.Deviations <= 0 || len(b.By) > 10 {
		r.fail(n, "baseline", "every and deviations must be above 0, by at most ten fields")
	}
	return b
}

func (r *reader) detector(d *Document, n *yaml.Node) {
	r.members(n, func(key string, at, v *yaml.Node) {
		switch key {
		case "use":
			d.Use = r.text(v)
		case "parameters":
			if err := v.Decode(&d.Parameters); err != nil {
				r.fail(v, "type", "parameters: %v", err)
			}
		default:
			r.fail(at, "unknown-key", "detector has no key %s: only use, parameters", quote(key))
		}
	})
	if d.Use == "" {
		r.fail(n, "detector", "the detector names no code: \"use: flow/portscan\"")
	}
}
