package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var verb = regexp.MustCompile(`%(?:\[\d\])?([a-z])`)

func verbs(s string) string {
	var out []string
	for _, m := range verb.FindAllStringSubmatch(s, -1) {
		if !slices.Contains(out, m[1]) || !strings.Contains(m[0], "[") {
			out = append(out, m[1])
		}
	}
	slices.Sort(out)
	return strings.Join(out, "")
}

// Every text is there in both languages and takes the same arguments.
func TestCatalogueIsWhole(t *testing.T) {
	all := maps.Clone(messages)
	for k, ph := range help {
		if _, ok := all[k]; ok {
			t.Errorf("%q stands in messages and in help", k)
		}
		all[k] = ph
	}
	for k, ph := range heads {
		all["heading "+k] = ph
	}
	for k, ph := range all {
		if (ph.en == "") != (ph.ja == "") {
			t.Errorf("%q is missing in one language: %q, %q", k, ph.en, ph.ja)
		}
		if !strings.Contains(k, "heading") && verbs(strings.ReplaceAll(ph.en, "%[1]s", "%s")) != verbs(strings.ReplaceAll(ph.ja, "%[1]s", "%s")) &&
			!strings.Contains(ph.en, "%[") && !strings.Contains(ph.ja, "%[") {
			t.Errorf("%q takes other arguments in Japanese:\n%s\n%s", k, ph.en, ph.ja)
		}
		for _, r := range ph.en {
			if r > 0x2E80 {
				t.Errorf("%q has Japanese in its English text: %s", k, ph.en)
				break
			}
		}
	}
}

// Every key in the code stands in the catalogue, and every key there is used.
func TestCatalogueFitsTheCode(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") || f == "catalogue.go" || f == "help.go" {
			continue
		}
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(raw)
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`p\.(?:say|note|tell|wrong|failed|list|section|progress)\(\s*"([^"]+)"`).FindAllStringSubmatch(code.String(), -1) {
		used[m[1]] = true
		if _, ok := messages[m[1]]; ok {
			continue
		}
		if _, ok := help[m[1]]; !ok {
			t.Errorf("the code says %q, which the catalogue does not have", m[1])
		}
	}
	for k := range messages {
		if !used[k] && !strings.Contains(code.String(), `"`+k+`"`) {
			t.Errorf("nobody says %q", k)
		}
	}
	for k := range help {
		if !used[k] && k != "flag.help" && k != "short.help" && k != "short.completion" {
			t.Errorf("no help says %q", k)
		}
	}
}
