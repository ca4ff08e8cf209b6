package table

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/ocsf"
)

// wide is a schema with every column there is.
func wide() *ocsf.Schema {
	s := &ocsf.Schema{Source: "test", Version: 3, Order: []string{"actor_user_uid", "api_operation", "time"}, Blooms: []string{"metadata_uid", "src_endpoint_ip"}}
	for _, c := range ocsf.Columns() {
		s.Columns = append(s.Columns, c.Name)
	}
	return s
}

// anyEvent fills every column at random, often with nothing.
func anyEvent(r *rand.Rand, ev *ocsf.Event) {
	ev.Reset()
	word := func() string {
		switch r.IntN(5) {
		case 0:
			return ""
		case 1:
			return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xffff, r.Uint32()&0xffff, r.Uint64()&0xffffffffffff)
		case 2:
			return fmt.Sprintf("%08X-0000-0000-0000-000000000000", r.Uint32())
		default:
			return fmt.Sprint("値", r.IntN(40))
		}
	}
	for _, c := range ocsf.Columns() {
		switch {
		case c.Str != nil:
			*c.Str(ev) = word()
		case c.Tri != nil:
			*c.Tri(ev) = ocsf.Tri(r.IntN(3))
		case c.List != nil:
			for range r.IntN(4) {
				*c.List(ev) = append(*c.List(ev), word()+"x")
			}
		default:
			if n := r.Int64N(1 << 40); n%3 > 0 || c.Name == "time" || c.Name == "class_uid" || c.Name == "activity_id" || c.Name == "status_id" || c.Name == "object_id" || c.Name == "record_no" {
				*c.Num(ev) = n
			}
		}
	}
}

func identity(n int) []int32 {
	p := make([]int32, n)
	for i := range p {
		p[i] = int32(i)
	}
	return p
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	want := make([]ocsf.Event, 3000)
	b := NewBuilder(wide())
	for i := range want {
		anyEvent(r, &want[i])
		b.Append(&want[i])
	}
	for _, p := range []Profile{{}, {Compacted: true}} {
		path := filepath.Join(t.TempDir(), "x.parquet")
		f, err := Create(path, b.Schema(), p)
		if err != nil {
			t.Fatal(err)
		}
		half := identity(len(want))
		for _, part := range [][]int32{half[:1700], half[1700:]} {
			if err := f.WriteGroup(b, part); err != nil {
				t.Fatal(err)
			}
		}
		size, sum, err := f.Close()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(raw)) != size || fmt.Sprintf("%x", sha256.Sum256(raw)) != sum {
			t.Errorf("Close said %d bytes %s, the file has %d bytes %x", size, sum, len(raw), sha256.Sum256(raw))
		}
		rd, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got := NewBuilder(wide())
		if err := rd.AppendTo(got); err != nil {
			t.Fatal(err)
		}
		rd.Close()
		if got.Rows() != len(want) {
			t.Fatalf("read %d rows, wrote %d", got.Rows(), len(want))
		}
		for i := range want {
			var ev ocsf.Event
			got.Event(i, &ev)
			if d := cmp.Diff(want[i], ev); d != "" {
				t.Fatalf("row %d (compacted=%v) differs (-wrote +read):\n%s", i, p.Compacted, d)
			}
		}
	}
}

// The order of a compacted file must not depend on the order of arrival.
func TestOrderIsTotal(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	events := make([]ocsf.Event, 500)
	for i := range events {
		anyEvent(r, &events[i])
		events[i].Provenance = ocsf.Provenance{Object: int64(i % 7), Record: int64(i)}
	}
	file := func() string {
		b := NewBuilder(wide())
		for i := range events {
			b.Append(&events[i])
		}
		path := filepath.Join(t.TempDir(), "x.parquet")
		f, err := Create(path, b.Schema(), Profile{Compacted: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.WriteGroup(b, b.Order()); err != nil {
			t.Fatal(err)
		}
		_, sum, err := f.Close()
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	first := file()
	r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	if second := file(); first != second {
		t.Errorf("the same rows in another order of arrival give another file: %s, %s", first, second)
	}
}

func TestColumnsUnknownToTheFileAreAbsent(t *testing.T) {
	old := &ocsf.Schema{Source: "test", Version: 1, Columns: []string{"api_operation"}}
	b := NewBuilder(old)
	var ev ocsf.Event
	ev.Reset()
	ev.Time, ev.API.Operation, ev.Raw = 5, "GetObject", "{}"
	b.Append(&ev)
	path := filepath.Join(t.TempDir(), "x.parquet")
	f, err := Create(path, old, Profile{})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.WriteGroup(b, identity(1)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Close(); err != nil {
		t.Fatal(err)
	}
	rd, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	got := NewBuilder(wide())
	if err := rd.AppendTo(got); err != nil {
		t.Fatal(err)
	}
	var back ocsf.Event
	got.Event(0, &back)
	if d := cmp.Diff(ev, back); d != "" {
		t.Errorf("(-wrote +read):\n%s", d)
	}
}

// Rows that are picked are the rows that a full read gives.
func TestRowsAt(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	b := NewBuilder(wide())
	for range 5000 {
		var ev ocsf.Event
		anyEvent(r, &ev)
		ev.Raw += strings.Repeat("x", r.IntN(3000)) // several pages
		b.Append(&ev)
	}
	path := filepath.Join(t.TempDir(), "x.parquet")
	f, err := Create(path, b.Schema(), Profile{Compacted: true})
	if err != nil {
		t.Fatal(err)
	}
	all := identity(5000)
	for _, part := range [][]int32{all[:3000], all[3000:]} {
		if err := f.WriteGroup(b, part); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := f.Close(); err != nil {
		t.Fatal(err)
	}
	rd, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	for range 60 {
		var rows []int64
		for n := r.Int64N(200); n < 5000; n += 1 + r.Int64N(1+r.Int64N(900)) {
			rows = append(rows, n)
		}
		got, err := rd.RowsAt(wide(), rows)
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range rows {
			var want, have ocsf.Event
			b.Event(int(n), &want)
			got.Event(i, &have)
			if d := cmp.Diff(want, have); d != "" {
				t.Fatalf("row %d (-full +picked):\n%s", n, d)
			}
		}
		from := r.Int64N(4900)
		if err := rd.Raw(from, from+100, func(n int64, raw []byte) {
			if string(raw) != string(b.Text("raw_data", int(n))) {
				t.Fatalf("raw of row %d differs", n)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := rd.RowsAt(wide(), []int64{5000}); err == nil {
		t.Error("no error for a row behind the end")
	}
}
