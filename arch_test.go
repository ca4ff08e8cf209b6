package yagura_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

const module = "github.com/yagura-sec/yagura"

// house is the map of the rooms. A package imports only lower floors or its own
// children: never a sibling, never its parent. Only cmd, on the roof, knows
// everybody. Test files may import what they like.
var house = []struct {
	room  string // folder at the root; "." is the root package
	floor int
	holds string
}{
	{"cmd", 6, "the program: one file per verb"},
	{"examples", 6, "set-ups to start from"},
	{"server", 5, "HTTP API and console"},
	{"strategy", 4, "risks, priorities, budget, reports"},
	{"gameday", 4, "team quiz on generated incidents; world writes the logs"},
	{"replay", 4, "a control, decided again over history"},
	{"cases", 4, "hypothesis, test, verdict, scope"},
	{"graph", 3, "who did what to whom"},
	{"hub", 3, "findings: identity, life cycle, score"},
	{"prevent", 3, "gates: iam, waf, shield, iac"},
	{"detect", 3, "detectors: threat, flow, posture, vuln, reach"},
	{"ingest", 3, "the hallway inlet, source, lake"},
	{"yaguratest", 2, "acceptance kits, for tests only"},
	{"rule", 2, "Sigma rules"},
	{"store", 2, "relational state"},
	{"lake", 2, "the evidence: append, query, retain"},
	{"inlet", 2, "how bytes arrive"},
	{"intel", 2, "what is known of addresses and names: lists, inventory, places"},
	{"source", 2, "what bytes mean: one folder per log"},
	{"query", 1, "search language; below the lake, which takes its AST as a filter (decision 0002)"},
	{".", 1, "yagura.go, the vocabulary"},
	{"rules", 0, "data and one go:embed"},
	{"internal", 0, "plumbing that no room owns"},
	{"ocsf", 0, "the shape of an event"},
}

// doors are the rooms through which a dependency may enter.
var doors = []struct {
	imports string   // import path; with a final slash also what lies below it
	rooms   []string // folders that may import it
	tests   bool     // the door also binds test files
	instead string
}{
	{"github.com/duckdb/", []string{"lake", "store"}, false, "ask the lake"},
	{"modernc.org/sqlite/", []string{"lake", "store"}, false, "ask the store"},
	{"github.com/jackc/pgx/", []string{"lake", "store"}, false, "ask the store"},
	// AWS delivers flow logs as Parquet too, so their source reads it.
	{"github.com/parquet-go/", []string{"lake", "store", "source/vpcflow"}, false, "ask the lake"},
	{"github.com/aws/aws-sdk-go-v2/", []string{"inlet", "detect/posture"}, false, "call AWS in an inlet or a collector"},
	{module + "/yaguratest", []string{"yaguratest"}, false, "it is for test files"},
	{"github.com/stretchr/testify/", nil, true, "compare with go-cmp"},
	{"log", nil, true, "use log/slog"},
}

// budget bounds sizes, in lines unless said otherwise.
type budget struct {
	file      int // nine files of ten, tests aside
	function  int // every function
	longish   int // functions over it are at most 5 % of all
	methods   int // of an interface
	exported  int // names of a package, root and ocsf aside
	depth     int // folders under a room
	plumbing  int // packages under internal
	rootFile  int // yagura.go
	mainFile  int // cmd/yagura/main.go
	shareLong int // percent of functions that may be longish
}

var realBudget = budget{
	file: 450, function: 100, longish: 60, methods: 5, exported: 15, depth: 2,
	plumbing: 6, rootFile: 300, mainFile: 50, shareLong: 5,
}

// laws are checked one by one by TestLaws; TestLawsCanFail proves with
// testdata/arch/<name>.txt that each can be broken.
var laws = []struct {
	name  string
	check func(*tree) []string
}{
	{"floors", floors},
	{"rooms", rooms},
	{"doors", importDoors},
	{"files", fileBudget},
	{"functions", functionBudget},
	{"interfaces", interfaceBudget},
	{"exported", exportedBudget},
	{"depth", depthBudget},
	{"internal", internalBudget},
	{"init", noInit},
	{"environment", noEnvironment},
	{"sources", sourcesListed},
	{"decisions", decisionsListed},
	{"workplace", noWorkplace},
}

