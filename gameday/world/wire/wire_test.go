package wire_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/yagura-sec/yagura/gameday/world/wire"
)

// FuzzString proves the escape against the standard reader.
func FuzzString(f *testing.F) {
	for _, s := range []string{"", "a\"b\\c", "受注\n\x00\x1f", "\u2028</script>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			t.Skip("not text")
		}
		var got string
		if err := json.Unmarshal(wire.String(nil, s), &got); err != nil || got != s {
			t.Fatalf("%q became %q: %v", s, got, err)
		}
	})
}

func TestTime(t *testing.T) {
	for _, s := range []int64{0, 951782400, 1793000000, 4102444799} {
		if got, want := string(wire.Time(nil, s)), time.Unix(s, 0).UTC().Format(time.RFC3339); got != want {
			t.Errorf("Time(%d) = %s, want %s", s, got, want)
		}
	}
}

// FuzzHit proves that hostile request text stays inside its field and its line.
func FuzzHit(f *testing.F) {
	f.Add("/a b", "q=\"x\"\n", "agent \\ \x7f")
	f.Fuzz(func(t *testing.T, path, query, agent string) {
		if !utf8.ValidString(path + query + agent) {
			t.Skip("not text")
		}
		h := wire.Hit{At: 1793000000123, Host: "www", Method: "GET", Path: path, Query: query, Agent: agent, TraceID: "Root=1-2", Client: "1.2.3.4", Balancer: "app/x/0123456789abcdef"}
		if line := h.AppendWAF(nil); !json.Valid(line) {
			t.Errorf("not JSON: %s", line)
		}
		if line := string(h.AppendALB(nil)); strings.Count(line, "\n") != 1 {
			t.Errorf("more than one line: %q", line)
		}
	})
}
