package follow_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/detect"
	"github.com/yagura-sec/yagura/detect/follow"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/store"
)

// own makes a pipeline of rules by id: extra keys of the document.
func own(t testing.TB, logic map[string]string) *detect.Assembly {
	t.Helper()
	tree := fstest.MapFS{}
	for id, text := range logic {
		tree[id+".yml"] = &fstest.MapFile{Data: []byte("title: T\nname: " + filepath.Base(id) + "\nlevel: high\nlogsource: {product: aws, service: cloudtrail}\n" + text + "\n")}
	}
	docs, problems := sigma.Read(tree, ".")
	for _, p := range problems {
		t.Fatal(p)
	}
	a, err := pipeline(docs)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func select1(name string) string { return "detection: {s: {eventName: " + name + "}, condition: s}" }

func thrice(of string) string {
	return "correlation: {type: event_count, rules: [" + of + "], group-by: [yagura.principal], timespan: 1h, condition: {gte: 3}}"
}

// three calls within an hour, and a role that is made and then used.
var ours = map[string]string{
	"cloudtrail/secret": select1("GetSecretValue"),
	"cloudtrail/many":   thrice("secret"),
	"cloudtrail/made":   select1("CreateRole"),
	"cloudtrail/used":   select1("AttachRolePolicy"),
	"cloudtrail/story":  "correlation: {type: temporal_ordered, rules: [made, used], group-by: [yagura.principal], timespan: 1h}",
}

var nine = time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)

func secret(n, minute int) string {
	return call(n, nine.Add(time.Duration(minute)*time.Minute), "mallory", "secretsmanager", "GetSecretValue", `{"secretId":"s"}`)
}

// Objects that arrive later are read by the next pass, each once; late events
// complete a correlation inside its window, and do not complete one outside.
func TestLateObjects(t *testing.T) {
	l, state := openLake(t, t.TempDir()), t.TempDir()
	next := func(want int64) map[string]string {
		t.Helper()
		s := run(t, l, state, func(c *follow.Config) { c.Detector = own(t, ours) })
		if s.Events != want {
			t.Errorf("%d events read, want %d", s.Events, want)
		}
		return findings(t, state)
	}
	role := func(n, minute int, name string) string {
		return call(n, nine.Add(time.Duration(minute)*time.Minute), "mallory", "iam", name, `{"roleName":"r"}`)
	}
	put(t, l, "a.json", trail(secret(1, 0), secret(2, 30), role(3, 40, "AttachRolePolicy"), secret(4, 300)))
	if got := next(4); len(got) != 0 {
		t.Errorf("%v", got)
	}
	// Late by hours: the third secret within the hour, and the role that was used.
	put(t, l, "b.json", trail(secret(5, 20), role(6, 10, "CreateRole")))
	got := next(2)
	if len(got) != 2 {
		t.Errorf("late events completed %d correlations, want 2: %v", len(got), got)
	}
	// The same object again, a copy of an event, and one outside the window.
	put(t, l, "c.json", trail(secret(5, 20), secret(7, 200)))
	if d := cmp.Diff(got, next(1)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(got, next(0)); d != "" {
		t.Error(d)
	}
}

// However the same events come to the lake, in one ingest or in several, in
// order or not, correlations within their windows find the same.
func TestOrderOfArrival(t *testing.T) {
	var records []string
	for i := range 30 {
		records = append(records, secret(i, i*17%200))
	}
	want := int64(0)
	for _, step := range []int{30, 7, 1} {
		l, state := openLake(t, t.TempDir()), t.TempDir()
		for part := range slices.Chunk(records, step) {
			put(t, l, "x.json", trail(part...))
			run(t, l, state, func(c *follow.Config) { c.Detector = own(t, ours) })
		}
		list, err := openStore(t, state).Findings(t.Context(), store.FindingQuery{})
		if err != nil || len(list) == 0 {
			t.Fatal(list, err)
		}
		hits := int64(0)
		for _, f := range list {
			hits += f.Count
		}
		if want == 0 {
			want = hits
		}
		if hits != want {
			t.Errorf("in parts of %d: %d hits, want %d", step, hits, want)
		}
	}
}

// A rule that has changed learns anew and is named; the others keep what they
// know.
func TestChangedRules(t *testing.T) {
	rules := func(tokens string) map[string]string {
		return map[string]string{
			"cloudtrail/secret": select1("GetSecretValue"), "cloudtrail/many": thrice("secret"),
			"cloudtrail/token": select1(tokens), "cloudtrail/tokens": thrice("token"),
		}
	}
	token := func(n, minute int) string {
		return call(n, nine.Add(time.Duration(minute)*time.Minute), "mallory", "sts", "GetSessionToken", "null")
	}
	l, state := openLake(t, t.TempDir()), t.TempDir()
	put(t, l, "a.json", trail(secret(1, 0), secret(2, 1), token(3, 2), token(4, 3)))
	run(t, l, state, func(c *follow.Config) { c.Detector = own(t, rules("GetSessionToken")) })
	put(t, l, "b.json", trail(secret(5, 4), token(6, 5)))
	a := own(t, rules("GetSession*"))
	run(t, l, state, func(c *follow.Config) {
		c.Detector, c.Stale = a, func(err error) { t.Errorf("the whole state was given up: %v", err) }
	})
	if d := cmp.Diff([]string{"cloudtrail/tokens"}, a.Threat.Stats().Dropped); d != "" {
		t.Error(d)
	}
	list, err := openStore(t, state).Findings(t.Context(), store.FindingQuery{})
	if err != nil || len(list) != 1 || list[0].Rule != "cloudtrail/many" {
		t.Errorf("%v %v, want the rule that did not change to find what began before", list, err)
	}
}

// A state that cannot be used is said. Then detection begins anew, wholly, and
// goes on from where it was: nothing is read twice.
func TestStaleState(t *testing.T) {
	damage := map[string]func(raw []byte) []byte{
		"gone":      nil,
		"empty":     func([]byte) []byte { return nil },
		"cut off":   func(raw []byte) []byte { return raw[:len(raw)*2/3] },
		"foreign":   func([]byte) []byte { return bytes.Repeat([]byte("x"), 1000) },
		"end wrong": func(raw []byte) []byte { raw[len(raw)-20] ^= 0xff; return raw },
	}
	for name, change := range damage {
		t.Run(name, func(t *testing.T) {
			l, state := openLake(t, t.TempDir()), t.TempDir()
			put(t, l, "a.json", trail(secret(1, 0), secret(2, 1), secret(3, 2)))
			run(t, l, state, func(c *follow.Config) { c.Detector = own(t, ours) })
			files, _ := filepath.Glob(filepath.Join(state, "detect", "state-*"))
			if len(files) != 1 {
				t.Fatal(files)
			}
			raw, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(files[0]); err != nil {
				t.Fatal(err)
			}
			if change != nil {
				write(t, files[0], change(raw))
			}
			put(t, l, "b.json", trail(secret(4, 600), secret(5, 601), secret(6, 602)))
			cfg := follow.Config{Lake: l, Store: openStore(t, state), Detector: own(t, ours), Dir: filepath.Join(state, "detect")}
			if _, err := follow.Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "saved state") {
				t.Errorf("nobody was there to be told, and the error is %v", err)
			}
			var said error
			cfg.Detector, cfg.Stale = own(t, ours), func(err error) { said = err }
			s, err := follow.Run(t.Context(), cfg)
			if err != nil || said == nil || s.Events != 3 {
				t.Errorf("%v, said %v, %d events", err, said, s.Events)
			}
			if n := len(findings(t, state)); n != 2 {
				t.Errorf("%d findings, want 2", n)
			}
		})
	}
}

