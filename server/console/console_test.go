package console

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	syntax "text/template/parse"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// TestCatalogueIsWhole holds that every text is there in both languages, with
// the same verbs.
func TestCatalogueIsWhole(t *testing.T) {
	verb := regexp.MustCompile(`%[a-z]`)
	for id, text := range texts {
		if text.en == "" || text.ja == "" {
			t.Errorf("%s lacks a language: %+v", id, text)
		}
		if diff := cmp.Diff(verb.FindAllString(text.en, -1), verb.FindAllString(text.ja, -1)); diff != "" {
			t.Errorf("%s: the languages take different arguments:\n%s", id, diff)
		}
		if strings.ContainsFunc(text.en, func(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) }) {
			t.Errorf("%s: the English text has Japanese in it", id)
		}
	}
	if n := len(searchTexts) + len(pageTexts) + len(findingTexts); n != len(texts) {
		t.Errorf("an id stands in two places: %d texts, %d ids", n, len(texts))
	}
}

// TestKeysAreKnown looks for the ids of the catalogue in templates and code:
// none unknown, none unused.
func TestKeysAreKnown(t *testing.T) {
	used := map[string]bool{}
	for name, set := range parsed {
		for _, tmpl := range set.Templates() {
			if tmpl.Tree != nil {
				walk(tmpl.Tree.Root, func(id string) {
					used[id] = true
					if !Has(id) {
						t.Errorf("%s uses the text %q, which the catalogue lacks", name, id)
					}
				})
			}
		}
	}
	// Ids made of parts, and those that Go code names.
	parts := regexp.MustCompile(`"((?:nav|preset|event\.view|event\.by|observable|error|sql\.example|coverage|frame)\.[^"]*)"`)
	files, err := filepath.Glob("../*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no code of the server found: %v", err)
	}
	var code strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(b)
	}
	for _, m := range parts.FindAllStringSubmatch(code.String(), -1) {
		if !strings.HasSuffix(m[1], ".") && Has(m[1]) {
			used[m[1]] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(texts)) {
		made := slices.ContainsFunc([]string{"preset.", "event.view.", "event.by.", "observable.", "error.", "severity.", "entity."}, func(p string) bool { return strings.HasPrefix(id, p) })
		if !used[id] && !made {
			t.Errorf("nothing uses the text %q", id)
		}
	}
}

// walk calls f with the constant first argument of every call of t.
func walk(n syntax.Node, f func(id string)) {
	switch n := n.(type) {
	case *syntax.ListNode:
		if n != nil {
			for _, c := range n.Nodes {
				walk(c, f)
			}
		}
	case *syntax.ActionNode:
		walk(n.Pipe, f)
	case *syntax.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				walk(c, f)
			}
		}
	case *syntax.CommandNode:
		if id, ok := n.Args[0].(*syntax.IdentifierNode); ok && id.Ident == "t" && len(n.Args) > 1 {
			if s, ok := n.Args[1].(*syntax.StringNode); ok {
				f(s.Text)
			}
		}
		for _, a := range n.Args {
			walk(a, f)
		}
	case *syntax.IfNode:
		branch(&n.BranchNode, f)
	case *syntax.RangeNode:
		branch(&n.BranchNode, f)
	case *syntax.WithNode:
		branch(&n.BranchNode, f)
	case *syntax.TemplateNode:
		walk(n.Pipe, f)
	}
}

func branch(n *syntax.BranchNode, f func(string)) {
	walk(n.Pipe, f)
	walk(n.List, f)
	walk(n.ElseList, f)
}

// TestScriptsMakeNoHTML holds that our scripts use nothing that turns text into
// elements or code, and that pages have nothing inline.
func TestScriptsMakeNoHTML(t *testing.T) {
	sinks := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML|\beval\(|new Function|srcdoc|\.cssText|setAttribute\("(?:style|on)`)
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:|<script|https?://`)
	err := fs.WalkDir(static, "static", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(name, ".js") {
			return err
		}
		b, err := static.ReadFile(name)
		if err != nil {
			return err
		}
		if m := sinks.Find(b); m != nil {
			t.Errorf("%s uses %s", name, m)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(pages, "pages/*.html")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	for _, name := range files {
		b, err := pages.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`<script src="\{\{asset "[^"]*"\}\}" defer></script>|\{\{if [^}]*\}\}`).ReplaceAllString(string(b), "")
		if m := inline.FindString(text); m != "" {
			t.Errorf("%s has %q", name, m)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain":             "plain",
		"日本語　空白":            "日本語　空白",
		"a\u202eb":          "a⟨U+202E⟩b",
		"a\u200bb\ufeff":    "a⟨U+200B⟩b⟨U+FEFF⟩",
		"a\x00b\x1b[31m":    "a⟨U+0000⟩b⟨U+001B⟩[31m",
		"a\xffb":            "a⟨0xFF⟩b",
		"line\nnext\tcol":   "line⏎next⇥col",
		"nb\u00a0sp":        "nb⟨U+00A0⟩sp",
		"tag\U000E0041":     "tag⟨U+E0041⟩",
		"rtl \u05d0 stays ": "rtl \u05d0 stays ",
		"real \uFFFD stays": "real \uFFFD stays",
	} {
		if got := Visible(in); got != want {
			t.Errorf("Visible(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzVisible(f *testing.F) {
	f.Add("a\u202e\xff\n")
	f.Fuzz(func(t *testing.T, s string) {
		out := Visible(s)
		if i := strings.IndexFunc(out, hidden); i >= 0 {
			t.Errorf("%q still hides something at %d", out, i)
		}
		if Visible(out) != out {
			t.Errorf("not stable: %q", out)
		}
	})
}

func TestShorten(t *testing.T) {
	for _, test := range []struct {
		in   string
		n    int
		want string
	}{{"日本語", 2, "日本…"}, {"日本語", 3, "日本語"}, {"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"", 3, ""}} {
		if got := Shorten(test.in, test.n); got != test.want {
			t.Errorf("Shorten(%q, %d) = %q, want %q", test.in, test.n, got, test.want)
		}
	}
}

func TestChoose(t *testing.T) {
	for _, test := range []struct{ asked, cookie, accept, want string }{
		{"ja", "en", "en", "ja"},
		{"", "ja", "en-US,en;q=0.9", "ja"},
		{"", "", "ja-JP,ja;q=0.9,en;q=0.8", "ja"},
		{"", "", "fr-FR,ja;q=0.8,en;q=0.5", "ja"},
		{"xx", "yy", "fr", "en"},
		{"", "", "ja;q=0,en", "en"},
		{"", "", "", "en"},
	} {
		if got := Choose(test.asked, test.cookie, test.accept, "en"); got != test.want {
			t.Errorf("Choose(%q, %q, %q) = %q, want %q", test.asked, test.cookie, test.accept, got, test.want)
		}
	}
}

// TestLicences holds that vendored files come with their licence.
func TestLicences(t *testing.T) {
	b, err := static.ReadFile("static/uplot.LICENSE")
	if err != nil || !strings.Contains(string(b), "MIT License") {
		t.Errorf("uPlot's licence: %v", err)
	}
}
