package iam

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/sarif"
)

// Path checks one file, or every policy below a folder: there, files that end in
// .json and are an object with a Statement, or are no JSON at all. It also tells
// how many documents it checked, as none is no good news.
func (l *Linter) Path(path string) (findings []LintFinding, documents int, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.IsDir() {
		findings, err = l.lintFile(path, false)
		return findings, 1, err
	}
	err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !strings.EqualFold(filepath.Ext(name), ".json") {
			return err
		}
		found, err := l.lintFile(name, true)
		if err == nil && found != nil {
			documents++
			findings = append(findings, found...)
		}
		return err
	})
	return findings, documents, err
}

// lintFile returns nil for a file that is no policy, if only policies are wanted.
func (l *Linter) lintFile(path string, onlyPolicies bool) ([]LintFinding, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	src, err := io.ReadAll(io.LimitReader(file, maxLintSize+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if onlyPolicies && !lintPolicy(src) {
		return nil, nil
	}
	findings, err := l.Lint(path, src)
	if err == nil && findings == nil {
		findings = []LintFinding{}
	}
	return findings, err
}

// lintPolicy holds for what is or was to be a policy.
func lintPolicy(src []byte) bool {
	var object map[string]json.RawMessage
	if len(src) > maxLintSize {
		return strings.Contains(string(src), `"Statement"`)
	}
	if json.Unmarshal(src, &object) != nil {
		return !json.Valid(src)
	}
	_, ok := object["Statement"]
	return ok
}

// SARIF gives the finding in the form for code hosts.
func (f LintFinding) SARIF() sarif.Result {
	r := sarif.Result{Rule: f.Code, Level: "note", Message: f.Message, File: f.File, Line: f.Line, Column: f.Column}
	switch f.Level {
	case lintError:
		r.Level = "error"
	case lintSecurity:
		r.Level, r.Security = "error", 7
	case lintWarning:
		r.Level = "warning"
	}
	return r
}
