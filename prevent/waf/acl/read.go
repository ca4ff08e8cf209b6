package acl

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Reader reads files. The zero value is ready.
type Reader struct {
	// SearchString says how API answers write SearchString: base64, plain, or
	// auto (also when empty), which decides for each file: plain as soon as one
	// of them is not base64; base64 when what one of them decodes to is readable
	// text, that is six bytes long or padded; an error where both could be meant.
	SearchString string
	// Account completes label prefixes where no ARN tells it, and
	// AWS::AccountId; default 000000000000.
	Account string
	// Region is AWS::Region in templates; default us-east-1.
	Region string

	bundle     *Bundle
	errs       []error
	references []reference
	searches   []searched
	logged     map[string]bool
	files      int
	bytes      int
}

type reference struct {
	to     *Statement
	source *source
	n      *node
	path   string
}

type searched struct {
	in     *Statement
	source *source
	n      *node
	path   string
}

const (
	maxFiles = 2000
	maxBytes = 128 << 20
)

// Read reads files and directories; of a directory all .json, .yaml, .yml and
// .template files in it, not below it. The error joins up to 50 *[Error].
func (r *Reader) Read(paths ...string) (*Bundle, error) {
	r.reset()
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		names := []string{path}
		if info.IsDir() {
			if names, err = inDirectory(path); err != nil {
				return nil, err
			}
		}
		for _, name := range names {
			if err := r.file(name); err != nil {
				return nil, err
			}
		}
	}
	return r.finish()
}

// Parse reads one document that is in memory; name is for messages.
func (r *Reader) Parse(name string, src []byte) (*Bundle, error) {
	r.reset()
	r.document(name, src)
	return r.finish()
}

func (r *Reader) reset() {
	r.bundle, r.errs, r.references, r.searches = &Bundle{}, nil, nil, nil
	r.logged, r.files, r.bytes = map[string]bool{}, 0, 0
}

func inDirectory(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Type()&fs.ModeType == 0 && slices.Contains([]string{".json", ".yaml", ".yml", ".template"}, filepath.Ext(e.Name())) {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: no .json, .yaml, .yml or .template file in this directory", dir)
	}
	return names, nil
}

