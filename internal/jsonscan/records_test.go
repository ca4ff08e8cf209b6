package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// split writes down everything that Records says about a stream, a line each.
func split(r io.Reader, limit int, names ...string) []string {
	rs := NewRecords(r, limit, names...)
	var out []string
	for {
		rec, err := rs.Next()
		var bad *BadRecord
		switch {
		case err == nil:
			out = append(out, fmt.Sprintf("%d@%d %s%s", rec.Number, rec.Offset, rec.Wrapper, rec.Raw))
		case errors.As(err, &bad):
			out = append(out, fmt.Sprintf("%d@%d BAD %s: %s", bad.Number, bad.Offset, bad.Reason, bad.Raw))
		default:
			if err != io.EOF {
				out = append(out, "END "+err.Error())
			}
			if h := rs.Header(); h != nil {
				out = append(out, "HEAD "+string(h))
			}
			return out
		}
	}
}

var streams = []struct {
	name, in string
	limit    int
	want     []string
}{
	{"empty", "", 0, nil},
	{"space", " \n ", 0, nil},
	{"lines", "{\"a\":1}\n{\"b\":[{}]}\r\n\n{}", 0, []string{`0@0 {"a":1}`, `1@8 {"b":[{}]}`, `2@21 {}`}},
	{"concatenated", `{"a":"}"}{"b":"\"{"} {}`, 0, []string{`0@0 {"a":"}"}`, `1@9 {"b":"\"{"}`, `2@21 {}`}},
	{"top array", `[ {"a":1} , {"b":2} ]`, 0, []string{`0@2 {"a":1}`, `1@12 {"b":2}`}},
	{"empty array", `[]`, 0, nil},
	{"byte order mark", "\xef\xbb\xbf{}", 0, []string{`0@3 {}`}},
	{"wrapper", `{"Records":[{"a":1},{"b":2}]}`, 0, []string{`0@12 Records{"a":1}`, `1@20 Records{"b":2}`, `HEAD {"Records":[]}`}},
	{
		"wrapper pretty", "{\n \"v\": \"1\",\n \"Records\" : [\n  {\n   \"a\": 1\n  },\n  {}\n ], \"t\": [1]\n}\n", 0,
		[]string{"0@30 Records{\n   \"a\": 1\n  }", "1@49 Records{}", "HEAD {\n \"v\": \"1\",\n \"Records\" : [], \"t\": [1]\n}"},
	},
	{
		"wrapper after wrapper", `{"Records":[{"a":1}]}` + "\n" + `{"items":[{"b":2}]}`, 0,
		[]string{`0@12 Records{"a":1}`, `1@32 items{"b":2}`, `HEAD {"items":[]}`},
	},
	{
		"two arrays in one", `{"Records":[{"a":1}],"x":"items","items":[{"b":2}],"y":1}`, 0,
		[]string{`0@12 Records{"a":1}`, `1@42 items{"b":2}`, `HEAD {"Records":[],"x":"items","items":[],"y":1}`},
	},
	{"name as value", `{"a":"Records","b":[{}]}`, 0, []string{`0@0 {"a":"Records","b":[{}]}`}},
	{"name is no array", `{"Records":{"a":[1]}}`, 0, []string{`0@0 {"Records":{"a":[1]}}`}},
	{"name deeper", `{"x":{"Records":[1]}}`, 0, []string{`0@0 {"x":{"Records":[1]}}`}},
	{"empty wrapper", `{"Records":[]}`, 0, []string{`HEAD {"Records":[]}`}},
	{"elements that are no objects", `{"Records":[null,{"a":1},"x,{",[1,[2]],5]}`, 0, []string{
		"0@12 BAD an element of the record array is not an object: null", `1@17 Records{"a":1}`,
		`2@25 BAD an element of the record array is not an object: "x,{"`,
		"3@31 BAD an element of the record array is not an object: [1,[2]]",
		"4@39 BAD an element of the record array is not an object: 5", `HEAD {"Records":[]}`,
	}},
	{"junk line", "hello\n{\"a\":1}\n5\n", 0, []string{"0@0 BAD not a JSON object: hello", `1@6 {"a":1}`, "2@14 BAD not a JSON object: 5"}},
	{"line without end", "{\"a\":[1\n{\"b\":2}\n", 0, []string{"0@0 BAD a value stands where none can begin: {\"a\":[1\n", `1@8 {"b":2}`}},
	{"line with an open string", "{\"a\":\"x\n{\"b\":2}\n", 0, []string{"0@0 BAD control character in a string: {\"a\":\"x\n", `1@8 {"b":2}`}},
	{"line with a crooked bracket", "{\"a\":[1}\n{\"b\":2}\n", 0, []string{"0@0 BAD brackets do not pair: {\"a\":[1}\n", `1@9 {"b":2}`}},
	{"line that swallows the next", "{\"a\":\n{\"b\":2}\n", 0, []string{"0@0 BAD does not end: {\"a\":\n", `1@6 {"b":2}`}},
	{"bad record in an array", `{"Records":[{"v":1,"s":"open,"w":2},{"v":3},{"v":4}]}`, 0, []string{
		`0@12 BAD a value stands where none can begin: {"v":1,"s":"open,"w":2},`, `1@36 Records{"v":3}`, `2@44 Records{"v":4}`, `HEAD {"Records":[]}`,
	}},
	{"unclosed record in an array", `[{"v":1,"s":{"w":2},{"v":3}]`, 0, []string{
		`0@1 BAD a value stands where none can begin: {"v":1,"s":{"w":2},`, `1@20 {"v":3}`,
	}},
	{"bad last record in an array", `[{"v":1},{"v":]}]`, 0, []string{
		`0@1 {"v":1}`,
		`1@9 BAD brackets do not pair; no further record found behind it: {"v":]}]`,
		"END damaged from byte 9 on: no further record found up to the end at byte 17",
	}},
	{"cut in a record", `{"Records":[{"a":1},{"b"`, 0, []string{
		`0@12 Records{"a":1}`,
		"END truncated at byte 24, in or before record 1: the rest of the object is missing", `HEAD {"Records":[]}`,
	}},
	{"cut between records", `{"Records":[{"a":1},`, 0, []string{
		`0@12 Records{"a":1}`,
		"END truncated at byte 20, in or before record 1: the rest of the object is missing", `HEAD {"Records":[]}`,
	}},
	{"cut behind the array", `{"Records":[{"a":1}]`, 0, []string{
		`0@12 Records{"a":1}`,
		"END truncated at byte 20, in or before record 1: the rest of the object is missing", `HEAD {"Records":[]}`,
	}},
	{"cut line", "{\"a\":1}\n{\"b\":", 0, []string{
		`0@0 {"a":1}`,
		"END truncated at byte 13, in or before record 1: the rest of the object is missing",
	}},
	{"text behind the wrapper", `{"Records":[{"a":1}]} x`, 0, []string{`0@12 Records{"a":1}`, "1@22 BAD not a JSON object: x", `HEAD {"Records":[]}`}},
	{"bad members around", `{"v" 1,"Records":[{"a":1}]}`, 0, []string{
		`0@18 Records{"a":1}`,
		"1@25 BAD the object around the records is not valid JSON: ]}", `HEAD {"v" 1,"Records":[]}`,
	}},
	{"too long line", "{\"a\":1}\n{\"b\":\"0123456789\"}\n{\"c\":3}", 8, []string{
		`0@0 {"a":1}`,
		"1@8 BAD longer than the limit of 8 bytes: {\"b\":\"012", `2@27 {"c":3}`,
	}},
	{"too long element", `{"Records":[{"b":[{"x":"]}"},2,3]},{"c":3}]}`, 16, []string{
		"0@12 BAD longer than the limit of 16 bytes: " + `{"b":[{"x":"]}"},`, `1@35 Records{"c":3}`, `HEAD {"Records":[]}`,
	}},
	{"long head", `{"head":"0123456789","Records":[{"a":1}]}`, 12, []string{
		"0@0 BAD the members around the records are longer than the limit of 12 bytes: {\"head\":\"0123", `1@32 Records{"a":1}`, `HEAD {"Records":[]}`,
	}},
}

