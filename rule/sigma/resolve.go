package sigma

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Match is what an item asks once its modifiers are applied.
type Match struct {
	// Op is equals (text, number, bool, null, re, cidr or field by the value's
	// kind), exists (one bool), or a comparison of numbers: lt, lte, gt, gte.
	Op string
	// Groups hold the alternatives of each value as written: one is enough.
	Groups [][]Value
	All    bool   // every group must match; else any
	Not    bool   // the result is turned round (neq)
	Cased  bool   // upper and lower case differ
	Part   string // minute, hour, day, week, month or year of a time, instead of the value
	Affix  string // of field values: "" equal, prefix, suffix or contains
}

var (
	timeParts = []string{"minute", "hour", "day", "week", "month", "year"}
	orders    = []string{"lt", "lte", "gt", "gte"}
	affixes   = map[string]string{"contains": "contains", "startswith": "prefix", "endswith": "suffix"}
	knownMods = append(append([]string{
		"all", "startswith", "endswith", "contains", "exists", "cased", "neq", "windash", "re", "i", "m", "s",
		"base64", "base64offset", "utf16le", "wide", "utf16be", "utf16", "cidr", "expand", "fieldref",
	}, orders...), timeParts...)
)

// maxAlternatives bounds what placeholders and modifiers make of one item.
const maxAlternatives = 20_000

// Resolve applies the modifiers in order. Placeholders give the values of
// %name%, which stand only under the modifier expand; one that is missing is a
// problem, never a value that matches nothing or everything.
func (it *Item) Resolve(placeholders map[string][]string) (Match, *Problem) {
	m, bad := it.check()
	if bad != nil {
		return m, bad
	}
	total := 0
	for _, v := range it.Values {
		group, bad := it.group(v, placeholders)
		if bad != nil {
			return m, bad
		}
		if total += len(group); total > maxAlternatives {
			return m, it.bad(v.Place, "too-large", "more than %d values", maxAlternatives)
		}
		m.Groups = append(m.Groups, group)
	}
	return m, nil
}

func (it *Item) bad(at Place, code, format string, args ...any) *Problem {
	return &Problem{Place: at, Code: code, Text: it.name() + ": " + fmt.Sprintf(format, args...)}
}

func (it *Item) name() string {
	name := it.Field
	if name == "" {
		name = "keywords"
	}
	return strings.Join(append([]string{name}, it.Modifiers...), "|")
}

func (it *Item) has(modifier string) bool { return slices.Contains(it.Modifiers, modifier) }

// check sees whether the modifiers exist and go together with each other and
// with the values, and gives the match without its values.
func (it *Item) check() (Match, *Problem) {
	m := Match{Op: "equals"}
	for i, mod := range it.Modifiers {
		if !slices.Contains(knownMods, mod) {
			return m, it.bad(it.Place, "modifier", "there is no modifier %s", quote(mod))
		}
		if slices.Contains(it.Modifiers[:i], mod) {
			return m, it.bad(it.Place, "modifier", "%s stands twice", mod)
		}
		switch {
		case mod == "all":
			m.All = true
		case mod == "neq":
			m.Not = true
		case mod == "cased":
			m.Cased = true
		case mod == "exists" || slices.Contains(orders, mod):
			if m.Op != "equals" {
				return m, it.bad(it.Place, "modifier", "%s and %s exclude each other", m.Op, mod)
			}
			m.Op = mod
		case slices.Contains(timeParts, mod):
			if m.Part != "" {
				return m, it.bad(it.Place, "modifier", "%s and %s exclude each other", m.Part, mod)
			}
			m.Part = mod
		case it.has("fieldref") && affixes[mod] != "":
			m.Affix = affixes[mod]
		}
	}
	if bad := it.together(m); bad != nil {
		return m, bad
	}
	for _, v := range it.Values {
		if bad := it.fits(m, v); bad != nil {
			return m, bad
		}
	}
	return m, nil
}

