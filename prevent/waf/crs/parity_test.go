package crs

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/coraza"
)

// strict is the setup with which CRS runs its own tests, level aside.
const strict = `SecAction "id:900005,phase:1,nolog,pass,t:none,\
setvar:tx.crs_validate_utf8_encoding=1,setvar:tx.arg_name_length=100,setvar:tx.arg_length=400,\
setvar:tx.total_arg_length=64000,setvar:tx.max_num_args=255,setvar:tx.max_file_size=64100,\
setvar:tx.combined_file_sizes=65535"
`

// engines gives the engine to test and the reference, with the same setup.
func engines(tb testing.TB, level int, plain bool) (*Engine, *coraza.Engine) {
	tb.Helper()
	e, err := Compile(Options{Paranoia: level, Plain: plain, Before: []Source{{"strict", strict}}})
	if err != nil {
		tb.Fatal(err)
	}
	e.tracing = true
	ref, err := coraza.Compile(coraza.Options{Paranoia: level, Before: []coraza.Source{{Name: "strict", Text: strict}}})
	if err != nil {
		tb.Fatal(err)
	}
	return e, ref
}

// verdict is a result in a form that does not depend on the order of collections.
type verdict struct {
	All, Logged []int
	Scores      string
	Targets     map[int][]string
	Status      int
}

func ours(e *Engine, r *yagura.Request) verdict {
	res := e.Inspect(r)
	v := verdict{All: res.trace, Scores: fmt.Sprint(res.Scores), Targets: map[int][]string{}}
	for _, m := range res.Matches {
		v.Logged = append(v.Logged, m.ID)
		for _, g := range m.Targets {
			v.Targets[m.ID] = append(v.Targets[m.ID], show(g.Level, g.String(), g.Value))
		}
		sort.Strings(v.Targets[m.ID])
	}
	return v
}

func theirs(tb testing.TB, e *coraza.Engine, r *yagura.Request) verdict {
	res, err := e.Inspect(r)
	if err != nil {
		tb.Fatal(err)
	}
	v := verdict{All: res.All, Scores: fmt.Sprint(Scores{
		Inbound: res.Scores.Inbound, Detection: res.Scores.Detection, Threshold: res.Scores.Threshold, Level: res.Scores.Level,
		SQLi: res.Scores.SQLi, XSS: res.Scores.XSS, RFI: res.Scores.RFI, LFI: res.Scores.LFI, RCE: res.Scores.RCE,
		PHP: res.Scores.PHP, HTTP: res.Scores.HTTP, Session: res.Scores.Session,
	}), Targets: map[int][]string{}}
	for _, m := range res.Matches {
		v.Logged = append(v.Logged, m.ID)
		for _, g := range m.Targets {
			t := Target{Variable: g.Variable, Key: g.Key}
			v.Targets[m.ID] = append(v.Targets[m.ID], show(g.Level, t.String(), g.Value))
		}
		sort.Strings(v.Targets[m.ID])
	}
	return v
}

// show writes a target. CRS counts the headers of parts, and Coraza hands them over in
// the order of a map, so the counter in the name says nothing.
func show(level int, name, value string) string {
	if i := strings.Index(name, "multipart_headers_content_types_"); i >= 0 {
		name = strings.TrimRight(name, "0123456789")
	}
	return fmt.Sprintf("%d %s %q", level, name, value)
}

// attempts is how often Coraza is asked again when the answers differ: the order of its
// collections is random, and with it the last matched variable, which some chains of
// CRS look at. Where it wavers, each rule's outcome must be one that it gave too.
const attempts = 150

// same compares the answers.
func same(tb testing.TB, e *Engine, ref *coraza.Engine, r *yagura.Request) string {
	got := ours(e, r)
	first := theirs(tb, ref, r)
	diff := cmp.Diff(first, got)
	if diff == "" {
		return ""
	}
	outcomes := map[int]map[string]bool{} // what each rule did, by rule
	order := ""
	for n := range attempts {
		v := first
		if n > 0 {
			v = theirs(tb, ref, r)
		}
		if cmp.Equal(v, got) {
			return ""
		}
		for id := range union(v, got, outcomes) {
			if outcomes[id] == nil {
				outcomes[id] = map[string]bool{}
				if n > 0 {
					outcomes[id]["[]"] = true // it did nothing before
				}
			}
			outcomes[id][outcome(v, id)] = true
		}
	}
	for id := range outcomes {
		if !outcomes[id][outcome(got, id)] {
			order += fmt.Sprintf("rule %d: %s, Coraza %v\n", id, outcome(got, id), outcomes[id])
		}
	}
	if order == "" {
		return ""
	}
	return order + diff
}

// union gives the rules that any of the answers names.
func union(a, b verdict, outcomes map[int]map[string]bool) map[int]bool {
	ids := map[int]bool{}
	for _, id := range slices.Concat(a.All, b.All) {
		ids[id] = true
	}
	for id := range outcomes {
		ids[id] = true
	}
	return ids
}

// outcome tells what a rule did; that of the rule that sums up the scores says nothing
// when they waver.
func outcome(v verdict, id int) string {
	if !slices.Contains(v.All, id) {
		return "[]"
	}
	if id == 949110 || id == 949111 {
		return "matched"
	}
	return "matched " + strings.Join(v.Targets[id], ", ")
}

func TestRegressions(t *testing.T) {
	list := regressions(t)
	for level := 4; level >= 1; level-- {
		for _, plain := range []bool{true, false} {
			t.Run(fmt.Sprintf("level %d plain %v", level, plain), func(t *testing.T) {
				if level != 4 && plain {
					t.Skip("the plain evaluation is compared at one level here, and with the fast one in TestGenerated")
				}
				e, ref := engines(t, level, plain)
				failed := 0
				for i, c := range list {
					if i%sparse != 0 || testing.Short() && i%8 != 0 {
						continue
					}
					if diff := same(t, e, ref, c.request); diff != "" {
						if failed++; failed <= 8 {
							t.Errorf("%s: %s %s\n%s", c.name, c.request.Method, clip(c.request.URI), diff)
						}
					}
				}
				if failed > 0 {
					t.Errorf("%d of %d tests differ", failed, len(list))
				}
			})
		}
	}
}

// TestExpectations runs CRS's tests for what they are: does the rule match?
func TestExpectations(t *testing.T) {
	e, _ := engines(t, 4, false)
	var failed []string
	list := regressions(t)
	for _, c := range list {
		got := e.Inspect(c.request).trace
		for _, id := range c.expect {
			if id < 950000 && !slices.Contains(got, id) {
				failed = append(failed, c.name)
			}
		}
		for _, id := range c.noExpect {
			if slices.Contains(got, id) {
				failed = append(failed, c.name)
			}
		}
	}
	t.Logf("%d of %d as CRS expects; others: %s", len(list)-len(failed), len(list), strings.Join(failed, " "))
	if len(failed) > 60 {
		t.Errorf("%d tests of CRS fail", len(failed))
	}
}
