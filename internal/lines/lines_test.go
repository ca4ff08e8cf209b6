package lines

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

type got struct {
	Line string
	Off  int64
	Long bool
}

func readAll(t testing.TB, src io.Reader, longest int) []got {
	t.Helper()
	r := NewReader(src, longest)
	var all []got
	for {
		line, off, err := r.Next()
		switch {
		case errors.Is(err, ErrTooLong):
			all = append(all, got{line, off, true})
		case err == io.EOF:
			return all
		case err != nil:
			t.Fatal(err)
		default:
			all = append(all, got{line, off, false})
		}
	}
}

// slow is the reader's twin: everything in memory, bytes.Split.
func slow(data []byte, longest int) []got {
	var all []got
	off := int64(0)
	for i, part := range bytes.Split(data, []byte("\n")) {
		at := off
		off += int64(len(part)) + 1
		line := strings.TrimSuffix(string(part), "\r")
		if len(line) > longest {
			all = append(all, got{line[:min(len(line), keepLong)], at, true})
			continue
		}
		if i == 0 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if strings.Trim(line, " \t") != "" {
			all = append(all, got{line, at, false})
		}
	}
	return all
}

func TestReaderCutsLines(t *testing.T) {
	in := "\ufeffone\r\n\ntwo\n  \nthree \xff\n" + strings.Repeat("x", 30) + "\nlast"
	want := []got{{"one", 0, false}, {"two", 9, false}, {"three \xff", 16, false}, {strings.Repeat("x", 30), 24, true}, {"last", 55, false}}
	for name, src := range map[string]io.Reader{
		"whole":    strings.NewReader(in),
		"one byte": iotest.OneByteReader(strings.NewReader(in)),
		"data+err": iotest.DataErrReader(strings.NewReader(in)),
	} {
		if d := cmp.Diff(want, readAll(t, src, 20)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// A record cut off by a broken stream must not look like a whole one.
func TestReaderDoesNotGiveABrokenTail(t *testing.T) {
	broken := errors.New("broken")
	r := NewReader(io.MultiReader(strings.NewReader("whole\ntail"), iotest.ErrReader(broken)), 0)
	if line, _, err := r.Next(); line != "whole" || err != nil {
		t.Fatal(line, err)
	}
	if line, _, err := r.Next(); !errors.Is(err, broken) {
		t.Fatalf("line %q, error %v; want the stream's error", line, err)
	}
}

type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.read >= 64<<20 {
		return copy(p, "\nafter\n"), io.EOF
	}
	for i := range p {
		p[i] = 'x'
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestTooLongLineIsSkippedInConstantMemory(t *testing.T) {
	r := NewReader(&endless{}, 1000)
	line, _, err := r.Next()
	if !errors.Is(err, ErrTooLong) || len(line) > keepLong || len(r.buf) > fullChunk {
		t.Fatalf("%d bytes kept, chunk %d, error %v", len(line), len(r.buf), err)
	}
	if line, _, err := r.Next(); line != "after" || err != nil {
		t.Fatalf("after the long line: %q, %v", line, err)
	}
}

func TestLinesStayUnchanged(t *testing.T) {
	var in, want []string
	for i := range 50000 {
		in = append(in, "line number "+strconv.Itoa(i))
	}
	want = append(want, in...)
	var lines []string
	for _, g := range readAll(t, iotest.HalfReader(strings.NewReader(strings.Join(in, "\n"))), 0) {
		lines = append(lines, g.Line)
	}
	if d := cmp.Diff(want, lines); d != "" {
		t.Error(d)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("a\nb\r\n\n\xef\xbb\xbfc"), 3)
	f.Add([]byte("\xef\xbb\xbf\n"+strings.Repeat("y", 100)+"\r\nz"), 10)
	f.Fuzz(func(t *testing.T, data []byte, longest int) {
		longest = 1 + (longest&0xff+256)&0xff
		want := slow(data, longest)
		for _, src := range []io.Reader{bytes.NewReader(data), iotest.HalfReader(bytes.NewReader(data))} {
			got := readAll(t, src, longest)
			if d := cmp.Diff(want, got); d != "" {
				t.Fatal(d)
			}
		}
	})
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{"10.0.0.1", "x.0.0.0", "2001:DB8::1", "fe80::1%eth0", "::ffff:1.2.3.4", "007", "9223372036854775808", "2024-02-30T00:00:00Z", "2024-05-01T10:00:00.123456Z", "06/Feb/2019:00:00:38 +0000", "0.001", "-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := Address(s)
		a, err := netip.ParseAddr(s)
		if want := err == nil && a.Zone() == ""; ok != want || ok && got != a.String() {
			t.Errorf("Address(%q) = %q, %v; netip %v, %v", s, got, ok, a, err)
		}
		n, exact, ok := Number(s)
		u, err := strconv.ParseInt(s, 10, 64)
		if want := err == nil && s[0] != '+' && s[0] != '-'; ok != want || ok && (n != u || exact != (strconv.FormatInt(u, 10) == s)) {
			t.Errorf("Number(%q) = %d, %v, %v; strconv %d, %v", s, n, exact, ok, u, err)
		}
		if us, ok := ISO(s); ok && !strings.Contains(s, ":60") {
			at, err := time.Parse("2006-01-02T15:04:05", strings.TrimSuffix(s[:19], "Z"))
			if err != nil || us/1e6 != at.Unix() && us >= 0 {
				t.Errorf("ISO(%q) = %d; time %v, %v", s, us, at, err)
			}
		}
		if us, ok := CLF(s); ok && !strings.Contains(s, ":60 ") {
			at, err := time.Parse("02/Jan/2006:15:04:05 -0700", s)
			if err != nil || us != at.UnixMicro() {
				t.Errorf("CLF(%q) = %d; time %v, %v", s, us, at, err)
			}
		}
		var o Object
		o.Add(s, s)
		var m map[string]string
		if err := json.Unmarshal([]byte(o.String()), &m); err != nil || len(m) != 1 {
			t.Errorf("Object of %q: %s: %v", s, o.String(), err)
		}
		if utf8.ValidString(s) && m[s] != s {
			t.Errorf("Object of %q gives %q", s, m)
		}
	})
}

func TestOwner(t *testing.T) {
	for key, want := range map[string][2]string{
		"p/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/01/02/f.log.gz":                                                     {"111122223333", "eu-west-1"},
		"AWSLogs/o-abc123/111122223333/vpcflowlogs/ap-northeast-1/2026/01/02/f":                                                {"111122223333", "ap-northeast-1"},
		"AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/month=01/day=02/f.parquet": {"111122223333", "us-east-1"},
		"AWSLogs/XXXXXXXXXXXX/elasticloadbalancing/us-east-1/f":                                                                {"XXXXXXXXXXXX", "us-east-1"},
		"AWSLogs/111122223333": {"", ""},
		"somewhere/else/f.log": {"", ""},
	} {
		account, region := Owner(key)
		if account != want[0] || region != want[1] {
			t.Errorf("Owner(%s) = %s, %s; want %v", key, account, region, want)
		}
	}
}

func TestMicrosAndHostPort(t *testing.T) {
	for in, want := range map[string]int64{"0.001": 1000, "1": 1e6, "12.0000019": 12000001, "0.000": 0} {
		if us, ok := Micros(in); !ok || us != want {
			t.Errorf("Micros(%s) = %d, %v; want %d", in, us, ok, want)
		}
	}
	for _, in := range []string{"-1", "-", "", ".", "1.", "1.x", "99999999999999999999"} {
		if us, ok := Micros(in); ok {
			t.Errorf("Micros(%q) = %d, want not ok", in, us)
		}
	}
	for in, want := range map[string][2]string{
		"10.0.0.1:80": {"10.0.0.1", "80"}, "[2001:db8::1]:443": {"2001:db8::1", "443"}, "[2001:db8::1]": {"2001:db8::1", ""},
		"x.0.0.0:50337": {"x.0.0.0", "50337"}, "host": {"host", ""},
	} {
		h, p := HostPort(in)
		if h != want[0] || p != want[1] {
			t.Errorf("HostPort(%s) = %s, %s", in, h, p)
		}
	}
}

func BenchmarkReader(b *testing.B) {
	data := []byte(strings.Repeat(strings.Repeat("x", 110)+"\n", 10000))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(bytes.NewReader(data), 0)
		for {
			if _, _, err := r.Next(); err != nil {
				break
			}
		}
	}
}
