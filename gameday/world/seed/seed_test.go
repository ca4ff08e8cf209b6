package seed_test

import (
	"math"
	"testing"

	"github.com/yagura-sec/yagura/gameday/world/seed"
)

func TestPathsAreIndependent(t *testing.T) {
	root := seed.New(1)
	seen := map[uint64]string{}
	put := func(name string, k seed.Key) {
		v := k.Rand().Uint64()
		if old, ok := seen[v]; ok {
			t.Errorf("%s and %s draw the same", old, name)
		}
		seen[v] = name
	}
	put("root", root)
	put("ab c", root.Sub("ab", "c"))
	put("a bc", root.Sub("a", "bc"))
	put("abc", root.Sub("abc"))
	put("abc0", root.Sub("abc\x00"))
	put("8 bytes", root.Sub("12345678"))
	put("8 bytes 0", root.Sub("12345678\x00"))
	put("number", root.At(1))
	put("number as text", root.Sub("\x01\x00\x00\x00\x00\x00\x00\x00"))
	put("other seed", seed.New(2))
	if a, b := root.Sub("x").At(7).Rand().Uint64(), root.Sub("x").At(7).Rand().Uint64(); a != b {
		t.Error("one path gave two values")
	}
}

func TestDraws(t *testing.T) {
	r := seed.New(9).Rand()
	const n = 20000
	var sum, square, count float64
	for range n {
		v := r.Norm()
		sum, square = sum+v, square+v*v
		count += float64(r.Poisson(3))
		if i := r.IntN(7); i < 0 || i > 6 {
			t.Fatalf("IntN(7) = %d", i)
		}
	}
	if math.Abs(sum/n) > 0.03 || math.Abs(square/n-1) > 0.05 || math.Abs(count/n-3) > 0.06 {
		t.Errorf("normal mean %.3f, square %.3f; Poisson mean %.3f", sum/n, square/n, count/n)
	}
	if id := r.KeyID("AKIA", 123456789013); len(id) != 20 || id[:4] != "AKIA" {
		t.Errorf("key id %q", id)
	}
}
