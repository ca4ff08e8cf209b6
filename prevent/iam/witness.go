package iam

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/finding"
	"github.com/yagura-sec/yagura/prevent/iam/pattern"
)

// maxSteps bounds the requests that one search for a witness tries.
const maxSteps = 4000

// goal says whether a request with unknown keys reaches what is looked for: yes
// or no whatever they are, else open.
type goal func(*access.Request) truth

// quick is [Policies.Decide] without the second look at what stays open.
func (p *Policies) quick(r *access.Request) access.Decision {
	e := evaluations.Get().(*evaluation)
	defer e.end()
	if e.begin(p, r) != "" {
		return access.Unknown
	}
	return e.decide()
}

// allowedBy is the goal that policies allow the request.
func allowedBy(p *Policies) goal {
	return func(r *access.Request) truth {
		switch p.quick(r) {
		case access.Allowed:
			return yes
		case access.Unknown:
			return open
		default:
			return no
		}
	}
}

// openKey is an unknown key with the conditions on it.
type openKey struct {
	key        string
	conditions []*condition
}

// openKeys lists the unknown keys on which the policies' answers hang.
func openKeys(r *access.Request, all ...*Policies) []*openKey {
	byKey := map[string]*openKey{}
	var order []*openKey
	note := func(key string, c *condition) {
		name := strings.ToLower(key)
		k := byKey[name]
		if k == nil {
			k = &openKey{key: key}
			byKey[name] = k
			order = append(order, k)
		}
		if c != nil {
			k.conditions = append(k.conditions, c)
		}
	}
	for _, p := range all {
		e := evaluations.Get().(*evaluation)
		if e.begin(p, r) == "" {
			t := newTree(e)
			t.collect()
			for _, c := range t.leaves {
				if c != nil {
					note(c.key, c)
				}
			}
			for _, c := range t.leaves {
				if c == nil {
					continue
				}
				for i := range c.operands {
					c.operands[i].text.Keys(func(key string) {
						if _, presence := e.lookup(keyHash(key), key); presence != present {
							note(key, nil)
						}
					})
				}
			}
			for _, key := range t.resourceKeys {
				note(key, nil)
			}
		}
		e.end()
	}
	slices.SortFunc(order, func(a, b *openKey) int { return strings.Compare(a.key, b.key) })
	return order
}

// findWitness looks for values of the unknown keys that reach the goal. The
// result has no unknown keys and reaches the goal by the engine's own answer.
// Not finding one proves nothing.
func findWitness(r *access.Request, g goal, policies ...*Policies) (access.Request, bool) {
	first := g(r)
	if first == no {
		return access.Request{}, false
	}
	w := witness{goal: g, keys: openKeys(r, policies...)}
	for _, k := range w.keys {
		w.candidates = append(w.candidates, k.values())
	}
	// Variables are filled from other keys: what one key is given, another may need.
	start := *r
	start.Context = slices.Clone(r.Context)
	start.Unknown = slices.Clone(r.Unknown)
	if !w.try(start, 0) {
		return access.Request{}, false
	}
	return w.found, true
}

type witness struct {
	goal       goal
	keys       []*openKey
	candidates [][]access.Value
	steps      int
	found      access.Request
}

// try gives values to the keys from at on.
func (w *witness) try(r access.Request, at int) bool {
	if w.steps++; w.steps > maxSteps {
		return false
	}
	if w.settle(r) {
		return true
	}
	if w.goal(&r) == no || at == len(w.keys) {
		return false
	}
	key := w.keys[at].key
	next := r
	next.Unknown = slices.DeleteFunc(slices.Clone(r.Unknown), func(k string) bool { return strings.EqualFold(k, key) })
	for _, v := range w.candidates[at] {
		next.Context = append(r.Context[:len(r.Context):len(r.Context)], v)
		if w.try(next, at+1) {
			return true
		}
		if w.steps > maxSteps {
			return false
		}
	}
	return false
}

// settle takes all that is unknown as absent and asks for good.
func (w *witness) settle(r access.Request) bool {
	r.Unknown, r.Known, r.Present = nil, nil, nil
	r.Context = slices.Clone(r.Context)
	if w.goal(&r) != yes {
		return false
	}
	tidy := r
	tidy.Context = slices.DeleteFunc(slices.Clone(r.Context), func(v access.Value) bool { return len(v.Values) == 0 })
	if w.goal(&tidy) == yes {
		r = tidy
	}
	w.found = r
	return true
}

// spare stands for a value that no policy names, and fills variables.
const spare = "example"