// together refuses combinations of modifiers that mean nothing.
func (it *Item) together(m Match) *Problem {
	type rule struct {
		when bool
		with []string
		say  string
	}
	textual := []string{"startswith", "endswith", "contains", "windash", "base64", "base64offset", "utf16le", "wide", "utf16be", "utf16", "re", "cidr", "fieldref"}
	for _, c := range []rule{
		{m.Op == "exists", append([]string{"all", "cased", "neq", "expand"}, append(textual, timeParts...)...), "exists stands alone"},
		{m.Op != "equals" && m.Op != "exists", append([]string{"all", "neq", "cased"}, textual...), m.Op + " compares one number"},
		{m.Part != "", textual, m.Part + " is a number"},
		{it.has("re"), []string{"windash", "base64", "base64offset", "utf16le", "wide", "utf16be", "utf16", "cidr", "fieldref", "cased", "startswith", "endswith"}, "re takes an expression as it is: write ^, $ or (?i) there"},
		{it.has("cidr"), []string{"startswith", "endswith", "contains", "windash", "base64", "base64offset", "utf16le", "wide", "utf16be", "utf16", "fieldref", "cased"}, "cidr takes a network as it is"},
		{it.has("fieldref"), []string{"windash", "base64", "base64offset", "utf16le", "wide", "utf16be", "utf16", "expand"}, "fieldref takes a field's name"},
		{!it.has("re"), []string{"i", "m", "s"}, "i, m and s belong to re"},
		{it.Field == "", append([]string{"exists", "cidr", "fieldref", "lt", "lte", "gt", "gte"}, timeParts...), "keywords are texts"},
	} {
		for _, mod := range c.with {
			if c.when && it.has(mod) {
				return it.bad(it.Place, "modifier", "%s does not go with the other modifiers: %s", mod, c.say)
			}
		}
	}
	return nil
}

// fits sees whether a value is of the kind that the modifiers want.
func (it *Item) fits(m Match, v Value) *Problem {
	switch {
	case m.Op == "exists" && (v.Kind != "bool" || len(it.Values) != 1):
		return it.bad(v.Place, "value", "exists wants true or false, without quotes")
	case m.Op != "equals" && m.Op != "exists" && v.Kind != "number" && !it.has("expand"):
		return it.bad(v.Place, "value", "%s wants a number", m.Op)
	case m.Part != "" && v.Kind != "number" && !it.has("expand"):
		return it.bad(v.Place, "value", "%s wants a number", m.Part)
	case v.Kind == "null" && (it.Field == "" || len(it.Modifiers) > 1 || len(it.Modifiers) == 1 && !it.has("neq")):
		return it.bad(v.Place, "value", "null has no text that a modifier could change")
	case (it.has("re") || it.has("cidr") || it.has("fieldref")) && v.Text == "":
		return it.bad(v.Place, "value", "the value is empty")
	}
	return nil
}

// group gives the alternatives of one value.
func (it *Item) group(v Value, placeholders map[string][]string) ([]Value, *Problem) {
	if v.Kind == "null" || (v.Kind == "bool" || v.Kind == "number") && !it.changesText() {
		return []Value{v}, nil
	}
	texts := []string{v.Text}
	if it.has("expand") {
		var bad *Problem
		if texts, bad = it.expand(v, placeholders); bad != nil {
			return nil, bad
		}
	}
	var group []Value
	for _, t := range texts {
		x := Value{Place: v.Place, Kind: "text", Text: t}
		more, bad := it.alternatives(x)
		if bad != nil {
			return nil, bad
		}
		group = append(group, more...)
	}
	return group, nil
}

// changesText says whether a number or truth value has to be taken as text.
func (it *Item) changesText() bool {
	return it.Field == "" || slices.ContainsFunc(it.Modifiers, func(m string) bool {
		switch m {
		case "all", "neq", "cased", "exists", "lt", "lte", "gt", "gte", "minute", "hour", "day", "week", "month", "year":
			return false
		}
		return true
	})
}

func (it *Item) alternatives(v Value) ([]Value, *Problem) {
	m := slices.Concat(orders, timeParts)
	switch {
	case it.has("re"):
		return it.expression(v)
	case it.has("cidr"):
		return it.network(v)
	case it.has("fieldref"):
		v.Kind = "field"
		return []Value{v}, nil
	case slices.ContainsFunc(it.Modifiers, func(x string) bool { return slices.Contains(m, x) }): // expanded
		n, ok := numeric(v.Text)
		if !ok {
			return nil, it.bad(v.Place, "value", "%s is not a number", quote(v.Text))
		}
		v.Kind, v.Number = "number", n
		return []Value{v}, nil
	}
	return it.patterns(v)
}

func (it *Item) expression(v Value) ([]Value, *Problem) {
	flags := ""
	for _, f := range []string{"i", "m", "s"} {
		if it.has(f) {
			flags += f
		}
	}
	if v.Kind = "re"; flags != "" {
		v.Text = "(?" + flags + ")" + v.Text
	}
	if len(v.Text) > 4096 {
		return nil, it.bad(v.Place, "regexp", "an expression may have at most 4,096 bytes")
	}
	if _, err := regexp.Compile(v.Text); err != nil {
		hint := ""
		for _, construct := range []string{"(?=", "(?!", "(?<=", "(?<!", "(?>", "*+", "++", "?+", "\\1", "\\2"} {
			if strings.Contains(v.Text, construct) {
				hint = fmt.Sprintf("; %s needs backtracking, which is not allowed: expressions run in linear time (RE2 syntax)", construct)
			}
		}
		return nil, it.bad(v.Place, "regexp", "%v%s", err, hint)
	}
	return []Value{v}, nil
}

