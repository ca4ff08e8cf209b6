package rules_test

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/rules"
)

// tactics are the words that a tag may name beside techniques.
var tactics = map[string]bool{
	"reconnaissance": true, "resource-development": true, "initial-access": true, "execution": true, "persistence": true,
	"privilege-escalation": true, "defense-evasion": true, "credential-access": true, "discovery": true, "lateral-movement": true,
	"collection": true, "command-and-control": true, "exfiltration": true, "impact": true,
}

var (
	technique = regexp.MustCompile(`^t[0-9]{4}(\.[0-9]{3})?$`)
	fileName  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	japanese  = regexp.MustCompile(`[\p{Hiragana}\p{Katakana}\p{Han}]`)
)

func documents(t *testing.T) []*sigma.Document {
	t.Helper()
	docs, problems := sigma.Read(rules.Threat, "threat")
	for _, p := range problems {
		if !p.Warning {
			t.Error(p)
		}
	}
	if len(docs) == 0 {
		t.Fatal("no documents")
	}
	return docs
}

// part says that a document stands behind another in a correlation's file, for
// that correlation alone. It alerts nobody, so it needs no advice.
func part(d *sigma.Document) bool { return strings.Contains(d.ID, "#") }

// TestDocuments holds every document to what README.md asks of it.
func TestDocuments(t *testing.T) {
	titles := map[string]string{}
	for _, d := range documents(t) {
		if part(d) {
			if d.Title.JA == "" || d.Description.JA == "" || d.Name == "" {
				t.Errorf("%v: %s: a part needs a name, and a title and a description in both languages", d.Place, d.ID)
			}
			continue
		}
		t.Run(d.ID, func(t *testing.T) {
			if !fileName.MatchString(path.Base(d.ID)) {
				t.Errorf("%s: the file's name is not lower-case words joined by hyphens", d.File)
			}
			if d.Kind == "filter" {
				t.Fatalf("%s: tuning belongs to the operator, not to this tree", d.File)
			}
			if d.Author == "" || d.Date == "" || d.Level == 0 {
				t.Errorf("%s: author, date or level is missing", d.File)
			}
			checkTexts(t, d)
			checkTags(t, d)
			checkTests(t, d)
			for _, title := range []string{d.Title.EN, d.Title.JA} {
				if other := titles[title]; other != "" {
					t.Errorf("%s: the title %q is also that of %s", d.File, title, other)
				}
				titles[title] = d.ID
			}
		})
	}
}

func checkTexts(t *testing.T, d *sigma.Document) {
	t.Helper()
	texts := map[string]yagura.Text{
		"title": d.Title, "description": d.Description, "why": d.Why, "check": d.Check, "do": d.Do, "prevent": d.Prevent,
	}
	for _, fp := range d.FalsePositives {
		texts["falsepositives: "+fp.EN] = fp
	}
	if len(d.FalsePositives) == 0 && d.Kind != "detector" {
		t.Errorf("%s: falsepositives are missing; say so when none is known", d.File)
	}
	for name, text := range texts {
		switch {
		case text.EN == "" || text.JA == "":
			t.Errorf("%s: %s is not in both languages", d.File, name)
		case !japanese.MatchString(text.JA):
			t.Errorf("%s: the Japanese %s has no Japanese letter", d.File, name)
		case len(text.EN) > 400 || len([]rune(text.JA)) > 300:
			t.Errorf("%s: %s is longer than a reader has time for", d.File, name)
		}
	}
	if strings.HasSuffix(d.Title.EN, ".") || strings.HasSuffix(d.Title.JA, "。") {
		t.Errorf("%s: a title ends without a full stop", d.File)
	}
}

func checkTags(t *testing.T, d *sigma.Document) {
	t.Helper()
	techniques, tactic := 0, 0
	for _, tag := range d.Tags {
		word, ok := strings.CutPrefix(tag, "attack.")
		switch {
		case ok && technique.MatchString(word):
			techniques++
		case ok && tactics[word]:
			tactic++
		default:
			t.Errorf("%s: the tag %q is neither a tactic nor a technique of ATT&CK", d.File, tag)
		}
	}
	// What a coded detector sees, such as an address on somebody's list, may
	// not tell the technique.
	if tactic == 0 || techniques == 0 && d.Kind != "detector" {
		t.Errorf("%s: tags want at least one tactic and one technique", d.File)
	}
}

// checkTests wants an attack and its harmless twin, and readable records.
func checkTests(t *testing.T, d *sigma.Document) {
	t.Helper()
	hits, misses := 0, 0
	for i := range d.Tests {
		test := &d.Tests[i]
		if test.Want == 0 {
			misses++
		} else {
			hits++
		}
		if records, err := test.Records(); err != nil || len(records) == 0 {
			t.Errorf("%v: test %q: %d records, %v", test.Place, test.Name, len(records), err)
		}
	}
	if hits == 0 || misses == 0 {
		t.Errorf("%s: %d tests that match and %d that do not; at least one of each", d.File, hits, misses)
	}
}

// TestReferences sees that correlations name documents of this tree.
func TestReferences(t *testing.T) {
	docs := documents(t)
	known := map[string]bool{}
	for _, d := range docs {
		known[d.ID] = true
		if d.Name != "" {
			known[d.Name] = true
		}
	}
	for _, d := range docs {
		if d.Correlation == nil {
			continue
		}
		for _, name := range d.Correlation.Rules {
			if !known[name] {
				t.Errorf("%s: the correlation names %s, which is no document here", d.File, name)
			}
		}
	}
}
