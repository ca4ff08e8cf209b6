package follow_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect/follow"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source"
	"github.com/yagura-sec/yagura/store"
)

// kills is how many processes TestKilledAnywhere kills.
var kills = flag.Int("kills", 40, "number of kills in the crash test")

// every is the number of events between checkpoints in these tests: many.
const every = 2000

// The test binary is also the process that is killed: with these variables it
// follows a lake, and may kill itself at a call from inside.
const (
	childLake  = "YAGURA_TEST_LAKE"
	childState = "YAGURA_TEST_STATE"
	childDie   = "YAGURA_TEST_DIE_AT" // number of the batch, or of the write of a state
	childHold  = "YAGURA_TEST_HOLD"   // hold on at the first batch, until standard input ends
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childLake); dir != "" {
		if err := child(dir, os.Getenv(childState)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(dir, state string) error {
	ctx := context.Background()
	l, err := lake.Open(ctx, lake.Config{Dir: dir, Schemas: source.Schemas(), Threads: 1})
	if err != nil {
		return err
	}
	defer l.Close()
	s, err := store.Open(ctx, state)
	if err != nil {
		return err
	}
	defer s.Close()
	docs, err := documents()
	if err != nil {
		return err
	}
	a, err := pipeline(docs)
	if err != nil {
		return err
	}
	at, _ := strconv.Atoi(os.Getenv(childDie))
	calls := 0
	hook := func() {
		if calls++; calls == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		if os.Getenv(childHold) != "" {
			fmt.Println("holding")
			_, _ = io.Copy(io.Discard, os.Stdin)
		}
	}
	_, err = follow.Run(ctx, follow.Config{Lake: l, Store: s, Detector: mortal{a, hook}, Dir: filepath.Join(state, "detect"), Every: every})
	return err
}

// mortal calls a hook before every batch, and at every write of a state.
type mortal struct {
	yagura.Detector
	hook func()
}

func (m mortal) Detect(source string, batch []ocsf.Event, report func(*yagura.Finding)) {
	m.hook()
	m.Detector.Detect(source, batch, report)
}

func (m mortal) Save(w io.Writer) error {
	err := m.Detector.Save(hooked{w, m.hook})
	m.hook()
	return err
}

type hooked struct {
	io.Writer
	hook func()
}

func (h hooked) Write(p []byte) (int, error) {
	n, err := h.Writer.Write(p[:len(p)/2]) // a file that ends in the middle
	h.hook()
	if err != nil {
		return n, err
	}
	more, err := h.Writer.Write(p[len(p)/2:])
	return n + more, err
}

func start(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	return cmd
}

// Whenever the process is killed, the next run ends with the same findings as if
// nothing had happened: the same ids, counts, times, events and facts, each once.
func TestKilledAnywhere(t *testing.T) {
	dir := t.TempDir()
	l := busy(t, dir)
	calm := t.TempDir()
	began := time.Now()
	s := run(t, l, calm, func(c *follow.Config) { c.Every = every })
	span := time.Since(began)
	want := findings(t, calm)
	if len(want) < 150 || s.Events < 20_000 {
		t.Fatalf("%d findings in %d events: the test is about nothing", len(want), s.Events)
	}
	t.Run("checkpoints change nothing", func(t *testing.T) {
		once := t.TempDir()
		run(t, l, once, plain)
		if d := cmp.Diff(want, findings(t, once)); d != "" {
			t.Error(d)
		}
	})
	target := int64(*kills)
	if raceEnabled { // everything takes several times as long
		target = min(target, 3)
	}
	var points atomic.Int64
	var wg sync.WaitGroup
	for lane := range 2 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(17, uint64(lane)))
			for points.Load() < target && !t.Failed() {
				killUntilDone(t, r, dir, span, &points, want)
			}
		})
	}
	wg.Wait()
	t.Logf("%d processes killed; %d findings in %d events", points.Load(), len(want), s.Events)
}

// killUntilDone follows with one state, killing the process at random until one
// ends.
func killUntilDone(t *testing.T, r *rand.Rand, dir string, span time.Duration, points *atomic.Int64, want map[string]string) {
	state, err := os.MkdirTemp(t.TempDir(), "state")
	if err != nil {
		t.Error(err)
		return
	}
	var how []string
	for {
		env := []string{childLake + "=" + dir, childState + "=" + state}
		mode, die := r.IntN(3), 1+r.IntN(1+r.IntN(400))
		if mode == 0 && len(how) < 8 {
			env = append(env, childDie+"="+strconv.Itoa(die))
		}
		cmd := start(t, env...)
		if err := cmd.Start(); err != nil {
			t.Error(err)
			return
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		switch {
		case len(how) >= 8: // let it come to its end
		case mode == 1: // at any time
			select {
			case err = <-done:
				done <- err
			case <-time.After(time.Duration(r.Int64N(int64(span)))):
				_ = cmd.Process.Kill()
			}
		case mode == 2: // when some state has its final name
			killAfterStates(filepath.Join(state, "detect"), 1+r.IntN(3), cmd.Process, done)
		}
		if err = <-done; err == nil {
			break
		}
		if cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Errorf("the process failed by itself after %v: %v", how, err)
			return
		}
		how = append(how, fmt.Sprintf("mode %d, call %d", mode, die))
		points.Add(1)
	}
	if d := cmp.Diff(want, findings(t, state)); d != "" {
		t.Errorf("after %v: %s", how, d)
	}
	entries, err := os.ReadDir(filepath.Join(state, "detect"))
	if err != nil || len(entries) != 2 { // the lock and one state
		t.Errorf("after %v: files left over: %v %v", how, entries, err)
	}
}

// killAfterStates kills the process as soon as so many states have come under
// final names, or it has ended.
func killAfterStates(dir string, n int, p *os.Process, done chan error) {
	seen := map[string]bool{}
	look := func() (fresh int) {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), "state-") && !seen[e.Name()] {
				seen[e.Name()] = true
				fresh++
			}
		}
		return fresh
	}
	look()
	for came := 0; came < n; came += look() {
		select {
		case err := <-done:
			done <- err
			return
		case <-time.After(50 * time.Microsecond):
		}
	}
	_ = p.Kill()
}

// Only one process at a time runs the detectors; another is told so, and neither
// loses anything.
func TestTwoProcesses(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	l := openLake(t, dir)
	at := time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)
	put(t, l, "a.json", trail(call(1, at, "mallory", "cloudtrail", "StopLogging", `{"name":"org"}`)))
	cmd := start(t, childLake+"="+dir, childState+"="+state, childHold+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("holding"))); err != nil {
		t.Fatal(err)
	}
	_, err = follow.Run(t.Context(), follow.Config{Lake: l, Store: openStore(t, state), Detector: house(t), Dir: filepath.Join(state, "detect")})
	if !errors.Is(err, follow.ErrBusy) {
		t.Errorf("%v, want ErrBusy", err)
	}
	_ = in.Close()
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := len(findings(t, state)); n != 1 {
		t.Errorf("%d findings, want 1", n)
	}
	if s := run(t, l, state, plain); s.Events != 0 {
		t.Errorf("%d events read again", s.Events)
	}
}
