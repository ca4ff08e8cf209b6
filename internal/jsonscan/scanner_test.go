package jsonscan

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree rebuilds the value as encoding/json would hold it.
func tree(s *Scanner) any {
	switch s.Kind() {
	case '{':
		m := map[string]any{}
		if s.Object() {
			for s.Next() {
				k := s.Key()
				m[k] = tree(s)
			}
		}
		return m
	case '[':
		l := []any{}
		if s.Array() {
			for s.Next() {
				l = append(l, tree(s))
			}
		}
		return l
	case '"':
		t, _ := s.Str()
		return t
	case 't', 'f':
		v, _ := s.Bool()
		return v
	case 'n':
		s.Null()
		return nil
	}
	return json.Number(s.Raw())
}

var seeds = []string{
	`{}`, `[]`, `null`, `true`, `false`, `0`, `-0`, `-1.5e+10`, `01`, `1.`, `.5`, `-`, `1e`, `"a"`, `"`, ``, ` `,
	`{"a":1,"a":2}`, `{"a":{"b":[1,2,{"c":null}]},"d":"e"}`, `{"a":1,}`, `[1,]`, `[,1]`, `{,}`, `{"a"}`, `{"a":}`, `{"a":1 "b":2}`, `[1 2]`,
	`"\u00e9\n\t\"\\\/\b\f\r"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83d\u0041"`, `"\ud83d\ud83d\ude00"`, `"\ude00x"`, `"\u12"`, `"\x"`, "\"\x01\"", "\"\x7f\"",
	"\"\xff\xfe abc\"", "\"caf\xc3\xa9 with more than eight bytes\"", "\"0123456\xe2\x82\"", `"日本語のテキスト"`, "{\"\xff\":1}",
	" { \"a\" : [ 1 , 2 ] , \"b\" : { } } ", `tru`, `nul`, `falsee`, `{}{}`, `[]]`, `}`, `]`, `[}`, `{]`, "\xef\xbb\xbf{}", `{"a\u0062":"\\"}`,
	"[\n\t1,\r\n2]", "\v1", `"12345678901234567890\"`, `{"":""}`, `1.0E-5`, `9223372036854775808`,
}

func FuzzScannerAgreesWithEncodingJSON(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.Count(b, []byte("{"))+bytes.Count(b, []byte("[")) > MaxDepth {
			t.Skip("may be nested too deeply")
		}
		want := json.Valid(b)
		if got := Valid(b); got != want {
			t.Fatalf("Valid(%q) = %v, encoding/json says %v", b, got, want)
		}
		var s Scanner
		s.Reset(b)
		got := tree(&s)
		if err := s.End(); (err == nil) != want {
			t.Fatalf("walk of %q: %v, encoding/json says valid=%v", b, err, want)
		}
		if !want {
			return
		}
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		var twin any
		if err := d.Decode(&twin); err != nil {
			t.Skip(err)
		}
		if diff := cmp.Diff(twin, got); diff != "" {
			t.Fatalf("%q (-encoding/json +jsonscan):\n%s", b, diff)
		}
	})
}

func TestNestingIsBounded(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1)
	if Valid([]byte(deep)) {
		t.Errorf("%d levels pass", MaxDepth+1)
	}
	ok := deep[1 : len(deep)-1]
	if !Valid([]byte(ok)) {
		t.Errorf("%d levels are refused", MaxDepth)
	}
	var s Scanner
	s.Reset([]byte(strings.Repeat("[", 100_000)))
	tree(&s)
	if err := s.End(); err == nil || !strings.Contains(err.Error(), "nested deeper than 512") {
		t.Errorf("100,000 levels: %v", err)
	}
}

func TestUnreadValuesAreSkippedAndWrongTypesStayUnread(t *testing.T) {
	var s Scanner
	s.Reset([]byte(`{"skip":{"x":[1,2]},"n":12,"f":1.5,"big":99999999999999999999,"s":"t","z":null,"b":true,"raw":[1, 2]}`))
	s.Object()
	got := map[string]any{}
	for s.Next() {
		switch s.Key() {
		case "n":
			_, wrong := s.Str()
			n, ok := s.Int()
			got["n"] = []any{wrong, n, ok}
		case "f", "big":
			_, ok := s.Int()
			got[s.Key()] = []any{ok, s.Raw()}
		case "s":
			v, _ := s.Str()
			got["s"] = v
		case "z":
			got["z"] = s.Null()
		case "b":
			b, ok := s.Bool()
			got["b"] = b && ok
		case "raw":
			got["raw"] = s.Raw()
		}
	}
	want := map[string]any{
		"n": []any{false, int64(12), true}, "f": []any{false, "1.5"}, "big": []any{false, "99999999999999999999"},
		"s": "t", "z": true, "b": true, "raw": "[1, 2]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := s.End(); err != nil {
		t.Error(err)
	}
}

func TestPlainStringsAreNotCopied(t *testing.T) {
	b := []byte(`{"key":"a value that is long enough to be seen"}`)
	var s Scanner
	if n := testing.AllocsPerRun(100, func() {
		s.Reset(b)
		s.Object()
		for s.Next() {
			s.Str()
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
