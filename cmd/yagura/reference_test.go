package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/prevent/iam/finding"
	replay "github.com/yagura-sec/yagura/replay/iam"
	"github.com/yagura-sec/yagura/source/cloudtrail/digest"
)

var update = flag.Bool("update", false, "rewrite docs/ref")

// TestReference holds docs/ref/cli.md and docs/ref/json.md to the program.
func TestReference(t *testing.T) {
	for name, want := range map[string]string{"cli.md": commandPage(), "json.md": jsonPage(t)} {
		path := filepath.Join("..", "..", "docs", "ref", name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v; run `go test ./cmd/yagura -run TestReference -update`", err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is not current; run `go test ./cmd/yagura -run TestReference -update` (-want +got):\n%s", path, diff)
		}
	}
}

func commandPage() string {
	p := &program{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, lang: "en"}
	var b strings.Builder
	b.WriteString("# The command line\n\nGenerated from the program by `go test ./cmd/yagura -run TestReference -update`; do not edit.\n\n")
	root := p.root()
	b.WriteString(root.Long + "\n\nFlags of every verb:\n\n")
	flags(&b, root.PersistentFlags())
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if sub.Name() == "help" || c.Name() == "completion" {
				continue
			}
			fmt.Fprintf(&b, "\n## %s\n\n%s\n", sub.CommandPath(), strings.TrimSpace(firstOf(sub.Long, sub.Short+".")))
			if sub.Runnable() && !sub.HasSubCommands() {
				fmt.Fprintf(&b, "\n    %s\n", sub.UseLine())
				if sub.Example != "" {
					fmt.Fprintf(&b, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(sub.Example, "  "), "\n  ", "\n"))
				}
				if sub.LocalNonPersistentFlags().HasFlags() {
					b.WriteString("\n")
					flags(&b, sub.LocalNonPersistentFlags())
				}
			}
			visit(sub)
		}
	}
	visit(root)
	return b.String()
}

// typeNames say what a flag takes; a type that is not here takes nothing.
var typeNames = map[string]string{
	"string": "TEXT", "stringSlice": "A,B", "stringArray": "TEXT", "int": "N", "uint64": "N", "duration": "DURATION",
}

func flags(b *strings.Builder, fs *pflag.FlagSet) {
	b.WriteString("| flag | meaning |\n|---|---|\n")
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			return
		}
		kind := typeNames[f.Value.Type()]
		def := ""
		if !slices.Contains([]string{"", "false", "0", "[]"}, f.DefValue) {
			def = " (default `" + strings.Trim(f.DefValue, "[]") + "`)"
		}
		fmt.Fprintf(b, "| `--%s` | %s%s |\n", strings.TrimSpace(f.Name+" "+kind), strings.ReplaceAll(f.Usage, "|", `\|`), def)
	})
}

// documents are what the verbs write with --format json.
var documents = []struct {
	verb, note string
	row        any
}{
	{"facets", "One object for each value of each field.", facet{}},
	{"timeline", "One object for each bar, without gaps from the first to the last that has events.", bucket{}},
	{"stats", "One object for each field.", statistics{}},
	{"sources", "One object for each source, also for those without events.", held{}},
	{"sources --fields", "One object for each name.", name{}},
	{"coverage", "One object for each source, account and region that has events.", covered{}},
	{"quarantine", "One object for each record.", refused{}},
	{"ingest", "One object for each source that brought files, and a total.", ingested{}},
	{"lake check", "One object.", checked{}},
	{"lake compact", "One object.", compacted{}},
	{"lake retain", "One object for each source with a retention.", retained{}},
	{"demo --out", "One object for each kind of log, and a total. Without `--out`: as `ingest`.", made{}},
	{"iam lint", "One object for each finding. `--format sarif` writes SARIF 2.1.0.", smell{}},
	{"iam who-can, iam can", "One object for each principal, set of actions and resource.", permitted{}},
	{"iam public", "One object for each way in.", opening{}},
	{"iam unused", "One object for each principal with something unused.", idle{}},
	{"iam actions", "One object for each action.", known{}},
	{"iam data", "One object.", served{}},
	{"detect, findings", "One object for each finding. `detect --format ocsf` writes OCSF Detection Findings, `--format asff` findings for AWS Security Hub, one a line.", hit{}},
	{"detect --dry-run", "One object for each rule that would have found something.", tallied{}},
	{"findings --dry-run", "One object for each rule and day.", rehearsed{}},
	{"rules list, rules show", "One object for each document.", ruled{}},
	{"rules lint", "One object for each problem.", fault{}},
	{"rules test", "One object for each test. As a table, only those that fail.", ruleTest{}},
	{"rules backtest", "For each rule one object of kind `total`, then one for each day with findings and for each of the ten noisiest subjects.", past{}},
	{"version", "One object.", built{}},
}

