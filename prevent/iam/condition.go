package iam

import (
	"net/netip"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/prevent/iam/pattern"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// comparison is what an operator compares, apart from its sign.
type comparison uint8

const (
	equal comparison = iota
	equalFold
	like
	arnLike
	numeric
	date
	boolEqual
	binaryEqual
	ipAddress
	isNull
	neverTrue // an operator that IAM does not know
)

// operator is one condition operator. holds says for which result of comparing
// request with policy an ordered operator is true.
type operator struct {
	compare comparison
	negated bool
	holds   [3]bool // less, equal, greater
}

var (
	less    = [3]bool{true, false, false}
	atMost  = [3]bool{true, true, false}
	same    = [3]bool{false, true, false}
	atLeast = [3]bool{false, true, true}
	greater = [3]bool{false, false, true}
)

// operators are the condition operators by lower-case name
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
var operators = map[string]operator{
	"stringequals":              {compare: equal},
	"stringnotequals":           {compare: equal, negated: true},
	"stringequalsignorecase":    {compare: equalFold},
	"stringnotequalsignorecase": {compare: equalFold, negated: true},
	"stringlike":                {compare: like},
	"stringnotlike":             {compare: like, negated: true},
	"arnequals":                 {compare: arnLike},
	"arnlike":                   {compare: arnLike},
	"arnnotequals":              {compare: arnLike, negated: true},
	"arnnotlike":                {compare: arnLike, negated: true},
	"numericequals":             {compare: numeric, holds: same},
	"numericnotequals":          {compare: numeric, holds: same, negated: true},
	"numericlessthan":           {compare: numeric, holds: less},
	"numericlessthanequals":     {compare: numeric, holds: atMost},
	"numericgreaterthan":        {compare: numeric, holds: greater},
	"numericgreaterthanequals":  {compare: numeric, holds: atLeast},
	"dateequals":                {compare: date, holds: same},
	"datenotequals":             {compare: date, holds: same, negated: true},
	"datelessthan":              {compare: date, holds: less},
	"datelessthanequals":        {compare: date, holds: atMost},
	"dategreaterthan":           {compare: date, holds: greater},
	"dategreaterthanequals":     {compare: date, holds: atLeast},
	"bool":                      {compare: boolEqual},
	"binaryequals":              {compare: binaryEqual},
	"ipaddress":                 {compare: ipAddress},
	"notipaddress":              {compare: ipAddress, negated: true},
	"null":                      {compare: isNull},
}

type quantifier uint8

const (
	plain quantifier = iota
	forAll
	forAny
)

// condition is one key of one operator, compiled.
type condition struct {
	operator
	quantifier quantifier
	ifExists   bool
	key        string // as written
	hash       uint32 // of the key without regard to case
	// cardinality is what the service data says of the key.
	cardinality cardinality
	operands    []operand
	source      *policy.Condition
}

// cardinality is how many values a key can have.
type cardinality uint8

const (
	cardinalityUnknown cardinality = iota
	single
	multi
)

// operand is one value of a condition, read as its operator reads it.
type operand struct {
	text   pattern.Pattern
	arn    pattern.ARN
	fixed  bool // the value holds no variable, so what follows is filled
	valid  bool // …and could be read
	multi  bool // a variable in it is a key of several values
	number decimal
	time   time.Time
	net    netip.Prefix
	truth  int
	raw    string
}

func compileCondition(c *policy.Condition, variables bool, keys keyTable) condition {
	out := condition{key: c.Key.Value, hash: keyHash(c.Key.Value), source: c}
	name := strings.ToLower(c.Operator.Value)
	if rest, ok := strings.CutPrefix(name, "forallvalues:"); ok {
		out.quantifier, name = forAll, rest
	} else if rest, ok := strings.CutPrefix(name, "foranyvalue:"); ok {
		out.quantifier, name = forAny, rest
	}
	name, out.ifExists = strings.CutSuffix(name, "ifexists")
	op, known := operators[name]
	if !known || op.compare == isNull && out.ifExists {
		op = operator{compare: neverTrue}
	}
	out.operator = op
	out.cardinality = keys.cardinality(c.Key.Value)
	out.operands = make([]operand, len(c.Values))
	for i := range c.Values {
		out.operands[i] = compileOperand(op.compare, c.Values[i].Value, variables, keys)
	}
	return out
}

func compileOperand(compare comparison, value string, variables bool, keys keyTable) operand {
	var syntax pattern.Syntax
	if variables {
		syntax = pattern.Substitution
	}
	o := operand{raw: value}
	switch compare {
	case like:
		o.text = pattern.Compile(value, syntax|pattern.Wildcards)
	case arnLike:
		o.text = pattern.Compile(value, syntax|pattern.Wildcards)
		o.arn = pattern.CompileCondition(value, syntax|pattern.Wildcards)
	default:
		o.text = pattern.Compile(value, syntax)
	}
	o.fixed = true
	o.text.Keys(func(key string) {
		o.fixed = false
		o.multi = o.multi || keys.cardinality(key) == multi
	})
	if o.fixed {
		text, _ := o.text.Text(nil)
		o.valid = o.read(compare, text)
	}
	return o
}

// read parses a value whose variables are filled in.
func (o *operand) read(compare comparison, text string) (ok bool) {
	switch compare {
	case numeric:
		o.number, ok = parseDecimal(text)
	case date:
		o.time, ok = parseDate(text)
	case ipAddress:
		o.net, ok = parseNetwork(text)
	case boolEqual, isNull:
		o.truth = boolean(text)
		ok = o.truth >= 0
	case arnLike:
		ok = o.arn.Valid()
	default:
		ok = true
	}
	return ok
}

// eval answers the condition for a request. Open means that it depends on keys
// that are not known.
func (c *condition) eval(e *evaluation) truth {
	if c.compare == neverTrue {
		return no
	}
	entry, presence := e.lookup(c.hash, c.key)
	if c.compare == isNull {
		return c.evalNull(presence)
	}
	plainOnMulti := c.quantifier == plain && c.isMulti(entry)
	switch presence {
	case absent:
		return c.whenAbsent()
	case perhaps, someValue:
		if !plainOnMulti {
			return open
		}
		if presence == someValue || c.whenAbsent() == no {
			return no
		}
		return open
	case present:
	}
	if plainOnMulti {
		return no // IAM wants ForAllValues or ForAnyValue for such a key.
	}
	values := entry.values
	if c.quantifier == forAny {
		answer := no
		for _, v := range values {
			answer = max(answer, c.match(v, e))
		}
		return answer
	}
	answer := yes
	for _, v := range values {
		answer = min(answer, c.match(v, e))
	}
	return answer
}

// whenAbsent is the answer for a request without the key.
func (c *condition) whenAbsent() truth {
	switch {
	case c.quantifier == forAny:
		return no // IfExists speaks of each value, and there is none.
	case c.ifExists || c.quantifier == forAll:
		return yes
	}
	return truthOf(c.negated)
}

func (c *condition) isMulti(entry *entry) bool {
	switch {
	case c.cardinality == multi:
		return true
	case entry == nil || !entry.multi:
		return false
	}
	return c.cardinality != single || len(entry.values) > 1
}

func (c *condition) evalNull(presence presence) truth {
	if presence == perhaps {
		want := [2]bool{}
		for i := range c.operands {
			if o := &c.operands[i]; o.valid {
				want[o.truth] = true
			}
		}
		switch want {
		case [2]bool{true, true}:
			return yes
		case [2]bool{}:
			return no
		}
		return open
	}
	missing := 0
	if presence == absent {
		missing = 1
	}
	for i := range c.operands {
		if o := &c.operands[i]; o.valid && o.truth == missing {
			return yes
		}
	}
	return no
}

// match compares one value of the request with all of the policy: any for a
// positive operator, none for a negated one. What cannot be compared (a variable
// without a value, a text where a number should be) matches nothing, under a
// negated operator too.
func (c *condition) match(value string, e *evaluation) truth {
	answer, able := no, yes
	for i := range c.operands {
		o := &c.operands[i]
		t, readable := o.compareWith(&c.operator, value, e)
		if !c.negated && t == yes {
			return yes
		}
		answer, able = max(answer, t), min(able, readable)
	}
	if c.negated {
		return min(able, yes-answer)
	}
	return answer
}

// compareWith applies an operator, without its negation, to one value of the
// request and one of the policy, and says whether they can be compared at all.
func (o *operand) compareWith(op *operator, value string, e *evaluation) (match, able truth) {
	able = o.fillable(e)
	if able == no {
		return no, no
	}
	switch op.compare {
	case equal, like:
		return o.text.Match(value, e), able
	case equalFold:
		return o.text.MatchFold(value, e), able
	case arnLike:
		name := pattern.ParseName(value)
		if !name.IsARN || !o.arn.Valid() {
			return no, no
		}
		return o.arn.Match(&name, e), able
	default:
	}
	filled := o
	if !o.fixed {
		text, state := o.text.Text(e)
		if state != yes {
			return state, state
		}
		filled = &operand{raw: text}
		filled.valid = filled.read(op.compare, text)
	}
	if !filled.valid {
		return no, no
	}
	holds, readable := filled.holds(op, value)
	return truthOf(readable && holds), truthOf(readable)
}

// fillable reports whether the variables of the operand have values.
func (o *operand) fillable(e *evaluation) truth {
	switch {
	case o.fixed:
		return yes
	case o.multi && !o.text.HasDefaults():
		return no
	}
	return o.text.Resolvable(e)
}

// holds compares values that are read first; o is valid.
func (o *operand) holds(op *operator, value string) (holds, readable bool) {
	switch op.compare {
	case numeric:
		n, ok := parseDecimal(value)
		return ok && op.holds[sign(n.compare(o.number))+1], ok
	case date:
		t, ok := parseDate(value)
		return ok && op.holds[t.Compare(o.time)+1], ok
	case boolEqual:
		return boolean(value) == o.truth, true
	case binaryEqual:
		return sameBinary(o.raw, value), true
	case ipAddress:
		a, ok := parseAddress(value)
		return ok && o.net.Contains(a), ok
	default:
		return false, false
	}
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
