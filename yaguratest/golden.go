package yaguratest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/ocsf"
)

// Golden compares got with the file at path; with -update it writes the file.
func Golden(t testing.TB, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s (-golden +decoded; go test -update accepts it):\n%s", path, diff)
	}
}

// golden writes a result as JSON: for each event the columns that are present,
// in column order, without raw_data; then the errors and the end.
func golden(r *Result) []byte {
	var b bytes.Buffer
	b.WriteString("{\n\"events\": [")
	for i := range r.Events {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n  {")
		sep := "\n    "
		for _, c := range ocsf.Columns() {
			v := value(c, &r.Events[i])
			if v == nil || c.Name == "raw_data" || c.Name == "object_id" {
				continue
			}
			fmt.Fprintf(&b, "%s%q: %s", sep, c.Name, quote(v))
			sep = ",\n    "
		}
		b.WriteString("\n  }")
	}
	b.WriteString("\n],\n\"errors\": [")
	for i, e := range r.Errors {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n  {\"record\": %d, \"offset\": %d, \"reason\": %s, \"bytes\": %d}", e.Record, e.Offset, quote(e.Reason), len(e.Raw))
	}
	b.WriteString("\n]")
	if r.End != nil {
		fmt.Fprintf(&b, ",\n\"end\": %s", quote(r.End.Error()))
	}
	b.WriteString("\n}\n")
	return b.Bytes()
}

// value gives what a column holds, nil if it is absent.
func value(c *ocsf.Column, e *ocsf.Event) any {
	switch c.Kind {
	case ocsf.Text, ocsf.ID, ocsf.IP:
		if s := *c.Str(e); s != "" {
			return s
		}
	case ocsf.Int:
		if n := *c.Num(e); n != ocsf.Null {
			return n
		}
	case ocsf.Time:
		if n := *c.Num(e); n != ocsf.Null {
			return time.UnixMicro(n).UTC().Format(time.RFC3339Nano)
		}
	case ocsf.Bool:
		if v := *c.Tri(e); v != ocsf.Unknown {
			return v == ocsf.True
		}
	case ocsf.Texts:
		if l := *c.List(e); l != nil {
			return l
		}
	}
	return nil
}

func quote(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprintf("%q", err.Error())
	}
	return strings.TrimSpace(b.String())
}
