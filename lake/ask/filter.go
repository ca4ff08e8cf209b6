package ask

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/query/match"
)

type target = field.Target

// compiler turns a checked expression into a condition on one source's rows. A
// condition may be NULL, which counts as false; [not] makes it so explicitly.
type compiler struct {
	r        *relation
	prefix   string
	matchers []Matcher
}

func (c *compiler) expr(e query.Expr) (string, error) {
	switch e := e.(type) {
	case query.And:
		return c.join(e.Args, " AND ", "true", "false")
	case query.Or:
		return c.join(e.Args, " OR ", "false", "true")
	case query.Not:
		s, err := c.expr(e.Arg)
		return not(s), err
	case query.Term:
		if e.Test == nil {
			return "", fmt.Errorf("query term %q was not checked", e.Text)
		}
		return c.term(e)
	}
	return "", fmt.Errorf("query node %T is not known", e)
}

// join folds constants: a source without the field makes its term false.
func (c *compiler) join(args []query.Expr, op, neutral, absorbing string) (string, error) {
	var parts []string
	for _, a := range args {
		s, err := c.expr(a)
		if err != nil {
			return "", err
		}
		switch s {
		case neutral:
			continue
		case absorbing:
			return absorbing, nil
		}
		parts = append(parts, s)
	}
	switch len(parts) {
	case 0:
		return neutral, nil
	case 1:
		return parts[0], nil
	}
	return "(" + strings.Join(parts, op) + ")", nil
}

func not(s string) string {
	switch s {
	case "true":
		return "false"
	case "false":
		return "true"
	}
	return "(" + s + ") IS NOT TRUE"
}

func (c *compiler) term(t query.Term) (string, error) {
	if t.Field == "" {
		return c.words(t.Test), nil
	}
	var alts []string
	for _, name := range t.Target.Columns {
		if !c.r.has[name] {
			continue
		}
		s, err := columnTest(c.r, ocsf.Lookup(name), t.Test)
		if err != nil {
			return "", err
		}
		alts = append(alts, s)
	}
	if s := c.rawTest(t); s != "" {
		alts = append(alts, s)
	}
	switch len(alts) {
	case 0:
		return "false", nil
	case 1:
		return alts[0], nil
	}
	return "(" + strings.Join(alts, " OR ") + ")", nil
}

// columnTest puts a test to one column.
func columnTest(r *relation, col *ocsf.Column, test match.Test) (string, error) {
	name := col.Name
	if _, ok := test.(match.Any); ok {
		switch col.Kind {
		case ocsf.Texts:
			return "len(" + r.Column(name) + ") > 0", nil
		case ocsf.ID:
			return "(" + name + " IS NOT NULL OR " + name + "_text IS NOT NULL)", nil
		}
		return name + " IS NOT NULL", nil
	}
	switch col.Kind {
	case ocsf.IP:
		if t, ok := test.(match.Addrs); ok {
			return addressTest(name, t), nil
		}
	case ocsf.Texts:
		s, err := textTest("x", test)
		if err != nil || col.Single == "" || !r.has[col.Single] {
			return anyOf(name, s), err
		}
		alone, err := textTest(col.Single, test)
		return "(" + anyOf(name, "x <> '' AND ("+s+")") + " OR len(" + name + ") = 0 AND " + alone + ")", err
	case ocsf.ID:
		if t, ok := test.(*match.Text); ok && !t.Fold {
			if lit, plain := t.Literal(); plain {
				if isUUID(lit) {
					return name + " = CAST(" + quote(lit) + " AS UUID)", nil
				}
				return name + "_text = " + quote(lit), nil
			}
		}
		return textTest(r.Column(name), test)
	case ocsf.Int:
		if t, ok := test.(match.Ints); ok {
			return intTest(name, t), nil
		}
		return textTest("CAST("+name+" AS VARCHAR)", test)
	case ocsf.Bool:
		if t, ok := test.(match.Flag); ok {
			return name + " = " + strconv.FormatBool(bool(t)), nil
		}
		return textTest("CAST("+name+" AS VARCHAR)", test)
	case ocsf.Time:
		if t, ok := test.(match.Times); ok {
			return timeTest(name, t), nil
		}
		return textTest("strftime("+name+", '%Y-%m-%dT%H:%M:%SZ')", test)
	}
	return textTest(name, test)
}

