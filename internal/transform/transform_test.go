package transform_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3"
	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura/internal/transform"
)

// shared are the transformations that Coraza has too, and which of them may name their
// value "changed" at will.
var shared = strings.Fields(`none base64Decode base64DecodeExt base64Encode cmdLine
	compressWhitespace cssDecode escapeSeqDecode hexDecode hexEncode htmlEntityDecode
	jsDecode length lowercase md5 normalisePath normalisePathWin removeComments
	removeCommentsChar removeNulls removeWhitespace replaceComments replaceNulls sha1
	uppercase urlDecode urlDecodeUni urlEncode utf8toUnicode trim trimLeft trimRight`)

// oracle gives Coraza's transformations, seen through rules that always match: rule
// 2i+1 shows the value, rule 2i+2 whether it says that it changed.
func oracle(tb testing.TB) func(value string) (out []string, changed []bool) {
	var rules strings.Builder
	for i, name := range shared {
		fmt.Fprintf(&rules, "SecRule REQUEST_HEADERS:X \"@unconditionalMatch\" \"id:%d,phase:1,pass,t:none,t:%s\"\n", 2*i+1, name)
		fmt.Fprintf(&rules, "SecRule REQUEST_HEADERS:X \"@unconditionalMatch\" \"id:%d,phase:1,pass,multiMatch,t:none,t:%s\"\n", 2*i+2, name)
	}
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives("SecRuleEngine DetectionOnly\n" + rules.String()))
	if err != nil {
		tb.Fatal(err)
	}
	return func(value string) ([]string, []bool) {
		tx := waf.NewTransaction()
		defer func() { _ = tx.Close() }()
		tx.AddRequestHeader("X", value)
		tx.ProcessRequestHeaders()
		out, changed := make([]string, len(shared)), make([]bool, len(shared))
		for _, m := range tx.MatchedRules() {
			i := (m.Rule().ID() - 1) / 2
			if m.Rule().ID()%2 == 1 {
				out[i] = m.MatchedDatas()[0].Value()
			} else {
				changed[i] = len(m.MatchedDatas()) > 1
			}
		}
		return out, changed
	}
}

func compare(tb testing.TB, ask func(string) ([]string, []bool), value string) {
	want, wantChanged := ask(value)
	scratch := make([]byte, 0, 64)
	for i, name := range shared {
		f, ok := transform.Named(name)
		if !ok {
			tb.Fatalf("no transformation %s", name)
		}
		src := []byte(value)
		out, changed := f(scratch, src)
		if string(out) != want[i] {
			tb.Errorf("%s(%q) = %q, Coraza says %q", name, value, out, want[i])
		}
		if changed != wantChanged[i] {
			tb.Errorf("%s(%q) = %q changed %v, Coraza says %v", name, value, out, changed, wantChanged[i])
		}
		if string(src) != value {
			tb.Errorf("%s(%q) wrote to its source", name, value)
		}
	}
}

// cases hold what each transformation looks for.
var cases = []string{
	"", "a", "/", "//", ".", "..", "/..", "../..", "a/../..", "/a/./b/../c/", "a//b", "./a", "a/.", "a/..", "...", ".a/..b", "a/...",
	"%41+b%u0041%uff21%u2019%U00e9%uzzzz%4%", "%", "%u", "%u004", "%u00411", "%%41", "%uff3c", "%u12ab",
	"QUJD", "QU JD", "QUJ", "QU=JD", "Q.U\tJ-_D", "Q", "\x80QUJD",
	"414243", "41424", "zz", "0x4142 and 0X43z 0x",
	`\41 b\0\d800x\00ff21 y\`, "\\\nx", `\g`, `\u0041\u{ff21}\u{}\x41\101\400\8\a\q\`, `\uff21\uFF5f\uff00`, `\x4`, `\1`, `\777\08\?\"\'`,
	"a /* b */ c", "/*/", "/**/", "a--b", "x#y", "<!-- a --> b", "<!-- a", "*/ -->", "/* a */", "-", "<!-", "/*a*/*/", "a-->b",
	"  a \t b  ", "a\u00a0\u0085b", "a\xa0b\x85", "\u3000x", "a\x00b\x00", "x\xff y",
	`C"m^D  /c ;, (x)`, "a (", "ABC", "ÄÖK\u212a", "abc\xff", "日本", "\U0001F600",
	"&lt;&#60;&#x3c&amp&notit;", "&", "a&b", "C:\\a\\..\\b.txt:stream", "a:b", "c:", "a. /b. . /...", "/a:/", "x.", " ", "/ /", "..\\..\\x ",
	"-1'\"", "\v\f\r\n",
}

