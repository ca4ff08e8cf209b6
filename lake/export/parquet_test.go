package export

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query/field"
)

var schema = &ocsf.Schema{Source: "test", Columns: []string{"api_operation", "api_read_only", "metadata_labels", "traffic_bytes"}}

func hit(i int64) *ask.Hit {
	h := &ask.Hit{Source: "test"}
	h.Event.Reset()
	h.Event.Time, h.Event.UID, h.Event.Raw = 1_700_000_000_000_000+i, "id", "raw\x00\xff"
	h.Event.API.Operation, h.Event.API.ReadOnly = "Get", ocsf.False
	if i%2 == 0 {
		h.Event.Labels = []string{"a", "", "c"}
		h.Event.Traffic.Bytes = -i
	}
	return h
}

// read gives rows as maps, lists included.
func read(t *testing.T, file []byte) []map[string]any {
	t.Helper()
	r := parquet.NewGenericReader[map[string]any](bytes.NewReader(file))
	defer r.Close()
	rows := make([]map[string]any, r.NumRows())
	for i := range rows {
		rows[i] = map[string]any{}
	}
	if n, err := r.Read(rows); n != len(rows) {
		t.Fatalf("read %d of %d rows: %v", n, len(rows), err)
	}
	return rows
}

func TestColumnsOfTheLake(t *testing.T) {
	var out bytes.Buffer
	p, err := NewParquet(&out, []*ocsf.Schema{schema, schema}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(3) {
		if err := p.Write(hit(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	rows := read(t, out.Bytes())
	if len(rows) != 3 {
		t.Fatalf("%d rows, want 3", len(rows))
	}
	want := map[string]any{"api_operation": "Get", "api_read_only": false, "traffic_bytes": int64(-2), "raw_data": "raw\x00\xff", "source": "test", "id": "id", "region": nil}
	got := map[string]any{}
	for k := range want {
		got[k] = rows[2][k]
		if b, ok := got[k].([]byte); ok {
			got[k] = string(b)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
	if rows[1]["traffic_bytes"] != nil {
		t.Errorf("an absent number is %v", rows[1]["traffic_bytes"])
	}
}

func TestChosenFields(t *testing.T) {
	var out bytes.Buffer
	p, err := NewParquet(&out, nil, []field.Field{{Name: "labels.all", Target: field.Target{Columns: []string{"metadata_labels"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(2) {
		if err := p.Write(hit(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range f.Schema().Fields() {
		names = append(names, c.Name())
	}
	if diff := cmp.Diff([]string{"id", "labels.all", "source", "time"}, names); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	rows := f.RowGroups()[0].Rows()
	defer rows.Close()
	var buf [2]parquet.Row
	n, _ := rows.ReadRows(buf[:])
	var labels [][]string
	for _, row := range buf[:n] {
		var one []string
		for _, v := range row {
			if v.Column() == 1 && !v.IsNull() {
				one = append(one, v.String())
			}
		}
		labels = append(labels, one)
	}
	if diff := cmp.Diff([][]string{{"a", "", "c"}, nil}, labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if _, err := NewParquet(&out, nil, []field.Field{{Name: "id"}}); err == nil {
		t.Error("two columns of one name were accepted")
	}
}
