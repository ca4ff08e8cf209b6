// Package api holds the table of AWS calls that the generated organisation makes: for each call its service, what kind of client makes it,
// the request and response as CloudTrail would record them, and how it fails in ordinary life.
//
// The table is data (calls.txt), one call a line, with variables such as $bucket that the world fills from its own resources; $$ is a
// dollar sign. Names and parameter spellings follow the services' API references and what CloudTrail records of them
// (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-aws-service-specific-topics.html).
package api

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed calls.txt
var source string

// Call is one line of the table.
type Call struct {
	Service  string // first label of eventSource
	Name     string
	Read     bool
	Global   bool // always recorded in us-east-1
	Version  string
	Params   []Template // alternatives; an empty one is null
	Response Template
	Fail     []Failure
	uses     string
}

// Failure is an ordinary way for a call to fail.
type Failure struct {
	Code    string
	Message Template
	Chance  float64 // 0 to 1
}

// By says whether a kind of client makes the call: c console, i infrastructure as code, a agent or service, x rarely.
func (c *Call) By(kind byte) bool { return strings.IndexByte(c.uses, kind) >= 0 }

// Template is text with variables.
type Template []part

type part struct{ text, name string }

// Vars fills variables. It appends the value of a name to dst.
type Vars interface {
	Append(dst []byte, name string) []byte
}

// Append renders the template.
func (t Template) Append(dst []byte, v Vars) []byte {
	for i := range t {
		dst = append(dst, t[i].text...)
		if t[i].name != "" {
			dst = v.Append(dst, t[i].name)
		}
	}
	return dst
}

// Names lists the variables in order of appearance.
func (t Template) Names() []string {
	var out []string
	for _, p := range t {
		if p.name != "" {
			out = append(out, p.name)
		}
	}
	return out
}

// Table is every call, by service in the order of the file.
var Table = sync.OnceValues(func() ([]*Call, error) { return parse(source) })

func parse(text string) ([]*Call, error) {
	var out []*Call
	for n, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		c, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("calls.txt line %d: %w", n+1, err)
		}
		out = append(out, c)
	}
	return out, nil
}

func parseLine(line string) (*Call, error) {
	col := strings.Split(line+" ", " | ")
	if len(col) < 5 {
		return nil, fmt.Errorf("want at least 5 columns separated by \" | \", got %d", len(col))
	}
	c := &Call{Service: strings.TrimSpace(col[0]), Name: col[1]}
	for _, f := range strings.Fields(col[2]) {
		switch {
		case f == "r":
			c.Read = true
		case f == "w":
		case f == "g":
			c.Global = true
		case strings.HasPrefix(f, "v="):
			c.Version = f[2:]
		case len(f) == 1:
			c.uses += f
		default:
			return nil, fmt.Errorf("unknown flag %q", f)
		}
	}
	for _, alt := range strings.Split(col[3], " || ") {
		c.Params = append(c.Params, compile(alt))
	}
	c.Response = compile(strings.TrimSuffix(strings.TrimSpace(col[4]), " |"))
	if len(col) > 5 && strings.TrimSpace(col[5]) != "" {
		f, err := parseFailure(strings.TrimSpace(col[5]))
		if err != nil {
			return nil, err
		}
		c.Fail = append(c.Fail, f)
	}
	return c, nil
}

func parseFailure(s string) (Failure, error) {
	head, pct, ok := strings.Cut(s, " ~ ")
	code, msg, ok2 := strings.Cut(head, ": ")
	if !ok || !ok2 {
		return Failure{}, fmt.Errorf("failure %q: want code: message ~ percent", s)
	}
	p, err := strconv.ParseFloat(strings.TrimSpace(pct), 64)
	if err != nil {
		return Failure{}, fmt.Errorf("failure %q: %w", s, err)
	}
	return Failure{Code: code, Message: compile(msg), Chance: p / 100}, nil
}

// compile splits text at its variables; a lone minus sign is the empty template.
func compile(s string) Template {
	s = strings.TrimSpace(s)
	if s == "-" {
		return nil
	}
	var out Template
	text := ""
	for s != "" {
		i := strings.IndexByte(s, '$')
		if i < 0 {
			break
		}
		text += s[:i]
		s = s[i+1:]
		if strings.HasPrefix(s, "$") {
			text += "$"
			s = s[1:]
			continue
		}
		n := 0
		for n < len(s) && (s[n] >= 'a' && s[n] <= 'z' || s[n] >= '0' && s[n] <= '9') {
			n++
		}
		out = append(out, part{text: text, name: s[:n]})
		text, s = "", s[n:]
	}
	if text += s; text != "" || len(out) == 0 {
		out = append(out, part{text: text})
	}
	return out
}

// Text returns a template without variables.
func Text(s string) Template { return Template{{text: s}} }
