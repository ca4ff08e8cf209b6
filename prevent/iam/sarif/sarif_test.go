package sarif

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWrite(t *testing.T) {
	var out bytes.Buffer
	err := Write(&out, Tool{Name: "yagura", Version: "1"}, []Result{
		{Rule: "B", Level: "error", Message: "say <what>", File: "./a b/p.json", Line: 3, Column: 5, Security: 8},
		{Rule: "A", Message: "m", File: "/abs/x:y.json"},
		{Rule: "B", Level: "note", Message: "m", File: "c:d.json", Line: 1, Column: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out.Bytes(), []byte(`\u003c`)) {
		t.Error("HTML escapes make the text hard to read")
	}
	var doc document
	decoder := json.NewDecoder(&out)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	place := func(file string, line, column int) []location {
		return []location{{physical{artifact{file}, region{line, column}}}}
	}
	want := document{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0",
		Runs: []run{{
			ColumnKind: "unicodeCodePoints",
			Tool: tool{driver{Name: "yagura", Version: "1", Rules: []rule{
				{ID: "A"}, {ID: "B", Properties: &properties{[]string{"security"}, "8"}},
			}}},
			Results: []result{
				{"B", 1, "error", message{"say <what>"}, place("a%20b/p.json", 3, 5)},
				{"A", 0, "warning", message{"m"}, place("file:///abs/x:y.json", 1, 0)},
				{"B", 1, "note", message{"m"}, place("./c:d.json", 1, 1)},
			},
		}},
	}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWriteNothing(t *testing.T) {
	var out bytes.Buffer
	if err := Write(&out, Tool{Name: "yagura"}, nil); err != nil {
		t.Fatal(err)
	}
	// Hosts refuse null where a list belongs.
	if bytes.Contains(out.Bytes(), []byte("null")) || !bytes.Contains(out.Bytes(), []byte(`"results": []`)) {
		t.Errorf("an empty run is written as %s", &out)
	}
}
