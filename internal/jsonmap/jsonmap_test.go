package jsonmap_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura/internal/jsonmap"
	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

func TestTimeReadsEveryFormThatAWSWrites(t *testing.T) {
	want := time.Date(2026, 3, 4, 5, 6, 7, 123000000, time.UTC).UnixMicro()
	for _, text := range []string{
		"2026-03-04T05:06:07.123Z", "2026-03-04T05:06:07.123+00:00", "2026-03-04T05:06:07.123+0000", "2026-03-04T14:06:07.123+0900",
		"2026-03-04T05:06:07.123", "2026-03-04 05:06:07.123", "2026-03-04 05:06:07.123Z",
		"1772600767.123", "1772600767123", "1772600767123000", "1772600767123000000", "1.772600767123E9", "1772600767123.0", " 1772600767123 ",
	} {
		if got, ok := jsonmap.Time(text); !ok || got != want {
			t.Errorf("Time(%q) = %d, %v; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", "never", "0", "-1", "NaN", "Inf", "1e300", "2026-13-04T05:06:07Z", "0001-01-01T00:00:00Z", "2026-03-04", "99999999999999999999", "1e14",
	} {
		if got, ok := jsonmap.Time(text); ok {
			t.Errorf("Time(%q) = %d, it is no time", text, got)
		}
	}
}

func TestIntReadsWholeNumbersOnly(t *testing.T) {
	for text, want := range map[string]int64{"443": 443, "8.0": 8, "1E3": 1000, "-5": -5} {
		if got, ok := jsonmap.Int(text); !ok || got != want {
			t.Errorf("Int(%q) = %d, %v; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "8.5", "NaN", "0x10", "1e300", "n"} {
		if got, ok := jsonmap.Int(text); ok {
			t.Errorf("Int(%q) = %d, it is no whole number", text, got)
		}
	}
}

var table = jsonmap.MustCompile([]ocsf.Native{
	{Name: "at", Columns: []string{"time"}},
	{Name: "accountId", Columns: []string{"account"}},
	{Name: "owner", Columns: []string{"account"}},
	{Name: "client.ip", Columns: []string{"src_endpoint_ip", "src_endpoint_name"}},
	{Name: "resources.id", Columns: []string{"resources_uid"}},
	{Name: "count", Columns: []string{"finding_info_count"}},
	{Name: "mfa", Columns: []string{"actor_session_is_mfa"}},
	{Name: "only.raw", Path: "only.raw"},
}, nil)

func fill(t *testing.T, record string) ocsf.Event {
	t.Helper()
	var ev ocsf.Event
	ev.Reset()
	if err := table.Filler().Fill(&ev, []byte(record)); err != nil {
		t.Fatal(err)
	}
	return ev
}

func TestFillFollowsTheTable(t *testing.T) {
	ev := fill(t, `{"owner":"2","AccountID":"1","At":"1772600767","CLIENT":{"Ip":"2001:DB8::1"},"count":"7","mfa":"true",
		"resources":[{"Id":"a"},{"id":"b"},{"id":"a"},{"id":null},"x",[{"id":"c"}]]}`)
	if ev.Account != "1" {
		t.Errorf("account %q: the first name of the table wins, not the first of the record", ev.Account)
	}
	if ev.Src.IP != "2001:db8::1" || ev.Time != 1772600767e6 || ev.Finding.Count != 7 || ev.Session.MFA != ocsf.True {
		t.Errorf("ip %q, time %d, count %d, mfa %d", ev.Src.IP, ev.Time, ev.Finding.Count, ev.Session.MFA)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, ev.ResourceNames); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	ev = fill(t, `{"accountId":"","owner":"2","client":{"ip":"X.X.X.X"},"count":null,"mfa":7}`)
	if ev.Account != "2" || ev.Src.IP != "" || ev.Src.Name != "X.X.X.X" || ev.Finding.Count != ocsf.Null || ev.Session.MFA != ocsf.Unknown {
		t.Errorf("account %q, ip %q, name %q, count %d, mfa %d", ev.Account, ev.Src.IP, ev.Src.Name, ev.Finding.Count, ev.Session.MFA)
	}
}

func TestFillRefusesWithAReason(t *testing.T) {
	for record, want := range map[string]string{
		`[1]`: "an array", `"x"`: "a string", `null`: "null", `7`: "a bare value", `{"at":"soon"}`: `at is not a time: "soon"`,
		`{"at":1`: "invalid JSON", `{} x`: "invalid JSON", ``: "invalid JSON",
	} {
		var ev ocsf.Event
		ev.Reset()
		err := table.Filler().Fill(&ev, []byte(record))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", record, err, want)
		}
	}
}

// raws decodes text and gives the raw records, with "!" and the reason for bad ones.
func raws(t *testing.T, text string, shape jsonmap.Shape) []string {
	t.Helper()
	d := jsonmap.NewDecoder(strings.NewReader(text), 1<<20, shape, table, func(*ocsf.Event) error { return nil })
	var out []string
	for {
		var ev ocsf.Event
		err := d.Next(&ev)
		var bad *jsonscan.BadRecord
		switch {
		case errors.Is(err, io.EOF):
			return out
		case errors.As(err, &bad):
			out = append(out, "!"+bad.Reason)
		case err != nil:
			t.Fatal(err)
		default:
			if n := int64(len(out)); ev.Provenance.Record != n {
				t.Errorf("record number %d, want %d", ev.Provenance.Record, n)
			}
			out = append(out, ev.Raw)
		}
	}
}

func TestWrappersComeOff(t *testing.T) {
	shape := jsonmap.Shape{Arrays: []string{"Items"}, Envelopes: true, Inner: []string{"items"}}
	sns := func(message string) string {
		m, _ := json.Marshal(message)
		return `{"Type":"Notification","TopicArn":"arn:aws:sns:r:1:t","Message":` + string(m) + `}`
	}
	deep := `{"a":1}`
	for range 10 {
		deep = sns(deep)
	}
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"lines":        {"{\"a\":1}\n{\"a\":2}\n", []string{`{"a":1}`, `{"a":2}`}},
		"array":        {`{"v":1,"Items":[{"a":1},{"a":2}]}`, []string{`{"a":1}`, `{"a":2}`}},
		"event":        {`{"detail-type":"x","detail":{"items":[{"a":1},{"a":2}]}}`, []string{`{"a":1}`, `{"a":2}`}},
		"single":       {`{"detail-type":"x","detail":{"a":1}}`, []string{`{"a":1}`}},
		"sns":          {sns(`{"a":1}`), []string{`{"a":1}`}},
		"event in sns": {sns(`{"detail-type":"x","detail":{"a":1}}`), []string{`{"a":1}`}},
		"cloudwatch": {
			`{"logGroup":"g","logEvents":[{"id":"1","message":"{\"a\":1}"},{"id":"2","message":7},{"id":"3","message":"CWL CONTROL MESSAGE: Checking health of destination"}]}`,
			[]string{`{"a":1}`, "!no text in message"},
		},
		"api":    {`{"events":[{"timestamp":1,"message":"{\"a\":1}\n"}],"nextToken":"x"}`, []string{`{"a":1}`}},
		"stamps": {"2026-03-04T05:06:07.000Z {\"a\":1}\n2026-03-04T05:06:08.000Z {\"a\":2}", []string{`{"a":1}`, `{"a":2}`}},
		"none":   {`{"detail-type":"x","detail":{"items":[]}}`, nil},
	} {
		if diff := cmp.Diff(c.want, raws(t, c.text, shape)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := raws(t, deep, shape); len(got) != 1 || !strings.HasPrefix(got[0], `{"Type"`) {
		t.Errorf("ten envelopes: %.100v; they must stop at a bound", got)
	}
}

// What stands in front of the lines does not depend on how the bytes arrive, and
// nothing but stamps is taken.
func TestStampsComeOffHoweverTheBytesArrive(t *testing.T) {
	line := rapid.SampledFrom([]string{`{"a":1}`, `{"a":"2026-03-04T05:06:07.000Z {"}`, "", "junk", "2026-03-04T05:06:07.000Z", `{"b":[1,2]}`})
	rapid.Check(t, func(rt *rapid.T) {
		var stamped, plain bytes.Buffer
		for i, l := range rapid.SliceOfN(line, 1, 20).Draw(rt, "lines") {
			if i == 0 {
				l = `{"a":0}`
			}
			stamped.WriteString("2026-03-04T05:06:07.123Z " + l + "\n")
			plain.WriteString(l + "\n")
		}
		shape := jsonmap.Shape{}
		want := raws(t, plain.String(), shape)
		if diff := cmp.Diff(want, raws(t, stamped.String(), shape)); diff != "" {
			rt.Fatalf("(-plain +stamped):\n%s", diff)
		}
		d := jsonmap.NewDecoder(iotest.OneByteReader(&stamped), 1<<20, shape, table, func(*ocsf.Event) error { return nil })
		for _, w := range want {
			var ev ocsf.Event
			if err := d.Next(&ev); err == nil && ev.Raw != w {
				rt.Fatalf("byte by byte: %q, want %q", ev.Raw, w)
			}
		}
	})
}

func TestPeekSeesThroughWrappersAndCuts(t *testing.T) {
	shape := jsonmap.Shape{Arrays: []string{"Items"}, Envelopes: true, Inner: []string{"items"}}
	for _, head := range []string{
		`{"Id":"7","Deep":{"Er":"x"},"cut":"off he`,
		`{"v":1,"Items":[{"Id":"7","Deep":{"Er":"x"}},{"Id":"8"`,
		`[{"Id":"7","Deep":{"Er":"x","list":[1,{"a":2}]}},{"Id":"8"}]`,
		`{"detail-type":"x","detail":{"items":[{"Id":"7","a":{"b":{"c":{"d":{"e":1}}}},"Deep":{"Er":"x"}}`,
		`{"Type":"Notification","Message":"{\"Id\":\"7\",\"Deep\":{\"Er\":\"x\"}}"}`,
		`{"logEvents":[{"id":"1","message":"{\"Id\":\"7\",\"Deep\":{\"Er\":\"x\"}}"}]}`,
		`2026-03-04T05:06:07.000Z {"Id":"7","Deep":{"Er":"x"}}`,
	} {
		got := jsonmap.Peek([]byte(head), shape)
		if got["id"] != "7" || got["deep.er"] != "x" {
			t.Errorf("%s: %v", head, got)
		}
	}
}

func FuzzPeekAndTime(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[{"c":1}]},"Message":"{\"x\":1}"}`))
	f.Add([]byte("2026-03-04T05:06:07.000Z {"))
	f.Add([]byte("1772600767.123"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := len(jsonmap.Peek(b, jsonmap.Shape{Envelopes: true})); n > 1000 {
			t.Errorf("a peek sees %d members", n)
		}
		if us, ok := jsonmap.Time(string(b)); ok && (us <= 0 || us > 253402300800*1e6) {
			t.Errorf("Time(%q) = %d", b, us)
		}
	})
}