// Clock jumps and hostile values pass, and what is ordinary beside them is still
// found.
func TestHostileLake(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 900) + "1" + strings.Repeat("}", 900)
	records := []string{secret(1, 0)}
	add := func(year int, parameters string) {
		n := len(records) + 100
		at := time.Date(year, 3, 1, 0, 0, n, 0, time.UTC)
		records = append(records, call(n, at, "eve", "iam", "CreateUser", parameters))
	}
	for _, year := range []int{1970, 1999, 2090, 2026, 9998} {
		add(year, `null`)
	}
	add(2026, deep)
	add(2026, `{"userName":"`+strings.Repeat("A", 10<<20)+`"}`)
	add(2026, "{\"userName\":\"\xff\xfe\xc3\\u0000\\ud800\"}")
	add(2026, `{"policyDocument":"`+strings.Repeat(`{\"Statement\":[`, 20_000)+`"}`)
	add(2026, `{"x":[`+strings.Repeat(`"(a+)+$",`, 50_000)+`1]}`)
	records = append(records, secret(2, 10), secret(3, 20))
	l, state := openLake(t, t.TempDir()), t.TempDir()
	put(t, l, "a.json", trail(records...))
	logic := map[string]string{
		"cloudtrail/wild": "detection: {s: {requestParameters.userName|re: '(a+)+(b|b)*c$'}, t: {requestParameters|contains: zzz}, u: {requestParameters.a.a.a.a: 1}, condition: 1 of them}",
	}
	for id, text := range ours {
		logic[id] = text
	}
	everything := house(t)
	run(t, l, t.TempDir(), func(c *follow.Config) { c.Detector, c.Every = everything, 2 })
	if n := everything.Threat.Stats().Panics + everything.Threat.Stats().Engine.Panics; n > 0 {
		t.Errorf("%d panics, the last %s", n, everything.Threat.Stats().Engine.LastPanic)
	}
	a := own(t, logic)
	s := run(t, l, state, func(c *follow.Config) { c.Detector, c.Every = a, 1 })
	if st := a.Threat.Stats(); st.Panics+st.Engine.Panics > 0 {
		t.Error(st.Engine.LastPanic)
	}
	if s.Events < int64(len(records)-3) { // what cannot be read is in quarantine
		t.Errorf("%d of %d events", s.Events, len(records))
	}
	found := ""
	for _, f := range findings(t, state) {
		found += f + "\n"
	}
	if !strings.Contains(found, `"cloudtrail/many"`) || len(found) > 1<<20 {
		t.Errorf("%d bytes of findings: %.2000s", len(found), found)
	}
	if st, err := filepath.Glob(filepath.Join(state, "detect", "state-*")); err != nil || len(st) != 1 {
		t.Fatal(st, err)
	} else if info, err := os.Stat(st[0]); err != nil || info.Size() > 8<<20 {
		t.Error(fmt.Sprint("the state takes ", info.Size(), " bytes"))
	}
}