func TestLaws(t *testing.T) {
	house, err := load(os.DirFS("."), realBudget)
	if err != nil {
		t.Fatal(err)
	}
	if len(house.files) < 3 {
		t.Fatalf("found only %d Go files: the test looks in the wrong place", len(house.files))
	}
	for _, law := range laws {
		t.Run(law.name, func(t *testing.T) {
			for _, complaint := range law.check(house) {
				t.Error(complaint)
			}
		})
	}
}

var update = flag.Bool("update", false, "rewrite the expected complaints in testdata/arch")

// TestLawsCanFail gives each law a small tree that breaks it. The archive's
// file "want" holds the complaints, and nothing else may be complained about.
func TestLawsCanFail(t *testing.T) {
	small := budget{
		file: 8, function: 6, longish: 3, methods: 2, exported: 2, depth: 2,
		plumbing: 2, rootFile: 6, mainFile: 4, shareLong: 50,
	}
	for _, law := range laws {
		t.Run(law.name, func(t *testing.T) {
			name := "testdata/arch/" + law.name + ".txt"
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatalf("every law needs a tree that breaks it: %v", err)
			}
			fsys, want := fstest.MapFS{}, ""
			for _, f := range archive.Files {
				if f.Name == "want" {
					want = string(f.Data)
					continue
				}
				fsys[f.Name] = &fstest.MapFile{Data: f.Data}
			}
			broken, err := load(fsys, small)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(law.check(broken), "\n") + "\n"
			if *update {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
				archive.Files = append([]txtar.File{{Name: "want", Data: []byte(got)}}, archive.Files...)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if strings.TrimSpace(got) == "" {
				t.Fatalf("%s does not break the law", name)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("complaints about %s (-want +got), or run with -update:\n%s", name, diff)
			}
		})
	}
}

// tree is a repository, parsed.
type tree struct {
	fsys   fs.FS
	fset   *token.FileSet
	files  []*goFile // of the module, testdata aside
	texts  []string  // every other file too, by path
	budget budget
}

type goFile struct {
	name, dir string
	test      bool
	lines     int
	ast       *ast.File
}

