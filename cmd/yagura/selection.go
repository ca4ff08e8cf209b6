package main

import (
	"context"
	"io"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/source"
)

// selection is the part of a command line that says which events are meant.
type selection struct {
	from, to string
	sources  []string
}

// flags adds --from, --to and --source.
func (s *selection) flags(p *program, c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&s.from, "from", "", p.say("flag.from"))
	f.StringVar(&s.to, "to", "", p.say("flag.to"))
	f.StringSliceVar(&s.sources, "source", nil, p.say("flag.sources"))
	completes(c, "source", sourceNames()...)
}

// span reads --from and --to: the first instant, and the first one after.
func (p *program) span(s *selection) (from, to time.Time, err error) {
	now := p.now().In(p.zone)
	if s.from != "" {
		if from, _, err = query.ParseTime(s.from, now, p.zone); err != nil {
			return from, to, p.wrong("bad-time", "--from", s.from)
		}
	}
	if s.to != "" {
		if _, to, err = query.ParseTime(s.to, now, p.zone); err != nil {
			return from, to, p.wrong("bad-time", "--to", s.to)
		}
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, p.wrong("bad-span", s.from, s.to)
	}
	return from, to, nil
}

// filter makes the filter of a selection and a query, which may be empty.
func (p *program) filter(s *selection, text string, fields field.Table) (f ask.Filter, err error) {
	for _, n := range s.sources {
		if err := p.knownSource(n); err != nil {
			return f, err
		}
	}
	f.Sources = s.sources
	if f.From, f.To, err = p.span(s); err != nil || strings.TrimSpace(text) == "" {
		return f, err
	}
	e, err := query.Parse(text)
	if err == nil {
		e, err = query.Check(e, fields, p.now().In(p.zone))
	}
	f.Where = e
	return f, err
}

// fields gives the names that a search over the lake may use.
func fields(ctx context.Context, l *lake.Lake) (field.Table, error) {
	return lake.Fields(source.Schemas(), func(key string) bool {
		ok, err := l.HasKey(ctx, key)
		return ok && err == nil
	})
}

// lookup resolves names of --fields.
func (p *program) lookup(t field.Table, names []string) ([]field.Field, error) {
	var out []field.Field
	for _, n := range names {
		f, ok := t.Lookup(strings.TrimSpace(n))
		if !ok {
			// The query language knows the message, with the nearest name.
			_, err := query.Check(query.Term{Field: n, Text: "*"}, t, p.now())
			return nil, p.wrong("bad-field", errText(err, p.lang))
		}
		f.Name = strings.TrimSpace(n)
		out = append(out, f)
	}
	return out, nil
}

// asked is a question to the lake as a verb got it.
type asked struct {
	lake   *lake.Lake
	fields field.Table
	filter ask.Filter
}

// ask opens the lake, makes the filter and hands both over.
func (p *program) ask(ctx context.Context, s *selection, args []string, do func(a *asked) error) error {
	text, err := p.argument(args)
	if err != nil {
		return err
	}
	return p.reading(ctx, func(l *lake.Lake) error {
		t, err := fields(ctx, l)
		if err != nil {
			return err
		}
		f, err := p.filter(s, text, t)
		if err != nil {
			return err
		}
		return do(&asked{l, t, f})
	})
}

// maxStdin bounds a query that comes on standard input.
const maxStdin = 1 << 20

// argument gives the text of the one argument, "-" being standard input.
func (p *program) argument(args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	if args[0] != "-" {
		return args[0], nil
	}
	raw, err := io.ReadAll(io.LimitReader(p.stdin, maxStdin))
	return strings.TrimSpace(string(raw)), err
}

// arguments refuses a number of arguments outside low to high; the message says
// what they are.
func (p *program) arguments(low, high int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < low:
			return p.wrong("too-few", c.CommandPath(), what)
		case len(args) > high && high == 0:
			return p.wrong("no-arguments", args[0], c.CommandPath())
		case len(args) > high:
			return p.wrong("too-many", c.CommandPath(), what, args[high])
		}
		return nil
	}
}

// any is no upper limit of arguments.
const unlimited = math.MaxInt

// completes lets the shell complete a flag's value from a list.
func completes(c *cobra.Command, flag string, values ...string) {
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // fails only without the flag
}
