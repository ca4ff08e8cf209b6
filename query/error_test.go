package query

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// asError is the error as what every error of the package must be.
func asError(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	return e
}

// TestErrors renders every mistake in both languages. The golden file is read by people: the caret must stand under the place.
func TestErrors(t *testing.T) {
	fields := testFields(t)
	var b strings.Builder
	used := map[string]bool{"too-long": true, "not-utf8": true, "unchecked": true, "bad-term": true}
	for _, in := range []string{
		`a AND`, `OR b`, `a AND OR b`, `(a OR b`, `a OR b)`, `()`, `eventName:`, `eventName:AND x`, `eventName:()`, `""`,
		`eventName:"GetObject`, `foo"bar"`, `eventName:a(b)`, `eventName:"a"b`, `a\`,
		`eventName:/a/b`, `eventName:/etc/passwd`, `eventName:/a`, `eventName:/a(/`, `eventName:/(?=a)/`,
		`bytes:[1 TO 2`, `bytes:[1 2]`, `bytes:[1]`, `bytes:[TO 2]`, `bytes:>1*`, `bytes:[1* TO 2]`,
		`evnetName:ConsoleLogin`, `bucketName:x`, `operation:GetObject`, `zzzzzz:1`, `userIdentity.acessKeyId:x`, `identity.accessKeyId:A`, `CASE:x`,
		`eventName:x AND bytes:abc`, `bytes:1.5`, `bytes:1*`, `bytes:~1`, `bytes:99999999999999999999`,
		`time:yesterday`, `time:[2026-10-01 TO 2026-13-01]`, `time:2026-*`, `time:>24h`,
		`sourceIPAddress:10.0.0.0/33`, `sourceIPAddress:10.0.0.256`, `sourceIPAddress:>x`, `sourceIPAddress:[10.0.0.1 TO 2001:db8::1]`,
		`readOnly:yes`, `eventName：GetObject`, `readOnly:>true`,
		`eventName:"山田 太郎" AND 送信元:東京`, `"コンソール　ログイン" AND bytes:多い`, `é́ bytes:x`,
		"eventName:a\nAND\tbytes:x\nAND c", "bytes:\u202eevil", strings.Repeat("長い", 40) + ` bytes:x ` + strings.Repeat("tail ", 30),
		strings.Repeat("(", 65) + "a" + strings.Repeat(")", 65), strings.Repeat("NOT ", 65) + "a", strings.Repeat("a ", 1025),
	} {
		e, err := Parse(in)
		if err == nil {
			_, err = Check(e, fields, now)
		}
		if err == nil {
			t.Errorf("%q is accepted", in)
			continue
		}
		fail := asError(t, err)
		used[fail.Code] = true
		b.WriteString("== " + fail.Code + "\n" + fail.Text("en") + "--\n" + fail.Text("ja"))
	}
	for code := range catalogue {
		if !used[code] {
			t.Errorf("no case shows the error %s", code)
		}
	}
	const golden = "testdata/errors.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("errors differ from %s (rewrite with -update) (-want +got):\n%s", golden, diff)
	}
}

func TestCatalogueIsComplete(t *testing.T) {
	for code, m := range catalogue {
		for _, text := range []string{m.message.en, m.message.ja, m.hint.en, m.hint.ja} {
			if text == "" {
				t.Errorf("%s lacks a text in one of the languages", code)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	for code, in := range map[string]string{"too-long": strings.Repeat("a", 16<<10+1), "not-utf8": "abc \xff"} {
		_, err := Parse(in)
		if asError(t, err).Code != code {
			t.Errorf("Parse gives %v, want %s", err, code)
		}
	}
	for _, in := range []string{strings.Repeat("a", 16<<10), strings.Repeat("(", 64) + "a" + strings.Repeat(")", 64), "f:(" + strings.Repeat("a ", 1024) + ")"} {
		if _, err := Parse(in); err != nil {
			t.Errorf("a query at the limit: %v", err)
		}
	}
	_, err := Parse("a　b \"c")
	if e := asError(t, err); e.At != 6 || e.Column != 5 {
		t.Errorf("place is byte %d, column %d; want 6, 5", e.At, e.Column)
	}
}
