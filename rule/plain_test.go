package rule_test

import (
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// plain evaluates documents on raw records by the letter of the specification:
// no index, no columns, no sharing, generic JSON. It is the engine's twin.
type plain struct {
	placeholders map[string][]string
	derived      map[string]func(*ocsf.Event) []string
}

type plainField struct {
	values  []string
	present bool
}

func (p plain) matches(d *sigma.Document, raw string, ev *ocsf.Event) bool {
	return p.node(d.Detection.Condition, raw, ev)
}

func (p plain) node(n *sigma.Node, raw string, ev *ocsf.Event) bool {
	switch n.Op {
	case "ref":
		return p.node(n.Kids[0], raw, ev)
	case "not":
		return !p.node(n.Kids[0], raw, ev)
	case "and":
		return !slices.ContainsFunc(n.Kids, func(k *sigma.Node) bool { return !p.node(k, raw, ev) })
	case "or":
		return slices.ContainsFunc(n.Kids, func(k *sigma.Node) bool { return p.node(k, raw, ev) })
	}
	return p.item(n.Item, raw, ev)
}

func (p plain) field(name, raw string, ev *ocsf.Event) (f plainField) {
	if name == "" {
		f = plainField{[]string{raw}, true}
		if strings.Contains(raw, `\`) {
			f.values = append(f.values, plainly(raw))
		}
		return f
	}
	if derive := p.derived[name]; derive != nil {
		v := derive(ev)
		return plainField{v, len(v) > 0}
	}
	f.walk(json.RawMessage(raw), name)
	return f
}

func plainly(raw string) string {
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\u003c`, "<", `\u003e`, ">", `\n`, "\n").Replace(raw)
}

func (f *plainField) walk(raw json.RawMessage, path string) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && list != nil {
		f.present = f.present || path == ""
		for _, e := range list {
			f.walk(e, path)
		}
		return
	}
	if path == "" {
		f.present = true
		var text string
		switch {
		case string(raw) == "null":
		case json.Unmarshal(raw, &text) == nil:
			f.values = append(f.values, text)
		default:
			f.values = append(f.values, string(raw))
			if raw[0] == '{' && strings.Contains(string(raw), `\`) {
				f.values = append(f.values, plainly(string(raw)))
			}
		}
		return
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return
	}
	for key, v := range object {
		if rest, ok := strings.CutPrefix(path, key); ok && (rest == "" || rest[0] == '.') {
			f.walk(v, strings.TrimPrefix(rest, "."))
		}
	}
}

func (p plain) item(it *sigma.Item, raw string, ev *ocsf.Event) bool {
	f := p.field(it.Field, raw, ev)
	has := func(m string) bool { return slices.Contains(it.Modifiers, m) }
	results := make([]bool, 0, len(it.Values))
	for _, v := range it.Values {
		results = append(results, p.value(it, v, f, raw, ev))
	}
	result := slices.Contains(results, true)
	if has("all") {
		result = !slices.Contains(results, false)
	}
	return result != has("neq")
}

func (p plain) value(it *sigma.Item, v sigma.Value, f plainField, raw string, ev *ocsf.Event) bool {
	has := func(m string) bool { return slices.Contains(it.Modifiers, m) }
	if has("exists") {
		return f.present == (v.Text == "true")
	}
	if v.Kind == "null" {
		return len(f.values) == 0
	}
	if has("fieldref") {
		other := p.field(v.Text, raw, ev)
		return p.any(f, func(x string) bool {
			return slices.ContainsFunc(other.values, func(y string) bool {
				if !has("cased") {
					x, y = strings.ToLower(x), strings.ToLower(y)
				}
				switch {
				case has("startswith"):
					return strings.HasPrefix(x, y)
				case has("endswith"):
					return strings.HasSuffix(x, y)
				case has("contains"):
					return strings.Contains(x, y)
				}
				return x == y
			})
		})
	}
	for _, m := range it.Modifiers {
		switch m {
		case "lt", "lte", "gt", "gte", "minute", "hour", "day", "month", "year":
			return p.any(f, func(x string) bool { return p.compare(it.Modifiers, x, v.Number) })
		case "re":
			flags := ""
			for _, m := range []string{"i", "m", "s"} {
				if has(m) {
					flags += m
				}
			}
			expr := v.Text
			if flags != "" {
				expr = "(?" + flags + ")" + expr
			}
			return p.any(f, regexp.MustCompile(expr).MatchString)
		case "cidr":
			net := netip.MustParsePrefix(v.Text)
			return p.any(f, func(x string) bool {
				a, err := netip.ParseAddr(x)
				return err == nil && net.Contains(a)
			})
		}
	}
	if v.Kind == "number" && !has("contains") && !has("startswith") && !has("endswith") {
		return p.any(f, func(x string) bool {
			n, err := strconv.ParseFloat(x, 64)
			return strings.EqualFold(x, v.Text) || err == nil && n == v.Number
		})
	}
	return p.any(f, p.texts(it, v))
}

func (plain) any(f plainField, ok func(string) bool) bool { return slices.ContainsFunc(f.values, ok) }

func (plain) compare(mods []string, x string, want float64) bool {
	n, err := strconv.ParseFloat(x, 64)
	op := "eq"
	for _, m := range mods {
		at, timeErr := time.Parse(time.RFC3339, x)
		if seconds, err := strconv.ParseInt(x, 10, 64); err == nil && seconds > 0 { // small in these tests
			at, timeErr = time.Unix(seconds, 0).UTC(), nil
		}
		parts := map[string]int{"minute": at.Minute(), "hour": at.Hour(), "day": at.Day(), "month": int(at.Month()), "year": at.Year()}
		if part, ok := parts[m]; ok {
			n, err = float64(part), timeErr
		} else if m != "neq" {
			op = m
		}
	}
	if err != nil {
		return false
	}
	return map[string]bool{"eq": n == want, "lt": n < want, "lte": n <= want, "gt": n > want, "gte": n >= want}[op]
}

// texts makes a regular expression of the value's text.
func (p plain) texts(it *sigma.Item, v sigma.Value) func(string) bool {
	list := []string{v.Text}
	for _, m := range it.Modifiers {
		var next []string
		for _, t := range list {
			switch m {
			case "startswith":
				next = append(next, t+"*")
			case "endswith":
				next = append(next, "*"+t)
			case "contains":
				next = append(next, "*"+t+"*")
			case "base64":
				next = append(next, base64.StdEncoding.EncodeToString([]byte(t)))
			case "wide", "utf16le":
				b := ""
				for _, u := range utf16.Encode([]rune(t)) {
					b += string([]byte{byte(u), byte(u >> 8)})
				}
				next = append(next, b)
			case "expand":
				if values, ok := p.placeholders[strings.Trim(t, "%")]; ok {
					next = append(next, values...)
				} else {
					next = append(next, t)
				}
			case "windash":
				for _, d := range []string{"-", "/", "–", "—", "―"} {
					next = append(next, strings.NewReplacer("-", d, "/", d).Replace(t))
				}
			default:
				next = append(next, t)
			}
		}
		list = next
	}
	var all []*regexp.Regexp
	for _, t := range list {
		if it.Field == "" {
			t = "*" + t + "*"
		}
		if !slices.Contains(it.Modifiers, "cased") {
			t = strings.ToLower(t)
		}
		expr := ""
		for i := 0; i < len(t); {
			switch c := t[i]; {
			case c == '*':
				expr += ".*"
			case c == '?':
				expr += "."
			case c == '\\' && i+1 < len(t) && strings.IndexByte(`*?\`, t[i+1]) >= 0:
				i++
				expr += regexp.QuoteMeta(t[i : i+1])
			default:
				expr += regexp.QuoteMeta(t[i : i+1])
			}
			i++
		}
		all = append(all, regexp.MustCompile("(?s)^(?:"+expr+")$"))
	}
	return func(x string) bool {
		if !slices.Contains(it.Modifiers, "cased") {
			x = strings.ToLower(x)
		}
		return slices.ContainsFunc(all, func(re *regexp.Regexp) bool { return re.MatchString(x) })
	}
}