func (it *Item) network(v Value) ([]Value, *Problem) {
	prefix, err := netip.ParsePrefix(v.Text)
	if err != nil {
		a, err := netip.ParseAddr(v.Text)
		if err != nil {
			return nil, it.bad(v.Place, "value", "%s is neither a network such as 10.0.0.0/8 nor an address", quote(v.Text))
		}
		prefix = netip.PrefixFrom(a, a.BitLen())
	}
	v.Kind, v.Text = "cidr", prefix.Masked().String()
	return []Value{v}, nil
}

// patterns applies the modifiers that change a text, in order.
func (it *Item) patterns(v Value) ([]Value, *Problem) {
	list := []pattern{parsePattern(v.Text)}
	star := piece{wild: '*'}
	dash := false
	for i, mod := range it.Modifiers {
		var next []pattern
		for _, p := range list {
			switch mod {
			case "startswith":
				next = append(next, p.after(star))
			case "endswith":
				next = append(next, p.before(star))
			case "contains":
				next = append(next, p.before(star).after(star))
			case "windash":
				if it.encodes(i) {
					forms := dashForms(p.String())
					if forms == nil {
						return nil, it.bad(v.Place, "too-large", "windash before an encoding has too many forms: fewer dashes, or several values")
					}
					for _, f := range forms {
						next = append(next, parsePattern(f))
					}
					continue
				}
				dash = true
				next = append(next, p)
			case "base64", "base64offset", "utf16le", "wide", "utf16be", "utf16":
				plain, ok := p.plain()
				if !ok || plain == "" {
					return nil, it.bad(v.Place, "value", "%s cannot encode an empty text or a wildcard; escape * and ? with a backslash", mod)
				}
				next = append(next, encoded(mod, plain)...)
			default:
				next = append(next, p)
			}
		}
		list = next
	}
	if it.Field == "" {
		for i, p := range list {
			list[i] = p.before(star).after(star)
		}
	}
	out := make([]Value, len(list))
	for i, p := range list {
		out[i] = Value{Place: v.Place, Kind: "text", Text: p.String(), Dash: dash}
	}
	if len(out) == 0 {
		return nil, it.bad(v.Place, "value", "the text is too short for base64offset")
	}
	return out, nil
}

// encodes says whether a modifier behind the i-th encodes.
func (it *Item) encodes(i int) bool {
	return slices.ContainsFunc(it.Modifiers[i:], func(m string) bool {
		return strings.HasPrefix(m, "base64") || strings.HasPrefix(m, "utf16") || m == "wide"
	})
}

func encoded(mod, plain string) []pattern {
	one := func(s string) []pattern { return []pattern{{{lit: s}}} }
	switch mod {
	case "base64":
		return one(base64.StdEncoding.EncodeToString([]byte(plain)))
	case "utf16be":
		return one(encode16(plain, true, false))
	case "utf16":
		return one(encode16(plain, false, true))
	case "base64offset":
		var list []pattern
		for _, s := range shifts(plain) {
			list = append(list, pattern{{lit: s}})
		}
		return list
	}
	return one(encode16(plain, false, false))
}

var placeholder = regexp.MustCompile(`\\%|%[A-Za-z0-9_.-]+%`)

// expand puts the placeholders' values in: of several placeholders, every
// combination.
func (it *Item) expand(v Value, placeholders map[string][]string) ([]string, *Problem) {
	texts, from := []string{""}, 0
	grow := func(tails ...string) {
		var next []string
		for _, t := range texts {
			for _, tail := range tails {
				next = append(next, t+tail)
			}
		}
		texts = next
	}
	for _, at := range placeholder.FindAllStringIndex(v.Text, -1) {
		grow(v.Text[from:at[0]])
		from = at[1]
		word := v.Text[at[0]:at[1]]
		if word == `\%` {
			grow("%")
			continue
		}
		values := placeholders[strings.Trim(word, "%")]
		if len(values) == 0 {
			return nil, it.bad(v.Place, "placeholder", "the placeholder %s has no values: set them in the configuration; until then the rule is refused", word)
		}
		if len(texts)*len(values) > maxAlternatives {
			return nil, it.bad(v.Place, "too-large", "the placeholders make more than %d values", maxAlternatives)
		}
		grow(values...)
	}
	grow(v.Text[from:])
	return texts, nil
}
