package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/lake/ask"
)

// search is what `yagura search` was asked.
type search struct {
	selection
	fields      []string
	limit       int
	after       string
	out         string
	raw, count  bool
	oldest, all bool
}

func (p *program) searchCommand() *cobra.Command {
	var s search
	c := &cobra.Command{
		Use: "search [QUERY | -]", Short: p.say("short.search"), Long: p.say("long.search"),
		Example: "  yagura search 'eventName:ConsoleLogin AND errorMessage:*'\n" +
			"  yagura search 'srcaddr:203.0.113.0/24' --source vpcflow --from -24h --fields time,srcaddr,dstaddr,dstport,bytes\n" +
			"  yagura search 'userName:alice' --all --format json > alice.jsonl\n" +
			"  yagura search --source cloudtrail --from -30d --all --format parquet -o month.parquet",
		Args: p.arguments(0, 1, "QUERY"),
		RunE: func(c *cobra.Command, args []string) error {
			return p.ask(c.Context(), &s.selection, args, func(a *asked) error { return p.search(c.Context(), a, s) })
		},
	}
	s.flags(p, c)
	f := c.Flags()
	f.StringSliceVar(&s.fields, "fields", nil, p.say("flag.fields"))
	f.IntVar(&s.limit, "limit", 50, p.say("flag.limit"))
	f.BoolVar(&s.raw, "raw", false, p.say("flag.raw"))
	f.BoolVar(&s.count, "count", false, p.say("flag.count"))
	f.BoolVar(&s.oldest, "oldest", false, p.say("flag.oldest"))
	f.StringVar(&s.after, "after", "", p.say("flag.after"))
	f.BoolVar(&s.all, "all", false, p.say("flag.all"))
	f.StringVarP(&s.out, "output", "o", "", p.say("flag.output"))
	return c
}

func (p *program) search(ctx context.Context, a *asked, s search) error {
	if s.limit < 1 {
		return p.wrong("bad-limit", s.limit)
	}
	if s.count {
		n, err := a.lake.Count(ctx, a.filter)
		if err == nil {
			fmt.Fprintln(p.stdout, n)
		}
		return err
	}
	after, err := p.readCursor(s.after, s.oldest)
	if err != nil {
		return err
	}
	chosen, err := p.lookup(withNames{a.fields}, s.fields)
	if err != nil {
		return err
	}
	page := ask.Page{Limit: s.limit + 1, Oldest: s.oldest, After: after}
	return p.into(s.out, func() error {
		out, err := p.newEvents(chosen, s.raw, a.filter.Sources)
		if err != nil {
			return err
		}
		page.Raw = out.needRaw
		if s.all {
			return p.export(ctx, a, page, out)
		}
		return p.onePage(ctx, a, page, out)
	})
}

// onePage writes one page, and says how to get the next one.
func (p *program) onePage(ctx context.Context, a *asked, page ask.Page, out *events) error {
	hits, err := a.lake.Search(ctx, a.filter, page)
	if err != nil {
		return err
	}
	shown := min(len(hits), page.Limit-1)
	for i := range hits[:shown] {
		if err := out.add(&hits[i]); err != nil {
			return err
		}
	}
	if err := out.close(); err != nil {
		return err
	}
	if shown < len(hits) {
		p.note("more", shown, cursor(hits[shown-1].Key(), page.Oldest))
	}
	return nil
}

// into lets output go to a file, which is there when it is whole and not
// before; without a name it goes where it always goes.
func (p *program) into(name string, do func() error) error {
	if name == "" {
		if _, ok := p.stdout.(*sheet.Terminal); ok && p.format == "parquet" {
			return p.wrong("parquet-terminal")
		}
		return do()
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".yagura-*")
	if err != nil {
		return p.wrong("no-path", name, cause(err))
	}
	stdout := p.stdout
	p.stdout = f
	err = do()
	p.stdout = stdout
	if err == nil {
		err = f.Chmod(0o640)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name()) //nolint:errcheck // the first error counts
	}
	return err
}

// exportPage is how many events an export holds in memory at a time.
const exportPage = 5000

// export writes the whole result.
func (p *program) export(ctx context.Context, a *asked, page ask.Page, out *events) error {
	page.Limit = exportPage
	bar := p.progress("progress.export")
	defer bar.end()
	if bar.shown() {
		n, err := a.lake.Count(ctx, a.filter)
		if err != nil {
			return err
		}
		bar.total(n)
	}
	for done := int64(0); ; {
		hits, err := a.lake.Search(ctx, a.filter, page)
		if err != nil {
			return err
		}
		for i := range hits {
			if err := out.add(&hits[i]); err != nil {
				return err
			}
		}
		done += int64(len(hits))
		bar.at(done)
		if len(hits) < page.Limit {
			return out.close()
		}
		key := hits[len(hits)-1].Key()
		page.After = &key
	}
}

// cursor writes a place in a result as an opaque text.
func cursor(k ask.Key, oldest bool) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "1:%t:%d:%d:%d", oldest, k.Time, k.Object, k.Record))
}

// readCursor reads what cursor wrote, for a search in the same order.
func (p *program) readCursor(text string, oldest bool) (*ask.Key, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no cursor is the beginning
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, p.wrong("bad-cursor", text)
	}
	var k ask.Key
	var was bool
	if _, err := fmt.Sscanf(string(raw), "1:%t:%d:%d:%d", &was, &k.Time, &k.Object, &k.Record); err != nil {
		return nil, p.wrong("bad-cursor", text)
	}
	if was != oldest {
		return nil, p.wrong("cursor-order")
	}
	return &k, nil
}