func TestRecords(t *testing.T) {
	for _, c := range streams {
		t.Run(c.name, func(t *testing.T) {
			got := split(strings.NewReader(c.in), c.limit, "Records", "items")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", c.in, diff)
			}
			one := split(iotest.OneByteReader(strings.NewReader(c.in)), c.limit, "Records", "items")
			if diff := cmp.Diff(got, one); diff != "" {
				t.Errorf("byte by byte (-whole +bytes):\n%s", diff)
			}
		})
	}
}

func TestNestingOfARecordIsBounded(t *testing.T) {
	in := "{\"a\":" + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}\n{\"b\":1}\n"
	got := split(strings.NewReader(in), 0)
	if len(got) != 2 || !strings.Contains(got[0], "BAD nested too deeply") || !strings.HasSuffix(got[1], `{"b":1}`) {
		t.Errorf("%.200q", got)
	}
}

// Records larger than a buffer, and records across buffers, come out whole and
// do not change while later ones are read.
func TestRecordsAreStable(t *testing.T) {
	var in bytes.Buffer
	var want []string
	in.WriteString(`{"Records":[`)
	for i := range 400 {
		rec := fmt.Sprintf(`{"i":%d,"pad":%q}`, i, strings.Repeat("x", i*i%30_000+i/399*3_000_000))
		want = append(want, rec)
		if i > 0 {
			in.WriteByte(',')
		}
		in.WriteString(rec)
	}
	in.WriteString(`]}`)
	rs := NewRecords(&in, 0, "Records")
	var got [][]byte
	for {
		rec, err := rs.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, rec.Raw)
	}
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range want {
		if string(got[i]) != want[i] {
			t.Fatalf("record %d changed", i)
		}
	}
}