// load parses the module at the root of fsys. Left out are built things, the
// demo's data, the trees that break laws on purpose, and the module in tools.
func load(fsys fs.FS, b budget) (*tree, error) {
	t := &tree{fsys: fsys, fset: token.NewFileSet(), budget: b}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := strings.HasPrefix(d.Name(), ".") && name != "." && name != ".ci"
			if hidden || name == "bin" || name == "data" || name == "testdata/arch" {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		t.texts = append(t.texts, name)
		inModule := !strings.HasPrefix(name, "tools/") && !slices.Contains(strings.Split(name, "/"), "testdata")
		if !inModule || !strings.HasSuffix(name, ".go") {
			return nil
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(t.fset, name, src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		t.files = append(t.files, &goFile{
			name: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
			lines: bytes.Count(src, []byte("\n")), ast: file,
		})
		return nil
	})
	return t, err
}

// code yields the files that are not tests.
func (t *tree) code() []*goFile {
	return slices.DeleteFunc(slices.Clone(t.files), func(f *goFile) bool { return f.test })
}

// packages groups code by folder.
func (t *tree) packages() map[string][]*goFile {
	dirs := map[string][]*goFile{}
	for _, f := range t.code() {
		dirs[f.dir] = append(dirs[f.dir], f)
	}
	return dirs
}

func (t *tree) at(pos token.Pos) string {
	p := t.fset.Position(pos)
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// lineCount counts a node's lines, its first and last included.
func (t *tree) lineCount(n ast.Node) int {
	return t.fset.Position(n.End()).Line - t.fset.Position(n.Pos()).Line + 1
}

func importPath(spec *ast.ImportSpec) string {
	p, _ := strconv.Unquote(spec.Path.Value) // The parser has checked it.
	return p
}

// localName is the name under which f uses the package; versions such as the
// /v2 of a path are not names.
func (f *goFile) localName(imports string) (string, bool) {
	for _, spec := range f.ast.Imports {
		if importPath(spec) != imports {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name, true
		}
		return path.Base(imports), true
	}
	return "", false
}

// within says that dir is the folder or lies in it.
func within(dir, folder string) bool {
	return dir == folder || strings.HasPrefix(dir, folder+"/")
}

func roomOf(dir string) string {
	room, _, _ := strings.Cut(dir, "/")
	return room
}

func floorOf(dir string) (int, bool) {
	for _, r := range house {
		if r.room == roomOf(dir) {
			return r.floor, true
		}
	}
	return 0, false
}

func holdsOf(room string) (string, bool) {
	for _, r := range house {
		if r.room == room {
			return r.holds, true
		}
	}
	return "", false
}

func floors(t *tree) (complaints []string) {
	for _, f := range t.code() {
		for _, spec := range f.ast.Imports {
			target, ours := strings.CutPrefix(importPath(spec), module+"/")
			if importPath(spec) == module {
				target, ours = ".", true
			}
			from, known := floorOf(f.dir)
			to, targetKnown := floorOf(target)
			ownChild := f.dir != "." && within(target, f.dir)
			if !ours || !known || !targetKnown || to < from || ownChild {
				continue
			}
			kind := "a sibling"
			switch {
			case within(f.dir, target):
				kind = "its parent"
			case to > from:
				kind = "a higher floor"
			}
			complaints = append(complaints, fmt.Sprintf(
				"%s: %s (floor %d) imports %s (floor %d), %s; move what both need to a lower floor, or let cmd pass it in as a value",
				t.at(spec.Pos()), f.dir, from, importPath(spec), to, kind))
		}
	}
	return complaints
}

func rooms(t *tree) (complaints []string) {
	onDisk := map[string]bool{}
	for _, f := range t.files {
		onDisk[roomOf(f.dir)] = true
	}
	for _, room := range slices.Sorted(maps.Keys(onDisk)) {
		holds, known := holdsOf(room)
		if !known {
			complaints = append(complaints, room+"/: a room that the house does not know; "+
				"give it a floor in arch_test.go and a line in README.md, or move the code into a room that exists")
			continue
		}
		sign := room + "/"
		if room == "." {
			sign = "yagura.go"
		}
		shown := regexp.MustCompile("(?m)(^|[\\s`|])" + regexp.QuoteMeta(sign))
		for _, readme := range []string{"README.md", "README.ja.md"} {
			text, err := fs.ReadFile(t.fsys, readme)
			if err != nil || !shown.Match(text) {
				complaints = append(complaints, fmt.Sprintf("%s: the map does not show %s; add a line for it (%s)", readme, sign, holds))
			}
		}
	}
	return complaints
}

func importDoors(t *tree) (complaints []string) {
	for _, f := range t.files {
		for _, spec := range f.ast.Imports {
			for _, door := range doors {
				p := importPath(spec)
				matches := p == door.imports || strings.HasSuffix(door.imports, "/") && strings.HasPrefix(p+"/", door.imports)
				allowed := slices.ContainsFunc(door.rooms, func(room string) bool { return within(f.dir, room) })
				if !matches || allowed || f.test && !door.tests {
					continue
				}
				only := "belongs nowhere in this module"
				if len(door.rooms) > 0 {
					only = "belongs only in " + strings.Join(door.rooms, ", ")
				}
				complaints = append(complaints, fmt.Sprintf("%s: imports %s, which %s; %s", t.at(spec.Pos()), p, only, door.instead))
			}
		}
	}
	return complaints
}

func fileBudget(t *tree) (complaints []string) {
	code := t.code()
	slices.SortFunc(code, func(a, b *goFile) int { return b.lines - a.lines })
	for i, f := range code {
		if i >= len(code)/10 && f.lines > t.budget.file {
			complaints = append(complaints, fmt.Sprintf(
				"%s: %d lines, and only one file in ten may have more than %d; split it by type or step", f.name, f.lines, t.budget.file))
		}
		limit := 0
		switch f.name {
		case "yagura.go":
			limit = t.budget.rootFile
		case "cmd/yagura/main.go":
			limit = t.budget.mainFile
		default:
			continue
		}
		if f.lines > limit {
			complaints = append(complaints, fmt.Sprintf("%s: %d lines, at most %d; move what is not for everybody into its room", f.name, f.lines, limit))
		}
	}
	return complaints
}

func functionBudget(t *tree) (complaints []string) {
	all, long := 0, []string{}
	for _, f := range t.code() {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			name := "a function value"
			switch n := n.(type) {
			case *ast.FuncDecl:
				name = n.Name.Name
			case *ast.FuncLit: // At package level; Inspect does not enter functions.
			default:
				return true
			}
			all++
			lines := t.lineCount(n)
			if lines > t.budget.function {
				complaints = append(complaints, fmt.Sprintf("%s: %s has %d lines, at most %d; give its steps names", t.at(n.Pos()), name, lines, t.budget.function))
			}
			if lines > t.budget.longish {
				long = append(long, fmt.Sprintf("%s %s (%d)", t.at(n.Pos()), name, lines))
			}
			return false
		})
	}
	if len(long)*100 > all*t.budget.shareLong {
		complaints = append(complaints, fmt.Sprintf("%d of %d functions have more than %d lines, at most %d %% may; shorten some of: %s",
			len(long), all, t.budget.longish, t.budget.shareLong, strings.Join(long, ", ")))
	}
	return complaints
}

