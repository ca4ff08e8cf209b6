package seed

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Rand is the short-lived generator of one position. It is not safe for concurrent use.
type Rand struct{ s0, s1 uint64 }

// Uint64 returns the next 64 bits.
func (r *Rand) Uint64() uint64 {
	s0, s1 := r.s0, r.s1
	out := bits.RotateLeft64(s0+s1, 17) + s0
	s1 ^= s0
	r.s0 = bits.RotateLeft64(s0, 49) ^ s1 ^ s1<<21
	r.s1 = bits.RotateLeft64(s1, 28)
	return out
}

// Read fills p and never fails.
func (r *Rand) Read(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], r.Uint64())
		p = p[copy(p, b[:]):]
	}
	return n, nil
}

// IntN returns a number in [0, n), and 0 when n is not positive.
func (r *Rand) IntN(n int) int {
	if n <= 1 {
		return 0
	}
	hi, _ := bits.Mul64(r.Uint64(), uint64(n))
	return int(hi)
}

// Between returns a number in [lo, hi].
func (r *Rand) Between(lo, hi int) int { return lo + r.IntN(hi-lo+1) }

// Float returns a number in [0, 1).
func (r *Rand) Float() float64 { return float64(r.Uint64()>>11) / (1 << 53) }

// Bool is true with probability p.
func (r *Rand) Bool(p float64) bool { return r.Float() < p }

// Norm returns a standard normal number (Box-Muller).
func (r *Rand) Norm() float64 {
	u := 1 - r.Float()
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*r.Float())
}

// LogNorm returns a log-normal number with the given median: the long tail of sizes and pauses.
func (r *Rand) LogNorm(median, sigma float64) float64 { return median * math.Exp(sigma*r.Norm()) }

// Poisson returns a count with the given mean.
func (r *Rand) Poisson(mean float64) int {
	if mean <= 0 {
		return 0
	}
	if mean > 60 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*r.Norm())))
	}
	limit, p, n := math.Exp(-mean), r.Float(), 0
	for p > limit {
		p *= r.Float()
		n++
	}
	return n
}

// Zipf returns an index in [0, n) that prefers small numbers.
func (r *Rand) Zipf(n int) int {
	if n <= 1 {
		return 0
	}
	return min(n-1, int(math.Exp(r.Float()*math.Log(float64(n+1)))-1))
}

const (
	hexDigits = "0123456789abcdef"
	base32    = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	alnum     = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	base36    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// Hex appends n lower-case hex digits.
func (r *Rand) Hex(dst []byte, n int) []byte {
	for n > 0 {
		v := r.Uint64()
		for i := 0; i < 16 && n > 0; i++ {
			dst = append(dst, hexDigits[v&15])
			v >>= 4
			n--
		}
	}
	return dst
}

// UUID appends a version 4 UUID.
func (r *Rand) UUID(dst []byte) []byte {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], r.Uint64())
	binary.LittleEndian.PutUint64(b[8:], r.Uint64())
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	for i, c := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
	}
	return dst
}

// Alnum appends n letters and digits.
func (r *Rand) Alnum(dst []byte, n int) []byte { return r.pick(dst, n, alnum) }

// Upper appends n upper-case letters and digits, the alphabet of S3 request ids.
func (r *Rand) Upper(dst []byte, n int) []byte { return r.pick(dst, n, base36) }

// Base64 appends n characters of the base64 alphabet, unpadded.
func (r *Rand) Base64(dst []byte, n int) []byte { return r.pick(dst, n, alnum+"+/") }

func (r *Rand) pick(dst []byte, n int, set string) []byte {
	for n > 0 {
		v := r.Uint64()
		for i := 0; i < 8 && n > 0; i++ {
			dst = append(dst, set[(v&0xff)*uint64(len(set))>>8])
			v >>= 8
			n--
		}
	}
	return dst
}

// KeyID returns an AWS unique id: the 4-letter prefix (AKIA, ASIA, AROA, AIDA) and 16 base32 characters whose first bits carry the account,
// as real ids of the last years do.
func (r *Rand) KeyID(prefix string, account uint64) string {
	var b [10]byte
	head := 1<<47 | account<<7&0x7fffffffff80 | r.Uint64()&0x7f
	for i := range 6 {
		b[i] = byte(head >> (40 - 8*i))
	}
	binary.LittleEndian.PutUint32(b[6:], uint32(r.Uint64()))
	out := make([]byte, 0, 20)
	out = append(out, prefix...)
	for i := 0; i < 80; i += 5 {
		v := uint(0)
		for j := range 5 {
			bit := i + j
			v = v<<1 | uint(b[bit/8]>>(7-bit%8)&1)
		}
		out = append(out, base32[v])
	}
	return string(out)
}
