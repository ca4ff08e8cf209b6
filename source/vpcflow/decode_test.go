package vpcflow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

const v2Line = "2 111122223333 eni-0a1b2c3d4e5f60718 10.20.1.15 10.20.8.40 49152 5432 6 24 8312 1767312060 1767312119 ACCEPT OK"

// decodeAll gives every event and every bad record's reason, by record number.
func decodeAll(t testing.TB, in yagura.Input) (events []*ocsf.Event, bad map[int64]string) {
	t.Helper()
	d, err := New().Open(in)
	if err != nil {
		t.Fatal(err)
	}
	bad = map[int64]string{}
	for n := int64(0); ; n++ {
		ev := &ocsf.Event{Code: "left over"}
		err := d.Next(ev)
		var re *yagura.RecordError
		switch {
		case err == io.EOF:
			return events, bad
		case errors.As(err, &re):
			if re.Record != n {
				t.Errorf("bad record has number %d, want %d", re.Record, n)
			}
			bad[n] = re.Reason
		case err != nil:
			t.Fatal(err)
		default:
			if ev.Provenance.Record != n {
				t.Errorf("record has number %d, want %d", ev.Provenance.Record, n)
			}
			events = append(events, ev)
		}
	}
}

func text1(t testing.TB, in string, options ...string) *ocsf.Event {
	t.Helper()
	input := yagura.Input{Body: strings.NewReader(in), MaxRecord: 1 << 16}
	if len(options) > 0 {
		input.Options = map[string]string{"format": options[0]}
	}
	events, bad := decodeAll(t, input)
	if len(events) != 1 || len(bad) != 0 {
		t.Fatalf("%d events, bad %v; want one event", len(events), bad)
	}
	return events[0]
}

func TestDefaultFormat(t *testing.T) {
	ev := text1(t, v2Line+"\n")
	want := ocsf.Event{}
	want.Reset()
	want.Time, want.End, want.Class, want.Activity, want.Status = 1767312060e6, 1767312119e6, ocsf.NetworkActivity, ocsf.NetTraffic, ocsf.StatusSuccess
	want.Version, want.Account, want.Device.Interface = "2", "111122223333", "eni-0a1b2c3d4e5f60718"
	want.Src.IP, want.Dst.IP, want.Src.Port, want.Dst.Port = "10.20.1.15", "10.20.8.40", 49152, 5432
	want.Traffic.Protocol, want.Traffic.Packets, want.Traffic.Bytes, want.Traffic.Sampling = 6, 24, 8312, "OK"
	want.Action, want.Format, want.Raw, want.Rebuildable = "ACCEPT", defaultFormat.text, v2Line, true
	if d := cmp.Diff(&want, ev); d != "" {
		t.Error(d)
	}
}

func TestSkipdataIsNeverZeroTraffic(t *testing.T) {
	for _, status := range []string{"SKIPDATA", "NODATA"} {
		ev := text1(t, "2 111122223333 eni-1 10.0.0.1 10.0.0.2 1 2 6 0 0 1767312060 1767312119 ACCEPT "+status+"\n")
		if ev.Traffic.Bytes != ocsf.Null || ev.Traffic.Packets != ocsf.Null || ev.Action != "" || ev.Src.IP != "" || ev.Src.Port != ocsf.Null || ev.Activity != 0 || ev.Status != 0 {
			t.Errorf("%s record has a flow: %+v", status, ev)
		}
		if ev.Traffic.Sampling != status || ev.Rebuildable {
			t.Errorf("sampling %q, rebuildable %v", ev.Traffic.Sampling, ev.Rebuildable)
		}
	}
}

