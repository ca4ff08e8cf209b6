package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"time"

	"github.com/yagura-sec/yagura/inlet/file"
	"github.com/yagura-sec/yagura/ocsf"
)

// Read decodes the objects below the roots without a lake and gives their
// events to visit, object by object in about the order of time: by the time in
// their names, as AWS delivers them, then by path. The number of an object, from
// 1 in that order, is its events' Provenance.Object. The batch is visit's until
// it returns; an error of visit ends the run.
//
// Of cfg, Roots, Sources, Force, Options, MaxRecord, Limits and Progress count.
// The summary tells what could not be read.
func Read(ctx context.Context, cfg Config, visit func(e file.Entry, schema *ocsf.Schema, batch []ocsf.Event) error) (*Summary, error) {
	if cfg.MaxRecord <= 0 {
		cfg.MaxRecord = 16 << 20
	}
	r := &run{cfg: cfg, started: time.Now(), summary: Summary{Sources: map[string]*SourceSummary{}}}
	var entries []file.Entry
	err := file.Walk(ctx, cfg.Roots, func(e file.Entry) error {
		if e.Object.Size == 0 || (&Digests{}).Evidence(e.Path) {
			r.summary.Evidence++
			return nil
		}
		entries = append(entries, e)
		r.tell(func(p *Progress) { p.Phase = "listing"; p.FilesTotal++; p.BytesTotal += e.Object.Size })
		return nil
	})
	if err != nil {
		return &r.summary, err
	}
	slices.SortStableFunc(entries, func(a, b file.Entry) int { return cmp.Compare(stamp(a.Object.Key), stamp(b.Object.Key)) })
	for i, e := range entries {
		if err := r.visit(ctx, e, int64(i+1), visit); err != nil {
			return &r.summary, err
		}
		r.tell(func(p *Progress) { p.Phase = "reading"; p.Files++; p.Bytes += e.Object.Size })
	}
	r.summary.Elapsed = time.Since(r.started)
	return &r.summary, nil
}

// visit reads one object.
func (r *run) visit(ctx context.Context, e file.Entry, number int64, visit func(file.Entry, *ocsf.Schema, []ocsf.Event) error) error {
	o, err := r.open(e)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.note(&r.summary.Damaged, e, "it is gone since it was listed")
		return nil
	case err != nil:
		r.note(&r.summary.Damaged, e, err.Error())
		return nil
	case o == nil:
		r.note(&r.summary.Unclaimed, e, unclaimed)
		return nil
	}
	defer o.done()
	schema := o.src.Schema()
	s := r.summary.Sources[schema.Source]
	if s == nil {
		s = &SourceSummary{}
		r.summary.Sources[schema.Source] = s
	}
	s.Objects++
	reason, err := r.groups(o, func(g *group) error {
		for i := range g.events {
			g.events[i].Provenance.Object = number
		}
		s.Records += int64(len(g.events) + len(g.bad))
		s.Quarantined += int64(len(g.bad))
		if len(g.events) == 0 {
			return nil
		}
		return visit(e, schema, g.events)
	})
	if reason != "" {
		r.note(&r.summary.Damaged, e, reason)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", e.Path, err)
	}
	return ctx.Err()
}

// times are how AWS writes the time into names: 20260504T1005Z, 2026-05-04-10-05
// and 2026/05/04/.
var times = []*regexp.Regexp{
	regexp.MustCompile(`(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})`),
	regexp.MustCompile(`(\d{4})-(\d{2})-(\d{2})-(\d{2})(?:-(\d{2}))?`),
	regexp.MustCompile(`/(\d{4})/(\d{2})/(\d{2})(?:/(\d{2}))?()/`),
}

// stamp gives the time in a key as text that sorts, "" when there is none.
func stamp(key string) string {
	for _, t := range times {
		if m := t.FindStringSubmatch(key); m != nil {
			return m[1] + m[2] + m[3] + m[4] + m[5]
		}
	}
	return ""
}
