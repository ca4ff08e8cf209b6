package ingest_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/yagura-sec/yagura/ingest"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/source"
)

// kills is how many processes TestKilledAnywhere kills.
var kills = flag.Int("kills", 200, "number of kills in the crash test")

// The test binary is also the process that is killed: with these variables it
// ingests, compacts, and may kill itself at a call from inside.
const (
	childDir  = "YAGURA_TEST_LAKE"
	childRoot = "YAGURA_TEST_ROOT"
	childDie  = "YAGURA_TEST_DIE_AT" // number of the clock reading, progress report or proof
	childJob  = "YAGURA_TEST_JOB"    // ingest, read or listing
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(dir string) error {
	switch os.Getenv(childJob) {
	case "read":
		return readForever(dir)
	case "large":
		return ingestLarge(dir)
	}
	at, _ := strconv.Atoi(os.Getenv(childDie))
	var calls atomic.Int64
	hook := func() {
		if calls.Add(1) == int64(at) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
	ctx := context.Background()
	l, err := lake.Open(ctx, lake.Config{Dir: dir, Schemas: source.Schemas(), Threads: 2, Now: func() time.Time {
		hook()
		return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	}})
	if err != nil {
		return err
	}
	defer l.Close()
	_, err = ingest.Run(ctx, l, ingest.Config{
		Roots: []string{os.Getenv(childRoot)}, Sources: source.All(), Workers: 2, Compact: true,
		Progress: func(ingest.Progress) { hook() }, Proofs: hooked(hook),
	})
	return err
}

// hooked is a prover that knows nothing and calls a hook.
type hooked func()

func (h hooked) Prove(string, string) lake.Proof {
	h()
	return lake.Proof{}
}

func (hooked) Evidence(string) bool { return false }

func start(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// Whenever the process is killed, the next run completes the lake to the same
// bytes as if nothing had happened.
func TestKilledAnywhere(t *testing.T) {
	root := t.TempDir()
	tree(t, root)
	clock := fixed("2026-11-01T00:00:00Z")
	calm := t.TempDir()
	target := int64(*kills)
	if raceEnabled { // everything takes several times as long
		target = min(target, 40)
	}
	began := time.Now()
	take(t, openLake(t, calm, clock), ingest.Config{Roots: []string{root}, Compact: true})
	span := time.Since(began)
	want := state(t, calm)
	var points atomic.Int64
	var wg sync.WaitGroup
	for lane := range 2 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(11, uint64(lane)))
			for points.Load() < target && !t.Failed() {
				killUntilDone(t, r, root, span, &points, want)
			}
		})
	}
	wg.Wait()
	t.Logf("%d processes killed", points.Load())
}

// killUntilDone makes one lake, killing its writer at random until one ends.
func killUntilDone(t *testing.T, r *rand.Rand, root string, span time.Duration, points *atomic.Int64, want []string) {
	dir, err := os.MkdirTemp(quick(t), "lake")
	if err != nil {
		t.Error(err)
		return
	}
	defer os.RemoveAll(dir)
	var how []string
	for {
		env := []string{childDir + "=" + dir, childRoot + "=" + root}
		mode := r.IntN(3)
		die := 1 + r.IntN(1+r.IntN(250))
		if mode == 0 {
			env = append(env, childDie+"="+strconv.Itoa(die))
		}
		cmd := start(t, env...)
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		switch mode {
		case 1: // at any time
			select {
			case err = <-done:
				done <- err
			case <-time.After(time.Duration(r.Int64N(int64(span)))):
				_ = cmd.Process.Kill()
			}
		case 2: // when some new file has its final name
			killAfterFiles(dir, 1+r.IntN(4), cmd.Process, done)
		}
		err = <-done
		if err == nil {
			break
		}
		if cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Errorf("the writer failed by itself after %v: %v", how, err)
			return
		}
		how = append(how, fmt.Sprintf("mode %d, call %d", mode, die))
		points.Add(1)
	}
	// What the last run left may still be waiting for the next writer.
	l, err := lake.Open(context.Background(), lake.Config{Dir: dir, Schemas: source.Schemas(), Threads: 2, Now: fixed("2026-11-01T00:00:00Z")})
	if err != nil {
		t.Error(err)
		return
	}
	defer l.Close()
	if d := different(want, state(t, dir)); d != "" {
		t.Errorf("after %v: %s", how, d)
	}
	report, err := l.Check(context.Background(), false, nil)
	if err != nil || len(report.Problems) > 0 {
		t.Errorf("after %v: %v %+v", how, err, report)
	}
}

// quick gives a directory in memory where there is one: a process that is
// killed does not care when its files reach the disk.
func quick(t *testing.T) string {
	if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
		return "/dev/shm"
	}
	return t.TempDir()
}

// killAfterFiles kills the process as soon as so many files have come under
// final names, or the process has ended.
func killAfterFiles(dir string, n int, p *os.Process, done chan error) {
	seen := map[string]bool{}
	look := func() (fresh int) {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".parquet") && !strings.Contains(path, "/tmp/") && !seen[path] {
				seen[path] = true
				fresh++
			}
			return nil
		})
		return fresh
	}
	look()
	for came := 0; came < n; came += look() {
		select {
		case err := <-done:
			done <- err
			return
		case <-time.After(100 * time.Microsecond):
		}
	}
	_ = p.Kill()
}