func TestWhatIsRebuildable(t *testing.T) {
	for line, want := range map[string]bool{
		v2Line: true,
		strings.Replace(v2Line, "49152", "049152", 1): false,
		strings.Replace(v2Line, " 6 ", "  6 ", 1):     false,
		v2Line + " ": false,
		strings.Replace(v2Line, "eni-0a", "eni-\xff", 1):        false,
		strings.Replace(v2Line, "10.20.1.15", "2001:db8::1", 1): true,
		strings.Replace(v2Line, "10.20.1.15", "2001:DB8::1", 1): false,
		strings.Replace(v2Line, "10.20.1.15", "x.0.0.0", 1):     true,
		strings.Replace(v2Line, "1767312060", "-", 1):           false,
		"2026-01-02T00:01:00.000Z " + v2Line:                    true,
		"2026-01-02T00:01:00.001Z " + v2Line:                    false,
		strings.Replace(v2Line, "111122223333", "unknown", 1):   true,
	} {
		ev := text1(t, line, defaultFormat.text)
		if ev.Rebuildable != want || want && rebuild(ev) != line || ev.Raw != line {
			t.Errorf("%q: rebuildable %v, rebuilt %q", line, ev.Rebuildable, rebuild(ev))
		}
	}
}

func TestFormats(t *testing.T) {
	for name, option := range map[string]string{
		"aws":     "${srcaddr} ${dstaddr} ${start} ${az-id}",
		"plain":   "srcaddr dstaddr start az-id",
		"athena":  "srcaddr,dstaddr,start,az_id",
		"newline": "srcaddr\ndstaddr start\taz-id",
	} {
		ev := text1(t, "10.0.0.1 10.0.0.2 1767312060 use1-az1\n", option)
		if ev.Src.IP != "10.0.0.1" || ev.Dst.IP != "10.0.0.2" || ev.Time != 1767312060e6 || ev.Unmapped != `{"az-id":"use1-az1"}` || !ev.Rebuildable {
			t.Errorf("%s: %+v", name, ev)
		}
	}
	for _, option := range []string{"srcaddr srcaddr", "${src addr}", "SRCADDR", " ,"} {
		if _, err := New().Open(yagura.Input{Body: strings.NewReader(v2Line), Options: map[string]string{"format": option}}); err == nil {
			t.Errorf("format %q was taken", option)
		}
	}
	_, err := New().Open(yagura.Input{Body: strings.NewReader("10.0.0.1 10.0.0.2 1767312060\n")})
	if err == nil || !strings.Contains(err.Error(), `"format"`) {
		t.Errorf("unknown format: %v; want an error that names the option", err)
	}
	if _, err := New().Open(yagura.Input{Body: strings.NewReader("srcaddr dstaddr srcaddr\n")}); err == nil {
		t.Error("a header with a field twice was taken")
	}
}

func TestHeaderWinsAndMayChange(t *testing.T) {
	in := "srcaddr start\n10.0.0.1 1767312060\nsrcaddr start\n10.0.0.2 1767312060\nstart dstaddr\n1767312061 10.0.0.3\n"
	events, bad := decodeAll(t, yagura.Input{Body: strings.NewReader(in), Options: map[string]string{"format": "bytes"}})
	if len(events) != 3 || len(bad) != 0 || events[1].Src.IP != "10.0.0.2" || events[2].Dst.IP != "10.0.0.3" || events[2].Format != "start dstaddr" {
		t.Errorf("%d events, bad %v", len(events), bad)
	}
}

func TestOwnerAndTimeFromTheKey(t *testing.T) {
	in := yagura.Input{
		Object:  yagura.Object{Key: "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/01/02/111122223333_vpcflowlogs_eu-west-1_fl-0123_20260102T0005Z_8f2a.log.gz"},
		Body:    strings.NewReader("10.0.0.1 10.0.0.2\n"),
		Options: map[string]string{"format": "srcaddr dstaddr"},
	}
	events, bad := decodeAll(t, in)
	if len(bad) != 0 || events[0].Account != "111122223333" || events[0].Region != "eu-west-1" || events[0].Time != 1767312300e6 || !events[0].Rebuildable {
		t.Errorf("%+v, bad %v", events, bad)
	}
	in.Object.Key, in.Body = "", strings.NewReader("10.0.0.1 10.0.0.2\n")
	if _, bad = decodeAll(t, in); len(bad) != 1 {
		t.Errorf("a record without any time: bad %v", bad)
	}
}

