package lake_test

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/source"
)

var now = time.Date(2026, 10, 4, 12, 0, 0, 0, time.UTC)

// oracle is one corpus in two lakes and in memory.
type oracle struct {
	fresh, compacted *lake.Lake
	hits             []ask.Hit
	fields           field.Table
}

// newOracle gives the corpus that all tests share; they only read it.
func newOracle(t testing.TB) *oracle {
	t.Helper()
	sharedOnce.Do(func() { shared = makeOracle(t) })
	if shared == nil {
		t.Fatal("there is no corpus, see the first test that failed")
	}
	return shared
}

var (
	sharedOnce sync.Once
	shared     *oracle
)

func makeOracle(t testing.TB) *oracle {
	t.Helper()
	objects := append(fixtures(t), generated(300)...)
	o := &oracle{fresh: open(nil, tempDir()), compacted: open(nil, tempDir())}
	fill(t, o.fresh, objects, 100)
	fill(t, o.compacted, objects, 100)
	compact(t, o.compacted)
	o.hits = everything(t, o.fresh)
	table, err := lake.Fields(source.Schemas(), func(key string) bool {
		ok, err := o.fresh.HasKey(context.Background(), key)
		return ok && err == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	o.fields = table
	return o
}

// expect evaluates the expression in memory.
func (o *oracle) expect(t testing.TB, f ask.Filter) map[at]bool {
	t.Helper()
	want := map[at]bool{}
	for i := range o.hits {
		h := &o.hits[i]
		if len(f.Sources) > 0 && !slices.Contains(f.Sources, h.Source) {
			continue
		}
		if when := h.Event.At(); !f.From.IsZero() && when.Before(f.From) || !f.To.IsZero() && !when.Before(f.To) {
			continue
		}
		ok := true
		if f.Where != nil {
			var err error
			if ok, err = query.Eval(f.Where, record{h}); err != nil {
				t.Fatal(err)
			}
		}
		if ok {
			want[place(h)] = true
		}
	}
	return want
}

// record is a hit as the lake sees it. It differs from [query.Eval] over the
// hit itself in this:
//
// A bare word is looked for in the raw record, not in observables that are
// written there in another form (\u6771 for 東, 2001:0db8:0::1 for 2001:db8::1).
// A flow record that is not stored is compared field by field, addresses and
// numbers as a whole: a word does not find a part of an address, nor a
// phrase two fields.
//
// A leaf that is a source's own top-level name means only that.
type record struct{ *ask.Hit }

func (r record) Texts() []string {
	if s := source.Named(r.Source).Schema(); s.Rebuild != nil {
		out := []string{r.Event.Src.IP, r.Event.Dst.IP, r.Event.Src.Packet, r.Event.Dst.Packet}
		if r.Event.Rebuildable {
			return append(out, strings.Fields(r.Event.Raw)...)
		}
		return append(out, r.Event.Raw)
	}
	return []string{r.Event.Raw}
}

func (r record) Values(t field.Target) []string {
	if t.Path == "" && slices.ContainsFunc(source.Named(r.Source).Schema().Native, func(n ocsf.Native) bool { return n.Name == t.Leaf && len(n.Columns) > 0 }) {
		t.Leaf = ""
	}
	return r.Hit.Values(t)
}

// differ compares the lakes with memory and tells the first difference: by
// event, or, to save time, by number alone.
func (o *oracle) differ(t testing.TB, f ask.Filter, events bool) string {
	t.Helper()
	want := o.expect(t, f)
	for name, l := range map[string]*lake.Lake{"fresh": o.fresh, "compacted": o.compacted} {
		n, err := l.Count(t.Context(), f)
		if err != nil {
			return fmt.Sprintf("%s: %v", name, err)
		}
		if n == int64(len(want)) && (!events || name == "fresh") {
			continue // the events themselves are compared in the other lake
		}
		hits, err := l.Search(t.Context(), f, ask.Page{Limit: 1 << 20})
		if err != nil {
			return fmt.Sprintf("%s: %v", name, err)
		}
		got := map[at]bool{}
		for i := range hits {
			got[place(&hits[i])] = true
		}
		for i := range o.hits {
			h := &o.hits[i]
			if p := place(h); got[p] != want[p] {
				return fmt.Sprintf("%s: %d found, want %d; first difference: %s at %s found is %v\n%.300q", name, len(got), len(want), h.ID(), h.Event.At(), got[p], h.Event.Raw)
			}
		}
		if n != int64(len(want)) || len(hits) != len(want) {
			return fmt.Sprintf("%s: counted %d, found %d, want %d", name, n, len(hits), len(want))
		}
	}
	return ""
}

func (o *oracle) parse(t testing.TB, text string) query.Expr {
	t.Helper()
	e, err := query.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	e, err = query.Check(e, o.fields, now)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

// What was appended comes back whole, from fresh and from compacted files.
func TestRowsComeBack(t *testing.T) {
	objects := append(fixtures(t), generated(300)...)
	l := open(t, t.TempDir())
	done := fill(t, l, objects, 4)
	for _, o := range done {
		if o.Records != o.Rows+o.Duplicates+o.Quarantined {
			t.Errorf("%s: %d records, %d rows, %d duplicates, %d in quarantine", o.Key, o.Records, o.Rows, o.Duplicates, o.Quarantined)
		}
	}
	want := map[at]ocsf.Event{}
	for i, d := range objects {
		events, _, _ := decode(d)
		for _, ev := range events {
			want[at{d.source.Schema().Source, done[i].ID, ev.Provenance.Record}] = ev
		}
	}
	for _, stage := range []string{"fresh", "compacted"} {
		hits := everything(t, l)
		var rows int64
		for _, o := range done {
			rows += o.Rows
		}
		if int64(len(hits)) != rows {
			t.Fatalf("%s: %d rows, want %d", stage, len(hits), rows)
		}
		for i := range hits {
			h := &hits[i]
			ev, ok := want[place(h)]
			if !ok {
				t.Fatalf("%s: row %v was not appended", stage, place(h))
			}
			for _, name := range source.Named(h.Source).Schema().Names() {
				a, b := columnText(&ev, name), columnText(&h.Event, name)
				if a = strings.ToValidUTF8(a, "\uFFFD"); a != b && name != "object_id" {
					t.Errorf("%s: %s %s: %q became %q", stage, h.ID(), name, a, b)
				}
			}
			if want := strings.ToValidUTF8(ev.Raw, "\uFFFD"); h.Event.Raw != want {
				t.Errorf("%s: %s: raw %q became %q", stage, h.ID(), want, h.Event.Raw)
			}
		}
		compact(t, l)
	}
}

func columnText(ev *ocsf.Event, name string) string {
	switch c := ocsf.Lookup(name); {
	case c.Str != nil:
		return *c.Str(ev)
	case c.Num != nil:
		return fmt.Sprint(*c.Num(ev))
	case c.Tri != nil:
		return fmt.Sprint(*c.Tri(ev))
	default:
		return fmt.Sprintf("%q", *c.List(ev))
	}
}

func TestSearchTable(t *testing.T) {
	o := newOracle(t)
	for _, text := range searches {
		e := o.parse(t, text)
		if d := o.differ(t, ask.Filter{Where: e}, true); d != "" {
			t.Errorf("%s: %s", text, d)
		}
		if d := o.differ(t, ask.Filter{Where: query.Not{Arg: e}}, false); d != "" {
			t.Errorf("NOT (%s): %s", text, d)
		}
		if len(o.expect(t, ask.Filter{Where: e})) == 0 {
			t.Errorf("%s finds nothing: the corpus does not test it", text)
		}
	}
}

var searches = []string{
	``, `*`,
	`eventName:ConsoleLogin`, `eventName:~consolelogin`, `eventName:C?nsoleLogin`, `eventName:/^(Get|Put)Object$/`, `eventName:*`,
	`api.operation:GetObject AND NOT sourceIPAddress:10.0.0.0/8`, `eventName:(GetObject OR PutObject)`, `eventName:(-GetObject)`,
	`errorCode:*`, `NOT errorCode:*`, `errorCode:100%_x`, `errorCode:100%*`, `errorCode:*_x`, `errorCode:AccessD*d`, `errorCode:~ACCESSDENIED`, `errorCode:>=B`,
	`sourceIPAddress:10.0.0.1`, `sourceIPAddress:10.0.0.0/24`, `sourceIPAddress:10.0.0.0/22`, `sourceIPAddress:[10.0.0.1 TO 10.0.1.7]`, `sourceIPAddress:0.0.0.0/0`,
	`sourceIPAddress:2001:db8::/32`, `sourceIPAddress:"2001:DB8:0:0:0:0:0:1"`, `sourceIPAddress:::/0`, `sourceIPAddress:"AWS Internal"`, `sourceIPAddress:s3.amazonaws.com`,
	`sourceIPAddress:*.amazonaws.com`, `sourceIPAddress:::ffff:10.0.0.7`, `sourceIPAddress:10.0.0.7`, `sourceIPAddress:/^10\.0/`, `sourceIPAddress:*`, `sourceIPAddress:10.*`,
	`srcaddr:10.0.1.0/24 dstport:443`, `dstport:[80 TO 443]`, `dstport:{80 TO 3389}`, `dstport:>443`, `dstport:<=80`, `bytes:>1000`, `dstport:*`, `NOT dstport:*`,
	`action:REJECT`, `action:~reject`, `action:(ACCEPT OR BLOCK)`, `log-status:SKIPDATA`,
	`requestParameters.bucketName:plain`, `requestParameters.bucketName:東京タワー`, `requestParameters.bucketName:東京*`, `requestParameters.bucketName:東?タワー`, `requestParameters.bucketName:東京`,
	`requestParameters.bucketName:"a/b/c"`, `requestParameters.bucketName:café`, `requestParameters.bucketName:~ÉCOLE`, `requestParameters.bucketName:~école`,
	`requestParameters.bucketName:star\*`, `requestParameters.bucketName:what\?`, `requestParameters.bucketName:it's`, `requestParameters.bucketName:"quote\"d"`,
	`requestParameters.bucketName:back\\slash`, `requestParameters.bucketName:"<script>"`, `requestParameters.bucketName:😀`, `requestParameters.bucketName:?`,
	`requestParameters.bucketName:"arn:aws:s3:::bucket-1/key=a+b"`, `requestParameters.bucketName:" padded "`, `requestParameters.bucketName:"'; DROP TABLE events; --"`,
	`requestParameters.bucketName:[a TO c]`, `requestParameters.bucketName:{plain TO *]`, `requestParameters.bucketName:>1`,
	`requestParameters.size:12`, `requestParameters.size:>100`, `requestParameters.size:[-10 TO 10]`, `requestParameters.size:-7`, `requestParameters.ratio:1.5`,
	`requestParameters.flag:true`, `requestParameters.nested.list.k:plain`, `requestParameters.nested.list.k:(12 OR 007)`, `requestParameters.nested.list.k:*`, `requestParameters.nested:*`,
	`requestParameters.nested.when:2026-10-01T00\:00\:00Z`, `k:plain`, `when:*`, `accessKeyId:AKIA0000000000000003`, `userName:plain`, `userName:東京タワー`, `userIdentity.arn:*user/u1`, `size:[0 TO 5]`,
	`bucketName:*bytes`, `bucketName:nul*`, `bucketName:/nul.l/`, `bucketName:/^東/`, `bucketName:/line$/`, `bucketName:/new\nline/`,
	`readOnly:true`, `NOT readOnly:true`, `readOnly:false OR errorCode:*`,
	`eventTime:2026-10-01`, `eventTime:>2026-10-02`, `eventTime:-48h`, `eventTime:[2026-10-01T00:00:00 TO 2026-10-01T00:00:00]`,
	`time:2026-10-01T00:00:00.000Z`, `time:>2026-10-01T00:00:00.0Z`, `time:<=2026-10-01T00:00:00.0Z`, `end:*`, `creationDate:*`,
	`eventID:*-000000000007`, `metadata.uid:*`, `requestID:R1`, `requestID:R1*`,
	`plain`, `PLAIN`, `"two words"`, `two*words`, `東京タワー`, `東京*`, `10.0.0.1`, `10.0.0.12`, `2001:db8::1`, `café`, `AKIA0000000000000003`, `*0000000003*`, `GetObject AND us-east-1`, `NOT GetObject`,
	`script`, `"<script>"`, `eni-0a1b1`, `REJECT`, `reject`, `443`, `203.0.113.5`, `SKIPDATA`, `ingress`, `"a/b/c"`, `jndi`, `"DROP TABLE"`, `100%`, `it's`, `😀`, `bad*bytes`, `00000000-1111-4222-8333-444455556666`,
	`plain OR 203.0.113.5`, `(plain OR errorCode:*) AND NOT (PutObject OR readOnly:true)`, `account:111122223333`, `account:1111*`, `region:us-east-1 OR region:ap-northeast-1`,
	`class_uid:6003`, `class_uid:[4000 TO 4999]`, `status_id:2`, `resources_uid:*`, `answers.rdata:*`, `finding_info.types:*EC2*`, `finding_info.types:~*ec2*`, `metadata.labels:*`, `NOT metadata.labels:*`,
	`query_name:*.*`, `rcode:NXDOMAIN`, `httpRequest.uri:*`, `http_request.user_agent:*curl*`, `userAgent:~*CURL*`, `host:*`, `status:*`, `timestamp:*`, `type:*`, `name:*`, `id:*`,
	`timestamp:>2020-01-01`, `protocol:6`, `severity:*`, `severity_id:>=3`,
}

// Every value of an indexed column finds its event, in files with sidecars too.
func TestIndexedValuesFindTheirEvents(t *testing.T) {
	o := newOracle(t)
	seen := map[string]bool{}
	for i := range o.hits {
		h := &o.hits[i]
		s := source.Named(h.Source).Schema()
		if h.Source == "cloudtrail" && i%5 != 0 {
			continue
		}
		for _, column := range append(slices.Clone(s.Blooms), "resource_uid", "actor_user_name", "account") {
			for _, v := range h.Values(field.Target{Columns: []string{column}}) {
				k := h.Source + "/" + column + "/" + v
				if seen[k] || !slices.Contains(s.Names(), column) {
					continue
				}
				seen[k] = true
				e, err := query.Check(query.Term{Field: ocsf.Lookup(column).Path, Text: escape(v)}, o.fields, now)
				if err != nil {
					t.Fatalf("%s: %v", k, err)
				}
				if d := o.differ(t, ask.Filter{Where: e, Sources: []string{h.Source}}, false); d != "" {
					t.Errorf("%s = %q: %s", column, v, d)
				}
			}
		}
	}
}

func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(s)
}

// Whatever is asked, the lake answers as memory does.
func TestSearchAgainstMemory(t *testing.T) {
	o := newOracle(t)
	names := o.fields.Names()
	names = append(names, "requestParameters.bucketName", "requestParameters.size", "requestParameters.nested.list.k", "bucketName", "k")
	rapid.Check(t, func(rt *rapid.T) {
		e := o.draw(t, rt, names, 2)
		f := ask.Filter{Where: e}
		if rapid.IntRange(0, 3).Draw(rt, "bounded") == 0 {
			f.From = o.hits[rapid.IntRange(0, len(o.hits)-1).Draw(rt, "from")].Event.At().Add(time.Duration(rapid.IntRange(-1, 1).Draw(rt, "ns")))
			f.To = f.From.Add(time.Duration(rapid.Int64Range(0, int64(72*time.Hour)).Draw(rt, "span")))
		}
		if d := o.differ(t, f, true); d != "" {
			rt.Fatalf("%s from %s to %s: %s", query.Print(e), f.From, f.To, d)
		}
	})
}

func (o *oracle) draw(t testing.TB, rt *rapid.T, names []string, depth int) query.Expr {
	if depth > 0 {
		switch rapid.IntRange(0, 5).Draw(rt, "node") {
		case 0:
			return query.And{Args: []query.Expr{o.draw(t, rt, names, depth-1), o.draw(t, rt, names, depth-1)}}
		case 1:
			return query.Or{Args: []query.Expr{o.draw(t, rt, names, depth-1), o.draw(t, rt, names, depth-1)}}
		case 2:
			return query.Not{Arg: o.draw(t, rt, names, depth-1)}
		}
	}
	for {
		term := o.term(rt, names)
		if e, err := query.Check(term, o.fields, now); err == nil {
			return e
		}
	}
}

// term draws a test near a value that some event has.
func (o *oracle) term(rt *rapid.T, names []string) query.Term {
	name := rapid.SampledFrom(names).Draw(rt, "field")
	f, ok := o.fields.Lookup(name)
	if !ok {
		rt.Fatalf("field %s is listed but not known", name)
	}
	value := "x"
	start := rapid.IntRange(0, len(o.hits)-1).Draw(rt, "event")
	for i := range o.hits {
		if v := o.hits[(start+i)%len(o.hits)].Values(f.Target); len(v) > 0 {
			value = v[rapid.IntRange(0, len(v)-1).Draw(rt, "value")]
			break
		}
	}
	if r := []rune(value); len(r) > 200 {
		value = string(r[:200])
	}
	term := query.Term{Field: name}
	runes := []rune(value)
	cut := rapid.IntRange(0, len(runes)).Draw(rt, "cut")
	switch rapid.IntRange(0, 9).Draw(rt, "op") {
	case 0:
		term.Text = "*"
	case 1:
		term.Text = escape(string(runes[:cut])) + "*"
	case 2:
		term.Text = "*" + escape(string(runes[cut:]))
	case 3:
		term.Op, term.Text = "~", escape(rapid.SampledFrom([]func(string) string{strings.ToUpper, strings.ToLower}).Draw(rt, "case")(value))
	case 4:
		term.Op, term.Text = "/", regexp.QuoteMeta(string(runes[:cut]))+".?"+regexp.QuoteMeta(string(runes[min(cut+1, len(runes)):]))
	case 5:
		term.Op, term.Text = rapid.SampledFrom([]string{">", ">=", "<", "<="}).Draw(rt, "cmp"), escape(value)
	case 6:
		term.Op, term.Text, term.High = rapid.SampledFrom([]string{"[]", "[}", "{]", "{}"}).Draw(rt, "range"), escape(value), escape(value)
	case 7:
		if cut < len(runes) {
			term.Text = escape(string(runes[:cut])) + "?" + escape(string(runes[cut+1:]))
		}
	default:
		term.Text = escape(value)
	}
	return term
}

// order sorts hits as the lake does.
func order(hits []ask.Hit, oldest bool) []ask.Hit {
	out := slices.Clone(hits)
	slices.SortFunc(out, func(a, b ask.Hit) int {
		c := cmp.Compare(a.Event.Time, b.Event.Time)
		if !oldest {
			c = -c
		}
		return cmp.Or(c, cmp.Compare(a.Event.Provenance.Object, b.Event.Provenance.Object), cmp.Compare(a.Event.Provenance.Record, b.Event.Provenance.Record))
	})
	return out
}