// values are worth trying for the key: one for each way in which its conditions
// can answer, where that can be told, and absence.
func (k *openKey) values() (out []access.Value) {
	texts := k.texts()
	many := false
	alone := true
	for _, c := range k.conditions {
		many = many || c.cardinality == multi || c.cardinality == cardinalityUnknown && c.quantifier != plain
		alone = alone && c.cardinality != multi
	}
	if alone {
		for _, t := range texts {
			out = append(out, access.Value{Key: k.key, Values: []string{t}})
		}
	}
	if many {
		for i, t := range texts {
			out = append(out, access.Value{Key: k.key, Values: []string{t}, Multi: true})
			for _, u := range texts[i+1:] {
				out = append(out, access.Value{Key: k.key, Values: []string{t, u}, Multi: true})
			}
		}
		if len(texts) > 2 {
			out = append(out, access.Value{Key: k.key, Values: texts, Multi: true})
		}
	}
	return append(out, access.Value{Key: k.key})
}

// maxTexts bounds the values tried for one key.
const maxTexts = 64

// texts are single values for the key, those that some condition names first.
func (k *openKey) texts() (out []string) {
	add := func(texts ...string) {
		for _, t := range texts {
			if len(out) < maxTexts && !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	var texts, folded []*pattern.Pattern
	var arns []*pattern.ARN
	isText := len(k.conditions) == 0
	for _, c := range k.conditions {
		for i := range c.operands {
			o := &c.operands[i]
			switch c.compare {
			case equal, like:
				texts, isText = append(texts, &o.text), true
			case equalFold:
				folded, isText = append(folded, &o.text), true
			case arnLike:
				arns, isText = append(arns, &o.arn), true
			case numeric, date, ipAddress, boolEqual, binaryEqual:
				add(o.around(c.compare)...)
			case isNull:
				isText = true
			case neverTrue:
			}
			if c.compare < numeric {
				add(fill(o.raw, c.compare != equal && c.compare != equalFold))
			}
		}
	}
	if !isText {
		add("unreadable")
		return out
	}
	if len(texts)+len(folded)+len(arns) > 1 {
		star := pattern.Compile("*", pattern.Wildcards)
		samples, _ := star.Samples(texts, folded, arns)
		add(samples...)
	}
	if n := strings.ToLower(k.key); strings.HasSuffix(n, "account") || strings.HasSuffix(n, "accountid") {
		add("000000000000")
	}
	add(spare, "arn:aws:"+spare+":us-east-1:000000000000:"+spare)
	return out
}

// fill turns a value of a policy into one of a request: wildcards and variables
// get a text.
func fill(raw string, wildcards bool) string {
	var b strings.Builder
	for len(raw) > 0 {
		if strings.HasPrefix(raw, "${") {
			if end := strings.IndexByte(raw, '}'); end > 0 {
				switch name := raw[2:end]; name {
				case "*", "?", "$":
					b.WriteString(name)
				default:
					b.WriteString(spare)
				}
				raw = raw[end+1:]
				continue
			}
		}
		switch c := raw[0]; {
		case wildcards && c == '*':
			b.WriteString(spare)
		case wildcards && c == '?':
			b.WriteByte('x')
		default:
			b.WriteByte(c)
		}
		raw = raw[1:]
	}
	return b.String()
}

// around are values at and beside an operand.
func (o *operand) around(compare comparison) []string {
	if !o.valid {
		return nil
	}
	switch compare {
	case numeric:
		n, err := strconv.ParseFloat(o.raw, 64)
		if err != nil {
			return []string{o.raw}
		}
		less, more := strconv.FormatFloat(n-1, 'f', -1, 64), strconv.FormatFloat(n+1, 'f', -1, 64)
		return []string{o.raw, less, more}
	case date:
		return []string{
			o.raw, o.time.Add(-time.Second).UTC().Format(time.RFC3339), o.time.Add(time.Second).UTC().Format(time.RFC3339),
		}
	case boolEqual:
		return []string{"true", "false"}
	case ipAddress:
		k := keyAtoms{ordinary: map[int]*valueAtom{0: {operand: o}}}
		var out []string
		for _, a := range k.addresses([]int{0}) {
			out = append(out, a.String())
		}
		return out
	default:
		return []string{o.raw}
	}
}

// shown is a request in the form of a finding.
func shown(r *access.Request) finding.Witness {
	w := finding.Witness{
		Principal: r.Principal, Action: r.Action, Resource: r.Resource, ResourceAccount: r.ResourceAccount,
		Context: map[string]any{}, LiteralResource: r.Literal, ManagementAccount: r.ManagementAccount,
	}
	for _, v := range r.Context {
		switch {
		case v.Multi || len(v.Values) > 1:
			w.Context[v.Key] = v.Values
		case len(v.Values) == 1:
			w.Context[v.Key] = v.Values[0]
		default:
			w.Context[v.Key] = []string{}
		}
	}
	return w
}

// statements are matches in the form of a finding.
func statements(list []access.Match) []finding.Statement {
	out := make([]finding.Statement, len(list))
	for i, m := range list {
		out[i] = finding.Statement{Kind: m.Kind, Policy: m.Policy, Statement: m.Statement, Sid: m.Sid}
	}
	return out
}