func TestLongLineIsARecordError(t *testing.T) {
	in := v2Line + "\n" + strings.Repeat("x", 5000) + "\n" + v2Line + "\n"
	events, bad := decodeAll(t, yagura.Input{Body: strings.NewReader(in), MaxRecord: 1000})
	if len(events) != 2 || !strings.Contains(bad[1], "1000 bytes") {
		t.Errorf("%d events, bad %v", len(events), bad)
	}
	long := strings.Repeat("x", 5000) + "\n" + v2Line
	if _, err := New().Open(yagura.Input{Body: strings.NewReader(long), MaxRecord: 1000}); err == nil {
		t.Error("a first line that may have been a header was passed over")
	}
	events, bad = decodeAll(t, yagura.Input{Body: strings.NewReader(long), MaxRecord: 1000, Options: map[string]string{"format": defaultFormat.text}})
	if len(events) != 1 || len(bad) != 1 {
		t.Errorf("long first line: %d events, bad %v", len(events), bad)
	}
}

func TestMatch(t *testing.T) {
	const key = "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/01/02/x.log.gz"
	for _, c := range []struct {
		key, head string
		want      yagura.Match
	}{
		{key, defaultFormat.text + "\n" + v2Line, yagura.ByBoth},
		{"flows.txt", defaultFormat.text + "\n" + v2Line, yagura.ByContent},
		{"flows.txt", v2Line, yagura.ByContent},
		{"flows.txt", "2026-01-02T00:01:00.000Z " + v2Line, yagura.ByContent},
		{"flows.txt", strings.ReplaceAll(defaultFormat.text, "-", "_"), yagura.ByContent},
		{key, "10.0.0.1 10.0.0.2", yagura.ByKey},
		{key, "PAR1\x00", yagura.ByKey},
		{key, "", yagura.ByKey},
		{"flows.txt", "version start end of the world", yagura.NoMatch},
		{"x", `{"version":"1"}`, yagura.NoMatch},
		{"x", "", yagura.NoMatch},
	} {
		if got := New().Match(c.key, []byte(c.head)); got != c.want {
			t.Errorf("Match(%s, %.40q) = %d, want %d", c.key, c.head, got, c.want)
		}
	}
}

func TestSchemaColumnsExist(t *testing.T) {
	for _, c := range schema.Columns {
		if ocsf.Lookup(c) == nil {
			t.Errorf("no column %s", c)
		}
	}
	for _, n := range schema.Native {
		if len(n.Columns) == 0 && n.Path == "" {
			t.Errorf("native %s has no place", n.Name)
		}
	}
}

