// Command testrun runs the module's tests and then each of its fuzz targets
// for a short time, and closes with one line of counts:
//
//	214 passed, 0 failed, 3 skipped
//
// It exists because `go test` fuzzes one target of one package at a time and
// prints no sum. It prints what failed in full, every skip with its reason, and
// one line a package. The exit code is 0 only if something ran and nothing
// failed.
//
//	go run tools/testrun/main.go [-fuzztime 5s] [-fuzzonly] [--] [go test arguments]
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fuzztime := flag.Duration("fuzztime", 5*time.Second, "how long to run each fuzz target; 0 runs none")
	fuzzonly := flag.Bool("fuzzonly", false, "skip the tests, run only the fuzz targets")
	flag.Parse()

	var sum counts
	if !*fuzzonly {
		sum.add(runTests(ctx, flag.Args()))
	}
	if *fuzztime > 0 && ctx.Err() == nil {
		sum.add(runFuzz(ctx, *fuzztime))
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", sum.passed, sum.failed, sum.skipped)
	if sum.failed > 0 || sum.passed == 0 || ctx.Err() != nil {
		return 1
	}
	return 0
}

// counts holds results; a test and each of its subtests count one each, and a
// package that does not build or dies outside a test counts as one failure.
type counts struct{ passed, failed, skipped int }

func (c *counts) add(d counts) {
	c.passed += d.passed
	c.failed += d.failed
	c.skipped += d.skipped
}

// event is one line of `go test -json` (see `go doc test2json`).
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Elapsed    float64
	Output     string
}

// runTests runs go test with args and reports as results arrive.
func runTests(ctx context.Context, args []string) counts {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Printf("FAIL go test did not start: %v\n", err)
		return counts{failed: 1}
	}
	sum := report(out, os.Stdout)
	// A failure that no event told of (a broken go.mod, a killed process)
	// must still count.
	if err := cmd.Wait(); err != nil && sum.failed == 0 {
		fmt.Printf("FAIL go test: %v\n", err)
		sum.failed++
	}
	return sum
}

// report reads test events from r and writes what a reader needs to w.
func report(r io.Reader, w io.Writer) counts {
	var sum counts
	output := map[string][]string{} // by package and test
	failedTests := map[string]bool{}
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				fmt.Fprintf(w, "%s", line)
			} else {
				one(w, &e, &sum, output, failedTests)
			}
		}
		if err != nil {
			return sum
		}
	}
}

// one handles one event.
func one(w io.Writer, e *event, sum *counts, output map[string][]string, failedTests map[string]bool) {
	key := cmp.Or(e.Package, e.ImportPath) + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		output[key] = append(output[key], e.Output)
	case "build-fail":
		fmt.Fprintf(w, "FAIL %s does not build\n%s", e.ImportPath, strings.Join(output[key], ""))
	case "pass":
		if e.Test == "" {
			fmt.Fprintf(w, "ok   %s %.1fs\n", e.Package, e.Elapsed)
		} else {
			sum.passed++
		}
		delete(output, key)
	case "skip":
		if e.Test != "" {
			sum.skipped++
			fmt.Fprintf(w, "skip %s %s: %s\n", e.Package, e.Test, reason(output[key]))
		}
		delete(output, key)
	case "fail":
		switch {
		case e.Test != "":
			sum.failed++
			failedTests[e.Package] = true
			fmt.Fprintf(w, "FAIL %s\n%s", key, strings.Join(output[key], ""))
		case failedTests[e.Package]:
			fmt.Fprintf(w, "FAIL %s %.1fs\n%s", e.Package, e.Elapsed, shuffleLine(output[key]))
		default: // Nothing inside it failed: it did not build, or it died.
			sum.failed++
			fmt.Fprintf(w, "FAIL %s\n%s", e.Package, strings.Join(output[key], ""))
		}
		delete(output, key)
	}
}

// reason picks the message of t.Skip out of a skipped test's output.
func reason(lines []string) string {
	for _, line := range slices.Backward(lines) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "===") {
			return line
		}
	}
	return "no reason given"
}

// shuffleLine keeps the seed with which a failing order can be run again.
func shuffleLine(lines []string) string {
	for _, line := range lines {
		if strings.HasPrefix(line, "-test.shuffle") {
			return line
		}
	}
	return ""
}

// target is one fuzz function in one package folder ("./source/vpcflow").
type target struct{ dir, name string }

// runFuzz runs every fuzz target below the current folder for d, two at a time
// with one worker each: enough for two cores without starving either.
func runFuzz(ctx context.Context, d time.Duration) counts {
	targets, err := fuzzTargets(os.DirFS("."))
	if err != nil {
		fmt.Printf("FAIL looking for fuzz targets: %v\n", err)
		return counts{failed: 1}
	}
	var (
		sum  counts
		mu   sync.Mutex
		wg   sync.WaitGroup
		slot = make(chan struct{}, 2)
	)
	for _, t := range targets {
		wg.Go(func() {
			slot <- struct{}{}
			defer func() { <-slot }()
			out, err := fuzzOne(ctx, t, d)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				sum.failed++
				fmt.Printf("FAIL %s %s: %v\n%s", t.dir, t.name, err, out)
				return
			}
			sum.passed++
			fmt.Printf("fuzz %s %s %s\n", t.dir, t.name, lastProgress(out))
		})
	}
	wg.Wait()
	return sum
}

// fuzzOne runs one target. Go before 1.27 sometimes reports a bare "context
// deadline exceeded" when the time is up on a busy machine, without any failing
// input (go.dev/issue/75804); that, and only that, is tried a second time.
func fuzzOne(ctx context.Context, t target, d time.Duration) (out []byte, err error) {
	for range 2 {
		cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$",
			"-fuzztime", d.String(), "-fuzzminimizetime", "2s", "-parallel", "1", "-timeout", (d + 10*time.Minute).String(), t.dir)
		out, err = cmd.CombinedOutput()
		if err == nil || !deadlineOnly(string(out)) {
			break
		}
	}
	return out, err
}

func deadlineOnly(out string) bool {
	return strings.Contains(out, "context deadline exceeded") &&
		!strings.Contains(out, "Failing input written to") && !strings.Contains(out, "panic:")
}

// lastProgress returns the last "fuzz: elapsed" line, which has the counts.
func lastProgress(out []byte) string {
	last := ""
	for line := range strings.Lines(string(out)) {
		if s, ok := strings.CutPrefix(line, "fuzz: "); ok && strings.HasPrefix(s, "elapsed:") {
			last = strings.TrimSpace(s)
		}
	}
	return last
}

// fuzzTargets finds the fuzz functions of the module at root by parsing its
// test files; folders with a go.mod of their own are other modules.
func fuzzTargets(root fs.FS) ([]target, error) {
	var found []target
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, modErr := fs.Stat(root, path.Join(name, "go.mod"))
			if name != "." && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") || !errors.Is(modErr, fs.ErrNotExist)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Fuzz") && len(fn.Type.Params.List) == 1 {
				found = append(found, target{"./" + filepath.ToSlash(path.Dir(name)), fn.Name.Name})
			}
		}
		return nil
	})
	return found, err
}
