package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/inlet/file"
	"github.com/yagura-sec/yagura/lake"
)

func (p *program) quarantineCommand() *cobra.Command {
	var limit int
	var retry []string
	var keys string
	c := &cobra.Command{
		Use: "quarantine", Short: p.say("short.quarantine"), Long: p.say("long.quarantine"),
		Example: "  yagura quarantine --format json | jq -r .raw\n  yagura quarantine --retry ./my-logs",
		Args:    p.arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 1 {
				return p.wrong("bad-limit", limit)
			}
			if len(retry) > 0 {
				return p.with(c.Context(), func(l *lake.Lake) error { return p.retry(c.Context(), l, retry, keys) })
			}
			return p.reading(c.Context(), func(l *lake.Lake) error { return p.quarantine(c.Context(), l, limit) })
		},
	}
	c.Flags().IntVar(&limit, "limit", 50, p.say("flag.quarantine-limit"))
	c.Flags().StringSliceVar(&retry, "retry", nil, p.say("flag.retry"))
	c.Flags().StringVar(&keys, "public-keys", "", p.say("flag.public-keys"))
	return c
}

// refused is a record that could not be read.
type refused struct {
	At     time.Time `json:"at" spare:"1" doc:"when it was put there"`
	Source string    `json:"source" doc:"source that could not read it"`
	Key    string    `json:"key" doc:"key or path of its object"`
	Record int64     `json:"record" doc:"number of the record in the object, from 0"`
	Offset int64     `json:"offset" spare:"2" doc:"byte offset in the decompressed object; -1 when it is not known"`
	Reason string    `json:"reason" doc:"why it cannot be read"`
	Raw    string    `json:"raw" spare:"3" doc:"the record, cut to 64 KiB"`
}

func (p *program) quarantine(ctx context.Context, l *lake.Lake, limit int) error {
	all, err := l.Quarantine(ctx, limit)
	if err != nil {
		return err
	}
	rows := make([]refused, 0, len(all))
	for _, q := range all {
		o, err := l.Object(ctx, q.Object)
		if err != nil {
			return err
		}
		rows = append(rows, refused{
			At: time.UnixMicro(q.At).UTC(), Source: o.Source, Key: strings.TrimPrefix(o.Bucket+"/"+o.Key, "/"),
			Record: q.Record, Offset: q.Offset, Reason: q.Reason, Raw: string(q.Raw),
		})
	}
	return printAll(p, rows)
}

// retry reads the files with records in quarantine again, as after an upgrade.
// Only files that are there are taken out of the lake first.
func (p *program) retry(ctx context.Context, l *lake.Lake, roots []string, publicKeys string) error {
	cfg, err := p.intake(intake{}, roots)
	if err != nil {
		return err
	}
	bad := map[string]lake.Object{}
	err = l.Objects(ctx, func(o lake.Object) error {
		if o.Quarantined > 0 || o.Reason != "" {
			bad[o.Bucket+"\x00"+o.Key] = o
		}
		return nil
	})
	if err != nil {
		return err
	}
	var there []lake.Object
	var paths []string
	err = file.Walk(ctx, roots, func(e file.Entry) error {
		if o, ok := bad[e.Object.Bucket+"\x00"+e.Object.Key]; ok {
			there, paths = append(there, o), append(paths, e.Path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(there) == 0 {
		p.note("nothing-to-retry", join(roots))
		return nil
	}
	if err := p.forget(ctx, l, there); err != nil {
		return err
	}
	cfg.Roots = paths
	if err := p.ingest(ctx, l, cfg, roots, publicKeys); err != nil {
		p.note("retry-failed", len(there), join(roots))
		return err
	}
	return nil
}

func (p *program) forget(ctx context.Context, l *lake.Lake, objects []lake.Object) (err error) {
	w, err := l.Write(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := w.Close(); err == nil {
			err = cerr
		}
	}()
	for _, o := range objects {
		if err := w.Forget(ctx, o.Bucket, o.Key); err != nil {
			return err
		}
	}
	return nil
}