// writeParquet writes rows as AWS does: integers typed, the rest text.
func writeParquet(t testing.TB, names []string, rows [][]string) []byte {
	t.Helper()
	group := parquet.Group{}
	for _, n := range names {
		var node parquet.Node
		switch n {
		case "version", "srcport", "dstport", "protocol", "tcp_flags", "traffic_path":
			node = parquet.Int(32)
		case "packets", "bytes", "start", "end":
			node = parquet.Int(64)
		default:
			node = parquet.String()
		}
		group[n] = parquet.Optional(node)
	}
	sch := parquet.NewSchema("flow", group)
	var out bytes.Buffer
	w := parquet.NewWriter(&out, sch)
	for _, r := range rows {
		row := make(parquet.Row, len(sch.Columns()))
		for i, n := range names {
			leaf, _ := sch.Lookup(n)
			v := parquet.NullValue().Level(0, 0, leaf.ColumnIndex)
			switch {
			case r[i] == "-":
			case leaf.Node.Type().Kind() == parquet.ByteArray:
				v = parquet.ByteArrayValue([]byte(r[i])).Level(0, 1, leaf.ColumnIndex)
			default:
				x, err := strconv.ParseInt(r[i], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				v = parquet.Int64Value(x).Level(0, 1, leaf.ColumnIndex)
				if leaf.Node.Type().Kind() == parquet.Int32 {
					v = parquet.Int32Value(int32(x)).Level(0, 1, leaf.ColumnIndex)
				}
			}
			row[leaf.ColumnIndex] = v
		}
		if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A Parquet file and a text file of the same flows give the same attributes.
func TestParquetEqualsText(t *testing.T) {
	for _, name := range []string{"default-v2.log", "custom-v5.log", "tgw-v6.log"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]string
		for l := range strings.Lines(string(data)) {
			rows = append(rows, strings.Fields(l))
		}
		names := strings.Split(strings.ReplaceAll(strings.Join(rows[0], " "), "-", "_"), " ")
		file := writeParquet(t, names, rows[1:])
		fromParquet, bad := decodeAll(t, yagura.Input{At: bytes.NewReader(file), Size: int64(len(file))})
		fromText, _ := decodeAll(t, yagura.Input{Body: bytes.NewReader(data)})
		if len(bad) != 0 || len(fromParquet) != len(fromText) {
			t.Fatalf("%s: %d and %d events, bad %v", name, len(fromParquet), len(fromText), bad)
		}
		for i, p := range fromParquet {
			if !p.Rebuildable || rebuild(p) != p.Raw {
				t.Errorf("%s, row %d: rebuilt %q, raw %q", name, i, rebuild(p), p.Raw)
			}
			// The writer sorts columns, so the layout differs and nothing else may.
			p.Raw, p.Format, p.Unmapped = fromText[i].Raw, fromText[i].Format, fromText[i].Unmapped
			if d := cmp.Diff(fromText[i], p); d != "" {
				t.Errorf("%s, row %d: %s", name, i, d)
			}
		}
	}
}

func TestBrokenParquetIsAnError(t *testing.T) {
	rows := make([][]string, 200)
	for i := range rows {
		rows[i] = strings.Fields(v2Line)
	}
	names := strings.Split(strings.ReplaceAll(defaultFormat.text, "-", "_"), " ")
	good := writeParquet(t, names, rows)
	for i := 4; i < len(good); i += 7 {
		data := bytes.Clone(good)
		data[i] ^= 0xff
		d, err := New().Open(yagura.Input{At: bytes.NewReader(data), Size: int64(len(data))})
		if err != nil {
			continue
		}
		for n := 0; ; n++ {
			var ev ocsf.Event
			var re *yagura.RecordError
			if err := d.Next(&ev); err != nil && !errors.As(err, &re) {
				break
			}
			if n > 10000 {
				t.Fatalf("byte %d flipped: no end", i)
			}
		}
	}
}

// twin reads a line the slow way and says what its attributes must be.
func twin(line, layout string) (map[string]string, bool) {
	words, names := strings.Fields(strings.ReplaceAll(line, "\t", "\x00")), strings.Fields(layout)
	if len(words) != len(names) {
		return nil, false
	}
	m := map[string]string{}
	for i, n := range names {
		w := words[i]
		if w == "-" {
			continue
		}
		switch n {
		case "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "tcp-flags", "traffic-path":
			x, err := strconv.ParseInt(w, 10, 64)
			if err != nil || strings.ContainsAny(w, "+-") || (n == "start" || n == "end") && x > lastSecond {
				return nil, false
			}
			w = strconv.FormatInt(x, 10)
		case "srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr":
			if a, err := netip.ParseAddr(w); err == nil && a.Zone() == "" {
				w = a.String()
			}
		}
		m[n] = w
	}
	return m, m["start"] != "" || m["end"] != ""
}

// read gives an event's attributes under their native names.
func read(ev *ocsf.Event) map[string]string {
	m := map[string]string{}
	for name := range strings.FieldsSeq(ev.Format) {
		b := value(nil, ev, byName[name])
		if len(b) > 0 {
			m[name] = string(b)
		}
	}
	return m
}

const twinLayout = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags flow-direction traffic-path"

func FuzzLine(f *testing.F) {
	f.Add(v2Line + " 3 egress 8")
	f.Add("2 - - x.0.0.0 2001:DB8::1 01 2 6 0 0 1 2 - SKIPDATA - - -")
	f.Add("2 - - 10.0.0.256 fe80::1%e 1 2 6 9223372036854775807 9223372036854775808 1 2 REJECT OK 2 ingress -")
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\n\r\v\f\t\u0085\u00a0") || strings.ContainsFunc(line, func(r rune) bool { return r > 0x7f }) || strings.Trim(line, " ") == "" || len(line) > 1<<16 {
			t.Skip() // strings.Fields cuts at more than spaces
		}
		if h, _ := header(line); h != nil || stamped(line) || strings.HasPrefix(line, "PAR1") {
			t.Skip()
		}
		events, bad := decodeAll(t, yagura.Input{Body: strings.NewReader(line), Options: map[string]string{"format": twinLayout}})
		want, ok := twin(line, twinLayout)
		if ok != (len(events) == 1) || len(events)+len(bad) != 1 {
			t.Fatalf("%q: %d events, bad %v; twin says %v", line, len(events), bad, ok)
		}
		if !ok {
			return
		}
		ev := events[0]
		if ev.Traffic.Sampling != "NODATA" && ev.Traffic.Sampling != "SKIPDATA" {
			if want["start"] == "" {
				want["start"] = want["end"]
			}
			if d := cmp.Diff(want, read(ev)); d != "" {
				t.Errorf("%q: %s", line, d)
			}
		}
		if got := rebuild(ev); ev.Rebuildable != (got == line) {
			t.Errorf("rebuildable %v: rebuilt %q, raw %q", ev.Rebuildable, got, line)
		}
	})
}

