package pattern

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// values are variables for tests: "?" is a key that is not known.
type values map[string]string

func (v values) Variable(key string) (string, bool, Truth) {
	switch s, ok := v[key]; {
	case !ok:
		return "", true, No
	case s == "?":
		return "", false, Open
	default:
		return s, false, Yes
	}
}

func TestMatch(t *testing.T) {
	vars := values{"a": "x*", "long": "arn:aws:s3:::b", "open": "?"}
	for _, test := range []struct {
		pattern, text string
		want          Truth
	}{
		{"", "", Yes},
		{"", "a", No},
		{"*", "", Yes},
		{"a**b", "ab", Yes},
		{"a*b*c", "a-b-b-c", Yes},
		{"*.gz", "a.gz.gz", Yes},
		{"?", "é", Yes},
		{"?", "", No},
		{"*?é", "aé", Yes},
		{"${a}", "x*", Yes},
		{"${a}", "xy", No},
		{"*${a}", "y-x*", Yes},
		{"${none}", "", No},
		{"${none, 'd'}", "d", Yes},
		{"${ none ,'}'}!", "}!", Yes},
		{"${none, ''}", "", Yes},
		{"${*}${?}${$}", "*?$", Yes},
		{"${*}", "a", No},
		{"${unclosed", "${unclosed", Yes},
		{"b/${open}/c", "b/anything/c", Open},
		{"b/${open}/c", "d/anything/c", No},
	} {
		p := Compile(test.pattern, Wildcards|Substitution)
		if got := p.Match(test.text, vars); got != test.want {
			t.Errorf("%q on %q: %v, want %v", test.pattern, test.text, got, test.want)
		}
	}
	plain := Compile("${a}*", 0)
	if plain.Match("${a}*", vars) != Yes {
		t.Error("without syntax a text is itself")
	}
	fold := Compile("ÀbC${a}", Substitution)
	if fold.MatchFold("àBcX*", vars) != Yes || fold.MatchFold("àBcX", vars) != No {
		t.Error("MatchFold")
	}
}

func drawGlob(t *rapid.T, label string) string {
	return rapid.StringOfN(rapid.SampledFrom([]rune("ab*?é")), 0, 6, -1).Draw(t, label)
}

func globRegexp(glob string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(glob)
	return regexp.MustCompile("(?s)^" + strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(quoted) + "$")
}

func agreesWithRegexp(t *rapid.T) {
	glob := drawGlob(t, "glob")
	text := rapid.StringOfN(rapid.SampledFrom([]rune("abé:")), 0, 8, -1).Draw(t, "text")
	p := Compile(glob, Wildcards)
	if got, want := p.Match(text, nil) == Yes, globRegexp(glob).MatchString(text); got != want {
		t.Fatalf("%q on %q: %v, want %v", glob, text, got, want)
	}
}

func TestMatchAgreesWithRegexp(t *testing.T) { rapid.Check(t, agreesWithRegexp) }

func FuzzMatchAgreesWithRegexp(f *testing.F) { f.Fuzz(rapid.MakeFuzz(agreesWithRegexp)) }

// TestRelate compares with all texts of a small alphabet.
func TestRelate(t *testing.T) {
	var texts []string
	var grow func(string)
	grow = func(s string) {
		texts = append(texts, s)
		if len(s) < 7 {
			for _, c := range "abz" {
				grow(s + string(c))
			}
		}
	}
	grow("")
	rapid.Check(t, func(t *rapid.T) {
		glob := func(label string) string {
			return rapid.StringOfN(rapid.SampledFrom([]rune("ab*?")), 0, 4, -1).Draw(t, label)
		}
		a, b := glob("a"), glob("b")
		p, q := Compile(a, Wildcards), Compile(b, Wildcards)
		all, some := true, false
		for _, s := range texts {
			if q.Match(s, nil) == Yes {
				in := p.Match(s, nil) == Yes
				all, some = all && in, some || in
			}
		}
		want := Open
		if all {
			want = Yes
		} else if !some {
			want = No
		}
		if got := p.Relate(&q, nil); got != want {
			t.Fatalf("%q against %q: %v, want %v", a, b, got, want)
		}
	})
}

func FuzzARN(f *testing.F) {
	f.Add("arn:aws:s3:::a/*", "arn:aws:s3:::a/b")
	f.Add("arn:*:sqs:${a}", "arn:aws:sqs:x*:1:q")
	f.Add(strings.Repeat("a*", 50)+"b", strings.Repeat("a", 500))
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern)*len(name) > 1<<20 {
			return
		}
		n := ParseName(name)
		if n.IsARN && strings.Join(n.Segments[:], ":") != name {
			t.Fatalf("segments %q of %q", n.Segments, name)
		}
		for _, a := range []ARN{CompileResource(pattern, Wildcards|Substitution), CompileCondition(pattern, Wildcards|Substitution)} {
			got := a.Match(&n, values{"a": "x*"})
			if a.All() && n.IsARN && got != Yes {
				t.Errorf("%q covers all, but %q is %v", pattern, name, got)
			}
			// A request for a pattern that holds this one name answers alike.
			if literal := CompileResource(name, 0); n.IsARN && !strings.ContainsAny(pattern, "$") {
				resource := CompileResource(pattern, Wildcards)
				want := resource.Match(&n, nil)
				if rel := resource.Relate(&literal, nil); rel != want && rel != Open {
					t.Errorf("%q on %q: %v, related %v", pattern, name, want, rel)
				}
			}
		}
	})
}
