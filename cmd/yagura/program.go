package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/source"
)

// program is one run of yagura.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	home, dataHome string
	locale         string
	noColor        bool

	data, config, lang, format string // global flags
	settings                   settings
}

// The exit codes, besides 0.
const (
	exitFailed = 1
	exitUsage  = 2
	exitFound  = 3
)

// codedError is an error with an exit code; a nil err has been told already.
type codedError struct {
	code int
	err  error
}

// Error gives the message.
func (e *codedError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

// Unwrap gives the cause.
func (e *codedError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &codedError{exitUsage, fmt.Errorf(format, args...)}
}

func (p *program) run(ctx context.Context, args []string) int {
	debug.SetMemoryLimit(900 << 20)
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if msg := err.Error(); msg != "" {
		fmt.Fprintln(p.stderr, "yagura: "+strings.TrimRight(msg, "\n"))
	}
	var coded *codedError
	switch {
	case errors.As(err, &coded):
		return coded.code
	case errors.Is(err, context.Canceled):
		return 130
	}
	return exitFailed
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use: "yagura", Short: "Keep, search and prove AWS logs",
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return p.prepare() },
	}
	f := root.PersistentFlags()
	f.StringVar(&p.data, "data", "", "directory of the lake and state (default ~/.local/share/yagura)")
	f.StringVar(&p.config, "config", "", "configuration file (YAML)")
	f.StringVar(&p.lang, "lang", "", "language: en or ja (default from the locale)")
	f.StringVar(&p.format, "format", "", "output: table, json or csv (default table)")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage("%w; see `%s --help`", err, c.CommandPath())
	})
	root.AddCommand(p.ingestCommand(), p.searchCommand())
	return root
}

// prepare settles the global flags.
func (p *program) prepare() error {
	if err := p.readSettings(); err != nil {
		return &codedError{exitUsage, err}
	}
	if p.data == "" {
		p.data = p.settings.Data
	}
	if p.data == "" {
		switch {
		case p.dataHome != "":
			p.data = filepath.Join(p.dataHome, "yagura")
		case p.home != "":
			p.data = filepath.Join(p.home, ".local", "share", "yagura")
		default:
			return usage("there is no home directory to keep the lake in; give --data DIR")
		}
	}
	if p.lang == "" {
		p.lang = p.settings.Language
	}
	if p.lang == "" {
		p.lang = "en"
		if strings.HasPrefix(p.locale, "ja") {
			p.lang = "ja"
		}
	}
	if p.lang != "en" && p.lang != "ja" {
		return usage("--lang %q: the languages are en and ja", p.lang)
	}
	switch p.format {
	case "":
		p.format = "table"
	case "table", "json", "csv", "parquet":
	default:
		return usage("--format %q: the formats are table, json and csv", p.format)
	}
	return nil
}

// open opens the lake.
func (p *program) open(ctx context.Context) (*lake.Lake, error) {
	if st, err := os.Stat(p.data); err == nil && !st.IsDir() {
		return nil, usage("--data %s is a file, not a directory", p.data)
	}
	return lake.Open(ctx, lake.Config{Dir: filepath.Join(p.data, "lake"), Schemas: source.Schemas()})
}

// terminal says whether w is a terminal.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
