package yagura

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

	"github.com/yagura-sec/yagura/ocsf"
)

func TestAnyTimeReadsEveryFormThatAWSWrites(t *testing.T) {
	want := time.Date(2026, 3, 4, 5, 6, 7, 123000000, time.UTC).UnixMicro()
	for _, text := range []string{
		"2026-03-04T05:06:07.123Z", "2026-03-04T05:06:07.123+00:00", "2026-03-04T05:06:07.123+0000", "2026-03-04T14:06:07.123+0900",
		"2026-03-04T05:06:07.123", "2026-03-04 05:06:07.123", "2026-03-04 05:06:07.123Z",
		"1772600767.123", "1772600767123", "1772600767123000", "1772600767123000000", "1.772600767123E9", "1772600767123.0", " 1772600767123 ",
	} {
		if got, ok := anyTime(text); !ok || got != want {
			t.Errorf("anyTime(%q) = %d, %v; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", "never", "0", "-1", "NaN", "Inf", "1e300", "2026-13-04T05:06:07Z", "0001-01-01T00:00:00Z", "2026-03-04", "99999999999999999999", "1e14",
	} {
		if got, ok := anyTime(text); ok {
			t.Errorf("anyTime(%q) = %d, it is no time", text, got)
		}
	}
}

func TestWholeNumberReadsWholeNumbersOnly(t *testing.T) {
	for text, want := range map[string]int64{"443": 443, "8.0": 8, "1E3": 1000, "-5": -5} {
		if got, ok := wholeNumber(text); !ok || got != want {
			t.Errorf("wholeNumber(%q) = %d, %v; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "8.5", "NaN", "0x10", "1e300", "n"} {
		if got, ok := wholeNumber(text); ok {
			t.Errorf("wholeNumber(%q) = %d, it is no whole number", text, got)
		}
	}
}

func wrapped(arrays, inner []string, envelopes bool) *JSONLog {
	return &JSONLog{
		Arrays: arrays, Inner: inner, Envelopes: envelopes,
		Finish: func(*ocsf.Event, *Object) error { return nil },
		Names: []ocsf.Native{
			{Name: "at", Columns: []string{"time"}},
			{Name: "accountId", Columns: []string{"account"}},
			{Name: "owner", Columns: []string{"account"}},
			{Name: "client.ip", Columns: []string{"src_endpoint_ip", "src_endpoint_name"}},
			{Name: "resources.id", Columns: []string{"resources_uid"}},
			{Name: "count", Columns: []string{"finding_info_count"}},
			{Name: "mfa", Columns: []string{"actor_session_is_mfa"}},
			{Name: "only.raw", Path: "only.raw"},
		},
	}
}

// items is a log in every wrapper there is.
func items() *JSONLog { return wrapped([]string{"Items"}, []string{"items"}, true) }

func fill(t *testing.T, record string) ocsf.Event {
	t.Helper()
	var ev ocsf.Event
	ev.Reset()
	d, err := items().Open(Input{Body: strings.NewReader(strings.ReplaceAll(record, "\n", " "))})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Next(&ev); err != nil {
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

func TestAnUnknownColumnIsSaid(t *testing.T) {
	log := &JSONLog{Names: []ocsf.Native{{Name: "x", Columns: []string{"no_such_column"}}}}
	if _, err := log.Open(Input{Body: strings.NewReader("{}")}); err == nil || !strings.Contains(err.Error(), "no_such_column") {
		t.Errorf("%v, want the column's name", err)
	}
}

func TestFillRefusesWithAReason(t *testing.T) {
	for record, want := range map[string]string{
		`[1]`: "an array", `"x"`: "a string", `null`: "null", `7`: "a bare value", `{"at":"soon"}`: `at is not a time: "soon"`,
		`{"at":1`: "invalid JSON", `{} x`: "invalid JSON", ``: "invalid JSON",
	} {
		table, err := compile(items().Names, nil)
		if err != nil {
			t.Fatal(err)
		}
		var ev ocsf.Event
		ev.Reset()
		err = table.filler().fill(&ev, []byte(record))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", record, err, want)
		}
	}
}

// raws decodes text and gives the raw records, with "!" and the reason for bad ones.
func raws(t *testing.T, text string, log *JSONLog) []string {
	t.Helper()
	d, err := log.Open(Input{Body: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for {
		var ev ocsf.Event
		err := d.Next(&ev)
		var bad *RecordError
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
		if diff := cmp.Diff(c.want, raws(t, c.text, items())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := raws(t, deep, items()); len(got) != 1 || !strings.HasPrefix(got[0], `{"Type"`) {
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
		plainLog := wrapped(nil, nil, false)
		want := raws(t, plain.String(), plainLog)
		if diff := cmp.Diff(want, raws(t, stamped.String(), plainLog)); diff != "" {
			rt.Fatalf("(-plain +stamped):\n%s", diff)
		}
		d, err := plainLog.Open(Input{Body: iotest.OneByteReader(&stamped)})
		if err != nil {
			rt.Fatal(err)
		}
		for _, w := range want {
			var ev ocsf.Event
			if err := d.Next(&ev); err == nil && ev.Raw != w {
				rt.Fatalf("byte by byte: %q, want %q", ev.Raw, w)
			}
		}
	})
}

func TestPeekSeesThroughWrappersAndCuts(t *testing.T) {
	for _, head := range []string{
		`{"Id":"7","Deep":{"Er":"x"},"cut":"off he`,
		`{"v":1,"Items":[{"Id":"7","Deep":{"Er":"x"}},{"Id":"8"`,
		`[{"Id":"7","Deep":{"Er":"x","list":[1,{"a":2}]}},{"Id":"8"}]`,
		`{"detail-type":"x","detail":{"items":[{"Id":"7","a":{"b":{"c":{"d":{"e":1}}}},"Deep":{"Er":"x"}}`,
		`{"Type":"Notification","Message":"{\"Id\":\"7\",\"Deep\":{\"Er\":\"x\"}}"}`,
		`{"logEvents":[{"id":"1","message":"{\"Id\":\"7\",\"Deep\":{\"Er\":\"x\"}}"}]}`,
		`2026-03-04T05:06:07.000Z {"Id":"7","Deep":{"Er":"x"}}`,
	} {
		got := items().Peek([]byte(head))
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
		if n := len(items().Peek(b)); n > 1000 {
			t.Errorf("a peek sees %d members", n)
		}
		if us, ok := anyTime(string(b)); ok && (us <= 0 || us > 253402300800*1e6) {
			t.Errorf("anyTime(%q) = %d", b, us)
		}
	})
}
