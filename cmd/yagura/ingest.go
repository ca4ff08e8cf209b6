package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ingest"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/source"
	"github.com/yagura-sec/yagura/source/cloudtrail/digest"
)

// intake is what `yagura ingest` was asked.
type intake struct {
	source     string
	options    []string
	publicKeys string
	replace    bool
	noCompact  bool
	workers    int
	detect     bool
}

func (p *program) ingestCommand() *cobra.Command {
	var in intake
	c := &cobra.Command{
		Use: "ingest PATH…", Short: p.say("short.ingest"), Long: p.say("long.ingest"),
		Example: "  yagura ingest ./my-logs --detect\n" +
			"  yagura ingest flow.log.gz --source vpcflow --option 'format=${version} ${srcaddr} ${dstaddr} ${action}'\n" +
			"  yagura ingest ./my-logs --public-keys keys.json --format json",
		Args: p.arguments(1, unlimited, "PATH"),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := p.intake(in, args)
			if err != nil {
				return err
			}
			err = p.with(c.Context(), func(l *lake.Lake) error { return p.ingest(c.Context(), l, cfg, args, in.publicKeys) })
			if err == nil && (in.detect || p.settings.Detection.OnIngest && !c.Flags().Changed("detect")) {
				err = p.detectIngested(c.Context())
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&in.source, "source", "", p.say("flag.force"))
	f.StringArrayVar(&in.options, "option", nil, p.say("flag.option"))
	f.StringVar(&in.publicKeys, "public-keys", "", p.say("flag.public-keys"))
	f.BoolVar(&in.replace, "replace", false, p.say("flag.replace"))
	f.BoolVar(&in.noCompact, "no-compact", false, p.say("flag.no-compact"))
	f.IntVar(&in.workers, "workers", 0, p.say("flag.workers"))
	f.BoolVar(&in.detect, "detect", false, p.say("flag.ingest-detect"))
	completes(c, "source", sourceNames()...)
	return c
}

// intake makes the configuration of a run.
func (p *program) intake(in intake, roots []string) (ingest.Config, error) {
	cfg := ingest.Config{
		Roots: roots, Sources: source.All(), Replace: in.replace, Compact: !in.noCompact, Workers: in.workers,
		Options: maps.Clone(p.settings.Sources),
	}
	if in.workers < 0 {
		return cfg, p.wrong("bad-workers", in.workers)
	}
	if err := p.exist(roots); err != nil {
		return cfg, err
	}
	if in.source != "" {
		if err := p.knownSource(in.source); err != nil {
			return cfg, err
		}
		cfg.Force = source.Named(in.source)
		cfg.Sources = []yagura.Source{cfg.Force}
	}
	if len(in.options) == 0 {
		return cfg, nil
	}
	if in.source == "" {
		return cfg, p.wrong("option-source")
	}
	if cfg.Options == nil {
		cfg.Options = map[string]map[string]string{}
	}
	own := maps.Clone(cfg.Options[in.source])
	if own == nil {
		own = map[string]string{}
	}
	for _, o := range in.options {
		name, v, ok := strings.Cut(o, "=")
		if !ok || name == "" {
			return cfg, p.wrong("bad-option", o)
		}
		own[name] = v
	}
	cfg.Options[in.source] = own
	return cfg, nil
}

// exist refuses paths that are not there, before anything is done.
func (p *program) exist(paths []string) error {
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return p.wrong("no-path", path, cause(err))
		}
	}
	return nil
}

// cause gives what the operating system says, without the path again.
func cause(err error) string {
	if e := errors.Unwrap(err); e != nil {
		return e.Error()
	}
	return err.Error()
}

// ingest runs and tells what was done. Digests are looked for below the
// evidence, which may be more than what is read.
func (p *program) ingest(ctx context.Context, l *lake.Lake, cfg ingest.Config, evidence []string, publicKeys string) error {
	keys, err := p.publicKeys(publicKeys)
	if err != nil {
		return err
	}
	proofs, err := ingest.ReadDigests(ctx, evidence, keys)
	if err != nil {
		return err
	}
	cfg.Proofs = proofs
	bar := p.progress("progress.ingest")
	cfg.Progress = func(pr ingest.Progress) { p.follow(bar, pr) }
	s, err := ingest.Run(ctx, l, cfg)
	bar.end()
	if s == nil {
		return err
	}
	if terr := p.summary(s); err == nil {
		err = terr
	}
	return err
}

// publicKeys reads a file of keys; nil without one.
func (p *program) publicKeys(path string) (*digest.Keys, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // without keys those beside the digests count
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, p.wrong("no-path", path, cause(err))
	}
	keys, err := digest.ParseKeys(raw)
	if err != nil {
		return nil, p.wrong("bad-keys", path, err.Error())
	}
	return keys, nil
}

