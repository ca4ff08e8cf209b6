package pattern

import (
	"slices"
	"testing"
)

func TestSamples(t *testing.T) {
	universe := CompileResource("arn:aws:*:*:*:*", Wildcards)
	texts := []string{"arn:aws:s3:::a/*", "arn:aws:s3:::a/b*", "arn:aws:s3:::*c", "*"}
	patterns := make([]*ARN, len(texts))
	for i, text := range texts {
		a := CompileResource(text, Wildcards)
		patterns[i] = &a
	}
	samples, complete := universe.Samples(patterns)
	if !complete {
		t.Fatal("four patterns are too many")
	}
	// {}, {a/*}, {a/*, a/b*}, {*c}, {a/*,*c}, {a/*,a/b*,*c}, each with "*".
	if len(samples) != 6 {
		t.Errorf("got %d combinations, want 6: %q", len(samples), samples)
	}
	seen := map[string]bool{}
	for _, s := range samples {
		name := ParseName(s)
		var answer []byte
		for _, p := range patterns {
			answer = append(answer, '0'+byte(p.Match(&name, nil)))
		}
		if !name.IsARN || seen[string(answer)] {
			t.Errorf("%q: no ARN, or a second sample of %s", s, answer)
		}
		seen[string(answer)] = true
	}
}

func TestSamplesFold(t *testing.T) {
	star, exact, glob := Compile("*", Wildcards), Compile("Ab", 0), Compile("a*", Wildcards)
	samples, complete := star.Samples([]*Pattern{&exact, &glob}, []*Pattern{&exact}, nil)
	if !complete {
		t.Fatal("not complete")
	}
	// nothing; Ab: text and fold; ab: glob and fold; a…: glob; AB: fold.
	if len(samples) != 5 || !slices.Contains(samples, "Ab") {
		t.Errorf("got %q, want 5 combinations", samples)
	}
}

func TestSamplesGivesUp(t *testing.T) {
	star := Compile("*", Wildcards)
	p := Compile("*a??????????????????", Wildcards)
	many := []*Pattern{&p}
	if _, complete := star.Samples(many, nil, nil); complete {
		t.Error("the bound on states is never reached")
	}
}
