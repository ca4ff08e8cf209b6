package export

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query/field"
)

var schema = &ocsf.Schema{Source: "test", Columns: []string{"api_operation", "api_read_only", "metadata_labels", "traffic_bytes"}}

// found is an event with an id, as the lake's hits are.
type found struct{ ev ocsf.Event }

func (f *found) ID() string                        { return "id" }
func (f *found) Attributes() (string, *ocsf.Event) { return "test", &f.ev }
func (f *found) Values(field.Target) []string      { return f.ev.Labels }

func row(i int64) Row {
	f := &found{}
	f.ev.Reset()
	f.ev.Time, f.ev.Raw = 1_700_000_000_000_000+i, "raw\x00\xff"
	f.ev.API.Operation, f.ev.API.ReadOnly = "Get", ocsf.False
	if i%2 == 0 {
		f.ev.Labels = []string{"a", "", "c"}
		f.ev.Traffic.Bytes = -i
	}
	return f
}

// read gives the rows of a file: values by column, nulls left out.
func read(t *testing.T, file []byte) []map[string][]string {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	columns := f.Schema().Columns()
	var out []map[string][]string
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		defer rows.Close()
		buf := make([]parquet.Row, g.NumRows())
		n, _ := rows.ReadRows(buf)
		for _, row := range buf[:n] {
			one := map[string][]string{}
			for _, v := range row {
				if !v.IsNull() {
					name := columns[v.Column()][0]
					one[name] = append(one[name], v.String())
				}
			}
			out = append(out, one)
		}
	}
	return out
}

func TestColumnsOfTheLake(t *testing.T) {
	var out bytes.Buffer
	p, err := NewParquet(&out, []*ocsf.Schema{schema, schema}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(3) {
		if err := p.Write(row(i)); err != nil {
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
	want := map[string][]string{
		"id": {"id"}, "source": {"test"}, "time": {"1700000000000002"}, "class_uid": {"0"}, "activity_id": {"0"}, "status_id": {"0"}, "object_id": {"0"}, "record_no": {"0"},
		"api_operation": {"Get"}, "api_read_only": {"false"}, "metadata_labels": {"a", "", "c"}, "traffic_bytes": {"-2"}, "raw_data": {"raw\x00\xff"},
	}
	if diff := cmp.Diff(want, rows[2]); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
	if v, ok := rows[1]["traffic_bytes"]; ok {
		t.Errorf("an absent number is %v", v)
	}
}

func TestChosenFields(t *testing.T) {
	var out bytes.Buffer
	p, err := NewParquet(&out, nil, []field.Field{{Name: "labels.all"}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(2) {
		if err := p.Write(row(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	want := []map[string][]string{
		{"id": {"id"}, "source": {"test"}, "time": {"1700000000000000"}, "labels.all": {"a", "", "c"}},
		{"id": {"id"}, "source": {"test"}, "time": {"1700000000000001"}},
	}
	if diff := cmp.Diff(want, read(t, out.Bytes())); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if _, err := NewParquet(&out, nil, []field.Field{{Name: "id"}}); err == nil {
		t.Error("two columns of one name were accepted")
	}
}