func interfaceBudget(t *tree) (complaints []string) {
	for _, files := range sorted(t.packages()) {
		named := map[string]*ast.InterfaceType{}
		for _, f := range files {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok {
					if i, ok := spec.Type.(*ast.InterfaceType); ok {
						named[spec.Name.Name] = i
					}
				}
				return true
			})
		}
		for _, f := range files {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				i, ok := n.(*ast.InterfaceType)
				if !ok {
					return true
				}
				if got := methods(i, named); got > t.budget.methods {
					complaints = append(complaints, fmt.Sprintf("%s: an interface of %d methods, at most %d; ask for what the caller uses, or take a struct",
						t.at(i.Pos()), got, t.budget.methods))
				}
				return true
			})
		}
	}
	return complaints
}

// methods counts an interface's methods; one embedded from the same package
// counts with all of its own, one from elsewhere as one. Go refuses cycles.
func methods(i *ast.InterfaceType, named map[string]*ast.InterfaceType) int {
	sum := 0
	for _, field := range i.Methods.List {
		switch typ := field.Type.(type) {
		case *ast.FuncType:
			sum += len(field.Names)
		case *ast.Ident:
			if embedded, ok := named[typ.Name]; ok {
				sum += methods(embedded, named)
			}
		case *ast.SelectorExpr:
			sum++
		}
	}
	return sum
}

func exportedBudget(t *tree) (complaints []string) {
	for dir, files := range sorted(t.packages()) {
		if dir == "." || dir == "ocsf" || files[0].ast.Name.Name == "main" {
			continue
		}
		var names []string
		for _, f := range files {
			for _, decl := range f.ast.Decls {
				names = append(names, declared(decl)...)
			}
		}
		names = slices.DeleteFunc(names, func(name string) bool { return !ast.IsExported(name) })
		if len(names) > t.budget.exported {
			complaints = append(complaints, fmt.Sprintf("%s: %d exported names, at most %d; keep private what only the package uses: %s",
				dir, len(names), t.budget.exported, strings.Join(names, " ")))
		}
	}
	return complaints
}

