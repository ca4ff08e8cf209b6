package sheet

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func render(t *testing.T, format string, width int, columns []Column, rows ...[]any) string {
	t.Helper()
	var b strings.Builder
	w, err := New(format, &b, columns, Options{Width: width})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := w.Row(r...); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var columns = []Column{{Key: "name", Head: "name"}, {Key: "n", Head: "n", Right: true}, {Key: "note", Head: "note"}}

func TestForms(t *testing.T) {
	rows := [][]any{{"山田", 7, nil}, {"a", 1234, "=1+1"}, {"\x1b[2J\u202ex", -1, []string{"p", "q"}}}
	for format, want := range map[string]string{
		"table": "name               n  note\n" +
			"山田               7\n" +
			"a               1234  =1+1\n" +
			"\\x1b[2J\\u202ex    -1  p, q\n",
		"json": `{"name":"山田","n":7}` + "\n" +
			`{"name":"a","n":1234,"note":"=1+1"}` + "\n" +
			`{"name":"\u001b[2J\u202ex","n":-1,"note":["p","q"]}` + "\n",
		"csv": "name,n,note\n山田,7,\na,1234,'=1+1\n\x1b[2J\u202ex,-1,\"p, q\"\n",
	} {
		if diff := cmp.Diff(want, render(t, format, 0, columns, rows...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

// Whatever the width, no line is wider and every row is one line.
func TestTableFitsTheTerminal(t *testing.T) {
	row := []any{strings.Repeat("山田太郎", 20), 123456, strings.Repeat("arn:aws:iam::111122223333:role/x\n", 9)}
	for width := 1; width <= 200; width++ {
		out := render(t, "table", width, columns, row, row)
		lines := strings.Split(strings.TrimRight(out, "\n"), "\n")
		if len(lines) != 3 {
			t.Fatalf("width %d: %d lines, want 3", width, len(lines))
		}
		for _, l := range lines {
			if n := Size(l); n > max(width, least) {
				t.Fatalf("width %d: a line takes %d columns: %q", width, n, l)
			}
		}
	}
}

func TestTableKeepsWholeColumnsLongest(t *testing.T) {
	cols := []Column{{Key: "id", Head: "id", Whole: true}, {Key: "x", Head: "x"}}
	id := "8feee4c2-5e27-4857-8475-bfa7e7b6d791"
	if out := render(t, "table", 50, cols, []any{id, strings.Repeat("y", 99)}); !strings.Contains(out, id) || !strings.Contains(out, "…") {
		t.Errorf("the id should stay whole and the other cell be cut:\n%s", out)
	}
}

func TestTableSparesColumns(t *testing.T) {
	cols := []Column{{Key: "time", Head: "time", Whole: true}, {Key: "id", Head: "id", Whole: true, Spare: 2}, {Key: "x", Head: "x", Spare: 1}, {Key: "n", Head: "n", Right: true}}
	row := []any{"2026-11-01T00:00:00Z", strings.Repeat("i", 36), strings.Repeat("x", 30), 1234567}
	for width, want := range map[int]string{
		120: "time                  id                                    x                                     n",
		80:  "time                  id                                    x                  n",
		60:  "time                  x                                    n",
		35:  "time                        n",
	} {
		if got, _, _ := strings.Cut(render(t, "table", width, cols, row), "\n"); got != want {
			t.Errorf("width %d: heading\n%s, want\n%s", width, got, want)
		}
	}
}

func TestEmptySheets(t *testing.T) {
	for format, want := range map[string]string{"table": "name  n  note\n", "json": "", "csv": "name,n,note\n"} {
		if got := render(t, format, 0, columns); got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
	if _, err := New("xml", nil, nil, Options{}); err == nil {
		t.Error("format xml was accepted")
	}
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 11, 2, 1, 2, 3, 450000000, time.UTC)
	var b strings.Builder
	w := newTable(&b, []Column{{Key: "t"}}, Options{Zone: time.FixedZone("JST", 9*3600)})
	if err := w.Row(at); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != "2026-11-02T10:02:03+09:00\n" {
		t.Errorf("table shows %q: want local time with its zone", got)
	}
	if got := render(t, "json", 0, []Column{{Key: "t"}}, []any{at}); got != `{"t":"2026-11-02T01:02:03.45Z"}`+"\n" {
		t.Errorf("json shows %q: want UTC", got)
	}
}

// A terminal gets nothing that it would obey, however writes are cut.
func FuzzTerminal(f *testing.F) {
	f.Add("山田\x1b[31m\u202eabc\n\xff", 3)
	f.Add("\xe5\xb1", 1)
	f.Fuzz(func(t *testing.T, s string, cut int) {
		var whole, parts strings.Builder
		one, two := &Terminal{W: &whole}, &Terminal{W: &parts}
		cut = max(0, min(cut, len(s)))
		one.Write([]byte(s))
		two.Write([]byte(s[:cut]))
		two.Write([]byte(s[cut:]))
		if whole.String() != parts.String() {
			t.Errorf("cut at %d: %q, want %q", cut, parts.String(), whole.String())
		}
		for _, r := range whole.String() {
			if r != '\n' && dangerous(r) {
				t.Errorf("%q lets %U through", s, r)
			}
		}
	})
}

// JSON stays JSON with the same value, and CSV reads back with no formula.
func FuzzForms(f *testing.F) {
	f.Add("\u2028\u0085\x7f\U000E0041\"\\")
	f.Add("＝cmd")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		raw, err := marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back string
		if err := json.Unmarshal(raw, &back); err != nil || back != s {
			t.Errorf("%q became %s (%v)", s, raw, err)
		}
		for _, r := range string(raw) {
			if dangerous(r) {
				t.Errorf("%s lets %U through", raw, r)
			}
		}
		out := render(t, "csv", 0, []Column{{Key: "a"}, {Key: "b"}}, []any{s, "x"})
		rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%q: %v %v", out, rows, err)
		}
		if cell := rows[1][0]; cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			t.Errorf("cell %q is a formula", cell)
		}
	})
}
