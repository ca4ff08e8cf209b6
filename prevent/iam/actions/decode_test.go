package actions

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

func unpacked(t testing.TB) []byte {
	t.Helper()
	reader, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	plain, err := reader.DecodeAll(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// walk goes over everything that a table can be asked for: an index that
// decode let through would panic here.
func walk(t testing.TB, table *Table) {
	t.Helper()
	for id := range ID(table.Len()) {
		a := table.Action(id)
		if found, ok := table.ID(table.Name(id)); len(table.Name(id)) > 0 && ok && found != id {
			t.Fatalf("%s has the numbers %d and %d", table.Name(id), id, found)
		}
		a.Row()
	}
	for _, s := range table.Services() {
		table.Resources(s.Prefix)
		table.Keys(s.Prefix)
		if err := table.Check(s.Prefix + ":*"); err != nil && s.Actions > 0 && inGrammar(s.Prefix, false) {
			t.Fatalf("%s: %v", s.Prefix, err)
		}
	}
	table.Source().Rows()
}

func TestDecodeDamaged(t *testing.T) {
	plain := unpacked(t)
	if _, err := decode(string(plain)); err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(plain); cut += 1 + len(plain)/97 {
		if _, err := decode(string(plain[:cut])); err == nil {
			t.Fatalf("the first %d of %d bytes are a table", cut, len(plain))
		}
	}
	if _, err := decode(string(plain) + "x"); err == nil {
		t.Fatal("a byte too many is no error")
	}
	refused := 0
	for at := 0; at < len(plain); at += 1 + len(plain)/199 {
		damaged := append([]byte(nil), plain...)
		damaged[at] ^= 0x81
		table, err := decode(string(damaged))
		if err != nil {
			refused++
			continue
		}
		walk(t, table)
	}
	if refused == 0 {
		t.Error("no damage was found")
	}
}

func TestBomb(t *testing.T) {
	packer, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer packer.Close()
	bomb := packer.EncodeAll(make([]byte, maxUnpacked+1), nil)
	if _, err := parse(bomb); err == nil {
		t.Error("a file that unpacks to more than the bound is taken")
	}
}

// TestSmall reads a file written by hand from the description in decode.go.
func TestSmall(t *testing.T) {
	table, err := decode(small)
	if err != nil {
		t.Fatal(err)
	}
	walk(t, table)
	want := Action{
		Service: "s3", Name: "A", Level: "List", Keys: []string{"s3:k"}, Dependent: []string{"s3:B"},
		Resources: []Resource{{Name: "b", ARN: "arn", Required: true, Keys: []string{"s3:k"}}},
	}
	if diff := cmp.Diff(want, table.Action(0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if key, ok := table.Key("S3:K"); !ok || key != (Key{Name: "s3:k", Type: "String", Multi: true}) {
		t.Errorf("key is %+v, %v", key, ok)
	}
}

// FuzzDecode starts from a small table, as the real one is too big to mutate
// well, and from pieces of the real one.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(small))
	f.Add(unpacked(f)[:4096])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, plain []byte) {
		if len(plain) > 1<<16 {
			return
		}
		table, err := decode(string(plain))
		if (err == nil) == (table == nil) {
			t.Fatalf("table %v, error %v", table, err)
		}
		if table != nil {
			walk(t, table)
		}
	})
}

// small is a whole file with one service and two actions.
const small = magic + "\x07\x01\x01\x14\x01\x01\x01\x01" + "pv2026-01-02T03:04:05ZldvL" + // source
	"\x01\x04s3:k\x80" + // keys
	"\x02\x00\x01\x00" + // key sets
	"\x01\x02s3" + "\x01\x01N" + "\x01\x01\x01\x02" + // services
	"\x01\x01b" + "\x01\x03arn" + "\x00" + // resource types
	"\x02\x01\x01AB" + "\x00\x02" + "\x01\x00" + "\x01\x00" + "\x01" + "\x01" + // actions
	"\x01\x00\x01\x01" // dependent actions

func FuzzParse(f *testing.F) {
	f.Add(data[:1000])
	f.Add([]byte("\x28\xb5\x2f\xfd\x00\x00\x01\x00\x00"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		if table, err := parse(packed); err == nil {
			walk(t, table)
		}
	})
}

// FuzzNames asks for hostile names.
func FuzzNames(f *testing.F) {
	f.Add("s3:Get*")
	f.Add("aws:RequestTag/\xff")
	f.Fuzz(func(t *testing.T, name string) {
		table := table(t)
		set, err := table.Expand(name)
		if err != nil && set.Len() > 0 {
			t.Fatalf("%q is wrong and stands for %d actions", name, set.Len())
		}
		if id, ok := table.ID(name); ok && !set.Has(id) {
			t.Fatalf("%q is an action and does not stand for itself", name)
		}
		_ = table.Check(name)
		_ = table.CheckKey(name)
	})
}

// BenchmarkLoad is the time until the first question can be answered.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := parse(data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(data)), "file-bytes")
}

func BenchmarkID(b *testing.B) {
	table := table(b)
	for b.Loop() {
		table.ID("ec2:RunInstances")
	}
}

func BenchmarkExpand(b *testing.B) {
	table := table(b)
	for b.Loop() {
		if _, err := table.Expand("ec2:Describe*"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	table := table(b)
	for b.Loop() {
		if _, err := table.Find(Query{Patterns: []string{"s3:Get*"}, Level: "write", ResourceType: "bucket"}); err != nil {
			b.Fatal(err)
		}
	}
}
