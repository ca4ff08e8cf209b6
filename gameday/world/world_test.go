package world_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/gameday/world"
)

// sample is one week shared by the tests that only read it.
type sample struct {
	dir, truth string
	summary    world.Summary
	files      map[string][]byte // by key, uncompressed
	paths      []string          // sorted
	events     []event           // parsed once
}

var (
	sampleOnce sync.Once
	shared     sample
	sampleErr  error
)

// weekSeed lets a developer try the tells on other worlds: go test ./gameday/world -world.seed 5.
var weekSeed = flag.Uint64("world.seed", 20261102, "seed of the week that the tests read")

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.dir != "" {
		os.RemoveAll(filepath.Dir(shared.dir))
	}
	os.Exit(code)
}

func week(t *testing.T) *sample {
	t.Helper()
	sampleOnce.Do(func() {
		root, err := os.MkdirTemp("", "world")
		if err != nil {
			sampleErr = err
			return
		}
		shared.dir, shared.truth = filepath.Join(root, "data"), filepath.Join(root, "truth.jsonl")
		if shared.summary, sampleErr = world.Sample(t.Context(), world.Options{Out: shared.dir, Truth: shared.truth, Seed: *weekSeed}); sampleErr != nil {
			return
		}
		shared.files, shared.paths, sampleErr = read(shared.dir)
	})
	if sampleErr != nil {
		t.Fatal(sampleErr)
	}
	return &shared
}

// read returns every file of a folder, uncompressed, by its slash-separated path.
func read(dir string) (map[string][]byte, []string, error) {
	files, paths := map[string][]byte{}, []string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".gz") {
			z, err := gzip.NewReader(bytes.NewReader(data))
			if err != nil {
				return err
			}
			if data, err = io.ReadAll(z); err != nil {
				return err
			}
		}
		rel, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = data
		paths = append(paths, filepath.ToSlash(rel))
		return err
	})
	return files, paths, err
}

// prints is the hash of every stored file of a folder.
func prints(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		sum := sha256.Sum256(data)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = hex.EncodeToString(sum[:8])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSameSeedSameBytes(t *testing.T) {
	run := map[string]func(opt world.Options) (world.Summary, error){
		"sample": func(opt world.Options) (world.Summary, error) { return world.Sample(t.Context(), opt) },
		"load": func(opt world.Options) (world.Summary, error) {
			opt.Truth, opt.Events, opt.Flows = "", 9001, 20001
			return world.Load(t.Context(), opt)
		},
	}
	for name, make := range run {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			opt := func(name string, seed uint64, workers int) world.Options {
				return world.Options{Out: filepath.Join(root, name, "data"), Truth: filepath.Join(root, name, "truth.jsonl"), Seed: seed, Days: 1, Workers: workers}
			}
			for _, o := range []world.Options{opt("one", 5, 1), opt("four", 5, 4), opt("other", 6, 2)} {
				if _, err := make(o); err != nil {
					t.Fatal(err)
				}
			}
			one := prints(t, filepath.Join(root, "one"))
			if diff := cmp.Diff(one, prints(t, filepath.Join(root, "four"))); diff != "" {
				t.Errorf("one and four workers differ:\n%s", diff[:min(len(diff), 2000)])
			}
			if cmp.Equal(one, prints(t, filepath.Join(root, "other"))) {
				t.Error("two seeds gave the same bytes")
			}
			if _, err := make(opt("one", 5, 3)); err != nil {
				t.Fatalf("writing over an earlier output: %v", err)
			}
			if diff := cmp.Diff(one, prints(t, filepath.Join(root, "one"))); diff != "" {
				t.Errorf("writing over an earlier output left other bytes:\n%s", diff[:min(len(diff), 2000)])
			}
		})
	}
}