func (r *Reader) file(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	r.files++
	r.bytes += int(min(info.Size(), maxBytes))
	if info.Size() > maxFile || r.files > maxFiles || r.bytes > maxBytes {
		return fmt.Errorf("%s: too much to read; at most %d MiB a file, %d files and %d MiB", name, maxFile>>20, maxFiles, maxBytes>>20)
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	r.document(name, src)
	return nil
}

func (r *Reader) document(name string, src []byte) {
	if len(src) > maxFile {
		r.errs = append(r.errs, &Error{Pos{name, 1, 1, ""}, fmt.Sprintf("more than %d MiB", maxFile>>20)})
		return
	}
	parse := parseYAML
	if trimmed := strings.TrimLeft(string(src[:min(len(src), 4096)]), " \t\r\n\ufeff"); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") ||
		filepath.Ext(name) == ".json" {
		parse = parseJSON
		src = []byte(strings.TrimPrefix(string(src), "\ufeff"))
	}
	root, err := parse(src)
	if err != nil {
		at := &Error{Pos{name, 1, 1, ""}, err.Error()}
		if s, ok := errors.AsType[*syntaxError](err); ok {
			at.Line, at.Column = s.line, s.col
		}
		r.errs = append(r.errs, at)
		return
	}
	first := len(r.searches)
	s := &source{reader: r, file: name}
	s.top(root, "")
	r.decideSearch(r.searches[first:])
}

// wrappers are the members under which the API's answers hold a resource.
var wrappers = []string{"WebACL", "RuleGroup", "IPSet", "RegexPatternSet", "LoggingConfiguration"}

// top finds out what a document is.
func (s *source) top(root *node, path string) {
	if root.kind == list {
		for i, n := range root.items {
			s.top(n, fmt.Sprintf("%s[%d]", path, i))
		}
		return
	}
	for _, w := range wrappers {
		if n := root.get(w); n != nil && n.kind == object {
			r := s.record(root, path)
			r.take(w)
			r.skip("LockToken", "ApplicationIntegrationURL", "ResponseMetadata") // The last is boto3's.
			r.done()
			s.resource(w, n, w, "", "")
			return
		}
	}
	switch has := func(key string) bool { return root.get(key) != nil }; {
	case has("planned_values") || has("resource_changes") || has("format_version"):
		s.dialect = terraform
		s.plan(root)
	case has("Resources"):
		s.dialect = formation
		s.template(root)
	case has("DefaultAction"):
		s.resource("WebACL", root, path, "", "")
	case has("Addresses"):
		s.resource("IPSet", root, path, "", "")
	case has("RegularExpressionList"):
		s.resource("RegexPatternSet", root, path, "", "")
	case has("ResourceArn"):
		s.resource("LoggingConfiguration", root, path, "", "")
	case has("Rules"):
		s.resource("RuleGroup", root, path, "", "")
	default:
		s.fail(root, path, "neither a web ACL, rule group, IP set, regex set, CloudFormation template nor Terraform plan")
	}
}

func (s *source) resource(kind string, n *node, path, name, arn string) {
	r, b := s.record(n, strings.TrimPrefix(path, ".")), s.reader.bundle
	switch kind {
	case "WebACL":
		b.ACLs = append(b.ACLs, r.webACL(name, arn))
	case "RuleGroup":
		b.Groups = append(b.Groups, r.ruleGroup(name, arn))
	case "IPSet":
		b.IPSets = append(b.IPSets, r.ipSet(name, arn))
	case "RegexPatternSet":
		b.Regexes = append(b.Regexes, r.regexSet(name, arn))
	case "LoggingConfiguration":
		b.HasLogging = true
		s.reader.logged[r.must("ResourceArn")] = true
	}
}

// finish resolves references.
func (r *Reader) finish() (*Bundle, error) {
	b := r.bundle
	for _, ref := range r.references {
		s, found := ref.to, false
		switch s.Kind {
		case "IPSetReference":
			s.IPs, found = byARN(b.IPSets, s.ARN, func(x *IPSet) string { return x.ARN })
		case "RegexPatternSetReference":
			s.Regexes, found = byARN(b.Regexes, s.ARN, func(x *RegexSet) string { return x.ARN })
		case "RuleGroupReference":
			s.Group, found = byARN(b.Groups, s.ARN, func(x *RuleGroup) string { return x.ARN })
		}
		if !found && s.ARN != "" {
			ref.source.fail(ref.n, ref.path, "nothing in the given files has the ARN %s; add its export", cut(s.ARN))
		}
	}
	for _, a := range b.ACLs {
		a.Logged = r.logged[a.ARN]
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	return b, nil
}

func byARN[T any](all []*T, arn string, of func(*T) string) (*T, bool) {
	for _, x := range all {
		if arn != "" && of(x) == arn {
			return x, true
		}
	}
	return nil, false
}

// decideSearch decides whether the SearchStrings of one API answer are base64.
func (r *Reader) decideSearch(all []searched) {
	decoded := make([][]byte, len(all))
	canonical, readable, sure := 0, 0, false
	var strange searched
	for i, s := range all {
		b, err := base64.StdEncoding.Strict().DecodeString(s.n.text)
		if err != nil || len(b) == 0 {
			continue
		}
		canonical++
		if decoded[i] = b; printable(b) {
			readable++
			// Plain text hardly ever looks so; the others are binary then.
			sure = sure || len(b) >= 6 || strings.HasSuffix(s.n.text, "=")
		} else {
			strange = s
		}
	}
	coded := canonical == len(all) && readable > 0
	switch r.SearchString {
	case "base64":
		coded = true
	case "plain":
		coded = false
	default:
		padded := canonical == len(all) && readable == 0 && slices.ContainsFunc(all, func(s searched) bool { return strings.HasSuffix(s.n.text, "=") })
		if coded && !sure && readable < len(all) || padded {
			strange.source.fail(strange.n, strange.path, "base64 or plain text? both could be meant; set the reader's SearchString")
		}
	}
	for i, s := range all {
		if coded && decoded[i] == nil {
			s.source.fail(s.n, s.path, "not base64")
		}
		if coded {
			s.in.Search = decoded[i]
		}
		if len(s.in.Search) == 0 || len(s.in.Search) > 200 {
			s.source.fail(s.n, s.path, "%d bytes; a search string has 1 to 200", len(s.in.Search))
		}
	}
}

func printable(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' || c == 0x7f {
			return false
		}
	}
	return true
}