func TestAReaderThatFailsIsNotTheEnd(t *testing.T) {
	broken := errors.New("no more")
	in := io.MultiReader(strings.NewReader("{\"a\":1}\n"), iotest.ErrReader(broken))
	rs := NewRecords(in, 0)
	if _, err := rs.Next(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := rs.Next(); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	}
}

// Hostile input that makes the splitter rewind must not cost more than a few
// passes over it.
func TestRewindingIsRationed(t *testing.T) {
	in := strings.Repeat(strings.Repeat("{\"a\":[\n", 200)+"}", 300)
	rs := NewRecords(strings.NewReader(in), 0)
	for rs.err == nil {
		rs.Next() // only the cost matters
	}
	if rs.rewound > 6*int64(len(in))+2*fullChunk {
		t.Errorf("rewound %d bytes of %d", rs.rewound, len(in))
	}
}

func FuzzRecords(f *testing.F) {
	for _, c := range streams {
		f.Add([]byte(c.in), uint16(c.limit))
	}
	f.Fuzz(func(t *testing.T, b []byte, limit uint16) {
		got := split(bytes.NewReader(b), int(limit), "Records", "items")
		for _, r := range []io.Reader{iotest.OneByteReader(bytes.NewReader(b)), iotest.HalfReader(bytes.NewReader(b))} {
			if diff := cmp.Diff(got, split(r, int(limit), "Records", "items")); diff != "" {
				t.Fatalf("%q depends on how it is read:\n%s", b, diff)
			}
		}
		if limit == 0 {
			nothingLost(t, b, "Records", "items")
			nothingLost(t, b)
		}
		var list []json.RawMessage
		if limit == 0 && json.Unmarshal(b, &list) == nil && list != nil {
			if len(got) != len(list) {
				t.Fatalf("%q: %d elements, %q", b, len(list), got)
			}
			for i, e := range list {
				if e[0] == '{' && !strings.HasSuffix(got[i], " "+string(e)) {
					t.Fatalf("element %d of %q: %s", i, b, got[i])
				}
			}
		}
	})
}

