package transform

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // a transformation of the rule language, not a protection
	"crypto/sha1" //nolint:gosec // as above
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"unicode/utf8"
)

// lowercase lowers all letters of Unicode; invalid UTF-8 becomes U+FFFD when the value
// is not ASCII.
func lowercase(dst, src []byte) ([]byte, bool) {
	if isASCII(src) {
		return lowercaseASCII(dst, src)
	}
	return replaced(src, bytes.ToLower(src))
}

func uppercase(dst, src []byte) ([]byte, bool) {
	if isASCII(src) {
		return uppercaseASCII(dst, src)
	}
	return replaced(src, bytes.ToUpper(src))
}

func replaced(src, out []byte) ([]byte, bool) {
	if bytes.Equal(src, out) {
		return src, false
	}
	return out, true
}

func isASCII(p []byte) bool {
	for _, c := range p {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func lowercaseASCII(dst, src []byte) ([]byte, bool) { return flip(dst, src, 'A') }
func uppercaseASCII(dst, src []byte) ([]byte, bool) { return flip(dst, src, 'a') }

// flip changes the case of the 26 letters that start at first.
func flip(dst, src []byte, first byte) ([]byte, bool) {
	i := 0
	for i < len(src) && src[i]-first >= 26 {
		i++
	}
	if i == len(src) {
		return src, false
	}
	out := append(dst[:0], src...)
	for ; i < len(out); i++ {
		if out[i]-first < 26 {
			out[i] ^= 0x20
		}
	}
	return out, true
}

// utf8ToUnicode writes characters outside ASCII as %uHHHH, or with more digits.
func utf8ToUnicode(dst, src []byte) ([]byte, bool) {
	if isASCII(src) {
		return src, false
	}
	out := dst[:0]
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		i += n
		if r < utf8.RuneSelf {
			out = append(out, byte(r))
			continue
		}
		out = append(out, '%', 'u')
		for shift := rune(0x1000); shift > r; shift >>= 4 {
			out = append(out, '0')
		}
		out = strconv.AppendUint(out, uint64(r), 16)
	}
	return out, true
}

func length(dst, src []byte) ([]byte, bool) {
	return strconv.AppendInt(dst[:0], int64(len(src)), 10), true
}

func md5Sum(dst, src []byte) ([]byte, bool) {
	sum := md5.Sum(src) //nolint:gosec // as above
	return append(dst[:0], sum[:]...), true
}

func sha1Sum(dst, src []byte) ([]byte, bool) {
	sum := sha1.Sum(src) //nolint:gosec // as above
	return append(dst[:0], sum[:]...), true
}

func md5Hex(dst, src []byte) ([]byte, bool) {
	sum := md5.Sum(src) //nolint:gosec // as above
	return hex.AppendEncode(dst[:0], sum[:]), true
}

func sha256Hex(dst, src []byte) ([]byte, bool) {
	sum := sha256.Sum256(src)
	return hex.AppendEncode(dst[:0], sum[:]), true
}
