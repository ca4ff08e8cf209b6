package vpcflow

import (
	"fmt"
	"strings"
)

const maxFields = 256

// format is the field list of a flow log.
type format struct {
	steps  []*field
	text   string // the names, separated by single spaces
	start  bool   // has a start field
	owner  bool   // has account-id
	region bool   // has region
}

var defaultFormat, defaultStamped = mustFormats()

func mustFormats() (plain, withStamp *format) {
	names := make([]string, 0, 15)
	for _, f := range fields[:14] {
		names = append(names, f.name)
	}
	plain, _ = newFormat(names) // the names are the table's own: they cannot be wrong
	return plain, plain.stamped()
}

// newFormat looks the names up; underscores count as hyphens.
func newFormat(names []string) (*format, error) {
	if len(names) == 0 || len(names) > maxFields {
		return nil, fmt.Errorf("a flow log format of %d fields: want 1 to %d", len(names), maxFields)
	}
	f := &format{}
	seen := make(map[string]bool, len(names))
	clean := make([]string, 0, len(names))
	for _, n := range names {
		n = strings.ReplaceAll(n, "_", "-")
		if !fieldName(n) {
			return nil, fmt.Errorf("flow log format: %.40q is no field name", n)
		}
		if seen[n] {
			return nil, fmt.Errorf("flow log format: field %s stands twice", n)
		}
		seen[n] = true
		clean = append(clean, n)
		s := byName[n]
		if s == nil {
			s = &field{name: n}
		}
		f.steps = append(f.steps, s)
	}
	f.text = strings.Join(clean, " ")
	f.start, f.owner, f.region = seen["start"], seen["account-id"], seen["region"]
	return f, nil
}

// stamped gives the same format behind an export's timestamp.
func (f *format) stamped() *format {
	g := *f
	g.steps = append([]*field{stampField}, f.steps...)
	g.text = stampName + " " + f.text
	return &g
}

// fieldName says that s could be the name of a field, known or to come.
func fieldName(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// header reads a header line; nil when the line is none. Its first name must be
// known: no record begins with the name of a field.
func header(line string) (*format, error) {
	first, _, _ := strings.Cut(line, " ")
	if byName[strings.ReplaceAll(first, "_", "-")] == nil {
		return nil, nil
	}
	names := strings.Fields(line)
	for _, n := range names {
		if !fieldName(strings.ReplaceAll(n, "_", "-")) {
			return nil, nil
		}
	}
	return newFormat(names)
}

// configured reads the option "format".
func configured(option string) (*format, error) {
	names := strings.FieldsFunc(option, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\n' })
	for i, n := range names {
		if inner, ok := strings.CutPrefix(n, "${"); ok {
			names[i] = strings.TrimSuffix(inner, "}")
		}
	}
	f, err := newFormat(names)
	if err != nil {
		return nil, fmt.Errorf("option \"format\": %w", err)
	}
	return f, nil
}

// stamped says that a word is the timestamp of a CloudWatch Logs export,
// 2026-01-02T03:04:05.000Z.
func stamped(word string) bool {
	return len(word) >= 24 && word[4] == '-' && word[10] == 'T' && word[23] == 'Z' && (len(word) == 24 || word[24] == ' ')
}
