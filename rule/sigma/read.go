package sigma

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/yagura-sec/yagura"
)

// Read reads every .yml and .yaml file below root, or the file root itself, in
// the order of their names. Documents with an error are left out.
func Read(fsys fs.FS, root string) ([]*Document, []Problem) {
	var docs []*Document
	var problems []Problem
	err := fs.WalkDir(fsys, root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ext := path.Ext(name); entry.IsDir() || (ext != ".yml" && ext != ".yaml") {
			return nil
		}
		if info, err := entry.Info(); err == nil && info.Size() > maxFile {
			problems = append(problems, Problem{Place: Place{File: name}, Code: "too-large", Text: fmt.Sprintf("a rule file may have at most %d bytes", maxFile)})
			return nil
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			problems = append(problems, Problem{Place: Place{File: name}, Code: "read", Text: err.Error()})
			return nil
		}
		id := strings.TrimPrefix(strings.TrimPrefix(name, root), "/")
		if name == root || root == "." {
			id = name
		}
		got, bad := Parse(name, strings.TrimSuffix(id, path.Ext(id)), data)
		docs, problems = append(docs, got...), append(problems, bad...)
		return nil
	})
	if err != nil {
		problems = append(problems, Problem{Place: Place{File: root}, Code: "read", Text: err.Error()})
	}
	return docs, problems
}

// Parse reads the documents of one file. The id is the first document's; file is
// what problems name.
func Parse(file, id string, data []byte) (docs []*Document, problems []Problem) {
	defer func() { // the YAML library's panics stay here
		if p := recover(); p != nil {
			problems = append(problems, Problem{Place: Place{File: file}, ID: id, Code: "yaml", Text: fmt.Sprintf("the file cannot be read as YAML: %v", p)})
		}
	}()
	if len(data) > maxFile {
		return nil, []Problem{{Place: Place{File: file}, ID: id, Code: "too-large", Text: fmt.Sprintf("a rule file may have at most %d bytes", maxFile)}}
	}
	load, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, []Problem{{Place: Place{File: file}, ID: id, Code: "yaml", Text: err.Error()}}
	}
	for number := 1; ; number++ {
		var root yaml.Node
		err := load.Load(&root)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return docs, append(problems, syntaxProblem(file, id, err))
		}
		r := &reader{file: file, id: id, left: maxValues}
		if doc := r.document(&root, number); doc != nil {
			docs = append(docs, doc)
		}
		problems = append(problems, r.problems...)
	}
	if len(docs) == 0 && len(problems) == 0 {
		problems = append(problems, Problem{Place: Place{File: file}, ID: id, Code: "empty", Text: "the file holds no document"})
	}
	return docs, problems
}

var lineOf = regexp.MustCompile(`(?:line |at L)(\d+)`)

func syntaxProblem(file, id string, err error) Problem {
	p := Problem{Place: Place{File: file}, ID: id, Code: "yaml", Text: "not valid YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := lineOf.FindStringSubmatch(err.Error()); m != nil {
		p.Line, _ = strconv.Atoi(m[1]) // digits
	}
	return p
}

// document reads one document; nil when it cannot be used.
func (r *reader) document(root *yaml.Node, number int) *Document {
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	root = alias(root)
	if root == nil || isNull(root) {
		return nil // nothing between two "---"
	}
	visits := 2 * maxValues
	if depth(root, 0, &visits) > maxDepth || visits < 0 {
		r.fail(root, "too-deep", "the document is nested deeper than %d levels or has, with its aliases, more than %d values", maxDepth, maxValues)
		return nil
	}
	d := &Document{Place: r.place(root), ID: r.id, Subject: "principal", Window: 24 * time.Hour, Threshold: 1, Outcome: "any"}
	parts := map[string]*yaml.Node{}
	r.members(root, func(key string, at, value *yaml.Node) {
		if !slices.Contains(sections, key) {
			r.sigmaKey(d, key, at, value)
			return
		}
		parts[key] = value
	})
	if number > 1 {
		r.id += "#" + strconv.Itoa(number)
		if d.Name != "" {
			r.id = strings.TrimSuffix(r.id, strconv.Itoa(number)) + d.Name
		}
		d.ID = r.id
	}
	r.kind(d, root, parts)
	if n := parts["generate"]; n != nil { // the specification's schema puts it here, its tools into the correlation
		if d.Correlation == nil {
			r.fail(n, "unknown-key", "generate belongs to a correlation")
		} else {
			d.Correlation.Generate = r.flag(n)
		}
	}
	if n := parts["yagura"]; n != nil {
		d.Own = true
		r.extension(d, n)
	}
	if d.Title.EN == "" {
		r.fail(root, "title", "the document has no title")
	}
	if r.failed() {
		return nil
	}
	return d
}

