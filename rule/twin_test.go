package rule_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/source/cloudtrail"
)

// decode reads native CloudTrail records.
func decode(t testing.TB, records ...string) []ocsf.Event {
	t.Helper()
	text := strings.Join(records, "\n") + "\n"
	d, err := cloudtrail.New().Open(yagura.Input{Body: strings.NewReader(text), MaxRecord: 1 << 24})
	if err != nil {
		t.Fatal(err)
	}
	var list []ocsf.Event
	for range records {
		var ev ocsf.Event
		if err := d.Next(&ev); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		list = append(list, ev)
	}
	return list
}

// maker makes random rules and records of few words, so that they meet.
type maker struct{ *rand.Rand }

func pick[T any](m maker, list ...T) T { return list[m.IntN(len(list))] }

func (m maker) word() string {
	return pick(m, "alice", "Bob", "GetObject", "PutObject", "aws-cli/2.1", "Boto3/1.2 md/x", "x*y", `a\b`, "ümlaut", "ÜMLAUT", "a", "", "42", "7.5", "true",
		"AROA:ci", "10.1.2.3", "2001:db8::1", "s3.amazonaws.com", "iam.amazonaws.com", "-flag /x", "—flag", "YWxpY2U=", "arn:aws:iam::111122223333:user/alice", "日本語", "İ", "K", `"a":"b"`, "<x>\ny")
}

func (m maker) json(depth int) any {
	switch n := m.IntN(12); {
	case n == 0:
		return nil
	case n == 1:
		return m.IntN(100)
	case n == 2:
		return m.IntN(2) == 0
	case n < 5 && depth > 0:
		list := make([]any, m.IntN(3))
		for i := range list {
			list[i] = m.json(depth - 1)
		}
		return list
	case n < 8 && depth > 0:
		o := map[string]any{}
		for range m.IntN(3) {
			o[pick(m, "k", "name", "a.b", "deep")] = m.json(depth - 1)
		}
		return o
	}
	return m.word()
}

func (m maker) record() string {
	r := map[string]any{
		"eventVersion": "1.08", "eventTime": fmt.Sprintf("2026-0%d-1%dT%02d:%02d:00Z", 1+m.IntN(9), m.IntN(9), m.IntN(24), m.IntN(60)),
		"eventName":          pick(m, "GetObject", "PutObject", "getobject", "DeleteTrail", "x*y", "ümlaut", "ÜMLAUT", "ConsoleLogin"),
		"eventSource":        pick(m, "s3.amazonaws.com", "iam.amazonaws.com", "S3.amazonaws.com"),
		"recipientAccountId": "111122223333",
		"userIdentity":       map[string]any{"type": pick(m, "IAMUser", "AssumedRole", "Root"), "arn": m.word(), "principalId": "AIDA", "accountId": "111122223333", "accessKeyId": "AKIA"},
	}
	for name, v := range map[string]any{
		"userAgent": m.word(), "errorCode": m.word(), "errorMessage": m.word(), "sourceIPAddress": pick(m, "10.1.2.3", "10.200.0.1", "2001:db8::1", "AWS Internal", "s3.amazonaws.com"),
		"requestParameters": m.json(3), "responseElements": m.json(2), "additionalEventData": m.json(2), "readOnly": m.IntN(2) == 0, "awsRegion": "us-east-1",
	} {
		if m.IntN(4) > 0 {
			r[name] = v
		}
	}
	b, _ := json.Marshal(r)
	return string(b)
}

var twinFields = []string{
	"eventName", "eventName", "eventName", "eventSource", "userAgent", "userAgent", "errorCode", "errorMessage", "sourceIPAddress", "userIdentity.type", "userIdentity.arn",
	"userIdentity", "requestParameters", "requestParameters.k", "requestParameters.name", "requestParameters.a.b", "requestParameters.deep.k", "requestParameters.name.deep",
	"responseElements", "responseElements.name", "additionalEventData.k", "readOnly", "yagura.tool", "eventTime", "",
}

func quoted(v string) string { return strconv.QuoteToGraphic(v) }

// item writes a line of a search.
func (m maker) item() string {
	field := pick(m, twinFields...)
	mods := pick(m, "", "", "", "", "|contains", "|startswith", "|endswith", "|all", "|contains|all", "|cased", "|contains|cased", "|neq", "|re", "|re|i", "|cidr", "|exists",
		"|gt", "|lte", "|fieldref", "|fieldref|contains", "|fieldref|neq", "|windash", "|contains|windash", "|base64", "|wide|base64", "|expand", "|hour", "|hour|gte", "|day|neq", "null", "number")
	word := func() string {
		w := m.word()
		if m.IntN(3) == 0 {
			w += pick(m, "*", "?", `\*`, `\\`, "*b*")
		}
		return quoted(w)
	}
	if field == "" && !slices.Contains([]string{"", "|all", "|cased", "|neq", "|re", "|re|i", "|windash", "|expand"}, mods) {
		field = "eventName"
	}
	list := func(v func() string) string {
		var vs []string
		for range 1 + m.IntN(pick(m, 2, 3, 12)) {
			vs = append(vs, v())
		}
		return "[" + strings.Join(vs, ", ") + "]"
	}
	value := ""
	switch mods {
	case "null":
		mods, value = "", "null"
	case "number":
		mods, value = "", list(func() string { return strconv.Itoa(m.IntN(100)) })
	case "|exists":
		value = pick(m, "true", "false")
	case "|gt", "|lte", "|hour", "|hour|gte", "|day|neq":
		value = strconv.Itoa(m.IntN(50))
	case "|cidr":
		value = pick(m, "10.1.0.0/16", "2001:db8::/32", "0.0.0.0/0")
	case "|re", "|re|i":
		value = pick(m, "'^a'", "'b$'", "'(get|put)object'", "'.'", "'^$'", "'[0-9]+'")
	case "|fieldref", "|fieldref|contains", "|fieldref|neq":
		value = pick(m, twinFields[:len(twinFields)-1]...)
	case "|base64", "|wide|base64":
		value = list(func() string { return quoted(pick(m, "alice", "Bob")) })
	case "|expand":
		value = pick(m, "'%people%'", "'plain'")
	case "|windash", "|contains|windash":
		value = list(func() string { return quoted(pick(m, "-flag", "/flag*", "x")) })
	default:
		value = list(word)
	}
	return quoted(field+mods) + ": " + value
}

