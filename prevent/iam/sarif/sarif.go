// Package sarif writes findings as SARIF 2.1.0
// (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), the form in which code
// hosts show the results of linters beside the changed lines. It writes one run
// and only the properties that those hosts read.
package sarif

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// Tool names the program that found something.
type Tool struct {
	Name    string
	Version string
	URI     string // its home page; may be empty
}

// Result is one finding in a file.
type Result struct {
	Rule    string // stable code of the check
	Level   string // error, warning or note
	Message string
	File    string // path as the user gave it
	Line    int    // from 1
	Column  int    // from 1, in characters
	// Security sets the rule's security-severity, 0 to 10, by which hosts sort
	// security findings; 0 leaves it out.
	Security float64
}

type (
	document struct {
		Schema  string `json:"$schema"`
		Version string `json:"version"`
		Runs    []run  `json:"runs"`
	}
	run struct {
		Tool       tool     `json:"tool"`
		ColumnKind string   `json:"columnKind"`
		Results    []result `json:"results"`
	}
	tool struct {
		Driver driver `json:"driver"`
	}
	driver struct {
		Name           string `json:"name"`
		Version        string `json:"version,omitempty"`
		InformationURI string `json:"informationUri,omitempty"`
		Rules          []rule `json:"rules"`
	}
	rule struct {
		ID         string      `json:"id"`
		Properties *properties `json:"properties,omitempty"`
	}
	properties struct {
		Tags     []string `json:"tags"`
		Severity string   `json:"security-severity"`
	}
	result struct {
		RuleID    string     `json:"ruleId"`
		RuleIndex int        `json:"ruleIndex"`
		Level     string     `json:"level"`
		Message   message    `json:"message"`
		Locations []location `json:"locations"`
	}
	message struct {
		Text string `json:"text"`
	}
	location struct {
		PhysicalLocation physical `json:"physicalLocation"`
	}
	physical struct {
		ArtifactLocation artifact `json:"artifactLocation"`
		Region           region   `json:"region"`
	}
	artifact struct {
		URI string `json:"uri"`
	}
	region struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
)

// Write writes the results, in their order, as one indented document.
func Write(w io.Writer, t Tool, results []Result) error {
	gravest := map[string]float64{}
	for _, r := range results {
		gravest[r.Rule] = max(gravest[r.Rule], r.Security)
	}
	one := run{
		Tool:       tool{driver{Name: t.Name, Version: t.Version, InformationURI: t.URI, Rules: []rule{}}},
		ColumnKind: "unicodeCodePoints", Results: []result{},
	}
	index := map[string]int{}
	for i, id := range slices.Sorted(maps.Keys(gravest)) {
		index[id] = i
		r := rule{ID: id}
		if severity := gravest[id]; severity > 0 {
			text, err := json.Marshal(severity)
			if err != nil {
				return err
			}
			r.Properties = &properties{Tags: []string{"security"}, Severity: string(text)}
		}
		one.Tool.Driver.Rules = append(one.Tool.Driver.Rules, r)
	}
	for _, r := range results {
		one.Results = append(one.Results, result{
			RuleID: r.Rule, RuleIndex: index[r.Rule], Level: cmp.Or(r.Level, "warning"), Message: message{r.Message},
			Locations: []location{{physical{artifact{uri(r.File)}, region{max(r.Line, 1), max(r.Column, 0)}}}},
		})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0", Runs: []run{one},
	})
}

// uri writes a path as a URI reference, relative to the repository if the path
// is relative.
func uri(path string) string {
	path = strings.TrimPrefix(filepath.ToSlash(path), "./")
	reference := url.URL{Path: path}
	if filepath.IsAbs(path) {
		reference.Scheme = "file"
	}
	return reference.String()
}