func TestLoadWritesExactlyWhatIsAsked(t *testing.T) {
	for _, want := range []struct{ events, flows int }{{1, 0}, {0, 1}, {777, 33333}, {30000, 5}} {
		dir := t.TempDir()
		s, err := world.Load(t.Context(), world.Options{Out: dir, Seed: 3, Events: want.events, Flows: want.flows, Days: 3})
		if err != nil {
			t.Fatal(err)
		}
		files, _, err := read(dir)
		if err != nil {
			t.Fatal(err)
		}
		events, flows := 0, 0
		ids := map[string]bool{}
		for key, body := range files {
			switch {
			case strings.Contains(key, "/CloudTrail/"):
				var f struct {
					Records []struct {
						EventID string `json:"eventID"`
					}
				}
				if err := json.Unmarshal(body, &f); err != nil {
					t.Fatalf("%s: %v", key, err)
				}
				events += len(f.Records)
				for _, r := range f.Records {
					ids[r.EventID] = true
				}
			case strings.Contains(key, "/vpcflowlogs/"):
				flows += bytes.Count(body, []byte("\n")) - 1
			}
		}
		if events != want.events || len(ids) != want.events || flows != want.flows {
			t.Errorf("wrote %d events (%d distinct) and %d flows, want %+v", events, len(ids), flows, want)
		}
		if s.Sources["cloudtrail"].Records != want.events || s.Sources["vpcflow"].Records != want.flows {
			t.Errorf("summary says %+v, want %+v", s.Sources, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.txt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	for name, c := range map[string]struct {
		opt  world.Options
		want string
	}{
		"foreign folder": {world.Options{Out: foreign}, "thesis.txt"},
		"no folder":      {world.Options{}, "Out is empty"},
		"truth inside":   {world.Options{Out: out, Truth: filepath.Join(out, "sub", "truth.jsonl")}, "inside the data folder"},
		"days":           {world.Options{Out: out, Days: -1}, "Days"},
	} {
		_, err := world.Sample(t.Context(), c.opt)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want it to name %q", name, err, c.want)
		}
	}
	if _, err := world.Load(t.Context(), world.Options{Out: out}); err == nil {
		t.Error("Load without counts did not fail")
	}
	if _, err := os.Stat(filepath.Join(foreign, "thesis.txt")); err != nil {
		t.Errorf("the foreign file is gone: %v", err)
	}
}

func TestTruthPointsAtRecords(t *testing.T) {
	w := week(t)
	data, err := os.ReadFile(w.truth)
	if err != nil {
		t.Fatal(err)
	}
	sources, steps, withRecords := map[string]int{}, map[string]bool{}, 0
	for line := range bytes.Lines(data) {
		var a struct {
			ID, Kind, Attack, Outcome, At, Verb string
			Entities                            []string
			Records                             []found
		}
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatal(err)
		}
		if a.Kind == "intrusion" {
			if len(a.Records) == 0 || a.Attack == "" {
				t.Errorf("%s: no records or no technique: %s", a.ID, line)
			}
			withRecords++
			steps[a.Attack] = true
		}
		if a.Kind == "intrusion" && strings.HasPrefix(a.Verb, "GET ") && !hasSources(a.Records, "waf", "alb", "vpcflow") {
			t.Errorf("%s: a web request without all its records: %s", a.ID, line)
		}
		for _, r := range a.Records {
			sources[r.Source]++
			body, ok := w.files[r.Object]
			if !ok {
				t.Fatalf("%s: object %s does not exist", a.ID, r.Object)
			}
			if n, ok := strings.CutPrefix(r.ID, "line:"); ok {
				lines := bytes.Count(body, []byte("\n"))
				var want int
				if err := json.Unmarshal([]byte(n), &want); err != nil || want < 1 || want > lines {
					t.Errorf("%s: %s has %d lines, truth says %s", a.ID, r.Object, lines, r.ID)
				}
			} else if !bytes.Contains(body, []byte(`"eventID":"`+r.ID+`"`)) {
				t.Errorf("%s: %s is not in %s", a.ID, r.ID, r.Object)
			}
		}
	}
	for _, s := range []string{"cloudtrail", "waf", "alb", "vpcflow", "route53resolver", "s3access"} {
		if sources[s] == 0 {
			t.Errorf("the intrusion left no record in %s: %v", s, sources)
		}
	}
	st := w.summary.Story
	if st == nil || withRecords != st.Actions || len(steps) < 6 || st.KeyID == "" || !st.To.After(st.From) {
		t.Errorf("story %+v, %d actions, techniques %v", st, withRecords, steps)
	}
}

type found struct{ Source, Object, ID string }

func hasSources(records []found, sources ...string) bool {
	for _, s := range sources {
		if !slices.ContainsFunc(records, func(r found) bool { return r.Source == s }) {
			return false
		}
	}
	return true
}

// BenchmarkLoad reports how fast CloudTrail events are made and written.
func BenchmarkLoad(b *testing.B) {
	const events = 200_000
	for b.Loop() {
		s, err := world.Load(b.Context(), world.Options{Out: b.TempDir(), Seed: 7, Events: events})
		if err != nil {
			b.Fatal(err)
		}
		c := s.Sources["cloudtrail"]
		if c.Records != events {
			b.Fatalf("got %d events, want %d", c.Records, events)
		}
		b.ReportMetric(float64(c.Raw)/float64(c.Records), "B/event")
		b.ReportMetric(float64(c.Raw)/float64(c.Bytes), "gzip")
		b.ReportMetric(float64(c.Records)/float64(c.Files), "events/file")
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func TestProgressAndCancel(t *testing.T) {
	last := 0.0
	opt := world.Options{Out: t.TempDir(), Seed: 4, Days: 1, Progress: func(done float64) {
		if done < last || done > 1.000001 {
			t.Errorf("progress went from %g to %g", last, done)
		}
		last = done
	}}
	if _, err := world.Sample(t.Context(), opt); err != nil || last < 0.999 {
		t.Fatalf("progress ended at %g, error %v", last, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := world.Load(ctx, world.Options{Out: t.TempDir(), Events: 100000}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled load returned %v", err)
	}
}
