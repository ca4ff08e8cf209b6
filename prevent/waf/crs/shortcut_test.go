package crs

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/corazawaf/libinjection-go"
	"pgregory.net/rapid"
	"rsc.io/binaryregexp"

	"github.com/yagura-sec/yagura/internal/transform"
)

// passes says whether a filter made of an expression's need lets a text through, as the
// engine decides it: with the automaton, the clauses and the exemption of folding runes.
func passes(n *need, text string) bool {
	if n == nil {
		return true
	}
	if strings.Contains(text, "\u017f") || strings.Contains(text, "\u212a") {
		return true
	}
	lower := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r | 0x20
		}
		return r
	}, text)
	if !utf8.ValidString(text) {
		lower = string(lowerBytes(text))
	}
	set := bytesOf(text)
	for _, c := range n.clauses() {
		ok := c.set.meets(&set)
		for _, lit := range c.lits {
			ok = ok || strings.Contains(lower, lit)
		}
		if !ok {
			return false
		}
	}
	return true
}

func lowerBytes(s string) []byte {
	p := []byte(s)
	for i := range p {
		p[i] = lowerByte(p[i])
	}
	return p
}

// allPatterns are the expressions of CRS.
func allPatterns(tb testing.TB) []*pattern {
	e, err := Compile(Options{Paranoia: 4})
	if err != nil {
		tb.Fatal(err)
	}
	var out []*pattern
	for _, p := range e.library.regexps {
		out = append(out, p)
	}
	return out
}

// TestNeedsOfCRS holds the needs of CRS's expressions, and their automata, against the
// expressions on everything that CRS's tests contain, and on changes of it.
func TestNeedsOfCRS(t *testing.T) {
	patterns := allPatterns(t)
	g := newGenerator(t, 3)
	values := g.payloads
	for range 2000 {
		values = append(values, g.value())
	}
	if testing.Short() {
		values = values[len(values)-1500:]
	}
	for n, p := range patterns {
		if n%sparse != 0 {
			continue
		}
		tx := &transaction{}
		for i, v := range values {
			if i%4 != int(len(p.source))%4 && !strings.Contains(v, "ſ") {
				continue // a quarter of them for each
			}
			want := p.bytes != nil && p.bytes.MatchString(v) || p.bytes == nil && p.ready().MatchString(v)
			if want && !passes(p.need(), v) {
				t.Errorf("%.80q matches %q, but is filtered out", p.source, v)
			}
			if got := p.matches(tx, v); got != want {
				t.Errorf("%.80q on %q is %v, want %v", p.source, v, got, want)
			}
		}
	}
}

// FuzzNeed: no text that an expression matches is filtered out, and the automaton
// agrees with regexp.
func FuzzNeed(f *testing.F) {
	for _, c := range [][2]string{
		{`(?i)union\s+(all\s+)?select`, "x UNION  ALL select"}, {`a{2,3}b?c|[^a-z]d+`, "aac"}, {`^\s*$`, ""}, {`(?i)[k-s]+ſ`, "\u212aſ"},
		{`\bfoo\B.`, "a fooX"}, {`[^\x00-\x7f]`, "\xff"}, {`é|ü`, "é"}, {`(?i)É`, "é"}, {`(a|b|)(c|d)e`, "ce"}, {`\xac\xed`, "\xac\xed"},
		{`(?:x|y)*z{0}q`, "q"}, {`[kK]`, "\u212a"}, {`(?i)s{3}`, "sſS"}, {`$^`, "\n"},
	} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, source, text string) {
		if len(source) > 60 || len(text) > 200 {
			return
		}
		op, err := newLibrary().rx(source)
		if err != nil {
			return
		}
		p, ok := op.(*pattern)
		if !ok {
			t.Fatalf("%T", op)
		}
		var want bool
		if p.bytes != nil {
			want = binaryregexp.MustCompile(source).MatchString(text)
		} else {
			want = regexp.MustCompile(p.source).MatchString(text)
		}
		if want && !passes(p.need(), text) {
			t.Errorf("%q matches %q, but is filtered out", source, text)
		}
		if got := p.matches(&transaction{}, text); got != want {
			t.Errorf("%q on %q is %v, regexp says %v", source, text, got, want)
		}
	})
}

