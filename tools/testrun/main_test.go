package main

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// A package that does not build, one that dies outside a test, a failing
// subtest, a skip with its reason and a line that is not JSON.
const stream = `{"Action":"build-output","ImportPath":"m/a","Output":"a.go:1: no\n"}
{"Action":"build-fail","ImportPath":"m/a"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a [build failed]\n"}
{"Action":"fail","Package":"m/a","Elapsed":0,"FailedBuild":"m/a"}
{"Action":"output","Package":"m/b","Output":"panic: out of tests\n"}
{"Action":"fail","Package":"m/b","Elapsed":0.1}
{"Action":"output","Package":"m/c","Output":"-test.shuffle 42\n"}
{"Action":"output","Package":"m/c","Test":"TestX/sub","Output":"    x_test.go:1: wrong\n"}
{"Action":"fail","Package":"m/c","Test":"TestX/sub"}
{"Action":"fail","Package":"m/c","Test":"TestX"}
{"Action":"pass","Package":"m/c","Test":"TestY"}
{"Action":"output","Package":"m/c","Test":"TestZ","Output":"    z_test.go:9: needs Chromium\n"}
{"Action":"output","Package":"m/c","Test":"TestZ","Output":"--- SKIP: TestZ (0.00s)\n"}
{"Action":"skip","Package":"m/c","Test":"TestZ"}
{"Action":"fail","Package":"m/c","Elapsed":0.2}
{"Action":"skip","Package":"m/d"}
not json
`

func TestReport(t *testing.T) {
	var out strings.Builder
	got := report(strings.NewReader(stream), &out)
	if want := (counts{passed: 1, failed: 4, skipped: 1}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	for _, want := range []string{
		"m/a does not build\na.go:1: no\n", "panic: out of tests", "x_test.go:1: wrong",
		"-test.shuffle 42", "skip m/c TestZ: z_test.go:9: needs Chromium", "not json",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, &out)
		}
	}
}

func TestFuzzTargets(t *testing.T) {
	got, err := fuzzTargets(fstest.MapFS{
		"a/a_test.go":          {Data: []byte("package a\nimport \"testing\"\nfunc FuzzA(f *testing.F) {}\nfunc TestA(t *testing.T) {}\n")},
		"a/a.go":               {Data: []byte("package a\nfunc FuzzNot(x int) {}\n")},
		"a/testdata/x_test.go": {Data: []byte("not Go")},
		"tools/go.mod":         {Data: []byte("module tools\n")},
		"tools/x_test.go":      {Data: []byte("package x\nfunc FuzzX(f int) {}\n")},
	})
	if want := []target{{"./a", "FuzzA"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestDeadlineOnly(t *testing.T) {
	for out, want := range map[string]bool{
		"--- FAIL: FuzzA (5.01s)\n    context deadline exceeded\n":                    true,
		"context deadline exceeded\nFailing input written to testdata/fuzz/FuzzA/x\n": false,
		"--- FAIL: FuzzA\n    wrong\n":                                                false,
	} {
		if got := deadlineOnly(out); got != want {
			t.Errorf("%q: got %v, want %v", out, got, want)
		}
	}
}
