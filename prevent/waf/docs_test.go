package waf

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

const semantics = "../../docs/ref/waf-semantics.md"

// slotTable is the table of the document.
func slotTable() string {
	var b strings.Builder
	group := ""
	for _, s := range Slots() {
		name := ""
		if s.Group != group {
			group, name = s.Group, s.Group
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, s.Rule, s.Does, s.Served)
	}
	return b.String()
}

// TestSemanticsDocument keeps the document in step with the tests and the slots.
func TestSemanticsDocument(t *testing.T) {
	raw, err := os.ReadFile(semantics)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	if !strings.Contains(text, slotTable()) {
		t.Errorf("the table of slots is not\n%s", slotTable())
	}
	code, err := os.ReadFile("semantics_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, m := range regexp.MustCompile(`t\.Run\("(\d\d_\w+)"`).FindAllStringSubmatch(string(code), -1) {
		tests[m[1]] = true
		if !strings.Contains(text, "`"+m[1]+"`") {
			t.Errorf("the document does not name %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`(\\d\\d_\\w+)`").FindAllStringSubmatch(text, -1) {
		if !tests[m[1]] {
			t.Errorf("the document names %s, which is no test", m[1])
		}
	}
	for n := range 48 {
		if !strings.Contains(text, fmt.Sprintf("`%02d_", n+1)) {
			t.Errorf("semantic %d has no test", n+1)
		}
	}
}
