package query

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// written compares what was written, not where.
var written = cmp.Options{cmpopts.IgnoreFields(Term{}, "Query", "At", "End"), cmpopts.EquateEmpty()}

func TestPrint(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{``, `*`},
		{`  *  `, `*`},
		{`NOT *`, `NOT *`},
		{`*:* a`, `a`},
		{`*\:*`, `*\:*`},
		{`eventName:ConsoleLogin AND NOT sourceIPAddress:10.0.0.0/8 AND errorCode:*`, `eventName:ConsoleLogin AND NOT sourceIPAddress:10.0.0.0/8 AND errorCode:*`},
		{`a b`, `a AND b`},
		{`a　b`, `a AND b`}, // the space of a Japanese keyboard
		{`a OR b c`, `a OR b AND c`},
		{`(a OR b) c`, `(a OR b) AND c`},
		{`((a (b c)))`, `a AND b AND c`},
		{`a && b || !c`, `a AND b OR NOT c`},
		{`+a -b`, `a AND NOT b`},
		{`-(a b)`, `NOT (a AND b)`},
		{`NOT NOT a`, `NOT NOT a`},
		{`f:(a b)`, `f:a OR f:b`},
		{`f:(a b) g`, `(f:a OR f:b) AND g`},
		{`f:(a AND b c)`, `f:a AND f:b OR f:c`},
		{`f:(a b -c)`, `(f:a OR f:b) AND NOT f:c`},
		{`f:(a OR NOT b)`, `f:a OR NOT f:b`},
		{`f:(arn:aws:iam::1:root >5 [1 TO 2])`, `f:arn:aws:iam::1:root OR f:>5 OR f:[1 TO 2]`},
		{`f: v`, `f:v`},
		{`f:"a b"`, `f:"a b"`},
		{`f:"plain"`, `f:plain`},
		{`f:""`, `f:""`},
		{`f:"AND"`, `f:"AND"`},
		{`f:"a*b"`, `f:a\*b`},
		{`f:a\ b*`, `f:a\ b*`},
		{`f:a**b`, `f:a*b`},
		{`f:-24h`, `f:-24h`},
		{`f:> -24h`, `f:>-24h`},
		{`f:>=now-7d f:<1`, `f:>=now-7d AND f:<1`},
		{`f:[a TO b} f:{* TO "c d"]`, `f:[a TO b} AND f:{* TO "c d"]`},
		{`f:[2001:db8:: TO 2001:db8::ff]`, `f:[2001:db8:: TO 2001:db8::ff]`},
		{`f:/^a\/b(c|d)\d+ x$/`, `f:/^a\/b(c|d)\d+ x$/`},
		{`f:~Root*`, `f:~Root*`},
		{`requestParameters.bucket-name:x api_operation:y`, `requestParameters.bucket-name:x AND api_operation:y`},
		{`tags.aws\:createdBy:me`, `tags.aws\:createdBy:me`},
		{`198.51.100.7 2001:db8::1 fe80::1 fe80::/10`, `198.51.100.7 AND "2001:db8::1" AND "fe80::1" AND "fe80::/10"`},
		{`arn:aws:iam::123456789012:user/x`, `"arn:aws:iam::123456789012:user/x"`},
		{`https://example.com/a`, `"https://example.com/a"`},
		{`"quoted \"phrase\" \\ here"`, `"quoted \"phrase\" \\ here"`},
		{`Get* /etc/passwd a=b&c=d`, `Get* AND /etc/passwd AND a=b&c=d`},
		{`\-a "-b" - x`, `"-a" AND "-b" AND "-" AND x`},
		{`東京 名前:山田`, `東京 AND 名前:山田`},
	} {
		e, err := Parse(c.in)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.in, err)
			continue
		}
		got := Print(e)
		if got != c.want {
			t.Errorf("Print(Parse(%q)) = %q, want %q", c.in, got, c.want)
		}
		again, err := Parse(got)
		if err != nil {
			t.Errorf("Parse(%q): %v", got, err)
		} else if diff := cmp.Diff(e, again, written); diff != "" {
			t.Errorf("%q reads back differently (-first +second):\n%s", got, diff)
		}
	}
}

