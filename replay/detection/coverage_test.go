package detection_test

import (
	"bufio"
	"cmp"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura/detect/sequence"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/rules"
)

var update = flag.Bool("update", false, "rewrite docs/ref/detection-coverage.md")

const coverageDoc = "../../docs/ref/detection-coverage.md"

// findingType is a line of testdata/guardduty-types.txt.
type findingType struct{ name, group, evidence, mark, reason string }

// builtIn begins the reason of a type that code without a document finds.
const builtIn = "built in: "

func (f findingType) code() bool { return strings.HasPrefix(f.reason, builtIn) }

func findingTypes(t *testing.T) (list []findingType) {
	t.Helper()
	file, err := os.Open("testdata/guardduty-types.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	seen := map[string]bool{}
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		c := append(strings.Split(lines.Text(), "\t"), "")
		if len(c) < 5 || len(c[3]) != 1 || !strings.Contains("RBN", c[3]) || seen[c[0]] {
			t.Fatalf("guardduty-types.txt:%d: not five columns with a mark R, B or N, or a type that was there before: %q", n, lines.Text())
		}
		seen[c[0]] = true
		list = append(list, findingType{c[0], c[1], c[2], c[3], c[4]})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// alerting gives the documents that alert by themselves.
func alerting(t *testing.T) (list []*sigma.Document) {
	t.Helper()
	sub, err := fs.Sub(rules.Threat, "threat")
	if err != nil {
		t.Fatal(err)
	}
	docs, problems := sigma.Read(sub, ".")
	for _, p := range problems {
		t.Error(p)
	}
	for _, d := range docs {
		if !strings.Contains(d.ID, "#") {
			list = append(list, d)
		}
	}
	return list
}

// Rules name types that exist, and each type that the sources allow has a rule
// or a reason.
func TestGuardDutyTypes(t *testing.T) {
	known := map[string]bool{}
	for _, f := range findingTypes(t) {
		known[f.name] = true
	}
	by := coveredBy(alerting(t))
	for name, ids := range by {
		if !known[name] {
			t.Errorf("%s name the type %q, which GuardDuty does not have", strings.Join(ids, ", "), name)
		}
	}
	for _, f := range findingTypes(t) {
		switch has := len(by[f.name]) > 0; {
		case !has && f.reason == "":
			t.Errorf("no rule names %s, and guardduty-types.txt gives no reason", f.name)
		case has && f.reason != "" && f.mark != "N":
			t.Errorf("%s is covered by %s, and guardduty-types.txt still says why not", f.name, strings.Join(by[f.name], ", "))
		}
	}
}

func coveredBy(docs []*sigma.Document) map[string][]string {
	by := map[string][]string{}
	for _, d := range docs {
		for _, name := range d.GuardDuty {
			by[name] = append(by[name], d.ID)
		}
	}
	return by
}

// The table in docs/ref is that of the rules.
func TestCoverageDocument(t *testing.T) {
	var b strings.Builder
	docs := alerting(t)
	b.WriteString("# Detection coverage\n\n<!-- Written by `go test ./replay/detection -run TestCoverageDocument -update`. Do not edit. -->\n\n")
	writeRules(&b, docs)
	writeTypes(&b, findingTypes(t), coveredBy(docs))
	if *update {
		if err := os.WriteFile(coverageDoc, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	old, err := os.ReadFile(coverageDoc)
	if err != nil {
		t.Fatal(err)
	}
	if string(old) != b.String() {
		t.Error("docs/ref/detection-coverage.md is not that of the rules: run go test ./replay/detection -run TestCoverageDocument -update")
	}
}

func writeRules(b *strings.Builder, docs []*sigma.Document) {
	kinds, sources, levels, techniques := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	tests := 0
	for _, d := range docs {
		tests += len(d.Tests)
		kinds[strings.ReplaceAll(d.Kind, "_", " ")]++
		source, _, _ := strings.Cut(d.ID, "/")
		sources[source]++
		levels[d.Level.String()]++
		for _, x := range d.Techniques() {
			techniques[x]++
		}
	}
	fmt.Fprintf(b, "%d rules alert, with %d tests in their files; `yagura rules test` runs them. Base rules of correlations are not counted.\n", len(docs), tests)
	fmt.Fprintf(b, "`rule` is one event, `correlation` a count or an order of several, `first seen` and `baseline` learn, `detector` is code with a document.\n\n")
	b.WriteString("| what | rules |\n|---|---|\n")
	for _, part := range []struct {
		name string
		of   map[string]int
	}{{"kind", kinds}, {"source", sources}, {"severity", levels}} {
		fmt.Fprintf(b, "| %s | %s |\n", part.name, counts(part.of))
	}
	fmt.Fprintf(b, "\n## Techniques\n\n%d techniques and sub-techniques of ATT&CK, with the number of rules: %s.\n\n", len(techniques), counts(techniques))
}

// counts lists names with their numbers, the largest first.
func counts(m map[string]int) string {
	names := slices.SortedFunc(maps.Keys(m), func(x, y string) int { return cmp.Or(m[y]-m[x], strings.Compare(x, y)) })
	for i, n := range names {
		names[i] = fmt.Sprintf("%s %d", n, m[n])
	}
	return strings.Join(names, ", ")
}

func writeTypes(b *strings.Builder, types []findingType, by map[string][]string) {
	total := map[string]int{}
	covered := map[string]int{}
	var groups []string
	for _, f := range types {
		if total[f.group] == 0 {
			groups = append(groups, f.group)
		}
		done := len(by[f.name]) > 0 || f.code()
		for _, k := range []string{f.group, f.mark, ""} {
			total[k]++
			if done {
				covered[k]++
			}
		}
	}
	fmt.Fprintf(b, "## Types of GuardDuty\n\n%d of the %d finding types are covered: %d of %d that the sources allow (R), %d of %d that need learned behaviour besides (B), %d of %d that need other evidence (N).\n",
		covered[""], total[""], covered["R"], total["R"], covered["B"], total["B"], covered["N"], total["N"])
	b.WriteString("A type is covered when a rule looks for the same thing; when it fires differs. R on address and name lists is as good as the lists. Types on Lambda need the function to be in a VPC.\n")
	b.WriteString("Who has GuardDuty besides sees all of its findings here, too, those of mark N included: the rules `guardduty/…` and `securityhub/guardduty-finding` pass them on by severity, with their type.\n")
	b.WriteString("The types of GuardDuty's Custom Detection Rules are not listed: they are single CloudTrail events, as most rules here.\n\n")
	b.WriteString("| group | found from | types | covered |\n|---|---|---|---|\n")
	for _, g := range groups {
		i := slices.IndexFunc(types, func(f findingType) bool { return f.group == g })
		fmt.Fprintf(b, "| %s | %s | %d | %d |\n", g, types[i].evidence, total[g], covered[g])
	}
	b.WriteString("\n| type | mark | rules, or why not |\n|---|---|---|\n")
	for _, f := range types {
		why := f.reason
		if f.code() {
			why = "`" + sequence.Rule + "`: " + strings.TrimPrefix(f.reason, builtIn)
		}
		if ids := by[f.name]; len(ids) > 0 {
			why = strings.TrimSpace("`" + strings.Join(ids, "`, `") + "` " + why)
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", f.name, f.mark, why)
	}
}
