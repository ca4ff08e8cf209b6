package sequence

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
)

const hour = 3600 * 1_000_000

// finding is one of a rule, whose name begins with its tactic, at an hour.
func finding(rule string, severity yagura.Severity, at int64, chain string) *yagura.Finding {
	return &yagura.Finding{
		ID: fmt.Sprint(rule, at, chain), Rule: rule, Severity: severity, Title: yagura.Text{EN: "It happened.", JA: "それが起きた。"}, Count: 1,
		Subject: yagura.Entity{Type: "bucket", ID: "b-" + rule}, Related: []yagura.Entity{{Type: Chain, ID: chain}},
		First: at * hour, Last: at * hour, Events: []yagura.EventRef{{UID: fmt.Sprint(rule, at)}},
	}
}

func tactic(rule string) []string {
	head, _, _ := strings.Cut(rule, "/")
	return []string{head}
}

// tell gives the sequences after all findings.
func tell(s *Sequencer, list ...*yagura.Finding) map[string]*yagura.Finding {
	out := map[string]*yagura.Finding{}
	for _, f := range list {
		s.Add(f)
		s.Flush(func(f *yagura.Finding) { out[f.ID] = f })
	}
	return out
}

const (
	m = yagura.Medium
	h = yagura.High
)

func with(f *yagura.Finding, change func(*yagura.Finding)) *yagura.Finding {
	change(f)
	return f
}

func TestWhatMakesASequence(t *testing.T) {
	for _, c := range []struct {
		name string
		list []*yagura.Finding
		want int // parts of the sequence, 0 for none
	}{
		{"two tactics, one of them high", []*yagura.Finding{finding("persistence/a", m, 1, "p"), finding("exfiltration/b", h, 2, "p")}, 2},
		{"none of them high", []*yagura.Finding{finding("persistence/a", m, 1, "p"), finding("exfiltration/b", m, 2, "p")}, 0},
		{"one tactic, two rules", []*yagura.Finding{finding("persistence/a", h, 1, "p"), finding("persistence/b", h, 2, "p")}, 0},
		{"one tactic, three rules", []*yagura.Finding{finding("persistence/a", h, 1, "p"), finding("persistence/b", m, 2, "p"), finding("persistence/c", m, 3, "p")}, 3},
		{"two principals", []*yagura.Finding{finding("persistence/a", h, 1, "p"), finding("exfiltration/b", h, 2, "q")}, 0},
		{"a day apart", []*yagura.Finding{finding("persistence/a", h, 1, "p"), finding("exfiltration/b", h, 25, "p")}, 0},
		{"late and out of order", []*yagura.Finding{finding("persistence/a", h, 20, "p"), finding("exfiltration/b", h, 2, "p")}, 2},
		{"one of them suppressed", []*yagura.Finding{finding("persistence/a", h, 1, "p"), with(finding("exfiltration/b", h, 2, "p"), func(f *yagura.Finding) { f.Status = "suppressed: x" })}, 0},
		{"one of them an attempt", []*yagura.Finding{finding("persistence/a", h, 1, "p"), with(finding("exfiltration/b", h, 2, "p"), func(f *yagura.Finding) { f.Attempt = true })}, 0},
		{"two rules on one event", []*yagura.Finding{
			with(finding("persistence/a", h, 1, "p"), func(f *yagura.Finding) { f.Events[0].UID = "e" }),
			with(finding("exfiltration/b", h, 1, "p"), func(f *yagura.Finding) { f.Events[0].UID = "e" }),
		}, 0},
		{"an attempt is told with the others", []*yagura.Finding{
			finding("persistence/a", h, 1, "p"), finding("exfiltration/b", h, 2, "p"),
			with(finding("impact/c", yagura.Low, 3, "p"), func(f *yagura.Finding) { f.Attempt = true }),
		}, 3},
		{"one resource, two principals", []*yagura.Finding{
			with(finding("persistence/a", h, 1, "p"), func(f *yagura.Finding) { f.Subject.ID = "same" }),
			with(finding("exfiltration/b", h, 2, "q"), func(f *yagura.Finding) { f.Subject.ID = "same" }),
		}, 2},
	} {
		got := tell(New(Config{Tactics: tactic}), c.list...)
		parts := 0
		for _, f := range got {
			parts += len(f.Parts)
		}
		if parts != c.want || len(got) > 1 {
			t.Errorf("%s: %d sequences with %d parts, want %d", c.name, len(got), parts, c.want)
		}
	}
}

