package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// Linter validates policy documents in the manner of IAM Access Analyzer, without
// calling it. Where a check exists there too, the finding has its code
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html);
// checks of our own say so with Own. The limits that service control policies had
// before they took the whole policy language are not checked.
//
// It judges one document at a time and knows neither the account nor what the
// named resources are, so it can't say that access is public or too wide: that
// is the work of the analysis over an account. A name that the service data
// lacks may be newer than the data.
type Linter struct {
	Table *actions.Table
	// Kind is the kind of policy, one of policy.Kind's names; if empty, a
	// document that names principals is read as a resource policy and any
	// other as an identity policy.
	Kind string

	once  sync.Once
	index *lintIndex
}

// LintFinding is one thing to look at in a policy document.
type LintFinding struct {
	File    string `json:"file"`
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1, in characters
	Level   string `json:"level"`  // error, security_warning, warning or suggestion
	Code    string `json:"code"`
	Path    string `json:"path"` // as Statement[0].Action[1]
	Message string `json:"message"`
	Own     bool   `json:"own"` // Access Analyzer has no such code
}

const (
	lintError      = "error"
	lintSecurity   = "security_warning"
	lintWarning    = "warning"
	lintSuggestion = "suggestion"
)

// lintLevels go from the gravest to the mildest.
var lintLevels = []string{lintError, lintSecurity, lintWarning, lintSuggestion}

// AtLeast reports whether the finding is as grave as the level or graver. Levels
// are understood in any case, with - or _. An unknown level is an error.
func (f LintFinding) AtLeast(level string) (bool, error) {
	want := slices.Index(lintLevels, strings.ReplaceAll(strings.ToLower(level), "-", "_"))
	if want < 0 {
		return false, fmt.Errorf("level %q is not one of %s", level, strings.Join(lintLevels, ", "))
	}
	return slices.Index(lintLevels, f.Level) <= want, nil
}

// Lint checks one document. File is only copied into the findings, which come
// in the order of the text. A document that can't be parsed gives findings too;
// the error is for an unknown Kind.
func (l *Linter) Lint(file string, src []byte) ([]LintFinding, error) {
	kind, err := l.kind(src)
	if err != nil {
		return nil, err
	}
	if len(src) > maxLintSize {
		return []LintFinding{{
			File: file, Line: 1, Column: 1, Level: lintError, Code: "DOCUMENT_TOO_BIG", Own: true,
			Message: fmt.Sprintf("%d bytes; that is several times the biggest policy that AWS takes", len(src)),
		}}, nil
	}
	doc, err := policy.Parse(kind, src)
	if err != nil {
		return lintSyntax(file, kind, err), nil
	}
	l.once.Do(func() { l.index = newLintIndex(l.Table) })
	run := &linting{table: l.Table, index: l.index, file: file, doc: doc}
	run.document(len(src), lintCountBlank(src))
	for i := range doc.Statements {
		run.statement(i, &doc.Statements[i])
	}
	slices.SortStableFunc(run.findings, func(a, b LintFinding) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return run.findings, nil
}

func (l *Linter) kind(src []byte) (policy.Kind, error) {
	if l.Kind == "" {
		if lintNamesPrincipals(src) {
			return policy.Resource, nil
		}
		return policy.Identity, nil
	}
	for kind := policy.Identity; kind <= policy.Endpoint; kind++ {
		if strings.EqualFold(kind.String(), l.Kind) {
			return kind, nil
		}
	}
	return 0, fmt.Errorf("policy kind %q is not known; write identity, boundary, session, resource, scp, rcp or endpoint", l.Kind)
}

// lintNamesPrincipals looks for the element by which resource policies differ.
func lintNamesPrincipals(src []byte) bool {
	type statement struct {
		Principal, NotPrincipal json.RawMessage
	}
	var many struct{ Statement []statement }
	var one struct{ Statement statement }
	if json.Unmarshal(src, &many) != nil && json.Unmarshal(src, &one) == nil {
		many.Statement = append(many.Statement, one.Statement)
	}
	return slices.ContainsFunc(many.Statement, func(s statement) bool { return s.Principal != nil || s.NotPrincipal != nil })
}

func lintCountBlank(src []byte) (n int) {
	for _, c := range src {
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			n++
		}
	}
	return n
}

// maxLintSize is several times what any kind of policy may have.
const maxLintSize = 256 << 10

// lintCodes gives the code of what the parser refuses, by a part of its message.
var lintCodes = []struct{ part, code string }{
	{"no Effect", "MISSING_EFFECT"},
	{"neither Action", "MISSING_ACTION"},
	{"neither Resource", "MISSING_RESOURCE"},
	{"no Statement", "MISSING_STATEMENT"},
	{"unknown element", "INVALID_POLICY_ELEMENT"},
	{"both ", "UNSUPPORTED_ELEMENT_COMBINATION"},
	{"stands twice", "UNSUPPORTED_ELEMENT_COMBINATION"},
	{"effect ", "INVALID_EFFECT"},
	{"version ", "INVALID_VERSION"},
	{"bare principal", "INVALID_PRINCIPAL_FORMAT"},
	{"may not name a Principal", "UNSUPPORTED_PRINCIPAL"},
	{"NotPrincipal", "RCP_SYNTAX_ERROR_NOT_PRINCIPAL"},
	{"this is ", "DATA_TYPE_MISMATCH"},
}