func TestSpan(t *testing.T) {
	const text = `a AND (名前:"x y" OR f:[1 TO 2])`
	e, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	or := e.(And).Args[1].(Or)
	for want, x := range map[string]Expr{
		`a AND (名前:"x y" OR f:[1 TO 2]`: e, `名前:"x y" OR f:[1 TO 2]`: or, `名前:"x y"`: or.Args[0], `f:[1 TO 2]`: or.Args[1],
	} {
		if from, to := x.Span(); text[from:to] != want {
			t.Errorf("span is %q, want %q", text[from:to], want)
		}
	}
}

// anyText draws texts full of the characters that mean something in the language.
func anyText(wildcards bool) *rapid.Generator[string] {
	piece := []string{"a", "B", "0", " ", "　", `"`, "(", ")", "[", "]", "{", "}", ":", "/", `\\`, `\*`, `\?`, "-", "+", "!", "~", "<", ">", "=", "&&", "||", "AND", "OR", "NOT", "TO", ".", "_", "@", "東", "é", "\n", "\t", "\x00", "arn:aws:", "fe80::1", "://"}
	if wildcards {
		piece = append(piece, "?", "*x")
	}
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(piece), 1, 6).Draw(t, "pieces"), "")
	})
}

func anyTerm() *rapid.Generator[Term] {
	name := rapid.StringMatching(`[a-zA-Z_@é東:/ ][a-zA-Z0-9_.:\\ \-東]{0,8}`)
	return rapid.Custom(func(t *rapid.T) Term {
		switch rapid.IntRange(0, 5).Draw(t, "form") {
		case 0:
			return Term{Text: anyText(true).Filter(func(s string) bool { return s != "*" }).Draw(t, "bare")}
		case 1:
			return Term{Field: name.Draw(t, "field"), Op: rapid.SampledFrom([]string{"", "~"}).Draw(t, "op"), Text: anyText(true).Draw(t, "text")}
		case 2:
			return Term{Field: name.Draw(t, "field"), Text: rapid.SampledFrom([]string{"*", "", "?", "*?"}).Draw(t, "text")}
		case 3:
			return Term{Field: name.Draw(t, "field"), Op: rapid.SampledFrom([]string{">", ">=", "<", "<="}).Draw(t, "op"), Text: anyText(false).Draw(t, "text")}
		case 4:
			bound := rapid.OneOf(rapid.Just("*"), anyText(false))
			return Term{Field: name.Draw(t, "field"), Op: rapid.SampledFrom([]string{"[]", "[}", "{]", "{}"}).Draw(t, "op"), Text: bound.Draw(t, "low"), High: bound.Draw(t, "high")}
		}
		return Term{Field: name.Draw(t, "field"), Op: "/", Text: rapid.SampledFrom([]string{"a/b", `^\\/x$`, `(a b)`, `\d+"`, "東", `a\\`, "/"}).Draw(t, "re")}
	})
}

// anyExpr draws canonical expressions, as Parse returns them.
func anyExpr(depth int) *rapid.Generator[Expr] {
	return rapid.Custom(func(t *rapid.T) Expr {
		form := rapid.IntRange(0, 5).Draw(t, "node")
		if depth == 0 || form < 2 {
			return anyTerm().Draw(t, "term")
		}
		if form == 2 {
			return Not{Arg: anyExpr(depth-1).Draw(t, "arg")}
		}
		args := rapid.SliceOfN(anyExpr(depth-1), 0, 4).Draw(t, "args")
		if form == 3 || len(args) == 0 {
			return and(args)
		}
		return or(args)
	})
}

func TestPrintReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyExpr(4).Draw(t, "e")
		text := Print(e)
		got, err := Parse(text)
		if err != nil {
			t.Fatalf("Parse(%q): %v", text, err)
		}
		if diff := cmp.Diff(e, got, written); diff != "" {
			t.Fatalf("%q reads back differently (-drawn +read):\n%s", text, diff)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`a AND (b OR -c) f:"x"`, `f:(a b -c) g:[1 TO 2}`, `f:/x\/y/ h:>=-24h`, `a\`, `f:(`, "\xff", `!!-+a`, `f:~x* "q`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			_, _ = asError(t, err).Text("en"), asError(t, err).Text("ja")
			return
		}
		printed := Print(e)
		if len(printed) > maxBytes {
			return
		}
		again, err := Parse(printed)
		if err != nil {
			t.Fatalf("%q prints as %q: %v", text, printed, err)
		}
		if diff := cmp.Diff(e, again, written); diff != "" {
			t.Fatalf("%q prints as %q (-first +second):\n%s", text, printed, diff)
		}
	})
}
