// Package token cuts text into the words that a search without a field looks for.
//
// A token is a maximal run of ASCII letters, digits, underscores and bytes >= 0x80 (so every non-ASCII character is a letter); ASCII
// letters are lower-cased, everything else is kept as it is. The lake hashes the tokens of each record into a bloom filter and the query
// asks it for the tokens of a term: both must cut alike, which is why the rule stands here once. Text in a script without spaces is one
// long token; a search inside it needs wildcards.
package token

import "sync"

const (
	letter = 1 << iota
	upper
)

var class = func() (c [256]uint8) {
	for i := range c {
		b := byte(i)
		switch {
		case b >= 'A' && b <= 'Z':
			c[i] = letter | upper
		case b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '_', b >= 0x80:
			c[i] = letter
		}
	}
	return c
}()

// Letter reports whether a byte belongs to a token.
func Letter(b byte) bool { return class[b] != 0 }

// Lower returns the byte as it stands in a token: ASCII capitals in lower case, anything else unchanged.
func Lower(b byte) byte {
	if class[b]&upper != 0 {
		return b | 0x20
	}
	return b
}

// maxKept bounds the scratch buffer kept between calls; a longer token gets a buffer of its own for one call.
const maxKept = 64 << 10

var scratch = sync.Pool{New: func() any { b := make([]byte, 256); return &b }}

// Tokens yields the tokens of a text in order until yield returns false. The slice is valid only during the call and must not be
// changed: it is part of the text, or of a buffer that the next token overwrites.
func Tokens(text []byte, yield func(tok []byte) bool) {
	kept := scratch.Get().(*[]byte)
	buf := *kept
	for i := 0; i < len(text); {
		first := class[text[i]]
		if first == 0 {
			i++
			continue
		}
		start, seen := i, first
		for i++; i < len(text); i++ {
			c := class[text[i]]
			if c == 0 {
				break
			}
			seen |= c
		}
		tok := text[start:i]
		if seen&upper != 0 {
			if len(tok) > len(buf) {
				buf = make([]byte, 2*len(tok))
			}
			low := buf[:len(tok)]
			for j, b := range tok {
				low[j] = b | class[b]&upper<<4
			}
			tok = low
		}
		if !yield(tok) {
			break
		}
	}
	if len(buf) <= maxKept {
		*kept = buf
	}
	scratch.Put(kept)
}
