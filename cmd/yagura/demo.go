package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/gameday/world"
	"github.com/yagura-sec/yagura/lake"
)

// demo is what `yagura demo` was asked.
type demo struct {
	events, flows int
	out, truth    string
	seed          uint64
	days          int
	serve         bool
}

func (p *program) demoCommand() *cobra.Command {
	var d demo
	c := &cobra.Command{
		Use: "demo", Short: p.say("short.demo"), Long: p.say("long.demo"),
		Example: "  yagura demo --serve\n  yagura demo --out ./sample --truth ./truth.jsonl --seed 7\n" +
			"  yagura demo --out ./load --events 2000000 --flows 10000000",
		Args: p.arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return p.demo(c.Context(), d) },
	}
	f := c.Flags()
	f.StringVar(&d.out, "out", "", p.say("flag.out"))
	f.StringVar(&d.truth, "truth", "", p.say("flag.truth"))
	f.IntVar(&d.events, "events", 0, p.say("flag.events"))
	f.IntVar(&d.flows, "flows", 0, p.say("flag.flows"))
	f.Uint64Var(&d.seed, "seed", 1, p.say("flag.seed"))
	f.IntVar(&d.days, "days", 0, p.say("flag.days"))
	f.BoolVar(&d.serve, "serve", false, p.say("flag.demo-serve"))
	return c
}

func (p *program) demo(ctx context.Context, d demo) error {
	load := d.events != 0 || d.flows != 0
	switch {
	case d.events < 0 || d.flows < 0 || d.days < 0 || d.days > 400:
		return p.wrong("bad-demo")
	case load && d.out == "":
		return p.wrong("load-out")
	case load && d.truth != "":
		return p.wrong("load-truth")
	case d.serve && d.out != "":
		return p.wrong("serve-out")
	}
	if d.out != "" {
		s, err := p.write(ctx, d, d.out)
		if err != nil {
			return err
		}
		return p.written(s)
	}
	return p.sample(ctx, d)
}

// write makes logs below a folder.
func (p *program) write(ctx context.Context, d demo, out string) (world.Summary, error) {
	bar := p.progress("progress.demo")
	defer bar.end()
	bar.total(1000)
	o := world.Options{
		Out: out, Truth: d.truth, Seed: d.seed, Days: d.days, Events: d.events, Flows: d.flows,
		Progress: func(done float64) { bar.at(int64(done * 999)) },
	}
	if d.events > 0 || d.flows > 0 {
		return world.Load(ctx, o)
	}
	return world.Sample(ctx, o)
}

// made is what was written of one source.
type made struct {
	Source  string `json:"source" doc:"kind of log; total for the last line"`
	Files   int    `json:"files" doc:"files"`
	Records int    `json:"records" doc:"records"`
	Bytes   int64  `json:"bytes" doc:"bytes as stored"`
	Raw     int64  `json:"raw_bytes" doc:"bytes before compression"`
}

func (p *program) written(s world.Summary) error {
	var rows []made
	total := made{Source: "total"}
	for _, n := range slices.Sorted(maps.Keys(s.Sources)) {
		c := s.Sources[n]
		rows = append(rows, made{n, c.Files, c.Records, c.Bytes, c.Raw})
		total.Files += c.Files
		total.Records += c.Records
		total.Bytes += c.Bytes
		total.Raw += c.Raw
	}
	return printAll(p, append(rows, total))
}

// sample writes the sample organisation below the data directory unless it is
// there, ingests it and says what to look at.
func (p *program) sample(ctx context.Context, d demo) error {
	if err := p.directory(); err != nil {
		return err
	}
	dir := filepath.Join(p.data, "sample")
	story, err := p.sampleStory(ctx, d, dir)
	if err != nil {
		return err
	}
	err = p.with(ctx, func(l *lake.Lake) error {
		cfg, err := p.intake(intake{}, []string{dir})
		if err != nil {
			return err
		}
		return p.ingest(ctx, l, cfg, cfg.Roots, "")
	})
	if err != nil {
		return err
	}
	if p.format == "table" && story != nil {
		p.next(story)
	}
	if d.serve {
		return p.serve(ctx, defaultAddress, true)
	}
	return nil
}

// finished is the file that says that the sample is whole, and of what seed.
type finished struct {
	Seed  uint64       `json:"seed"`
	Days  int          `json:"days"`
	Story *world.Story `json:"story"`
}

// sampleStory writes the sample unless an earlier run finished the same one.
func (p *program) sampleStory(ctx context.Context, d demo, dir string) (*world.Story, error) {
	mark := filepath.Join(p.data, "sample.json")
	raw, err := os.ReadFile(mark)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var f finished
	if err == nil && json.Unmarshal(raw, &f) == nil && f.Story != nil {
		if f.Seed != d.seed || f.Days != d.days {
			return nil, p.wrong("other-sample", dir, f.Seed, f.Days)
		}
		if _, err := os.Stat(dir); err == nil {
			p.note("sample-there", dir)
			return f.Story, nil
		}
	}
	s, err := p.write(ctx, d, dir)
	if err != nil {
		return nil, err
	}
	p.note("sample-written", s.Files, dir)
	raw, err = json.Marshal(finished{d.seed, d.days, s.Story})
	if err != nil {
		return nil, err
	}
	return s.Story, os.WriteFile(mark, append(raw, '\n'), 0o644)
}

// next says what to look at.
func (p *program) next(s *world.Story) {
	at := ""
	if p.home == "" || p.data != filepath.Join(p.home, ".local", "share", "yagura") {
		at = " --data " + p.data
	}
	fmt.Fprintf(p.stdout, "\n%s\n", p.say("next", s.From.In(p.zone).Format(time.RFC3339)))
	if len(s.Addresses) > 0 {
		fmt.Fprintf(p.stdout, "  yagura%s timeline '%s'\n", at, s.Addresses[0])
	}
	fmt.Fprintf(p.stdout, "  yagura%s search 'accessKeyId:%s' --oldest\n", at, s.KeyID)
	fmt.Fprintf(p.stdout, "  yagura%s sql \"select eventname, count(*) n, min(eventtime) since from cloudtrail where useridentity.arn = '%s' group by 1 order by n desc\"\n", at, s.Principal)
}