// TestNeedProperty builds expressions out of parts, so that more of them are valid.
func TestNeedProperty(t *testing.T) {
	atom := rapid.SampledFrom([]string{"a", "ab", "k", "s", "S", "é", "[a-c]", "[^a]", `\d`, `\W`, ".", `\b`, "^", "$", "(?i:ks)", "(?i:é)", `\x{ff}`, "[ſ-Ɓ]", "�", "-", "%"})
	var build func(depth int) *rapid.Generator[string]
	build = func(depth int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			if depth == 0 {
				return atom.Draw(t, "atom")
			}
			a, b := build(depth-1).Draw(t, "a"), build(depth-1).Draw(t, "b")
			return rapid.SampledFrom([]string{a + b, "(?:" + a + "|" + b + ")", "(?:" + a + ")*" + b, "(?:" + a + ")+", "(?:" + a + ")?" + b, "(?:" + a + "){2,3}", a + "(?i)" + b}).Draw(t, "form")
		})
	}
	char := rapid.SampledFrom([]string{"a", "A", "b", "c", "k", "K", "s", "S", "é", "É", "ſ", "\u212a", "0", "-", "%", " ", "\n", "\xff", "\xc3", "ƀ", "�"})
	rapid.Check(t, func(t *rapid.T) {
		source := build(3).Draw(t, "source")
		text := strings.Join(rapid.SliceOfN(char, 0, 8).Draw(t, "text"), "")
		op, err := newLibrary().rx(source)
		if err != nil {
			t.Skip("not an expression")
		}
		p := op.(*pattern) //nolint:errcheck,forcetypeassert // rx gives nothing else
		want := p.bytes != nil && p.bytes.MatchString(text) || p.bytes == nil && p.ready().MatchString(text)
		if want && !passes(p.need(), text) {
			t.Fatalf("%q matches %q, but is filtered out", source, text)
		}
		if got := p.matches(&transaction{}, text); got != want {
			t.Fatalf("%q on %q is %v, regexp says %v", source, text, got, want)
		}
	})
}

// FuzzLibinjection: what the filters keep from libinjection is nothing that it finds.
func FuzzLibinjection(f *testing.F) {
	for _, s := range []string{"1union", "0xGunion", "union", "a--b", "1e", "1.2-3", "x1union_all", "uni_on", "1except", "onload", "<a", "a=b", "1eUNION", "0b12x", "1,2.3-4", "nchar", "exceptx"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if found, print := libinjection.IsSQLi(s); found && (!passes(sqliNeed, s) || isNumber(s)) {
			t.Errorf("injection %q with fingerprint %s is filtered out", s, print)
		}
		if libinjection.IsXSS(s) && !passes(xssNeed, s) {
			t.Errorf("markup %q is filtered out", s)
		}
	})
}

// TestLibinjectionWords tries words and numbers of the kind that the filter keeps back.
func TestLibinjectionWords(t *testing.T) {
	words := strings.Fields("select and or not like in is null sleep benchmark waitfor delay drop table insert from where having group order by limit case when then else end if exec execute declare set cast convert char concat version user database schema true false div mod xor between regexp rlike sounds sha1 md5 hex load_file outfile into values union except intersect uni_on")
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.OneOf(rapid.SampledFrom(words), rapid.StringMatching(`[0-9]{1,3}`), rapid.SampledFrom([]string{"0x", "0b", "1e", "1f", "1d", "_", "x", "n", "q", "u", "b", "e", "E5"}))
		s := strings.Join(rapid.SliceOfN(part, 1, 5).Draw(t, "parts"), "")
		if found, print := libinjection.IsSQLi(s); found && !passes(sqliNeed, s) {
			t.Fatalf("injection %q with fingerprint %s is filtered out", s, print)
		}
		num := rapid.StringMatching(`[0-9.,\-]{1,12}`).Draw(t, "number")
		if found, print := libinjection.IsSQLi(num); found && isNumber(num) {
			t.Fatalf("injection %q with fingerprint %s is filtered out", num, print)
		}
	})
}

// FuzzWakes: a text without a byte that wakes a transformation is not changed by it.
func FuzzWakes(f *testing.F) {
	names := strings.Fields(`base64Decode base64DecodeExt base64Encode cmdLine compressWhitespace cssDecode escapeSeqDecode
		hexDecode hexEncode htmlEntityDecode jsDecode length lowercase md5 normalisePath normalisePathWin removeComments
		removeCommentsChar removeNulls removeWhitespace replaceComments replaceNulls sha1 uppercase urlDecode urlDecodeUni
		urlEncode utf8toUnicode trim trimLeft trimRight none sqlHexDecode`)
	for _, s := range []string{"", "a", "..", "/", "//", "a/./b", "%41", "&lt;", "É", "\xa0", "a b", "x:y", "-", "--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		set := bytesOf(s)
		for _, name := range names {
			wakes := wakesOf(strings.ToLower(name))
			if set.meets(&wakes) || wakes == anyByte {
				continue
			}
			fn, ok := transform.Named(name)
			if !ok {
				t.Fatalf("no transformation %s", name)
			}
			if out, _ := fn(nil, []byte(s)); string(out) != s {
				t.Errorf("%s changes %q to %q without being woken", name, s, out)
			}
		}
	})
}