// sections are the keys that are read after the others.
var sections = []string{"detection", "correlation", "filter", "first_seen", "baseline", "detector", "yagura", "generate"}

// depth measures nesting; an alias counts where it is used. It stops when the
// visits are used up.
func depth(n *yaml.Node, at int, visits *int) int {
	*visits--
	if n = alias(n); n == nil || at > maxDepth || *visits < 0 {
		return at
	}
	deepest := at
	for _, c := range n.Content {
		deepest = max(deepest, depth(c, at+1, visits))
		if deepest > maxDepth || *visits < 0 {
			break
		}
	}
	return deepest
}

// kind finds the document's kind and reads its logic.
func (r *reader) kind(d *Document, root *yaml.Node, parts map[string]*yaml.Node) {
	kinds := make([]string, 0, 2)
	for _, k := range sections[1:6] {
		if parts[k] != nil {
			kinds = append(kinds, k)
		}
	}
	switch {
	case len(kinds) > 1:
		r.fail(root, "kind", "a document is of one kind, this has %s: separate them by ---", strings.Join(kinds, " and "))
		return
	case len(kinds) == 1:
		d.Kind = kinds[0]
	case parts["detection"] != nil:
		d.Kind = "rule"
	default:
		r.fail(root, "kind", "the document has none of %s", strings.Join(sections[:6], ", "))
		return
	}
	if n := parts["detection"]; n != nil {
		if d.Kind == "correlation" || d.Kind == "filter" || d.Kind == "detector" {
			r.fail(n, "kind", "a %s has no detection; separate the documents by ---", d.Kind)
		}
		d.Detection = r.detection(n)
	} else if d.Kind == "first_seen" || d.Kind == "baseline" {
		r.fail(root, "kind", "a %s needs a detection that selects the events it looks at", d.Kind)
	}
	switch n := parts[d.Kind]; d.Kind {
	case "correlation":
		d.Correlation = r.correlation(n)
	case "filter":
		d.Filter, d.Detection = r.filter(n)
	case "first_seen":
		d.FirstSeen = r.firstSeen(n)
	case "baseline":
		d.Baseline = r.baseline(n)
	case "detector":
		r.detector(d, n)
	}
}

// sigmaKey reads a key of Sigma's own.
func (r *reader) sigmaKey(d *Document, key string, at, n *yaml.Node) {
	switch key {
	case "title":
		if d.Title.EN = r.text(n); len(d.Title.EN) > 256 {
			r.fail(n, "value", "a title has at most 256 characters")
		}
	case "id":
		d.SigmaID = r.text(n)
	case "name":
		d.Name = r.text(n)
	case "description":
		d.Description.EN = r.text(n)
	case "author":
		d.Author = strings.Join(r.texts(n), ", ")
	case "date":
		d.Date, _ = r.day(n)
	case "modified":
		d.Modified, _ = r.day(n)
	case "status":
		d.Status = r.oneOf(n, "stable", "test", "experimental", "deprecated", "unsupported")
	case "license":
		d.License = r.text(n)
	case "level":
		var ok bool
		if d.Level, ok = yagura.ParseSeverity(r.text(n)); !ok {
			r.fail(n, "level", "%s is not a level: informational, low, medium, high or critical", quote(n.Value))
		}
	case "tags":
		d.Tags = r.texts(n)
	case "references":
		d.References = r.texts(n)
	case "fields":
		d.Fields = r.texts(n)
	case "falsepositives":
		for _, t := range r.texts(n) {
			d.FalsePositives = append(d.FalsePositives, yagura.Text{EN: t})
		}
	case "logsource":
		r.members(n, func(key string, _, v *yaml.Node) {
			switch key {
			case "product":
				d.Product = r.text(v)
			case "category":
				d.Category = r.text(v)
			case "service":
				d.Service = r.text(v)
			}
		})
	case "action":
		r.fail(at, "retired", "\"action: %s\" is a retired form of Sigma: write every document out", r.text(n))
	case "related", "taxonomy", "scope", "simulation", "regression_tests_path":
	default: // Sigma allows custom keys
		r.warn(at, "unknown-key", "%s is not a key of Sigma's; ours stand under yagura:", quote(key))
	}
}