// Whatever the bytes are, a rebuildable event rebuilds.
func FuzzFile(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.log")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "")
	}
	f.Add([]byte("10.0.0.1 1\n"), "${srcaddr} ${start}")
	f.Fuzz(func(t *testing.T, data []byte, option string) {
		in := yagura.Input{Body: bytes.NewReader(data), MaxRecord: 4096, Options: map[string]string{"format": option}}
		d, err := New().Open(in)
		if err != nil {
			return
		}
		for n := int64(0); ; n++ {
			var ev ocsf.Event
			err := d.Next(&ev)
			if err == io.EOF {
				return
			}
			if _, bad := errors.AsType[*yagura.RecordError](err); bad {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if ev.Rebuildable && rebuild(&ev) != ev.Raw {
				t.Fatalf("rebuilt %q, raw %q", rebuild(&ev), ev.Raw)
			}
			if !bytes.Contains(data, []byte(ev.Raw)) || ev.Provenance.Record != n {
				t.Fatalf("record %d: raw %q is not in the file", n, ev.Raw)
			}
		}
	})
}

func benchmark(b *testing.B, head string, unique func(i int) string) {
	var in bytes.Buffer
	in.WriteString(head)
	const n = 20000
	for i := range n {
		in.WriteString(unique(i))
	}
	b.SetBytes(int64(in.Len()))
	b.ReportAllocs()
	var ev ocsf.Event
	for b.Loop() {
		d, err := New().Open(yagura.Input{Body: bytes.NewReader(in.Bytes())})
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			err = d.Next(&ev)
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkV2(b *testing.B) {
	benchmark(b, defaultFormat.text+"\n", func(i int) string {
		return fmt.Sprintf("2 111122223333 eni-0a1b2c3d4e5f60718 10.20.%d.%d 10.20.8.40 %d 5432 6 24 %d 1767312060 1767312119 ACCEPT OK\n", i>>8&255, i&255, 32768+i%28000, i)
	})
}

func BenchmarkV5(b *testing.B) {
	data, err := os.ReadFile("testdata/custom-v5.log")
	if err != nil {
		b.Fatal(err)
	}
	rows := strings.SplitAfter(string(data), "\n")
	benchmark(b, rows[0], func(int) string { return rows[1] })
}

func BenchmarkParquet(b *testing.B) {
	names := strings.Split(strings.ReplaceAll(defaultFormat.text, "-", "_"), " ")
	rows := make([][]string, 20000)
	for i := range rows {
		rows[i] = strings.Fields(v2Line)
		rows[i][5] = strconv.Itoa(32768 + i%28000)
	}
	file := writeParquet(b, names, rows)
	b.ReportAllocs()
	var ev ocsf.Event
	for b.Loop() {
		d, err := New().Open(yagura.Input{At: bytes.NewReader(file), Size: int64(len(file))})
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			err = d.Next(&ev)
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(rows))/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkRebuildV2(b *testing.B) {
	ev := text1(b, v2Line)
	b.ReportAllocs()
	for b.Loop() {
		_ = rebuild(ev)
	}
}