// nothingLost proves that every byte of b is in a record, in a bad record, in the
// object around the records, or behind an error that ends the stream.
func nothingLost(t *testing.T, b []byte, names ...string) {
	t.Helper()
	rs := NewRecords(bytes.NewReader(b), 0, names...)
	at, wrapped := int64(0), false
	if bytes.HasPrefix(b, []byte("\xef\xbb\xbf")) {
		at = 3
	}
	for {
		rec, err := rs.Next()
		raw, offset := rec.Raw, rec.Offset
		var bad *BadRecord
		switch {
		case errors.As(err, &bad):
			raw, offset = bad.Raw, bad.Offset
		case err == io.EOF:
			raw, offset = nil, int64(len(b))
		case err != nil:
			return
		}
		wrapped = wrapped || rs.Header() != nil
		if offset < at && !wrapped {
			t.Fatalf("%q: byte %d comes twice, before %d", b, offset, at)
		}
		if gap := b[min(at, offset):offset]; !wrapped && strings.Trim(string(gap), " \t\r\n,[]") != "" {
			t.Fatalf("%q: %q is lost", b, gap)
		}
		if err == io.EOF {
			return
		}
		at = offset + int64(len(raw))
	}
}

// One damaged byte costs at most the record it is in and the one behind it.
func TestDamageStaysLocal(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 11))
	for _, form := range []struct{ open, sep, end string }{{"", "\n", "\n"}, {`{"Records":[`, ",", "]}"}, {"[\n", ",\n", "\n]"}} {
		for range 3000 {
			var recs []string
			for i := range 6 {
				recs = append(recs, fmt.Sprintf(`{"v":%d,"o":{"a":[1,{"b":"c, \"d\" {e"}]},"s":"text %d"}`, i, i))
			}
			hurt := rnd.IntN(5)
			broken := []byte(recs[hurt])
			broken[1+rnd.IntN(len(broken)-1)] = "{}[]\",:\\x\n"[rnd.IntN(10)]
			want := slices.Clone(recs)
			recs[hurt] = string(broken)
			in := form.open + strings.Join(recs, form.sep) + form.end
			got := strings.Join(split(strings.NewReader(in), 0, "Records"), "\n")
			for i, r := range want {
				if i != hurt && i != hurt+1 && !strings.Contains(got, r) {
					t.Fatalf("%s\nrecord %d is hurt, %d is lost:\n%s", in, hurt, i, got)
				}
			}
		}
	}
}

func BenchmarkRecords(b *testing.B) {
	rec := `{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole","principalId":"AROAXXXXXXXXXXXXXXXXX:session","arn":"arn:aws:sts::111122223333:assumed-role/app/session",` +
		`"sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/app"},"attributes":{"creationDate":"2024-01-01T00:00:00Z","mfaAuthenticated":"false"}}},` +
		`"eventTime":"2024-01-01T00:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","requestParameters":{"bucketName":"b","key":"some/long/key/with/parts.txt"},"responseElements":null}`
	in := []byte(`{"Records":[` + strings.Repeat(rec+",", 4000) + rec + `]}`)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		rs := NewRecords(bytes.NewReader(in), 0, "Records")
		for {
			if _, err := rs.Next(); err != nil {
				break
			}
		}
	}
}

func BenchmarkScanner(b *testing.B) {
	rec := []byte(`{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole","principalId":"AROAXXXXXXXXXXXXXXXXX:session","arn":"arn:aws:sts::111122223333:assumed-role/app/session",` +
		`"sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/app"},"attributes":{"creationDate":"2024-01-01T00:00:00Z","mfaAuthenticated":"false"}}},` +
		`"eventTime":"2024-01-01T00:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","requestParameters":{"bucketName":"b","key":"some/long/key/with/parts.txt"},"responseElements":null}`)
	b.SetBytes(int64(len(rec)))
	for b.Loop() {
		Valid(rec)
	}
}
