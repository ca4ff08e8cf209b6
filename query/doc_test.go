package query

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestPages parses every query that the pages for users show, so that they stay true.
func TestPages(t *testing.T) {
	for _, page := range []string{"../docs/search.md", "../docs/ja/search.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for line := range strings.Lines(string(text)) {
			cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
			if len(cells) < 4 {
				continue
			}
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
				count++
				if _, err := Parse(strings.ReplaceAll(m[1], "\x00", "|")); err != nil {
					t.Errorf("%s shows a query that does not parse: %v", page, err)
				}
			}
		}
		if count < 25 {
			t.Errorf("%s: only %d queries found: did the tables change?", page, count)
		}
	}
}
