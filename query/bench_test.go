package query

import (
	"strings"
	"testing"

	"github.com/yagura-sec/yagura/query/match"
)

// BenchmarkParse is one typical line of the search bar, parsed and checked.
func BenchmarkParse(b *testing.B) {
	fields := testFields(b)
	b.ReportAllocs()
	for b.Loop() {
		e, err := Parse(`eventName:(GetObject PutObject) AND NOT sourceIPAddress:10.0.0.0/8 AND time:>-24h "access denied"`)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Check(e, fields, now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWords looks for a word that is not there in 64 KiB of JSON.
func BenchmarkWords(b *testing.B) {
	text := strings.Repeat(`{"eventName":"GetObject","sourceIPAddress":"198.51.100.7"},`, 1100)
	for _, pattern := range []string{"assumerole", "*assume*role*"} {
		b.Run(pattern, func(b *testing.B) {
			w := match.NewWords(pattern)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if w.Match(text) {
					b.Fatal("found")
				}
			}
		})
	}
}