func TestTheStory(t *testing.T) {
	list := []*yagura.Finding{finding("persistence/a", m, 1, "p"), finding("exfiltration/b", h, 2, "p"), finding("impact/c", m, 3, "p")}
	list[2].Count, list[2].Last = 4, 5*hour
	got := tell(New(Config{Tactics: tactic}), list...)
	if len(got) != 1 {
		t.Fatalf("%d sequences: it must be updated, not repeated", len(got))
	}
	for _, f := range got {
		if f.Severity != yagura.Critical || f.Title.EN != "Attack sequence by p: persistence, exfiltration, impact" || f.Title.JA != "p による一連の攻撃：永続化、持ち出し、影響" {
			t.Errorf("%s %+v", f.Severity, f.Title)
		}
		var facts []string
		for _, x := range f.Facts {
			facts = append(facts, x.Name+" "+x.Value)
		}
		want := []string{
			"step 1 1970-01-01 01:00:00 UTC: It happened (b-persistence/a) [medium, persistence/a].",
			"手順 1 1970-01-01 01:00:00 UTC それが起きた（b-persistence/a）［中、persistence/a］。",
			"step 2 1970-01-01 02:00:00 UTC: It happened (b-exfiltration/b) [high, exfiltration/b].",
			"手順 2 1970-01-01 02:00:00 UTC それが起きた（b-exfiltration/b）［高、exfiltration/b］。",
			"step 3 1970-01-01 03:00:00 UTC: It happened (b-impact/c), 4 times until 1970-01-01 05:00:00 UTC [medium, impact/c].",
			"手順 3 1970-01-01 03:00:00 UTC それが起きた（b-impact/c）。1970-01-01 05:00:00 UTC までに 4 回［中、impact/c］。",
		}
		if diff := cmp.Diff(want, facts); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSaveAndLoad(t *testing.T) {
	list := []*yagura.Finding{
		finding("persistence/a", m, 1, "p"), finding("exfiltration/b", h, 2, "p"), finding("impact/c", m, 3, "q"), finding("persistence/d", h, 4, "q"), finding("impact/e", m, 5, "p"),
	}
	want := tell(New(Config{Tactics: tactic}), list...)
	for cut := range list {
		first, second := New(Config{Tactics: tactic}), New(Config{Tactics: tactic})
		got := tell(first, list[:cut]...)
		var b bytes.Buffer
		if err := first.Save(&b); err != nil {
			t.Fatal(err)
		}
		if err := second.Load(&b); err != nil {
			t.Fatal(err)
		}
		for id, f := range tell(second, list[cut:]...) {
			got[id] = f
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("cut at %d: %s", cut, diff)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	s := New(Config{MaxThreads: 100})
	for i := range int64(1000) {
		s.Add(finding("persistence/a", h, 1, fmt.Sprint(i)))
	}
	if len(s.threads) > 100 || s.Evicted < 500 {
		t.Errorf("%d threads, %d evicted", len(s.threads), s.Evicted)
	}
}

// However many findings come between two flushes, each sequence is told as it
// was at its end, and is not told again without its parts.
func TestSequencesBetweenFlushes(t *testing.T) {
	list := []*yagura.Finding{
		finding("persistence/a", h, 1, "p"), finding("exfiltration/b", h, 2, "p"),
		finding("persistence/a", h, 40, "p"),
		finding("persistence/a", h, 200, "p"), finding("impact/c", h, 201, "p"), finding("discovery/d", m, 201+60, "p"),
	}
	want := tell(New(Config{Tactics: tactic}), list...)
	got, s := map[string]*yagura.Finding{}, New(Config{Tactics: tactic})
	for _, f := range list {
		s.Add(f)
	}
	s.Flush(func(f *yagura.Finding) { got[f.ID] = f })
	if d := cmp.Diff(want, got); d != "" || len(got) != 2 {
		t.Errorf("%d sequences: %s", len(got), d)
	}
	for _, f := range got {
		if len(f.Parts) < 2 {
			t.Errorf("a sequence of %d parts", len(f.Parts))
		}
	}
}