// Readers beside a writer see whole batches and each event once.
func TestReadersSeeWholeBatches(t *testing.T) {
	root := t.TempDir()
	const batches, size = 12, 40
	for i := range batches {
		var numbers []int
		for n := range size {
			numbers = append(numbers, i*size+n)
		}
		put(t, root, trailKey(1, 1, i), pad(zip(trail(numbers...)))) // fills a batch
	}
	dir := t.TempDir()
	other := start(t, childDir+"="+dir, childJob+"=read")
	defer func() {
		_ = other.Process.Signal(syscall.SIGTERM)
		if err := other.Wait(); err != nil && other.ProcessState.ExitCode() != -1 {
			t.Errorf("the reader in another process: %v", err)
		}
	}()
	l := openLake(t, dir, nil)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			last := int64(0)
			for {
				select {
				case <-stop:
					return
				default:
				}
				n, err := readOnce(l, size)
				if err != nil || n < last {
					t.Errorf("after %d events: %d %v", last, n, err)
					return
				}
				last = n
			}
		})
	}
	take(t, l, ingest.Config{Roots: []string{root}, Compact: true})
	for range 3 { // with more files to replace
		put(t, root, trailKey(2, 1, int(count(t, l))), pad(zip(trail(100_000+int(count(t, l))))))
		take(t, l, ingest.Config{Roots: []string{root}, Compact: true})
	}
	close(stop)
	wg.Wait()
	if n := count(t, l); n != batches*size+3 {
		t.Errorf("%d events, want %d", n, batches*size+3)
	}
}

// readOnce counts in three ways and says what does not agree.
func readOnce(l *lake.Lake, size int64) (int64, error) {
	ctx := context.Background()
	low, err := l.Count(ctx, ask.Filter{})
	if err != nil {
		return 0, err
	}
	hits, err := l.Search(ctx, ask.Filter{}, ask.Page{Limit: 1 << 20, Raw: true})
	if err != nil {
		return 0, err
	}
	seen := map[string]bool{}
	for i := range hits {
		if seen[hits[i].ID()] {
			return 0, fmt.Errorf("event %s came twice", hits[i].ID())
		}
		seen[hits[i].ID()] = true
	}
	rows, err := l.SQL(ctx, "SELECT count(*), count(DISTINCT eventid) FROM cloudtrail", 0, 0)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	row, err := rows.Next()
	if err != nil {
		return 0, err
	}
	if row[0] != row[1] {
		return 0, fmt.Errorf("SQL counts %v events with %v ids", row[0], row[1])
	}
	high := row[0].(int64)
	n := int64(len(hits))
	if low > n || n > high {
		return 0, fmt.Errorf("counted %d, then found %d, then counted %d", low, n, high)
	}
	for _, c := range []int64{low, n, high} {
		if c%size > 3 || c > 12*size+3 {
			return 0, fmt.Errorf("%d events are no whole number of batches", c)
		}
	}
	return high, nil
}

// readForever is the reader in another process.
func readForever(dir string) error {
	l, err := lake.Open(context.Background(), lake.Config{Dir: dir, Schemas: source.Schemas(), Threads: 1})
	if err != nil {
		return err
	}
	for {
		if _, err := readOnce(l, 40); err != nil {
			return err
		}
	}
}

// A full disk stops ingest with an error that says what to do; with room again,
// the lake becomes what it would have been.
func TestDiskFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to mount a small file system")
	}
	root := t.TempDir()
	tree(t, root)
	for i := range 20 {
		put(t, root, flowKey(100+i), pad(zip(flowsEvery(60, 10_000*i, 3000))))
	}
	clock := fixed("2026-11-01T00:00:00Z")
	calm := t.TempDir()
	take(t, openLake(t, calm, clock), ingest.Config{Roots: []string{root}, Compact: true})
	want, total := state(t, calm), size(calm)
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, fmt.Sprintf("size=%d", total/8)); err != nil {
		t.Skipf("no tmpfs: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(mount, syscall.MNT_DETACH) })
	l := openLake(t, filepath.Join(mount, "lake"), clock)
	full := 0
	step := int64(9)
	if raceEnabled {
		step = 40
	}
	for percent := int64(12); ; percent += step {
		room := fmt.Sprintf("size=%d", total*percent/100)
		if err := syscall.Mount("tmpfs", mount, "tmpfs", syscall.MS_REMOUNT, room); err != nil {
			t.Fatal(err)
		}
		_, err := ingest.Run(t.Context(), l, ingest.Config{Roots: []string{root}, Sources: source.All(), Compact: true})
		if err == nil {
			break
		}
		full++
		for _, word := range []string{"disk is full", mount, "run the same command again"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("the error does not say %q: %v", word, err)
			}
		}
		if percent > 400 {
			t.Fatalf("still %v", err)
		}
	}
	if full == 0 {
		t.Error("the disk never was full")
	}
	t.Logf("%d runs met a full disk", full)
	if d := different(want, state(t, filepath.Join(mount, "lake"))); d != "" {
		t.Error(d)
	}
	sound(t, l)
}