func TestAgainstCoraza(t *testing.T) {
	ask := oracle(t)
	for _, c := range cases {
		compare(t, ask, c)
	}
}

func TestPropertyAgainstCoraza(t *testing.T) {
	ask := oracle(t)
	piece := rapid.OneOf(rapid.SampledFrom(cases), rapid.SampledFrom(strings.Split(`% u \ x 0 1 7 41 ff a B / . - * # < > ! ; & + = ~ : ( ' "`, " ")),
		rapid.SampledFrom([]string{" ", "\x00", "\xa0", "\u0085", "\xff", "\n", "é"}))
	rapid.Check(t, func(t *rapid.T) {
		compare2(t, ask, strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "value"), ""))
	})
}

// compare2 is compare for rapid's T.
func compare2(t *rapid.T, ask func(string) ([]string, []bool), value string) {
	want, wantChanged := ask(value)
	for i, name := range shared {
		f, _ := transform.Named(name)
		out, changed := f(nil, []byte(value))
		if string(out) != want[i] || changed != wantChanged[i] {
			t.Fatalf("%s(%q) = %q %v, Coraza says %q %v", name, value, out, changed, want[i], wantChanged[i])
		}
	}
}

func FuzzAgainstCoraza(f *testing.F) {
	ask := oracle(f)
	for _, c := range cases {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, value string) { compare(t, ask, value) })
}

func TestAWSNames(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"NONE", "A", "A"},
		{"LOWERCASE", "AÄ\u212a", "aÄ\u212a"}, // letters of ASCII only
		{"UPPERCASE", "aä", "Aä"},
		{"URL_DECODE_UNI", "%u0027+", "' "},
		{"URL_DECODE", "%27+", "' "},
		{"SQL_HEX_DECODE", "x=0x414243-0X4", "x=ABC-0X4"},
		{"CMD_LINE", `C"at^ /E`, "cat/e"},
		{"CMD_LINE_UNIX", `c\at^`, `cat^`},
		{"CMD_LINE_WIN", `c:\a^b"`, `c:\ab`},
		{"COMPRESS_WHITE_SPACE", "a \t b", "a b"},
		{"MD5", "", "d41d8cd98f00b204e9800998ecf8427e"},
		{"SHA256", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"JS_DECODE_EXT", `\u{61}`, "a"},
		{"UTF8_TO_UNICODE", "é", "%u00e9"},
		{"REMOVE_COMMENTS_CHAR", "a/**/b#", "ab"},
		{"NORMALIZE_PATH_WIN", `\a\..\b`, "/b"},
	} {
		f, ok := transform.Named(c.name)
		if !ok {
			t.Errorf("no transformation %s", c.name)
			continue
		}
		if out, _ := f(nil, []byte(c.in)); string(out) != c.want {
			t.Errorf("%s(%q) = %q, want %q", c.name, c.in, out, c.want)
		}
	}
	if _, ok := transform.Named("ROT13"); ok {
		t.Error("ROT13 is no transformation")
	}
}

// TestNoAllocation holds what the evaluators count on: an ordinary value costs nothing.
func TestNoAllocation(t *testing.T) {
	src := []byte("an-ordinary_value.1")
	dst := make([]byte, 0, 256)
	for _, name := range shared {
		f, _ := transform.Named(name)
		if n := testing.AllocsPerRun(20, func() { f(dst, src) }); n > 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
		if out, changed := f(dst, src); !changed && !bytes.Equal(out, src) {
			t.Errorf("%s: unchanged, yet %q", name, out)
		}
	}
}