func intTest(name string, t match.Ints) string {
	switch {
	case t.Low > t.High:
		return "false"
	case t.Low == t.High:
		return fmt.Sprintf("%s = %d", name, t.Low)
	}
	var parts []string
	if t.Low != math.MinInt64 {
		parts = append(parts, fmt.Sprintf("%s >= %d", name, t.Low))
	}
	if t.High != math.MaxInt64 {
		parts = append(parts, fmt.Sprintf("%s <= %d", name, t.High))
	}
	if len(parts) == 0 {
		return name + " IS NOT NULL"
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

func timeTest(name string, t match.Times) string {
	parts := []string{name + " IS NOT NULL"}
	if !t.From.IsZero() {
		parts = append(parts, name+" >= "+instant(t.From))
	}
	if !t.To.IsZero() {
		parts = append(parts, name+" < "+instant(t.To))
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

// textTest puts a test to a text expression.
func textTest(expr string, test match.Test) (string, error) {
	switch t := test.(type) {
	case *match.Text:
		value := expr
		if t.Fold {
			value = "lower(" + expr + ")"
		}
		lit, plain := t.Literal()
		like := t.Like()
		if t.Fold {
			lit, like = strings.ToLower(lit), strings.ToLower(like)
		}
		if plain {
			return value + " = " + quote(lit), nil
		}
		s := value + " LIKE " + quote(like)
		if strings.Contains(like, `\`) {
			s += ` ESCAPE '\'`
		}
		return s, nil
	case match.Strings:
		var parts []string
		if t.Low != nil {
			parts = append(parts, expr+ordered(" >", t.LowOpen)+quote(*t.Low))
		}
		if t.High != nil {
			parts = append(parts, expr+ordered(" <", t.HighOpen)+quote(*t.High))
		}
		if len(parts) == 0 {
			return expr + " IS NOT NULL", nil
		}
		return "(" + strings.Join(parts, " AND ") + ")", nil
	case match.Regexp:
		return "regexp_matches(" + expr + ", " + quote(t.Source) + ")", nil
	case match.Addrs:
		if t.Empty {
			return "false", nil
		}
		return addressInText(expr, t.Low.String(), t.High.String()), nil
	case match.Ints:
		// A cast alone would round 1.5.
		whole := "CASE WHEN regexp_full_match(" + expr + ", '[+-]?[0-9]+') THEN TRY_CAST(" + expr + " AS BIGINT) END"
		return intTest("("+whole+")", t), nil
	case match.Flag:
		return expr + " = " + quote(strconv.FormatBool(bool(t))), nil
	case match.Times:
		return timeTest("TRY_CAST("+expr+" AS TIMESTAMP)", t), nil
	}
	return "", fmt.Errorf("a search by %T cannot be put to a column", test)
}

func ordered(op string, open bool) string {
	if open {
		return op + " "
	}
	return op + "= "
}

// addressTest is for columns of canonical addresses. It prefers text comparisons, which readers can prune by statistics
// and dictionary, to arithmetic on every row.
func addressTest(expr string, t match.Addrs) string {
	if t.Empty {
		return "false"
	}
	if t.Low == t.High {
		return expr + " = " + quote(t.Low.String())
	}
	if !t.Low.Is4() {
		return "(contains(" + expr + ", ':') AND " + addressBetween(expr, t.Low.String(), t.High.String()) + ")"
	}
	prefix, aligned := sharedOctets(t.Low, t.High)
	parts := []string{"contains(" + expr + ", '.')", "NOT contains(" + expr + ", ':')"}
	if prefix != "" {
		parts = []string{"starts_with(" + expr + ", " + quote(prefix) + ")"}
	}
	if !aligned {
		parts = append(parts, addressBetween(expr, t.Low.String(), t.High.String()))
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

// sharedOctets gives the text with which every address of the range begins,
// and whether every address that begins so is in the range.
func sharedOctets(low, high netip.Addr) (prefix string, aligned bool) {
	a, b := low.As4(), high.As4()
	n := 0
	for n < 4 && a[n] == b[n] {
		prefix += strconv.Itoa(int(a[n])) + "."
		n++
	}
	aligned = true
	for ; n < 4; n++ {
		aligned = aligned && a[n] == 0 && b[n] == 255
	}
	return prefix, aligned
}

func isUUID(s string) bool {
	if len(s) != 36 || s != strings.ToLower(s) {
		return false
	}
	for i, c := range s {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !strings.ContainsRune("0123456789abcdef", c) {
			return false
		}
	}
	return true
}
