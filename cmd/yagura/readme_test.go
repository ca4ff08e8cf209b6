package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The commands that the documents name exist and take their flags.
func TestReadmeCommands(t *testing.T) {
	word := regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`)
	seen := 0
	for _, name := range []string{"README.md", "README.ja.md", "docs/ref/cli.md", "docs/failure-modes.md", "docs/detection.md", "docs/add-a-rule.md"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(string(raw)) {
			l = strings.TrimPrefix(strings.TrimSpace(l), "$ ")
			if !strings.HasPrefix(l, "bin/yagura ") && !strings.HasPrefix(l, "yagura ") {
				continue
			}
			for _, end := range []string{" #", " | ", " > ", " < "} {
				l, _, _ = strings.Cut(l, end)
			}
			var args []string
			for _, w := range word.FindAllString(l, -1)[1:] {
				args = append(args, strings.Trim(w, `'"`))
			}
			if len(args) == 0 || strings.HasPrefix(args[len(args)-1], "[") {
				continue // a line of usage
			}
			seen++
			p := &program{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, lang: "en"}
			c, rest, err := p.root().Find(args)
			if err != nil || !c.HasParent() {
				t.Errorf("%s: %q: no such command (%v)", name, l, err)
				continue
			}
			if err := c.ParseFlags(rest); err != nil {
				t.Errorf("%s: %q: %v", name, l, err)
				continue
			}
			if err := c.ValidateArgs(c.Flags().Args()); err != nil {
				t.Errorf("%s: %q: %v", name, l, err)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands were found: the test looks in the wrong place", seen)
	}
}
