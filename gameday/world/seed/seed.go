// Package seed turns one number into every random choice of a generated world.
//
// A Key is a position in a tree: the root comes from the user's seed, children from names and numbers. The value at a position depends
// on its path alone, never on what was generated before it, so adding an entity does not shift the others and any part of the world can
// be generated on any worker with the same bytes. The keyed function is SipHash-2-4 with 128-bit output (https://github.com/veorq/SipHash);
// the local generator of an entity-hour is xoroshiro128++ (https://prng.di.unimi.it). Neither is a cipher: a seed is not a secret.
package seed

import (
	"encoding/binary"
	"math/bits"
)

// Key names one position in the tree of choices.
type Key struct{ k0, k1 uint64 }

// New returns the root of the tree of a seed.
func New(seed uint64) Key {
	return Key{k0: seed, k1: 0x79616775_72610001}.Sub("world")
}

// Sub returns the child named by the path.
func (k Key) Sub(path ...string) Key {
	for _, p := range path {
		k = k.hash([]byte(p), 0x53)
	}
	return k
}

// At returns the child numbered by the path: an index, an hour, an account.
func (k Key) At(path ...int64) Key {
	var b [8]byte
	for _, n := range path {
		binary.LittleEndian.PutUint64(b[:], uint64(n))
		k = k.hash(b[:], 0x4e)
	}
	return k
}

// Rand starts the local generator of this position.
func (k Key) Rand() *Rand {
	s0, s1 := k.k0, k.k1
	if s0|s1 == 0 {
		s1 = 1
	}
	return &Rand{s0: s0, s1: s1}
}

// hash is SipHash-2-4 with 128 bits of output over p and a domain byte.
func (k Key) hash(p []byte, domain byte) Key {
	v0 := k.k0 ^ 0x736f6d6570736575
	v1 := k.k1 ^ 0x646f72616e646f6d ^ 0xee
	v2 := k.k0 ^ 0x6c7967656e657261
	v3 := k.k1 ^ 0x7465646279746573
	round := func() {
		v0 += v1
		v1 = bits.RotateLeft64(v1, 13) ^ v0
		v0 = bits.RotateLeft64(v0, 32)
		v2 += v3
		v3 = bits.RotateLeft64(v3, 16) ^ v2
		v0 += v3
		v3 = bits.RotateLeft64(v3, 21) ^ v0
		v2 += v1
		v1 = bits.RotateLeft64(v1, 17) ^ v2
		v2 = bits.RotateLeft64(v2, 32)
	}
	n := len(p) + 1
	for len(p) >= 8 {
		m := binary.LittleEndian.Uint64(p)
		v3 ^= m
		round()
		round()
		v0 ^= m
		p = p[8:]
	}
	var last [8]byte
	copy(last[:], p)
	last[len(p)] = domain
	m := binary.LittleEndian.Uint64(last[:]) ^ uint64(n)<<56
	v3 ^= m
	round()
	round()
	v0 ^= m
	v2 ^= 0xee
	round()
	round()
	round()
	round()
	out := Key{k0: v0 ^ v1 ^ v2 ^ v3}
	v1 ^= 0xdd
	round()
	round()
	round()
	round()
	out.k1 = v0 ^ v1 ^ v2 ^ v3
	return out
}