func jsonPage(t *testing.T) string {
	var b strings.Builder
	b.WriteString("# JSON output\n\nGenerated by `go test ./cmd/yagura -run TestReference -update`; do not edit.\n\n" +
		"`--format json` writes one object a line. Keys do not change their meaning from release to release; new ones may come.\n" +
		"What is absent has no key. Times are UTC in RFC 3339, sizes are bytes. Control and bidirectional characters of log text stand as `\\u` escapes.\n" +
		"`--format csv` has the same keys as its heading; a cell that a spreadsheet would take for a formula begins with an apostrophe.\n\n" +
		"## Events: search, show\n\n`search` without `--fields` and `show` write every attribute that the event has, by its OCSF path. With `--fields`, `search` writes\n" +
		"`id`, `source`, `time` and the fields under the names that were asked for; a field with several values is an array.\n" +
		"In CSV, `search` without `--fields` writes the columns of the table: `time`, `source`, `account`, `event`, `actor`, `address`, `resource`, `outcome`, `id`.\n\n" +
		"| key | type | meaning |\n|---|---|---|\n" +
		"| `id` | text | the source's id of the event, else source:object:record; `yagura show` takes it |\n" +
		"| `source` | text | name of the source |\n" +
		"| `time` | time | when it happened |\n")
	kinds := map[ocsf.Kind]string{ocsf.Text: "text", ocsf.ID: "text", ocsf.IP: "address", ocsf.Int: "number", ocsf.Time: "time", ocsf.Bool: "true or false", ocsf.Texts: "array of texts"}
	for _, c := range ocsf.Columns() {
		if !own[c.Name] {
			kind := kinds[c.Kind]
			if c.Name == "unmapped" {
				kind = "object"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Path, kind, c.Doc)
		}
	}
	b.WriteString("| `observables` | array | what the record mentions: `type` (OCSF's caption) and `value` |\n" +
		"| `provenance` | object | where the record stands: `object` and `record`; `show` has more, see below |\n" +
		"| `raw` | object or text | the record as the source wrote it; in `search` only with `--raw` |\n\n" +
		"`provenance` of `show`:\n\n")
	keys(t, &b, reflect.TypeFor[evidence]())
	b.WriteString("\n`--around` writes events as `search` does. `sql` writes the columns under the names that the query gives them.\n")
	for _, d := range documents {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", d.verb, d.note)
		keys(t, &b, reflect.TypeOf(d.row))
	}
	b.WriteString("\n## verify\n\nOne object: `ok` (everything that digests cover is proved), then the report. In CSV, one row for each file of `objects`.\n\n")
	parts(&b, []part{
		{"", digest.Report{}}, {"totals", digest.Totals{}}, {"chains[]", digest.Chain{}}, {"objects[]", digest.Object{}}, {"notices[]", digest.Notice{}},
	})
	b.WriteString("\n## iam replay\n\nOne object. In CSV, one row for each of `changes`, with `examples` for `events`. Counts are of calls; docs/iam.md explains them.\n\n")
	parts(&b, []part{
		{"", replay.Report{}}, {"changes[]", replay.Change{}}, {"unmapped[]", replay.Unmapped{}}, {"mapping", replay.Mapping{}}, {"decisions", replay.Decisions{}},
	})
	b.WriteString("\n## iam generate\n\nOne object; `policy` is the document, `comments` say what it cannot know.\n\n")
	parts(&b, []part{{"", replay.Generated{}}})
	b.WriteString("\n## iam diff\n\nOne object. In CSV, one row for each of `added`.\n\n")
	parts(&b, []part{{"", finding.Difference{}}, {"added[]", finding.Added{}}})
	b.WriteString("\n## iam escalate\n\nOne object. In CSV, one row for each step.\n\n")
	parts(&b, []part{{"", finding.Escalation{}}, {"paths[]", finding.Path{}}, {"paths[].steps[]", finding.Step{}}, {"paths[].steps[].needs[]", finding.Need{}}, {"breaks[]", finding.Break{}}})
	return strings.ReplaceAll(b.String(), "- ``:", "- the object itself:")
}

// part is an object inside another.
type part struct {
	at string
	v  any
}

func parts(b *strings.Builder, all []part) {
	for _, part := range all {
		var names []string
		for _, f := range reflect.VisibleFields(reflect.TypeOf(part.v)) {
			if !f.Anonymous {
				names = append(names, "`"+key(f)+"`")
			}
		}
		fmt.Fprintf(b, "- `%s`: %s\n", strings.Trim("."+part.at, "."), strings.Join(names, ", "))
	}
}

func keys(t *testing.T, b *strings.Builder, row reflect.Type) {
	b.WriteString("| key | type | meaning |\n|---|---|---|\n")
	for _, f := range reflect.VisibleFields(row) {
		if f.Anonymous || f.Tag.Get("table") == "only" {
			continue
		}
		doc := f.Tag.Get("doc")
		if doc == "" || key(f) == "" {
			t.Errorf("%s.%s has no doc or json tag", row, f.Name)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", key(f), typeName(f.Type), doc)
	}
}

func typeName(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Int, reflect.Int64, reflect.Float64:
		return "number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "array"
	case reflect.Struct:
		if t.Name() == "Time" {
			return "time"
		}
	}
	return "object"
}

// Every column of a table has a heading in both languages.
func TestHeadings(t *testing.T) {
	rows := []any{problem{}, judged{}, tested{}, chain{}, changed{}, lost{}, named{}, escalation{}, gained{}}
	for _, d := range documents {
		rows = append(rows, d.row)
	}
	for _, r := range rows {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(r)) {
			if f.Anonymous || f.Tag.Get("table") == "-" || len(f.Index) > 1 {
				continue
			}
			if h, ok := heads[key(f)]; !ok || h.en == "" && key(f) != "bar" {
				t.Errorf("%T: column %q has no heading", r, key(f))
			}
		}
	}
}
