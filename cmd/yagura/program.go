package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/source"
)

// program is one run of yagura. Everything from outside comes in here: streams,
// environment, clock and zone.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	home, dataHome string           // where the data may live
	locale         string           // as in LANG
	desktop        bool             // a browser can be opened
	now            func() time.Time // clock
	zone           *time.Location   // of times that people read and write

	data, config, lang, format string // global flags
	settings                   settings
}

// patience is how long a verb that writes waits for another one: longer than
// the short work that a running console does in the background.
const patience = 3 * time.Second

// memory is what the Go side of the program may take; the query engine has its
// own limit.
const memory = 600 << 20

// run does what the arguments say and gives the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	debug.SetMemoryLimit(memory)
	out := &keeper{w: p.stdout}
	p.stdout = out
	if f, ok := terminal(out.w); ok {
		p.stdout = &sheet.Terminal{W: f}
	}
	p.lang = p.language(args)
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil && out.err != nil {
		err = fmt.Errorf("output: %w", out.err)
	}
	return p.exit(err)
}

// keeper remembers that a write failed, so that output on a full disk is never
// a success, whoever wrote it.
type keeper struct {
	w   io.Writer
	err error
}

// Write writes.
func (k *keeper) Write(b []byte) (int, error) {
	n, err := k.w.Write(b)
	if err != nil {
		k.err = err
	}
	return n, err
}

// root makes the tree of commands.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use: "yagura", Short: p.say("short.yagura"), Long: p.say("long.yagura"),
		SilenceErrors: true, SilenceUsage: true, Args: cobra.ArbitraryArgs,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error { return p.prepare(c) },
		RunE:              p.group,
	}
	f := root.PersistentFlags()
	f.StringVar(&p.data, "data", "", p.say("flag.data"))
	f.StringVar(&p.config, "config", "", p.say("flag.config"))
	f.StringVar(&p.lang, "lang", p.lang, p.say("flag.lang"))
	f.StringVar(&p.format, "format", "", p.say("flag.format"))
	f.Lookup("lang").DefValue = ""
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return p.wrong("bad-flag", err.Error(), c.CommandPath())
	})
	root.AddCommand(
		p.ingestCommand(), p.searchCommand(), p.showCommand(), p.facetsCommand(), p.timelineCommand(), p.statsCommand(),
		p.sqlCommand(), p.sourcesCommand(), p.coverageCommand(), p.quarantineCommand(), p.lakeCommand(),
		p.verifyCommand(), p.detectCommand(), p.findingsCommand(), p.rulesCommand(), p.demoCommand(), p.serveCommand(), p.gatewayCommand(), p.iamCommand(), p.wafCommand(),
		p.versionCommand(),
	)
	p.localize(root)
	return root
}

// group answers a command that needs a verb after it.
func (p *program) group(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	near := ""
	c.SuggestionsMinimumDistance = 2
	if s := c.SuggestionsFor(args[0]); len(s) > 0 {
		near = p.say("near-verb", c.CommandPath()+" "+s[0])
	}
	return p.wrong("no-verb", args[0], c.CommandPath(), near)
}

// language finds the language before the flags are read, for help and for
// errors in the flags themselves.
func (p *program) language(args []string) string {
	for i, a := range args {
		if a == "--" {
			break
		}
		if v, ok := strings.CutPrefix(a, "--lang="); ok {
			return v
		}
		if a == "--lang" && i+1 < len(args) {
			return args[i+1]
		}
	}
	if strings.HasPrefix(p.locale, "ja") {
		return "ja"
	}
	return "en"
}

// ownFormats is the annotation of a command that names its formats besides
// table, json and csv.
const ownFormats = "formats"

// prepare settles the global flags: a flag beats the configuration file, which
// beats the environment.
func (p *program) prepare(c *cobra.Command) error {
	if err := p.readSettings(); err != nil {
		return err
	}
	if p.settings.Language != "" && !c.Flags().Changed("lang") {
		p.lang = p.settings.Language
	}
	if p.lang != "en" && p.lang != "ja" {
		return p.wrong("bad-lang", p.lang)
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
			return p.wrong("no-home")
		}
	}
	if p.format == "" {
		p.format = "table"
	}
	switch {
	case slices.Contains([]string{"table", "json", "csv"}, p.format):
		return nil
	case p.format == "parquet" && c.Name() == "search":
		return nil
	case slices.Contains(strings.Fields(c.Annotations[ownFormats]), p.format):
		return nil
	}
	return p.wrong("bad-format", p.format)
}

// open opens the lake for reading.
func (p *program) open(ctx context.Context) (*lake.Lake, error) {
	if err := p.directory(); err != nil {
		return nil, err
	}
	return lake.Open(ctx, lake.Config{Dir: filepath.Join(p.data, "lake"), Schemas: source.Schemas(), Patience: patience})
}

// directory refuses a place for data that is no directory and cannot become one.
func (p *program) directory() error {
	st, err := os.Stat(p.data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return p.wrong("bad-data", p.data, cause(err))
	case !st.IsDir():
		return p.wrong("data-file", p.data)
	}
	return nil
}

// with opens the lake, does something with it and closes it.
func (p *program) with(ctx context.Context, do func(l *lake.Lake) error) error {
	l, err := p.open(ctx)
	if err != nil {
		return err
	}
	err = do(l)
	if cerr := l.Close(); err == nil {
		err = cerr
	}
	return err
}

// reading is with for verbs that only make sense when there is something in
// the lake: if there is nothing, it says so beside the empty result.
func (p *program) reading(ctx context.Context, do func(l *lake.Lake) error) error {
	return p.with(ctx, func(l *lake.Lake) error {
		first, _, err := l.Span(ctx)
		if err != nil {
			return err
		}
		if first.IsZero() {
			p.note("empty-lake", p.data)
		}
		return do(l)
	})
}

// terminal gives the file behind w if it is a terminal.
func terminal(w io.Writer) (*os.File, bool) {
	f, ok := w.(*os.File)
	if !ok {
		return nil, false
	}
	_, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return f, err == nil
}

// width gives the columns of the terminal that output goes to: 80 when it does
// not tell, and 0, no limit, when output goes to a file or a pipe.
func (p *program) width() int {
	t, ok := p.stdout.(*sheet.Terminal)
	if !ok {
		return 0
	}
	if f, ok := t.W.(*os.File); ok {
		if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
			return int(size.Col)
		}
	}
	return 80
}
