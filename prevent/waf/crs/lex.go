package crs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// directive is one line of SecLang, continued lines joined.
type directive struct {
	file string
	line int // of its first line
	name string
	rest string // behind the name
}

func (d *directive) wrap(err error) error {
	return fmt.Errorf("%s:%d: %s: %w", d.file, d.line, d.name, err)
}

// maxInclude bounds Include directives, which may go in circles.
const maxInclude = 100

// split cuts a file into directives. A backslash at the end of a line continues it;
// lines that start with # are comments even in between.
func split(file, text string) ([]directive, error) {
	var out []directive
	var pending strings.Builder
	start := 0
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if pending.Len() == 0 {
			start = n + 1
		}
		if line[len(line)-1] == '\\' {
			pending.WriteString(line[:len(line)-1])
			continue
		}
		pending.WriteString(line)
		whole := pending.String()
		pending.Reset()
		d := directive{file: file, line: start, name: whole}
		if i := strings.IndexAny(whole, " \t"); i >= 0 {
			d.name, d.rest = whole[:i], strings.TrimSpace(whole[i:])
		}
		out = append(out, d)
	}
	if pending.Len() > 0 {
		return nil, fmt.Errorf("%s:%d: the last line ends in a backslash", file, start)
	}
	return out, nil
}

// load compiles a file and what it includes.
func (c *compiler) load(fsys fs.FS, name string) error {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	return c.text(fsys, name, string(data))
}

// text compiles the directives of a file.
func (c *compiler) text(fsys fs.FS, name, text string) error {
	list, err := split(name, text)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	for i := range list {
		d := &list[i]
		c.at, c.fsys, c.dir = d, fsys, dir
		if strings.EqualFold(d.name, "Include") {
			err = c.include(fsys, path.Join(dir, unquote(d.rest)))
		} else {
			err = c.directive(d)
		}
		if err != nil {
			var placed *placedError
			if errors.As(err, &placed) {
				return err
			}
			return &placedError{d.wrap(err)}
		}
	}
	if c.pending != nil {
		return fmt.Errorf("%s:%d: rule %d says chain, but the file ends", name, c.pending.line, c.pending.head)
	}
	return nil
}

// placedError is an error that says its file and line already.
type placedError struct{ error }

func (e *placedError) Unwrap() error { return e.error }

func (c *compiler) include(fsys fs.FS, pattern string) error {
	if c.includes++; c.includes > maxInclude {
		return fmt.Errorf("more than %d Include directives", maxInclude)
	}
	names, err := fs.Glob(fsys, pattern)
	if err != nil {
		return fmt.Errorf("pattern %q: %w", pattern, err)
	}
	if len(names) == 0 {
		return fmt.Errorf("no file %q", pattern)
	}
	for _, name := range names {
		if err := c.load(fsys, name); err != nil {
			return err
		}
	}
	return nil
}

// unquote takes a pair of quotes off.
func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// cutQuoted cuts the quoted text off at the start of s. In it \" stands for a quote;
// other backslashes stay as they are, since regular expressions are full of them.
func cutQuoted(s string) (text, rest string, err error) {
	if s == "" || s[0] != '"' {
		return "", "", fmt.Errorf("expected a quote before %q", clip(s))
	}
	slashes := 0
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			slashes++
			continue
		case s[i] == '"' && slashes%2 == 0:
			return strings.ReplaceAll(s[1:i], `\"`, `"`), s[i+1:], nil
		}
		slashes = 0
	}
	return "", "", fmt.Errorf("the quote in %q does not end", clip(s))
}

// clip shortens text of a rule file for an error message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