func (m maker) search() string {
	switch m.IntN(6) {
	case 0:
		return "[" + quoted(m.word()+"q") + ", " + quoted(pick(m, "alice", "md/x", "?ob")) + "]"
	case 1:
		return "[" + m.mapping() + ", " + m.mapping() + "]"
	}
	return m.mapping()
}

func (m maker) mapping() string {
	lines := map[string]string{}
	for range 1 + m.IntN(3) {
		line := m.item()
		key, _, _ := strings.Cut(line, ": ")
		lines[key] = line
	}
	var list []string
	for _, l := range lines {
		list = append(list, l)
	}
	slices.Sort(list)
	return "{" + strings.Join(list, ", ") + "}"
}

func (m maker) rule(i int) string {
	condition := pick(m, "a", "a and b", "a or b", "not a", "a and not b", "1 of them", "all of them", "(a or b) and not c", "a and 1 of b*", "a or b and c", "not (a and b) and c")
	return fmt.Sprintf("title: T%d\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  a: %s\n  b: %s\n  c: %s\n  condition: %s\n",
		i, m.search(), m.search(), m.search(), condition)
}

var twinConfig = rule.Config{
	Schemas:      []*ocsf.Schema{cloudtrail.New().Schema()},
	Placeholders: map[string][]string{"people": {"alice", "bob*", "GetObject"}},
	Fields: map[string]func(*ocsf.Event) []string{
		"yagura.tool": func(ev *ocsf.Event) []string {
			if strings.HasPrefix(ev.HTTP.Agent, "aws") {
				return []string{"Alice", "aws-cli/2.1"}
			}
			return nil
		},
	},
}

// TestTwin compares the engine with plain evaluation on random rules and
// records: the same rules match, each once.
func TestTwin(t *testing.T) {
	rounds := 80
	if testing.Short() {
		rounds = 20
	}
	total := 0
	for seed := range rounds {
		total += twin(t, uint64(seed), 40, 25)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if total < rounds*20 {
		t.Errorf("only %d matches in %d rounds: the test tests nothing", total, rounds)
	}
}

func FuzzTwin(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { twin(t, seed, 10, 10) })
}

func twin(t *testing.T, seed uint64, rules, records int) (matches int) {
	t.Helper()
	m := maker{rand.New(rand.NewPCG(seed, 7))}
	var docs []*sigma.Document
	for i := range rules {
		text := m.rule(i)
		got, problems := sigma.Parse(fmt.Sprintf("r%d.yml", i), fmt.Sprintf("r%d", i), []byte(text))
		for _, p := range problems {
			t.Errorf("%v in\n%s", p, text)
		}
		docs = append(docs, got...)
	}
	set, problems := rule.Compile(docs, twinConfig)
	for _, p := range problems {
		if !p.Warning {
			t.Error(p)
		}
	}
	slow := plain{twinConfig.Placeholders, twinConfig.Fields}
	var raws []string
	for range records {
		raws = append(raws, m.record())
	}
	matcher := set.Matcher()
	for i, ev := range decode(t, raws...) {
		if i%3 == 0 { // as the lake gives it back
			ev.Request, ev.Response = "", ""
		}
		var got, want []string
		matcher.Match("cloudtrail", &ev, func(h *rule.Hit) {
			got = append(got, h.Rule.Doc.ID)
			h.Facts()
		})
		for _, d := range docs {
			if slow.matches(d, raws[i], &ev) {
				want = append(want, d.ID)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("record %s\n(-plain +engine)\n%s", raws[i], diff)
			for _, d := range docs {
				if slices.Contains(got, d.ID) != slices.Contains(want, d.ID) {
					t.Errorf("%s: %s", d.ID, describe(d))
				}
			}
			return matches
		}
		matches += len(got)
	}
	return matches
}

func describe(d *sigma.Document) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", d.Detection.Text)
	var walk func(n *sigma.Node)
	walk = func(n *sigma.Node) {
		if n.Item != nil {
			fmt.Fprintf(&b, "   %s %v:", n.Item.Field, n.Item.Modifiers)
			for _, v := range n.Item.Values {
				fmt.Fprintf(&b, " %s %q", v.Kind, v.Text)
			}
			b.WriteByte('\n')
		}
		for _, k := range n.Kids {
			walk(k)
		}
	}
	for _, name := range d.Detection.Names {
		fmt.Fprintf(&b, "  %s\n", name)
		walk(d.Detection.Searches[name])
	}
	return b.String()
}
