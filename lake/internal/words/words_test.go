package words

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, rows []string) string {
	t.Helper()
	var w Writer
	for _, r := range rows {
		w.Add([]byte(r))
	}
	var buf bytes.Buffer
	if _, err := w.WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.words")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func rows(n int) []string {
	r := rand.New(rand.NewPCG(1, 1))
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`{"eventID":"%08x-%04x-4%03x-8%03x-%012x","ip":"%d.%d.%d.%d","user":"user-%d","key":"AKIA%016X","v":"v1.%d.12ab.3"}`,
			r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xfff, r.Uint32()&0xfff, r.Uint64()&0xffffffffffff,
			r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(500), r.Uint64(), r.IntN(9))
	}
	return out
}

// Whatever stands in a row between word boundaries must be found in its block.
func TestNoWordIsMissed(t *testing.T) {
	all := rows(3*BlockRows + 100)
	path := write(t, all)
	r := rand.New(rand.NewPCG(2, 2))
	for range 2000 {
		n := r.IntN(len(all))
		words := strings.FieldsFunc(all[n], func(c rune) bool { return strings.ContainsRune(`{}":,`, c) })
		word := words[r.IntN(len(words))]
		keys := Keys(strings.ToLower(word))
		blocks, err := Blocks(path, [][]uint64{keys})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(blocks, n/BlockRows) {
			t.Fatalf("row %d holds %q, but block %d is not among %v", n, word, n/BlockRows, blocks)
		}
	}
}

// Any piece of a row, cut inside words too, must be found by its inner keys.
func TestNoSubstringIsMissed(t *testing.T) {
	all := rows(BlockRows + 50)
	path := write(t, all)
	r := rand.New(rand.NewPCG(3, 3))
	for range 3000 {
		n := r.IntN(len(all))
		from := r.IntN(len(all[n]))
		piece := all[n][from : from+r.IntN(len(all[n])-from)]
		blocks, err := Blocks(path, [][]uint64{InnerKeys(piece)})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(blocks, n/BlockRows) {
			t.Fatalf("row %d holds %q, but its block is not among %v", n, piece, blocks)
		}
	}
}

func TestMostBlocksAreSpared(t *testing.T) {
	all := rows(20 * BlockRows)
	path := write(t, all)
	hits := 0
	for i := range 50 {
		for _, word := range []string{fmt.Sprintf("AKIA%015XZ", i), fmt.Sprintf("%d.300.1.2", i), fmt.Sprintf("00000000-1111-4222-8333-%012x", i)} {
			keys := Keys(word)
			if len(keys) == 0 {
				t.Fatalf("no keys for %q", word)
			}
			blocks, err := Blocks(path, [][]uint64{keys})
			if err != nil {
				t.Fatal(err)
			}
			hits += len(blocks)
		}
	}
	if hits > 50*3*20/50 {
		t.Errorf("%d of %d blocks looked at for words that stand nowhere", hits, 50*3*20)
	}
}

func TestAlternatives(t *testing.T) {
	path := write(t, []string{"alpha beta", "gamma delta"})
	for _, c := range []struct {
		any  [][]uint64
		want bool
	}{
		{[][]uint64{Keys("alpha"), Keys("nothing")}, true},
		{[][]uint64{Keys("alpha nothing")}, false},
		{[][]uint64{{}}, true},
		{nil, false},
	} {
		blocks, err := Blocks(path, c.any)
		if err != nil {
			t.Fatal(err)
		}
		if (len(blocks) == 1) != c.want {
			t.Errorf("Blocks(%v) = %v", c.any, blocks)
		}
	}
}

func TestDamagedSidecarIsAnError(t *testing.T) {
	path := write(t, rows(10))
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{0, 3, 11, 13} {
		if err := os.WriteFile(path, good[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Blocks(path, [][]uint64{Keys("alpha")}); err == nil {
			t.Errorf("no error for a sidecar of %d bytes", cut)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	all := rows(BlockRows)
	n := 0
	for _, r := range all {
		n += len(r)
	}
	b.SetBytes(int64(n))
	var w Writer
	for b.Loop() {
		for _, r := range all {
			w.Add([]byte(r))
		}
		w.body, w.ends = w.body[:0], w.ends[:0]
	}
}