// lintSyntax turns the parser's errors into findings.
func lintSyntax(file string, kind policy.Kind, err error) []LintFinding {
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	var findings []LintFinding
	for _, err := range list {
		f := LintFinding{File: file, Line: 1, Column: 1, Level: lintError, Code: "JSON_SYNTAX_ERROR", Message: err.Error()}
		if at, ok := errors.AsType[*policy.Error](err); ok {
			f.Line, f.Column, f.Path, f.Message = at.Line, at.Column, at.Path, at.Message
			for _, known := range lintCodes {
				if strings.Contains(at.Message, known.part) {
					f.Code = known.code
					break
				}
			}
			switch {
			case f.Code == "UNSUPPORTED_PRINCIPAL" && kind == policy.SCP:
				f.Code = "SCP_SYNTAX_ERROR_PRINCIPAL"
			case f.Code == "INVALID_POLICY_ELEMENT" && strings.HasSuffix(at.Path, "Principal"):
				f.Code = "INVALID_PRINCIPAL_KEY"
			}
		}
		findings = append(findings, f)
	}
	return findings
}

// linting is the work on one document.
type linting struct {
	table    *actions.Table
	file     string
	doc      *policy.Document
	findings []LintFinding
	index    *lintIndex
	work     int
}

// maxLintFindings bounds the findings of one document.
const maxLintFindings = 500

// add reports something. The code is marked as our own by a leading "+".
func (l *linting) add(offset int, level, code, path, format string, args ...any) {
	if len(l.findings) == maxLintFindings {
		return
	}
	line, column := l.doc.Position(offset)
	code, own := strings.CutPrefix(code, "+")
	l.findings = append(l.findings, LintFinding{
		File: l.file, Line: line, Column: column, Level: level, Code: code, Own: own,
		Path: path, Message: fmt.Sprintf(format, args...),
	})
}

// Quotas in characters without blanks, from
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html.
const identityQuota = 6144

func (l *linting) document(size, blank int) {
	kind := l.doc.Kind
	if l.doc.Version.Value == "" {
		l.add(0, lintWarning, "MISSING_VERSION", "", `no Version means 2008-10-17, in which ${...} is plain text; write "Version": "2012-10-17"`)
	}
	if (kind == policy.Identity || kind == policy.Boundary) && size-blank > identityQuota {
		l.add(0, lintWarning, "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", "",
			"%d characters without blanks; a managed policy may have %d", size-blank, identityQuota)
	}
	seen := map[string]int{}
	for i, s := range l.doc.Statements {
		if s.Sid.Value == "" {
			continue
		}
		if first, known := seen[s.Sid.Value]; known {
			level, code := lintError, "UNIQUE_SIDS_REQUIRED"
			if kind == policy.Resource {
				level, code = lintWarning, "UNIQUE_SIDS_RECOMMENDED"
			}
			l.add(s.Sid.Offset, level, code, lintPath(i, "Sid"), "Statement[%d] has the same Sid %s", first, lintQuoted(s.Sid.Value))
			continue
		}
		seen[s.Sid.Value] = i
		if kind != policy.Resource && strings.Trim(s.Sid.Value, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			l.add(s.Sid.Offset, lintError, "UNSUPPORTED_SID", lintPath(i, "Sid"), "Sid %s; only letters and digits are allowed here", lintQuoted(s.Sid.Value))
		}
	}
}

func (l *linting) statement(i int, s *policy.Statement) {
	if s.Sid.Value == "" && s.Sid.Offset > 0 {
		l.add(s.Sid.Offset, lintSuggestion, "EMPTY_SID_VALUE", lintPath(i, "Sid"), "an empty Sid says nothing; name the statement or drop the element")
	}
	known := l.actions(i, s)
	l.principals(i, s)
	l.resources(i, s)
	l.fit(i, s, known)
	l.delegation(i, s, known)
	l.conditions(i, s, known)
	if l.doc.Kind == policy.RCP {
		l.resourceControl(i, s, known)
	}
}

// lintPath names a place in a statement; an index follows where one is given.
func lintPath(statement int, element string, index ...int) string {
	path := fmt.Sprintf("Statement[%d].%s", statement, element)
	if len(index) > 0 {
		path += fmt.Sprint(index[:1])
	}
	return path
}

// lintQuoted shows text of the document: bounded, with control characters escaped.
func lintQuoted(text string) string {
	if len(text) > 120 {
		text = strings.ToValidUTF8(text[:120], "") + "..."
	}
	return fmt.Sprintf("%q", text)
}
