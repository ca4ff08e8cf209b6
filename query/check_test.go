package query

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/query/match"
)

var tokyo = time.FixedZone("JST", 9*60*60)

var now = time.Date(2026, 10, 8, 12, 0, 0, 0, tokyo)

func testFields(t testing.TB) field.Table {
	t.Helper()
	table, err := field.New([]field.Field{
		{Name: "time", Kind: field.Time, Target: field.Target{Columns: []string{"time"}}, Doc: "when it happened"},
		{Name: "eventTime", Kind: field.Time, Target: field.Target{Columns: []string{"time"}}},
		{Name: "api.operation", Target: field.Target{Columns: []string{"api_operation"}}, Doc: "called operation"},
		{Name: "eventName", Target: field.Target{Columns: []string{"api_operation"}}, Sources: []string{"cloudtrail"}},
		{Name: "errorCode", Target: field.Target{Columns: []string{"api_response_error"}}},
		{Name: "sourceIPAddress", Kind: field.IP, Target: field.Target{Columns: []string{"src_ip"}}},
		{Name: "src_endpoint.ip", Kind: field.IP, Target: field.Target{Columns: []string{"src_ip"}}},
		{Name: "srcaddr", Kind: field.IP, Target: field.Target{Columns: []string{"src_ip"}}},
		{Name: "bytes", Kind: field.Int, Target: field.Target{Columns: []string{"traffic_bytes"}}},
		{Name: "readOnly", Kind: field.Bool, Target: field.Target{Path: "readOnly"}},
		{Name: "resources.name", Kind: field.List, Target: field.Target{Columns: []string{"resource_names"}}},
		{Name: "userIdentity.accessKeyId", Target: field.Target{Path: "userIdentity.accessKeyId"}},
		{Name: "Case", Target: field.Target{Path: "Case"}},
		{Name: "case", Target: field.Target{Path: "case"}},
	}, []string{"requestParameters", "responseElements"}, false)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func utc(s string) time.Time {
	v, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return v.UTC()
}

func TestCheck(t *testing.T) {
	str := func(s string) *string { return &s }
	addrs := func(lo, hi string) match.Addrs {
		return match.Addrs{Low: netip.MustParseAddr(lo), High: netip.MustParseAddr(hi)}
	}
	col := func(c string) field.Target { return field.Target{Columns: []string{c}} }
	fields := testFields(t)
	for _, c := range []struct {
		in     string
		target field.Target
		test   match.Test
	}{
		{`eventName:Get*`, col("api_operation"), match.NewText("Get*", false)},
		{`EVENTNAME:x`, col("api_operation"), match.NewText("x", false)},
		{`api_operation:x`, col("api_operation"), match.NewText("x", false)},
		{`API.Operation:~x`, col("api_operation"), match.NewText("x", true)},
		{`eventName:10.0.0.0/8`, col("api_operation"), match.NewText("10.0.0.0/8", false)},
		{`eventName:*`, col("api_operation"), match.Any{}},
		{`bytes:*`, col("traffic_bytes"), match.Any{}},
		{`bytes:[* TO *]`, col("traffic_bytes"), match.Any{}},
		{`eventName:{a TO "b c"]`, col("api_operation"), match.Strings{Low: str("a"), LowOpen: true, High: str("b c")}},
		{`eventName:>1.5`, col("api_operation"), match.Strings{Low: str("1.5"), LowOpen: true}},
		{`requestParameters.max:>100`, field.Target{Path: "requestParameters.max"}, match.Ints{Low: 101, High: 1<<63 - 1}},
		{`accessKeyId:AKIA`, field.Target{Leaf: "accessKeyId"}, match.NewText("AKIA", false)},
		{`requestParameters.bucketName:b`, field.Target{Path: "requestParameters.bucketName"}, match.NewText("b", false)},
		{`Case:b`, field.Target{Path: "Case"}, match.NewText("b", false)},
		{`bytes:>1000`, col("traffic_bytes"), match.Ints{Low: 1001, High: 1<<63 - 1}},
		{`bytes:[-5 TO 7}`, col("traffic_bytes"), match.Ints{Low: -5, High: 6}},
		{`bytes:>9223372036854775807`, col("traffic_bytes"), match.Ints{Low: 1, High: 0}},
		{`bytes:42`, col("traffic_bytes"), match.Ints{Low: 42, High: 42}},
		{`readOnly:TRUE`, field.Target{Path: "readOnly"}, match.Flag(true)},
		{`sourceIPAddress:10.0.0.0/8`, col("src_ip"), addrs("10.0.0.0", "10.255.255.255")},
		{`sourceIPAddress:10.9.9.9/8`, col("src_ip"), addrs("10.0.0.0", "10.255.255.255")},
		{`sourceIPAddress:::ffff:10.0.0.0/104`, col("src_ip"), addrs("10.0.0.0", "10.255.255.255")},
		{`sourceIPAddress:10.0.0.1`, col("src_ip"), addrs("10.0.0.1", "10.0.0.1")},
		{`sourceIPAddress:2001:db8::/31`, col("src_ip"), addrs("2001:db8::", "2001:db9:ffff:ffff:ffff:ffff:ffff:ffff")},
		{`sourceIPAddress:{10.0.0.1 TO 10.0.0.9]`, col("src_ip"), addrs("10.0.0.2", "10.0.0.9")},
		{`sourceIPAddress:<=10.0.0.9`, col("src_ip"), addrs("0.0.0.0", "10.0.0.9")},
		{`sourceIPAddress:<0.0.0.0`, col("src_ip"), match.Addrs{Low: netip.MustParseAddr("0.0.0.0"), High: netip.MustParseAddr("0.0.0.0"), Empty: true}},
		{`sourceIPAddress:"AWS Internal"`, col("src_ip"), match.NewText("AWS Internal", false)},
		{`sourceIPAddress:10.0.*`, col("src_ip"), match.NewText("10.0.*", false)},
		{`time:>-24h`, col("time"), match.Times{From: utc("2026-10-07T03:00:00.000000001Z")}},
		{`time:>=now-7d`, col("time"), match.Times{From: utc("2026-10-01T03:00:00Z")}},
		{`time:-24h`, col("time"), match.Times{From: utc("2026-10-07T03:00:00Z")}},
		{`time:2026-10-01`, col("time"), match.Times{From: utc("2026-09-30T15:00:00Z"), To: utc("2026-10-01T15:00:00Z")}},
		{`time:[2026-10-01 TO 2026-10-02]`, col("time"), match.Times{From: utc("2026-09-30T15:00:00Z"), To: utc("2026-10-02T15:00:00Z")}},
		{`time:[2026-10-01 TO 2026-10-02}`, col("time"), match.Times{From: utc("2026-09-30T15:00:00Z"), To: utc("2026-10-01T15:00:00Z")}},
		{`time:>2026-10-01`, col("time"), match.Times{From: utc("2026-10-01T15:00:00Z")}},
		{`time:<2026-10-01T10:00:00Z`, col("time"), match.Times{To: utc("2026-10-01T10:00:00Z")}},
		{`time:<=2026-10-01T10:00:00Z`, col("time"), match.Times{To: utc("2026-10-01T10:00:01Z")}},
	} {
		e, err := Parse(c.in)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.in, err)
			continue
		}
		got, err := Check(e, fields, now)
		if err != nil {
			t.Errorf("Check(%q): %v", c.in, err)
			continue
		}
		term := got.(Term)
		opts := cmp.Options{cmpopts.IgnoreUnexported(match.Text{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}
		if diff := cmp.Diff(c.target, term.Target); diff != "" {
			t.Errorf("%q: target (-want +got):\n%s", c.in, diff)
		}
		if diff := cmp.Diff(c.test, term.Test, opts); diff != "" {
			t.Errorf("%q: test (-want +got):\n%s", c.in, diff)
		}
		if Print(got) != Print(e) || e.(Term).Test != nil {
			t.Errorf("%q: checking changed what was written", c.in)
		}
	}
}

func TestCheckBuilt(t *testing.T) {
	fields := testFields(t)
	built := And{Args: []Expr{Term{Field: "eventName", Op: "~", Text: "get*"}, Not{Arg: Term{Field: "bytes", Op: ">", Text: "x"}}}}
	_, err := Check(built, fields, now)
	want := "bytes:>x\n       ^\nx is not a whole number, and bytes holds numbers\nwrite digits, for example 1000 or >1000\n"
	if asError(t, err).Text("en") != want {
		t.Errorf("a built term fails with\n%v, want\n%s", err, want)
	}
	var deep Expr = Term{Text: "a"}
	for range 100_000 {
		deep = Not{Arg: deep}
	}
	if _, err := Check(deep, fields, now); err == nil || !strings.Contains(err.Error(), "levels") {
		t.Errorf("a very deep expression checks: %v", err)
	}
	for name, bad := range map[string]Expr{
		"nil": nil, "and of nil": And{Args: []Expr{nil}}, "bare range": Term{Op: ">", Text: "1"}, "bare empty": Term{},
		"unknown op": Term{Field: "eventName", Op: "=", Text: "x"}, "bad regexp": Term{Field: "eventName", Op: "/", Text: "("},
	} {
		if _, err := Check(bad, fields, now); err == nil {
			t.Errorf("%s checks", name)
		}
	}
}

func TestParseTime(t *testing.T) {
	for _, c := range []struct{ in, from, to string }{
		{"now", "2026-10-08T03:00:00Z", "2026-10-08T03:00:00.000000001Z"},
		{"-24h", "2026-10-07T03:00:00Z", "2026-10-07T03:00:00.000000001Z"},
		{"now-1d12h", "2026-10-06T15:00:00Z", "2026-10-06T15:00:00.000000001Z"},
		{"now-1w+30m", "2026-10-01T03:30:00Z", "2026-10-01T03:30:00.000000001Z"},
		{"+90s", "2026-10-08T03:01:30Z", "2026-10-08T03:01:30.000000001Z"},
		{"2026-10", "2026-09-30T15:00:00Z", "2026-10-31T15:00:00Z"},
		{"2026-10-01", "2026-09-30T15:00:00Z", "2026-10-01T15:00:00Z"},
		{"2026-10-01T10", "2026-10-01T01:00:00Z", "2026-10-01T02:00:00Z"},
		{"2026-10-01T10:00", "2026-10-01T01:00:00Z", "2026-10-01T01:01:00Z"},
		{"2026-10-01 10:00:30", "2026-10-01T01:00:30Z", "2026-10-01T01:00:31Z"},
		{"2026-10-01T10:00:00Z", "2026-10-01T10:00:00Z", "2026-10-01T10:00:01Z"},
		{"2026-10-01T10:00:00+09:00", "2026-10-01T01:00:00Z", "2026-10-01T01:00:01Z"},
		{"2026-10-01T10:00:00.000Z", "2026-10-01T10:00:00Z", "2026-10-01T10:00:00.000000001Z"},
		{"2026-10-01T10:00:00.25Z", "2026-10-01T10:00:00.25Z", "2026-10-01T10:00:00.250000001Z"},
	} {
		from, to, err := ParseTime(c.in, now, tokyo)
		if err != nil || !from.Equal(utc(c.from)) || !to.Equal(utc(c.to)) {
			t.Errorf("ParseTime(%q) = %v, %v, %v; want %s, %s", c.in, from, to, err, c.from, c.to)
		}
	}
	for _, in := range []string{"", "24h", "-", "-h", "-24", "-24y", "now-", "nowhere", "-99999999999d", "-36500d36500d", "2026", "2026-13-01", "2026-02-30", "10:00", "yesterday"} {
		if from, _, err := ParseTime(in, now, tokyo); err == nil {
			t.Errorf("ParseTime(%q) = %v, want an error", in, from)
		}
	}
}