// follow shows how far a run is.
func (p *program) follow(bar *progress, pr ingest.Progress) {
	if !bar.shown() {
		return
	}
	switch {
	case pr.Phase == "compacting":
		bar.phase(pr.Phase)
		bar.total(pr.ToMerge)
		bar.at(pr.Compacted)
		bar.say(p.say("progress.compacting"))
		return
	case pr.BytesTotal > 0:
		bar.total(pr.BytesTotal)
		bar.at(pr.Bytes)
	}
	sec := max(pr.Elapsed.Seconds(), 1e-3)
	bar.say(p.say("progress.files", pr.Files, pr.FilesTotal, rate(float64(pr.Records)/sec, "ev"), rate(float64(pr.Bytes)/sec, "B"), pr.Quarantined))
}

// ingested is what a run brought of one source, or of all together.
type ingested struct {
	Type        string    `json:"type" table:"-" doc:"source, or total for the last line"`
	Source      string    `json:"source" doc:"name of the source; all in the total"`
	Files       int64     `json:"files" doc:"files ingested by this run"`
	Records     int64     `json:"records" doc:"records seen, good and bad"`
	Rows        int64     `json:"rows" doc:"events that are new in the lake"`
	Duplicates  int64     `json:"duplicates" doc:"events that the lake had from another file"`
	Quarantined int64     `json:"quarantined" doc:"records that cannot be read; see yagura quarantine"`
	Proved      int64     `json:"proved" spare:"1" doc:"files that a CloudTrail digest proves"`
	Disproved   int64     `json:"disproved" spare:"2" doc:"files that differ from what a digest states"`
	First       time.Time `json:"first" spare:"4" doc:"time of the first event"`
	Last        time.Time `json:"last" spare:"3" doc:"time of the last event"`
	*tally      `table:"-"`
}

// tally is what only the total says.
type tally struct {
	Known      int64   `json:"known" doc:"total only: files that the lake had already"`
	Copies     int64   `json:"copies" doc:"total only: files with the content of another file"`
	Evidence   int64   `json:"evidence" doc:"total only: digests, their metadata and empty files, which hold no events"`
	Unclaimed  int     `json:"unclaimed" doc:"total only: files that no source recognises"`
	Damaged    int     `json:"damaged" doc:"total only: files that could not be read to their end"`
	Changed    int     `json:"changed" doc:"total only: files whose content changed since they were ingested"`
	Written    int64   `json:"written_bytes" doc:"total only: bytes of the Parquet files written"`
	Elapsed    float64 `json:"elapsed_seconds" doc:"total only: seconds until everything could be searched"`
	Compaction float64 `json:"compaction_seconds" doc:"total only: seconds of compaction after that"`
}

func line(kind, name string, s ingest.SourceSummary) ingested {
	return ingested{
		Type: kind, Source: name, Files: s.Objects, Records: s.Records, Rows: s.Rows, Duplicates: s.Duplicates,
		Quarantined: s.Quarantined, Proved: s.Proved, Disproved: s.Failed, First: s.First, Last: s.Last,
	}
}

// summary tells what a run did.
func (p *program) summary(s *ingest.Summary) error {
	var rows []ingested
	for _, name := range slices.Sorted(maps.Keys(s.Sources)) {
		rows = append(rows, line("source", name, *s.Sources[name]))
	}
	total := line("total", "all", s.Totals())
	total.tally = &tally{
		Known: s.Known, Copies: s.Copies, Evidence: s.Evidence,
		Unclaimed: len(s.Unclaimed), Damaged: len(s.Damaged), Changed: len(s.Changed),
		Written: s.Bytes, Elapsed: s.Elapsed.Seconds(), Compaction: s.Compaction.Seconds(),
	}
	if p.format == "json" || len(rows) > 0 {
		if err := printAll(p, append(rows, total)); err != nil {
			return err
		}
	}
	if p.format == "table" {
		if len(rows) == 0 {
			fmt.Fprintln(p.stdout, p.say("nothing-new", s.Known))
		} else {
			sec := max(s.Elapsed.Seconds(), 1e-3)
			fmt.Fprintln(p.stdout, p.say("ingest-total", total.Files, s.Known, s.Elapsed.Round(10*time.Millisecond),
				rate(float64(total.Records)/sec, "rec"), s.Compaction.Round(10*time.Millisecond)))
		}
	}
	p.list("list-damaged", s.Damaged)
	p.list("list-changed", s.Changed)
	p.list("list-unclaimed", s.Unclaimed)
	if total.Disproved > 0 {
		p.note("disproved", total.Disproved)
	}
	if total.Quarantined > 0 {
		p.note("quarantined", total.Quarantined)
	}
	return nil
}

// listed is how many files a list names before it only counts.
const listed = 10

// list names files on standard error.
func (p *program) list(key string, notes []ingest.Note) {
	if len(notes) == 0 {
		return
	}
	p.note(key, len(notes))
	cwd, _ := os.Getwd()
	for _, n := range notes[:min(len(notes), listed)] {
		path := n.Path
		if rel, err := filepath.Rel(cwd, path); err == nil && !strings.HasPrefix(rel, "..") {
			path = rel
		}
		p.tell("list-item", path, n.Reason)
	}
	if rest := len(notes) - listed; rest > 0 {
		p.tell("list-rest", rest)
	}
}
