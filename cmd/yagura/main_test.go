package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"yagura": main})
}

// TestScripts runs testdata/*.txt. `exits N yagura …` is exec with an exact exit
// code; [shared] holds when YAGURA_SHARED_DATA names the folder of real logs;
// [root] when rights on files do not bind.
// `filter stdout FILE` writes the first filter of a backtest's JSON into a file.
func TestScripts(t *testing.T) {
	shared := os.Getenv("YAGURA_SHARED_DATA")
	if shared == "" {
		t.Log("YAGURA_SHARED_DATA is not set: the scripts skip what needs real logs")
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("SHARED", shared)
			env.Setenv("TZ", "UTC")
			env.Setenv("LANG", "C")
			env.Setenv("HOME", env.WorkDir+"/home")
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "shared":
				return shared != "", nil
			case "root":
				return os.Geteuid() == 0, nil
			}
			return false, errors.New("unknown condition " + cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits, "filter": filter},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// filter saves the filter that a backtest proposes.
func filter(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: filter stdout FILE")
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(ts.ReadFile(args[0]))))
	for {
		var row past
		ts.Check(dec.Decode(&row))
		if row.Filter != "" {
			path := ts.MkAbs(args[1])
			ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
			ts.Check(os.WriteFile(path, []byte(row.Filter), 0o600))
			return
		}
	}
}