// declared lists the names that a declaration adds to its package.
func declared(decl ast.Decl) (names []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, name := range s.Names {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

func depthBudget(t *tree) (complaints []string) {
	for dir := range sorted(t.packages()) {
		if deep := strings.Count(dir, "/"); deep > t.budget.depth {
			complaints = append(complaints, fmt.Sprintf("%s: %d folders under its room, at most %d; move it up", dir, deep, t.budget.depth))
		}
	}
	return complaints
}

func internalBudget(t *tree) (complaints []string) {
	var plumbing []string
	for dir := range sorted(t.packages()) {
		if within(dir, "internal") {
			plumbing = append(plumbing, dir)
		}
	}
	if len(plumbing) > t.budget.plumbing {
		complaints = append(complaints, fmt.Sprintf("internal/: %d packages, at most %d; let the room that uses it own it: %s",
			len(plumbing), t.budget.plumbing, strings.Join(plumbing, " ")))
	}
	return complaints
}

func noInit(t *tree) (complaints []string) {
	for _, f := range t.files {
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				complaints = append(complaints, t.at(fn.Pos())+": an init function; build the value where it is used, or list it in a map literal")
			}
		}
	}
	return complaints
}

func noEnvironment(t *tree) (complaints []string) {
	reads := []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"}
	for _, f := range t.code() {
		local, imported := f.localName("os")
		if !imported || within(f.dir, "cmd") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || !slices.Contains(reads, sel.Sel.Name) {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local {
				complaints = append(complaints, fmt.Sprintf("%s: os.%s outside cmd; take the value in Config and let cmd read it", t.at(sel.Pos()), sel.Sel.Name))
			}
			return true
		})
	}
	return complaints
}

// sourcesListed compares the folders of source with the list in source.go, a
// map literal that names each folder's package.
func sourcesListed(t *tree) (complaints []string) {
	listed := map[string]bool{} // local package names used in map literals
	var list *goFile
	for _, f := range t.files {
		if f.name == "source/source.go" {
			list = f
		}
	}
	if list == nil {
		return nil
	}
	ast.Inspect(list.ast, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if _, isMap := lit.Type.(*ast.MapType); !isMap {
			return true
		}
		ast.Inspect(lit, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok {
					listed[x.Name] = true
				}
			}
			return true
		})
		return false
	})
	for dir := range sorted(t.packages()) {
		if path.Dir(dir) != "source" {
			continue
		}
		if local, imported := list.localName(module + "/" + dir); !imported || !listed[local] {
			complaints = append(complaints, dir+": not in the map literal of source/source.go, "+
				"so no log will ever reach it; add it, or move shared plumbing to internal/")
		}
	}
	return complaints
}

func decisionsListed(t *tree) (complaints []string) {
	const index = "docs/decisions/README.md"
	list, _ := fs.ReadFile(t.fsys, index) // Without it nothing is listed.
	for _, name := range t.texts {
		base := path.Base(name)
		if path.Dir(name) != "docs/decisions" || base == "README.md" {
			continue
		}
		if !bytes.Contains(list, []byte("("+base+")")) {
			complaints = append(complaints, fmt.Sprintf("%s: not linked from %s; add a line with its one-sentence choice", name, index))
		}
	}
	return complaints
}

// noWorkplace looks for absolute paths of the machine on which someone worked:
// they mean nothing to the next reader. Logs under testdata may name somebody's
// home. The patterns are put together so that this file does not match them.
func noWorkplace(t *tree) (complaints []string) {
	const start = `(^|[\s"'(=:` + "`])"
	mount := regexp.MustCompile(start + `/wo` + `rk/`)
	home := regexp.MustCompile(start + `/(ho` + `me|Us` + `ers)/[a-z]+/`)
	for _, name := range t.texts {
		text, err := fs.ReadFile(t.fsys, name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			continue // Gone since the walk, or binary.
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			if mount.Match(line) || home.Match(line) && !strings.Contains(name, "testdata/") {
				complaints = append(complaints, fmt.Sprintf("%s:%d: names a path of somebody's machine; say it relative to the repository", name, i+1))
			}
		}
	}
	return complaints
}

// sorted yields a map in the order of its keys.
func sorted[V any](m map[string]V) func(yield func(string, V) bool) {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}
