package ask

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unsafe"

	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/query/match"
)

// words puts a test to the text of the whole record.
func (c *compiler) words(test match.Test) string {
	w, ok := test.(*match.Words)
	pre := ""
	if ok {
		pre = anyCase("raw_data", w.Literals())
	}
	if c.r.Schema.Rebuild == nil {
		return c.matcher("raw_data", pre, test.Match)
	}
	// The line is not stored: look at its fields one by one, and at the lines
	// that are.
	alts := []string{"(raw_data IS NOT NULL AND " + c.matcher("raw_data", pre, test.Match) + ")"}
	if !ok {
		return alts[0]
	}
	lit, plain := w.Literal()
	for _, n := range c.r.Schema.Columns {
		switch col := ocsf.Lookup(n); {
		case n == "raw_data" || n == "unmapped" || n == "metadata_log_format":
		case col.Kind == ocsf.Text || col.Kind == ocsf.IP:
			switch {
			case plain && (col.Kind == ocsf.IP || !divisible(lit)):
				alts = append(alts, n+" = "+quote(strings.ToLower(lit)), n+" = "+quote(strings.ToUpper(lit)))
			default:
				alts = append(alts, c.matcher(n, "", test.Match))
			}
		case col.Kind == ocsf.Int && plain && number(lit):
			alts = append(alts, "(raw_data IS NULL AND "+n+" = "+lit+")")
		case col.Kind == ocsf.Time && plain && number(lit) && len(lit) < 13:
			alts = append(alts, "(raw_data IS NULL AND "+n+" = "+timestamp(1_000_000*parse(lit))+")")
		}
	}
	return "(" + strings.Join(alts, " OR ") + ")"
}

// anyCase holds for every text that has all literals in some case: the engine
// searches much faster than a matcher is called.
func anyCase(column string, literals []string) string {
	var parts []string
	for _, lit := range literals {
		parts = append(parts, "regexp_matches("+column+", "+quote("(?i)"+regexp.QuoteMeta(lit))+")")
	}
	return strings.Join(parts, " AND ")
}

// divisible says whether a word may be a part of a longer value that has
// separators, such as the hexadecimal part of eni-0a1b.
func divisible(lit string) bool {
	for i := range len(lit) {
		if c := lit[i]; c == '.' || c == ':' {
			return false
		}
	}
	return !number(lit)
}

func parse(number string) int64 {
	n, _ := strconv.ParseInt(number, 10, 64)
	return n
}

func number(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) < 18
}

// rawTest puts a test to a path or leaf of the JSON document of the record; ""
// if the record has none.
func (c *compiler) rawTest(t query.Term) string {
	doc := c.r.document()
	if doc == "" || !inDocument(c.r.Schema, t.Target) {
		return ""
	}
	find, at := jsonscan.Path, t.Target.Path
	if at == "" && lists(c.r.Schema, t.Target.Leaf) {
		return "" // the source's own name, not a part of others
	}
	if at == "" {
		find, at = jsonscan.Leaf, t.Target.Leaf
	}
	// A key may be written with escapes, but no AWS service does: its last
	// part must stand in the record, and so must a plain value.
	pre := "contains(" + doc + ", " + quote(`"`+at[strings.LastIndexByte(at, '.')+1:]+`"`) + ")"
	if lit, ok := literal(t.Test); ok && safe(lit) {
		pre += " AND contains(" + doc + ", " + quote(lit) + ")"
	}
	return c.matcher(doc, pre, func(raw string) bool {
		found := false
		find(bytesOf(raw), at, func(v string) bool {
			found = t.Test.Match(v)
			return !found
		})
		return found
	})
}

// matcher registers a test of a text column and gives the condition; pre is a
// cheap condition that must hold for every match.
func (c *compiler) matcher(column, pre string, f func(string) bool) string {
	name := fmt.Sprintf("%s.%d", c.prefix, len(c.matchers))
	c.matchers = append(c.matchers, Matcher{Name: name, Match: f})
	call := rawMatch(column, name)
	if pre == "" {
		return call
	}
	// CASE, because the engine may reorder a conjunction.
	return "CASE WHEN " + pre + " THEN " + call + " ELSE false END"
}

// literal gives the text of a test for exactly one value.
func literal(t match.Test) (string, bool) {
	if t, ok := t.(*match.Text); ok && !t.Fold {
		return t.Literal()
	}
	return "", false
}

// safe says that a value cannot be written in JSON in more than one way, as
// far as AWS writes it: no character that some encoder escapes.
func safe(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c > '~', c == '"', c == '\\', c == '/', c == '<', c == '>', c == '&', c == '\'', c == '=', c == '+':
			return false
		}
	}
	return s != ""
}

func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
